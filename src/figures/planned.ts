/** A plan's controls as people read them: one control at several places is one entry. */
import type { ControlCost, PlannedControl } from "#assessment/index.ts";

export interface PlannedGroup extends Pick<PlannedControl, "control" | "title" | "tier" | "evidence" | "raises"> {
  /** The places it is planned at, most valuable first. */
  readonly places: readonly PlannedControl[];
  /** Of all places together. */
  readonly cost: ControlCost;
  readonly strains: PlannedControl["strains"];
  readonly needs: readonly string[];
}

/** The controls in their tiers' order; within a tier what most threats hang on comes first. */
export function plannedByControl(controls: readonly PlannedControl[]): PlannedGroup[] {
  const tiers = [...new Set(controls.map(({ tier }) => tier))];
  return tiers.flatMap((tier) =>
    [
      ...Map.groupBy(
        controls.filter((control) => control.tier === tier),
        ({ control }) => control,
      ).values(),
    ]
      .map(groupOf)
      .toSorted((a, b) => worthOf(b) - worthOf(a)),
  );
}

const worthOf = ({ places }: PlannedGroup): number =>
  places.reduce((sum, { contributes }) => sum + contributes.length, 0);

function groupOf(places: readonly PlannedControl[]): PlannedGroup {
  const { control, title, tier, evidence } = places[0]!;
  const cost = { effort: 0, latency: 0, accuracy: 0, transparency: 0 };
  for (const place of places)
    for (const kind of Object.keys(cost) as (keyof ControlCost)[]) cost[kind] += place.cost[kind];
  const once = <Item>(items: readonly Item[]): Item[] => [
    ...new Map(items.map((item) => [JSON.stringify(item), item])).values(),
  ];
  return {
    control,
    title,
    tier,
    evidence,
    places: places.toSorted((a, b) => b.contributes.length - a.contributes.length),
    cost,
    raises: once(places.flatMap(({ raises }) => raises)),
    strains: once(places.flatMap(({ strains }) => strains)),
    needs: once(places.flatMap(({ needs }) => needs)),
  };
}
