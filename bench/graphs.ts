/** Families of attack graphs whose size is a number: for benchmarks, and for tests against closed forms. */
import { rng } from "../src/base/random.ts";
import type { GraphEvent, GraphModel, GraphStep } from "../src/risk/graph/model.ts";

const spread = (id: string, likely: number): GraphEvent => ({
  id,
  low: likely / 2,
  likely,
  high: (1 + likely) / 2,
  assumed: false,
});

/** Undirected edges between states as two steps that share one event, so that every edge is a cycle of its own. */
function network(start: string, edges: readonly (readonly [string, string])[], likely: number): GraphModel {
  const events = edges.map(([a, b]) => spread(`${a}-${b}`, likely));
  const steps = edges.flatMap(([a, b]): GraphStep[] => [
    { id: `${a}->${b}`, needs: [a], events: [`${a}-${b}`], gains: b },
    { id: `${b}->${a}`, needs: [b], events: [`${a}-${b}`], gains: a },
  ]);
  return { start: [start], events, steps };
}

/** A ladder of `rungs`: two rails and a rung at each place, from the lower left to the upper right; 3 · rungs − 2 events. */
export function ladder(rungs: number): { model: GraphModel; goal: string } {
  const edges: [string, string][] = [];
  for (let i = 0; i < rungs; i++) {
    edges.push([`a${i}`, `b${i}`]);
    if (i + 1 < rungs) edges.push([`a${i}`, `a${i + 1}`], [`b${i}`, `b${i + 1}`]);
  }
  return { model: network("a0", edges, 0.9), goal: `b${rungs - 1}` };
}

/** A grid of side × side states with an event per edge, corner to corner; 2 · side · (side − 1) events. */
export function grid(side: number): { model: GraphModel; goal: string } {
  const edges: [string, string][] = [];
  for (let row = 0; row < side; row++)
    for (let column = 0; column < side; column++) {
      if (column + 1 < side) edges.push([`${row},${column}`, `${row},${column + 1}`]);
      if (row + 1 < side) edges.push([`${row},${column}`, `${row + 1},${column}`]);
    }
  return { model: network("0,0", edges, 0.8), goal: `${side - 1},${side - 1}` };
}

/**
 * A random cyclic AND/OR graph: every state is gained by `steps / states` steps on average, each from one or (one time in five) two
 * states drawn from all the others, with an event of its own or (one time in four) one that other steps share too. The goal is the state
 * numbered last.
 */
export function tangle(
  states: number,
  steps: number,
  { seed = "tangle", likely = 0.3 }: { seed?: string; likely?: number } = {},
): { model: GraphModel; goal: string } {
  const draw = rng(seed);
  const shared = Math.max(1, Math.floor(steps / 20));
  const events: GraphEvent[] = Array.from({ length: shared }, (_, e) =>
    spread(`shared ${e}`, likely * (0.5 + draw.uniform())),
  );
  const made = Array.from({ length: steps }, (_, t): GraphStep => {
    // The first steps make a tree, so that every state can be gained.
    const gained = t + 1 < states ? t + 1 : draw.below(states);
    const from = t + 1 < states ? draw.below(gained) : draw.below(states);
    const needs = draw.uniform() < 0.2 && t + 1 >= states ? [from, draw.below(states)] : [from];
    const common = draw.uniform() < 0.25;
    if (!common) events.push(spread(`own ${t}`, likely * (0.5 + draw.uniform())));
    return {
      id: `t${t}`,
      needs: needs.map((s) => `s${s}`),
      events: [common ? `shared ${draw.below(shared)}` : `own ${t}`],
      gains: `s${gained}`,
    };
  });
  return { model: { start: ["s0"], events, steps: made }, goal: `s${states - 1}` };
}

/**
 * What a system's graph looks like: each of `actors` has an event for attempting, gets in through one of three doors that all share,
 * then from layer to layer of three places each, by steps with an event of their own; every second layer is guarded by a control whose
 * failure is one event for everybody. The goal is one harm for all.
 */
export function layered(actors: number): { model: GraphModel; goal: string } {
  const events: GraphEvent[] = [];
  const steps: GraphStep[] = [];
  const layers = 6,
    places = 3;
  for (let layer = 0; layer < layers; layer += 2) events.push(spread(`control ${layer} fails`, 0.2));
  for (let actor = 0; actor < actors; actor++) {
    events.push(spread(`actor ${actor} attempts`, 0.1));
    const state = (layer: number, place: number): string => `actor ${actor} at ${layer}.${place}`;
    for (let place = 0; place < places; place++)
      steps.push({
        id: `actor ${actor} enters by ${place}`,
        needs: ["outside"],
        events: [`actor ${actor} attempts`],
        gains: state(0, place),
      });
    for (let layer = 0; layer + 1 < layers; layer++)
      for (let place = 0; place < places; place++)
        for (const to of [place, (place + 1) % places]) {
          const own = `step ${layer}.${place} to ${to}`;
          if (actor === 0) events.push(spread(own, 0.5));
          steps.push({
            id: `actor ${actor}, ${own}`,
            needs: [state(layer, place)],
            events: layer % 2 === 0 ? [own, `control ${layer} fails`] : [own],
            gains: state(layer + 1, to),
          });
        }
    steps.push({ id: `actor ${actor} harms`, needs: [state(layers - 1, 0)], events: [], gains: "harm" });
  }
  return { model: { start: ["outside"], events, steps }, goal: "harm" };
}
