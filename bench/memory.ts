/**
 * Memory over 10,000 batches: resident megabytes of this process while the fixture's model answers batches of changing size, as
 * attacks ask them – answers, gradients of every objective, and whole short attacks. Ends with 1 above the limit.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ensemble } from "#attacks/ensemble.ts";
import { quickAttack } from "#attacks/campaign.ts";
import { PROFILES } from "#attacks/profiles.ts";
import { rng } from "#base/random.ts";
import { onnxRuntime } from "#host/runtime.ts";
import { openClassifier } from "#onnx/classifier.ts";

const BATCHES = 10_000;
/** Heap that has not been collected yet comes and goes by this much; a leak of one batch's input in ten would be above it. */
const LIMIT_MB = 24;

const classifier = await openClassifier({
  bytes: readFileSync(fileURLToPath(new URL("../examples/fixtures/mlp.onnx", import.meta.url))),
  input: { layout: "NCHW", range: [0, 255], scale: 1 / 255, mean: [], std: [], integer: true },
  sampleShape: [1, 8, 8],
  runtime: await onnxRuntime(),
});
const { size, outputs } = classifier;
const random = rng("memory");
const MOST = 64;
const points = Float32Array.from({ length: MOST * size }, () => Math.round(255 * random.uniform()) / 255);
const labels = Int32Array.from({ length: MOST }, () => random.below(outputs));
const kinds = ["cross-entropy", "margin"] as const;
const run = { signal: new AbortController().signal, rng: random, progress: () => {} };
const brought = quickAttack(PROFILES.quick.assaults("linf", outputs, true));

async function batch(i: number): Promise<void> {
  const n = 1 + random.below(MOST);
  const x = points.subarray(0, n * size);
  if (i % 3 === 0) await classifier.logits(x, n);
  else await classifier.gradient!(x, n, { kind: kinds[i % 2]!, label: labels.subarray(0, n) });
}

async function attack(): Promise<void> {
  const n = 8;
  await ensemble(run, classifier, brought, {
    samples: points.slice(0, n * size),
    units: Array.from({ length: n }, (_, k) => `u${k}`),
    goal: { kind: "untargeted", label: labels.subarray(0, n) },
    within: { norm: "linf", eps: 0.02 },
  });
}

const resident = (): number => process.memoryUsage().rss / 2 ** 20;
const asked = (): number => classifier.counts.queries + classifier.counts.gradients;
let calls = 0;
for (; calls < BATCHES / 5; calls++) await batch(calls);
const warm = resident();
const seen = [warm];
for (; calls < BATCHES; calls++) {
  await batch(calls);
  if (calls % 200 === 0) await attack();
  if (calls % (BATCHES / 10) === 0) seen.push(resident());
}
const grown = resident() - warm;
console.log(`resident MB, every ${BATCHES / 10} batches: ${seen.map((mb) => mb.toFixed(0)).join(" ")}`);
console.log(
  `${BATCHES} batches, ${asked()} samples: grown by ${grown.toFixed(1)} MB since the first fifth (limit ${LIMIT_MB})`,
);
process.exitCode = grown > LIMIT_MB ? 1 : 0;
