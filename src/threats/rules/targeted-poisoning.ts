/** Few training examples, correctly labelled as often as not, that make the model fail on one chosen case. */
import { described, isTrainedHere, nothingTrained } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:targeted-poisoning",
  threat: "T-06",
  title: "A model is trained by the provider or on data of this system",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models.filter(isTrainedHere))
      yield {
        at: model,
        why: `a few examples among ${described(graph, model)}, each looking right, can be made to turn the answer of ${model.title} for one chosen case`,
      };
  },
  otherwise: nothingTrained,
});
