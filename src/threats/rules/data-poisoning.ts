/** Training data spoiled so that the model as a whole gets worse. */
import { described, isTrainedHere, nothingTrained } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:data-poisoning",
  threat: "T-05",
  title: "A model is trained by the provider or on data of this system",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models.filter(isTrainedHere))
      yield {
        at: model,
        why: `${model.title} learns from ${described(graph, model)}: who can write enough of it spoils what is learned`,
      };
  },
  otherwise: nothingTrained,
});
