/** Evidence brought along: what the declared controls point to, and what other tools and people found. */
import type { Diagnostic } from "#base/diagnostics.ts";
import { HostError, type Files } from "#base/ports.ts";
import type { DeclaredControl, Evidence, Knowledge, System } from "#assessment/index.ts";
import { controlEvidence, importEvidence } from "#imports/index.ts";
import { packagesBeside } from "./materials.ts";
import type { InputFile } from "./plan.ts";

/** Evidence files are statements and logs; one beyond this is neither. */
const EVIDENCE_LIMIT = 64 * 2 ** 20;

export interface Brought {
  readonly evidence: readonly Evidence[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads every evidence file the system names. Artefacts are known by the hash of their bytes on disk, so that evidence about other
 * bytes is stale even where the author pinned nothing. A file that cannot be read is a diagnostic and earns nothing.
 */
export async function broughtEvidence(
  system: System,
  knowledge: Knowledge,
  found: readonly InputFile[],
  files: Files,
  asOf: string,
): Promise<Brought> {
  const grounds = { system, knowledge, asOf, artefacts: artefactsOf(system, found) };
  const evidence: Evidence[] = [];
  const diagnostics: Diagnostic[] = [];
  const read = async (path: string, span: DeclaredControl["where"]): Promise<Uint8Array | undefined> => {
    try {
      return await files.readWhole(path, EVIDENCE_LIMIT);
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      diagnostics.push({ code: "W501", message: error.message, hint: error.remedy, span });
      return undefined;
    }
  };
  const take = (brought: Brought): void => {
    evidence.push(...brought.evidence);
    diagnostics.push(...brought.diagnostics);
  };
  for (const control of system.controls) {
    const isFile =
      control.evidence !== undefined && (await files.stat(control.evidence).catch(() => undefined))?.kind === "file";
    if (!isFile && control.kind === "declared") continue;
    const bytes = control.evidence === undefined ? undefined : await read(control.evidence, control.where);
    if (bytes || control.kind === "declared") take(await controlEvidence({ bytes, control, ...grounds }));
  }
  const packages = system.imports.some(({ format }) => format === "vex") ? await packagesBeside(files) : undefined;
  for (const source of system.imports) {
    const bytes = await read(source.path, source.where);
    if (bytes)
      take(await importEvidence({ format: source.format, bytes, source, ...grounds, ...(packages && { packages }) }));
  }
  return { evidence, diagnostics };
}

/** Digests by component, of the artefacts as they lie on disk. */
function artefactsOf(system: System, found: readonly InputFile[]): Map<string, string> {
  const byPath = new Map(found.map(({ path, sha256 }) => [path, sha256]));
  return new Map(
    system.components.flatMap(({ id, model }) => {
      const digest = model?.artefact === undefined ? undefined : byPath.get(model.artefact);
      return digest === undefined ? [] : [[id, digest] as const];
    }),
  );
}
