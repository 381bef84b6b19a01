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
    // A model from others brings their files wherever it is made or run; the provider's own still rests on others' packages.
    const serving = new Set(
      graph.models.filter((model) => !isFromOthers(model)).flatMap((model) => [...graph.upstream(model)]),
    );
    for (const machine of graph.ofKind("compute")) {
      const suppliers = graph.flowsInto(machine).filter(({ from }) => graph.component(from).kind === "external");
      if (suppliers.length > 0 && serving.has(machine.id))
        yield {
          at: machine,
          why: `${machine.title}, on which a model is made or run, loads what ${suppliers.map(({ from }) => graph.titleOf(from)).join(", ")} delivers, and packages and common model formats can carry code that runs on loading`,
        };
    }
  },
  otherwise: () =>
    "no model file or part of one comes from others, and no party outside delivers to a machine a model is made or run on",
});
