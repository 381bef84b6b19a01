import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { describe, expect, test } from "vitest";
import { evidence as evidenceSchema, type DeclaredControl, type Evidence } from "#assessment/index.ts";
import { canonical } from "#base/canonical.ts";
import { hashOf } from "#base/hash.ts";
import { controlEvidence, importEvidence, verifyEd25519 } from "./index.ts";
import { ASOF, bytesOf, control, DEPLOYED, knowledge, OTHER, source, statement, world } from "./world.testing.ts";

const keys = generateKeyPairSync("ed25519");

/** The statement with a signature by Node's own Ed25519, as an author would make one. */
function signed(
  body: Record<string, unknown>,
  form: "spki" | "raw" = "spki",
  key: KeyObject = keys.privateKey,
): Record<string, unknown> {
  const spki = keys.publicKey.export({ format: "der", type: "spki" });
  return {
    ...body,
    signature: {
      alg: "ed25519",
      publicKey: (form === "spki" ? spki : spki.subarray(-32)).toString("base64"),
      value: sign(null, new TextEncoder().encode(canonical(body)), key).toString("base64"),
    },
  };
}

const grounds = { system: world, knowledge, asOf: ASOF };

const ofControl = (value: unknown, declared: Partial<DeclaredControl> = {}) =>
  controlEvidence({ ...grounds, bytes: value === undefined ? undefined : bytesOf(value), control: control(declared) });
const brought = (value: unknown, rest = {}) =>
  importEvidence({ ...grounds, format: "statement", bytes: bytesOf(value), source: source("statement", rest) });

async function only(imported: ReturnType<typeof ofControl>): Promise<Evidence> {
  const { evidence } = await imported;
  expect(evidence).toHaveLength(1);
  // Whatever leaves this room is what the waist says evidence is, and is named by its own content.
  expect(evidenceSchema.parse(evidence[0])).toEqual(evidence[0]);
  const { id, ...content } = evidence[0]!;
  expect(id).toBe(`ev-${hashOf(content).slice(0, 16)}`);
  return evidence[0]!;
}
const staleBecause = async (imported: ReturnType<typeof ofControl>): Promise<string> => {
  const { standing } = await only(imported);
  return standing.status === "stale" ? standing.because : "(current)";
};

describe("evidence of a control", () => {
  test("a denial test of the deployed version, in date, is verified and current", async () => {
    const item = await only(ofControl(statement({ binds: ["outsider"] })));
    expect(item).toMatchObject({
      kind: "verified",
      control: "C-92",
      at: "pacs",
      standing: { status: "current" },
      signature: "unsigned",
      binds: ["outsider"],
      by: "A. Tester",
      outcome: { status: "measured", measure: { kind: "statement", successes: { k: 0, n: 20, low: 0 } } },
    });
    // Clopper–Pearson for 0 of 20: 1 − 0.025^(1/20).
    const { measure } = item.outcome as Extract<Evidence["outcome"], { status: "measured" }>;
    expect(measure.kind === "statement" && measure.successes.high).toBeCloseTo(1 - 0.025 ** (1 / 20), 12);
  });

  test("a detection carries its times, of a control that detects and was exercised by somebody independent", async () => {
    const response = { hours: { low: 0.5, likely: 1, high: 2 }, attackHours: { low: 10, likely: 20, high: 40 } };
    const exercise = statement({ kind: "detection", successes: 3, adaptive: true, independent: true, response });
    const measured = { kind: "measured" as const };
    const item = await only(ofControl(signed(exercise), measured));
    expect(item).toMatchObject({
      kind: "measured",
      grade: "C",
      adaptive: true,
      outcome: { status: "measured", measure: { successes: { k: 3, n: 20 }, response } },
    });
    expect((await only(ofControl(exercise, measured))).adaptive).toBe(false);
    const blind = await only(ofControl(signed({ ...exercise, control: "C-53" }), { ...measured, control: "C-53" }));
    expect(blind.outcome).toEqual({ status: "inconclusive", because: "C-53 is no control that detects" });
    const { evidence } = await brought(signed({ ...exercise, threats: ["T-32"] }), { for: ["T-32"] });
    expect(evidence[0]!.outcome).toMatchObject({ status: "inconclusive" });
  });
  test("a detection without times, times without a detection, and times out of order are refused", async () => {
    const response = { hours: { low: 0.5, likely: 1, high: 2 }, attackHours: { low: 10, likely: 20, high: 40 } };
    for (const wrong of [
      { kind: "detection" },
      { kind: "denial", response },
      { kind: "detection", response: { ...response, hours: { low: 3, likely: 1, high: 2 } } },
    ])
      expect((await ofControl(statement(wrong))).diagnostics.map(({ code }) => code)).toContain("E602");
  });

  test("without a date it is stale", async () => {
    expect(await staleBecause(ofControl(statement({ date: undefined })))).toContain("no date");
  });
  test("back-dated past the control's validity it is stale, on the last day it is not", async () => {
    expect(await staleBecause(ofControl(statement({ date: "2025-11-22" })))).toBe("(current)");
    expect(await staleBecause(ofControl(statement({ date: "2025-11-21" })))).toContain("every 365 days");
    expect(await staleBecause(ofControl(statement({ date: "2025" })))).toContain("every 365 days");
  });
  test("past its own validity, or from the future, it is stale", async () => {
    expect(await staleBecause(ofControl(statement({ validUntil: "2026-11-21" })))).toContain("valid until 2026-11-21");
    expect(await staleBecause(ofControl(statement({ date: "2026-11-23" })))).toContain("after the day");
    // A long validity of its own does not outlast the catalogue's.
    expect(await staleBecause(ofControl(statement({ date: "2024-01-01", validUntil: "2099" })))).toContain("365 days");
  });
  test("of another version, of none, or of a component without version it is stale and grade F", async () => {
    for (const [subject, because] of [
      [{ version: "4.1" }, "deployed is 4.2"],
      [undefined, "does not say which version"],
      [{}, "does not say which version"],
      [{ component: "console", version: "4.2" }, 'its subject is "console"'],
      [{ sha256: OTHER }, "no artefact whose SHA-256"],
    ] as const) {
      expect(await staleBecause(ofControl(statement({ subject })))).toContain(because);
      expect((await only(ofControl(statement({ subject })))).grade).toBe("F");
    }
    const unversioned = { at: "console", subject: { version: "1" } };
    expect(await staleBecause(ofControl(statement(unversioned), { at: "console" }))).toContain(
      "no version in the system file",
    );
  });
  test("an artefact's digest has to be the deployed one, and the caller's digest comes before the file's", async () => {
    const about = (sha256: string) => statement({ at: "cnn", subject: { sha256 } });
    expect(await staleBecause(ofControl(about(DEPLOYED), { at: "cnn" }))).toBe("(current)");
    expect(await staleBecause(ofControl(about(OTHER), { at: "cnn" }))).toContain("another artefact");
    const artefacts = new Map([["cnn", OTHER]]);
    const changed = controlEvidence({
      ...grounds,
      artefacts,
      bytes: bytesOf(about(DEPLOYED)),
      control: control({ at: "cnn" }),
    });
    expect(await staleBecause(changed)).toContain("another artefact");
  });
  test("of another control, another place or another date than declared it is stale", async () => {
    expect(await staleBecause(ofControl(statement({ control: "C-72" })))).toContain("speaks of C-72");
    expect(await staleBecause(ofControl(statement({ control: undefined })))).toContain("does not say that it tested");
    expect(await staleBecause(ofControl(statement(), { at: "cnn" }))).toContain('speaks of "pacs"');
    expect(await staleBecause(ofControl(statement(), { date: "2026-10-02" }))).toContain("the system file says");
    expect(await staleBecause(ofControl(statement(), { date: "2026-10" }))).toBe("(current)");
  });
  test("a flow takes the version of one of its ends, and only of those", async () => {
    const about = (component: string) => statement({ at: "pacs->cnn", subject: { component, version: "4.2" } });
    expect(await staleBecause(ofControl(about("pacs"), { at: "pacs->cnn" }))).toBe("(current)");
    expect(await staleBecause(ofControl(about("console"), { at: "pacs->cnn" }))).toContain('its subject is "console"');
    const silent = statement({ at: "pacs->cnn" });
    expect(await staleBecause(ofControl(silent, { at: "pacs->cnn" }))).toContain("which component around");
  });

  test("a review, a scan or a penetration test called verified is a declaration and says so", async () => {
    for (const kind of ["review", "scan", "penetration-test", "measurement"]) {
      const imported = ofControl(statement({ kind }));
      expect(await only(imported)).toMatchObject({ kind: "declared", grade: "E", outcome: { status: "inconclusive" } });
      expect((await imported).diagnostics).toMatchObject([{ code: "W613" }]);
    }
  });
  test("a measured control needs the figure with the control off", async () => {
    const measured = { kind: "measured" } as const;
    const half = await only(ofControl(statement({ kind: "measurement" }), measured));
    expect(half.outcome).toMatchObject({ status: "inconclusive", because: expect.stringContaining("control off") });
    const whole = await only(
      ofControl(statement({ kind: "measurement", without: { n: 20, successes: 18 } }), measured),
    );
    expect(whole).toMatchObject({ kind: "measured", outcome: { status: "measured" } });
    expect(whole.notes.join()).toContain("18 of 20");
  });
  test("nothing tried is inconclusive", async () => {
    expect((await only(ofControl(statement({ n: 0 })))).outcome.status).toBe("inconclusive");
  });
  test("a declared control gives a declaration that measures nothing", async () => {
    const item = await only(ofControl(undefined, { kind: "declared", evidence: "ISO 27001 certificate" }));
    expect(item).toMatchObject({ kind: "declared", grade: "E", outcome: { status: "inconclusive" } });
  });
  test("a verified control without a file gives no evidence and an error", async () => {
    expect(await ofControl(undefined, { evidence: undefined })).toMatchObject({
      evidence: [],
      diagnostics: [{ code: "E604" }],
    });
  });
  test("actors the system does not know are named", async () => {
    const { diagnostics } = await ofControl(statement({ binds: ["outsider", "outsidr"] }));
    expect(diagnostics).toMatchObject([{ code: "W615", message: expect.stringContaining("outsidr") }]);
  });
});

describe("signatures", () => {
  test("RFC 8032 §7.1, test 2, verifies and its flipped bit does not", async () => {
    const hex = (digits: string): Uint8Array<ArrayBuffer> =>
      Uint8Array.from(digits.match(/../g)!, (byte) => parseInt(byte, 16));
    const key = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    const value = hex(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    );
    expect(await verifyEd25519(key, value, hex("72"))).toBe(true);
    expect(await verifyEd25519(key, value, hex("73"))).toBe(false);
    expect(await verifyEd25519(hex("00"), value, hex("72"))).toBe(false);
  });

  test.each(["spki", "raw"] as const)(
    "a statement signed with a %s key verifies whatever the order of its members",
    async (form) => {
      const whole = signed(statement(), form);
      const reordered = Object.fromEntries(Object.entries(whole).toReversed());
      expect(await only(brought(reordered))).toMatchObject({
        kind: "imported",
        grade: "C",
        signature: "verified",
        standing: { status: "current" },
      });
    },
  );
  test("one altered figure makes the signature invalid and the evidence stale", async () => {
    const item = await only(brought({ ...signed(statement({ successes: 3 })), successes: 0 }));
    expect(item).toMatchObject({
      kind: "imported",
      grade: "F",
      signature: "invalid",
      standing: { status: "stale", because: "signature invalid" },
    });
    expect(await staleBecause(ofControl({ ...signed(statement()), n: 21 }))).toBe("signature invalid");
  });
  test("a key or a value that is none makes the signature invalid", async () => {
    for (const broken of [{ publicKey: "AAAA" }, { value: "AAAA" }, { publicKey: "====" }]) {
      const whole = signed(statement());
      const { evidence, diagnostics } = await brought({
        ...whole,
        signature: { ...(whole["signature"] as object), ...broken },
      });
      if (evidence.length === 0) expect(diagnostics[0]!.message).toContain("/signature/publicKey");
      else expect(evidence[0]!.signature).toBe("invalid");
    }
  });
  test("unsigned, an imported statement is somebody's word", async () => {
    expect(await only(brought(statement()))).toMatchObject({ grade: "E", signature: "unsigned" });
  });
});

describe("imported statements", () => {
  const told = { kind: "penetration-test", adaptive: true };
  test("adaptive counts only from an independent party whose signature holds", async () => {
    expect(await only(brought(signed(statement(told))))).toMatchObject({ adaptive: true, grade: "C" });
    expect(await only(brought(signed(statement({ ...told, independent: false }))))).toMatchObject({
      adaptive: false,
      grade: "C",
    });
    expect(await only(brought(statement(told)))).toMatchObject({ adaptive: false, grade: "E" });
  });
  test("it speaks of the threats that both it and the author name", async () => {
    const imported = brought(statement({ threats: ["T-35", "T-36"] }), { for: ["T-35", "T-32"] });
    expect((await only(imported)).tests).toEqual(["T-35"]);
    expect((await imported).diagnostics).toMatchObject([{ code: "W614", message: expect.stringContaining("T-32") }]);
  });
  test("a scan is a scan and a review is an opinion", async () => {
    expect((await only(brought(signed(statement({ kind: "scan", n: 5, successes: 2 }))))).outcome).toMatchObject({
      measure: { kind: "scan", results: 5, open: 2 },
    });
    expect((await only(brought(signed(statement({ kind: "review" }))))).grade).toBe("E");
  });
  test("after a year without a validity of its own it is stale", async () => {
    expect(await staleBecause(brought(statement({ date: "2025-06-01" })))).toContain("365 days old");
    expect(await staleBecause(brought(statement({ date: "2025-06-01", validUntil: "2026-12" })))).toBe("(current)");
  });
  test("about a place the system does not declare it is stale", async () => {
    expect(await staleBecause(brought(statement({ at: "attic" }), { at: undefined }))).toContain("does not declare");
  });
});

describe("documents that are none", () => {
  const messages = async (value: unknown): Promise<string> => {
    const { evidence, diagnostics } = await brought(value);
    expect(evidence).toEqual([]);
    expect(diagnostics.every(({ code, span }) => code.startsWith("E") && span?.line === 7)).toBe(true);
    return diagnostics.map(({ message }) => message).join("\n");
  };
  test("broken JSON is reported with file, line and column", async () => {
    expect(await messages('{\n  "format": "vauban/statement/1",\n  oops\n}')).toContain(
      "evidence/x.json: it is not JSON (line 3, column 3)",
    );
    expect(await messages('{"format": "vauban')).toContain("not JSON");
    expect(await messages("")).toContain("empty");
  });
  test("10 MB of broken or nested JSON end in a message", async () => {
    expect(await messages(`{"a": "${"x".repeat(10_000_000)}`)).toContain("not JSON");
    expect(await messages("[".repeat(10_000_000))).toContain("not JSON");
    expect(await messages(`${"[".repeat(100_000)}${"]".repeat(100_000)}`)).toContain("the document");
  });
  test("every wrong member is named with its JSON pointer, all at once", async () => {
    const said = await messages(
      statement({ n: "many", successes: -1, subject: { sha256: "xyz" }, date: "2026-02-30", surprise: 1 }),
    );
    for (const place of ["/n:", "/successes:", "/subject/sha256:", "/date:", "surprise"]) expect(said).toContain(place);
  });
  test("more successes than units, and bytes that are no text, are refused", async () => {
    expect(await messages(statement({ successes: 21 }))).toContain("more successes than units");
    const { diagnostics } = await importEvidence({
      ...grounds,
      format: "statement",
      bytes: Uint8Array.of(0x7b, 0xff),
      source: source("statement"),
    });
    expect(diagnostics[0]!.message).toContain("not UTF-8");
  });
  test("a SARIF log or a VEX under the wrong name is told apart by its content", async () => {
    expect(await messages({ version: "2.1.0", runs: [] })).toContain("it is a SARIF log");
    expect(await messages({ bomFormat: "CycloneDX" })).toContain("it is a CycloneDX document");
    const { evidence, diagnostics } = await ofControl({ bomFormat: "CycloneDX" });
    expect(evidence).toEqual([]);
    expect(diagnostics).toMatchObject([{ code: "E603" }]);
  });
});
