/** A system file in the making: what every format is read into, and the one place where its ids are made. */
import type { ComponentFile, ComponentKind, Dataset, InputContract, Level, Model, System } from "#assessment/index.ts";
import { ID_PATTERN } from "#system/schema.ts";

export interface DraftAsset {
  readonly id: string;
  readonly title: string;
  readonly security: Level;
  /** No format says it: what its disclosure would cost the people it is about. */
  readonly privacy: Level;
  /** The source says whether it is personal; unsaid, it is asked about with the privacy. */
  readonly personal?: boolean | undefined;
  readonly from: string;
}

export interface DraftComponent {
  readonly id: string;
  kind: ComponentKind;
  readonly title: string;
  readonly note?: string | undefined;
  readonly version?: string | undefined;
  readonly holds: readonly string[];
  /** What the source knows of a model; only bills of materials know anything. */
  readonly model?: DraftModel | undefined;
  readonly files?: readonly DraftFile[] | undefined;
  /** The kind is a guess that somebody has to confirm. */
  readonly unsure?: boolean;
  /** Where it comes from in the source. */
  readonly from: string;
}

export interface DraftModel {
  readonly level?: Model["level"] | undefined;
  readonly role?: Model["role"] | undefined;
  readonly task?: Model["task"] | undefined;
  readonly sha256?: string | undefined;
  /** Where its file lies for whoever made the source; `found` where it lies here too. */
  readonly artefact?: { readonly path: string; readonly found: boolean } | undefined;
  readonly origin: Partial<Model["origin"]>;
  readonly datasets: readonly string[];
  readonly input?: InputContract | undefined;
  readonly classes?: readonly string[] | undefined;
  readonly head?: Model["head"] | undefined;
  /** Of a data set in the source, by its id here. */
  readonly accuracy?: { readonly declared: number; readonly on: string } | undefined;
  readonly continual?: boolean;
  readonly federated?: boolean;
  readonly personalData?: boolean;
  readonly onDevice?: boolean;
  readonly tools?: boolean;
  readonly untrustedContent?: boolean;
}

/** A file or folder a component is loaded from. */
export interface DraftFile {
  readonly path: string;
  readonly sha256?: string | undefined;
  readonly role?: ComponentFile["role"] | undefined;
}

/** Somebody from whom parts come; what is agreed with them no format says. */
export interface DraftSupplier {
  readonly id: string;
  readonly title: string;
  readonly supplies: readonly string[];
}

export interface DraftDataset {
  readonly id: string;
  readonly title: string;
  readonly role?: Dataset["role"] | undefined;
  readonly personal: boolean;
  readonly path?: string | undefined;
  readonly labels?: string | undefined;
  readonly sha256?: string | undefined;
  readonly source?: string | undefined;
  readonly collected?: string | undefined;
  readonly licence?: string | undefined;
  readonly version?: string | undefined;
  readonly suppliers: readonly string[];
  readonly from: string;
}

export interface DraftFlow {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly carries: readonly string[];
  readonly over?: string | undefined;
  readonly encrypted?: boolean | undefined;
  readonly authenticated?: boolean | undefined;
  readonly signed?: boolean | undefined;
  readonly source: string;
}

export interface DraftBoundary {
  readonly id: string;
  readonly title: string;
  readonly here: string[];
  readonly inside: DraftBoundary[];
  readonly from: string;
}

export interface Draft {
  readonly name: string;
  readonly version?: string | undefined;
  readonly purpose?: string | undefined;
  readonly stage?: System["stage"] | undefined;
  readonly sector?: string | undefined;
  readonly law?: Pick<System["law"], "role" | "listing"> | undefined;
  readonly environment?: System["environment"] | undefined;
  readonly context?: string | undefined;
  readonly misuse: readonly string[];
  readonly excluded?: readonly string[] | undefined;
  readonly synthetic?: boolean | undefined;
  readonly assets: readonly DraftAsset[];
  readonly components: readonly DraftComponent[];
  readonly flows: readonly DraftFlow[];
  /** The outermost. */
  readonly boundaries: readonly DraftBoundary[];
  readonly datasets?: readonly DraftDataset[];
  readonly suppliers?: readonly DraftSupplier[] | undefined;
  /** Components and flows that anybody on the internet is said to reach. */
  readonly exposed: readonly string[];
}

/** What one of a boundary tree's own words, a whole-system place, or YAML would take for something else. */
const RESERVED: readonly string[] = [
  "here",
  "title",
  "system",
  "null",
  "true",
  "false",
  "yes",
  "no",
  "on",
  "off",
  "internet-actor",
];
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const ID_LENGTH = 60;

/** Makes ids from the source's own names, the same for the same document; a name that is taken gets a number. */
export class Names {
  readonly #taken = new Set(RESERVED);

  /** An id of ours as it was, where it is still free; undefined where it is not, or is no id. */
  keep(id: string | undefined): string | undefined {
    if (id === undefined || !ID_PATTERN.test(id) || this.#taken.has(id)) return undefined;
    this.#taken.add(id);
    return id;
  }

  /** From the first word that can become an id: the source's id if it is one people could read, else its name; else the noun. */
  make(noun: string, ...candidates: readonly (string | undefined)[]): string {
    const start =
      candidates
        .filter((words) => words !== undefined && !UUID.test(words))
        .map((words) => slug(words!))
        .find((id) => id !== "") ?? noun;
    const base = /^\p{L}/u.test(start) ? start : `${noun}-${start}`;
    for (let n = 1; ; n++) {
      const id = n === 1 ? base : `${base}-${n}`;
      if (this.#taken.has(id)) continue;
      this.#taken.add(id);
      return id;
    }
  }
}

/** Letters and digits of any script, the rest as dashes. */
function slug(words: string): string {
  const dashed = words
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-+|-+$/g, "");
  return [...dashed].slice(0, ID_LENGTH).join("").replace(/-+$/, "");
}

/** Boundaries may stand inside each other, and are walked as deep as they go. */
export const BOUNDARIES_MAX = 500;

/** Whether anything stands in a boundary, however deep. */
export const separates = ({ here, inside }: DraftBoundary): boolean => here.length > 0 || inside.some(separates);

/** A boundary tree without the branches in which nothing stands. */
export const pruned = (boundaries: readonly DraftBoundary[]): DraftBoundary[] =>
  boundaries.filter(separates).map((boundary) => ({ ...boundary, inside: pruned(boundary.inside) }));
