/** Threat models of other tools – Threagile, the Open Threat Model, OWASP Threat Dragon – and CycloneDX bills of materials into a system file, and what could not come over. */
import type { Diagnostic } from "#base/diagnostics.ts";
import { nearest } from "#base/diagnostics.ts";
import { quoted, TEXT_LIMITS } from "#system/yaml.ts";
import { BOUNDARIES_MAX, type Draft } from "./draft.ts";
import type { CycloneDxCheck } from "#formats/cyclonedx.ts";
import { cycloneDxReason, fromCycloneDx } from "./cyclonedx.ts";
import { fromOtm, otmReason } from "./otm.ts";
import { openSource, type Carried, type Entry, type Ledger, type Loss, type Steps } from "./source.ts";
import { fromThreagile, threagileReason } from "./threagile.ts";
import { fromThreatDragon, threatDragonReason } from "./threat-dragon.ts";
import { written, type Question } from "./write.ts";

export { leaves, pointer, SOURCE_LIMITS, type Carried, type Loss } from "./source.ts";
export { ASK, type Question } from "./write.ts";

export const MODEL_FORMATS = ["threagile", "otm", "threat-dragon", "cyclonedx"] as const;
export type ModelFormat = (typeof MODEL_FORMATS)[number];

export interface ModelImport {
  readonly format: ModelFormat;
  /** What the source calls its version. */
  readonly version: string;
  /** The system file. */
  readonly text: string;
  readonly questions: readonly Question[];
  readonly carried: readonly Carried[];
  readonly losses: readonly Loss[];
}

interface Format {
  readonly title: string;
  readonly is: (root: Readonly<Record<string, unknown>>) => boolean;
  readonly version: (root: Entry) => Entry | undefined;
  readonly draft: (
    ledger: Ledger,
    isModel: (...names: readonly (string | undefined)[]) => boolean,
    sectors: ReadonlySet<string>,
    files: NonNullable<ImportOptions["files"]>,
  ) => Draft;
  readonly reason: (path: Steps) => string;
  /** Where its lists stand; `*` is every item. */
  readonly parts: readonly (readonly string[])[];
}

const FORMATS: Readonly<Record<ModelFormat, Format>> = {
  threagile: {
    title: "Threagile",
    is: (root) => "threagile_version" in root || "technical_assets" in root,
    version: (root) => root.get("threagile_version"),
    draft: fromThreagile,
    reason: threagileReason,
    parts: [
      ["data_assets"],
      ["technical_assets"],
      ["technical_assets", "*", "communication_links"],
      ["trust_boundaries"],
      ["shared_runtimes"],
    ],
  },
  otm: {
    title: "OTM",
    is: (root) => "otmVersion" in root,
    version: (root) => root.get("otmVersion"),
    draft: fromOtm,
    reason: otmReason,
    parts: [["assets"], ["trustZones"], ["components"], ["dataflows"]],
  },
  "threat-dragon": {
    title: "Threat Dragon",
    is: (root) => "summary" in root && "detail" in root,
    version: (root) => root.get("version"),
    draft: fromThreatDragon,
    reason: threatDragonReason,
    parts: [
      ["detail", "diagrams"],
      ["detail", "diagrams", "*", "cells"],
      ["detail", "diagrams", "*", "diagramJson", "cells"],
    ],
  },
  cyclonedx: {
    title: "CycloneDX",
    is: (root) => root["bomFormat"] === "CycloneDX",
    version: (root) => root.get("specVersion"),
    draft: fromCycloneDx,
    reason: cycloneDxReason,
    // Libraries do not come over: there may be more of them.
    parts: [["services"]],
  },
};

export interface ImportOptions {
  /** What the author says it is; found by content where unsaid. */
  readonly format?: ModelFormat;
  /** Components of the source that are the AI models, by id or name. */
  readonly models?: readonly string[];
  /** The official schemas: a bill of materials is read only when they say that it is one. */
  readonly cycloneDx?: CycloneDxCheck;
  /** Sector packs there are; a source that names another is asked about. */
  readonly sectors?: ReadonlySet<string>;
  /** Whether a path leads to something beside the system file that is made; unasked, nothing lies there. */
  readonly files?: (path: string) => boolean;
}

/**
 * Reads a threat model and writes a system file from it: the same text for the same source. The text is read by `readSystem` without an
 * error; what the source cannot know about an AI system stands in `questions`. Every value of the source is in `carried` or below a path in
 * `losses`. Malformed and hostile sources end in diagnostics with their place and a remedy, never in an exception.
 */
export function importModel(
  text: string,
  file: string,
  { format, models = [], cycloneDx, sectors = new Set(), files = () => false }: ImportOptions = {},
): { readonly model?: ModelImport; readonly diagnostics: readonly Diagnostic[] } {
  const { ledger, diagnostics } = openSource(text, file);
  if (!ledger) return { diagnostics };
  const root = ledger.located.value as Readonly<Record<string, unknown>>;
  const found = MODEL_FORMATS.find((name) => FORMATS[name].is(root));
  const refused = wrongFormat(root, found, format);
  if (found === undefined || refused)
    return { diagnostics: [{ code: "E802", ...refused!, span: ledger.located.span([]) }] };

  const { title, version, draft, reason, parts } = FORMATS[found];
  for (const path of parts) {
    const size = Math.max(0, ...sizesAt(root, path));
    const most = BOUNDARY_PARTS.has(path[0]!) ? BOUNDARIES_MAX : PARTS_MAX;
    if (size > most)
      ledger.complain(
        [],
        `${size} entries stand in ${path.join("/")}`,
        `at most ${most} are read; import the parts that belong to one system`,
        "E808",
      );
  }
  if (found === "cyclonedx") {
    if (!cycloneDx) throw new TypeError("a bill of materials is read with the official schemas");
    for (const { path, message } of cycloneDx(root).slice(0, TEXT_LIMITS.diagnostics))
      ledger.complain(path, message, "`vauban bom check` lists every place", "E809");
  }
  if (ledger.diagnostics.length > 0) return { diagnostics: ledger.diagnostics.slice(0, TEXT_LIMITS.diagnostics) };
  const unseen = new Set(models);
  const seen = new Set<string>();
  const isModel = (...names: readonly (string | undefined)[]): boolean => {
    const given = names.filter((name) => name !== undefined);
    for (const name of given) seen.add(name);
    const meant = given.filter((name) => models.includes(name));
    for (const name of meant) unseen.delete(name);
    return meant.length > 0;
  };
  const drafted = draft(ledger, isModel, sectors, files);
  for (const name of unseen) {
    const near = nearest(name, seen);
    ledger.complain(
      [],
      `no component is called ${quoted(name)}`,
      near === undefined ? "name a component by its id or its name" : `did you mean ${quoted(near)}?`,
      "E807",
    );
  }
  if (ledger.diagnostics.length > 0) return { diagnostics: ledger.diagnostics.slice(0, TEXT_LIMITS.diagnostics) };
  const said = version(ledger.root)?.words() ?? (found === "threat-dragon" ? "1" : "unknown");
  const { text: made, questions } = written(drafted, `${file} (${title} ${said})`);
  if (made.length > TEXT_LIMITS.characters || deepest(drafted.boundaries) > DEPTH_MAX)
    return {
      diagnostics: [
        {
          code: "E808",
          message: `the system file would be larger than one may be: ${made.length} characters, boundaries ${deepest(drafted.boundaries)} deep`,
          hint: `at most ${TEXT_LIMITS.characters} characters and boundaries ${DEPTH_MAX} deep; import the parts that belong to one system`,
          span: ledger.located.span([]),
        },
      ],
    };
  const { carried, losses } = ledger.balance(reason);
  return { model: { format: found, version: said, text: made, questions, carried, losses }, diagnostics: [] };
}

/** Five times the largest system this tool is measured on. */
const PARTS_MAX = 5_000;
const BOUNDARY_PARTS: ReadonlySet<string> = new Set(["trust_boundaries", "trustZones"]);

/** How many entries stand at a path. */
function sizesAt(value: unknown, [step, ...rest]: readonly string[]): number[] {
  if (typeof value !== "object" || value === null) return [];
  if (step === undefined) return [Object.keys(value).length];
  if (step === "*") return Object.values(value).flatMap((item) => sizesAt(item, rest));
  return Object.hasOwn(value, step) ? sizesAt((value as Readonly<Record<string, unknown>>)[step], rest) : [];
}

/** Two columns a level, in a text that may be indented by ten times `depth`. */
const DEPTH_MAX = TEXT_LIMITS.depth - 5;
const deepest = (boundaries: Draft["boundaries"]): number =>
  boundaries.length === 0 ? 0 : 1 + Math.max(...boundaries.map(({ inside }) => deepest(inside)));

function wrongFormat(
  root: Readonly<Record<string, unknown>>,
  found: ModelFormat | undefined,
  format: ModelFormat | undefined,
): { readonly message: string; readonly hint: string } | undefined {
  if (found !== undefined && (format === undefined || format === found)) return undefined;
  if (found !== undefined)
    return {
      message: `this is ${FORMATS[found].title}, not ${FORMATS[format!].title}`,
      hint: `--format ${found}, or no --format: it is found by content`,
    };
  if ("vauban" in root)
    return { message: "this is a system file already", hint: "`vauban validate` checks it, `vauban assess` runs it" };
  const keys = Object.keys(root)
    .slice(0, 5)
    .map((name) => quoted(name))
    .join(", ");
  return {
    message: `this is neither Threagile (threagile_version, technical_assets) nor OTM (otmVersion) nor Threat Dragon (summary, detail) nor CycloneDX (bomFormat): it has ${keys || "no keys"}`,
    hint: "export the model from its tool in one of these formats",
  };
}
