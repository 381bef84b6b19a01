/** The system kept from answering. */
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:denial-of-service",
  threat: "T-30",
  title: "Every system can be kept from working",
  altitude: "system",
  *find(graph) {
    const { name, purpose } = graph.system;
    yield {
      at: "system",
      why: `whoever relies on ${name} is without it when a part is flooded, encrypted or cut off; its purpose: ${purpose}`,
    };
  },
});
