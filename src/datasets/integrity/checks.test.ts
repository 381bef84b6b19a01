import { describe, expect, test } from "vitest";
import { dataReport, type DataCheckResult, type DataReport } from "#assessment/data.ts";
import { hashOf } from "#base/hash.ts";
import { rng } from "#base/random.ts";
import { CHECK_IDS, checkData, type DataRequest } from "./check-data.ts";
import { filesOf } from "#datasets/files.testing.ts";
import { pictures, table } from "./checks.testing.ts";
import { openRecords } from "./open-records.ts";
import { pick, type Records } from "./records.ts";

const run = (request: DataRequest, faults = 20): Promise<DataReport> =>
  checkData({ signal: new AbortController().signal, rng: rng(1), faults }, request);
const only = async (id: string, request: DataRequest, faults?: number): Promise<DataCheckResult> =>
  (await run({ ...request, only: [id] }, faults)).checks[0]!;
const rules = ({ findings }: DataCheckResult): string[] => findings.map(({ rule }) => rule);
const samples = (check: DataCheckResult, rule: string): number[] =>
  check.findings.find((found) => found.rule === rule)!.items.map(({ sample }) => sample);
/** Rows of one set after those of another. */
function joined(a: Records, b: Records): Records {
  const x =
    a.x instanceof Float32Array ? new Float32Array(a.x.length + b.x.length) : new Float64Array(a.x.length + b.x.length);
  x.set(a.x as never);
  x.set(b.x as never, a.x.length);
  return { ...a, n: a.n + b.n, x, y: Int32Array.from([...a.y!, ...b.y!]) };
}
const withLabels = (records: Records, y: Int32Array): Records => ({ ...records, y });

test("a cancelled run keeps what was done and says of the rest that it was not; without a check done, or unasked, it throws", async () => {
  const stopped = (after: number, keepsDone: boolean): Promise<DataReport> => {
    const controller = new AbortController();
    const progress = ({ done }: { done: number }): void => {
      if (done >= after) controller.abort();
    };
    const request = { data: table(60, 1), only: CHECK_IDS.slice(0, 4) };
    return checkData({ signal: controller.signal, rng: rng(1), faults: 0, progress, keepsDone }, request);
  };
  const { checks, summary } = dataReport.parse(await stopped(1, true));
  expect(checks).toHaveLength(4);
  expect(checks[0]!.because).not.toBe("cancelled before it was done");
  for (const { outcome, because } of checks.slice(1))
    expect({ outcome, because }).toEqual({ outcome: "not asked", because: "cancelled before it was done" });
  expect(summary.notAsked.filter((why) => why.includes("cancelled"))).toHaveLength(3);
  await expect(stopped(0, true)).rejects.toThrow("abort");
  await expect(stopped(1, false)).rejects.toThrow("abort");
});

describe("every check", () => {
  test("states what it looked at, its seed, and error rates with intervals – or why it was not asked", async () => {
    for (const data of [table(120, 1), pictures(120, 1)]) {
      const report = await run(
        {
          data,
          train: pick(data.grid ? pictures(120, 2) : table(120, 2), [...Array(100).keys()]),
          reference: data.grid ? pictures(100, 3) : table(100, 3),
          range: [-1000, 1000],
          declared: { source: "made up", suppliers: [] },
        },
        8,
      );
      expect(dataReport.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
      expect(report.checks.map(({ id }) => id)).toEqual(CHECK_IDS);
      for (const { id, outcome, because, n, tried, seed, planted, falseAlarms, limits } of report.checks) {
        expect(seed, id).toBe(`1/${id}`);
        expect(limits.length, id).toBeGreaterThan(0);
        if (outcome === "not asked" || outcome === "does not apply") {
          expect(because, id).toBeTruthy();
          expect([n, planted.length], id).toEqual([0, 0]);
          continue;
        }
        expect(n, id).toBeGreaterThan(0);
        expect(tried, id).toMatch(/\(.*\)$/);
        expect(planted.length, id).toBeGreaterThan(0);
        for (const { low, high, k, n: of } of [
          ...planted.map((one) => one.detected),
          ...falseAlarms.map((one) => one.raised),
        ]) {
          expect(low, id).toBeLessThanOrEqual(k / of);
          expect(high, id).toBeGreaterThanOrEqual(k / of);
        }
      }
      const { doesNotApply, notAsked } = report.summary;
      expect(doesNotApply.map((said) => said.split(":")[0])).toEqual([data.grid ? "target-leak" : "trigger-patch"]);
      expect(notAsked).toEqual([]);
    }
  });
  test("gives the same report for the same seed, and leaves the data as they were", async () => {
    const data = table(80, 4);
    const before = data.x.slice();
    const twice = [await run({ data }, 10), await run({ data }, 10)];
    expect(hashOf(twice[0])).toBe(hashOf(twice[1]));
    expect(data.x).toEqual(before);
  });
  test("without planted faults says that its error rate is unknown", async () => {
    const check = await only("duplicates", { data: table(60, 5) }, 0);
    expect(check.planted).toEqual([]);
    expect(check.says).toContain("error rate here is unknown");
    expect(check).toMatchObject({ outcome: "cannot tell", because: expect.stringContaining("no faults were planted") });
  });
  test("is not asked where what it needs is missing, and that is told", async () => {
    const { y: _, ...unlabelled } = table(60, 6);
    const { summary } = await run({ data: { ...unlabelled, classes: 0 } }, 5);
    for (const id of ["leakage", "shift", "provenance", "label-noise", "class-balance"])
      expect(
        summary.notAsked.some((said) => said.startsWith(`${id}: `)),
        id,
      ).toBe(true);
  });
  test("refuses training data of another shape", async () => {
    await expect(run({ data: table(20, 1), train: pictures(20, 1) })).rejects.toThrow(RangeError);
  });
});

describe("duplicates", () => {
  test("of a clean table and of clean pictures none are found, and nearly all planted copies are", async () => {
    for (const data of [table(300, 7), pictures(300, 7)]) {
      const check = await only("duplicates", { data });
      expect(check.outcome).toBe("nothing found");
      const seen = Object.fromEntries(check.planted.map(({ fault, detected }) => [fault, detected.k]));
      expect(seen["an exact copy"]).toBe(20);
      expect(
        seen[
          data.grid
            ? "a copy up to 20 % darker, with up to 5 % of the range added"
            : "a copy with noise of 1 % of a standard deviation on every number"
        ],
      ).toBe(20);
    }
  });
  test("exact ones, near ones and their contradicting labels are told with their places", async () => {
    const clean = pictures(200, 8);
    const copies = pick(clean, [5, 6]);
    const darker = { ...copies, x: copies.x.map((value) => Math.round(0.9 * value)) };
    const data = joined(joined(clean, pick(clean, [3])), darker);
    const check = await only("duplicates", { data: withLabels(data, data.y!.with(200, (data.y![3]! + 1) % 4)) }, 5);
    expect(samples(check, "exact-duplicate")).toEqual([200]);
    expect(samples(check, "duplicate-with-other-label")).toEqual([200]);
    expect(samples(check, "near-duplicate").toSorted()).toEqual([201, 202]);
    expect(
      check.findings
        .find(({ rule }) => rule === "near-duplicate")!
        .items.map(({ like }) => like)
        .toSorted(),
    ).toEqual([5, 6]);
    expect(check.findings.map(({ severity }) => severity)).toEqual(["doubt", "fault", "doubt"]);
  });
});

describe("leakage", () => {
  test("a test set drawn apart leaks nothing; rows put into it are found, equal or disguised", async () => {
    const [data, train] = [table(150, 9), table(300, 10)];
    expect((await only("leakage", { data, train })).outcome).toBe("nothing found");
    const jittered = pick(train, [11, 12]);
    const leaked = joined(joined(data, pick(train, [7, 8, 9])), {
      ...jittered,
      x: jittered.x.map((value) => value + 1e-3),
    });
    const check = await only("leakage", { data: leaked, train });
    expect(samples(check, "leaked-exactly")).toEqual([150, 151, 152]);
    expect(samples(check, "leaked-nearly").toSorted()).toEqual([153, 154]);
    expect(check.figures[0]!.value).toBeCloseTo(5 / 155, 12);
  });
  test("a patient in both sets is a fault although no image is", async () => {
    const units = (n: number, from: number): string[] =>
      Array.from({ length: n }, (_, i) => `p${from + Math.floor(i / 5)}`);
    const data = { ...table(50, 11), units: units(50, 0) };
    const check = await only("leakage", { data, train: { ...table(50, 12), units: units(50, 8) } }, 5);
    expect(check.findings[0]).toMatchObject({ rule: "shared-unit", severity: "fault", count: 2, of: 10 });
  });
});

describe("schema and ranges", () => {
  test("missing, infinite and constant cells are told with their places", async () => {
    const data = table(40, 13);
    data.x[3 * 6 + 1] = NaN;
    data.x[4 * 6 + 2] = Infinity;
    for (let i = 0; i < 40; i++) data.x[i * 6 + 5] = 7;
    const check = await only("schema", { data }, 5);
    expect(rules(check)).toEqual(["infinite", "missing", "constant-column"]);
    expect(check.findings[1]!.items).toEqual([{ sample: 3, given: "b: NaN" }]);
    expect(check.findings[2]!.message).toContain('"f"');
  });
  test("a blank picture is a doubt, a constant pixel is none", async () => {
    const data = pictures(40, 14);
    data.x.fill(9, 144, 288);
    for (let i = 0; i < 40; i++) data.x[i * 144] = 0;
    data.x[144] = 9;
    expect(samples(await only("schema", { data }, 5), "blank-image")).toEqual([1]);
  });
  test("values outside the declared range are faults; one in another unit is a doubt", async () => {
    const data = table(200, 15);
    data.x[17 * 6 + 2] = 1000 * data.x[17 * 6 + 2]!;
    const check = await only("ranges", { data, range: [-10, 100] });
    expect(samples(check, "outside-declared-range")).toEqual([17]);
    expect(samples(check, "far-outside")).toEqual([17]);
    expect((await only("ranges", { data: table(200, 15), range: [-10, 100] })).outcome).toBe("nothing found");
  });
});

test("a class with a tenth of another's samples is a doubt, and the smallest class has its interval", async () => {
  const even = table(200, 16);
  expect((await only("class-balance", { data: even })).outcome).toBe("nothing found");
  const rare = withLabels(
    even,
    even.y!.map((_, i) => (i < 10 ? 1 : 0)),
  );
  const check = await only("class-balance", { data: rare });
  expect(rules(check)).toContain("imbalance");
  // Clopper–Pearson for 10 of 200, by scipy.stats.beta.ppf.
  expect(check.figures[1]).toMatchObject({
    value: 0.05,
    low: expect.closeTo(0.0242342, 6),
    high: expect.closeTo(0.0900275, 6),
  });
});

describe("wrong labels", () => {
  const flipped = (data: Records, rate: number, seed: string): { y: Int32Array; which: Set<number> } => {
    const random = rng(seed);
    const which = new Set(random.sample(data.n, Math.round(rate * data.n)));
    const y = data.y!.map((label, i) =>
      which.has(i) ? (label + 1 + random.below(data.classes - 1)) % data.classes : label,
    );
    return { y, which };
  };
  test("where a twentieth is flipped, that is told, the interval holds it, and most of the candidates are the flipped ones", async () => {
    const clean = pictures(600, 17);
    const { y, which } = flipped(clean, 0.05, "flips");
    const check = await only("label-noise", { data: withLabels(clean, y) }, 12);
    expect(check).toMatchObject({ outcome: "found", findings: [{ severity: "doubt" }] });
    const [estimate, held] = check.figures;
    expect(estimate!.low).toBeGreaterThan(0.005);
    expect(estimate!.low).toBeLessThan(0.05);
    expect(estimate!.high).toBeGreaterThan(0.05);
    expect(Math.abs(estimate!.value - 0.05)).toBeLessThan(0.02);
    const candidates = samples(check, "probably-wrong-label");
    expect(candidates.filter((i) => which.has(i)).length).toBeGreaterThanOrEqual(24);
    expect(candidates.slice(0, 20).filter((i) => which.has(i)).length).toBeGreaterThanOrEqual(17);
    expect(held!.value).toBeGreaterThan(0.8);
    // Copies whose labels are right are not accused, but for a twentieth: four of 12 come once in 400.
    expect(check.falseAlarms[0]!.raised.k).toBeLessThanOrEqual(3);
  });
  test("of right labels, at most a twentieth is said to be wrong, and that more would have been told", async () => {
    const check = await only("label-noise", { data: pictures(600, 18) });
    expect(check.outcome).toBe("nothing found");
    expect(check.findings.filter(({ severity }) => severity !== "note")).toEqual([]);
    expect(check.figures[0]!.high).toBeLessThan(0.05);
    const five = check.planted.find(({ fault }) => fault === "5 % of the labels flipped at random")!;
    expect(five.detected.low).toBeGreaterThan(0.5);
  });
  test("where classes cannot be told apart, or overlap much, it cannot tell, accuses nobody, and says how many may be wrong", async () => {
    const data = table(300, 18);
    const random = rng("any");
    const guessed = data.y!.map(() => random.below(5));
    const near = { ...data, x: data.x.map((value, i) => value - (i % 6 < 3 ? 2 * data.y![Math.floor(i / 6)]! : 0)) };
    for (const [of, y, classes] of [
      [data, guessed, 5],
      [near, near.y!, 2],
    ] as const) {
      const check = await only("label-noise", { data: { ...of, y, classes } }, 6);
      expect(check.outcome).toBe("cannot tell");
      expect(check.findings.every(({ severity }) => severity === "note")).toBe(true);
      expect(check.because).toMatch(/of the labels may be wrong: .* would be told/);
      expect(check.figures[0]!.high).toBeGreaterThan(0.05);
    }
  });
  test("labels flipped wherever a sample lies and overlap that is everywhere alike are one to it, and its limits say so", async () => {
    const data = table(2000, 19);
    const check = await only("label-noise", { data: withLabels(data, flipped(data, 0.1, "anywhere").y) }, 1);
    expect(check.outcome).toBe("found");
    expect(check.limits[0]).toContain("classes that overlap everywhere alike");
  });
  test("of a larger set it looks at labels drawn by the seed, and says so", async () => {
    const n = 60_400;
    const random = rng("large");
    const y = Int32Array.from({ length: n }, (_, i) => i % 2);
    const { columns: _, ...small } = table(1, 1);
    const data = {
      ...small,
      n,
      size: 1,
      shape: [1],
      y,
      x: Float64Array.from(y, (label) => 5 * label + random.normal()),
    };
    const check = await only("label-noise", { data }, 0);
    expect(check.n).toBe(60_000);
    expect(check.tried).toContain("60,000 of 60,400 labels, drawn");
    expect(check.figures[0]!.high).toBeLessThan(0.01);
  });
});

describe("shift", () => {
  test("a set of the same kind raises no alarm; one column moved by one deviation does, and is named", async () => {
    const [data, reference] = [table(300, 19), table(300, 20)];
    const same = await only("shift", { data, reference }, 8);
    expect(same.outcome).toBe("nothing found");
    for (let i = 0; i < 300; i++) data.x[i * 6 + 4]! += 1;
    const check = await only("shift", { data, reference }, 5);
    expect(check.findings.find(({ rule }) => rule === "shifted-feature")!.message).toContain("e (KS");
  });
  test("samples added, gone and relabelled are counted by their content", async () => {
    const reference = table(100, 21);
    const kept = pick(
      reference,
      Array.from({ length: 90 }, (_, i) => 99 - i),
    );
    const data = joined(kept, pick(table(5, 22), [0, 1, 2, 3, 4]));
    const check = await only("shift", { data: withLabels(data, data.y!.with(4, 1 - data.y![4]!)), reference }, 5);
    expect(check.findings.find(({ rule }) => rule === "other-samples")!.message).toBe(
      "5 samples added, 10 gone, 90 kept",
    );
    expect(check.findings.find(({ rule }) => rule === "relabelled")!.items).toEqual([
      { sample: 4, like: 95, in: "reference", given: String(1 - kept.y![4]!), expected: String(kept.y![4]) },
    ]);
  });
});

test("a column that is the label is noted, an ordinary table has none", async () => {
  const data = table(200, 23);
  expect(rules(await only("target-leak", { data }))).toEqual([]);
  for (let i = 0; i < 200; i++) data.x[i * 6 + 3] = 100 + 7 * data.y![i]!;
  expect((await only("target-leak", { data })).findings[0]!.message).toMatch(/^"d" alone gives 100 %/);
});

test("a patch in one image of fifty with one label is found with its carriers; the same patch under all labels is none", async () => {
  const data = pictures(400, 24);
  const set = (images: readonly number[]): void => {
    for (const i of images)
      for (const [r, c] of [
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
        [2, 2],
      ])
        data.x[i * 144 + (8 + r!) * 12 + 8 + c!] = r === c ? 255 : 0;
  };
  const clean = await only("trigger-patch", { data });
  expect(clean.outcome).toBe("nothing found");
  expect(clean.says).toContain("no evidence that there is no trigger");
  const carriers = rng("carriers")
    .sample(400, 12)
    .toSorted((a, b) => a - b);
  set(carriers);
  const poisoned = withLabels(
    data,
    data.y!.map((label, i) => (carriers.includes(i) ? 2 : label)),
  );
  const check = await only("trigger-patch", { data: poisoned }, 5);
  expect(samples(check, "patch-with-label")).toEqual(carriers);
  expect((await only("trigger-patch", { data }, 5)).findings).toEqual([]);
});

test("gaps in the declared origin are told one by one, and other bytes are a fault", async () => {
  const data = table(20, 25);
  const full = {
    source: "hospital A",
    collected: "2025-03",
    licence: "internal",
    suppliers: ["hospital A"],
    sha256: data.sha256,
  };
  expect((await only("provenance", { data, declared: full })).outcome).toBe("nothing found");
  expect(rules(await only("provenance", { data, declared: { source: "unknown", suppliers: [] } }))).toEqual([
    "no-origin",
    "no-day-of-collection",
    "no-licence",
    "no-supplier",
    "no-hash",
  ]);
  const other = await only("provenance", { data, declared: { ...full, sha256: "f".repeat(64) } });
  expect(other.findings).toMatchObject([{ rule: "other-bytes", severity: "fault" }]);
});

test("no set is too small, too flat or too broken to be checked: whatever it holds, every check ends with an outcome", async () => {
  const random = rng("odd");
  const cells = [NaN, Infinity, -Infinity, 0, 1, 1, 1e30, -1e-30, 5];
  for (let turn = 0; turn < 24; turn++) {
    const asImages = turn % 3 === 0;
    const [n, size] = [1 + random.below(12), asImages ? 64 : 1 + random.below(5)];
    const values = Float64Array.from({ length: n * size }, () =>
      turn % 4 === 1 ? 7 : cells[random.below(asImages ? 9 : 9)]!,
    );
    const made = (rows: number): Records => ({
      ...(asImages ? pictures(1, 1) : table(1, 1)),
      n: rows,
      x: values.slice(0, rows * size),
      shape: asImages ? [8, 8] : [size],
      size,
      ...(asImages
        ? { grid: { height: 8, width: 8, channels: 1, planes: false } }
        : {
            columns: Array.from({ length: size }, (_, i) =>
              i === 1 ? { name: "word", categories: ["u", "v"] } : { name: `c${i}` },
            ),
          }),
      y: Int32Array.from({ length: rows }, () => random.below(4) - 1),
      classes: 3,
    });
    const whole = made(n);
    if (!asImages && size > 1) for (let i = 0; i < n; i++) whole.x[i * size + 1] = [0, 1, NaN][random.below(3)]!;
    const report = await run(
      { data: whole, train: made(1 + random.below(n)), reference: whole, range: [0, 2], declared: {} },
      4,
    );
    expect(dataReport.safeParse(report).error, `turn ${turn}`).toBeUndefined();
    expect(report.checks).toHaveLength(CHECK_IDS.length);
    // Plain data have a hash: nothing in them is NaN or infinite.
    expect(hashOf(report)).toMatch(/^[0-9a-f]{64}$/);
  }
});

test("with five samples it says that they are too few to tell, not that it would miss many", async () => {
  const check = await only("duplicates", { data: table(5, 3) });
  expect(check).toMatchObject({ outcome: "cannot tell", because: expect.stringContaining("too few samples to tell") });
});

test("why a check was not asked speaks of no flags: reports of an assessment have none", async () => {
  for (const data of [table(20, 1), pictures(20, 1)])
    expect((await run({ data }, 0)).summary.notAsked.join()).not.toContain("--");
});

describe("tables with words", () => {
  const csv = async (text: string): Promise<Records> => {
    const result = await openRecords(filesOf({ "t.csv": text }), { path: "t.csv" });
    return result.status === "opened" ? result.records : expect.unreachable(result.diagnostics[0]!.message);
  };
  test("codes of categories are held to no range, numbers among words are, by their own value", async () => {
    const row = (i: number): string =>
      `${["red", "green", "blue"][i % 3]},${i % 5 === 0 ? "old" : 20 + i},${i},${i % 2}`;
    const data = await csv(`colour,age,dose,y\n${Array.from({ length: 30 }, (_, i) => row(i)).join("\n")}\n`);
    const check = await only("ranges", { data, range: [3, 48] });
    expect(check.findings[0]!.items.map(({ given }) => given)).toEqual(["dose: 0", "dose: 1", "dose: 2", "age: 49"]);
    expect(check).toMatchObject({ n: 60, tried: expect.stringContaining('no range: "colour"') });
    expect(check.planted[0]!.detected).toMatchObject({ k: 20, n: 20 });
  });
  test("where every column is a category no range is asked", async () => {
    const data = await csv("a,b,y\nu,v,0\nw,v,1\nu,x,0\n");
    expect((await only("ranges", { data, range: [0, 1] })).outcome).toBe("not asked");
  });
  test("a word among numbers is one fault, not also a missing value", async () => {
    const data = await csv(
      `a,y\n${Array.from({ length: 20 }, (_, i) => `${i === 4 ? "x" : i},${i % 2}`).join("\n")}\n`,
    );
    expect(rules(await only("schema", { data }))).toEqual(["mixed-type"]);
  });
});
