/** A list of revoked certificates (RFC 5280, §5), read strictly: whom it is by, when it counts, which serial numbers it names. */
import { BITS, children, damaged, INTEGER, nodeAt, OBJECT_ID, objectId, SEQUENCE, type DerNode } from "./der.ts";
import { derTime, signatureDigest, type DigestName } from "./timestamp.ts";

export interface RevocationList {
  /** Name of the issuer, DER. */
  readonly issuer: Uint8Array;
  /** Milliseconds since 1970; without `until` nobody can tell how long it counts. */
  readonly from: number;
  readonly until: number | undefined;
  /** When each serial number (hex) was revoked. */
  readonly revoked: ReadonlyMap<string, number>;
  /** Critical extensions: a list of a part of the certificates, or of changes, is not what it seems to who does not read them. */
  readonly notUnderstood: readonly string[];
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  readonly signedWith: DigestName | null;
}

const EXTENSIONS = 0xa0;
const BOOLEAN = 0x01;
export const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function criticalIn(block: DerNode | undefined): string[] {
  const listed = block ? children(nodeAt(block.content, 0).content) : [];
  return criticalOf(listed);
}

const criticalOf = (listed: readonly DerNode[]): string[] =>
  listed.flatMap(({ content }) => {
    const [id, second] = children(content);
    if (id?.tag !== OBJECT_ID) throw damaged(-1, "an extension is no extension");
    return second?.tag === BOOLEAN && second.content[0] !== 0 ? [objectId(id.content)] : [];
  });

/** Throws a FormatError where the bytes are no such list. */
export function readRevocationList(der: Uint8Array): RevocationList {
  const whole = nodeAt(der, 0);
  const [body, algorithm, bits] = whole.tag === SEQUENCE ? children(whole.content) : [];
  if (whole.end !== der.length || body?.tag !== SEQUENCE || bits?.tag !== BITS || bits.content[0] !== 0)
    throw damaged(0, "it is no list of revoked certificates");
  const fields = children(body.content);
  if (fields[0]?.tag === INTEGER) fields.shift();
  const [inner, issuer, from, ...rest] = fields;
  if (!inner || !algorithm || hexOf(inner.raw) !== hexOf(algorithm.raw) || issuer?.tag !== SEQUENCE || !from)
    throw damaged(0, "it is no list of revoked certificates");
  const until = rest[0] && rest[0].tag !== SEQUENCE && rest[0].tag !== EXTENSIONS ? rest.shift() : undefined;
  const entries = rest[0]?.tag === SEQUENCE ? children(rest.shift()!.content) : [];
  const notUnderstood = criticalIn(rest[0]);
  const revoked = new Map<string, number>();
  for (const { content } of entries) {
    const [serial, when, more] = children(content);
    if (serial?.tag !== INTEGER || !when) throw damaged(-1, "an entry of the list is no entry");
    revoked.set(hexOf(serial.content), derTime(when));
    // A certificate issuer of its own (§5.3.3) would make the entry somebody else's.
    if (more) notUnderstood.push(...criticalOf(children(more.content)));
  }
  const [id] = children(algorithm.content);
  return {
    issuer: issuer.raw,
    from: derTime(from),
    until: until && derTime(until),
    revoked,
    notUnderstood,
    signed: body.raw,
    signature: bits.content.subarray(1),
    signedWith: signatureDigest(id),
  };
}
