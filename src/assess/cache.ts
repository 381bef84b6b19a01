/** Measurements of earlier runs, by key: the same artefact, data, parameters, seed and runtime are the same measurement. */
import { hashOf } from "#base/hash.ts";
import type { BlobStore } from "#base/ports.ts";
import type { ShardResult } from "./shard.ts";

const FORMAT = "vauban/measurement/1";

/** A stored measurement whose hash is right; undefined where none is, or where it was changed or cut. */
export async function recall(store: BlobStore, key: string): Promise<ShardResult | undefined> {
  const bytes = await store.get(`${key}.json`);
  if (!bytes) return undefined;
  try {
    const { format, hash, result } = JSON.parse(new TextDecoder().decode(bytes)) as {
      format: string;
      hash: string;
      result: ShardResult;
    };
    return format === FORMAT && hash === hashOf({ key, result }) ? result : undefined;
  } catch {
    // Unreadable is absent: it is measured again.
    return undefined;
  }
}

export async function remember(store: BlobStore, key: string, result: ShardResult): Promise<void> {
  const plain = JSON.parse(JSON.stringify(result)) as ShardResult;
  await store.put(
    `${key}.json`,
    new TextEncoder().encode(JSON.stringify({ format: FORMAT, hash: hashOf({ key, result: plain }), result: plain })),
  );
}
