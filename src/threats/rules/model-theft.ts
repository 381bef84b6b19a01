/** Weights taken from the device they run on, or read off its side channels. */
import { NO_LEARNED_MODEL, isLearned } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:model-theft",
  threat: "T-16",
  title: "A learned model runs on a device in others' hands",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models)
      if (isLearned(model) && model.model.onDevice)
        yield {
          at: model,
          why: `${model.title} lies on a device in others' hands: what it computes with can be read out or measured`,
        };
  },
  otherwise: (graph) =>
    graph.models.some(isLearned)
      ? "no model runs on a device in others' hands; weights taken from a server are unauthorised access (T-32) or intrusion (T-35)"
      : NO_LEARNED_MODEL,
});
