/** The honest test of the threat engine: systems that were attacked, described before the rules saw them, and how much of each attack is named. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { loadKnowledge } from "#knowledge/index.ts";
import { sharedData } from "../support/npy.ts";
import { CASES, OFF_TARGET, type Case } from "./cases.ts";
import { means, scoresOf, tableOf, totalsOf } from "./score.ts";

const knowledge = loadKnowledge();
const scores = scoresOf(CASES, knowledge);

describe("threats derived for systems that were attacked", () => {
  it("name what was done, at the place where it was done, without naming everything everywhere", () => {
    console.log(`\n${tableOf(scores)}\n`);
    const all = totalsOf(scores);
    expect(scores.length).toBeGreaterThanOrEqual(8);
    expect(all.recall).toBeGreaterThanOrEqual(0.62);
    expect(all.placedRecall).toBeGreaterThanOrEqual(0.57);
    expect(all.lift).toBeGreaterThan(1.1);
    expect(all.perComponent).toBeLessThanOrEqual(6);
  });
});

describe("a step of an incident", () => {
  const raised = (...techniques: string[]) => new Set(techniques);
  it("is meant by its own technique, by the one it is a kind of, and by a kind of it where it names the general one", () => {
    expect(means(raised("AML.T0051.000"), "AML.T0051.000")).toBe(true);
    expect(means(raised("AML.T0010"), "AML.T0010.002")).toBe(true);
    expect(means(raised("AML.T0051.001"), "AML.T0051")).toBe(true);
    expect(means(raised("AML.T0051.000"), "AML.T0051.001")).toBe(false);
    expect(means(raised("AML.T0005"), "AML.T0050")).toBe(false);
  });

  it("counts by the tactic of its case, whatever its technique: the same technique is left out when it is mere preparation", () => {
    const poisoned = (tactic: string): Case => ({
      id: "AML.CS0009",
      title: "",
      about: "poisoning",
      steps: [
        [tactic, "AML.T0020", "bot"],
        ["AML.TA0011", "AML.T0048.002"],
      ],
    });
    expect(scoresOf([poisoned("AML.TA0006")], knowledge, CASES)[0]).toMatchObject({ recall: 0.5, placedRecall: 0.5 });
    expect(scoresOf([poisoned("AML.TA0003")], knowledge, CASES)[0]).toMatchObject({ recall: 0 });
  });

  it("is named at its place only where the threat stands at it, or enters by it", () => {
    const at = (...places: string[]): Case => ({
      id: "AML.CS0009",
      title: "",
      about: "poisoning",
      steps: [["AML.TA0006", "AML.T0020", ...places]],
    });
    const placed = (of: Case) => scoresOf([of], knowledge, CASES)[0]!.placedRecall;
    expect(placed(at("bot"))).toBe(1);
    expect(placed(at("conversations"))).toBe(1);
    expect(placed(at("people"))).toBe(0);
  });
});

const atlas = join(sharedData, "threat-models/atlas-data/ATLAS.yaml");
describe.skipIf(!existsSync(atlas))(`ATLAS's own file (${atlas})`, () => {
  const file = existsSync(atlas) ? (parse(readFileSync(atlas, "utf8")) as AtlasFile) : undefined;

  it("gives each case the steps we score, in its order", () => {
    const theirs = new Map(file!["case-studies"].map(({ id, procedure }) => [id, procedure]));
    for (const { id, steps } of CASES)
      expect(
        steps.map(([tactic, technique]) => ({ tactic, technique })),
        id,
      ).toEqual(theirs.get(id)!.map(({ tactic, technique }) => ({ tactic, technique })));
  });

  it("knows no mitigation for any step of AML.CS0030", () => {
    const mitigated = new Set(
      file!.matrices.flatMap(({ mitigations }) =>
        mitigations.flatMap(({ techniques }) => techniques.map(({ id }) => id)),
      ),
    );
    const without = CASES.filter(
      ({ steps }) => !steps.some(([tactic, technique]) => !OFF_TARGET.has(tactic) && mitigated.has(technique)),
    );
    expect(without.map(({ id }) => id)).toEqual(["AML.CS0030"]);
    expect(CASES.filter(({ unmitigated }) => unmitigated)).toEqual(without);
  });
});

interface AtlasFile {
  readonly "case-studies": readonly { id: string; procedure: readonly { tactic: string; technique: string }[] }[];
  readonly matrices: readonly { mitigations: readonly { techniques: readonly { id: string }[] }[] }[];
}
