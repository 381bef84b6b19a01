/** Evidence as it leaves this room: complete, and named by its own content. */
import type { Evidence, System } from "#assessment/index.ts";
import type { Diagnostic } from "#base/diagnostics.ts";
import { hashOf } from "#base/hash.ts";

export interface Imported {
  readonly evidence: readonly Evidence[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Gives evidence its id: `ev-` and the first 16 hex digits of the hash of everything else. */
export const sealed = (content: Omit<Evidence, "id">): Evidence => {
  const plain = JSON.parse(JSON.stringify(content)) as Omit<Evidence, "id">;
  return { id: `ev-${hashOf(plain).slice(0, 16)}`, ...plain };
};

/** How people call a place: a component's title, a boundary's, a flow's ends. */
export function placeTitle(at: string | undefined, system: System): string {
  if (at === undefined) return system.name;
  return (
    system.components.find(({ id }) => id === at)?.title ?? system.boundaries.find(({ id }) => id === at)?.title ?? at
  );
}
