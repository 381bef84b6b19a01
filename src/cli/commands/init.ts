/** `vauban init`: from a folder with models and data to a commented system file that already assesses. */
import { basename, join, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { lookAround } from "#assess/look.ts";
import { readSystemFile } from "#assess/read.ts";
import { isError } from "#base/diagnostics.ts";
import { HostError } from "#base/ports.ts";
import { filesBelow, writeWhole } from "#host/index.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import type { Found } from "#system/found.ts";
import { systemFileSchema } from "#system/schema-json.ts";
import { starter, STARTER_KINDS, STARTER_QUESTIONS, type StarterAnswers, type StarterKind } from "#system/starter.ts";
import { diagnosticsText } from "#cli/diagnostics.ts";
import type { InitFlags, Invocation } from "#cli/main.ts";
import { SYSTEM_FILE } from "#cli/system-file.ts";
import { EXIT, plain, type ExitCode } from "#cli/terminal.ts";

export async function initCommand(
  { terminal, json, signal }: Invocation,
  named: string,
  flags: InitFlags,
): Promise<ExitCode> {
  const folder = resolve(named);
  const files = filesBelow(folder);
  const entry = await files.stat(".");
  if (entry && entry.kind !== "folder")
    throw new HostError(`${named} is a file, not a folder`, "name the folder the system file shall lie in");
  if ((await files.stat(SYSTEM_FILE)) && !flags.force)
    throw new HostError(`${join(named, SYSTEM_FILE)} exists already`, "edit it, or overwrite it with --force");
  const found: Found = entry ? await lookAround(files) : { models: [], datasets: [] };
  const interactive = process.stdin.isTTY === true && !flags.yes && !json;
  const { kind, answers } = interactive
    ? await ask(terminal.err, found, flags, signal)
    : { kind: flags.kind ?? likelyKind(found), answers: given(flags) };

  const text = starter(kind, found, answers);
  const reading = await readSystemFile(
    text,
    SYSTEM_FILE,
    loadKnowledge(),
    files,
    new Date().toISOString().slice(0, 10),
  );
  await writeWhole(join(folder, SYSTEM_FILE), text);
  await writeWhole(join(folder, ".vauban", "schema.json"), `${JSON.stringify(systemFileSchema(), null, 1)}\n`);
  await writeWhole(join(folder, ".vauban", ".gitignore"), "*\n");

  const { parts = [], passedOver = [] } = found;
  if (json) {
    terminal.out(
      `${JSON.stringify({ format: "vauban/init/1", written: [SYSTEM_FILE, ".vauban/schema.json"], kind, found: { models: found.models.map(({ path }) => path), datasets: found.datasets.map(({ path }) => path), parts: parts.map(({ path, what }) => ({ path, what })), passedOver } }, null, 2)}\n`,
    );
  } else {
    const names = (items: readonly { path: string }[]): string =>
      items.length === 0 ? "none" : items.map(({ path }) => plain(path)).join(", ");
    terminal.out(`wrote ${join(named, SYSTEM_FILE)} (${kind})
  models found: ${names(found.models)}
  data found:   ${names(found.datasets)}
${parts.length > 0 ? `  by content:   ${parts.map(({ path, what }) => `${plain(path)} (${what})`).join(", ")}: under files:, to be scanned\n` : ""}${passedOver.length > 0 ? `  not taken:    ${passedOver.map(({ path, because }) => `${plain(path)} (${because})`).join(", ")}\n` : ""}What is marked (start) is a starting value: argue it or change it. Then:
  vauban validate ${named}
  vauban assess ${named}
`);
  }
  if (reading.diagnostics.some(isError)) {
    terminal.err(
      diagnosticsText(
        reading.diagnostics.filter(isError),
        terminal.errColours,
        "the folder needs these before it can be assessed",
      ),
    );
    return EXIT.badInput;
  }
  return EXIT.fine;
}

/** From the shape of the first model's input: pictures have four axes, series three, tables two. */
function likelyKind({ models }: Found): StarterKind {
  const rank = models.find(({ inputShape }) => inputShape)?.inputShape?.length;
  return rank === 2 ? "tabular" : rank === 3 ? "forecasting" : "vision";
}

const given = ({ name, purpose }: InitFlags): StarterAnswers => ({
  ...(name ? { name } : {}),
  ...(purpose ? { purpose } : {}),
});

async function ask(
  say: (text: string) => void,
  found: Found,
  flags: InitFlags,
  signal: AbortSignal,
): Promise<{ kind: StarterKind; answers: StarterAnswers }> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const question = async (text: string, otherwise: string, choices?: readonly string[]): Promise<string> => {
      for (;;) {
        const answer =
          (
            await terminal.question(`${text}\n  ${choices ? `${choices.join(" | ")} ` : ""}[${otherwise}] `, { signal })
          ).trim() || otherwise;
        if (!choices || choices.includes(answer)) return answer;
        say(`  one of: ${choices.join(", ")}\n`);
      }
    };
    say(
      `found ${found.models.length} model${found.models.length === 1 ? "" : "s"} and ${found.datasets.length} data set${found.datasets.length === 1 ? "" : "s"}; Enter takes what stands in brackets\n`,
    );
    const kind =
      flags.kind ?? ((await question("What kind of system is it?", likelyKind(found), STARTER_KINDS)) as StarterKind);
    const sectors = loadKnowledge().sectors.map(({ id }) => id);
    const answers: Record<string, string> = { ...given(flags) } as Record<string, string>;
    for (const { key, question: text, otherwise, choices } of STARTER_QUESTIONS) {
      if (answers[key] !== undefined) continue;
      const standard = key === "name" ? basename(resolve(".")) || otherwise(kind) : otherwise(kind);
      answers[key] = await question(
        text,
        key === "name" ? otherwise(kind) || standard : standard,
        key === "sector" ? sectors : choices,
      );
    }
    return { kind, answers: answers as StarterAnswers };
  } finally {
    terminal.close();
  }
}
