/** Values of a bundle, each believed only once it is what it should be: objects, lists, words, strict base64. */
import { FormatError } from "#formats/error.ts";
import type { Json } from "./serial.ts";

export const refuse = (problem: string, remedy = "sign again, or fetch the signature again"): FormatError =>
  new FormatError("signature", -1, problem, remedy);

export const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
export const record = (value: unknown, what: string): Json => {
  if (!isJson(value)) throw refuse(`${what} is missing, or no object`);
  return value;
};
/** A list; none where nothing is there, as protobuf leaves empty lists out. */
export const listOf = (value: unknown, what: string): readonly unknown[] => {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw refuse(`${what} is no list`);
  return value;
};
export const textOf = (value: unknown, what: string): string => {
  if (typeof value !== "string" || value === "") throw refuse(`${what} is missing, or no text`);
  return value;
};

/** Strict base64 (RFC 4648, §4): no other letters, no bits left over. */
export function fromBase64(value: unknown, what: string): Uint8Array<ArrayBuffer> {
  const words = textOf(value, what);
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  try {
    bytes = Uint8Array.from(atob(words), (letter) => letter.charCodeAt(0));
  } catch {
    // Said below.
  }
  if (!bytes || toBase64(bytes) !== words) throw refuse(`${what} is no base64`);
  return bytes;
}

export function toBase64(bytes: Uint8Array): string {
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return btoa(letters);
}
