/** Inputs that cost a model far more than they should. */
import { NO_LEARNED_MODEL, isGenerative, isLearned } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:sponge",
  threat: "T-31",
  title: "A learned model spends more on some inputs than on others",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models.filter((candidate) => isLearned(candidate) || candidate.model.tools))
      yield {
        at: model,
        why: isGenerative(model)
          ? `${model.title} writes and loops as long as its input makes it: time, energy and money go with it`
          : `inputs can be made to cost ${model.title} and what prepares them more time and energy than usual ones`,
      };
  },
  otherwise: () => NO_LEARNED_MODEL,
});
