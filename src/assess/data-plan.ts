/** The integrity checks of each data set of samples that the system file names, fixed and hashed before they are made. */
import { hashOf } from "#base/hash.ts";
import type { DataDeclared, Dataset, InputContract, System, Trial } from "#assessment/index.ts";
import { TRIAL_THREATS } from "#assessment/tried.ts";
import type { RecordsSpec } from "#datasets/integrity/open-records.ts";
import type { InputFile } from "./plan.ts";

/** Raise when a check says something else about the same data; older reports are then not reused. */
export const DATA_REVISION = 2;
/** Planted faults of a kind: 25 seen of 25 leave a rate of at least 0.86. `vauban data` plants twice as many. */
export const FAULTS = 25;
/** Roles whose data are samples that a model learns from or is measured on. */
const CHECKED_ROLES: readonly Dataset["role"][] = ["training", "validation", "test"];

/** Checks of one data set, ready to run; plain data. */
export interface DataPlan {
  readonly trial: Trial;
  readonly spec: RecordsSpec;
  /** What the model learned from, where these data test it and the file is here. */
  readonly train?: RecordsSpec;
  readonly range?: readonly [number, number];
  readonly declared: DataDeclared;
  readonly seed: string;
}

export interface WantedData {
  readonly id: string;
  readonly dataset: Dataset;
  readonly owner: string;
  readonly spec: RecordsSpec;
  readonly train: RecordsSpec | undefined;
  readonly range: readonly [number, number] | undefined;
}

/** One per data set of samples with a file, in the author's order. What a model says of its input and classes is said of its data. */
export function dataWanted(system: System): WantedData[] {
  const taken = new Set(system.components.map(({ id }) => id));
  return system.datasets.flatMap((dataset): WantedData[] => {
    const { id, path, labels, role } = dataset;
    if (path === undefined || !CHECKED_ROLES.includes(role)) return [];
    const owner = taken.has(id) ? `dataset:${id}` : id;
    const users = system.components.filter(
      (component) =>
        component.model &&
        (component.model.accuracy?.on === id ||
          component.model.training.datasets.includes(id) ||
          system.tests.some((test) => test.model === component.id && test.data === id)),
    );
    const model = (users.find((user) => user.model?.input?.range) ?? users[0])?.model;
    const training =
      role === "training"
        ? undefined
        : system.datasets.find(
            (other) => other.path !== undefined && model?.training.datasets.includes(other.id) && other.id !== id,
          );
    const said = spoken(model?.input, model?.classes);
    return [
      {
        id: `data@${owner}`,
        dataset,
        owner,
        spec: { path, ...(labels === undefined ? {} : { labels }), ...said },
        train: training && {
          path: training.path!,
          ...(training.labels === undefined ? {} : { labels: training.labels }),
          ...said,
          part: "train",
        },
        range: model?.input?.range,
      },
    ];
  });
}

const spoken = (input: InputContract | undefined, classes: readonly string[] | undefined) => ({
  ...(input?.layout ? { layoutHint: input.layout } : {}),
  ...(classes ? { classes } : {}),
});

export function describeData(
  { id, dataset, owner, spec, train, range }: WantedData,
  inputs: readonly InputFile[],
  seed: string,
): DataPlan {
  const declared = declaredBy(dataset);
  const own = `${seed}/${id}`;
  const key = hashOf({
    kind: "data",
    revision: DATA_REVISION,
    faults: FAULTS,
    seed: own,
    spec: { ...spec },
    train: train ? { ...train } : null,
    range: range ? [...range] : null,
    declared: { ...declared, suppliers: [...(declared.suppliers ?? [])] },
    files: inputs.map(({ role, sha256 }) => ({ role, sha256 })),
  });
  const fixed = {
    id,
    kind: "data",
    target: owner,
    tests: [...TRIAL_THREATS.data],
    knowledge: "white",
    unit: "data set",
    planned: 1,
    power: 0,
    budget: {},
    stop: "every check was made, and tried on faults planted into copies of the data; or the run was cancelled",
    seed: own,
    inputs: inputs.map((input) => ({ ...input })),
  } as const;
  const trial: Trial = { ...fixed, where: dataset.where, key, manifest: hashOf({ ...fixed, key }) };
  return { trial, spec, ...(train ? { train } : {}), ...(range ? { range } : {}), declared, seed: own };
}

/** What the author says of the origin. */
export const declaredBy = ({ provenance, sha256 }: Pick<Dataset, "provenance" | "sha256">): DataDeclared => ({
  ...(provenance && {
    source: provenance.source,
    ...(provenance.collected === undefined ? {} : { collected: provenance.collected }),
    ...(provenance.licence === undefined ? {} : { licence: provenance.licence }),
    suppliers: [...provenance.suppliers],
  }),
  ...(sha256 === undefined ? {} : { sha256 }),
});
