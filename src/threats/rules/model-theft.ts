/** Weights taken from where they lie: the device they run on, or the store or machine that keeps them. */
import { NO_LEARNED_MODEL, isLearned } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:model-theft",
  threat: "T-16",
  title: "A learned model runs on a device in others' hands, or what it is made of is kept in a store or machine",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models.filter(isLearned)) {
      if (model.model.onDevice)
        yield {
          at: model,
          why: `${model.title} lies on a device in others' hands: what it computes with can be read out or measured`,
        };
      for (const keeper of graph.keepersOf(model))
        yield {
          at: keeper,
          why: `${keeper.title} keeps what ${model.title} is made of: who can read there can take the model away whole`,
        };
    }
  },
  otherwise: (graph) =>
    graph.models.some(isLearned)
      ? "no model runs on a device in others' hands, and no store or machine is said to hold what one is made of; weights taken from elsewhere are unauthorised access (T-32) or intrusion (T-35)"
      : NO_LEARNED_MODEL,
});
