/** A bill of materials becomes a system file; what is ours comes back as it was, and every value is carried or listed. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { CycloneDx } from "#host/schemas.ts";
import type { System } from "#assessment/index.ts";
import { isError } from "#base/diagnostics.ts";
import { sha256 } from "#base/hash.ts";
import { bomOf, type BomInput } from "#provenance/bom.ts";
import type { Json } from "#provenance/serial.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { knownFrom, readSystem } from "#system/read.ts";
import { NO_SHARED_DATA, SHARED_DATA } from "../../../test/support/assess.ts";
import { officialCycloneDx } from "../../../test/support/cyclonedx.ts";
import { systemOf } from "../../../test/support/system.ts";
import { broken } from "../../../test/support/imported.ts";
import { importModel } from "./index.ts";

let official: CycloneDx;
const knowledge = knownFrom(loadKnowledge());
beforeAll(async () => {
  official = await officialCycloneDx();
});
const imported = (text: string, files: (path: string) => boolean = () => false) =>
  importModel(text, "bom.json", { cycloneDx: official.check, sectors: new Set(knowledge.knownSectors.keys()), files });
const read = (text: string): System => {
  const { system, diagnostics } = readSystem(text, "vauban.yaml", knowledge);
  expect(diagnostics.filter(isError)).toEqual([]);
  return system!;
};

describe("a bill of materials of another tool", () => {
  it("comes over with its model, licence and data; every value is carried or listed", (context) => {
    const sample = join(SHARED_DATA, "aibom", "valid-machine-learning-1.6.cdx.json");
    if (!existsSync(sample)) context.skip(NO_SHARED_DATA ?? "the sample is not there");
    const text = readFileSync(sample, "utf8");
    const { model, diagnostics } = imported(text);
    expect(diagnostics).toEqual([]);
    expect(broken(JSON.parse(text), model!)).toEqual([]);
    const system = read(model!.text);
    expect(system.components[0]).toMatchObject({
      id: "stable-diffusion",
      version: "1.4",
      model: { origin: { supplier: "Acme Inc", trainedBy: "unknown" }, training: { datasets: ["training-data"] } },
    });
    expect(model!.questions.map(({ at }) => at)).toContain("components.stable-diffusion.level");
  });

  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.7",
    version: 1,
    components: [
      {
        type: "application",
        name: "Portal",
        "bom-ref": "portal",
        components: [
          {
            type: "machine-learning-model",
            name: "Ranker",
            "bom-ref": "ranker",
            hashes: [
              { alg: "SHA-1", content: "b".repeat(40) },
              { alg: "SHA-256", content: "A".repeat(64) },
            ],
            licenses: [{ expression: "MIT OR Apache-2.0" }],
            pedigree: { ancestors: [{ type: "machine-learning-model", name: "org/base", version: "7" }] },
            modelCard: { modelParameters: { task: "text-classification", datasets: [{ ref: "letters" }] } },
          },
        ],
      },
      {
        type: "data",
        name: "Letters",
        "bom-ref": "letters",
        data: [
          { type: "dataset", classification: "PII", governance: { owners: [{ organization: { name: "Desk" } }] } },
        ],
      },
      { type: "library", name: "left-pad", version: "1.0.0", "bom-ref": "pad" },
    ],
    services: [
      {
        name: "Store",
        "bom-ref": "store",
        trustZone: "inside",
        data: [{ flow: "inbound", classification: "PII", name: "answers", source: ["ranker"] }],
      },
    ],
    dependencies: [{ ref: "ranker", dependsOn: ["portal", "pad"] }],
  };

  it("is read as deep as its parts go, with flows of services and dependencies; libraries are listed", () => {
    const { model, diagnostics } = imported(JSON.stringify(document, null, 1));
    expect(diagnostics).toEqual([]);
    expect(broken(document, model!)).toEqual([]);
    const system = read(model!.text);
    expect(system.components.map(({ id, kind }) => [id, kind])).toEqual([
      ["portal", "interface"],
      ["ranker", "model"],
      ["store", "interface"],
    ]);
    expect(system.components[1]!.model).toMatchObject({
      task: "classification",
      sha256: "a".repeat(64),
      origin: { licence: "MIT OR Apache-2.0", pretrained: "org/base", version: "7" },
      training: { datasets: ["letters"] },
    });
    expect(system.datasets).toMatchObject([{ id: "letters", personal: true, provenance: { suppliers: ["Desk"] } }]);
    expect(system.flows.map(({ from, to, carries }) => [from, to, carries])).toEqual([
      ["ranker", "store", ["answers"]],
      ["portal", "ranker", []],
    ]);
    expect(system.boundaries).toMatchObject([{ title: "inside", components: ["store"] }]);
    expect(model!.losses.find(({ path }) => path === "/components/2")!.reason).toContain("libraries");
  });

  it.each([
    ["a wrong type", "machine-learning-model", "ml-model", "/components/0/components/0/type: must be equal"],
    ["a reference to nothing", '"ref":"ranker"', '"ref":"gone"', '/dependencies/0/ref: nothing has the bom-ref "gone"'],
    ["a version that is not read", '"1.7"', '"1.5"', "only 1.6 and 1.7 are read"],
  ])("with %s is refused with the place", (_, from, to, words) => {
    const { model, diagnostics } = imported(JSON.stringify(document).replace(from, to));
    expect(model).toBeUndefined();
    expect(diagnostics.map(({ code, message }) => `${code} ${message}`).join("\n")).toContain(words);
    expect(diagnostics.every(({ code, span }) => code === "E809" && span !== undefined)).toBe(true);
  });

  it("that is mutated becomes a system file that is read, or a diagnostic", () => {
    const text = JSON.stringify(document);
    fc.assert(
      fc.property(
        fc.nat(text.length),
        fc.nat(8),
        fc.constantFrom("", '"', "system", "null", "\\u0000", "here", "1e9"),
        (at, cut, put) => {
          const { model, diagnostics } = imported(text.slice(0, at) + put + text.slice(at + cut));
          if (model) read(model.text);
          else expect(diagnostics.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 300, seed: 3 },
    );
  });
});

describe("a system file that went out as a bill of materials", () => {
  it.each(["chest-xray", "roadside-signs"])("%s comes back with its models, data, parts, flows and zones", (name) => {
    const text = readFileSync(`examples/${name}/vauban.yaml`, "utf8");
    const system = read(text);
    const { document, left } = bomOf({
      system,
      version: "1.6",
      tool: { name: "vauban", version: "0" },
      artefacts: new Map(),
      locks: [],
      licences: official.licences,
    });
    const { model, diagnostics } = imported(JSON.stringify(document, null, 2));
    expect(diagnostics).toEqual([]);
    expect(broken(document, model!)).toEqual([]);
    const back = read(model!.text);

    const people = new Set(system.components.filter(({ kind }) => kind === "human").map(({ id }) => id));
    const parts = ({ components }: System) =>
      components
        .filter(({ id }) => !people.has(id))
        .map(({ id, kind, title, version, note, model: one }) => ({
          id,
          kind,
          title,
          version,
          note,
          ...(one && {
            level: one.level,
            role: one.role,
            task: one.task,
            sha256: one.sha256,
            origin: one.origin,
            data: one.training.datasets,
          }),
        }))
        .toSorted((a, b) => (a.id < b.id ? -1 : 1));
    expect(parts(back)).toEqual(parts(system));

    const data = ({ datasets }: System) =>
      datasets.map(({ id, title, role, personal, sha256, provenance }) => ({
        id,
        title,
        role,
        personal,
        sha256,
        provenance,
      }));
    expect(data(back)).toEqual(data(system));

    const flows = (one: System) =>
      one.flows
        .filter(({ from, to }) => !people.has(from) && !people.has(to))
        .map(({ from, to }) => `${from} -> ${to}`)
        .toSorted();
    expect([...new Set(flows(back))]).toEqual([...new Set(flows(system))]);

    const zone = ({ boundaries }: System) =>
      new Map(
        boundaries.flatMap(({ id, components }) =>
          components.filter((one) => !people.has(one)).map((one) => [one, id]),
        ),
      );
    expect(new Set(zone(back))).toEqual(new Set(zone(system)));
    expect([back.name, back.version, back.purpose, back.stage, back.sector, back.law.role, back.law.listing]).toEqual([
      system.name,
      system.version,
      system.purpose,
      system.stage,
      system.sector,
      system.law.role,
      system.law.listing,
    ]);
    // What does not come back is what the bill of materials said it leaves out.
    for (const section of ["actors", "controls", "tests"] as const)
      if (system[section].length > 0) expect(left.map((one) => one.section)).toContain(section);
  });
});

describe("out, in, and out again", () => {
  const out = (system: System, artefacts: BomInput["artefacts"] = new Map()) =>
    bomOf({
      system,
      version: "1.7",
      tool: { name: "vauban", version: "0" },
      artefacts,
      locks: [],
      licences: official.licences,
    }).document;
  /** What is listed as left out: people, and what flows to and from them. */
  const withoutPeople = (system: System): System => {
    const people = new Set(system.components.filter(({ kind }) => kind === "human").map(({ id }) => id));
    return {
      ...system,
      components: system.components.filter(({ id }) => !people.has(id)),
      flows: system.flows.filter(({ from, to }) => !people.has(from) && !people.has(to)),
    };
  };
  const body = ({ serialNumber, ...rest }: Json): unknown => (expect(serialNumber).toBeTypeOf("string"), rest);

  it.each(["chest-xray", "roadside-signs", "fixtures"])("%s is the same document, but for its people", (name) => {
    const system = read(readFileSync(`examples/${name}/vauban.yaml`, "utf8"));
    const { model, diagnostics } = imported(JSON.stringify(out(system)), () => true);
    expect(diagnostics).toEqual([]);
    expect(body(out(read(model!.text)))).toEqual(body(out(withoutPeople(system))));
  });

  const words = fc
    .string({ unit: fc.constantFrom(..."abc Zé;,:#{}[]\"'-/1%"), minLength: 1, maxLength: 14 })
    .map((one) => `x${one}x`);
  const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
  const digest = fc.nat().map((n) => sha256(String(n)));
  const kinds = fc.constantFrom(
    "interface",
    "database",
    "monitoring",
    "external",
    "sensor",
    "actuator",
    "network",
    "compute",
    "preprocessing",
    "human",
  ) as fc.Arbitrary<"interface">;
  const worlds = fc.record({
    parts: fc.array(
      fc.record({
        kind: kinds,
        title: words,
        note: maybe(words),
        version: maybe(words),
        files: fc.uniqueArray(
          fc.record({
            path: fc.constantFrom("a/x.bin", "b.safetensors", "tok"),
            sha256: maybe(digest),
            role: fc.constantFrom("pretrained" as const, "adapter" as const, "other" as const),
          }),
          { maxLength: 2, selector: ({ path }) => path },
        ),
      }),
      { minLength: 1, maxLength: 5 },
    ),
    model: fc.record({
      level: fc.constantFrom("deep" as const, "large-scale" as const),
      role: fc.constantFrom("advisory" as const, "decisive" as const),
      artefact: maybe(fc.constant("m/net.onnx")),
      sha256: maybe(digest),
      input: maybe(
        fc.record({
          layout: maybe(fc.constantFrom("NCHW" as const, "NF" as const)),
          range: fc.tuple(fc.integer({ min: -9, max: 0 }), fc.integer({ min: 1, max: 255 })),
          scale: fc.constantFrom(1, 1 / 255),
          mean: fc.constantFrom([0], [0.485, 0.456, 0.406]),
          std: fc.constantFrom([1], [0.229, 0.224, 0.225]),
          integer: fc.boolean(),
        }),
      ),
      classes: maybe(fc.uniqueArray(words, { minLength: 2, maxLength: 4 })),
      declared: maybe(fc.double({ min: 0, max: 1, noNaN: true })),
      origin: fc.record({
        trainedBy: fc.constantFrom("provider" as const, "third-party" as const, "unknown" as const),
        pretrained: maybe(words),
        supplier: maybe(words),
        licence: maybe(fc.constantFrom("MIT", "MIT OR Apache-2.0", "Own licence 1")),
        version: maybe(words),
        sha256: maybe(digest),
      }),
      training: fc.record({ continual: fc.boolean(), federated: fc.boolean(), personalData: fc.boolean() }),
      learned: fc.boolean(),
      onDevice: fc.boolean(),
      tools: fc.boolean(),
      untrustedContent: fc.boolean(),
    }),
    flows: fc.array(
      fc.record({
        from: fc.nat(5),
        to: fc.nat(5),
        carries: fc.subarray(["images", "words, and more", "cases"]),
        over: maybe(words),
        signed: fc.boolean(),
        encrypted: fc.boolean(),
        authenticated: fc.boolean(),
      }),
      { maxLength: 6 },
    ),
    zone: fc.subarray([0, 1, 2, 3, 4, 5]),
    personal: fc.boolean(),
    data: fc.record({
      path: maybe(fc.constant("d/cases.npz")),
      labels: maybe(fc.constant("d/labels.npz")),
      role: fc.constantFrom("training" as const, "test" as const),
      personal: fc.boolean(),
      sha256: maybe(digest),
      provenance: maybe(
        fc.record({
          source: words,
          collected: maybe(fc.constant("2026-05-01")),
          licence: maybe(fc.constantFrom("MIT", "by hand")),
          version: maybe(words),
          suppliers: fc.uniqueArray(words, { maxLength: 2 }),
        }),
      ),
    }),
    said: fc.record({
      version: maybe(words),
      context: maybe(words),
      excluded: fc.uniqueArray(words, { maxLength: 2 }),
      misuse: fc.uniqueArray(words, { maxLength: 2 }),
      synthetic: fc.boolean(),
    }),
    supplies: fc.subarray([0, 1, 2]),
  });

  it("whatever the system is, what comes back is the same document, but for its people", () => {
    fc.assert(
      fc.property(worlds, ({ parts, model, flows, zone, personal, data, said, supplies }) => {
        const ids = ["Eye_1", ...parts.map((_, n) => `part.${n}`), "net"];
        const { declared, learned, ...rest } = model;
        const id = (n: number): string => ids[n % ids.length]!;
        const people = new Set(parts.flatMap(({ kind }, n) => ((kind as string) === "human" ? [`part.${n}`] : [])));
        const system = systemOf({
          components: {
            Eye_1: "sensor",
            ...Object.fromEntries(
              parts.map(({ files, ...part }, n) => [
                `part.${n}`,
                defined({
                  ...part,
                  files: files.map((file) => defined({ ...file, where: { file: "f", line: 1, column: 1 } })),
                }),
              ]),
            ),
            net: {
              kind: "model",
              title: "net",
              model: defined({
                ...rest,
                input: rest.input && defined(rest.input),
                origin: defined(rest.origin),
                training: { ...rest.training, datasets: learned ? ["cases"] : [] },
                accuracy: declared === undefined ? undefined : { declared, on: "cases" },
              }),
            },
          } as never,
          flows: [
            "Eye_1 -> net",
            ...flows
              .filter(({ from, to }) => id(from) !== id(to))
              .map((flow, n) => defined({ ...flow, id: `f${n}`, from: id(flow.from), to: id(flow.to) })),
          ],
          boundaries: { inside: [...new Set(zone.map(id))].filter((one) => !people.has(one)) },
          assets: { images: { personal } },
          datasets: {
            cases: defined({
              ...data,
              title: "Cases",
              provenance: data.provenance && defined(data.provenance),
            }) as never,
          },
          rest: {
            ...defined(said),
            suppliers:
              supplies.length === 0
                ? []
                : [
                    {
                      id: "maker",
                      title: "Maker & Co",
                      supplies: [...new Set(supplies.map(id))].filter((one) => !people.has(one)),
                      openSource: false,
                      generalPurpose: false,
                      covers: [],
                      where: { file: "f", line: 1, column: 1 },
                    },
                  ],
          },
        });
        const first = out(withoutPeople(system));
        expect(official.check(first)).toEqual([]);
        const { model: back, diagnostics } = imported(JSON.stringify(out(system)), () => true);
        expect(diagnostics).toEqual([]);
        expect(body(out(read(back!.text)))).toEqual(body(first));
      }),
      { numRuns: 30, seed: 20261126 },
    );
  });

  it("and paths that lead out of the folder, or to nothing, are listed and not carried", () => {
    const system = systemOf({
      components: { eye: "sensor", net: { kind: "model", model: { artefact: "../net.onnx" } } },
      flows: ["eye -> net"],
      datasets: { cases: { path: "cases.npz" } },
    });
    const { model } = imported(JSON.stringify(out(system)), (path) => path.startsWith(".."));
    const back = read(model!.text);
    expect([back.components[1]!.model!.artefact, back.datasets[0]!.path]).toEqual([undefined, undefined]);
    expect(model!.losses.filter(({ reason }) => reason.includes("does not lie beside")).length).toBe(2);
  });
});

/** Without the keys that hold nothing. */
const defined = <Value extends object>(value: Value): Value =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Value;
