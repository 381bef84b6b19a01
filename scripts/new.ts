/** `npm run new attack <name>` or `rule <name>`: writes the file and its test with what both must say, for you to fill in. */
import { existsSync, writeFileSync } from "node:fs";

const [kind, name] = process.argv.slice(2);
const places = {
  attack: {
    file: `src/attacks/evasion/${name}.ts`,
    text: `/** ${name}: say in one sentence what it does and whose idea it is (paper, section). */
import { defineAttack } from "#attacks/harness.ts";

export default defineAttack({
  id: "${name}",
  revision: 1,
  title: "${name}",
  citation: "authors, title, year, section",
  needs: "scores",
  norms: ["linf"],
  objectives: [],
  defaults: { queries: 1000 },
  async run(arena, { queries }) {
    // Propose points with arena.score; the harness projects, queries and judges.
    throw new Error(\`${name} proposes nothing yet (\${arena.n} samples, \${queries} queries)\`);
  },
});
`,
    test: `src/attacks/evasion/${name}.test.ts`,
    testText: `import { expect, test } from "vitest";
import attack from "./${name}.ts";

// The contract suite (test/contracts/attacks.test.ts) finds this attack by itself; here stands its oracle: a closed form.
test("${name} meets the exact radius of a linear model within 1 %", () => {
  expect(attack.id).toBe("${name}");
  expect.fail("write the closed form");
});
`,
  },
  rule: {
    file: `src/threats/rules/${name}.ts`,
    text: `/** ${name}: when this threat stands in a system, and which false positives are accepted. */
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:${name}",
  threat: "T-00",
  title: "say the condition in a sentence",
  altitude: "component",
  *find(graph) {
    for (const component of graph.system.components) yield { at: component, why: \`say why \${component.title} is exposed\` };
  },
});
`,
    test: `src/threats/rules/${name}.test.ts`,
    testText: `import { expect, test } from "vitest";

test("${name} finds it in the smallest system that shows it, and ignores the same system without the cause", () => {
  expect.fail("write both systems");
});
`,
  },
} as const;

if (!(kind === "attack" || kind === "rule") || !name || !/^[a-z][a-z0-9-]*$/.test(name)) {
  console.error(
    "usage: npm run new attack <name>   or   npm run new rule <name>\n  a name is lower-case words joined by hyphens",
  );
  process.exit(2);
}
const { file, text, test, testText } = places[kind];
for (const path of [file, test]) {
  if (existsSync(path)) {
    console.error(`${path} exists already`);
    process.exit(2);
  }
}
writeFileSync(file, text);
writeFileSync(test, testText);
console.log(`wrote ${file} and ${test}; then: npm run generate && npx vitest run ${file.replace(/\.ts$/, "")}`);
