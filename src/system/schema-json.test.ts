/** The published schema and the reader agree: what one takes the other takes, what one refuses the other refuses. */
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { isError } from "#base/diagnostics.ts";
import { readSystem } from "./read.ts";
import { systemFileSchema } from "./schema-json.ts";

const minimal = `
vauban: 1
system: { name: Demo, purpose: Shows the smallest file., environment: virtual }
law: { role: provider, listing: none, reasoning: a demonstration }
stage: design
sector: general
components:
  form: { kind: interface }
  rules: { kind: model, level: symbolic, role: advisory }
flows:
  - form -> rules
`;
const rich = `${minimal}
  - { from: rules, to: form, carries: [advice], signed: true, over: HTTPS }
  - { path: form -> rules, carries: case }
actors: { clerk: { profile: AT-7, touches: [form], knows: white, attempts: { low: 0.1, likely: 0.2, high: 1, because: log } } }
boundaries: { office: { title: The office, here: [form], core: [rules] } }
assets: { case: { security: H, privacy: VH, personal: true } }
datasets: { past: { role: test, path: data/past.csv, provenance: { source: archive, collected: 2026, suppliers: desk } } }
suppliers: { desk: { supplies: [past], agreement: "contract 7", covers: [information, assistance], until: 2027-01 } }
controls: [{ control: C-30, at: rules, verified: evidence/a.json, date: 2026-10-01 }, { control: C-31, at: form, declared: a manual }]
imports: [{ sarif: scan.sarif, for: T-35 }]
harms: { wrong-output: { health: { severity: H, because: somebody waits } } }
criteria: [{ harm: health, severity: H, per-year: 0.001, because: stricter here }]
exclusions: [{ what: MP, because: nothing is trained, evidence: no weights }]
exposures: [{ threat: T-02, low: 1, likely: 2, high: 3, because: counted }]
reviewers: [{ name: A, role: auditor, independent: true, date: 2026-10-02 }]
`;

describe("editor schema", () => {
  const validate = new Ajv2020({ strict: false, allErrors: true }).compile(systemFileSchema());
  const editor = (text: string): boolean => validate(parse(text));
  const errors = (text: string): string[] =>
    readSystem(text, "vauban.yaml")
      .diagnostics.filter(isError)
      .map(({ code }) => code);

  it.each([
    ["the smallest file", minimal],
    ["a file with every section", rich],
  ])("editor schema and reader both take %s", (_, text) => {
    expect(editor(text), JSON.stringify(validate.errors)).toBe(true);
    expect(errors(text)).toEqual([]);
  });

  const wrong: readonly [what: string, from: string, to: string][] = [
    ["a misspelt key", "sector: general", "sectr: general"],
    ["a wrong kind of component", "kind: interface", "kind: screen"],
    ["a model's key elsewhere", "form: { kind: interface }", "form: { kind: interface, level: deep }"],
    ["a model without a level", "level: symbolic, ", ""],
    ["a stage that is none", "stage: design", "stage: sketch"],
    ["a listing that is none", "listing: none", "listing: annex-IV.2"],
    ["another version", "vauban: 1", "vauban: 2"],
    ["no purpose", "purpose: Shows the smallest file., ", ""],
    ["a blank purpose", "Shows the smallest file.", '" "'],
    ["no components", "components:", "others:"],
    ["an id with a space", "  form: {", "  the form: {"],
    ["a flow without an arrow", "- form -> rules", "- form"],
    ["a flow without an end", "from: rules, to: form", "from: rules"],
    ["a number where text belongs", "name: Demo", "name: 7"],
    ["a profile that is none", "profile: AT-7", "profile: insider"],
    ["attempts below zero", "low: 0.1", "low: -1"],
    ["a boundary that is a number", "core: [rules]", "core: 7"],
    ["a level that is none", "security: H", "security: high"],
    ["a date that is none", "date: 2026-10-01", "date: first of May"],
    ["a control without evidence", "declared: a manual", "note: a manual"],
    ["two kinds of evidence in one", "declared: a manual", "declared: a manual, verified: b.json"],
    ["an import without a document", "sarif: scan.sarif, ", ""],
    ["a severity without a reason", ", because: somebody waits", ""],
    ["a harm that is none", "{ health: {", "{ beauty: {"],
    ["a criterion above 1", "per-year: 0.001", "per-year: 3"],
    ["an exclusion of nothing known", "what: MP", "what: everything"],
    ["an exposure below one", "low: 1, likely: 2", "low: 0, likely: 2"],
    ["a reviewer who does not say whether independent", "independent: true, ", ""],
    ["a usual flow answered with no", "{ kind: interface }", "{ kind: interface, usual: { update: no } }"],
  ];
  it.each(wrong)("editor schema and reader both refuse %s", (_, from, to) => {
    expect(rich).toContain(from);
    const text = rich.replace(from, to);
    expect(editor(text)).toBe(false);
    expect(errors(text)).not.toEqual([]);
  });

  it.each([
    ['{ evasion: cnn, norm: linf, eps: 4/255, robust-accuracy: ">= 0.60", because: pilot }', true],
    ["{ evasion: cnn, norm: l2, eps: { raw: 4 }, because: pilot }", true],
    ['{ patch: cnn, area: 0.05, target: stop, success-rate: "<= 5 %", because: pilot }', true],
    ['{ corruption: cnn, accuracy: ">= 0.8", because: pilot }', true],
    ["{ evasion: cnn, norm: linf, eps: 4/255 }", false],
    ["{ evasion: cnn, norm: l3, eps: 4/255, because: pilot }", false],
    ["{ evasion: cnn, norm: linf, eps: four, because: pilot }", false],
    ["{ evasion: cnn, norm: linf, eps: 4/255, robust-accuracy: 0.6, because: pilot }", false],
    ["{ patch: cnn, area: 5, because: pilot }", false],
    ["{ patch: cnn, area: 0.05, eps: 1, because: pilot }", false],
    ["{ fuzz: cnn, because: pilot }", false],
  ])("editor schema judges the test %s as the reader does", (test, right) => {
    const text = `${minimal.replace(
      "  rules: {",
      "  cnn: { kind: model, level: deep, role: advisory, artefact: m.onnx, input: { range: [0, 255] }, classes: [go, stop], accuracy: { declared: 0.9, on: d.npz } }\n  rules: {",
    )}  - form -> cnn\ntests:\n  - ${test}\n`;
    expect(editor(text), JSON.stringify(validate.errors)).toBe(right);
    expect(errors(text).length === 0).toBe(right);
  });

  it.each([
    ["{ key: a.pem, bundle: a.sig, whole: true }", true],
    ["{ identity: me@example.org, issuer: https://example.org, trusted-root: root.json }", true],
    ["{ root: [a.pem, b.pem], chain: c.pem, crl: d.pem }", true],
    ["{}", false],
    ["{ key: a.pem, root: b.pem }", false],
    ["{ key: a.pem, crl: c.pem }", false],
    ["{ identity: me@example.org, issuer: https://example.org }", false],
    ["{ identity: me@example.org, issuer: https://example.org, trusted-root: r.json, chain: a.pem }", false],
    ["{ issuer: https://example.org, trusted-root: r.json }", false],
    ["{ root: a.pem, issuer: https://example.org }", false],
    ["{ root: a.pem, trusted-root: r.json }", false],
    ["{ key: a.pem, issuer: https://example.org }", false],
  ])("editor schema judges the signature %s as the reader does", (signature, right) => {
    const text = rich.replace("level: symbolic, ", `level: symbolic, artefact: m.bin, signature: ${signature}, `);
    expect(editor(text), JSON.stringify(validate.errors)).toBe(right);
    expect(errors(text).length === 0).toBe(right);
  });

  it("describes every key, so that the editor can say what it is for", () => {
    const bare: string[] = [];
    const visit = (schema: unknown, path: string): void => {
      if (typeof schema !== "object" || schema === null) return;
      const { properties } = schema as { properties?: Record<string, { description?: string }> };
      for (const [key, property] of Object.entries(properties ?? {}))
        if (!property.description && key !== "kind") bare.push(`${path}.${key}`);
      for (const [key, inner] of Object.entries(schema)) visit(inner, `${path}/${key}`);
    };
    visit(systemFileSchema(), "");
    expect(bare).toEqual([]);
  });

  it("is JSON and names its dialect", () => {
    const schema = JSON.parse(JSON.stringify(systemFileSchema())) as Record<string, unknown>;
    expect(schema["$schema"]).toBe("https://json-schema.org/draft/2020-12/schema");
    expect(schema["required"]).toEqual(["vauban", "system", "law", "stage", "sector", "components"]);
  });
});
