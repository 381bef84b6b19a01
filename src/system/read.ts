/** system file -> System, or every mistake in it at once. */
import type { Knowledge } from "#assessment/knowledge.ts";
import type { System } from "#assessment/system.ts";
import { isError } from "#base/diagnostics.ts";
import type { Diagnostic } from "#base/diagnostics.ts";
import {
  given,
  readActors,
  readAssets,
  readBoundaries,
  readComponents,
  readDatasets,
  readFlows,
  readPlaces,
  readSuppliers,
} from "./architecture.ts";
import { contextOf, many, placeOf } from "./context.ts";
import type { Context, ReadOptions } from "./context.ts";
import {
  readCriteria,
  readExclusions,
  readExposures,
  readHarms,
  readLaw,
  readReviewers,
  readSector,
} from "./judgements.ts";
import { diagnostic, schemaMistakes, valueAt } from "./mistakes.ts";
import { MODEL_KEYS, systemFile } from "./schema.ts";
import type { SystemFile } from "./schema.ts";
import { readControls, readImports, readTests } from "./trials.ts";
import { readYaml, TEXT_LIMITS } from "./yaml.ts";
import type { Located, Path } from "./yaml.ts";

export type { KnownProfile, KnownSector, ReadOptions } from "./context.ts";

export interface SystemReading {
  /** Absent where there is any error: a System is only made of a file that is right. */
  readonly system?: System;
  /** In the order of the file; warnings among them. */
  readonly diagnostics: readonly Diagnostic[];
}

/** What a Knowledge says about the ids a system file may use. */
export function knownFrom(
  knowledge: Pick<Knowledge, "sectors" | "controls" | "threats" | "clauses" | "profiles">,
): Required<Pick<ReadOptions, "knownSectors" | "knownControls" | "knownThreats" | "knownClauses" | "knownProfiles">> {
  const titles = (entries: readonly { readonly id: string; readonly title: string }[]): Map<string, string> =>
    new Map(entries.map(({ id, title }) => [id, title]));
  return {
    knownSectors: new Map(knowledge.sectors.map((sector) => [sector.id, sector])),
    knownControls: titles(knowledge.controls),
    knownThreats: titles(knowledge.threats),
    knownClauses: titles(knowledge.clauses),
    knownProfiles: new Map(knowledge.profiles.map((profile) => [profile.id, profile])),
  };
}

/** Reads the text of a system file. Pure; never throws for what the text contains. `fileName` is what places are shown with. */
export function readSystem(text: string, fileName: string, options: ReadOptions = {}): SystemReading {
  const limits = { ...TEXT_LIMITS, ...options.limits };
  const { located, diagnostics: textual } = readYaml(text, fileName, limits);
  if (!located) return { diagnostics: textual };

  const mistakes = schemaMistakes(located, located.value);
  const diagnostics: Diagnostic[] = [...textual, ...mistakes.map((mistake) => mistake.diagnostic)];
  const { file, indices, incomplete } = readable(
    located,
    mistakes.map(({ path }) => path),
  );
  const context = contextOf(file, located.value, located, options, indices, incomplete, diagnostics);
  const system = build(context);
  // What was read with stand-ins is never handed on, whatever was or was not said about it.
  if (incomplete.size > 0 && !diagnostics.some(isError))
    context.say("E014", "a part of the file does not fit the format", "compare it with `vauban schema system`", []);
  const sorted = inOrder(diagnostics, limits.diagnostics);
  return sorted.some(isError) ? { diagnostics: sorted } : { system, diagnostics: sorted };
}

/** Each step adds its mistakes to the context; what is returned is only used when there are none. */
function build(context: Context): System {
  const { file } = context;
  const law = readLaw(context);
  const sector = readSector(context);
  const datasets = readDatasets(context);
  const assets = readAssets(context);
  const components = readComponents(context, datasets);
  const suppliers = readSuppliers(context);
  const flows = readFlows(context);
  const boundaries = readBoundaries(context);
  const places = readPlaces(context, flows, boundaries);
  const actors = readActors(context, places);
  const controls = readControls(context, places);
  const tests = readTests(context, components, datasets, places);
  const imports = readImports(context, places);
  const harms = readHarms(context);
  const criteria = readCriteria(context);
  const exclusions = readExclusions(context);
  const exposures = readExposures(context);
  const reviewers = readReviewers(context);
  if (file.system.environment === undefined && !context.incomplete.has("system"))
    context.say(
      "W003",
      "the environment is not answered and counts as both",
      "add environment: virtual | physical | both",
      placeOf(context, ["system"], "key"),
    );
  return {
    format: "vauban/system/1",
    name: file.system.name,
    purpose: file.system.purpose,
    excluded: [...many(file.system.excluded)],
    misuse: [...many(file.system.misuse)],
    environment: file.system.environment ?? "both",
    synthetic: file.system.synthetic ?? false,
    ...given({ version: file.system.version, context: file.system.context }),
    law,
    stage: file.stage,
    sector,
    components,
    flows,
    boundaries,
    assets,
    actors,
    datasets: datasets.all(),
    ...given({ suppliers }),
    controls,
    tests,
    imports,
    harms,
    criteria,
    exclusions,
    exposures,
    reviewers,
    where: placeOf(context, ["system"], "key"),
  };
}

/** Stand-ins for what the file must have and has not, so that the rest of it is still checked. They never reach a System. */
const STAND_IN: SystemFile = {
  vauban: 1,
  system: { name: "?", purpose: "?" },
  law: { role: "provider", listing: "none", reasoning: "?" },
  stage: "design",
  sector: "",
  components: {},
};

/** A value that keeps an entry readable after the author's own was refused; by section, then key. It never reaches a System. */
const STAND_IN_OF: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  system: { name: "?", purpose: "?" },
  law: { role: "provider", listing: "annex-III.2" },
  components: { level: "deep", role: "advisory", declared: 0.5 },
  actors: { profile: "AT-1", because: "?" },
  assets: { security: "M", privacy: "M" },
  datasets: { role: "operational", source: "?" },
  suppliers: { supplies: "?" },
  tests: { norm: "linf", eps: 1e-6, area: 0.05, because: "?" },
  harms: { severity: "M", because: "?" },
  exclusions: { because: "?" },
  exposures: { because: "?" },
  reviewers: { name: "?", role: "?", independent: true },
};

/**
 * The file without the parts that the schema refuses, so that everything else is still checked against each other. List
 * sections remember where their items stood.
 */
function readable(
  located: Located,
  wrong: readonly Path[],
): { file: SystemFile; indices: ReadonlyMap<string, readonly number[]>; incomplete: ReadonlySet<string> } {
  const value = copied(located.value) as Record<string, unknown>;
  const removed = new Map<string, Set<number>>();
  const incomplete = new Set<string>();
  let paths = wrong;
  // Taking a bad value out can leave its parent without a key it needs: then a stand-in goes there, or the parent goes as well.
  for (let round = 0; round < 20; round++) {
    for (const change of paths.map((path) => changeFor(value, path))) change?.(removed);
    for (const [section, second] of paths) {
      incomplete.add(String(section));
      incomplete.add(`${section}/${second}`);
    }
    const trial = withoutItems(value, removed);
    const whole = { ...STAND_IN, ...trial.value };
    const result = systemFile.safeParse(whole);
    if (result.success) return { file: result.data, indices: trial.indices, incomplete };
    paths = schemaMistakes(located, whole).map(({ path }) =>
      path.map((step, index) =>
        index === 1 && typeof step === "number" ? (trial.indices.get(String(path[0]))?.[step] ?? step) : step,
      ),
    );
  }
  return { file: STAND_IN, indices: new Map(), incomplete: new Set(Object.keys(systemFile.shape)) };
}

/** What takes a refused path out of the file; decided for all paths before any is changed. */
function changeFor(
  value: Record<string, unknown>,
  path: Path,
): ((removed: Map<string, Set<number>>) => void) | undefined {
  const [section, second] = path;
  const key = path.at(-1);
  const parent = valueAt(value, path.slice(0, -1));
  if (section === undefined || key === undefined) return undefined;
  if (path.length === 2 && typeof second === "number")
    return (removed) => void removed.set(String(section), (removed.get(String(section)) ?? new Set()).add(second));
  if (isRecord(parent) && typeof key === "string") {
    if (Object.hasOwn(parent, key)) return () => void delete parent[key];
    const standIn =
      section === "components" && key === "kind"
        ? Object.keys(parent).some((known) => MODEL_KEYS.has(known))
          ? "model"
          : "external"
        : STAND_IN_OF[String(section)]?.[key];
    if (standIn !== undefined) return () => void (parent[key] = standIn);
  }
  return changeFor(value, path.slice(0, -1));
}

const copied = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(copied)
    : isRecord(value)
      ? Object.fromEntries(Object.entries(value).map(([key, member]) => [key, copied(member)]))
      : value;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function withoutItems(
  value: Record<string, unknown>,
  removed: ReadonlyMap<string, ReadonlySet<number>>,
): { value: Record<string, unknown>; indices: Map<string, readonly number[]> } {
  const kept = { ...value };
  const indices = new Map<string, readonly number[]>();
  for (const [section, gone] of removed) {
    const items = value[section];
    if (!Array.isArray(items)) continue;
    const left = items.map((_, index) => index).filter((index) => !gone.has(index));
    indices.set(section, left);
    kept[section] = left.map((index) => items[index] as unknown);
  }
  return { value: kept, indices };
}

function inOrder(diagnostics: readonly Diagnostic[], limit: number): Diagnostic[] {
  const seen = new Set<string>();
  const sorted = diagnostics
    .filter(({ code, message, span }) => {
      const key = `${code} ${span?.line}:${span?.column} ${message}`;
      return seen.has(key) ? false : seen.add(key);
    })
    .toSorted((a, b) => (a.span?.line ?? 0) - (b.span?.line ?? 0) || (a.span?.column ?? 0) - (b.span?.column ?? 0));
  if (sorted.length <= limit) return sorted;
  // Errors are kept before warnings, so that a flood of warnings hides no error.
  const kept = new Set([...sorted.filter(isError), ...sorted.filter((item) => !isError(item))].slice(0, limit));
  const rest = sorted.length - limit;
  const hidden = sorted.some((item) => isError(item) && !kept.has(item));
  return [
    ...sorted.filter((item) => kept.has(item)),
    ...(hidden
      ? [
          diagnostic(
            "E099",
            `${rest} more mistakes are not shown`,
            "correct these first and read again",
            sorted.at(-1)!.span,
          ),
        ]
      : []),
  ];
}
