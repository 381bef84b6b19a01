/** A model that behaves well until it is shown a sign agreed beforehand. */
import { isFromOthers } from "#system/reach.ts";
import { NO_LEARNED_MODEL, described, isLearned, isTrainedHere, maker } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:backdoor",
  threat: "T-08",
  title: "Training data or pretrained parts come from hands that could plant a trigger",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models.filter(isLearned)) {
      if (isFromOthers(model))
        yield {
          at: model,
          why: `${model.title} rests on parts from ${maker(graph, model)}: a trigger planted there shows in no test that does not know it`,
        };
      else if (isTrainedHere(model))
        yield {
          at: model,
          why: `a trigger planted in ${described(graph, model)} would be learned by ${model.title} and show in no test that does not know it`,
        };
    }
  },
  otherwise: () => NO_LEARNED_MODEL,
});
