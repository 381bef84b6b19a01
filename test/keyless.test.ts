/** Signatures by an identity: a little Sigstore with keys of its own, and everything that can be wrong with what it makes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { HostError } from "#base/ports.ts";
import { verifySignatureCommand, type VerifySignatureFlags } from "#cli/commands/signature.ts";
import { signatureDocument } from "#cli/documents.ts";
import { encoded, joined } from "#formats/certificate.ts";
import { FormatError } from "#formats/error.ts";
import { keylessSigner } from "#host/keyless.ts";
import { digestOf, holds } from "#host/keys.ts";
import { preAuthenticated, readBundle } from "#provenance/signing.ts";
import { included, readTrustedRoot } from "#provenance/sigstore.ts";
import { ran } from "./support/command.ts";
import { key } from "./support/certificates.ts";
import { IDENTITY, ISSUER, LittleSigstore, NOW, treeHash, treePath, type Wish } from "./support/sigstore.ts";

const place = mkdtempSync(join(tmpdir(), "vauban-keyless-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const FILE = new TextEncoder().encode("weights of a model");
const file = join(place, "model.bin");
writeFileSync(file, FILE);
const little = new LittleSigstore();
const trusted = (change: (root: Record<string, any>) => void = () => undefined): string => {
  const root = little.trustedRoot();
  change(root);
  const path = join(place, `root-${++made}.json`);
  writeFileSync(path, JSON.stringify(root));
  return path;
};
let made = 0;
const usual = trusted();

async function verify(bundle: Record<string, any>, flags: VerifySignatureFlags = {}) {
  const path = join(place, "bundle.json");
  writeFileSync(path, JSON.stringify(bundle));
  const { code, out } = await ran(
    (invocation) =>
      verifySignatureCommand(invocation, file, {
        bundle: path,
        identity: IDENTITY,
        issuer: ISSUER,
        trustedRoot: usual,
        ...flags,
      }),
    { json: true },
  );
  const document = signatureDocument.parse(JSON.parse(out));
  expect(code).toBe(document.ok ? 0 : 1);
  return document;
}
const refusal = async (wish: Wish, flags: VerifySignatureFlags = {}): Promise<string> => {
  const { ok, verified, reasons } = await verify(little.bundle(FILE, wish), flags);
  expect({ ok, verified }).toEqual({ ok: false, verified: 0 });
  return reasons.map(({ rule, message }) => `${rule}: ${message}`).join("\n");
};

describe("what an identity signed is as signed", () => {
  const cases: readonly Wish[] = [
    {},
    { version: "0.1", kind: "hashedrekord 0.0.1" },
    { version: "0.1", proof: true },
    { version: "0.2", kind: "intoto 0.0.2" },
    { kind: "hashedrekord 0.0.1" },
    { kind: "hashedrekord 0.0.2", integrated: null, stamped: NOW + 1000 },
    { kind: "dsse 0.0.2", integrated: null, stamped: NOW + 599_000 },
    { stamped: NOW + 30_000 },
  ];
  for (const wish of cases)
    it(`in a bundle of ${wish.version ?? "0.3"} with an entry of ${wish.kind ?? "dsse 0.0.1"}${wish.stamped ? ", with a time stamp" : ""}`, async () => {
      const { ok, signer, checked, notChecked, reasons } = await verify(little.bundle(FILE, wish));
      expect(reasons).toEqual([]);
      expect(ok).toBe(true);
      expect(signer![0]).toBe(`${IDENTITY}, by ${ISSUER}`);
      expect(checked!.join("\n")).toContain("of log.example.org");
      expect(checked!.some((one) => one.startsWith("time stamp"))).toBe(wish.stamped !== undefined);
      expect(checked!.at(-1)).toBe("the certificate's promise by the log certificates.example.org");
      expect(notChecked).toContain("where the trusted root itself comes from");
    });

  it("and without a certificate log in the trusted root it is said that none was asked", async () => {
    const { ok, notChecked } = await verify(little.bundle(FILE, { promiseOfCertificate: false }), {
      trustedRoot: trusted((root) => void (root["ctlogs"] = [])),
    });
    expect(ok).toBe(true);
    expect(notChecked![0]).toBe("whether the certificate stands in a public log: the trusted root names none");
  });

  it("and no longer once the file is another", async () => {
    for (const kind of ["dsse 0.0.1", "hashedrekord 0.0.1"] as const) {
      const other = little.bundle(new TextEncoder().encode("other weights"), { kind });
      expect((await verify(other)).reasons.map(({ rule }) => rule)).toEqual(["changed"]);
      // The digest beside the signature is a hint: without it the log's entry says so.
      if (kind === "hashedrekord 0.0.1") {
        delete other["messageSignature"].messageDigest;
        expect((await verify(other)).reasons[0]!.message).toBe("the log entry is of other content");
      }
    }
  });
});

describe("refused", () => {
  it("is another identity, another issuer, and a name that only looks alike", async () => {
    expect(await refusal({}, { identity: "other@example.org" })).toContain(
      'wrong-identity: it was signed by "reader@example.org"',
    );
    expect(await refusal({}, { identity: "Reader@example.org" })).toContain("wrong-identity");
    expect(await refusal({}, { identity: "reader@example.or" })).toContain("wrong-identity");
    expect(await refusal({}, { issuer: `${ISSUER}/` })).toContain("wrong-issuer");
    const two = joined([IDENTITY, "mallory@example.org"].map((one) => encoded(0x81, new TextEncoder().encode(one))));
    expect(await refusal({ name: two })).toContain("does not name exactly one identity");
    const host = encoded(0x82, new TextEncoder().encode(IDENTITY));
    expect(await refusal({ name: host })).toContain("does not name exactly one identity");
  });

  it("is a certificate that was not valid when the log or a time stamp says, or is for something else", async () => {
    expect(await refusal({ integrated: NOW + 601_000 })).toContain("untrusted");
    expect(await refusal({ integrated: NOW - 1000 })).toContain("untrusted");
    expect(await refusal({ stamped: NOW + 601_000 })).toContain("untrusted");
    expect(await refusal({ purposeOfLeaf: "1.3.6.1.5.5.7.3.1" })).toContain("not for signing code");
    expect(await refusal({ promiseOfCertificate: false })).toContain("no promise of a certificate log");
  });

  it("is a signature whose time nobody vouches for, an entry without what its bundle's version demands", async () => {
    expect(await refusal({ integrated: null })).toContain("no-time");
    expect(await refusal({ proof: false })).toContain("not-logged: the proof that the entry is in the log is missing");
    expect(await refusal({ version: "0.1", integrated: null, proof: true })).toContain(
      "the log's signed time is missing",
    );
    const none = little.bundle(FILE);
    none["verificationMaterial"].tlogEntries = [];
    expect((await verify(none)).reasons[0]!.rule).toBe("not-logged");
  });

  it("is whatever the trusted root does not know, or did not trust at the time", async () => {
    const day = (offset: number): string => new Date(NOW + offset * 86_400_000).toISOString();
    const other = new LittleSigstore().trustedRoot();
    const roots: readonly (readonly [expected: string, change: (root: Record<string, any>) => void])[] = [
      ["does not know the log", (root) => void (root["tlogs"] = other["tlogs"])],
      ["no given root stands above", (root) => void (root["certificateAuthorities"] = other["certificateAuthorities"])],
      ["no promise of a certificate log (SCT) holds", (root) => void (root["ctlogs"] = other["ctlogs"])],
      [
        "not by an authority of the trusted root",
        (root) => void (root["timestampAuthorities"] = other["timestampAuthorities"]),
      ],
      [
        "no authority of the trusted root was in service",
        (root) => void (root["certificateAuthorities"][0].validFor.end = day(-1)),
      ],
      [
        "no authority of the trusted root was in service",
        (root) => void (root["certificateAuthorities"][0].validFor.start = day(1)),
      ],
      ["signed when its key was not valid", (root) => void (root["tlogs"][0].publicKey.validFor.end = day(-1))],
      [
        "no promise of a certificate log (SCT) holds",
        (root) => void (root["ctlogs"][0].publicKey.validFor.end = day(-1)),
      ],
      [
        "was in service when the time stamp says",
        (root) => void (root["timestampAuthorities"][0].validFor.end = day(-1)),
      ],
      [
        "not signed by elsewhere.example.org",
        (root) => void (root["tlogs"][0].baseUrl = "https://elsewhere.example.org"),
      ],
      // The log's number with another's key.
      [
        "does not hold for the key",
        (root) => void (root["tlogs"][0].publicKey.rawBytes = other["tlogs"][0].publicKey.rawBytes),
      ],
    ];
    for (const [expected, change] of roots)
      expect(await refusal({ stamped: NOW + 1000 }, { trustedRoot: trusted(change) })).toContain(expected);
  });

  it("is an entry with nothing but a proof in a log whose key was out of service at the time of the stamp", async () => {
    const wish: Wish = { kind: "hashedrekord 0.0.2", integrated: null, stamped: NOW + 1000 };
    const at = (offset: number): string => new Date(NOW + offset).toISOString();
    const during = (start: number, end: number): string =>
      trusted((root) => void (root["tlogs"][0].publicKey.validFor = { start: at(start), end: at(end) }));
    expect((await verify(little.bundle(FILE, wish), { trustedRoot: during(-5000, 5000) })).ok).toBe(true);
    for (const [start, end] of [
      [-5000, 500],
      [1500, 5000],
    ] as const)
      expect(await refusal(wish, { trustedRoot: during(start, end) })).toContain(
        "not-logged: the key of the log log.example.org was not in service",
      );
  });

  it("is a bundle with a root certificate of its own, and one that was signed with a key", async () => {
    const bundle = little.bundle(FILE, { version: "0.2" });
    bundle["verificationMaterial"].x509CertificateChain.certificates.push({
      rawBytes: Buffer.from(little.rootDer).toString("base64"),
    });
    expect((await verify(bundle)).reasons[0]!.message).toContain("a root certificate of its own");
    const keyed = little.bundle(FILE);
    keyed["verificationMaterial"].publicKey = { hint: "x" };
    delete keyed["verificationMaterial"].certificate;
    expect((await verify(keyed)).reasons[0]!.message).toContain("give --key");
  });

  it("is an entry of another signature, certificate or kind, though the log holds it", async () => {
    const [one, two] = [little.bundle(FILE), little.bundle(FILE)];
    one["verificationMaterial"].tlogEntries = two["verificationMaterial"].tlogEntries;
    expect((await verify(one)).reasons[0]!.message).toBe("the log entry is of another certificate");
    const other = little.bundle(FILE);
    other["verificationMaterial"].tlogEntries[0].kindVersion.version = "0.0.2";
    await expect(verify(other)).rejects.toThrow("another kind than the log does");
  });
});

/** Each bit of one byte of every few, in a part of a bundle that is base64. */
function* flips(text: string, step: number): Generator<string> {
  const bytes = Buffer.from(text, "base64");
  for (let at = 0; at < bytes.length; at += step) {
    const other = Buffer.from(bytes);
    other[at]! ^= 1 << (at % 8);
    yield other.toString("base64");
  }
}

describe("one bit", () => {
  const root = readTrustedRoot(Buffer.from(JSON.stringify(little.trustedRoot())));
  /** Without files: the words of a refusal, undefined where it is as signed. */
  const refused = async (bundle: Record<string, any>): Promise<string | undefined> => {
    try {
      const read = readBundle(Buffer.from(JSON.stringify(bundle)));
      const payload = read.content.kind === "statement" ? read.content.payload : undefined;
      const bytes = payload ? preAuthenticated(payload) : FILE;
      const verdict = await keylessSigner(
        read,
        {
          holds: (by, signature) => Promise.resolve(holds(by, bytes, signature)),
          digest: (algorithm) => Promise.resolve(digestOf(bytes, algorithm)),
          ...(payload && { payload }),
        },
        { identity: IDENTITY, issuer: ISSUER },
        root,
      );
      return "because" in verdict ? verdict.because : undefined;
    } catch (error) {
      if (error instanceof FormatError) return error.problem;
      throw error;
    }
  };
  const parts: Readonly<Record<string, readonly string[]>> = {
    signature: ["dsseEnvelope", "signatures", "0", "sig"],
    payload: ["dsseEnvelope", "payload"],
    certificate: ["verificationMaterial", "certificate", "rawBytes"],
    body: ["verificationMaterial", "tlogEntries", "0", "canonicalizedBody"],
    "signed time": ["verificationMaterial", "tlogEntries", "0", "inclusionPromise", "signedEntryTimestamp"],
    "log's name": ["verificationMaterial", "tlogEntries", "0", "logId", "keyId"],
    "root of the tree": ["verificationMaterial", "tlogEntries", "0", "inclusionProof", "rootHash"],
    "first step of the proof": ["verificationMaterial", "tlogEntries", "0", "inclusionProof", "hashes", "0"],
    "last step of the proof": ["verificationMaterial", "tlogEntries", "0", "inclusionProof", "hashes", "2"],
  };
  for (const [part, path] of Object.entries(parts))
    it(`another in the ${part} is refused`, async () => {
      const bundle = little.bundle(FILE);
      expect(await refused(bundle)).toBeUndefined();
      const last = path.at(-1)!;
      const holder = path.slice(0, -1).reduce((at: any, step) => at[step], bundle);
      const right = holder[last] as string;
      let tried = 0;
      for (const other of flips(right, right.length > 1000 ? 17 : 1)) {
        holder[last] = other;
        expect(await refused(bundle), `${part}, ${tried}`).toBeTypeOf("string");
        tried++;
      }
      expect(tried).toBeGreaterThan(30);
    });

  it("another in numbers and in the checkpoint is refused", async () => {
    const bundle = little.bundle(FILE);
    const [entry] = bundle["verificationMaterial"].tlogEntries;
    for (const [holder, name] of [
      [entry, "logIndex"],
      [entry, "integratedTime"],
      [entry.inclusionProof, "logIndex"],
      [entry.inclusionProof, "treeSize"],
    ] as const) {
      const right = holder[name];
      for (const by of [-1, 1, 2]) {
        holder[name] = String(Number(right) + by);
        expect(await refused(bundle), name).toBeTypeOf("string");
      }
      holder[name] = right;
    }
    const { checkpoint } = entry.inclusionProof;
    const right = checkpoint.envelope as string;
    // What a witness adds below the log's own signature is its affair.
    const witness = right.split("\n").find((line) => line.includes("witness"))!;
    for (let at = 0; at < right.length; at += 3) {
      const from = right.indexOf(witness);
      if (at >= from && at < from + witness.length) continue;
      checkpoint.envelope = right.slice(0, at) + String.fromCodePoint(right.codePointAt(at)! ^ 1) + right.slice(at + 1);
      expect(await refused(bundle), JSON.stringify(right.slice(at, at + 3))).toBeTypeOf("string");
    }
  });

  it("another in a time stamp is refused, or is where nothing is said: never another time", async () => {
    const bundle = little.bundle(FILE, { kind: "dsse 0.0.2", integrated: null, stamped: NOW + 1000 });
    const [stamp] = bundle["verificationMaterial"].timestampVerificationData.rfc3161Timestamps;
    const right = stamp.signedTimestamp as string;
    let tried = 0;
    const passed: number[] = [];
    for (const other of flips(right, 2)) {
      stamp.signedTimestamp = other;
      if ((await refused(bundle)) === undefined) passed.push(tried);
      tried++;
    }
    // The algorithms that the message announces for all its signers, and the version numbers of its parts, are not signed.
    expect(passed.length).toBeLessThan(15);
    expect(tried).toBeGreaterThan(170);
  });
});

describe("a proof of inclusion", () => {
  it("holds for every place of every tree of up to 33 entries, and for no other place, tree or entry", () => {
    const all = Array.from({ length: 33 }, (_, n) => Uint8Array.of(n, 7));
    for (let size = 1; size <= all.length; size++) {
      const leaves = all.slice(0, size);
      const root = treeHash(leaves).toString("hex");
      for (let index = 0; index < size; index++) {
        const proof = { index, size, root, path: treePath(index, leaves), checkpoint: "" };
        expect(included(leaves[index]!, proof)).toBe(true);
        expect(included(Uint8Array.of(99), proof)).toBe(false);
        expect(included(leaves[index]!, { ...proof, index: (index + 1) % size })).toBe(size === 1);
        expect(included(leaves[index]!, { ...proof, index: size })).toBe(false);
        expect(included(leaves[index]!, { ...proof, path: [...proof.path, new Uint8Array(32)] })).toBe(false);
        expect(included(leaves[index]!, { ...proof, path: proof.path.slice(1) })).toBe(size === 1);
      }
    }
  });
});

describe("the command", () => {
  const bad = (flags: VerifySignatureFlags): Promise<unknown> =>
    verify(little.bundle(FILE), flags).catch((error: unknown) => error);

  it("wants identity, issuer and trusted root together, and nothing else beside them", async () => {
    const keys: readonly (readonly [VerifySignatureFlags, RegExp])[] = [
      [{ identity: undefined as never }, /--identity is missing/],
      [{ issuer: undefined as never, trustedRoot: undefined as never }, /--issuer and --trusted-root are missing/],
      [{ identity: " " }, /--identity is empty/],
      [{ key: "key.pem" }, /both given/],
      [{ asOf: "2026-03-01" }, /--as-of says nothing/],
    ];
    for (const [flags, words] of keys) {
      const error = await bad(flags);
      expect(error).toBeInstanceOf(HostError);
      expect((error as HostError).message).toMatch(words);
    }
  });

  it("finds a signature that lies beside the file under cosign's name for it", async () => {
    const other = join(place, "other.bin");
    writeFileSync(other, FILE);
    writeFileSync(`${other}.sigstore.json`, JSON.stringify(little.bundle(FILE, { kind: "hashedrekord 0.0.1" })));
    const flags = { identity: IDENTITY, issuer: ISSUER, trustedRoot: usual };
    expect((await ran((invocation) => verifySignatureCommand(invocation, other, flags))).out).toContain("AS SIGNED");
  });

  it("says in words what is wrong with a trusted root", async () => {
    for (const [change, words] of [
      [(root: Record<string, any>) => void (root["mediaType"] = "application/json"), /no TrustedRoot/],
      [(root: Record<string, any>) => void delete root["tlogs"][0].publicKey.validFor.start, /start of validity/],
      [
        (root: Record<string, any>) => void (root["tlogs"][0].publicKey.rawBytes = "AAAA"),
        /key of log.example.org that cannot be read/,
      ],
      [
        (root: Record<string, any>) => void (root["certificateAuthorities"][0].certChain.certificates = []),
        /holds none/,
      ],
    ] as const) {
      const error = await bad({ trustedRoot: trusted(change) });
      expect(error).toBeInstanceOf(HostError);
      expect((error as HostError).message).toMatch(words);
    }
  });

  it("shows what was checked and what was not", async () => {
    const path = join(place, "shown.json");
    writeFileSync(path, JSON.stringify(little.bundle(FILE)));
    const { out } = await ran((invocation) =>
      verifySignatureCommand(invocation, file, {
        bundle: path,
        identity: IDENTITY,
        issuer: ISSUER,
        trustedRoot: usual,
      }),
    );
    expect(out).toContain(`BY         ${IDENTITY}, by ${ISSUER} ← CN=between`);
    expect(out).toMatch(/CHECKED {4}entry 1002 of log\.example\.org, signed time 2026-03-01T12:01:00\.000Z/);
    expect(out).toContain("NOT CHECKED  where the trusted root itself comes from");
  });

  it("never falls over damaged parts", async () => {
    const base = little.bundle(FILE, { stamped: NOW + 1000 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("certificate", "time stamp", "body"),
        fc.uint8Array({ maxLength: 60 }),
        async (part, bytes) => {
          const bundle = structuredClone(base);
          const words = Buffer.from(bytes).toString("base64");
          if (part === "certificate") bundle["verificationMaterial"].certificate.rawBytes = words;
          else if (part === "body") bundle["verificationMaterial"].tlogEntries[0].canonicalizedBody = words;
          else bundle["verificationMaterial"].timestampVerificationData.rfc3161Timestamps[0].signedTimestamp = words;
          const verdict = await verify(bundle).catch((error: unknown) => error);
          if (verdict instanceof Error) expect(verdict).toBeInstanceOf(HostError);
          else expect(verdict).toMatchObject({ ok: false });
        },
      ),
      { numRuns: 60, seed: 5 },
    );
    expect(key("ed25519").spki.length).toBe(44);
  });
});
