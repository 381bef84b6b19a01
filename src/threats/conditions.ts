/** The conditions of the applicability table that several rules share, each in one place and one word. */
import type { Component, ComponentKind } from "#assessment/system.ts";
import type { ModelComponent, SystemGraph } from "#system/graph.ts";

/** Its behaviour was learned from data, not written down: rules and expert systems (S-27) are neither trained nor extracted. */
export const isLearned = ({ model }: ModelComponent): boolean => model.level !== "symbolic";

/** Takes instructions in its input: it generates, or it is a large-scale model, whatever it is used for. */
export const isGenerative = ({ model }: ModelComponent): boolean =>
  model.level === "large-scale" || (model.level !== "symbolic" && model.task === "generation");

/** Classifiers, detectors, regressors and forecasters: an input goes in, a score or figure comes out. */
export const isPredictive = (component: ModelComponent): boolean =>
  isLearned(component) && component.model.task !== "generation";

/** Some of its training happens under the provider's hand, or nobody says where. */
export const isTrainedHere = (component: ModelComponent): boolean => {
  const { origin, training } = component.model;
  return (
    isLearned(component) &&
    (origin.trainedBy !== "third-party" || training.datasets.length > 0 || training.continual || training.federated)
  );
};

export const isTrainedOnPersonal = (graph: SystemGraph, { model: { training } }: ModelComponent): boolean =>
  training.personalData || training.datasets.some((id) => graph.dataset(id)?.personal);

/** Who made the parts that others made, in the author's words. */
export const maker = (graph: SystemGraph, { model: { origin } }: ModelComponent): string =>
  origin.supplier !== undefined
    ? graph.titleOf(origin.supplier)
    : origin.pretrained === undefined
      ? "somebody the file does not name"
      : `the maker of ${origin.pretrained}`;

/** What the author expects to be misused, as the end of a sentence; nothing where nothing is said. */
export const expectedMisuse = ({ system: { misuse } }: SystemGraph): string =>
  misuse.length === 0 ? "" : `; misuse to be expected: ${misuse.map((said) => said.replace(/\.$/, "")).join("; ")}`;

/** What a model is trained on, in words. */
export function described(graph: SystemGraph, { model: { training } }: ModelComponent): string {
  return training.datasets.length > 0
    ? training.datasets.map((id) => graph.titleOf(id)).join(", ")
    : "training data the file does not describe";
}

/** What a generative model retrieves from: databases upstream of it, and whatever holds a knowledge base. */
export function knowledgeStores(graph: SystemGraph): readonly Component[] {
  const generative = graph.models.filter(isGenerative);
  const upstream = new Set(generative.flatMap((model) => [...graph.upstream(model)]));
  const bases = new Set(graph.system.datasets.filter(({ role }) => role === "knowledge-base").map(({ id }) => id));
  return graph.components.filter(
    (component) =>
      (component.kind === "database" && upstream.has(component.id)) ||
      (generative.length > 0 && component.holds.some((id) => bases.has(id))),
  );
}

/** Why nothing about training applies, in the words of this system. */
export function nothingTrained(graph: SystemGraph): string {
  return graph.models.every((model) => !isLearned(model))
    ? "symbolic system: its rules were written, and nothing is trained"
    : "nothing is trained by the provider or on data of this system; what was done to a model elsewhere arrives with it (T-08, T-09)";
}

export const NO_LEARNED_MODEL = "symbolic system: no model here was learned from data";
export const NO_GENERATIVE_MODEL = "no generative or large-scale model: nothing here takes instructions in its input";

/** Components of some kinds; the system as a whole where there is none, so that the threat is not lost with the description. */
export function placesOf(graph: SystemGraph, ...kinds: readonly ComponentKind[]): readonly (Component | "system")[] {
  const found = graph.ofKind(...kinds);
  return found.length > 0 ? found : ["system"];
}

export const titleOf = (graph: SystemGraph, place: Component | "system"): string =>
  place === "system" ? graph.system.name : place.title;
