/** Single columns that give the label away: an answer among the questions. */
import type { Rng } from "#base/random.ts";
import { clopperPearson } from "#base/statistics.ts";
import { pacedBy } from "#datasets/integrity/breath.ts";
import { counted, defineDataCheck, finding, percent, share } from "#datasets/integrity/check.ts";
import { classCounts, columnName, type Records } from "#datasets/integrity/records.ts";

const BINS = 32;
const SAMPLES_MIN = 50;
const ROWS_MAX = 20_000;
/** What a value of a column costs, in multiplications: sorting, and finding its bin. */
const STEPS_EACH = 100;
/** Share of labels that one column alone may give before it is said. */
const TELLS = 0.95;

export default defineDataCheck({
  id: "target-leak",
  title: "Columns that give the label away",
  citation: "leakage L2: Kapoor & Narayanan 2023",
  bearsOn: { threats: [], controls: ["C-24"], clauses: ["AIA-10.3"] },
  limits: [
    "a column that truly decides the class looks the same: whether it is known at the time of use only a person can say",
  ],
  doesNotApply: ({ data }) =>
    data.grid
      ? "the samples are images, and no pixel is a column of its own; marks in them are for trigger-patch"
      : undefined,
  notAsked({ data }) {
    if (!data.y) return "the labels are no classes";
    return data.n < SAMPLES_MIN ? `${data.n} samples are fewer than ${SAMPLES_MIN}` : undefined;
  },
  async look({ data }, { rng, part }) {
    const rows = Math.min(data.n, ROWS_MAX);
    const folds = foldsOf(data, rng.fork("folds"));
    const base = baseline(data);
    const { breath, end } = pacedBy(part("columns"), data.size);
    const alones = [];
    for (let column = 0; column < data.size; column++) {
      const due = breath(column, STEPS_EACH * data.n);
      if (due) await due;
      const { right, n } = alone(columnOf(data, column), data, folds);
      alones.push({ column, right, n, low: clopperPearson(right, n).low });
    }
    end();
    const telling = alones.filter((one) => tells(one, base)).toSorted((a, b) => b.low - a.low);
    return {
      n: data.size,
      unit: "columns",
      tried: `every column alone, in ${BINS} steps of equal counts or by its categories, predicting the label in two folds of ${counted(rows, "sample")}; said where it is right in at least ${percent(TELLS)}, and for certain more often than the most frequent class (${percent(base)})`,
      findings:
        telling.length === 0
          ? []
          : [
              finding(
                "column-tells-label",
                "note",
                telling
                  .slice(0, 3)
                  .map(
                    ({ column, right, n }) =>
                      `"${columnName(data, column)}" alone gives ${percent(right / n)} of the labels`,
                  )
                  .join("; "),
                { count: telling.length, of: data.size, unit: "columns", items: [] },
              ),
            ],
      nothing: `none of ${counted(data.size, "column")} alone gives the label`,
    };
  },
  async errors({ data }, { rng, faults, pause }) {
    const folds = foldsOf(data, rng.fork("folds"));
    const base = baseline(data);
    const count = Math.min(faults, 50);
    let [seen, raised] = [0, 0];
    for (let turn = 0; turn < count; turn++) {
      await pause();
      const draw = rng.fork(`planted ${turn}`);
      // The label, recorded wrongly once in a hundred, with a little noise to be a number.
      const answer = Float64Array.from(
        data.y!,
        (label) => (draw.uniform() < 0.01 ? draw.below(data.classes) : label) + 0.1 * draw.normal(),
      );
      const leaked = alone(answer, data, folds);
      if (tells(leaked, base)) seen++;
      const noise = alone(
        Float64Array.from(data.y!, () => draw.normal()),
        data,
        folds,
      );
      if (tells(noise, base)) raised++;
    }
    return {
      planted: [
        { fault: "a column made of the label, wrong once in a hundred", detected: share(seen, count, "columns") },
      ],
      falseAlarms: [{ clean: "a column of noise", raised: share(raised, count, "columns") }],
    };
  },
});

const tells = ({ right, n }: { right: number; n: number }, base: number): boolean =>
  right >= TELLS * n && clopperPearson(right, n).low > base;

function baseline(data: Records): number {
  const counts = classCounts(data);
  return (
    Math.max(...counts) /
    Math.max(
      1,
      counts.reduce((sum, count) => sum + count, 0),
    )
  );
}

const columnOf = ({ x, n, size }: Records, column: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => x[i * size + column]!);

/** −1: not used. */
function foldsOf({ n, y }: Records, rng: Rng): Int8Array {
  const folds = new Int8Array(n).fill(-1);
  rng.sample(n, Math.min(n, ROWS_MAX)).forEach((i, rank) => {
    if (y![i]! >= 0) folds[i] = rank % 2;
  });
  return folds;
}

/** How often the label is right that is most frequent in the value's bin, learned from the other fold. */
function alone(values: Float64Array, { y, classes }: Records, folds: Int8Array): { right: number; n: number } {
  const sorted = values.filter((value, i) => folds[i]! >= 0 && Number.isFinite(value)).sort();
  const different = new Set(sorted.subarray(0, 5000)).size;
  const edges =
    different <= BINS && sorted.length <= 5000
      ? undefined
      : Float64Array.from({ length: BINS - 1 }, (_, i) => sorted[Math.floor(((i + 1) * sorted.length) / BINS)]!);
  const known = new Map<number, number>();
  const binOf = (value: number): number => {
    if (!Number.isFinite(value)) return 0;
    if (!edges) {
      const bin = known.get(value) ?? known.size + 1;
      known.set(value, bin);
      return bin;
    }
    let bin = 1;
    while (bin < BINS && value >= edges[bin - 1]!) bin++;
    return bin;
  };
  const width = Math.max(BINS, different) + 2;
  const bins = Int32Array.from(values, (value, i) => (folds[i]! < 0 ? 0 : binOf(value)));
  const counts = [0, 1].map(() => new Int32Array(width * classes));
  for (let i = 0; i < values.length; i++) if (folds[i]! >= 0) counts[folds[i]!]![bins[i]! * classes + y![i]!]!++;
  const best = counts.map((table) =>
    Int32Array.from({ length: width }, (_, bin) => {
      let at = 0;
      for (let c = 1; c < classes; c++) if (table[bin * classes + c]! > table[bin * classes + at]!) at = c;
      return at;
    }),
  );
  let [right, n] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    if (folds[i]! < 0) continue;
    n++;
    if (best[1 - folds[i]!]![bins[i]!] === y![i]) right++;
  }
  return { right, n };
}
