/** From what a Python program does to findings: severities with little noise, since beside every model lies a program. */
import { declaredEncoding, pythonLines } from "#formats/python.ts";
import type { Finding } from "./check.ts";
import { readPythonSource, type Call, type Reading } from "./python-source.ts";

/** Encodings in which the bytes are the text (PEP 263); others hide what runs. */
const PLAIN = /^(utf-?8(-sig)?|ascii|us-ascii|latin-?1|iso-8859-(1|15)|cp1252|windows-1252)$/;
const WHEN = {
  import: "when it is imported",
  hook: "in a method that loaders call",
  main: "when it is run",
  called: "in a function",
} as const;

export interface Program {
  readonly findings: readonly Finding[];
  readonly reading: Reading;
}

/** Findings about source of which the bytes begin at `base` in the file. */
export function judgeProgram(bytes: Uint8Array, base = 0, { installs = false } = {}): Program {
  const reading = readPythonSource(pythonLines(bytes), installs);
  const encoding = declaredEncoding(bytes);
  const findings: Finding[] = [];
  const say = (
    severity: Finding["severity"],
    rule: string,
    { start, end }: { readonly start: number; readonly end: number },
    message: string,
  ): void =>
    void findings.push({ rule, severity, confidence: "medium", start: base + start, end: base + end, message });
  if (encoding !== undefined && !PLAIN.test(encoding))
    say(
      "suspicious",
      "python-encoding",
      { start: 0, end: Math.min(bytes.length, 200) },
      `declares the encoding ${encoding}: what Python runs is not what stands there`,
    );
  if (reading.cut)
    say(
      "unknown",
      "limit-python",
      { start: 0, end: bytes.length },
      "it has more names and marks than are read; what follows was not",
    );
  const hidden = reading.calls.filter((call) => call.hidden);
  for (const call of hidden.slice(0, 5))
    say(
      "malicious",
      "python-hidden-code",
      call,
      `${call.path} runs what was decoded, unpacked or fetched first, ${WHEN[call.when]}`,
    );
  const shell = reverseShell(reading.calls);
  if (shell) say("malicious", "python-reverse-shell", shell, `connects out and hands the connection to ${shell.path}`);
  for (const { path, ...at } of reading.computed.slice(0, 5))
    say("suspicious", "python-computed-name", at, `takes a name of ${path} that is put together while running`);
  for (const { path, ...at } of reading.reduces.slice(0, 5))
    say("suspicious", "python-reduce", at, `a class pickles itself as a call of ${path}`);
  const rest = reading.calls.filter((call) => !call.hidden);
  const soon = rest.filter(
    ({ act, when }) => (when === "import" && act.everyday !== true) || (when === "hook" && act.everyday === undefined),
  );
  for (const call of firstOfEach(soon).slice(0, 10))
    say("suspicious", "python-act", call, `${call.path} ${call.act.does} ${WHEN[call.when]}`);
  const later = rest.filter((call) => !soon.includes(call));
  if (later.length > 0)
    say(
      "note",
      "python-act",
      later[0]!,
      `${listed(firstOfEach(later).map(({ path, when }) => `${path} ${WHEN[when]}`))}`,
    );
  for (const at of reading.trustsRemoteCode.slice(0, 1))
    say("note", "python-remote-code", at, "loads models with trust_remote_code=True: their own code then runs");
  return { findings, reading };
}

const firstOfEach = (calls: readonly Call[]): readonly Call[] =>
  calls.filter((call, i) => calls.findIndex((one) => one.path === call.path && one.when === call.when) === i);
const listed = (all: readonly string[]): string =>
  all.length <= 4 ? all.join(", ") : `${all.slice(0, 4).join(", ")} and ${all.length - 4} more`;

/** A socket, and its descriptor given to a shell. */
function reverseShell(calls: readonly Call[]): Call | undefined {
  if (!calls.some(({ path }) => path === "socket.socket" || path === "socket.create_connection")) return undefined;
  return calls.find(({ path }) => path === "os.dup2" || path === "pty.spawn");
}
