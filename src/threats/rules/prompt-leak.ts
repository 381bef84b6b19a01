/** Hidden instructions and context, talked out of a model. */
import { NO_GENERATIVE_MODEL, isGenerative } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:prompt-leak",
  threat: "T-22",
  title: "A generative or large-scale model works under instructions",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models.filter(isGenerative))
      yield {
        at: model,
        why: `${model.title} holds its instructions in the same text as its input, and can be brought to repeat them`,
      };
  },
  otherwise: () => NO_GENERATIVE_MODEL,
});
