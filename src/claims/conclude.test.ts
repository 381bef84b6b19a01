/** Small systems in code: the two kinds of outcome the examples show, METHOD §10's flips, and its three monotonicity laws. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type {
  Actor,
  Component,
  Control,
  DataFlow,
  Evidence,
  Grade,
  Knowledge,
  System,
  Threat,
  ThreatType,
  Trial,
} from "#assessment/index.ts";
import { GRADES, HARMS, assessmentBody } from "#assessment/index.ts";
import { clopperPearson } from "#base/statistics.ts";
import { rate } from "#risk/index.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { SystemGraph } from "#system/graph.ts";
import { reachOf } from "#system/reach.ts";
import { conclude } from "./index.ts";
import type { Conclusions } from "./index.ts";

const where = { file: "vauban.yaml", line: 1, column: 1 };
const hash = (letter: string): string => letter.repeat(64);
const share = (
  k: number,
  n: number,
  unit = "input",
): { k: number; n: number; unit: string; low: number; high: number } => ({
  k,
  n,
  unit,
  ...clopperPearson(k, n),
});
const source = {
  key: "TEST",
  title: "Test",
  edition: "1",
  authority: "product-method",
  mark: "I",
  checked: "2026-11-01",
} as const;

const component = (id: string, kind: Component["kind"], extra: Partial<Component> = {}): Component => ({
  id,
  kind,
  title: id,
  holds: [],
  usual: {},
  where,
  ...extra,
});
const flow = (from: string, to: string): DataFlow => ({
  id: `${from}->${to}`,
  from,
  to,
  carries: ["images"],
  signed: false,
  encrypted: false,
  authenticated: false,
  where,
});
const actor = (id: string, profile: string, touches: string[], knows: Actor["knows"] = "white"): Actor => ({
  id,
  title: id,
  profile,
  touches,
  knows,
  byMethod: false,
});

const model: Component["model"] = {
  level: "deep",
  role: "advisory",
  task: "classification",
  artefact: "model/cnn.onnx",
  sha256: hash("a"),
  accuracy: { declared: 0.94, on: "data/test.npz" },
  origin: { trainedBy: "provider" },
  training: { continual: false, federated: false, personalData: false, datasets: [] },
  onDevice: false,
  tools: false,
  untrustedContent: false,
};

const system: System = {
  format: "vauban/system/1",
  name: "Second reader",
  purpose: "Marks suspected pneumonia for a radiologist.",
  excluded: [],
  misuse: [],
  environment: "physical",
  synthetic: true,
  law: { role: "provider", listing: "annex-I.11", placing: "2028-09", presumptions: [] },
  stage: "design",
  sector: "medical",
  components: [
    component("console", "sensor"),
    component("pacs", "database"),
    component("prep", "preprocessing"),
    component("cnn", "model", { model }),
    component("viewer", "interface"),
    component("radiologist", "human"),
  ],
  flows: [
    flow("console", "pacs"),
    flow("pacs", "prep"),
    flow("prep", "cnn"),
    flow("cnn", "viewer"),
    flow("viewer", "radiologist"),
  ],
  boundaries: [
    { id: "imaging", title: "Imaging", components: ["console", "pacs"], where },
    { id: "reading", title: "Reading", components: ["prep", "cnn", "viewer", "radiologist"], where },
  ],
  assets: [],
  actors: [actor("radiographer", "AT-7", ["console"]), actor("archivist", "AT-7", ["pacs"])],
  datasets: [],
  controls: [
    {
      id: "C-92@pacs",
      control: "C-92",
      at: "pacs",
      kind: "verified",
      evidence: "flip.json",
      date: "2026-10-01",
      where,
    },
    { id: "C-65@radiologist", control: "C-65", at: "radiologist", kind: "declared", evidence: "rules.pdf", where },
  ],
  tests: [],
  imports: [],
  harms: [
    { consequence: "wrong-output", harm: "health", severity: "H", because: "a finding is missed", assumed: false },
  ],
  criteria: [],
  exclusions: [],
  exposures: [],
  reviewers: [],
  where,
};

const threatType = (
  id: string,
  slug: string,
  classes: ThreatType["classes"],
  extra: Partial<ThreatType> = {},
): ThreatType => ({
  id,
  slug,
  title: slug,
  summary: slug,
  classes,
  consequences: ["wrong-output"],
  dimensions: ["security"],
  actors: ["AT-7"],
  conventional: false,
  stage: ["operation"],
  modelLevel: "partly",
  evidence: ["a trial"],
  mappings: [],
  gaps: [],
  sources: [source],
  ...extra,
});
const control = (id: string, threats: Control["threats"], extra: Partial<Control> = {}): Control => ({
  id,
  title: id,
  summary: id,
  layer: "system",
  verbs: ["prevent"],
  stages: ["design"],
  appliesTo: [],
  threats,
  maturity: "proven",
  maturityReason: "long in use",
  limits: [],
  tradeoffs: [],
  evidence: ["a denial test"],
  validDays: 365,
  raises: [],
  mappings: [],
  sources: [source],
  ...extra,
});
const profile = (id: string, low: number, likely: number, high: number): Knowledge["profiles"][number] => ({
  id,
  title: id,
  motive: "",
  knows: "white",
  capability: "",
  inside: true,
  uses: ["import-media", "administration"],
  attempts: { low, likely, high, because: "assumed" },
  attemptsFor: [],
  sources: [source],
});

const knowledge: Knowledge = {
  edition: "test",
  hash: hash("0"),
  threats: [
    threatType("T-01", "evasion", ["AE"]),
    threatType("T-02", "physical-evasion", ["AE"], { modelLevel: "none" }),
    threatType("T-05", "poisoning", ["DP"]),
  ],
  controls: [
    control("C-30", ["T-01"], { layer: "model" }),
    control("C-31", ["T-01"], { layer: "model", maturity: "broken", maturityReason: "fell to adaptive attacks" }),
    control("C-38", ["T-01"], { layer: "model", maturity: "research", verbs: ["detect"] }),
    control("C-64", ["T-01", "T-02"]),
    control("C-65", ["T-01"], { verbs: ["detect", "respond"] }),
    control("C-92", ["T-01", "T-05"], { verbs: ["prevent", "detect"] }),
  ],
  clauses: [
    {
      id: "AIA-15.5-c-AE",
      framework: "AI Act",
      article: "Art. 15(5)",
      title: "Adversarial examples",
      text: "",
      kind: "requirement",
      decidedBy: "attack-class",
      attackClass: "AE",
      evidence: [],
      tested: "",
      appliesTo: "high-risk",
      sources: [source],
    },
    {
      id: "AIA-9.1",
      framework: "AI Act",
      article: "Art. 9(1)",
      title: "Risk management",
      text: "",
      kind: "requirement",
      decidedBy: "document",
      evidence: [],
      tested: "",
      appliesTo: "high-risk",
      sources: [source],
    },
  ],
  dates: [
    { id: "annex-I.A", listing: "annex-I.A", appliesFrom: "2028-08-02", text: "", sources: [source] },
    { id: "annex-III", listing: "annex-III", appliesFrom: "2027-12-02", text: "", sources: [source] },
  ],
  profiles: [profile("AT-7", 0.01, 0.03, 0.1), profile("AT-4", 0.1, 1, 10)],
  sectors: [
    {
      id: "medical",
      title: "Medical",
      criteria: [
        { severity: "VH", perYear: 0.001 },
        { severity: "H", perYear: 0.01 },
        { severity: "M", perYear: 0.1 },
        { severity: "L", perYear: 1 },
      ],
      severities: [{ consequence: "wrong-output", harm: "health", severity: "VH", because: "pack" }],
      otherLaw: [],
      sources: [source],
    },
  ],
  weakClaims: [],
};

const trial = (id: string, kind: Trial["kind"], extra: Partial<Trial> = {}): Trial => ({
  id,
  kind,
  target: "cnn",
  tests: kind === "evasion" ? ["T-01"] : kind === "patch" ? ["T-02"] : [],
  knowledge: "white",
  unit: kind === "patch" ? "random draw" : "input",
  planned: 500,
  power: 0.044,
  budget: {},
  stop: "all samples",
  seed: "1",
  manifest: hash("1"),
  key: hash("2"),
  inputs: [{ role: "model", path: "model/cnn.onnx", sha256: hash("a"), size: 1 }],
  where,
  ...extra,
});
const cleanTrial = trial("clean@cnn", "clean");
const evasionTrial = trial("evasion@cnn", "evasion", {
  bound: { by: "human-check", because: "the reader would see more", actors: ["archivist"] },
  threshold: { metric: "robust-accuracy", compare: { at: ">=", value: 0.6 }, because: "pilot study", where },
});

const evidenceItem = (id: string, extra: Partial<Evidence>): Evidence => ({
  id,
  kind: "measured",
  grade: "B",
  title: id,
  tests: [],
  outcome: { status: "inconclusive", because: "nothing" },
  sanity: [{ check: "gradient", passed: true, detail: "" }],
  adaptive: true,
  tool: { name: "vauban", version: "0" },
  inputs: [{ role: "model", sha256: hash("a") }],
  date: "2026-11-01",
  standing: { status: "current" },
  notes: [],
  ...extra,
});
const cleanEvidence = evidenceItem("ev-clean", {
  trial: "clean@cnn",
  at: "cnn",
  outcome: {
    status: "measured",
    measure: { kind: "clean", accuracy: share(470, 500), declared: 0.94, perClass: [], deterministic: true },
  },
});
const evasionEvidence = (fooled: number, extra: Partial<Evidence> = {}): Evidence =>
  evidenceItem("ev-evasion", {
    trial: "evasion@cnn",
    at: "cnn",
    tests: ["T-01"],
    outcome: {
      status: "measured",
      measure: {
        kind: "evasion",
        norm: "linf",
        eps: 4 / 255,
        epsRaw: 4,
        robustAccuracy: share(470 - fooled, 500),
        successRate: share(fooled, 470),
        planned: 500,
        attacks: [],
        curve: [],
        noise: share(460, 500),
        corruptions: [],
        unbounded: share(470, 470),
        queries: 1,
        gradients: 1,
        exhibits: [],
      },
    },
    ...extra,
  });
const denial = evidenceItem("ev-denial", {
  kind: "verified",
  signature: "verified",
  control: "C-92",
  at: "pacs",
  inputs: [],
  date: "2026-10-01",
  outcome: {
    status: "measured",
    measure: { kind: "statement", successes: share(0, 20, "attempt"), method: "one flipped byte", adaptive: false },
  },
});

/** Somebody looked, and signed it: what an exclusion has to point to. */
const audit = evidenceItem("ev-audit", {
  kind: "imported",
  grade: "C",
  signature: "verified",
  source: "audit.pdf",
  tests: [],
  inputs: [],
  date: "2026-10-01",
  outcome: {
    status: "measured",
    measure: {
      kind: "statement",
      successes: share(0, 40, "attempt"),
      method: "audit of the training",
      adaptive: false,
    },
  },
});

interface World {
  readonly system: System;
  readonly knowledge: Knowledge;
  readonly trials: readonly Trial[];
  readonly evidence: readonly Evidence[];
  readonly asOf: string;
  readonly types: readonly string[];
}

/** Threats of the given types at the model by every actor; reach without any closure, as the rules would write it. */
function threatsOf({ system: of, knowledge: known, types }: World): Threat[] {
  const graph = new SystemGraph(of);
  return types.flatMap((type) =>
    of.actors.map((who) => {
      const slug = known.threats.find(({ id }) => id === type)!.slug;
      return {
        id: `${slug}@cnn by ${who.id}`,
        group: `${slug}@cnn`,
        type,
        at: "cnn",
        actor: who.id,
        reach: reachOf(graph, who.id, "cnn", { threat: type }),
        rule: "rule:test",
        why: "test",
        where,
      };
    }),
  );
}

function concluded(world: World): Conclusions {
  const { system: of, knowledge: known, trials, evidence, asOf } = world;
  const threats = threatsOf(world);
  return conclude({
    system: of,
    knowledge: known,
    threats,
    discarded: [],
    trials,
    evidence,
    rate: (items) => rate({ system: of, threats, trials, evidence: items, knowledge: known, asOf }),
  });
}

const reader: World = {
  system,
  knowledge,
  trials: [cleanTrial, evasionTrial],
  evidence: [cleanEvidence, evasionEvidence(312), denial],
  asOf: "2026-11-22",
  types: ["T-01"],
};

describe("a second reader whose model breaks, with a verified archive", () => {
  const result = concluded(reader);

  test("cannot conclude: the threshold missed on the model is carried by C-92, the console stays open", () => {
    expect(result.outcome).toMatchObject({ outcome: "cannot conclude", row: "2", exit: 2, byAnalogy: false });
    expect(result.findings.find(({ id }) => id === "F-threshold:evasion@cnn")).toMatchObject({
      status: "confirmed",
      severity: "warning",
      title: "Threshold of evasion@cnn missed on the model, carried by the system",
    });
  });

  test("names what carries it: without C-92 at pacs it is not met, by pacs -> prep -> cnn", () => {
    expect(result.outcome.carriedBy).toEqual([
      { control: "C-92", at: "pacs", evidence: ["ev-denial"], without: "not met", path: "pacs -> prep -> cnn" },
    ]);
  });

  test("the radiographer replaces the image: S = 1, P(≥1 per year) = [0.00995, 0.0952] across 0.01", () => {
    const risk = result.risks.find(({ id }) => id === "evasion@cnn by radiographer -> health")!;
    expect([risk.successCurrent.low, risk.successCurrent.high]).toEqual([1, 1]);
    expect([risk.current.low.toFixed(5), risk.current.high.toFixed(4)]).toEqual(["0.00995", "0.0952"]);
    expect(risk).toMatchObject({ judgement: "open", significant: true, untested: false, criterion: { perYear: 0.01 } });
    expect(risk.caveats.join()).toContain("informative only for radiographer");
  });

  test("the archivist is left with ways he would have to force, and nothing shown about them", () => {
    const risk = result.risks.find(({ actor: who }) => who === "archivist")!;
    expect(risk.successInherent.low).toBeCloseTo(clopperPearson(312, 470).low, 12);
    expect(risk.successCurrent.low).toBe(0);
    expect(risk.controls.find(({ control: id }) => id === "C-92")).toMatchObject({ credited: true });
    expect(risk.depth).toBe(1);
    const other = result.risks.find(({ actor: who }) => who === "radiographer")!;
    expect(other.controls.find(({ control: id }) => id === "C-92")).toMatchObject({
      credited: false,
      why: "the way radiographer has does not end there",
    });
  });

  test("what was not tried is said first, by class", () => {
    expect(result.outcome.notTried.slice(0, 4).map(({ what }) => what)).toEqual([
      "data poisoning",
      "model poisoning",
      "confidentiality attacks",
      "model flaws",
    ]);
    expect(result.outcome.coverage.find((entry) => entry.class === "AE")).toMatchObject({ status: "tried" });
  });

  test("a declared control is shown without credit, and verifying it stands among what to do next", () => {
    expect(result.findings.find(({ id }) => id === "F-control:C-65@radiologist")).toMatchObject({
      kind: "declaration",
      severity: "note",
      where,
    });
    expect(result.outcome.next.map(({ what }) => what)).toContain("verify or measure C-65 at radiologist");
    expect(result.outcome.next.map(({ narrows }) => narrows)).toEqual(
      result.outcome.next.map(({ narrows }) => narrows).toSorted((a, b) => b - a),
    );
  });

  test("clauses: a document nobody brought is missing, and dates follow from the listing", () => {
    expect(result.claims.map(({ clause, status, appliesFrom }) => [clause, status, appliesFrom])).toEqual([
      ["AIA-15.5-c-AE", "missing", "2028-08-02"],
      ["AIA-9.1", "missing", "2028-08-02"],
    ]);
  });

  test("everything it says has the shape of the assessment document", () => {
    const shape = assessmentBody.pick({ findings: true, risks: true, claims: true, matrix: true, outcome: true });
    const { findings, risks, claims, matrix, outcome } = result;
    expect(shape.safeParse({ findings, risks, claims, matrix, outcome }).error).toBeUndefined();
    expect(matrix).toHaveLength(25);
  });

  test("finding ids are unique and stable from run to run", () => {
    const ids = result.findings.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(concluded(reader).findings.map(({ id }) => id)).toEqual(ids);
  });
});

describe("flips (METHOD §10): the outcome worsens or cannot be concluded", () => {
  test("C-92's evidence taken away: not met", () => {
    const result = concluded({ ...reader, evidence: [cleanEvidence, evasionEvidence(312)] });
    expect(result.outcome).toMatchObject({ outcome: "not met", row: "1a", exit: 1 });
    expect(result.outcome.because).toContain("archivist still gets there: pacs -> prep -> cnn");
  });

  test("C-92's evidence dated back past its validity: not met, and said to be stale", () => {
    const old = { ...denial, date: "2025-10-01" };
    const result = concluded({ ...reader, evidence: [cleanEvidence, evasionEvidence(312), old] });
    expect(result.outcome.outcome).toBe("not met");
    expect(result.findings.find(({ id }) => id === "F-stale:C-92@pacs")).toMatchObject({
      status: "stale",
      kind: "control",
    });
  });

  test("a statement about a place where the threat is not tries no class", () => {
    const at = (place: string) =>
      concluded({
        ...reader,
        evidence: [
          cleanEvidence,
          evidenceItem("ev-tried", {
            kind: "imported",
            grade: "C",
            tests: ["T-01"],
            at: place,
            inputs: [],
            outcome: {
              status: "measured",
              measure: { kind: "statement", successes: share(0, 20, "attempt"), method: "tried", adaptive: false },
            },
          }),
        ],
      }).outcome.coverage.find(({ class: name }) => name === "AE")!.status;
    expect(at("cnn")).toBe("tried");
    expect(at("viewer")).toBe("not-tried");
  });

  test("one denial of twenty failed: not met", () => {
    const leaky = {
      ...denial,
      outcome: {
        status: "measured" as const,
        measure: {
          kind: "statement" as const,
          successes: share(1, 20, "attempt"),
          method: "one flipped byte",
          adaptive: false,
        },
      },
    };
    expect(concluded({ ...reader, evidence: [cleanEvidence, evasionEvidence(312), leaky] }).outcome.outcome).toBe(
      "not met",
    );
  });

  test("a USB import behind the check: not met", () => {
    const usb: System = {
      ...system,
      components: [...system.components, component("usb", "external")],
      flows: [...system.flows, flow("usb", "prep")],
      actors: [actor("radiographer", "AT-7", ["console"]), actor("archivist", "AT-7", ["pacs", "usb"])],
    };
    const result = concluded({ ...reader, system: usb });
    expect(result.outcome.outcome).toBe("not met");
    expect(result.outcome.because).toContain("usb -> prep -> cnn");
  });

  test("other weights deployed: what was measured is stale, nothing about the model is rated, and it cannot be concluded", () => {
    const changed: System = {
      ...system,
      components: system.components.map((item) =>
        item.model ? { ...item, model: { ...item.model, sha256: hash("b") } } : item,
      ),
    };
    const result = concluded({ ...reader, system: changed });
    expect(result.outcome.outcome).toBe("cannot conclude");
    expect(result.outcome.coverage.every(({ status }) => status === "not-tried")).toBe(true);
    expect(result.findings.find(({ id }) => id === "F-stale:evasion@cnn")).toMatchObject({ status: "stale" });
    expect(result.risks.every(({ untested }) => untested)).toBe(true);
    expect(result.claims.find(({ clause }) => clause === "AIA-15.5-c-AE")?.status).toBe("stale");
  });

  test("an actor of the bound who only ever had ways to force neither carries the limit nor undoes what carries it", () => {
    const gang: System = { ...system, actors: [...system.actors, actor("gang", "AT-7", [])] };
    const bound = { ...evasionTrial.bound!, actors: ["archivist", "gang"] };
    const world = { ...reader, system: gang, trials: [cleanTrial, { ...evasionTrial, bound }] };
    const result = concluded(world);
    expect(result.outcome.outcome).toBe("cannot conclude");
    expect(result.risks.find(({ actor: who }) => who === "gang")).toMatchObject({
      judgement: "open",
      successCurrent: { low: 0 },
    });
    const alone = { ...world, trials: [cleanTrial, { ...evasionTrial, bound: { ...bound, actors: ["gang"] } }] };
    expect(concluded(alone).outcome.outcome).toBe("not met");
  });

  test("one actor more: every risk stands as it stood, and one more is open", () => {
    const more: System = { ...system, actors: [...system.actors, actor("porter", "AT-7", ["prep"])] };
    const [before, after] = [concluded(reader), concluded({ ...reader, system: more })];
    expect(after.outcome.outcome).toBe("cannot conclude");
    expect(after.risks.filter(({ judgement }) => judgement === "open")).toHaveLength(before.risks.length + 1);
    for (const risk of before.risks) expect(after.risks).toContainEqual(risk);
  });

  test("a clean run nine points off the declared accuracy: nothing about the model is rated", () => {
    const off = {
      ...cleanEvidence,
      outcome: {
        status: "measured" as const,
        measure: {
          kind: "clean" as const,
          accuracy: share(425, 500),
          declared: 0.94,
          perClass: [],
          deterministic: true,
        },
      },
    };
    const result = concluded({ ...reader, evidence: [off, evasionEvidence(312), denial] });
    expect(result.outcome.outcome).toBe("cannot conclude");
    expect(result.findings.find(({ id }) => id === "F-clean@cnn")?.detail).toContain("preprocessing is suspected");
  });
});

describe("roadside signs: a sticker that anyone can put up", () => {
  const roadside: System = {
    ...system,
    law: { role: "provider", listing: "annex-III.2", presumptions: [] },
    sector: "road",
    components: [component("camera", "sensor"), component("cnn", "model", { model }), component("planner", "actuator")],
    flows: [flow("camera", "cnn"), flow("cnn", "planner")],
    boundaries: [{ id: "cabinet", title: "Cabinet", components: ["cnn", "planner"], where }],
    actors: [actor("passer-by", "AT-4", ["camera"], "grey")],
    controls: [],
    harms: [
      { consequence: "wrong-output", harm: "safety", severity: "VH", because: "a stop is missed", assumed: false },
    ],
    exposures: [{ threat: "physical-evasion@cnn", low: 10, likely: 40, high: 100, because: "vehicles a day", where }],
  };
  const patchEvidence = (fooled: number): Evidence =>
    evidenceItem("ev-patch", {
      trial: "patch@cnn",
      at: "cnn",
      tests: ["T-02"],
      outcome: {
        status: "measured",
        measure: {
          kind: "patch",
          area: 0.05,
          successRate: share(fooled * 10, 1000, "random draw"),
          perInput: share(fooled, 100),
          occlusion: share(1, 100),
          planned: 100,
          cells: [],
          steps: 1,
          queries: 1,
          trainedOn: 50,
          exhibits: [],
        },
      },
    });
  const world: World = {
    ...reader,
    system: roadside,
    trials: [cleanTrial, trial("patch@cnn", "patch")],
    evidence: [cleanEvidence, patchEvidence(60)],
    types: ["T-02"],
  };

  test("not met: P lies wholly above the criterion, whatever else was not tried", () => {
    const result = concluded(world);
    expect(result.outcome).toMatchObject({ outcome: "not met", row: "1a", exit: 1 });
    expect(result.risks[0]).toMatchObject({ judgement: "missed", reach: "direct", criterion: { perYear: 0.001 } });
    expect(result.risks[0]!.current.low).toBeGreaterThan(0.09);
    expect(result.outcome.notTried.map(({ what }) => what)).toContain("data poisoning");
    expect(result.findings[0]).toMatchObject({ id: "F-physical-evasion@cnn", status: "confirmed", severity: "error" });
  });

  test("draws compound over the vehicles that pass: expected events are attempts × success × exposures", () => {
    const [risk] = concluded(world).risks;
    expect(risk!.expected.likely).toBeCloseTo(1 * 0.6 * 40, 12);
    expect(risk!.current.likely).toBeCloseTo(1 - Math.exp(-(1 - 0.4 ** 40)), 12);
  });

  test("not feasible with mature measures only once every proven control against it stands with credit", () => {
    const guard = evidenceItem("ev-guard", {
      control: "C-64",
      at: "cnn",
      tests: ["T-02"],
      inputs: [],
      outcome: {
        status: "measured",
        measure: {
          kind: "statement",
          successes: share(55, 100, "track"),
          method: "joint adaptive attack",
          adaptive: true,
        },
      },
    });
    const guarded: System = {
      ...roadside,
      controls: [{ id: "C-64@cnn", control: "C-64", at: "cnn", kind: "measured", evidence: "guard.json", where }],
    };
    const result = concluded({ ...world, system: guarded, evidence: [...world.evidence, guard] });
    expect(result.outcome).toMatchObject({ outcome: "not feasible with mature measures", row: "1b", exit: 1 });
    expect(concluded({ ...world, system: guarded }).outcome.row).toBe("1a");
    expect(result.notFeasible).toMatchObject({
      beyond: ["physical-evasion@cnn by passer-by -> safety"],
      conflict: { limits: [{ control: "C-64", kind: "measured" }] },
      edition: "test",
    });
    expect(result.outcome.reasons.join("\n")).toContain("C-64 (C-64): at cnn: measured: 55 of 100");

    // Behind the model it is in nobody's way: what was measured there bounds nothing, however useless it was, and carries nothing.
    const elsewhere: System = {
      ...guarded,
      controls: [{ ...guarded.controls[0]!, id: "C-64@planner", at: "planner" }],
    };
    const useless = { ...guard, at: "planner" };
    const behind = concluded({ ...world, system: elsewhere, evidence: [...world.evidence, useless] });
    expect(behind.outcome).toMatchObject({ row: "1a", carriedBy: [] });
    expect(behind.notFeasible).toBeUndefined();
    expect(behind.risks[0]!.controls).toMatchObject([
      { control: "C-64", credited: false, why: "planner is not on the way" },
    ]);
    // On every way it counts; measured by an attack that did not know of it, it earns no credit and bounds nothing either.
    const before: System = { ...guarded, controls: [{ ...guarded.controls[0]!, id: "C-64@camera", at: "camera" }] };
    const onTheWay = { ...guard, at: "camera" };
    expect(concluded({ ...world, system: before, evidence: [...world.evidence, onTheWay] }).outcome.row).toBe("1b");
    for (const weak of [{ adaptive: false }, { standing: { status: "stale", because: "out of date" } }] as const)
      expect(
        concluded({ ...world, system: guarded, evidence: [...world.evidence, { ...guard, ...weak }] }).outcome.row,
      ).toBe("1a");

    // A mature measure that nobody measured here may reach anything; one that is not mature, or only declared, changes nothing.
    const withOther = (extra: Control): Knowledge => ({
      ...world.knowledge,
      controls: [...world.knowledge.controls, extra],
    });
    const judged = (extra: Control): string =>
      concluded({ ...world, system: guarded, evidence: [...world.evidence, guard], knowledge: withOther(extra) })
        .outcome.row;
    expect(judged(control("C-61", ["T-02"]))).toBe("1a");
    expect(judged(control("C-61", ["T-02"], { maturity: "emerging" }))).toBe("1b");
    expect(judged(control("C-02", ["all", "T-02"], { layer: "organisational" }))).toBe("1b");
  });

  test("without the trial's evidence nothing is missed by assumption alone, and nothing is within", () => {
    const result = concluded({ ...world, evidence: [cleanEvidence] });
    expect(result.outcome.outcome).toBe("cannot conclude");
    expect(result.risks[0]).toMatchObject({
      judgement: "open",
      untested: true,
      successCurrent: { low: 0, likely: 1, high: 1 },
    });
    expect(result.findings.find(({ id }) => id === "F-physical-evasion@cnn")).toMatchObject({ status: "untested" });
  });

  test("under Annex I Section B, or not listed, the same outcome is given by analogy", () => {
    for (const listing of ["annex-I.B", "annex-I.B.5", "none"]) {
      const result = concluded({ ...world, system: { ...roadside, law: { ...roadside.law, listing } } });
      expect(result.outcome).toMatchObject({ outcome: "not met", byAnalogy: true });
      expect(result.claims[0]!.caveats).toContain("by analogy – not a legal conclusion");
      expect(result.claims[0]!.appliesFrom).toBeUndefined();
    }
  });
});

describe("what earns credit", () => {
  const withControl = (id: string, extra: Partial<Evidence>, kind: "measured" | "verified" = "verified"): Conclusions =>
    concluded({
      ...reader,
      system: { ...system, controls: [{ id: `${id}@pacs`, control: id, at: "pacs", kind, where }] },
      evidence: [cleanEvidence, evasionEvidence(312), { ...denial, control: id, ...extra }],
    });
  const why = (result: Conclusions, id: string): string | undefined =>
    result.findings.find((finding) => finding.id === `F-control:${id}@pacs`)?.detail;

  test("a broken control never, however well it was tested", () => {
    expect(why(withControl("C-31", { kind: "measured" }, "measured"), "C-31")).toContain("never counts");
  });
  test("a research control only by an adaptive measurement", () => {
    expect(why(withControl("C-38", {}), "C-38")).toContain("only the attack re-run");
    expect(why(withControl("C-38", { kind: "measured", adaptive: false }, "measured"), "C-38")).toContain(
      "did not know of it",
    );
    expect(why(withControl("C-38", { kind: "measured", adaptive: true }, "measured"), "C-38")).toBeUndefined();
  });
  test("a model-level control not by a denial test", () => {
    expect(why(withControl("C-30", {}), "C-30")).toContain("adaptive measurement");
  });
  test("a control called verified whose evidence is a declaration, undated, or unsigned from elsewhere: nothing", () => {
    expect(why(withControl("C-92", { kind: "declared" }), "C-92")).toContain("declaration");
    expect(why(withControl("C-92", { date: undefined }), "C-92")).toContain("no date");
    expect(why(withControl("C-92", { kind: "imported", signature: "unsigned" }), "C-92")).toContain("signature");
    expect(why(withControl("C-92", { kind: "imported", signature: "verified" }), "C-92")).toBeUndefined();
  });
  test("two entries need two pieces of evidence: one that is taken away leaves a gap", () => {
    const entry = { id: "C-92@pacs", control: "C-92", at: "pacs", kind: "verified" as const, where };
    const twice: System = { ...system, controls: [entry, { ...entry, id: "C-92@pacs~2" }] };
    const one = concluded({ ...reader, system: twice });
    expect(why(one, "C-92")).toContain("no evidence for it");
    const two = concluded({
      ...reader,
      system: twice,
      evidence: [...reader.evidence, { ...denial, id: "ev-denial-2" }],
    });
    expect(why(two, "C-92")).toBeUndefined();
  });
  test("words beside a verified entry take nothing from it, and a failed test beside a passed one takes all", () => {
    const entry = { id: "a", control: "C-92", at: "pacs", kind: "verified" as const, evidence: "flip.json", where };
    const controls = [entry, { ...entry, id: "b", kind: "declared" as const, evidence: "plan.pdf" }];
    const words = {
      ...denial,
      id: "ev-words",
      kind: "declared" as const,
      source: "plan.pdf",
      outcome: { status: "inconclusive" as const, because: "words" },
    };
    const verified = { ...denial, source: "flip.json" };
    const world = {
      ...reader,
      system: { ...system, controls },
      evidence: [cleanEvidence, evasionEvidence(312), verified, words],
    };
    expect(concluded(world).outcome.outcome).toBe("cannot conclude");
    const failed = {
      ...denial,
      id: "ev-failed",
      source: "again.json",
      outcome: {
        status: "measured" as const,
        measure: { kind: "statement" as const, successes: share(3, 20, "attempt"), method: "again", adaptive: false },
      },
    };
    const twice = { ...world, system: { ...system, controls: [entry, { ...entry, id: "c", evidence: "again.json" }] } };
    expect(concluded({ ...twice, evidence: [...world.evidence, failed] }).outcome.outcome).toBe("not met");
    expect(concluded(twice).outcome.outcome).toBe("not met");
  });
  test("evidence that names whom it binds closes nothing for anybody else", () => {
    expect(withControl("C-92", { binds: ["archivist"] }).outcome.outcome).toBe("cannot conclude");
    expect(withControl("C-92", { binds: ["radiographer"] }).outcome.outcome).toBe("not met");
  });
});

describe("controls that are a target or make something worse", () => {
  const detector = component("detector", "model", { model });
  const declared = (control: string, extra: object = {}): System["controls"][number] => ({
    id: control,
    control,
    at: "cnn",
    kind: "declared",
    where,
    ...extra,
  });
  const catalogue = {
    ...knowledge,
    threats: [...knowledge.threats, threatType("T-17", "membership-inference", ["CA"])],
    controls: knowledge.controls.map((entry) => (entry.id === "C-30" ? { ...entry, raises: ["T-17"] } : entry)),
  };
  const world: World = {
    ...reader,
    knowledge: catalogue,
    types: ["T-01", "T-17"],
    system: {
      ...system,
      components: [...system.components, detector],
      controls: [declared("C-38", { component: "detector" }), declared("C-30")],
    },
  };

  test("a detector that is itself a model is shown as a target whose false alarms nobody measured", () => {
    const found = concluded(world).findings.find(({ id }) => id === "F-filter:C-38@cnn");
    expect(found).toMatchObject({ kind: "control", severity: "warning", status: "untested", at: "detector" });
    expect(found!.detail).toContain("its false alarms were not measured");
  });
  test("its clean run says how often it is wrong, per class", () => {
    const run = evidenceItem("ev-detector", {
      at: "detector",
      outcome: {
        status: "measured",
        measure: {
          kind: "clean",
          accuracy: share(480, 500),
          declared: 0.96,
          perClass: [
            { label: "benign", correct: 240, n: 250 },
            { label: "attack", correct: 240, n: 250 },
          ],
          deterministic: true,
        },
      },
    });
    const found = concluded({ ...world, evidence: [...world.evidence, run] }).findings.find(
      ({ id }) => id === "F-filter:C-38@cnn",
    );
    expect(found!.detail).toContain("10 of 250 of class benign (4 %)");
    expect(found!.evidence).toEqual(["ev-detector"]);
  });
  test("adversarial training makes membership inference worse: named in the risk and in a finding", () => {
    const result = concluded(world);
    for (const risk of result.risks)
      expect(risk.raisedBy).toEqual(risk.type === "T-17" ? [{ control: "C-30", at: "cnn" }] : []);
    expect(result.findings.find(({ id }) => id === "F-raises:C-30@cnn:T-17")).toMatchObject({
      severity: "warning",
      status: "untested",
    });
  });
});

describe("rows 3 and 4 can be reached, and only with evidence", () => {
  const excluded = (classes: string[]): System["exclusions"] =>
    classes.map((what) => ({ what, because: "nothing is trained here", evidence: "audit.pdf", where }));
  const mild: System = {
    ...system,
    harms: HARMS.slice(0, 1).map((harm) => ({
      consequence: "wrong-output",
      harm,
      severity: "L",
      because: "an extra look",
      assumed: false,
    })),
    exclusions: excluded(["DP", "MP", "CA", "MF"]),
  };
  const kindKnowledge = { ...knowledge, clauses: knowledge.clauses.slice(0, 1) };

  test("row 4: no significant risk misses or straddles, the threshold is met, every class tried or excluded with evidence", () => {
    const result = concluded({
      ...reader,
      system: mild,
      knowledge: kindKnowledge,
      evidence: [cleanEvidence, evasionEvidence(60), denial, audit],
    });
    expect(result.outcome).toMatchObject({ outcome: "supported by own justification", row: "4", exit: 0 });
    expect(result.claims[0]).toMatchObject({ status: "supported" });
  });
  test("row 3: the model misses its threshold, and a verified control carries it", () => {
    const result = concluded({
      ...reader,
      system: mild,
      knowledge: kindKnowledge,
      evidence: [...reader.evidence, audit],
    });
    expect(result.outcome).toMatchObject({ outcome: "supported via complementary measures", row: "3", exit: 0 });
  });
  test("one significant risk that is open is enough for row 2", () => {
    const grave: System = { ...mild, harms: [{ ...mild.harms[0]!, severity: "H" }] };
    const result = concluded({
      ...reader,
      system: grave,
      knowledge: kindKnowledge,
      evidence: [cleanEvidence, evasionEvidence(60), denial, audit],
    });
    expect(result.outcome).toMatchObject({ row: "2", exit: 2 });
    expect(result.outcome.reasons[0]).toMatch(/^evasion@cnn by \w+ -> health: open, P/);
  });
  test("each risk within is not enough: a sum that is not within keeps it in row 2, and a finding says so", () => {
    // At up to 0.1 attempts a year, with S up to 1 and up to 0.8: 0.0952 and 0.0769 singly, 1 − e^(−0.18) = 0.165 together, against 0.1.
    const middling: System = { ...mild, harms: [{ ...mild.harms[0]!, severity: "M" }] };
    const result = concluded({
      ...reader,
      system: middling,
      knowledge: kindKnowledge,
      evidence: [cleanEvidence, evasionEvidence(60), denial, audit],
    });
    expect(new Set(result.risks.map(({ judgement }) => judgement))).toEqual(new Set(["within"]));
    expect(result.outcome).toMatchObject({ row: "2", exit: 2 });
    expect(result.outcome.because).toContain("1 total over all ways and actors not within");
    expect(result.register).toMatchObject([{ id: "health", judgement: "open", totals: [{ singly: "within" }] }]);
    expect(result.register[0]!.totals[0]!.evaluation.high).toBeCloseTo(1 - Math.exp(-0.18), 12);
    expect(result.findings.find(({ id }) => id === "F-register:health")).toMatchObject({
      kind: "register",
      severity: "warning",
      title: "Harm to health is open over all ways and actors together",
    });
  });
  test("a criterion discharges no threshold: without the control that carries it, it is not met", () => {
    const result = concluded({
      ...reader,
      system: mild,
      knowledge: kindKnowledge,
      evidence: [...reader.evidence.filter(({ id }) => id !== denial.id), audit],
    });
    expect(result.outcome.outcome).toBe("not met");
  });
  test("an exclusion whose evidence nobody imported is no exclusion", () => {
    const result = concluded({ ...reader, system: mild, knowledge: kindKnowledge });
    expect(result.outcome.coverage.filter(({ status }) => status === "excluded")).toEqual([]);
    expect(result.outcome.exit).not.toBe(0);
  });
  test("an exclusion without evidence is no exclusion", () => {
    const bare: System = { ...mild, exclusions: mild.exclusions.map(({ evidence: _evidence, ...rest }) => rest) };
    expect(concluded({ ...reader, system: bare, knowledge: kindKnowledge }).outcome.outcome).toBe("cannot conclude");
  });
  test("row 4 waits for every claim on Art. 15", () => {
    const more = {
      ...knowledge,
      clauses: [...kindKnowledge.clauses, { ...knowledge.clauses[1]!, id: "AIA-15.3", decidedBy: "document" as const }],
    };
    const result = concluded({
      ...reader,
      system: mild,
      knowledge: more,
      evidence: [cleanEvidence, evasionEvidence(60), denial, audit],
    });
    expect(result.outcome.outcome).toBe("cannot conclude");
    expect(result.outcome.reasons[0]).toContain("AIA-15.3");
  });
});

describe("monotonicity (METHOD §10)", () => {
  const second = trial("square@cnn", "evasion", { bound: evasionTrial.bound, threshold: evasionTrial.threshold });
  const pieces = fc.record({
    fooled: fc.integer({ min: 0, max: 470 }),
    other: fc.integer({ min: 0, max: 470 }),
    grade: fc.constantFrom<Grade>(...GRADES),
    otherGrade: fc.constantFrom<Grade>(...GRADES),
    adaptive: fc.boolean(),
    checked: fc.boolean(),
    severity: fc.constantFrom("L" as const, "M" as const, "H" as const, "VH" as const),
    denials: fc.constantFrom(0, 0, 1),
    excluded: fc.boolean(),
    exposed: fc.boolean(),
    guards: fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 2 }),
    imported: fc.option(fc.integer({ min: 0, max: 50 })),
  });
  type Pieces = typeof pieces extends fc.Arbitrary<infer Value> ? Value : never;
  const worldOf = (p: Pieces): World => ({
    ...reader,
    knowledge: { ...knowledge, clauses: knowledge.clauses.slice(0, 1) },
    system: {
      ...system,
      harms: [{ ...system.harms[0]!, severity: p.severity }],
      controls: [
        ...system.controls,
        ...p.guards.map((_k, i) => ({
          id: `guard-${i}`,
          control: i === 0 ? "C-64" : "C-38",
          at: "cnn",
          kind: "measured" as const,
          where,
        })),
      ],
      imports:
        p.imported === null ? [] : [{ id: "pentest", format: "statement", path: "pentest.json", for: ["T-01"], where }],
      exposures: p.exposed
        ? [{ threat: "T-01", low: 1, likely: 5, high: 20, because: "copies of the image", where }]
        : [],
      exclusions: p.excluded
        ? ["DP", "MP", "CA", "MF"].map((what) => ({ what, because: "not there", evidence: "audit.pdf", where }))
        : [],
    },
    trials: [cleanTrial, evasionTrial, second],
    evidence: [
      ...p.guards.map((k, i) =>
        evidenceItem(`ev-guard-${i}`, {
          control: i === 0 ? "C-64" : "C-38",
          at: "cnn",
          tests: ["T-01"],
          outcome: {
            status: "measured",
            measure: { kind: "statement", successes: share(k, 100, "attempt"), method: "adaptive", adaptive: true },
          },
        }),
      ),
      ...(p.imported === null
        ? []
        : [
            evidenceItem("ev-import", {
              kind: "imported",
              grade: "C",
              tests: ["T-01"],
              at: "cnn",
              inputs: [],
              source: "pentest",
              signature: "verified",
              outcome: {
                status: "measured",
                measure: {
                  kind: "statement",
                  successes: share(p.imported, 50, "attempt"),
                  method: "penetration test",
                  adaptive: true,
                },
              },
            }),
          ]),
      cleanEvidence,
      evasionEvidence(p.fooled, {
        grade: p.grade,
        adaptive: p.adaptive,
        sanity: p.checked ? evasionEvidence(0).sanity : [],
      }),
      { ...evasionEvidence(p.other, { grade: p.otherGrade }), id: "ev-square", trial: "square@cnn" },
      {
        ...denial,
        outcome: {
          status: "measured",
          measure: {
            kind: "statement",
            successes: share(p.denials, 20, "attempt"),
            method: "one flipped byte",
            adaptive: false,
          },
        },
      },
    ],
  });
  const HOLDS: readonly string[] = ["3", "4"];
  /** Nothing is lower, nothing becomes within that was not, and no outcome is earned by it. */
  const expectNoBetter = (before: Conclusions, after: Conclusions): void => {
    for (const risk of before.risks) {
      const now = after.risks.find(({ id }) => id === risk.id)!;
      expect(now.current.high).toBeGreaterThanOrEqual(risk.current.high - 1e-12);
      expect(now.current.likely).toBeGreaterThanOrEqual(risk.current.likely - 1e-12);
      expect(now.expected.high).toBeGreaterThanOrEqual(risk.expected.high - 1e-12);
      if (risk.judgement !== "within") expect(now.judgement).not.toBe("within");
    }
    if (!HOLDS.includes(before.outcome.row)) expect(HOLDS).not.toContain(after.outcome.row);
    if (before.outcome.row === "3") expect(after.outcome.row).not.toBe("4");
  };

  test("removal, expiry or mismatch of any evidence never lowers a risk and never improves an outcome", () => {
    fc.assert(
      fc.property(
        pieces,
        fc.nat(6),
        fc.constantFrom("gone", "expired", "other version", "invalid"),
        (p, which, how) => {
          const world = worldOf(p);
          const evidence = world.evidence.flatMap((item, i): Evidence[] => {
            if (i !== which) return [item];
            if (how === "gone") return [];
            if (how === "expired") return [{ ...item, validUntil: "2026-11-01" }];
            if (how === "invalid") return [{ ...item, signature: "invalid" }];
            return [{ ...item, standing: { status: "stale", because: "another version" } }];
          });
          expectNoBetter(concluded(world), concluded({ ...world, evidence }));
        },
      ),
      { numRuns: 200, seed: 15 },
    );
  });

  test("adding an actor, a flow, a touch or attempts never lowers a risk and never improves an outcome", () => {
    const ids = system.components.map(({ id }) => id);
    fc.assert(
      fc.property(
        pieces,
        fc.constantFrom("actor", "flow", "touch", "attempts"),
        fc.constantFrom(...ids),
        fc.constantFrom(...ids),
        fc.double({ min: 1, max: 100, noNaN: true }),
        (p, what, from, to, factor) => {
          const world = worldOf(p);
          const { actors, flows } = world.system;
          const attempts = {
            low: 0.01 * factor,
            likely: 0.03 * factor,
            high: 0.1 * factor,
            because: "more",
            assumed: true,
          };
          const more: System =
            what === "actor"
              ? { ...world.system, actors: [...actors, actor("other", "AT-7", [from])] }
              : what === "flow"
                ? { ...world.system, flows: [...flows, { ...flow(from, to), id: "extra" }] }
                : what === "touch"
                  ? { ...world.system, actors: actors.map((who) => ({ ...who, touches: [...who.touches, from] })) }
                  : { ...world.system, actors: actors.map((who) => ({ ...who, attempts })) };
          expectNoBetter(concluded(world), concluded({ ...world, system: more }));
        },
      ),
      { numRuns: 200, seed: 15 },
    );
  });

  test("weakening a grade, or losing a sanity check or adaptivity, never narrows an interval", () => {
    fc.assert(
      fc.property(pieces, fc.nat(5), fc.boolean(), fc.boolean(), (p, step, unadaptive, unchecked) => {
        const before = worldOf(p);
        const grade = GRADES[Math.min(GRADES.length - 1, GRADES.indexOf(p.grade) + step)]!;
        const after = worldOf({ ...p, grade, adaptive: p.adaptive && !unadaptive, checked: p.checked && !unchecked });
        const [a, b] = [concluded(before), concluded(after)];
        for (const risk of a.risks) {
          const now = b.risks.find(({ id }) => id === risk.id)!;
          expect(now.successCurrent.low).toBeLessThanOrEqual(risk.successCurrent.low + 1e-12);
          expect(now.successCurrent.high).toBeGreaterThanOrEqual(risk.successCurrent.high - 1e-12);
          expect(now.current.high - now.current.low).toBeGreaterThanOrEqual(
            risk.current.high - risk.current.low - 1e-12,
          );
        }
        expectNoBetter(a, b);
      }),
      { numRuns: 200, seed: 15 },
    );
  });
});

describe("with the whole catalogue", () => {
  const world = { ...reader, knowledge: loadKnowledge() };
  const result = concluded(world);

  test("every clause gets one claim with a reason, and none is supported without evidence", () => {
    expect(result.claims.map(({ clause }) => clause)).toEqual(world.knowledge.clauses.map(({ id }) => id));
    for (const { clause, status, because, evidence } of result.claims) {
      expect(because, clause).not.toBe("");
      if (status === "supported") expect(evidence, clause).not.toHaveLength(0);
    }
  });
  test("a medical device has no route through the Cyber Resilience Act, and Annex III is not its list", () => {
    const status = (id: string): string | undefined => result.claims.find(({ clause }) => clause === id)?.status;
    expect([status("CRA-I.I.1"), status("A3.2"), status("AIA-15.4-d")]).toEqual(Array(3).fill("not-applicable"));
    expect(status("AIA-15.5-c-DP")).toBe("missing");
  });
  test("a part is not the whole: what an assessment cannot give keeps a claim missing and is named", () => {
    const said = (id: string): string => result.claims.find(({ clause }) => clause === id)!.because;
    for (const id of ["AIA-9.2-a", "AIA-15.1", "A4.2g", "A4.5"]) {
      expect(
        result.claims.find(({ clause }) => clause === id),
        id,
      ).toMatchObject({ status: "missing" });
      expect(said(id)).toContain("still to bring");
    }
    expect(said("A4.2g")).toContain("signature of a responsible person on 2 of 2 trials");
    expect(result.claims.find(({ clause }) => clause === "AIA-9.8")).toMatchObject({ status: "supported" });
  });
  test("the outcome is the one of the small catalogue", () => {
    expect(result.outcome).toMatchObject({ outcome: "cannot conclude", exit: 2 });
    expect(result.outcome.carriedBy.map(({ control: id, without }) => [id, without])).toEqual([["C-92", "not met"]]);
  });
});
