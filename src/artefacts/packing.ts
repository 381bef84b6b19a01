/** Unpacks one packed stream within what the file may still cost; every way to unpack in one table. */
import { unpackBzip2 } from "#formats/bzip2.ts";
import { FormatError, readableSize } from "#formats/error.ts";
import { unpackLz4 } from "#formats/lz4.ts";
import { unpackLzma, unpackXz } from "#formats/lzma.ts";
import type { Meter } from "./limits.ts";
import type { ScanPorts, Unpacked } from "./ports.ts";

export type Packed = "deflate" | "zlib" | "gzip" | "zstd" | "bzip2" | "xz" | "lzma" | "lz4";

/** Unpacked sizes below this are no bomb whatever the ratio. */
const BOMB_MIN = 16 * 2 ** 20;

/**
 * The stream at the start of `packed`. Throws a FormatError where it is damaged, and one that names the limit where it is
 * larger than may be unpacked. `declared`: the size a header promises, beyond which nothing is unpacked either.
 */
export function unpacked(
  ports: ScanPorts,
  meter: Meter,
  packing: Packed,
  packed: Uint8Array,
  declared = Number.POSITIVE_INFINITY,
): Unpacked {
  meter.tick();
  const limit = Math.min(meter.room, declared);
  const tick = (): void => meter.tick();
  const result = ((): Unpacked => {
    switch (packing) {
      case "bzip2":
        return unpackBzip2(packed, limit, tick);
      case "xz":
        return unpackXz(packed, limit, tick);
      case "lzma":
        return unpackLzma(packed, limit, tick);
      case "lz4":
        return unpackLz4(packed, limit, tick);
      default:
        return ports.unpack(packing, packed, limit);
    }
  })();
  if (result.bytes.length > limit)
    throw new FormatError(packing, 0, `it unpacks to more than the limit of ${readableSize(limit)}`, "");
  meter.unpack(result.bytes.length);
  return result;
}

/** Why a size is a bomb's; undefined for ordinary ones. */
export function bombOf(meter: Meter, packed: number, size: number): string | undefined {
  const ratio = size / Math.max(1, packed);
  return size >= BOMB_MIN && ratio > meter.limits.ratioMax
    ? `${readableSize(packed)} unpack to ${readableSize(size)}, ${Math.round(ratio)} times as much`
    : undefined;
}
