/** A patch made on one half of the inputs and measured on the other, over random place, scale, rotation and light. */
import type { Exhibit, PatchMeasure } from "#assessment/evidence.ts";
import type { Proportion } from "#assessment/scalars.ts";
import {
  type EvaluationSet,
  type Listening,
  answers,
  className,
  classesSaid,
  confidence,
  proportionOf,
} from "./answers.ts";
import { selectGoal } from "./ensemble.ts";
import { type Evaluated, type Proof, concluded, invalid } from "./evaluated.ts";
import { distanceIn } from "./evasion/minimal.ts";
import {
  type Canvasses,
  type Draw,
  type Optimised,
  type Patch,
  type Placement,
  askPatched,
  drawPlacement,
  greyPatch,
  noisePatch,
  optimiseByGradient,
  optimiseByQueries,
  patchAttack,
  patchSide,
} from "./evasion/patch.ts";
import { beaten, hasLabels } from "./goals.ts";
import { imageLayout } from "./layout.ts";
import { metered } from "./meter.ts";
import { type Check, cleanAccuracyCheck, determinism, eligibleCheck, numbersCheck, percent } from "./sanity.ts";
import type { Classifier } from "./target.ts";

export interface PatchPlan {
  readonly item: string;
  /** Share of the image the patch covers at scale 1. */
  readonly area: number;
  /** The class to be said, by name or number; absent: any wrong class. */
  readonly target?: string;
  readonly placement: Placement;
  readonly planned: number;
  readonly declared?: number;
  readonly budget: { readonly steps: number; readonly queries: number };
}

/** Random placements per held-out input. */
const DRAWS = 20;
/** Random placements per input when choosing among patches on the half they were made on. */
const CHOOSING_DRAWS = 4;
const EXHIBITS = 6;

/**
 * Makes a universal patch on half of the inputs (those right before the attack) and measures it on the other half.
 * Several patches are tried – any wrong class, then the class the first patch provokes most – and the choice among them
 * is made on the first half. Success per draw, per input (half of its draws), and per bin of scale, rotation and light.
 */
export async function evaluatePatch(
  run: Listening,
  given: Classifier,
  set: EvaluationSet,
  plan: PatchPlan,
): Promise<Evaluated<PatchMeasure>> {
  const classifier = metered(given);
  const { size, outputs } = classifier;
  const n = set.units.length;
  const clean = await answers(run, classifier, set.samples, n);
  const said = classesSaid(clean, n, outputs);
  const target = plan.target === undefined ? undefined : targetIndex(set, plan.target, outputs);
  const right = Array.from({ length: n }, (_, row) => row).filter((row) => said[row] === set.labels[row]);
  const eligible = right.filter((row) => set.labels[row] !== target);
  const image = imageLayout(classifier.shape);
  const halves = split(run, set, eligible);
  const checks: Check[] = [
    await determinism(run, classifier, set),
    numbersCheck(said),
    cleanAccuracyCheck(right.length, set, plan.declared),
    eligibleCheck(eligible.length),
  ];
  if (!image)
    checks.push(
      obstacle(
        "the input is an image",
        `a patch needs rows and columns; this input has shape [${classifier.shape.join(", ")}]`,
      ),
    );
  if (target === -1)
    checks.push(
      obstacle("the target is one of the classes", `"${plan.target}" is none of the model's ${outputs} classes`),
    );
  if (halves.made.length < 2 || halves.held.length < 2)
    checks.push(
      obstacle(
        "there are inputs to make the patch on and others to measure it on",
        `${eligible.length} eligible inputs`,
      ),
    );
  if (!image || invalid(checks)) return concluded<PatchMeasure>(null, checks, [], classifier);

  const side = patchSide(image, plan.area);
  const on = (rows: readonly number[], goalTarget: number | undefined): Canvasses => {
    const samples = new Float32Array(rows.length * size);
    rows.forEach((row, k) => samples.set(set.samples.subarray(row * size, (row + 1) * size), k * size));
    const label = Int32Array.from(rows, (row) => set.labels[row]!);
    return {
      image,
      samples,
      units: rows.map((row) => set.units[row]!),
      goal:
        goalTarget === undefined
          ? { kind: "untargeted", label }
          : { kind: "targeted", label, target: new Int32Array(rows.length).fill(goalTarget) },
      placement: plan.placement,
    };
  };
  const making = on(halves.made, target);
  const optimise = classifier.gradient ? optimiseByGradient : optimiseByQueries;
  const candidates: Optimised[] = [];
  const attempt = async (canvasses: Canvasses, name: string, part: number, parts: number): Promise<Optimised> => {
    const random = run.rng.fork("patch").fork(name);
    const start = noisePatch(side, image.channels, random);
    const made = await optimise(run, classifier, canvasses, start, plan.budget, random, (done, total) =>
      run.progress({
        stage: "attack",
        item: plan.item,
        label: patchAttack.title,
        done: (part + done / total) / (parts + 0.25),
        total: 1,
      }),
    );
    candidates.push(made);
    return made;
  };
  const untargeted = await attempt(making, "first", 0, 2);
  // A patch that pulls everything to one class is often stronger than one that only pushes away (Brown et al., §3).
  const provoked = target ?? (await commonestAnswer(run, classifier, making, untargeted.patch));
  if (provoked !== undefined)
    await attempt(
      target === undefined ? withoutLabel(on(halves.made, provoked), provoked, size) : making,
      target === undefined ? "towards one class" : "second",
      1,
      2,
    );
  const scored: { made: Optimised; rate: number }[] = [];
  for (const made of candidates) {
    const { success } = await measure(run, classifier, making, made.patch, CHOOSING_DRAWS, "choosing");
    scored.push({ made, rate: success.filter(Boolean).length / success.length });
  }
  const chosen = scored.reduce((best, next) => (next.rate > best.rate ? next : best));

  const holding = on(halves.held, target);
  const held = await measure(run, classifier, holding, chosen.made.patch, DRAWS, "measuring");
  const noise = noisePatch(side, image.channels, run.rng.fork("occlusion"));
  const grey = greyPatch(side, image.channels);
  // Grey and noise take turns, with the very placements of the attack.
  const covered = await measure(
    run,
    classifier,
    holding,
    (draw) => (draw % 2 === 0 ? grey : noise),
    DRAWS,
    "measuring",
  );

  const wins = held.success.filter(Boolean).length;
  const coverWins = covered.success.filter(Boolean).length;
  const winsPerInput = halves.held.map((_, k) => held.success.slice(k * DRAWS, (k + 1) * DRAWS).filter(Boolean).length);
  const heldRate = wins / held.success.length;
  const coverRate = coverWins / covered.success.length;
  checks.push(
    {
      check: "the patch is no weaker than merely covering",
      passed: heldRate >= coverRate - 0.02,
      about: "strength",
      detail: `patch ${percent(heldRate)} of draws, the same area in grey or noise ${percent(coverRate)}`,
    },
    gradientCheck(classifier, candidates, heldRate),
    {
      check: "the patch does as well on inputs it was not made on",
      passed: true,
      about: "note",
      detail: `${percent(chosen.rate)} of draws on the half it was made on, ${percent(heldRate)} on the other`,
    },
  );
  const { exhibits, proofs } = await exhibitsOf(
    run,
    classifier,
    set,
    halves.held,
    clean,
    holding,
    held,
    chosen.made.patch,
  );
  return concluded(
    {
      kind: "patch",
      area: plan.area,
      ...(plan.target === undefined ? {} : { target: plan.target }),
      successRate: proportionOf(wins, held.success.length, "draw"),
      perInput: proportionOf(winsPerInput.filter((k) => 2 * k >= DRAWS).length, halves.held.length, set.unit),
      occlusion: proportionOf(coverWins, covered.success.length, "draw"),
      planned: plan.planned,
      cells: cellsOf(plan.placement, held.draws, held.success),
      steps: candidates.reduce((sum, { steps }) => sum + steps, 0),
      queries: classifier.counts.queries,
      trainedOn: halves.made.length,
      exhibits,
    },
    checks,
    proofs,
    classifier,
  );
}

const obstacle = (check: string, detail: string): Check => ({ check, passed: false, about: "validity", detail });

function gradientCheck(classifier: Classifier, candidates: readonly Optimised[], rate: number): Check {
  const check = "gradients carry the attack";
  if (!classifier.gradient)
    return {
      check,
      passed: false,
      about: "note",
      detail: `${classifier.noGradient ?? "an operator"} gives no gradient: the patch was found by queries alone, so a stronger one may exist`,
    };
  const flat = candidates.reduce((sum, made) => sum + made.flat, 0);
  const steps = candidates.reduce((sum, made) => sum + made.steps, 0);
  return {
    check,
    passed: flat < 0.5 * steps || rate > 0.95,
    about: "strength",
    detail: `${flat} of ${steps} steps had no gradient at all`,
  };
}

function targetIndex(set: EvaluationSet, target: string, outputs: number): number {
  const named = set.classes?.indexOf(target) ?? -1;
  if (named >= 0) return named;
  const number = Number(target);
  return Number.isInteger(number) && number >= 0 && number < outputs ? number : -1;
}

/** Two halves by a draw on each unit's own name, so the order of the inputs does not matter. */
function split(run: Listening, set: EvaluationSet, eligible: readonly number[]): { made: number[]; held: number[] } {
  const order = eligible
    .map((row) => ({ row, draw: run.rng.fork(set.units[row]!).fork("half").uniform() }))
    .sort((a, b) => a.draw - b.draw || (set.units[a.row]! < set.units[b.row]! ? -1 : 1))
    .map(({ row }) => row);
  const half = Math.floor(order.length / 2);
  return { made: order.slice(0, half), held: order.slice(half) };
}

function withoutLabel(on: Canvasses, label: number, size: number): Canvasses {
  if (!hasLabels(on.goal)) return on;
  const labels = on.goal.label;
  const keep = on.units.map((_, row) => row).filter((row) => labels[row] !== label);
  const rows = Int32Array.from(keep);
  const samples = new Float32Array(keep.length * size);
  keep.forEach((row, k) => samples.set(on.samples.subarray(row * size, (row + 1) * size), k * size));
  return { ...on, samples, units: keep.map((row) => on.units[row]!), goal: selectGoal(on.goal, rows) };
}

async function commonestAnswer(
  run: Listening,
  classifier: Classifier,
  on: Canvasses,
  patch: Patch,
): Promise<number | undefined> {
  const { said } = await measure(run, classifier, on, patch, CHOOSING_DRAWS, "choosing");
  const labels = hasLabels(on.goal) ? [...on.goal.label] : [];
  const tally = new Map<number, number>();
  said.forEach((answer, at) => {
    if (answer >= 0 && answer !== labels[Math.floor(at / CHOOSING_DRAWS)])
      tally.set(answer, (tally.get(answer) ?? 0) + 1);
  });
  const [first] = [...tally].sort(([a, m], [b, k]) => k - m || a - b);
  // Two inputs of another class at least, or there is nothing to pull.
  return first && labels.filter((label) => label !== first[0]).length >= 2 ? first[0] : undefined;
}

interface Measured {
  readonly success: readonly boolean[];
  readonly draws: readonly Draw[];
  readonly said: Int32Array;
}

/** Every input under `draws` placements of its own stream; input-major. */
async function measure(
  run: Listening,
  classifier: Classifier,
  on: Canvasses,
  patch: Patch | ((draw: number) => Patch),
  drawCount: number,
  name: string,
): Promise<Measured> {
  const { outputs } = classifier;
  const n = on.units.length;
  const patches = typeof patch === "function" ? patch : () => patch;
  const draws: Draw[] = [];
  const success: boolean[] = [];
  const said = new Int32Array(n * drawCount);
  for (let row = 0; row < n; row++) {
    const random = run.rng.fork(on.units[row]!).fork(name);
    for (let draw = 0; draw < drawCount; draw++)
      draws.push(drawPlacement(on.image, patches(draw).side, on.placement, random));
  }
  const all = Array.from({ length: n * drawCount }, (_, at) => at);
  for (const parity of [0, 1]) {
    const mine = all.filter((at) => (at % drawCount) % 2 === parity);
    const per = Math.max(1, Math.floor(classifier.batch));
    for (let from = 0; from < mine.length; from += per) {
      const here = mine.slice(from, from + per);
      const rows = here.map((at) => Math.floor(at / drawCount));
      const { logits } = await askPatched(
        run,
        classifier,
        on,
        patches(parity),
        rows,
        here.map((at) => draws[at]!),
      );
      here.forEach((at, k) => {
        said[at] = classesSaid(logits.subarray(k * outputs, (k + 1) * outputs), 1, outputs)[0]!;
        success[at] = beaten(on.goal, rows[k]!, logits, k * outputs, outputs);
      });
    }
  }
  return { success, draws, said };
}

/** Success in the lower, middle and upper third of each thing that varies. */
function cellsOf(
  placement: Placement,
  draws: readonly Draw[],
  success: readonly boolean[],
): { name: string; rate: Proportion }[] {
  const axes: { name: string; from: number; to: number; of: (draw: Draw) => number; unit: string }[] = [
    { name: "scale", from: placement.scale[0], to: placement.scale[1], of: (draw) => draw.scale, unit: "" },
    { name: "turned", from: 0, to: placement.rotationDegrees, of: (draw) => Math.abs(draw.degrees), unit: "°" },
    {
      name: "brightness",
      from: placement.brightness[0],
      to: placement.brightness[1],
      of: (draw) => draw.brightness,
      unit: "",
    },
  ];
  return axes.flatMap(({ name, from, to, of, unit }) => {
    if (!(to > from)) return [];
    return [0, 1, 2].map((third) => {
      const low = from + ((to - from) * third) / 3;
      const high = from + ((to - from) * (third + 1)) / 3;
      const inCell = draws
        .map((draw, at) => ({ value: of(draw), at }))
        .filter(({ value }) => (third === 0 || value >= low) && (third === 2 || value < high));
      return {
        name: `${name} ${low.toFixed(2)}–${high.toFixed(2)}${unit}`,
        rate: proportionOf(inCell.filter(({ at }) => success[at]).length, inCell.length, "draw"),
      };
    });
  });
}

/** The surest success of each of the inputs on which the most draws succeed. */
async function exhibitsOf(
  run: Listening,
  classifier: Classifier,
  set: EvaluationSet,
  rows: readonly number[],
  clean: Float32Array,
  on: Canvasses,
  held: Measured,
  patch: Patch,
): Promise<{ exhibits: Exhibit[]; proofs: Proof[] }> {
  const { size, outputs } = classifier;
  const wins = rows
    .map((row, k) => ({
      row,
      k,
      draws: Array.from({ length: DRAWS }, (_, d) => k * DRAWS + d).filter((at) => held.success[at]),
    }))
    .filter(({ draws }) => draws.length > 0)
    .sort((a, b) => b.draws.length - a.draws.length || a.k - b.k)
    .slice(0, EXHIBITS);
  const exhibits: Exhibit[] = [];
  const proofs: Proof[] = [];
  for (const { row, k, draws } of wins) {
    const { points, logits } = await askPatched(
      run,
      classifier,
      on,
      patch,
      draws.map(() => k),
      draws.map((at) => held.draws[at]!),
    );
    const sure = draws.map((_, d) => {
      const now = classesSaid(logits.subarray(d * outputs, (d + 1) * outputs), 1, outputs)[0]!;
      return { d, now, confidence: confidence(logits, d * outputs, outputs, now) };
    });
    const best = sure.reduce((most, next) => (next.confidence > most.confidence ? next : most));
    const before = set.samples.slice(row * size, (row + 1) * size);
    const after = points.slice(best.d * size, (best.d + 1) * size);
    const label = set.labels[row]!;
    proofs.push({ unit: set.units[row]!, before, after });
    exhibits.push({
      unit: set.units[row]!,
      label: className(set, label),
      before: { said: className(set, label), confidence: confidence(clean, row * outputs, outputs, label) },
      after: { said: className(set, best.now), confidence: best.confidence },
      difference: { linf: distanceIn("linf", before, after), l2: distanceIn("l2", before, after) },
      attack: `${patchAttack.id} (${draws.length} of ${DRAWS} placements succeed)`,
    });
  }
  return { exhibits, proofs };
}
