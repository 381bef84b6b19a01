/** Controls in place, tests with their thresholds, and evidence from elsewhere. */
import type { Component, DeclaredControl, ImportedSource, PlannedTest } from "#assessment/system.ts";
import { given } from "./architecture.ts";
import type { Datasets, Places } from "./architecture.ts";
import { ANY_NAME, lineOf, many, ofMany, placeOf, readDate, readPath, readPathOrWords, refer } from "./context.ts";
import type { Context, Names } from "./context.ts";
import { readBudget, readThreshold } from "./quantities.ts";
import type { WrittenBudget } from "./quantities.ts";
import { valueAt } from "./mistakes.ts";
import type { FileTest } from "./schema.ts";
import { quoted } from "./yaml.ts";
import type { Path } from "./yaml.ts";

const allOf = (places: Places): Names[] => [places.components, places.flows, places.boundaries, places.usual];

// ---------------------------------------------------------------- controls

const EVIDENCE_KINDS = ["measured", "verified", "declared"] as const;

export function readControls(context: Context, places: Places): DeclaredControl[] {
  const controls: DeclaredControl[] = [];
  const paths: Path[] = [];
  (context.file.controls ?? []).forEach((entry, index) => {
    const at = context.item("controls", index);
    const known = context.options.knownControls;
    if (known && !known.has(entry.control))
      context.say(
        "E026",
        `the catalogue has no control ${quoted(entry.control)}`,
        "controls are C-01 to C-92; `vauban explain C-30` describes one",
        [...at, "control"],
      );
    refer(context, entry.at, allOf(places), {
      code: "E013",
      message: `${entry.control} stands at ${quoted(entry.at)}, which no component, flow or boundary declares`,
      at: [...at, "at"],
    });
    if (entry.component !== undefined)
      refer(context, entry.component, [places.components], {
        code: "E013",
        message: `${entry.control} is said to be ${quoted(entry.component)}, which no component declares`,
        at: [...at, "component"],
      });
    const kinds = EVIDENCE_KINDS.filter((kind) => entry[kind] !== undefined);
    const kind = kinds[0];
    if (kind === undefined || kinds.length > 1) {
      context.say(
        "E045",
        kind === undefined
          ? `${entry.control} at ${quoted(entry.at)} does not say how it is known`
          : `${entry.control} at ${quoted(entry.at)} is ${kinds.join(" and ")}`,
        kind === undefined
          ? "add measured: path, verified: path, or declared: words"
          : "write one entry for each kind of evidence",
        at,
      );
      return;
    }
    const evidence =
      kind === "declared"
        ? readPathOrWords(context, entry.declared, [...at, "declared"])
        : readPath(context, entry[kind], [...at, kind]);
    if (kind !== "declared" && entry.date === undefined)
      context.say(
        "W005",
        `${entry.control} at ${quoted(entry.at)} is ${kind} on no date`,
        "add date: YYYY-MM-DD; evidence without a date earns nothing",
        at,
      );
    paths.push(at);
    controls.push({
      id: `${entry.control}@${entry.at}`,
      control: entry.control,
      at: entry.at,
      kind,
      ...given({
        evidence,
        date: readDate(context, entry.date, [...at, "date"], "past"),
        component: entry.component,
        note: entry.note,
      }),
      where: placeOf(context, at),
    });
  });

  // The same control in the same place may be known in two ways; then the way is part of its id.
  const byPlace = Map.groupBy(controls, ({ id }) => id);
  const seen = new Map<string, number>();
  return controls.map((control, index) => {
    const id = byPlace.get(control.id)!.length > 1 ? `${control.id} (${control.kind})` : control.id;
    const earlier = seen.get(id);
    if (earlier !== undefined)
      context.say(
        "E017",
        `${control.control} at ${quoted(control.at)} is ${control.kind} twice`,
        `it stands already in line ${lineOf(context, context.located.span(paths[earlier]!))}; keep the newer evidence`,
        paths[index]!,
      );
    seen.set(id, index);
    return { ...control, id };
  });
}

// ---------------------------------------------------------------- tests

/** What a sticker meets when nothing is said: our own choice (I), after the ranges of field studies on signs (Eykholt et al. 2018, §4). */
const PLACEMENT = { scale: [0.8, 1.2], rotationDegrees: 20, brightness: [0.7, 1.3], anywhere: true } as const;

export function readTests(
  context: Context,
  components: readonly Component[],
  datasets: Datasets,
  places: Places,
): PlannedTest[] {
  const tests: PlannedTest[] = [];
  const seen = new Map<string, Path>();
  (context.file.tests ?? []).forEach((entry, index) => {
    const at = context.item("tests", index);
    const test = readTest(context, entry, at, components, datasets, places);
    if (!test) return;
    const earlier = seen.get(test.id);
    if (earlier)
      context.say(
        "E017",
        `test ${quoted(test.id)} stands twice`,
        `it stands already in line ${context.located.span(earlier).line}; give one of them an id:`,
        at,
      );
    else seen.set(test.id, at);
    tests.push(test);
  });
  if (tests.length === 0 && !context.incomplete.has("tests"))
    context.say(
      "W012",
      "no tests are planned",
      "every threat will be untested; add tests: with thresholds and their reasons",
      placeOf(context, context.file.tests ? ["tests"] : ["system"], "key"),
    );
  return tests;
}

function readTest(
  context: Context,
  entry: FileTest,
  at: Path,
  components: readonly Component[],
  datasets: Datasets,
  places: Places,
): PlannedTest | undefined {
  const [kind, modelId] =
    "evasion" in entry
      ? (["evasion", entry.evasion] as const)
      : "patch" in entry
        ? (["patch", entry.patch] as const)
        : (["corruption", entry.corruption] as const);
  const modelAt = [...at, kind];
  const known = refer(context, modelId, [modelsOf(context)], {
    code: places.components.has(modelId) || places.boundaries.has(modelId) ? "E036" : "E013",
    message: places.components.has(modelId)
      ? `${kind} test of ${quoted(modelId)}, which is not a model`
      : `${kind} test of ${quoted(modelId)}, which no component declares`,
    at: modelAt,
  });
  if (entry.by !== undefined)
    refer(context, entry.by, [context.names.actors], {
      code: "E013",
      message: `test by ${quoted(entry.by)}, whom actors: does not declare`,
      at: [...at, "by"],
    });
  const named = entry.data === undefined ? undefined : datasets.resolve(entry.data, [...at, "data"]);
  const component = components.find(({ id }) => id === modelId);
  const model = component?.model;
  if (!known || !model) return undefined;

  const evaluation = datasets.all().filter(({ role, path }) => role === "test" && path !== undefined);
  const data = named ?? model.accuracy?.on ?? (evaluation.length === 1 ? evaluation[0]!.id : undefined);
  const lacking = [
    ...(model.artefact ? [] : ["an artefact"]),
    ...(model.input ? [] : ["an input contract"]),
    ...(data ? [] : ["evaluation data"]),
  ];
  // What could not be read in the model's own entry has been reported there.
  if (lacking.length > 0 && !context.incomplete.has(`components/${modelId}`))
    context.say(
      "E035",
      `${kind} test of ${quoted(modelId)} cannot run: it lacks ${lacking.join(" and ")}`,
      LACKING_HINTS[lacking[0]!],
      modelAt,
    );
  const dataset = data === undefined ? undefined : datasets.all().find(({ id }) => id === data);
  if (dataset && dataset.path === undefined)
    context.say(
      "E035",
      `dataset ${quoted(dataset.id)} has no path`,
      `give it path: data/…`,
      entry.data ? [...at, "data"] : modelAt,
    );
  if (kind === "patch" && model.input?.layout && !["NCHW", "NHWC", "NHW"].includes(model.input.layout))
    context.say(
      "E035",
      `a patch needs a picture; the input of ${quoted(modelId)} is ${model.input.layout}`,
      "use an evasion test",
      modelAt,
    );

  const threshold = (key: string, written: string | undefined, direction: ">=" | "<="): PlannedThreshold => {
    if (written === undefined) return {};
    const read = readThreshold(written, direction, key, entry.samples);
    if ("message" in read) {
      context.say("E032", read.message, read.hint, [...at, key]);
      return {};
    }
    return { read, at: [...at, key] };
  };
  const base = {
    because: entry.because,
    ...given({ by: entry.by, samples: entry.samples, queries: entry.queries, data }),
    model: modelId,
    where: placeOf(context, at),
  };
  const finish = (test: Record<string, unknown>, thresholds: readonly PlannedThreshold[], written: boolean) => {
    const first = thresholds.find(({ at: place }) => place !== undefined);
    if (!written && !context.incomplete.has(at.join("/")))
      context.say(
        "W006",
        `${kind} test of ${quoted(modelId)} has no threshold`,
        "it measures but decides nothing",
        placeOf(context, at),
      );
    return { ...base, ...test, ...given({ thresholdWhere: first?.at && placeOf(context, first.at) }) } as PlannedTest;
  };

  if ("evasion" in entry) {
    const range = model.input?.range;
    const eps =
      range && range[0] < range[1] ? readEps(context, entry.eps, entry.norm, range, [...at, "eps"]) : undefined;
    many(entry.bound?.actors).forEach((name, index) =>
      refer(context, name, [context.names.actors], {
        code: "E013",
        message: `bound holds ${quoted(name)}, whom actors: does not declare`,
        at: ofMany(entry.bound?.actors, [...at, "bound", "actors"], index),
      }),
    );
    const robust = threshold("robust-accuracy", entry["robust-accuracy"], ">=");
    const success = threshold("success-rate", entry["success-rate"], "<=");
    return finish(
      {
        kind,
        id: entry.id ?? `evasion-${modelId}-${entry.norm}-${shortEps(entry.eps)}`,
        norm: entry.norm,
        eps,
        ...given({
          bound: entry.bound && {
            by: entry.bound.by,
            because: entry.bound.because,
            actors: [...many(entry.bound.actors)],
          },
          robustAccuracy: robust.read,
          successRate: success.read,
        }),
      },
      [robust, success],
      entry["robust-accuracy"] !== undefined || entry["success-rate"] !== undefined,
    );
  }
  if ("patch" in entry) {
    const target = entry.target === undefined ? undefined : String(entry.target);
    if (target !== undefined && model.classes)
      refer(context, target, [new Map(model.classes.map((name) => [name, ["components", modelId, "classes"]]))], {
        code: "E038",
        message: `${quoted(target)} is no class of ${quoted(modelId)}`,
        at: [...at, "target"],
      });
    for (const key of ["scale", "brightness"] as const) {
      const pair = entry.placement?.[key];
      if (pair && !(0 < pair[0] && pair[0] <= pair[1]))
        context.say(
          "E034",
          `${key} [${pair.join(", ")}] is out of order`,
          "two factors above zero, the smaller first, such as [0.8, 1.2]",
          [...at, "placement", key],
        );
    }
    const success = threshold("success-rate", entry["success-rate"], "<=");
    return finish(
      {
        kind,
        id: entry.id ?? `patch-${modelId}-${entry.area}${target === undefined ? "" : `-${slug(target)}`}`,
        area: entry.area,
        placement: {
          scale: entry.placement?.scale ?? [...PLACEMENT.scale],
          rotationDegrees: entry.placement?.rotation ?? PLACEMENT.rotationDegrees,
          brightness: entry.placement?.brightness ?? [...PLACEMENT.brightness],
          anywhere: entry.placement?.anywhere ?? PLACEMENT.anywhere,
        },
        ...given({ target, successRate: success.read }),
      },
      [success],
      entry["success-rate"] !== undefined,
    );
  }
  const accuracy = threshold("accuracy", entry.accuracy, ">=");
  return finish(
    { kind, id: entry.id ?? `corruption-${modelId}`, ...given({ accuracy: accuracy.read }) },
    [accuracy],
    entry.accuracy !== undefined,
  );
}

const LACKING_HINTS: Readonly<Record<string, string>> = {
  "an artefact": "give the model artefact: model/….onnx",
  "an input contract": "give the model input: { range: [0, 255], … }",
  "evaluation data": "add data: path to the test, or accuracy: { declared: …, on: path } to the model",
};

interface PlannedThreshold {
  readonly read?: { readonly at: ">=" | "<="; readonly value: number };
  readonly at?: Path;
}

/** Components that are models, also those whose entry could not be read. */
function modelsOf(context: Context): Names {
  if (context.names.components === ANY_NAME) return ANY_NAME;
  return new Map(
    [...context.names.components].filter(([id]) => {
      const component = context.file.components[id];
      return component?.kind === "model" || !component || kindUnsure(context, id);
    }),
  );
}

const kindUnsure = (context: Context, id: string): boolean =>
  context.incomplete.has(`components/${id}`) && valueAt(context.located.value, ["components", id, "kind"]) !== "model";

function readEps(
  context: Context,
  written: WrittenBudget,
  norm: "linf" | "l2",
  range: readonly [number, number],
  at: Path,
): { fraction: number; raw: number; written: string } | undefined {
  const read = readBudget(written, norm, range);
  if ("fraction" in read) return { ...read };
  context.say("E031", read.message, read.hint, at);
  return undefined;
}

const shortEps = (written: WrittenBudget): string =>
  typeof written === "object" ? `raw${written.raw}` : String(written).replace(/\s/g, "").replace("/", "of");
const slug = (words: string): string =>
  words
    .toLowerCase()
    .replace(/[^\p{L}\p{N}.]+/gu, "-")
    .replace(/^-+|-+$/g, "");

// ---------------------------------------------------------------- evidence from elsewhere

const FORMATS = ["sarif", "vex", "statement"] as const;

export function readImports(context: Context, places: Places): ImportedSource[] {
  const imports: ImportedSource[] = [];
  const seen = new Map<string, Path>();
  (context.file.imports ?? []).forEach((entry, index) => {
    const at = context.item("imports", index);
    const formats = FORMATS.filter((format) => entry[format] !== undefined);
    checkThreats(context, many(entry.for), (i) => ofMany(entry.for, [...at, "for"], i));
    if (entry.at !== undefined)
      refer(context, entry.at, allOf(places), {
        code: "E013",
        message: `evidence about ${quoted(entry.at)}, which no component, flow or boundary declares`,
        at: [...at, "at"],
      });
    const format = formats[0];
    if (format === undefined || formats.length > 1) {
      context.say(
        "E011",
        format === undefined ? "an import names no document" : `an import is ${formats.join(" and ")} at once`,
        "one of sarif: path, vex: path, statement: path",
        at,
      );
      return;
    }
    const path = readPath(context, entry[format], [...at, format])!;
    const id = `${format}:${path}${entry.at === undefined ? "" : `@${entry.at}`}`;
    const earlier = seen.get(id);
    if (earlier)
      context.say(
        "E017",
        `${quoted(path)} is imported twice`,
        `it stands already in line ${context.located.span(earlier).line}; put all its threats there`,
        at,
      );
    else seen.set(id, at);
    imports.push({
      id,
      format,
      path,
      for: [...many(entry.for)],
      ...given({ at: entry.at }),
      where: placeOf(context, at),
    });
  });
  return imports;
}

/** Says which threats the catalogue does not have. */
export function checkThreats(context: Context, threats: readonly string[], at: (index: number) => Path): void {
  const known = context.options.knownThreats;
  threats.forEach((threat, index) => {
    if (known && !known.has(threat))
      context.say(
        "E027",
        `the catalogue has no threat ${quoted(threat)}`,
        "threats are T-01 to T-38; `vauban explain T-01` describes one",
        at(index),
      );
  });
}
