/** What every attack must do, whatever it is: every file in src/attacks/evasion that declares one is held to it. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Attack, type Parameters, type Siege, besiege } from "#attacks/harness.ts";
import { selectRows } from "#attacks/ensemble.ts";
import { type Goal, beaten } from "#attacks/goals.ts";
import { type Norm, type Region, ballRegion, boxRegion, distanceIn, domainRegion, inside } from "#attacks/region.ts";
import type { Classifier } from "#attacks/target.ts";
import { rng } from "#base/random.ts";
import { clusters, fitted, network, tampered } from "../support/classifiers.ts";
import type { World } from "../support/classifiers.ts";

const folder = join(import.meta.dirname, "../../src/attacks/evasion");
const attacks: Attack[] = [];
for (const file of readdirSync(folder).sort())
  if (file.endsWith(".ts") && !file.endsWith(".test.ts")) {
    const found = ((await import(join(folder, file))) as { default?: Attack }).default;
    if (found && typeof found.run === "function") attacks.push(found);
  }

/** Few steps: the contract is about conduct, not strength. */
const SHORT: Readonly<Record<string, number>> = { steps: 12, queries: 40, draws: 6, searches: 2, points: 10 };
function shortened(attack: Attack, more: Parameters = {}): Parameters {
  const short = Object.entries(SHORT).filter(([name]) => name in attack.defaults);
  return { ...Object.fromEntries(short), ...more };
}

const listening = (seed: string, signal: AbortSignal = new AbortController().signal) => ({
  signal,
  rng: rng(seed),
  progress: () => {},
});

interface Ground {
  readonly name: string;
  readonly world: World;
  readonly eps: Readonly<Record<Norm, number>>;
  classifier(batch?: number): Classifier;
}

/** Two small networks, of 724 and 1,027 parameters: a vector of real numbers, and a picture of whole grey levels. */
function grounds(): Ground[] {
  const random = rng("contract");
  const vectors = clusters(random, 12, 16, 4);
  const net = fitted(random, vectors, [32], "relu");
  // What transfers climb on: a network of another make, fitted to the same world.
  const likeNet = network(fitted(random, vectors, [12], "tanh"), "tanh");
  const drawn = clusters(random, 12, 36, 3);
  const pictures = { ...drawn, samples: drawn.samples.map((x) => Math.fround(Math.round(x * 255) / 255)) };
  const pictureNet = fitted(random, pictures, [24], "tanh");
  const likePictures = network(fitted(random, pictures, [16], "relu"), "relu", { shape: [6, 6] });
  return [
    {
      name: "real-valued vectors",
      world: vectors,
      eps: { linf: 0.07, l2: 0.25, l1: 0.8, l0: 3 },
      classifier: (batch = 64) => ({ ...network(net, "relu", { batch }), surrogate: likeNet }),
    },
    {
      name: "pictures of whole grey levels",
      world: pictures,
      eps: { linf: 12.4 / 255, l2: 0.25, l1: 1.2, l0: 4 },
      classifier: (batch = 64) => ({
        ...network(pictureNet, "tanh", { batch, shape: [6, 6], grid: { integer: true, levels: 255 } }),
        surrogate: likePictures,
      }),
    },
  ];
}

function siegeOf({ world, eps }: Ground, norm: Norm): Siege {
  return {
    samples: world.samples,
    units: world.units,
    goal: { kind: "untargeted", label: world.labels },
    within: { norm, eps: eps[norm] },
  };
}

/** Keeps every point the model is asked about. */
function recorded(classifier: Classifier): { classifier: Classifier; asked: Float32Array[] } {
  const asked: Float32Array[] = [];
  const keep = (x: Float32Array): void => {
    for (let at = 0; at < x.length; at += classifier.size) asked.push(x.slice(at, at + classifier.size));
  };
  const { gradient } = classifier;
  return {
    asked,
    classifier: {
      ...classifier,
      logits: (x, n) => {
        keep(x);
        return classifier.logits(x, n);
      },
      ...(gradient
        ? {
            gradient: (x, n, objective) => {
              keep(x);
              return gradient(x, n, objective);
            },
          }
        : {}),
    },
  };
}

const loosened = (region: Region): Region => ({ ...region, steps: null });

/** Whether the attack may ask outside the budget, anywhere in the domain. */
const roams = ({ minimal, outside }: Attack): boolean => minimal === true || outside === true;

test("there are attacks to hold to the contract", () => {
  expect(attacks.map(({ id }) => id)).toEqual([
    "apgd-l1",
    "apgd",
    "cw",
    "fab",
    "fmn",
    "hopskipjump",
    "noise",
    "pgd",
    "sigma-zero",
    "sparse-rs",
    "square",
    "transfer",
  ]);
});

for (const attack of attacks)
  describe(attack.id, () => {
    test("says what it is: title, citation, revision, needs and defaults", () => {
      expect(attack.title.length).toBeGreaterThan(2);
      expect(attack.citation).toMatch(/\d{4}/);
      expect(attack.revision).toBeGreaterThanOrEqual(1);
      expect(attack.norms.length).toBeGreaterThan(0);
    });

    test("is refused a parameter that it does not have, and a gradient it did not declare", async () => {
      const [ground] = grounds();
      const siege = siegeOf(ground!, attack.norms[0]!);
      await expect(besiege(listening("a"), ground!.classifier(), attack, { speed: 1 }, siege)).rejects.toThrow(
        /no parameter "speed"/,
      );
      const blind = network([{ weight: new Float64Array(64), bias: new Float64Array(4) }], "none", { gradient: false });
      const { surrogate } = ground!.classifier();
      const attempt = besiege(listening("a"), { ...blind, surrogate: surrogate! }, attack, shortened(attack), siege);
      await (attack.needs === "gradient"
        ? expect(attempt).rejects.toThrow(/Sign/)
        : expect(attempt).resolves.toBeDefined());
    });

    for (const ground of grounds())
      for (const norm of attack.norms) {
        const objectives =
          "objective" in attack.defaults
            ? attack.objectives.filter((kind) => !["unsafe", "flip", "deviation"].includes(kind))
            : [];
        for (const objective of objectives.length > 0 ? objectives : [""]) {
          const parameters = shortened(attack, objective ? { objective } : {});
          const where = `${ground.name}, ${norm}${objective ? `, ${objective}` : ""}`;
          const siege = siegeOf(ground, norm);

          test(`never leaves ball, box and grid (${where})`, async () => {
            // One at a time, so that every question can be held against its own region.
            for (const [row] of siege.units.slice(0, 4).entries()) {
              const { classifier, asked } = recorded(ground.classifier());
              const one = selectRows(siege, Int32Array.of(row), classifier.size);
              const result = await besiege(listening("a"), classifier, attack, parameters, one);
              const ball = { norm, eps: ground.eps[norm] };
              const region = ballRegion(classifier, one.samples, 1, ball);
              const asking = roams(attack) ? domainRegion(classifier, one.samples, 1, ball) : region;
              const during = attack.needs === "gradient" ? loosened(asking) : asking;
              expect(asked.length).toBeGreaterThan(0);
              expect(asked.filter((point) => !inside(during, 0, point)).length).toBe(0);
              for (const point of result.found.values()) expect(inside(region, 0, point)).toBe(true);
            }
          });

          test(`gives the same for the same seed, whatever the batch, the company and the order (${where})`, async () => {
            const whole = await besiege(listening("a"), ground.classifier(64), attack, parameters, siege);
            const again = await besiege(listening("a"), ground.classifier(64), attack, parameters, siege);
            expect(again).toEqual(whole);
            const orders = [
              Int32Array.from(siege.units.keys()).reverse(),
              Int32Array.from([7, 2, 9, 0]),
              Int32Array.of(5),
            ];
            for (const rows of orders) {
              const classifier = ground.classifier(3);
              const some = selectRows(siege, rows, classifier.size);
              const result = await besiege(listening("a"), classifier, attack, parameters, some);
              rows.forEach((row, k) => {
                expect(result.found.get(k)).toEqual(whole.found.get(row));
                expect(result.queriesPerRow[k]).toBe(whole.queriesPerRow[row]);
                expect(result.margin[k]).toBe(whole.margin[row]);
              });
            }
          });

          test(`claims only what a fresh query confirms, and counts every query (${where})`, async () => {
            const classifier = ground.classifier(5);
            const result = await besiege(listening("b"), classifier, attack, parameters, siege);
            expect(result.queries).toBe(classifier.counts.queries);
            expect(result.gradients).toBe(classifier.counts.gradients);
            expect(result.queriesPerRow.reduce((sum, count) => sum + count, 0)).toBe(result.queries);
            expect(result.found.size).toBe(result.beaten.reduce((sum, flag) => sum + flag, 0));
            for (const [row, point] of result.found) {
              const logits = await classifier.logits(point, 1);
              expect(beaten(siege.goal, row, logits, 0, classifier.outputs)).toBe(true);
              // Beaten samples are dropped: nothing was asked about them afterwards.
              expect(result.queriesToBeat[row]).toBe(result.queriesPerRow[row]);
            }
          });
        }

        test(`keeps to a limit of queries per unit (${ground.name}, ${norm})`, async () => {
          const siege = { ...siegeOf(ground, norm), queriesMax: 7 };
          const result = await besiege(listening("c"), ground.classifier(), attack, shortened(attack), siege);
          expect(Math.max(...result.queriesPerRow)).toBeLessThanOrEqual(7);
        });

        test(`stops at the next query when it is cancelled (${ground.name}, ${norm})`, async () => {
          const cancel = new AbortController();
          const reason = new Error("enough");
          const { counts, ...rest } = ground.classifier(2);
          let calls = 0;
          const counting = <A extends unknown[], R>(ask: (...given: A) => R) => {
            return (...given: A): R => {
              calls++;
              if (calls === 3) cancel.abort(reason);
              return ask(...given);
            };
          };
          const classifier: Classifier = {
            ...rest,
            counts,
            logits: counting(rest.logits),
            ...(rest.gradient ? { gradient: counting(rest.gradient) } : {}),
          };
          const attempt = besiege(
            listening("d", cancel.signal),
            classifier,
            attack,
            shortened(attack),
            siegeOf(ground, norm),
          );
          await expect(attempt).rejects.toBe(reason);
          expect(calls).toBe(3);
        });

        test(`is not believed where a second look shows otherwise (${ground.name}, ${norm})`, async () => {
          // Wrong the first time any input is seen, right ever after.
          const label = ground.world.labels[0]!;
          const seen = new Set<string>();
          const base = ground.classifier();
          const liar: Classifier = {
            ...base,
            ...tampered(base, {}),
            logits: async (x, n) => {
              const all = new Float32Array(n * base.outputs);
              for (let k = 0; k < n; k++) {
                const key = x.subarray(k * base.size, (k + 1) * base.size).join();
                all[k * base.outputs + (seen.has(key) ? label : (label + 1) % base.outputs)] = 1;
                seen.add(key);
              }
              return all;
            },
            gradient: async (x, n, objective) => {
              const answer = await base.gradient!(x, n, objective);
              return { ...answer, logits: await liar.logits(x, n) };
            },
          };
          const one = selectRows(siegeOf(ground, norm), Int32Array.of(0), base.size);
          const result = await besiege(listening("e"), liar, attack, shortened(attack), one);
          expect(result.found.size).toBe(0);
          expect(result.beaten[0]).toBe(0);
        });
      }

    if (attack.minimal)
      for (const ground of grounds())
        for (const norm of attack.norms) {
          const within = { norm, eps: Infinity, minimal: true } as const;
          const siege = { ...siegeOf(ground, norm), within };
          const where = `${ground.name}, ${norm}`;

          test(`reports the smallest perturbation that a fresh query confirms, and how far it is (${where})`, async () => {
            const classifier = ground.classifier(5);
            const result = await besiege(listening("g"), classifier, attack, shortened(attack), siege);
            expect(result.queries).toBe(classifier.counts.queries);
            for (const row of siege.units.keys()) {
              const point = result.found.get(row);
              expect(result.beaten[row]).toBe(point ? 1 : 0);
              if (!point) {
                expect(result.distance[row]).toBe(Infinity);
                continue;
              }
              const { size } = classifier;
              const sample = siege.samples.subarray(row * size, (row + 1) * size);
              expect(result.distance[row]).toBeCloseTo(distanceIn(norm, sample, point), 12);
              const region = domainRegion(classifier, sample, 1, within);
              expect(inside(region, 0, point)).toBe(true);
              const logits = await classifier.logits(point, 1);
              expect(beaten(siege.goal, row, logits, 0, classifier.outputs)).toBe(true);
            }
          });

          if (!("restarts" in attack.defaults)) continue;
          test(`more restarts never give a larger perturbation (${where})`, async () => {
            const more = { restarts: 2 };
            const once = await besiege(listening("h"), ground.classifier(), attack, shortened(attack), siege);
            const twice = await besiege(listening("h"), ground.classifier(), attack, shortened(attack, more), siege);
            for (const row of siege.units.keys()) expect(twice.distance[row]).toBeLessThanOrEqual(once.distance[row]!);
          });
        }

    if (attack.norms.includes("linf") && !roams(attack))
      test("stays in per-element boxes, some of them closed", async () => {
        const [{ world, classifier: open }] = grounds() as [Ground, Ground];
        const random = rng("boxes");
        const low = world.samples.map((x) => x - 0.1 * random.uniform());
        const high = world.samples.map((x, at) => (at % 5 === 0 ? low[at]! : x + 0.1 * random.uniform()));
        const within = { low, high };
        const goals: Goal[] = [{ kind: "untargeted", label: world.labels }];
        // A property over outputs: the second output above the first and the third.
        const clauses = [
          [
            { a: [1, -1, 0, 0], b: 0 },
            { a: [0, -1, 1, 0], b: 0 },
          ],
        ];
        if (attack.needs !== "gradient" || attack.objectives.includes("unsafe"))
          goals.push({ kind: "unsafe", clauses });
        for (const goal of goals) {
          const parameters = shortened(
            attack,
            "objective" in attack.defaults ? { objective: goal.kind === "unsafe" ? "unsafe" : "margin" } : {},
          );
          const { classifier, asked } = recorded(open());
          const row = 1;
          const siege = { samples: world.samples, units: world.units, goal, within };
          const one = selectRows(siege, Int32Array.of(row), classifier.size);
          const result = await besiege(listening("f"), classifier, attack, parameters, one);
          const boxes = one.within as typeof within;
          const region = boxRegion(classifier, boxes, 1);
          expect(asked.filter((point) => !inside(region, 0, point)).length).toBe(0);
          for (const point of result.found.values()) {
            const logits = await classifier.logits(point, 1);
            expect(beaten(one.goal, 0, logits, 0, classifier.outputs)).toBe(true);
          }
        }
      });
  });
