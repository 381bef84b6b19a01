/** Content hashes: SHA-256 over bytes, text and canonical JSON. */
import { sha256 as digest } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { canonicalPieces } from "./canonical.ts";

/** SHA-256 of bytes or UTF-8 text as 64 lower-case hex digits. */
export function sha256(content: Uint8Array | string): string {
  return bytesToHex(digest(typeof content === "string" ? utf8ToBytes(content) : content));
}

/** Characters hashed at once. */
const PIECE = 2 ** 16;

/** SHA-256 of the canonical JSON (RFC 8785) of a plain value. Throws where the value has no JSON form. */
export function hashOf(value: unknown): string {
  const hash = digest.create();
  let text = "";
  for (const piece of canonicalPieces(value)) {
    text += piece;
    if (text.length < PIECE) continue;
    hash.update(utf8ToBytes(text));
    text = "";
  }
  return bytesToHex(hash.update(utf8ToBytes(text)).digest());
}
