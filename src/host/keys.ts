/** Keys and certificates in PEM, signatures made and checked by node's own cryptography, chains of certificates up to a given root. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  createVerify,
  sign,
  verify,
  X509Certificate,
  type KeyObject,
  type PrivateKeyInput,
} from "node:crypto";
import { createReadStream } from "node:fs";
import { HostError } from "#base/ports.ts";
import { issuerAndSerial, weakSignature } from "#formats/certificate.ts";
import { certificateUse } from "#formats/der.ts";
import { hexOf, readRevocationList, type RevocationList } from "#formats/revocation.ts";
import { FormatError } from "#formats/error.ts";
import { explained } from "./files.ts";

/** Digest by curve, as Sigstore's key details pair them (PKIX_ECDSA_P256_SHA_256 …); Ed25519 hashes by itself. */
const CURVES: Readonly<Record<string, string>> = { prime256v1: "sha256", secp384r1: "sha384", secp521r1: "sha512" };

/** What a key signs with; undefined for kinds of keys that are not used here. */
function signsWith(key: KeyObject): string | null | undefined {
  if (key.asymmetricKeyType === "ed25519") return null;
  const curve = key.asymmetricKeyType === "ec" ? key.asymmetricKeyDetails?.namedCurve : undefined;
  return curve === undefined ? undefined : CURVES[curve];
}

export const keyWords = (key: KeyObject): string =>
  key.asymmetricKeyType === "ec"
    ? `EC ${{ prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" }[key.asymmetricKeyDetails?.namedCurve ?? ""] ?? key.asymmetricKeyDetails?.namedCurve}`
    : String(key.asymmetricKeyType);

function usable(key: KeyObject, name: string): KeyObject {
  if (signsWith(key) === undefined)
    throw new HostError(`${name} is a key of kind ${keyWords(key)}`, "use EC P-256, P-384, P-521, or Ed25519");
  return key;
}

const pemOf = (bytes: Uint8Array, name: string): string => {
  const text = new TextDecoder("latin1").decode(bytes);
  if (!text.includes("-----BEGIN "))
    throw new HostError(
      `${name} holds no PEM block`,
      `in place of ${name} name a file with -----BEGIN … in it, as openssl writes them`,
    );
  return text;
};

/** A public key that signatures are held to. A private key or a certificate in its place is refused with what to do. */
export function publicKey(bytes: Uint8Array, name: string): KeyObject {
  const text = pemOf(bytes, name);
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))
    throw new HostError(
      `${name} is a private key`,
      `keep it where it is used to sign; give the public one: openssl pkey -in ${name} -pubout`,
    );
  if (text.includes("-----BEGIN CERTIFICATE-----"))
    throw new HostError(
      `${name} is a certificate, not a key`,
      "give it as --root, and the bundle is held to its chain",
    );
  try {
    return usable(createPublicKey(text), name);
  } catch (error) {
    if (error instanceof HostError) throw error;
    throw new HostError(
      `${name} is no public key that can be read`,
      "write it again: openssl pkey -in key.pem -pubout",
    );
  }
}

export function privateKey(bytes: Uint8Array, name: string, passphrase?: string): KeyObject {
  const text = pemOf(bytes, name);
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))
    throw new HostError(
      `${name} is no private key`,
      "make one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    );
  try {
    return usable(createPrivateKey({ key: text, ...(passphrase !== undefined && { passphrase }) }), name);
  } catch (error) {
    if (error instanceof HostError) throw error;
    const locked = /ENCRYPTED/.test(text);
    throw new HostError(
      locked
        ? `${name} is locked, and ${passphrase === undefined ? "no passphrase was given" : "the passphrase is wrong"}`
        : `${name} is no private key that can be read`,
      locked
        ? "name a file that holds it with --passphrase-file"
        : "make one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    );
  }
}

/**
 * Whether a file's bytes hold this private key under whatever name: in PEM between other text, or in DER; locked with the passphrase given,
 * or not locked. A copy that another passphrase locks cannot be told.
 */
export function holdsPrivateKey(bytes: Uint8Array, key: KeyObject, passphrase?: string): boolean {
  const unlock = passphrase === undefined ? {} : { passphrase };
  const open = createPublicKey(key);
  const isIt = (input: PrivateKeyInput): boolean => {
    try {
      return createPublicKey(createPrivateKey({ ...input, ...unlock })).equals(open);
    } catch {
      return false;
    }
  };
  if (bytes[0] === 0x30) {
    const der = { key: Buffer.from(bytes), format: "der" } as const;
    return isIt({ ...der, type: "pkcs8" }) || isIt({ ...der, type: "sec1" });
  }
  const blocks = Buffer.from(bytes).toString("latin1").split("-----BEGIN ").slice(1);
  return blocks.some((block) => /^[A-Z ]*PRIVATE KEY-----/.test(block) && isIt({ key: `-----BEGIN ${block}` }));
}

/** SHA-256 of the public key in PEM: what bundles name a key by. */
export function keyHint(key: KeyObject): string {
  const open = key.type === "private" ? createPublicKey(key) : key;
  return createHash("sha256")
    .update(open.export({ type: "spki", format: "pem" }))
    .digest("hex");
}

export const signBytes = (key: KeyObject, bytes: Uint8Array): Uint8Array => sign(signsWith(key) ?? null, bytes, key);

/** False for a signature that does not hold, whatever is wrong with it. */
export function holds(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  const digest = signsWith(key);
  if (digest === undefined) return false;
  try {
    return verify(digest, bytes, key, signature);
  } catch {
    return false;
  }
}

export const digestOf = (bytes: Uint8Array, algorithm: string): string =>
  createHash(algorithm).update(bytes).digest("hex");

/** A file whose own bytes were signed, read in a stream; Ed25519 alone needs them all at once. */
export function signedFile(path: string): {
  holds(key: KeyObject, signature: Uint8Array): Promise<boolean>;
  digest(algorithm: string): Promise<string>;
} {
  return {
    async holds(key, signature) {
      const digest = signsWith(key);
      if (digest === undefined) return false;
      if (digest === null) return holds(key, await wholeFile(path), signature);
      const check = createVerify(digest);
      await streamed(path, (chunk) => void check.update(chunk));
      try {
        return check.verify(key, signature);
      } catch {
        return false;
      }
    },
    async digest(algorithm) {
      const hash = createHash(algorithm);
      await streamed(path, (chunk) => void hash.update(chunk));
      return hash.digest("hex");
    },
  };
}

const ED25519_BYTES_MAX = 2 ** 30;

async function wholeFile(path: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  await streamed(path, (chunk) => {
    size += chunk.length;
    if (size > ED25519_BYTES_MAX)
      throw new HostError(
        `${path} is larger than 1 GB, and Ed25519 needs it in memory at once`,
        "sign a manifest of it instead: vauban signature sign",
      );
    chunks.push(chunk);
  });
  return Buffer.concat(chunks);
}

async function streamed(path: string, take: (chunk: Uint8Array) => void): Promise<void> {
  try {
    for await (const chunk of createReadStream(path)) take(chunk as Uint8Array);
  } catch (error) {
    if (error instanceof HostError) throw error;
    throw explained(error, path);
  }
}

export function certificates(bytes: Uint8Array, name: string): X509Certificate[] {
  const blocks = blocksOf(pemOf(bytes, name));
  if (blocks.length === 0)
    throw new HostError(`${name} holds no certificate`, "name a file with -----BEGIN CERTIFICATE----- in it");
  return blocks.map((block) => certificateOf(block, name));
}

/** Each block from its first line to the next last line, in one walk. */
function blocksOf(text: string): string[] {
  const [first, last] = ["-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"];
  const blocks: string[] = [];
  for (let start = text.indexOf(first); start >= 0;) {
    const end = text.indexOf(last, start);
    if (end < 0) break;
    blocks.push(text.slice(start, end + last.length));
    start = text.indexOf(first, end);
  }
  return blocks;
}

function certificateOf(source: string | Uint8Array, name: string): X509Certificate {
  try {
    return new X509Certificate(source);
  } catch {
    throw new HostError(`${name} holds a certificate that cannot be read`, "fetch it again");
  }
}

/** Anybody may write any name into a certificate: the start of its SHA-256 fingerprint stands beside it. */
const nameOf = ({ subject, fingerprint256 }: X509Certificate): string =>
  `${(subject ?? "no name").replaceAll("\n", ", ")} (SHA-256 ${fingerprint256.replaceAll(":", "").toLowerCase().slice(0, 16)})`;
const sameCertificate = (a: X509Certificate, b: X509Certificate): boolean => a.fingerprint256 === b.fingerprint256;
/** Longer chains are no chains of signers. */
const CHAIN_MAX = 8;
/** What a signer's certificate must be for (extKeyUsage), in words. */
const PURPOSES = { "1.3.6.1.5.5.7.3.3": "signing code", "1.3.6.1.5.5.7.3.8": "time stamps" } as const;
export type Purpose = keyof typeof PURPOSES;
const CODE_SIGNING: Purpose = "1.3.6.1.5.5.7.3.3";
export const TIME_STAMPING: Purpose = "1.3.6.1.5.5.7.3.8";

export interface Trusted {
  readonly key: KeyObject;
  /** Names from the signer's certificate to the root. */
  readonly chain: readonly string[];
  readonly certificates: readonly X509Certificate[];
}

/**
 * The signer's key where its certificate leads up to one of the roots: each signed by the next, each valid on `at`, each allowed what it does
 * (RFC 5280, §6, without policies, name constraints and revocation: a certificate that needs them is refused as not understood). Else why not.
 */
export function trustedKey(
  chain: readonly Uint8Array[],
  roots: readonly X509Certificate[],
  at: Date,
  purpose: Purpose = CODE_SIGNING,
): Trusted | { readonly because: string } {
  let all: X509Certificate[];
  try {
    all = chain.map((der) => new X509Certificate(der));
  } catch {
    return { because: "the bundle holds a certificate that cannot be read" };
  }
  const [signer, ...others] = all;
  const unfit = signer && unfitSigner(signer, purpose);
  if (!signer || unfit !== undefined) return { because: unfit ?? "the bundle holds no certificate" };
  const weak = weakKey(signer);
  if (purpose === TIME_STAMPING && weak !== undefined) return { because: weak };
  if (purpose === CODE_SIGNING && signsWith(signer.publicKey) === undefined)
    return { because: `the signer's certificate holds a key of kind ${keyWords(signer.publicKey)}` };
  // The nearest to a chain says best why there is none.
  let because = `no given root stands above the signer's certificate, ${nameOf(signer)}`;
  const isRoot = (one: X509Certificate): boolean => roots.some((root) => sameCertificate(root, one));
  const up = (
    certificate: X509Certificate,
    way: readonly X509Certificate[],
  ): readonly X509Certificate[] | undefined => {
    const outside = outsideValidity(certificate, at);
    if (outside !== undefined) {
      because = outside;
      return undefined;
    }
    if (isRoot(certificate)) return [...way, certificate];
    if (way.length >= CHAIN_MAX) return undefined;
    const weak = weaklySigned(certificate);
    if (weak !== undefined) {
      because = weak;
      return undefined;
    }
    for (const above of [...roots, ...others]) {
      if (sameCertificate(above, certificate) || way.some((one) => sameCertificate(one, above))) continue;
      if (!certificate.checkIssued(above) || !verifies(certificate, above)) continue;
      const unable = unfitAuthority(above, way.length, isRoot(above) ? undefined : purpose);
      if (unable !== undefined) {
        because = unable;
        continue;
      }
      const found = up(above, [...way, certificate]);
      if (found) return found;
    }
    return undefined;
  };
  const found = up(signer, []);
  return found ? { key: signer.publicKey, chain: found.map(nameOf), certificates: found } : { because };
}

export interface Revocation {
  /** Why the chain is not trusted any more; undefined where no list speaks against it. */
  readonly because: string | undefined;
  readonly checked: readonly string[];
  readonly notChecked: readonly string[];
}

/**
 * Holds each certificate of a chain below its root to the lists given (RFC 5280, §6.3, without deltas and partitioned lists). A list that
 * cannot be used – not signed by the authority, not in date, more than is understood – speaks against the chain: who gave it wanted it asked.
 */
export function revocation(
  chain: readonly X509Certificate[],
  lists: readonly { readonly name: string; readonly list: RevocationList }[],
  at: Date,
): Revocation {
  const checked: string[] = [];
  const notChecked: string[] = [];
  const used = new Set<string>();
  for (const [n, certificate] of chain.slice(0, -1).entries()) {
    const above = chain[n + 1]!;
    const { issuer, serial } = issuerAndSerial(certificate.raw);
    const own = lists.filter(({ list }) => Buffer.from(list.issuer).equals(issuer));
    if (own.length === 0) notChecked.push(`revocation of ${nameOf(certificate)}: no list of its authority was given`);
    for (const { name, list } of own) {
      used.add(name);
      const unfit = unfitList(list, above, at);
      if (unfit !== undefined) return { because: `the revocation list ${name} ${unfit}`, checked, notChecked };
      const since = list.revoked.get(hexOf(serial));
      if (since !== undefined)
        return {
          because: `the certificate ${nameOf(certificate)} was revoked on ${new Date(since).toISOString().slice(0, 10)} (${name})`,
          checked,
          notChecked,
        };
      checked.push(`${nameOf(certificate)} is not in ${name}`);
    }
  }
  for (const { name } of lists)
    if (!used.has(name)) notChecked.push(`${name}: a list of none of the authorities of this chain`);
  return { because: undefined, checked, notChecked };
}

function unfitList(list: RevocationList, above: X509Certificate, at: Date): string | undefined {
  const day = (time: number): string => new Date(time).toISOString().slice(0, 10);
  const use = useOf(above);
  if (typeof use === "string") return `cannot be used: ${use}`;
  if (use.keyUsage && !use.keyUsage.crlSign) return `is by an authority that may sign none (${nameOf(above)})`;
  let held = false;
  try {
    held = verify(list.signedWith, list.signed, above.publicKey, list.signature);
  } catch {
    // Said below.
  }
  if (!held) return `is not signed by ${nameOf(above)}`;
  if (list.notUnderstood.length > 0) return `demands what is not understood here (${list.notUnderstood.join(", ")})`;
  if (list.until === undefined) return "does not say how long it counts";
  if (at.getTime() < list.from || at.getTime() > list.until)
    return `counts from ${day(list.from)} to ${day(list.until)}, not on ${day(at.getTime())}`;
  return undefined;
}

/** Lists in PEM (`X509 CRL`, several in a file) or DER. */
export function revocationLists(
  bytes: Uint8Array,
  name: string,
): { readonly name: string; readonly list: RevocationList }[] {
  const text = new TextDecoder("latin1").decode(bytes);
  const blocks = [...text.matchAll(/-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]*)-----END X509 CRL-----/g)].map(
    ([, words]) => Buffer.from(words!, "base64"),
  );
  const ders = blocks.length > 0 ? blocks : [bytes];
  return ders.map((der, n) => {
    try {
      return { name: ders.length === 1 ? name : `${name} (${n + 1})`, list: readRevocationList(der) };
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw new HostError(
        `${name}: ${error.problem}`,
        "give a list of revoked certificates as its authority publishes it (PEM or DER)",
      );
    }
  });
}

function verifies(certificate: X509Certificate, above: X509Certificate): boolean {
  try {
    return certificate.verify(above.publicKey);
  } catch {
    return false;
  }
}

function outsideValidity(certificate: X509Certificate, at: Date): string | undefined {
  const day = (date: Date): string => date.toISOString().slice(0, 10);
  if (at < certificate.validFromDate)
    return `the certificate ${nameOf(certificate)} is valid from ${day(certificate.validFromDate)}, not on ${day(at)}`;
  if (at > certificate.validToDate)
    return `the certificate ${nameOf(certificate)} ended ${day(certificate.validToDate)}, before ${day(at)}`;
  return undefined;
}

function useOf(certificate: X509Certificate): ReturnType<typeof certificateUse> | string {
  try {
    const use = certificateUse(certificate.raw);
    const [strange] = use.notUnderstood;
    return strange === undefined
      ? use
      : `the certificate ${nameOf(certificate)} demands an extension that is not understood here (${strange})`;
  } catch (error) {
    if (error instanceof FormatError) return `the certificate ${nameOf(certificate)}: ${error.problem}`;
    throw error;
  }
}

/** The signer may sign: keyUsage and extKeyUsage say so where they are there, and one of them is. */
function unfitSigner(certificate: X509Certificate, purpose: Purpose): string | undefined {
  const use = useOf(certificate);
  if (typeof use === "string") return use;
  const extended = certificate.keyUsage as readonly string[] | undefined;
  if (use.keyUsage ? !use.keyUsage.digitalSignature : extended === undefined)
    return `the certificate ${nameOf(certificate)} is not for signing (keyUsage)`;
  if (purpose === TIME_STAMPING ? !extended?.includes(purpose) : extended !== undefined && !extended.includes(purpose))
    return `the certificate ${nameOf(certificate)} is not for ${PURPOSES[purpose]} (extKeyUsage)`;
  return undefined;
}

/** `anyExtendedKeyUsage` (RFC 5280, §4.2.1.12). */
const ANY_PURPOSE = "2.5.29.37.0";

/**
 * It may stand above others, `below` authorities between it and the signer. An authority below the root that says what it is for
 * certifies for nothing else, as those of TLS are kept from signing code everywhere; what a root is for is for whoever gives it.
 */
function unfitAuthority(certificate: X509Certificate, below: number, purpose: Purpose | undefined): string | undefined {
  const use = useOf(certificate);
  if (typeof use === "string") return use;
  if (!certificate.ca || (use.keyUsage && !use.keyUsage.keyCertSign))
    return `the certificate ${nameOf(certificate)} is no certification authority, and stands above another`;
  if (use.pathLength !== undefined && below > use.pathLength)
    return `the certificate ${nameOf(certificate)} allows ${use.pathLength} authorities below it, and ${below} stand there`;
  if (purpose && use.purposes && !use.purposes.includes(purpose) && !use.purposes.includes(ANY_PURPOSE))
    return `the certificate ${nameOf(certificate)} is an authority for other things than ${PURPOSES[purpose]} (extKeyUsage)`;
  return weakKey(certificate);
}

/** Of NIST SP 800-57, Part 1, table 2: 112 bits of security. */
const RSA_BITS_MIN = 2048;

/** A key that somebody else may have found by now, or of a kind that is not taken. */
function weakKey(certificate: X509Certificate): string | undefined {
  const { publicKey: key } = certificate;
  const bits = key.asymmetricKeyDetails?.modulusLength;
  const [named, kind] = [`the certificate ${nameOf(certificate)}`, key.asymmetricKeyType ?? ""];
  if (kind === "rsa" || kind === "rsa-pss")
    return bits !== undefined && bits >= RSA_BITS_MIN
      ? undefined
      : `${named} holds an RSA key of ${bits ?? "unknown"} bits, and fewer than ${RSA_BITS_MIN} can be broken`;
  return signsWith(key) !== undefined || kind === "ed448" ? undefined : `${named} holds a key of kind ${keyWords(key)}`;
}

function weaklySigned(certificate: X509Certificate): string | undefined {
  const weak = weakSignature(certificate.raw);
  return weak && `the certificate ${nameOf(certificate)} is signed with ${weak}`;
}
