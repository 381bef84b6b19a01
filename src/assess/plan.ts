/** From a system and its files to trials: everything that decides a measurement is fixed and hashed before the first query. */
import type { HeadChoice } from "#onnx/head.ts";
import { hashOf } from "#base/hash.ts";
import { nearest } from "#base/diagnostics.ts";
import { HostError, type Files } from "#base/ports.ts";
import { compositionOf } from "#attacks/campaign.ts";
import { CERTIFY_REVISION } from "./certify.ts";
import type { ProfileId } from "#attacks/profiles.ts";
import { labelsBesideOf } from "#datasets/open.ts";
import { dataWanted, describeData, type DataPlan } from "./data-plan.ts";
import { artefactsNamed, describeScan, type ScanPlan } from "./artefacts.ts";
import type { Norm } from "#attacks/region.ts";
import type {
  AttackerKnowledge,
  Component,
  InputContract,
  PlannedTest,
  System,
  Threshold,
  Trial,
} from "#assessment/index.ts";
import { TRIAL_THREATS } from "#assessment/tried.ts";

/** Raise when a change of the measuring code changes what a measurement says; old measurements are then not reused. */
export const MEASUREMENT_REVISION = 3;

/** METHOD §2: the power of a gate needs 500 samples, or all data with that said. */
export const GATE_UNITS = 500;

/** The clean run needs answers only, no attack: it takes all data up to this many, whatever the other trials are limited to. */
export const CLEAN_SAMPLES = 10_000;

/** Why a trial did not run that --only did not name. */
export const LEFT_OUT = "left out by --only";

/** An input of trials as it was found on disk. */
export interface InputFile {
  readonly role: string;
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
}

/** One file of an input: the input itself, or one below it where it is a folder. */
export interface MemberFile {
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
}

/** An input with the files it consists of. */
export interface Fingerprint extends InputFile {
  readonly folder: boolean;
  readonly members: readonly MemberFile[];
  /** Below a folder: what is no file, such as a link that leads to none. */
  readonly others: readonly string[];
}

/** A test as a trial runs it: the author's, a clean run, or one of any norm that attacks know. */
export type TrialTest =
  | Exclude<PlannedTest, { kind: "evasion" }>
  | (Omit<Extract<PlannedTest, { kind: "evasion" }>, "norm"> & { readonly norm: Norm })
  | { readonly kind: "clean" };

/** What a worker needs to know to run one trial; plain data. */
export interface TrialPlan {
  readonly trial: Trial;
  readonly test: TrialTest;
  readonly model: {
    readonly id: string;
    readonly path: string;
    readonly input: InputContract;
    readonly classes: readonly string[] | undefined;
    readonly declared: number | undefined;
    /** What the outputs mean, where the author says so. */
    readonly head?: HeadChoice;
  };
  readonly data: { readonly path: string; readonly labels: string | undefined };
  readonly samples: number;
  /** Which attacks an evasion trial brings. */
  readonly profile: ProfileId;
  /** Caps on the profile's queries and steps; for a patch, its own. */
  readonly queries?: number;
  readonly steps?: number;
  /** Only these attacks of the profile. */
  readonly attacks?: readonly string[];
}

export interface Plan {
  readonly trials: readonly TrialPlan[];
  /** Scans of the files that the system file names. */
  readonly scans: readonly ScanPlan[];
  /** Integrity checks of the data sets. */
  readonly data: readonly DataPlan[];
  /** Planned trials that cannot be run, with the reason: each becomes inconclusive evidence, never silence. */
  readonly impossible: readonly { readonly trial: Trial; readonly because: string }[];
  readonly files: readonly InputFile[];
  /** The same by path, with what folders hold. */
  readonly fingerprints: ReadonlyMap<string, Fingerprint>;
  /** Artefacts whose bytes are not the ones the system file names. */
  readonly mismatches: readonly {
    readonly component: string;
    readonly path: string;
    readonly declared: string;
    readonly found: string;
  }[];
}

export interface PlanOptions {
  readonly seed: string;
  readonly samples?: number;
  readonly queries?: number;
  readonly only?: readonly string[];
  readonly runtimeVersion: string;
  /** What reads files here; absent: nothing does, and no scan is planned. */
  readonly scannerRevision?: string | undefined;
}

const UNIT: Readonly<Record<TrialTest["kind"], string>> = {
  clean: "input",
  evasion: "input",
  patch: "random draw",
  corruption: "input",
};
export const DEFAULT_QUERIES = 2000;
export const DEFAULT_STEPS = 100;

/**
 * Plans a clean run for each model with data, the author's tests, and a scan of every file that the system file names. Hashes
 * all of them.
 */
export async function plan(system: System, files: Files, options: PlanOptions): Promise<Plan> {
  const found = new Map<string, Fingerprint>();
  const refused = new Map<string, string>();
  const mismatches: { component: string; path: string; declared: string; found: string }[] = [];

  const fingerprint = async (role: string, path: string): Promise<Fingerprint | undefined> => {
    const known = found.get(path);
    if (known) return known;
    if (refused.has(path)) return undefined;
    try {
      const input = await fingerprintOf(files, role, path);
      found.set(path, input);
      return input;
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      refused.set(path, error.message);
      return undefined;
    }
  };
  const dataOf = (
    reference: string | undefined,
  ): { path: string; labels: string | undefined; sha256: string | undefined } | undefined => {
    if (reference === undefined) return undefined;
    const dataset = system.datasets.find(({ id }) => id === reference);
    return dataset
      ? dataset.path === undefined
        ? undefined
        : { path: dataset.path, labels: dataset.labels, sha256: dataset.sha256 }
      : { path: reference, labels: undefined, sha256: undefined };
  };

  const runnable: TrialPlan[] = [];
  const impossible: { trial: Trial; because: string }[] = [];
  const named = artefactsNamed(system);
  for (const { owner, parts } of named)
    for (const { role, path, declared } of parts) {
      const input = await fingerprint(role, path);
      if (input && declared !== undefined && declared !== input.sha256)
        mismatches.push({ component: owner, path, declared, found: input.sha256 });
    }

  const all = wanted(system);
  const scanned = options.scannerRevision === undefined ? [] : named;
  const checked = dataWanted(system);
  const chosen = chosenOf(
    [
      ...checked.map(({ id, owner }) => ({ id, kind: "data", target: owner })),
      ...all.map(({ id, kind, component }) => ({ id, kind, target: component.id })),
      ...scanned.map(({ id, owner }) => ({ id, kind: "scan", target: owner })),
    ],
    options.only,
  );
  for (const { id, kind, test, component } of all) {
    const model = component.model!;
    const reference =
      ("data" in test ? test.data : undefined) ?? model.accuracy?.on ?? firstDataOf(component.id, system);
    const data = dataOf(reference);
    const inputs: InputFile[] = [];
    let because: string | undefined;
    let labels: string | undefined;
    if (!model.artefact) because = `${component.id} names no artefact, so there was nothing to attack`;
    else if (!model.input)
      because = `${component.id} does not say how raw values become its input (components.${component.id}.input)`;
    else if (!data)
      because =
        reference === undefined
          ? `no evaluation data: give components.${component.id}.accuracy.on, or data in the test`
          : `dataset ${reference} names no file`;
    if (because === undefined) {
      labels = data!.labels ?? (await labelsBesideOf(files, data!.path));
      for (const [role, path] of [
        ["model", model.artefact!],
        ["data", data!.path],
        ...(labels ? [["labels", labels]] : []),
      ] as [string, string][]) {
        const input = await fingerprint(role, path);
        if (input) inputs.push(inputOf(input, role));
        else because = refused.get(path)!;
        if (input?.folder && role === "model")
          because = `${path} is a folder, not a model file: it is scanned, and attacked only as the .onnx file itself`;
      }
    }
    const mismatch = mismatches.find(({ path }) => path === model.artefact || path === data?.path);
    if (because === undefined && mismatch)
      because = `${mismatch.path} is not the file declared: declared SHA-256 ${mismatch.declared.slice(0, 16)}…, found ${mismatch.found.slice(0, 16)}…`;

    const samples =
      kind === "clean"
        ? CLEAN_SAMPLES
        : Math.min(options.samples ?? Infinity, ("samples" in test ? test.samples : undefined) ?? GATE_UNITS);
    const queries = Math.min(
      options.queries ?? Infinity,
      ("queries" in test ? test.queries : undefined) ?? DEFAULT_QUERIES,
    );
    const by = "by" in test ? test.by : undefined;
    const steps = kind === "evasion" || kind === "patch" ? DEFAULT_STEPS : undefined;
    const trial = describeTrial({
      id,
      kind,
      test,
      target: component.id,
      model: { input: model.input, classes: model.classes, declared: model.accuracy?.declared, head: model.head },
      where: component.where,
      samples,
      queries,
      steps,
      profile: "standard",
      inputs,
      knowledge: system.actors.find((actor) => actor.id === by)?.knows ?? "white",
      seed: options.seed,
      runtimeVersion: options.runtimeVersion,
    });
    if (!chosen.has(id)) {
      impossible.push({ trial, because: LEFT_OUT });
    } else if (because !== undefined) impossible.push({ trial, because });
    else {
      runnable.push({
        trial,
        test,
        samples,
        profile: "standard",
        queries,
        steps,
        model: {
          id: component.id,
          path: model.artefact!,
          input: model.input!,
          classes: model.classes,
          declared: model.accuracy?.declared,
          ...(model.head ? { head: model.head } : {}),
        },
        data: { path: data!.path, labels },
      });
    }
  }

  const scans: ScanPlan[] = [];
  for (const artefact of scanned) {
    const inputs: InputFile[] = [];
    const members = new Map<string, MemberFile>();
    const faults: string[] = [];
    const absent = [...artefact.absent];
    const beside = artefact.labelsBeside ? await labelsBesideOf(files, artefact.labelsBeside) : undefined;
    for (const { role, path } of [...artefact.parts, ...(beside ? [{ role: "labels", path: beside }] : [])]) {
      const input = await fingerprint(role, path);
      if (!input) faults.push(refused.get(path)!);
      else {
        inputs.push(inputOf(input, role));
        for (const member of input.members) members.set(member.path, member);
        absent.push(...input.others.map((other) => `${other}, which leads to no file`));
      }
    }
    if (faults.length === 0 && members.size === 0)
      faults.push(`${artefact.parts.map(({ path }) => path).join(", ")} holds no files`);
    const trial = describeScan(artefact, inputs, [...members.values()], {
      seed: options.seed,
      revision: options.scannerRevision!,
    });
    if (!chosen.has(trial.id)) impossible.push({ trial, because: LEFT_OUT });
    else if (faults.length > 0) impossible.push({ trial, because: faults.join("; ") });
    else
      scans.push({
        trial,
        of: artefact.of,
        files: [...members.values()],
        absent,
        revision: options.scannerRevision!,
      });
  }

  const data: DataPlan[] = [];
  for (const one of checked) {
    const inputs: InputFile[] = [];
    const faults: string[] = [];
    const labels = one.spec.labels ?? (await labelsBesideOf(files, one.spec.path));
    for (const [role, path] of [
      ["data", one.spec.path],
      ["labels", labels],
      ["training data", one.train?.path],
      ["training labels", one.train?.labels],
    ] as const) {
      if (path === undefined) continue;
      const input = await fingerprint(role, path);
      if (input) inputs.push(inputOf(input, role));
      else faults.push(refused.get(path)!);
    }
    const planned = describeData(one, inputs, options.seed);
    const { trial } = planned;
    if (!chosen.has(trial.id)) impossible.push({ trial, because: LEFT_OUT });
    else if (faults.length > 0) impossible.push({ trial, because: faults.join("; ") });
    else data.push(planned);
  }
  return {
    trials: runnable,
    scans,
    data,
    impossible,
    files: [...found.values()].map((input) => inputOf(input)),
    fingerprints: found,
    mismatches,
  };
}

const inputOf = ({ role: own, path, sha256, size }: InputFile, role = own): InputFile => ({ role, path, sha256, size });

interface Choice {
  readonly id: string;
  readonly kind: string;
  readonly target: string;
}

/**
 * Ids of the trials that `only` names by id, kind or place, with the clean run of each model they attack: without it nothing is
 * rated. A scan needs no clean run.
 */
function chosenOf(all: readonly Choice[], only: readonly string[] | undefined): ReadonlySet<string> {
  if (!only || only.length === 0) return new Set(all.map(({ id }) => id));
  const names = new Set(all.flatMap(({ id, kind, target }) => [id, kind, target]));
  for (const name of only) {
    if (names.has(name)) continue;
    const meant = nearest(name, names);
    throw new HostError(
      `--only ${name} names no trial, kind or model`,
      `${meant ? `did you mean ${meant}? ` : ""}there are: ${[...names].join(", ")}`,
    );
  }
  const picked = all.filter(({ id, kind, target }) => only.some((name) => [id, kind, target].includes(name)));
  const attacked = new Set(picked.filter(({ kind }) => kind !== "scan" && kind !== "data").map(({ target }) => target));
  const clean = all.filter(({ kind, target }) => kind === "clean" && attacked.has(target));
  return new Set([...picked, ...clean].map(({ id }) => id));
}

interface Wanted {
  readonly id: string;
  readonly kind: TrialTest["kind"];
  readonly test: TrialPlan["test"];
  readonly component: Component;
}

/** A clean run per model that has an artefact or a test, then the tests in the author's order. */
function wanted(system: System): Wanted[] {
  const components = new Map(system.components.map((component) => [component.id, component]));
  const models = system.components.filter(
    ({ model, id }) => model && (model.artefact !== undefined || system.tests.some((test) => test.model === id)),
  );
  return [
    ...models.map((component): Wanted => ({
      id: `clean@${component.id}`,
      kind: "clean",
      test: { kind: "clean" },
      component,
    })),
    ...system.tests.map((test): Wanted => ({
      id: test.id,
      kind: test.kind,
      test,
      component: components.get(test.model)!,
    })),
  ];
}

/** Where no accuracy was declared, the clean run takes the data the model is attacked on. */
const firstDataOf = (model: string, { tests }: System): string | undefined =>
  tests.find((test) => test.model === model && test.data !== undefined)?.data;

/** What a trial is made of, whoever asks for it. */
export interface TrialWords {
  readonly id: string;
  readonly kind: TrialTest["kind"];
  readonly test: TrialTest;
  /** The component attacked. */
  readonly target: string;
  readonly model: Pick<TrialPlan["model"], "classes" | "declared"> & {
    readonly input: InputContract | undefined;
    readonly head?: HeadChoice | undefined;
  };
  readonly where?: Trial["where"];
  readonly samples: number;
  readonly queries: number | undefined;
  readonly steps: number | undefined;
  readonly profile: ProfileId;
  readonly attacks?: readonly string[];
  readonly inputs: readonly InputFile[];
  readonly knowledge: AttackerKnowledge;
  readonly seed: string;
  readonly runtimeVersion: string;
}

/** The trial with its manifest and key: everything that decides the measurement, hashed before the first query. */
export function describeTrial(words: TrialWords): Trial {
  const { id, kind, test, target, model, samples, queries, steps, profile, attacks, inputs } = words;
  const seed = `${words.seed}/${id}`;
  const capped = { ...(steps === undefined ? {} : { steps }), ...(queries === undefined ? {} : { queries }) };
  const budget: Trial["budget"] =
    test.kind === "evasion"
      ? { norm: test.norm, eps: test.eps.fraction, epsRaw: test.eps.raw, profile, ...capped }
      : test.kind === "patch"
        ? { area: test.area, ...capped }
        : {};
  const fixed = {
    id,
    kind,
    target,
    tests: [...TRIAL_THREATS[kind]],
    by: "by" in test ? test.by : undefined,
    knowledge: words.knowledge,
    unit: UNIT[kind],
    planned: samples,
    power: gatePower(samples),
    budget,
    bound: test.kind === "evasion" ? test.bound : undefined,
    threshold: thresholdOf(test),
    stop: "as many units as planned, or all the data hold, were tried; or the run was cancelled",
    seed,
    inputs: inputs.map((input) => ({ ...input })),
    where: "where" in test ? test.where : words.where,
  } satisfies Omit<Trial, "manifest" | "key">;
  const key = hashOf({
    revision: MEASUREMENT_REVISION,
    runtime: words.runtimeVersion,
    kind,
    budget,
    ensemble: test.kind === "evasion" ? compositionOf(profile, test.norm) : null,
    bounds: test.kind === "evasion" ? CERTIFY_REVISION : null,
    attacks: attacks ? [...attacks] : null,
    placement: test.kind === "patch" ? test.placement : null,
    target: test.kind === "patch" ? (test.target ?? null) : null,
    samples,
    seed,
    input: model.input ?? null,
    classes: model.classes ?? null,
    declared: model.declared ?? null,
    ...(model.head ? { head: model.head } : {}),
    files: inputs.map(({ role, sha256 }) => ({ role, sha256 })),
  });
  const { where: _where, ...hashedPart } = fixed;
  return {
    ...fixed,
    key,
    manifest: hashOf({ ...hashedPart, threshold: fixed.threshold && { ...fixed.threshold, where: null }, key }),
  };
}

/** Half-width of the 95 % interval of a proportion near one half with n units. */
export const gatePower = (n: number): number => 0.98 / Math.sqrt(n);

function thresholdOf(test: TrialPlan["test"]): Threshold | undefined {
  if (test.kind === "clean") return undefined;
  const where = test.thresholdWhere ?? test.where;
  if (test.kind === "evasion") {
    if (test.robustAccuracy)
      return { metric: "robust-accuracy", compare: test.robustAccuracy, because: test.because, where };
    if (test.successRate) return { metric: "success-rate", compare: test.successRate, because: test.because, where };
  }
  if (test.kind === "patch" && test.successRate)
    return { metric: "success-rate", compare: test.successRate, because: test.because, where };
  if (test.kind === "corruption" && test.accuracy)
    return { metric: "accuracy", compare: test.accuracy, because: test.because, where };
  return undefined;
}

/** SHA-256 of a file, or of a folder as the hash of its sorted listing of names and hashes. */
export async function hashed(files: Files, role: string, path: string): Promise<InputFile> {
  const input = await fingerprintOf(files, role, path);
  if (input.folder && role === "model")
    throw new HostError(`${path} is a folder, not a model file`, "name the .onnx file itself");
  return inputOf(input);
}

/** The same with the files it consists of. Throws a HostError where nothing is, or something that is no file and no folder. */
async function fingerprintOf(files: Files, role: string, path: string): Promise<Fingerprint> {
  const entry = await files.stat(path);
  if (!entry)
    throw new HostError(
      `${path} does not exist`,
      `check the spelling; paths are relative to ${files.from ?? "the system file"}`,
    );
  if (entry.kind === "file") {
    const file = { path, sha256: await (await files.open(path)).sha256(), size: entry.size };
    return { role, ...file, folder: false, members: [file], others: [] };
  }
  if (entry.kind !== "folder") throw new HostError(`${path} is neither a file nor a folder`);
  // Links are read where data are read, so what they lead to is hashed; what leads nowhere is a name.
  const entries = await files.list(path, { recursive: true });
  const below = entries.filter(({ kind }) => kind === "file" || kind === "link");
  const others = entries.filter(({ kind }) => kind === "other").map((other) => other.path);
  const listing: { name: string; sha256: string }[] = [];
  const members: MemberFile[] = [];
  for (const member of below) {
    const open = files.open(member.path);
    const read = open.then((source) => source.sha256());
    const sha256 = member.kind === "file" ? await read : await read.catch(() => undefined);
    listing.push({ name: member.path.slice(path.length), sha256: sha256 ?? "leads to no file" });
    if (sha256 === undefined) others.push(member.path);
    else members.push({ path: member.path, sha256, size: (await open).size });
  }
  return {
    role,
    path,
    sha256: hashOf(listing),
    size: below.reduce((sum, { size }) => sum + size, 0),
    folder: true,
    members,
    others,
  };
}
