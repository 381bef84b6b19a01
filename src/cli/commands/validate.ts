/** `vauban validate`: every mistake in a system file at once; nothing is run. */
import { readSystemFile } from "#assess/read.ts";
import { broughtEvidence } from "#assess/bring.ts";
import { signatureObstacles } from "#assess/materials.ts";
import { isError } from "#base/diagnostics.ts";
import { filesBelow } from "#host/index.ts";
import { signatureChecker } from "#host/signatures.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { diagnosticsText } from "#cli/diagnostics.ts";
import type { Invocation } from "#cli/main.ts";
import { placeIn, systemFile } from "#cli/system-file.ts";
import { EXIT, type ExitCode } from "#cli/terminal.ts";

export async function validateCommand({ terminal, json }: Invocation, named: string): Promise<ExitCode> {
  const file = await systemFile(named);
  const files = filesBelow(file.folder);
  const knowledge = loadKnowledge();
  const today = new Date().toISOString().slice(0, 10);
  const reading = await readSystemFile(file.text, file.name, knowledge, files, today);
  const brought = reading.system ? await broughtEvidence(reading.system, knowledge, [], files, today) : undefined;
  const unchecked = reading.system
    ? await signatureObstacles(reading.system, signatureChecker(file.folder), today)
    : [];
  const diagnostics = [...reading.diagnostics, ...(brought?.diagnostics ?? []), ...unchecked];
  const ok = !diagnostics.some(isError);
  if (json) terminal.out(`${JSON.stringify({ format: "vauban/diagnostics/1", ok, diagnostics }, null, 2)}\n`);
  else
    terminal.out(
      diagnosticsText(
        diagnostics,
        terminal.colours,
        ok ? "the text is sound; models and data are opened by `vauban assess`" : "nothing can be run",
        placeIn(file),
      ),
    );
  return ok ? EXIT.fine : EXIT.badInput;
}
