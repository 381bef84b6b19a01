/**
 * What Sigstore's public service leaves in a bundle (its protobuf specification, in JSON): entries of a transparency log (Rekor), and what
 * a trusted root says of authorities and logs. What is here reads, and computes what needs no key; keys and certificates are the host's.
 */
import { canonical } from "#base/canonical.ts";
import { sha256 } from "#base/hash.ts";
import { joined } from "#formats/certificate.ts";
import { FormatError } from "#formats/error.ts";
import { readStrictJson } from "#formats/json-strict.ts";
import type { DigestName } from "#formats/timestamp.ts";
import { fromBase64, isJson, listOf, record, refuse, textOf, toBase64 } from "./envelope.ts";
import type { Json } from "./serial.ts";

// ---------------------------------------------------------------- trusted root

/** From and to, both included, in milliseconds since 1970. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface TrustedLog {
  /** Address without scheme: what the log signs its checkpoints as. */
  readonly name: string;
  /** Hex, as entries and promises name the log. */
  readonly id: string;
  /** SubjectPublicKeyInfo, DER; `pkcs1` where it is a bare RSA key. */
  readonly key: Uint8Array;
  readonly pkcs1: boolean;
  readonly valid: Span;
}

export interface TrustedAuthority {
  /** DER, the authority nearest to signers first, the root last. */
  readonly chain: readonly Uint8Array[];
  readonly valid: Span;
}

export interface TrustedRoot {
  readonly authorities: readonly TrustedAuthority[];
  readonly logs: readonly TrustedLog[];
  readonly certificateLogs: readonly TrustedLog[];
  readonly timeAuthorities: readonly TrustedAuthority[];
}

const TRUSTED_ROOT = /^application\/vnd\.dev\.sigstore\.trustedroot(\+json;version=0\.\d+|\.v0\.\d+\+json)$/;
const ROOT_REMEDY =
  "give Sigstore's trusted_root.json as its root-signing repository publishes it, or your own in that format";
const badRoot = (problem: string): FormatError => new FormatError("trusted root", -1, problem, ROOT_REMEDY);

/** Reads a TrustedRoot of Sigstore. Throws a FormatError in words; certificates and keys are not looked into yet. */
export function readTrustedRoot(bytes: Uint8Array): TrustedRoot {
  const root = readStrictJson("trusted root", bytes, { bytes: 16 * 2 ** 20, depth: 50 });
  if (!isJson(root) || typeof root["mediaType"] !== "string" || !TRUSTED_ROOT.test(root["mediaType"]))
    throw badRoot("it is no TrustedRoot of Sigstore");
  try {
    const authorities = listOf(root["certificateAuthorities"], "certificateAuthorities").map(authorityOf);
    const logs = listOf(root["tlogs"], "tlogs").map(logOf);
    return {
      authorities,
      logs,
      certificateLogs: listOf(root["ctlogs"], "ctlogs").map(logOf),
      timeAuthorities: listOf(root["timestampAuthorities"], "timestampAuthorities").map(authorityOf),
    };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw badRoot(error.problem);
  }
}

function authorityOf(said: unknown, n: number): TrustedAuthority {
  const what = `authority ${n + 1}`;
  const authority = record(said, what);
  const chain = listOf(
    record(authority["certChain"], `the chain of ${what}`)["certificates"],
    `the chain of ${what}`,
  ).map((one) => fromBase64(record(one, `a certificate of ${what}`)["rawBytes"], `a certificate of ${what}`));
  if (chain.length === 0 || chain.length > 8) throw badRoot(`the chain of ${what} holds none, or more than 8`);
  return { chain, valid: spanOf(authority["validFor"], what) };
}

function logOf(said: unknown, n: number): TrustedLog {
  const what = `log ${n + 1}`;
  const log = record(said, what);
  const key = record(log["publicKey"], `the key of ${what}`);
  return {
    name: textOf(log["baseUrl"], `the address of ${what}`)
      .replace(/^[a-z]+:\/\//, "")
      .replace(/\/+$/, ""),
    id: hexOf(fromBase64(record(log["logId"], `the id of ${what}`)["keyId"], `the id of ${what}`)),
    key: fromBase64(key["rawBytes"], `the key of ${what}`),
    pkcs1: typeof key["keyDetails"] === "string" && key["keyDetails"].startsWith("PKCS1_"),
    valid: spanOf(key["validFor"], `the key of ${what}`),
  };
}

/** A key without a beginning would be valid for what was signed long before it was made. */
function spanOf(said: unknown, what: string): Span {
  const { start, end } = record(said, `validFor of ${what}`);
  const from = Date.parse(textOf(start, `the start of validity of ${what}`));
  const to = end === undefined || end === null ? Infinity : Date.parse(textOf(end, `the end of validity of ${what}`));
  if (Number.isNaN(from) || Number.isNaN(to)) throw badRoot(`validFor of ${what} is no time`);
  return { start: from, end: to };
}

export const within = ({ start, end }: Span, time: number): boolean => start <= time && time <= end;

// ---------------------------------------------------------------- entries of a log

export interface LogEntry {
  readonly index: number;
  /** Hex. */
  readonly log: string;
  readonly kind: string;
  readonly version: string;
  /** Milliseconds since 1970; true only where the promise holds. */
  readonly integrated: number | undefined;
  /** The log's signature over entry and time (signed entry timestamp). */
  readonly promise: Uint8Array | undefined;
  readonly proof: InclusionProof | undefined;
  readonly body: Uint8Array;
}

export interface InclusionProof {
  readonly index: number;
  readonly size: number;
  /** Hex. */
  readonly root: string;
  readonly path: readonly Uint8Array[];
  readonly checkpoint: string;
}

const ENTRIES_MAX = 16;

/** Reads `tlogEntries`. Throws a FormatError in words. */
export function readEntries(said: unknown): LogEntry[] {
  const entries = listOf(said, "tlogEntries");
  if (entries.length > ENTRIES_MAX) throw refuse(`the bundle holds more than ${ENTRIES_MAX} log entries`);
  return entries.map((one, n) => {
    const what = `log entry ${n + 1}`;
    const entry = record(one, what);
    const { kind, version } = record(entry["kindVersion"], `the kind of ${what}`);
    const promise = entry["inclusionPromise"];
    const seconds = entry["integratedTime"];
    return {
      index: count(entry["logIndex"] ?? 0, `the index of ${what}`),
      log: hexOf(fromBase64(record(entry["logId"], `the log of ${what}`)["keyId"], `the log of ${what}`)),
      kind: textOf(kind, `the kind of ${what}`),
      version: textOf(version, `the version of ${what}`),
      integrated: isThere(seconds) ? count(seconds, `the time of ${what}`) * 1000 : undefined,
      promise: isThere(promise)
        ? fromBase64(record(promise, what)["signedEntryTimestamp"], `the signed time of ${what}`)
        : undefined,
      proof: isThere(entry["inclusionProof"]) ? proofOf(record(entry["inclusionProof"], what), what) : undefined,
      body: fromBase64(entry["canonicalizedBody"], `the body of ${what}`),
    };
  });
}

const isThere = (value: unknown): boolean => value !== undefined && value !== null;

function proofOf(said: Json, what: string): InclusionProof {
  const path = listOf(said["hashes"], `the path of ${what}`).map((one) => fromBase64(one, `a hash of ${what}`));
  if (path.length > 64 || path.some(({ length }) => length !== 32))
    throw refuse(`the path of ${what} is no path of hashes`);
  return {
    index: count(said["logIndex"] ?? 0, `the place of ${what}`),
    size: count(said["treeSize"], `the size of the log at ${what}`),
    root: hexOf(fromBase64(said["rootHash"], `the root of ${what}`)),
    path,
    checkpoint: isThere(said["checkpoint"])
      ? textOf(record(said["checkpoint"], what)["envelope"], `the checkpoint of ${what}`)
      : "",
  };
}

/** A whole number of JSON, or in words as protobuf writes 64 bits; never negative. */
function count(value: unknown, what: string): number {
  const number = typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 0)
    throw refuse(`${what} is no whole number`);
  return number;
}

const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from({ length: hex.length / 2 }, (_, n) => Number.parseInt(hex.slice(2 * n, 2 * n + 2), 16));

/** The bytes that a promise (signed entry timestamp) is a signature of. */
export const promisedBytes = ({ body, integrated, log, index }: LogEntry): Uint8Array =>
  new TextEncoder().encode(
    canonical({ body: toBase64(body), integratedTime: (integrated ?? 0) / 1000, logID: log, logIndex: index }),
  );

/** What a log's entry says was signed, by what, with which signature. */
export interface Logged {
  readonly signature: Uint8Array;
  /** Certificate or key, DER. */
  readonly verifier: Uint8Array;
  readonly digest: { readonly algorithm: DigestName; readonly hex: string };
  /** What the digest is of: the bytes that were signed, or the payload of the envelope they were made from. */
  readonly of: "content" | "payload";
}

/** How each kind of entry that Sigstore's clients make is read. */
const KINDS: Readonly<Record<string, (spec: Json) => Logged>> = {
  "hashedrekord 0.0.1": (spec) => {
    const signature = record(spec["signature"], "the signature in the log");
    return {
      signature: fromBase64(signature["content"], "the signature in the log"),
      verifier: fromPem(record(signature["publicKey"], "the certificate in the log")["content"]),
      digest: hexDigest(record(spec["data"], "the data in the log")["hash"]),
      of: "content",
    };
  },
  "hashedrekord 0.0.2": (spec) => {
    const { data, signature } = record(spec["hashedRekordV002"], "the entry in the log");
    return { ...signatureV2(signature), digest: bytesDigest(data), of: "content" };
  },
  "dsse 0.0.1": (spec) => {
    const { signature, verifier } = only(spec["signatures"]);
    return {
      signature: fromBase64(signature, "the signature in the log"),
      verifier: fromPem(verifier),
      digest: hexDigest(spec["payloadHash"]),
      of: "payload",
    };
  },
  "dsse 0.0.2": (spec) => {
    const { payloadHash, signatures } = record(spec["dsseV002"], "the entry in the log");
    return { ...signatureV2(only(signatures)), digest: bytesDigest(payloadHash), of: "payload" };
  },
  "intoto 0.0.2": (spec) => {
    const content = record(spec["content"], "the entry in the log");
    const { sig, publicKey } = only(record(content["envelope"], "the envelope in the log")["signatures"]);
    // This kind encodes twice.
    const once = new TextDecoder().decode(fromBase64(sig, "the signature in the log"));
    return {
      signature: fromBase64(once, "the signature in the log"),
      verifier: fromPem(publicKey),
      digest: hexDigest(content["payloadHash"]),
      of: "payload",
    };
  },
};

function only(listed: unknown): Json {
  const all = listOf(listed, "the signatures in the log");
  if (all.length !== 1) throw refuse("the entry in the log does not hold exactly one signature");
  return record(all[0], "the signature in the log");
}

function signatureV2(said: unknown): Pick<Logged, "signature" | "verifier"> {
  const { content, verifier } = record(said, "the signature in the log");
  const who = record(verifier, "the certificate in the log");
  return {
    signature: fromBase64(content, "the signature in the log"),
    verifier: fromBase64(
      record(who["x509Certificate"] ?? who["publicKey"], "the certificate in the log")["rawBytes"],
      "the certificate in the log",
    ),
  };
}

const ALGORITHMS: Readonly<Record<string, DigestName>> = {
  sha256: "sha256",
  sha384: "sha384",
  sha512: "sha512",
  SHA2_256: "sha256",
  SHA2_384: "sha384",
  SHA2_512: "sha512",
};

function algorithmOf(name: unknown): DigestName {
  const known = typeof name === "string" && Object.hasOwn(ALGORITHMS, name) ? ALGORITHMS[name] : undefined;
  if (!known) throw refuse(`the entry in the log uses the digest ${JSON.stringify(name)}`);
  return known;
}

function hexDigest(said: unknown): Logged["digest"] {
  const { algorithm, value } = record(said, "the digest in the log");
  return { algorithm: algorithmOf(algorithm), hex: textOf(value, "the digest in the log") };
}

function bytesDigest(said: unknown): Logged["digest"] {
  const { algorithm, digest } = record(said, "the digest in the log");
  return { algorithm: algorithmOf(algorithm), hex: hexOf(fromBase64(digest, "the digest in the log")) };
}

/** DER of the one PEM block in base64. */
function fromPem(value: unknown): Uint8Array {
  const text = new TextDecoder().decode(fromBase64(value, "the certificate in the log"));
  const block = /^-----BEGIN ([A-Z ]+)-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END \1-----\s*$/.exec(text);
  if (!block) throw refuse("the certificate in the log is no PEM block");
  return fromBase64(block[2]!.replaceAll(/[\r\n]/g, ""), "the certificate in the log");
}

/** What the body of an entry says. Throws a FormatError where its kind is none that is known, or differs from the bundle's word. */
export function loggedIn({ kind, version, body }: LogEntry): Logged {
  const said = record(readStrictJson("log entry", body, { bytes: 256 * 2 ** 20, depth: 50 }), "the entry in the log");
  if (said["kind"] !== kind || said["apiVersion"] !== version)
    throw refuse("the bundle calls its log entry another kind than the log does");
  const named = `${kind} ${version}`;
  const read = Object.hasOwn(KINDS, named) ? KINDS[named] : undefined;
  if (!read)
    throw refuse(
      `the log entry is of kind ${named}, which is not verified here`,
      `verify it with Sigstore's own tools; these are taken: ${Object.keys(KINDS).join(", ")}`,
    );
  return read(record(said["spec"], "the entry in the log"));
}

// ---------------------------------------------------------------- proofs

const node = (left: Uint8Array, right: Uint8Array): Uint8Array =>
  bytesOf(sha256(joined([Uint8Array.of(1), left, right])));

/** Whether the path leads from the entry to the root of a tree of that size (RFC 9162, §2.1.3.2; RFC 6962, §2.1). */
export function included(body: Uint8Array, { index, size, root, path }: InclusionProof): boolean {
  if (index >= size) return false;
  let hash: Uint8Array = bytesOf(sha256(joined([Uint8Array.of(0), body])));
  let [at, last] = [index, size - 1];
  for (const other of path) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      hash = node(other, hash);
      // A right edge that is no pair goes up alone.
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else hash = node(hash, other);
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && hexOf(hash) === root;
}

export interface Checkpoint {
  /** What the signatures are of. */
  readonly signed: Uint8Array;
  readonly size: number;
  /** Hex. */
  readonly root: string;
  readonly signatures: readonly {
    readonly name: string;
    /** Hex of four bytes. */ readonly hint: string;
    readonly signature: Uint8Array;
  }[];
}

/** A log's word on its size and root, as a signed note (C2SP, tlog-checkpoint and signed-note). Throws a FormatError in words. */
export function readCheckpoint(envelope: string): Checkpoint {
  const split = envelope.lastIndexOf("\n\n");
  const lines = envelope.slice(0, split + 1).split("\n");
  const [origin, size, root] = lines;
  if (split < 0 || !envelope.endsWith("\n") || lines.length < 4 || origin === "")
    throw refuse("the checkpoint is no signed note");
  const signatures = envelope
    .slice(split + 2, -1)
    .split("\n")
    .map((line) => {
      const parts = /^\u2014 (\S+) (\S+)$/.exec(line);
      if (!parts) throw refuse("the checkpoint holds a line that is no signature");
      const bytes = fromBase64(parts[2], "a signature of the checkpoint");
      return { name: parts[1]!, hint: hexOf(bytes.subarray(0, 4)), signature: bytes.subarray(4) };
    });
  return {
    signed: new TextEncoder().encode(envelope.slice(0, split + 1)),
    size: count(size, "the size in the checkpoint"),
    root: hexOf(fromBase64(root, "the root in the checkpoint")),
    signatures,
  };
}
