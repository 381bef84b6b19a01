/** Named blobs in a folder; each write lands whole or not at all. */
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BlobStore } from "#base/ports.ts";
import { explained } from "./files.ts";

export function folderStore(folder: string): BlobStore {
  let swept: Promise<void> | undefined;
  const place = (key: string): string => {
    if (!/^[a-zA-Z0-9][a-zA-Z0-9._-]*$/.test(key)) throw new Error(`not a blob name: ${key}`);
    return join(folder, key);
  };
  return {
    async get(key) {
      try {
        return await readFile(place(key));
      } catch (error) {
        // Nothing there, or something else in its place: it is measured again.
        if (["ENOENT", "EISDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
        throw explained(error, key);
      }
    },
    put(key, bytes) {
      const path = place(key);
      return (swept ??= sweep(folder)).then(() => writeWhole(path, bytes));
    },
    async drop(key) {
      await rm(place(key), { force: true }).catch((error: unknown) => {
        throw explained(error, key, true);
      });
    },
  };
}

/** Takes away what processes left half-written that are no more. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const writer = Number(/\.(\d+)\.part$/.exec(name)?.[1]);
    if (Number.isNaN(writer) || writer === process.pid) continue;
    try {
      process.kill(writer, 0);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ESRCH") await rm(join(folder, name), { force: true });
    }
  }
}

/** Writes a file beside its final name, flushes it, then renames: a crash or a full disk leaves the old file or none. */
export async function writeWhole(path: string, content: Uint8Array | string | Iterable<string>): Promise<void> {
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
