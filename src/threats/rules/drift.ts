/** The world moves on, and the model does not notice. */
import { isLearned } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:drift",
  threat: "T-34",
  title: "A model was right about a world that changes",
  altitude: "component",
  *find(graph) {
    const learned = graph.models.filter(isLearned);
    for (const model of learned.length > 0 ? learned : graph.models)
      yield {
        at: model,
        why: `${model.title} was made for the world as it was: equipment, people and habits change, and its answers get worse without any attack`,
      };
  },
});
