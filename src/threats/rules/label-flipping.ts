/** Labels changed or given wrongly, by malice or by mistake. */
import { described, isTrainedHere, nothingTrained } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:label-flipping",
  threat: "T-07",
  title: "A model is trained on labelled data",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models.filter(isTrainedHere))
      if (model.model.task !== "generation")
        yield {
          at: model,
          why: `${model.title} takes the labels of ${described(graph, model)} for the truth, and people or suppliers give them`,
        };
  },
  otherwise: (graph) =>
    graph.models.some(isTrainedHere) ? "nothing is trained on labels: the models here generate" : nothingTrained(graph),
});
