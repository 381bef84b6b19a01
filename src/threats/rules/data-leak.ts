/** Inputs, outputs or logs that get to where they should not. */
import { defineRule } from "#threats/rule.ts";

/** Here data pass, or belong to the person; who gets in here is unauthorised access (T-32) or oversight (T-37). */
const PASSES_ON: ReadonlySet<string> = new Set(["sensor", "interface", "human"]);

export default defineRule({
  id: "rule:data-leak",
  threat: "T-21",
  title: "Data are kept: in databases, in logs, or anywhere personal",
  altitude: "component",
  *find(graph) {
    const kept = graph.components.filter(
      (component) =>
        component.kind === "database" ||
        component.kind === "monitoring" ||
        (graph.holdsPersonal(component) && !PASSES_ON.has(component.kind)),
    );
    for (const store of kept)
      yield {
        at: store,
        why: `${store.title} keeps ${store.holds.length > 0 ? store.holds.map((id) => graph.titleOf(id)).join(", ") : "what passes through the system"}${graph.holdsPersonal(store) ? ", personal data among it" : ""}, and copies leave no gap`,
      };
    if (kept.length === 0)
      yield {
        at: "system",
        why: "inputs and outputs pass through the system, and nothing says where they are kept or that they are not",
      };
  },
});
