/** Accounts, keys and interfaces used by those they were not meant for. */
import { placesOf } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:unauthorised-access",
  threat: "T-32",
  title: "Every system has interfaces and accounts",
  altitude: "component",
  *find(graph) {
    for (const place of placesOf(graph, "interface"))
      yield {
        at: place,
        why:
          place === "system"
            ? "no interface is described, and yet the system is used and administered somehow: by accounts and keys that can be stolen or lent"
            : `${place.title} lets in whoever shows the right account or key, and those can be stolen, guessed or lent`,
      };
  },
});
