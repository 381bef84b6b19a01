/** The files that a system file names – models, data, adapters, packages – and the scan that is planned of them. */
import { hashOf } from "#base/hash.ts";
import type { System, Trial } from "#assessment/index.ts";
import { TRIAL_THREATS } from "#assessment/tried.ts";
import type { InputFile, MemberFile } from "./plan.ts";

/** A component or data set with the files that the system file names for it. */
export interface NamedArtefact {
  /** Of the trial. */
  readonly id: string;
  /** The component's or data set's own id; `dataset:` in front of one that a component bears as well. */
  readonly owner: string;
  readonly of: "component" | "data";
  readonly parts: readonly { readonly role: string; readonly path: string; readonly declared?: string }[];
  /** The data file whose labels may lie beside it under a usual name, where the author says nothing of labels. */
  readonly labelsBeside?: string;
  /** What is spoken of and has no file. */
  readonly absent: readonly string[];
  readonly where: NonNullable<Trial["where"]>;
}

/** A scan, ready to run; plain data. */
export interface ScanPlan {
  readonly trial: Trial;
  readonly of: "component" | "data";
  readonly files: readonly MemberFile[];
  readonly absent: readonly string[];
  readonly revision: string;
}

/** Everything with at least one file, components first, in the author's order. */
export function artefactsNamed(system: System): NamedArtefact[] {
  const components = system.components.flatMap(({ id, model, files = [], where }): NamedArtefact[] => {
    const own = model?.artefact === undefined ? [] : [part("model", model.artefact, model.sha256)];
    const parts = [...own, ...files.map(({ path, sha256 }) => part(fileRole(path), path, sha256))];
    const pretrained = model?.origin.trainedBy === "third-party" ? undefined : model?.origin.pretrained;
    const absent =
      pretrained === undefined || files.some(({ role }) => role === "pretrained")
        ? []
        : [`the pretrained part (${pretrained})`];
    return parts.length === 0 ? [] : [{ id: `scan@${id}`, owner: id, of: "component", parts, absent, where }];
  });
  const taken = new Set(system.components.map(({ id }) => id));
  const data = system.datasets.flatMap(({ id, path, labels, sha256, where }): NamedArtefact[] => {
    const owner = taken.has(id) ? `dataset:${id}` : id;
    const parts = [
      ...(path === undefined ? [] : [part("data", path, sha256)]),
      ...(labels === undefined ? [] : [part("labels", labels, undefined)]),
    ];
    if (parts.length === 0) return [];
    const beside = path !== undefined && labels === undefined ? { labelsBeside: path } : {};
    return [{ id: `scan@${owner}`, owner, of: "data", parts, ...beside, absent: [], where }];
  });
  return [...components, ...data];
}

/** The role under which evidence records the hash of one of a component's further files. */
export const fileRole = (path: string): string => `file ${path}`;

const part = (role: string, path: string, declared: string | undefined): NamedArtefact["parts"][number] => ({
  role,
  path,
  ...(declared === undefined ? {} : { declared }),
});

/** The trial with its manifest and key. One harmful file is one too many whatever the purpose, so the threshold is ours. */
export function describeScan(
  { id, owner, where }: NamedArtefact,
  inputs: readonly InputFile[],
  files: readonly MemberFile[],
  { seed, revision }: { readonly seed: string; readonly revision: string },
): Trial {
  const key = hashOf({
    kind: "scan",
    scanner: revision,
    files: files.map(({ path, sha256 }) => ({ path, sha256 })),
  });
  const because = "what harms whoever loads it is no part of any intended purpose";
  const fixed = {
    id,
    kind: "scan",
    target: owner,
    tests: [...TRIAL_THREATS.scan],
    knowledge: "white",
    unit: "file",
    planned: Math.max(1, files.length),
    // Every file is read: nothing is drawn, so nothing is told apart by chance.
    power: 0,
    budget: {},
    stop: "every file named was read as far as a reader for it goes; or the run was cancelled",
    seed,
    inputs: inputs.map((input) => ({ ...input })),
  } as const;
  const compare = { at: "<=", value: 0 } as const;
  return {
    ...fixed,
    threshold: { metric: "harmful-files", compare, because, where },
    where,
    key,
    manifest: hashOf({ ...fixed, threshold: { metric: "harmful-files", compare, because, where: null }, key }),
  };
}
