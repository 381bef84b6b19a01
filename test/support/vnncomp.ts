/** Networks and boxes with proven verdicts from the verification competition, as sieges the attacks can be sent on. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Assault, ensemble } from "#attacks/ensemble.ts";
import apgd from "#attacks/evasion/apgd.ts";
import square from "#attacks/evasion/square.ts";
import type { Goal, UnsafeClauses } from "#attacks/goals.ts";
import type { Siege } from "#attacks/harness.ts";
import { inside, boxRegion } from "#attacks/region.ts";
import { rng } from "#base/random.ts";
import { openClassifier } from "#onnx/classifier.ts";
import { readNpy, sharedData } from "./npy.ts";
import { testRuntime } from "./runtime.ts";

/** The networks whose properties are local robustness, with the shape of one sample. */
export const NETWORKS: Readonly<Record<string, readonly number[]>> = {
  marabou_cifar10_small: [32, 32, 3],
  mnist_fc_256x2: [784, 1],
  oval21_base: [3, 32, 32],
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
  readonly violation?: { readonly anyOf: readonly { readonly allOf: readonly Constraint[] }[] };
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
  // Instances with a label go together; a property of its own clauses goes alone.
  const groups = [
    instances.filter(({ label }) => label !== undefined),
    ...instances.filter(({ label }) => label === undefined).map((one) => [one]),
  ].filter((group) => group.length > 0);
  for (const group of groups) {
    const pick = (from: Float64Array): Float32Array => {
      const packed = new Float32Array(group.length * size);
      group.forEach(({ row }, k) => packed.set(from.subarray(row * size, (row + 1) * size), k * size));
      return packed;
    };
    const boxes = { low: pick(low), high: pick(high) };
    const samples = boxes.low.map((value, at) => (value + boxes.high[at]!) / 2);
    const [first] = group;
    const goal: Goal =
      first!.label === undefined
        ? { kind: "unsafe", clauses: clausesOf(first!) }
        : { kind: "untargeted", label: Int32Array.from(group, ({ label }) => label!) };
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

function clausesOf({ violation, nOut, id }: Instance): UnsafeClauses {
  if (!violation) throw new Error(`${id} has neither a label nor a violation`);
  return violation.anyOf.map(({ allOf }) =>
    allOf.map(({ coef, le }) => {
      const a = Array.from({ length: nOut }, (_, j) => coef[String(j)] ?? 0);
      return { a, b: le };
    }),
  );
}

function assaults(
  goal: Goal,
  { gradient, outputs }: { gradient?: unknown; outputs: number },
  { steps, restarts, queries }: { steps: number; restarts: number; queries: number },
): Assault[] {
  // Without a gradient Square is all there is, and fresh starts help it more than long runs.
  if (!gradient) return [{ attack: square, parameters: { queries, restarts: 6 } }];
  const last: Assault[] = queries > 0 ? [{ attack: square, parameters: { queries } }] : [];
  if (goal.kind === "unsafe") return [{ attack: apgd, parameters: { objective: "unsafe", steps, restarts } }, ...last];
  return [
    { attack: apgd, parameters: { objective: "margin", steps, restarts } },
    { attack: apgd, parameters: { objective: "cross-entropy", steps, restarts: 1 } },
    ...(outputs >= 4
      ? [{ attack: apgd, parameters: { objective: "dlr-targeted", steps, restarts: 1 } }]
      : [{ attack: apgd, parameters: { objective: "targeted-margin", steps, restarts } }]),
    ...last,
  ];
}
