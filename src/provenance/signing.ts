/**
 * OpenSSF model signing (OMS): a manifest of a folder's files as an in-toto statement, in a DSSE envelope, in a Sigstore bundle v0.3, as the
 * reference implementation `model_signing` 1.0 and 1.1 writes them. What is here reads and writes; keys and files are the host's.
 */
import { sha256 } from "#base/hash.ts";
import { readStrictJson } from "#formats/json-strict.ts";
import { fromBase64, listOf, record, refuse, textOf, toBase64 } from "./envelope.ts";
import type { Json } from "./serial.ts";
import { readEntries, type LogEntry } from "./sigstore.ts";

const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";
/** Media types by the version of the bundle they say. */
const VERSIONS: Readonly<Record<string, BundleVersion>> = {
  "application/vnd.dev.sigstore.bundle+json;version=0.1": "0.1",
  "application/vnd.dev.sigstore.bundle+json;version=0.2": "0.2",
  "application/vnd.dev.sigstore.bundle+json;version=0.3": "0.3",
  [BUNDLE]: "0.3",
};
type BundleVersion = "0.1" | "0.2" | "0.3";
const PAYLOAD = "application/vnd.in-toto+json";
const STATEMENT = "https://in-toto.io/Statement/v1";
const PREDICATE = "https://model_signing/signature/v1.0";

export const HASHES = ["sha256", "blake2b", "blake3"] as const;
export type HashName = (typeof HASHES)[number];

/** What the bundle says who signed: a key known elsewhere, or certificates. */
export type Material =
  | { readonly kind: "key"; /** SHA-256 of the public key in PEM. */ readonly hint?: string }
  | {
      readonly kind: "certificates";
      /** DER, the signer's first. */
      readonly chain: readonly Uint8Array[];
      /** It is the only one, as bundles of Sigstore's public service hold it: of a few minutes, for an identity. */
      readonly alone: boolean;
    };

export interface Bundle {
  readonly version: BundleVersion;
  readonly material: Material;
  /** A manifest in an envelope, or the bytes of one file themselves. */
  readonly content:
    | { readonly kind: "statement"; readonly payload: Uint8Array }
    | { readonly kind: "file"; readonly sha256?: string };
  readonly signature: Uint8Array;
  readonly entries: readonly LogEntry[];
  /** Answers of time stamping authorities (RFC 3161), DER. */
  readonly timeStamps: readonly Uint8Array[];
}

/** A file, or a part of one from `start` to before `end`. */
export interface Resource {
  readonly path: string;
  readonly start?: number;
  readonly end?: number;
  /** Lower-case hex. */
  readonly digest: string;
}

export interface Manifest {
  /** What the signer called it; says nothing. */
  readonly name: string;
  readonly method: "files" | "shards";
  readonly hash: HashName;
  readonly shardSize?: number;
  readonly links: boolean;
  /** Files and folders that the signature does not cover. */
  readonly ignored: readonly string[];
  readonly resources: readonly Resource[];
}

const SIGNATURE_BYTES_MAX = 256 * 2 ** 20;
/** Reads a bundle; what it claims is not yet believed. Throws a FormatError in words. */
export function readBundle(bytes: Uint8Array): Bundle {
  const root = record(readStrictJson("signature", bytes, { bytes: SIGNATURE_BYTES_MAX, depth: 50 }), "the bundle");
  const said = root["mediaType"];
  const version = typeof said === "string" && Object.hasOwn(VERSIONS, said) ? VERSIONS[said] : undefined;
  if (!version)
    throw refuse(`the bundle is ${JSON.stringify(said ?? "nothing")}, not a Sigstore bundle of version 0.1 to 0.3`);
  const material = record(root["verificationMaterial"], "verificationMaterial");
  const stamps = material["timestampVerificationData"] ?? undefined;
  return {
    version,
    material: materialOf(material),
    ...contentOf(root),
    entries: readEntries(material["tlogEntries"]),
    timeStamps:
      stamps === undefined
        ? []
        : listOf(record(stamps, "timestampVerificationData")["rfc3161Timestamps"], "rfc3161Timestamps").map((one, n) =>
            fromBase64(record(one, `time stamp ${n + 1}`)["signedTimestamp"], `time stamp ${n + 1}`),
          ),
  };
}

function contentOf(root: Json): Pick<Bundle, "content" | "signature"> {
  if ((root["dsseEnvelope"] === undefined) === (root["messageSignature"] === undefined))
    throw refuse("the bundle does not hold exactly one of dsseEnvelope and messageSignature");
  if (root["messageSignature"] !== undefined) {
    const message = record(root["messageSignature"], "messageSignature");
    const digest = message["messageDigest"] ?? undefined;
    const { algorithm, digest: bytes } = digest === undefined ? {} : record(digest, "messageDigest");
    return {
      content: {
        kind: "file",
        ...(algorithm === "SHA2_256" && { sha256: hexOf(fromBase64(bytes, "messageDigest")) }),
      },
      signature: fromBase64(message["signature"], "the signature"),
    };
  }
  const envelope = record(root["dsseEnvelope"], "dsseEnvelope");
  if (envelope["payloadType"] !== PAYLOAD) throw refuse(`the payload is not ${PAYLOAD}`);
  const signatures = listOf(envelope["signatures"], "the signatures");
  if (signatures.length !== 1) throw refuse("the envelope does not hold exactly one signature");
  return {
    content: { kind: "statement", payload: fromBase64(envelope["payload"], "the payload") },
    signature: fromBase64(record(signatures[0], "the signature")["sig"], "the signature"),
  };
}

const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function materialOf(said: Json): Material {
  const kinds = ["publicKey", "x509CertificateChain", "certificate"].filter((kind) => said[kind] !== undefined);
  if (kinds.length !== 1) throw refuse("the bundle does not say in exactly one way who signed");
  if (said["certificate"] !== undefined)
    return {
      kind: "certificates",
      chain: [fromBase64(record(said["certificate"], "certificate")["rawBytes"], "the certificate")],
      alone: true,
    };
  if (said["publicKey"] !== undefined) {
    const { hint } = record(said["publicKey"], "publicKey");
    return { kind: "key", ...(typeof hint === "string" && hint !== "" && { hint }) };
  }
  const listed = record(said["x509CertificateChain"], "x509CertificateChain")["certificates"];
  if (!Array.isArray(listed) || listed.length === 0 || listed.length > 20)
    throw refuse("the chain of certificates holds none, or more than 20");
  return {
    kind: "certificates",
    chain: listed.map((one, n) => fromBase64(record(one, `certificate ${n + 1}`)["rawBytes"], `certificate ${n + 1}`)),
    alone: false,
  };
}

/** The bytes that are signed (DSSE v1, "pre-authentication encoding"). */
export function preAuthenticated(payload: Uint8Array): Uint8Array {
  const head = new TextEncoder().encode(`DSSEv1 ${PAYLOAD.length} ${PAYLOAD} ${payload.length} `);
  const bytes = new Uint8Array(head.length + payload.length);
  bytes.set(head);
  bytes.set(payload, head.length);
  return bytes;
}

/** The manifest in a payload whose signature holds. Throws a FormatError where it contradicts itself or reaches out of the folder. */
export function readManifest(payload: Uint8Array): Manifest {
  const statement = record(
    readStrictJson("signed statement", payload, { bytes: SIGNATURE_BYTES_MAX, depth: 50 }),
    "the statement",
  );
  if (statement["_type"] !== STATEMENT) throw refuse("what is signed is no in-toto statement v1");
  if (statement["predicateType"] !== PREDICATE)
    throw refuse(
      `what is signed is ${JSON.stringify(statement["predicateType"] ?? "nothing")}, not a model's manifest of version 1`,
      "sign again with a version of model_signing from 1.0 on",
    );
  const subjects = statement["subject"];
  if (!Array.isArray(subjects) || subjects.length !== 1)
    throw refuse("the statement does not have exactly one subject");
  const subject = record(subjects[0], "the subject");
  const predicate = record(statement["predicate"], "the predicate");
  const said = record(predicate["serialization"], "serialization");
  const method = said["method"];
  if (method !== "files" && method !== "shards")
    throw refuse(`the method ${JSON.stringify(method)} is neither files nor shards`);
  const hash = HASHES.find((name) => name === said["hash_type"]);
  if (!hash) throw refuse(`the hash ${JSON.stringify(said["hash_type"])} is none of ${HASHES.join(", ")}`);
  const shardSize = said["shard_size"];
  if (method === "shards" && (!Number.isSafeInteger(shardSize) || (shardSize as number) < 1))
    throw refuse("the size of a shard is no whole number of bytes");
  const ignored = said["ignore_paths"] ?? [];
  if (!Array.isArray(ignored)) throw refuse("ignore_paths is no list");
  const listed = predicate["resources"];
  if (!Array.isArray(listed)) throw refuse("the statement lists no resources");
  const algorithm = method === "shards" ? `${hash}-sharded-${String(shardSize)}` : hash;
  const resources = listed.map((one: unknown, n): Resource => resourceOf(one, n, method, algorithm, hash));
  const names = new Set(resources.map(({ path, start }) => `${path}\0${start ?? ""}`));
  if (names.size !== resources.length) throw refuse("the statement lists a file twice");
  const together = record(subject["digest"], "the subject's digest")["sha256"];
  const own = rootDigest(resources);
  if (together !== own)
    throw refuse(`the statement contradicts itself: its digest is ${String(together)}, its files come to ${own}`);
  return {
    // The reference signs a folder that it is called in (".") without a name.
    name: subject["name"] === "" ? "" : textOf(subject["name"], "the subject's name"),
    method,
    hash,
    ...(method === "shards" && { shardSize: shardSize as number }),
    links: said["allow_symlinks"] === true,
    ignored: ignored.map((path: unknown) => ignorable(textOf(path, "an ignored path"))),
    resources,
  };
}

const DIGITS: Readonly<Record<HashName, number>> = { sha256: 64, blake2b: 128, blake3: 64 };

function resourceOf(one: unknown, n: number, method: string, algorithm: string, hash: HashName): Resource {
  const what = `resource ${n + 1}`;
  const { name, digest, algorithm: own } = record(one, what);
  const called = textOf(name, `the name of ${what}`);
  if (own !== algorithm && own !== hash)
    throw refuse(`${what} is hashed with ${JSON.stringify(own)}, not ${algorithm}`);
  const hex = textOf(digest, `the digest of ${what}`);
  if (hex.length !== DIGITS[hash] || !/^[0-9a-f]+$/.test(hex))
    throw refuse(`the digest of ${what} is no ${hash} digest`);
  if (method === "files") return { path: inside(called), digest: hex };
  const parts = /^(.+):(\d{1,16}):(\d{1,16})$/.exec(called);
  const [start, end] = [Number(parts?.[2]), Number(parts?.[3])];
  if (!parts || start >= end) throw refuse(`${what} is no part of a file: ${JSON.stringify(called)}`);
  return { path: inside(parts[1]!), start, end, digest: hex };
}

/** A path below the folder, or "." for the one file that was signed. */
function inside(path: string): string {
  if (path === ".") return path;
  const steps = path.split("/");
  if (path.includes("\0") || path.includes("\\") || steps.some((step) => step === "" || step === "." || step === ".."))
    throw refuse(`the statement names ${JSON.stringify(path)}, which is no path in the folder`);
  return path;
}

/** Signers record what they ignored as they were told; a path that leads out covers nothing in here. */
const ignorable = (path: string): string => path.replace(/\/+$/, "").replace(/^\.\//, "");

/** SHA-256 over the digests in their order, as bytes: what the subject of the statement holds. */
function rootDigest(resources: readonly Resource[]): string {
  const total = resources.reduce((sum, { digest }) => sum + digest.length / 2, 0);
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const { digest } of resources)
    for (let n = 0; n < digest.length; n += 2) bytes[at++] = Number.parseInt(digest.slice(n, n + 2), 16);
  return sha256(bytes);
}

/** Whether a signature leaves this path out: the path itself, or a folder above it. */
export const isIgnored = (path: string, ignored: readonly string[]): boolean =>
  ignored.some((one) => path === one || path.startsWith(`${one}/`));

/** Where each shard of a file begins and ends; a file without bytes has none. */
export function* shardsOf(size: number, shardSize: number): Generator<readonly [start: number, end: number]> {
  for (let start = 0; start < size; start += shardSize) yield [start, Math.min(size, start + shardSize)];
}

/** By path, step by step, as the reference sorts (`PurePosixPath`). */
function byPath(a: Resource, b: Resource): number {
  const [one, two] = [a.path.split("/"), b.path.split("/")];
  for (let n = 0; n < Math.min(one.length, two.length); n++) if (one[n] !== two[n]) return one[n]! < two[n]! ? -1 : 1;
  return one.length - two.length || (a.start ?? 0) - (b.start ?? 0);
}

/** The payload to sign for a manifest by whole files. */
export function payloadOf({
  name,
  hash,
  links,
  ignored,
  resources,
}: Omit<Manifest, "method">): Uint8Array<ArrayBuffer> {
  const sorted = resources.toSorted(byPath);
  const statement = {
    _type: STATEMENT,
    subject: [{ name, digest: { sha256: rootDigest(sorted) } }],
    predicateType: PREDICATE,
    predicate: {
      serialization: {
        method: "files",
        hash_type: hash,
        allow_symlinks: links,
        ...(ignored.length > 0 && { ignore_paths: ignored }),
      },
      resources: sorted.map(({ path, digest }) => ({ name: path, algorithm: hash, digest })),
    },
  };
  return new TextEncoder().encode(JSON.stringify(statement));
}

/** The bundle of a signed payload. */
export function bundleOf(
  payload: Uint8Array,
  signature: Uint8Array,
  material: { readonly hint: string } | { readonly chain: readonly Uint8Array[] },
): Json {
  return {
    mediaType: BUNDLE,
    verificationMaterial: {
      ...("hint" in material
        ? { publicKey: { hint: material.hint } }
        : {
            x509CertificateChain: {
              certificates: material.chain.map((der) => ({ rawBytes: toBase64(der) })),
            },
          }),
      tlogEntries: [],
    },
    dsseEnvelope: {
      payload: toBase64(payload),
      payloadType: PAYLOAD,
      signatures: [{ sig: toBase64(signature), keyid: "" }],
    },
  };
}

/** What is not as it was signed. */
export interface Mismatch {
  readonly rule: "changed" | "missing" | "added" | "link" | "not-covered";
  readonly path: string;
  readonly message: string;
}

/** A thing in the folder, as the host found it. */
export interface Found {
  readonly path: string;
  readonly kind: "file" | "link" | "other";
  readonly size: number;
}

export interface Comparison {
  readonly mismatches: readonly Mismatch[];
  /** There, and left out by the signature. */
  readonly ignored: readonly string[];
  /** Files whose every byte is as it was signed. */
  readonly verified: readonly string[];
}

/**
 * Holds a folder to a manifest. Every file in it is covered, or left out by the signature, or a mismatch. `hash` gives the digest of a part
 * of a file; a link is followed only where the signer did.
 */
export async function compare(
  manifest: Manifest,
  found: readonly Found[],
  hash: (path: string, algorithm: HashName, start?: number, end?: number) => Promise<string>,
): Promise<Comparison> {
  const mismatches: Mismatch[] = [];
  const ignored: string[] = [];
  const verified: string[] = [];
  const signed = Map.groupBy(manifest.resources, ({ path }) => path);
  const seen = new Set<string>();
  for (const { path, kind, size } of found) {
    const parts = signed.get(path);
    if (parts) seen.add(path);
    if (!parts && isIgnored(path, manifest.ignored)) {
      ignored.push(path);
      continue;
    }
    if (kind === "other" || (kind === "link" && !manifest.links)) {
      mismatches.push({
        rule: "link",
        path,
        message: kind === "link" ? "a link, and the signature allows none" : "neither a file nor a folder",
      });
      continue;
    }
    if (!parts) {
      mismatches.push(
        manifest.method === "shards" && size === 0
          ? { rule: "not-covered", path, message: "an empty file, which a signature by shards cannot cover" }
          : { rule: "added", path, message: "not in the signature" },
      );
      continue;
    }
    const wrong = await firstWrong(parts, manifest, path, size, hash);
    if (wrong === undefined) verified.push(path);
    else mismatches.push({ rule: "changed", path, message: wrong });
  }
  for (const path of signed.keys())
    if (!seen.has(path)) mismatches.push({ rule: "missing", path, message: "signed, and not there" });
  return { mismatches, ignored, verified };
}

async function firstWrong(
  parts: readonly Resource[],
  { method, hash: algorithm, shardSize }: Manifest,
  path: string,
  size: number,
  hash: (path: string, algorithm: HashName, start?: number, end?: number) => Promise<string>,
): Promise<string | undefined> {
  if (method === "files") {
    const own = await hash(path, algorithm);
    return own === parts[0]!.digest ? undefined : `${algorithm} ${own}, signed as ${parts[0]!.digest}`;
  }
  const expected = [...shardsOf(size, shardSize!)];
  const byStart = new Map(parts.map((part) => [part.start, part]));
  for (const [start, end] of expected) {
    const part = byStart.get(start);
    if (!part || part.end !== end) return `${size} bytes long, which is not the length that was signed`;
    const own = await hash(path, algorithm, start, end);
    if (own !== part.digest) return `bytes ${start} to ${end} are ${algorithm} ${own}, signed as ${part.digest}`;
  }
  return expected.length === parts.length ? undefined : `${size} bytes long, which is less than was signed`;
}
