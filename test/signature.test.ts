/** Signatures made and checked as a person would: real bundles, real keys of openssl, and everything that can be done to them. */
import { execFileSync } from "node:child_process";
import { generateKeyPairSync, sign as signRaw, type KeyObject } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { HostError } from "#base/ports.ts";
import { sha256 } from "#base/hash.ts";
import {
  signCommand,
  verifySignatureCommand,
  type SignFlags,
  type VerifySignatureFlags,
} from "#cli/commands/signature.ts";
import { signatureDocument } from "#cli/documents.ts";
import { certificateUse } from "#formats/der.ts";
import { FormatError } from "#formats/error.ts";
import { digestIn } from "#host/folders.ts";
import { certificates, keyHint, privateKey, publicKey } from "#host/keys.ts";
import { signatureChecker } from "#host/signatures.ts";
import { bundleOf, preAuthenticated, readBundle, readManifest, type Bundle } from "#provenance/signing.ts";
import { NO_SHARED_DATA, SHARED_DATA } from "./support/assess.ts";
import {
  AUTHORITY,
  authority,
  certificate,
  extension,
  key,
  keyUsage,
  octets,
  pem,
  purpose,
  PURPOSES,
  SIGNATURE_ONLY,
  type CertificateWish,
} from "./support/certificates.ts";
import { ran } from "./support/command.ts";

const place = mkdtempSync(join(tmpdir(), "vauban-signature-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));
let made = 0;
const fresh = (): string => {
  const folder = join(place, String(++made));
  mkdirSync(folder);
  return folder;
};

const verify = async (path: string, flags: VerifySignatureFlags) => {
  const { code, out } = await ran((invocation) => verifySignatureCommand(invocation, path, flags), { json: true });
  const document = signatureDocument.parse(JSON.parse(out));
  expect(code).toBe(document.ok ? 0 : 1);
  return document;
};
const sign = (path: string, flags: SignFlags) => ran((invocation) => signCommand(invocation, path, flags));
const rules = async (path: string, flags: VerifySignatureFlags): Promise<string[]> =>
  (await verify(path, flags)).reasons.map(({ rule, path: at }) => (at === undefined ? rule : `${rule} ${at}`));

const openssl = (...args: string[]): void =>
  void execFileSync("openssl", args, { stdio: ["ignore", "ignore", "ignore"] });
const hasOpenssl = (() => {
  try {
    openssl("version");
    return true;
  } catch {
    return false;
  }
})();

/** A key pair in PEM files, as openssl would write them. */
function keys(curve: "P-256" | "P-384" | "P-521" | "ed25519" | "rsa"): {
  secret: string;
  open: string;
  key: KeyObject;
} {
  const folder = fresh();
  const { privateKey, publicKey } =
    curve === "ed25519"
      ? generateKeyPairSync("ed25519")
      : curve === "rsa"
        ? generateKeyPairSync("rsa", { modulusLength: 2048 })
        : generateKeyPairSync("ec", { namedCurve: curve });
  const [secret, open] = [join(folder, "key.pem"), join(folder, "key.pub.pem")];
  writeFileSync(secret, privateKey.export({ type: "pkcs8", format: "pem" }));
  writeFileSync(open, publicKey.export({ type: "spki", format: "pem" }));
  return { secret, open, key: privateKey };
}

function model(): string {
  const folder = fresh();
  writeFileSync(join(folder, "config.json"), '{"layers": 2}');
  mkdirSync(join(folder, "weights"));
  writeFileSync(join(folder, "weights", "a.bin"), Buffer.alloc(3000, 7));
  writeFileSync(join(folder, "weights", "empty.bin"), "");
  return folder;
}

const payloadIn = ({ content }: Pick<Bundle, "content">): Uint8Array => {
  if (content.kind !== "statement") throw new Error("no manifest");
  return content.payload;
};

const flip = (path: string, at = 0): void => {
  const bytes = readFileSync(path);
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
};

describe("the reference's own bundles", () => {
  const shared = join(SHARED_DATA, "signatures");
  const missing = existsSync(shared) ? undefined : (NO_SHARED_DATA ?? "no signatures");
  const key = join(shared, "keys", "signing-key-pub.pem");
  const root = [join(shared, "keys", "ca-cert.pem")];
  const signed = (name: string): string => {
    const folder = fresh();
    cpSync(join(shared, name), folder, { recursive: true });
    for (const file of ["model.sig", "signme-1", "signme-2"])
      if (existsSync(join(folder, file))) execFileSync("chmod", ["u+w", join(folder, file)]);
    return folder;
  };

  it("of 1.0 with a key and of 1.1 with certificates are as signed; what the signer left out is said", async (context) => {
    if (missing) context.skip(missing);
    const one = signed("v1.0.0-elliptic-key");
    expect(await verify(join(one, "signme-1"), { bundle: join(one, "model.sig"), key })).toMatchObject({
      ok: true,
      verified: 1,
    });
    const two = signed("v1.1.0-certificate");
    expect(await verify(two, { root, asOf: "2026-11-26" })).toMatchObject({
      ok: true,
      verified: 2,
      ignored: ["ignore-me"],
      signer: [
        expect.stringMatching(/^CN=intermediate-ca \(SHA-256 [0-9a-f]{16}\)$/),
        expect.stringContaining("CN=intermediate-ca"),
        expect.stringContaining("CN=root-ca"),
      ],
    });
  });

  it("never hold again once a byte of the payload or of the signature is another", async (context) => {
    if (missing) context.skip(missing);
    const folder = signed("v1.0.0-elliptic-key");
    const path = join(folder, "model.sig");
    const text = readFileSync(path, "utf8");
    const { dsseEnvelope } = JSON.parse(text) as { dsseEnvelope: { payload: string; signatures: { sig: string }[] } };
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let tried = 0;
    for (const part of [dsseEnvelope.payload, dsseEnvelope.signatures[0]!.sig])
      for (let at = 0; at < part.length; at += 5) {
        const place = text.indexOf(part) + at;
        const other = alphabet[(alphabet.indexOf(text[place]!) + 1) % 64]!;
        writeFileSync(path, text.slice(0, place) + other + text.slice(place + 1));
        const verdict = await verify(join(folder, "signme-1"), { bundle: path, key }).catch((error: unknown) => error);
        if (verdict instanceof HostError) expect(verdict.remedy).toBeTruthy();
        else expect(verdict).toMatchObject({ ok: false, verified: 0 });
        tried++;
      }
    expect(tried).toBeGreaterThan(150);
  });

  it.for([
    ["a byte of a file is another", "changed signme-1", (folder: string) => flip(join(folder, "signme-1"))],
    ["a file is cut", "changed signme-2", (folder: string) => truncateSync(join(folder, "signme-2"), 3)],
    ["a file is gone", "missing signme-2", (folder: string) => rmSync(join(folder, "signme-2"))],
    [
      "a file is added",
      "added pytorch_model.bin",
      (folder: string) => writeFileSync(join(folder, "pytorch_model.bin"), "x"),
    ],
    [
      "a file is added below a name that only begins like an ignored one",
      "added ignore-me-not",
      (folder: string) => writeFileSync(join(folder, "ignore-me-not"), "x"),
    ],
    [
      "a file is a link to the same bytes",
      "link signme-1",
      (folder: string) => {
        renameSync(join(folder, "signme-1"), join(place, `moved-${made}`));
        symlinkSync(join(place, `moved-${made}`), join(folder, "signme-1"));
      },
    ],
  ] as const)("fail when %s", async ([, expected, change], context) => {
    if (missing) context.skip(missing);
    const folder = signed("v1.1.0-certificate");
    change(folder);
    expect(await rules(folder, { root, asOf: "2026-11-26" })).toContain(expected);
  });

  it("fail with another key, another root, and outside the days of their certificates", async (context) => {
    if (missing) context.skip(missing);
    const [one, two] = [signed("v1.0.0-elliptic-key"), signed("v1.1.0-certificate")];
    const file = join(one, "signme-1");
    expect(await rules(file, { bundle: join(one, "model.sig"), key: keys("P-384").open })).toEqual(["bad-signature"]);
    expect(await rules(two, { root, asOf: "2035-05-01" })).toEqual(["untrusted"]);
    expect(await rules(two, { root, asOf: "2025-05-01" })).toEqual(["untrusted"]);
    const wrong = join(fresh(), "other.pem");
    writeFileSync(wrong, readFileSync(join(shared, "keys", "int-ca-cert.pem"), "latin1").slice(0, -40));
    await expect(verify(two, { root: [wrong] })).rejects.toThrow("holds no certificate");
  });
});

describe("signing a folder", () => {
  it.each(["P-256", "P-384", "P-521", "ed25519"] as const)(
    "with %s goes there and back; what is changed since is named",
    async (curve) => {
      const { secret, open } = keys(curve);
      const folder = model();
      writeFileSync(join(folder, ".gitignore"), "*.tmp");
      await sign(folder, { key: secret });
      const fine = await verify(folder, { key: open });
      expect(fine).toMatchObject({ ok: true, verified: 3, ignored: [".gitignore"] });
      expect(await rules(folder, { key: open, whole: true })).toEqual(["left-out .gitignore"]);
      writeFileSync(join(folder, "..", `${curve}.pub.pem`), readFileSync(open));
      const asked = { path: basename(folder), trust: { kind: "key", key: `${curve}.pub.pem` } } as const;
      const assessed = signatureChecker(dirname(folder));
      expect(await assessed.check(asked)).toMatchObject({ holds: true, files: 3, notCovered: [".gitignore"] });
      expect(await assessed.check({ ...asked, whole: true })).toMatchObject({
        holds: false,
        because: ".gitignore: there, and left out by the signature",
      });
      flip(join(folder, "weights", "a.bin"), 2999);
      writeFileSync(join(folder, "weights", "b.bin"), "");
      rmSync(join(folder, "config.json"));
      expect(await rules(folder, { key: open })).toEqual([
        "changed weights/a.bin",
        "added weights/b.bin",
        "missing config.json",
      ]);
      expect(await rules(folder, { key: keys(curve).open })).toEqual(["wrong-key"]);
    },
  );

  it("writes the bundle that model_signing 1.1 reads: its hint, its paths, its digests, and a signature that openssl verifies", async (context) => {
    if (!hasOpenssl) context.skip("no openssl");
    const folder = model();
    const at = fresh();
    const [secret, open, out] = [join(at, "key.pem"), join(at, "pub.pem"), join(at, "reader.sig")];
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", secret);
    openssl("pkey", "-in", secret, "-pubout", "-out", open);
    await sign(folder, { key: secret, out });
    const bundle = JSON.parse(readFileSync(out, "utf8"));
    // sha256(PEM of the public key) is what the reference calls the hint (sign_ec_key.py).
    expect(bundle.verificationMaterial).toEqual({ publicKey: { hint: sha256(readFileSync(open)) }, tlogEntries: [] });
    const { signature, ...read } = readBundle(readFileSync(out));
    const payload = payloadIn(read);
    const statement = JSON.parse(new TextDecoder().decode(payload));
    expect(statement.predicate.resources.map(({ name }: { name: string }) => name)).toEqual([
      "config.json",
      "weights/a.bin",
      "weights/empty.bin",
    ]);
    expect(statement.predicate.resources[0]).toMatchObject({ algorithm: "sha256", digest: sha256('{"layers": 2}') });
    writeFileSync(join(at, "signed"), preAuthenticated(payload));
    writeFileSync(join(at, "sig"), signature);
    expect(() =>
      openssl("dgst", "-sha256", "-verify", open, "-signature", join(at, "sig"), join(at, "signed")),
    ).not.toThrow();
  });

  it("or one file in it has signatures of different names, and each says what it is of; the old name is found", async () => {
    const { secret, open } = keys("P-256");
    const folder = model();
    const file = join(folder, "config.json");
    await sign(file, { key: secret });
    expect(existsSync(`${file}.sig`)).toBe(true);
    expect((await verify(file, { key: open })).ok).toBe(true);
    renameSync(`${file}.sig`, join(folder, "config.sig"));
    expect((await verify(file, { key: open })).ok).toBe(true);
    const one = await verify(folder, { key: open, bundle: join(folder, "config.sig") });
    expect(one).toMatchObject({ ok: false, verified: 0, reasons: [{ rule: "one-file" }] });
    expect(one.reasons[0]!.message).toMatch(
      /^this signs one file, config\.json: verify that file with --bundle .*sig$/,
    );
    rmSync(join(folder, "config.sig"));
    await sign(folder, { key: secret });
    expect(await rules(file, { key: open, bundle: join(folder, "model.sig") })).toEqual(["whole-folder"]);
  });

  it("names the bundle where it was put elsewhere, one trust at a time, and what is signed is not ignored", async () => {
    const { secret, open } = keys("P-256");
    const folder = model();
    const out = join(fresh(), "reader.sig");
    const { out: said } = await sign(folder, { key: secret, out });
    expect(said).toContain(`verify ${folder} --bundle ${out} --key ${open}`);
    // Another's key of the usual name is not the one; where there is none, how to write it is said.
    const at = fresh();
    cpSync(secret, join(at, "mine.pem"));
    cpSync(keys("P-256").open, join(at, "mine.pub.pem"));
    const tip = (await sign(folder, { key: join(at, "mine.pem"), out, force: true })).out;
    expect(tip).toContain(`openssl pkey -in ${join(at, "mine.pem")} -pubout -out ${join(at, "mine.pub")}\nThen: `);
    expect(tip).toContain(`--key ${join(at, "mine.pub")}\n`);
    await expect(verify(folder, { key: open, root: [open], bundle: out })).rejects.toThrow("only one of them is taken");
    const { ok, reasons } = await verify(folder, { key: open, bundle: out, ignore: ["weights"] });
    expect(ok).toBe(false);
    expect(reasons).toEqual(
      ["weights/a.bin", "weights/empty.bin"].map((path) => ({
        rule: "ignored",
        path,
        message: "signed: cannot be ignored",
      })),
    );
  });

  it("shows no control character of a file's name", async (context) => {
    if (process.platform === "win32") context.skip("no such names there");
    const { secret, open } = keys("P-256");
    const folder = model();
    await sign(folder, { key: secret });
    writeFileSync(join(folder, "a\u001b[2K\rb"), "x");
    const { out } = await ran((invocation) => verifySignatureCommand(invocation, folder, { key: open }));
    expect(out).toContain("added  a\\u001b[2K\\u000db: not in the signature");
  });

  it("follows the link that names it: the latest run is a run", async () => {
    const { secret, open } = keys("P-256");
    const runs = fresh();
    renameSync(model(), join(runs, "one"));
    symlinkSync("one", join(runs, "latest"));
    await sign(join(runs, "latest"), { key: secret });
    expect(await verify(join(runs, "one"), { key: open })).toMatchObject({ ok: true, verified: 3 });
    expect((await verify(join(runs, "latest"), { key: open })).ok).toBe(true);
  });

  it("of a locked key asks for the passphrase", async () => {
    const { key, open } = keys("P-256");
    const at = fresh();
    const locked = join(at, "locked.pem");
    writeFileSync(
      locked,
      key.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "over the wall" }),
    );
    writeFileSync(join(at, "right"), "over the wall\n");
    writeFileSync(join(at, "wrong"), "through the gate\n");
    const folder = model();
    await expect(sign(folder, { key: locked })).rejects.toThrow("no passphrase was given");
    await expect(sign(folder, { key: locked, passphraseFile: join(at, "wrong") })).rejects.toThrow(
      "passphrase is wrong",
    );
    await sign(folder, { key: locked, passphraseFile: join(at, "right") });
    expect((await verify(folder, { key: open })).ok).toBe(true);
  });

  it("refuses what could not be kept: links, keys in the folder, other keys, a signature that is there, nothing to sign", async () => {
    const { secret, open } = keys("P-256");
    const linked = model();
    symlinkSync(open, join(linked, "link"));
    await expect(sign(linked, { key: secret })).rejects.toThrow("is a link");
    const careless = model();
    cpSync(secret, join(careless, "key.pem"));
    await expect(sign(careless, { key: join(careless, "key.pem") })).rejects.toThrow("private key lies in the folder");
    const { key: own } = keys("P-256");
    const kept = join(fresh(), "own.pem");
    const pem = own.export({ type: "pkcs8", format: "pem" });
    writeFileSync(kept, pem);
    for (const [name, copy] of [
      ["other.pem", pem],
      ["notes.txt", `old stuff\n-----BEGIN EC PARAMETERS-----\n${own.export({ type: "sec1", format: "pem" })}`],
      ["key.der", own.export({ type: "pkcs8", format: "der" })],
      ["sec1.der", own.export({ type: "sec1", format: "der" })],
    ] as const) {
      const folder = model();
      writeFileSync(join(folder, name), copy);
      await expect(sign(folder, { key: kept }), name).rejects.toThrow(
        `private key lies in the folder that is to be signed: ${name}`,
      );
    }
    await expect(sign(kept, { key: kept })).rejects.toThrow("is the private key itself");
    const others = model();
    cpSync(secret, join(others, "another-key.pem"));
    await sign(others, { key: kept });
    await expect(sign(model(), { key: keys("rsa").secret })).rejects.toThrow("kind rsa");
    await expect(sign(model(), { key: open })).rejects.toThrow("no private key");
    await expect(verify(model(), { key: secret, bundle: open })).rejects.toThrow();
    const twice = model();
    await expect(verify(twice, { key: open })).rejects.toMatchObject({
      message: expect.stringContaining("has no signature"),
      remedy: expect.stringContaining("--bundle"),
    });
    for (const named of [sign(twice, { key: "nowhere.pem" }), sign(twice, { key: secret, passphraseFile: "nowhere" })])
      await expect(named).rejects.toMatchObject({
        message: expect.stringMatching(/^nowhere(\.pem)? does not exist$/),
        remedy: "check the spelling; paths are relative to the current folder",
      });
    await sign(twice, { key: secret });
    await expect(sign(twice, { key: secret })).rejects.toThrow("exists already");
    await sign(twice, { key: secret, force: true });
    const weights = readFileSync(join(twice, "weights", "a.bin"));
    for (const force of [true, false])
      await expect(
        sign(twice, { key: secret, out: join(twice, "weights", "a.bin"), force }),
        "a model in the signature's place",
      ).rejects.toThrow("is no signature, so it is not replaced");
    await expect(sign(twice, { key: secret, out: join(twice, "weights"), force: true })).rejects.toThrow("is a folder");
    expect(readFileSync(join(twice, "weights", "a.bin"))).toEqual(weights);
    await expect(sign(fresh(), { key: secret })).rejects.toThrow("no file to sign");
    await expect(verify(twice, {})).rejects.toThrow("something you trust");
    await expect(verify(twice, { key: secret })).rejects.toThrow("is a private key");
  });
});

describe("keys and certificates", () => {
  it("that are broken anywhere are read, or refused in words", () => {
    const { secret, open } = keys("P-256");
    const texts = [
      readFileSync(secret, "latin1"),
      readFileSync(open, "latin1"),
      "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    ];
    fc.assert(
      fc.property(
        fc.nat(2),
        fc.nat(),
        fc.nat(30),
        fc.constantFrom(
          "",
          "A",
          "=",
          "\n",
          "-----",
          "\0",
          "-----BEGIN EC PRIVATE KEY-----\n",
          "Proc-Type: 4,ENCRYPTED\n",
        ),
        (which, place, cut, put) => {
          const text = texts[which]!;
          const at = place % text.length;
          const bytes = new TextEncoder().encode(text.slice(0, at) + put + text.slice(at + cut));
          for (const read of [publicKey, privateKey, certificates])
            try {
              read(bytes, "key.pem");
            } catch (error) {
              expect(error).toBeInstanceOf(HostError);
              expect((error as HostError).remedy).toBeTruthy();
            }
        },
      ),
      { numRuns: 500, seed: 17 },
    );
  });

  it("of a file with a thousand beginnings and no end are refused at once", () => {
    const start = process.cpuUsage();
    expect(() => certificates(Buffer.from("-----BEGIN CERTIFICATE-----\n".repeat(35_000)), "ca.pem")).toThrow(
      "no certificate",
    );
    expect(process.cpuUsage(start).user / 1e6).toBeLessThan(1);
  });
});

describe("an assessment", () => {
  /** Both answers to one bundle beside one file. */
  const both = async (change: (bundle: Record<string, any>) => void) => {
    const at = fresh();
    const file = join(at, "model.bin");
    writeFileSync(file, "weights");
    const { open, key } = keys("P-256");
    writeFileSync(join(at, "maker.pub.pem"), readFileSync(open));
    const bundle = {
      mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
      verificationMaterial: { publicKey: { hint: keyHint(key) }, tlogEntries: [] },
      messageSignature: {
        messageDigest: { algorithm: "SHA2_256", digest: Buffer.from(sha256("weights"), "hex").toString("base64") },
        signature: signRaw("sha256", readFileSync(file), key).toString("base64"),
      },
    };
    change(bundle);
    writeFileSync(`${file}.sig`, JSON.stringify(bundle));
    const { reasons } = await verify(file, { key: open });
    const answer = await signatureChecker(at).check({
      path: "model.bin",
      trust: { kind: "key", key: "maker.pub.pem" },
    });
    return { command: reasons.map(({ message }) => message).join(), assessment: answer.because, holds: answer.holds };
  };

  it("says of a signature what the command says, also where the digest beside it is another", async () => {
    expect(await both(() => undefined)).toEqual({ command: "", assessment: "", holds: true });
    for (const [words, change] of [
      [
        "its SHA-256 is another",
        ({ messageSignature }: Record<string, any>) =>
          (messageSignature.messageDigest.digest = Buffer.alloc(32).toString("base64")),
      ],
      [
        "does not hold for this key and this content",
        ({ messageSignature }: Record<string, any>) =>
          (messageSignature.signature = Buffer.alloc(70).toString("base64")),
      ],
    ] as const) {
      const said = await both((bundle) => void change(bundle));
      expect(said.command).toContain(words);
      expect(said).toMatchObject({ assessment: said.command, holds: false });
    }
  });
});

describe("a chain of certificates", () => {
  const DAY = 86_400_000;
  const [from, to] = [Date.now() - DAY, Date.now() + 500 * DAY];
  /** A root, an authority below it, and a signer below that; extensions as given. */
  function chain({
    between = AUTHORITY,
    betweenKey = "P-256",
    digest = "sha256",
    signer = [SIGNATURE_ONLY, purpose(PURPOSES.code)],
  }: {
    between?: readonly Uint8Array[];
    betweenKey?: Parameters<typeof key>[0];
    digest?: CertificateWish["digest"];
    signer?: readonly Uint8Array[];
  } = {}) {
    const at = fresh();
    const secrets = { root: key(), between: key(betweenKey), signer: key() };
    const issued = (subject: keyof typeof secrets, issuer: keyof typeof secrets, extensions: readonly Uint8Array[]) => {
      const [own, by] = [secrets[subject], secrets[issuer]];
      const der = certificate({ subject, issuer, key: own, by, from, to, serial: 7, extensions, digest });
      writeFileSync(join(at, `${subject}.pem`), pem("CERTIFICATE", der));
      return join(at, `${subject}.pem`);
    };
    const secret = join(at, "signer.key");
    writeFileSync(secret, secrets.signer.secret.export({ type: "pkcs8", format: "pem" }));
    return {
      root: [issued("root", "root", AUTHORITY)],
      secret,
      certificate: issued("signer", "between", signer),
      between: [issued("between", "root", between)],
    };
  }
  const signedBy = async (parts: ReturnType<typeof chain>, withChain = true): Promise<string> => {
    const folder = model();
    await sign(folder, {
      key: parts.secret,
      certificate: parts.certificate,
      ...(withChain && { chain: parts.between }),
    });
    return folder;
  };

  it("is one by openssl's word, too", (context) => {
    if (!hasOpenssl) context.skip("no openssl");
    if (!hasOpenssl) context.skip("no openssl");
    const { root, between, certificate: signer } = chain();
    openssl("verify", "-CAfile", root[0]!, "-untrusted", between[0]!, signer);
    const other = chain().root[0]!;
    expect(() => openssl("verify", "-CAfile", other, "-untrusted", between[0]!, signer)).toThrow();
  });

  it("leads up to the given root, also where the certificate in between comes from the reader", async () => {
    const parts = chain();
    const whole = await signedBy(parts);
    const fingerprint = certificates(readFileSync(parts.certificate), "signer.pem")[0]!.fingerprint256;
    expect(await verify(whole, { root: parts.root })).toMatchObject({
      ok: true,
      signer: [
        `CN=signer (SHA-256 ${fingerprint.replaceAll(":", "").toLowerCase().slice(0, 16)})`,
        expect.stringContaining("CN=between"),
        expect.stringContaining("CN=root"),
      ],
    });
    const short = await signedBy(parts, false);
    expect((await verify(short, { root: parts.root })).reasons[0]!.message).toContain("no given root");
    expect((await verify(short, { root: parts.root, chain: parts.between })).ok).toBe(true);
    expect((await verify(whole, { root: chain().root })).reasons[0]!.message).toContain("no given root");
    await expect(sign(model(), { key: keys("P-256").secret, certificate: parts.certificate })).rejects.toThrow(
      "not the certificate of this key",
    );
  });

  it.for([
    ["an authority that is none", { between: [authority(false), keyUsage(5)] }, "no certification authority"],
    ["a signer that may not sign", { signer: [keyUsage(4)] }, "not for signing (keyUsage)"],
    ["a signer for servers", { signer: [SIGNATURE_ONLY, purpose(PURPOSES.servers)] }, "not for signing code"],
    [
      "a signer that says nothing of its use",
      { signer: [extension("2.5.29.14", octets(new Uint8Array(20)))] },
      "not for signing (keyUsage)",
    ],
    [
      "an authority for servers only",
      { between: [...AUTHORITY, purpose(PURPOSES.servers)] },
      "is an authority for other things than signing code",
    ],
    ["an authority of 1024 bits", { betweenKey: { rsaBits: 1024 } }, "holds an RSA key of 1024 bits"],
    ["an authority on a small curve", { betweenKey: "P-224" }, "holds a key of kind EC"],
    ["signatures over SHA-1", { digest: "sha1" }, "is signed with SHA-1"],
    [
      "a critical extension nobody understands",
      { signer: [SIGNATURE_ONLY, extension("1.2.3.4", octets(new Uint8Array(1)), true)] },
      "1.2.3.4",
    ],
  ] as const)("with %s is refused in words", async ([, options, words]) => {
    const parts = chain(options);
    const verdict = await verify(await signedBy(parts), { root: parts.root });
    expect(verdict).toMatchObject({ ok: false, verified: 0, reasons: [{ rule: "untrusted" }] });
    expect(verdict.reasons[0]!.message).toContain(words);
  });

  it.for([
    ["for signing code", { between: [...AUTHORITY, purpose(PURPOSES.servers, PURPOSES.code)] }],
    ["for anything", { between: [...AUTHORITY, purpose(PURPOSES.any)] }],
    ["of 2048 bits of RSA", { betweenKey: { rsaBits: 2048 }, digest: "sha512" }],
  ] as const)("below an authority %s holds", async ([, options]) => {
    const parts = chain(options);
    expect((await verify(await signedBy(parts), { root: parts.root })).ok).toBe(true);
  });

  it("reads extensions of damaged certificates, or refuses them in words", () => {
    const der = certificates(readFileSync(chain().certificate), "signer.pem")[0]!.raw;
    expect(certificateUse(der)).toEqual({
      purposes: ["1.3.6.1.5.5.7.3.3"],
      keyUsage: { digitalSignature: true, keyCertSign: false, crlSign: false },
      notUnderstood: [],
    });
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.nat(255), fc.nat(der.length), (at, value, length) => {
        const other = Uint8Array.from(der.subarray(0, Math.max(1, length)));
        if (at < other.length) other[at] = value;
        try {
          certificateUse(other);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 2_000, seed: 11 },
    );
  });
});

describe("a manifest", () => {
  const key = keys("P-256");
  interface Said {
    predicate: { serialization: Record<string, unknown>; resources: Record<string, unknown>[] };
    subject: { name: string; digest: { sha256: string } }[];
    [key: string]: unknown;
  }
  /** A statement of ours with anything changed in it, signed all the same. */
  async function signedAs(folder: string, change: (statement: Said) => void, reseal = true): Promise<void> {
    await sign(folder, { key: key.secret, force: true });
    const path = join(folder, "model.sig");
    const statement = JSON.parse(new TextDecoder().decode(payloadIn(readBundle(readFileSync(path))))) as Said;
    change(statement);
    if (reseal)
      statement.subject[0]!.digest.sha256 = sha256(
        Buffer.concat(statement.predicate.resources.map(({ digest }) => Buffer.from(String(digest), "hex"))),
      );
    const payload = new TextEncoder().encode(JSON.stringify(statement));
    const signature = signRaw("sha256", preAuthenticated(payload), key.key);
    writeFileSync(path, JSON.stringify(bundleOf(payload, signature, { hint: keyHint(key.key) })));
  }
  /** Sizes of `model()`: config.json 13, weights/a.bin 3000, weights/empty.bin 0. */
  const sharded = async (folder: string, shardSize = 1024): Promise<void> => {
    const digest = digestIn(folder);
    const resources: Record<string, unknown>[] = [];
    for (const [path, size] of [
      ["config.json", 13],
      ["weights/a.bin", 3000],
    ] as const)
      for (let start = 0; start < size; start += shardSize) {
        const end = Math.min(size, start + shardSize);
        resources.push({
          name: `${path}:${start}:${end}`,
          algorithm: `sha256-sharded-${shardSize}`,
          digest: await digest(path, "sha256", start, end),
        });
      }
    await signedAs(folder, ({ predicate }) => {
      predicate.serialization = { ...predicate.serialization, method: "shards", shard_size: shardSize };
      predicate.resources = resources;
    });
  };

  it("by shards holds byte by byte; a longer, shorter or changed file is named, and an empty one as not covered", async () => {
    const folder = model();
    await sharded(folder);
    expect(await rules(folder, { key: key.open })).toEqual(["not-covered weights/empty.bin"]);
    rmSync(join(folder, "weights", "empty.bin"));
    expect(await verify(folder, { key: key.open })).toMatchObject({ ok: true, method: "shards", verified: 2 });
    flip(join(folder, "weights", "a.bin"), 2047);
    expect((await verify(folder, { key: key.open })).reasons[0]!.message).toContain("bytes 1024 to 2048");
    for (const size of [2999, 3001, 2048, 4096, 0]) {
      writeFileSync(join(folder, "weights", "a.bin"), Buffer.alloc(size, 7));
      expect(await rules(folder, { key: key.open }), String(size)).toEqual(["changed weights/a.bin"]);
    }
  });

  it.each(["blake2b", "blake3"] as const)("with %s digests is held to them", async (hash) => {
    const folder = model();
    const digest = digestIn(folder);
    const own = new Map<string, string>();
    for (const path of ["config.json", "weights/a.bin", "weights/empty.bin"]) own.set(path, await digest(path, hash));
    // The digest of nothing: BLAKE3's test vectors, and RFC 7693's algorithm.
    expect(own.get("weights/empty.bin")).toContain({ blake2b: "786a02f742015903", blake3: "af1349b9f5f9a1a6" }[hash]);
    await signedAs(folder, ({ predicate }) => {
      predicate.serialization = { ...predicate.serialization, hash_type: hash };
      predicate.resources = predicate.resources.map(({ name }) => ({
        name,
        algorithm: hash,
        digest: own.get(String(name)),
      }));
    });
    expect((await verify(folder, { key: key.open })).ok).toBe(true);
    flip(join(folder, "config.json"));
    expect(await rules(folder, { key: key.open })).toEqual(["changed config.json"]);
  });

  it("that allows links follows them to files, and to nothing else", async () => {
    const folder = model();
    await signedAs(folder, ({ predicate }) => (predicate.serialization["allow_symlinks"] = true));
    const elsewhere = join(fresh(), "config.json");
    renameSync(join(folder, "config.json"), elsewhere);
    symlinkSync(elsewhere, join(folder, "config.json"));
    expect((await verify(folder, { key: key.open })).ok).toBe(true);
    writeFileSync(elsewhere, "{}");
    symlinkSync(fresh(), join(folder, "more"));
    expect(await rules(folder, { key: key.open })).toEqual(["changed config.json", "link more"]);
  });

  it.each<readonly [string, (said: Said) => void, string]>([
    [
      "a path that leads out",
      ({ predicate }) => (predicate.resources[0]!["name"] = "../config.json"),
      "no path in the folder",
    ],
    ["an absolute path", ({ predicate }) => (predicate.resources[0]!["name"] = "/etc/passwd"), "no path in the folder"],
    ["a file twice", ({ predicate }) => predicate.resources.push(predicate.resources[0]!), "lists a file twice"],
    ["another digest's length", ({ predicate }) => (predicate.resources[0]!["digest"] = "ab"), "no sha256 digest"],
    [
      "another hash than it says",
      ({ predicate }) => (predicate.resources[0]!["algorithm"] = "md5"),
      'hashed with "md5"',
    ],
    ["a hash that is not known", ({ predicate }) => (predicate.serialization["hash_type"] = "md5"), "none of sha256"],
    [
      "a method that is not known",
      ({ predicate }) => (predicate.serialization["method"] = "tensors"),
      "neither files nor shards",
    ],
    ["no size of its shards", ({ predicate }) => (predicate.serialization["method"] = "shards"), "size of a shard"],
    ["two subjects", (said) => said.subject.push(said.subject[0]!), "exactly one subject"],
    [
      "another statement",
      (said) => (said["predicateType"] = "https://slsa.dev/provenance/v1"),
      "not a model's manifest",
    ],
    [
      "the layout before 1.0",
      (said) => (said["predicateType"] = "https://model_signing/Digests/v0.1"),
      "not a model's manifest",
    ],
  ])("with %s is refused though its signature holds", async (_, change, words) => {
    const folder = model();
    await signedAs(folder, change);
    await expect(verify(folder, { key: key.open })).rejects.toThrow(words);
  });

  it("that contradicts its own digest is refused, and one without files covers nothing", async () => {
    const folder = model();
    await signedAs(folder, ({ predicate }) => predicate.resources.pop(), false);
    await expect(verify(folder, { key: key.open })).rejects.toThrow("contradicts itself");
    const empty = model();
    await signedAs(empty, ({ predicate }) => (predicate.resources = []));
    for (const file of ["config.json", "weights"]) rmSync(join(empty, file), { recursive: true });
    expect(await rules(empty, { key: key.open })).toEqual(["empty"]);
  });

  it("and its bundle, mutated, are refused in words", async () => {
    const folder = model();
    await sign(folder, { key: key.secret });
    const text = readFileSync(join(folder, "model.sig"), "utf8");
    const payload = new TextDecoder().decode(payloadIn(readBundle(Buffer.from(text))));
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.nat(),
        fc.nat(5),
        fc.constantFrom("", "{", '"', "null", "[]", "\\u0000", "..", ":0:1", "-1", "\u{1F600}"),
        (whole, at, cut, put) => {
          const source = whole ? text : payload;
          const start = at % source.length;
          const bytes = new TextEncoder().encode(source.slice(0, start) + put + source.slice(start + cut));
          try {
            if (whole) readBundle(bytes);
            else readManifest(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(FormatError);
          }
        },
      ),
      { numRuns: 3_000, seed: 13 },
    );
  });

  it("signed by an identity is not held to a key or a root, and what to give is said", async () => {
    const folder = model();
    await sign(folder, { key: key.secret });
    const path = join(folder, "model.sig");
    const bundle = JSON.parse(readFileSync(path, "utf8"));
    bundle.verificationMaterial = { certificate: { rawBytes: "AAAA" }, tlogEntries: [] };
    writeFileSync(path, JSON.stringify(bundle));
    for (const flags of [{ key: key.open }, { root: [key.open] }])
      await expect(verify(folder, flags)).rejects.toMatchObject({
        remedy: "hold it to the identity, its issuer and a trusted root: --identity, --issuer and --trusted-root",
      });
  });
});
