/** Progress on standard error: one live line per item with its rate and time left, or one plain line per stage where nothing can be redrawn. */
import type { Progress } from "#base/run.ts";
import { plain, type Terminal } from "./terminal.ts";
import { hanging } from "./wrap.ts";

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const REDRAW_MS = 100;
/** Where nothing can be redrawn, a long item says how far it is this often. */
const HEARTBEAT_MS = 20_000;

export interface ProgressView {
  readonly report: (step: Progress) => void;
  /** Prints a finished line above whatever is running. */
  readonly finish: (mark: "done" | "warning" | "waiting", stage: string, text: string) => void;
  readonly close: () => void;
}

interface Item {
  readonly started: number;
  step: Progress;
}

/** A view over the terminal; `now` in milliseconds. */
export function progressView(terminal: Terminal, now: () => number, quiet: boolean): ProgressView {
  const { errColours: c } = terminal;
  const running = new Map<string, Item>();
  const announced = new Map<string, number>();
  let drawn = 0;
  let frame = 0;
  let lastDraw = -Infinity;

  const erase = (): void => {
    if (drawn > 0) terminal.err(`\u001b[${drawn}A\u001b[0J`);
    drawn = 0;
  };
  const draw = (): void => {
    erase();
    const lines = [...running.values()].map(({ started, step }) => itemLine(step, now() - started));
    terminal.err(lines.map((line) => `${line}\n`).join(""));
    drawn = lines.length;
  };
  const itemLine = (step: Progress, elapsedMs: number): string => {
    const share = step.total > 0 ? Math.min(1, step.done / step.total) : 0;
    const cells = 12,
      full = Math.round(share * cells);
    const bar = `[${"█".repeat(full)}${" ".repeat(cells - full)}]`;
    const moving = step.done > 0 && step.done < step.total && elapsedMs > 0;
    const left = moving ? `${clock((elapsedMs / step.done) * (step.total - step.done))} left` : "";
    const rate = moving ? `${perSecond((1000 * step.done) / elapsedMs)}/s` : "";
    const head = `  ${terminal.live ? FRAMES[frame++ % FRAMES.length]! : "·"} ${step.stage.padEnd(12)} `;
    const tail = ["", `${bar} ${Math.floor(step.done)}/${step.total}`, rate, left].filter(
      (part, i) => i === 0 || part !== "",
    );
    // The name gives way before the time left does.
    const room = terminal.columns - 1 - head.length - tail.join("  ").length;
    const line = `${head}${shortened(plain(step.label ?? step.item), Math.max(8, room))}${tail.join("  ")}`;
    const text = step.note ? `${line}  ${plain(step.note)}` : line;
    return c.cyan(shortened(text, terminal.columns - 1));
  };

  return {
    report(step) {
      if (quiet) return;
      const key = `${step.stage}/${step.item}`;
      if (step.done >= step.total) running.delete(key);
      else {
        const item = running.get(key);
        if (item) item.step = step;
        else running.set(key, { started: now(), step });
      }
      if (terminal.live) {
        if (now() - lastDraw < REDRAW_MS && step.done < step.total) return;
        lastDraw = now();
        draw();
      } else if (step.done < step.total && now() - (announced.get(key) ?? -Infinity) >= HEARTBEAT_MS) {
        const item = running.get(key);
        terminal.err(
          `${announced.has(key) && item ? itemLine(step, now() - item.started).trimEnd() : `  · ${step.stage.padEnd(12)} ${plain(step.label ?? step.item)}`}\n`,
        );
        announced.set(key, now());
      }
    },
    finish(mark, stage, text) {
      if (quiet) return;
      if (terminal.live) erase();
      const sign = mark === "done" ? c.green("✔") : mark === "warning" ? c.yellow("!") : "·";
      terminal.err(`${hanging(`  ${sign} ${stage.padEnd(12)} `, plain(text), terminal.columns)}\n`);
      if (terminal.live) draw();
    },
    close() {
      if (terminal.live) erase();
      running.clear();
    },
  };
}

const shortened = (text: string, columns: number): string =>
  text.length > columns ? `${text.slice(0, columns - 1)}…` : text;

const perSecond = (rate: number): string => (rate >= 10 ? rate.toFixed(0) : rate.toFixed(1));

/** `0:41`, `12:03`, `1:02:03` */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0]! > 0 ? parts : parts.slice(1);
  return shown.map((part, i) => (i === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
}
