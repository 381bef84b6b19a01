/** Entries planted in what a model retrieves or remembers. */
import { NO_GENERATIVE_MODEL, isGenerative, knowledgeStores } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:context-poisoning",
  threat: "T-27",
  title: "A generative model retrieves or remembers what others can write",
  altitude: "component",
  *find(graph) {
    for (const store of knowledgeStores(graph))
      yield {
        at: store,
        why: `a generative model believes what ${store.title} returns: an entry planted there speaks in every later answer`,
      };
    for (const model of graph.models.filter(isGenerative))
      if (model.model.untrustedContent)
        yield {
          at: model,
          why: `content of others stays in the context of ${model.title} and colours what it says next`,
        };
  },
  otherwise: (graph) =>
    graph.models.some(isGenerative)
      ? "no generative model retrieves, remembers or takes in content of others"
      : NO_GENERATIVE_MODEL,
});
