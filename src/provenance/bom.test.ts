/** Bills of materials: valid by the official schema, the same for the same input, and honest about what they do not hold. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { Assessment, System } from "#assessment/index.ts";
import type { CycloneDx } from "#host/schemas.ts";
import { officialCycloneDx } from "../../test/support/cyclonedx.ts";
import { systemOf } from "../../test/support/system.ts";
import { bomOf, licencesOf, outdatedOf, refsOf, type BomInput } from "./bom.ts";
import { diffBoms } from "./diff.ts";
import { readLock } from "./locks/index.ts";
import type { Json } from "./serial.ts";
import { vexDocument } from "./vex.ts";

const [A, B, C] = ["a", "b", "c"].map((digit) => digit.repeat(64)) as [string, string, string];
let official: CycloneDx;
beforeAll(async () => {
  official = await officialCycloneDx();
});

const gate: System = systemOf({
  components: {
    camera: "sensor",
    store: { kind: "database", holds: ["marks"] },
    hub: { kind: "external", title: "Model hub" },
    clerk: "human",
    net: {
      kind: "model",
      title: "Gate reader",
      version: "2.0",
      model: {
        artefact: "net.onnx",
        classes: ["open", "shut"],
        accuracy: { declared: 0.9, on: "marks" },
        origin: { trainedBy: "third-party", pretrained: "org/base", supplier: "hub", licence: "Apache-2.0" },
        training: { datasets: ["marks"] },
      } as never,
    },
  },
  flows: ["camera -> net -> store -> clerk", { from: "hub", to: "net", encrypted: true, carries: ["weights"] }],
  boundaries: { site: ["camera", "net", "store"] },
  datasets: {
    marks: {
      path: "marks.npz",
      personal: true,
      provenance: { source: "our gates", licence: "house rules", suppliers: [] },
    },
  },
});

const lock = readLock(
  "package-lock.json",
  new TextEncoder().encode(
    JSON.stringify({
      lockfileVersion: 3,
      packages: {
        "": { dependencies: { a: "1" } },
        "node_modules/a": { version: "1.0.0", license: "MIT OR Apache-2.0", dependencies: { b: "1" } },
        "node_modules/b": { version: "1.0.0", license: "our own" },
      },
    }),
  ),
);

const input = (changes: Partial<BomInput> = {}): BomInput => ({
  system: gate,
  version: "1.6",
  tool: { name: "vauban", version: "0" },
  artefacts: new Map([
    [
      "net.onnx",
      {
        files: [{ path: "net.onnx", size: 3, sha256: A }],
        folder: false,
        adapter: { base: "org/other", revision: "0123456789".repeat(4), method: "LORA" },
      },
    ],
    ["marks.npz", { files: [{ path: "marks.npz", size: 3, sha256: B }], folder: false }],
  ]),
  locks: [{ path: "package-lock.json", sha256: C, locked: lock }],
  licences: official.licences,
  ...changes,
});

const where = { file: "vauban.yaml", line: 1, column: 1 };
/** As much of an assessment as a bill of materials reads. */
const assessed = (modelHash = A, standing: object = { status: "current" }): Assessment =>
  ({
    hash: C,
    body: {
      knowledge: { threats: [{ id: "T-01", title: "Digital evasion" }] },
      trials: [
        {
          id: "small",
          seed: "1/small",
          key: B,
          inputs: [
            { role: "model", path: "net.onnx", sha256: modelHash, size: 3 },
            { role: "data", path: "marks.npz", sha256: B, size: 3 },
          ],
        },
      ],
      evidence: [
        {
          id: "ev-1",
          title: "Evasion of Gate reader",
          trial: "small",
          at: "net",
          grade: "B",
          adaptive: true,
          sanity: [{ check: "answers are numbers", passed: false, detail: "" }],
          standing,
          outcome: {
            status: "measured",
            measure: {
              kind: "evasion",
              norm: "linf",
              eps: 0.03,
              robustAccuracy: { k: 6, n: 10, unit: "image", low: 0.26, high: 0.88 },
              successRate: { k: 3, n: 9, unit: "image", low: 0.07, high: 0.7 },
            },
          },
        },
      ],
      findings: (["confirmed", "resisted", "untested", "inconclusive", "stale"] as const).map((status, n) => ({
        id: `F-evasion@${n}`,
        kind: "threat",
        status,
        title: "Evasion",
        detail: "detail",
        threat: `evasion@${n}`,
        type: "T-01",
        at: ["net", "store", "clerk", "camera->net", undefined][n],
        evidence: status === "untested" ? [] : ["ev-1"],
        where,
      })),
    },
  }) as unknown as Assessment;

const part = (bom: Json, ref: string): Json =>
  [...(bom["components"] as Json[]), ...((bom["services"] ?? []) as Json[])].find((one) => one["bom-ref"] === ref)!;
type Card = {
  modelCard: { quantitativeAnalysis: { performanceMetrics: { type: string; value: string; slice: string }[] } };
};

describe("a bill of materials", () => {
  it.each(["1.6", "1.7"] as const)("is valid CycloneDX %s, with an assessment and without", (version) => {
    for (const more of [{}, { assessment: assessed(), vex: true, asOf: "2026-11-26" }])
      expect(official.check(bomOf(input({ version, ...more })).document)).toEqual([]);
  });

  it("is the same for the same input, has another serial number for another content, and no time unasked", () => {
    const [one, two] = [bomOf(input()).document, bomOf(input()).document];
    expect(JSON.stringify(one)).toBe(JSON.stringify(two));
    expect((one["metadata"] as Json)["timestamp"]).toBeUndefined();
    const other = bomOf(input({ artefacts: new Map() })).document;
    expect(other["serialNumber"]).not.toBe(one["serialNumber"]);
  });

  it("gives models the hash of the file that lies there, its data, licence, and what it was made from", () => {
    const net = part(bomOf(input()).document, "components.net");
    expect(net).toMatchObject({
      type: "machine-learning-model",
      version: "2.0",
      hashes: [{ alg: "SHA-256", content: A }],
      licenses: [{ license: { id: "Apache-2.0" } }],
      supplier: { name: "hub" },
      pedigree: {
        ancestors: [
          { name: "org/base" },
          { name: "org/other", purl: `pkg:huggingface/org/other@${"0123456789".repeat(4)}` },
        ],
        notes: "an adapter (LORA) over org/other",
      },
      modelCard: { modelParameters: { task: "classification", datasets: [{ ref: "datasets.marks" }] } },
    });
  });

  it("says which file is not what the system file declares, and gives the hash of the file", () => {
    const components = gate.components.map((one) => (one.model ? { ...one, model: { ...one.model, sha256: C } } : one));
    const { document, changed } = bomOf(input({ system: { ...gate, components } }));
    expect(changed).toEqual([{ at: "components.net", path: "net.onnx", declared: C, found: A }]);
    expect(part(document, "components.net")["hashes"]).toEqual([{ alg: "SHA-256", content: A }]);
  });

  it("lists the files that a part is loaded from, and takes a pretrained one for an ancestor", () => {
    const components = gate.components.map((one) =>
      one.id === "net" || one.id === "store"
        ? {
            ...one,
            files: [
              { path: "base.bin", role: "pretrained" as const, sha256: B, where: one.where },
              { path: "gone.bin", role: "other" as const, where: one.where },
            ],
          }
        : one,
    );
    const artefacts = new Map([
      ...input().artefacts,
      ["base.bin", { folder: false, files: [{ path: "base.bin", size: 1, sha256: C }] }] as const,
    ]);
    const { document, changed, gaps } = bomOf(input({ system: { ...gate, components }, artefacts }));
    expect(official.check(document)).toEqual([]);
    const net = part(document, "components.net") as { components: Json[]; pedigree: { ancestors: Json[] } };
    expect(net.components).toMatchObject([{ name: "base.bin", hashes: [{ content: C }] }, { name: "gone.bin" }]);
    expect(net.pedigree.ancestors.map(({ name }) => name)).toEqual(["org/base", "base.bin", "org/other"]);
    expect(changed.map(({ at, found }) => [at, found])).toEqual([
      ["components.net:base.bin", C],
      ["components.store:base.bin", C],
    ]);
    expect(part(document, "components.store:base.bin")).toMatchObject({ type: "file" });
    expect(gaps).toContainEqual(expect.objectContaining({ missing: "gone.bin was not there to be hashed" }));
  });

  it("lists every file of a model that is a folder", () => {
    const artefacts = new Map([
      ["net.onnx", { folder: true, files: [{ path: "net.onnx/w.bin", size: 1, sha256: B }] }],
    ]);
    expect(part(bomOf(input({ artefacts })).document, "components.net")["components"]).toMatchObject([
      { type: "file", name: "net.onnx/w.bin", hashes: [{ content: B }] },
    ]);
  });

  it("shows flows as data of services and as dependencies; a person is no material", () => {
    const { document, left } = bomOf(input());
    expect(part(document, "components.hub")).toMatchObject({
      provider: { name: "Model hub" },
      "x-trust-boundary": true,
      data: [
        {
          flow: "outbound",
          name: "weights",
          description: "Model hub to Gate reader; encrypted",
          destination: ["components.net"],
        },
      ],
    });
    expect(document["dependencies"]).toContainEqual({
      ref: "components.net",
      dependsOn: ["components.camera", "components.hub", "datasets.marks"],
    });
    expect(part(document, "components.clerk")).toBeUndefined();
    expect(left).toContainEqual({ section: "people", entries: 1, because: "people are no materials" });
  });

  it("gives libraries their package URL, what needs them, and a licence by id, expression or name", () => {
    const { document } = bomOf(input());
    expect(part(document, "pkg:npm/a@1.0.0")).toMatchObject({ licenses: [{ expression: "MIT OR Apache-2.0" }] });
    expect(part(document, "pkg:npm/b@1.0.0")).toMatchObject({ licenses: [{ license: { name: "our own" } }] });
    const dependencies = document["dependencies"] as { ref: string; dependsOn?: string[] }[];
    expect(dependencies.find(({ ref }) => ref === "pkg:npm/a@1.0.0")!.dependsOn).toEqual(["pkg:npm/b@1.0.0"]);
    const direct = dependencies.find(({ ref }) => ref === "system")!.dependsOn!;
    expect(direct).toContain("pkg:npm/a@1.0.0");
    expect(direct).not.toContain("pkg:npm/b@1.0.0");
    expect(licencesOf("(MIT AND (", official.licences)).toEqual([{ license: { name: "(MIT AND (" } }]);
  });

  it("puts measurements into the model card with n, interval, seed, data and key", () => {
    const { document } = bomOf(input({ assessment: assessed() }));
    const metrics = (part(document, "components.net") as unknown as Card).modelCard.quantitativeAnalysis
      .performanceMetrics;
    expect(metrics).toHaveLength(3);
    expect(metrics[1]).toEqual({
      type: "robust accuracy under attack, measured",
      value: "0.6",
      slice: `linf budget 0.03 of the input range; 6 of 10 images; data marks.npz, SHA-256 ${B}; seed 1/small; measurement ${B}; evidence ev-1, grade B; does not hold: answers are numbers`,
      confidenceInterval: { lowerBound: "0.26", upperBound: "0.88" },
    });
  });

  it.each([
    ["of another file", assessed(B), "on another file"],
    ["that is stale", assessed(A, { status: "stale", because: "too old" }), "too old"],
  ])("leaves out a measurement %s, and says so", (_, assessment, words) => {
    const { document, gaps } = bomOf(input({ assessment }));
    const metrics = (part(document, "components.net") as unknown as Card).modelCard.quantitativeAnalysis
      .performanceMetrics;
    expect(metrics.map(({ type }) => type)).toEqual(["accuracy, declared"]);
    expect(gaps.some(({ missing }) => missing.includes(words))).toBe(true);
  });
});

describe("whatever stands in a lock file", () => {
  it("the document is valid and the same twice", () => {
    const odd = fc.oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 12 }),
      fc.constantFrom("\ud800", "%zz", "a b", "<>", "@x/y", "../..", "urn:", "a@1?b#c"),
    );
    const entry = fc.record({
      version: odd,
      resolved: odd,
      integrity: fc.constantFrom("", "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "sha512-x"),
      license: odd,
      dev: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.dictionary(odd, entry, { maxKeys: 5 }), (entries) => {
        const packages = Object.fromEntries(
          Object.entries(entries).map(([name, one]) => [`node_modules/${name}`, one]),
        );
        const bytes = new TextEncoder().encode(JSON.stringify({ lockfileVersion: 3, packages }));
        const made = () =>
          bomOf(
            input({ locks: [{ path: "package-lock.json", sha256: C, locked: readLock("package-lock.json", bytes) }] }),
          );
        const { document } = made();
        expect(official.check(document)).toEqual([]);
        expect(JSON.stringify(made().document)).toBe(JSON.stringify(document));
      }),
      { numRuns: 100, seed: 19 },
    );
  });
});

describe("a VEX", () => {
  it("calls exploitable what was shown and everything else in triage; nothing is ever called not affected", () => {
    const { document } = bomOf(input({ assessment: assessed(), vex: true }));
    const said = document["vulnerabilities"] as { analysis: { state: string; detail: string }; affects: Json[] }[];
    expect(said.map(({ analysis }) => analysis.state)).toEqual([
      "exploitable",
      "in_triage",
      "in_triage",
      "in_triage",
      "in_triage",
    ]);
    expect(said[1]!.analysis.detail).toContain("no proof that it is not affected");
    expect(said.map(({ affects }) => affects[0]!["ref"])).toEqual([
      "components.net",
      "components.store",
      "system",
      "system",
      "system",
    ]);
  });

  it.each([
    ["of another file", assessed(B), "on another file"],
    ["that is stale", assessed(A, { status: "stale", because: "too old" }), "too old"],
  ])("calls what only evidence %s shows in triage, with the reason", (_, assessment, words) => {
    const { document } = bomOf(input({ assessment, vex: true }));
    const outdated = outdatedOf(gate, input().artefacts, assessment.body);
    const own = vexDocument(assessment, document, refsOf(gate), outdated, {
      version: "1.6",
      tool: { name: "vauban", version: "0" },
    });
    for (const said of [document, own]) {
      const [first] = said["vulnerabilities"] as { analysis: { state: string; detail: string } }[];
      expect(first!.analysis.state).toBe("in_triage");
      expect(first!.analysis.detail).toContain(words);
    }
  });

  it("of its own is valid and points into the bill of materials by its serial number", () => {
    const bom = bomOf(input()).document;
    const vex = vexDocument(assessed(), bom, refsOf(gate), new Map(), {
      version: "1.7",
      tool: { name: "vauban", version: "0" },
    });
    expect(official.check(vex)).toEqual([]);
    const serial = (bom["serialNumber"] as string).slice("urn:uuid:".length);
    expect((vex["vulnerabilities"] as { affects: Json[] }[])[0]!.affects).toEqual([
      { ref: `urn:cdx:${serial}/1#components.net` },
    ]);
  });

  it("is compared with another by what was judged, not by the edition of the bill of materials or the assessment it is from", () => {
    const made = (assessment: Assessment, spec: "1.6" | "1.7") =>
      vexDocument(assessment, bomOf({ ...input(), version: spec }).document, refsOf(gate), new Map(), {
        version: "1.7",
        tool: { name: "vauban", version: "0" },
      });
    const [one, two] = [made(assessed(), "1.6"), made({ ...assessed(), hash: "f".repeat(64) }, "1.7")];
    expect((one["vulnerabilities"] as { affects: Json[] }[])[0]!.affects).not.toEqual(
      (two["vulnerabilities"] as { affects: Json[] }[])[0]!.affects,
    );
    expect(diffBoms(one, two)).toEqual([]);
    const other = structuredClone(two) as any;
    other.vulnerabilities[0].analysis.state = "in_triage";
    expect(diffBoms(one, other).map(({ kind, field }) => [kind, field])).toEqual([["vulnerability", "analysis"]]);
  });
});

describe("the difference of two bills of materials", () => {
  const changed = (bom: Json, edit: (copy: any) => void): Json => {
    const copy = structuredClone(bom) as Json;
    edit(copy);
    return copy;
  };
  const bom = (): Json => bomOf(input()).document;

  it("is none between a document and itself with other references, order and time", () => {
    const one = bom();
    const same = JSON.parse(JSON.stringify(one).replaceAll("components.net", "x-17")) as any;
    same.components.reverse();
    same.metadata.timestamp = "2026-01-01T00:00:00Z";
    expect(diffBoms(one, same as Json)).toEqual([]);
  });

  it("names what came, went, and changed in version, hash, licence, model card and data", () => {
    const one = bom();
    const two = changed(one, (copy) => {
      const of = (ref: string) => copy.components.find((each: any) => each["bom-ref"] === ref);
      of("pkg:npm/a@1.0.0").version = "1.1.0";
      of("pkg:npm/a@1.0.0").purl = "pkg:npm/a@1.1.0";
      of("components.net").hashes[0].content = C;
      of("components.net").modelCard.modelParameters.datasets = [];
      of("datasets.marks").licenses = [{ license: { id: "MIT" } }];
      copy.components = copy.components.filter((each: any) => each["bom-ref"] !== "pkg:npm/b@1.0.0");
      copy.components.push({ type: "library", name: "fresh", version: "9", "bom-ref": "fresh" });
    });
    expect(
      diffBoms(one, two)
        .filter(({ kind }) => kind === "component")
        .map(({ change, what, field }) => [change, what, field]),
    ).toEqual([
      ["changed", "data marks", "licenses"],
      ["changed", "library a", "version"],
      ["changed", "library a", "purl"],
      ["removed", "library b 1.0.0", undefined],
      ["added", "library fresh 9", undefined],
      ["changed", "machine-learning-model Gate reader", "hashes"],
      ["changed", "machine-learning-model Gate reader", "modelCard.modelParameters.datasets"],
    ]);
  });

  it("is never none where anything but serial number, version and time is another", () => {
    const one: Json = { ...bom(), dependencies: [{ ref: "pkg:npm/a@1.0.0", dependsOn: ["pkg:npm/b@1.0.0"] }] };
    const edits: readonly (readonly [expected: string, edit: (copy: any) => void])[] = [
      ...(["formulation", "compositions", "annotations", "externalReferences"] as const).map(
        (key) => [`document ${key}`, (copy: any) => (copy[key] = [{ any: "thing" }])] as const,
      ),
      ...(["declarations", "definitions", "signature"] as const).map(
        (key) => [`document ${key}`, (copy: any) => (copy[key] = { any: "thing" })] as const,
      ),
      ["document properties.odd", (copy) => copy.properties.push({ name: "odd", value: "1" })],
      ["document specVersion", (copy) => (copy.specVersion = "1.7")],
      ["document metadata.authors", (copy) => (copy.metadata.authors = [{ name: "somebody" }])],
      ["system version", (copy) => (copy.metadata.component.version = "other")],
      ["component undefined", (copy) => (copy.metadata.component.components = [{ type: "file", name: "inside" }])],
      ["dependency undefined", (copy) => (copy.dependencies[0].provides = ["components.net"])],
      ["dependency undefined", (copy) => copy.dependencies.push({ ref: "pkg:npm/b@1.0.0" })],
    ];
    for (const [expected, edit] of edits) {
      const said = diffBoms(one, changed(one, edit)).map(({ kind, field }) => `${kind} ${field}`);
      expect(said, expected).toEqual([expected]);
    }
    const judgements = (...states: string[]): Json => ({
      vulnerabilities: states.map((state) => ({ id: "CVE-1", analysis: { state } })),
    });
    expect(diffBoms(judgements("exploitable", "in_triage"), judgements("resolved", "in_triage"))).toHaveLength(1);
    expect(diffBoms(judgements("exploitable"), judgements("exploitable", "in_triage"))).toHaveLength(1);
    const needing = (version: string): Json => ({
      components: ["1", "2"].map((one) => ({ type: "library", name: "b", version: one, "bom-ref": `b${one}` })),
      dependencies: [{ ref: "b1", dependsOn: [`b${version}`] }],
    });
    expect(diffBoms(needing("1"), needing("2"))).toHaveLength(2);
  });

  it("follows a verdict from one document to the next", () => {
    const one = bomOf(input({ assessment: assessed(), vex: true })).document;
    const two = changed(one, (copy) => {
      copy.vulnerabilities[0].analysis.state = "in_triage";
      copy.vulnerabilities.pop();
    });
    expect(diffBoms(one, two).map(({ change, what, field }) => [change, what, field])).toEqual([
      ["changed", "evasion@0", "analysis"],
      ["removed", "evasion@4", undefined],
    ]);
  });

  it("pairs packages that are there in two versions by their version", () => {
    const of = (...versions: string[]): Json => ({
      components: versions.map((version) => ({ type: "library", name: "b", version, purl: `pkg:npm/b@${version}` })),
    });
    expect(diffBoms(of("1", "2"), of("2", "3")).map(({ field, before, after }) => [field, before, after])).toEqual([
      ["version", "1", "3"],
      ["purl", "pkg:npm/b@1", "pkg:npm/b@3"],
    ]);
  });
});
