/** Whether somebody's record was among the training data, told from the answers. */
import { NO_LEARNED_MODEL, isLearned, isTrainedOnPersonal } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:membership-inference",
  threat: "T-17",
  title: "A learned model answers queries about data like those it was trained on",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models.filter(isLearned))
      yield {
        at: model,
        why: isTrainedOnPersonal(graph, model)
          ? `${model.title} was trained on personal data and is surer of what it has seen: its answers can tell whose data they were`
          : `${model.title} is surer of what it has seen: its answers can tell what was in its training data; no personal data are said to be in it, so this is about what else is secret there`,
      };
  },
  otherwise: () => NO_LEARNED_MODEL,
});
