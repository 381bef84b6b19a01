/** Keys, certificates and lists of revoked ones (RFC 5280) for tests, written on the spot: every part of a chain can be made right, and wrong. */
import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { encoded, joined } from "#formats/certificate.ts";

export const bytes = (...all: number[]): Uint8Array => Uint8Array.from(all);
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const hash = (content: Uint8Array): Buffer => createHash("sha256").update(content).digest();

// ---------------------------------------------------------------- DER

export const sequence = (...parts: Uint8Array[]): Uint8Array => encoded(0x30, joined(parts));
export const set = (...parts: Uint8Array[]): Uint8Array => encoded(0x31, joined(parts));
export const octets = (content: Uint8Array): Uint8Array => encoded(0x04, content);
export const integer = (...content: number[]): Uint8Array => encoded(0x02, bytes(...content));
const bits = (...content: number[]): Uint8Array => encoded(0x03, bytes(...content));
const NULL = encoded(0x05, bytes());
const TRUE = encoded(0x01, bytes(0xff));

export function oid(words: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = words.split(".").map(Number);
  const arc = (value: number): number[] => {
    const parts = [value & 0x7f];
    for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128))
      parts.unshift((left & 0x7f) | 0x80);
    return parts;
  };
  return encoded(0x06, bytes(...[first * 40 + second, ...rest].flatMap(arc)));
}

export const name = (words: string): Uint8Array => sequence(set(sequence(oid("2.5.4.3"), encoded(0x0c, utf8(words)))));
export const generalizedTime = (time: number): Uint8Array =>
  encoded(0x18, utf8(new Date(time).toISOString().replaceAll(/[-:T]|\.\d{3}/g, "")));

// ---------------------------------------------------------------- keys and what they sign

export interface Key {
  readonly secret: KeyObject;
  readonly spki: Uint8Array;
}
const CURVES = { "P-256": "prime256v1", "P-224": "secp224r1" } as const;

export function key(kind: keyof typeof CURVES | "ed25519" | { readonly rsaBits: number } = "P-256"): Key {
  const { privateKey, publicKey } =
    kind === "ed25519"
      ? generateKeyPairSync("ed25519")
      : typeof kind === "object"
        ? generateKeyPairSync("rsa", { modulusLength: kind.rsaBits })
        : generateKeyPairSync("ec", { namedCurve: CURVES[kind] });
  return { secret: privateKey, spki: publicKey.export({ type: "spki", format: "der" }) };
}

type DigestName = "sha1" | "sha256" | "sha512";
/** RFC 5758 and RFC 3279, RFC 4055. */
const ALGORITHMS = {
  ec: { sha1: "1.2.840.10045.4.1", sha256: "1.2.840.10045.4.3.2", sha512: "1.2.840.10045.4.3.4" },
  rsa: { sha1: "1.2.840.113549.1.1.5", sha256: "1.2.840.113549.1.1.11", sha512: "1.2.840.113549.1.1.13" },
} as const;
export const ECDSA_SHA256 = sequence(oid(ALGORITHMS.ec.sha256));

function algorithmOf({ secret }: Key, digest: DigestName): Uint8Array {
  const kind = secret.asymmetricKeyType;
  if (kind === "ed25519") return sequence(oid("1.3.101.112"));
  return kind === "rsa" ? sequence(oid(ALGORITHMS.rsa[digest]), NULL) : sequence(oid(ALGORITHMS.ec[digest]));
}

export const signed = (secret: KeyObject, content: Uint8Array, digest: DigestName = "sha256"): Uint8Array =>
  sign(secret.asymmetricKeyType === "ed25519" ? null : digest, content, secret);

// ---------------------------------------------------------------- certificates

export const extension = (id: string, value: Uint8Array, critical = false): Uint8Array =>
  sequence(oid(id), ...(critical ? [TRUE] : []), octets(value));
export const authority = (may: boolean): Uint8Array => extension("2.5.29.19", sequence(...(may ? [TRUE] : [])), true);
/** Bits of KeyUsage (§4.2.1.3): 0 signs, 4 agrees on keys, 5 certifies, 6 revokes. */
export const keyUsage = (...uses: readonly (0 | 4 | 5 | 6)[]): Uint8Array =>
  extension(
    "2.5.29.15",
    bits(
      7 - Math.max(...uses),
      uses.reduce<number>((sum, use) => sum | (0x80 >> use), 0),
    ),
    true,
  );
export const AUTHORITY = [authority(true), keyUsage(5, 6)];
export const SIGNATURE_ONLY = keyUsage(0);
export const PURPOSES = {
  code: "1.3.6.1.5.5.7.3.3",
  servers: "1.3.6.1.5.5.7.3.1",
  timeStamps: "1.3.6.1.5.5.7.3.8",
  any: "2.5.29.37.0",
} as const;
export const purpose = (...ids: readonly string[]): Uint8Array =>
  extension("2.5.29.37", sequence(...ids.map((id) => oid(id))));

export interface CertificateWish {
  readonly subject: string;
  readonly issuer: string;
  readonly key: Key;
  readonly by: Key;
  readonly from: number;
  readonly to: number;
  readonly serial: number;
  readonly extensions: readonly Uint8Array[];
  readonly digest?: DigestName;
}

export function certificate(wish: CertificateWish): Uint8Array {
  const { subject, issuer, key: own, by, from, to, serial, extensions, digest = "sha256" } = wish;
  const algorithm = algorithmOf(by, digest);
  const body = sequence(
    encoded(0xa0, integer(2)),
    integer(serial),
    algorithm,
    name(issuer),
    sequence(generalizedTime(from), generalizedTime(to)),
    subject === "" ? sequence() : name(subject),
    own.spki,
    encoded(0xa3, sequence(...extensions)),
  );
  return sequence(body, algorithm, encoded(0x03, joined([bytes(0), signed(by.secret, body, digest)])));
}

/** As files hold them. */
export const pem = (kind: "CERTIFICATE" | "X509 CRL", der: Uint8Array): string =>
  `-----BEGIN ${kind}-----\n${Buffer.from(der).toString("base64").replaceAll(/.{64}/g, "$&\n").trimEnd()}\n-----END ${kind}-----\n`;

/** A list of revoked certificates (RFC 5280, §5.1), version 2. */
export function revocationList({
  issuer,
  by,
  from,
  to,
  revoked,
  extensions = [],
}: {
  readonly issuer: string;
  readonly by: Key;
  readonly from: number;
  readonly to: number | undefined;
  readonly revoked: readonly number[];
  readonly extensions?: readonly Uint8Array[];
}): Uint8Array {
  const body = sequence(
    integer(1),
    ECDSA_SHA256,
    name(issuer),
    generalizedTime(from),
    ...(to === undefined ? [] : [generalizedTime(to)]),
    ...(revoked.length === 0
      ? []
      : [sequence(...revoked.map((serial) => sequence(integer(serial), generalizedTime(from))))]),
    ...(extensions.length === 0 ? [] : [encoded(0xa0, sequence(...extensions))]),
  );
  return sequence(body, ECDSA_SHA256, encoded(0x03, joined([bytes(0), signed(by.secret, body)])));
}
/** An extension for a list, critical: only part of the certificates are in it (§5.2.5). */
export const PARTITIONED = extension("2.5.29.28", sequence(), true);
