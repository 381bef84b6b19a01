/** Inputs changed in the numbers, so that a learned model answers wrongly (domain rule: learned classifier or regressor). */
import { isPredictive } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:evasion",
  threat: "T-01",
  title: "A learned model scores, classifies or forecasts what it is shown",
  altitude: "component",
  *find(graph) {
    for (const model of graph.models.filter(isPredictive))
      yield {
        at: model,
        why: `${model.title} learned its ${model.model.task} from data: changes of its input made for the purpose, often too small to notice, can change its answer`,
      };
  },
  otherwise: () =>
    "no learned classifier, detector, regressor or forecaster whose input could be worked on: written rules fail as model flaws (T-04)",
});
