/** The honest test of the threat engine: systems that were attacked, described before the rules saw them, and how much of each attack is named. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { loadKnowledge } from "#knowledge/index.ts";
import { sharedData } from "../support/npy.ts";
import { CASES, HELD_OUT, OFF_TARGET, type Case } from "./cases.ts";
import { crosswalkOf, scoresOf, tableOf, totalsOf, typesOf } from "./score.ts";

const knowledge = loadKnowledge();
const ALL = [...CASES, ...HELD_OUT];
const scores = scoresOf(CASES, knowledge);

describe("threats derived for systems that were attacked", () => {
  it("name what was done, at the place where it was done, without naming everything everywhere", () => {
    console.log(`\n${tableOf(scores)}\n`);
    const all = totalsOf(scores);
    expect(scores.length).toBeGreaterThanOrEqual(8);
    expect(all.recall).toBeGreaterThanOrEqual(0.87);
    expect(all.placedRecall).toBeGreaterThanOrEqual(0.83);
    expect(all.lift).toBeGreaterThan(1.3);
    expect(all.perComponent).toBeLessThanOrEqual(6);
  });
});

describe("threats derived for systems that no rule was changed for", () => {
  it("name what was done there too", () => {
    const held = scoresOf(HELD_OUT, knowledge, ALL);
    console.log(`\nheld out\n${tableOf(held)}\n`);
    const all = totalsOf(held);
    expect(all.recall).toBeGreaterThanOrEqual(0.79);
    expect(all.placedRecall).toBeGreaterThanOrEqual(0.7);
    expect(all.lift).toBeGreaterThan(1.2);
    expect(HELD_OUT.length).toBeGreaterThanOrEqual(3);
    expect(all.perComponent).toBeLessThanOrEqual(6);
  });
});

describe("a step of an incident", () => {
  const crosswalk = new Map([
    ["T-09", new Set(["AML.T0010.003"])],
    ["T-24", new Set(["AML.T0051.000"])],
    ["T-25", new Set(["AML.T0051.001"])],
    ["T-38", new Set(["AML.T0010"])],
  ]);
  const typesFor = (technique: string) => [...typesOf(technique, crosswalk)];
  it("stands for the types mapped to its technique; else to the general one; else, where it names the general one, to its kinds", () => {
    expect(typesFor("AML.T0010.003")).toEqual(["T-09"]);
    expect(typesFor("AML.T0010.002")).toEqual(["T-38"]);
    expect(typesFor("AML.T0051")).toEqual(["T-24", "T-25"]);
    expect(typesFor("AML.T0051.002")).toEqual([]);
    expect(typesFor("AML.T001")).toEqual([]);
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

/** Techniques that no threat of the catalogue stands for, by the reason; `all` of them are looked at, not those of the cases. */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  "done before or beside the target": [
    "AML.T0000 AML.T0001 AML.T0002 AML.T0003 AML.T0004 AML.T0087 AML.T0095", // reconnaissance, and what is public
    "AML.T0008.000 AML.T0008.001 AML.T0008.002 AML.T0008.004 AML.T0008.005 AML.T0016 AML.T0017 AML.T0021 AML.T0060 AML.T0079 AML.T0104",
    "AML.T0005.000 AML.T0005.002 AML.T0088 AML.T0102", // staging
  ],
  "an ordinary use of the product, which the file's actors and flows state": ["AML.T0047"],
  "harm outside the system, which the file states under harms": [
    "AML.T0048.000 AML.T0048.001 AML.T0048.002 AML.T0048.003",
  ],
};

describe("the crosswalk to ATLAS", () => {
  it("has a threat for every technique, or a reason why none of ours stands for it", () => {
    const taxonomy = parse(
      readFileSync(new URL("../../knowledge/taxonomies/ATLAS-v5.6.0.yaml", import.meta.url), "utf8"),
    ) as { ids: Record<string, string> };
    const crosswalk = crosswalkOf(knowledge);
    const without = Object.keys(taxonomy.ids).filter((id) => typesOf(id, crosswalk).size === 0);
    const reasons = new Set(Object.values(LEFT_OUT).flatMap((lines) => lines.flatMap((line) => line.split(" "))));
    expect(without.filter((id) => !reasons.has(id) && !reasons.has(id.slice(0, 9)))).toEqual([]);
    expect([...reasons].filter((id) => !without.includes(id))).toEqual([]);
  });
});

const atlas = join(sharedData, "threat-models/atlas-data/ATLAS.yaml");
describe.skipIf(!existsSync(atlas))(`ATLAS's own file (${atlas})`, () => {
  const file = existsSync(atlas) ? (parse(readFileSync(atlas, "utf8")) as AtlasFile) : undefined;

  it("gives each case the steps we score, in its order", () => {
    const theirs = new Map(file!["case-studies"].map(({ id, procedure }) => [id, procedure]));
    for (const { id, steps } of ALL)
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
    const without = ALL.filter(
      ({ steps }) => !steps.some(([tactic, technique]) => !OFF_TARGET.has(tactic) && mitigated.has(technique)),
    );
    expect(without.map(({ id }) => id)).toEqual(["AML.CS0030"]);
    expect(ALL.filter(({ unmitigated }) => unmitigated)).toEqual(without);
  });
});

interface AtlasFile {
  readonly "case-studies": readonly { id: string; procedure: readonly { tactic: string; technique: string }[] }[];
  readonly matrices: readonly { mitigations: readonly { techniques: readonly { id: string }[] }[] }[];
}
