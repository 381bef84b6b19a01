/** Single packed streams: gzip, zlib, zstd, bzip2, xz, lzma and lz4; joblib packs pickles so, and so do people. */
import { isBzip2 } from "#formats/bzip2.ts";
import { contentOf, upTo } from "#formats/content.ts";
import { isLz4 } from "#formats/lz4.ts";
import { isLzma, isXz } from "#formats/lzma.ts";
import { defineCheck } from "#artefacts/check.ts";
import { bombOf, unpacked, type Packed } from "#artefacts/packing.ts";
import { LimitReached } from "#artefacts/limits.ts";

const starts =
  (...magic: readonly number[]) =>
  (head: Uint8Array): boolean =>
    magic.every((byte, i) => head[i] === byte);

const STREAMS: Readonly<Record<Exclude<Packed, "deflate">, (head: Uint8Array) => boolean>> = {
  gzip: starts(0x1f, 0x8b, 8),
  // Two bytes that divide by 31, without a preset dictionary (RFC 1950, 2.2), and the first block is one (RFC 1951, 3.2.3).
  zlib: (head) =>
    head[0] === 0x78 &&
    ((head[0] << 8) | head[1]!) % 31 === 0 &&
    (head[1]! & 0x20) === 0 &&
    beginsBlock(head.subarray(2)),
  zstd: starts(0x28, 0xb5, 0x2f, 0xfd),
  bzip2: isBzip2,
  xz: isXz,
  lzma: isLzma,
  lz4: isLz4,
};
/** No block is of the reserved kind, and a stored one says its length twice, once inverted. */
function beginsBlock(head: Uint8Array): boolean {
  const kind = (head[0]! >> 1) & 3;
  if (kind !== 0) return kind !== 3;
  return head.length < 5 || ((head[1]! ^ head[3]!) === 0xff && (head[2]! ^ head[4]!) === 0xff);
}
const PACKED_MAX = 2 ** 30;
/** Streams in a row in one file: gzip and bzip2 readers join them. */
const STREAMS_MAX = 1000;

function packingOf(head: Uint8Array): Exclude<Packed, "deflate"> | undefined {
  return (Object.keys(STREAMS) as (keyof typeof STREAMS)[]).find((packing) => STREAMS[packing](head));
}

export default defineCheck({
  title: "packed stream",
  recognise: (content) => (packingOf(upTo(content, 0, 16)) ? "yes" : "no"),
  read(subject) {
    const { content, ledger, meter, ports, report } = subject;
    if (content.size > PACKED_MAX)
      throw new LimitReached("limit-packed", `${content.size} packed bytes are more than are unpacked`);
    const parts: Uint8Array[] = [];
    let at = 0;
    let first: Packed | undefined;
    while (at < content.size) {
      const packing = packingOf(upTo(content, at, 16));
      first ??= packing;
      if (packing === undefined || packing !== first || parts.length === STREAMS_MAX) break;
      const packed = content.read(at, content.size - at);
      const { bytes, taken } = unpacked(ports, meter, packing, packed);
      const bomb = bombOf(meter, taken, bytes.length);
      if (bomb)
        report({
          rule: "bomb",
          severity: "suspicious",
          confidence: "high",
          start: at,
          end: at + taken,
          message: `a decompression bomb: ${bomb}`,
        });
      const hidden = packing === "gzip" ? gzipComment(packed) : undefined;
      if (hidden) {
        ledger.understood(at, at + hidden[0]);
        ledger.left(at + hidden[0], at + hidden[1], "an extra field or comment of gzip, which readers pass over");
        ledger.understood(at + hidden[1], at + taken);
      } else ledger.understood(at, at + taken);
      parts.push(bytes);
      at += taken;
    }
    ledger.left(at, content.size, "it follows the packed stream");
    const joined = parts.length === 1 ? parts[0]! : join(parts);
    const member = subject.inspect(innerName(subject.path), contentOf(joined), subject.surroundings);
    if (at < content.size || member.verdict === "unknown") ledger.doubted(0, at);
  },
});

/** The name without the ending that says how it is packed. */
function innerName(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return name.replace(/\.(gz|z|zlib|zst|bz2|xz|lzma|lz4)$/i, "") || "content";
}

/** Where gzip's extra field and comment lie (RFC 1952, 2.3), which hold whatever the writer likes. */
function gzipComment(packed: Uint8Array): readonly [number, number] | undefined {
  const flags = packed[3]!;
  let at = 10;
  const start = at;
  if (flags & 4) at += 2 + (packed[at]! | (packed[at + 1]! << 8));
  if (flags & 8) at = packed.indexOf(0, at) + 1;
  if (flags & 16) at = packed.indexOf(0, at) + 1;
  return (flags & (4 | 16)) !== 0 && at > start ? [start, at] : undefined;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const one of parts) {
    whole.set(one, at);
    at += one.length;
  }
  return whole;
}
