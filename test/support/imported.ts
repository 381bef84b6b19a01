/** Holds an import of a threat model to its word: nothing is lost in silence, nothing is said to have come over that is not there. */
import { parse } from "yaml";
import { isError } from "#base/diagnostics.ts";
import type { ModelImport } from "#imports/models/index.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { knownFrom, readSystem } from "#system/read.ts";
import { deriveThreats } from "#threats/engine.ts";

const knowledge = loadKnowledge();
const known = knownFrom(knowledge);

/** Independent of the importer: every value that says something, as JSON pointers. */
function pointers(value: unknown, at = ""): Map<string, unknown> {
  if (value === null || value === undefined || (typeof value === "string" && value.trim() === "")) return new Map();
  if (typeof value !== "object") return new Map([[at, value]]);
  return new Map(
    Object.entries(value).flatMap(([key, item]) => [
      ...pointers(item, `${at}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`),
    ]),
  );
}

type Tree = { [key: string]: unknown };
const boundaryIn = (tree: Tree, id: string): unknown =>
  Object.entries(tree).reduce<unknown>((found, [key, item]) => {
    if (found !== undefined || key === "here" || key === "title") return found;
    return key === id ? item : boundaryIn(item as Tree, id);
  }, undefined);

/** What stands in the system file at the place a value is said to have come to. */
function arrived(file: Tree, [section, id, ...rest]: readonly string[]): unknown {
  const of = file[section!];
  if (id === undefined) return of;
  const item =
    section === "flows"
      ? (of as Tree[]).find((flow) => flow["id"] === id)
      : section === "boundaries"
        ? boundaryIn(of as Tree, id!)
        : (of as Tree)[id!];
  return rest.reduce<unknown>((at, key) => (at as Tree | undefined)?.[key], item);
}

/**
 * What an import promised and did not keep, in words; nothing where all is well. Promised is: every value of the source came over or lies
 * below exactly one loss; what came over is where it is said to be; the system file is sound and has threats.
 */
export function broken(source: unknown, { carried, losses, text: made }: ModelImport): string[] {
  const { system, diagnostics } = readSystem(made, "system.yaml", known);
  if (!system) return diagnostics.filter(isError).map(({ message, span }) => `line ${span?.line}: ${message}`);
  const wrong: string[] = [];
  const values = pointers(source);
  const over = new Set(carried.map(({ path }) => path));
  const lost = new Set(losses.map(({ path }) => path));
  for (const path of values.keys()) {
    let accounts = Number(over.has(path));
    for (let at = path; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) accounts += Number(lost.has(at));
    if (accounts !== 1) wrong.push(`${path}: accounted for ${accounts} times`);
  }
  const listed = losses.reduce((sum, loss) => sum + loss.values, 0);
  if (listed + carried.length !== values.size)
    wrong.push(`${carried.length} carried and ${listed} lost are not ${values.size}`);
  for (const { path, reason, where } of losses)
    if (reason === "" || where.line < 1) wrong.push(`${path}: lost without a reason or a place`);
  const file = parse(made) as Tree;
  for (const { path, to, as } of carried) {
    const there = arrived(file, to);
    const said = JSON.stringify(String(values.get(path)).trim()).slice(1, -1);
    if (there === undefined) wrong.push(`${path}: said to be at ${to.join(".")}, where nothing is`);
    else if (as === "text" && !JSON.stringify(there).includes(said))
      wrong.push(`${path}: "${said}" is not at ${to.join(".")}`);
  }
  if (deriveThreats(system, knowledge).threats.length === 0) wrong.push("no threat is derived");
  return wrong;
}
