/** A model file or package that runs code when it is loaded. */
import { isFromOthers } from "#system/reach.ts";
import { maker } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:artefact-code-execution",
  threat: "T-11",
  title: "Model files or packages from others are loaded",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models)
      if (isFromOthers(model))
        yield {
          at: model,
          why: `files of ${model.title} come from ${maker(graph, model)}, and common model formats and packages can carry code that runs on loading`,
        };
  },
  otherwise: () => "no model file or part of one comes from others",
});
