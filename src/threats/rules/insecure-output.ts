/** Output of a model, run or rendered as if the system itself had written it. */
import { NO_GENERATIVE_MODEL, isGenerative } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:insecure-output",
  threat: "T-28",
  title: "A generative or large-scale model writes what other components use",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models.filter(isGenerative))
      yield {
        at: model,
        why: `what ${model.title} writes ${
          graph.flowsOutOf(model).length > 0
            ? `goes to ${graph
                .flowsOutOf(model)
                .map(({ to }) => graph.titleOf(to))
                .join(", ")}`
            : "is shown or used somewhere"
        }, where markup, links or commands in it could take effect`,
      };
  },
  otherwise: () => NO_GENERATIVE_MODEL,
});
