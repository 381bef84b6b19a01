/**
 * The figures of the attack graph without drawing it: per threat where others help it, and per harm over all ways and actors.
 * Reach is certain or one event, so what is left of the graph are a few events per threat; and threats share events only within an
 * actor and a type, or where one helps another. So the threats fall into clusters that are independent of one another: those without
 * help have a closed form, the others are evaluated as equations, and a total is 1 − Π(1 − cluster).
 */
import type { Evaluation } from "#assessment/index.ts";
import { successFrom, type Three } from "#risk/likelihood.ts";
import { assetGoal, harmGoal, type RatedThreat } from "./build.ts";
import { chancesOf, ENDS, ordered, type Chances } from "./chances.ts";
import { probabilitiesOf } from "./evaluate.ts";
import type { GraphEvent, GraphModel, GraphStep } from "./model.ts";
import { LEVELS, type Level } from "#assessment/scalars.ts";

export interface Figures {
  /** Success of one attempt over all ways, by threat id; absent where nothing is added to the best way alone. */
  readonly successes: ReadonlyMap<string, { readonly success: Three; readonly by: readonly string[] }>;
  /** By goal: each harm and severity, each harm and asset. */
  readonly totals: ReadonlyMap<string, Evaluation>;
}

interface Member {
  readonly rated: RatedThreat;
  readonly chances: Chances;
  /** Places of the helps that can change a figure. */
  readonly helps: readonly number[];
}

export function figuresOf(threats: readonly RatedThreat[], { seed }: { readonly seed: string }): Figures {
  const successes = new Map<string, { success: Three; by: readonly string[] }>();
  const totals = new Map<string, Evaluation>();
  const severities = severitiesOf(threats);
  for (const cluster of clustersOf(threats)) {
    const goals = goalsOf(cluster, severities);
    const found = cluster.some(({ helps }) => helps.length > 0)
      ? byEquations(cluster, goals, seed)
      : { each: new Map<string, Three>(), goals: inClosedForm(cluster, goals) };
    for (const member of cluster) {
      const { rated, helps } = member;
      const shown = rated.ends.length === 0 ? rated.footholds.filter((foothold) => foothold.shown > 0) : [];
      if (helps.length === 0 && shown.length === 0) continue;
      const chance =
        found.each.get(rated.threat.id) ?? inClosedForm([member], new Map([["it", new Set([member])]])).get("it")!;
      successes.set(rated.threat.id, {
        success: successFrom(chance, rated.attempts, rated.exposures, rated.open.varies),
        by: [...new Set([...helps.flatMap((i) => rated.helped[i]!.from), ...shown.map(({ threat }) => threat)])],
      });
    }
    for (const [goal, evaluation] of found.goals) totals.set(goal, either(totals.get(goal), evaluation));
  }
  return { successes, totals };
}

type Goals = ReadonlyMap<string, ReadonlySet<Member>>;
const EXACT = { low: 0, likely: 0, high: 0 };

/** Severities that occur, per harm. */
function severitiesOf(threats: readonly RatedThreat[]): ReadonlyMap<string, readonly Level[]> {
  const found = new Map<string, Set<Level>>();
  for (const { harms } of threats)
    for (const { harm, severity } of harms) found.set(harm, (found.get(harm) ?? new Set()).add(severity));
  return new Map([...found].map(([harm, levels]) => [harm, LEVELS.filter((level) => levels.has(level))]));
}

/** Which members count to which goal; what is worse counts to what is less bad. */
function goalsOf(cluster: readonly Member[], severities: ReadonlyMap<string, readonly Level[]>): Goals {
  const goals = new Map<string, Set<Member>>();
  for (const member of cluster)
    for (const { harm, severity } of member.rated.harms) {
      const levels = severities.get(harm)!.filter((level) => LEVELS.indexOf(level) <= LEVELS.indexOf(severity));
      const own = [
        ...levels.map((level) => harmGoal(harm, level)),
        ...member.rated.assets.map((asset) => assetGoal(harm, asset)),
      ];
      for (const goal of own) goals.set(goal, (goals.get(goal) ?? new Set()).add(member));
    }
  return goals;
}

/** Two independent evaluations: either happens. The half-widths of what was drawn add up, which is wide rather than narrow. */
function either(a: Evaluation | undefined, b: Evaluation): Evaluation {
  if (!a) return b;
  const both = (end: "low" | "likely" | "high"): number => 1 - (1 - a[end]) * (1 - b[end]);
  const drawn = [a, b].filter(({ method }) => method === "monte-carlo");
  const { low, likely, high } = ordered(both);
  return {
    method: drawn.length > 0 ? "monte-carlo" : "exact",
    low,
    likely,
    high,
    error: {
      low: a.error.low + b.error.low,
      likely: a.error.likely + b.error.likely,
      high: a.error.high + b.error.high,
    },
    ...(drawn[0] ? { samples: Math.min(...drawn.map(({ samples }) => samples!)), seed: drawn[0].seed! } : {}),
  };
}

/** How a place is got to: certainly, by force, or not at all. */
const there = ({ rated: { ends }, chances }: Member, end: keyof Three): number =>
  ends.length > 0 ? 1 : (chances.forced?.[end] ?? 0);

/** It works by itself, past a shared cause where one stands before it. */
const works = ({ rated, chances }: Member, end: keyof Three): number =>
  chances.works[end] * (rated.cause?.onItself ? rated.cause.chance[end] : 1);

/** Per type of threat: an attempt is made, and it works at one place at least. */
function inClosedForm(cluster: readonly Member[], goals: Goals): Map<string, Evaluation> {
  const byType = [...Map.groupBy(cluster, ({ rated }) => rated.threat.type).values()];
  return new Map(
    [...goals].map(([goal, counting]) => {
      const chance = (end: keyof Three): number =>
        1 -
        byType.reduce((none, members) => {
          const fails = members
            .filter((member) => counting.has(member))
            .reduce((all, member) => all * (1 - there(member, end) * works(member, end)), 1);
          return none * (1 - members[0]!.chances.attempt[end] * (1 - fails));
        }, 1);
      return [goal, { method: "exact", ...ordered(chance), error: EXACT } as const];
    }),
  );
}

/** Threats by one actor that share events: of one type, or where one helps another. */
function clustersOf(threats: readonly RatedThreat[]): Member[][] {
  const chances = new Map(threats.map((rated) => [rated.threat.id, chancesOf(rated)]));
  const byId = new Map(threats.map((rated) => [rated.threat.id, rated]));
  /** The most that a threat could come to at an end, helped or not. */
  const most = (id: string, end: keyof Three): number => {
    const rated = byId.get(id)!;
    const { forced } = chances.get(id)!;
    const success = Math.max(rated.open.estimate[end], ...rated.helped.map((help) => help.open.estimate[end]));
    return (rated.ends.length > 0 ? 1 : (forced?.[end] ?? 0)) * success;
  };
  const members = threats.map((rated): Member => {
    const own = chances.get(rated.threat.id)!;
    const helps = rated.helped.flatMap((help, i) =>
      ENDS.some((end) => own.more[i]![end] > 0 && help.from.some((from) => most(from, end) > 0)) ? [i] : [],
    );
    return { rated, chances: own, helps };
  });

  const parent = new Map<string, string>();
  const rootOf = (name: string): string => {
    let root = name;
    for (let up = parent.get(root); up !== undefined; up = parent.get(root)) root = up;
    return root;
  };
  const nameOf = ({ actor, threat }: RatedThreat): string => `${actor.id} ${threat.type}`;
  for (const { rated, helps } of members)
    for (const from of helps.flatMap((i) => rated.helped[i]!.from)) {
      const [a, b] = [rootOf(nameOf(rated)), rootOf(nameOf(byId.get(from)!))];
      if (a !== b) parent.set(a, b);
    }
  return [...Map.groupBy(members, ({ rated }) => rootOf(nameOf(rated))).values()];
}

/** A cluster with help in it as equations: the same events as in the graph, without its reach. */
function byEquations(
  cluster: readonly Member[],
  goals: Goals,
  seed: string,
): { each: Map<string, Evaluation>; goals: Map<string, Evaluation> } {
  const events = new Map<string, GraphEvent>();
  const steps: GraphStep[] = [];
  const event = (id: string, { low, likely, high }: Three): string => {
    events.set(id, { id, low, likely, high, assumed: false });
    return id;
  };
  const step = (needs: readonly string[], chances: readonly string[], gains: string): void => {
    steps.push({ id: String(steps.length), needs, events: chances, gains });
  };
  for (const member of cluster) {
    const { rated, chances, helps } = member;
    const { id } = rated.threat;
    if (rated.ends.length === 0 && !chances.forced) continue;
    const reach = rated.ends.length > 0 ? [] : [event(`${id} forced`, chances.forced!)];
    const { cause } = rated;
    const past = cause ? [...reach, event(cause.id, cause.chance)] : reach;
    step([], [...(cause?.onItself ? past : reach), event(`${id} works`, chances.works)], id);
    for (const i of helps) {
      const { gains, of, from } = rated.helped[i]!;
      const gained = `${rated.actor.id} ${gains} ${of}`;
      for (const by of from) step([by], [], gained);
      step([gained], [...(cause?.onHelp[i] ? past : reach), event(`${id} ${gains} ${of}`, chances.more[i]!)], id);
    }
    const attempt = event(`attempt ${rated.threat.type}`, chances.attempt);
    step([id], [attempt], `${id} within the year`);
    for (const [goal, counting] of goals) if (counting.has(member)) step([`${id} within the year`], [], `goal ${goal}`);
  }
  const model: GraphModel = { start: [], events: [...events.values()], steps };
  const helped = cluster.filter(({ helps }) => helps.length > 0).map(({ rated }) => rated.threat.id);
  const names = [...goals.keys()];
  const asked = [...helped.map((id) => `${id} within the year`), ...names.map((goal) => `goal ${goal}`)];
  const found = probabilitiesOf(model, asked, { seed });
  return {
    each: new Map(helped.map((id, i) => [id, found[i]!])),
    goals: new Map(names.map((goal, i) => [goal, found[helped.length + i]!])),
  };
}
