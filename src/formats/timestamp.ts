/**
 * A time stamp by RFC 3161: the answer of an authority, in it a CMS signature (RFC 5652) over when it saw which digest. What is here
 * reads; keys and certificates are the host's.
 */
import { encoded } from "./certificate.ts";
import { children, damaged, INTEGER, nodeAt, OBJECT_ID, objectId, OCTETS, SEQUENCE, SET, type DerNode } from "./der.ts";

export type DigestName = "sha256" | "sha384" | "sha512";

const DIGESTS: Readonly<Record<string, DigestName>> = {
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};

/** By signature algorithm; "as stated" where only the digest algorithm says, null for Ed25519, which hashes by itself. */
const SIGNATURES: Readonly<Record<string, DigestName | "as stated" | null>> = {
  "1.2.840.10045.2.1": "as stated",
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
  "1.2.840.113549.1.1.1": "as stated",
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.3.101.112": null,
};

const SIGNED_DATA = "1.2.840.113549.1.7.2";
const TIME_STAMP = "1.2.840.113549.1.9.16.1.4";
const CONTENT_TYPE = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST = "1.2.840.113549.1.9.4";
const SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12";
const SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47";
const CONTEXT_0 = 0xa0;
/** subjectKeyIdentifier [0] IMPLICIT in a signer's id. */
const KEY_IDENTIFIER = 0x80;
const GENERALIZED_TIME = 0x18;

export interface TimeStamp {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** The digest it is a stamp of. */
  readonly imprint: { readonly algorithm: DigestName; readonly digest: Uint8Array };
  /** What was signed over: the attributes that hold the digest of `info`. */
  readonly attributes: Uint8Array;
  readonly signature: Uint8Array;
  readonly signedWith: DigestName | null;
  /** The stamp's own bytes, and what the signed attributes say their digest is. */
  readonly info: Uint8Array;
  readonly infoDigest: { readonly algorithm: DigestName; readonly digest: Uint8Array };
  /** Whom it names as its signer. */
  readonly signer:
    | { readonly issuer: Uint8Array; readonly serial: Uint8Array }
    | { readonly keyIdentifier: Uint8Array };
  /** The digest of the signer's certificate, where the stamp binds itself to one (RFC 5816). */
  readonly certificate: { readonly algorithm: "sha1" | DigestName; readonly digest: Uint8Array } | undefined;
  /** Certificates that came with it, DER. */
  readonly certificates: readonly Uint8Array[];
}

const wrong = (problem: string): Error => damaged(-1, problem);

function expect(node: DerNode | undefined, tag: number, what: string): DerNode {
  if (node?.tag !== tag) throw wrong(`the time stamp has no ${what} where one must be`);
  return node;
}

function digestNamed(algorithm: DerNode | undefined, what: string): DigestName {
  const [id] = children(expect(algorithm, SEQUENCE, what).content);
  const oid = objectId(expect(id, OBJECT_ID, what).content);
  const name = Object.hasOwn(DIGESTS, oid) ? DIGESTS[oid] : undefined;
  if (!name) throw wrong(`the time stamp uses a digest that is not taken (${oid})`);
  return name;
}

/** Reads the answer of an authority (TimeStampResp). Throws a FormatError in words. */
export function readTimeStamp(der: Uint8Array): TimeStamp {
  const answer = expect(nodeAt(der, 0), SEQUENCE, "answer");
  if (answer.end !== der.length) throw wrong("something stands behind the time stamp");
  const [status, token] = children(answer.content);
  const [state] = children(expect(status, SEQUENCE, "status").content);
  const granted = expect(state, INTEGER, "status").content;
  if (granted.length !== 1 || granted[0]! > 1) throw wrong("the authority refused the time stamp");
  const [kind, wrapped] = children(expect(token, SEQUENCE, "token").content);
  if (objectId(expect(kind, OBJECT_ID, "kind").content) !== SIGNED_DATA) throw wrong("the time stamp is not signed");
  const signed = children(
    expect(nodeAt(expect(wrapped, CONTEXT_0, "content").content, 0), SEQUENCE, "signature").content,
  );
  // version, digest algorithms, content, certificates [0], revocation lists [1], signers.
  const [contentKind, content] = children(expect(signed[2], SEQUENCE, "content").content);
  if (objectId(expect(contentKind, OBJECT_ID, "kind of content").content) !== TIME_STAMP)
    throw wrong("what is signed is no time stamp");
  const info = expect(nodeAt(expect(content, CONTEXT_0, "content").content, 0), OCTETS, "content").content;
  const certificates = signed.slice(3, -1).find(({ tag }) => tag === CONTEXT_0);
  const signers = children(expect(signed.at(-1), SET, "signer").content);
  if (signers.length !== 1) throw wrong(`the time stamp has ${signers.length} signers, and one is expected`);
  const [, id, digest, attributes, algorithm, signature] = children(expect(signers[0], SEQUENCE, "signer").content);
  const own = digestNamed(digest, "digest algorithm");
  const [signing] = children(expect(algorithm, SEQUENCE, "signature algorithm").content);
  const oid = objectId(expect(signing, OBJECT_ID, "signature algorithm").content);
  const how = Object.hasOwn(SIGNATURES, oid) ? SIGNATURES[oid] : undefined;
  if (how === undefined) throw wrong(`the time stamp is signed in a way that is not taken (${oid})`);
  const said = attributesOf(expect(attributes, CONTEXT_0, "signed attributes").content);
  const type = said.get(CONTENT_TYPE);
  if (type?.tag !== OBJECT_ID || objectId(type.content) !== TIME_STAMP)
    throw wrong("the signature of the time stamp is of something else");
  return {
    ...stamped(info),
    // Signed as a SET, whatever tag it stands under (RFC 5652, §5.4).
    attributes: encoded(SET, attributes!.content),
    signature: expect(signature, OCTETS, "signature").content,
    signedWith: how === "as stated" ? own : how,
    info,
    infoDigest: { algorithm: own, digest: expect(said.get(MESSAGE_DIGEST), OCTETS, "digest").content },
    signer: signerOf(id),
    certificate: boundTo(said),
    certificates: certificates ? children(certificates.content).map(({ raw }) => raw) : [],
  };
}

/** One value each, no attribute twice. */
function attributesOf(bytes: Uint8Array): ReadonlyMap<string, DerNode> {
  const found = new Map<string, DerNode>();
  for (const node of children(bytes)) {
    const [id, values] = children(expect(node, SEQUENCE, "attribute").content);
    const oid = objectId(expect(id, OBJECT_ID, "attribute").content);
    const [value, ...more] = children(expect(values, SET, "value of an attribute").content);
    if (!value || more.length > 0 || found.has(oid))
      throw wrong("an attribute of the time stamp stands twice, or is empty");
    found.set(oid, value);
  }
  return found;
}

function signerOf(id: DerNode | undefined): TimeStamp["signer"] {
  if (id?.tag === KEY_IDENTIFIER) return { keyIdentifier: id.content };
  const [issuer, serial] = children(expect(id, SEQUENCE, "signer").content);
  return { issuer: expect(issuer, SEQUENCE, "issuer").raw, serial: expect(serial, INTEGER, "serial number").content };
}

function boundTo(said: ReadonlyMap<string, DerNode>): TimeStamp["certificate"] {
  const second = said.get(SIGNING_CERTIFICATE_V2);
  const first = said.get(SIGNING_CERTIFICATE);
  const listed = second ?? first;
  if (!listed) return undefined;
  const [certificates] = children(listed.content);
  const [one] = children(expect(certificates, SEQUENCE, "certificate").content);
  const parts = children(expect(one, SEQUENCE, "certificate").content);
  const named = second && parts[0]?.tag === SEQUENCE ? digestNamed(parts[0], "digest algorithm") : undefined;
  const digest = expect(named ? parts[1] : parts[0], OCTETS, "digest of a certificate").content;
  return { algorithm: second ? (named ?? "sha256") : "sha1", digest };
}

/** TSTInfo: version, policy, imprint, serial number, time, and what is not needed here. */
function stamped(info: Uint8Array): Pick<TimeStamp, "time" | "imprint"> {
  const body = nodeAt(info, 0);
  if (body.end !== info.length) throw wrong("something stands behind the time stamp");
  const [version, , imprint, , time] = children(expect(body, SEQUENCE, "content").content);
  if (expect(version, INTEGER, "version").content.join() !== "1") throw wrong("the time stamp is of another version");
  const [algorithm, digest] = children(expect(imprint, SEQUENCE, "imprint").content);
  return {
    time: generalizedTime(expect(time, GENERALIZED_TIME, "time").content),
    imprint: { algorithm: digestNamed(algorithm, "imprint"), digest: expect(digest, OCTETS, "imprint").content },
  };
}

/** `20260131120000Z`, with fractions of a second where there are any. */
function generalizedTime(bytes: Uint8Array): number {
  const text = String.fromCharCode(...bytes);
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,9}))?Z$/.exec(text);
  const [, year, month, day, hour, minute, second, fraction = ""] = parts ?? [];
  const time = Date.parse(
    `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, "0").slice(0, 3)}Z`,
  );
  if (!parts || Number.isNaN(time)) throw wrong("the time of the time stamp is no time");
  return time;
}
