/** What the training data have in common, or what a person in them did not say, told from the answers. */
import { NO_LEARNED_MODEL, isLearned, isTrainedOnPersonal } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:attribute-inference",
  threat: "T-18",
  title: "A learned model answers queries about data like those it was trained on",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models.filter(isLearned))
      yield {
        at: model,
        why: isTrainedOnPersonal(graph, model)
          ? `${model.title} was trained on personal data: its answers can betray traits of the people in it, singly or as a group`
          : `the answers of ${model.title} can betray what its training data have in common; no personal data are said to be in it, so this is about what else is secret there`,
      };
  },
  otherwise: () => NO_LEARNED_MODEL,
});
