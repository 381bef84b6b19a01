/** `vauban validate`: every mistake in a system file at once; nothing is run. */
import { readSystemFile } from "#assess/read.ts";
import { isError } from "#base/diagnostics.ts";
import { filesBelow } from "#host/index.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { diagnosticsText } from "#cli/diagnostics.ts";
import type { Invocation } from "#cli/main.ts";
import { systemFile } from "#cli/system-file.ts";
import { EXIT, type ExitCode } from "#cli/terminal.ts";

export async function validateCommand({ terminal, json }: Invocation, named: string): Promise<ExitCode> {
  const file = await systemFile(named);
  const { diagnostics } = await readSystemFile(
    file.text,
    file.name,
    loadKnowledge(),
    filesBelow(file.folder),
    new Date().toISOString().slice(0, 10),
  );
  const ok = !diagnostics.some(isError);
  if (json) terminal.out(`${JSON.stringify({ format: "vauban/diagnostics/1", ok, diagnostics }, null, 2)}\n`);
  else
    terminal.out(
      diagnosticsText(diagnostics, terminal.colours, ok ? "the file can be assessed" : "nothing can be run"),
    );
  return ok ? EXIT.fine : EXIT.badInput;
}
