/**
 * What Sigstore reads in a certificate (RFC 5280) besides its chain: who it is for and who vouched for that, and the promises of
 * transparency logs that are embedded in it (RFC 6962, §3.3), with the bytes they are signatures of.
 */
import { children, damaged, EXTENSIONS, nodeAt, OBJECT_ID, objectId, OCTETS, SEQUENCE, type DerNode } from "./der.ts";

interface Extension {
  readonly oid: string;
  readonly value: Uint8Array;
  readonly raw: Uint8Array;
}

interface Body {
  /** Fields of the TBSCertificate in order, the extensions among them. */
  readonly fields: readonly DerNode[];
  readonly extensions: readonly Extension[];
}

function bodyOf(der: Uint8Array): Body {
  const certificate = nodeAt(der, 0);
  const [body] = children(certificate.content);
  if (certificate.tag !== SEQUENCE || certificate.end !== der.length || body?.tag !== SEQUENCE)
    throw damaged(0, "it is no certificate");
  const fields = children(body.content);
  const block = fields.find(({ tag }) => tag === EXTENSIONS);
  const listed = block ? children(nodeAt(block.content, 0).content) : [];
  const extensions = listed.map(({ content, raw }): Extension => {
    const parts = children(content);
    const [id, value] = [parts[0], parts.at(-1)];
    if (id?.tag !== OBJECT_ID || value?.tag !== OCTETS) throw damaged(-1, "an extension is no extension");
    return { oid: objectId(id.content), value: value.content, raw };
  });
  if (new Set(extensions.map(({ oid }) => oid)).size !== extensions.length)
    throw damaged(-1, "an extension stands twice");
  return { fields, extensions };
}

/** Issuer and serial number: what a CMS signature names its signer by. `version [0]` comes first where it is there. */
export function issuerAndSerial(der: Uint8Array): { readonly issuer: Uint8Array; readonly serial: Uint8Array } {
  const { fields } = bodyOf(der);
  const [serial, , issuer] = fields[0]?.tag === 0xa0 ? fields.slice(1) : fields;
  if (!serial || !issuer) throw damaged(0, "it is no certificate");
  return { issuer: issuer.raw, serial: serial.content };
}

/** Signature algorithms that are taken: ECDSA and RSA PKCS #1 with SHA-2, Ed25519, Ed448 (RFC 5758, RFC 4055, RFC 8410). */
const SIGNATURES: ReadonlySet<string> = new Set([
  ...["1", "2", "3", "4"].map((digest) => `1.2.840.10045.4.3.${digest}`),
  ...["11", "12", "13", "14"].map((digest) => `1.2.840.113549.1.1.${digest}`),
  "1.3.101.112",
  "1.3.101.113",
]);
/** Its parameters say the digest; where they do not, it is SHA-1 (RFC 4055, §3.1). */
const RSA_PSS = "1.2.840.113549.1.1.10";
const SHA2 = "2.16.840.1.101.3.4.2.";
/** Those for which two certificates of one signature were made, or nearly so. */
const BROKEN: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.2": "MD2",
  "1.2.840.113549.1.1.3": "MD4",
  "1.2.840.113549.1.1.4": "MD5",
  "1.2.840.113549.1.1.5": "SHA-1",
  "1.2.840.10045.4.1": "SHA-1",
  "1.2.840.10040.4.3": "SHA-1",
};

const brokenWords = (oid: string): string | undefined =>
  Object.hasOwn(BROKEN, oid) ? `${BROKEN[oid]}, and others like it can be made` : undefined;

/** What a certificate is signed with where that is not taken, in words; undefined where it is. Throws a FormatError where the bytes are no certificate. */
export function weakSignature(der: Uint8Array): string | undefined {
  const [, algorithm] = children(nodeAt(der, 0).content);
  const [id, parameters] = algorithm?.tag === SEQUENCE ? children(algorithm.content) : [];
  if (id?.tag !== OBJECT_ID) throw damaged(0, "it is no certificate");
  const oid = objectId(id.content);
  if (oid !== RSA_PSS) return SIGNATURES.has(oid) ? undefined : (brokenWords(oid) ?? `what is not taken (${oid})`);
  const hash = parameters && children(parameters.content).find(({ tag }) => tag === 0xa0);
  const [digest] = hash ? children(nodeAt(hash.content, 0).content) : [];
  if (digest?.tag !== OBJECT_ID) return brokenWords("1.2.840.113549.1.1.5");
  return objectId(digest.content).startsWith(SHA2) ? undefined : `what is not taken (${objectId(digest.content)})`;
}

const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";
/** Fulcio's own kind of name, for user names (OID 1.3.6.1.4.1.57264.1.7). */
const FULCIO_NAME = "1.3.6.1.4.1.57264.1.7";
const FULCIO_ISSUER = "1.3.6.1.4.1.57264.1.8";
const FULCIO_ISSUER_V1 = "1.3.6.1.4.1.57264.1.1";
const RFC822_NAME = 0x81;
const URI_NAME = 0x86;
const OTHER_NAME = 0xa0;
const UTF8 = 0x0c;

const textOf = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw damaged(-1, "a name is no UTF-8");
  }
};

export interface Identity {
  /** E-mail addresses, URIs and Fulcio's user names it is for; names of other kinds are counted, not given. */
  readonly names: readonly string[];
  readonly otherNames: number;
  /** Who Fulcio asked: the OIDC issuer; undefined where nothing says. */
  readonly issuer: string | undefined;
}

/** Whom Fulcio certified (its certificate profile, "OID information"). Throws a FormatError where the bytes are no certificate. */
export function identityOf(der: Uint8Array): Identity {
  const { extensions } = bodyOf(der);
  const valueOf = (oid: string): Uint8Array | undefined => extensions.find((one) => one.oid === oid)?.value;
  const alternative = valueOf(SUBJECT_ALTERNATIVE_NAME);
  const listed = alternative ? children(nodeAt(alternative, 0).content) : [];
  const names = listed.flatMap(({ tag, content }): string[] => {
    if (tag === RFC822_NAME || tag === URI_NAME) return [textOf(content)];
    if (tag !== OTHER_NAME) return [];
    const [id, value] = children(content);
    if (id?.tag !== OBJECT_ID || objectId(id.content) !== FULCIO_NAME || !value) return [];
    const inner = nodeAt(value.content, 0);
    return inner.tag === UTF8 ? [textOf(inner.content)] : [];
  });
  const [first, second] = [valueOf(FULCIO_ISSUER_V1), valueOf(FULCIO_ISSUER)];
  const node = second && nodeAt(second, 0);
  if (node && (node.tag !== UTF8 || node.end !== second.length)) throw damaged(-1, "the issuer is no text");
  const issuers = [...(node ? [textOf(node.content)] : []), ...(first ? [textOf(first)] : [])];
  if (new Set(issuers).size > 1) throw damaged(-1, "it names two OIDC issuers");
  return { names, otherNames: listed.length - names.length, issuer: issuers[0] };
}

/** A log's promise to take the certificate up (a signed certificate timestamp). */
export interface CertificateTimestamp {
  /** SHA-256 of the log's public key, hex. */
  readonly log: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly extensions: Uint8Array;
  readonly signature: Uint8Array;
}

const CERTIFICATE_TIMESTAMPS = "1.3.6.1.4.1.11129.2.4.2";
const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** The promises embedded in a certificate; none where it has no such extension. */
export function certificateTimestamps(der: Uint8Array): CertificateTimestamp[] {
  const extension = bodyOf(der).extensions.find(({ oid }) => oid === CERTIFICATE_TIMESTAMPS);
  if (!extension) return [];
  const octets = nodeAt(extension.value, 0);
  if (octets.tag !== OCTETS || octets.end !== extension.value.length) throw damaged(-1, "the log's promise is damaged");
  const read = reader(octets.content);
  const list = reader(read.counted());
  read.finish();
  const found: CertificateTimestamp[] = [];
  while (!list.done()) {
    const one = reader(list.counted());
    if (one.number(1) !== 0) throw damaged(-1, "the log's promise is of a version that is not known");
    const log = hex(one.take(32));
    const time = one.number(8);
    const extensions = one.counted();
    // Hash and signature algorithm (TLS 1.2): what signs is the log's key, and its kind decides.
    one.take(2);
    const signature = one.counted();
    one.finish();
    found.push({ log, time, extensions, signature });
  }
  return found;
}

/** A walk over bytes with lengths in front, as TLS writes them (RFC 5246, §4.3). */
function reader(bytes: Uint8Array) {
  let at = 0;
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw damaged(-1, "the log's promise is cut off");
    at += length;
    return bytes.subarray(at - length, at);
  };
  const number = (length: number): number => take(length).reduce((sum, byte) => sum * 256 + byte, 0);
  return {
    take,
    number,
    counted: (): Uint8Array => take(number(2)),
    done: (): boolean => at === bytes.length,
    finish: (): void => {
      if (at !== bytes.length) throw damaged(-1, "the log's promise holds more than it should");
    },
  };
}

const bigEndian = (value: number, length: number): number[] => {
  const bytes: number[] = [];
  for (let n = 0, rest = value; n < length; n++, rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return bytes;
};

const PRECERTIFICATE = 1;

/**
 * The bytes a log signed (RFC 6962, §3.2): the certificate's body without the promise itself, and the SHA-256 of the public key
 * (SubjectPublicKeyInfo) of whoever issued it.
 */
export function promised(
  der: Uint8Array,
  issuerKeyHash: Uint8Array,
  { time, extensions }: Pick<CertificateTimestamp, "time" | "extensions">,
): Uint8Array {
  const { fields, extensions: all } = bodyOf(der);
  const kept = all.filter(({ oid }) => oid !== CERTIFICATE_TIMESTAMPS).map(({ raw }) => raw);
  const body = encoded(
    SEQUENCE,
    joined(
      fields.map(({ tag, raw }) => (tag === EXTENSIONS ? encoded(EXTENSIONS, encoded(SEQUENCE, joined(kept))) : raw)),
    ),
  );
  return joined([
    Uint8Array.from([0, 0, ...bigEndian(time, 8), ...bigEndian(PRECERTIFICATE, 2)]),
    issuerKeyHash,
    Uint8Array.from(bigEndian(body.length, 3)),
    body,
    Uint8Array.from(bigEndian(extensions.length, 2)),
    extensions,
  ]);
}

export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** One value in DER: tag, the shortest length, content. */
export function encoded(tag: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = content;
  const bytes = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x10000 ? 2 : 3;
  const head = bytes === 0 ? [tag, length] : [tag, 0x80 + bytes, ...bigEndian(length, bytes)];
  return joined([Uint8Array.from(head), content]);
}
