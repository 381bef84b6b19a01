/** Where commands keep their runs: probed before the first attack, shown as people would type it. */
import { constants } from "node:fs";
import { access, rm, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { HostError } from "#base/ports.ts";
import { explained, writeWhole } from "#host/index.ts";

/** Refuses before the first attack, not after the last one, where nothing could be kept. */
export async function writable(state: string): Promise<void> {
  const probe = join(state, ".writable");
  await writeWhole(probe, "");
  await rm(probe, { force: true });
}

/**
 * Refuses before the work, not after it, a file that could not be written there: a folder, a device (which the finished file would take the
 * place of), or one below what is no folder or may not be written. Leaves nothing behind.
 */
export async function writableFile(option: string, written: string, cwd = process.cwd()): Promise<void> {
  const path = resolve(cwd, written);
  try {
    const found = await stat(path).catch(absent);
    if (found?.isDirectory()) throw new HostError(`${option} ${written} is a folder`, "name a file in it");
    if (found && !found.isFile())
      throw new HostError(`${option} ${written} is no ordinary file`, "name a file that may be written");
    // The finished file takes its place in its folder; folders that are not there are made.
    let folder = dirname(path);
    while (!(await stat(folder).catch(absent)) && dirname(folder) !== folder) folder = dirname(folder);
    if (!(await stat(folder)).isDirectory())
      throw new HostError(
        `${option} ${written} lies below ${shortPath(folder)}, which is no folder`,
        "name a file that may be written",
      );
    await access(folder, constants.W_OK);
  } catch (error) {
    throw explained(error, written, true);
  }
}

const absent = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
};

/** A path as it can be followed from where the user stands. */
export function shortPath(path: string): string {
  const near = relative(process.cwd(), path);
  return near.startsWith("..") || near === "" ? path : near;
}
