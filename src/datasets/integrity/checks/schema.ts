/** Whether every cell holds what its column should: nothing missing, nothing infinite, no column that never changes, no label without a class. */
import type { DataItem } from "#assessment/data.ts";
import { counted, defineDataCheck, finding, share } from "#datasets/integrity/check.ts";
import { columnName, pick, type Records } from "#datasets/integrity/records.ts";

export default defineDataCheck({
  id: "schema",
  title: "Schema and types",
  citation: "data unit tests: Schelter et al. 2018, §3",
  bearsOn: { threats: ["T-05"], controls: ["C-22"], clauses: ["AIA-10.2-c", "AIA-10.3"] },
  limits: ["a wrong value of the right type is not seen here"],
  notAsked: () => undefined,
  look({ data }) {
    const { n, size, columns, grid, seen } = data;
    const findings = [...seen];
    const { missing, infinite } = strangeCells(data);
    const cells = (items: readonly Cell[]): DataItem[] =>
      items.map(({ sample, column, value }) => ({ sample, given: `${columnName(data, column)}: ${value}` }));
    if (infinite.count > 0)
      findings.push(
        finding("infinite", "fault", `${counted(infinite.count, "value is", "values are")} infinite`, {
          count: infinite.count,
          of: n * size,
          unit: "values",
          items: cells(infinite.first),
        }),
      );
    if (missing.count > 0) {
      const by = Map.groupBy(missing.first, ({ column }) => column);
      const worst = [...by].toSorted((a, b) => b[1].length - a[1].length).slice(0, 3);
      findings.push(
        finding(
          "missing",
          columns ? "doubt" : "fault",
          `${counted(missing.count, "value is", "values are")} missing or no number` +
            (columns ? `, most of them in ${worst.map(([column]) => `"${columnName(data, column)}"`).join(", ")}` : ""),
          { count: missing.count, of: n * size, unit: "values", items: cells(missing.first) },
        ),
      );
    }
    if (grid) {
      const blank = blankSamples(data);
      if (blank.length > 0)
        findings.push(
          finding("blank-image", "doubt", `${counted(blank.length, "image is", "images are")} one colour throughout`, {
            count: blank.length,
            of: n,
            unit: "images",
            items: blank.map((sample) => ({ sample, given: String(data.x[sample * size]) })),
          }),
        );
    } else if (n > 1) {
      const constant = constantColumns(data);
      if (constant.length > 0)
        findings.push(
          finding(
            "constant-column",
            "doubt",
            `${counted(constant.length, "column")} (${constant
              .slice(0, 5)
              .map((column) => `"${columnName(data, column)}"`)
              .join(", ")}${constant.length > 5 ? " …" : ""}) never ${constant.length === 1 ? "changes" : "change"}`,
            { count: constant.length, of: size, unit: "columns", items: [] },
          ),
        );
    }
    return {
      n: n * size,
      unit: "values",
      tried:
        `every one of ${counted(n * size, "value")} for missing and infinite ones, ${grid ? "every image for being one colour, its size and mode" : "every column for never changing, for words among numbers"}` +
        `${data.y ? `, every label for being one of ${counted(data.classes, "class", "classes")}` : "; labels are no classes and were not looked at"}`,
      findings,
      nothing: `${counted(n, "sample")} of ${data.shape.join(" × ")} hold ${grid ? "an image" : "a number or a category"} each, whole and finite${data.y ? ", with a label among the classes" : ""}`,
    };
  },
  errors({ data }, { rng, faults }) {
    const base = pick(data, rng.fork("rows").sample(data.n, Math.min(2000, data.n)));
    const before = strangeCells(base);
    const known = new Set(
      [...before.missing.first, ...before.infinite.first].map(({ sample, column }) => sample * base.size + column),
    );
    const planted = (["NaN", "Infinity"] as const).map((word) => {
      const x = base.x.slice();
      const places = rng
        .fork(word)
        .sample(x.length, Math.min(faults, x.length))
        .filter((place) => !known.has(place));
      for (const place of places) x[place] = Number(word);
      const after = strangeCells({ ...base, x });
      const there = new Set(
        (word === "NaN" ? after.missing : after.infinite).first.map(
          ({ sample, column }) => sample * base.size + column,
        ),
      );
      return {
        fault: word === "NaN" ? "a value taken away" : "a value made infinite",
        detected: share(places.filter((place) => there.has(place)).length, places.length, "values"),
      };
    });
    const emptied = (
      base.grid
        ? rng.fork("blank").sample(base.n, Math.min(faults, base.n))
        : rng.fork("constant").sample(base.size, Math.min(faults, base.size))
    ) as number[];
    const x = base.x.slice();
    for (const at of emptied)
      if (base.grid) x.fill(x[at * base.size]!, at * base.size, (at + 1) * base.size);
      else for (let i = 0; i < base.n; i++) x[i * base.size + at] = x[at]!;
    const flat = new Set(base.grid ? blankSamples({ ...base, x }) : constantColumns({ ...base, x }));
    return {
      planted: [
        ...planted,
        {
          fault: base.grid ? "an image made one colour" : "a column made one value",
          detected: share(
            emptied.filter((at) => flat.has(at)).length,
            emptied.length,
            base.grid ? "images" : "columns",
          ),
        },
      ],
      // What it raises is there to be seen: a value is missing or it is not.
      falseAlarms: [],
    };
  },
});

interface Cell {
  readonly sample: number;
  readonly column: number;
  readonly value: number;
}

/** Cells kept with their place. */
const CELLS_KEPT = 20_000;

function strangeCells({ x, size, words }: Records) {
  const missing = { count: 0, first: [] as Cell[] };
  const infinite = { count: 0, first: [] as Cell[] };
  for (let i = 0; i < x.length; i++) {
    const value = x[i]!;
    if (Number.isFinite(value) || words?.has(i)) continue;
    const list = Number.isNaN(value) ? missing : infinite;
    list.count++;
    if (list.first.length < CELLS_KEPT) list.first.push({ sample: Math.floor(i / size), column: i % size, value });
  }
  return { missing, infinite };
}

function blankSamples({ x, n, size }: Records): number[] {
  const blank: number[] = [];
  for (let sample = 0; sample < n; sample++) {
    const [from, to] = [sample * size, (sample + 1) * size];
    let i = from + 1;
    while (i < to && x[i] === x[from]) i++;
    if (i === to) blank.push(sample);
  }
  return blank;
}

function constantColumns({ x, n, size }: Records): number[] {
  const constant: number[] = [];
  for (let column = 0; column < size; column++) {
    let i = 1;
    while (i < n && (x[i * size + column] === x[column] || Number.isNaN(x[i * size + column]!))) i++;
    if (i === n) constant.push(column);
  }
  return constant;
}
