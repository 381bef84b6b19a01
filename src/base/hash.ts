/** Content hashes: SHA-256 over bytes, text and canonical JSON. */
import { sha256 as digest } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { canonical } from "./canonical.ts";

/** SHA-256 of bytes or UTF-8 text as 64 lower-case hex digits. */
export function sha256(content: Uint8Array | string): string {
  return bytesToHex(digest(typeof content === "string" ? utf8ToBytes(content) : content));
}

/** SHA-256 of the canonical JSON (RFC 8785) of a plain value. Throws where the value has no JSON form. */
export function hashOf(value: unknown): string {
  return sha256(canonical(value));
}
