/** Things changed in the world in front of a sensor, so that a learned model answers wrongly. */
import { isPredictive } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:physical-evasion",
  threat: "T-02",
  title: "A sensor in the physical world feeds a learned model",
  altitude: "component",
  *find(graph) {
    if (graph.system.environment === "virtual") return;
    for (const model of graph.models.filter(isPredictive)) {
      const sensors = graph.sensorsOf(model).map(({ title }) => title);
      if (sensors.length > 0)
        yield {
          at: model,
          why: `${model.title} sees a physical scene through ${sensors.join(", ")}, and whoever is in that scene can change it`,
        };
    }
  },
  otherwise: ({ system }) =>
    system.environment === "virtual"
      ? "the system meets no physical environment"
      : "no sensor feeds a learned model, so nothing placed in the world reaches one",
});
