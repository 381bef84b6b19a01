/** Which controls could stand where: proven ones whose denial test closes ways, at the kinds of places they are for. */
import type { Control, Knowledge, System } from "#assessment/index.ts";
import { totalCost, type PlanControl } from "./problem.ts";
import { closedBy, type ControlCredit } from "#risk/credit.ts";
import { SystemGraph } from "#system/graph.ts";

/** A control at a place, not in place yet. */
export interface Candidate {
  /** `C-53@api` */
  readonly id: string;
  readonly control: Control;
  readonly at: string;
  /** Threat types whose ways it closes there; "all" where it denies access itself. */
  readonly closes: readonly string[];
}

/** How it can move a figure; entries of earlier catalogues do not say, and then what only a measurement shows is assumed of them. */
export const actsOf = ({ planning, layer }: Control): "closes" | "lowers" | "supports" =>
  planning?.acts ?? (layer === "organisational" ? "supports" : "lowers");

export const COST_UNKNOWN = { effort: 2, latency: 0, accuracy: 0, transparency: 0 } as const;

/** Without those that stand with credit already, and without what the reader excludes (`C-53`, or `C-53@api`). */
export function candidatesOf({
  graph,
  knowledge,
  credits,
  exclude = [],
}: {
  readonly graph: SystemGraph;
  readonly knowledge: Knowledge;
  readonly credits: readonly ControlCredit[];
  readonly exclude?: readonly string[];
}): Candidate[] {
  const out = new Set(exclude);
  const standing = new Set(credits.flatMap(({ credited, control, at }) => (credited ? [`${control}@${at}`] : [])));
  return knowledge.controls
    .filter((control) => control.maturity === "proven" && actsOf(control) === "closes")
    .flatMap((control) => {
      const closes = closedBy(control);
      return placesFor(control, graph)
        .map((at) => ({ id: `${control.id}@${at}`, control, at, closes }))
        .filter(({ id }) => !out.has(id) && !out.has(control.id) && !standing.has(id));
    });
}

/** Components of its kinds, and whatever else its entry names. */
export function placesFor({ appliesTo, planning, id }: Control, graph: SystemGraph): string[] {
  const also = new Set(planning?.alsoAt ?? []);
  const fits = graph.components.filter(({ kind }) => appliesTo.length === 0 || appliesTo.includes(kind));
  // An update is what secure updates are about; access is what everything else at a usual flow is about.
  const usual = graph.components.flatMap((component) =>
    graph.usualWays(component).filter(({ flow }) => id !== "C-88" || flow === "update"),
  );
  return [
    ...fits.map((component) => component.id),
    ...(also.has("boundary") ? graph.system.boundaries.map((boundary) => boundary.id) : []),
    ...(also.has("flow") ? graph.flows.map((flow) => flow.id) : []),
    ...(also.has("usual-flow") ? usual.map((way) => way.id) : []),
  ];
}

/** As the planner's program sees them: what they need and exclude counts only among what could be chosen or stands already. */
export function asPlanControls(
  candidates: readonly Candidate[],
  { controls: inPlace }: Pick<System, "controls">,
): { readonly controls: readonly PlanControl[]; readonly excludes: readonly (readonly [string, string])[] } {
  const byControl = Map.groupBy(candidates, ({ control }) => control.id);
  const named = new Set(inPlace.map(({ control }) => control));
  const ids = (control: string): string[] => (byControl.get(control) ?? []).map(({ id }) => id);
  const controls = candidates.map(({ id, control: { planning } }): PlanControl => ({
    id,
    tier: planning?.tier ?? "mitigation",
    cost: planning?.cost ?? COST_UNKNOWN,
    needs: (planning?.needs ?? []).flatMap(({ anyOf }) =>
      anyOf.some((other) => named.has(other)) ? [] : [anyOf.flatMap(ids)],
    ),
  }));
  const excludes = candidates.flatMap(({ id, control: { planning } }) =>
    (planning?.conflicts ?? []).flatMap((conflict) =>
      conflict.kind === "excludes"
        ? ids(conflict.with).flatMap((other): [string, string][] => (id < other ? [[id, other]] : []))
        : [],
    ),
  );
  return { controls, excludes };
}

export const costOf = ({ planning }: Control): number => totalCost(planning?.cost ?? COST_UNKNOWN);
