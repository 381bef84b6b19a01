/** The 25 cells of Art. 15(5): five verbs by five classes. The matrix is our reading of "where appropriate". */
import { ATTACK_CLASSES, VERBS } from "#assessment/scalars.ts";
import type { ClassCoverage, MatrixCell } from "#assessment/index.ts";
import { typesOfClass } from "./coverage.ts";
import type { Grounds } from "./rated.ts";

export function matrixOf(grounds: Grounds, coverage: readonly ClassCoverage[]): MatrixCell[] {
  const { credits, knowledge } = grounds;
  return ATTACK_CLASSES.flatMap((attackClass) => {
    const types = typesOfClass(grounds, attackClass);
    const excluded = coverage.find((entry) => entry.class === attackClass && entry.status === "excluded");
    return VERBS.map((verb): MatrixCell => {
      const standing = credits.filter(({ control }) => {
        const entry = knowledge.controls.find(({ id }) => id === control);
        return (
          entry !== undefined &&
          entry.maturity !== "broken" &&
          entry.verbs.includes(verb) &&
          entry.threats.some((id) => id === "all" || types.has(id))
        );
      });
      const credited = standing.filter((entry) => entry.credited);
      const names = (entries: typeof standing): string[] => [
        ...new Set(entries.map(({ control, at }) => `${control}@${at}`)),
      ];
      const cell = { class: attackClass, verb } as const;
      if (credited.length > 0)
        return {
          ...cell,
          state: "filled",
          controls: names(credited),
          because: credited.map(({ why }) => why).join("; "),
        };
      if (excluded) return { ...cell, state: "excluded", controls: names(standing), because: excluded.because };
      if (standing.length > 0)
        return {
          ...cell,
          state: "declared-only",
          controls: names(standing),
          because: [...new Set(standing.map(({ why }) => why))].join("; "),
        };
      return {
        ...cell,
        state: "empty",
        controls: [],
        because: `no control that would ${verb} is named for this class`,
      };
    });
  });
}
