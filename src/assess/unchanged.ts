/** Whether what is read is what was hashed before the first query: a file that is replaced while a run goes on is another one. */
import { sha256 } from "#base/hash.ts";
import { HostError, type Files } from "#base/ports.ts";
import { hashed } from "./plan.ts";

export interface Hashed {
  readonly path: string;
  readonly sha256: string;
}

const changed = (path: string): HostError =>
  new HostError(`${path} was changed while it was being measured`, "leave the file alone and run again");

/** The whole model, as hashed. Throws a HostError where its bytes are others by now. */
export async function modelAsHashed(files: Files, path: string, inputs: readonly Hashed[]): Promise<Uint8Array> {
  const bytes = await files.readWhole(path);
  const expected = inputs.find((input) => input.path === path);
  if (expected && sha256(bytes) !== expected.sha256) throw changed(path);
  return bytes;
}

/** Throws a HostError where a file that a data set was read from is not the one that was hashed; folders are hashed by their listing. */
export async function dataAsHashed(files: Files, read: readonly Hashed[], inputs: readonly Hashed[]): Promise<void> {
  for (const { path, sha256: found } of read) {
    const expected = inputs.find((input) => input.path === path);
    if (expected && found !== expected.sha256 && (await files.stat(path))?.kind !== "folder") throw changed(path);
  }
}

/** Throws a HostError where a folder holds something else than when it was hashed. */
export async function foldersUnchanged(
  files: Files,
  inputs: readonly (Hashed & { readonly role: string })[],
): Promise<void> {
  for (const { role, path, sha256: expected } of inputs)
    if ((await files.stat(path))?.kind === "folder" && (await hashed(files, role, path)).sha256 !== expected)
      throw changed(path);
}
