/** A command of the command line, run in this process: what it wrote, and its exit code. */
import type { Invocation } from "#cli/main.ts";
import type { Terminal } from "#cli/terminal.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Without colours; refusals (HostError) reach the test as they would reach the door. */
export async function ran(
  work: (invocation: Invocation) => Promise<number>,
  { json = false }: { json?: boolean } = {},
): Promise<Ran> {
  let out = "";
  let err = "";
  const colours = new Proxy({}, { get: () => (text: string) => text }) as Terminal["colours"];
  const terminal: Terminal = {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    colours,
    errColours: colours,
    columns: 80,
    live: false,
  };
  const code = await work({ terminal, signal: new AbortController().signal, json, quiet: true });
  return { code, out, err };
}
