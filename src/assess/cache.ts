/** Measurements of earlier runs, by key: the same artefact, data, parameters, seed and runtime are the same measurement. */
import { hashOf } from "#base/hash.ts";
import type { BlobStore } from "#base/ports.ts";

const FORMAT = "vauban/measurement/2";

/** A stored result whose hash is right; undefined where none is, or where it was changed or cut. */
export async function recall<Result>(store: BlobStore, key: string): Promise<Result | undefined> {
  const bytes = await store.get(`${key}.json`);
  if (!bytes) return undefined;
  try {
    const { format, hash, result } = JSON.parse(new TextDecoder().decode(bytes)) as {
      format: string;
      hash: string;
      result: Result;
    };
    return format === FORMAT && hash === hashOf({ key, result }) ? result : undefined;
  } catch {
    // Unreadable is absent: it is measured again.
    return undefined;
  }
}

export async function remember<Result>(store: BlobStore, key: string, result: Result): Promise<void> {
  const plain = JSON.parse(JSON.stringify(result)) as Result;
  await store.put(
    `${key}.json`,
    new TextEncoder().encode(JSON.stringify({ format: FORMAT, hash: hashOf({ key, result: plain }), result: plain })),
  );
}

/** Parts whose whole is stored are not needed any more. */
export async function forget(store: BlobStore, keys: readonly string[]): Promise<void> {
  for (const key of keys) await store.drop(`${key}.json`);
}
