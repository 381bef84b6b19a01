/** A model outside what it was made for: found by chance, or looked for. */
import { isLearned } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:model-flaw",
  threat: "T-04",
  title: "A model can be shown what it was not made for",
  altitude: "component",
  *find(graph) {
    const { excluded } = graph.system;
    const outside = excluded.length > 0 ? `, such as ${excluded.join(", ")}` : "";
    for (const model of graph.models)
      yield {
        at: model,
        why: isLearned(model)
          ? `${model.title} answers for inputs unlike those it was made for as well${outside}, and nothing in the answer need show it`
          : `the rules of ${model.title} have cases nobody thought of${outside}, and whoever knows the rules can look for them`,
      };
  },
});
