/** What a model retrieves from, read by those it was not meant for. */
import { NO_GENERATIVE_MODEL, isGenerative, knowledgeStores } from "#threats/conditions.ts";
import { defineRule } from "#threats/rule.ts";

export default defineRule({
  id: "rule:retrieval-leak",
  threat: "T-23",
  title: "A generative model retrieves from a store, or takes in content of others",
  altitude: "component",
  *find(graph) {
    for (const store of knowledgeStores(graph))
      yield {
        at: store,
        why: `a generative model retrieves from ${store.title} and may show one party what belongs to another; embeddings give back much of their text`,
      };
    for (const model of graph.models.filter(isGenerative))
      if (model.model.untrustedContent)
        yield { at: model, why: `${model.title} works on content of several parties in one context` };
  },
  otherwise: (graph) =>
    graph.models.some(isGenerative)
      ? "no generative model retrieves from a store or takes in content of others"
      : NO_GENERATIVE_MODEL,
});
