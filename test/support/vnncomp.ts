/** Networks and boxes with proven verdicts from the verification competition, as sieges the attacks can be sent on. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Assault, ensemble } from "#attacks/ensemble.ts";
import apgd from "#attacks/evasion/apgd.ts";
import square from "#attacks/evasion/square.ts";
import type { Goal, UnsafeClauses } from "#attacks/goals.ts";
import type { Siege } from "#attacks/harness.ts";
import { type Boxes, boxRegion, inside, roundDown, roundUp } from "#attacks/region.ts";
import { rng } from "#base/random.ts";
import { openClassifier } from "#onnx/classifier.ts";
import { readNpy, sharedData } from "./npy.ts";
import { testRuntime } from "./runtime.ts";

/** The networks, with the shape of one sample. */
export const NETWORKS: Readonly<Record<string, readonly number[]>> = {
  NN_rul_small_window_20: [1, 20, 20],
  "acasxu/1_1": [5],
  "acasxu/1_2": [5],
  "acasxu/1_3": [5],
  marabou_cifar10_small: [32, 32, 3],
  mnist_fc_256x2: [784, 1],
  oval21_base: [3, 32, 32],
  rl_cartpole: [4],
  safenlp_medical: [30],
  traffic_signs_48: [48, 48, 3],
  verivital_avgpool: [1, 28, 28],
};

interface Constraint {
  readonly coef: Readonly<Record<string, number>>;
  readonly le: number;
}

export interface Instance {
  readonly id: string;
  readonly row: number;
  readonly kind: string;
  readonly nOut: number;
  readonly label?: number;
  readonly verdict: "sat" | "unsat" | "unknown";
  readonly evidenceGrade: "A" | "B" | "C";
  readonly pgd?: { readonly found: boolean };
  readonly violation?: { readonly anyOf: readonly Clause[] };
}

/** One way to violate a property: all of its constraints, inside a box of its own where it has one. */
interface Clause {
  readonly lo?: readonly number[];
  readonly hi?: readonly number[];
  readonly allOf: readonly Constraint[];
}

/** Boxes in which instances are attacked: those with a label together, properties with those of the same clauses. */
interface Group {
  readonly instances: readonly Instance[];
  readonly boxes: Boxes;
  readonly goal: Goal;
}

/** Instances of grades A and B of a network, in the order of the file. */
export function instancesOf(network: string): { file: string; instances: Instance[] } {
  const manifest = JSON.parse(readFileSync(join(sharedData, "vnncomp", network, "instances.json"), "utf8")) as {
    netFile: string;
    instances: Instance[];
  };
  return {
    file: join(sharedData, "vnncomp", network, manifest.netFile),
    instances: manifest.instances.filter(({ evidenceGrade }) => evidenceGrade !== "C"),
  };
}

export interface Fought {
  readonly network: string;
  /** Broken with a point that lies inside the official box and that a fresh query confirms. */
  readonly broken: readonly Instance[];
  readonly tried: readonly Instance[];
  readonly noGradient: string | undefined;
  readonly queries: number;
  readonly runs: readonly { attack: string; objective: string; fooled: number }[];
}

/** Attacks the given instances of one network inside their boxes. `queries` is Square's budget. */
export async function fight(
  network: string,
  options: { instances?: readonly Instance[]; steps: number; restarts: number; queries: number; seed?: number },
): Promise<Fought> {
  const { file, instances: all } = instancesOf(network);
  const instances = options.instances ?? all;
  const shape = NETWORKS[network]!;
  const classifier = await openClassifier({
    bytes: new Uint8Array(readFileSync(file)),
    // The boxes are in the network's own units: nothing happens before it.
    input: { range: [0, 1], scale: 1, mean: [], std: [], integer: false },
    sampleShape: shape,
    runtime: testRuntime,
  });
  const { size } = classifier;
  const low = readNpy(join(sharedData, "vnncomp", network, "lo.npy")).data;
  const high = readNpy(join(sharedData, "vnncomp", network, "hi.npy")).data;
  const run = {
    signal: new AbortController().signal,
    rng: rng(options.seed ?? 1),
    progress: () => {},
  };
  const broken: Instance[] = [];
  const tally = new Map<string, { attack: string; objective: string; fooled: number }>();
  let queries = 0;
  for (const { instances: group, boxes, goal } of groupsOf(instances, low, high, size)) {
    // A property of several boxes is broken where it is broken in one of them.
    if (group.every((one) => broken.includes(one))) continue;
    const samples = boxes.low.map((value, at) => (value + boxes.high[at]!) / 2);
    const siege: Siege = { samples, units: group.map(({ id }) => id), goal, within: boxes };
    const result = await ensemble(run, classifier, assaults(goal, classifier, options), siege);
    const region = boxRegion(classifier, boxes, group.length);
    for (const [k, { point }] of result.found) {
      if (!inside(region, k, point)) throw new Error(`${group[k]!.id}: a point outside its box was accepted`);
      broken.push(group[k]!);
    }
    queries += result.queries;
    for (const { attack, objective, fooled } of result.runs) {
      const key = `${attack} ${objective}`;
      tally.set(key, { attack, objective, fooled: fooled + (tally.get(key)?.fooled ?? 0) });
    }
  }
  await classifier.release();
  return { network, broken, tried: instances, noGradient: classifier.noGradient, queries, runs: [...tally.values()] };
}

function groupsOf(instances: readonly Instance[], low: Float64Array, high: Float64Array, size: number): Group[] {
  const pick = (from: Float64Array, rows: readonly Instance[]): Float32Array => {
    const packed = new Float32Array(rows.length * size);
    rows.forEach(({ row }, k) => packed.set(from.subarray(row * size, (row + 1) * size), k * size));
    return packed;
  };
  const boxesOf = (rows: readonly Instance[]): Boxes => ({ low: pick(low, rows), high: pick(high, rows) });
  const labelled = instances.filter(({ label }) => label !== undefined);
  const groups: Group[] = [];
  if (labelled.length > 0) {
    const label = Int32Array.from(labelled, (one) => one.label!);
    groups.push({ instances: labelled, boxes: boxesOf(labelled), goal: { kind: "untargeted", label } });
  }
  const same = new Map<string, { instances: Instance[]; clauses: UnsafeClauses }>();
  for (const one of instances) {
    if (one.label !== undefined) continue;
    if (!one.violation) throw new Error(`${one.id} has neither a label nor a violation`);
    const whole = one.violation.anyOf.filter(({ lo }) => lo === undefined);
    if (whole.length > 0) {
      const clauses = clausesOf(one, whole);
      const key = JSON.stringify(clauses);
      same.set(key, { instances: [...(same.get(key)?.instances ?? []), one], clauses });
    }
    for (const clause of one.violation.anyOf)
      if (clause.lo && clause.hi) {
        // Rounded inwards, as the stored boxes are.
        const boxes = { low: Float32Array.from(clause.lo, roundUp), high: Float32Array.from(clause.hi, roundDown) };
        groups.push({ instances: [one], boxes, goal: { kind: "unsafe", clauses: clausesOf(one, [clause]) } });
      }
  }
  for (const { instances: alike, clauses } of same.values())
    groups.push({ instances: alike, boxes: boxesOf(alike), goal: { kind: "unsafe", clauses } });
  return groups;
}

function clausesOf({ nOut }: Instance, clauses: readonly Clause[]): UnsafeClauses {
  return clauses.map(({ allOf }) =>
    allOf.map(({ coef, le }) => {
      const a = Array.from({ length: nOut }, (_, j) => coef[String(j)] ?? 0);
      return { a, b: le };
    }),
  );
}

/** Starts times dimensions. */
const FEW_DIMENSIONS = 500;

function assaults(
  goal: Goal,
  { gradient, outputs, size }: { gradient?: unknown; outputs: number; size: number },
  { steps, restarts, queries }: { steps: number; restarts: number; queries: number },
): Assault[] {
  // Without a gradient Square is all there is, and fresh starts help it more than long runs.
  if (!gradient) return [{ attack: square, parameters: { queries, restarts: 6 } }];
  const last: Assault[] = queries > 0 ? [{ attack: square, parameters: { queries } }] : [];
  // A box of few dimensions is searched from many starts: they cost next to nothing there, and its corners are far apart.
  const starts = Math.max(restarts, Math.ceil(FEW_DIMENSIONS / size));
  if (goal.kind === "unsafe")
    return [
      { attack: apgd, parameters: { objective: "unsafe", steps, restarts: starts } },
      { attack: apgd, parameters: { objective: "unsafe", steps, start: "centre", first: 0.1 } },
      ...last,
    ];
  return [
    { attack: apgd, parameters: { objective: "margin", steps, restarts } },
    { attack: apgd, parameters: { objective: "cross-entropy", steps, restarts: 1 } },
    ...(outputs >= 4
      ? [{ attack: apgd, parameters: { objective: "dlr-targeted", steps, restarts: 1 } }]
      : [{ attack: apgd, parameters: { objective: "targeted-margin", steps, restarts } }]),
    ...last,
  ];
}
