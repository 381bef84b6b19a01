/** Every file below the named paths, what the report calls it, and where a reader of SARIF finds it again. */
import { createHash } from "node:crypto";
import { lstat, readlink, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import type { ScanFile } from "#assessment/index.ts";
import { HostError } from "#base/ports.ts";
import { explained, namesIn } from "#host/index.ts";
import type { FileToScan } from "#host/scanner.ts";

export interface Found {
  readonly files: readonly FileToScan[];
  /** What is no file – a link, a device – as not read. */
  readonly others: readonly ScanFile[];
  /** What was named, as absolute paths. */
  readonly roots: readonly string[];
  /** The absolute path of what the report calls so. */
  readonly fullPath: (path: string) => string;
}

export const slashed = (path: string): string => path.split(sep).join("/");
const FILES_MAX = 1_000_000;

/**
 * Every file below the paths, by name. A path in the report is relative to the one folder that was named, or to where the
 * user stands when there are several.
 */
export async function filesFound(paths: readonly string[], cwd: string): Promise<Found> {
  const files: FileToScan[] = [];
  const others: ScanFile[] = [];
  const full = new Map<string, string>();
  const several = paths.length > 1;
  const seen = new Set<string>();
  const roots = paths.map((path) => resolve(cwd, path));
  for (const [i, root] of roots.entries()) {
    const named = (place: string): string => {
      const name = several
        ? slashed(relative(cwd, place)) || "."
        : place === root
          ? basename(place)
          : slashed(relative(root, place));
      full.set(name, place);
      return name;
    };
    /** What went away meanwhile, or may not be opened, costs itself, not the scan. */
    const below = async (place: string): Promise<void> => {
      try {
        await add(place);
      } catch (error) {
        const refusal = explained(error, named(place));
        if (error instanceof HostError || !(refusal instanceof HostError)) throw error;
        others.push(notRead(named(place), "", "not-readable", refusal.message));
      }
    };
    const add = async (place: string): Promise<void> => {
      if (seen.has(place)) return;
      seen.add(place);
      // What the user names is followed; what lies below is not.
      const entry = await (place === root ? stat(place) : lstat(place));
      if (entry.isDirectory()) {
        for (const { name, text, bytes } of await namesIn(place))
          if (text) await below(join(place, name));
          else
            others.push(
              notRead(
                slashed(relative(several ? cwd : root, join(place, name))),
                bytes,
                "name",
                "its name is no UTF-8: no program that names files by text opens it, and it was not read",
              ),
            );
      } else if (entry.isFile()) files.push({ file: place, path: named(place), size: entry.size });
      else if (entry.isSymbolicLink()) {
        const target = await readlink(place);
        others.push(notRead(named(place), target, "link-not-followed", `a link to ${target}, which was not followed`));
      } else others.push(notRead(named(place), "", "not-a-file", "neither a file, a folder nor a link"));
      if (files.length + others.length > FILES_MAX)
        throw new HostError(`${paths[i]!} holds more than ${FILES_MAX} files`, "name a smaller folder");
    };
    try {
      await add(root);
    } catch (error) {
      throw explained(error, paths[i]!);
    }
  }
  return { files, others, roots, fullPath: (path) => full.get(path) ?? resolve(cwd, path) };
}

/** The report on what is no file; its hash is that of the text it is, or of the name that cannot be written. */
function notRead(path: string, text: string | Uint8Array, rule: string, message: string): ScanFile {
  return {
    path,
    sha256: createHash("sha256").update(text).digest("hex"),
    verdict: "unknown",
    read: "none",
    findings: [{ rule, severity: "unknown", confidence: "high", start: 0, end: 0, message }],
    members: [],
  };
}

/** A folder that URIs start from (SARIF 2.1.0 §3.14.14). */
export interface UriBase {
  /** Absolute, with a slash at its end; absent where the log is not to tell folders of this machine. */
  readonly uri?: string;
  readonly description: string;
}
export interface UriPlaces {
  readonly bases: Readonly<Record<string, UriBase>>;
  /** The folder, by its name among the bases, and the path from there, without `..` (§3.10.1). */
  readonly placeOf: (path: string) => { readonly base: string; readonly path: string };
}

/** The folder a run of code scanning checks out, by the name that CodeQL, GitHub and editors know. */
const HERE = "%SRCROOT%";

/**
 * From the current folder where a file lies below it, as code review expects; else from the folder that was named, so that no
 * path climbs. Folders of this machine are told only where they are asked for.
 */
export function uriPlaces(
  { roots, fullPath }: Pick<Found, "roots" | "fullPath">,
  cwd: string,
  absolute: boolean,
): UriPlaces {
  const baseOf = (folder: string, description: string): UriBase => ({
    ...(absolute && { uri: folderUri(folder) }),
    description,
  });
  const bases: Record<string, UriBase> = { [HERE]: baseOf(cwd, "The folder that vauban scan was called from.") };
  const below = (folder: string, path: string): string | undefined => {
    const way = relative(folder, path);
    return way === "" || way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way) ? undefined : slashed(way);
  };
  const others = new Map<string, string>();
  return {
    bases,
    placeOf(path) {
      const full = fullPath(path);
      const near = below(cwd, full);
      if (near !== undefined) return { base: HERE, path: near };
      const root = roots.find((one) => below(one, full) !== undefined) ?? full;
      const folder = root === full ? dirname(full) : root;
      let base = others.get(folder);
      if (base === undefined) {
        base = others.size === 0 ? "SCANNED" : `SCANNED_${others.size + 1}`;
        others.set(folder, base);
        bases[base] = baseOf(folder, `The folder ${basename(folder)} that was scanned, outside the current one.`);
      }
      return { base, path: slashed(relative(folder, full)) };
    },
  };
}

const folderUri = (folder: string): string => pathToFileURL(folder.endsWith(sep) ? folder : folder + sep).href;
