/** The bill of materials of an assessment, and what it is made from: the files that a system file names, as they lie there, and lock files beside it. */
import type { Assessment, AssessmentBody, BillOfMaterials, System } from "#assessment/index.ts";
import { sha256 } from "#base/hash.ts";
import { HostError, type BomRules, type Files } from "#base/ports.ts";
import type { Materials } from "#claims/materials.ts";
import type { CycloneDxVersion } from "#formats/cyclonedx.ts";
import { FormatError } from "#formats/error.ts";
import { readStrictJson } from "#formats/json-strict.ts";
import { bomOf, type Artefact, type Bom, type BomInput, type LockFile } from "#provenance/bom.ts";
import { LOCK_NAMES, readLock } from "#provenance/locks/index.ts";
import type { Json } from "#provenance/serial.ts";
import type { Fingerprint } from "./plan.ts";

const FILES_MAX = 10_000;
const ADAPTER = "adapter_config.json";
/** Where a file's adapter configuration would lie. */
const beside = (path: string): string => `${path.slice(0, path.lastIndexOf("/") + 1)}${ADAPTER}`;

/** Hashes what stands at a path, in a stream; undefined where nothing does. Links in a folder are refused, not followed. */
export async function artefactAt(files: Files, path: string): Promise<Artefact | undefined> {
  const entry = await files.stat(path);
  if (!entry) return undefined;
  if (entry.kind !== "folder") {
    const source = await files.open(path);
    return {
      files: [{ path, size: source.size, sha256: await source.sha256() }],
      folder: false,
      ...(await adapterAt(files, beside(path))),
    };
  }
  const listed = await files.list(path, { recursive: true, limit: FILES_MAX });
  const found = [];
  for (const { path: file, kind } of listed.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    if (kind === "folder") continue;
    if (kind !== "file")
      throw new HostError(`${file} is a ${kind}, so its bytes are not part of the folder`, "put the file itself there");
    const source = await files.open(file);
    found.push({ path: file, size: source.size, sha256: await source.sha256() });
  }
  return { files: found, folder: true, ...(await adapterAt(files, `${path}/${ADAPTER}`)) };
}

async function adapterAt(files: Files, path: string): Promise<Pick<Artefact, "adapter">> {
  if ((await files.stat(path))?.kind !== "file") return {};
  let said: unknown;
  try {
    said = readStrictJson(path, await files.readWhole(path, 2 ** 20));
  } catch (error) {
    if (error instanceof FormatError) throw new HostError(error.message, error.remedy);
    throw error;
  }
  if (typeof said !== "object" || said === null) return {};
  const { base_model_name_or_path: base, revision, peft_type: method } = said as Readonly<Record<string, unknown>>;
  if (typeof base !== "string" || base === "") return {};
  return {
    adapter: {
      base,
      ...(typeof revision === "string" && revision !== "" && { revision }),
      ...(typeof method === "string" && method !== "" && { method }),
    },
  };
}

/** Paths of the files that a system file names, models and data. */
const pathsOf = ({ components, datasets }: System): string[] =>
  [
    ...new Set([
      ...components.flatMap(({ model, files = [] }) => [model?.artefact ?? [], files.map(({ path }) => path)].flat()),
      ...datasets.flatMap(({ path }) => path ?? []),
    ]),
  ].toSorted();

/** Everything that a system file names and that is there, hashed. */
export async function artefactsOf(system: System, files: Files): Promise<Map<string, Artefact>> {
  const found = new Map<string, Artefact>();
  for (const path of pathsOf(system)) {
    const artefact = await artefactAt(files, path);
    if (artefact) found.set(path, artefact);
  }
  return found;
}

const LOCK_LIMIT = 64 * 2 ** 20;

/** A lock file, or why it was not read. */
export type FoundLock = LockFile | { readonly path: string; readonly because: string };

/** Lock files beside the system file, each read or said why not. */
export async function locksBeside(files: Files): Promise<FoundLock[]> {
  const listed = await files.list(".").catch((error: unknown) => {
    if (error instanceof HostError) return [];
    throw error;
  });
  const paths = listed.flatMap(({ path, kind }) => (kind === "file" && LOCK_NAMES.test(path) ? [path] : []));
  const locks: FoundLock[] = [];
  for (const path of paths.toSorted())
    try {
      const bytes = await files.readWhole(path, LOCK_LIMIT);
      locks.push({ path, sha256: sha256(bytes), locked: readLock(path, bytes) });
    } catch (error) {
      if (!(error instanceof FormatError || error instanceof HostError)) throw error;
      locks.push({ path, because: error instanceof FormatError ? error.problem : error.message });
    }
  return locks;
}

/** The bill of materials as text, the same for the same document. */
export const bomText = (document: unknown): string => `${JSON.stringify(document, null, 2)}\n`;

/** Its name among the files of a run. */
export const BOM_FILE = "bom.cdx.json";
/** What `vauban bom` writes unless told otherwise. */
const SPECIFICATION: CycloneDxVersion = "1.6";

export interface BillRequest {
  readonly system: System;
  readonly files: Files;
  /** Absent: nothing here knows the official schema, and no bill is made. */
  readonly rules: (() => Promise<BomRules>) | undefined;
  /** What was hashed of the files already: nothing is hashed twice. */
  readonly fingerprints: ReadonlyMap<string, Fingerprint>;
  readonly locks: readonly FoundLock[];
  readonly version: string;
  readonly asOf: string;
}

/** A bill of materials whose parts are known, before anything was measured on them. */
export interface PreparedBill {
  readonly counted: NonNullable<Materials["bill"]>;
  /** The document with what this assessment measured in the models' cards, as `vauban bom --assessment` writes it. */
  finish(body: Omit<AssessmentBody, "bom">): { readonly bill: BillOfMaterials; readonly text?: string };
}

/** Gathers what a bill of materials lists, and reads the official schema. Never throws for what the world gets wrong. */
export async function prepareBill(request: BillRequest): Promise<PreparedBill | undefined> {
  const { system, files, fingerprints, locks, version, asOf } = request;
  if (!request.rules) return undefined;
  const { check, licences } = await request.rules();
  const artefacts = new Map<string, Artefact>();
  const open: { at: string; missing: string; remedy: string }[] = locks.flatMap((lock) =>
    "because" in lock
      ? [{ at: lock.path, missing: `it was not read: ${lock.because}`, remedy: "write it again with its own tool" }]
      : [],
  );
  for (const path of pathsOf(system)) {
    const known = fingerprints.get(path);
    if (!known) continue;
    const { folder, members, others } = known;
    for (const other of others)
      open.push({
        at: other,
        missing: "it is no file whose bytes could be hashed",
        remedy: "put the file itself there",
      });
    const adapter = await adapterAt(files, folder ? `${path}/${ADAPTER}` : beside(path)).catch((error: unknown) => {
      if (!(error instanceof HostError)) throw error;
      open.push({ at: path, missing: error.message, remedy: error.remedy ?? "mend it" });
      return {};
    });
    artefacts.set(path, { files: members.toSorted((a, b) => (a.path < b.path ? -1 : 1)), folder, ...adapter });
  }
  const input: BomInput = {
    system,
    version: SPECIFICATION,
    tool: { name: "vauban", version },
    artefacts,
    locks: locks.flatMap((lock) => ("because" in lock ? [] : [lock])),
    licences,
    asOf,
  };
  const before = bomOf(input);
  // Compiles the schema now, while others measure.
  check(before.document);
  return {
    counted: { specification: SPECIFICATION, ...countsOf(before), locks: input.locks.length },
    finish(body) {
      const { document, gaps, ...rest } = bomOf({ ...input, assessment: { body } as Assessment });
      const [fault] = check(document);
      if (fault)
        return {
          bill: {
            status: "not made",
            because: `what was written is not valid CycloneDX ${SPECIFICATION}: /${fault.path.join("/")} ${fault.message}`,
          },
        };
      const text = bomText(document);
      return {
        bill: {
          status: "made",
          file: BOM_FILE,
          specification: `CycloneDX ${SPECIFICATION}`,
          sha256: sha256(text),
          serialNumber: String(document["serialNumber"]),
          ...countsOf({ document, gaps, ...rest }),
          gaps: gaps.length + open.length,
        },
        text,
      };
    },
  };
}

/** What a document lists, by kind. */
export function countsOf({ document }: Bom): {
  readonly models: number;
  readonly datasets: number;
  readonly libraries: number;
  readonly services: number;
  readonly others: number;
} {
  const components = document["components"] as readonly Json[];
  const of = (type: string): number => components.filter((one) => one["type"] === type).length;
  const [models, datasets, libraries] = [of("machine-learning-model"), of("data"), of("library")];
  return {
    models,
    datasets,
    libraries,
    services: (document["services"] as readonly Json[] | undefined)?.length ?? 0,
    others: components.length - models - datasets - libraries,
  };
}
