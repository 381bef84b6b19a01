/**
 * Ours beside the reference implementations: the same samples, one thread each, in turns. `npm run bench:peers [-- --full]`.
 *
 * The references are not part of this project. VAUBAN_AUTOATTACK, VAUBAN_FOOLBOX and VAUBAN_EAGERPY name the folders of
 * checkouts of fra31/auto-attack, bethgelab/foolbox and jonasrauber/eagerpy; VAUBAN_PYTHON a Python with torch and onnx
 * (default python3). What is missing is said, and its comparison skipped. CPU seconds are those of the process that attacks.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Assault, ensemble } from "#attacks/ensemble.ts";
import pgd from "#attacks/evasion/pgd.ts";
import { predicted } from "#attacks/goals.ts";
import { autoAttack } from "#attacks/profiles.ts";
import type { Norm } from "#attacks/region.ts";
import { rng } from "#base/random.ts";
import { onnxRuntime } from "#host/runtime.ts";
import { type OnnxClassifier, openClassifier } from "#onnx/classifier.ts";
import { readNpy, sharedData } from "../test/support/npy.ts";

interface Case {
  readonly name: string;
  /** The environment variables of the reference. */
  readonly needs: readonly string[];
  readonly attack: "autoattack" | "foolbox-pgd";
  readonly model: string;
  readonly shape: readonly number[];
  readonly data: { readonly x: string; readonly y: string | null; readonly scale: number };
  readonly samples: number;
  /** The samples go in this many turns. */
  readonly turns: number;
  readonly norm: Norm;
  readonly eps: number;
  /** Samples of one call of the reference (AutoAttack's own default is 250), and of ours where it is fixed. */
  readonly batch?: number;
  readonly steps?: number;
  /** The aim: ours at most this share of the reference's CPU time. */
  readonly share: number;
  readonly full?: true;
}

const folder = mkdtempSync(join(tmpdir(), "vauban-peers-"));
const images = join(sharedData, "images");
const digits = {
  model: join(images, "digits8x8/digits_cnn.onnx"),
  shape: [1, 8, 8],
  data: { x: join(images, "digits8x8/x.npy"), y: join(images, "digits8x8/y.npy"), scale: 16 },
};
const mnist = { x: join(images, "mnist/x.npy"), y: join(images, "mnist/y.npy"), scale: 255 };
const mlp = { model: join(sharedData, "vnncomp/mnist_fc_256x2/mnist-net_256x2.onnx"), shape: [1, 28, 28], data: mnist };
const cifar = { x: join(images, "cifar10/x.npy"), y: null, scale: 255 };
const auto = { needs: ["VAUBAN_AUTOATTACK"], attack: "autoattack", turns: 2 } as const;
const fool = { needs: ["VAUBAN_FOOLBOX", "VAUBAN_EAGERPY"], attack: "foolbox-pgd", norm: "linf" } as const;
const small = { model: join(folder, "small-cnn.onnx"), shape: [1, 28, 28], data: { ...mnist, y: null } };
const residual = { model: join(folder, "resnet18.onnx"), shape: [3, 32, 32], data: cifar };

const CASES: readonly Case[] = [
  { ...auto, ...digits, name: "AutoAttack, digits CNN, L∞ 0.1", samples: 500, norm: "linf", eps: 0.1, share: 1 / 3 },
  { ...auto, ...mlp, name: "AutoAttack, MNIST MLP, L∞ 0.04", samples: 500, norm: "linf", eps: 0.04, share: 2 / 3 },
  { ...auto, ...digits, name: "AutoAttack, digits CNN, L2 0.5", samples: 500, norm: "l2", eps: 0.5, share: 1 / 3 },
  { ...auto, ...digits, name: "AutoAttack, digits CNN, L1 1.5", samples: 300, norm: "l1", eps: 1.5, share: 1 / 3 },
  {
    ...auto,
    ...mlp,
    name: "AutoAttack, MNIST MLP, L2 1",
    samples: 300,
    norm: "l2",
    eps: 1,
    share: 2 / 3,
    full: true,
  },
  {
    ...auto,
    ...mlp,
    name: "AutoAttack, MNIST MLP, L∞ 0.02",
    samples: 500,
    norm: "linf",
    eps: 0.02,
    share: 2 / 3,
    full: true,
  },
  { ...fool, ...small, name: "PGD, small CNN", samples: 200, turns: 2, batch: 100, steps: 40, eps: 1e-4, share: 1 / 2 },
  {
    ...fool,
    ...residual,
    name: "PGD, ResNet-18",
    samples: 16,
    turns: 2,
    batch: 8,
    steps: 10,
    eps: 1e-5,
    share: 1 / 1.1,
  },
  {
    ...fool,
    ...digits,
    name: "PGD, digits CNN, batch 1",
    samples: 400,
    turns: 2,
    batch: 1,
    steps: 40,
    eps: 1e-4,
    share: 1 / 3,
  },
  {
    ...fool,
    ...small,
    name: "PGD, small CNN, batch 1",
    samples: 400,
    turns: 2,
    batch: 1,
    steps: 40,
    eps: 1e-4,
    share: 1 / 3,
  },
  {
    ...fool,
    ...mlp,
    name: "PGD, MNIST MLP, batch 1",
    samples: 400,
    turns: 2,
    batch: 1,
    steps: 40,
    eps: 1e-4,
    share: 1 / 3,
  },
];

interface Tally {
  robust: number;
  wall: number;
  cpu: number;
  queries: number;
  gradients: number;
}
const nothing = (): Tally => ({ robust: 0, wall: 0, cpu: 0, queries: 0, gradients: 0 });

/** The reference, one JSON line per question and answer. */
class Peer {
  readonly #process: ChildProcess;
  readonly #waiting: ((line: string) => void)[] = [];

  constructor(python: string) {
    this.#process = spawn(python, [join(import.meta.dirname, "peers/serve.py")], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    createInterface({ input: this.#process.stdout! }).on("line", (line) => this.#waiting.shift()?.(line));
    this.#process.on("exit", (code) => {
      for (const settle of this.#waiting) settle(JSON.stringify({ error: `the reference ended with ${code}` }));
    });
  }

  async ask(job: object): Promise<Record<string, unknown>> {
    const answer = await new Promise<string>((settle) => {
      this.#waiting.push(settle);
      this.#process.stdin!.write(`${JSON.stringify(job)}\n`);
    });
    return JSON.parse(answer) as Record<string, unknown>;
  }

  end(): void {
    this.#process.stdin!.end();
  }
}

const python = process.env["VAUBAN_PYTHON"] ?? "python3";
const runtime = await onnxRuntime();

/** Why the reference of a case cannot run here, or undefined. */
function missing({ needs, data }: Case): string | undefined {
  for (const name of needs) {
    const path = process.env[name];
    if (!path || !existsSync(path)) return `${name} names no folder`;
  }
  return existsSync(data.x) ? undefined : "no real models and data: set VAUBAN_TEST_DATA";
}

/** A .npy file of float32 or int32, for the other side. */
function writeNpy(path: string, shape: readonly number[], data: Float32Array | Int32Array): void {
  const kind = data instanceof Float32Array ? "<f4" : "<i4";
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${kind}', 'fortran_order': False, 'shape': (${dims}), }`;
  const header = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + "\n";
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  writeFileSync(path, Buffer.concat([start, Buffer.from(header), Buffer.from(data.buffer, 0, data.byteLength)]));
}

async function ours(
  { attack, norm, eps, steps = 40, batch }: Case,
  model: OnnxClassifier,
  x: Float32Array,
  y: Int32Array,
  first: number,
): Promise<Tally> {
  const began = { wall: performance.now(), cpu: process.cpuUsage() };
  const n = y.length;
  const classifier = batch === undefined || attack === "autoattack" ? model : { ...model, batch };
  const { size, outputs } = classifier;
  const logits = await classifier.logits(x, n);
  const right = Int32Array.from(y.keys()).filter((k) => predicted(logits, k * outputs, outputs) === y[k]);
  const samples = new Float32Array(right.length * size);
  right.forEach((k, to) => samples.set(x.subarray(k * size, (k + 1) * size), to * size));
  const assaults: readonly Assault[] =
    attack === "autoattack"
      ? autoAttack(norm, outputs)
      : [{ attack: pgd, parameters: { steps, stepShare: 2.5 / steps } }];
  const run = { signal: new AbortController().signal, rng: rng("peers"), progress: () => {} };
  const tally = nothing();
  // At a batch of one the samples come one by one, as they would in a service.
  const groups = batch === 1 ? Array.from(right.keys(), (k) => [k, k + 1] as const) : [[0, right.length] as const];
  for (const [from, to] of groups) {
    const result = await ensemble(run, classifier, assaults, {
      samples: samples.subarray(from * size, to * size),
      units: Array.from({ length: to - from }, (_, k) => `u${first + from + k}`),
      goal: { kind: "untargeted", label: Int32Array.from(right.subarray(from, to), (k) => y[k]!) },
      within: { norm, eps },
    });
    tally.robust += to - from - result.found.size;
    tally.queries += result.queries;
    tally.gradients += result.gradients;
  }
  const used = process.cpuUsage(began.cpu);
  tally.cpu = (used.user + used.system) / 1e6;
  tally.wall = (performance.now() - began.wall) / 1000;
  return tally;
}

async function compare(one: Case, peer: Peer): Promise<boolean | string> {
  const { shape, samples: n, turns } = one;
  const size = shape.reduce((product, dim) => product * dim, 1);
  const raw = readNpy(one.data.x).data;
  const x = Float32Array.from({ length: n * size }, (_, at) => raw[at]! / one.data.scale);
  if (one.data === cifar) toChannelsFirst(x, n);
  const model = await openClassifier({
    bytes: new Uint8Array(readFileSync(one.model)),
    input: { range: [0, 1], scale: 1, mean: [], std: [], integer: false },
    sampleShape: shape,
    runtime,
  });
  const logits = await model.logits(x, n);
  // Without labels of its own a network of random weights is right where it says what it says.
  const y = one.data.y
    ? Int32Array.from(readNpy(one.data.y).data.subarray(0, n))
    : Int32Array.from({ length: n }, (_, k) => predicted(logits, k * model.outputs, model.outputs));
  const files = { x: join(folder, "x.npy"), y: join(folder, "y.npy") };
  writeNpy(files.x, [n, ...shape], x);
  writeNpy(files.y, [n], y);
  const job = {
    ...files,
    model: one.model,
    attack: one.attack,
    norm: one.norm,
    eps: one.eps,
    outputs: model.outputs,
    seed: 1,
    ...(one.batch ? { batch: one.batch } : {}),
    ...(one.steps ? { steps: one.steps, stepShare: 2.5 / one.steps } : {}),
  };
  const theirs = await peer.ask({ ...job, attack: "logits" });
  if (theirs["error"]) return String(theirs["error"]);
  const apart = (theirs["logits"] as number[][])
    .flat()
    .reduce((most, z, i) => Math.max(most, Math.abs(z - logits[i]!)), 0);
  const largest = logits.reduce((most, z) => Math.max(most, Math.abs(z)), 0);
  if (apart > 1e-3 * largest) return `torch and onnxruntime differ by ${apart.toPrecision(2)} in logits`;

  // Both sides load and compile before the clock starts.
  // Both are warmed alike; single samples need some thousands of calls until either side's compiler has settled.
  const warm = Math.min(n, one.batch === 1 ? 150 : Math.max(20, one.batch ?? 8));
  await peer.ask({ ...job, from: 0, to: warm });
  await ours(one, model, x.slice(0, warm * size), y.slice(0, warm), 0);
  const sums = { reference: nothing(), ours: nothing() };
  for (let turn = 0; turn < turns; turn++) {
    const [from, to] = [Math.floor((turn * n) / turns), Math.floor(((turn + 1) * n) / turns)];
    const answer = await peer.ask({ ...job, from, to });
    if (answer["error"]) return String(answer["error"]);
    const mine = await ours(one, model, x.slice(from * size, to * size), y.slice(from, to), from);
    for (const key of Object.keys(sums.ours) as (keyof Tally)[]) {
      sums.reference[key] += Number(answer[key]);
      sums.ours[key] += mine[key];
    }
  }
  await model.release();
  const share = sums.ours.cpu / sums.reference.cpu;
  const points = (100 * (sums.ours.robust - sums.reference.robust)) / n;
  const holds = share <= one.share && (one.attack !== "autoattack" || points <= 0.5);
  console.log(one.name);
  for (const [who, tally] of Object.entries(sums))
    console.log(
      `  ${who.padEnd(10)} robust ${((100 * tally.robust) / n).toFixed(1).padStart(5)} %  cpu ${tally.cpu.toFixed(2).padStart(7)} s  wall ${tally.wall.toFixed(2).padStart(7)} s  steps/sample ${(tally.gradients / n).toFixed(0).padStart(6)}  queries/sample ${(tally.queries / n).toFixed(0).padStart(6)}`,
    );
  console.log(
    `  ours takes ${share.toFixed(3)} of the CPU time (${(1 / share).toFixed(2)}x), asked ${one.share.toFixed(3)}; robust accuracy ${points >= 0 ? "+" : ""}${points.toFixed(1)} points: ${holds ? "holds" : "FAILS"}`,
  );
  return holds;
}

/** CIFAR's file holds rows, columns, channels. */
function toChannelsFirst(x: Float32Array, n: number): void {
  const [channels, side] = [3, 32];
  const copy = x.slice();
  for (let k = 0; k < n; k++)
    for (let c = 0; c < channels; c++)
      for (let at = 0; at < side * side; at++)
        x[(k * channels + c) * side * side + at] = copy[(k * side * side + at) * channels + c]!;
}

const full = process.argv.includes("--full");
const only = process.argv.slice(2).find((word) => !word.startsWith("--"));
const began = performance.now();
let failures = 0;
let compared = 0;
try {
  const made = spawnSync(python, [join(import.meta.dirname, "peers/models.py"), folder], { encoding: "utf8" });
  if (made.status !== 0) {
    const last = made.stderr?.trim().split("\n").at(-1);
    console.log(`skipped: ${python} has no torch that writes the networks${last ? `: ${last}` : ""}`);
  } else {
    const peer = new Peer(python);
    for (const one of CASES) {
      if ((one.full && !full && !only) || (only && !one.name.includes(only))) continue;
      const result = missing(one) ?? (await compare(one, peer));
      if (typeof result === "string") console.log(`${one.name}\n  skipped: ${result}`);
      else {
        compared++;
        if (!result) failures++;
      }
    }
    peer.end();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(
  `${((performance.now() - began) / 1000).toFixed(0)} s; ${compared} compared, ${failures} behind what is asked`,
);
process.exitCode = failures > 0 ? 1 : 0;
