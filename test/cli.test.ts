/** The command line as a person or a script meets it: exit codes, one document per --json, and what it says to wrong input. */
import { rangeOf } from "#assess/readings.ts";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, describe, expect, test } from "vitest";
import { assessed } from "./support/assess.ts";
import { writableFile } from "#cli/state.ts";
import { schemas } from "#cli/commands/schema.ts";
import { writeNpy } from "#formats/writers.testing.ts";

const temporary = mkdtempSync(join(tmpdir(), "vauban-cli-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const launcher = resolve("bin/vauban.cjs");

function vauban(
  args: readonly string[],
  options: {
    cwd?: string;
    env?: Record<string, string>;
    onErr?: (text: string, kill: () => void) => void;
    /** Streams whose reader has left before anything is written. */
    cut?: readonly ("stdout" | "stderr")[];
  } = {},
): Promise<Ran> {
  return new Promise((settle) => {
    const child = spawn(process.execPath, ["--no-warnings", launcher, ...args], {
      cwd: options.cwd ?? temporary,
      env: { ...process.env, NO_COLOR: "1", CI: "1", ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "",
      err = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => {
      err += chunk.toString();
      options.onErr?.(err, () => child.kill("SIGINT"));
    });
    for (const stream of options.cut ?? []) child[stream].destroy();
    child.on("close", (code) => settle({ code, out, err }));
  });
}

/** A folder of its own with our small fixture in it. */
function fixture(name: string): string {
  const folder = join(temporary, name);
  cpSync(resolve("examples/fixtures"), folder, { recursive: true, filter: (path) => !path.includes(".vauban") });
  return folder;
}
const rewrite = (folder: string, change: (text: string) => string): void => {
  const path = join(folder, "vauban.yaml");
  const before = readFileSync(path, "utf8");
  const after = change(before);
  if (after === before) throw new Error("the fixture no longer holds what this test changes");
  writeFileSync(path, after);
};
/** Without the pinned hashes, so that the bytes themselves are what is wrong. */
const unpinned = (text: string): string => text.replace(/^\s+sha256: .*\n/gm, "");
const QUICK = ["--samples", "20", "--queries", "100"];

/** What no run may ever show its user. */
function expectWords({ err, out, code }: Ran): void {
  expect(`${out}${err}`).not.toMatch(/\n\s+at .*\(.*:\d+:\d+\)|\bTypeError\b|\bReferenceError\b|a mistake of ours/);
  expect(code).not.toBe(0);
  expect(code).not.toBeNull();
}

describe("the commands", () => {
  test("without arguments teach, and end with 0", async () => {
    const { code, out } = await vauban([]);
    expect(code).toBe(0);
    for (const word of [
      "assess",
      "attack",
      "inspect",
      "validate",
      "init",
      "explain",
      "schema",
      "Exit codes",
      "First steps",
    ])
      expect(out).toContain(word);
  });
  test.each(["assess", "attack", "scan", "data", "inspect", "validate", "init", "explain", "schema"])(
    "%s --help names its options and ends with 0",
    async (name) => {
      const { code, out } = await vauban([name, "--help"]);
      expect(code).toBe(0);
      expect(out).toContain("Usage: vauban " + name);
    },
  );
  test("what is assumed of a model's values names the option that says otherwise", async () => {
    const { out } = await vauban(["attack", "--help"]);
    const named = [...rangeOf({ range: { low: -3, high: 300 }, integer: false }).because.matchAll(/--[a-z-]+/g)];
    expect(named.map(([option]) => option)).toEqual(["--range"]);
    expect(out).toContain("--range <low..high>");
  });
  test("a misspelt command is refused with a suggestion", async () => {
    const { code, err } = await vauban(["asess"]);
    expect(code).toBe(2);
    expect(err).toContain("assess");
  });
  test("an option's bad value is refused by name", async () => {
    const ran = await vauban(["assess", ".", "--samples", "many"]);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain('"many" is not a whole number');
  });
});

describe("a reader that leaves early", () => {
  const data = join(temporary, "cut.csv");
  writeFileSync(data, "a,b,label\n1,2,x\n3,,y\n5,6,x\n");
  const looked = ["data", data, "--only", "schema", "--planted", "0", "--fail-on", "doubt"];
  test("turns no verdict and no refusal into 0, and ends no work", async () => {
    const whole = await vauban(looked);
    expect(whole.code).toBe(1);
    expect(whole.err).not.toBe("");
    expect(await vauban(looked, { cut: ["stderr"] })).toEqual({ ...whole, err: "" });
    expect((await vauban(looked, { cut: ["stdout", "stderr"] })).code).toBe(1);
    expect((await vauban(["data", "nowhere.npz"], { cut: ["stderr"] })).code).toBe(2);
  });
  test.skipIf(!existsSync("/dev/full"))("is another thing than results that could not be written", () => {
    const refused = spawnSync(process.execPath, [launcher, "explain", "T-25"], {
      stdio: ["ignore", openSync("/dev/full", "w"), "pipe"],
    });
    expect(refused.status).toBe(2);
    expect(refused.stderr.toString()).toContain("standard output could not be written: ENOSPC");
  });
});

describe("before any work", () => {
  test("an empty path is refused: it is not the current folder", async () => {
    for (const args of [
      ["scan", ""],
      ["scan", ".", "--sarif", ""],
      ["schema", ""],
    ]) {
      const { code, err, out } = await vauban(args);
      expect({ code, out }).toEqual({ code: 2, out: "" });
      expect(err).toMatch(/^error {2}(path|--sarif|name) is empty\n/);
    }
  });
  test("a result that could not be written is refused, and nothing is made", async () => {
    writeFileSync(join(temporary, "plain.txt"), "text");
    await expect(writableFile("--sarif", ".", temporary)).rejects.toThrow("--sarif . is a folder");
    await expect(writableFile("--sarif", "plain.txt/a.sarif", temporary)).rejects.toThrow("which is no folder");
    await expect(writableFile("--sarif", "/dev/null", temporary)).rejects.toThrow("no ordinary file");
    await writableFile("--sarif", "new/deep/a.sarif", temporary);
    await writableFile("--sarif", "plain.txt", temporary);
    expect(existsSync(join(temporary, "new"))).toBe(false);
  });
  test("scan says so before it reads the first file", async () => {
    const { code, err, out } = await vauban(["scan", "plain.txt", "--sarif", "."]);
    expect({ code, out, err }).toEqual({
      code: 2,
      out: "",
      err: "error  --sarif . is a folder\n  remedy: name a file in it\n",
    });
  });
});

describe("assess", () => {
  test("ends with the outcome's code, keeps its documents, and repeats itself to the hash", async () => {
    const folder = fixture("plain");
    const first = await vauban(["assess", folder, ...QUICK]);
    expect(first.code).toBe(1);
    expect(first.out).toContain("OUTCOME   not met (by analogy");
    expect(first.out.split("\n").length).toBeLessThanOrEqual(28);
    const latest = join(folder, ".vauban", "latest");
    expect(readdirSync(latest).toSorted()).toEqual([
      "assessment.json",
      "bom.cdx.json",
      "evidence",
      "report.html",
      "results.sarif",
    ]);
    const before = JSON.parse(readFileSync(join(latest, "assessment.json"), "utf8"));
    const again = await vauban(["assess", folder, ...QUICK, "--json"]);
    const after = JSON.parse(again.out);
    expect(after.hash).toBe(before.hash);
    expect(after.run.reused.length).toBeGreaterThan(0);
    const fresh = JSON.parse((await vauban(["assess", folder, ...QUICK, "--json", "--fresh"])).out);
    expect(fresh.run.reused).toEqual([]);
    expect(fresh.hash).toBe(before.hash);
    const other = JSON.parse((await vauban(["assess", folder, ...QUICK, "--json", "--seed", "2"])).out);
    expect(other.hash).not.toBe(before.hash);
  });
  test("--only leaves the rest untested, and says so", async () => {
    const folder = fixture("only");
    const { body } = JSON.parse((await vauban(["assess", folder, ...QUICK, "--json", "--only", "clean"])).out);
    expect(body.partial).toEqual({
      reason: "limited by --only",
      untested: ["small-changes", "scan@sorter", "scan@strokes", "data@strokes"],
    });
    expect(body.outcome.exit).toBe(2);
  });
  test("--out moves everything it writes", async () => {
    const folder = fixture("moved");
    await vauban(["assess", folder, ...QUICK, "--out", join(temporary, "elsewhere")]);
    expect(existsSync(join(temporary, "elsewhere", "latest", "report.html"))).toBe(true);
    expect(existsSync(join(folder, ".vauban"))).toBe(false);
  });
  test("Ctrl-C keeps what was measured and ends with 130", async () => {
    const folder = fixture("interrupted");
    rewrite(folder, (text) =>
      text
        .replace("samples", "samples")
        .replace(
          /tests:\n/,
          'tests:\n  - { evasion: sorter, norm: l2, eps: 0.5, robust-accuracy: ">= 0.1", because: long enough to be interrupted, queries: 100000 }\n',
        ),
    );
    let asked = false;
    const ran = await vauban(["assess", folder, "--workers", "1"], {
      onErr: (text, kill) => {
        if (!asked && text.includes("evasion")) {
          asked = true;
          kill();
        }
      },
    });
    expect(ran.code).toBe(130);
    expect(ran.out).toContain("partial: cancelled by the user");
    const { body } = JSON.parse(readFileSync(join(folder, ".vauban", "latest", "assessment.json"), "utf8"));
    expect(
      body.evidence.some((item: { outcome: { because?: string } }) => item.outcome.because === "untested: cancelled"),
    ).toBe(true);
  });
  test("leaves nothing outside its folder: no telemetry of the inference runtime, even where nothing forbids it", async () => {
    const folder = fixture("silent");
    const home = join(temporary, "home");
    mkdirSync(home);
    const unmarked = Object.fromEntries(
      ["CI", "GITHUB_ACTIONS", "TF_BUILD", "BUILD_ID", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"].map((name) => [
        name,
        "",
      ]),
    );
    const ran = await vauban(["assess", folder, ...QUICK], { env: { ...unmarked, HOME: home } });
    expect(ran.code).toBe(1);
    expect(readdirSync(home)).toEqual([]);
  });
  test("--only keeps the clean run, and refuses a name that there is not", async () => {
    const folder = fixture("only-named");
    const { body } = JSON.parse((await vauban(["assess", folder, ...QUICK, "--json", "--only", "evasion"])).out);
    expect(body.partial.untested).toEqual(["scan@sorter", "scan@strokes", "data@strokes"]);
    expect(body.evidence.find(({ trial }: { trial?: string }) => trial === "clean@sorter").outcome.status).toBe(
      "measured",
    );
    const ran = await vauban(["assess", folder, "--only", "evasoin"]);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain("did you mean evasion");
  });
  test("a full disk is said, with the remedy, and nothing half-written is left", async (context) => {
    const folder = fixture("full-disk");
    const small = join(temporary, "small-disk");
    mkdirSync(small);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=96k", "tmpfs", small], { stdio: "pipe" });
    } catch {
      return context.skip("mounting a small disk needs privileges this machine does not give");
    }
    try {
      const ran = await vauban(["assess", folder, ...QUICK, "--out", small]);
      expectWords(ran);
      expect(ran.code).toBe(2);
      expect(ran.err).toContain("the disk is full");
      expect(ran.err).toContain("--out");
      expect(execFileSync("find", [small, "-name", "*.part"]).toString()).toBe("");
    } finally {
      execFileSync("umount", [small]);
    }
  });
  test("each document fits its published schema", async () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    const folder = fixture("schemas");
    const schemaOf = async (name: string) => ajv.compile(JSON.parse((await vauban(["schema", name])).out));
    const assessment = await schemaOf("assessment");
    const document = JSON.parse((await vauban(["assess", folder, ...QUICK, "--json"])).out);
    expect(assessment(document), JSON.stringify(assessment.errors?.slice(0, 3))).toBe(true);
    expect(assessment({ ...document, hash: "no hash" })).toBe(false);
    const diagnostics = await schemaOf("diagnostics");
    expect(diagnostics(JSON.parse((await vauban(["validate", folder, "--json"])).out))).toBe(true);
    const explanation = await schemaOf("explanation");
    expect(explanation(JSON.parse((await vauban(["explain", "T-25", "--json"])).out))).toBe(true);
  });
});

describe("wrong input ends in words and a code, never in a stack trace", () => {
  test("no system file", async () => {
    const ran = await vauban(["assess", join(temporary, "nowhere")]);
    expectWords(ran);
    expect(ran.err).toContain("vauban init");
  });
  test("a folder without one", async () => {
    mkdirSync(join(temporary, "empty"));
    const ran = await vauban(["assess", join(temporary, "empty")]);
    expectWords(ran);
    expect(ran.err).toContain("holds no vauban.yaml");
  });
  test("broken YAML", async () => {
    const folder = fixture("broken-yaml");
    rewrite(folder, (text) => text.replace("stage: development", "stage: [development"));
    const ran = await vauban(["assess", folder]);
    expectWords(ran);
    expect(ran.err).toMatch(/vauban\.yaml:\d+:\d+ {2}E\d+/);
    expect(ran.err).toContain("nothing was run");
  });
  test("a 10 MB line", async () => {
    const folder = fixture("long-line");
    rewrite(folder, (text) => `${text}\n# ${"x".repeat(10 * 2 ** 20)}\n`);
    const ran = await vauban(["assess", folder]);
    expectWords(ran);
    expect(ran.err).toMatch(/vauban\.yaml:\d+:\d+/);
    expect(ran.err.length).toBeLessThan(4000);
  });
  test("a folder for a file", async () => {
    const folder = fixture("folder-for-file");
    rewrite(folder, (text) => unpinned(text).replace("artefact: mlp.onnx", "artefact: model"));
    mkdirSync(join(folder, "model"));
    const ran = await vauban(["assess", folder]);
    expectWords(ran);
    expect(ran.err).toMatch(/folder/);
  });
  test("a model truncated at each kilobyte", async () => {
    const folder = fixture("truncated");
    rewrite(folder, unpinned);
    const whole = readFileSync(join(folder, "mlp.onnx"));
    const text = readFileSync(join(folder, "vauban.yaml"), "utf8");
    // One state for all: what was measured of the data, which stay as they are, is taken over.
    const state = join(folder, ".vauban");
    for (let at = 0; at < whole.length; at += 1024) {
      writeFileSync(join(folder, "mlp.onnx"), whole.subarray(0, at));
      const { body } = await assessed(text, folder, { samples: 20, queries: 100, state, workers: 1 });
      const trials = body.evidence.filter(({ trial }) => trial !== undefined && !/^(scan|data)@/.test(trial));
      expect(trials.map(({ outcome }) => outcome.status)).toEqual(trials.map(() => "inconclusive"));
      expect(body.outcome.exit).toBe(2);
    }
    const ran = await vauban(["assess", folder, ...QUICK]);
    expectWords(ran);
    expect(ran.out).toMatch(/inconclusive/);
  });
  const withData = (name: string, x: Uint8Array, y: Uint8Array): string => {
    const folder = fixture(name);
    rewrite(folder, (text) => unpinned(text).replace("path: strokes.npz", "path: x.npy\n    labels: y.npy"));
    writeFileSync(join(folder, "x.npy"), x);
    writeFileSync(join(folder, "y.npy"), y);
    return folder;
  };
  const labels = (n: number, value = 0): Uint8Array => writeNpy(new Uint8Array(n).fill(value), [n]);
  test("wrong shapes", async () => {
    const ran = await vauban([
      "assess",
      withData(
        "shapes",
        writeNpy(
          new Uint8Array(30 * 25).map((_, i) => i % 251),
          [30, 1, 5, 5],
        ),
        labels(30),
      ),
      ...QUICK,
    ]);
    expectWords(ran);
    expect(ran.out).toMatch(/inconclusive/);
    expect(ran.out).toMatch(/shape|5/);
  });
  test("NaN data", async () => {
    const x = new Float32Array(30 * 64).map((_, i) => i % 255);
    x[100] = Number.NaN;
    const ran = await vauban(["assess", withData("nan", writeNpy(x, [30, 1, 8, 8]), labels(30)), ...QUICK]);
    expectWords(ran);
    expect(ran.out).toMatch(/NaN/);
  });
  test("labels out of range", async () => {
    const ran = await vauban([
      "assess",
      withData(
        "labels",
        writeNpy(
          new Uint8Array(30 * 64).map((_, i) => i % 251),
          [30, 1, 8, 8],
        ),
        labels(30, 9),
      ),
      ...QUICK,
    ]);
    expectWords(ran);
    expect(ran.out).toMatch(/out of range/);
  });
  test("a file that changed since it was described is not measured", async () => {
    const folder = fixture("changed");
    const model = readFileSync(join(folder, "mlp.onnx"));
    model[model.length >> 1]! ^= 1;
    writeFileSync(join(folder, "mlp.onnx"), model);
    const ran = await vauban(["assess", folder, ...QUICK]);
    expectWords(ran);
    expect(ran.out.replace(/\s+/g, " ")).toContain("is not the file declared");
  });
  test("with --json it is one document as well", async () => {
    const folder = fixture("json-error");
    rewrite(folder, (text) => text.replace("kind: model", "kind: modl"));
    const ran = await vauban(["assess", folder, "--json"]);
    expect(ran.code).toBe(2);
    expect(JSON.parse(ran.out)).toMatchObject({ format: "vauban/diagnostics/1", ok: false });
  });
});

describe("init, explain, schema", () => {
  test("init proposes what it finds, and what it writes assesses", async () => {
    const folder = join(temporary, "fresh");
    mkdirSync(folder);
    for (const file of ["mlp.onnx", "strokes.npz"]) cpSync(resolve("examples/fixtures", file), join(folder, file));
    const wrote = await vauban(["init", folder, "--json"]);
    expect(wrote.code).toBe(0);
    expect(JSON.parse(wrote.out)).toMatchObject({
      format: "vauban/init/1",
      found: { models: ["mlp.onnx"], datasets: ["strokes.npz"] },
    });
    expect((await vauban(["validate", folder])).code).toBe(0);
    const ran = await vauban(["assess", folder, ...QUICK]);
    expect(ran.code).toBe(2);
    expect(ran.out).toContain("no accuracy is declared");
    const screen = ran.out.replaceAll(/\s+/g, " ");
    expect(screen).toContain("but it counts for nothing yet: no accuracy is declared");
    expect(screen).not.toMatch(/% (met|missed|not shown)/);
    expect(screen).toMatch(/NEXT mlp: declare at it .*`accuracy: \{ declared: <0 to 1>, on: <data set> \}`/);
    const refused = await vauban(["init", folder]);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("--force");
  });
  test.each(["vision", "tabular", "forecasting", "assistant"])(
    "the %s starter reads without an error, even in an empty folder",
    async (kind) => {
      const folder = join(temporary, `starter-${kind}`);
      const wrote = await vauban(["init", folder, "--kind", kind, "-y"]);
      expect(wrote.err).toBe("");
      expect(wrote.code).toBe(0);
      const ran = await vauban(["assess", folder]);
      expect(ran.code).toBe(2);
      expect(ran.out).toContain("cannot conclude");
    },
  );
  test.each(["T-25", "C-30", "C-31", "AIA-15.5-c-AE", "A4.2h", "CRA-I.I.2-a", "AT-7", "E012", "not-tried", "evasion"])(
    "explain %s has something to say",
    async (id) => {
      const { code, out } = await vauban(["explain", id]);
      expect(code).toBe(0);
      expect(out.split("\n").length).toBeGreaterThan(2);
    },
  );
  test("explain finds a finding of the last run", async () => {
    const folder = fixture("explained");
    await vauban(["assess", folder, ...QUICK]);
    const { code, out } = await vauban(["explain", "F-threshold:small-changes", "--system", folder]);
    const [, id] = /Evidence (ev-\w+): vauban explain \1 --system /.exec(out)!;
    const told = await vauban(["explain", id!, "--system", folder]);
    expect(told.out).toMatch(/Measured:\n[^]*robust accuracy: \d+\/\d+/);
    expect(told.out).not.toMatch(/\\u000a|[{}]/);
    expect(JSON.parse((await vauban(["explain", id!, "--system", folder, "--json"])).out).evidence.id).toBe(id);
    expect(code).toBe(0);
    expect(out).toContain("Threshold of small-changes missed");
  });
  test("with --json a refusal is one document as well", async () => {
    for (const args of [
      ["explain", "T-99", "--json"],
      ["validate", join(temporary, "nowhere"), "--json"],
    ]) {
      const ran = await vauban(args);
      expect(ran.code).toBe(2);
      expect(JSON.parse(ran.out)).toMatchObject({ ok: false, diagnostics: [{ code: "E900" }] });
    }
  });
  test("explain knows the rules of the scan, and every word that --json prints for a refusal", async () => {
    const rule = await vauban(["explain", "pickle-harmful-call"]);
    expect(rule.code).toBe(0);
    for (const words of ["What was seen: ", "What would happen: ", "What to do: Do not load", "Source: Lib/pickle.py"])
      expect(rule.out).toContain(words);
    expect((await vauban(["explain", "e900"])).out).toContain("the command could not be carried out");
    expect((await vauban(["explain", "E412"])).out).toContain("messages about data");
    const near = await vauban(["explain", "harmful"]);
    expect([near.code, near.err]).toEqual([2, expect.stringMatching(/did you mean pickle-harmful-call, .* or /)]);
  });
  test("explain suggests what was meant", async () => {
    const { code, err } = await vauban(["explain", "AIA-15.5-c-EA"]);
    expect(code).toBe(2);
    expect(err).toContain("did you mean AIA-15.5-c-AE");
  });
  test("schema lists what it has and refuses what it has not", async () => {
    const { out } = await vauban(["schema"]);
    for (const name of ["system", "assessment", "evidence", "statement"]) expect(out).toContain(name);
    expect((await vauban(["schema", "sytem"])).err).toContain('did you mean "system"');
  });
  test("every format that a command prints or a file is written in has a schema of its name", () => {
    const source = readdirSync("src", { recursive: true, encoding: "utf8" })
      .filter((path) => /^(cli|assessment|imports|system|artefacts)\b.*(?<!\.test)\.ts$/.test(path))
      .map((path) => readFileSync(join("src", path), "utf8"))
      .join("\n");
    const formats = new Set([...source.matchAll(/"vauban\/([\w-]+)\/\d"/g)].map(([, name]) => name!));
    expect(formats).toContain("import");
    expect([...formats].filter((name) => !schemas().has(name))).toEqual([]);
  });
  test("a misspelt command below another is told, not taken for a system", async () => {
    const { code, err } = await vauban(["bom", "chek", "a.cdx.json"]);
    expect([code, err]).toEqual([2, expect.stringContaining("Did you mean check?")]);
  });
});
