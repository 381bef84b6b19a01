/** Files in memory for tests: a map of paths, with folders where paths have a common start. */
import { HostError, type FileEntry, type Files } from "#base/ports.ts";
import { sha256 } from "#base/hash.ts";

export function filesOf(contents: Readonly<Record<string, Uint8Array | string>>): Files {
  const bytesOf = new Map(
    Object.entries(contents).map(([path, content]) => [
      path,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    ]),
  );
  const under = (path: string): string => (path === "." ? "" : `${path.replace(/\/+$/, "")}/`);
  const isFolder = (path: string): boolean => [...bytesOf.keys()].some((file) => file.startsWith(under(path)));
  const files: Files = {
    root: "memory",
    async stat(path): Promise<FileEntry | undefined> {
      const bytes = bytesOf.get(path);
      if (bytes) return { path, size: bytes.length, kind: "file" };
      return isFolder(path) ? { path, size: 0, kind: "folder" } : undefined;
    },
    async list(path, { recursive = false, limit = Infinity } = {}) {
      const found = new Map<string, FileEntry>();
      for (const [file, bytes] of bytesOf) {
        if (!file.startsWith(under(path))) continue;
        const parts = file.slice(under(path).length).split("/");
        for (let depth = 1; depth <= (recursive ? parts.length : 1); depth++) {
          const entry = under(path) + parts.slice(0, depth).join("/");
          const whole = depth === parts.length;
          found.set(entry, { path: entry, size: whole ? bytes.length : 0, kind: whole ? "file" : "folder" });
        }
      }
      if (found.size > limit) throw new HostError(`${path} holds more than ${limit} entries`);
      return [...found.values()];
    },
    async open(path) {
      const bytes = bytesOf.get(path);
      if (!bytes) throw new HostError(isFolder(path) ? `${path} is a folder, not a file` : `${path} is not there`);
      return {
        name: path,
        size: bytes.length,
        read: async (at, length) => bytes.slice(at, at + length),
        sha256: async () => sha256(bytes),
      };
    },
    async readWhole(path, limit = Infinity) {
      const source = await files.open(path);
      if (source.size > limit) throw new HostError(`${path} is ${source.size} bytes, more than ${limit}`);
      return source.read(0, source.size);
    },
  };
  return files;
}
