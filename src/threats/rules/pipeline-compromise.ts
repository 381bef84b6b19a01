/** The place where a model is made, taken over. */
import { isLearned, isTrainedHere } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:pipeline-compromise",
  threat: "T-12",
  title: "A model or rule base is built by the provider",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models)
      if (isTrainedHere(model) || !isLearned(model))
        yield {
          at: model,
          why: `whoever gets into the place where ${model.title} is ${isLearned(model) ? "trained and packed" : "written and packed"} decides what is shipped`,
        };
  },
  otherwise: () =>
    "nothing is trained, written or packed by the provider: its suppliers' pipelines are theirs (T-09, T-38)",
});
