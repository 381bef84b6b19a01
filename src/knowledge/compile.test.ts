import { describe, expect, it } from "vitest";
import { formatDiagnostic } from "#base/diagnostics.ts";
import { compileKnowledge, knowledgeText, type EntryText } from "./compile.ts";

/** The smallest world that compiles: one entry of each kind. */
const WORLD: Readonly<Record<string, string>> = {
  "sources/LAW.yaml": "key: LAW\ntitle: A law\nedition: '2026'\nauthority: binding-law\nchecked: '2026-11-22'\n",
  "sources/OWN.yaml":
    "key: OWN\ntitle: Our method\nedition: '2026-11-22'\nauthority: product-method\nchecked: '2026-11-22'\n",
  "sources/LIST.yaml": "key: LIST\ntitle: A list\nedition: '2025'\nauthority: guidance\nchecked: '2026-11-22'\n",
  "taxonomies/LIST-2025.yaml":
    "key: LIST-2025\nframework: List\nedition: '2025'\nsource: LIST\nmark: V\ncrosswalk: true\nids:\n  L1: First\n",
  "threats/T-01.yaml": `id: T-01
slug: evasion
title: Evasion
summary: An input is changed.
classes: [AE]
consequences: [wrong-output]
dimensions: [security]
actors: [AT-7]
conventional: false
stage: [operation]
modelLevel: partly
evidence: [A rate with its interval]
mappings:
  LIST-2025: [L1]
gaps: []
sources: [{ key: OWN, mark: I }]
`,
  "controls/C-30.yaml": `id: C-30
title: Adversarial training
summary: Trained on attacks.
layer: model
verbs: [prevent]
stages: [development]
appliesTo: [model]
threats: [T-01]
maturity: proven
maturityReason: Benchmarked.
limits: []
tradeoffs: []
evidence: [Robust accuracy]
validDays: 365
raises: []
planning:
  mark: I
  tier: design
  acts: lowers
  cost: { effort: 3, latency: 0, accuracy: 2, transparency: 0 }
  alsoAt: []
  needs: []
  conflicts: []
  strains: []
  ceilings: []
mappings: {}
sources: [{ key: OWN, mark: I }]
`,
  "frameworks/ai-act/AIA-15.5-c-AE.yaml": `id: AIA-15.5-c-AE
framework: AI Act
article: Art. 15(5)
title: Evasion
text: Measures against evasion.
kind: requirement
decidedBy: attack-class
attackClass: AE
evidence: []
tested: The model itself.
appliesTo: high-risk
sources:
  - { key: LAW, mark: V }
`,
  "frameworks/dates/annex-III.yaml":
    "id: annex-III\nlisting: annex-III\nappliesFrom: '2027-12-02'\ntext: From then on.\nsources: [{ key: LAW, mark: V }]\n",
  "actors/AT-7.yaml": `id: AT-7
title: Insider
motive: Revenge.
knows: white
capability: Writes.
inside: true
uses: [backup]
attempts: { low: 0.01, likely: 0.03, high: 0.1, because: Assumed. }
attemptsFor: []
sources: [{ key: OWN, mark: I }]
`,
  "sectors/general.yaml": `id: general
title: General
criteria:
  - { severity: VH, perYear: 0.001 }
  - { severity: H, perYear: 0.01 }
severities:
  - { consequence: wrong-output, harm: health, severity: H, because: Assumed. }
otherLaw: []
sources: [{ key: OWN, mark: I }]
`,
  "weak-claims/trained.yaml":
    "id: trained\nclaim: We trained it.\nwhy: Only for one norm.\ncontrol: C-30\nsources: [{ key: OWN, mark: I }]\n",
};

const compile = (changes: Readonly<Record<string, string | undefined>> = {}) => {
  const files: EntryText[] = [];
  for (const [path, text] of Object.entries({ ...WORLD, ...changes }))
    if (text !== undefined) files.push({ path, text });
  return compileKnowledge(files, "2026-11-22");
};
/** The world with one piece of one file replaced; the piece has to be there. */
const changed = (path: string, from: string, to: string) => {
  expect(WORLD[path]).toContain(from);
  return compile({ [path]: WORLD[path]!.replace(from, to) });
};
const said = ({ diagnostics }: ReturnType<typeof compile>) => diagnostics.map(formatDiagnostic).join("\n");

describe("compileKnowledge", () => {
  it("joins entries with their sources and the names of taxonomy ids", () => {
    const { knowledge, diagnostics } = compile();
    expect(diagnostics).toEqual([]);
    expect(knowledge!.threats[0]!.mappings).toEqual([{ framework: "List", edition: "2025", id: "L1", name: "First" }]);
    expect(knowledge!.threats[0]!.sources.map(({ key, edition, mark }) => [key, edition, mark])).toEqual([
      ["OWN", "2026-11-22", "I"],
      ["LIST", "2025", "V"],
    ]);
  });

  it("gives the same text and hash whatever the order of the files", () => {
    const files = Object.entries(WORLD).map(([path, text]) => ({ path, text }));
    const forward = compileKnowledge(files, "2026-11-22").knowledge!;
    const backward = compileKnowledge(files.toReversed(), "2026-11-22").knowledge!;
    expect(knowledgeText(backward)).toBe(knowledgeText(forward));
    expect(forward.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  it("gives another hash when one word changes", () => {
    const other = changed("threats/T-01.yaml", "An input is changed.", "An input was changed.");
    expect(other.knowledge!.hash).not.toBe(compile().knowledge!.hash);
  });

  it.each([
    [
      "a misspelt member",
      "threats/T-01.yaml",
      "classes: [AE]",
      "clases: [AE]",
      "T-01.yaml:5:1  E703",
      'did you mean "classes"?',
    ],
    [
      "a word that is no class",
      "threats/T-01.yaml",
      "classes: [AE]",
      "classes: [AE, XX]",
      "T-01.yaml:5:15  E703",
      "classes.1",
    ],
    ["an unknown source", "threats/T-01.yaml", "key: OWN", "key: OWNN", "T-01.yaml:16:13  E720", 'did you mean "OWN"?'],
    [
      "an id that the taxonomy does not have",
      "threats/T-01.yaml",
      "[L1]",
      "[L2]",
      "T-01.yaml:14:15  E721",
      'LIST-2025 has no id "L2"',
    ],
    [
      "a way closed by what the rating grants no edge",
      "controls/C-30.yaml",
      "acts: lowers",
      "acts: closes",
      "C-30.yaml:19:3  E750",
      "C-30 cannot close a way",
    ],
    [
      "a conflict with a control that is not there",
      "controls/C-30.yaml",
      "conflicts: []",
      "conflicts: [{ with: C-31, kind: excludes, because: Two minds. }]",
      "C-30.yaml:23:17  E720",
      'there is no control "C-31"',
    ],
    [
      "a control that needs itself",
      "controls/C-30.yaml",
      "needs: []",
      "needs: [{ anyOf: [C-30], because: It does. }]",
      "C-30.yaml:22:11  E754",
      "C-30 needs itself",
    ],
    [
      "a cost beyond the scale",
      "controls/C-30.yaml",
      "effort: 3",
      "effort: 4",
      "C-30.yaml:20:11  E703",
      "planning.cost.effort",
    ],
    [
      "a taxonomy passed over",
      "threats/T-01.yaml",
      "mappings:\n  LIST-2025: [L1]",
      "mappings: {}",
      "T-01.yaml:13:1  E723",
      "neither mapped nor a gap",
    ],
    [
      "a taxonomy both mapped and a gap",
      "threats/T-01.yaml",
      "gaps: []",
      "gaps: [LIST-2025]",
      "T-01.yaml:15:1  E723",
      "both mapped and a gap",
    ],
    ["an unknown profile", "threats/T-01.yaml", "[AT-7]", "[AT-9]", "T-01.yaml:8:10  E720", 'no profile "AT-9"'],
    [
      "an unknown threat in a control",
      "controls/C-30.yaml",
      "threats: [T-01]",
      "threats: [T-02]",
      "C-30.yaml:8:11  E720",
      'did you mean "T-01"?',
    ],
    [
      "an unknown threat made worse",
      "controls/C-30.yaml",
      "raises: []",
      "raises: [T-17]",
      "C-30.yaml:15:10  E720",
      'no threat "T-17"',
    ],
    [
      "a threat that only controls for everything meet",
      "controls/C-30.yaml",
      "threats: [T-01]",
      "threats: [all]",
      "T-01.yaml:1:1  E724",
      "no control names T-01",
    ],
    [
      "an unknown control in a weak claim",
      "weak-claims/trained.yaml",
      "C-30",
      "C-31",
      "trained.yaml:4:1  E720",
      'did you mean "C-30"?',
    ],
    [
      "an unconfirmed reading shown as law",
      "frameworks/ai-act/AIA-15.5-c-AE.yaml",
      "mark: V",
      "mark: R",
      "AIA-15.5-c-AE.yaml:13:17  E731",
      "only marked R",
    ],
    [
      "a clause without law behind it",
      "frameworks/ai-act/AIA-15.5-c-AE.yaml",
      "key: LAW, mark: V",
      "key: OWN, mark: I",
      "E730",
      "cites no binding law",
    ],
    [
      "a class without its decider",
      "frameworks/ai-act/AIA-15.5-c-AE.yaml",
      "decidedBy: attack-class",
      "decidedBy: document",
      "AIA-15.5-c-AE.yaml:7:1  E732",
      "attackClass goes with",
    ],
    [
      "an empty text",
      "threats/T-01.yaml",
      "summary: An input is changed.",
      'summary: ""',
      "T-01.yaml:4:1  E714",
      "summary is empty",
    ],
    [
      "figures out of order",
      "actors/AT-7.yaml",
      "likely: 0.03",
      "likely: 0.3",
      "AT-7.yaml:8:1  E740",
      "is not low ≤ likely ≤ high",
    ],
    [
      "a looser criterion for a graver harm",
      "sectors/general.yaml",
      "severity: VH, perYear: 0.001",
      "severity: VH, perYear: 0.1",
      "general.yaml:3:1  E742",
      "looser criterion",
    ],
    [
      "a name that is not the file's",
      "controls/C-30.yaml",
      "id: C-30",
      "id: C-33",
      "C-30.yaml:1:1  E711",
      "call it C-33.yaml",
    ],
    ["broken YAML", "threats/T-01.yaml", "classes: [AE]", "classes: [AE", "T-01.yaml:", "E702"],
  ])("refuses %s and says where", (_case, path, from, to, place, words) => {
    const result = changed(path, from, to);
    expect(result.knowledge).toBeUndefined();
    expect(said(result)).toContain(place);
    expect(said(result)).toContain(words);
  });

  it("refuses the reserved ids C-18 and C-19", () => {
    const text = WORLD["controls/C-30.yaml"]!.replace("id: C-30", "id: C-18");
    expect(said(compile({ "controls/C-18.yaml": text }))).toContain("C-18.yaml:1:1  E712  C-18 is reserved");
  });

  it("refuses an id that stands twice", () => {
    const text = WORLD["frameworks/ai-act/AIA-15.5-c-AE.yaml"]!;
    expect(said(compile({ "frameworks/cra/AIA-15.5-c-AE.yaml": text }))).toContain(
      "E710  AIA-15.5-c-AE is already the id of frameworks/ai-act/AIA-15.5-c-AE.yaml",
    );
  });

  it("refuses a source that nobody cites and a file that nobody reads", () => {
    const spare = WORLD["sources/LIST.yaml"]!.replace("key: LIST", "key: SPARE");
    const result = compile({ "sources/SPARE.yaml": spare, "notes/idea.yaml": "a: 1\n" });
    expect(said(result)).toContain("sources/SPARE.yaml:1:1  E722  no entry cites SPARE");
    expect(said(result)).toContain("notes/idea.yaml:1:1  E701  nothing is read from notes/idea.yaml");
  });

  it("reports every mistake at once", () => {
    const result = compile({
      "threats/T-01.yaml": WORLD["threats/T-01.yaml"]!.replace("[AT-7]", "[AT-9]").replace("[L1]", "[L2]"),
      "actors/AT-7.yaml": WORLD["actors/AT-7.yaml"]!.replace("likely: 0.03", "likely: 3"),
    });
    expect(result.diagnostics.map(({ code }) => code).toSorted()).toEqual(["E720", "E721", "E740"]);
  });

  it("leaves prototype words alone: a taxonomy id called constructor does not exist", () => {
    expect(said(changed("threats/T-01.yaml", "[L1]", "[constructor]"))).toContain('has no id "constructor"');
  });
});
