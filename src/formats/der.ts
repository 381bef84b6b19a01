/** DER (X.690) as far as certificates (RFC 5280, §4.1) and time stamps need it: tags and lengths, each checked before it is used. */
import { FormatError } from "./error.ts";

export interface DerNode {
  readonly tag: number;
  readonly content: Uint8Array;
  /** Tag, length and content. */
  readonly raw: Uint8Array;
  /** Where what follows begins. */
  readonly end: number;
}

export const damaged = (at: number, problem: string): FormatError =>
  new FormatError("certificate", at, problem, "the certificate is damaged: fetch it again");

/** One value at `at`: short and long lengths, no indefinite ones. */
export function nodeAt(bytes: Uint8Array, at: number): DerNode {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) throw damaged(at, "a value is cut off");
  if ((tag & 0x1f) === 0x1f) throw damaged(at, "a tag of several bytes");
  let start = at + 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw damaged(at + 1, "a length that DER does not have");
    length = 0;
    for (let n = 0; n < count; n++) {
      const byte = bytes[start + n];
      if (byte === undefined) throw damaged(start + n, "a length is cut off");
      length = length * 256 + byte;
    }
    start += count;
  }
  if (start + length > bytes.length) throw damaged(at, `a value of ${length} bytes is cut off`);
  const end = start + length;
  return { tag, content: bytes.subarray(start, end), raw: bytes.subarray(at, end), end };
}

export function children(bytes: Uint8Array): DerNode[] {
  const found: DerNode[] = [];
  for (let at = 0; at < bytes.length;) {
    const node = nodeAt(bytes, at);
    found.push(node);
    at = node.end;
  }
  return found;
}

export const SEQUENCE = 0x30;
export const SET = 0x31;
export const OBJECT_ID = 0x06;
export const OCTETS = 0x04;
export const INTEGER = 0x02;
/** `extensions [3]` of a TBSCertificate. */
export const EXTENSIONS = 0xa3;
const BOOLEAN = 0x01;
export const BITS = 0x03;

export function objectId(content: Uint8Array): string {
  const arcs: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (value > Number.MAX_SAFE_INTEGER / 128) throw damaged(-1, "an object identifier is too long");
    if (byte < 0x80) {
      arcs.push(value);
      value = 0;
    }
  }
  const [first = 0, ...rest] = arcs;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - 40 * top, ...rest].join(".");
}

export interface CertificateUse {
  /** Bits of keyUsage by RFC 5280, §4.2.1.3; absent where the certificate has no such extension. */
  readonly keyUsage?: { readonly digitalSignature: boolean; readonly keyCertSign: boolean; readonly crlSign: boolean };
  /** Object identifiers of extKeyUsage (§4.2.1.12); absent where the certificate has no such extension, and then says nothing of it. */
  readonly purposes?: readonly string[];
  /** At most so many certification authorities may stand below it. */
  readonly pathLength?: number;
  /** Critical extensions that nothing here understands: who does not understand one must refuse the certificate (§4.2). */
  readonly notUnderstood: readonly string[];
}

/** keyUsage, basicConstraints, extKeyUsage, subject and authority key ids, policies without constraints on them, alternative names. */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  "2.5.29.15",
  "2.5.29.19",
  "2.5.29.37",
  "2.5.29.14",
  "2.5.29.35",
  "2.5.29.17",
  "2.5.29.32",
]);

/** What a certificate may be used for. Throws a FormatError where the bytes are no certificate. */
export function certificateUse(der: Uint8Array): CertificateUse {
  const certificate = nodeAt(der, 0);
  const [body] = children(certificate.content);
  if (certificate.tag !== SEQUENCE || body?.tag !== SEQUENCE) throw damaged(0, "it is no certificate");
  const block = children(body.content).find(({ tag }) => tag === EXTENSIONS);
  const listed = block ? children(children(block.content)[0]?.content ?? new Uint8Array(0)) : [];
  let keyUsage: CertificateUse["keyUsage"];
  let pathLength: number | undefined;
  let purposes: string[] | undefined;
  const notUnderstood: string[] = [];
  for (const { content } of listed) {
    const parts = children(content);
    const [id] = parts;
    const value = parts.at(-1);
    if (id?.tag !== OBJECT_ID || value?.tag !== OCTETS) throw damaged(-1, "an extension is no extension");
    const oid = objectId(id.content);
    const critical = parts[1]?.tag === BOOLEAN && parts[1].content[0] !== 0;
    if (critical && !UNDERSTOOD.has(oid)) notUnderstood.push(oid);
    if (oid === "2.5.29.15") {
      const bits = nodeAt(value.content, 0);
      const first = bits.tag === BITS ? (bits.content[1] ?? 0) : 0;
      keyUsage = {
        digitalSignature: (first & 0x80) !== 0,
        keyCertSign: (first & 0x04) !== 0,
        crlSign: (first & 0x02) !== 0,
      };
    } else if (oid === "2.5.29.19") {
      const length = children(nodeAt(value.content, 0).content).find(({ tag }) => tag === INTEGER);
      if (length) pathLength = length.content.reduce((sum, byte) => sum * 256 + byte, 0);
    } else if (oid === "2.5.29.37") {
      purposes = children(nodeAt(value.content, 0).content).map(({ content: id }) => objectId(id));
    }
  }
  return {
    ...(keyUsage && { keyUsage }),
    ...(pathLength !== undefined && { pathLength }),
    ...(purposes && { purposes }),
    notUnderstood,
  };
}
