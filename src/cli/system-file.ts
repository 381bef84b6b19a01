/** From what the user named to a system file: its folder, its name, its text. */
import { basename, dirname, join, relative, resolve } from "node:path";
import { HostError } from "#base/ports.ts";
import { filesBelow } from "#host/index.ts";

export const SYSTEM_FILE = "vauban.yaml";
/** Far above any real system file; a file beyond it is not one. */
const SYSTEM_FILE_LIMIT = 16 * 2 ** 20;

export interface SystemFile {
  readonly folder: string;
  readonly name: string;
  readonly path: string;
  readonly text: string;
}

/** How to write a place in that file so that it can be followed from where the user stands. */
export function placeIn({ folder, name }: SystemFile): (file: string) => string {
  const full = join(folder, name);
  const near = relative(process.cwd(), full);
  return (file) => (file !== name ? file : near.startsWith("..") ? full : near);
}

/** Reads the file, or `vauban.yaml` in the folder. Throws a HostError with the remedy where there is none. */
export async function systemFile(named: string): Promise<SystemFile> {
  const full = resolve(named);
  const files = filesBelow(dirname(full));
  const found = await files.stat(full);
  if (!found)
    throw new HostError(`${named} does not exist`, "name a vauban.yaml or its folder; `vauban init` writes one");
  const path = found.kind === "folder" ? join(full, SYSTEM_FILE) : full;
  if (found.kind === "folder" && !(await files.stat(path)))
    throw new HostError(
      `${named} holds no ${SYSTEM_FILE}`,
      `\`vauban init ${named}\` writes one from the models and data it finds`,
    );
  const bytes = await files.readWhole(path, SYSTEM_FILE_LIMIT);
  return {
    folder: dirname(path),
    name: basename(path),
    path,
    text: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes),
  };
}
