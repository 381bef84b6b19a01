/** Inflating with a bound: compressed bytes never become more than the caller said he can hold. */
import { FormatError, readableSize } from "./error.ts";

const PIECE = 1 << 20;
const GROWTH_MAX = 1032;

/**
 * Inflates one deflate ("deflate-raw"), zlib ("deflate") or gzip stream (RFC 1951, 1950, 1952) through the web-standard
 * DecompressionStream. Throws a FormatError naming `format` and `offset` (where the stream starts in its file) on damaged
 * or truncated input and as soon as the output would pass `limit` bytes; no more than that is ever held. `limit` is best the size the format declares.
 */
export async function inflate(
  compressed: Uint8Array,
  kind: "deflate-raw" | "deflate" | "gzip",
  limit: number,
  { format, offset }: { readonly format: string; readonly offset: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new DecompressionStream(kind);
  const reader = stream.readable.getReader();
  const writer = stream.writable.getWriter();
  const feed = (async () => {
    for (let at = 0; at < compressed.length; at += PIECE)
      await writer.write(compressed.slice(at, Math.min(at + PIECE, compressed.length)));
    await writer.close();
  })();
  // The reading side reports the same failure; this branch must only not go unhandled.
  feed.catch(() => undefined);
  // One buffer for the whole: callers know the size they were promised. No deflate stream grows more than 1032-fold
  // (RFC 1951: 258 bytes from two bits), so a promise beyond that is not even set aside.
  const whole = new Uint8Array(Math.min(limit, GROWTH_MAX * compressed.length));
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const piece = value as Uint8Array;
      if (size + piece.length > whole.length) {
        const refusal = new FormatError(
          format,
          offset,
          `the compressed content grows past ${readableSize(limit)}`,
          "it is a decompression bomb or its declared size is wrong: write the file again, or split it",
        );
        reader.cancel(refusal).catch(() => undefined);
        throw refusal;
      }
      whole.set(piece, size);
      size += piece.length;
    }
    await feed;
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new FormatError(
      format,
      offset,
      `the compressed content is damaged or cut short (${error instanceof Error ? error.message : String(error)})`,
      "fetch or write the file again",
    );
  }
  return whole.subarray(0, size);
}
