/** Builds a System from few words, for tests: what is not said is the plainest thing it could be. */
import {
  system as systemSchema,
  type Component,
  type ComponentKind,
  type DataFlow,
  type Dataset,
  type Model,
  type System,
} from "#assessment/index.ts";

type ModelWords = Partial<Omit<Model, "origin" | "training">> & {
  readonly origin?: Partial<Model["origin"]>;
  readonly training?: Partial<Model["training"]>;
};
type ComponentWords =
  | ComponentKind
  | (Partial<Omit<Component, "id" | "kind" | "model" | "where">> & { readonly kind: ComponentKind } & {
      readonly model?: ModelWords;
    });
/** `imaging: [console, pacs]`, or boundaries inside a boundary. */
type BoundaryWords = { readonly [id: string]: readonly string[] | BoundaryWords };

export interface SystemWords {
  readonly components: Readonly<Record<string, ComponentWords>>;
  /** `console -> pacs -> router`, or a flow with more to say. */
  readonly flows?: readonly (string | (Partial<DataFlow> & { readonly from: string; readonly to: string }))[];
  readonly boundaries?: BoundaryWords;
  /** `AT-7 touches console, pacs`, or just `AT-9`. */
  readonly actors?: Readonly<Record<string, string>>;
  readonly assets?: Readonly<Record<string, { readonly personal?: boolean }>>;
  readonly datasets?: Readonly<Record<string, Partial<Omit<Dataset, "id" | "where">>>>;
  readonly rest?: Partial<System>;
}

const where = (line: number) => ({ file: "vauban.yaml", line, column: 1 });

/** A valid System, checked against the schema. Lines count up in the order of the words. */
export function systemOf(words: SystemWords): System {
  let line = 1;
  const next = () => where(++line);
  const components = Object.entries(words.components).map(([id, said]) => {
    const { kind, model, ...rest } = typeof said === "string" ? { kind: said } : said;
    return {
      id,
      kind,
      title: id,
      holds: [],
      usual: {},
      ...rest,
      ...(kind === "model" ? { model: modelOf(model ?? {}) } : {}),
      where: next(),
    };
  });
  const flows = (words.flows ?? []).flatMap((said) => {
    const base = { carries: [], signed: false, encrypted: false, authenticated: false };
    if (typeof said !== "string") return [{ ...base, id: `${said.from}->${said.to}`, ...said, where: next() }];
    const stops = said.split("->").map((stop) => stop.trim());
    const line = next();
    return stops.slice(1).map((to, i) => ({ ...base, id: `${stops[i]}->${to}`, from: stops[i]!, to, where: line }));
  });
  const boundaries: object[] = [];
  const nest = (inside: BoundaryWords, parent?: string): void => {
    for (const [id, content] of Object.entries(inside)) {
      const flat = Array.isArray(content);
      boundaries.push({ id, title: id, ...(parent ? { parent } : {}), components: flat ? content : [], where: next() });
      if (!flat) nest(content as BoundaryWords, id);
    }
  };
  nest(words.boundaries ?? {});
  const actors = Object.entries(words.actors ?? {}).map(([id, said]) => {
    const [profile, touches = ""] = said.split(" touches ");
    return {
      id,
      title: id,
      profile,
      touches: touches
        .split(",")
        .map((place) => place.trim())
        .filter((place) => place !== ""),
      knows: "black",
      byMethod: false,
      where: next(),
    };
  });
  return systemSchema.parse({
    format: "vauban/system/1",
    name: "Test system",
    purpose: "Shows one thing.",
    excluded: [],
    misuse: [],
    environment: "virtual",
    synthetic: true,
    law: { role: "provider", listing: "none", presumptions: [] },
    stage: "design",
    sector: "general",
    components,
    flows,
    boundaries,
    assets: Object.entries(words.assets ?? {}).map(([id, { personal = false }]) => ({
      id,
      title: id,
      security: "M",
      privacy: personal ? "H" : "VL",
      personal,
      where: next(),
    })),
    actors,
    datasets: Object.entries(words.datasets ?? {}).map(([id, said]) => ({
      id,
      title: id,
      role: "training",
      personal: false,
      ...said,
      where: next(),
    })),
    controls: [],
    tests: [],
    imports: [],
    harms: [],
    criteria: [],
    exclusions: [],
    exposures: [],
    reviewers: [],
    where: where(1),
    ...words.rest,
  }) as System;
}

function modelOf({ origin, training, ...rest }: ModelWords): Model {
  return {
    level: "deep",
    role: "advisory",
    task: "classification",
    onDevice: false,
    tools: false,
    untrustedContent: false,
    ...rest,
    origin: { trainedBy: "provider", ...origin },
    training: { continual: false, federated: false, personalData: false, datasets: [], ...training },
  };
}
