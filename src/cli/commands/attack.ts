/** `vauban attack`: one model and its data, no system file; an honest figure that doubts itself by name. */
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { attack, attacksOf, withoutPictures, type AttackRequest } from "#assess/attack.ts";
import type { StatedInput } from "#assess/readings.ts";
import { nearest } from "#base/diagnostics.ts";
import { HostError } from "#base/ports.ts";
import { rng } from "#base/random.ts";
import type { AttackDocument } from "#assessment/index.ts";
import { attackExit } from "#figures/attacked.ts";
import { filesHere, localHost, writeWhole } from "#host/index.ts";
import { attackReport } from "#reports/html/attack.ts";
import { readFraction, readThreshold } from "#system/quantities.ts";
import { attackSummary } from "#cli/attack-summary.ts";
import type { AttackFlags, Invocation } from "#cli/main.ts";
import { progressView } from "#cli/progress.ts";
import { shortPath, writable } from "#cli/state.ts";
import { rangeIn } from "#cli/range.ts";
import { EXIT, type ExitCode } from "#cli/terminal.ts";
import { VERSION } from "#cli/version.ts";

/** Budgets of the field where none is named: RobustBench's for CIFAR-10 in linf and l2; AutoAttack's for l1. */
const USUAL_EPS = { linf: "8/255", l2: "0.5", l1: "12", l0: "24" } as const;

export async function attackCommand(
  { terminal, signal, json, quiet }: Invocation,
  model: string,
  flags: AttackFlags,
): Promise<ExitCode> {
  const state = resolve(flags.out ?? ".vauban");
  const began = new Date();
  const view = progressView(terminal, () => performance.now(), quiet);
  const request: AttackRequest = {
    model,
    data: flags.data,
    ...(flags.labels === undefined ? {} : { labels: flags.labels }),
    ...(flags.classes === undefined ? {} : { classes: await classesOf(flags.classes) }),
    ...(flags.head === undefined ? {} : { head: flags.head }),
    input: statedInput(flags),
    norm: flags.norm,
    eps: flags.eps ?? [USUAL_EPS[flags.norm]],
    profile: flags.profile,
    ...(flags.attacks === undefined ? {} : { attacks: namedAttacks(flags) }),
    samples: flags.samples,
    ...(flags.queries === undefined ? {} : { queries: flags.queries }),
    seed: flags.seed,
    ...(flags.expect === undefined ? {} : { expect: expectation(flags.expect, flags.samples) }),
    ...(flags.smoothing === undefined ? {} : { smoothing: positive("--smoothing", flags.smoothing) }),
    fresh: flags.fresh ?? false,
    version: VERSION,
    platform: `${process.platform}-${process.arch}`,
    command: commandLine(model, flags),
    started: began.toISOString(),
    tell: (mark, stage, text) => view.finish(mark, stage, text),
  };
  await present(model, "the model");
  await present(flags.data, "--data");
  if (flags.labels !== undefined) await present(flags.labels, "--labels");
  await writable(state);
  const host = localHost(process.cwd(), state, flags.workers);
  try {
    const { document, cancelled } = await attack(
      { signal, rng: rng(flags.seed), ports: host, progress: (step) => view.report(step) },
      request,
    );
    view.close();
    const kept = await keep(document, state);
    if (json) terminal.out(`${JSON.stringify(withoutPictures(document), null, 2)}\n`);
    else
      terminal.out(
        attackSummary(document, {
          colours: terminal.colours,
          columns: terminal.columns,
          reportPath: shortPath(join(kept, "report.html")),
        }),
      );
    return cancelled ? EXIT.cancelled : attackExit(document);
  } finally {
    view.close();
    await host.models.close();
  }
}

async function present(path: string, what: string): Promise<void> {
  if (!(await filesHere().stat(path)))
    throw new HostError(
      `${what}: ${path} does not exist`,
      "check the spelling; paths are relative to the current folder",
    );
}

function statedInput({ range, scale, mean, std, layout, integer = false }: AttackFlags): StatedInput {
  const numbers = (option: string, values: readonly string[] | undefined): number[] | undefined =>
    values?.map((value) => numberIn(option, value));
  const means = numbers("--mean", mean);
  const stds = numbers("--std", std);
  if (stds?.some((value) => !(value > 0)))
    throw new HostError(
      `--std ${std!.join(",")}: a standard deviation is above zero`,
      "write one value, or one per channel",
    );
  const bounds = range === undefined ? undefined : rangeIn(range);
  if (integer && bounds?.some((bound) => !Number.isInteger(bound)))
    throw new HostError("--integer needs a range of whole numbers", "write --range 0..255");
  return {
    ...(layout === undefined ? {} : { layout }),
    ...(bounds === undefined ? {} : { range: bounds }),
    ...(scale === undefined ? {} : { scale: numberIn("--scale", scale) }),
    ...(means === undefined ? {} : { mean: means }),
    ...(stds === undefined ? {} : { std: stds }),
    integer,
  };
}

function numberIn(option: string, written: string): number {
  const value = written.includes("/") ? readFraction(written) : Number(written);
  if (written.trim() === "" || !Number.isFinite(value))
    throw new HostError(`${option} ${written} is not a number`, "write 0.485 or 1/255");
  return value;
}

function positive(option: string, written: string): number {
  const value = numberIn(option, written);
  if (value > 0) return value;
  throw new HostError(`${option} ${written} is not above zero`, "write a fraction of the input range, such as 0.25");
}

function expectation(written: string, samples: number): NonNullable<AttackRequest["expect"]> {
  const read = readThreshold(written, ">=", "--expect", samples);
  if ("message" in read) throw new HostError(read.message, read.hint);
  return read;
}

function namedAttacks({ attacks = [], profile, norm }: AttackFlags): string[] {
  const known = attacksOf(profile, norm);
  for (const name of attacks)
    if (!known.includes(name)) {
      const meant = nearest(name, known);
      throw new HostError(
        `--attacks ${name}: profile ${profile} brings no such attack in ${norm}`,
        `${meant ? `did you mean ${meant}? ` : ""}it brings ${known.join(", ")}`,
      );
    }
  return attacks;
}

/** Names between commas, or a file that holds them: one a line, or a JSON list. */
async function classesOf(words: readonly string[]): Promise<string[]> {
  const [only] = words;
  const files = filesHere();
  if (words.length !== 1 || only === undefined || (await files.stat(only))?.kind !== "file") return [...words];
  const text = new TextDecoder().decode(await files.readWhole(only, 2 ** 20));
  try {
    const listed: unknown = JSON.parse(text);
    if (Array.isArray(listed)) return listed.map(String);
  } catch {
    // Not JSON: one name a line.
  }
  const names = text.split(/\r?\n/).map((line) => line.trim());
  while (names.at(-1) === "") names.pop();
  if (names.length === 0)
    throw new HostError(`--classes ${only} holds no names`, "write one class a line, in the model's order");
  return names;
}

/** Writes the run's documents, each whole, and points `latest-attack` at them. Returns the folder to show. */
async function keep(document: AttackDocument, state: string): Promise<string> {
  const id = `${document.run.started.replace(/[:.]/g, "-")}-${document.hash.slice(0, 8)}`;
  const folder = join(state, "attacks", id);
  await mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new HostError(`${folder} could not be made: ${error.code ?? error.message}`, "write elsewhere with --out");
  });
  await writeFile(join(state, ".gitignore"), "*\n", { flag: "wx" }).catch(() => {});
  await writeWhole(join(folder, "attack.json"), `${JSON.stringify(document, null, 1)}\n`);
  await writeWhole(join(folder, "report.html"), attackReport(document));
  const latest = join(state, "latest-attack");
  try {
    await rm(latest, { force: true, recursive: false });
    await symlink(join("attacks", id), latest, "dir");
    return latest;
  } catch {
    return folder;
  }
}

/** The command that makes this document again, without what only says where to write and how fast. */
function commandLine(model: string, flags: AttackFlags): string {
  const quoted = (text: string): string => (/^[\w./,:+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
  const parts = ["vauban attack", quoted(model), `--data ${quoted(flags.data)}`];
  const say = (name: string, value: string | number | undefined): void => {
    if (value !== undefined) parts.push(`--${name} ${quoted(String(value))}`);
  };
  say("labels", flags.labels);
  say("norm", flags.norm);
  parts.push(`--eps ${(flags.eps ?? [USUAL_EPS[flags.norm]]).map(quoted).join(" ")}`);
  say("profile", flags.profile);
  say("attacks", flags.attacks?.join(","));
  say("samples", flags.samples);
  say("queries", flags.queries);
  say("seed", flags.seed);
  say("expect", flags.expect);
  say("range", flags.range);
  say("scale", flags.scale);
  say("mean", flags.mean?.join(","));
  say("std", flags.std?.join(","));
  say("layout", flags.layout);
  if (flags.integer) parts.push("--integer");
  say("classes", flags.classes?.join(","));
  say("head", flags.head);
  say("smoothing", flags.smoothing);
  return parts.join(" ");
}
