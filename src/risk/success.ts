/** S, the success of one attempt: an attack bounds it from below, a certificate from above, and silence bounds nothing (METHOD §3, §7). */
import type {
  Actor,
  ActorReach,
  ArtefactsMeasure,
  Basis,
  Estimate,
  Evidence,
  Grade,
  Measure,
} from "#assessment/index.ts";
import { ATTACKER_KNOWLEDGE } from "#assessment/scalars.ts";
import { clopperPearson } from "#base/statistics.ts";
import { entryOf } from "#system/reach.ts";
import { evadesDetection } from "./graph/detection.ts";
import { atLeastOneLevelUp, PROBABILITY_FROM, upperEndOneLevelUp } from "./levels.ts";
import { variesOver, weaker } from "./likelihood.ts";
import type { Three, Varies } from "./likelihood.ts";
import type { Heard, Testimony } from "./speaking.ts";

/** k certified correct of the n units the attack was eligible on. */
export interface Certified {
  readonly k: number;
  readonly n: number;
}

export interface Success {
  readonly estimate: Estimate;
  /** Something planned or brought is missing, stale or inconclusive, or nothing was tried at all. */
  readonly untested: boolean;
  /** What k of n varies over, for the lower end and for the other two: where something is missing only the upper ends compound. */
  readonly varies: { readonly low: Varies; readonly high: Varies };
  /** At least one attempt succeeded in a trial: who may choose the input needs no more. */
  readonly proven: { readonly k: number; readonly n: number; readonly unit: string } | undefined;
  readonly evidence: readonly string[];
  readonly caveats: readonly string[];
  /** Measured apart from whether attempts work: the two may hang together in any way. */
  readonly apart?: true;
}

/**
 * How the actor comes to the place, as S sees it. "open": by what he touches – his own data or act gets there. "forced": by a
 * usual flow or an intrusion that has to succeed first, which nobody has measured.
 */
export type Way = "closed" | "open" | "forced";

export const wayOf = ({ reach, path }: Pick<ActorReach, "reach" | "path">): Way =>
  reach === "none" ? "closed" : reach === "direct" || entryOf(path) === "touch" ? "open" : "forced";

/** The central figure where nothing is known: not below H for direct reach, not below M for indirect (METHOD §7) – we take the top. */
const UNKNOWN_LIKELY: Readonly<Record<Exclude<Way, "closed">, number>> = { open: 1, forced: PROBABILITY_FROM.H };

/** S of a proportion k/n before reach is considered. Exported for the worked figures. */
export function successInterval(
  { k, n }: { k: number; n: number },
  grade: Grade,
  /** Every sanity check passed, adaptive, and the actor's best access used: the upper end may speak, against the attacks listed. */
  upperEndSpeaks: boolean,
  certified?: Certified,
): Three {
  const listed = againstTheAttacksListed({ k, n }, grade, upperEndSpeaks);
  if (!certified) return listed;
  // Both are upper ends; a weak certificate, too, must not raise what the attacks alone would say (METHOD §10).
  const above = aboveCertified(certified);
  if (above >= listed.high) return listed;
  const { low } = clopperPearson(k, n);
  const point = n === 0 ? 1 : k / n;
  return { low: Math.min(low, above), likely: Math.min(Math.max(point, low), above), high: above };
}

/** What no attack within the budget exceeds: 1 − the lower end of certified accuracy. */
const aboveCertified = ({ k, n }: Certified): number => 1 - clopperPearson(k, n).low;

function againstTheAttacksListed({ k, n }: { k: number; n: number }, grade: Grade, upperEndSpeaks: boolean): Three {
  const { low, high } = clopperPearson(k, n);
  const point = n === 0 ? 1 : k / n;
  switch (grade) {
    case "A":
    case "B":
      return { low, likely: point, high: upperEndSpeaks ? upperEndOneLevelUp(high) : 1 };
    case "C":
      return { low, likely: atLeastOneLevelUp(point), high: 1 };
    case "D":
      return { low: 0, likely: Math.max(high, atLeastOneLevelUp(point), PROBABILITY_FROM.M), high: 1 };
    default:
      return { low: 0, likely: 1, high: 1 };
  }
}

/**
 * S for one actor on the way given. Trials are alternatives open to the attacker, so ends join by the worst; a gap opens
 * the upper end; a way that has to be forced takes the lower end away, for nobody has shown that it can be (reach belongs to
 * success, METHOD §4).
 */
export function successOf(
  testimony: Testimony,
  actor: Actor,
  way: Way,
  certified?: (evidence: Evidence) => Certified | undefined,
): Success {
  const { heard, gaps, lost } = testimony;
  const pieces = heard.flatMap((item) => pieceOf(item, actor, certified) ?? []);
  // Of most threats nobody has said anything: there is one answer for each way.
  return heard.length + gaps.length + lost.length === 0 ? UNTRIED[way] : successBy(pieces, testimony, way);
}

function successBy(pieces: readonly Piece[], { heard, gaps, lost }: Testimony, way: Way): Success {
  const evidence = [...new Set([...heard.map((item) => item.evidence.id), ...lost])];
  const proven = pieces.map((piece) => piece.proven).reduce(mostSuccesses, undefined);
  const low: Varies = pieces.some((piece) => piece.varies === "draws") ? "draws" : "inputs";
  const untested = pieces.length === 0 || gaps.length > 0;
  const varies = { low, high: untested ? "draws" : low } as const;
  const apart = pieces.some((piece) => piece.apart === true) || undefined;
  const shared = { untested, varies, proven, evidence, ...(apart ? { apart } : {}) };
  const caveats = [...pieces.flatMap((piece) => piece.caveats), ...gaps];

  if (way === "closed")
    return {
      ...shared,
      untested: false,
      estimate: {
        low: 0,
        likely: 0,
        high: 0,
        basis: { kind: "derived", why: "every way in is closed by a credited control" },
        grade: "B",
      },
      caveats,
    };

  const unknown = UNKNOWN_LIKELY[way];
  if (pieces.length === 0)
    return {
      ...shared,
      estimate: {
        low: 0,
        likely: unknown,
        high: 1,
        basis: { kind: "assumed", why: gaps[0] ?? "nothing was tried: missing evidence never lowers a risk" },
        grade: gaps.length > 0 ? "F" : "E",
      },
      caveats,
    };

  const worst = pieces.reduce((a, b) => (b.value.low > a.value.low ? b : a));
  const joined: Three = {
    low: Math.max(...pieces.map(({ value }) => value.low)),
    likely: Math.max(...pieces.map(({ value }) => value.likely), gaps.length > 0 ? unknown : 0),
    high: gaps.length > 0 ? 1 : Math.max(...pieces.map(({ value }) => value.high)),
  };
  const value: Three =
    way === "open" ? joined : { low: 0, likely: Math.min(joined.likely, unknown), high: joined.high };
  return {
    ...shared,
    estimate: { ...value, basis: worst.basis, grade: pieces.map(({ grade }) => grade).reduce(weaker) },
    caveats:
      way === "open"
        ? caveats
        : [...caveats, "the way in has to be forced first, and nobody has measured how often that works"],
  };
}

interface Piece {
  readonly value: Three;
  readonly basis: Basis;
  readonly grade: Grade;
  readonly varies: Varies;
  readonly proven: Success["proven"];
  readonly caveats: readonly string[];
  readonly apart?: true;
}

const mostSuccesses = (a: Success["proven"], b: Success["proven"]): Success["proven"] =>
  !a || (b && b.k / b.n > a.k / a.n) ? b : a;

const SILENCE: Testimony = { heard: [], gaps: [], lost: [] };
/** Success where nobody has tried or said anything. */
export const UNTRIED: Readonly<Record<Way, Success>> = {
  open: successBy([], SILENCE, "open"),
  forced: successBy([], SILENCE, "forced"),
  closed: successBy([], SILENCE, "closed"),
};

function pieceOf(
  { evidence, trial }: Heard,
  actor: Actor,
  certified: ((evidence: Evidence) => Certified | undefined) | undefined,
): Piece | undefined {
  const counted = successesOf(evidence);
  if (!counted) return undefined;
  const varies = variesOver(trial?.unit ?? counted.unit);
  const proven = counted.k > 0 ? counted : undefined;
  const grade = !evidence.adaptive ? weaker(evidence.grade, "C") : evidence.grade;
  const figure = `${counted.k} of ${counted.n} ${counted.n === 1 || counted.unit.endsWith("s") ? counted.unit : `${counted.unit}s`}`;

  // METHOD §2: who can replace the image is not limited to 4/255.
  if (trial?.kind === "evasion" && !trial.bound?.actors.includes(actor.id))
    return {
      value: { low: 1, likely: 1, high: 1 },
      basis: {
        kind: "derived",
        why: `nothing in trial ${trial.id} holds ${actor.id} to its bound: the whole input can be replaced`,
      },
      grade,
      varies,
      proven,
      caveats: [`the bounded figure (${figure}) is informative only for ${actor.id}`],
    };

  if (evidence.outcome.status === "measured" && evidence.outcome.measure.kind === "artefacts")
    return scannedPiece(evidence, evidence.outcome.measure, counted, varies);

  if (!counted.bounds)
    return {
      value: { low: 0, likely: counted.k > 0 ? 1 : PROBABILITY_FROM.M, high: 1 },
      basis: {
        kind: "derived",
        why: `${evidence.title} (${figure}) neither is an attack nor bounds one: scans show presence, noise the average case`,
      },
      grade: weaker(grade, "D"),
      varies,
      proven: undefined,
      caveats: [],
    };

  const response = responseOf(evidence);
  if (response) return stopped(evidence, counted, response, grade);

  const bound = certified?.(evidence);
  const soundness = upperEndFault(evidence, trial?.knowledge, actor);
  const capable = grade === "A" || grade === "B";
  const listed = successInterval(counted, grade, soundness === undefined);
  const caveats =
    bound && aboveCertified(bound) < listed.high
      ? []
      : !capable
        ? [`grade ${grade}: ${GRADE_RULE[grade]}`]
        : soundness
          ? [`no upper end from ${figure}: ${soundness}`]
          : [`the upper end holds against the attacks listed in ${evidence.title}, not against others`];
  return {
    value: successInterval(counted, grade, soundness === undefined, bound),
    basis: { kind: "measured", k: counted.k, n: counted.n, unit: counted.unit, evidence: [evidence.id] },
    grade,
    varies,
    proven,
    caveats,
  };
}

/**
 * The chance of not being stopped (METHOD §8): what was noticed is stopped if the response comes before the next step. Whether an
 * attempt works may hang together with whether it is noticed, so the two are never multiplied.
 */
function stopped(
  { id, title }: Evidence,
  unnoticed: { k: number; n: number; unit: string },
  { hours: responseHours, attackHours }: Response,
  grade: Grade,
): Piece {
  const passes = successInterval(unnoticed, grade, false);
  const detects = { low: 1 - passes.high, likely: 1 - passes.likely, high: 1 - passes.low };
  return {
    value: evadesDetection({ detects, responseHours, attackHours }),
    basis: {
      kind: "derived",
      why: `1 − d · a / (a + r) of ${title}: ${unnoticed.n - unnoticed.k} of ${unnoticed.n} noticed, response r ≈ ${responseHours.likely} h, next step a ≈ ${attackHours.likely} h (${id})`,
    },
    grade,
    varies: "draws",
    proven: undefined,
    apart: true,
    caveats: [`grade ${grade}: ${GRADE_RULE[grade]}`, "times to respond and to the next step are taken as exponential"],
  };
}

type Response = NonNullable<Extract<Measure, { kind: "statement" }>["response"]>;
/** The times of a detection; undefined for everything else. */
export const responseOf = ({ outcome }: Evidence): Response | undefined =>
  outcome.status === "measured" && outcome.measure.kind === "statement" ? outcome.measure.response : undefined;

/**
 * Files that were read and never run. One that harms whoever loads it is an attempt that succeeds, whatever is tried besides.
 * Files that call nothing leave room above: somebody may hide from the policy, and other files may come.
 */
function scannedPiece(
  { id, grade }: Evidence,
  { verdict, verdicts, total }: ArtefactsMeasure,
  { k, unit }: { readonly k: number; readonly unit: string },
  varies: Varies,
): Piece {
  const shared = { varies, grade, caveats: [] };
  if (verdict === "malicious")
    return {
      ...shared,
      // Opinion, and what was published elsewhere, bound nothing from below.
      value: { low: grade === "D" || grade === "E" ? 0 : 1, likely: 1, high: 1 },
      basis: { kind: "measured", k: verdicts.malicious, n: total, unit, evidence: [id] },
      proven: { k: verdicts.malicious, n: total, unit },
      caveats: ["the file is there: a control that should have kept it out has let it in"],
    };
  if (verdict === "suspicious")
    return {
      ...shared,
      value: { low: 0, likely: 1, high: 1 },
      basis: { kind: "derived", why: `${k} of ${total} files call, name or hide what no known framework needs` },
      grade: weaker(grade, "D"),
      proven: undefined,
    };
  return {
    ...shared,
    value: { low: 0, likely: PROBABILITY_FROM.M, high: 1 },
    basis: {
      kind: "derived",
      why: `${total === 1 ? "the file was" : `all ${total} files were`} read whole, and loading calls nothing that does harm; scanners are bypassed now and then, so it bounds nothing from above`,
    },
    grade: weaker(grade, "D"),
    proven: undefined,
    caveats: ["it speaks of these bytes: what is delivered next has not been read"],
  };
}

const GRADE_RULE: Readonly<Record<Grade, string>> = {
  A: "measured end to end",
  B: "measured on the component",
  C: "not adaptive, so success counts at least one level above what was measured",
  D: "published for a comparable system, so its unfavourable end counts, and at least M",
  E: "opinion bounds nothing",
  F: "another version or nothing",
};

/** Why the upper Clopper–Pearson end may not be used; undefined when it may (METHOD §3). */
function upperEndFault(evidence: Evidence, knowledge: string | undefined, actor: Actor): string | undefined {
  if (evidence.sanity.length === 0) return "no sanity check stands beside it";
  const failed = evidence.sanity.find(({ passed }) => !passed);
  if (failed) return `a sanity check does not hold: "${failed.check}"`;
  if (knowledge === undefined) return "the attacker's access is not recorded";
  const access = (word: string): number => (ATTACKER_KNOWLEDGE as readonly string[]).indexOf(word);
  return access(knowledge) < access(actor.knows)
    ? `${actor.id} knows more (${actor.knows} box) than the trial assumed (${knowledge} box)`
    : undefined;
}

/** Attack successes of n independent units, as the measure of each kind counts them; undefined where it says nothing of attacks. */
export function successesOf(evidence: Evidence): { k: number; n: number; unit: string; bounds: boolean } | undefined {
  if (evidence.outcome.status !== "measured") return undefined;
  const { measure } = evidence.outcome;
  switch (measure.kind) {
    case "evasion":
      return { ...pick(measure.successRate), bounds: true };
    case "patch":
      // Draws on one input are not independent; inputs are.
      return { ...pick(measure.perInput), bounds: true };
    case "statement":
      return { ...pick(measure.successes), bounds: true };
    case "corruption": {
      const { k, n, unit } = measure.worst.accuracy;
      return { k: n - k, n, unit, bounds: false };
    }
    case "scan":
      return { k: measure.open, n: Math.max(measure.results, measure.open), unit: "results", bounds: false };
    case "artefacts":
      return { k: flaggedIn(measure), n: measure.total, unit: "file", bounds: false };
    case "data":
    case "clean":
      return undefined;
  }
}

/** Files that are malicious or suspicious. */
const flaggedIn = ({ verdicts }: ArtefactsMeasure): number => verdicts.malicious + verdicts.suspicious;

const pick = ({ k, n, unit }: { k: number; n: number; unit: string }): { k: number; n: number; unit: string } => ({
  k,
  n,
  unit,
});
