/** Bytes with a known size that are read where they are asked for: a file larger than memory is one, a slice of another is one. */
import { bytesAt, FormatError } from "./error.ts";

export interface Content {
  readonly size: number;
  /** Exactly `length` bytes from `at`; throws a FormatError where they are not there. A view: not to be written to. */
  read(at: number, length: number): Uint8Array;
  /** The same into memory of the caller's, where that spares an allocation: for going through gigabytes once. */
  readonly fill?: (at: number, into: Uint8Array) => void;
}

export function contentOf(bytes: Uint8Array): Content {
  return { size: bytes.length, read: (at, length) => bytesAt("content", bytes, at, length, "a read") };
}

/** The bytes from `from` up to `to` as content of their own, with offsets of their own. */
export function part(whole: Content, from: number, to: number): Content {
  if (!(Number.isSafeInteger(from) && Number.isSafeInteger(to) && 0 <= from && from <= to && to <= whole.size))
    throw new FormatError(
      "content",
      Math.min(Math.max(from, 0) || 0, whole.size),
      `no bytes from ${from} to ${to}`,
      "",
    );
  const size = to - from;
  const within = (at: number, length: number): void => {
    if (at < 0 || length < 0 || at + length > size)
      throw new FormatError("content", size, `${length} bytes at ${at} of ${size}`, "the file is cut short");
  };
  const { fill } = whole;
  return {
    size,
    read(at, length) {
      within(at, length);
      return whole.read(from + at, length);
    },
    ...(fill && {
      fill(at: number, into: Uint8Array) {
        within(at, into.length);
        fill(from + at, into);
      },
    }),
  };
}

/** At most `length` bytes from `at`: what is there. */
export function upTo(content: Content, at: number, length: number): Uint8Array {
  const from = Math.min(Math.max(at, 0), content.size);
  return content.read(from, Math.min(length, content.size - from));
}

/** Whether nothing was ever written there. */
export function isZero(content: Content, start: number, end: number): boolean {
  for (let at = start; at < end; at += 65_536) {
    const bytes = content.read(at, Math.min(65_536, end - at));
    for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  }
  return true;
}
