/** Compiled Python that a model or file carries: what its code objects reach, across the versions that could have written it. */
import { codesIn, usesOfNames, type MarshalCode, type Marshalled } from "#formats/marshal.ts";
import { lexPython } from "#formats/python.ts";
import type { Finding } from "./check.ts";
import type { Range } from "./ledger.ts";
import { attributeReach, reachOf, type Reach } from "./python-code.ts";

const RANK = { harmful: 2, unknown: 1, known: 0 } as const;

export interface CompiledReach {
  /** Paths by what they reach. */
  readonly harmful: readonly { readonly path: string; readonly does: string }[];
  readonly unknown: readonly string[];
  readonly known: readonly string[];
  readonly codes: number;
  /** The first code object's own name. */
  readonly name: string | undefined;
}

/** All readings together: what one version would not reach, another may. */
export function reachOfCompiled(readings: readonly Marshalled[]): CompiledReach {
  const reached = new Map<string, Reach>();
  const add = (path: string, reach: Reach): void => {
    const before = reached.get(path);
    if (!before || RANK[before.is] < RANK[reach.is]) reached.set(path, reach);
  };
  let codes = 0;
  let name: string | undefined;
  for (const { layout, value } of readings) {
    const all = codesIn(value);
    codes = Math.max(codes, all.length);
    name ??= all[0]?.name;
    const own = ownNames(all, layout);
    for (const code of all) {
      const uses = usesOfNames(code, layout);
      if (uses === undefined)
        for (const path of code.names) {
          if (own.has(path)) continue;
          // Which it is, only the version that wrote it knows.
          const attribute = attributeReach(path);
          add(path, attribute.is === "harmful" ? attribute : reachOf(path));
        }
      else
        for (const { use, path } of uses) {
          if (use === "store" || own.has(path.split(".")[0]!)) continue;
          add(path, use === "attribute" ? attributeReach(path) : reachOf(path));
        }
    }
  }
  const of = (is: Reach["is"]): string[] => [...reached].filter(([, reach]) => reach.is === is).map(([path]) => path);
  return {
    harmful: [...reached].flatMap(([path, reach]) => (reach.is === "harmful" ? [{ path, does: reach.does }] : [])),
    unknown: of("unknown"),
    known: of("known"),
    codes,
    name,
  };
}

/** The same of source, which some writers keep in a model instead. */
export function judgeSource(text: string, what: string, { start, end }: Range): Finding {
  const tokens = lexPython(new TextEncoder().encode(text)).lines.flatMap((line) => line.tokens);
  const harmful: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i]!.kind !== "name" || (tokens[i - 1]?.kind === "op" && tokens[i - 1]!.text === ".")) continue;
    let path = tokens[i]!.text;
    for (let at = i + 1; tokens[at]?.text === "." && tokens[at + 1]?.kind === "name"; at += 2)
      path += `.${tokens[at + 1]!.text}`;
    const reach = reachOf(path);
    if (reach.is === "harmful") harmful.push(`${path}, which ${reach.does}`);
  }
  return {
    rule: harmful.length > 0 ? "code-harmful" : "code-unlisted",
    severity: harmful.length > 0 ? "malicious" : "suspicious",
    confidence: "high",
    start,
    end,
    message:
      harmful.length > 0
        ? `${what} carries source that reaches ${listed(harmful)}`
        : `${what} carries source where the name of a function should stand`,
  };
}

/** Functions and classes that a module's code defines itself. */
function ownNames(codes: readonly MarshalCode[], layout: Marshalled["layout"]): ReadonlySet<string> {
  const imported = new Set<string>();
  const stored = new Set<string>();
  for (const code of codes)
    for (const { use, path } of usesOfNames(code, layout) ?? []) {
      if (use === "store") stored.add(path);
      if (use === "import") imported.add(path.split(".")[0]!).add(path.split(".").at(-1)!);
    }
  return new Set([...stored].filter((name) => !imported.has(name)));
}

const listed = (paths: readonly string[]): string =>
  paths.length <= 6 ? paths.join(", ") : `${paths.slice(0, 6).join(", ")} and ${paths.length - 6} more`;

/**
 * Compiled code that a model carries and that runs when it is loaded or used. Bytecode is not checked by the interpreter that
 * runs it, so that even code that names nothing but arithmetic is unknown.
 */
export function judgeCompiled(readings: readonly Marshalled[], what: string, { start, end }: Range): Finding {
  const base = { start, end, confidence: "high" as const };
  const { harmful, unknown, known, codes } = reachOfCompiled(readings);
  if (readings.length === 0 || codes === 0)
    return {
      ...base,
      rule: "code-unreadable",
      severity: "suspicious",
      message: `${what} carries what should be compiled Python and cannot be read as any version's`,
    };
  if (harmful.length > 0)
    return {
      ...base,
      rule: "code-harmful",
      severity: "malicious",
      message: `${what} carries compiled Python that reaches ${listed(harmful.map(({ path, does }) => `${path}, which ${does}`))}`,
    };
  if (unknown.length > 0)
    return {
      ...base,
      rule: "code-unlisted",
      severity: "suspicious",
      confidence: "medium",
      message: `${what} carries compiled Python that reaches ${listed(unknown)}, in no list of what tensor arithmetic needs`,
    };
  return {
    ...base,
    rule: "code",
    severity: "unknown",
    message: `${what} carries compiled Python${known.length > 0 ? ` that names only ${listed(known)}` : " that names nothing"}: it runs unchecked, and only its names were followed`,
  };
}
