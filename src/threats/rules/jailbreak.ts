/** A model talked out of the limits it was given. */
import { NO_GENERATIVE_MODEL, isGenerative } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:jailbreak",
  threat: "T-26",
  title: "A generative or large-scale model is kept within limits by training or instruction",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models.filter(isGenerative))
      yield {
        at: model,
        why: `what ${model.title} refuses, it refuses by habit and not by lock: wordings that get round it are traded openly`,
      };
  },
  otherwise: () => NO_GENERATIVE_MODEL,
});
