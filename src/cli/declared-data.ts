/** What a system file declares about the origin of one data set. */
import { resolve } from "node:path";
import { readSystemFile } from "#assess/read.ts";
import type { DataDeclared } from "#assessment/index.ts";
import { HostError } from "#base/ports.ts";
import { declaredBy } from "#datasets/integrity/declared.ts";
import { filesBelow } from "#host/index.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { systemFile } from "#cli/system-file.ts";

/** The declaration of the data set that lies at `path`. Throws a HostError where the file declares none there. */
export async function declaredIn(system: string, path: string): Promise<DataDeclared> {
  const file = await systemFile(system);
  const today = new Date().toISOString().slice(0, 10);
  const { system: read } = await readSystemFile(file.text, file.name, loadKnowledge(), filesBelow(file.folder), today);
  if (!read) throw new HostError(`${system} has mistakes and was not read`, `\`vauban validate ${system}\` lists them`);
  const dataset = read.datasets.find(
    (one) => one.path !== undefined && resolve(file.folder, one.path) === resolve(path),
  );
  if (dataset) return declaredBy(dataset);
  const known = read.datasets.flatMap((one) => (one.path === undefined ? [] : [one.path]));
  throw new HostError(
    `${system} names no data set that lies at ${path}`,
    known.length > 0
      ? `it names ${known.slice(0, 5).join(", ")}`
      : "declare it under datasets:, with path and provenance",
  );
}
