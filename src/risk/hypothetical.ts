/** The mark of evidence that does not exist: what-if puts it there to be looked at, and nothing may keep it. */
import type { Evidence } from "#assessment/index.ts";

/** Evidence of a trial is named by its hash (`ev-…`), so no real item begins like this. */
export const HYPOTHETICAL = "what-if:";

export const isHypothetical = ({ id }: Pick<Evidence, "id">): boolean => id.startsWith(HYPOTHETICAL);
