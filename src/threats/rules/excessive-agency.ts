/** A model with tools, brought to use them against the system or its users. */
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:excessive-agency",
  threat: "T-29",
  title: "A model can call tools or act",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models)
      if (model.model.tools)
        yield { at: model, why: `${model.title} can act through tools, with whatever rights they carry` };
  },
  otherwise: () => "no model has tools or acts by itself",
});
