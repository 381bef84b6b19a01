import { describe, expect, test } from "vitest";
import { rng } from "#base/random.ts";
import { evaluateEvasion } from "./evaluate.ts";
import type { Norm } from "./region.ts";
import type { Classifier } from "./target.ts";
import { clusters, fitted, network, tampered } from "../../test/support/classifiers.ts";
import type { Activation, Options, World } from "../../test/support/classifiers.ts";

const run = (seed: string) => ({ signal: new AbortController().signal, rng: rng(seed), progress: () => {} });

async function assess(classifier: Classifier, world: World, norm: Norm, eps: number, declared?: number) {
  return evaluateEvasion(run("trial"), classifier, world, {
    item: "trial",
    norm,
    eps,
    epsRaw: eps,
    planned: world.units.length,
    budget: { steps: 16, queries: 100 },
    ...(declared === undefined ? {} : { declared }),
  });
}

interface Ordinary {
  readonly name: string;
  readonly size: number;
  readonly classes: number;
  readonly widths: readonly number[];
  readonly activation: Activation;
  readonly options?: Options;
  readonly norm?: Norm;
  readonly spread?: number;
}

const ORDINARY: readonly Ordinary[] = [
  { name: "a line between two classes", size: 2, classes: 2, widths: [], activation: "none" },
  { name: "a linear model of three classes", size: 12, classes: 3, widths: [], activation: "none" },
  { name: "a linear model of ten classes", size: 16, classes: 10, widths: [], activation: "none" },
  { name: "a ReLU network of two classes", size: 10, classes: 2, widths: [24], activation: "relu" },
  { name: "a ReLU network of four classes", size: 16, classes: 4, widths: [32], activation: "relu" },
  { name: "a tanh network of three classes", size: 16, classes: 3, widths: [24], activation: "tanh" },
  { name: "a tanh network of ten classes in L2", size: 16, classes: 10, widths: [24], activation: "tanh", norm: "l2" },
  { name: "a deep ReLU network", size: 16, classes: 4, widths: [24, 16], activation: "relu" },
  {
    name: "a network on whole grey levels",
    size: 36,
    classes: 4,
    widths: [24],
    activation: "relu",
    options: { shape: [6, 6], grid: { integer: true, levels: 255 } },
  },
  { name: "a network that is often wrong", size: 8, classes: 4, widths: [16], activation: "relu", spread: 0.35 },
];

describe("ten ordinary models are measured", () => {
  for (const { name, size, classes, widths, activation, options, norm = "linf", spread } of ORDINARY)
    for (const eps of norm === "linf" ? [0.02, 0.15] : [0.1, 0.6])
      test(`${name}, ${norm} ${eps}`, async () => {
        const random = rng(name);
        const world = clusters(random, 30, size, classes, spread);
        const classifier = network(fitted(random, world, widths, activation), activation, options);
        const { outcome, sanity } = await assess(classifier, world, norm, eps);
        expect(sanity.filter(({ passed }) => !passed)).toEqual([]);
        expect(outcome.status).toBe("measured");
      });
});

const random = rng("planted");
const world = clusters(random, 32, 16, 4);
const sound = network(fitted(random, world, [32], "relu"), "relu");
const softmax = (logits: Float32Array): Float32Array => {
  const top = Math.max(...logits);
  const parts = logits.map((z) => Math.exp(z - top));
  const sum = parts.reduce((total, part) => total + part, 0);
  return parts.map((part) => part / sum);
};
const zeros = (gradient: Float32Array): Float32Array => new Float32Array(gradient.length);
const noise = rng("planted noise");

const PLANTED: readonly { name: string; classifier: Classifier; because: string; not?: string }[] = [
  {
    name: "an input that is rounded to a staircase (gradient masked)",
    classifier: tampered(sound, { input: (x) => Math.round(x * 12) / 12, gradient: zeros }),
    because: "gradients do not vanish",
  },
  {
    name: "a gradient that points anywhere (shattered)",
    classifier: tampered(sound, { gradient: (g) => g.map(() => noise.normal()) }),
    because: "gradients agree with finite differences",
  },
  {
    name: "probabilities saturated by a huge logit scale",
    classifier: tampered(sound, {
      answer: (logits) => softmax(logits.map((z) => 1e4 * z)).map((p) => Math.log(Math.max(p, 1e-30))),
      gradient: zeros,
      head: "log-probabilities",
    }),
    because: "the model gives scores, not decisions",
  },
  {
    name: "a model that ends in ArgMax",
    classifier: tampered(sound, {
      answer: (logits) => logits.map((_, j) => (j === logits.indexOf(Math.max(...logits)) ? 1 : 0)),
      gradient: "none",
    }),
    because: "the model gives scores, not decisions",
  },
  {
    name: "a model that answers at random around its mean (stochastic)",
    classifier: tampered(sound, { answer: (logits) => logits.map((z) => z + 0.3 * noise.normal()) }),
    because: "the same input gets the same answer",
    not: "clean accuracy",
  },
  {
    name: "a model that is given the range 0 … 255 as 0 … 1 (mis-scaled)",
    classifier: tampered(sound, { input: (x) => x / 255 }),
    because: "preprocessing",
    not: "the same input",
  },
];

/** Answers relative to the mean of the batch: statistics computed at inference, as batch normalisation left in training mode. */
function adaptive(base: Classifier): Classifier {
  const centred = (logits: Float32Array, n: number): Float32Array => {
    const mean = Float64Array.from({ length: base.outputs }, (_, j) => {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += logits[k * base.outputs + j]!;
      return sum / n;
    });
    return logits.map((z, at) => z - 0.5 * mean[at % base.outputs]!);
  };
  return {
    ...base,
    logits: async (x, n) => centred(await base.logits(x, n), n),
    gradient: async (x, n, objective) => {
      const answer = await base.gradient!(x, n, objective);
      return { ...answer, logits: centred(answer.logits, n) };
    },
  };
}
/** One answer on even calls, another on odd ones: a defence with a memory. */
function moody(base: Classifier): Classifier {
  let calls = 0;
  return {
    ...base,
    async logits(x, n) {
      const factor = calls++ % 2 === 0 ? 1 : 0.7;
      return (await base.logits(x, n)).map((z) => factor * z);
    },
  };
}

const DYNAMIC: typeof PLANTED = [
  {
    name: "a model that normalises by the batch it is given (optimisation at inference)",
    classifier: adaptive(sound),
    because: "does not depend on the batch",
  },
  { name: "a model with a memory", classifier: moody(sound), because: "the same input gets the same answer" },
];

describe("a planted model is inconclusive for the right reason", () => {
  for (const { name, classifier, because, not } of [...PLANTED, ...DYNAMIC])
    test(name, async () => {
      const { outcome } = await assess(classifier, world, "linf", 0.03);
      expect(outcome).toMatchObject({ status: "inconclusive", because: expect.stringContaining(because) });
      if (not && outcome.status === "inconclusive") expect(outcome.because).not.toContain(not);
    });
});

test("a huge logit scale alone hides nothing: the margin carries where cross-entropy vanishes", async () => {
  const layers = fitted(rng("loud"), world, [32], "relu");
  const louder = layers.map(({ weight, bias }, k) =>
    k === layers.length - 1 ? { weight: weight.map((w) => 1e4 * w), bias: bias.map((b) => 1e4 * b) } : { weight, bias },
  );
  const plain = await assess(network(layers, "relu"), world, "linf", 0.06);
  const loud = await assess(network(louder, "relu"), world, "linf", 0.06);
  expect(loud.outcome.status).toBe("measured");
  expect(loud.measure!.successRate.k).toBeGreaterThan(5);
  expect(loud.measure!.successRate).toEqual(plain.measure!.successRate);
});

test("a declared accuracy 4 points off stops the trial before any attack", async () => {
  const { outcome, measure } = await assess(sound, world, "linf", 0.05, 0.5);
  expect(outcome).toMatchObject({ status: "inconclusive", because: expect.stringContaining("3 points") });
  expect(measure).toBeNull();
});

test("a budget below one raw step is refused, not reported as robust", async () => {
  const world = clusters(rng("room"), 20, 16, 2);
  const raw = { ...world, samples: world.samples.map((x) => Math.round(x * 16) / 16) };
  const classifier = network(fitted(rng("room"), raw, [], "none"), "none", { grid: { integer: true, levels: 16 } });
  const { outcome } = await assess(classifier, raw, "linf", 4 / 255);
  expect(outcome).toMatchObject({ status: "inconclusive", because: expect.stringContaining("room for a change") });
});

test("without a gradient scores and labels serve, the operator is named, and a note says that nothing is bounded from above", async () => {
  const blind = tampered(sound, { gradient: "none", noGradient: "operator Sign" });
  const { outcome, measure, sanity, noGradient } = await assess(blind, world, "linf", 0.06);
  expect(outcome.status).toBe("measured");
  expect(measure!.attacks.map(({ attack }) => attack)).toEqual(["square", "transfer", "hopskipjump"]);
  expect(noGradient).toBe("operator Sign");
  expect(sanity.filter(({ passed }) => !passed).map(({ check }) => check)).toEqual(["the model gives a gradient"]);
});

test("a gradient by declared stand-in is named, is not held against finite differences, and bounds nothing from above", async () => {
  const bpda: Classifier = {
    ...tampered(sound, { gradient: (slope) => slope.map((d) => 3 * d) }),
    surrogates: ["Sign as softsign (node s1)"],
  };
  const { outcome, sanity } = await assess(bpda, world, "linf", 0.06);
  expect(outcome.status).toBe("measured");
  expect(sanity.filter(({ passed }) => !passed)).toEqual([
    expect.objectContaining({
      check: "the gradient is the model's own",
      detail: expect.stringContaining("Sign as softsign (node s1)"),
    }),
  ]);
  expect(sanity.some(({ check }) => check.includes("finite differences"))).toBe(false);
});

describe("bounds beside the attacks", () => {
  const plan = {
    item: "trial",
    norm: "linf",
    eps: 0.06,
    epsRaw: 0.06,
    planned: world.units.length,
    budget: { steps: 16, queries: 60 },
  } as const;
  const verdict =
    (robust: boolean) =>
    async (_run: unknown, { n }: { readonly n: number }) =>
      Array.from({ length: n }, () =>
        robust
          ? ({ verdict: "robust", radius: 0.06, method: "told" } as const)
          : ({ verdict: "unknown", method: "told" } as const),
      );

  test("that hold what attacks leave standing close the bracket, and cost no further query", async () => {
    const without = await evaluateEvasion(run("trial"), sound, world, plan);
    const bounded = await evaluateEvasion(run("trial"), sound, world, plan, { certify: verdict(true) });
    expect(bounded.outcome.status).toBe("measured");
    const { bracket, robustAccuracy } = bounded.measure!;
    expect(robustAccuracy).toEqual(without.measure!.robustAccuracy);
    expect(bracket).toMatchObject({
      certified: { k: robustAccuracy.k, n: robustAccuracy.n },
      undecided: 0,
      method: ["told"],
    });
    expect(bounded.measure!.queries).toBeLessThan(without.measure!.queries);
  });
  test("that decide nothing leave every standing input undecided", async () => {
    const { measure } = await evaluateEvasion(run("trial"), sound, world, plan, { certify: verdict(false) });
    expect(measure!.bracket).toMatchObject({ certified: { k: 0 }, undecided: measure!.robustAccuracy.k });
  });
  test("that an attack breaks make both figures doubtful", async () => {
    const wide = async (_run: unknown, { n }: { readonly n: number }) =>
      Array.from({ length: n }, () => ({ verdict: "robust", radius: 0.9, method: "told" }) as const);
    const { outcome } = await evaluateEvasion(run("trial"), sound, world, plan, { certify: wide });
    expect(outcome).toMatchObject({
      status: "inconclusive",
      because: expect.stringContaining("no certificate is contradicted by an attack"),
    });
  });
});

test("any split into shards gives the same measure, checks and outcome", async () => {
  const plan = {
    item: "trial",
    norm: "l2",
    eps: 0.3,
    epsRaw: 0.3,
    planned: world.units.length,
    budget: { steps: 12, queries: 60 },
  } as const;
  const { proofs: _proofs, ...whole } = await evaluateEvasion(run("trial"), sound, world, plan);
  for (const shard of [1, 5, 31]) {
    const { proofs: _here, ...split } = await evaluateEvasion(run("trial"), sound, world, plan, { shard });
    expect(split).toEqual(whole);
  }
});
