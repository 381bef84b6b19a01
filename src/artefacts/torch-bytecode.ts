/**
 * bytecode.pkl of mobile PyTorch archives (torch/csrc/jit/mobile/import.cpp): for each function its instructions and a table
 * of the operators they call, by text. The mobile interpreter runs it, and the source beside it not at all.
 */
import type { ScanFinding } from "#assessment/index.ts";
import type { Content } from "#formats/content.ts";
import { Collection, PICKLE_LIMITS, runPickle, Text, textOf, type Value } from "#formats/pickle.ts";
import { isPlainClass, torchOperator } from "./torch-operators.ts";

type Report = (rule: string, severity: ScanFinding["severity"], message: string, at: number, end: number) => void;

const NAME_MAX = 512;
/** Instructions with which a function goes back, or goes on in another one (torch/csrc/jit/runtime/instruction.h). */
const LEADS_ON = new Set(["LOOP", "CALL", "INTERFACE_CALL", "FORK"]);
const JUMPS = new Set(["JF", "JMP"]);

export function judgeTorchBytecode(content: Content, report: Report, tick: () => void): void {
  const seen = new Set<string>();
  const { value } = runPickle(
    content,
    0,
    {
      tick,
      data(text) {
        if (text.length > NAME_MAX) return;
        const shown = textOf(content, text);
        if (seen.has(shown)) return;
        seen.add(shown);
        judgeName(shown, (rule, severity, message) => report(rule, severity, message, text.at, text.at + text.length));
      },
    },
    { ...PICKLE_LIMITS, dataMin: 1 },
  );
  if (value === undefined) return;
  for (const one of itemsOf(value) ?? []) judgeLoading(one, content, report);
}

function judgeName(text: string, say: (rule: string, severity: ScanFinding["severity"], message: string) => void) {
  const operator = /^([A-Za-z_]\w*)::(\w+)/.exec(text);
  if (operator) {
    const [, namespace, name] = operator;
    const standing = torchOperator(namespace!, name!);
    if (standing.is === "harmful")
      say("torchscript-harmful", "suspicious", `the bytecode calls ${namespace}::${name}, which ${standing.does}`);
    else if (standing.is === "unknown")
      say("torchscript-operator", "unknown", `the bytecode calls ${namespace}::${name}: ${standing.why}`);
  }
  for (const [bound, namespace] of text.matchAll(/__torch__\.torch\.classes\.(\w+)(?:\.\w+)*/g))
    if (!isPlainClass(namespace!))
      say("torchscript-operator", "unknown", `the bytecode uses ${bound}, which another library binds`);
}

const itemsOf = (value: Value | undefined): readonly Value[] | undefined =>
  value instanceof Collection && value.kind === "tuple" && value.items.length === value.size ? value.items : undefined;

/** Of a function that runs while the archive is loaded: whether it only goes forward. */
function judgeLoading(value: Value, content: Content, report: Report): void {
  // The first entry is the version.
  if (typeof value === "number") return;
  const unread = (why: string, at = 0, end = content.size): void => report("torchscript-loop", "unknown", why, at, end);
  const entry = value instanceof Collection ? value.items : [];
  const name = entry[0];
  if (!(name instanceof Text)) return unread("the bytecode is not laid out as PyTorch writes it");
  const path = textOf(content, name);
  if (!path.endsWith(".__setstate__")) return undefined;
  const place = [name.at, name.at + name.length] as const;
  const table = itemsOf(entry[1])?.map((row) => itemsOf(row));
  const found = table?.find((row) => row?.[0] instanceof Text && textOf(content, row[0]) === "instructions");
  const instructions = itemsOf(found?.[1]);
  if (instructions === undefined) return unread(`loading runs ${path}, whose instructions were not read`, ...place);
  for (const row of instructions) {
    const [operation, offset] = itemsOf(row) ?? [];
    if (!(operation instanceof Text) || typeof offset !== "number")
      return unread(`loading runs ${path}, whose instructions were not read`, ...place);
    const shown = textOf(content, operation);
    if (LEADS_ON.has(shown) || (JUMPS.has(shown) && offset < 0))
      return unread(`loading runs ${path}, which loops or leads on (${shown}): its end cannot be read`, ...place);
  }
  return undefined;
}
