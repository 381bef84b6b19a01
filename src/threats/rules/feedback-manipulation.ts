/** A system that learns from its own use, led astray by those who use it. */
import { NO_LEARNED_MODEL, isLearned } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:feedback-manipulation",
  threat: "T-14",
  title: "A model keeps learning, or its outputs flow back into its training data",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models.filter(isLearned)) {
      const back = graph.trainingStoresOf(model).filter(({ id }) => graph.downstream(model).has(id));
      if (model.model.training.continual)
        yield {
          at: model,
          why: `${model.title} keeps learning in operation: who feeds it slowly enough moves what it takes for normal`,
        };
      else if (back.length > 0)
        yield {
          at: model,
          why: `what ${model.title} puts out finds its way back into ${back.map(({ title }) => title).join(", ")}, from which it is trained`,
        };
    }
  },
  otherwise: (graph) =>
    graph.models.some(isLearned)
      ? "no model learns in operation, and no output flows back into what one is trained on"
      : NO_LEARNED_MODEL,
});
