/**
 * The attack graph of one system (METHOD §8): what each actor can gain, the steps that gain it, and the chance events those share,
 * conventional and AI-specific steps in one graph (S-02).
 *
 * A way runs: touch → access → influence or sight, from component to component → the place of a threat → the threat works → harm.
 * Getting about costs the attacker nothing: reach is a claim, and what no verified control closes is open with probability 1. What
 * is uncertain are four kinds of event:
 *
 * | event | probability |
 * |---|---|
 * | an actor attempts a type of threat within the year | 1 − e^(−λ); one event per actor and type, whatever the place and harm |
 * | the threat works, once attempted, by an open way | (1 − e^(−λp)) / (1 − e^(−λ)), p the success of one attempt |
 * | a way that has to be forced is forced | what makes the product the figure of METHOD §3 for such ways |
 * | more is possible with what another threat gave | what raises the chance from that without it to that with it |
 *
 * so that a single way from touch to harm has exactly 1 − e^(−λp), at all three ends. The threat that helps another needs no attempt
 * of its own: it is part of the same undertaking. Which helps which is the table in enabling.ts.
 */
import type {
  Actor,
  AttackGraph,
  AttackState,
  AttackStep,
  ChanceEvent,
  Estimate,
  Harm,
  Level,
  StepControl,
  Threat,
  ThreatType,
} from "#assessment/index.ts";
import { LEVELS } from "#assessment/scalars.ts";
import type { SystemGraph } from "#system/graph.ts";
import type { OpenWays, WayEnd, WayNode } from "#system/reach.ts";
import { weaker } from "#risk/likelihood.ts";
import type { Exposures, Three } from "#risk/likelihood.ts";
import type { Success } from "#risk/success.ts";
import type { GraphModel } from "./model.ts";
import { chancesOf } from "./chances.ts";
import type { Gain } from "./enabling.ts";

/** A threat by an actor, rated for one attempt, with everything the graph needs to know of it. */
export interface RatedThreat {
  readonly threat: Threat;
  readonly type: ThreatType;
  readonly actor: Actor;
  readonly attempts: Estimate;
  readonly exposures: Exposures | undefined;
  /** Success of one attempt where the way is open; effects of credited controls are in it. */
  readonly open: Success;
  /** Whether a way that has to be forced is left. */
  readonly isForceable: boolean;
  readonly ways: OpenWays;
  readonly ends: readonly WayEnd[];
  readonly helped: readonly Help[];
  /** Threats by the same actor that are ways to be forced, made explicit. */
  readonly footholds: readonly Foothold[];
  /** The failure that its measured controls share with those on a threat that helps it, or that it helps. */
  readonly cause?: Cause;
  readonly controls: readonly StepControl[];
  readonly harms: readonly { readonly risk: string; readonly harm: Harm; readonly severity: Level }[];
  readonly assets: readonly string[];
}

/** What other threats by the same actor give for this one. */
export interface Help {
  readonly gains: Exclude<Gain, "access" | "credentials">;
  /** The component it is about: the model known, the model with the trigger, the filter. */
  readonly of: string;
  /** Threats that give it. */
  readonly from: readonly string[];
  /** Success of one attempt by an open way with it; never less than without. */
  readonly open: Success;
  readonly because: string;
}

/** One failure that lets an actor past several controls (METHOD §8): the same event wherever they stand. */
export interface Cause {
  readonly id: string;
  readonly title: string;
  /** The highest share that any of the controls lets through. */
  readonly chance: Three;
  /** Whether it stands before the threat working by itself (which then helps another), and before it working with each help. */
  readonly onItself: boolean;
  readonly onHelp: readonly boolean[];
  readonly grade: Estimate["grade"];
}

/** A threat that lets an actor begin a way at its place. */
export interface Foothold {
  readonly threat: string;
  readonly at: string;
  readonly gains: "access" | "credentials";
  readonly because: string;
  /** The lower end of the chance that it works once attempted, as shown by what was tried; 0 where nothing was shown. */
  readonly shown: number;
}

export interface BuildInput {
  readonly graph: SystemGraph;
  readonly rated: readonly RatedThreat[];
  /** Threats left out of the drawing. */
  readonly omitted?: number;
}

/** Where everyone stands to begin with. */
export const OUTSIDE = "outside";

/** ATLAS tactics of the steps that are no threats. */
const TACTIC = {
  enter: "AML.TA0004",
  beThere: "AML.TA0000",
  move: "AML.TA0015",
  credentials: "AML.TA0013",
  gain: "AML.TA0003",
  harm: "AML.TA0011",
} as const;
const TACTICS = "MITRE ATLAS tactics";

export const tacticOf = ({ mappings }: ThreatType): string =>
  mappings.find(({ framework }) => framework === TACTICS)?.id ?? TACTIC.harm;

export const worksId = ({ id }: Pick<Threat, "id">): string => `${id} works`;
export const attemptId = (actor: string, type: string): string => `${actor} attempts ${type}`;
/** Goal of a harm of a severity or worse, over all ways and actors. */
export const harmGoal = (harm: Harm, severity: Level): string => `${harm} ${severity}+`;
/** Goal of what comes of a harm through one asset. */
export const assetGoal = (harm: Harm, asset: string): string => `${harm} at ${asset}`;

/**
 * Threats drawn at most, each with its ways: a graph of more can be neither read nor kept in a document. The figures of risks and
 * totals are of all threats (figures.ts).
 */
export const DRAWN_MAX = 500;

/** The threats to draw, gravest first by `weight` where there are too many, and with each the threats that help it. */
export function chosen(
  rated: readonly RatedThreat[],
  weight: (threat: string) => number,
  max = DRAWN_MAX,
): readonly RatedThreat[] {
  if (rated.length <= max) return rated;
  const byId = new Map(rated.map((one) => [one.threat.id, one]));
  const taken = new Set<string>();
  const take = (id: string): void => {
    if (taken.has(id) || taken.size >= max) return;
    taken.add(id);
    for (const from of byId.get(id)!.helped.flatMap((help) => help.from)) take(from);
  };
  const weights = new Map(rated.map(({ threat: { id } }) => [id, weight(id)]));
  for (const { threat } of rated.toSorted((a, b) => weights.get(b.threat.id)! - weights.get(a.threat.id)!))
    take(threat.id);
  return rated.filter(({ threat }) => taken.has(threat.id));
}

export function buildGraph(input: BuildInput): AttackGraph {
  const draft = new Draft(input.graph);
  draft.state({ id: OUTSIDE, kind: "start", title: "outside" });
  for (const rated of input.rated) drawThreat(draft, rated);
  drawTotals(draft, input.rated);
  return { ...draft.finished(), omitted: input.omitted ?? 0 };
}

/** The graph as equations over events, for the evaluator; `contracted` leaves of it what is uncertain. */
export function toModel({ events, steps }: Pick<AttackGraph, "events" | "steps">): GraphModel {
  return {
    start: [OUTSIDE],
    events: events.map(({ id, estimate: { low, likely, high, basis } }) => ({
      id,
      low,
      likely,
      high,
      assumed: basis.kind === "assumed",
    })),
    steps: steps.map(({ id, needs, events: chance, gains }) => ({ id, needs, events: chance, gains })),
  };
}

/** Collects states, events and steps; what is drawn twice under one id is the same thing. */
class Draft {
  readonly graph: SystemGraph;
  readonly #states = new Map<string, AttackState>();
  readonly #events = new Map<string, ChanceEvent>();
  readonly #steps = new Map<string, AttackStep>();
  readonly #walked = new Set<string>();

  constructor(graph: SystemGraph) {
    this.graph = graph;
  }
  state(state: AttackState): string {
    if (!this.#states.has(state.id)) this.#states.set(state.id, state);
    return state.id;
  }
  event(id: string, title: string, estimate: Estimate): string {
    if (!this.#events.has(id)) this.#events.set(id, { id, title, estimate });
    return id;
  }
  step(step: Omit<AttackStep, "estimate" | "controls"> & { readonly controls?: readonly StepControl[] }): void {
    if (this.#steps.has(step.id)) return;
    this.#steps.set(step.id, {
      ...step,
      estimate: productOf(step.events.map((id) => this.#events.get(id)!.estimate)),
      controls: step.controls ?? [],
    });
  }
  /** Whether this is the first walk to that name. */
  walksTo(name: string): boolean {
    if (this.#walked.has(name)) return false;
    this.#walked.add(name);
    return true;
  }
  titleOf(id: string): string {
    return this.graph.titleOf(id);
  }
  finished(): Omit<AttackGraph, "omitted"> {
    return {
      states: [...this.#states.values()],
      events: [...this.#events.values()],
      steps: [...this.#steps.values()],
      goals: [],
    };
  }
}

const CERTAIN: Estimate = {
  low: 1,
  likely: 1,
  high: 1,
  basis: { kind: "assumed", why: "reach is a claim: nothing verified closes it" },
  grade: "E",
};

/** All events of a step together; they are independent, so their probabilities multiply. */
function productOf(chances: readonly Estimate[]): Estimate {
  if (chances.length === 0) return CERTAIN;
  if (chances.length === 1) return chances[0]!;
  const product = (end: keyof Three): number => chances.reduce((sum, chance) => sum * chance[end], 1);
  return {
    low: product("low"),
    likely: product("likely"),
    high: product("high"),
    basis: { kind: "derived", why: "its events together" },
    grade: chances.map(({ grade }) => grade).reduce(weaker),
  };
}

function drawThreat(draft: Draft, rated: RatedThreat): void {
  const { threat, type, actor, attempts, open, isForceable, ways, ends, helped, harms, assets } = rated;
  if (ends.length === 0 && !isForceable) return;
  const place = draft.titleOf(threat.at);
  const common = { actor: actor.id, at: threat.at, threat: threat.group, type: threat.type } as const;
  const stage = type.stage[0]!;

  const there = draft.state({
    id: `${actor.id} gets to ${threat.group}`,
    kind: ways.direction === "observe" ? "sight" : "influence",
    actor: actor.id,
    at: threat.on ?? threat.at,
    title: `${actor.title} gets to where ${lower(type.title)} at ${place} can be tried`,
  });
  for (const end of ends) {
    const from = end.node ? drawNode(draft, actor, ways, end.node, stage) : touch(draft, actor, end.flow!);
    const by = end.flow ?? end.node!.component;
    draft.step({
      id: `${from} -> ${threat.group}`,
      needs: [from],
      gains: there,
      events: [],
      title: `by ${draft.titleOf(by)}`,
      ...common,
      at: by,
      tactic: TACTIC.move,
      stage,
      conventional: type.conventional,
    });
  }

  const chances = chancesOf(rated);
  const chance = draft.event(
    `${threat.id} succeeds`,
    `${type.title} at ${place} by ${actor.title} succeeds once attempted`,
    {
      ...chances.works,
      basis: open.estimate.basis,
      grade: open.estimate.grade,
    },
  );
  if (chances.forced) drawForcedWays(draft, rated, there, chances.forced);

  const { cause } = rated;
  const failed = cause
    ? [
        draft.event(cause.id, cause.title, {
          ...cause.chance,
          basis: { kind: "derived", why: "attacks that succeed with the controls on, of those that succeed without" },
          grade: cause.grade,
        }),
      ]
    : [];
  const works = draft.state({
    id: worksId(threat),
    kind: "effect",
    actor: actor.id,
    at: threat.at,
    title: `${type.title} at ${place} works for ${actor.title}`,
  });
  const act = {
    ...common,
    gains: works,
    tactic: tacticOf(type),
    stage,
    conventional: type.conventional,
    controls: rated.controls,
  } as const;
  draft.step({
    ...act,
    id: threat.id,
    needs: [there],
    events: cause?.onItself ? [...failed, chance] : [chance],
    title: `${actor.title}: ${lower(type.title)} at ${place}`,
  });
  for (const [i, help] of helped.entries()) {
    const gained = drawGain(draft, actor, help);
    const more = draft.event(
      `${threat.id} succeeds with ${gained}`,
      `${type.title} at ${place} by ${actor.title} succeeds with that where it fails without`,
      {
        ...chances.more[i]!,
        basis: help.open.estimate.basis,
        grade: help.open.estimate.grade,
      },
    );
    draft.step({
      ...act,
      id: `${threat.id}, as ${gained}`,
      needs: [there, gained],
      events: cause?.onHelp[i] ? [...failed, more] : [more],
      title: `${actor.title}: ${lower(type.title)} at ${place}, ${WITH[help.gains](draft.titleOf(help.of))}`,
    });
  }

  const attempt = draft.event(
    attemptId(actor.id, threat.type),
    `${actor.title} attempts ${lower(type.title)} within the year`,
    { ...chances.attempt, basis: attempts.basis, grade: attempts.grade },
  );
  for (const { risk, harm, severity } of harms) {
    const suffered = draft.state({
      id: risk,
      kind: "harm",
      actor: actor.id,
      at: threat.at,
      harm,
      title: `${type.title} at ${place} by ${actor.title} harms ${WORD[harm]}`,
    });
    const impact = { ...common, tactic: TACTIC.harm, stage: "operation", conventional: type.conventional } as const;
    draft.step({
      ...impact,
      id: risk,
      needs: [works],
      events: [attempt],
      gains: suffered,
      title: `${actor.title} does it within the year, and ${WORD[harm]} suffers`,
    });
    for (const asset of assets) {
      const goal = draft.state({
        id: assetGoal(harm, asset),
        kind: "harm",
        at: asset,
        harm,
        title: `harm to ${WORD[harm]} through ${draft.titleOf(asset)}, over all ways and actors`,
      });
      draft.step({
        ...impact,
        id: `${risk} => ${goal}`,
        needs: [suffered],
        events: [],
        gains: goal,
        title: "counts there",
      });
    }
    draft.step({
      ...impact,
      id: `${risk} => ${harmGoal(harm, severity)}`,
      needs: [suffered],
      events: [],
      gains: harmGoal(harm, severity),
      title: `counts as harm to ${WORD[harm]}`,
    });
  }
}

/** The totals of each harm: what is worse counts as less bad too. */
function drawTotals(draft: Draft, rated: readonly RatedThreat[]): void {
  const levels = new Map<Harm, Set<Level>>();
  for (const { harms } of rated)
    for (const { harm, severity } of harms) levels.set(harm, (levels.get(harm) ?? new Set()).add(severity));
  for (const [harm, found] of levels) {
    const worst = LEVELS.filter((level) => found.has(level)).toReversed();
    worst.forEach((level, i) => {
      draft.state({
        id: harmGoal(harm, level),
        kind: "harm",
        harm,
        title: `harm to ${WORD[harm]} of severity ${level} or worse, over all ways and actors`,
      });
      const worse = worst[i - 1];
      if (worse !== undefined)
        draft.step({
          id: `${harmGoal(harm, worse)} => ${harmGoal(harm, level)}`,
          needs: [harmGoal(harm, worse)],
          events: [],
          gains: harmGoal(harm, level),
          title: "what is worse counts here too",
          tactic: TACTIC.harm,
          stage: "operation",
          conventional: false,
        });
    });
  }
}

const WORD: Readonly<Record<Harm, string>> = {
  health: "health",
  safety: "safety",
  "fundamental-rights": "fundamental rights",
  privacy: "privacy",
  property: "property",
  continuity: "continuity",
};

const GAINED: Readonly<Record<Help["gains"], (actor: string, of: string) => string>> = {
  knowledge: (actor, of) => `${actor} knows ${of}`,
  trigger: (actor, of) => `${actor} has a trigger in ${of}`,
  filter: (actor, of) => `${actor} has switched off ${of}`,
};
const WITH: Readonly<Record<Help["gains"], (of: string) => string>> = {
  knowledge: (of) => `knowing ${of} inside out`,
  trigger: (of) => `with the trigger planted in ${of}`,
  filter: (of) => `past ${of}, which stops nothing any more`,
};

/** What other threats give, as a state that any of them gains. */
function drawGain(draft: Draft, actor: Actor, { gains, of, from, because }: Help): string {
  const gained = draft.state({
    id: GAINED[gains](actor.id, of),
    kind: gains === "knowledge" ? "knowledge" : "influence",
    actor: actor.id,
    at: of,
    title: GAINED[gains](actor.title, draft.titleOf(of)),
  });
  for (const threat of from)
    draft.step({
      id: `${threat} => ${gained}`,
      needs: [worksId({ id: threat })],
      gains: gained,
      events: [],
      title: because,
      actor: actor.id,
      at: of,
      tactic: TACTIC.gain,
      stage: "operation",
      conventional: false,
    });
  return gained;
}

/**
 * Ways that have to be forced: by a usual flow or an intrusion anywhere, and – the same event, so nothing is counted twice – by a
 * threat of its own that ends in access to what feeds the place. What shows that one of these works raises the lower end.
 */
function drawForcedWays(draft: Draft, rated: RatedThreat, there: string, forcing: Three): void {
  const { threat, type, actor, footholds } = rated;
  const place = draft.titleOf(threat.at);
  const shown = footholds.reduce<Foothold | undefined>((a, b) => (b.shown > (a?.shown ?? 0) ? b : a), undefined);
  const forced = draft.event(`${actor.id} forces a way to ${threat.group}`, `${actor.title} forces a way to ${place}`, {
    ...forcing,
    basis: {
      kind: "assumed",
      why: shown
        ? `that it can be is shown by ${shown.threat}; how often by all other ways, nobody has measured`
        : "a usual flow or an intrusion that nobody has measured",
    },
    grade: "E",
  });
  const common = { actor: actor.id, stage: type.stage[0]!, tactic: TACTIC.enter, conventional: true } as const;
  const onwards = { ...common, threat: threat.group, type: threat.type, gains: there, events: [forced] } as const;
  draft.step({
    ...onwards,
    id: `${actor.id} forces a way to ${threat.group}`,
    at: threat.at,
    needs: [OUTSIDE],
    title: `${actor.title} forces a way to ${place}: by a usual flow or by breaking in`,
  });
  for (const { threat: by, at, gains, because } of footholds) {
    const access = drawAccess(draft, actor, at);
    const won = { ...common, at, events: [], stage: "operation" } as const;
    if (gains === "credentials") {
      const credentials = draft.state({
        id: `${actor.id} has credentials for ${at}`,
        kind: "credentials",
        actor: actor.id,
        at,
        title: `${actor.title} has somebody else's credentials for ${draft.titleOf(at)}`,
      });
      draft.step({
        ...won,
        id: `${by} => ${credentials}`,
        needs: [worksId({ id: by })],
        gains: credentials,
        tactic: TACTIC.credentials,
        title: because,
      });
      draft.step({
        ...won,
        id: `${credentials} => ${access}`,
        needs: [credentials],
        gains: access,
        title: `${actor.title} uses them there`,
      });
    } else
      draft.step({ ...won, id: `${by} => ${access}`, needs: [worksId({ id: by })], gains: access, title: because });
    draft.step({
      ...onwards,
      id: `${access} -> ${threat.group}`,
      at,
      needs: [access],
      tactic: TACTIC.move,
      title: `from ${draft.titleOf(at)}, once broken into`,
    });
  }
}

/** The state of having access to a component or flow; bodily where it is a thing one stands before. */
function drawAccess(draft: Draft, actor: Actor, to: string): string {
  return draft.state({
    id: `${actor.id} has access to ${to}`,
    kind: isBodily(draft, to) ? "physical" : "access",
    actor: actor.id,
    at: to,
    title: `${actor.title} has access to ${draft.titleOf(to)}`,
  });
}

const isBodily = ({ graph }: Draft, id: string): boolean =>
  graph.isComponent(id) && ["sensor", "actuator"].includes(graph.component(id).kind);

/** What an actor touches by the system file, and so has access to. */
function touch(draft: Draft, actor: Actor, touched: string): string {
  const access = drawAccess(draft, actor, touched);
  draft.step({
    id: `${actor.id} touches ${touched}`,
    needs: [OUTSIDE],
    gains: access,
    events: [],
    title: `${actor.title} touches ${draft.titleOf(touched)}`,
    actor: actor.id,
    at: touched,
    tactic: isBodily(draft, touched) ? TACTIC.beThere : TACTIC.enter,
    stage: "operation",
    conventional: true,
  });
  return access;
}

/** The name of an actor's influence on a component, or sight of it: told apart by what was asked, and by the controls that stood in the way. */
function nodeId(actor: Actor, { direction, along, closures }: OpenWays, { component, signed }: WayNode): string {
  const past = [...new Set(closures.map(({ control, at }) => `${control}@${at}`))].toSorted();
  return [
    `${actor.id} ${direction === "observe" ? "sees" : "has influence on"} ${component}`,
    ...(along === undefined ? [] : [along === "input" ? "by inputs" : "by delivery"]),
    ...(past.length > 0 ? [`beside ${past.join(", ")}`] : []),
    ...(signed ? ["signed"] : []),
  ].join(" ");
}

/** Draws a node of the open ways and everything from which ways lead to it; each node once, whoever asks. */
function drawNode(draft: Draft, actor: Actor, ways: OpenWays, end: WayNode, stage: AttackStep["stage"]): string {
  const stateOf = (node: WayNode): string =>
    draft.state({
      id: nodeId(actor, ways, node),
      kind: ways.direction === "observe" ? "sight" : "influence",
      actor: actor.id,
      at: node.component,
      title: `${actor.title} ${ways.direction === "observe" ? "sees what is at" : "has influence on what is at"} ${draft.titleOf(node.component)}`,
    });
  const open = [end];
  for (let node = open.pop(); node; node = open.pop()) {
    const here = stateOf(node);
    if (!draft.walksTo(here)) continue;
    const shared = { actor: actor.id, at: node.component, events: [], gains: here, stage, conventional: true } as const;
    for (const touched of ways.touchedAt(node)) {
      const access = touch(draft, actor, touched);
      draft.step({
        ...shared,
        id: `${access} => ${here}`,
        needs: [access],
        title: `${actor.title} acts there`,
        tactic: TACTIC.enter,
      });
    }
    for (const { flow, from } of ways.into(node)) {
      const before = stateOf(from);
      if (before === here) continue;
      draft.step({
        ...shared,
        id: `${before} -> ${flow.id} -> ${here}`,
        needs: [before],
        title: `${draft.titleOf(flow.id)} passes it on`,
        tactic: TACTIC.move,
      });
      open.push(from);
    }
  }
  return stateOf(end);
}

const lower = (title: string): string => (/^[A-Z][a-z]/.test(title) ? title[0]!.toLowerCase() + title.slice(1) : title);
