/** From judged threats to what the attack graph is drawn of: which threat helps which, and what that makes of each success. */
import type { Knowledge, StepControl, Threat } from "#assessment/index.ts";
import { isModel, SystemGraph } from "#system/graph.ts";
import { isReachable, openWaysOfThreat } from "#system/reach.ts";
import type { Judged, Layer } from "#risk/judged.ts";
import { sharedCauses } from "#risk/credit.ts";
import { onceActive, perAttempt, weaker, type Three } from "#risk/likelihood.ts";
import { wayOf, type Success } from "#risk/success.ts";
import type { Cause, Foothold, Help, RatedThreat } from "./build.ts";
import { causeOf } from "./chances.ts";
import { ENABLING, type Enabling } from "./enabling.ts";

/** The threats as the graph takes them: without any control, or with those that earned credit. */
export function ratedThreats(
  graph: SystemGraph,
  judged: readonly Judged[],
  knowledge: Knowledge,
  which: "inherent" | "current",
): RatedThreat[] {
  const peers = new Map(
    [...Map.groupBy(judged, ({ actor }) => actor.id)].map(([actor, own]): [string, Peers] => [
      actor,
      new Map(
        [...Map.groupBy(own, ({ threat }) => threat.at)].map(([at, here]) => [
          at,
          Map.groupBy(here, ({ type }) => type.id),
        ]),
      ),
    ]),
  );
  const layersOf = stepControls(knowledge);
  const rated = judged.map((one) => ratedThreat(graph, one, peers.get(one.actor.id)!, which, layersOf));
  return which === "inherent" ? rated : withCauses(rated, judged, sharedCauses(graph.system, knowledge));
}

/**
 * Steps of one undertaking are independent only where nothing lets an actor past the controls on both. Where the measured controls
 * of a threat and of one that helps it share a cause, they share one event: the highest share that any of them lets through.
 */
function withCauses(
  rated: readonly RatedThreat[],
  judged: readonly Judged[],
  shares: ReturnType<typeof sharedCauses>,
): RatedThreat[] {
  const guarded = new Map(judged.flatMap((one) => (one.effects.length > 0 ? [[one.threat.id, one] as const] : [])));
  const sharing = (a: Judged, b: Judged): boolean =>
    a.effects.some((one) => b.effects.some((other) => shares(one.credit, other.credit)));
  /** Helped threat, place of the help, helping threat. */
  const pairs = rated.flatMap(({ threat, helped }) => {
    const own = guarded.get(threat.id);
    return helped.flatMap(({ gains, from }, help) =>
      from.flatMap((by) => {
        const other = guarded.get(by);
        // A filter that is switched off does not have to fail, and a trigger passes by.
        return own && other && gains === "knowledge" && sharing(own, other) ? [{ helped: threat.id, help, by }] : [];
      }),
    );
  });
  if (pairs.length === 0) return [...rated];
  const classes = new Map<string, Set<string>>();
  for (const { helped, by } of pairs) {
    const together = new Set([helped, by, ...(classes.get(helped) ?? []), ...(classes.get(by) ?? [])]);
    for (const id of together) classes.set(id, together);
  }
  const byId = new Map(rated.map((one) => [one.threat.id, one]));
  const causes = new Map<string, Cause>();
  for (const members of new Set(classes.values())) {
    const all = [...members].flatMap((id) => guarded.get(id)!.effects.map(({ credit }) => ({ id, credit })));
    const roles = [...members].map((id) => {
      const one = byId.get(id)!;
      const beside = guarded
        .get(id)!
        .effects.filter(({ credit }) => !all.some((other) => other.id !== id && shares(credit, other.credit)));
      return {
        id,
        rated: one,
        beside: pairs.some(({ by }) => by === id)
          ? guarded.get(id)!.success({ way: "open", effects: beside })
          : undefined,
        besideWith: one.helped.map((_help, i) =>
          pairs.some(({ helped, help }) => helped === id && help === i)
            ? guarded.get(id)!.success({ way: "open", knows: "white", effects: beside })
            : undefined,
        ),
      };
    });
    const names = [...new Set(all.map(({ credit: { control, at } }) => `${control} at ${at}`))]
      .toSorted()
      .join(" and ");
    const { actor } = roles[0]!.rated;
    const shared = {
      id: `${actor.id} gets past ${names}`,
      title: `${actor.title} gets past ${names}, which can fail together`,
      chance: causeOf(roles),
      grade: roles.map((role) => role.rated.open.estimate.grade).reduce(weaker),
    };
    for (const { id, beside, besideWith } of roles)
      causes.set(id, {
        ...shared,
        onItself: beside !== undefined,
        onHelp: besideWith.map((success) => success !== undefined),
      });
  }
  return rated.map((one) => {
    const cause = causes.get(one.threat.id);
    return cause ? { ...one, cause } : one;
  });
}

/** Threats by one actor, by place and type. */
type Peers = ReadonlyMap<string, ReadonlyMap<string, readonly Judged[]>>;
const peersAt = (peers: Peers, types: readonly string[], places: Iterable<string>): Judged[] => {
  const found: Judged[] = [];
  for (const at of places) {
    const here = peers.get(at);
    if (here) for (const type of types) found.push(...(here.get(type) ?? []));
  }
  return found;
};

/** Everything the graph asks of a judged threat, without controls or with those that earned credit. */
function ratedThreat(
  graph: SystemGraph,
  one: Judged,
  peers: Peers,
  which: "inherent" | "current",
  controlsOf: (layers: readonly Layer[]) => StepControl[],
): RatedThreat {
  const { threat, type, actor, profile, attempts, exposures, layers, harms } = one;
  const closures = which === "current" ? one.closures : [];
  const effects = which === "current" ? one.effects : [];
  const options = { closures, ...(profile ? { profile } : {}) };
  const { ways, ends } = openWaysOfThreat(graph, threat, type, options);
  const isForceable = isReachable(graph, threat, type, { ...options, touches: [] });
  const open = one.success({ way: "open", effects });
  return {
    threat,
    type,
    actor,
    attempts,
    exposures,
    open,
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

function helpsFor(graph: SystemGraph, one: Judged, peers: Peers, effects: Judged["effects"], open: Success): Help[] {
  const helps = new Map<string, Help>();
  const note = (help: Help): void => {
    const key = `${help.gains} ${help.of}`;
    const known = helps.get(key);
    helps.set(key, known ? { ...known, from: [...new Set([...known.from, ...help.from])] } : help);
  };
  for (const row of ENABLING) {
    if (row.helps !== "all" && !row.helps.includes(one.type.id)) continue;
    const by = (places: ReadonlySet<string>): string[] =>
      peersAt(peers, row.by, places)
        .filter((peer) => peer !== one)
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
  peers: Peers,
  feeders: readonly string[],
  which: "inherent" | "current",
): Foothold[] {
  return ENABLING.flatMap(({ by, gains, because }): Foothold[] => {
    if (gains !== "access" && gains !== "credentials") return [];
    const places = feeders.filter((at) => !one.actor.touches.includes(at));
    return peersAt(peers, by, places)
      .filter((peer) => peer !== one)
      .map((peer) => ({
        threat: peer.threat.id,
        at: peer.threat.at,
        gains,
        because,
        shown: shownFor(peer, which),
      }));
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
