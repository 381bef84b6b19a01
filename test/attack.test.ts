/** `vauban attack`: one model, no system file. What it prints, what it ends with, and what it says to wrong input. */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createColors } from "picocolors";
import { afterAll, describe, expect, test } from "vitest";
import { attackDocument, type AttackDocument } from "#assessment/index.ts";
import { hashOf } from "#base/hash.ts";
import { writeNpy } from "#formats/writers.testing.ts";
import { attackSummary } from "#cli/attack-summary.ts";
import { attackReport } from "#reports/html/attack.ts";
import { attacked } from "./support/attack.ts";

const temporary = mkdtempSync(join(tmpdir(), "vauban-attack-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));
cpSync(resolve("examples/fixtures/mlp.onnx"), join(temporary, "mlp.onnx"));
cpSync(resolve("examples/fixtures/strokes.npz"), join(temporary, "strokes.npz"));
const launcher = resolve("bin/vauban.cjs");

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function vauban(args: readonly string[], onErr?: (text: string, interrupt: () => void) => void): Promise<Ran> {
  return new Promise((settle) => {
    const child = spawn(process.execPath, ["--no-warnings", launcher, "attack", ...args], {
      cwd: temporary,
      env: { ...process.env, NO_COLOR: "1", CI: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "",
      err = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => {
      err += chunk.toString();
      onErr?.(err, () => child.kill("SIGINT"));
    });
    child.on("close", (code) => settle({ code, out, err }));
  });
}
const STATED = ["--scale", "1/255", "--range", "0..255"];
const QUICK = ["--profile", "quick", "--samples", "24", "--queries", "60"];

describe("a run", () => {
  let document: AttackDocument;
  test("prints exactly one document that fits its schema, and keeps it with its page", async () => {
    const ran = await vauban([
      "mlp.onnx",
      "--data",
      "strokes.npz",
      "--eps",
      "4/255",
      "8/255",
      ...STATED,
      ...QUICK,
      "--json",
    ]);
    expect(ran.code).toBe(0);
    document = attackDocument.parse(JSON.parse(ran.out));
    const { hash, run: _run, ...body } = document;
    expect(document.trials.map(({ eps }) => eps)).toEqual([4 / 255, 8 / 255]);
    const kept = JSON.parse(readFileSync(join(temporary, ".vauban/latest-attack/attack.json"), "utf8"));
    const { hash: keptHash, run: _keptRun, ...keptBody } = kept;
    expect(keptHash).toBe(hash);
    expect(hashOf(keptBody)).toBe(hash);
    // What is printed is what is kept, without its pictures.
    expect(JSON.stringify(body)).not.toContain("data:image");
    expect(JSON.stringify(keptBody)).toContain("data:image");
    expect(ran.err).toMatch(/expected .*about .* for 48 inputs on \d+ workers/);
  });
  test("counts as robust what is still right of all tried, with its interval, between what is certified and what is undecided", () => {
    for (const trial of document.trials) {
      expect(trial).toMatchObject({ norm: "linf", outcome: "measured", n: 24, budget: { profile: "quick" } });
      expect(trial.low!).toBeLessThanOrEqual(trial.k! / trial.n!);
      expect(trial.high!).toBeGreaterThanOrEqual(trial.k! / trial.n!);
      expect(trial.queries).toBeGreaterThan(0);
      expect(trial.sanity.length).toBeGreaterThan(10);
      const { certified, empirical, undecided } = trial.bracket;
      expect(empirical).toMatchObject({ k: trial.k, n: trial.n });
      expect(certified!.k).toBeLessThanOrEqual(trial.k!);
      expect(undecided).toBe(trial.k! - certified!.k);
    }
    expect(document.trials[1]!.k!).toBeLessThanOrEqual(document.trials[0]!.k!);
    // The page's and the document's own figure is that of the largest budget.
    expect(document.bracket).toEqual(document.trials[1]!.bracket);
    expect(document.clean!.accuracy.n).toBeGreaterThan(24);
    expect(document.target.access).toBe("white-box");
  });
  test("again takes everything from the first, and says the same to the hash", async () => {
    const ran = await vauban([
      "mlp.onnx",
      "--data",
      "strokes.npz",
      "--eps",
      "4/255,8/255",
      ...STATED,
      ...QUICK,
      "--json",
    ]);
    const again = JSON.parse(ran.out) as AttackDocument;
    expect(again.run.reused).toEqual(["clean", "linf 4/255", "linf 8/255"]);
    expect(again.hash).toBe(document.hash);
  });
  test("shows one screen with the figure, the doubts and what was not tried", async () => {
    const { out } = await vauban(["mlp.onnx", "--data", "strokes.npz", "--eps", "4/255", ...STATED, ...QUICK]);
    for (const word of ["RESULT", "BOUNDS", "DOUBTS", "TRIED", "NOT TRIED", "REPORT"]) expect(out).toContain(word);
    expect(out.split("\n").length).toBeLessThanOrEqual(30);
    // What should hold and does not is denied, and says why: its name alone reads as if it held.
    const [trial] = document.trials;
    const failing = { check: "a copy was made", passed: false, detail: "profile quick makes none" };
    const told = attackSummary(
      { ...document, trials: [{ ...trial!, sanity: [failing] }] },
      { colours: createColors(false), columns: 120, reportPath: "report.html" },
    );
    expect(told).toContain("DOUBTS    not so: “a copy was made” – profile quick makes none");
  });
  test("has a page that holds every figure, check, note and limit", () => {
    const page = attackReport(document).replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&gt;", ">");
    for (const words of [
      ...document.trials.flatMap(({ sanity, id, seed }) => [
        seed,
        id.split(" ")[1]!,
        ...sanity.map(({ check }) => check),
      ]),
      ...document.notTried.map((what) => what.split("`")[0]!),
      document.hash,
      document.command,
      document.target.sha256.slice(0, 16),
    ])
      expect(page).toContain(words);
  });
});

describe("an expectation", () => {
  const expecting = async (threshold: string): Promise<Ran> =>
    vauban([
      "mlp.onnx",
      "--data",
      "strokes.npz",
      "--eps",
      "0.06",
      ...STATED,
      ...QUICK,
      "--expect",
      threshold,
      "--json",
    ]);
  test("that is missed ends with 1, one that a certificate meets with 0, one that n or the profile cannot show with 2", async () => {
    const missed = await expecting(">= 0.8");
    const trialIn = ({ out }: Ran) => (JSON.parse(out) as AttackDocument).trials[0]!;
    const { k, n, low, bracket } = trialIn(missed);
    expect([missed.code, trialIn(missed).expectation]).toEqual([1, "missed"]);
    const certified = bracket.certified!.low;
    expect(certified).toBeGreaterThan(0.02);
    expect(low!).toBeGreaterThan(certified);
    const met = await expecting(`>= ${(certified * 0.9).toFixed(3)}`);
    expect([met.code, trialIn(met).expectation]).toEqual([0, "met"]);
    // Below what the attacks left, above what is certified: a first look does not show it.
    const looked = await expecting(`>= ${((certified + low!) / 2).toFixed(4)}`);
    expect([looked.code, trialIn(looked).expectation]).toEqual([2, "not shown"]);
    expect(trialIn(looked).expectationBecause).toContain("--profile standard");
    expect((await expecting(`>= ${(k! / n! + 0.01).toFixed(3)}`)).code).toBe(2);
  });
  test("is not met where the clean run is in doubt: a stated reading that a usual one beats leaves every trial inconclusive", async () => {
    const ran = await vauban([
      "mlp.onnx",
      "--data",
      "strokes.npz",
      "--eps",
      "1/255",
      "--range",
      "0..255",
      "--scale",
      "1/2550",
      ...QUICK,
      "--expect",
      ">= 0.01",
      "--json",
    ]);
    expect(ran.code).toBe(2);
    const [trial] = (JSON.parse(ran.out) as AttackDocument).trials;
    expect(trial).toMatchObject({ outcome: "inconclusive", expectation: "not shown" });
    expect(trial!.because).toMatch(/before any attack: .*preprocessing/);
    expect(trial!.sanity.some(({ passed }) => !passed)).toBe(true);
  });
  test("that is none, or can never be shown with so few inputs, is refused before anything is run", async () => {
    for (const [threshold, words] of [
      ["lots", "is not a threshold"],
      ["<= 0.5", "cannot be asked"],
      [">= 0.99", "can never be shown"],
    ] as const) {
      const ran = await expecting(threshold);
      expect(ran.code).toBe(2);
      expect(ran.err).toContain(words);
    }
  });
});

describe("an input nobody described", () => {
  test("is read the way that makes the model right most often, said loudly with the figures of the other ways", async () => {
    const { document } = await attacked(temporary, "mlp.onnx", "strokes.npz", { samples: 12 });
    const { input } = document;
    expect(input.stated).toBe(false);
    expect(input.because).toContain("GUESSED");
    const chosen = input.readings.find((reading) => reading.chosen)!;
    for (const { accuracy } of input.readings) expect(accuracy.k).toBeLessThanOrEqual(chosen.accuracy.k);
    expect(input.readings.length).toBeGreaterThan(2);
    expect(input.contract!.range).toEqual([0, 255]);
  });
  test("and that no usual way makes sense of is attacked not at all, with what to state", async () => {
    const random = Uint8Array.from({ length: 60 * 64 }, (_, i) => (i * 7919) % 251);
    writeFileSync(join(temporary, "x.npy"), writeNpy(random, [60, 1, 8, 8]));
    writeFileSync(
      join(temporary, "y.npy"),
      writeNpy(
        Uint8Array.from({ length: 60 }, (_, i) => i % 5),
        [60],
      ),
    );
    const ran = await vauban(["mlp.onnx", "--data", "x.npy", ...QUICK]);
    expect(ran.code).toBe(2);
    expect(ran.out).toMatch(/inconclusive – nothing was attacked/);
    expect(ran.out.replace(/\s+/g, " ")).toMatch(/state --scale, --mean, --std/);
  });
});

describe("wrong input is refused with what to do about it, and one document with --json", () => {
  writeFileSync(join(temporary, "text.onnx"), "this is no model");
  writeFileSync(join(temporary, "labels.npy"), writeNpy(Uint8Array.of(0, 1, 9), [3]));
  writeFileSync(
    join(temporary, "three.npy"),
    writeNpy(
      Uint8Array.from({ length: 192 }, (_, i) => (i * 37) % 256),
      [3, 1, 8, 8],
    ),
  );
  writeFileSync(
    join(temporary, "wide.npy"),
    writeNpy(
      Uint8Array.from({ length: 243 }, (_, i) => (i * 37) % 256),
      [3, 1, 9, 9],
    ),
  );
  test.each([
    [["absent.onnx", "--data", "strokes.npz"], "absent.onnx does not exist"],
    [["mlp.onnx", "--data", "absent.npz"], "absent.npz does not exist"],
    [["text.onnx", "--data", "strokes.npz"], "text.onnx: not a readable ONNX file"],
    [["mlp.onnx", "--data", "mlp.onnx"], "mlp.onnx"],
    [["mlp.onnx", "--data", "three.npy", "--labels", "labels.npy"], "label 9, but the model knows 5 classes"],
    [["mlp.onnx", "--data", "wide.npy", "--labels", "labels.npy"], "the network takes \\[1, 8, 8\\]"],
    [["mlp.onnx", "--data", "strokes.npz", "--eps", "8"], "larger than the whole input range"],
    [["mlp.onnx", "--data", "strokes.npz", "--range", "255"], "is not a range"],
    [["mlp.onnx", "--data", "strokes.npz", "--scale", "much"], "--scale much is not a number"],
    [["mlp.onnx", "--data", "strokes.npz", "--std", "0"], "standard deviation is above zero"],
    [["mlp.onnx", "--data", "strokes.npz", "--attacks", "squere"], "did you mean square"],
  ])("%j", async (args, words) => {
    const ran = await vauban([...args, ...QUICK, "--json"]);
    expect(ran.code).toBe(2);
    expect(ran.err).toMatch(new RegExp(words));
    expect(JSON.parse(ran.out)).toMatchObject({ format: "vauban/diagnostics/1", ok: false });
    expect(`${ran.out}${ran.err}`).not.toMatch(/\n\s+at .*\(.*:\d+:\d+\)|TypeError|a mistake of ours/);
  });
});

test("Ctrl-C ends with 130 within a second, and the same command goes on from there", async () => {
  const args = [
    "mlp.onnx",
    "--data",
    "strokes.npz",
    "--norm",
    "l2",
    "--eps",
    "0.2",
    "--profile",
    "thorough",
    "--seed",
    "7",
    ...STATED,
    "--json",
    "--samples",
    "200",
  ];
  let at = 0;
  const stopped = await vauban(args, (text, interrupt) => {
    if (at > 0 || !/· evasion/.test(text)) return;
    at = performance.now();
    interrupt();
  });
  expect(performance.now() - at).toBeLessThan(1500);
  expect(stopped.code).toBe(130);
  const document = attackDocument.parse(JSON.parse(stopped.out));
  expect(document.partial).toContain("cancelled");
  expect(document.trials[0]!.outcome).toBe("inconclusive");
});

test("only some attacks of the profile: the figure stands, and says by name that others may find more", async () => {
  const { document } = await attacked(temporary, "mlp.onnx", "strokes.npz", {
    attacks: ["square"],
    input: { integer: false, scale: 1 / 255 },
    samples: 12,
    queries: 50,
  });
  const [trial] = document.trials;
  expect(trial!.attack).toBe("square");
  expect(trial!.outcome).toBe("measured");
  expect(trial!.sanity).toContainEqual(
    expect.objectContaining({ check: "the whole ensemble was brought", passed: false }),
  );
  expect(document.notTried.slice(0, 2).join("; ")).toMatch(
    /other norms: l2, l1, l0; attacks .* in linf: .*apgd.*transfer/,
  );
});
