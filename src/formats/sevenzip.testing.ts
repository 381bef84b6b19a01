/** Writers for tests: 7z archives with any header at all; and two that 7-Zip 22.01 wrote, one solid. */
import { crc32 } from "./crc32.ts";
import { concatenated, fromBase64 } from "./writers.testing.ts";

/** labels.txt and config.json in a folder; LZMA2, the header packed by LZMA. */
export const SEVENZIP_SOLID = fromBase64(
  "N3q8ryccAAR4qgus8wAAAAAAAAAiAAAAAAAAAO0+EFHgAaMAal0APYiJhlSghjc+Qnoi/i6gqBeUqPDZsFhJyE81gge7W0DqZLxjNIQyaCIY54qOa6PowiQNQvhh2AytXsKyKc/DR6+LDnPIK6ut1MXQZLN3NM/F0za3EfZ/0E5mqc8NHejj8YxSooweERZiQAAAAIEzB64P1HgnLUIV9rNFfWlNjzoGPGawt73I2XwV1bV+mz9HiWvPKIa3OF698yZr38WQJae9D4NS9bITkRiM6J2IEMtRb/JrJFV/WLHTbYjr4gHj6kqdyRtSJdZej/KUfAEJfH8f6hy0ySq5qy8sRuxmlmK5e6vnWqsbCPcAAAAXBnIBCYCBAAcLAQABIwMBAQVdABAAAAyAwgoBR3Xz5QAA",
);
/** The same by LZMA, each file packed by itself. */
export const SEVENZIP_SINGLE = fromBase64(
  "N3q8ryccAAQnY+Xq8QAAAAAAAAAiAAAAAAAAAM19inMAPYiJhlSghjc+Qnoi/i6gqBeUqPDZsFhJyE81gge7W0DqZLxjNIQyaCIY54qOa6PowiQNQvhh2AytXsKyKc/DR6+LDnPIK6ut1MXQZLN3NM/F0za3EfZ/0E5mqc8NHeiLGgAAMZhK6LDse830HDMAAACBMweuMZ2OCO585QgATmnmbHeXzmj+xQj3US9ChrDJkPcAABkAKIwjgNrIE2dxqhvu673WONovmhAzkhO/UINq1JNzjVckUDog5wqH/zg3o1iAgE2zbMEMf0x8Jwb93VbBbCdLix2yZqFYV95YMtCJ/4dV14O5xptC11WQ4gAAFwZwAQmAgQAHCwEAASMDAQEFXQAQAAAMgMIKAbp1AjUAAA==",
);

const u64 = (value: number): Uint8Array => new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
/** Numbers below 128 take a byte; others here the longest form. */
const number = (value: number): Uint8Array =>
  value < 128 ? Uint8Array.of(value) : concatenated(Uint8Array.of(0xff), u64(value));
const property = (id: number, content: Uint8Array): Uint8Array =>
  concatenated(Uint8Array.of(id), number(content.length), content);

interface SevenZipParts {
  readonly files: readonly { readonly name: string; readonly content: Uint8Array }[];
  /** How the one folder is packed: a coder as the header has it, and the bytes. */
  readonly coder?: Uint8Array;
  readonly packed?: Uint8Array;
  /** Lies. */
  readonly size?: number;
  readonly crcs?: readonly number[];
  readonly attributes?: readonly number[];
  readonly more?: Uint8Array;
  readonly gap?: Uint8Array;
}

/** An archive of one folder, stored unless told otherwise. */
export function writeSevenZip({
  files,
  coder = Uint8Array.of(0x01, 0x00),
  packed = concatenated(...files.map(({ content }) => content)),
  size = files.reduce((sum, { content }) => sum + content.length, 0),
  crcs = files.map(({ content }) => crc32(content)),
  attributes,
  more = new Uint8Array(0),
  gap = new Uint8Array(0),
}: SevenZipParts): Uint8Array<ArrayBuffer> {
  const names = files.map(({ name }) => `${name}\0`).join("");
  const header = concatenated(
    Uint8Array.of(0x01, 0x04, 0x06, 0),
    number(1),
    Uint8Array.of(0x09),
    number(packed.length),
    Uint8Array.of(0, 0x07, 0x0b),
    number(1),
    Uint8Array.of(0),
    number(1),
    coder,
    Uint8Array.of(0x0c),
    number(size),
    Uint8Array.of(0, 0x08, 0x0d),
    number(files.length),
    ...(files.length > 1
      ? [Uint8Array.of(0x09), ...files.slice(0, -1).map(({ content }) => number(content.length))]
      : []),
    Uint8Array.of(0x0a, 1),
    ...crcs.map(u32),
    Uint8Array.of(0, 0, 0x05),
    number(files.length),
    property(
      0x11,
      concatenated(
        Uint8Array.of(0),
        new Uint8Array(Uint16Array.from(names.split(""), (unit) => unit.charCodeAt(0)).buffer),
      ),
    ),
    ...(attributes ? [property(0x15, concatenated(Uint8Array.of(1, 0), ...attributes.map(u32)))] : []),
    more,
    Uint8Array.of(0, 0),
  );
  return withHeader(concatenated(packed, gap), header);
}

/** The signature header, these bytes, and this header. */
export function withHeader(between: Uint8Array, header: Uint8Array): Uint8Array<ArrayBuffer> {
  const start = concatenated(u64(between.length), u64(header.length), u32(crc32(header)));
  return concatenated(
    Uint8Array.of(0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c, 0, 4),
    u32(crc32(start)),
    start,
    between,
    header,
  );
}
