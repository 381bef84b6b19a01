/** Sensors told something that is not there, or kept from hearing what is. */
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:sensor-spoofing",
  threat: "T-03",
  title: "A sensor takes in signals that others can send",
  altitude: "component",
  *find(graph) {
    for (const sensor of graph.ofKind("sensor"))
      yield {
        at: sensor,
        why: `${sensor.title} believes what reaches it: a signal can be forged, drowned or replayed before any software sees it`,
      };
  },
  otherwise: () => "no component is a sensor",
});
