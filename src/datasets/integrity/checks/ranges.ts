/** Values outside the range that was declared, and values so far from all others that they look like another unit. */
import type { DataItem } from "#assessment/data.ts";
import { quantile } from "#base/statistics.ts";
import { counted, defineDataCheck, finding, number, share, short } from "#datasets/integrity/check.ts";
import { columnName, pick, type Records } from "#datasets/integrity/records.ts";

/** Spans from the 1st to the 99th percentile that a value may lie beyond them: a factor of ten in the unit is usually more. */
const SPANS = 5;

export default defineDataCheck({
  id: "ranges",
  title: "Ranges",
  citation: "declared bounds; percentile fences after Tukey 1977, §2",
  bearsOn: { threats: ["T-05"], controls: ["C-22"], clauses: ["AIA-10.2-c", "AIA-10.3"] },
  limits: [
    "values that are wrong and still usual are not seen",
    "a column that spreads over many powers of ten hides a wrong unit",
  ],
  notAsked({ data, range }) {
    if (data.grid && !range) return "no range was declared, and pixels need one";
    return heldBy(data, range).length === 0 ? "every column is a category, and has no range" : undefined;
  },
  look({ data, train, range }) {
    const findings = [];
    const { n, grid, columns } = data;
    const values = n * heldBy(data, range).length;
    const left = (columns ?? []).filter(({ categories, mixed }) => categories && !(range && mixed));
    if (range) {
      const outside = outsideOf(data, range);
      if (outside.count > 0)
        findings.push(
          finding(
            "outside-declared-range",
            "fault",
            `${counted(outside.count, "value lies", "values lie")} outside the declared range [${range[0]}, ${range[1]}]`,
            {
              count: outside.count,
              of: values,
              unit: "values",
              items: outside.items.map(({ sample, column, value }) => ({
                sample,
                given: `${columnName(data, column)}: ${short(value)}`,
                expected: `${range[0]}…${range[1]}`,
              })),
            },
          ),
        );
    }
    const fences = grid ? undefined : fencesOf(train ?? data);
    if (fences) {
      const far = beyond(data, fences);
      if (far.length > 0)
        findings.push(
          finding(
            "far-outside",
            "doubt",
            `${counted(far.length, "value lies", "values lie")} so far from the others of ${new Set(far.map(({ column }) => column)).size === 1 ? "its column" : "their columns"} that the unit may be another`,
            {
              count: far.length,
              of: values,
              unit: "values",
              items: far.map(({ sample, column, value }): DataItem => {
                const [low, high] = fences.at(column)!;
                return {
                  sample,
                  given: `${columnName(data, column)}: ${short(value)}`,
                  expected: `${short(low)}…${short(high)}`,
                };
              }),
            },
          ),
        );
    }
    return {
      n: values,
      unit: "values",
      tried: [
        range ? `every value against the declared range [${range[0]}, ${range[1]}]` : "no range was declared",
        ...(fences
          ? [
              `every number against ${SPANS} times the span from the 1st to the 99th percentile beyond them, learned from ${train ? "the training data" : "the data themselves"}`,
            ]
          : []),
        ...(left.length > 0
          ? [
              `left out, as ${left.length === 1 ? "a category has" : "categories have"} no range: ${left
                .slice(0, 10)
                .map(({ name }) => `"${name}"`)
                .join(", ")}${left.length > 10 ? ` and ${left.length - 10} more` : ""}`,
            ]
          : []),
      ].join("; "),
      findings,
      nothing: `none of ${number(values)} values lies ${range ? `outside [${range[0]}, ${range[1]}]` : "far from the others of its column"}`,
    };
  },
  errors({ data, train, range }, { rng, faults }) {
    const planted = [];
    const falseAlarms = [];
    const plain = heldBy(data, undefined);
    if (range && plain.length > 0) {
      const base = pick(data, rng.fork("rows").sample(data.n, Math.min(2000, data.n)));
      const x = Float64Array.from(base.x);
      const cells = base.n * plain.length;
      const places = rng
        .fork("outside")
        .sample(cells, Math.min(faults, cells))
        .map((at) => Math.floor(at / plain.length) * base.size + plain[at % plain.length]!);
      const step = (range[1] - range[0]) / 255;
      for (const [i, place] of places.entries()) x[place] = i % 2 === 0 ? range[1] + step : range[0] - step;
      const seen = new Set(
        outsideOf({ ...base, x }, range, Infinity).items.map(({ sample, column }) => sample * base.size + column),
      );
      planted.push({
        fault: "a value 1/255 of the range beyond it",
        detected: share(places.filter((place) => seen.has(place)).length, places.length, "values"),
      });
    }
    if (!data.grid) {
      const fences = fencesOf(train ?? data);
      const usable = Array.from({ length: data.size }, (_, column) => column).filter((column) => fences.at(column));
      for (const factor of [10, 100]) {
        if (usable.length === 0) break;
        let [seen, n] = [0, 0];
        const draw = rng.fork(`times ${factor}`);
        for (let turn = 0; turn < faults; turn++) {
          const [sample, column] = [draw.below(data.n), usable[draw.below(usable.length)]!];
          const value = data.x[sample * data.size + column]!;
          // Zero and what is missing stay what they are in any unit.
          if (!Number.isFinite(value) || value === 0) continue;
          const [low, high] = fences.at(column)!;
          n++;
          if (value * factor < low || value * factor > high) seen++;
        }
        planted.push({ fault: `a value times ${factor}, as in another unit`, detected: share(seen, n, "values") });
      }
      // Fences from one half, asked about the other.
      const half = rng.fork("halves").sample(data.n, data.n);
      const [one, two] = [pick(data, half.slice(0, data.n >> 1)), pick(data, half.slice(data.n >> 1))];
      if (one.n > 1) {
        const raised = new Set(beyond(two, fencesOf(one)).map(({ sample }) => sample)).size;
        falseAlarms.push({
          clean: "the samples of one half by what the other half has",
          raised: share(raised, two.n, "samples"),
        });
      }
    }
    return { planted, falseAlarms };
  },
});

interface Far {
  readonly sample: number;
  readonly column: number;
  readonly value: number;
}

/** Columns that are looked at: of numbers, and with a range those whose words stand among numbers. */
const heldBy = ({ size, columns }: Records, range: unknown): number[] =>
  Array.from({ length: size }, (_, column) => column).filter((column) => {
    const { categories, mixed } = columns?.[column] ?? {};
    return !categories || (range !== undefined && mixed === true);
  });

function outsideOf({ x, size, columns }: Records, [low, high]: readonly [number, number], keep = 1000) {
  // Bounds such as 0.1 are not float32 numbers; the data may be.
  const [lowest, highest] = x instanceof Float32Array ? [Math.fround(low), Math.fround(high)] : [low, high];
  // Codes are no values: of a category only what is written as a number counts.
  const written = columns?.map(({ categories, mixed }) => categories && (mixed ? categories.map(Number) : []));
  const items: Far[] = [];
  let count = 0;
  for (let i = 0; i < x.length; i++) {
    const column = i % size;
    const numbers = written?.[column];
    const value = numbers ? (numbers[x[i]!] ?? NaN) : x[i]!;
    if (value >= lowest && value <= highest) continue;
    if (!Number.isFinite(value)) continue;
    count++;
    if (items.length < keep) items.push({ sample: Math.floor(i / size), column, value });
  }
  return { count, items };
}

interface Fences {
  at(column: number): readonly [low: number, high: number] | undefined;
}

/** Rows a percentile is taken of. */
const ROWS_MAX = 20_000;

function fencesOf({ x, n, size, columns }: Records): Fences {
  const step = Math.max(1, Math.ceil(n / ROWS_MAX));
  const fences = Array.from({ length: size }, (_, column): readonly [number, number] | undefined => {
    if (columns?.[column]?.categories) return undefined;
    const values: number[] = [];
    for (let i = 0; i < n; i += step) {
      const value = x[i * size + column]!;
      if (Number.isFinite(value)) values.push(value);
    }
    const [low, high] = [quantile(values, 0.01), quantile(values, 0.99)];
    const span = high - low;
    return span > 0 ? [low - SPANS * span, high + SPANS * span] : undefined;
  });
  return { at: (column) => fences[column] };
}

function beyond({ x, n, size }: Records, fences: Fences): Far[] {
  const far: Far[] = [];
  for (let column = 0; column < size; column++) {
    const fence = fences.at(column);
    if (!fence) continue;
    for (let sample = 0; sample < n; sample++) {
      const value = x[sample * size + column]!;
      if (value < fence[0] || (value > fence[1] && value < Infinity)) far.push({ sample, column, value });
    }
  }
  return far;
}
