/** The identity of a document that is made from its content, so that the same content has the same one. */
import { hashOf } from "#base/hash.ts";

export type Json = Readonly<Record<string, unknown>>;

/** A UUID of version 8 (RFC 9562, §5.8) out of the content's hash: another content, another number. */
export function serialNumberOf(content: Json): string {
  const hex = hashOf(content);
  const variant = (8 + (Number.parseInt(hex[16]!, 16) % 4)).toString(16);
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
