/** From judged threats to the attack graph and its figures: which threat helps which, and what that makes of each success. */
import type { AttackGraph, Evaluation, Knowledge, StepControl, Threat } from "#assessment/index.ts";
import { isModel, SystemGraph } from "#system/graph.ts";
import { openWaysOfThreat, reachOfThreat } from "#system/reach.ts";
import type { Judged, Layer } from "#risk/judged.ts";
import { onceActive, perAttempt, successFrom, type Three } from "#risk/likelihood.ts";
import { wayOf, type Success } from "#risk/success.ts";
import { assetGoal, buildGraph, harmGoal, toModel, type Foothold, type Help, type RatedThreat } from "./build.ts";
import { ENABLING, type Enabling } from "./enabling.ts";
import { probabilitiesOf } from "./evaluate.ts";
import type { GraphModel, GraphStep } from "./model.ts";

/** What the graph makes of one threat, where other threats help it: success of one attempt over all its ways. */
export interface Over {
  readonly inherent: Three;
  readonly current: Three;
  /** Groups of threats that help. */
  readonly by: readonly string[];
}

export interface Woven {
  readonly graph: AttackGraph;
  /** By threat id; absent where no other threat helps. */
  readonly successes: ReadonlyMap<string, Over>;
  /** Per harm, and per harm and asset. */
  readonly totals: ReadonlyMap<string, Evaluation>;
}

export interface WeaveInput {
  readonly graph: SystemGraph;
  readonly judged: readonly Judged[];
  readonly knowledge: Pick<Knowledge, "controls">;
  readonly seed: string;
}

export function weave({ graph, judged, knowledge, seed }: WeaveInput): Woven {
  const peers = Map.groupBy(judged, ({ actor }) => actor.id);
  const layersOf = stepControls(knowledge);
  const rated = (which: "inherent" | "current"): RatedThreat[] =>
    judged.map((one) => ratedThreat(graph, one, peers.get(one.actor.id)!, which, layersOf));
  const current = rated("current");
  const attack = buildGraph({ graph, rated: current });
  const core = contracted(toModel(attack));

  const isHelped = ({ helped, footholds }: RatedThreat): boolean =>
    helped.length > 0 || footholds.some(({ shown }) => shown > 0);
  const figures = helpedFigures(current.filter(isHelped), core, seed);
  const before = rated("inherent");
  const inherent = before.filter(isHelped);
  const wereFigures =
    inherent.length > 0
      ? helpedFigures(inherent, contracted(toModel(buildGraph({ graph, rated: before }))), seed)
      : figures;
  const none: Three = { low: 0, likely: 0, high: 0 };
  const successes = new Map(
    [...current, ...before].filter(isHelped).map(({ threat, helped, footholds }): [string, Over] => [
      threat.id,
      {
        current: figures.get(threat.id) ?? none,
        inherent: wereFigures.get(threat.id) ?? none,
        by: groupsOf(
          [...helped.flatMap(({ from }) => from), ...footholds.filter(({ shown }) => shown > 0).map((by) => by.threat)],
          judged,
        ),
      },
    ]),
  );

  const goals = [
    ...new Set(
      current.flatMap(({ harms, assets }) =>
        harms.flatMap(({ harm, severity }) => [
          harmGoal(harm, severity),
          ...assets.map((asset) => assetGoal(harm, asset)),
        ]),
      ),
    ),
  ];
  const totals = probabilitiesOf(core, goals, { seed });
  return { graph: attack, successes, totals: new Map(goals.map((goal, i) => [goal, totals[i]!])) };
}

const groupsOf = (ids: readonly string[], judged: readonly Judged[]): string[] => {
  const wanted = new Set(ids);
  return [...new Set(judged.filter(({ threat }) => wanted.has(threat.id)).map(({ threat }) => threat.group))];
};

/** Success of one attempt that each threat comes to over all its ways. */
function helpedFigures(helped: readonly RatedThreat[], core: GraphModel, seed: string): ReadonlyMap<string, Three> {
  const figures = new Map<string, Three>();
  const steps = Map.groupBy(core.steps, ({ id }) => id);
  const into = Map.groupBy(core.steps, ({ gains }) => gains);
  for (const own of Map.groupBy(helped, ({ actor }) => actor.id).values()) {
    const spoken = own.filter(({ harms }) => harms.length > 0);
    const goals = spoken.map(({ harms }) => harms[0]!.risk);
    const chances = probabilitiesOf(sliced(core, into, goals), goals, { seed });
    spoken.forEach(({ threat, attempts, exposures, open }, i) => {
      if (steps.has(goals[i]!)) figures.set(threat.id, successFrom(chances[i]!, attempts, exposures, open.varies));
    });
  }
  return figures;
}

/**
 * The same equations without what is certain: states that are gained without any event are left out, and so are the steps to them.
 * Reach is certain where no control stands, so of a large graph little is left.
 */
export function contracted({ start, events, steps }: GraphModel): GraphModel {
  const sure = new Set(start);
  const waiting = new Map<string, GraphStep[]>();
  const missing = new Map<GraphStep, number>();
  const open = [...start];
  const gain = (state: string): void => {
    if (sure.has(state)) return;
    sure.add(state);
    open.push(state);
  };
  for (const step of steps) {
    if (step.events.length > 0) continue;
    const needs = step.needs.filter((state) => !sure.has(state));
    if (needs.length === 0) gain(step.gains);
    else {
      missing.set(step, needs.length);
      for (const state of needs) {
        const list = waiting.get(state);
        if (list) list.push(step);
        else waiting.set(state, [step]);
      }
    }
  }
  for (let state = open.pop(); state !== undefined; state = open.pop())
    for (const step of waiting.get(state) ?? []) {
      const left = missing.get(step)! - 1;
      missing.set(step, left);
      if (left === 0) gain(step.gains);
    }
  const kept = steps
    .filter(({ gains }) => !sure.has(gains))
    .map((step) => ({ ...step, needs: step.needs.filter((state) => !sure.has(state)) }));
  const used = new Set(kept.flatMap((step) => step.events));
  return { start: [...sure], events: events.filter(({ id }) => used.has(id)), steps: kept };
}

/** What leads to some goals. */
function sliced(
  model: GraphModel,
  into: ReadonlyMap<string, readonly GraphStep[]>,
  goals: readonly string[],
): GraphModel {
  const wanted = new Set(goals);
  const steps: GraphStep[] = [];
  for (const state of wanted)
    for (const step of into.get(state) ?? []) {
      steps.push(step);
      for (const need of step.needs) wanted.add(need);
    }
  const used = new Set(steps.flatMap(({ events }) => events));
  return {
    start: model.start.filter((state) => wanted.has(state)),
    events: model.events.filter(({ id }) => used.has(id)),
    steps,
  };
}

/** Everything the graph asks of a judged threat, without controls or with those that earned credit. */
function ratedThreat(
  graph: SystemGraph,
  one: Judged,
  peers: readonly Judged[],
  which: "inherent" | "current",
  controlsOf: (layers: readonly Layer[]) => StepControl[],
): RatedThreat {
  const { threat, type, actor, profile, attempts, exposures, layers, harms } = one;
  const closures = which === "current" ? one.closures : [];
  const effects = which === "current" ? one.effects : [];
  const options = { closures, ...(profile ? { profile } : {}) };
  const { ways, ends } = openWaysOfThreat(graph, threat, type, options);
  const isForceable = reachOfThreat(graph, threat, type, { ...options, touches: [] }).reach.reach !== "none";
  const open = one.success({ way: "open", effects });
  return {
    threat,
    type,
    actor,
    attempts,
    exposures,
    open,
    forced: one.success({ way: "forced", effects }),
    isForceable,
    ways,
    ends,
    helped: helpsFor(graph, one, peers, effects, open),
    footholds: isForceable ? footholdsFor(one, peers, ways.feeders, which) : [],
    controls: controlsOf(layers),
    harms: harms.map(({ id, suffered: { harm, severity } }) => ({ risk: id, harm, severity })),
    assets: assetsOf(threat, graph),
  };
}

/** Assets that a threat is to: what its place holds, and what the flow it comes by carries. */
export function assetsOf({ at, on }: Pick<Threat, "at" | "on">, graph: SystemGraph): string[] {
  const held = graph.isComponent(at) ? graph.component(at).holds : [];
  const carried = on !== undefined && graph.isFlow(on) ? graph.flow(on).carries : [];
  return [...new Set([...held, ...carried])].filter((id) => graph.asset(id) !== undefined);
}

const CERTAIN: Three = { low: 1, likely: 1, high: 1 };

const differ = (a: Three, b: Three): boolean => a.low !== b.low || a.likely !== b.likely || a.high !== b.high;

function helpsFor(
  graph: SystemGraph,
  one: Judged,
  peers: readonly Judged[],
  effects: Judged["effects"],
  open: Success,
): Help[] {
  const helps = new Map<string, Help>();
  const note = (help: Help): void => {
    const key = `${help.gains} ${help.of}`;
    const known = helps.get(key);
    helps.set(key, known ? { ...known, from: [...new Set([...known.from, ...help.from])] } : help);
  };
  for (const row of ENABLING) {
    if (row.helps !== "all" && !row.helps.includes(one.type.id)) continue;
    const by = (places: ReadonlySet<string>): string[] =>
      peers
        .filter((peer) => peer !== one && row.by.includes(peer.type.id) && places.has(peer.threat.at))
        .map(({ threat }) => threat.id);
    if (row.gains === "filter") {
      for (const { credit } of effects) {
        const { component } = credit.entry;
        const from = component === undefined ? [] : by(new Set([component]));
        if (component === undefined || from.length === 0) continue;
        const without = effects.filter((effect) => effect.credit.entry.component !== component);
        note({
          gains: "filter",
          of: component,
          from,
          open: one.success({ way: "open", effects: without }),
          because: row.because,
        });
      }
      continue;
    }
    if (row.gains !== "knowledge" && row.gains !== "trigger") continue;
    const from = by(placesFor(row, graph, one.threat.at));
    if (from.length === 0) continue;
    const success =
      row.gains === "knowledge"
        ? one.success({ way: "open", knows: "white", effects })
        : {
            ...open,
            estimate: {
              ...CERTAIN,
              basis: {
                kind: "derived" as const,
                why: "a trigger that was planted works on every input that carries it",
              },
              grade: open.estimate.grade,
            },
          };
    if (differ(success.estimate, open.estimate))
      note({ gains: row.gains, of: one.threat.at, from, open: success, because: row.because });
  }
  return [...helps.values()];
}

/** Where a threat has to work to help one at `at`. */
function placesFor({ where }: Enabling, graph: SystemGraph, at: string): ReadonlySet<string> {
  if (where !== "parts" || !graph.isComponent(at)) return new Set([at]);
  const model = graph.component(at);
  const parts = isModel(model) ? model.holds : [];
  return new Set([at, ...parts.flatMap((part) => graph.holdersOf(part).map(({ id }) => id))]);
}

/** Threats by the same actor that end in access to what feeds the place, where the actor has none by touching it. */
function footholdsFor(
  one: Judged,
  peers: readonly Judged[],
  feeders: readonly string[],
  which: "inherent" | "current",
): Foothold[] {
  return ENABLING.flatMap(({ by, gains, because }): Foothold[] => {
    if (gains !== "access" && gains !== "credentials") return [];
    return peers
      .filter(
        ({ threat, type }) =>
          threat !== one.threat &&
          by.includes(type.id) &&
          feeders.includes(threat.at) &&
          !one.actor.touches.includes(threat.at),
      )
      .map((peer) => ({ threat: peer.threat.id, at: peer.threat.at, gains, because, shown: shownFor(peer, which) }));
  });
}

/** The lower end of the chance that a threat works once attempted, by the way its actor has. */
function shownFor(peer: Judged, which: "inherent" | "current"): number {
  const { reach, path } = peer.ways[which];
  if (reach === "none") return 0;
  const { estimate, varies } = peer.success({
    way: wayOf({ reach, path }),
    ...(which === "inherent" ? { effects: [] } : {}),
  });
  return onceActive(peer.attempts, perAttempt(estimate, peer.exposures, varies)).low;
}

/** A risk's controls as the graph shows them on the step they act on. */
const stepControls =
  ({ controls }: Pick<Knowledge, "controls">) =>
  (layers: readonly Layer[]): StepControl[] =>
    layers.map(({ shown: { control, at, credited, why, evidence } }) => {
      const verbs = controls.find(({ id }) => id === control)?.verbs ?? [];
      const acts = (["prevent", "detect", "respond"] as const).find((verb) => verbs.includes(verb));
      return {
        control,
        at,
        acts: acts ?? (verbs.includes("resolve") ? "respond" : "prevent"),
        credited,
        why,
        evidence: [...evidence],
      };
    });
