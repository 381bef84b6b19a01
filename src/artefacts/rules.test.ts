/** Every rule that a check can report is explained, and nothing is explained that no check reports. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SCAN_RULES, scanRule } from "./rules.ts";

const KEBAB = '"([A-Za-z0-9]+(?:-[a-z0-9]+)*)"';
const SEVERITY = '"(?:malicious|suspicious|unknown|note)"';
/** Where the sources name a rule: beside a severity, as `rule:`, or where a limit is reached. */
const PLACES = [
  `${KEBAB}\\s*,\\s*${SEVERITY}`,
  `${SEVERITY}\\s*,\\s*(?:"[a-z0-9-]+"\\s*,\\s*${SEVERITY}\\s*,\\s*)?${KEBAB}\\s*,`,
  `LimitReached\\(\\s*${KEBAB}`,
  `\\brule: ${KEBAB}`,
  `\\b(?:end|notRead)\\([^"\\n]*${KEBAB}`,
].map((pattern) => new RegExp(pattern, "g"));
/** Words that stand beside a severity and are none. */
const NO_RULES =
  /^(high|medium|low|call|refer|new|find|called|none|part|whole|yes|no|perhaps|hook|class|function|name)$|^[TF]$/;

function sources(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !/\.(test|testing|gen)\.ts$/.test(name) && name !== "rules.ts")
    .map((name) => readFileSync(join(folder, name), "utf8"));
}
const texts = [...sources("src/artefacts"), ...sources("src/cli/scan"), readFileSync("src/host/scanner.ts", "utf8")];
const named = new Set(
  texts.flatMap((text) => PLACES.flatMap((place) => [...text.matchAll(place)].flatMap((match) => match.slice(1)))),
);

test("every rule that the sources name is explained", () => {
  const rules = [...named].filter(
    (rule) => rule !== undefined && !NO_RULES.test(rule) && !/^(malicious|suspicious|unknown|note)$/.test(rule),
  );
  expect(rules.length).toBeGreaterThan(100);
  expect(rules.filter((rule) => scanRule(rule) === undefined)).toEqual([]);
});

test("every rule that is explained stands in the sources", () => {
  const all = texts.join("\n");
  expect([...SCAN_RULES.keys()].filter((rule) => !all.includes(`"${rule}"`))).toEqual([]);
});

test("every rule is explained once", () => {
  const rows = readFileSync("src/artefacts/rules.ts", "utf8").matchAll(/^ {2}\[\s*"([a-z0-9-]+)",/gm);
  expect(Array.from(rows, ([, id]) => id).toSorted()).toEqual([...SCAN_RULES.keys()].toSorted());
});

test("explanations are sentences that end, and say what to do", () => {
  for (const [id, { title, means, happens, todo, source }] of SCAN_RULES) {
    expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    for (const text of [title, means, happens, source]) expect(text, id).toMatch(/\S.*[^.\s]$/);
    expect(todo, id).toMatch(/^[A-Z].*\.$/);
  }
});

test("a format that breaks and a limit that is reached are explained by their family, and other words by nothing", () => {
  expect(scanRule("zip-broken")!.title).toBe("Not as its format has it");
  expect(scanRule("limit-payload")!.title).toBe("A limit was reached");
  expect(scanRule("limit-time")!.title).not.toBe("A limit was reached");
  expect(scanRule("constructor")).toBeUndefined();
});
