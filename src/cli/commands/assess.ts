/** `vauban assess`: the main job, from a system file to a report. */
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { BOM_FILE } from "#assess/bom.ts";
import { assess } from "#assess/index.ts";
import { isError } from "#base/diagnostics.ts";
import { HostError } from "#base/ports.ts";
import { rng } from "#base/random.ts";
import type { Assessment } from "#assessment/index.ts";
import { localHost, writeWhole } from "#host/index.ts";
import { htmlReport } from "#reports/html/index.ts";
import { sarifReport } from "#reports/sarif.ts";
import type { AssessFlags, Invocation } from "#cli/main.ts";
import { assessmentPieces } from "#cli/assessment-file.ts";
import { diagnosticsText } from "#cli/diagnostics.ts";
import { progressView } from "#cli/progress.ts";
import { summary } from "#cli/summary.ts";
import { placeIn, SYSTEM_FILE, systemFile } from "#cli/system-file.ts";
import { shortPath, writable } from "#cli/state.ts";
import { EXIT, type ExitCode } from "#cli/terminal.ts";
import { VERSION } from "#cli/version.ts";

export async function assessCommand(
  { terminal, signal, json, quiet }: Invocation,
  named: string,
  flags: AssessFlags,
): Promise<ExitCode> {
  const file = await systemFile(named);
  const state = flags.out ? resolve(flags.out) : join(file.folder, ".vauban");
  const asOf = flags.asOf ?? new Date().toISOString().slice(0, 10);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(asOf) || Number.isNaN(Date.parse(asOf)))
    throw new HostError(`--as-of ${asOf} is not a date`, "write it as YYYY-MM-DD");
  await writable(state);
  const host = localHost(file.folder, state, flags.workers);
  const view = progressView(terminal, () => performance.now(), quiet);
  const began = new Date();
  try {
    const result = await assess(
      {
        signal,
        rng: rng(flags.seed),
        ports: host,
        progress: (step) => view.report(step),
      },
      {
        text: file.text,
        file: file.name,
        version: VERSION,
        platform: `${process.platform}-${process.arch}`,
        seed: flags.seed,
        asOf,
        fresh: flags.fresh ?? false,
        samples: flags.samples,
        queries: flags.queries,
        only: flags.only,
        command: commandLine(named, flags),
        started: began.toISOString(),
        tell: (mark, stage, text) => view.finish(mark, stage, text),
      },
    );
    view.close();
    if (result.status === "refused") {
      if (json)
        terminal.out(
          `${JSON.stringify({ format: "vauban/diagnostics/1", ok: false, diagnostics: result.diagnostics }, null, 2)}\n`,
        );
      else terminal.err(diagnosticsText(result.diagnostics, terminal.errColours, "nothing was run", placeIn(file)));
      return EXIT.badInput;
    }
    const { assessment, cancelled, bom } = result;
    const kept = await keep(assessment, bom, state, began);
    if (json) terminal.out(`${JSON.stringify(assessment, null, 2)}\n`);
    else {
      const warnings = assessment.body.warnings.filter((warning) => !isError(warning as never));
      if (warnings.length > 0)
        terminal.err(
          `  ${terminal.errColours.yellow("!")} ${warnings.length} warning${warnings.length === 1 ? "" : "s"} about ${file.name}: \`vauban validate\` shows them\n`,
        );
      terminal.out(
        summary(assessment, {
          colours: terminal.colours,
          columns: terminal.columns,
          reportPath: shortPath(join(kept, "report.html")),
          fresh: flags.fresh ?? false,
          ...(file.folder === process.cwd() && file.name === SYSTEM_FILE ? {} : { system: named }),
        }),
      );
    }
    return cancelled ? EXIT.cancelled : assessment.body.outcome.exit;
  } finally {
    view.close();
    await host.models.close();
  }
}

/** Writes the run's documents, each whole; then points `latest` at it. Returns the folder to show. */
async function keep(assessment: Assessment, bom: string | undefined, state: string, began: Date): Promise<string> {
  const run = join(state, "runs", assessment.run.id);
  await mkdir(run, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new HostError(`${run} could not be made: ${error.code ?? error.message}`, "write elsewhere with --out");
  });
  // Whoever commits the system file should not commit the runs with it.
  await writeFile(join(state, ".gitignore"), "*\n", { flag: "wx" }).catch(() => {});
  await writeWhole(join(run, "assessment.json"), assessmentPieces(assessment));
  await writeWhole(join(run, "report.html"), htmlReport(assessment));
  await writeWhole(join(run, "results.sarif"), `${JSON.stringify(sarifReport(assessment), null, 1)}\n`);
  if (bom !== undefined) await writeWhole(join(run, BOM_FILE), bom);
  for (const evidence of assessment.body.evidence)
    await writeWhole(join(run, "evidence", `${evidence.id}.json`), `${JSON.stringify(evidence, null, 1)}\n`);
  const latest = join(state, "latest");
  try {
    await rm(latest, { force: true, recursive: false });
    await symlink(join("runs", assessment.run.id), latest, "dir");
    return latest;
  } catch {
    // No links here: a one-page pointer instead, and the run's own folder is shown.
    await writeWhole(join(state, "latest.txt"), `runs/${assessment.run.id}\n${began.toISOString()}\n`);
    return run;
  }
}

/** The command that makes this assessment again, without what only says where to write. */
function commandLine(named: string, flags: AssessFlags): string {
  const parts = ["vauban assess", /^[\w./-]+$/.test(named) ? named : JSON.stringify(named), `--seed ${flags.seed}`];
  if (flags.samples !== undefined) parts.push(`--samples ${flags.samples}`);
  if (flags.queries !== undefined) parts.push(`--queries ${flags.queries}`);
  for (const only of flags.only ?? []) parts.push(`--only ${only}`);
  if (flags.asOf !== undefined) parts.push(`--as-of ${flags.asOf}`);
  return parts.join(" ");
}
