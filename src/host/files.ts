/** Reading files below one root: listing, random access, hashing in a stream; every refusal says which file and what to do. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, open, stat } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { HostError, type ByteSource, type FileEntry, type Files } from "#base/ports.ts";
import { namesIn } from "./names.ts";

const WHOLE_FILE_LIMIT = 2 ** 31 - 1;

/** Files that a person names on the command line: relative to where they stand. */
export const filesHere = (): Files => filesBelow(process.cwd(), CURRENT_FOLDER);

/**
 * Files below `root`; absolute paths and `..` are the author's own business and are followed. `from` says in messages what relative paths
 * start from.
 */
export function filesBelow(root: string, from = "the system file"): Files {
  const explained = (error: unknown, path: string): unknown => inWords(error, path, REFUSALS, from);
  const place = (path: string): string => (isAbsolute(path) ? path : resolve(root, path));
  const slashed = (path: string): string => path.split(sep).join("/");

  const files: Files = {
    root,
    from,
    async stat(path) {
      try {
        const found = await stat(place(path));
        return { path, size: found.size, kind: kindOf(found) };
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw explained(error, path);
      }
    },
    async list(path, { recursive = false, limit = 100_000 } = {}) {
      const entries: FileEntry[] = [];
      const walk = async (folder: string): Promise<void> => {
        for (const { name, text } of await namesIn(folder)) {
          const full = join(folder, name);
          // What no name opens is there, and is nothing that can be read.
          const found = text ? await lstat(full) : undefined;
          const below = isAbsolute(path) ? full : slashed(relative(root, full));
          entries.push({ path: below, size: found?.size ?? 0, kind: found ? kindOf(found) : "other" });
          if (entries.length > limit)
            throw new HostError(`${path} holds more than ${limit} entries`, "name a smaller folder");
          if (recursive && found?.isDirectory()) await walk(full);
        }
      };
      try {
        await walk(place(path));
      } catch (error) {
        throw explained(error, path);
      }
      return entries;
    },
    async open(path) {
      const full = place(path);
      try {
        const found = await stat(full);
        if (found.isDirectory()) throw new HostError(`${path} is a folder, not a file`, "name the file itself");
        if (!found.isFile()) throw new HostError(`${path} is not a regular file`, "name a regular file");
        return sourceOf(full, path, found.size, explained);
      } catch (error) {
        throw explained(error, path);
      }
    },
    async readWhole(path, limit = WHOLE_FILE_LIMIT) {
      const source = await files.open(path);
      if (source.size > limit)
        throw new HostError(
          `${path} is ${source.size} bytes, more than the ${limit} that can be read at once`,
          "split it, or name a smaller file",
        );
      return source.read(0, source.size);
    },
  };
  return files;
}

function sourceOf(
  full: string,
  name: string,
  size: number,
  explained: (error: unknown, path: string) => unknown,
): ByteSource {
  return {
    name,
    size,
    async read(at, length) {
      const handle = await open(full, "r").catch((error: unknown) => Promise.reject(explained(error, name)));
      try {
        const bytes = new Uint8Array(length);
        let have = 0;
        while (have < length) {
          const { bytesRead } = await handle.read(bytes, have, length - have, at + have);
          if (bytesRead === 0)
            throw new HostError(
              `${name} ends at byte ${at + have}, ${length - have} bytes before it should`,
              "the file was cut or changed while it was read: copy it again",
            );
          have += bytesRead;
        }
        return bytes;
      } finally {
        await handle.close();
      }
    },
    sha256() {
      return new Promise((settle, refuse) => {
        const digest = createHash("sha256");
        createReadStream(full)
          .on("data", (chunk) => digest.update(chunk))
          .on("error", (error) => refuse(explained(error, name)))
          .on("end", () => settle(digest.digest("hex")));
      });
    },
  };
}

function kindOf(found: { isFile(): boolean; isDirectory(): boolean; isSymbolicLink(): boolean }): FileEntry["kind"] {
  if (found.isFile()) return "file";
  if (found.isDirectory()) return "folder";
  return found.isSymbolicLink() ? "link" : "other";
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOENT" || code === "ENOTDIR";
}

const CURRENT_FOLDER = "the current folder";
/** Where a remedy says what relative paths start from; of an absolute path nothing is said. */
const RELATIVE = "\0";

const REFUSALS: Readonly<Record<string, readonly [says: string, remedy: string]>> = {
  ENOENT: ["does not exist", `check the spelling${RELATIVE}`],
  ENOTDIR: ["lies below something that is not a folder", `check the path${RELATIVE}`],
  EEXIST: ["lies below something that is not a folder", "check the path"],
  EFBIG: ["could not be written: it is larger than the largest file allowed here", "write elsewhere with --out"],
  EISDIR: ["is a folder, not a file", "name the file itself"],
  EACCES: ["may not be read", "check its permissions"],
  EPERM: ["may not be touched", "check its permissions"],
  ENOSPC: ["could not be written: the disk is full", "free some space, or write elsewhere with --out"],
  EDQUOT: ["could not be written: the quota is used up", "free some space, or write elsewhere with --out"],
  EROFS: ["could not be written: the file system is read-only", "write elsewhere with --out"],
  ELOOP: ["is a loop of links", "name the file itself"],
  ENAMETOOLONG: ["is too long a name", "check the path"],
  EMFILE: ["could not be opened: too many open files", "raise the limit with `ulimit -n`"],
};

const WRITE_REFUSALS: typeof REFUSALS = {
  EACCES: ["may not be written", "write elsewhere with --out"],
  EPERM: ["may not be written", "write elsewhere with --out"],
  ENOTDIR: ["cannot be written: it lies below something that is not a folder", "write elsewhere with --out"],
  EEXIST: ["cannot be written: it lies below something that is not a folder", "write elsewhere with --out"],
  ENOENT: ["cannot be written: its folder is not there", "write elsewhere with --out"],
};

/** A HostError in the user's words for what node refused of a path that a person named; other errors pass as they are. */
export function explained(error: unknown, path: string, writing = false): unknown {
  return inWords(error, path, writing ? { ...REFUSALS, ...WRITE_REFUSALS } : REFUSALS, CURRENT_FOLDER);
}

function inWords(error: unknown, path: string, refusals: typeof REFUSALS, from: string): unknown {
  if (error instanceof HostError || !(error instanceof Error)) return error;
  const code = (error as NodeJS.ErrnoException).code;
  const refusal = code === undefined ? undefined : refusals[code];
  if (!refusal) return error;
  const relative = isAbsolute(path) ? "" : `; paths are relative to ${from}`;
  return new HostError(`${path} ${refusal[0]}`, refusal[1].replace(RELATIVE, relative));
}
