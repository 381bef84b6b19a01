/** The terminal as the commands see it: two streams, colours that respect NO_COLOR, exit codes with one meaning each. */
import { createColors } from "picocolors";

/** 0 fine · 1 a finding, or unmet · 2 could not conclude, or bad input · 130 cancelled. */
export const EXIT = { fine: 0, finding: 1, inconclusive: 2, badInput: 2, cancelled: 130 } as const;
export type ExitCode = 0 | 1 | 2 | 130;

export type Colours = ReturnType<typeof createColors>;

export interface Terminal {
  /** Results; with --json exactly one document. */
  readonly out: (text: string) => void;
  /** Everything else: progress, warnings, errors. */
  readonly err: (text: string) => void;
  readonly colours: Colours;
  /** Colours for standard error, which may be a terminal when standard output is a pipe. */
  readonly errColours: Colours;
  readonly columns: number;
  /** Whether progress may redraw its lines. */
  readonly live: boolean;
}

/** The process's own terminal. Colour: NO_COLOR wins, then FORCE_COLOR, then whether the stream is a terminal. */
export function processTerminal(): Terminal {
  const colourful = (stream: NodeJS.WriteStream): boolean => {
    if (process.env.NO_COLOR) return false;
    if (process.env.FORCE_COLOR && process.env.FORCE_COLOR !== "0") return true;
    return stream.isTTY === true && process.env.TERM !== "dumb";
  };
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    colours: createColors(colourful(process.stdout)),
    errColours: createColors(colourful(process.stderr)),
    columns: process.stderr.columns || process.stdout.columns || 80,
    live: process.stderr.isTTY === true && process.env.TERM !== "dumb" && !process.env.CI,
  };
}

/** A reader that went away: the other end of a pipe or a socket is closed. */
const READER_GONE: ReadonlySet<string | undefined> = new Set(["EPIPE", "ECONNRESET"]);

/**
 * A stream that takes no more ends neither the work nor its verdict: a reader that leaves early (`| head`) loses what follows and nothing
 * else. Results that could not be written for another reason – a full disk – are said, and 0 becomes 2: nobody holds them.
 */
export function outliveReaders(out: NodeJS.WritableStream, err: NodeJS.WritableStream): void {
  err.on("error", () => {});
  let lost = false;
  out.on("error", (error: NodeJS.ErrnoException) => {
    if (lost || READER_GONE.has(error.code)) return;
    lost = true;
    err.write(
      `error  standard output could not be written: ${plain(error.message)}\n  remedy: make room, or send it elsewhere\n`,
    );
    process.on("exit", () => {
      if ((process.exitCode ?? EXIT.fine) === EXIT.fine) process.exitCode = EXIT.inconclusive;
    });
  });
}

/** Text that came from a file, a model or an attacker, in one line: control characters and line ends made visible. */
export function plain(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, "0")}`,
  );
}
