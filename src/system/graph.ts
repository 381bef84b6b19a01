/** The view that answers questions about a System: who flows into what, which boundaries a flow crosses, who holds what. */
import type {
  Actor,
  Asset,
  Boundary,
  Component,
  ComponentKind,
  DataFlow,
  Dataset,
  Model,
  System,
  UsualFlow,
} from "#assessment/system.ts";
import { USUAL_FLOWS_OF } from "./usual.ts";

/** A component that is a model, with its model part at hand. */
export type ModelComponent = Component & { readonly model: Model };
export type TechnologyLevel = Model["level"];

/** A usual flow that may exist at a component, and what the author says about it. */
export interface UsualWay {
  readonly flow: UsualFlow;
  /** `usual:backup@pacs` */
  readonly id: string;
  /** "unanswered" and "none" count as existing all the same: the first is a gap, the second a claim (METHOD §5). */
  readonly answer: string;
}

/** Where a model stands together with something else. */
export interface Zone {
  /** Boundary id, or `system` when no boundary holds the model and another component. */
  readonly id: string;
  readonly title: string;
  readonly components: readonly string[];
}

/** The place of a threat that is to the system as a whole, and the zone of what stands in no boundary. */
export const SYSTEM_PLACE = "system";

/** Adjacency is built once; every question afterwards costs what it returns. Ids that nothing declares throw: the reader checked them. */
export class SystemGraph {
  readonly system: System;
  readonly #components: ReadonlyMap<string, Component>;
  readonly #flows: ReadonlyMap<string, DataFlow>;
  readonly #boundaries: ReadonlyMap<string, Boundary>;
  readonly #actors: ReadonlyMap<string, Actor>;
  readonly #assets: ReadonlyMap<string, Asset>;
  readonly #datasets: ReadonlyMap<string, Dataset>;
  readonly #into = new Map<string, DataFlow[]>();
  readonly #outOf = new Map<string, DataFlow[]>();
  readonly #holders = new Map<string, Component[]>();
  readonly #home = new Map<string, Boundary>();
  readonly #around = new Map<string, readonly Boundary[]>();
  readonly #inside = new Map<string, string[]>();
  #models: readonly ModelComponent[] | undefined;
  readonly #upstream = new Map<string, ReadonlySet<string>>();
  readonly #downstream = new Map<string, ReadonlySet<string>>();
  readonly #crosses = new Map<DataFlow, readonly Boundary[]>();
  readonly #roles = new Map<DataFlow, "input" | "delivery" | "either">();
  readonly #crossedBy = new Map<DataFlow, readonly string[]>();
  readonly #usualWays = new Map<Component, readonly UsualWay[]>();

  constructor(system: System) {
    this.system = system;
    this.#components = byId(system.components);
    this.#flows = byId(system.flows);
    this.#boundaries = byId(system.boundaries);
    this.#actors = byId(system.actors);
    this.#assets = byId(system.assets);
    this.#datasets = byId(system.datasets);
    for (const flow of system.flows) {
      this.component(flow.from);
      this.component(flow.to);
      append(this.#outOf, flow.from, flow);
      append(this.#into, flow.to, flow);
    }
    for (const component of system.components)
      for (const held of component.holds) append(this.#holders, held, component);
    for (const boundary of system.boundaries)
      for (const id of boundary.components) {
        this.component(id);
        this.#home.set(id, boundary);
      }
    for (const { id } of system.components) {
      const around = this.#chain(this.#home.get(id));
      this.#around.set(id, around);
      for (const boundary of around) append(this.#inside, boundary.id, id);
    }
  }

  get components(): readonly Component[] {
    return this.system.components;
  }
  get flows(): readonly DataFlow[] {
    return this.system.flows;
  }
  get models(): readonly ModelComponent[] {
    return (this.#models ??= this.system.components.filter(isModel));
  }

  component(id: string): Component {
    return known(this.#components, id, "component");
  }
  flow(id: string): DataFlow {
    return known(this.#flows, id, "flow");
  }
  actor(id: string): Actor {
    return known(this.#actors, id, "actor");
  }
  isComponent(id: string): boolean {
    return this.#components.has(id);
  }
  isFlow(id: string): boolean {
    return this.#flows.has(id);
  }
  isBoundary(id: string): boolean {
    return this.#boundaries.has(id);
  }

  /** Title of whatever bears this id; the id itself where nothing does. */
  titleOf(id: string): string {
    if (id === SYSTEM_PLACE && !this.#components.has(id)) return this.system.name;
    const flow = this.#flows.get(id);
    if (flow) return `${this.titleOf(flow.from)} → ${this.titleOf(flow.to)}`;
    const named = this.#components.get(id) ?? this.#boundaries.get(id) ?? this.#actors.get(id);
    return named?.title ?? this.#datasets.get(id)?.title ?? this.#assets.get(id)?.title ?? id;
  }

  ofKind(...kinds: readonly ComponentKind[]): readonly Component[] {
    return this.system.components.filter(({ kind }) => kinds.includes(kind));
  }
  modelsOf(...levels: readonly TechnologyLevel[]): readonly ModelComponent[] {
    return this.models.filter(({ model }) => levels.includes(model.level));
  }

  flowsInto(of: string | Component): readonly DataFlow[] {
    return this.#into.get(idOf(of)) ?? [];
  }
  flowsOutOf(of: string | Component): readonly DataFlow[] {
    return this.#outOf.get(idOf(of)) ?? [];
  }

  /** The innermost boundary a component stands in. */
  boundaryOf(of: string | Component): Boundary | undefined {
    return this.#home.get(idOf(of));
  }
  /** Every boundary around a component, innermost first. */
  boundariesAround(of: string | Component): readonly Boundary[] {
    return this.#around.get(idOf(of)) ?? [];
  }
  /** Components inside a boundary, however deep. */
  within(boundary: string): readonly string[] {
    return this.#inside.get(boundary) ?? [];
  }
  /** Every boundary a flow enters or leaves, nested ones each for itself. Empty: it stays within one zone. */
  crosses(flow: DataFlow): readonly Boundary[] {
    return memo(this.#crosses, flow, ({ from, to }) => {
      const left = this.boundariesAround(from);
      const entered = this.boundariesAround(to);
      return [
        ...left.filter((boundary) => !entered.includes(boundary)),
        ...entered.filter((boundary) => !left.includes(boundary)),
      ];
    });
  }

  /** The ids of the boundaries a flow crosses. */
  crossedBy(flow: DataFlow): readonly string[] {
    return memo(this.#crossedBy, flow, () => this.crosses(flow).map(({ id }) => id));
  }

  /** Components from which flows lead to this one, however far; the component itself only on a cycle. */
  upstream(of: string | Component): ReadonlySet<string> {
    return memo(this.#upstream, idOf(of), (id) => closure(id, (at) => this.flowsInto(at).map(({ from }) => from)));
  }
  /** Components to which flows lead from this one, however far; the component itself only on a cycle. */
  downstream(of: string | Component): ReadonlySet<string> {
    return memo(this.#downstream, idOf(of), (id) => closure(id, (at) => this.flowsOutOf(at).map(({ to }) => to)));
  }

  /** Components that hold an asset or a dataset. */
  holdersOf(held: string): readonly Component[] {
    return this.#holders.get(held) ?? [];
  }
  /** The components that hold what a model is trained on, as far as the file says. */
  trainingStoresOf({ model: { training } }: ModelComponent): readonly Component[] {
    return [...new Set(training.datasets.flatMap((id) => this.holdersOf(id)))];
  }
  /** Where training data can be altered: the stores, and the machines they feed, which have the data in hand. */
  trainingPlacesOf(model: ModelComponent): readonly Component[] {
    const stores = this.trainingStoresOf(model);
    const fed = stores
      .filter(({ kind }) => kind !== "compute")
      .flatMap((store) => this.flowsOutOf(store).map(({ to }) => this.component(to)));
    return [...new Set([...stores, ...fed.filter(({ kind }) => kind === "compute")])];
  }
  /** Stores and machines, other than the model, that hold something the model is said to hold: weights, rules, code. */
  keepersOf(model: ModelComponent): readonly Component[] {
    const kept = model.holds.flatMap((id) => this.holdersOf(id));
    return [...new Set(kept)].filter(({ kind }) => kind === "database" || kind === "compute");
  }
  /** Sensors whose data flow to a component, however far. */
  sensorsOf(of: string | Component): readonly Component[] {
    const upstream = this.upstream(of);
    return this.system.components.filter(({ id, kind }) => kind === "sensor" && upstream.has(id));
  }
  asset(id: string): Asset | undefined {
    return this.#assets.get(id);
  }
  dataset(id: string): Dataset | undefined {
    return this.#datasets.get(id);
  }
  /** Whether a component holds personal data: an asset or a dataset marked personal. */
  holdsPersonal(component: Component): boolean {
    return component.holds.some((id) => this.#assets.get(id)?.personal || this.#datasets.get(id)?.personal);
  }

  /**
   * What a flow is to the model it flows into: `delivery` where it carries only what the model is made of (what the model holds),
   * `input` where it carries none of that, `either` where the file does not say or the flow leads elsewhere.
   */
  roleOf(flow: DataFlow): "input" | "delivery" | "either" {
    return memo(this.#roles, flow, ({ to, carries }) => {
      const model = this.component(to);
      if (!isModel(model) || carries.length === 0 || model.holds.length === 0) return "either";
      const own = carries.filter((id) => model.holds.includes(id)).length;
      return own === 0 ? "input" : own === carries.length ? "delivery" : "either";
    });
  }

  /** The usual flows that may exist at a component: those its kind asks for, and any other the author names. */
  usualWays(component: Component): readonly UsualWay[] {
    return memo(this.#usualWays, component, ({ id, kind, usual }) => {
      const asked = new Set<UsualFlow>(USUAL_FLOWS_OF[kind]);
      for (const [flow, answer] of Object.entries(usual) as [UsualFlow, string][])
        if (answer !== "none") asked.add(flow);
      return [...asked].map((flow) => ({
        flow,
        id: `usual:${flow}@${id}`,
        answer: usual[flow] ?? "unanswered",
      }));
    });
  }

  /** The innermost boundary that holds the model and something else; where none does, the whole system (METHOD §5). */
  sharedZoneOf(of: string | Component): Zone {
    for (const boundary of this.boundariesAround(of)) {
      const components = this.within(boundary.id);
      if (components.length >= 2) return { id: boundary.id, title: boundary.title, components };
    }
    return { id: SYSTEM_PLACE, title: this.system.name, components: this.system.components.map(({ id }) => id) };
  }

  #chain(home: Boundary | undefined): readonly Boundary[] {
    const around: Boundary[] = [];
    for (let at = home; at && !around.includes(at); at = at.parent ? this.#boundaries.get(at.parent) : undefined)
      around.push(at);
    return around;
  }
}

const graphs = new WeakMap<System, SystemGraph>();

/** The graph of a system: one for each, so that what was searched once is not searched again. */
export function graphOf(system: System): SystemGraph {
  let graph = graphs.get(system);
  if (!graph) graphs.set(system, (graph = new SystemGraph(system)));
  return graph;
}

export const isModel = (component: Component): component is ModelComponent => component.model !== undefined;

const idOf = (of: string | Component): string => (typeof of === "string" ? of : of.id);

const byId = <Item extends { readonly id: string }>(items: readonly Item[]): ReadonlyMap<string, Item> =>
  new Map(items.map((item) => [item.id, item]));

function known<Item>(items: ReadonlyMap<string, Item>, id: string, noun: string): Item {
  const item = items.get(id);
  if (!item) throw new Error(`no ${noun} "${id}" in this system`);
  return item;
}

function append<Item>(lists: Map<string, Item[]>, key: string, item: Item): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}

function memo<Key, Value>(answers: Map<Key, Value>, key: Key, ask: (key: Key) => Value): Value {
  let answer = answers.get(key);
  if (answer === undefined) answers.set(key, (answer = ask(key)));
  return answer;
}

function closure(from: string, next: (at: string) => readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [from];
  while (open.length > 0)
    for (const id of next(open.pop()!))
      if (!found.has(id)) {
        found.add(id);
        open.push(id);
      }
  return found;
}
