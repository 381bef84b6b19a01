/**
 * What this run does itself of controls in the catalogue, once: hashes compared, files scanned, an inventory taken. That shows the
 * day it was done, and not that somebody does it in operation, so it earns no credit (METHOD §6) and fills no cell; it is shown.
 */
import type { AttackClass, Evidence, Verb } from "#assessment/index.ts";
import type { Grounds } from "./rated.ts";
import { counted } from "./rated.ts";
import { dataChecks } from "./data.ts";
import { materialChecks } from "./materials.ts";
import { scanOf } from "./scanned.ts";

export interface Checked {
  readonly control: string;
  readonly classes: readonly AttackClass[];
  /** Which of the control's verbs the check stands for. */
  readonly verbs: readonly Verb[];
  /** What came of it. */
  readonly says: string;
  /** What of the control was not tried by it. */
  readonly not: string;
  readonly evidence: readonly string[];
}

/** Every check of this run, in the order of the catalogue. */
export function checksOf(grounds: Grounds): Checked[] {
  const scans = grounds.evidence.filter((item) => scanOf(item) && item.standing.status === "current");
  const isOfData = (item: Evidence): boolean => scanOf(item)!.of === "data";
  const models = scans.filter((item) => !isOfData(item));
  return [
    ...inventory(grounds),
    ...hashes(grounds, "data", "C-20", "that somebody who writes to the data without leave is noticed"),
    ...dataChecks(grounds),
    ...hashes(grounds, "component", "C-73", "that a file with one flipped byte is refused when it is loaded"),
    ...materialChecks(grounds),
    ...(models.length === 0
      ? []
      : [
          {
            control: "C-75",
            classes: ["MP"] as const,
            verbs: ["detect"] as const,
            says: `the files of ${counted(models.length, "component")} were scanned: ${verdictsOf(models)}; of loading only, and no word on backdoors in weights`,
            not: "that a harmful file of each kind is refused where files are taken in, and that scanning cannot be got round",
            evidence: models.map(({ id }) => id),
          },
        ]),
  ];
}

function verdictsOf(scans: readonly Evidence[]): string {
  const counts = new Map<string, number>();
  for (const item of scans)
    for (const [verdict, n] of Object.entries(scanOf(item)!.verdicts))
      if (n > 0) counts.set(verdict, (counts.get(verdict) ?? 0) + n);
  return [...counts].map(([verdict, n]) => `${n} ${verdict}`).join(", ");
}

interface Part {
  readonly of: "component" | "data";
  readonly owner: string;
  readonly path: string | undefined;
  readonly sha256: string | undefined;
  readonly origin: boolean;
  readonly licence: boolean;
}

/** Models, their further files and pretrained parts, and data sets, with what the system file says of each. */
function partsOf({ system: { components, datasets } }: Grounds): Part[] {
  return [
    ...components.flatMap(({ id, model, files = [] }): Part[] => [
      ...(model
        ? [
            {
              of: "component" as const,
              owner: id,
              path: model.artefact,
              sha256: model.sha256,
              origin: model.origin.trainedBy !== "unknown",
              licence: model.origin.licence !== undefined,
            },
          ]
        : []),
      ...files.map(({ path, sha256 }) => ({
        of: "component" as const,
        owner: id,
        path,
        sha256,
        origin: model?.origin.supplier !== undefined,
        licence: model?.origin.licence !== undefined,
      })),
      ...(model?.origin.pretrained !== undefined && !files.some(({ role }) => role === "pretrained")
        ? [
            {
              of: "component" as const,
              owner: id,
              path: undefined,
              sha256: undefined,
              origin: model.origin.supplier !== undefined,
              licence: model.origin.licence !== undefined,
            },
          ]
        : []),
    ]),
    ...datasets.map(({ id, path, sha256, provenance }) => ({
      of: "data" as const,
      owner: id,
      path,
      sha256,
      origin: provenance !== undefined,
      licence: provenance?.licence !== undefined,
    })),
  ];
}

/** C-01: how complete the inventory is that the system file amounts to. */
function inventory(grounds: Grounds): Checked[] {
  const parts = partsOf(grounds);
  if (parts.length === 0) return [];
  const { bill } = grounds.materials;
  const listed = bill
    ? `; written as CycloneDX ${bill.specification}, with ${bill.locks === 0 ? "no packages, for no lock file was read" : `${counted(bill.libraries, "package")} of ${counted(bill.locks, "lock file")}`}`
    : "";
  const unlisted = bill && bill.locks > 0 ? "prompts and tools are" : "prompts, tools and packages are";
  const n = (has: (part: Part) => boolean): string => `${parts.filter(has).length}`;
  return [
    {
      control: "C-01",
      classes: ["DP", "MP"],
      verbs: ["control"],
      says: `of ${parts.length} models, parts and data sets in the system file ${n(({ path }) => path !== undefined)} name a file, ${n(({ sha256 }) => sha256 !== undefined)} a hash, ${n(({ origin }) => origin)} an origin, ${n(({ licence }) => licence)} a licence${listed}`,
      not: `that the list is complete, that it is kept up, and that what runs is compared with it; ${unlisted} not in it`,
      evidence: [],
    },
  ];
}

/** Bytes on disk against the hashes that the system file declares. */
function hashes(grounds: Grounds, of: Part["of"], control: string, not: string): Checked[] {
  const parts = partsOf(grounds).filter((part) => part.of === of && part.path !== undefined);
  const declared = parts.filter(({ sha256 }) => sha256 !== undefined);
  if (declared.length === 0) return [];
  const altered = declared.filter(({ path }) => grounds.mismatches.some((mismatch) => mismatch.path === path));
  const what = of === "data" ? "data set" : "file";
  return [
    {
      control,
      classes: [of === "data" ? "DP" : "MP"],
      verbs: ["detect"],
      says:
        altered.length > 0
          ? `${altered.length} of ${counted(declared.length, what)} with a declared hash ${altered.length === 1 ? "is" : "are"} not what was declared: ${altered.map(({ path }) => path).join(", ")}`
          : `${counted(declared.length, what)} of ${parts.length} with a declared hash, bytes as declared`,
      not,
      evidence: [],
    },
  ];
}
