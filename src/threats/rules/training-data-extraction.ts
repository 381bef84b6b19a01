/** Training data kept word for word, and brought out again. */
import { NO_LEARNED_MODEL, isGenerative, isLearned, isTrainedOnPersonal } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:training-data-extraction",
  threat: "T-20",
  title: "A learned model was trained on personal data, or generates",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models.filter(isLearned)) {
      if (isGenerative(model))
        yield { at: model, why: `${model.title} can repeat what it was trained on, word for word` };
      else if (isTrainedOnPersonal(graph, model))
        yield { at: model, why: `${model.title} was trained on personal data and may have kept single records whole` };
    }
  },
  otherwise: (graph) =>
    graph.models.some(isLearned)
      ? "no model generates, and none is said to be trained on personal data"
      : NO_LEARNED_MODEL,
});
