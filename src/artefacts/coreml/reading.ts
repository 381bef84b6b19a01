/** What the parts of a Core ML model are judged with: the bytes, and a way to say what was found. */
import type { ScanFinding } from "#assessment/index.ts";
import type { Content } from "#formats/content.ts";
import type { Walked } from "#formats/protobuf-walk.ts";
import type { Range } from "#artefacts/ledger.ts";

export type Say = (
  severity: "suspicious" | "unknown",
  rule: string,
  at: Range,
  message: string,
  more?: Pick<ScanFinding, "beside">,
) => void;

export interface Judging {
  readonly content: Content;
  /** Keeps a finding; the same sentence is told once. */
  readonly say: Say;
  readonly tick: () => void;
}

export const shown = (text: string): string => JSON.stringify(text.slice(0, 120));

/** The one message of a field; none where it is absent. */
export const only = (message: Walked | undefined, field: string): Walked | undefined =>
  message?.messages[field]?.at(-1);
/** All messages of a field. */
export const every = (message: Walked | undefined, field: string): readonly Walked[] => message?.messages[field] ?? [];
/** How many values a field has. */
export const count = (message: Walked | undefined, field: string): number => message?.counts[field] ?? 0;

/** As many as so many sizes make together; undefined where one is below zero or they are more than are kept. */
export function product(sizes: readonly bigint[], said = sizes.length): bigint | undefined {
  if (said !== sizes.length || sizes.some((size) => size < 0n)) return undefined;
  // Beyond this nothing is there to compare with, and numbers would only grow.
  return sizes.includes(0n) ? 0n : sizes.reduce((all, size) => (all > 1n << 128n ? all : all * size), 1n);
}
