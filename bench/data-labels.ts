/**
 * The check for wrong labels where the truth is known: flips planted into real labels as they came (which may hold wrong ones themselves), and made-up worlds in which
 * a label is the class that its sample was drawn from. How often it accuses, what it estimates, whether its interval holds the share planted, and
 * how many of the likeliest candidates are flipped ones.
 */
import { rng, type Rng } from "#base/random.ts";
import { clopperPearson } from "#base/statistics.ts";
import { checkData } from "#datasets/integrity/check-data.ts";
import type { Records } from "#datasets/integrity/records.ts";

const RATES = [0, 0.01, 0.02, 0.05, 0.1, 0.2];
const WIDTHS = [15, 20, 9, 24, 7, 11, 9] as const;
const line = (...cells: readonly string[]): string => cells.map((cell, i) => cell.padEnd(WIDTHS[i]!)).join("  ");
const percent = (value: number): string => `${(100 * value).toFixed(1)}`;

interface Tally {
  readonly accused: number;
  readonly of: number;
}

/** Prints a line for each rate and kind; `again` gives the data anew per turn where they are made up. */
async function planted(
  name: string,
  again: (turn: number) => Records,
  kinds: readonly (readonly [how: string, rates: readonly number[]])[],
  turns: number,
): Promise<Map<number, Tally>> {
  const tallies = new Map<number, Tally>();
  for (const [how, rates] of kinds)
    for (const rate of rates) {
      const of = rate === 0 && again(0) === again(1) ? 1 : turns;
      let [accused, held, share, low, high, hits, listed, flips] = [0, 0, 0, 0, 0, 0, 0, 0];
      for (let turn = 0; turn < of; turn++) {
        const data = again(turn);
        const { y, which } = flipped(
          data,
          rate,
          how === "to the next class",
          rng(`flips ${name} ${how} ${rate} ${turn}`),
        );
        const run = { signal: new AbortController().signal, rng: rng(turn), faults: 0 };
        const [check] = (await checkData(run, { data: { ...data, y }, only: ["label-noise"] })).checks;
        const [estimate] = check!.figures;
        if (check!.findings.some(({ severity }) => severity === "doubt")) accused++;
        if (estimate!.low! <= rate && rate <= estimate!.high!) held++;
        share += estimate!.value / of;
        low += estimate!.low! / of;
        high += estimate!.high! / of;
        const likeliest = check!.findings
          .flatMap(({ items }) => items.map(({ sample }) => sample))
          .slice(0, which.size);
        hits += likeliest.filter((sample) => which.has(sample)).length;
        listed += likeliest.length;
        flips += which.size;
      }
      tallies.set(rate, { accused, of });
      console.log(
        line(
          name,
          rate === 0 ? "none planted" : `${100 * rate} % ${how}`,
          `${accused}/${of}`,
          `${percent(share)} [${percent(low)}, ${percent(high)}] %`,
          `${held}/${of}`,
          flips > 0 && listed > 0 ? (hits / listed).toFixed(2) : "",
          flips > 0 ? (hits / flips).toFixed(2) : "",
        ),
      );
    }
  return tallies;
}

/** Real sets and made-up worlds; what does not hold. */
export async function labelNoise(
  sets: readonly { readonly name: string; readonly data: Records }[],
): Promise<string[]> {
  console.log(
    "wrong labels planted: accused at 99 %, mean estimate and interval, intervals that hold the share planted,",
  );
  console.log(
    "and of as many likeliest candidates as were flipped (200 at most) the share that are (precision), and of those flipped (recall)",
  );
  console.log(line("data", "flipped", "accused", "estimate", "held", "precision", "recall"));
  const missed: string[] = [];
  for (const { name, data } of sets)
    await planted(
      name,
      () => data,
      [
        ["at random", RATES],
        ["to the next class", [0.05, 0.1]],
      ],
      10,
    );
  for (const { name, world, alike } of WORLDS) {
    const worlds = (turn: number): Records => world(1000, rng(`${name} ${turn}`));
    const tallies = await planted(name, worlds, [["at random", [0, 0.05]]], 20);
    const { accused, of } = tallies.get(0)!;
    if (!alike && clopperPearson(accused, of).low > 0.05)
      missed.push(`${name}: ${accused} of ${of} clean worlds accused`);
  }
  return missed;
}

function flipped({ y, n, classes }: Records, rate: number, next: boolean, random: Rng) {
  const which = new Set(random.sample(n, Math.round(rate * n)));
  const labels = y!.map((label, i) =>
    which.has(i) ? (label + 1 + (next ? 0 : random.below(classes - 1))) % classes : label,
  );
  return { y: labels, which };
}

type World = (n: number, random: Rng) => Records;

/** Rows of `d` numbers whose class is drawn first. */
const drawn =
  (classes: number, d: number, row: (label: number, random: Rng) => readonly number[]): World =>
  (n, random) => {
    const y = Int32Array.from({ length: n }, () => random.below(classes));
    const x = new Float64Array(n * d);
    y.forEach((label, i) => x.set(row(label, random), i * d));
    return {
      place: "made up",
      sha256: "0".repeat(64),
      bytes: 0,
      inputs: [],
      n,
      shape: [d],
      size: d,
      x,
      y,
      classes,
      seen: [],
    };
  };
const normals = (random: Rng, d: number): number[] => Array.from({ length: d }, () => random.normal());
const apart = (distance: number): World =>
  drawn(2, 6, (label, random) => normals(random, 6).map((value, c) => value + (c === 0 ? distance * label : 0)));

/** `alike`: what the check cannot tell from wrong labels, by its own limits. */
const WORLDS: readonly { readonly name: string; readonly world: World; readonly alike?: true }[] = [
  { name: "normals 1 apart", world: apart(1) },
  { name: "normals 2 apart", world: apart(2) },
  { name: "normals 3 apart", world: apart(3) },
  {
    name: "ten normals",
    world: drawn(10, 10, (label, random) => normals(random, 10).map((value, c) => value + (c === label ? 3 : 0))),
  },
  {
    name: "exclusive or",
    world: drawn(2, 4, (label, random) => {
      const side = random.below(2);
      return normals(random, 4).map((value, c) => value + 4 * (c === 0 ? side : c === 1 ? side ^ label : 0));
    }),
  },
  {
    name: "rings",
    world: drawn(2, 3, (label, random) => {
      const turn = 2 * Math.PI * random.uniform();
      const radius = 1 + 2 * label;
      return normals(random, 3).map(
        (value, c) => 0.6 * value + (c === 0 ? radius * Math.cos(turn) : c === 1 ? radius * Math.sin(turn) : 0),
      );
    }),
  },
  {
    name: "wide and narrow",
    world: drawn(2, 6, (label, random) =>
      normals(random, 6).map((value, c) => (1 + label) * value + (c === 0 ? 2 * label : 0)),
    ),
  },
  {
    name: "log-normals",
    world: drawn(2, 6, (label, random) =>
      normals(random, 6).map((value, c) => Math.exp(0.8 * value + (c < 2 ? 1.5 * label : 0))),
    ),
  },
  {
    name: "heavy tails",
    alike: true,
    // Student's t with three degrees of freedom: however far out, neither class is ever sure.
    world: drawn(2, 6, (label, random) =>
      normals(random, 6).map(
        (value, c) =>
          value / Math.sqrt(normals(random, 3).reduce((sum, one) => sum + one * one, 0) / 3) +
          (c === 0 ? 3 * label : 0),
      ),
    ),
  },
  {
    name: "an enclave",
    alike: true,
    // One in 20 of the first class lies in the middle of the second.
    world: drawn(2, 6, (label, random) => {
      const there = label === 1 || random.uniform() < 0.05;
      return normals(random, 6).map((value, c) => value + (c < 2 && there ? 4 : 0));
    }),
  },
];
