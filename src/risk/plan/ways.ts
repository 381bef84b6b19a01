/**
 * The ways of a threat, and what would close each: reach (system/reach.ts) read as a graph whose edges name the candidates that
 * close them. Same rules, asked the other way round; a test holds the two against each other. Every way is a path from outside to
 * where the threat's act enters, and a set of controls keeps the actor away exactly when it closes an edge of each.
 */
import type { Actor, AttackerProfile, Component, DataFlow, Threat, ThreatType } from "#assessment/index.ts";
import { closesFor, type Closure } from "#risk/credit.ts";
import { SYSTEM_PLACE, type SystemGraph } from "#system/graph.ts";
import { askedBy, KEEPS_SIGNATURES, ORIGIN_INTEGRITY, SIGNS_ITS_OWN, SIGNS_WHAT_PASSES } from "#system/reach.ts";
import type { Candidate } from "./candidates.ts";

/** One way: where it goes, in words for people, and the candidates of which any one closes it. */
export interface FoundWay {
  readonly steps: readonly string[];
  readonly closedBy: readonly Candidate[];
}

interface Edge {
  readonly to: string;
  readonly says: string;
  readonly closers: readonly Candidate[];
}

const START = "start";
const END = "end";
const node = (component: string, signed: boolean): string => `${signed ? "signed" : "bare"} ${component}`;
const inside = (boundary: string): string => `inside ${boundary}`;

/** Edges by where they lead, shared by all threats of one type by one actor: only their ends differ. */
type Into = ReadonlyMap<string, readonly (Edge & { readonly from: string })[]>;
export type SharedEdges = Map<string, { readonly into: Into; readonly passing: Passing; readonly leaving: Leaving }>;
type Passing = (flow: DataFlow, signed: boolean) => readonly Candidate[] | undefined;
type Leaving = (from: string, signed: boolean) => readonly Candidate[] | undefined;

interface Asked {
  /** What stands already, with credit. */
  readonly closures: readonly Closure[];
  readonly candidatesAt: ReadonlyMap<string, readonly Candidate[]>;
  readonly profile?: Pick<AttackerProfile, "uses" | "inside"> | undefined;
}

/** What the ways of one threat are looked for in. */
export interface WaysOf {
  /** The shortest way that none of `chosen` closes; undefined where there is none. */
  readonly open: (chosen: ReadonlySet<Candidate>) => FoundWay | undefined;
  /** Candidates that close anything of what leads there; the others make no difference. */
  readonly closers: ReadonlySet<Candidate>;
}

export function waysOfThreat(
  graph: SystemGraph,
  threat: Pick<Threat, "actor" | "at" | "on">,
  type: Pick<ThreatType, "id" | "consequences">,
  asked: Asked,
  kept: SharedEdges = new Map(),
): WaysOf {
  const actor = graph.actor(threat.actor);
  const { direction, along, byFlow, places } = askedBy(graph, threat, type);
  const observing = direction === "observe";
  const key = JSON.stringify([actor.id, type.id, direction, along]);
  let shared = kept.get(key);
  if (!shared) kept.set(key, (shared = edgesOf(graph, actor, type.id, observing, along, asked)));
  const { into, passing, leaving } = shared;
  const ends: (Edge & { readonly from: string })[] = [];
  const end = (from: string, says: string, closers: readonly Candidate[] | undefined): void => {
    if (closers) ends.push({ from, to: END, says, closers });
  };
  for (const place of places) {
    if (graph.isComponent(place)) {
      const output = !byFlow && place !== threat.at;
      for (const signed of [true, false]) end(node(place, signed), "acts there", output ? leaving(place, signed) : []);
    } else if (graph.isFlow(place)) {
      const flow = graph.flow(place);
      if (actor.touches.includes(place)) end(START, `touches ${graph.titleOf(place)}`, passing(flow, false));
      end(START, `breaks in on ${graph.titleOf(place)}`, passing(flow, false));
      for (const signed of [true, false])
        end(node(observing ? flow.to : flow.from, signed), `along ${graph.titleOf(place)}`, passing(flow, signed));
    } else if (place === SYSTEM_PLACE)
      for (const { id } of graph.components)
        for (const signed of [true, false]) end(node(id, signed), "acts there", []);
  }

  // Only what leads to the end is walked: in a large system that is a small part of it.
  const edges = new Map<string, Edge[]>();
  const closers = new Set<Candidate>();
  const leadsOn = new Set([END]);
  for (const at of leadsOn)
    for (const edge of at === END ? ends : (into.get(at) ?? [])) {
      leadsOn.add(edge.from);
      for (const closer of edge.closers) closers.add(closer);
      const list = edges.get(edge.from);
      if (list) list.push(edge);
      else edges.set(edge.from, [edge]);
    }
  return {
    closers,
    open(chosen) {
      const cameBy = new Map<string, { readonly from: string; readonly edge: Edge }>();
      const reached = new Set([START]);
      for (const at of reached) {
        if (at === END) break;
        for (const next of edges.get(at) ?? [])
          if (!reached.has(next.to) && !next.closers.some((closer) => chosen.has(closer))) {
            reached.add(next.to);
            cameBy.set(next.to, { from: at, edge: next });
          }
      }
      if (!reached.has(END)) return undefined;
      const steps: string[] = [];
      const closing = new Set<Candidate>();
      for (let at = END; at !== START; at = cameBy.get(at)!.from) {
        const { edge: step } = cameBy.get(at)!;
        steps.push(step.says);
        for (const closer of step.closers) closing.add(closer);
      }
      return { steps: steps.toReversed().filter((says) => says !== "acts there"), closedBy: [...closing] };
    },
  };
}

function edgesOf(
  graph: SystemGraph,
  actor: Actor,
  type: string,
  observing: boolean,
  along: "input" | "delivery" | undefined,
  { closures, candidatesAt, profile }: Asked,
): { readonly into: Into; readonly passing: Passing; readonly leaving: Leaving } {
  const standing = closures.filter((closure) => closesFor(closure, type, actor.id));
  const standingAt = Map.groupBy(standing, ({ at }) => at);
  const isOrigin = ({ control }: { readonly control: string }): boolean => control === ORIGIN_INTEGRITY;
  const ordinary = (closure: Closure): boolean => !isOrigin(closure);
  const names = ({ binds }: Closure): boolean => binds?.includes(actor.id) ?? false;
  const stands = (at: string, counts: (closure: Closure) => boolean): boolean =>
    standingAt.get(at)?.some(counts) ?? false;
  const could = (at: string, kind: "any" | "ordinary" | "origin"): Candidate[] =>
    (candidatesAt.get(at) ?? []).filter(
      ({ control, closes }) =>
        (closes.includes("all") || closes.includes(type)) &&
        (kind === "any" || (control.id === ORIGIN_INTEGRITY) === (kind === "origin")),
    );

  /** What would stop it on its way out of a component; undefined where it is stopped already. */
  const leaving = (from: string, signed: boolean): Candidate[] | undefined => {
    if (signed || observing || !KEEPS_SIGNATURES.has(graph.component(from).kind)) return [];
    return stands(from, isOrigin) ? undefined : could(from, "origin");
  };
  const passing = (flow: DataFlow, signed: boolean): Candidate[] | undefined => {
    if (along && ![along, "either"].includes(graph.roleOf(flow))) return undefined;
    if (stands(flow.id, ordinary)) return undefined;
    const plain = could(flow.id, "ordinary");
    if (observing || signed) return plain;
    if (stands(flow.id, isOrigin) || stands(flow.to, isOrigin)) return undefined;
    const out = leaving(flow.from, false);
    return out && [...plain, ...could(flow.id, "origin"), ...could(flow.to, "origin"), ...out];
  };
  const far = (flow: DataFlow): Component => graph.component(observing ? flow.from : flow.to);
  const onto = (flow: DataFlow, signed: boolean): string =>
    node(far(flow).id, signed || SIGNS_WHAT_PASSES.has(far(flow).kind));
  const begun = ({ id, kind }: Component): string => node(id, SIGNS_ITS_OWN.has(kind));

  const into = new Map<string, (Edge & { readonly from: string })[]>();
  const edge = (from: string, to: string, says: string, closers: readonly Candidate[] | undefined): void => {
    if (!closers) return;
    const list = into.get(to);
    if (list) list.push({ from, to, says, closers });
    else into.set(to, [{ from, to, says, closers }]);
  };

  touches(actor);
  function touches({ touches: touched }: Actor): void {
    for (const id of touched)
      if (graph.isFlow(id)) {
        const flow = graph.flow(id);
        edge(START, onto(flow, false), `touches ${graph.titleOf(id)}`, passing(flow, false));
      } else if (!stands(id, (closure) => ordinary(closure) && names(closure)))
        edge(START, begun(graph.component(id)), `touches ${graph.titleOf(id)}`, []);
  }
  const uses = (flow: AttackerProfile["uses"][number]): boolean => profile === undefined || profile.uses.includes(flow);
  for (const component of graph.components) {
    const acts = stands(component.id, ordinary) ? undefined : could(component.id, "ordinary");
    for (const way of graph.usualWays(component))
      if (acts && uses(way.flow) && !stands(way.id, () => true))
        edge(START, begun(component), `${way.flow} at ${component.title}`, [...could(way.id, "any"), ...acts]);
    const around = graph.boundariesAround(component);
    edge(around[0] ? inside(around[0].id) : START, begun(component), `breaks in at ${component.title}`, acts);
    for (const signed of [true, false]) {
      for (const { id, title } of around) edge(node(component.id, signed), inside(id), `stands inside ${title}`, []);
      const flows = observing ? graph.flowsInto(component) : graph.flowsOutOf(component);
      for (const flow of flows)
        edge(node(component.id, signed), onto(flow, signed), `along ${graph.titleOf(flow.id)}`, passing(flow, signed));
    }
  }
  // A verified boundary keeps an intruder out until something inside it is reached in another way; insiders only by name.
  const outsider = !(profile?.inside ?? true);
  for (const { id, title, parent } of graph.system.boundaries) {
    const shut = stands(id, (closure) => ordinary(closure) && (names(closure) || outsider));
    const outer = parent !== undefined && graph.isBoundary(parent) ? inside(parent) : START;
    edge(outer, inside(id), `gets into ${title}`, shut ? undefined : outsider ? could(id, "ordinary") : []);
  }
  return { into, passing, leaving };
}
