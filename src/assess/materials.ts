/** What lies beside a system file of its materials: lock files as they pin libraries, and signatures by keys that the system file names. */
import { HostError, type Files, type Host } from "#base/ports.ts";
import type { System } from "#assessment/index.ts";
import type { Materials } from "#claims/materials.ts";
import { FormatError } from "#formats/error.ts";
import { holdsBytes } from "#provenance/packages.ts";
import { LOCK_NAMES, readLock } from "#provenance/locks/index.ts";

const LOCK_LIMIT = 64 * 2 ** 20;

/** Looks at each lock file beside the system file and at each signature that it names. Never throws for what the world gets wrong. */
export async function materialsOf(system: System, { files, signatures }: Host): Promise<Materials> {
  const signed: Materials["signatures"][number][] = [];
  for (const { id, model } of system.components) {
    if (!model?.signature || model.artefact === undefined) continue;
    const { key, bundle } = model.signature;
    const said = signatures
      ? await signatures.check({ path: model.artefact, key, ...(bundle !== undefined && { bundle }) })
      : { holds: false, because: "nothing here can check it", files: 0 };
    signed.push({ component: id, path: model.artefact, key, ...said });
  }
  return { locks: await locksBeside(files), signatures: signed };
}

async function lockPaths(files: Files): Promise<string[]> {
  const listed = await files.list(".").catch((error: unknown) => {
    if (error instanceof HostError) return [];
    throw error;
  });
  return listed
    .filter(({ path, kind }) => kind === "file" && LOCK_NAMES.test(path))
    .map(({ path }) => path)
    .toSorted();
}

/** Package URLs of what the lock files that can be read pin. */
export async function packagesBeside(files: Files): Promise<Set<string>> {
  const found = new Set<string>();
  for (const path of await lockPaths(files)) {
    try {
      for (const { purl } of readLock(path, await files.readWhole(path, LOCK_LIMIT)).packages) found.add(purl);
    } catch (error) {
      // That it cannot be read is said where lock files are looked at.
      if (!(error instanceof FormatError || error instanceof HostError)) throw error;
    }
  }
  return found;
}

async function locksBeside(files: Files): Promise<Materials["locks"]> {
  const locks: Materials["locks"][number][] = [];
  for (const path of await lockPaths(files)) {
    try {
      const { format, packages, notes } = readLock(path, await files.readWhole(path, LOCK_LIMIT));
      const hashed = packages.filter(
        (one) => one.files.length > 0 && one.files.every(({ hashes }) => holdsBytes(hashes)),
      ).length;
      const pinned = packages.filter(({ version }) => version !== undefined).length;
      locks.push({ status: "read", path, format, packages: packages.length, pinned, hashed, open: notes.length });
    } catch (error) {
      if (!(error instanceof FormatError || error instanceof HostError)) throw error;
      locks.push({ status: "unread", path, because: error instanceof FormatError ? error.problem : error.message });
    }
  }
  return locks;
}
