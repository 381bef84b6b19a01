/** Threats, top down: what each rule finds in a system, by each actor, with the way there; and all that was set aside, with the reason. */
import type {
  Actor,
  AttackerProfile,
  DiscardedThreat,
  Knowledge,
  System,
  Threat,
  ThreatType,
} from "#assessment/index.ts";
import { graphOf, SYSTEM_PLACE, type SystemGraph } from "#system/graph.ts";
import { reachOfThreat, withMethodActors, type Closure } from "#system/reach.ts";
import { ALTITUDES, type Find, type Rule } from "./rule.ts";
import { rules } from "./rules/index.gen.ts";

export interface Derived {
  /** In the order of thought: system, components, flows; within one, by threat type; within that, by the author's order. */
  readonly threats: readonly Threat[];
  readonly discarded: readonly DiscardedThreat[];
}

/**
 * Derives every threat of the catalogue for a system. `closures` are the edges that credited controls take away; none by default.
 * The actors are those of `withMethodActors(system)`: who stands inside by the method is asked for no motive.
 * Nothing is lost on the way: a type that no rule found, a profile without a reason and an actor without a way are all in
 * `discarded`, each with its `whyNot`.
 */
export function deriveThreats(
  system: System,
  knowledge: Pick<Knowledge, "threats" | "profiles">,
  { closures = [] }: { readonly closures?: readonly Closure[] } = {},
): Derived {
  const whole = withMethodActors(system);
  const graph = graphOf(whole);
  const profiles = new Map(knowledge.profiles.map((profile) => [profile.id, profile]));
  const byThreat = Map.groupBy<string, Rule>(Object.values(rules), ({ threat }) => threat);
  const threats: Threat[] = [];
  const discarded: DiscardedThreat[] = [];
  const altitudeOf = ({ id }: ThreatType): number =>
    Math.min(...(byThreat.get(id) ?? []).map(({ altitude }) => ALTITUDES.indexOf(altitude)));

  for (const type of knowledge.threats.toSorted((a, b) => altitudeOf(a) - altitudeOf(b) || (a.id < b.id ? -1 : 1))) {
    const own = byThreat.get(type.id) ?? [];
    const found = placesFound(type, own, graph);
    if (found.length === 0) {
      const rule = own[0] && { rule: own[0].id };
      discarded.push({ id: type.slug, group: type.slug, type: type.id, ...rule, whyNot: notFound(own, graph) });
      continue;
    }
    for (const place of found)
      for (const actor of whole.actors) {
        const about = { id: `${place.group} by ${actor.id}`, group: place.group, type: type.id, at: place.at };
        const profile = profiles.get(actor.profile);
        if (!actor.byMethod && !type.actors.includes(actor.profile)) {
          const whyNot = noReason(actor, profile, type, profiles);
          discarded.push({ ...about, actor: actor.id, rule: place.rule, whyNot });
          continue;
        }
        const { reach, on } = reachOfThreat(graph, { actor: actor.id, at: place.at, on: place.flow }, type, {
          closures,
          profile,
        });
        if (reach.reach === "none") discarded.push({ ...about, actor: actor.id, rule: place.rule, whyNot: reach.why });
        else
          threats.push({
            ...about,
            ...(on === undefined ? {} : { on }),
            actor: actor.id,
            reach,
            rule: place.rule,
            why: place.why,
            where: place.where,
          });
      }
  }
  return { threats, discarded };
}

interface Place {
  readonly group: string;
  readonly rule: string;
  readonly at: string;
  /** The flow that carries it, for threats that a flow brings. */
  readonly flow: string | undefined;
  readonly why: string;
  readonly where: Threat["where"];
}

/** Where the rules find their threat, one entry per group; two reasons for one place are both kept. */
function placesFound(type: ThreatType, own: readonly Rule[], graph: SystemGraph): readonly Place[] {
  const places = new Map<string, Place>();
  for (const rule of own)
    for (const find of rule.find(graph)) {
      const place = { rule: rule.id, ...placeOf(find, type, graph) };
      const before = places.get(place.group);
      places.set(place.group, before ? { ...before, why: `${before.why}; ${place.why}` } : place);
    }
  return [...places.values()];
}

function placeOf({ at, on, why }: Find, { slug }: ThreatType, graph: SystemGraph): Omit<Place, "rule"> {
  if (on) return { group: `${slug}@${on.id}`, at: on.to, flow: on.id, why, where: on.where };
  if (at === SYSTEM_PLACE)
    return { group: `${slug}@${SYSTEM_PLACE}`, at: SYSTEM_PLACE, flow: undefined, why, where: graph.system.where };
  return { group: `${slug}@${at.id}`, at: at.id, flow: undefined, why, where: at.where };
}

/** Why no rule of a threat found a place; a threat without a rule was not looked for, and that is said. */
function notFound(own: readonly Rule[], graph: SystemGraph): string {
  if (own.length === 0) return "no rule of this version looks for it: it was not looked for";
  return own
    .map(({ otherwise, title }) => otherwise?.(graph) ?? `nothing here meets the condition "${title}"`)
    .join("; ");
}

/** Whose business it is, when it is not this actor's. */
function noReason(
  actor: Actor,
  profile: AttackerProfile | undefined,
  type: ThreatType,
  profiles: ReadonlyMap<string, AttackerProfile>,
): string {
  const others = type.actors.map((id) => `${id} ${profiles.get(id)?.title ?? ""}`.trim()).join(", ");
  return `${actor.profile}${profile ? ` (${profile.title})` : ""} is not among the profiles with a reason and the means for it, which are: ${others}`;
}
