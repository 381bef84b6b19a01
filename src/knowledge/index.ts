/** The knowledge this version was built with: checked once, then handed on with its hash. */
import {
  knowledge as knowledgeSchema,
  type AttackerProfile,
  type Clause,
  type Control,
  type Knowledge,
  type SectorPack,
  type ThreatType,
} from "#assessment/index.ts";
import { nearest } from "#base/diagnostics.ts";
import entries from "./entries.gen.json" with { type: "json" };

let checked: Knowledge | undefined;

/** All entries. Validates them on the first call; throws when the generated file does not fit the schema, which is our mistake. */
export function loadKnowledge(): Knowledge {
  checked ??= knowledgeSchema.parse(entries) as Knowledge;
  return checked;
}

const byId = <Item extends { readonly id: string }>(items: (all: Knowledge) => readonly Item[]) => {
  let index: ReadonlyMap<string, Item> | undefined;
  return (id: string): Item | undefined => {
    index ??= new Map(items(loadKnowledge()).map((item) => [item.id, item]));
    return index.get(id);
  };
};

export const threatType: (id: string) => ThreatType | undefined = byId((all) => all.threats);
export const control: (id: string) => Control | undefined = byId((all) => all.controls);
export const clause: (id: string) => Clause | undefined = byId((all) => all.clauses);
export const profile: (id: string) => AttackerProfile | undefined = byId((all) => all.profiles);
export const sector: (id: string) => SectorPack | undefined = byId((all) => all.sectors);

/** The controls the catalogue offers against a threat: those that name it first, then those for all threats. */
export function controlsFor(threat: string, all: Knowledge = loadKnowledge()): readonly Control[] {
  const named = all.controls.filter(({ threats }) => threats.some((id) => id === threat));
  return [...named, ...all.controls.filter(({ threats }) => threats.includes("all"))];
}

/** Subjects that are not an entry but can be explained. */
export const TOPICS = ["not-tried"] as const;

/** Everything `explain` answers to: ids of all kinds, the readable names of threats, sectors, and the topics. */
export function explainableIds(all: Knowledge = loadKnowledge()): readonly string[] {
  return [
    ...TOPICS,
    ...all.threats.flatMap(({ id, slug }) => [id, slug]),
    ...all.controls.map(({ id }) => id),
    ...all.clauses.map(({ id }) => id),
    ...all.profiles.map(({ id }) => id),
    ...all.sectors.map(({ id }) => id),
  ];
}

/** The id that was probably meant, if one is near enough. */
export function suggestion(id: string, all: Knowledge = loadKnowledge()): string | undefined {
  return nearest(id, explainableIds(all));
}

export { explain, explanationText, TRIED_HERE, type Explanation } from "./explain.ts";
