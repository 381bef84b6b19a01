import { readFileSync } from "node:fs";
import { loadKnowledge } from "#knowledge/index.ts";
import { readSystem, knownFrom } from "#system/read.ts";
import { withMethodActors } from "#system/reach.ts";
import { deriveThreats } from "#threats/engine.ts";
import { rate } from "#risk/index.ts";
import { SystemGraph } from "#system/graph.ts";
const k = loadKnowledge();
const r = readSystem(readFileSync(process.argv[2], "utf8"), "vauban.yaml", { ...knownFrom(k) } as never);
const system = withMethodActors(r.system as never);
const derived = deriveThreats(system, k, { closures: [] });
const graph = new SystemGraph(system);
for (let i = 0; i < 8; i++) {
  const a = process.cpuUsage().user;
  rate({
    system,
    threats: derived.threats,
    trials: [],
    evidence: [],
    knowledge: k,
    asOf: "2026-11-22",
    graph,
  } as never);
  console.log((process.cpuUsage().user - a) / 1000);
}
