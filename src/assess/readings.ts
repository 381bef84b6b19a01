/** How raw values become a model's input, where nobody has said so: the usual ways are tried, and clean accuracy chooses – or cannot. */
import type { OnnxClassifier } from "#onnx/classifier.ts";
import type { HeadChoice } from "#onnx/head.ts";
import { rng } from "#base/random.ts";
import { clopperPearson } from "#base/statistics.ts";
import type { Signal, WorkerPorts } from "#base/ports.ts";
import type { InputContract, Reading } from "#assessment/index.ts";
import { answers, classesSaid, proportionOf, type EvaluationSet, type Listening } from "#attacks/answers.ts";
import { quickAttack } from "#attacks/campaign.ts";
import { ensemble } from "#attacks/ensemble.ts";
import { PROFILES } from "#attacks/profiles.ts";
import type { Norm } from "#attacks/region.ts";
import type { Check } from "#attacks/sanity.ts";
import type { Classifier } from "#attacks/target.ts";
import { openDataset } from "#datasets/open.ts";
import type { EvaluationSet as DataSet } from "#datasets/evaluation-set.ts";
import { selectSamples } from "#datasets/select.ts";
import { OnnxError } from "#onnx/errors.ts";
import { openForClasses } from "./heads.ts";
import { dataAsHashed, modelAsHashed, type Hashed } from "./unchanged.ts";
import { refusalOf, type Refused } from "./opened.ts";

/** What the user said about the input; what is absent is looked for. */
export interface StatedInput {
  readonly layout?: InputContract["layout"];
  readonly range?: readonly [number, number];
  readonly scale?: number;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly integer: boolean;
}

export interface ReadingsPlan {
  readonly model: string;
  readonly data: { readonly path: string; readonly labels: string | undefined };
  readonly classes?: readonly string[];
  /** What the outputs mean, where the author says so. */
  readonly head?: HeadChoice;
  readonly stated: StatedInput;
  readonly norm: Norm;
  /** As a fraction of the range; where two readings are equally right, the short attack at this budget tells whether it matters. */
  readonly eps: number;
  readonly seed: string;
  /** What was hashed before: the bytes read have to be those. */
  readonly inputs: readonly Hashed[];
}

export interface ReadingsFound {
  readonly status: "read";
  readonly contract: InputContract;
  readonly stated: boolean;
  readonly readings: readonly Reading[];
  /** How it was chosen, loudly. */
  readonly because: string;
  /** Why no reading can be relied on, with the remedy; nothing is attacked then. */
  readonly doubt?: string;
  readonly outputs: number;
  readonly available: number;
  readonly notes: readonly string[];
}

/** Inputs that the readings are compared on. */
const COMPARED = 512;
/** Inputs for the short attack under readings that accuracy cannot tell apart, and how many such readings. */
const ATTACKED = 64;
const CONTENDERS = 3;
/** Fewer say nothing; and a difference in what stands above this is one, whatever chance could do. */
const ATTACKED_MIN = 20;
const ALIKE = 0.1;
/** Two readings differ when the inputs that only one gets right split this unevenly (exact sign test). */
const SIGNIFICANT = 0.05;

interface Candidate {
  readonly name: string;
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Published channel statistics of the data sets that most image models were trained on (torchvision; Krizhevsky 2009; LeCun 1998). */
const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const CIFAR10 = { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] };
const MNIST = { mean: [0.1307], std: [0.3081] };

/** The usual ways, simplest first. `channels` where a sample is a picture of that many. */
export function candidates([low, high]: readonly [number, number], channels: number | undefined): Candidate[] {
  const plain = { mean: [], std: [] };
  const asItIs: Candidate = { name: "as the file has it", scale: 1, ...plain };
  if (low !== 0) return [asItIs];
  const unit = 1 / high;
  const divided = high === 1 ? "x" : `x/${high}`;
  return [
    asItIs,
    ...(high === 1 ? [{ name: "x·255", scale: 255, ...plain }] : [{ name: divided, scale: unit, ...plain }]),
    { name: high === 1 ? "2x − 1" : `2x/${high} − 1`, scale: unit, mean: [0.5], std: [0.5] },
    ...(channels === 3
      ? [
          { name: `(${divided} − mean)/std of ImageNet`, scale: unit, ...IMAGENET },
          { name: `(${divided} − mean)/std of CIFAR-10`, scale: unit, ...CIFAR10 },
        ]
      : []),
    ...(channels === 1 ? [{ name: `(${divided} − mean)/std of MNIST`, scale: unit, ...MNIST }] : []),
  ];
}

/** The values an input can have, from those that occur. */
export function rangeOf({ range, integer }: Pick<DataSet, "range" | "integer">): {
  range: [number, number];
  because: string;
} {
  const { low, high } = range;
  if (integer && low >= 0 && high > 16 && high <= 255)
    return { range: [0, 255], because: "whole numbers up to 255: 8-bit values" };
  if (low >= 0 && high <= 1) return { range: [0, 1], because: "values from 0 to 1" };
  if (integer && low >= 0 && high <= 16) return { range: [0, high], because: `whole numbers up to ${high}` };
  if (low >= -1 && high <= 1) return { range: [-1, 1], because: "values from −1 to 1" };
  return {
    range: [low, high],
    because: `values from ${Number(low.toPrecision(4))} to ${Number(high.toPrecision(4))}, taken for all there can be: budgets are fractions of that – --range low..high says another`,
  };
}

const channelsOf = (shape: readonly number[]): number | undefined =>
  shape.length === 2 && shape.every((side) => side >= 5)
    ? 1
    : shape.length === 3
      ? [1, 3].find((count) => shape[0] === count || shape[2] === count)
      : undefined;

/** Which channel each element of a sample belongs to. */
function channelAt(shape: readonly number[], layout: InputContract["layout"], count: number): (at: number) => number {
  const first = layout === "NCHW" || (layout !== "NHWC" && shape[0] === count && shape[2] !== count);
  const each = shape.length === 3 ? (first ? shape[1]! * shape[2]! : 1) : 1;
  return (at) => (count === 1 ? 0 : first ? Math.floor(at / each) : at % count);
}

/** Tries the readings inside an isolated worker. */
export async function findReading(
  plan: ReadingsPlan,
  { ports, signal }: { readonly ports: WorkerPorts; readonly signal: Signal },
): Promise<ReadingsFound | Refused> {
  try {
    const { stated } = plan;
    const opened = await openDataset(
      ports.files,
      {
        path: plan.data.path,
        labels: plan.data.labels,
        ...(stated.layout ? { layoutHint: stated.layout } : {}),
        ...(plan.classes ? { classes: plan.classes } : {}),
        ...(stated.range ? { declaredRange: stated.range } : {}),
        target: "class",
      },
      { signal },
    );
    if (opened.status === "refused")
      return {
        status: "refused",
        because: opened.diagnostics.map(({ message, hint }) => (hint ? `${message} – ${hint}` : message)).join("; "),
        notes: [],
      };
    await dataAsHashed(ports.files, opened.set.inputs, plan.inputs);
    return await readingOf(plan, opened.set, ports, signal);
  } catch (error) {
    const refusal = refusalOf(error);
    return error instanceof OnnxError ? { ...refusal, because: `${plan.model}: ${refusal.because}` } : refusal;
  }
}

async function readingOf(
  plan: ReadingsPlan,
  set: DataSet,
  ports: WorkerPorts,
  signal: Signal,
): Promise<ReadingsFound | Refused> {
  const { stated } = plan;
  const seen = rangeOf(set);
  const range = stated.range ?? seen.range;
  const isStated = stated.scale !== undefined || stated.mean !== undefined || stated.std !== undefined;
  const contractOf = ({ scale, mean, std }: Omit<Candidate, "name">): InputContract => ({
    ...(stated.layout ? { layout: stated.layout } : {}),
    range: [range[0], range[1]],
    scale,
    mean: [...mean],
    std: [...std],
    integer: stated.integer,
  });
  const given: Candidate = {
    name: "as stated",
    scale: stated.scale ?? 1,
    mean: stated.mean ?? [],
    std: stated.std ?? [],
  };
  const tried = isStated ? [given] : candidates(range, channelsOf(set.shape));
  const largest = Int32Array.from(set.y).reduce((most, label) => Math.max(most, label), 0);
  const open = async (candidate: Candidate) =>
    openForClasses(
      {
        bytes: await modelAsHashed(ports.files, plan.model, plan.inputs),
        input: contractOf(candidate),
        sampleShape: set.shape,
        runtime: ports.runtime,
        ...(plan.classes ? { classes: plan.classes.length } : {}),
        ...(plan.head ? { head: plan.head } : {}),
      },
      largest,
    );
  const random = rng(plan.seed);
  const run: Listening = { signal: signal as AbortSignal, rng: random, progress: () => {} };
  const chosen = selectSamples(set, COMPARED, random.fork("readings"));
  const labels = Int32Array.from(chosen, (row) => set.y[row]!);
  const n = chosen.length;

  // One session serves every reading: what another would hand to the network is handed to this one.
  const base = isStated ? given : tried[0]!;
  const classifier = await open(base);
  const right: Uint8Array[] = [];
  try {
    if (largest >= classifier.outputs)
      return {
        status: "refused",
        because: `${plan.data.path} holds the label ${largest}, but the model knows ${classifier.outputs} classes (0 … ${classifier.outputs - 1}) – is it the right data set, and are the labels counted from 0?`,
        notes: [],
      };
    for (const candidate of tried) {
      const points = asRead(set, chosen, range, base, candidate, stated.layout);
      const said = classesSaid(await answers(run, classifier, points, n), n, classifier.outputs);
      right.push(Uint8Array.from(said, (label, k) => (label === labels[k] ? 1 : 0)));
    }
  } finally {
    await classifier.release();
  }
  const accuracy = right.map((one) => one.reduce((sum, hit) => sum + hit, 0));
  const best = accuracy.reduce((top, k, i) => (k > accuracy[top]! ? i : top), 0);
  const readings = tried.map(({ name }, i): Reading => ({
    name,
    accuracy: proportionOf(accuracy[i]!, n, "input"),
    chosen: i === best,
  }));
  const figure = (i: number): string => `${((100 * accuracy[i]!) / n).toFixed(1)} %`;
  const found = {
    status: "read" as const,
    contract: contractOf(tried[best]!),
    stated: isStated,
    readings,
    outputs: classifier.outputs,
    available: set.units ? new Set(set.units).size : set.n,
    notes: set.warnings.map(({ message, hint }) => (hint ? `${message}: ${hint}` : message)),
  };
  const rangeWords = stated.range ? "range as stated" : `range ${range[0]}..${range[1]} guessed from ${seen.because}`;
  if (isStated)
    return {
      ...found,
      because: `preprocessing as stated: clean accuracy ${figure(best)} on ${n} inputs; ${rangeWords}`,
    };

  const few =
    accuracy[best]! / n < 0.5 ? ". LOW: suspect the preprocessing, the order of the classes, or the data" : "";
  const others = tried.flatMap(({ name }, i) => (i === best ? [] : [`${name} ${figure(i)}`]));
  const because =
    `preprocessing GUESSED: "${tried[best]!.name}" gives the highest clean accuracy, ${figure(best)} on ${n} inputs` +
    `${others.length > 0 ? ` (${others.join(", ")})` : ""}; ${rangeWords}. State it with --scale, --mean, --std${few}`;
  const commonest = Math.max(...countBy(labels).values()) / n;
  const atLeast = clopperPearson(accuracy[best]!, n).low;
  if (countBy(labels).size > 1 && (accuracy[best]! / n <= commonest || atLeast <= 1 / classifier.outputs))
    return {
      ...found,
      because,
      doubt: `under no usual preprocessing is the model clearly right more often than by chance or by always saying the commonest class (at best ${figure(best)} of ${n}; the commonest has ${(100 * commonest).toFixed(1)} %): state --scale, --mean, --std, --layout as the model was trained, and check that the labels count from 0 in the model's order`,
    };
  const contenders = tried
    .map((_, i) => i)
    .filter((i) => i !== best && !tellsApart(right[best]!, right[i]!))
    .toSorted((a, b) => accuracy[b]! - accuracy[a]! || a - b)
    .slice(0, CONTENDERS);
  if (contenders.length === 0) return { ...found, because };
  const rows = chosen
    .filter((_, k) => right[best]![k] === 1 && contenders.every((i) => right[i]![k] === 1))
    .slice(0, ATTACKED);
  const stands: Uint8Array[] = [];
  for (const i of [best, ...contenders])
    stands.push(await standingUnder(await open(tried[i]!), run, set, rows, range, plan));
  const share = (one: Uint8Array): number => one.reduce((sum, hit) => sum + hit, 0) / Math.max(1, rows.length);
  const apart = contenders.filter(
    (_, at) =>
      rows.length < ATTACKED_MIN ||
      tellsApart(stands[0]!, stands[at + 1]!) ||
      Math.abs(share(stands[0]!) - share(stands[at + 1]!)) > ALIKE,
  );
  const count = (one: Uint8Array): string => `${one.reduce((sum, hit) => sum + hit, 0)} of ${rows.length}`;
  const both = contenders.map((i, at) => `"${tried[i]!.name}" ${count(stands[at + 1]!)}`).join(", ");
  if (apart.length === 0)
    return {
      ...found,
      because: `${because}. Not told apart by accuracy, but alike under a short attack: "${tried[best]!.name}" leaves ${count(stands[0]!)} standing, ${both}`,
    };
  return {
    ...found,
    because,
    doubt: `clean accuracy cannot tell "${tried[best]!.name}" (${figure(best)}) from ${apart.map((i) => `"${tried[i]!.name}" (${figure(i)})`).join(", ")}, and robustness may differ: a short attack leaves ${count(stands[0]!)} standing under the first, ${both}. State --scale (and --mean, --std) as the model was trained`,
  };
}

/** An alternative must be this much less likely by chance before a stated contract is doubted: several are compared. */
const DOUBTED = 0.01;

/**
 * Whether one of the usual ways to read the data makes the model right clearly more often than the declared one: then the
 * declared preprocessing is suspected, even where clean accuracy alone looks fine.
 */
export async function readingCheck(
  run: Listening,
  classifier: Classifier,
  set: DataSet,
  contract: InputContract,
  rows: readonly number[],
): Promise<Check> {
  const declared: Candidate = { name: "as declared", scale: contract.scale, mean: contract.mean, std: contract.std };
  const others = candidates(contract.range, channelsOf(set.shape)).filter((other) => !sameReading(other, declared));
  const some = Int32Array.from(rows.slice(0, COMPARED));
  const labels = Int32Array.from(some, (row) => set.y[row]!);
  const right: Uint8Array[] = [];
  for (const candidate of [declared, ...others]) {
    const points = asRead(set, some, contract.range, declared, candidate, contract.layout);
    const said = classesSaid(await answers(run, classifier, points, some.length), some.length, classifier.outputs);
    right.push(Uint8Array.from(said, (label, k) => (label === labels[k] ? 1 : 0)));
  }
  const hits = right.map((one) => one.reduce((sum, hit) => sum + hit, 0));
  const better = others.findIndex((_, i) => hits[i + 1]! > hits[0]! && tellsApart(right[0]!, right[i + 1]!, DOUBTED));
  const percentOf = (i: number): string => `${((100 * hits[i]!) / Math.max(1, some.length)).toFixed(1)} %`;
  return {
    check: "no usual preprocessing fits the model better than the declared one",
    passed: better < 0,
    about: "validity",
    detail:
      better < 0
        ? `right for ${percentOf(0)} as declared; ${others.map(({ name }, i) => `${name} ${percentOf(i + 1)}`).join(", ") || "there is no usual alternative"}`
        : `right for ${percentOf(0)} as declared, but for ${percentOf(better + 1)} of ${some.length} inputs with ${others[better]!.name}: the declared preprocessing is suspected`,
  };
}

/** Whether two ways hand the network the same numbers. */
function sameReading(a: Candidate, b: Candidate): boolean {
  const channels = Math.max(1, a.mean.length, a.std.length, b.mean.length, b.std.length);
  const line = ({ scale, mean, std }: Candidate, c: number): readonly [number, number] => {
    const deviation = std[std.length === 1 ? 0 : c] ?? 1;
    return [scale / deviation, (mean[mean.length === 1 ? 0 : c] ?? 0) / deviation];
  };
  return Array.from({ length: channels }, (_, c) => [line(a, c), line(b, c)] as const).every(
    ([[slope, shift], [otherSlope, otherShift]]) =>
      Math.abs(slope - otherSlope) < 1e-3 * Math.abs(slope) &&
      Math.abs(shift - otherShift) < 1e-3 * (1 + Math.abs(shift)),
  );
}

function countBy(labels: Int32Array): Map<number, number> {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

/** Exact two-sided sign test on the inputs that only one of the two gets right. */
export function tellsApart(a: Uint8Array, b: Uint8Array, level = SIGNIFICANT): boolean {
  let onlyA = 0;
  let onlyB = 0;
  a.forEach((hit, k) => {
    if (hit > b[k]!) onlyA++;
    if (hit < b[k]!) onlyB++;
  });
  const trials = onlyA + onlyB;
  // The interval of a fair coin excludes 1/2 exactly where the two-sided test is significant at that level.
  const { low, high } = clopperPearson(onlyA, trials, 1 - level);
  return trials > 0 && (low > 0.5 || high < 0.5);
}

/** Fractions that make the session of `base` see what the session of `candidate` would. */
function asRead(
  set: DataSet,
  rows: Int32Array,
  [low, high]: readonly [number, number],
  base: Candidate,
  candidate: Candidate,
  layout: InputContract["layout"],
): Float32Array {
  const size = set.sampleSize;
  const of = (list: readonly number[], channel: number, absent: number): number =>
    list.length === 0 ? absent : list.length === 1 ? list[0]! : list[channel]!;
  const channel = channelAt(
    set.shape,
    layout,
    Math.max(1, ...[candidate, base].flatMap(({ mean, std }) => [mean.length, std.length])),
  );
  const points = new Float32Array(rows.length * size);
  rows.forEach((row, k) => {
    for (let i = 0; i < size; i++) {
      const c = channel(i);
      const raw = set.x[row * size + i]!;
      const wanted =
        candidate === base
          ? raw
          : // What the candidate hands to the network, back through what the session does to a raw value.
            (((raw * candidate.scale - of(candidate.mean, c, 0)) / of(candidate.std, c, 1)) * of(base.std, c, 1) +
              of(base.mean, c, 0)) /
            base.scale;
      points[k * size + i] = (wanted - low) / (high - low);
    }
  });
  return points;
}

/** Which of the inputs the short attack leaves standing under one reading. */
async function standingUnder(
  opened: OnnxClassifier,
  run: Listening,
  set: DataSet,
  rows: Int32Array,
  [low, high]: readonly [number, number],
  { norm, eps }: ReadingsPlan,
): Promise<Uint8Array> {
  const classifier: Classifier = opened;
  try {
    const size = set.sampleSize;
    const samples = new Float32Array(rows.length * size);
    rows.forEach((row, k) => {
      for (let i = 0; i < size; i++) samples[k * size + i] = (set.x[row * size + i]! - low) / (high - low);
    });
    const label = Int32Array.from(rows, (row) => set.y[row]!);
    const here: Pick<EvaluationSet, "samples" | "units"> = {
      samples,
      units: Array.from(rows, (row) => `sample ${row}`),
    };
    const brought = quickAttack(PROFILES.quick.assaults(norm, classifier.outputs, classifier.gradient !== undefined));
    const { beaten } = await ensemble(run, classifier, brought, {
      ...here,
      goal: { kind: "untargeted", label },
      within: { norm, eps },
    });
    return beaten.map((fell) => 1 - fell);
  } finally {
    await opened.release();
  }
}
