/** The register of suppliers: what the law asks of whom, and what is not known of what others made. */
import { describe, expect, it } from "vitest";
import { systemOf } from "../../test/support/system.ts";
import type { Supplier, System } from "#assessment/system.ts";
import { readSystem } from "./read.ts";
import { provenanceGaps, supplierRegister } from "./suppliers.ts";

const where = { file: "vauban.yaml", line: 1, column: 1 };
const supplier = (id: string, more: Partial<Supplier> = {}): Supplier => ({
  id,
  title: id,
  supplies: ["net"],
  openSource: false,
  generalPurpose: false,
  covers: [],
  where,
  ...more,
});
const high = { role: "provider", listing: "annex-III.2", presumptions: [] } as const;
const system = (suppliers: Supplier[] | undefined, law: System["law"] = high): System =>
  systemOf({
    components: {
      desk: "interface",
      hub: "external",
      net: {
        kind: "model",
        model: {
          artefact: "net.onnx",
          origin: { trainedBy: "third-party", supplier: "maker" },
          training: { datasets: ["marks"] },
        } as never,
      },
    },
    flows: ["desk -> net"],
    datasets: { marks: { role: "training" }, past: { role: "test" } },
    rest: { law, ...(suppliers && { suppliers }) },
  });
const asked = (one: Supplier, law?: System["law"]): boolean => supplierRegister(system([one], law))[0]!.asked;
const missing = (one: System, at: string, asOf?: string): string[] =>
  provenanceGaps(one, asOf).flatMap((gap) => (gap.at === at ? [gap.missing] : []));

describe("Art. 25(4)", () => {
  it("asks the provider of a high-risk system for an agreement, also with open source where a general-purpose model comes from it", () => {
    expect(asked(supplier("maker"))).toBe(true);
    expect(asked(supplier("maker", { openSource: true }))).toBe(false);
    expect(asked(supplier("maker", { openSource: true, generalPurpose: true }))).toBe(true);
    expect(asked(supplier("maker"), { ...high, listing: "none" })).toBe(false);
    expect(asked(supplier("maker"), { ...high, role: "deployer" })).toBe(false);
  });

  it("is held to its four points; notice of changes and access for tests are practice and never missing", () => {
    const [row] = supplierRegister(
      system([supplier("maker", { agreement: "contract 7", covers: ["information", "test-access"] })]),
    );
    expect(Object.fromEntries(row!.items.map(({ item, state }) => [item, state]))).toEqual({
      agreement: "there",
      information: "there",
      capabilities: "missing",
      "technical-access": "missing",
      assistance: "missing",
      "change-notice": "not asked",
      "test-access": "there",
    });
    const gaps = provenanceGaps(system([supplier("maker", { agreement: "contract 7" })]));
    expect(gaps.filter(({ clause }) => clause === "AIA-25.4")).toHaveLength(4);
    expect(gaps.filter(({ at }) => at === "suppliers.maker")).toHaveLength(4);
  });

  it("knows when an agreement has ended", () => {
    const one = system([supplier("maker", { agreement: "contract 7", until: "2026-03" })]);
    expect(missing(one, "suppliers.maker", "2026-04-01")).toContain("the agreement ended 2026-03");
    expect(missing(one, "suppliers.maker", "2026-03-31")).not.toContain("the agreement ended 2026-03");
  });
});

describe("what others made", () => {
  it("lacks licence, version, hash and a supplier until they are said", () => {
    expect(missing(system(undefined), "components.net")).toEqual([
      "its supplier maker is not in the register",
      "the licence of the model is not known",
      "the version of the model is not known",
      "no hash of the model as it came",
      "no hash is declared, so a changed file is not noticed",
    ]);
    expect(missing(system(undefined), "components.hub")).toEqual([
      "an outside party that no supplier of the register supplies",
    ]);
    expect(missing(system(undefined), "datasets.marks")).toEqual(["where the data come from is not said"]);
    expect(missing(system(undefined), "datasets.past")).toEqual([]);
  });

  it("lacks nothing once everything is said", () => {
    const bare = system([
      supplier("maker", {
        supplies: ["net", "hub", "marks"],
        agreement: "contract 7",
        covers: ["information", "capabilities", "technical-access", "assistance"],
      }),
    ]);
    const digest = "a".repeat(64);
    const whole: System = {
      ...bare,
      components: bare.components.map((one) =>
        one.model
          ? {
              ...one,
              model: {
                ...one.model,
                sha256: digest,
                origin: { ...one.model.origin, licence: "MIT", version: "2", sha256: digest },
              },
            }
          : one,
      ),
      datasets: bare.datasets.map((one) => ({
        ...one,
        sha256: digest,
        provenance: { source: "the gate", licence: "MIT", version: "3", suppliers: ["maker"] },
      })),
    };
    expect(provenanceGaps(whole, "2026-11-26")).toEqual([]);
  });
});

describe("suppliers: in a system file", () => {
  const text = (supplies: string): string => `
vauban: 1
system: { name: Demo, purpose: Shows a register., environment: virtual }
law: { role: provider, listing: none, reasoning: a demonstration }
stage: design
sector: general
components:
  form: { kind: interface }
  rules: { kind: model, level: symbolic, role: advisory, origin: { pretrained: org/base, version: "7", sha256: ${"b".repeat(64)} } }
flows: [form -> rules]
suppliers:
  maker: { supplies: ${supplies}, agreement: contract 7, covers: information, until: 2027-06 }
`;
  it("is read with what was not answered", () => {
    const { system: read } = readSystem(text("rules"), "vauban.yaml");
    expect(read!.suppliers).toMatchObject([
      {
        id: "maker",
        title: "maker",
        supplies: ["rules"],
        openSource: false,
        covers: ["information"],
        until: "2027-06",
      },
    ]);
    expect(read!.components[1]!.model!.origin).toMatchObject({ version: "7", sha256: "b".repeat(64) });
  });

  it("names only parts and data there are", () => {
    const { diagnostics } = readSystem(text("[rules, form, rulez]"), "vauban.yaml");
    expect(diagnostics.filter(({ code }) => code === "E013").map(({ message, hint }) => [message, hint])).toEqual([
      [
        '"maker" supplies "rulez", which no component or dataset declares',
        expect.stringContaining('did you mean "rules"'),
      ],
    ]);
  });
});
