/** Threat models of other tools: every value comes over or is listed, what is said to have come over is there, and the result assesses. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { broken } from "../../../test/support/imported.ts";
import { importModel, type ImportOptions, type ModelImport } from "./index.ts";

type Tree = { [key: string]: unknown };

const THREAGILE = `threagile_version: 1.0.0
title: Shop
business_overview: { description: Sells things to people on the web. }
abuse_cases: { Scraping: Somebody copies every price. }
questions: { Who pays?: "" }
data_assets:
  Orders: { id: orders, description: What was bought, usage: business, quantity: many, confidentiality: confidential, integrity: critical, availability: operational }
technical_assets:
  Browser:
    { id: browser, type: external-entity, technology: browser, internet: true, out_of_scope: true,
      communication_links: { Shopping: { target: web, protocol: https, authentication: session-id, vpn: false, data_assets_sent: [orders], data_assets_received: [orders] } } }
  Web shop: { id: web, type: process, technology: web-application, internet: false, communication_links: { Storing: { target: db, protocol: jdbc, authentication: client-certificate, vpn: true }, Asking: { target: rec, protocol: http } } }
  Recommender: { id: rec, type: process, technology: ai, description: Says what else people buy }
  Order database: { id: db, type: datastore, technology: database, data_assets_stored: [orders] }
trust_boundaries:
  Cloud: { id: cloud, type: network-cloud-provider, trust_boundaries_nested: [inner] }
  Inner: { id: inner, type: network-virtual-lan, technical_assets_inside: [web, db, rec] }
  Nothing in it: { id: empty, type: network-virtual-lan }
shared_runtimes: { Cluster: { id: k8s, technical_assets_running: [web, rec] } }
`;
const OTM = `otmVersion: 0.2.0
project: { id: p, name: Camera gate, description: Opens a gate for known cars. }
assets: [{ id: plates, name: Plates, risk: { confidentiality: 70, integrity: 90, availability: 10 } }]
trustZones:
  - { id: f0ba7722-39b6-4c81-8290-a30a248bb8d9, name: Street, risk: { trustRating: 10 } }
  - { id: yard, name: Yard, risk: { trustRating: 80 } }
  - { id: rack, name: Rack, risk: { trustRating: 90 }, parent: { trustZone: yard } }
components:
  - { id: cam, name: Camera, type: ip-camera, parent: { trustZone: f0ba7722-39b6-4c81-8290-a30a248bb8d9 }, tags: [outdoor] }
  - { id: net, name: Plate reader, type: ml-inference, parent: { component: box } }
  - { id: box, name: Server, type: ec2, parent: { trustZone: rack }, assets: { processed: [plates], stored: [plates] } }
  - { id: gate, name: Gate, type: boom-barrier, parent: { trustZone: yard } }
dataflows:
  - { id: pictures, name: Pictures, source: cam, destination: net, assets: [plates] }
  - { id: open, name: Open or stay, source: net, destination: gate, bidirectional: true }
  - { id: self, name: Self, source: box, destination: box }
threats: [{ id: t1, name: Sticker, risk: { likelihood: 50, impact: 80 } }]
`;
const box = (x: number, y: number, width: number, height: number) => ({ position: { x, y }, size: { width, height } });
const DRAGON = {
  version: "2.3.0",
  summary: { title: "Chat desk", owner: "us", description: "Answers questions.", id: 0 },
  detail: {
    reviewer: "somebody",
    diagrams: [
      {
        id: 0,
        title: "Main",
        cells: [
          {
            id: "b1",
            shape: "trust-boundary-box",
            ...box(0, 0, 500, 500),
            data: { type: "tm.BoundaryBox", name: "Office", isTrustBoundary: true },
          },
          {
            id: "b2",
            shape: "trust-boundary-box",
            ...box(100, 100, 200, 200),
            data: { type: "tm.BoundaryBox", name: "Model zone" },
          },
          {
            id: "b3",
            shape: "trust-boundary-box",
            ...box(900, 900, 10, 10),
            data: { type: "tm.BoundaryBox", name: "Empty" },
          },
          {
            id: "a",
            shape: "actor",
            ...box(700, 0, 50, 50),
            data: { type: "tm.Actor", name: "Customer", outOfScope: true, isWebApplication: false },
          },
          {
            id: "p",
            shape: "process",
            ...box(120, 120, 50, 50),
            data: { type: "tm.Process", name: "Assistant", description: "A language model" },
          },
          {
            id: "s",
            shape: "store",
            ...box(400, 400, 50, 50),
            data: { type: "tm.Store", name: "Talks", isALog: true, threats: [{ id: "t", title: "Leak" }] },
          },
          {
            id: "f1",
            shape: "flow",
            source: { cell: "a" },
            target: { cell: "p" },
            data: {
              type: "tm.Flow",
              name: "Question",
              protocol: "HTTPS",
              isEncrypted: true,
              isPublicNetwork: true,
              isBidirectional: true,
            },
          },
          {
            id: "f2",
            shape: "flow",
            source: { cell: "p" },
            target: { x: 3, y: 4 },
            data: { type: "tm.Flow", name: "Into the void" },
          },
          {
            id: "f3",
            shape: "flow",
            source: { cell: "p" },
            target: { cell: "s" },
            labels: [{ attrs: { labelText: { text: "Talk" } } }],
          },
          { id: "c", shape: "trust-boundary-curve", data: { type: "tm.Boundary", name: "A line" } },
        ],
      },
    ],
  },
};

function imported(text: string, options?: ImportOptions): ModelImport {
  const { model, diagnostics } = importModel(text, "model", options);
  expect(diagnostics).toEqual([]);
  return model!;
}

describe("a threat model of another tool", () => {
  it.each([
    ["threagile", THREAGILE, "1.0.0"],
    ["otm", OTM, "0.2.0"],
    ["otm", JSON.stringify(parse(OTM)), "0.2.0"],
    ["threat-dragon", JSON.stringify(DRAGON), "2.3.0"],
    ["threat-dragon", JSON.stringify(DRAGON, null, "\t"), "2.3.0"],
  ])("%s is known by its content, comes over or is listed, and assesses", (format, text, version) => {
    const model = imported(text);
    expect([model.format, model.version]).toEqual([format, version]);
    expect(broken(parse(text), model)).toEqual([]);
    expect(imported(text).text).toBe(model.text);
  });

  const fileOf = (text: string, options?: ImportOptions) => parse(imported(text, options).text) as Tree;

  it("of Threagile keeps components, links both ways, stores, nested boundaries, runtimes and what the internet reaches", () => {
    expect(fileOf(THREAGILE)).toMatchObject({
      system: {
        name: "Shop",
        purpose: "Sells things to people on the web.",
        misuse: ["Scraping: Somebody copies every price."],
      },
      actors: { "internet-actor": { profile: "AT-1", touches: ["browser"] } },
      boundaries: { cloud: { inner: { title: "Inner", here: ["web", "db", "rec", "k8s"] } } },
      components: {
        browser: { kind: "external" },
        web: { kind: "interface", title: "Web shop" },
        rec: { kind: "model", note: "Says what else people buy" },
        db: { kind: "database", holds: ["orders"] },
        k8s: { kind: "compute" },
      },
      assets: { orders: { security: "H", privacy: "H" } },
      flows: [
        { id: "shopping", from: "browser", to: "web", carries: ["orders"], over: "https", encrypted: true },
        { id: "shopping-back", from: "web", to: "browser" },
        { id: "storing", from: "web", to: "db", over: "jdbc", encrypted: true, authenticated: true },
        { id: "asking", from: "web", to: "rec", over: "http" },
        { from: "k8s", to: "web" },
        { from: "k8s", to: "rec" },
      ],
    });
    const losses = imported(THREAGILE).losses.map(({ path }) => path);
    expect(losses).toContain("/trust_boundaries/Nothing in it");
    expect(losses).not.toContain("/technical_assets/Browser/internet");
  });

  it("of Threagile in several files, or with several technologies, says what it did not read", () => {
    const text = THREAGILE.replace("technology: ai", "technologies: [spell, ai, tool]").replace(
      "title: Shop",
      "includes: [more.yaml]\ntitle: Shop",
    );
    const model = imported(text);
    expect(broken(parse(text), model)).toEqual([]);
    expect(parse(model.text)).toMatchObject({ components: { rec: { kind: "model" } } });
    expect(model.losses.map(({ path, reason }) => `${path} ${reason}`)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^\/includes parts in other files are not read/),
        "/technical_assets/Recommender/technologies/2 the kind follows from another technology",
      ]),
    );
  });

  it("of OTM keeps zones, reads kinds from words of the type, and puts what stands in a component into the zone around it", () => {
    expect(fileOf(OTM)).toMatchObject({
      boundaries: { street: { here: ["cam"] }, yard: { here: ["gate"], rack: { here: ["net", "box"] } } },
      components: {
        cam: { kind: "sensor" },
        net: { kind: "model" },
        box: { kind: "compute", holds: ["plates"] },
        gate: { kind: "compute" },
      },
      assets: { plates: { security: "VH", privacy: "H" } },
      flows: [
        { id: "pictures", carries: ["plates"] },
        { id: "open", from: "net", to: "gate", carries: ["Open or stay"] },
        { id: "open-back", from: "gate", to: "net" },
      ],
    });
    const { losses, questions } = imported(OTM);
    expect(losses).toContainEqual(
      expect.objectContaining({ path: "/dataflows/2", reason: expect.stringContaining("itself") }),
    );
    expect(losses).toContainEqual(expect.objectContaining({ path: "/components/1/parent" }));
    expect(questions.map(({ at }) => at)).toContain("components.gate.kind");
  });

  it("of Threat Dragon puts components into the boxes they are drawn in, and says which flows and lines join nothing", () => {
    const model = imported(JSON.stringify(DRAGON), { models: ["Assistant"] });
    expect(parse(model.text)).toMatchObject({
      actors: { "internet-actor": { touches: ["question", "question-back"] } },
      boundaries: { office: { here: ["talks"], "model-zone": { here: ["assistant"] } } },
      components: {
        customer: { kind: "external" },
        assistant: { kind: "model", note: "A language model" },
        talks: { kind: "monitoring" },
      },
      flows: [
        { id: "question", over: "HTTPS", encrypted: true },
        { id: "question-back" },
        { id: "talk", carries: ["Talk"] },
      ],
    });
    expect(model.losses.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        "/detail/diagrams/0/cells/2",
        "/detail/diagrams/0/cells/7",
        "/detail/diagrams/0/cells/9",
      ]),
    );
  });

  it("of Threat Dragon 1 reads names and ends where they are drawn", () => {
    const text = JSON.stringify({
      summary: { title: "Old" },
      detail: {
        diagrams: [
          {
            diagramJson: {
              cells: [
                { type: "tm.Process", id: "p", isWebApplication: true, attrs: { text: { text: "Shop" } } },
                { type: "tm.Store", id: "s", attrs: { text: { text: "Orders" } } },
                {
                  type: "tm.Flow",
                  id: "f",
                  source: { id: "p" },
                  target: { id: "s" },
                  labels: [{ attrs: { text: { text: "Order" } } }],
                  isEncrypted: true,
                },
                { type: "tm.Boundary", id: "b", source: { x: 1, y: 2 }, target: { x: 3, y: 4 } },
              ],
            },
          },
        ],
      },
    });
    const model = imported(text);
    expect([model.version, broken(JSON.parse(text), model)]).toEqual(["1", []]);
    expect(parse(model.text)).toMatchObject({
      components: { shop: { kind: "interface", title: "Shop" }, orders: { kind: "database" } },
      flows: [{ id: "order", from: "shop", to: "orders", carries: ["Order"], encrypted: true }, {}],
    });
  });

  it("without an AI model gets one that stands in, and asks which part it is", () => {
    const { text, questions } = imported(JSON.stringify(DRAGON));
    expect(parse(text)).toMatchObject({ components: { model: { kind: "model" } } });
    expect(questions.map(({ at }) => at)).toContain("components.model");
    expect(text.split("\n").find((line) => line.startsWith("  model:"))).toContain("(ask)");
  });

  it("with nothing in it still makes a system that can be read", () => {
    const text = "otmVersion: 0.1.0\nproject: { id: x, name: Nothing }\n";
    expect(broken(parse(text), imported(text))).toEqual([]);
  });

  it("accounts for every value, whatever names, doubled ids and further keys are in it", () => {
    const words = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 12 }),
      fc.constantFrom("here", "title", "null", "system", "A", "a", "12", "Ä ö", "\u2028 x", "*&#"),
    );
    const extra = fc.dictionary(
      fc.constantFrom("tags", "owner", "constructor", "x/y~z", "size"),
      fc.oneof(fc.integer(), fc.boolean(), words, fc.array(words, { maxLength: 2 })),
      { maxKeys: 2 },
    );
    const index = fc.nat(6);
    const otm = fc
      .record({
        zones: fc.array(fc.record({ name: words, parent: fc.option(index), extra }), { maxLength: 4 }),
        components: fc.array(
          fc.record({
            name: words,
            type: fc.oneof(words, fc.constantFrom("web-client", "rds", "ml-model", "sensor")),
            zone: index,
            within: fc.option(index),
            stored: fc.array(index, { maxLength: 2 }),
            extra,
          }),
          { maxLength: 5 },
        ),
        flows: fc.array(
          fc.record({
            name: words,
            from: index,
            to: index,
            both: fc.boolean(),
            assets: fc.array(index, { maxLength: 2 }),
            extra,
          }),
          { maxLength: 5 },
        ),
        assets: fc.array(fc.record({ name: words, c: fc.nat(100), i: fc.nat(100) }), { maxLength: 3 }),
      })
      .map(({ zones, components, flows, assets }) => {
        const some = <T>(list: readonly T[], n: number): number => n % list.length;
        return {
          otmVersion: "0.2.0",
          project: { id: "p", name: "P" },
          assets: assets.map(({ name, c, i }, n) => ({
            id: `a${n}`,
            name,
            risk: { confidentiality: c, integrity: i, availability: 0 },
          })),
          trustZones: zones.map(({ name, parent, extra: more }, n) => ({
            ...more,
            id: `z${n}`,
            name,
            ...(parent === null ? {} : { parent: { trustZone: `z${some(zones, parent)}` } }),
          })),
          components: components.map(({ name, type, zone, within, stored, extra: more }, n) => ({
            ...more,
            id: `c${n}`,
            name,
            type,
            ...(within !== null
              ? { parent: { component: `c${some(components, within)}` } }
              : zones.length > 0
                ? { parent: { trustZone: `z${some(zones, zone)}` } }
                : {}),
            ...(assets.length > 0 ? { assets: { stored: stored.map((s) => `a${some(assets, s)}`) } } : {}),
          })),
          dataflows:
            components.length === 0
              ? []
              : flows.map(({ name, from, to, both, assets: sent, extra: more }, n) => ({
                  ...more,
                  id: `f${n}`,
                  name,
                  source: `c${some(components, from)}`,
                  destination: `c${some(components, to)}`,
                  bidirectional: both,
                  ...(assets.length > 0 ? { assets: sent.map((s) => `a${some(assets, s)}`) } : {}),
                })),
        };
      });
    fc.assert(
      fc.property(otm, (source) => {
        const text = JSON.stringify(source);
        expect(broken(parse(text), imported(text))).toEqual([]);
      }),
      { numRuns: 30, seed: 4 },
    );
  });

  it("cut off or altered anywhere ends in a diagnostic with its place, or in a system file that is sound", () => {
    const sources = [THREAGILE, OTM, JSON.stringify(DRAGON)];
    fc.assert(
      fc.property(
        fc.constantFrom(...sources),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(
          "",
          "\0",
          "{",
          "[",
          "- ",
          ": ",
          "*a",
          "&a ",
          "'",
          "\n",
          "\u0085",
          "null",
          "- - - -",
          "!!js",
          "\t",
        ),
        fc.boolean(),
        (source, where, put, cut) => {
          const at = Math.floor(where * source.length);
          const text = source.slice(0, at) + put + (cut ? "" : source.slice(at + 1));
          const { model, diagnostics } = importModel(text, "model");
          if (model) expect(broken(parse(text), model)).toEqual([]);
          else {
            expect(diagnostics.length).toBeGreaterThan(0);
            for (const { span, message } of diagnostics) expect([message !== "", span!.line > 0]).toEqual([true, true]);
          }
        },
      ),
      { numRuns: 60, seed: 11 },
    );
  });
});

describe("what cannot be imported is refused with its place and a remedy", () => {
  const refused = (text: string, options?: ImportOptions) => {
    const { model, diagnostics } = importModel(text, "model", options);
    expect(model).toBeUndefined();
    return diagnostics.map(
      ({ code, message, hint, span }) => `${code} ${span!.line}:${span!.column} ${message} | ${hint ?? ""}`,
    );
  };
  it.each([
    ["another format", "name: x\nboundaries: []\n", /^E802 1:1 this is neither Threagile/],
    ["a system file", "vauban: 1\n", /^E802 1:1 this is a system file already/],
    ["an empty file", "", /^E007 1:1 the file is empty \| a threat model of Threagile/],
    ["a list", "- a\n", /^E007/],
    ["no text", "\0\u0001", /^E004/],
    ["a key that stands twice", "otmVersion: 1\notmVersion: 2\n", /^E009 2:1/],
    [
      "a list where a mapping belongs",
      "threagile_version: 1\ntechnical_assets: [a]\n",
      /^E803 2:19 \/technical_assets: a mapping of names is expected here, and a list/,
    ],
    [
      "a flow to nothing",
      OTM.replace("destination: net", "destination: nett"),
      /^E804 14:\d+ \/dataflows\/0\/destination: no component has the id "nett" \| did you mean "net"\?/,
    ],
    [
      "an unknown rating",
      THREAGILE.replace("confidentiality: confidential", "confidentiality: secret"),
      /^E805 7:\d+ .*secret is not one of public/,
    ],
    [
      "an id that stands twice",
      OTM.replace("id: gate", "id: cam"),
      /^E806 12:\d+ \/components\/3\/id: the id "cam" stands twice/,
    ],
    ["a rating out of bounds", OTM.replace("integrity: 90", "integrity: 900"), /^E805/],
    [
      "an alias bomb",
      `otmVersion: 1\na: &a [${"x,".repeat(50)}x]\nb: &b [${"*a,".repeat(50)}*a]\nc: &c [${"*b,".repeat(50)}*b]\nd: [${"*c,".repeat(50)}*c]\n`,
      /^E006/,
    ],
    ["brackets without end", `otmVersion: 1\na: ${"[".repeat(5000)}`, /^E005/],
    [
      "more parts than a system has",
      `otmVersion: 1\nproject: {id: a, name: b}\ncomponents: [${"1,".repeat(6000)}1]\n`,
      /^E808 1:1 .*6001 entries stand in components/,
    ],
    ["more characters than a model has", `otmVersion: ${"1".repeat(2_000_001)}`, /^E00[23]/],
  ])("%s", (_, text, first) => {
    expect(refused(text)[0]).toMatch(first);
  });

  it("a format the file is not, and a model nobody declares", () => {
    expect(refused(OTM, { format: "threagile" })[0]).toMatch(/^E802 .*this is OTM, not Threagile \| --format otm/);
    expect(refused(OTM, { models: ["Plate raeder"] })[0]).toMatch(
      /^E807 .*no component is called "Plate raeder" \| did you mean "Plate reader"\?/,
    );
  });
});
