/** The people who should catch a wrong answer, led to accept it. */
import { expectedMisuse, placesOf } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:oversight-manipulation",
  threat: "T-37",
  title: "A person is to oversee what the model says",
  altitude: "component",
  *find(graph) {
    for (const place of placesOf(graph, "human"))
      yield {
        at: place,
        why:
          place === "system"
            ? `no person who oversees is described: nobody is placed to catch a wrong answer${expectedMisuse(graph)}`
            : `${place.title} sees the system's answer and tends to follow it, the more so the better it usually is${expectedMisuse(graph)}`,
      };
  },
});
