/** Instructions hidden in what a model is given to read. */
import { NO_GENERATIVE_MODEL, isGenerative } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:indirect-injection",
  threat: "T-25",
  title: "A generative or large-scale model reads what comes across a trust boundary",
  altitude: "flow",
  *find(graph) {
    for (const model of graph.models.filter(isGenerative)) {
      if (model.model.untrustedContent)
        yield {
          at: model,
          why: `${model.title} is given content that people outside can write, and may follow instructions in it`,
        };
      for (const flow of graph.flowsInto(model))
        if (graph.crosses(flow).length > 0)
          yield {
            on: flow,
            why: `${model.title} reads what comes from ${graph.titleOf(flow.from)} across ${graph
              .crosses(flow)
              .map(({ title }) => title)
              .join(", ")}, and may follow instructions in it`,
          };
    }
  },
  otherwise: (graph) =>
    graph.models.some(isGenerative)
      ? "no generative model reads untrusted content or anything across a trust boundary"
      : NO_GENERATIVE_MODEL,
});
