/** Participants of a distributed training who send updates meant to spoil or turn the model. */
import { NO_LEARNED_MODEL, isLearned } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:federated-poisoning",
  threat: "T-10",
  title: "Training is federated or distributed among parties",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models)
      if (isLearned(model) && model.model.training.federated)
        yield {
          at: model,
          why: `${model.title} is made of updates that parties compute out of sight: one of them is enough to send a bad one`,
        };
  },
  otherwise: (graph) => (graph.models.some(isLearned) ? "no model is trained in a federated way" : NO_LEARNED_MODEL),
});
