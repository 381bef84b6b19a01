/** Lists of revoked certificates, asked where they are given and said to be unasked where not. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, expect, it } from "vitest";
import { HostError } from "#base/ports.ts";
import { signCommand, verifySignatureCommand } from "#cli/commands/signature.ts";
import { signatureDocument } from "#cli/documents.ts";
import { FormatError } from "#formats/error.ts";
import { readRevocationList } from "#formats/revocation.ts";
import { signatureChecker } from "#host/signatures.ts";
import { ran } from "./support/command.ts";
import {
  AUTHORITY,
  certificate,
  key,
  PARTITIONED,
  pem as pemOf,
  purpose,
  PURPOSES,
  revocationList,
  SIGNATURE_ONLY,
} from "./support/certificates.ts";
import { NOW } from "./support/sigstore.ts";

const place = mkdtempSync(join(tmpdir(), "vauban-revocation-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));
const at = (name: string): string => join(place, name);
const pem = (name: string, kind: "CERTIFICATE" | "X509 CRL", der: Uint8Array): string => {
  writeFileSync(at(name), pemOf(kind, der));
  return at(name);
};

const DAY = 86_400_000;
const [root, between, signer, stranger] = [key(), key(), key(), key()];
const valid = { from: NOW - 100 * DAY, to: NOW + 100 * DAY };
const rootDer = certificate({
  subject: "root",
  issuer: "root",
  key: root,
  by: root,
  serial: 1,
  extensions: AUTHORITY,
  ...valid,
});
const betweenDer = certificate({
  subject: "between",
  issuer: "root",
  key: between,
  by: root,
  serial: 2,
  extensions: AUTHORITY,
  ...valid,
});
const signerDer = certificate({
  subject: "signer",
  issuer: "between",
  key: signer,
  by: between,
  serial: 77,
  extensions: [SIGNATURE_ONLY, purpose(PURPOSES.code)],
  ...valid,
});
pem("root.pem", "CERTIFICATE", rootDer);
writeFileSync(at("key.pem"), signer.secret.export({ type: "pkcs8", format: "pem" }));
writeFileSync(at("model.bin"), "weights");
await ran((invocation) =>
  signCommand(invocation, at("model.bin"), {
    key: at("key.pem"),
    certificate: pem("signer.pem", "CERTIFICATE", signerDer),
    chain: [pem("between.pem", "CERTIFICATE", betweenDer)],
  }),
);

/** Each answer of the command is what an assessment says of the same. */
const verify = async (crl?: readonly string[]) => {
  const { code, out } = await ran(
    (invocation) =>
      verifySignatureCommand(invocation, at("model.bin"), {
        root: [at("root.pem")],
        asOf: "2026-03-02",
        ...(crl && { crl }),
      }),
    { json: true },
  );
  const document = signatureDocument.parse(JSON.parse(out));
  expect(code).toBe(document.ok ? 0 : 1);
  const assessed = await signatureChecker(place).check({
    path: "model.bin",
    trust: {
      kind: "root",
      roots: ["root.pem"],
      chain: [],
      crls: (crl ?? []).map((path) => relative(place, path)),
      at: new Date("2026-03-02T12:00:00Z"),
    },
  });
  const inWords = (lines: readonly string[] = []): string[] => lines.map((line) => line.replaceAll(`${place}/`, ""));
  expect(assessed.holds).toBe(document.ok);
  expect(assessed.because).toBe(inWords(document.reasons.map(({ message }) => message))[0] ?? "");
  expect(assessed.checked ?? []).toEqual(inWords(document.checked));
  expect(assessed.notChecked ?? []).toEqual(inWords(document.notChecked));
  return document;
};
let made = 0;
const list = (wish: Partial<Parameters<typeof revocationList>[0]> = {}): string =>
  pem(
    `list-${++made}.pem`,
    "X509 CRL",
    revocationList({ issuer: "between", by: between, from: NOW - DAY, to: NOW + 7 * DAY, revoked: [3, 4], ...wish }),
  );
const upper = (revoked: readonly number[]): string => list({ issuer: "root", by: root, revoked });

it("a chain that no list names is as signed, and each certificate that was looked up is said", async () => {
  const { ok, checked, notChecked } = await verify([list(), upper([9])]);
  expect(ok).toBe(true);
  expect(checked!.map((one) => one.replace(/ \(SHA.*/, ""))).toEqual(["CN=signer", "CN=between"]);
  expect(notChecked).toEqual([]);
});

it("without a list, or without that of one authority, it is said what was not asked", async () => {
  expect((await verify()).notChecked).toEqual(["revocation: no list was given (--crl)"]);
  const { ok, notChecked } = await verify([list()]);
  expect(ok).toBe(true);
  expect(notChecked!.join()).toMatch(/revocation of CN=between .*: no list of its authority was given/);
});

it("a signer or an authority that a list names is not trusted", async () => {
  const reason = async (...lists: string[]) =>
    (await verify(lists)).reasons.map(({ rule, message }) => `${rule} ${message}`)[0];
  expect(await reason(list({ revoked: [5, 77] }), upper([]))).toMatch(
    /untrusted the certificate CN=signer .* was revoked on 2026-02-28/,
  );
  expect(await reason(list(), upper([2]))).toMatch(/untrusted the certificate CN=between .* was revoked/);
});

it("a list that cannot be used speaks against the chain, and one of somebody else is not asked", async () => {
  const refused = async (wish: Parameters<typeof list>[0]) => {
    const { ok, reasons } = await verify([list(wish), upper([])]);
    expect(ok).toBe(false);
    return reasons[0]!.message;
  };
  expect(await refused({ by: stranger })).toContain("is not signed by CN=between");
  expect(await refused({ from: NOW - 9 * DAY, to: NOW - 2 * DAY })).toContain(
    "counts from 2026-02-20 to 2026-02-27, not on 2026-03-02",
  );
  expect(await refused({ to: undefined })).toContain("does not say how long it counts");
  expect(await refused({ extensions: [PARTITIONED] })).toContain("demands what is not understood here (2.5.29.28)");
  const { ok, notChecked } = await verify([list({ issuer: "elsewhere", by: stranger }), list(), upper([])]);
  expect(ok).toBe(true);
  expect(notChecked!.join()).toContain("a list of none of the authorities of this chain");
});

it("one flipped bit of a list is refused in words", async () => {
  const der = revocationList({ issuer: "between", by: between, from: NOW - DAY, to: NOW + 7 * DAY, revoked: [3] });
  for (let n = 0; n < der.length; n++) {
    const other = Uint8Array.from(der);
    other[n]! ^= 1 << (n % 8);
    const path = at("flipped.der");
    writeFileSync(path, other);
    const verdict = await verify([path, upper([])]).catch((error: unknown) => error);
    if (verdict instanceof HostError) expect(verdict.remedy).toBeTruthy();
    // Another issuer's name makes it a list of somebody else, which is said.
    else if ((verdict as { ok: boolean }).ok)
      expect((verdict as { notChecked: string[] }).notChecked.join()).toContain("a list of none of the authorities");
    else expect(verdict).toMatchObject({ verified: 0 });
  }
  expect(() => readRevocationList(rootDer)).toThrow(FormatError);
  await expect(
    ran((invocation) => verifySignatureCommand(invocation, at("model.bin"), { key: at("key.pem"), crl: [list()] })),
  ).rejects.toThrow("--crl speaks of certificates");
});

it("openssl reads our list the same way", (context) => {
  let said: string;
  try {
    said = execFileSync(
      "openssl",
      ["crl", "-in", list({ revoked: [77] }), "-noout", "-text", "-CAfile", pem("all.pem", "CERTIFICATE", betweenDer)],
      { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] },
    );
  } catch {
    context.skip("no openssl here");
    return;
  }
  expect(said).toMatch(/Issuer: CN ?= ?between/);
  expect(said).toContain("Serial Number: 4D");
});
