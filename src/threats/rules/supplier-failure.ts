/** Suppliers who change, fail or turn. */
import { isFromOthers } from "#system/reach.ts";
import { maker } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:supplier-failure",
  threat: "T-38",
  title: "Something the system needs comes from others",
  altitude: "component",
  *find(graph) {
    const external = graph.ofKind("external");
    for (const supplier of external)
      yield {
        at: supplier,
        why: `${supplier.title} is in others' hands: they can change it, stop it or be taken over, without telling`,
      };
    const named = new Set(external.map(({ id }) => id));
    const bought = graph.models.filter((model) => isFromOthers(model) && !named.has(model.model.origin.supplier ?? ""));
    for (const model of bought)
      yield { at: model, why: `${model.title} rests on what ${maker(graph, model)} delivers, changes or withdraws` };
    if (external.length === 0 && bought.length === 0)
      yield { at: "system", why: "no supplier is described, yet hardware, libraries and hosting come from somewhere" };
  },
});
