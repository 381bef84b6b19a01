/** A system file in the making: what every format is read into, and the one place where its ids are made. */
import type { ComponentKind, Dataset, Level, Model, System } from "#assessment/index.ts";

export interface DraftAsset {
  readonly id: string;
  readonly title: string;
  readonly security: Level;
  /** No format says it: what its disclosure would cost the people it is about. */
  readonly privacy: Level;
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
  /** Where its file lies for whoever made the source. */
  readonly artefact?: string | undefined;
  readonly origin: Partial<Model["origin"]>;
  readonly datasets: readonly string[];
}

export interface DraftDataset {
  readonly id: string;
  readonly title: string;
  readonly role?: Dataset["role"] | undefined;
  readonly personal: boolean;
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
  readonly assets: readonly DraftAsset[];
  readonly components: readonly DraftComponent[];
  readonly flows: readonly DraftFlow[];
  /** The outermost. */
  readonly boundaries: readonly DraftBoundary[];
  readonly datasets?: readonly DraftDataset[];
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
