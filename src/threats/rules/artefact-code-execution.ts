/** A model file or package that runs code when it is loaded. */
import { isFromOthers } from "#system/reach.ts";
import { maker } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

/** Endings of files that are programs for whoever loads them, or that carry one: pickles and what wraps them, layers with code. */
const PROGRAM = /\.(pkl|pickle|dill|joblib|sav|pt|pth|ckpt|bin|npy|npz|h5|hdf5|keras|pb|mar|nemo)$/i;

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
    for (const component of graph.components) {
      if (component.model && graph.models.some((model) => model.id === component.id && isFromOthers(model))) continue;
      const own = component.model?.artefact;
      const parts = (component.files ?? []).map(({ path }) => path);
      const named = [...(own !== undefined && PROGRAM.test(own) ? [own] : []), ...parts];
      if (named.length > 0)
        yield {
          at: component,
          why: `${component.title} is loaded from ${named.join(", ")}: whoever can write ${named.length === 1 ? "that file" : "those files"} decides what runs on loading, as far as the format lets it`,
        };
    }
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
    "no model file or part of one comes from others or is named in a format that can carry code, and no party outside delivers to a machine a model is made or run on",
});
