/** What-if on the smallest system that has a way to close: what may be assumed is assumed, what may not is said. */
import { expect, test } from "vitest";
import type { Evidence, Knowledge, System } from "#assessment/index.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { withMethodActors } from "#system/reach.ts";
import { deriveThreats } from "#threats/engine.ts";
import { systemOf } from "../../test/support/system.ts";
import { isHypothetical } from "./hypothetical.ts";
import { rate } from "./rate.ts";
import { isProblem, parseChange, whatIf, type Change, type WhatIf } from "./what-if.ts";

const knowledge = loadKnowledge();
const asOf = "2026-11-26";
const where = { file: "vauban.yaml", line: 1, column: 1 };
const system = withMethodActors(
  systemOf({
    components: { console: "sensor", pacs: "database", cnn: "model" },
    flows: ["console -> pacs -> cnn"],
    boundaries: { hospital: ["console", "pacs", "cnn"] },
    actors: { admin: "AT-7 touches pacs", gang: "AT-9" },
  }),
);

const ask = (
  changes: Change[],
  given: { system?: System; evidence?: Evidence[]; knowledge?: Knowledge } = {},
): WhatIf => {
  const result = whatIf({ system, evidence: [], trials: [], knowledge, asOf, changes, ...given });
  if (result.status === "refused") throw new Error(JSON.stringify(result.problems));
  return result;
};
const change = (kind: Change["change"], text: string): Change => {
  const parsed = parseChange(kind, text);
  if (isProblem(parsed)) throw new Error(parsed.message);
  return parsed;
};
const threats = deriveThreats(system, knowledge, { closures: [] }).threats;
const highOf = (now: WhatIf, type: string, actor: string): number =>
  Math.max(
    ...rate({ ...now, threats, knowledge, asOf })
      .risks.filter((risk) => risk.type === type && risk.actor === actor)
      .map(({ current }) => current.high),
  );
const nothing: WhatIf = { system, evidence: [], trials: [], assumed: [] };

test("a proven control that prevents closes the ways its verified closure would close, and its absence brings them back", () => {
  const now = ask([change("with", "C-92@pacs")]);
  expect(now.assumed).toMatchObject([
    { effect: "closes", control: "C-92", at: "pacs", closes: ["T-01", "T-02", "T-03", "T-05"] },
  ]);
  const risks = rate({ ...now, threats, knowledge, asOf }).risks.filter(
    ({ type, actor }) => type === "T-01" && actor === "admin",
  );
  const before = rate({ ...nothing, threats, knowledge, asOf }).risks.filter(
    ({ type, actor }) => type === "T-01" && actor === "admin",
  );
  expect(before.map(({ reach }) => reach)).toContain("direct");
  expect(risks.every(({ reach }) => reach !== "direct")).toBe(true);
  const again = whatIf({ ...now, knowledge, asOf, changes: [change("without", "C-92")] });
  expect(again).toMatchObject({ status: "asked", system: { controls: [] }, evidence: [] });
});

test("what is assumed bears its mark wherever it shows, and the arguments are left as they were", () => {
  const frozen = structuredClone(system);
  const now = ask([change("with", "C-92@pacs")]);
  expect(now.evidence.map(isHypothetical)).toEqual([true]);
  const { risks, credits } = rate({ ...now, threats, knowledge, asOf });
  expect(credits.map(({ why }) => why)).toEqual([expect.stringContaining("hypothetical")]);
  for (const shown of risks.flatMap(({ controls }) => controls))
    expect(shown.why).toMatch(/hypothetical|is not on the way/);
  expect(system).toEqual(frozen);
});

test("a model-level, an emerging or a broken control has no effect that may be assumed, and the ceiling is named where there is one", () => {
  const emerging = knowledge.controls.find(({ maturity }) => maturity === "emerging")!;
  const changes = [change("with", "C-30@cnn"), change("with", `${emerging.id}@cnn`)];
  const result = whatIf({ ...nothing, knowledge, asOf, changes });
  expect(result).toMatchObject({
    status: "asked",
    system: { controls: [] },
    evidence: [],
    assumed: [
      {
        effect: "none",
        says: expect.stringContaining("inside the model"),
        ceiling: expect.stringContaining("73.71 %"),
      },
      { effect: "none", says: expect.stringContaining("emerging") },
    ],
  });
});

test("a control that detects, or that people agree on, is a layer and lowers no figure", () => {
  const detects = knowledge.controls.find(
    ({ maturity, layer, verbs }) => maturity === "proven" && layer === "operation" && !verbs.includes("prevent"),
  )!;
  const now = ask([change("with", `${detects.id}@pacs`)]);
  expect(now.assumed).toMatchObject([{ effect: "layer", closes: [] }]);
  expect(highOf(now, "T-01", "gang")).toBe(highOf(nothing, "T-01", "gang"));
});

test("a failed denial test makes room for the assumption, but whom it binds stays said", () => {
  const controls: System["controls"] = [
    { id: "c", control: "C-92", at: "pacs", kind: "verified", evidence: "e", where },
  ];
  const [hypothetical] = ask([change("with", "C-92@pacs")]).evidence;
  const failed = {
    ...hypothetical!,
    id: "ev-1",
    source: "e",
    binds: ["admin"],
    outcome: { status: "inconclusive", because: "x" },
  } as Evidence;
  const now = ask([change("with", "C-92@pacs")], { system: { ...system, controls }, evidence: [failed] });
  expect(now.system.controls).toHaveLength(1);
  expect(now.evidence).toMatchObject([{ binds: ["admin"] }]);
});

test("taking a measured control away takes its trial along: it does not read as one that failed to come about", () => {
  const trial = { id: "with-C-30" } as never;
  const item = {
    ...ask([change("with", "C-92@pacs")]).evidence[0]!,
    id: "ev-1",
    control: "C-30",
    at: "cnn",
    trial: "with-C-30",
  };
  const controls: System["controls"] = [{ id: "c", control: "C-30", at: "cnn", kind: "measured", where }];
  const result = whatIf({
    system: { ...system, controls },
    evidence: [item],
    trials: [trial],
    knowledge,
    asOf,
    changes: [change("without", "C-30")],
  });
  expect(result).toMatchObject({ status: "asked", trials: [], evidence: [], assumed: [{ effect: "gone", at: "cnn" }] });
});

test("all that is wrong with a question is said at once, with what was meant", () => {
  expect(parseChange("with", "C-54")).toMatchObject({ hint: expect.stringContaining("C-54@") });
  expect(parseChange("without", "rate limits")).toMatchObject({
    message: expect.stringContaining("is no control of the catalogue"),
  });
  const result = whatIf({
    ...nothing,
    knowledge,
    asOf,
    changes: [change("with", "C-92@pasc"), change("without", "C-30"), change("with", "C-00@pacs")],
  });
  expect(result).toMatchObject({
    status: "refused",
    problems: [
      { hint: "did you mean pacs?" },
      { message: expect.stringContaining("stands nowhere") },
      { message: expect.stringContaining("has no control") },
    ],
  });
});
