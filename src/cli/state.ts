/** Where commands keep their runs: probed before the first attack, shown as people would type it. */
import { rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { writeWhole } from "#host/index.ts";

/** Refuses before the first attack, not after the last one, where nothing could be kept. */
export async function writable(state: string): Promise<void> {
  const probe = join(state, ".writable");
  await writeWhole(probe, "");
  await rm(probe, { force: true });
}

/** A path as it can be followed from where the user stands. */
export function shortPath(path: string): string {
  const near = relative(process.cwd(), path);
  return near.startsWith("..") || near === "" ? path : near;
}
