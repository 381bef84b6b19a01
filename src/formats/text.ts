/** Bytes that claim to be UTF-8 text (RFC 3629), believed only when they are. */
import { FormatError } from "./error.ts";

/** The text of UTF-8 bytes without a byte order mark. Throws a FormatError at the first byte that is not UTF-8. */
export function readUtf8(format: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FormatError(format, firstInvalid(bytes), "it is not UTF-8 text", "save the file as UTF-8");
  }
}

/** Where decoding first fails: the end of the longest prefix that is whole UTF-8. */
function firstInvalid(bytes: Uint8Array): number {
  const decodes = (length: number, stream: boolean): boolean => {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length), { stream });
      return true;
    } catch {
      return false;
    }
  };
  let good = 0,
    bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (decodes(middle, true)) good = middle;
    else bad = middle;
  }
  // A sequence that had only begun is part of what is wrong.
  while (good > 0 && !decodes(good, false)) good--;
  return good;
}
