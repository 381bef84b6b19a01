/**
 * Runs the risk room as a browser would have it: in a context that holds the language and a few web names, and nothing of Node.
 * Reads {system, threats, knowledge, asOf, changes} as JSON from standard input, prints what the room makes of it. Needs
 * --experimental-vm-modules.
 */
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { fileURLToPath } from "node:url";
import vm from "node:vm";

const input: unknown = JSON.parse(readFileSync(0, "utf8"));
const context = vm.createContext({ TextEncoder, TextDecoder, URL, structuredClone, input });
const modules = new Map<string, vm.SourceTextModule>();

function load(url: string): vm.SourceTextModule {
  const known = modules.get(url);
  if (known) return known;
  if (!url.startsWith("file:")) throw new Error(`${url} is not for a browser`);
  const text = readFileSync(fileURLToPath(url), "utf8");
  const made = new vm.SourceTextModule(url.endsWith(".ts") ? stripTypeScriptTypes(text) : text, {
    context,
    identifier: url,
  });
  modules.set(url, made);
  return made;
}

const resolved = (specifier: string, from: string): string =>
  specifier.startsWith(".") ? new URL(specifier, from).href : import.meta.resolve(specifier);

const main = new vm.SourceTextModule(
  `import { cyberRegisterOf, rate, readGoals, whatIf } from "#risk/index.ts";
   const { changes, ...given } = input;
   const asked = whatIf({ ...given, trials: [], evidence: [], changes });
   const rated = (of) => rate({ ...given, system: of.system, trials: of.trials, evidence: of.evidence });
   const now = rated({ system: given.system, trials: [], evidence: [] });
   const goals = readGoals(now.draw(), [now.risks[0].id], { seed: "1" });
   const cyber = cyberRegisterOf({ ...given, risks: now.risks, widths: now.widths });
   export const printed = JSON.stringify({ risks: now.risks, supposed: rated(asked).risks, register: now.register, goals, cyber });`,
  { context, identifier: import.meta.url },
);
await main.link((specifier, referrer) => load(resolved(specifier, referrer.identifier)));
await main.evaluate();
process.stdout.write((main.namespace as { printed: string }).printed);
