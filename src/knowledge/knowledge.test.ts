import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { knowledge as knowledgeSchema, LEVELS } from "#assessment/index.ts";
import { hashOf } from "#base/hash.ts";
import { compileKnowledge, knowledgeText, RESERVED_CONTROLS } from "./compile.ts";
import { clause, control, controlsFor, loadKnowledge, profile, sector, threatType } from "./index.ts";

const all = loadKnowledge();
const folder = new URL("../../knowledge/", import.meta.url);
const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".yaml"))
  .map((path) => ({ path: path.replaceAll("\\", "/"), text: readFileSync(new URL(path, folder), "utf8") }));
const numbered = (prefix: string, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `${prefix}${String(from + index).padStart(2, "0")}`);

describe("the knowledge folder", () => {
  it("compiles without a word of complaint", () => {
    expect(compileKnowledge(files, all.edition).diagnostics).toEqual([]);
  });

  it("is what the generated file holds, and the hash is the hash of the rest", () => {
    const { knowledge } = compileKnowledge(files, all.edition);
    expect(knowledgeText(knowledge!)).toBe(readFileSync(new URL("entries.gen.json", import.meta.url), "utf8"));
    const { hash, ...rest } = all;
    expect(hash).toBe(hashOf(rest));
  });

  it("fits the schema, and in less than a megabyte", () => {
    expect(knowledgeSchema.safeParse(all).success).toBe(true);
    expect(readFileSync(new URL("entries.gen.json", import.meta.url)).length).toBeLessThan(1_000_000);
  });

  it("holds T-01 to T-38 without a gap", () => {
    expect(all.threats.map(({ id }) => id)).toEqual(numbered("T-", 1, 38));
  });

  it("holds C-01 to C-92 without the reserved C-18 and C-19: ninety controls", () => {
    expect(all.controls.map(({ id }) => id)).toEqual(
      numbered("C-", 1, 92).filter((id) => !RESERVED_CONTROLS.includes(id)),
    );
    expect(all.controls).toHaveLength(90);
  });

  it("holds the eleven profiles, the five sectors and the clauses that the method asks for", () => {
    expect(all.profiles.map(({ id }) => id)).toEqual(Array.from({ length: 11 }, (_, index) => `AT-${index + 1}`));
    expect(all.sectors.map(({ id }) => id)).toEqual(["energy", "general", "medical", "recruitment", "road"]);
    const count = (framework: string) => all.clauses.filter((item) => item.framework === framework).length;
    expect([count("AI Act Annex III"), count("AI Act Annex IV"), count("Cyber Resilience Act")]).toEqual([25, 23, 26]);
    for (const id of [
      "AIA-8.1",
      "AIA-9.8",
      "AIA-10.2-h",
      "AIA-11.1",
      "AIA-12.3",
      "AIA-13.3-b-ii",
      "AIA-14.4-e",
      "AIA-15.1",
    ])
      expect(clause(id), id).toBeDefined();
  });

  it("argues each of the five classes of Art. 15(5) by a clause of its own", () => {
    const classes = all.clauses.flatMap(({ id, attackClass }) => (attackClass ? [[id, attackClass]] : []));
    expect(Object.fromEntries(classes)).toEqual({
      "AIA-15.5-c-DP": "DP",
      "AIA-15.5-c-MP": "MP",
      "AIA-15.5-c-AE": "AE",
      "AIA-15.5-c-CA": "CA",
      "AIA-15.5-c-MF": "MF",
    });
    for (const [, attackClass] of classes)
      expect(all.threats.some((item) => item.classes.some((name) => name === attackClass))).toBe(true);
  });
});

describe("the crosswalk", () => {
  /** Read off the crosswalk table by hand, one row per kind of threat. */
  it.each([
    [
      "T-01",
      ["NISTAML.022", "NISTAML.025", "AML.T0043.000", "AML.T0043.003", "ML01:2023", "AIX 2.1", "EV", "MEV", "SR-05"],
      ["AE"],
    ],
    [
      "T-05",
      [
        "NISTAML.013",
        "AML.T0010.002",
        "ML02:2023",
        "LLM04:2025",
        "LLM05:2026",
        "AIX 3.1.1",
        "PO",
        "DP",
        "DQ-03",
        "DQ-04",
      ],
      ["DP"],
    ],
    [
      "T-09",
      ["NISTAML.051", "AML.T0018.001", "ML07:2023", "LLM03:2025", "LLM04:2026", "LLM05:2026", "ASI04", "DM-04"],
      ["MP"],
    ],
    ["T-12", ["AML.T0010.004", "AIX 3.1.2", "AIX 3.2.1", "AIX 3.2.3", "CO", "MST"], ["SYS", "DP", "MP"]],
    ["T-15", ["NISTAML.031", "AML.T0024.002", "ML05:2023", "LLM10:2025", "LLM06:2026", "OR", "MRE", "RE-03"], ["CA"]],
    ["T-17", ["NISTAML.033", "AML.T0024.000", "ML04:2023", "OR", "DI", "ISD"], ["CA"]],
    ["T-22", ["NISTAML.035", "AML.T0056", "LLM07:2025", "LLM08:2026", "SDD"], ["CA"]],
    [
      "T-25",
      ["NISTAML.015", "AML.T0051.001", "AML.T0051.002", "LLM01:2025", "LLM01:2026", "ASI01", "AIX 2.2.2", "PIJ"],
      ["AE", "MF"],
    ],
    ["T-29", ["LLM06:2025", "LLM03:2026", "ASI02", "ASI03", "ASI10", "RA", "IIC"], ["SYS", "MF"]],
    ["T-31", ["NISTAML.014", "AML.T0034.002", "LLM06:2026", "FA-sponge", "DMS"], ["SYS", "AE"]],
    ["T-36", ["AML.T0012", "FA-human", "FA-unreported", "RE-05"], ["SYS", "ROB"]],
  ])("maps %s as the table does", (id, ids, classes) => {
    const threat = threatType(id)!;
    const mappedIds = threat.mappings.map((item) => item.id);
    for (const expected of ids) expect(mappedIds, id).toContain(expected);
    expect(threat.classes).toEqual(classes);
  });

  it("gives the edition with every id, and in OWASP's lists inside the id too", () => {
    for (const item of [...all.threats, ...all.controls])
      for (const { edition, framework, id } of item.mappings) {
        expect(edition, `${item.id} ${framework}`).not.toBe("");
        if (id.startsWith("LLM")) expect(id.endsWith(`:${edition}`), `${item.id} ${id}`).toBe(true);
      }
  });

  it("keeps the two meanings of LLM03 apart", () => {
    const names = new Map(all.threats.flatMap(({ mappings }) => mappings.map(({ id, name }) => [id, name])));
    expect([names.get("LLM03:2025"), names.get("LLM03:2026")]).toEqual(["Supply Chain", "Excessive Agency"]);
  });

  it("names the gaps: ENISA's list of 2021 knows no prompt injection, NIST no drift", () => {
    expect(threatType("T-25")!.gaps).toContain("ENISA Securing Machine Learning Algorithms 2021");
    expect(threatType("T-34")!.gaps).toContain("NIST AI 100-2 E2025");
    expect(threatType("T-33")!.gaps).toContain("MITRE ATLAS v5.6.0");
  });
});

describe("the control catalogue", () => {
  it("never credits a broken control: its evidence says so first", () => {
    const broken = all.controls.filter(({ maturity }) => maturity === "broken");
    expect(broken.map(({ id }) => id)).toEqual(["C-31", "C-37", "C-39"]);
    for (const { id, evidence } of broken) expect(evidence[0], id).toMatch(/^None earns credit\./);
  });

  it("holds no weak claim against a control that it calls proven without a limit", () => {
    for (const { id, control: of } of all.weakClaims)
      if (of) expect(control(of)!.limits.length, `${id}: ${of}`).toBeGreaterThan(0);
    expect(all.weakClaims).toHaveLength(12);
  });

  it("gives every threat a control that names it, those that name it first", () => {
    for (const { id } of all.threats) {
      const [first] = controlsFor(id);
      expect(
        first!.threats.some((threat) => threat === id),
        id,
      ).toBe(true);
    }
  });

  it("says which controls make something worse", () => {
    expect(control("C-30")!.raises).toEqual(["T-17"]);
    expect(control("C-46")!.raises).toEqual(["T-10"]);
    for (const filter of ["C-38", "C-57", "C-59"]) expect(control(filter)!.raises, filter).toContain("T-01");
  });

  it("takes C-92 against what travels to the model and to training, and does not mistake encryption for it", () => {
    expect(control("C-92")!.threats).toEqual(["T-01", "T-02", "T-03", "T-05"]);
    expect(control("C-92")!.verbs).toEqual(["prevent", "detect"]);
    expect(control("C-72")!.threats).not.toContain("T-01");
  });

  it("fills each of the 25 cells of classes by verbs with at least one control that is not broken", () => {
    for (const attackClass of ["DP", "MP", "AE", "CA", "MF"]) {
      const types = new Set<string>(
        all.threats.filter((item) => item.classes.some((name) => name === attackClass)).map(({ id }) => id),
      );
      for (const verb of ["prevent", "detect", "respond", "resolve", "control"] as const) {
        const filling = all.controls.filter(
          (item) =>
            item.maturity !== "broken" && item.verbs.includes(verb) && item.threats.some((threat) => types.has(threat)),
        );
        expect(filling.length, `${attackClass} ${verb}`).toBeGreaterThan(0);
      }
    }
  });
});

describe("starting values", () => {
  it("starts the insider on evasion where the method's first worked figure does", () => {
    const insider = profile("AT-7")!;
    const start = insider.attemptsFor.find(({ threats }) => threats.includes("T-01"))!;
    expect([start.low, start.high]).toEqual([0.01, 0.1]);
    expect(start.because).toMatch(/^Assumed/);
  });

  it("says of every rate that it is assumed", () => {
    for (const { id, attempts, attemptsFor } of all.profiles)
      for (const { because } of [attempts, ...attemptsFor]) expect(because, id).toMatch(/^Assumed/);
  });

  it("takes the method's criteria in every sector: 0.001, 0.01, 0.1 and 1 per year from VH down", () => {
    for (const { id, criteria } of all.sectors) {
      const byLevel = new Map(criteria.map(({ severity, perYear }) => [severity, perYear]));
      expect(
        LEVELS.toReversed().map((level) => byLevel.get(level)),
        id,
      ).toEqual([0.001, 0.01, 0.1, 1, 1]);
    }
  });

  it("states a severity for each consequence in every sector, so that none passes unrated", () => {
    for (const { id, severities } of all.sectors)
      expect(new Set(severities.map(({ consequence }) => consequence)), id).toEqual(
        new Set(["wrong-output", "no-output", "disclosure", "altered-system"]),
      );
    expect(sector("road")!.severities).toContainEqual(
      expect.objectContaining({ consequence: "wrong-output", harm: "safety", severity: "VH" }),
    );
  });

  it("dates Annex III to 2 December 2027 and Annex I, Section A, to 2 August 2028", () => {
    const from = (id: string) => all.dates.find((item) => item.id === id)?.appliesFrom;
    expect([from("annex-III"), from("annex-I.A"), from("public-authority")]).toEqual([
      "2027-12-02",
      "2028-08-02",
      "2030-08-02",
    ]);
  });
});

describe("sources", () => {
  it("shows as law only what was read", () => {
    for (const item of [...all.clauses, ...all.dates])
      for (const { authority, mark } of item.sources)
        if (authority === "binding-law") expect(["V", "V2"], item.id).toContain(mark);
  });

  it("leaves nothing unconfirmed in the catalogue", () => {
    const marks = [
      ...all.threats,
      ...all.controls,
      ...all.clauses,
      ...all.dates,
      ...all.profiles,
      ...all.sectors,
    ].flatMap(({ sources }) => sources.map(({ mark }) => mark));
    expect(marks).not.toContain("R");
  });
});
