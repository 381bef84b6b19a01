/** Inflating with a bound: compressed bytes never become more than the caller said he can hold. */
import { FormatError, readableSize } from "./error.ts";

const PIECE = 1 << 20;

/**
 * Inflates one deflate ("deflate-raw"), zlib ("deflate") or gzip stream (RFC 1951, 1950, 1952) through the web-standard
 * DecompressionStream. Throws a FormatError naming `format` and `offset` (where the stream starts in its file) on damaged
 * or truncated input and as soon as the output would pass `limit` bytes; no more than that is ever held.
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
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const piece = value as Uint8Array;
      size += piece.length;
      if (size > limit) {
        pieces.length = 0;
        const refusal = new FormatError(
          format,
          offset,
          `the compressed content grows past ${readableSize(limit)}`,
          "it is a decompression bomb or its declared size is wrong: write the file again, or split it",
        );
        reader.cancel(refusal).catch(() => undefined);
        throw refusal;
      }
      pieces.push(piece);
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
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
