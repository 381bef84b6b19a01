/** Named blobs in a folder; each write lands whole or not at all. */
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BlobStore } from "#base/ports.ts";
import { explained } from "./files.ts";

export function folderStore(folder: string): BlobStore {
  const place = (key: string): string => {
    if (!/^[a-zA-Z0-9][a-zA-Z0-9._-]*$/.test(key)) throw new Error(`not a blob name: ${key}`);
    return join(folder, key);
  };
  return {
    async get(key) {
      try {
        return await readFile(place(key));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw explained(error, key);
      }
    },
    put: (key, bytes) => writeWhole(place(key), bytes),
    async drop(key) {
      await rm(place(key), { force: true }).catch((error: unknown) => {
        throw explained(error, key, true);
      });
    },
  };
}

/** Writes a file beside its final name, flushes it, then renames: a crash or a full disk leaves the old file or none. */
export async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  const beside = `${path}.${process.pid}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const handle = await open(beside, "w");
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true }).catch(() => {});
    throw explained(error, path, true);
  }
}
