/** Accounts, keys and interfaces used by those they were not meant for. */
import type { ComponentKind } from "#assessment/index.ts";
import { placesOf } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

/** Stores and models that answer to outside parties are interfaces, whatever they were meant to be; machines are broken into (T-35). */
const ANSWERS: ReadonlySet<ComponentKind> = new Set(["database", "model"]);

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
    for (const component of graph.components.filter(({ kind }) => ANSWERS.has(kind))) {
      const outside = graph.flowsInto(component).filter(({ from }) => graph.component(from).kind === "external");
      if (outside.length > 0)
        yield {
          at: component,
          why: `${component.title} takes in what ${outside.map(({ from }) => graph.titleOf(from)).join(", ")} sends with no interface between: what lets one outside party in may let in others`,
        };
    }
  },
});
