/** `vauban verify`: whether a property holds for a model in every input of a box, with a counterexample where it does not. */
import { resolve } from "node:path";
import type { Shard, ShardResults } from "#assess/shard.ts";
import { HostError, WorkerDied } from "#base/ports.ts";
import { VERIFY_FORMAT, type VerifyDocument } from "#assessment/verification.ts";
import { filesHere, localHost, writeWhole } from "#host/index.ts";
import type { Invocation, VerifyFlags } from "#cli/main.ts";
import { progressView } from "#cli/progress.ts";
import { writableFile } from "#cli/state.ts";
import { EXIT, plain, type ExitCode, type Terminal } from "#cli/terminal.ts";
import { VERSION } from "#cli/version.ts";

/** The worker ends by itself at the timeout; one that a single call of the runtime holds longer is ended from here. */
const GRACE_SECONDS = 10;

const VERDICTS = { holds: EXIT.fine, violated: EXIT.finding, unknown: EXIT.inconclusive } as const;

export async function verifyCommand(
  { terminal, signal, json, quiet }: Invocation,
  model: string,
  property: string,
  flags: VerifyFlags,
): Promise<ExitCode> {
  if (flags.counterexample !== undefined) await writableFile("--counterexample", flags.counterexample);
  const document = await decided({ terminal, signal, quiet }, model, property, flags);
  if (flags.counterexample !== undefined && document.counterexample)
    await writeWhole(resolve(flags.counterexample), inCompetitionFormat(document.counterexample));
  if (json) terminal.out(`${JSON.stringify(document, null, 2)}\n`);
  else terminal.out(summary(document, flags, terminal));
  return VERDICTS[document.verdict];
}

async function decided(
  { terminal, signal, quiet }: Pick<Invocation, "terminal" | "signal" | "quiet">,
  model: string,
  property: string,
  { timeout, subproblems, seed }: VerifyFlags,
): Promise<VerifyDocument> {
  const files = filesHere();
  const described = async (path: string, what: string) => {
    if (!(await files.stat(path)))
      throw new HostError(
        `${what}: ${path} does not exist`,
        "check the spelling; paths are relative to the current folder",
      );
    const source = await files.open(path);
    return { path, sha256: await source.sha256(), size: source.size };
  };
  const of = await described(model, "the model");
  const { size: _size, ...about } = await described(property, "the property");
  const view = progressView(terminal, () => performance.now(), quiet);
  const host = localHost(process.cwd(), resolve(".vauban"), 1);
  const began = performance.now();
  const said = { stage: "verify", item: property, total: timeout };
  const tick = setInterval(() => {
    const done = (performance.now() - began) / 1000;
    if (done < timeout) view.report({ ...said, label: `${property} (${words})`, done });
  }, 500);
  let words = "attack";
  const late = AbortSignal.timeout(1000 * (timeout + GRACE_SECONDS));
  try {
    const plan = { model, property, secondsMax: timeout, nodesMax: subproblems, seed };
    const result = await host.models.run<ShardResults["verify"]>({ kind: "verify", plan } satisfies Shard, {
      signal: AbortSignal.any([signal, late]),
      onProgress: (_done, _total, note) => void (words = note ?? words),
    });
    if (result.status === "refused") throw new HostError(result.because);
    const { verification, inputs, outputs, parts, notes } = result;
    return {
      format: VERIFY_FORMAT,
      tool: { name: "vauban", version: VERSION },
      model: of,
      property: { ...about, inputs, outputs, parts },
      verdict: verification.verdict,
      ...(verification.verdict === "unknown" ? { because: verification.because } : {}),
      method: verification.method,
      ...(verification.verdict === "violated"
        ? { counterexample: { input: [...verification.input], outputs: [...verification.outputs] } }
        : {}),
      subproblems: verification.nodes,
      bounded: verification.bounded,
      queries: verification.queries,
      budget: { seconds: timeout, subproblems },
      seed,
      notes: [...notes],
      run: { seconds: (performance.now() - began) / 1000, runtime: host.models.runtimeVersion },
    };
  } catch (error) {
    if (late.aborted && !signal.aborted)
      throw new HostError(
        `${model} could not be decided: a call of the runtime did not end ${GRACE_SECONDS} s after the time was up`,
        "the model is too large for this machine and this time",
      );
    if (error instanceof WorkerDied) throw new HostError(`${model} could not be decided: ${error.message}`);
    throw error;
  } finally {
    clearInterval(tick);
    view.close();
    await host.models.close();
  }
}

/** One value a line, as the verification competitions write counterexamples. */
function inCompetitionFormat({ input, outputs }: NonNullable<VerifyDocument["counterexample"]>): string {
  const lines = [...input.map((value, i) => `(X_${i} ${value})`), ...outputs.map((value, j) => `(Y_${j} ${value})`)];
  return `(${lines.join("\n")})\n`;
}

const SHOWN = 8;

function summary(document: VerifyDocument, flags: VerifyFlags, { colours: c }: Terminal): string {
  const { verdict, because, method, counterexample, subproblems, bounded, queries, run } = document;
  const title =
    verdict === "holds"
      ? c.green(c.bold("holds"))
      : verdict === "violated"
        ? c.red(c.bold("violated"))
        : c.yellow(c.bold("unknown"));
  const listed = (values: readonly number[]): string =>
    values
      .slice(0, SHOWN)
      .map((value) => value.toPrecision(5))
      .join(", ") + (values.length > SHOWN ? `, … (${values.length})` : "");
  const lines = [
    `VERDICT    ${title} – ${plain(document.property.path)} of ${plain(document.model.path)}`,
    verdict === "holds"
      ? `BY         ${method}: no input of the box, in exact arithmetic and with room for float32, violates it`
      : verdict === "violated"
        ? `BY         ${method}: found, and confirmed by running the model again`
        : `BECAUSE    ${because}${method === "none" ? "" : `; came as far as ${method}`}`,
  ];
  if (counterexample) {
    lines.push(`INPUT      ${listed(counterexample.input)}`, `OUTPUT     ${listed(counterexample.outputs)}`);
    lines.push(
      flags.counterexample === undefined
        ? "           --counterexample <file> or --json give it whole"
        : `           whole in ${plain(flags.counterexample)}`,
    );
  }
  lines.push(
    `EFFORT     ${subproblems} subproblems, ${bounded} linear functions bounded, ${queries} queries, ${run.seconds.toFixed(1)} s`,
  );
  if (verdict === "unknown") lines.push(`NEXT       more time (--timeout) or more subproblems (--subproblems)`);
  return `${lines.join("\n")}\n`;
}
