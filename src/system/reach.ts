/**
 * How far each actor gets to each place, and by which way (METHOD §5). Reach is a claim: what was not shown to be closed is open.
 *
 * A *way* begins where the actor first acts and goes on along data flows. Beginnings, best known first:
 *
 * | entry | where it begins |
 * |---|---|
 * | touch | a component or flow the author says the actor touches |
 * | usual flow | any usual flow the profile uses, at any component that has it; unanswered or answered "none" it exists all the same |
 * | intrusion | any component: somebody else's access, stolen or lent; nobody is assumed unable to |
 *
 * *Direct*: the actor touches the place or a flow into it, or touches a component whose output gets there without crossing a trust
 * boundary. *Indirect*: any other way. *None*: every way is closed, each by a verified control that earned credit, for this threat
 * and binding this actor. What a closure closes depends on where it stands and on what was verified there:
 *
 * | closure at | closes |
 * |---|---|
 * | a component | acting on it by usual flow or intrusion; a declared touch only if the evidence names the actor; not what flows through |
 * | a flow | whatever would come along it, and tampering with it |
 * | `usual:backup@pacs` | that usual flow |
 * | a boundary | intrusion across it by outsiders (insiders only by name), unless something inside is reached in another way |
 *
 * Origin integrity (C-92: signed at the source, verified before use) is of another kind. It does not keep anyone off a component; it
 * takes away what he could do there to the data. Where it stands, only data signed at the source come in; at a store or carrier
 * (database, network) the signature stays with the data and is checked on the way out, so what was altered there does not leave
 * either. At any other kind it is checked on the way in, and who acts on that component acts behind the check. Signed is what began
 * where data come into being (sensor, interface, person, external party) or passed a sensor, a person or an external party: who
 * acts there has the source's key, everybody else has not. A foothold behind the check is untouched by it.
 *
 * Closing only ever takes ways away; a flow, an actor or a touch only ever adds some. Our own method (mark I).
 */
import type { AttackerProfile, ThreatType } from "#assessment/knowledge.ts";
import type { Actor, Boundary, Component, ComponentKind, DataFlow, System } from "#assessment/system.ts";
import type { ActorReach, Path, Threat } from "#assessment/threats.ts";
import { graphOf, isModel, type ModelComponent, SYSTEM_PLACE, type SystemGraph, type UsualWay } from "./graph.ts";

/** What a verified control takes away: at a component, flow, usual flow or boundary, for the threats and actors it binds (absent: all). */
export interface Closure {
  readonly control: string;
  readonly at: string;
  readonly threats: readonly string[];
  readonly binds?: readonly string[];
}

export interface ReachOptions {
  /** The threat asked about; without it only closures against "all" apply. */
  readonly threat?: string;
  /** Controls that earned credit as closures; none by default. */
  readonly closures?: readonly Closure[];
  /** The actor's profile; without it every usual flow is taken to be within the actor's means. */
  readonly profile?: Pick<AttackerProfile, "uses" | "inside">;
  /** `influence`: what the actor does has effect at the place. `observe`: what is at the place comes before the actor's eyes. */
  readonly direction?: "influence" | "observe";
  /** Ask for what the component hands on, not for the component itself: who alters it where signatures are checked on the way out does not count. */
  readonly output?: boolean;
  /** Leave out flows that are known to bring a model what this does not come by: its inputs, or the model itself. */
  readonly along?: "input" | "delivery";
  /** What the actor touches, in place of what the file says: with nothing, only ways that have to be forced are left. */
  readonly touches?: readonly string[];
}

/** Origin integrity of operational input (METHOD §6). */
export const ORIGIN_INTEGRITY = "C-92";

export const ENTRIES = ["touch", "usual", "intrusion"] as const;
export type Entry = (typeof ENTRIES)[number];

/** Where signatures stay with the data, so that they are checked on the way out. */
export const KEEPS_SIGNATURES: ReadonlySet<ComponentKind> = new Set(["database", "network"]);
/** What begins here is signed here. */
export const SIGNS_ITS_OWN: ReadonlySet<ComponentKind> = new Set(["sensor", "interface", "human", "external"]);
/** What passes here is signed anew: it is taken in as the source's own. */
export const SIGNS_WHAT_PASSES: ReadonlySet<ComponentKind> = new Set(["sensor", "human", "external"]);

/** One way's end so far. Ranks: 0 direct, then one per entry; smaller is the better way for the actor. */
interface Visit {
  readonly component: string;
  readonly signed: boolean;
  readonly rank: number;
  readonly depth: number;
  /** The last step to it: by which flow or entry, across which boundaries. */
  readonly flow: string | undefined;
  readonly crosses: readonly string[];
  readonly before: Visit | undefined;
}
interface Search {
  readonly visits: ReadonlyMap<string, readonly Visit[]>;
  /** Ways begun by touching, also those that came too late to be the best. */
  readonly touched: readonly TouchedAt[];
  /** Whether signatures are asked for anywhere. */
  readonly signatures: boolean;
  /** Closures that stood in some way. */
  readonly blocked: ReadonlySet<Closure>;
  readonly passes: (flow: DataFlow, signed: boolean) => boolean;
  readonly leaves: (component: string, signed: boolean) => boolean;
  readonly closedAt: (component: string) => boolean;
  /** What was asked of it before, by actor and place: many threats ask the same. */
  readonly answers: Map<string, ActorReach>;
}

interface TouchedAt {
  readonly component: string;
  readonly signed: boolean;
  /** What is touched: the component, or a flow that leads there. */
  readonly touched: string;
}

const RANK = { direct: 0, touch: 1, usual: 2, intrusion: 3 } as const;

/**
 * Reach of one actor to one place: a component's id, a flow's id (what it carries), or `system` (the nearest component).
 * Pure in system and options; searches are kept per graph, so asking about every component costs one search.
 */
export function reachOf(graph: SystemGraph, actorId: string, place: string, options: ReachOptions = {}): ActorReach {
  const actor = actingAs(graph, actorId, options);
  const search = searchOf(graph, actor, options);
  const key = `${actorId}\n${options.output === true ? "from" : "at"}\n${place}`;
  let reach = search.answers.get(key);
  if (!reach) {
    reach = reachBy(graph, actor, place, search, options);
    // Why there is no way may name more closures when it is asked again.
    if (reach.reach !== "none") search.answers.set(key, reach);
  }
  return reach;
}

function reachBy(graph: SystemGraph, actor: Actor, place: string, search: Search, options: ReachOptions): ActorReach {
  const ends = endsAt(graph, actor, place, search, options);
  const best = ends.reduce<Visit | undefined>((a, b) => (a && !isBetter(b, a) ? a : b), undefined);
  if (!best) return { actor: actor.id, reach: "none", path: [], ...closedBecause(graph, place, search) };
  const path = pathTo(best);
  return {
    actor: actor.id,
    reach: best.rank === RANK.direct ? "direct" : "indirect",
    path,
    why: whyOf(graph, actor, path, best, options),
    blockedBy: [],
  };
}

/**
 * Where a threat's act enters, when that is not the place it is to: a physical attack comes through a sensor, poison through what
 * holds the training data or trains on them. Nothing where the file does not say: then by any way to the place itself.
 */
const ENTERS: Readonly<Record<string, (graph: SystemGraph, at: ModelComponent) => readonly Component[]>> = {
  "T-02": (graph, at) => graph.sensorsOf(at),
  "T-05": (graph, at) => graph.trainingPlacesOf(at),
  "T-06": (graph, at) => graph.trainingPlacesOf(at),
  "T-07": (graph, at) => graph.trainingPlacesOf(at),
  "T-08": (graph, at) => [...graph.trainingPlacesOf(at), ...(isFromOthers(at) ? [at] : [])],
};

/** Some of it was made by others: a pretrained part, or all of it; or nobody says. */
export const isFromOthers = ({ model: { origin } }: ModelComponent): boolean =>
  origin.trainedBy !== "provider" || origin.pretrained !== undefined;

/** What a threat comes by: evasion by the model's input, a tampered model by its delivery. Others by either. */
const ALONG: Readonly<Record<string, ReachOptions["along"]>> = {
  "T-01": "input",
  "T-04": "input",
  "T-24": "input",
  "T-26": "input",
  "T-31": "input",
  "T-08": "delivery",
  "T-09": "delivery",
  "T-11": "delivery",
  "T-12": "delivery",
  "T-13": "delivery",
};

/** A threat's reach, and where its act enters by that way when it is not the place itself. */
export interface ThreatReach {
  readonly reach: ActorReach;
  readonly on: string | undefined;
}

/**
 * Reach of an actor to a threat: to what a flow carries when it comes by a flow, to what the entries of its type hand on, else to
 * its place. What only discloses asks what the actor can see; everything else asks what the actor can change.
 * A pure function of system, type and closures: the same question may be put with a closure more or less.
 */
export function reachOfThreat(
  graph: SystemGraph,
  { actor, at, on }: Pick<Threat, "actor" | "at"> & { readonly on?: string | undefined },
  type: Pick<ThreatType, "id" | "consequences">,
  options: Pick<ReachOptions, "closures" | "profile" | "touches"> = {},
): ThreatReach {
  const { byFlow, places, direction, along } = askedBy(graph, { at, on }, type);
  const all = places.map((where) => {
    const output = !byFlow && where !== at;
    const reach = reachOf(graph, actor, where, {
      ...options,
      threat: type.id,
      direction,
      output,
      ...(along ? { along } : {}),
    });
    return { reach: output ? onwards(graph, reach, at) : reach, on: byFlow || output ? where : undefined };
  });
  return all.reduce((best, next) => (eased(next.reach) < eased(best.reach) ? next : best));
}

/** Whether `reachOfThreat` finds any way, without drawing it. */
export function isReachable(
  graph: SystemGraph,
  { actor: id, at, on }: Pick<Threat, "actor" | "at"> & { readonly on?: string | undefined },
  type: Pick<ThreatType, "id" | "consequences">,
  options: Pick<ReachOptions, "closures" | "profile" | "touches"> = {},
): boolean {
  const { byFlow, places, direction, along } = askedBy(graph, { at, on }, type);
  const asked = { ...options, threat: type.id, direction, ...(along ? { along } : {}) };
  const actor = actingAs(graph, id, asked);
  const search = searchOf(graph, actor, asked);
  return places.some(
    (where) => endsAt(graph, actor, where, search, { ...asked, output: !byFlow && where !== at }).length > 0,
  );
}

/** What a threat asks the graph: in which direction, along which flows, and to which places. */
export function askedBy(
  graph: SystemGraph,
  { at, on }: { readonly at: string; readonly on?: string | undefined },
  type: Pick<ThreatType, "id" | "consequences">,
): {
  readonly direction: "influence" | "observe";
  readonly along: ReachOptions["along"];
  readonly byFlow: boolean;
  readonly places: readonly string[];
} {
  const onlyDiscloses = type.consequences.every((consequence) => consequence === "disclosure");
  const place = graph.isComponent(at) ? graph.component(at) : undefined;
  const entries = place && isModel(place) ? (ENTERS[type.id]?.(graph, place) ?? []) : [];
  const byFlow = on !== undefined && graph.isFlow(on);
  return {
    direction: onlyDiscloses ? "observe" : "influence",
    along: ALONG[type.id],
    byFlow,
    places: byFlow ? [on] : entries.length > 0 ? entries.map(({ id }) => id) : [at],
  };
}

/** A component on an open way; `signed` is always false where no signature is asked for. */
export interface WayNode {
  readonly component: string;
  readonly signed: boolean;
}

/** Where an open way to a threat ends: at a node, by a last flow, or by touching that flow itself. */
export interface WayEnd {
  readonly node: WayNode | undefined;
  readonly flow: string | undefined;
}

/** The open ways of one search – those that begin with what the actor touches – as a graph to be walked backwards. */
export interface OpenWays {
  readonly direction: "influence" | "observe";
  readonly along: ReachOptions["along"];
  /** The closures that bind this actor for this threat. */
  readonly closures: readonly Closure[];
  /** What the actor touches to begin at a node: the component itself, or a flow that leads there. */
  readonly touchedAt: (node: WayNode) => readonly string[];
  /**
   * Components from which the threat is one step away: its place, or what hands on to it. Who acts there by intrusion is stopped
   * by no closure, neither there nor on that step.
   */
  readonly feeders: readonly string[];
  /** The flows by which an open way gets to a node, with where they come from. */
  readonly into: (node: WayNode) => readonly { readonly flow: DataFlow; readonly from: WayNode }[];
}

/**
 * Every open way of an actor to a threat, not only the best: for the attack graph, where a step through which all ways go has to
 * be one. Ways to be forced are not enumerated; whether one exists is `reachOfThreat` with `touches: []`.
 */
export function openWaysOfThreat(
  graph: SystemGraph,
  { actor: actorId, at, on }: Pick<Threat, "actor" | "at"> & { readonly on?: string | undefined },
  type: Pick<ThreatType, "id" | "consequences">,
  options: Pick<ReachOptions, "closures" | "profile"> = {},
): { readonly ways: OpenWays; readonly ends: readonly WayEnd[] } {
  const { byFlow, places, direction, along } = askedBy(graph, { at, on }, type);
  const asked = { ...options, threat: type.id, direction, ...(along ? { along } : {}) };
  const actor = actingAs(graph, actorId, asked);
  const search = searchOf(graph, actor, asked);
  const isOpen = ({ rank }: Visit): boolean => rank <= RANK.touch;
  const nodeOf = ({ component, signed }: WayNode): WayNode => ({ component, signed: search.signatures && signed });
  const ends = places.flatMap((where): readonly WayEnd[] => {
    if (where === SYSTEM_PLACE && !graph.isComponent(where))
      return search.touched.map((begun) => ({ node: nodeOf(begun), flow: undefined }));
    const output = !byFlow && where !== at;
    return endsAt(graph, actor, where, search, { ...asked, output })
      .filter(isOpen)
      .map((visit) => {
        if (!byFlow) return { node: nodeOf(visit), flow: undefined };
        return { node: visit.before && nodeOf(visit.before), flow: where };
      });
  });
  const begins = (component: string, on: DataFlow | undefined): boolean => {
    const signed = SIGNS_ITS_OWN.has(graph.component(component).kind);
    return !search.closedAt(component) && (on === undefined || search.passes(on, signed));
  };
  const feeders = places.flatMap((where): readonly string[] => {
    if (graph.isFlow(where)) {
      const flow = graph.flow(where);
      const near = direction === "influence" ? flow.from : flow.to;
      return begins(near, flow) ? [near] : [];
    }
    if (!graph.isComponent(where)) return [];
    if (where !== at) return begins(where, undefined) && search.leaves(where, false) ? [where] : [];
    const flows = direction === "influence" ? graph.flowsInto(where) : graph.flowsOutOf(where);
    return [
      ...(begins(where, undefined) ? [where] : []),
      ...flows
        .map((flow) => ({ flow, near: direction === "influence" ? flow.from : flow.to }))
        .flatMap(({ flow, near }) => (begins(near, flow) ? [near] : [])),
    ];
  });
  const opened = (component: string): readonly Visit[] => (search.visits.get(component) ?? []).filter(isOpen);
  const ways: OpenWays = {
    direction,
    along,
    closures: bindingOf(actor, asked),
    feeders: [...new Set(feeders)],
    touchedAt: (node) =>
      search.touched
        .filter((begun) => begun.component === node.component && (!search.signatures || begun.signed === node.signed))
        .map(({ touched }) => touched),
    into: (node) => {
      const flows = direction === "influence" ? graph.flowsInto(node.component) : graph.flowsOutOf(node.component);
      const signsHere = SIGNS_WHAT_PASSES.has(graph.component(node.component).kind);
      return flows.flatMap((flow) =>
        opened(direction === "influence" ? flow.from : flow.to)
          .filter(
            ({ signed }) =>
              search.passes(flow, signed) && (!search.signatures || (signed || signsHere) === node.signed),
          )
          .map((visit) => ({ flow, from: nodeOf(visit) })),
      );
    },
  };
  return { ways, ends: distinct(ends) };
}

const distinct = (ends: readonly WayEnd[]): readonly WayEnd[] =>
  ends.length < 2 ? ends : [...new Map(ends.map((end) => [JSON.stringify([end.node, end.flow]), end])).values()];

/** 0 direct … 3 by intrusion only, 4 none. */
const eased = ({ reach, path }: ActorReach): number =>
  reach === "none" ? 4 : reach === "direct" ? RANK.direct : RANK[entryOf(path)!];

const drawnOn = new WeakMap<ActorReach, Map<string, ActorReach>>();

/** The path drawn on to where the effect is, by the fewest flows, where flows lead there. */
function onwards(graph: SystemGraph, reach: ActorReach, to: string): ActorReach {
  let known = drawnOn.get(reach);
  if (!known) drawnOn.set(reach, (known = new Map()));
  let whole = known.get(to);
  if (!whole) known.set(to, (whole = continued(graph, reach, to)));
  return whole;
}

function continued(graph: SystemGraph, reach: ActorReach, to: string): ActorReach {
  const from = reach.path.at(-1)?.component;
  if (from === undefined) return reach;
  const cameBy = new Map<string, DataFlow | undefined>([[from, undefined]]);
  for (const at of cameBy.keys()) {
    if (at === to) break;
    for (const flow of graph.flowsOutOf(at)) if (!cameBy.has(flow.to)) cameBy.set(flow.to, flow);
  }
  const steps: Path[number][] = [];
  for (let flow = cameBy.get(to); flow; flow = cameBy.get(flow.from))
    steps.push({ component: flow.to, flow: flow.id, crosses: graph.crossedBy(flow) });
  return { ...reach, path: [...reach.path, ...steps.toReversed()] };
}

/** How a way begins: by touching, by a usual flow, or by intrusion; undefined for an empty one. */
export function entryOf(path: Path): Entry | undefined {
  const first = path[0];
  if (!first) return undefined;
  if (first.flow?.startsWith("usual:")) return "usual";
  return first.flow?.startsWith("intrusion@") ? "intrusion" : "touch";
}

/** The prefix of the actors that the method adds. */
export const FOOTHOLD = "foothold-";

/**
 * The system with one actor more for the innermost shared zone of each model: somebody who already stands there (METHOD §5).
 * People are not places to stand. Adding twice adds nothing.
 */
export function withMethodActors(system: System): System {
  const graph = graphOf(system);
  const taken = new Map(system.actors.map((actor) => [actor.id, actor]));
  const added = new Map<string, Actor>();
  for (const model of graph.models) {
    const zone = graph.sharedZoneOf(model);
    let id = `${FOOTHOLD}${zone.id}`;
    while (taken.has(id) && !taken.get(id)!.byMethod) id += "-by-method";
    if (taken.has(id)) continue;
    added.set(id, {
      id,
      title: `Somebody with a foothold in ${zone.title}`,
      profile: "AT-7",
      touches: zone.components.filter((component) => graph.component(component).kind !== "human"),
      knows: "white",
      byMethod: true,
    });
  }
  return added.size === 0 ? system : { ...system, actors: [...system.actors, ...added.values()] };
}

const kept = new WeakMap<SystemGraph, Map<string, Search>>();

/** The actor, touching what is asked about in place of what the file says. */
const actingAs = (graph: SystemGraph, id: string, { touches }: ReachOptions): Actor =>
  touches === undefined ? graph.actor(id) : { ...graph.actor(id), touches };

const bindingOf = (actor: Actor, { threat, closures = [] }: ReachOptions): Closure[] =>
  closures.filter(
    ({ threats, binds }) =>
      threats.some((id) => id === "all" || id === threat) && (binds === undefined || binds.includes(actor.id)),
  );

const spelt = new WeakMap<object, string>();
/** What of a profile a search hangs on, spelt out. */
function uses(profile: NonNullable<ReachOptions["profile"]>): string {
  let text = spelt.get(profile);
  if (text === undefined) spelt.set(profile, (text = JSON.stringify([profile.uses, profile.inside])));
  return text;
}

/** A number per content, so that a search with hundreds of closures is found again without writing them all out. */
const numbers = new WeakMap<Closure, number>();
const contents = new Map<string, number>();
function numberOf(closure: Closure): number {
  let number = numbers.get(closure);
  if (number === undefined) {
    const content = JSON.stringify(closure);
    number = contents.get(content) ?? contents.size;
    contents.set(content, number);
    numbers.set(closure, number);
  }
  return number;
}

function searchOf(graph: SystemGraph, actor: Actor, options: ReachOptions): Search {
  const { profile, direction = "influence", along } = options;
  const binding = bindingOf(actor, options);
  // Who touches nothing and is named by no closure has the ways of everybody with the same profile.
  const who = actor.touches.length === 0 && binding.length === 0 ? "" : actor.id;
  const touches =
    actor.touches.length === 0 ? "nothing" : options.touches ? JSON.stringify(options.touches) : "its own";
  const closed = binding.length === 0 ? "" : binding.map(numberOf).join();
  const key = `${direction}\n${along}\n${profile ? uses(profile) : ""}\n${closed}\n${touches}\n${who}`;
  let searches = kept.get(graph);
  if (!searches) kept.set(graph, (searches = new Map()));
  let search = searches.get(key);
  if (!search) searches.set(key, (search = explore(graph, actor, binding, profile, direction, along)));
  return search;
}

function explore(
  graph: SystemGraph,
  actor: Actor,
  closures: readonly Closure[],
  profile: ReachOptions["profile"],
  direction: "influence" | "observe",
  wanted: ReachOptions["along"],
): Search {
  const visits = new Map<string, Visit[]>();
  const blocked = new Set<Closure>();
  const closuresAt = Map.groupBy(closures, ({ at }) => at);
  const closesAt = (id: string, counts: (closure: Closure) => boolean): boolean => {
    const here = closuresAt.get(id);
    if (!here) return false;
    const found = here.filter(counts);
    for (const closure of found) blocked.add(closure);
    return found.length > 0;
  };
  const isOrigin = ({ control }: Closure): boolean => control === ORIGIN_INTEGRITY;
  const isOrdinary = (closure: Closure): boolean => !isOrigin(closure);
  const namesActor = ({ binds }: Closure): boolean => binds?.includes(actor.id) ?? false;
  const closedAt = (id: string): boolean => closesAt(id, isOrdinary);

  const leaves = (from: string, signed: boolean): boolean =>
    signed || direction === "observe" || !KEEPS_SIGNATURES.has(graph.component(from).kind) || !closesAt(from, isOrigin);
  const passes = (flow: DataFlow, signed: boolean): boolean => {
    if (wanted) {
      const role = graph.roleOf(flow);
      if (role !== wanted && role !== "either") return false;
    }
    if (closedAt(flow.id)) return false;
    // Integrity is not confidentiality: who only looks needs no signature.
    if (direction === "observe" || signed) return true;
    return !closesAt(flow.id, isOrigin) && !closesAt(flow.to, isOrigin) && leaves(flow.from, false);
  };

  // At most two come to each component: one signed, one not.
  const isAmong = (here: readonly Visit[] | undefined, signed: boolean): boolean =>
    here !== undefined && (here[0]!.signed === signed || here[1]?.signed === signed);
  const hasArrived = (component: string, signed: boolean): boolean => isAmong(visits.get(component), signed);
  const arrive = (visit: Visit, open: Visit[]): void => {
    const here = visits.get(visit.component);
    if (isAmong(here, visit.signed)) return;
    if (here) here.push(visit);
    else visits.set(visit.component, [visit]);
    open.push(visit);
  };
  const begin = (component: Component, rank: number, flow: string | undefined, crosses: readonly string[]): Visit => ({
    component: component.id,
    signed: SIGNS_ITS_OWN.has(component.kind),
    rank,
    depth: 0,
    flow,
    crosses,
    before: undefined,
  });
  const along = (flow: DataFlow, next: Component, rank: number, before: Visit | undefined): Visit => ({
    component: next.id,
    signed: (before?.signed ?? false) || SIGNS_WHAT_PASSES.has(next.kind),
    rank,
    depth: (before?.depth ?? 0) + 1,
    flow: flow.id,
    crosses: graph.crossedBy(flow),
    before,
  });
  // From these every flow was followed: what it led to is visited, or closed for good.
  const followed = new Set<Visit>();
  /** Goes on from the open visits along flows, nearest first; rank 0 stays within its zone. */
  const spread = (open: Visit[], rank: number): void => {
    for (let i = 0; i < open.length; i++) {
      const visit = open[i]!;
      if (followed.has(visit)) continue;
      if (rank !== RANK.direct) followed.add(visit);
      const flows = direction === "influence" ? graph.flowsOutOf(visit.component) : graph.flowsInto(visit.component);
      for (const flow of flows) {
        if (rank === RANK.direct && graph.crossedBy(flow).length > 0) continue;
        if (!passes(flow, visit.signed)) continue;
        const next = graph.component(direction === "influence" ? flow.to : flow.from);
        if (!hasArrived(next.id, visit.signed || SIGNS_WHAT_PASSES.has(next.kind)))
          arrive(along(flow, next, rank, visit), open);
      }
    }
  };

  const touched: Visit[] = [];
  const begun: TouchedAt[] = [];
  const touch = (id: string, visit: Visit): void => {
    begun.push({ component: visit.component, signed: visit.signed, touched: id });
    arrive(visit, touched);
  };
  for (const id of actor.touches) {
    if (graph.isFlow(id)) {
      const flow = graph.flow(id);
      if (passes(flow, false))
        touch(
          id,
          along(flow, graph.component(direction === "influence" ? flow.to : flow.from), RANK.direct, undefined),
        );
    } else if (!closesAt(id, (closure) => isOrdinary(closure) && namesActor(closure)))
      touch(id, begin(graph.component(id), RANK.direct, undefined, []));
  }
  spread(touched, RANK.direct);
  spread(nearestFirst(visits, followed), RANK.touch);

  const standsIn = new Set(
    actor.touches.flatMap((id) => (graph.isFlow(id) ? [] : graph.boundariesAround(id).map((boundary) => boundary.id))),
  );
  const entered = new Map<Boundary | undefined, readonly string[]>();
  const entering = (component: Component): readonly string[] => {
    const home = graph.boundaryOf(component);
    let around = entered.get(home);
    if (!around) {
      around = graph
        .boundariesAround(component)
        .map(({ id }) => id)
        .filter((id) => !standsIn.has(id))
        .toReversed();
      entered.set(home, around);
    }
    return around;
  };
  const within = (way: UsualWay): boolean => profile === undefined || profile.uses.includes(way.flow);
  for (const component of graph.components)
    for (const way of graph.usualWays(component))
      if (
        within(way) &&
        !closesAt(way.id, () => true) &&
        !closedAt(component.id) &&
        !hasArrived(component.id, SIGNS_ITS_OWN.has(component.kind))
      )
        arrive(begin(component, RANK.usual, way.id, entering(component)), []);
  spread(nearestFirst(visits, followed), RANK.usual);

  // A verified boundary keeps an intruder out until something inside it is reached in another way.
  const shut = new Set(
    graph.system.boundaries
      .filter(({ id }) =>
        closesAt(id, (closure) => isOrdinary(closure) && (namesActor(closure) || !(profile?.inside ?? true))),
      )
      .map(({ id }) => id),
  );
  const open = (component: Component): boolean =>
    graph.boundariesAround(component).every(({ id }) => !shut.has(id) || graph.within(id).some((at) => visits.has(at)));
  for (let before = -1; before !== countOf(visits);) {
    before = countOf(visits);
    const enterable = graph.components.filter((component) => !closedAt(component.id) && open(component));
    for (const component of enterable)
      if (!hasArrived(component.id, SIGNS_ITS_OWN.has(component.kind)))
        arrive(begin(component, RANK.intrusion, `intrusion@${component.id}`, entering(component)), []);
    spread(nearestFirst(visits, followed), RANK.intrusion);
  }
  return {
    visits,
    touched: begun,
    signatures: closures.some(isOrigin),
    blocked,
    passes,
    leaves,
    closedAt,
    answers: new Map(),
  };
}

/** Every end of a way at a place. */
function endsAt(
  graph: SystemGraph,
  actor: Actor,
  place: string,
  { visits, passes, leaves }: Search,
  { direction = "influence", output = false }: ReachOptions,
): readonly Visit[] {
  if (graph.isComponent(place)) {
    const here = visits.get(place) ?? [];
    return output ? here.filter(({ signed }) => leaves(place, signed)) : here;
  }
  if (!graph.isFlow(place)) {
    if (place !== SYSTEM_PLACE) throw new Error(`no component or flow "${place}" in this system`);
    return [...visits.values()].flat();
  }
  const flow = graph.flow(place);
  const crosses = graph.crossedBy(flow);
  const far = direction === "influence" ? flow.to : flow.from;
  const on = (rank: number, id: string, before: Visit | undefined): Visit => ({
    component: far,
    signed: before?.signed ?? false,
    rank,
    depth: (before?.depth ?? 0) + 1,
    flow: id,
    crosses,
    before,
  });
  const near = visits.get(direction === "influence" ? flow.from : flow.to) ?? [];
  return [
    ...(actor.touches.includes(flow.id) && passes(flow, false) ? [on(RANK.direct, flow.id, undefined)] : []),
    ...near.filter(({ signed }) => passes(flow, signed)).map((visit) => on(visit.rank, flow.id, visit)),
    ...(passes(flow, false) ? [on(RANK.intrusion, `intrusion@${flow.id}`, undefined)] : []),
  ];
}

const isBetter = (a: Visit, b: Visit): boolean => a.rank < b.rank || (a.rank === b.rank && a.depth < b.depth);

const nearestFirst = (visits: ReadonlyMap<string, readonly Visit[]>, followed: ReadonlySet<Visit>): Visit[] => {
  const left: Visit[] = [];
  for (const here of visits.values()) for (const visit of here) if (!followed.has(visit)) left.push(visit);
  return left.sort((a, b) => a.depth - b.depth);
};

const countOf = (visits: ReadonlyMap<string, readonly Visit[]>): number =>
  [...visits.values()].reduce((sum, here) => sum + here.length, 0);

function pathTo(end: Visit): Path {
  const steps: Path[number][] = [];
  for (let visit: Visit | undefined = end; visit; visit = visit.before) {
    const { component, flow, crosses } = visit;
    steps.push({ component, ...(flow === undefined ? {} : { flow }), crosses });
  }
  return steps.toReversed();
}

/** In plain words, how the way begins and what it crosses. */
function whyOf(graph: SystemGraph, actor: Actor, path: Path, end: Visit, { direction }: ReachOptions): string {
  const first = path[0]!;
  const place = graph.titleOf(end.component);
  const crossed = [...new Set(path.slice(1).flatMap(({ crosses }) => crosses))].map((id) => graph.titleOf(id));
  const sight = direction === "observe";
  const onward =
    path.length === 1
      ? ""
      : `, ${sight ? `where what leaves ${place} arrives` : `and what leaves there gets to ${place}`} ${
          crossed.length === 0 ? "without crossing a trust boundary" : `across ${crossed.join(", ")}`
        }`;
  const entry = entryOf(path)!;
  const begins: Record<Entry, () => string> = {
    touch: () =>
      first.flow === undefined
        ? `touches ${graph.titleOf(first.component)}${path.length === 1 ? " itself" : ""}`
        : `touches ${graph.titleOf(first.flow)}`,
    usual: () => {
      const component = graph.component(first.component);
      const way = graph.usualWays(component).find(({ id }) => id === first.flow)!;
      return `could use ${way.flow.replaceAll("-", " ")} at ${component.title} (${SAID[way.answer] ?? `named: ${way.answer}`})`;
    },
    intrusion: () =>
      `could break in at ${graph.titleOf(first.flow!.slice("intrusion@".length))}: no control there was verified to keep intruders out`,
  };
  return `${actor.title} ${begins[entry]()}${onward}`;
}

const SAID: Readonly<Record<string, string>> = {
  unanswered: "unanswered, so it counts as existing",
  none: 'the file says "none", which nothing verified shows',
};

function closedBecause(
  graph: SystemGraph,
  place: string,
  { blocked }: Search,
): { readonly why: string; readonly blockedBy: readonly string[] } {
  const blockedBy = [...new Set([...blocked].map(({ control, at }) => `${control} at ${at}`))].toSorted();
  return {
    why: `every way to ${graph.titleOf(place)} is closed by verified controls: ${blockedBy.join(", ")}`,
    blockedBy,
  };
}
