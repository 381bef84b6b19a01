/** The first look at a model under attack: does it answer as it should, does its gradient lead anywhere, and what does asking it cost? */
import { type EvaluationSet, type Listening, answers, classesSaid, drawnRows } from "./answers.ts";
import { type EvasionPlan, type Seen, assaultsOf, attacked, quickAttack } from "./campaign.ts";
import { type Assault, ensemble, selectRows } from "./ensemble.ts";
import { invalid } from "./evaluated.ts";
import { metered } from "./meter.ts";
import transfer from "./evasion/transfer.ts";
import { capped } from "./profiles.ts";
import {
  type Check,
  attackGivenCheck,
  batchCompositionCheck,
  cleanAccuracyCheck,
  determinism,
  eligibleCheck,
  finiteDifferenceCheck,
  gradientGivenCheck,
  headCheck,
  numbersCheck,
  roomCheck,
  surrogateCheck,
  zeroGradientCheck,
} from "./sanity.ts";
import { type Distilled, type SurrogateNet, distil } from "./surrogate.ts";
import type { Classifier } from "./target.ts";
import type { Certify } from "./units.ts";

/** Milliseconds per evaluated sample on this machine, all overheads included; they decide the size of shards and no result. */
export interface Pace {
  readonly query: number;
  /** Absent without a gradient. */
  readonly gradient?: number;
  /** For bounding one unit; absent where nothing does. */
  readonly bound?: number;
}

/** Plain data: it crosses processes and lies in files. Lists are in the order of the set. */
export interface Survey {
  readonly outputs: number;
  readonly units: readonly string[];
  /** What n counts. */
  readonly unit: string;
  readonly labels: readonly number[];
  /** The class said before any attack; −1 where the answer is not a number. */
  readonly said: readonly number[];
  readonly access: "white-box" | "scores";
  readonly noGradient?: string;
  readonly size: number;
  /** Checks of the question itself; where one fails nothing is attacked. */
  readonly validity: readonly Check[];
  /** Checks of what an attack can follow. */
  readonly strength: readonly Check[];
  readonly notes: readonly Check[];
  readonly queries: number;
  readonly gradients: number;
  /** A copy distilled from the model's labels, to climb on in its place; null where the plan has no use for one. */
  readonly copy: SurrogateNet | null;
  /** Share of the pilot's units that its short attack left standing: for the expected time only. */
  readonly standing: number;
  readonly pace: Pace;
}

/** Units of the pilot, and its queries where there is no gradient. */
const PILOT_UNITS = 16;
const PILOT_QUERIES = 50;

export interface SurveyPorts {
  /** Milliseconds; without it nothing is timed and shards are all of one size. */
  readonly clock?: () => number;
  /** What will bound the units, to see what that costs. */
  readonly certify?: Certify | undefined;
}

/** METHOD §2, the clean run first. */
export async function surveyEvasion(
  run: Listening,
  given: Classifier,
  set: EvaluationSet,
  plan: EvasionPlan,
  ports: SurveyPorts = {},
): Promise<Survey> {
  const classifier = metered(attacked(given, plan));
  const { outputs } = classifier;
  const n = set.units.length;
  const clean = await answers(run, classifier, set.samples, n);
  const said = classesSaid(clean, n, outputs);
  const eligible = Int32Array.from(said.keys()).filter((row) => said[row] === set.labels[row]);
  const validity: Check[] = [
    await determinism(run, classifier, set),
    await batchCompositionCheck(run, classifier, set),
    numbersCheck(said),
    cleanAccuracyCheck(eligible.length, set, plan.declared),
    eligibleCheck(eligible.length),
    roomCheck(classifier, plan.norm, plan.eps),
    attackGivenCheck(assaultsOf(plan, seenAs(classifier)).length, plan),
  ];
  const strength: Check[] = [];
  let copy: SurrogateNet | null = null;
  const copied: Check[] = [];
  let trial: Pilot = { standing: 1, pace: { query: 0 } };
  if (!invalid(validity)) {
    strength.push(headCheck(clean, n, outputs));
    if (classifier.gradient) {
      strength.push(await zeroGradientCheck(run, classifier, set, eligible));
      // A stand-in's slope is not the model's: there the attacks that need no gradient are the check (joined.ts).
      if (!classifier.surrogates?.length) strength.push(await finiteDifferenceCheck(run, classifier, set, eligible));
    }
    trial = await pilot(run, classifier, set, eligible, plan, ports);
    // A gradient that beats all is not masked.
    const copying = trial.standing > 0 ? copyingOf(classifier, plan, n) : "none";
    const made =
      copying === "made" ? await distil(run, classifier, set.samples, n, { norm: plan.norm, eps: plan.eps }) : null;
    if (made) {
      copy = plainNet(made.net);
      copied.push(copyCheck(made));
    } else if (copying !== "none" && classifier.gradient)
      copied.push({
        check: COPY_CHECK,
        passed: false,
        about: "note",
        detail: `${copying === "made" ? "none could be made" : copying.because}: scores made to mislead gradients and queries alike would not be noticed`,
      });
  }
  return {
    outputs,
    units: [...set.units],
    unit: set.unit,
    labels: [...set.labels.subarray(0, n)],
    said: [...said],
    access: classifier.gradient ? "white-box" : "scores",
    ...(!given.gradient && plan.access !== "scores" ? { noGradient: given.noGradient ?? "an unnamed operator" } : {}),
    size: classifier.size,
    validity,
    strength,
    notes: [...(plan.access === "scores" ? [] : [gradientGivenCheck(given), ...surrogateCheck(given)]), ...copied],
    queries: classifier.counts.queries,
    gradients: classifier.counts.gradients,
    copy,
    ...trial,
  };
}

const COPY_CHECK = "a copy of the model was made to attack in its place";

const seenAs = ({ outputs, gradient, surrogate }: Classifier, hasSurrogate = surrogate !== undefined): Seen => ({
  outputs,
  hasGradient: gradient !== undefined,
  hasSurrogate,
});

/** Distilling takes seconds up to inputs of this many values, and minutes beyond. */
const COPIED_VALUES = 4096;

/** What distilling asks the model, about (surrogate.ts). */
const COPY_QUERIES = 3000;

/** Whether a copy to climb on is made, where one could be attacked in the model's place; where it is not, why. */
function copyingOf(
  classifier: Classifier,
  plan: EvasionPlan,
  n: number,
): "made" | "none" | { readonly because: string } {
  const { size, outputs } = classifier;
  if (outputs < 2 || !transfer.norms.includes(plan.norm)) return "none";
  if (size > COPIED_VALUES)
    return { because: `inputs of ${size} values are too large to make one (at most ${COPIED_VALUES})` };
  // Who may not ask that often cannot make one either.
  if ((plan.budget?.queries ?? Infinity) * n < COPY_QUERIES) return "none";
  const used = assaultsOf(plan, seenAs(classifier, true)).some(({ role }) => role === "transfer");
  // The quick profile's answer is a first one.
  if (used && plan.profile !== "quick") return "made";
  return { because: plan.attacks ? "the attacks named use none" : `profile ${plan.profile ?? "standard"} makes none` };
}

/** The same in lists of numbers, which files and messages keep. */
const plainNet = ({ w1, b1, w2, b2, ...sizes }: SurrogateNet): SurrogateNet => ({
  ...sizes,
  w1: [...w1],
  b1: [...b1],
  w2: [...w2],
  b2: [...b2],
});

/** What attacks carried over from a copy can show depends on how well the copy agrees. */
const copyCheck = ({ words, agreement: { k, n } }: Distilled): Check => ({
  check: COPY_CHECK,
  passed: true,
  about: "note",
  detail: k < 0.5 * n ? `${words}: too unlike it to show much` : words,
});

type Pilot = Pick<Survey, "standing" | "pace">;

/** The short attack on a few units: what one step costs here, and how many it leaves standing. */
async function pilot(
  run: Listening,
  classifier: Classifier,
  set: EvaluationSet,
  eligible: Int32Array,
  plan: EvasionPlan,
  { clock = () => 0, certify }: SurveyPorts,
): Promise<Pilot> {
  const { norm, eps } = plan;
  const rows = Int32Array.from(drawnRows(run.rng, set.units, eligible, PILOT_UNITS, "pilot"));
  const goal = { kind: "untargeted", label: set.labels } as const;
  const siege = { samples: set.samples, units: set.units, goal, within: { norm, eps }, item: plan.item };
  const few = selectRows(siege, rows, classifier.size);
  const assaults = assaultsOf(plan, seenAs(classifier));
  const timed = async (brought: readonly Assault[]) => {
    const [asked, began] = [classifier.counts.queries, clock()];
    const { found, beaten } = await ensemble(run, classifier, brought, few);
    const each = (clock() - began) / Math.max(1, classifier.counts.queries - asked);
    return {
      each,
      standing: 1 - found.size / Math.max(1, rows.length),
      stands: rows.filter((_, k) => beaten[k] === 0),
    };
  };
  const short = quickAttack(assaults);
  const asking = capped(assaults.filter(({ role }) => role === "scores").slice(0, 1), { queries: PILOT_QUERIES });
  // The first call of each objective builds its session: it is timed once it is there.
  await timed(capped(short, { steps: 1, queries: 3 }));
  const asked = asking.length > 0 ? await timed(asking) : undefined;
  if (!classifier.gradient) return { standing: asked?.standing ?? 1, pace: { query: asked?.each ?? 0 } };
  const climbed = await timed(short);
  const pace: Pace = { query: asked?.each ?? climbed.each / 3, gradient: climbed.each };
  const one = climbed.stands.slice(0, 1);
  if (!certify || one.length === 0) return { standing: climbed.standing, pace };
  const began = clock();
  const { samples } = selectRows(siege, one, classifier.size);
  await certify(run, { samples, labels: Int32Array.from(one, (row) => set.labels[row]!), n: 1 }, { norm, eps });
  return { standing: climbed.standing, pace: { ...pace, bound: clock() - began } };
}
