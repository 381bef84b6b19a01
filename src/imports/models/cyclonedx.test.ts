/** A bill of materials becomes a system file; what is ours comes back as it was, and every value is carried or listed. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { CycloneDx } from "#host/schemas.ts";
import type { System } from "#assessment/index.ts";
import { isError } from "#base/diagnostics.ts";
import { bomOf } from "#provenance/bom.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { knownFrom, readSystem } from "#system/read.ts";
import { NO_SHARED_DATA, SHARED_DATA } from "../../../test/support/assess.ts";
import { officialCycloneDx } from "../../../test/support/cyclonedx.ts";
import { broken } from "../../../test/support/imported.ts";
import { importModel } from "./index.ts";

let official: CycloneDx;
const knowledge = knownFrom(loadKnowledge());
beforeAll(async () => {
  official = await officialCycloneDx();
});
const imported = (text: string) =>
  importModel(text, "bom.json", { cycloneDx: official.check, sectors: new Set(knowledge.knownSectors.keys()) });
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
