/** What a threat rule is: it says when a threat of the catalogue applies, and where; the catalogue says what it is and who says so. */
import type { Component, DataFlow } from "#assessment/system.ts";
import type { SystemGraph } from "#system/graph.ts";

/** A place where the threat applies: a component, the system, or a flow – then it is to where the flow leads, and named after the flow. */
export type Find = {
  /** In plain words about this system: why it applies here. */
  readonly why: string;
} & (
  | { readonly at: Component | "system"; readonly on?: undefined }
  | { readonly on: DataFlow; readonly at?: undefined }
);

/** Top down: purpose, misuse and environment first, then components, then flows (S-79). */
export const ALTITUDES = ["system", "component", "flow"] as const;
export type Altitude = (typeof ALTITUDES)[number];

export interface Rule {
  readonly id: `rule:${string}`;
  /** The threat of the catalogue it looks for, one each. */
  readonly threat: `T-${string}`;
  /** The condition, as a sentence. */
  readonly title: string;
  readonly altitude: Altitude;
  /** Must not find less for one flow or actor more: what is added to a system never takes a threat away. */
  readonly find: (graph: SystemGraph) => Iterable<Find>;
  /** Why the threat does not apply to a system where nothing was found; absent where something always is. */
  readonly otherwise?: (graph: SystemGraph) => string;
}

export const defineRule = (rule: Rule): Rule => rule;
