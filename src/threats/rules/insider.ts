/** People inside: their malice, their mistakes, and what they do not report. */
import { expectedMisuse } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:insider",
  threat: "T-36",
  title: "People build, run and use the system",
  altitude: "system",
  *find(graph) {
    yield {
      at: "system",
      why: `people with rights here can abuse them, err, or keep an incident to themselves${expectedMisuse(graph)}`,
    };
  },
});
