/** A copy of the model, made by asking it. */
import { NO_LEARNED_MODEL, isLearned } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:model-extraction",
  threat: "T-15",
  title: "A learned model answers queries",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models.filter(isLearned))
      yield {
        at: model,
        why: `each answer of ${model.title} tells something about it: with enough of them a copy can be trained`,
      };
  },
  otherwise: () => NO_LEARNED_MODEL,
});
