/**
 * TorchScript source: a small language without imports, files or sockets, whose reach is the operators it calls. Source of
 * the form in which PyTorch writes it names every operator where it is called, and each is judged by one table; source of
 * another form stays unread. `__setstate__` runs while the archive is loaded: loops there are judged by what they count.
 */
import type { ScanFinding } from "#assessment/index.ts";
import type { Content } from "#formats/content.ts";
import { FormatError } from "#formats/error.ts";
import { lexPython, type PythonToken } from "#formats/python.ts";
import { parseTorchScript, type TorchFunction, type TorchScript } from "#formats/torchscript.ts";
import { MADE_MAX, ROUNDS_MAX } from "./limits.ts";
import { harmfulByName, isPlainClass, torchOperator } from "./torch-operators.ts";

const SIZE_MAX = 16 * 2 ** 20;
/** Functions that call each other deeper than this are not followed, and count as endless. */
const DEPTH_MAX = 1000;

type Report = (rule: string, severity: ScanFinding["severity"], message: string, at: number, end: number) => void;

/** One source, judged; its functions, where it was understood whole and does nothing but arithmetic. */
export interface ReadScript {
  readonly name: string;
  readonly report: Report;
  readonly script: TorchScript | undefined;
  readonly plain: boolean;
}

export function readTorchScript(name: string, content: Content, report: Report): ReadScript {
  const unread = (message: string, at = 0, end = content.size): ReadScript => {
    report("torchscript-form", "unknown", message, at, end);
    return { name, report, script: undefined, plain: false };
  };
  if (content.size > SIZE_MAX) return unread("the source is larger than is read");
  const bytes = content.read(0, content.size);
  let script: TorchScript;
  try {
    script = parseTorchScript(new TextDecoder("latin1").decode(bytes));
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    reachOfAnyForm(bytes, report);
    return unread(`no TorchScript as PyTorch writes it: ${error.problem}`, error.offset, error.offset + 1);
  }
  let plain = true;
  for (const { namespace, name: operator, at, end } of script.operators) {
    const standing = torchOperator(namespace, operator);
    if (standing.is === "plain") continue;
    plain = false;
    const shown = namespace === "aten" ? `torch.${operator}` : `ops.${namespace}.${operator}`;
    if (standing.is === "harmful")
      report("torchscript-harmful", "suspicious", `it calls ${shown}, which ${standing.does}`, at, end);
    else report("torchscript-operator", "unknown", `it calls ${shown}: ${standing.why}`, at, end);
  }
  for (const { namespace, name: bound, at, end } of script.bound) {
    if (isPlainClass(namespace)) continue;
    plain = false;
    report(
      "torchscript-operator",
      "unknown",
      `it uses the class torch.classes.${namespace}.${bound}, which another library binds`,
      at,
      end,
    );
  }
  return { name, report, script, plain };
}

/** Harmful operators that are named in source of any form, by an attribute or a text. */
function reachOfAnyForm(bytes: Uint8Array, report: Report): void {
  const visit = (tokens: readonly PythonToken[]): void => {
    for (const [i, { kind, text, start, end, within }] of tokens.entries()) {
      const named = (kind === "name" && tokens[i - 1]?.text === ".") || kind === "string" || text.startsWith("rpc_");
      const does = named ? harmfulByName(text) : undefined;
      if (does !== undefined)
        report("torchscript-harmful", "suspicious", `it names ${text}: the operator ${does}`, start, end);
      if (within) visit(within);
    }
  };
  for (const { tokens } of lexPython(bytes).lines) visit(tokens);
}

/** What only all sources of an archive together tell: whose methods are called, and what runs while it is loaded. */
export function judgeTogether(scripts: readonly ReadScript[]): void {
  const functions = new Map<string, { one: TorchFunction; of: ReadScript }[]>();
  for (const of of scripts)
    for (const one of of.script?.functions ?? []) {
      const known = functions.get(one.name);
      if (known) known.push({ one, of });
      else functions.set(one.name, [{ one, of }]);
    }
  for (const { script, report } of scripts)
    for (const { name, at, end } of script?.methods ?? []) {
      const does = harmfulByName(name);
      if (does === undefined) continue;
      if (functions.has(name))
        report(
          "torchscript-operator",
          "unknown",
          `it calls ${name} of a value: a method of the archive, or the operator, which ${does}`,
          at,
          end,
        );
      else report("torchscript-harmful", "suspicious", `it calls ${name} of a value, which ${does}`, at, end);
    }

  const costs = new Map<string, number>();
  const costOf = (name: string, depth: number): number => {
    const known = costs.get(name);
    if (known !== undefined) return known;
    if (depth > DEPTH_MAX) return Number.POSITIVE_INFINITY;
    // Functions that call themselves do not compile: what seems so shares a name.
    costs.set(name, 0);
    let most = 0;
    for (const { one } of functions.get(name) ?? []) {
      let sum = one.rounds;
      for (const call of one.calls) sum += call.rounds === 0 ? 0 : call.rounds * costOf(call.name, depth + 1);
      most = Math.max(most, sum);
    }
    costs.set(name, most);
    return most;
  };
  const roots = functions.get("__setstate__") ?? [];
  if (roots.length === 0) return;
  // Subscripts, comparisons and lengths of the archive's own objects call these.
  const names = new Set([...functions.keys()].filter((name) => /^__(?!init__|getstate__)\w+__$/.test(name)));
  const queue: { one: TorchFunction; of: ReadScript }[] = [];
  // A set goes on over what is added on the way.
  for (const name of names)
    for (const known of functions.get(name) ?? []) {
      queue.push(known);
      for (const call of known.one.calls) names.add(call.name);
    }
  const rounds = costOf("__setstate__", 0);
  if (rounds > ROUNDS_MAX) {
    const { one, of } = roots[0]!;
    of.report(
      "torchscript-loop",
      "suspicious",
      `loading runs __setstate__, whose loops and calls go round ${rounds.toExponential(1)} times`,
      one.at,
      one.at + one.name.length,
    );
  }
  for (const { one, of } of queue)
    if (one.elements > MADE_MAX)
      of.report(
        "torchscript-loop",
        "suspicious",
        `loading may run ${one.name}, which makes ${one.elements.toExponential(1)} elements at once`,
        one.at,
        one.at + one.name.length,
      );
  for (const { one, of } of queue)
    for (const { kind, rounds, at, end } of one.loops) {
      if (rounds !== undefined) continue;
      if (kind === "while" && (one.forever || one.largest > ROUNDS_MAX))
        of.report(
          "torchscript-loop",
          "suspicious",
          one.forever
            ? `loading may run ${one.name}, which holds a loop whose condition may be always true`
            : `loading may run ${one.name}, which holds a loop and the number ${one.largest}`,
          at,
          end,
        );
      else
        of.report(
          "torchscript-loop",
          "unknown",
          `loading may run ${one.name}, which holds a loop whose end cannot be read`,
          at,
          end,
        );
    }
}
