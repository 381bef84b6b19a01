/** What a reader says about bytes it will not believe: the format, the place, the reason, and what to do. */

/** Bytes are not what they claim to be. `offset` is the byte at which that shows, −1 where it is the file as a whole; the message and remedy are for people. */
export class FormatError extends Error {
  override readonly name = "FormatError";
  readonly format: string;
  /** The sentence without format and place. */
  readonly problem: string;
  readonly offset: number;
  readonly remedy: string;
  constructor(format: string, offset: number, problem: string, remedy: string) {
    super(offset < 0 ? `${format}: ${problem}` : `${format}: ${problem} (at byte ${offset})`);
    this.format = format;
    this.problem = problem;
    this.offset = offset;
    this.remedy = remedy;
  }
}

/** A view of `length` bytes from `at`, or a FormatError that says what was expected there and how much is missing. */
export function bytesAt(format: string, bytes: Uint8Array, at: number, length: number, what: string): Uint8Array {
  if (!Number.isSafeInteger(at) || !Number.isSafeInteger(length) || at < 0 || length < 0 || at + length > bytes.length)
    throw new FormatError(
      format,
      Math.min(Math.max(Number.isFinite(at) ? at : bytes.length, 0), bytes.length),
      `${what} needs ${length} bytes, the file ends at byte ${bytes.length}`,
      "the file is cut short or damaged: fetch or write it again",
    );
  return bytes.subarray(at, at + length);
}

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** `1536` as "1.5 kB": sizes in messages. */
export function readableSize(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${unit === 0 ? size : size.toPrecision(3)} ${units[unit]}`;
}
