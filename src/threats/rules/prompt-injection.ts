/** Instructions typed by the user that the model takes for its maker's. */
import { NO_GENERATIVE_MODEL, isGenerative } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:prompt-injection",
  threat: "T-24",
  title: "A generative or large-scale model takes text from its users",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models.filter(isGenerative))
      yield { at: model, why: `${model.title} cannot tell its maker's instructions from its user's for certain` };
  },
  otherwise: () => NO_GENERATIVE_MODEL,
});
