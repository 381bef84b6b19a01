/** system file -> System: the example of the vision, every mistake at once, and each rule in the smallest file that shows it. */
import * as fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { system as systemSchema } from "#assessment/system.ts";
import { formatDiagnostic, isError } from "#base/diagnostics.ts";
import { readBudget } from "./quantities.ts";
import { SYSTEM_FILE_CODES } from "./codes.ts";
import type { SystemFileCode } from "./codes.ts";
import { readSystem } from "./read.ts";
import type { ReadOptions } from "./read.ts";

const XRAY = `# yaml-language-server: $schema=./.vauban/schema.json
vauban: 1
system:
  name: Pneumonia second reader
  purpose: Marks suspected pneumonia in adult frontal chest X-rays for a radiologist, who decides.
  excluded: [children, screening, triage without human reading]
  environment: virtual
law: { role: provider, listing: annex-I.11, placing: 2028-09 }
stage: design
sector: medical

actors:
  radiographer: { profile: AT-7, touches: [console] }
  gang:         { profile: AT-9 }

boundaries:
  hospital: { imaging: [console, pacs, router], reading: [prep, cnn, threshold, viewer, radiologist] }
  vendor: [updates, training, dataset]

components:
  console:     { kind: sensor, title: X-ray modality and console }
  pacs:        { kind: database, title: Picture archive, holds: [images], usual: { import-media: None, remote-maintenance: vendor-vpn } }
  router:      { kind: network }
  prep:        { kind: preprocessing }
  cnn:
    kind: model
    level: deep
    role: advisory
    artefact: model/cnn.onnx
    input: { layout: NCHW, range: [0, 255], scale: 1/255, mean: 0.48, std: 0.24 }
    classes: [normal, pneumonia]
    accuracy: { declared: 0.94, on: data/test.npz }
  threshold:   { kind: preprocessing }
  viewer:      { kind: interface }
  radiologist: { kind: human }
  updates:     { kind: external }
  training:    { kind: compute }
  dataset:     { kind: database }

assets:
  images: { security: H, privacy: VH, personal: true }

flows:
  - { from: console, to: pacs, carries: images, over: DICOM-TLS }
  - pacs -> router -> prep -> cnn -> threshold -> viewer -> radiologist
  - { from: training, to: updates, carries: weights, signed: true }
  - updates -> cnn
  - dataset -> training

controls:
  - { control: C-92, at: pacs, verified: evidence/one-flipped-byte.json, date: 2026-10-01 }
  - { control: C-65, at: radiologist, declared: evidence/reading-rules.pdf, date: 2026-09-12 }

tests:
  - { evasion: cnn, norm: linf, eps: 4/255, robust-accuracy: ">= 0.60", because: "changes a second reader would not see (pilot, 2026-08)" }
`;

const KNOWN = {
  knownSectors: new Map([["medical", { title: "Medical", criteria: [{ severity: "H", perYear: 0.01 }] }]]),
  knownControls: new Map([
    ["C-92", "Origin integrity"],
    ["C-65", "Independent reading"],
    ["C-30", "Adversarial training"],
  ]),
  knownThreats: new Map([["T-01", "Evasion"]]),
  knownClauses: new Map([["AIA-15.5", "Cybersecurity"]]),
  knownProfiles: new Map([
    ["AT-7", { title: "Malicious insider", knows: "white" }],
    ["AT-9", { title: "Organised crime", knows: "grey" }],
  ]),
} satisfies ReadOptions as ReadOptions;

const read = (text: string, options: ReadOptions = KNOWN) => readSystem(text, "vauban.yaml", options);
const lines = (text: string, options?: ReadOptions): string[] =>
  read(text, options).diagnostics.map((diagnostic) => {
    const { span } = diagnostic;
    return `${span?.line}:${span?.column} ${diagnostic.code}`;
  });
/** The one diagnostic of a code that a change to the example brings, as text. */
const change = (from: string, to: string, code: SystemFileCode, options?: ReadOptions): string => {
  expect(XRAY).toContain(from);
  const found = read(XRAY.replace(from, to), options).diagnostics.filter((diagnostic) => diagnostic.code === code);
  expect(found, `${from} => ${to} should be ${code}`).not.toEqual([]);
  return found.map(formatDiagnostic).join("\n");
};

test("the budget that a refusal proposes is itself taken", () => {
  for (const range of [
    [0, 1],
    [0, 255],
    [0, 15],
  ] as const)
    for (const eps of ["300", "400/255", "8", "16/15", "2.5"]) {
      const refused = readBudget(eps, "linf", range) as { hint: string };
      const proposed = /write (\S+\/\d+)|: (\d+\/\d+),/.exec(refused.hint)!;
      expect(readBudget(proposed[1] ?? proposed[2]!, "linf", range), `${eps} in ${range.join("..")}`).toHaveProperty(
        "fraction",
      );
    }
});

describe("the example of the vision", () => {
  const { system, diagnostics } = read(XRAY);

  it("reads without an error into a System that its own schema takes", () => {
    expect(diagnostics.filter(isError)).toEqual([]);
    expect(systemSchema.safeParse(system).error).toBeUndefined();
  });

  it("turns the budget into a fraction of the declared range and keeps what was written", () => {
    expect(system!.tests[0]).toMatchObject({
      id: "evasion-cnn-linf-4of255",
      kind: "evasion",
      model: "cnn",
      eps: { fraction: 4 / 255, raw: 4, written: "4/255" },
      robustAccuracy: { at: ">=", value: 0.6 },
      data: "data/test.npz",
    });
  });

  it("reads preprocessing, classes and declared accuracy", () => {
    expect(system!.components.find(({ id }) => id === "cnn")!.model).toMatchObject({
      task: "classification",
      artefact: "model/cnn.onnx",
      input: { layout: "NCHW", range: [0, 255], scale: 1 / 255, mean: [0.48], std: [0.24], integer: false },
      classes: ["normal", "pneumonia"],
      accuracy: { declared: 0.94, on: "data/test.npz" },
    });
  });

  it("makes a dataset of a path that is named where a dataset can be", () => {
    expect(system!.datasets).toMatchObject([{ id: "data/test.npz", path: "data/test.npz", role: "test" }]);
  });

  it("cuts the short form into flows, each with the place of its own segment", () => {
    expect(system!.flows.map(({ id }) => id)).toEqual([
      "console->pacs",
      "pacs->router",
      "router->prep",
      "prep->cnn",
      "cnn->threshold",
      "threshold->viewer",
      "viewer->radiologist",
      "training->updates",
      "updates->cnn",
      "dataset->training",
    ]);
    expect(system!.flows.find(({ id }) => id === "prep->cnn")!.where).toEqual({
      file: "vauban.yaml",
      line: 45,
      column: 23,
      endLine: 45,
      endColumn: 34,
    });
  });

  it("nests the boundaries, innermost first named by parent", () => {
    expect(system!.boundaries.map(({ id, parent, components }) => [id, parent, components.length])).toEqual([
      ["hospital", undefined, 0],
      ["imaging", "hospital", 3],
      ["reading", "hospital", 5],
      ["vendor", undefined, 3],
    ]);
  });

  it("takes from the profile what the actor leaves open", () => {
    expect(system!.actors).toMatchObject([
      { id: "radiographer", title: "Malicious insider", knows: "white", touches: ["console"], byMethod: false },
      { id: "gang", title: "Organised crime", knows: "grey" },
    ]);
  });

  it("gives every noun the line it stands in", () => {
    const line = (noun: { where?: { line: number } | undefined } | undefined) => noun?.where?.line;
    const source = XRAY.split("\n");
    for (const component of system!.components) expect(source[line(component)! - 1]).toContain(`${component.id}:`);
    for (const actor of system!.actors) expect(source[line(actor)! - 1]).toContain(`${actor.id}:`);
    for (const boundary of system!.boundaries) expect(source[line(boundary)! - 1]).toContain(`${boundary.id}:`);
    for (const control of system!.controls) expect(source[line(control)! - 1]).toContain(control.control);
    for (const flow of system!.flows) expect(source[line(flow)! - 1]).toContain(flow.from);
    expect(source[line(system!.assets[0])! - 1]).toContain("images:");
    const threshold = system!.tests[0]!.thresholdWhere!;
    expect(source[threshold.line - 1]!.slice(threshold.column - 1)).toMatch(/^">= 0.60"/);
    expect(source[system!.law.where!.line - 1]).toMatch(/^law:/);
  });

  it("asks once per component for its unanswered ways in, and warns without stopping", () => {
    const asked = diagnostics.filter(({ code }) => code === "W001");
    expect(asked).toHaveLength(9);
    expect(asked.find(({ span }) => span?.line === 22)!.message).toBe(
      '"pacs" leaves usual ways in unanswered: update, administration, backup, supplier-access',
    );
    expect(system!.components.find(({ id }) => id === "pacs")!.usual).toEqual({
      "import-media": "none",
      "remote-maintenance": "vendor-vpn",
    });
  });
});

describe("every mistake at once", () => {
  it("reports all mistakes of all sections in one reading, each at its line and column", () => {
    const wrong = XRAY.replace("excluded:", "exclude:")
      .replace("stage: design", "stage: desing")
      .replace("touches: [console]", "touches: [consol]")
      .replace("vendor: [updates", "vendor: [pacs, updates")
      .replace("kind: network", "kind: netwrok")
      .replace("level: deep", "level: deeper")
      .replace("std: 0.24", "std: 0")
      .replace("holds: [images]", "holds: [image]")
      .replace("cnn -> threshold", "cnn -> tresh-hold")
      .replace("security: H", "security: high")
      .replace("control: C-92, at: pacs", "control: C-93, at: pasc")
      .replace("eps: 4/255", "eps: 4")
      .replace('">= 0.60"', '"<= 0.60"');
    const { system, diagnostics } = read(wrong);
    expect(system).toBeUndefined();
    expect(diagnostics.filter(isError).map(formatDiagnostic).join("\n")).toMatchInlineSnapshot(`
      "vauban.yaml:6:3  E010  system has an unknown key "exclude"
          did you mean excluded?
      vauban.yaml:9:8  E015  stage cannot be "desing"
          did you mean "design"? one of design, development, verification, deployment, operation, retirement
      vauban.yaml:13:44  E013  "radiographer" touches "consol", which no component or flow declares
          did you mean "console" (line 21)?
      vauban.yaml:18:12  E018  "pacs" stands in boundary "vendor" and in "imaging"
          it stands already in line 17; name it in the innermost one only
      vauban.yaml:22:66  E013  "pacs" holds "image", which no asset or dataset declares
          did you mean "images" (line 41)?
      vauban.yaml:23:24  E015  component "router" cannot be of kind "netwrok"
          did you mean network? one of model, interface, sensor, database, network, compute, preprocessing, monitoring, actuator, human, external
      vauban.yaml:27:12  E015  component "cnn": level cannot be "deeper"
          did you mean "deep"? one of symbolic, traditional, deep, large-scale
      vauban.yaml:30:76  E037  std 0 is not above zero
          inputs are divided by it
      vauban.yaml:41:23  E015  asset "images": security cannot be "high"
          did you mean "H"? one of VL, L, M, H, VH
      vauban.yaml:45:38  E012  flow goes to "tresh-hold", which no component declares
          did you mean "threshold" (line 33)?
      vauban.yaml:51:16  E026  the catalogue has no control "C-93"
          controls are C-01 to C-92; \`vauban explain C-30\` describes one
      vauban.yaml:51:26  E013  C-93 stands at "pasc", which no component, flow or boundary declares
          did you mean "pacs" (line 22)?
      vauban.yaml:55:38  E031  eps 4 is larger than the whole input range
          write 4/255, or {raw: 4}
      vauban.yaml:55:58  E032  robust-accuracy cannot be asked to be at most 0.6
          more is better: write ">= 0.60""
    `);
  });

  it("a mistake in one entry hides no mistake in another part of the same entry", () => {
    const codes = lines(
      XRAY.replace("level: deep", "level: deeper")
        .replace("role: advisory", "role: adviser")
        .replace("range: [0, 255]", "range: [255, 0]")
        .replace("classes: [normal, pneumonia]", "classes: [normal, normal]")
        .replace("declared: 0.94", "declared: 94"),
    ).filter((line) => line.includes(" E"));
    expect(codes).toEqual(["27:12 E015", "28:11 E015", "30:35 E037", "31:23 E038", "32:27 E046"]);
  });

  it("one mistake is one diagnostic: a misspelt key is not also a missing one", () => {
    expect(lines(XRAY.replace("  purpose:", "  purpos:")).filter((line) => line.includes(" E"))).toEqual(["5:3 E010"]);
  });

  it("a misspelt kind is one mistake, and never lets the file pass", () => {
    const { system, diagnostics } = read(XRAY.replace("viewer:      { kind:", "viewer:      { kindx:"));
    expect(system).toBeUndefined();
    expect(diagnostics.filter(isError).map(({ code, hint }) => `${code} ${hint}`)).toEqual(["E010 did you mean kind?"]);
  });

  it.each([
    ["components:", "component:", "E010"],
    ["components:", "components: 7\nx:", "E014"],
    ["assets:", "asset:", "E010"],
    ["actors:", "actor:", "E010"],
  ])("where %s is written %s, what refers to it is not reported as well", (from, to, code) => {
    const { diagnostics } = read(XRAY.replace(from, to));
    const codes = new Set(diagnostics.filter(isError).map((diagnostic) => diagnostic.code));
    expect(codes).toContain(code);
    expect(["E012", "E013", "E036"].filter((dangling) => codes.has(dangling as "E012"))).toEqual([]);
  });

  it("what could not be read is not counted as missing", () => {
    const { diagnostics } = read(XRAY.replace("kind: model", "kind: modle"));
    expect(diagnostics.filter(isError).map(({ code, hint }) => [code, hint?.slice(0, 19)])).toEqual([
      ["E015", "did you mean model?"],
    ]);
  });
});

describe("refused, with the reason", () => {
  it("a system without a model is no AI system", () => {
    const text = XRAY.replace(/ {2}cnn:\n(?: {4}.*\n)+/, "  cnn: { kind: compute }\n").replace(/tests:[\s\S]*$/, "");
    expect(read(text).system).toBeUndefined();
    expect(read(text).diagnostics.find(({ code }) => code === "E020")!.message).toBe("no component is a model");
  });

  it("models alone do not make a system (S-74)", () => {
    const text = `vauban: 1
system: { name: x, purpose: y, environment: virtual }
law: { role: provider, listing: annex-III.2 }
stage: design
sector: medical
components:
  a: { kind: model, level: deep, role: decisive, classes: 2 }
  b: { kind: model, level: symbolic, role: decisive }
flows: [a <-> b]
`;
    expect(read(text).diagnostics.filter(isError).map(formatDiagnostic)).toEqual([
      "vauban.yaml:6:1  E021  every component is a model; models do not constitute AI systems on their own (S-74)\n    add what feeds the model and what acts on its output: sensor, interface, database, human …",
    ]);
  });

  it.each([
    [
      "no purpose",
      "  purpose: Marks suspected pneumonia in adult frontal chest X-rays for a radiologist, who decides.\n",
      "",
    ],
    [
      "an empty purpose",
      "Marks suspected pneumonia in adult frontal chest X-rays for a radiologist, who decides.",
      '""',
    ],
  ])("%s is refused (S-81)", (_, from, to) => {
    expect(change(from, to, "E022")).toMatch(/say what (it|the system) is for/);
  });
});

/** Cut the flows into the model out of the example. */
const UNFED = (text: string) =>
  text.replace("prep -> cnn -> threshold", "prep -> threshold").replace("  - updates -> cnn\n", "");

const files = (tree: Record<string, "file" | "folder">): ReadOptions => ({ ...KNOWN, files: (path) => tree[path] });
const TREE = {
  "model/cnn.onnx": "file",
  "data/test.npz": "file",
  "evidence/one-flipped-byte.json": "file",
  "evidence/reading-rules.pdf": "file",
} as const;

describe("files", () => {
  it("are found beside the system file", () => {
    expect(read(XRAY, files(TREE)).diagnostics.filter(isError)).toEqual([]);
  });

  it("a folder for a file is a diagnostic at the path that names it", () => {
    const { diagnostics } = read(XRAY, files({ ...TREE, "model/cnn.onnx": "folder" }));
    expect(diagnostics.filter(isError).map(formatDiagnostic)).toEqual([
      'vauban.yaml:29:15  E041  "model/cnn.onnx" is a folder\n    name one file in it, such as model/cnn.onnx/…',
    ]);
  });

  it("a folder of pictures may be a dataset", () => {
    expect(read(XRAY, files({ ...TREE, "data/test.npz": "folder" })).diagnostics.filter(isError)).toEqual([]);
  });

  it("every missing file is named at its own place, and so is evidence that looks like a path", () => {
    const { diagnostics } = read(XRAY, files({}));
    expect(diagnostics.filter(isError).map(({ code, message }) => `${code} ${message}`)).toEqual([
      'E040 no file "model/cnn.onnx"',
      'E040 no file "data/test.npz"',
      'E040 no file "evidence/one-flipped-byte.json"',
      'E040 no file "evidence/reading-rules.pdf"',
    ]);
  });

  it.each([
    "/etc/passwd",
    "../secret.onnx",
    "model/../../x.onnx",
    "C:/model.onnx",
    "model\\\\cnn.onnx",
    "https://host/m.onnx",
    "~/m.onnx",
  ])("the path %s is refused without looking there", (path) => {
    const asked: string[] = [];
    const options: ReadOptions = { ...KNOWN, files: (asking) => void asked.push(asking) };
    expect(change("model/cnn.onnx", `"${path}"`, "E042", options)).toContain("29:15");
    expect(asked).not.toContain(path);
  });
});

const SIGNED = (signature: string): string => `    role: advisory\n    signature: ${signature}\n`;

describe("each rule, in the smallest change to the example that breaks it", () => {
  const cases: readonly [from: string, to: string, code: SystemFileCode, says: string][] = [
    // ids and references

    ["  - updates -> cnn", "  - updates -> tresh-hold", "E012", 'did you mean "threshold" (line 33)?'],
    ["from: training,", "from: trainin,", "E012", 'flow starts at "trainin"'],
    ["touches: [console]", "touches: [consol]", "E013", 'did you mean "console" (line 21)?'],
    ["touches: [console]", "touches: [imaging]", "E036", "is a boundary"],
    ["vendor: [updates", "vendor: [update", "E013", 'did you mean "updates" (line 36)?'],
    ["holds: [images]", "holds: [image]", "E013", 'did you mean "images" (line 41)?'],
    ["control: C-92, at: pacs", "control: C-92, at: pasc", "E013", 'did you mean "pacs" (line 22)?'],
    ["evasion: cnn", "evasion: cn", "E013", 'did you mean "cnn" (line 25)?'],
    ["evasion: cnn", "evasion: prep", "E036", "which is not a model"],
    ["norm: linf", "norm: linf, by: radiographr", "E013", 'did you mean "radiographer" (line 13)?'],
    ["norm: linf", "norm: linf, data: tset", "E013", "is no dataset"],
    ["on: data/test.npz", "on: test-set", "E013", "name a key under datasets"],
    ["carries: images", "carries: image", "W010", 'did you mean "images"'],
    ["  viewer: ", '  "the viewer": ', "E016", "cannot be an id"],
    ["  viewer: ", "  router: ", "E009", "line 23"],
    ["vendor: [updates", "cnn: [updates", "E017", "is a boundary and a component"],
    ["imaging: [", "vendor: [", "E017", "stands twice"],
    ["imaging: [", "hospital: [", "E017", "stands inside itself"],
    ["vendor: [updates", "vendor: [pacs, updates", "E018", 'in boundary "vendor" and in "imaging"'],
    ["vendor: [updates, training, dataset]", "vendor: []", "E019", "holds no component"],
    ["imaging: [console, pacs, router]", "imaging: { inner: {} }", "E019", "holds no component"],
    ["  - updates -> cnn", "  - updates -> cnn -> cnn", "E025", "to itself"],
    ["  - updates -> cnn", "  - updates -> -> cnn", "E025", "leads nowhere"],
    ["  - updates -> cnn", "  - updates", "E025", "write a -> b -> c"],
    ["  - updates -> cnn", "  - { id: pacs, from: updates, to: cnn }", "E017", "id of something else"],
    // components
    ["kind: network", "kind: gateway", "E015", "did you mean network?"],
    ["{ kind: network }", "{ kind: network, level: deep }", "E024", "which only a model has"],
    ["level: deep", "level: deep\n    colour: red", "E010", "unknown key"],
    ["    role: advisory\n", "", "E011", 'has no "role"'],
    ["classes: [normal, pneumonia]", "note: x", "E011", "does not say its task"],
    ["range: [0, 255]", "range: [255, 0]", "E037", "write [0, 255]"],
    ["scale: 1/255", "scale: 1/0", "E037", "is no factor"],
    ["std: 0.24", "std: 0", "E037", "not above zero"],
    ["std: 0.24", "std: []", "E037", "holds no value"],
    ["mean: 0.48, std: 0.24", "mean: [1, 2, 3], std: [1, 2]", "E037", "mean has 3 values and std has 2"],
    ["range: [0, 255]", "range: [0, 0.5], integer: true", "E037", "whole numbers"],
    ["classes: [normal, pneumonia]", "classes: [a, a]", "E038", "stands twice"],
    ["classes: [normal, pneumonia]", "classes: [a]", "E038", "at least two"],
    ["classes: [normal, pneumonia]", "classes: 1", "E038", "at least two"],
    ["declared: 0.94", "declared: 94", "E046", "write 0.94"],
    ["artefact: model/cnn.onnx", "note: hosted", "W009", "has no artefact"],
    ["artefact: model/cnn.onnx", "note: hosted", "W009", "nothing of it can be attacked or scanned"],
    ["artefact: model/cnn.onnx", "files: [adapters/a.bin]", "W009", "its files: are scanned, and the model itself"],
    ["    role: advisory\n", SIGNED("{ bundle: cnn.sig }"), "E047", "names nobody who must have signed"],
    ["    role: advisory\n", SIGNED("{ key: a.pem, root: ca.pem }"), "E047", "held to key and root at once"],
    ["    role: advisory\n", SIGNED("{ issuer: https://a.b, key: a.pem }"), "E047", "held to key and identity at once"],
    [
      "    role: advisory\n",
      SIGNED("{ identity: me@a.b, trusted-root: root.json }"),
      "E047",
      "by identity lacks issuer",
    ],
    ["    role: advisory\n", SIGNED("{ identity: me@a.b }"), "E047", "such as { identity: me@example.org, issuer: "],
    ["    role: advisory\n", SIGNED("{ key: a.pem, crl: list.pem }"), "E047", "crl says nothing of a signature by key"],
    // law, dates, catalogue
    ["listing: annex-I.11", "listing: none", "E044", "Art. 6(4)"],
    ["listing: annex-I.11", "listing: annex-V.2", "E015", "annex-III.1"],
    [
      "listing: annex-I.11",
      "listing: annex-I.11, presumptions: [{ route: x, covers: AIA-15.6, reference: y }]",
      "E013",
      "AIA-15.5",
    ],
    ["placing: 2028-09", "placing: 2028-13", "E030", "is not a date"],
    ["date: 2026-10-01", "date: 2026-02-29", "E030", "not a day of the calendar"],
    ["control: C-92", "control: C-91", "E026", "no control"],
    ["control: C-92", "control: C92", "E026", "C-01 to C-92"],
    ["profile: AT-9", "profile: AT-12", "E028", "no attacker profile"],
    ["sector: medical", "sector: medcal", "E029", "did you mean medical?"],
    ["vauban: 1", "vauban: 2", "E008", "write vauban: 1"],
    ["vauban: 1\n", "", "E008", "start it with"],
    ["name: Pneumonia second reader", "name: 7", "E014", 'put it in quotes: "7"'],
    ["excluded: [children, screening, triage without human reading]", "excluded: { a: b }", "E014", "excluded"],
    // evidence
    ["verified: evidence/one-flipped-byte.json, ", "", "E045", "does not say how it is known"],
    ["verified: evidence", "declared: words, verified: evidence", "E045", "is verified and declared"],
    [", date: 2026-10-01", "", "W005", "on no date"],
    ["control: C-65, at: radiologist, declared", "control: C-92, at: pacs, verified", "E017", "verified twice"],
    // tests
    ["eps: 4/255", "eps: 4", "E031", "write 4/255, or {raw: 4}"],
    ["eps: 4/255", "eps: { raw: 256 }", "E031", "larger than the whole input range of 255"],
    ["eps: 4/255", "eps: 0", "E031", "not above zero"],
    ["eps: 4/255", "eps: 4/0", "E031", "no number"],
    ["eps: 4/255", "eps: small", "E031", "is not a budget"],
    ['">= 0.60"', '"<= 0.60"', "E032", "more is better"],
    ['">= 0.60"', '">= 60"', "E032", 'write ">= 0.6" or ">= 60 %"'],
    ['">= 0.60"', '">= 0"', "E032", "holds whatever happens"],
    ['">= 0.60"', '">= 1"', "E032", "can never be shown"],
    ['">= 0.60"', '">= 0.999", samples: 500', "E032", "ends at 0.9926"],
    ['">= 0.60"', '"0.60"', "E032", "is not a threshold"],
    ['robust-accuracy: ">= 0.60", ', "", "W006", "decides nothing"],
    [', because: "changes a second reader would not see (pilot, 2026-08)"', "", "E033", "gives no reason"],
    ['"changes a second reader would not see (pilot, 2026-08)"', '" "', "E033", "gives no reason"],
    ["artefact: model/cnn.onnx", "note: hosted", "E035", "lacks an artefact"],
    ["    accuracy: { declared: 0.94, on: data/test.npz }\n", "", "E035", "lacks evaluation data"],
    [
      "evasion: cnn, norm: linf, eps: 4/255, robust-accuracy:",
      "evasion: cnn, area: 1, norm: linf, eps: 4/255, robust-accuracy:",
      "E010",
      "patch",
    ],
    [
      'evasion: cnn, norm: linf, eps: 4/255, robust-accuracy: ">= 0.60"',
      "patch: cnn, area: 5",
      "E031",
      "larger than the picture",
    ],
    [
      'evasion: cnn, norm: linf, eps: 4/255, robust-accuracy: ">= 0.60"',
      "patch: cnn, area: 0.05, target: normale",
      "E038",
      'did you mean "normal"',
    ],
    [
      'evasion: cnn, norm: linf, eps: 4/255, robust-accuracy: ">= 0.60"',
      "patch: cnn, area: 0.05, placement: { scale: [2, 1] }",
      "E034",
      "the smaller first",
    ],
    [
      'evasion: cnn, norm: linf, eps: 4/255, robust-accuracy: ">= 0.60"',
      "scan: [model/]",
      "E015",
      "evasion:, patch: or corruption:",
    ],
    // judgements
    [
      "stage: design",
      "stage: design\ncriteria: [{ harm: health, severity: H, per-year: 0.1, because: x }]",
      "E043",
      "looser than the sector's 0.01",
    ],
    [
      "stage: design",
      "stage: design\ncriteria: [{ harm: health, severity: H, per-year: 0.001 }]",
      "E033",
      "because: or source:",
    ],
    [
      "stage: design",
      "stage: design\nexposures: [{ threat: T-01, low: 5, likely: 2, high: 9, because: x }]",
      "E034",
      "low ≤ likely ≤ high",
    ],
    [
      "stage: design",
      "stage: design\nexposures: [{ threat: T-99, low: 1, likely: 2, high: 9, because: x }]",
      "E027",
      "no threat",
    ],
    ["stage: design", "stage: design\nexclusions: [{ what: MP, because: x }]", "W007", "without evidence"],
    [
      "stage: design",
      "stage: design\nimports: [{ sarif: a.sarif, vex: b.json, for: T-01 }]",
      "E011",
      "sarif and vex at once",
    ],
    ["stage: design", "stage: design\nimports: [{ for: T-01 }]", "E011", "names no document"],
    [
      "stage: design",
      "stage: design\nimports: [{ sarif: a.sarif, for: T-01 }, { sarif: a.sarif, for: T-01 }]",
      "E017",
      "imported twice",
    ],
    [
      "stage: design",
      "stage: design\nharms: { wrong-output: { health: H } }",
      "E014",
      "write health: { severity: …, because: … }",
    ],
    ["profile: AT-9", "profile: AT-9, attempts: { low: 3, likely: 2, high: 9, because: x }", "E034", "out of order"],
    // warnings
    [
      "stage: design",
      "stage: design\nreviewers: [{ name: A, role: author, independent: false }]",
      "W002",
      "independent",
    ],
    ["  environment: virtual\n", "", "W003", "counts as both"],
    ["imaging: [console, pacs, router]", "imaging: [console, pacs]", "W004", "router"],
    ["  - dataset -> training\n", "", "W011", 'no flow touches "dataset"'],
    [
      "    input: { layout: NCHW, range: [0, 255], scale: 1/255, mean: 0.48, std: 0.24 }\n",
      "",
      "W013",
      "does not describe its input",
    ],
  ];
  it.each(cases)("%j => %j is %s", (from, to, code, says) => {
    expect(change(from, to, code)).toContain(says);
  });

  it("whole sections left out are W008 (actors) and W012 (tests), and no boundary at all is W004", () => {
    const text = XRAY.replace(/actors:\n(?: {2}.*\n)+/, "")
      .replace(/boundaries:\n(?: {2}.*\n)+/, "")
      .replace(/tests:[\s\S]*$/, "");
    const { diagnostics } = read(text);
    expect(diagnostics.filter(isError)).toEqual([]);
    expect(diagnostics.map(({ code }) => code)).toEqual(expect.arrayContaining(["W008", "W012", "W004"]));
  });

  it("a model nothing flows into is E023", () => {
    expect(
      read(UNFED(XRAY))
        .diagnostics.filter(isError)
        .map(({ code, message }) => `${code} ${message}`),
    ).toEqual(['E023 no flow goes into model "cnn"']);
  });

  it("evidence of a later day than today is refused where today is known", () => {
    expect(read(XRAY, { ...KNOWN, today: "2026-11-22" }).diagnostics.filter(isError)).toEqual([]);
    const { diagnostics } = read(XRAY, { ...KNOWN, today: "2026-09-30" });
    expect(diagnostics.filter(isError).map(({ code, message }) => `${code} ${message}`)).toEqual([
      'E030 "2026-10-01" lies in the future',
    ]);
  });

  it("a loosened criterion with a named acceptor is taken, and a tightened one needs none", () => {
    for (const rest of ["per-year: 0.1, because: x, acceptor: Dr Vogel (board)", "per-year: 0.005, because: x"]) {
      const { system } = read(
        XRAY.replace("stage: design", `stage: design\ncriteria: [{ harm: health, severity: H, ${rest} }]`),
      );
      expect(system!.criteria).toHaveLength(1);
    }
  });

  it("every code of the table is shown by some example of these tests", () => {
    const shown = new Set<string>(cases.map(([, , code]) => code));
    for (const code of ["E020", "E021", "E022", "E023", "E040", "E041", "E042", "W001", "W008", "W012"])
      shown.add(code);
    // Shown in yaml.test.ts.
    for (const code of ["E001", "E002", "E003", "E004", "E005", "E006", "E007", "E099"]) shown.add(code);
    expect([...shown].toSorted()).toEqual(Object.keys(SYSTEM_FILE_CODES).toSorted());
  });
});

describe("flows", () => {
  const flows = (...written: string[]) => {
    const text = XRAY.replace(
      /flows:\n(?: {2}.*\n)+/,
      `flows:\n${written.map((flow) => `  - ${flow}\n`).join("")}  - prep -> cnn\n`,
    );
    const { system, diagnostics } = read(text);
    return system?.flows.map(({ id }) => id) ?? diagnostics.filter(isError).map(formatDiagnostic);
  };

  it("paths may share a segment; it is one flow", () => {
    expect(flows("console -> pacs -> router", "console -> pacs -> viewer")).toEqual([
      "console->pacs",
      "pacs->router",
      "pacs->viewer",
      "prep->cnn",
    ]);
  });

  it("a bare segment is the flow that is described elsewhere, wherever that stands", () => {
    const both = ["console -> pacs -> router", "{ from: console, to: pacs, signed: true }"];
    for (const written of [both, both.toReversed()]) {
      expect([...flows(...written)].toSorted()).toEqual(["console->pacs", "pacs->router", "prep->cnn"]);
    }
  });

  it("two different flows between the same two are told apart by what they carry, in either order", () => {
    const two = [
      "{ from: console, to: pacs, carries: images }",
      "{ from: console, to: pacs, carries: [orders, patients] }",
    ];
    const ids = ["console->pacs:images", "console->pacs:orders+patients", "prep->cnn"];
    expect([...flows(...two)].toSorted()).toEqual(ids);
    expect([...flows(...two.toReversed())].toSorted()).toEqual(ids);
  });

  it("flows that nothing tells apart need an id", () => {
    const pair = ["{ from: console, to: pacs, signed: true }", "{ from: console, to: pacs, over: USB }"];
    expect(flows(...pair).join()).toContain('E017  flow "console->pacs" stands twice');
    expect(flows(pair[0]!, "{ id: stick, from: console, to: pacs, over: USB }")).toEqual([
      "console->pacs",
      "stick",
      "prep->cnn",
    ]);
  });

  it("a double arrow is two flows, and a path carries the same all along", () => {
    expect(flows("viewer <-> radiologist")).toEqual(["viewer->radiologist", "radiologist->viewer", "prep->cnn"]);
    const { system } = read(
      XRAY.replace("  - updates -> cnn", "  - { path: updates -> router -> cnn, carries: weights, signed: true }"),
    );
    expect(
      system!.flows.filter(({ carries }) => carries.includes("weights")).map(({ id, signed }) => [id, signed]),
    ).toEqual([
      ["training->updates", true],
      ["updates->router", true],
      ["router->cnn", true],
    ]);
  });

  it("controls and actors may point at a flow by its id", () => {
    const { system, diagnostics } = read(
      XRAY.replace("at: pacs", 'at: "console->pacs"').replace("touches: [console]", 'touches: ["pacs->router"]'),
    );
    expect(diagnostics.filter(isError)).toEqual([]);
    expect(system!.controls[0]!.id).toBe("C-92@console->pacs");
  });
});

describe("usual flows", () => {
  it("a control may stand at a usual way in, and a misspelt one is noticed", () => {
    const at = (place: string) => read(XRAY.replace("control: C-92, at: pacs", `control: C-92, at: "${place}"`));
    expect(at("usual:backup@pacs").diagnostics.filter(isError)).toEqual([]);
    expect(
      at("usual:backup@pac")
        .diagnostics.filter(isError)
        .map(({ hint }) => hint),
    ).toEqual(['did you mean "usual:backup@pacs" (line 22)?']);
  });
});

describe("budgets and ids", () => {
  const eps = (written: string, norm = "linf") =>
    (
      read(XRAY.replace("norm: linf, eps: 4/255", `norm: ${norm}, eps: ${written}`)).system!.tests[0] as {
        eps: unknown;
      }
    ).eps;

  it.each([
    ["4/255", "linf", 4 / 255, 4],
    ["0.0157", "linf", 0.0157, 0.0157 * 255],
    ["{ raw: 4 }", "linf", 4 / 255, 4],
    ["1", "linf", 1, 255],
    ["2", "l2", 2, 510],
  ])("eps %s (%s) is %d of the range and %d raw", (written, norm, fraction, raw) => {
    expect(eps(written, norm)).toMatchObject({ fraction: expect.closeTo(fraction, 12), raw: expect.closeTo(raw, 9) });
  });

  it("the same control may stand in two places, and be known in two ways in one", () => {
    const { system } = read(
      XRAY.replace(
        "controls:\n",
        "controls:\n  - { control: C-92, at: router, declared: data sheet }\n  - { control: C-92, at: pacs, declared: data sheet }\n",
      ),
    );
    expect(system!.controls.map(({ id }) => id)).toEqual([
      "C-92@router",
      "C-92@pacs (declared)",
      "C-92@pacs (verified)",
      "C-65@radiologist",
    ]);
  });

  it("reading twice gives the same System, and no input is changed", () => {
    expect(JSON.stringify(read(XRAY))).toBe(JSON.stringify(read(XRAY)));
  });
});

describe("whatever an author does to the file", () => {
  /** Cuts, doubles, swaps and inserts what files really suffer from. */
  const slip = fc.record({
    at: fc.nat(XRAY.length),
    length: fc.nat(40),
    put: fc.oneof(
      fc.constantFrom(
        "",
        "\t",
        "- ",
        ": ",
        "[",
        "{",
        "}",
        "]",
        '"',
        "'",
        "#",
        "&a ",
        "*a",
        "null",
        "~",
        "!x ",
        "|",
        "->",
        "\r",
        "<<: *a",
        "0x",
        "-1",
        "1e999",
        ".nan",
      ),
      fc.string({ maxLength: 6 }),
      fc.nat(XRAY.length).map((start) => XRAY.slice(start, start + 30)),
    ),
  });
  const slipped = (slips: readonly { at: number; length: number; put: string }[]): string =>
    slips.reduce((text, { at, length, put }) => text.slice(0, at) + put + text.slice(at + length), XRAY);

  it("every reading ends in a valid System or in errors that stand inside the file and fit on a line", () => {
    let systems = 0;
    fc.assert(
      fc.property(fc.array(slip, { minLength: 1, maxLength: 3 }), (slips) => {
        const text = slipped(slips);
        const { system, diagnostics } = read(text);
        expect(system === undefined).toBe(diagnostics.some(isError));
        if (system) {
          systems++;
          expect(systemSchema.safeParse(system).error).toBeUndefined();
        }
        const source = text.split("\n");
        for (const { code, message, hint, span } of diagnostics) {
          expect(Object.hasOwn(SYSTEM_FILE_CODES, code)).toBe(true);
          expect(span!.line).toBeLessThanOrEqual(source.length);
          expect(span!.column).toBeLessThanOrEqual(source[span!.line - 1]!.length + 1);
          expect(`${message}${hint ?? ""}`).not.toMatch(/[\n\r]|undefined|\[object/);
        }
      }),
      { numRuns: 400, seed: 7 },
    );
    // Slips in comments and words leave a right file, so both ends are met.
    expect(systems).toBeGreaterThan(10);
  });
});
