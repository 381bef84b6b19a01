/** Records that are missing when they are needed, or were changed. */
import { placesOf } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:log-tampering",
  threat: "T-33",
  title: "What happened has to be told from logs",
  altitude: "component",
  *find(graph) {
    for (const place of placesOf(graph, "monitoring"))
      yield {
        at: place,
        why:
          place === "system"
            ? "no monitoring is described: nothing would show afterwards what happened"
            : `${place.title} is what tells afterwards what happened, so who wants to hide something starts there`,
      };
  },
});
