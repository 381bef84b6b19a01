import { expect, test } from "vitest";
import type { PlannedControl } from "#assessment/index.ts";
import { plannedByControl } from "./planned.ts";

const planned = (
  control: string,
  at: string,
  contributes: readonly string[],
  rest: Partial<PlannedControl> = {},
): PlannedControl => ({
  control,
  at,
  title: control,
  tier: "design",
  cost: { effort: 2, latency: 1, accuracy: 0, transparency: 0 },
  evidence: ["a test"],
  contributes,
  needs: [],
  raises: [],
  strains: [],
  required: false,
  ...rest,
});

test("one control at several places is one entry, its cost added up, its most valuable place first", () => {
  const controls = [
    planned("C-71", "a", ["x"], { needs: ["C-73"], raises: ["T-01"] }),
    planned("C-53", "m", ["x", "y", "z", "w"], { tier: "mitigation" }),
    planned("C-66", "b", ["x", "y"]),
    planned("C-71", "c", ["x", "y"], { needs: ["C-73"], raises: ["T-01"] }),
  ];
  const groups = plannedByControl(controls);
  expect(groups.map(({ control, tier, places }) => [control, tier, places.map(({ at }) => at)])).toEqual([
    ["C-71", "design", ["c", "a"]],
    ["C-66", "design", ["b"]],
    ["C-53", "mitigation", ["m"]],
  ]);
  expect(groups[0]).toMatchObject({
    cost: { effort: 4, latency: 2, accuracy: 0, transparency: 0 },
    needs: ["C-73"],
    raises: ["T-01"],
  });
});
