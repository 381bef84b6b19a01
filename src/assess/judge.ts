/** Threats, risk and claims joined: pure in its input, so that it can be asked again with a piece of evidence removed. */
import type {
  ActorReach,
  AttackGraph,
  CyberRegister,
  DiscardedThreat,
  Evidence,
  Knowledge,
  Risk,
  System,
  Threat,
  Trial,
} from "#assessment/index.ts";
import { conclude, type Conclusions, type Mismatch } from "#claims/index.ts";
import type { Materials } from "#claims/materials.ts";
import {
  closuresOf,
  creditControls,
  cyberRegisterOf,
  goalsOf,
  rate,
  readGoals,
  worstFirst,
  type Closure,
} from "#risk/index.ts";
import { risksToShow, WAYS_SHOWN } from "#figures/ways.ts";
import { graphOf, type SystemGraph } from "#system/graph.ts";
import { reachOfThreat } from "#system/reach.ts";

export interface JudgeInput {
  readonly system: System;
  readonly knowledge: Knowledge;
  /** Threats as if nothing were closed. */
  readonly derived: { readonly threats: readonly Threat[]; readonly discarded: readonly DiscardedThreat[] };
  readonly trials: readonly Trial[];
  readonly evidence: readonly Evidence[];
  readonly mismatches: readonly Mismatch[];
  readonly materials?: Materials;
  readonly asOf: string;
  /** Names the streams of what has to be drawn where a graph is too large for exact evaluation. */
  readonly seed: string;
}

export interface Judged extends Omit<Conclusions, "widths"> {
  readonly threats: readonly Threat[];
  readonly discarded: readonly DiscardedThreat[];
  readonly attackGraph: AttackGraph;
  readonly cyber: CyberRegister;
}

/**
 * Rates the threats with whatever the credited controls close, and concludes. A
 * threat that a control keeps away stays in the list, with the control named: it comes back when the evidence goes.
 */
export function judgeSystem(input: JudgeInput): Judged {
  const { system, knowledge, trials, evidence, mismatches, materials, asOf, seed } = input;
  const { threats, discarded } = input.derived;
  const graph = graphOf(system);
  const reach = reachWith(graph, system, knowledge);
  const { attackGraph, widths, ...conclusions } = conclude({
    system,
    knowledge,
    threats,
    discarded,
    trials,
    evidence,
    mismatches,
    ...(materials && { materials }),
    rate: (given) =>
      rate({ system, threats, trials, evidence: given, knowledge, asOf, graph, seed, certified: certifiedIn }),
  });
  const { register, risks } = conclusions;
  const closures = closuresOf(creditControls({ system, evidence: conclusions.evidence, knowledge }));
  const reached = new Map(risks.map(({ threat, reach: by }) => [threat, by === "none" ? "closed" : "open"]));
  return {
    ...conclusions,
    threats: threats.map((threat) => {
      const closed = reach(threat, closures);
      // A control that let a harmful file in keeps nobody away: the rating has heard of it.
      return {
        ...threat,
        reach: reached.get(threat.id) === "open" && closed.reach === "none" ? reach(threat, []) : closed,
      };
    }),
    discarded,
    attackGraph: {
      ...attackGraph,
      goals: readGoals(attackGraph, [...new Set([...goalsOf(register, risks), ...shownFirst(risks)])], { seed }),
    },
    cyber: cyberRegisterOf({ system, knowledge, risks, widths }),
  };
}

/** As many threats as a page shows in full. */
const SHOWN = 14;

/** What a reader sees first – each of the worst threats by its worst risk, and the ways on the map: the graph is read for them, too. */
const shownFirst = (risks: readonly Risk[]): string[] =>
  [
    ...[...Map.groupBy(risks.toSorted(worstFirst), ({ group }) => group).values()]
      .slice(0, SHOWN)
      .map(([worst]) => worst!),
    ...risksToShow(risks, WAYS_SHOWN),
  ].flatMap(({ id, reach }) => (reach === "none" ? [] : [id]));

/** Inputs proven right within the budget, of those right before the attack (METHOD §3); undefined where nothing bounded the model. */
export function certifiedIn({ outcome }: Evidence): { readonly k: number; readonly n: number } | undefined {
  if (outcome.status !== "measured" || outcome.measure.kind !== "evasion") return undefined;
  const { bracket, successRate } = outcome.measure;
  return bracket?.certified ? { k: bracket.certified.k, n: successRate.n } : undefined;
}

/** Reach of a threat's actor to its place – or to where the attacker's act enters – under some closures. */
function reachWith(
  graph: SystemGraph,
  system: System,
  knowledge: Knowledge,
): (threat: Threat, closures: readonly Closure[]) => ActorReach {
  const profiles = new Map(knowledge.profiles.map((profile) => [profile.id, profile]));
  const types = new Map(knowledge.threats.map((type) => [type.id, type]));
  const actors = new Map(system.actors.map((actor) => [actor.id, actor]));
  return (threat: Threat, closures: readonly Closure[]) =>
    reachOfThreat(graph, threat, types.get(threat.type)!, {
      closures,
      profile: profiles.get(actors.get(threat.actor)?.profile ?? ""),
    }).reach;
}
