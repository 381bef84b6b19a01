/** The planner's ways against reach itself: whatever set of controls stands, both say the same of every threat. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { rng } from "#base/random.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import type { Closure } from "#risk/credit.ts";
import { SystemGraph } from "#system/graph.ts";
import { reachOfThreat, withMethodActors } from "#system/reach.ts";
import { knownFrom, readSystem } from "#system/read.ts";
import { deriveThreats } from "#threats/engine.ts";
import { candidatesOf, type Candidate } from "./candidates.ts";
import { waysOfThreat } from "./ways.ts";

const knowledge = loadKnowledge();
const types = new Map(knowledge.threats.map((type) => [type.id, type]));
const profiles = new Map(knowledge.profiles.map((profile) => [profile.id, profile]));

test.each(["chest-xray", "roadside-signs"])("%s: open for the planner exactly where there is reach", (name) => {
  const text = readFileSync(new URL(`../../../examples/${name}/vauban.yaml`, import.meta.url), "utf8");
  const system = withMethodActors(readSystem(text, "vauban.yaml", knownFrom(knowledge)).system!);
  const { threats } = deriveThreats(system, knowledge, { closures: [] });
  const graph = new SystemGraph(system);
  const candidates = candidatesOf({ graph, knowledge, credits: [] });
  const random = rng(`ways of ${name}`);
  const asClosure = ({ control, at, closes }: Candidate): Closure => ({
    control: control.id,
    at,
    threats: closes,
    evidence: [],
  });
  let closed = 0;
  let open = 0;
  for (let trial = 0; trial < 150; trial++) {
    const threat = threats[random.below(threats.length)]!;
    const type = types.get(threat.type)!;
    const profile = profiles.get(graph.actor(threat.actor).profile);
    // Some stand already – a few of those bind actors by name – and some are chosen.
    const share = [0.02, 0.3, 0.8, 1][random.below(4)]!;
    const standing = candidates
      .filter(() => random.uniform() < 0.05)
      .map((candidate) => ({
        ...asClosure(candidate),
        ...(random.uniform() < 0.5 ? { binds: [threat.actor] } : {}),
      }));
    const chosen = candidates.filter(() => random.uniform() < share);
    const candidatesAt = Map.groupBy(candidates, ({ at }) => at);
    const ways = waysOfThreat(graph, threat, type, { closures: standing, candidatesAt, profile });
    const { reach } = reachOfThreat(graph, threat, type, {
      closures: [...standing, ...chosen.map(asClosure)],
      ...(profile ? { profile } : {}),
    });
    const way = ways.open(new Set(chosen));
    expect(way === undefined, `${threat.id} with ${chosen.length} chosen`).toBe(reach.reach === "none");
    if (way) {
      open++;
      // Whatever is said to close the way closes it.
      for (const candidate of way.closedBy.slice(0, 2))
        expect(ways.open(new Set([...chosen, candidate]))?.steps).not.toEqual(way.steps);
    } else closed++;
  }
  expect(Math.min(open, closed)).toBeGreaterThan(10);
});
