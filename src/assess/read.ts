/** The system file and the knowledge it is read against; the files it names are looked for before it is believed. */
import type { Files } from "#base/ports.ts";
import type { Knowledge } from "#assessment/index.ts";
import { knownFrom, readSystem, type SystemReading } from "#system/read.ts";

/** Reads the text twice: once to learn which files it names, once knowing which of them are there. `today` as YYYY-MM-DD. */
export async function readSystemFile(
  text: string,
  file: string,
  knowledge: Knowledge,
  files: Files,
  today: string,
): Promise<SystemReading> {
  const options = { ...knownFrom(knowledge), today };
  const asked = new Set<string>();
  const first = readSystem(text, file, { ...options, files: (path) => (asked.add(path), "file") });
  const kinds = new Map<string, "file" | "folder" | undefined>();
  for (const path of asked) {
    const found = await files.stat(path).catch(() => undefined);
    kinds.set(path, found === undefined ? undefined : found.kind === "folder" ? "folder" : "file");
  }
  return kinds.size === 0 ? first : readSystem(text, file, { ...options, files: (path) => kinds.get(path) });
}
