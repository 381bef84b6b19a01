/** A pretrained part, an adapter or a whole model that was tampered with before it came. */
import { isFromOthers } from "#system/reach.ts";
import { NO_LEARNED_MODEL, isLearned, maker } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:model-poisoning",
  threat: "T-09",
  title: "A learned model, or a part of one, comes from others",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models.filter(isLearned))
      if (isFromOthers(model))
        yield {
          at: model,
          why: `${model.title} is, or builds on, a model made by ${maker(graph, model)}: who changes it there changes it here`,
        };
  },
  otherwise: (graph) =>
    graph.models.some(isLearned)
      ? "every learned model was trained by the provider, with no pretrained part"
      : NO_LEARNED_MODEL,
});
