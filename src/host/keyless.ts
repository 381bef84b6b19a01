/**
 * Signatures by an identity, as Sigstore's public service makes them: a certificate of a few minutes (Fulcio) for an e-mail address or a
 * workflow, and a transparency log (Rekor) or a time stamping authority that says when. Everything offline, against a trusted root that
 * the caller gives (Sigstore's client specification, "Verification").
 */
import { createHash, createPublicKey, verify, X509Certificate, type KeyObject } from "node:crypto";
import { HostError } from "#base/ports.ts";
import { certificateTimestamps, identityOf, issuerAndSerial, promised } from "#formats/certificate.ts";
import { FormatError } from "#formats/error.ts";
import { readTimeStamp, type DigestName, type TimeStamp } from "#formats/timestamp.ts";
import {
  included,
  loggedIn,
  promisedBytes,
  readCheckpoint,
  within,
  type LogEntry,
  type TrustedAuthority,
  type TrustedLog,
  type TrustedRoot,
} from "#provenance/sigstore.ts";
import type { Bundle } from "#provenance/signing.ts";
import { TIME_STAMPING, trustedKey, type Trusted } from "./keys.ts";

/** Who must have signed: exactly this name, vouched for by exactly this issuer. */
export interface Wanted {
  readonly identity: string;
  readonly issuer: string;
}

/** The bytes that were signed, wherever they are. */
export interface SignedContent {
  holds(key: KeyObject, signature: Uint8Array): Promise<boolean>;
  /** Hex. */
  digest(algorithm: DigestName): Promise<string>;
  /** Of an envelope: the payload those bytes were made from. */
  readonly payload?: Uint8Array;
}

export interface Vouched {
  /** Identity, issuer, and the chain up to the trusted root. */
  readonly words: readonly string[];
  /** What was checked and held, and what nobody checked. */
  readonly checked: readonly string[];
  readonly notChecked: readonly string[];
}

export interface Refused {
  readonly rule: "not-logged" | "no-time" | "untrusted" | "wrong-identity" | "wrong-issuer" | "bad-signature";
  readonly because: string;
}

class Refusal extends Error {
  readonly rule: Refused["rule"];
  constructor(rule: Refused["rule"], because: string) {
    super(because);
    this.rule = rule;
  }
}

/** Whether the identity signed this content. Throws a FormatError where the bundle is damaged beyond a verdict. */
export async function keylessSigner(
  bundle: Bundle,
  content: SignedContent,
  wanted: Wanted,
  root: TrustedRoot,
): Promise<Vouched | Refused> {
  try {
    return await vouched(bundle, content, wanted, root);
  } catch (error) {
    if (error instanceof Refusal) return { rule: error.rule, because: error.message };
    throw error;
  }
}

async function vouched(
  { material, version, entries, timeStamps, signature }: Bundle,
  content: SignedContent,
  wanted: Wanted,
  root: TrustedRoot,
): Promise<Vouched> {
  if (material.kind !== "certificates")
    throw new Refusal(
      "untrusted",
      "the bundle holds no certificate of an identity: it was signed with a key, give --key",
    );
  const leaf = certificateOf(material.chain[0]!, "the signer's certificate");
  if (material.chain.some((der) => selfIssued(certificateOf(der, "a certificate of the bundle"))))
    throw new Refusal(
      "untrusted",
      "the bundle brings a root certificate of its own, which proves nothing and may not be there",
    );
  if (entries.length === 0) throw new Refusal("not-logged", "the bundle holds no entry of a transparency log");
  const checked: string[] = [];
  const times: { readonly time: number; readonly by: string }[] = [];
  const logs: TrustedLog[] = [];
  for (const entry of entries) {
    const { time, words, log } = proven(entry, version, root.logs);
    checked.push(words);
    logs.push(log);
    if (time !== undefined) times.push({ time, by: "the log" });
    await bound(entry, leaf, signature, content);
  }
  for (const stamp of timeStamps) {
    const time = stampedTime(stamp, signature, root.timeAuthorities);
    times.push({ time, by: "a time stamping authority" });
    checked.push(`time stamp of ${new Date(time).toISOString()} by an authority of the trusted root`);
  }
  if (times.length === 0)
    throw new Refusal(
      "no-time",
      "nothing trusted says when it was signed: neither the log's signed time nor a time stamp is in the bundle",
    );
  // A proof carries no time of its own: a log whose key was retired before it was signed, or not yet in use, proves nothing of it.
  for (const { name, valid } of logs)
    for (const { time, by } of times)
      if (!within(valid, time))
        throw new Refusal(
          "not-logged",
          `the key of the log ${name} was not in service at ${new Date(time).toISOString()}, the time by ${by}`,
        );
  const chain = times.map(({ time, by }) => chainAt(leaf, root.authorities, time, by))[0]!;
  checked.push("certificate chain, valid at every trusted time");
  const notChecked: string[] = [];
  if (root.certificateLogs.length === 0)
    notChecked.push("whether the certificate stands in a public log: the trusted root names none");
  else checked.push(logged(leaf, chain.certificates[1], root.certificateLogs));
  identified(leaf, wanted);
  if (!(await content.holds(leaf.publicKey, signature)))
    throw new Refusal("bad-signature", "the signature does not hold for the signer's certificate and this content");
  notChecked.push(
    "where the trusted root itself comes from",
    "whether the log shows others the same entries (signatures of witnesses)",
    "revocation: certificates of a few minutes have none",
  );
  return { words: [`${wanted.identity}, by ${wanted.issuer}`, ...chain.chain.slice(1)], checked, notChecked };
}

function certificateOf(der: Uint8Array, what: string): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch {
    throw new Refusal("untrusted", `${what} cannot be read`);
  }
}

const selfIssued = (certificate: X509Certificate): boolean => certificate.checkIssued(certificate);

// ---------------------------------------------------------------- who

function identified(leaf: X509Certificate, { identity, issuer }: Wanted): void {
  const found = read(() => identityOf(leaf.raw), "untrusted");
  const names = found.names.map((name) => JSON.stringify(name)).join(", ");
  if (found.names.length !== 1 || found.otherNames > 0)
    throw new Refusal(
      "wrong-identity",
      `the certificate does not name exactly one identity, but ${found.names.length + found.otherNames} (${names || "none that is an address or a URI"})`,
    );
  if (found.names[0] !== identity)
    throw new Refusal("wrong-identity", `it was signed by ${names}, not by ${JSON.stringify(identity)}`);
  if (found.issuer !== issuer)
    throw new Refusal(
      "wrong-issuer",
      `the identity was vouched for by ${found.issuer === undefined ? "nobody that the certificate names" : JSON.stringify(found.issuer)}, not by ${JSON.stringify(issuer)}`,
    );
}

/** A reader's refusal as a verdict: what a damaged part says is not what was signed. */
function read<T>(work: () => T, rule: Refused["rule"]): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new Refusal(rule, error.problem);
  }
}

/** At that time below an authority of the trusted root that was in service. */
function chainAt(leaf: X509Certificate, authorities: readonly TrustedAuthority[], time: number, by: string): Trusted {
  const when = `at ${new Date(time).toISOString()}, the time by ${by}`;
  const inService = authorities.filter(({ valid }) => within(valid, time));
  let because = `no authority of the trusted root was in service`;
  for (const { chain } of inService) {
    const found = below(chain, leaf, time);
    if (!("because" in found)) return found;
    because = found.because;
  }
  throw new Refusal("untrusted", `${because} (${when})`);
}

function below(chain: readonly Uint8Array[], leaf: X509Certificate, time: number): ReturnType<typeof trustedKey> {
  const anchors = [authorityCertificate(chain.at(-1)!)];
  return trustedKey([leaf.raw, ...chain.slice(0, -1)], anchors, new Date(time));
}

function authorityCertificate(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch {
    throw new HostError(
      "the trusted root holds a certificate that cannot be read",
      "fetch it again from Sigstore's root-signing repository",
    );
  }
}

// ---------------------------------------------------------------- what the logs say

function keyOf({ key, pkcs1, name }: TrustedLog): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(key), format: "der", type: pkcs1 ? "pkcs1" : "spki" });
  } catch {
    throw new HostError(
      `the trusted root holds a key of ${name} that cannot be read`,
      "fetch it again from Sigstore's root-signing repository",
    );
  }
}

/** Logs sign with SHA-256 whatever their curve; Ed25519 hashes by itself. */
function holdsFor(
  key: KeyObject,
  bytes: Uint8Array,
  signature: Uint8Array,
  digest: DigestName | null = "sha256",
): boolean {
  try {
    return verify(key.asymmetricKeyType === "ed25519" ? null : digest, bytes, key, signature);
  } catch {
    return false;
  }
}

/** The log's own signatures over an entry: its promise with the time, the proof that it is in the tree. Bundles from 0.2 on carry the proof. */
function proven(
  entry: LogEntry,
  version: Bundle["version"],
  logs: readonly TrustedLog[],
): { readonly time: number | undefined; readonly words: string; readonly log: TrustedLog } {
  const log = logs.find(({ id }) => id === entry.log);
  if (!log) throw new Refusal("not-logged", `the trusted root does not know the log ${entry.log.slice(0, 16)}…`);
  const key = keyOf(log);
  const { promise, proof, integrated } = entry;
  if (version === "0.1" ? !promise : !proof)
    throw new Refusal(
      "not-logged",
      version === "0.1" ? "the log's signed time is missing" : "the proof that the entry is in the log is missing",
    );
  if (promise) {
    if (!integrated || !within(log.valid, integrated))
      throw new Refusal("not-logged", `the log ${log.name} signed when its key was not valid`);
    if (!holdsFor(key, promisedBytes(entry), promise))
      throw new Refusal("not-logged", `the signed time does not hold for the key of ${log.name}`);
  } else if (proof && entry.index !== proof.index)
    throw new Refusal("not-logged", "the bundle gives its entry two places in the log");
  if (proof) {
    const checkpoint = read(() => readCheckpoint(proof.checkpoint), "not-logged");
    const signed = checkpoint.signatures.some(
      ({ name, hint, signature }) =>
        name === log.name && hint === log.id.slice(0, 8) && holdsFor(key, checkpoint.signed, signature),
    );
    if (!signed) throw new Refusal("not-logged", `the checkpoint is not signed by ${log.name}`);
    if (checkpoint.size !== proof.size || checkpoint.root !== proof.root)
      throw new Refusal("not-logged", "the proof is of another tree than the checkpoint signs");
    if (!included(entry.body, proof))
      throw new Refusal("not-logged", "the entry is not in the tree that the log signed");
  }
  return {
    log,
    time: promise ? integrated : undefined,
    words: [
      `entry ${entry.index} of ${log.name}`,
      ...(promise && integrated ? [`signed time ${new Date(integrated).toISOString()}`] : []),
      ...(proof ? [`proof of inclusion under its checkpoint of ${proof.size} entries`] : []),
    ].join(", "),
  };
}

/** The entry is of this signature, by this certificate, over this content. */
async function bound(
  entry: LogEntry,
  leaf: X509Certificate,
  signature: Uint8Array,
  content: SignedContent,
): Promise<void> {
  const { digest, of, ...said } = loggedIn(entry);
  if (!same(said.verifier, leaf.raw)) throw new Refusal("not-logged", "the log entry is of another certificate");
  if (!same(said.signature, signature)) throw new Refusal("not-logged", "the log entry is of another signature");
  if (of === "payload" && !content.payload)
    throw new Refusal("not-logged", "the log entry is of an envelope, and the bundle holds none");
  const own =
    of === "payload"
      ? createHash(digest.algorithm).update(content.payload!).digest("hex")
      : await content.digest(digest.algorithm);
  if (own !== digest.hex) throw new Refusal("not-logged", "the log entry is of other content");
}

const same = (one: Uint8Array, two: Uint8Array): boolean => Buffer.from(one).equals(two);

/** A promise of a certificate log that holds (RFC 6962, §3.2): the certificate was shown to the public. */
function logged(leaf: X509Certificate, issuer: X509Certificate | undefined, logs: readonly TrustedLog[]): string {
  const promises = read(() => certificateTimestamps(leaf.raw), "untrusted");
  if (promises.length === 0)
    throw new Refusal("untrusted", "the certificate holds no promise of a certificate log (SCT)");
  const issuerKey = (issuer ?? leaf).publicKey.export({ type: "spki", format: "der" });
  const hash = createHash("sha256").update(issuerKey).digest();
  for (const promise of promises) {
    const log = logs.find(({ id, valid }) => id === promise.log && within(valid, promise.time));
    if (log && holdsFor(keyOf(log), promised(leaf.raw, hash, promise), promise.signature))
      return `the certificate's promise by the log ${log.name}`;
  }
  throw new Refusal("untrusted", "no promise of a certificate log (SCT) holds for a log of the trusted root");
}

// ---------------------------------------------------------------- time stamps

/** The time of a stamp over this signature, by an authority of the trusted root. */
function stampedTime(der: Uint8Array, signature: Uint8Array, authorities: readonly TrustedAuthority[]): number {
  const stamp = read(() => readTimeStamp(der), "no-time");
  const { imprint, info, infoDigest, time } = stamp;
  if (!same(createHash(imprint.algorithm).update(signature).digest(), imprint.digest))
    throw new Refusal("no-time", "the time stamp is of another signature");
  if (!same(createHash(infoDigest.algorithm).update(info).digest(), infoDigest.digest))
    throw new Refusal("no-time", "the time stamp is not what its authority signed");
  let because = "no authority of the trusted root was in service when the time stamp says it was made";
  for (const { chain, valid } of authorities) {
    if (!within(valid, time)) continue;
    const found = stamper(stamp, chain);
    if (found === true) return time;
    because = found;
  }
  throw new Refusal("no-time", because);
}

/** True where one certificate, of the trusted root or brought along, made the stamp and leads up to the root; else why not. */
function stamper(stamp: TimeStamp, chain: readonly Uint8Array[]): true | string {
  let because = "the time stamp is not by an authority of the trusted root";
  for (const der of [...chain, ...stamp.certificates]) {
    if (!named(stamp, der)) continue;
    const trusted = trustedKey(
      [der, ...chain.slice(0, -1)],
      [authorityCertificate(chain.at(-1)!)],
      new Date(stamp.time),
      TIME_STAMPING,
    );
    if ("because" in trusted) because = trusted.because;
    else if (holdsFor(trusted.key, stamp.attributes, stamp.signature, stamp.signedWith)) return true;
    else because = "the signature of the time stamp does not hold";
  }
  return because;
}

/** Whether the stamp names this certificate as its signer's. */
function named({ signer, certificate }: TimeStamp, der: Uint8Array): boolean {
  if (certificate && !same(createHash(certificate.algorithm).update(der).digest(), certificate.digest)) return false;
  if ("keyIdentifier" in signer) return true;
  const own = read(() => issuerAndSerial(der), "no-time");
  return same(own.issuer, signer.issuer) && same(own.serial, signer.serial);
}
