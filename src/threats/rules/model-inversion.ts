/** Training examples, or something much like them, rebuilt from the answers. */
import { NO_LEARNED_MODEL, isLearned, isTrainedOnPersonal } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:model-inversion",
  threat: "T-19",
  title: "A learned model answers queries about data like those it was trained on",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models.filter(isLearned))
      yield {
        at: model,
        why: isTrainedOnPersonal(graph, model)
          ? `${model.title} was trained on personal data: likenesses of it can be rebuilt from what the model has kept`
          : `likenesses of training examples can be rebuilt from what ${model.title} has kept; no personal data are said to be in it, so this is about what else is secret there`,
      };
  },
  otherwise: () => NO_LEARNED_MODEL,
});
