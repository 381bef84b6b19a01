/** From ratings to what may be said: findings, claims, the matrix, and the outcome with everything that carries it. */
import type {
  AttackGraph,
  Claim,
  DiscardedThreat,
  Evidence,
  Finding,
  Knowledge,
  MatrixCell,
  NotFeasible,
  RegisterRow,
  Risk,
  System,
  SystemOutcome,
  Threat,
  Trial,
} from "#assessment/index.ts";
import { claimsOf } from "./clauses.ts";
import { coverageOf } from "./coverage.ts";
import { findingsOf } from "./findings.ts";
import { matrixOf } from "./matrix.ts";
import { decide, isByAnalogy, nextOf, notTriedOf, openedWay, ROWS } from "./outcome.ts";
import type { Decision, Weighed } from "./outcome.ts";
import { NO_MATERIALS, type Materials } from "./materials.ts";
import type { Mismatch, Rated } from "./rated.ts";
import { thresholdVerdicts } from "./thresholds.ts";

export type { Credit, Mismatch, Rated, Width } from "./rated.ts";
export { thresholdVerdicts } from "./thresholds.ts";
export type { ThresholdVerdict } from "./thresholds.ts";

export interface ConcludeInput {
  readonly system: System;
  readonly knowledge: Knowledge;
  readonly threats: readonly Threat[];
  readonly discarded: readonly DiscardedThreat[];
  readonly trials: readonly Trial[];
  readonly evidence: readonly Evidence[];
  readonly mismatches?: readonly Mismatch[];
  readonly materials?: Materials;
  /** Rates all threats on this evidence. Asked once for what there is, and once more without each credited control. */
  readonly rate: (evidence: readonly Evidence[]) => Rated;
}

export interface Conclusions {
  readonly findings: readonly Finding[];
  readonly risks: readonly Risk[];
  readonly register: readonly RegisterRow[];
  /** Its goals are not read yet. */
  readonly attackGraph: AttackGraph;
  readonly widths: Rated["widths"];
  readonly claims: readonly Claim[];
  readonly matrix: readonly MatrixCell[];
  readonly outcome: SystemOutcome;
  /** Row 1b: what no set of mature measures reaches. */
  readonly notFeasible?: NotFeasible;
  /** The evidence with its standing settled on the day of the rating: what a document should keep. */
  readonly evidence: readonly Evidence[];
}

interface Settled extends Weighed {
  readonly matrix: readonly MatrixCell[];
  readonly claims: readonly Claim[];
  readonly decision: Decision;
}

/** Concludes for the system as a whole. Pure in its input and in `rate`; nothing is better without a piece of evidence than with it. */
export function conclude(input: ConcludeInput): Conclusions {
  const settled = settle(input, input.evidence);
  const { grounds, claims, matrix, coverage, decision } = settled;
  const { outcome, exit } = ROWS[decision.row];
  return {
    findings: findingsOf(settled),
    risks: grounds.risks,
    register: grounds.register,
    attackGraph: grounds.draw(),
    widths: grounds.widths,
    claims,
    matrix,
    evidence: grounds.evidence,
    ...(decision.notFeasible ? { notFeasible: decision.notFeasible } : {}),
    outcome: {
      outcome,
      row: decision.row,
      byAnalogy: isByAnalogy(input.system.law.listing),
      because: decision.because,
      reasons: decision.reasons,
      carriedBy: carriersOf(input, settled),
      coverage,
      notTried: notTriedOf(settled),
      next: nextOf(settled),
      exit,
    },
  };
}

/** The conclusions on some of the evidence; everything printed as a counterfactual comes from here. */
function settle(input: ConcludeInput, evidence: readonly Evidence[]): Settled {
  const { system, knowledge, threats, discarded, trials, mismatches = [], materials = NO_MATERIALS, rate } = input;
  const { risks, credits, widths, unrated, register, draw, mature, evidence: stood } = rate(evidence);
  const grounds = {
    register,
    draw,
    ...(mature ? { mature } : {}),
    system,
    knowledge,
    threats,
    discarded,
    trials,
    mismatches,
    materials,
    risks,
    credits,
    widths,
    unrated,
    evidence: stood,
  };
  const coverage = coverageOf(grounds);
  const weighed = { grounds, coverage, verdicts: thresholdVerdicts(grounds) };
  const matrix = matrixOf(grounds, coverage);
  const claims = claimsOf(weighed, matrix, decide(weighed, []));
  return { ...weighed, matrix, claims, decision: decide(weighed, claims) };
}

/** Credited controls without whose evidence the outcome would be another one. */
function carriersOf(input: ConcludeInput, { grounds, decision }: Settled): SystemOutcome["carriedBy"] {
  return grounds.credits
    .filter(({ credited }) => credited)
    .flatMap(({ control, at, evidence }) => {
      const gone = new Set(evidence);
      const without = settle(
        input,
        input.evidence.filter(({ id }) => !gone.has(id)),
      );
      const { outcome } = ROWS[without.decision.row];
      if (outcome === ROWS[decision.row].outcome) return [];
      return [{ control, at, evidence, without: outcome, path: openedWay(grounds.risks, without.grounds.risks) }];
    });
}
