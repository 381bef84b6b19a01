/** A deployed model changed where it runs. */
import { isLearned } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:runtime-tampering",
  threat: "T-13",
  title: "A learned model runs where updates or other hands get to it",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models) {
      if (model.model.onDevice)
        yield {
          at: model,
          why: `${model.title} runs on a device in others' hands, where its weights and code can be changed`,
        };
      else if (isLearned(model))
        yield {
          at: model,
          why: `the weights of ${model.title} can be changed while it serves: by its update channel, by an administrator's account, or where it is stored`,
        };
    }
  },
  otherwise: () =>
    "no learned model, and none on a device in others' hands: changed rules come by the pipeline (T-12) or by access (T-32)",
});
