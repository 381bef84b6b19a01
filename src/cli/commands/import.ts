/** `vauban import`: a threat model of another tool, or a bill of materials, into a system file, with everything that could not come over. */
import { basename, dirname, resolve } from "node:path";
import { readSystemFile } from "#assess/read.ts";
import { isError } from "#base/diagnostics.ts";
import { sha256 } from "#base/hash.ts";
import { HostError } from "#base/ports.ts";
import { filesBelow, writeWhole } from "#host/index.ts";
import { cycloneDx } from "#host/schemas.ts";
import { importModel, SOURCE_LIMITS, type ImportOptions, type Loss, type ModelImport } from "#imports/models/index.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { diagnosticsText } from "#cli/diagnostics.ts";
import type { ImportFlags, Invocation } from "#cli/main.ts";
import { writableFile } from "#cli/state.ts";
import { EXIT, plain, type ExitCode } from "#cli/terminal.ts";

export async function importCommand(
  { terminal, json }: Invocation,
  named: string,
  flags: ImportFlags,
): Promise<ExitCode> {
  const full = resolve(named);
  const files = filesBelow(dirname(full));
  const entry = await files.stat(full);
  if (!entry)
    throw new HostError(
      `${named} does not exist`,
      "name a threat model of Threagile, OTM or Threat Dragon, or a CycloneDX document",
    );
  if (entry.kind === "folder") throw new HostError(`${named} is a folder`, "name the file of the threat model in it");
  const out = flags.out === undefined ? undefined : resolve(flags.out);
  if (out !== undefined && !flags.force && (await filesBelow(dirname(out)).stat(out)))
    throw new HostError(`${flags.out} exists already`, "name another file, or overwrite it with --force");

  if (flags.out !== undefined) await writableFile("--out", flags.out);

  // Four bytes a character at most: what is larger has too many characters too, and is refused with its place by the reader.
  const bytes = await files.readWhole(full, 4 * SOURCE_LIMITS.characters + 4);
  const name = basename(full);
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const knowledge = loadKnowledge();
  const asking: ImportOptions = {
    sectors: new Set(knowledge.sectors.map(({ id }) => id)),
    // The schemas are compiled only for what may be a bill of materials; elsewhere nobody asks for them.
    ...(text.includes("bomFormat") && { cycloneDx: (await cycloneDx()).check }),
    ...(flags.format && { format: flags.format }),
    ...(flags.model && { models: flags.model }),
  };
  // Once to learn which files it names, once knowing which of them lie beside the system file.
  const beside = filesBelow(out === undefined ? process.cwd() : dirname(out));
  const asked = new Set<string>();
  importModel(text, name, { ...asking, files: (path) => (asked.add(path), false) });
  const there = new Set<string>();
  for (const path of asked) if (await beside.stat(path).catch(() => undefined)) there.add(path);
  const { model, diagnostics } = importModel(text, name, { ...asking, files: (path) => there.has(path) });
  if (!model) {
    if (json) terminal.out(`${JSON.stringify({ format: "vauban/import/1", ok: false, diagnostics }, null, 2)}\n`);
    else terminal.err(diagnosticsText(diagnostics, terminal.errColours, "nothing was written", () => named));
    return EXIT.badInput;
  }

  const target = out === undefined ? "system.yaml" : basename(out);
  const reading = await readSystemFile(model.text, target, knowledge, beside, new Date().toISOString().slice(0, 10));
  if (out !== undefined) await writeWhole(out, model.text);
  const ok = !reading.diagnostics.some(isError);
  if (json)
    terminal.out(
      `${JSON.stringify(
        {
          format: "vauban/import/1",
          ok,
          source: { file: name, format: model.format, version: model.version, sha256: sha256(bytes) },
          ...(flags.out === undefined ? { text: model.text } : { written: flags.out }),
          questions: model.questions,
          losses: model.losses.map(({ path, values, reason, where: { line, column } }) => ({
            path,
            values,
            reason,
            line,
            column,
          })),
          carried: model.carried,
          diagnostics: reading.diagnostics,
        },
        null,
        2,
      )}\n`,
    );
  else {
    if (out === undefined) terminal.out(model.text);
    const say = out === undefined ? terminal.err : terminal.out;
    say(summary(model, named, flags));
  }
  if (!ok) {
    terminal.err(
      diagnosticsText(reading.diagnostics.filter(isError), terminal.errColours, "the imported file needs these"),
    );
    return EXIT.badInput;
  }
  return EXIT.fine;
}

const many = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;

function summary(
  { format, version, questions, carried, losses }: ModelImport,
  named: string,
  { out, all }: ImportFlags,
): string {
  const lost = losses.reduce((sum, { values }) => sum + values, 0);
  const lines = [
    `${out === undefined ? "read" : `wrote ${plain(out)} from`} ${plain(named)} (${format} ${plain(version)})`,
    `  ${many(carried.length, "value")} came over, ${lost} did not${lost === 0 ? "" : all ? ":" : ", by reason (each with --all, or with --json):"}`,
    ...(all ? losses.map(oneLoss) : byReason(losses)),
    `${many(questions.length, "question")} that only you can answer, marked (ask) in the file:`,
    ...questions.map(({ at, question, start }) => `  ${plain(at)}: ${plain(question)} [${plain(start)}]`),
    ...(out === undefined ? [] : [`Then: vauban validate ${plain(out)} · vauban assess ${plain(out)}`]),
  ];
  return `${lines.join("\n")}\n`;
}

const oneLoss = ({ path, values, reason, where }: Loss): string =>
  `  line ${where.line}  ${plain(path)}${values === 1 ? "" : ` (${many(values, "value")})`}  ${reason}`;

function byReason(losses: readonly Loss[]): string[] {
  const groups = [...Map.groupBy(losses, ({ reason }) => reason)].map(([reason, those]) => ({
    reason,
    values: those.reduce((sum, { values }) => sum + values, 0),
    first: those[0]!,
  }));
  return groups
    .toSorted((a, b) => b.values - a.values)
    .map(
      ({ reason, values, first }) =>
        `  ${String(values).padStart(5)}  ${reason} (first: line ${first.where.line}, ${plain(first.path)})`,
    );
}
