/** Sends the attacks into boxes with proven verdicts and compares what breaks with what is known: `node bench/vnncomp.ts [network …]`. */
import { NETWORKS, fight, instancesOf } from "../test/support/vnncomp.ts";

const wanted = process.argv.slice(2);
const names = wanted.length > 0 ? wanted : Object.keys(NETWORKS);
const columns = ["network", "sat", "unsat", "reference", "broken", "on proven", "queries", "s", "verdict"];
console.log(columns.map((name, k) => (k === 0 ? name.padEnd(24) : name.padStart(10))).join(""));
let failures = 0;
let all = 0;
const started = performance.now();
for (const network of names) {
  const begun = performance.now();
  const { instances } = instancesOf(network);
  // The binarised network's gradients are surrogates, which Square may outdo; elsewhere it is no more than a check on them.
  const queries = network === "traffic_signs_48" ? 2500 : 200;
  const fought = await fight(network, { steps: 100, restarts: 5, queries });
  const reference = instances.filter(({ verdict, pgd }) => verdict === "sat" && pgd?.found).length;
  const onProven = fought.broken.filter(({ verdict }) => verdict === "unsat");
  const broken = fought.broken.length - onProven.length;
  const fine = onProven.length === 0 && broken >= reference && (reference === 0 || broken > 0);
  if (!fine) failures++;
  all += broken;
  const cells = [
    instances.filter(({ verdict }) => verdict === "sat").length,
    instances.filter(({ verdict }) => verdict === "unsat").length,
    reference,
    broken,
    onProven.length,
    fought.queries,
    ((performance.now() - begun) / 1000).toFixed(1),
    fine ? "holds" : "FAILS",
  ];
  console.log(network.padEnd(24) + cells.map((cell) => String(cell).padStart(10)).join(""));
  console.log(
    `  ${fought.runs.map(({ attack, objective, fooled }) => `${attack} ${objective}: ${fooled}`).join(" · ")}${fought.noGradient ? ` · no gradient: ${fought.noGradient}` : ""}`,
  );
  for (const { id } of onProven) console.log(`  a counterexample to a proven property: ${id}`);
}
console.log(`broken over all networks: ${all}`);
console.log(`${((performance.now() - started) / 1000).toFixed(0)} s; ${failures} of ${names.length} networks fail`);
process.exitCode = failures > 0 ? 1 : 0;
