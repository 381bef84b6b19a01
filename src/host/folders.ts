/** A folder as a signature sees it: every file in it by its path, links among them, and digests of files and of parts of them. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, stat } from "node:fs/promises";
import { join } from "node:path";
import { blake3 } from "@noble/hashes/blake3.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { HostError } from "#base/ports.ts";
import type { Found, HashName } from "#provenance/signing.ts";
import { explained } from "./files.ts";
import { namesIn } from "./names.ts";

const FILES_MAX = 1_000_000;

/**
 * Everything below a folder that is no folder, by path with forward slashes; of a file only ".". Links are named as such, with the size of what
 * they lead to; links to folders and to nothing are "other". A name that is no text is refused: it would read like another one.
 */
export async function everythingIn(root: string): Promise<Found[]> {
  const found: Found[] = [];
  const walk = async (folder: string, around: string): Promise<void> => {
    for (const { name, text } of await namesIn(folder)) {
      const path = `${around}${name}`;
      if (!text)
        throw new HostError(
          `${root} holds ${JSON.stringify(path)}, whose name is no UTF-8: a signature names files by text, and could not tell it from another`,
          "rename it, or take it out of the folder",
        );
      const full = join(folder, name);
      const entry = await lstat(full);
      if (entry.isDirectory()) await walk(full, `${path}/`);
      else if (entry.isSymbolicLink()) {
        const target = await stat(full).catch(() => undefined);
        found.push(target?.isFile() ? { path, kind: "link", size: target.size } : { path, kind: "other", size: 0 });
      } else found.push({ path, kind: entry.isFile() ? "file" : "other", size: entry.size });
      if (found.length > FILES_MAX)
        throw new HostError(`${root} holds more than ${FILES_MAX} files`, "name a smaller folder");
    }
  };
  try {
    const entry = await stat(root);
    if (entry.isFile()) return [{ path: ".", kind: "file", size: entry.size }];
    if (!entry.isDirectory())
      throw new HostError(`${root} is neither a file nor a folder`, "name a model's file or folder");
    await walk(root, "");
  } catch (error) {
    throw explained(error, root);
  }
  return found;
}

/** The digest of a file of the folder, in a stream; of the bytes from `start` to before `end` where they are given. */
export function digestIn(
  root: string,
): (path: string, algorithm: HashName, start?: number, end?: number) => Promise<string> {
  return (path, algorithm, start, end) => {
    const full = path === "." ? root : join(root, ...path.split("/"));
    const digest =
      algorithm === "blake3" ? blake3.create() : createHash(algorithm === "sha256" ? "sha256" : "blake2b512");
    return new Promise((settle, refuse) => {
      createReadStream(full, { ...(start !== undefined && { start }), ...(end !== undefined && { end: end - 1 }) })
        .on("data", (chunk) => void digest.update(chunk as Buffer))
        .on("error", (error) => refuse(explained(error, path)))
        .on("end", () => {
          const made = digest.digest();
          settle(bytesToHex(made));
        });
    });
  };
}
