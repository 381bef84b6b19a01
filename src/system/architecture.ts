/** Components, flows, boundaries, assets, datasets and actors: what the system is made of and who can touch it. */
import type {
  Actor,
  Asset,
  Boundary,
  Component,
  DataFlow,
  Dataset,
  InputContract,
  Model,
  Supplier,
  UsualFlow,
} from "#assessment/system.ts";
import { USUAL_FLOWS } from "#assessment/system.ts";
import type { Span } from "#base/diagnostics.ts";
import { checkInterval, lineOf, many, meant, ofMany, placeOf, readDate, readPath, refer } from "./context.ts";
import type { Context, Names } from "./context.ts";
import { readFraction } from "./quantities.ts";
import { readSignature } from "./signature.ts";
import type { FileComponent } from "./schema.ts";
import { USUAL_FLOWS_OF } from "./usual.ts";
import { quoted } from "./yaml.ts";
import type { Path } from "./yaml.ts";

/** An object without the members that are undefined: what is not answered is not there. */
export function given<Members extends Record<string, unknown>>(
  members: Members,
): { [Key in keyof Members as undefined extends Members[Key] ? never : Key]: Members[Key] } & {
  [Key in keyof Members as undefined extends Members[Key] ? Key : never]?: Exclude<Members[Key], undefined>;
} {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
}

// ---------------------------------------------------------------- datasets

/** The declared datasets, and one more for every path that is named where a dataset could be. */
export interface Datasets {
  readonly all: () => readonly Dataset[];
  /** The id of the dataset meant by a key or a path. */
  readonly resolve: (keyOrPath: string, at: Path) => string;
}

export function readDatasets(context: Context): Datasets {
  const { file, names } = context;
  const datasets = new Map<string, Dataset>();
  for (const [id, entry] of Object.entries(file.datasets ?? {})) {
    const at: Path = ["datasets", id];
    datasets.set(id, {
      id,
      title: entry.title ?? id,
      role: entry.role,
      personal: entry.personal ?? false,
      ...given({
        path: readPath(context, entry.path, [...at, "path"], true),
        labels: readPath(context, entry.labels, [...at, "labels"]),
        sha256: entry.sha256,
        provenance: entry.provenance && {
          source: entry.provenance.source,
          suppliers: [...many(entry.provenance.suppliers)],
          ...given({
            collected: readDate(context, entry.provenance.collected, [...at, "provenance", "collected"], "past"),
            licence: entry.provenance.licence,
            version: entry.provenance.version,
          }),
        },
      }),
      where: placeOf(context, at, "key"),
    });
  }
  return {
    all: () => [...datasets.values()],
    resolve(keyOrPath, at) {
      if (names.datasets.has(keyOrPath)) return keyOrPath;
      const near = /[/\\.]/.test(keyOrPath) ? undefined : meant(context, keyOrPath, [names.datasets]);
      if (near || !/[/\\.]/.test(keyOrPath)) {
        context.say(
          "E013",
          `${quoted(keyOrPath)} is no dataset`,
          near ?? "name a key under datasets:, or a path such as data/test.npz",
          at,
        );
        return keyOrPath;
      }
      const path = readPath(context, keyOrPath, at, true)!;
      const same = [...datasets.values()].find((dataset) => dataset.path === path);
      if (same) return same.id;
      datasets.set(path, { id: path, title: path, path, role: "test", personal: false, where: placeOf(context, at) });
      return path;
    },
  };
}

// ---------------------------------------------------------------- suppliers

/** Undefined where the file has no such section: nothing was said is not the same as nobody supplies. */
export function readSuppliers(context: Context): Supplier[] | undefined {
  const { file, names } = context;
  if (file.suppliers === undefined) return undefined;
  return Object.entries(file.suppliers).map(([id, entry]) => {
    const at: Path = ["suppliers", id];
    many(entry.supplies).forEach((part, index) =>
      refer(context, part, [names.components, names.datasets], {
        code: "E013",
        message: `${quoted(id)} supplies ${quoted(part)}, which no component or dataset declares`,
        otherwise: "name keys under components: or datasets:",
        at: ofMany(entry.supplies, [...at, "supplies"], index),
      }),
    );
    return {
      id,
      title: entry.title ?? id,
      supplies: [...many(entry.supplies)],
      openSource: entry["open-source"] ?? false,
      generalPurpose: entry["general-purpose"] ?? false,
      covers: [...many(entry.covers)],
      ...given({
        agreement: entry.agreement,
        until: readDate(context, entry.until, [...at, "until"], "any"),
      }),
      where: placeOf(context, at, "key"),
    };
  });
}

// ---------------------------------------------------------------- components

export function readComponents(context: Context, datasets: Datasets): Component[] {
  const { file, names } = context;
  const components = Object.entries(file.components).map(([id, entry]): Component => {
    const at: Path = ["components", id];
    many(entry.holds).forEach((held, index) =>
      refer(context, held, [names.assets, names.datasets], {
        code: "E013",
        message: `${quoted(id)} holds ${quoted(held)}, which no asset or dataset declares`,
        otherwise: "declare it under assets: or datasets:",
        at: ofMany(entry.holds, [...at, "holds"], index),
      }),
    );
    const usual: Partial<Record<UsualFlow, string>> = {};
    for (const [flow, answer] of Object.entries(entry.usual ?? {}) as [UsualFlow, string][])
      usual[flow] = /^\s*none\s*$/i.test(answer) ? "none" : answer.trim();
    const open = USUAL_FLOWS_OF[entry.kind].filter((flow) => usual[flow] === undefined);
    if (open.length > 0 && !context.incomplete.has(`components/${id}`))
      context.say(
        "W001",
        `${quoted(id)} leaves usual ways in unanswered: ${open.join(", ")}`,
        "they count as existing; answer each under usual: in your own words, or with none",
        placeOf(context, at, "key"),
      );
    return {
      id,
      kind: entry.kind,
      title: entry.title ?? id,
      holds: [...many(entry.holds)],
      usual,
      ...given({
        note: entry.note,
        version: entry.version,
        model: entry.kind === "model" ? readModel(context, id, entry, datasets) : undefined,
        files: entry.files === undefined ? undefined : readComponentFiles(context, entry.files, [...at, "files"]),
      }),
      where: placeOf(context, at, "key"),
    };
  });

  if (!context.incomplete.has("components")) {
    if (!components.some(({ kind }) => kind === "model"))
      context.say(
        "E020",
        "no component is a model",
        "write kind: model for what infers its outputs; rules and trees count (level: symbolic, traditional)",
        placeOf(context, ["components"], "key"),
      );
    else if (components.every(({ kind }) => kind === "model"))
      context.say(
        "E021",
        "every component is a model; models do not constitute AI systems on their own (S-74)",
        "add what feeds the model and what acts on its output: sensor, interface, database, human …",
        placeOf(context, ["components"], "key"),
      );
  }
  return components;
}

function readComponentFiles(
  context: Context,
  written: NonNullable<FileComponent["files"]>,
  at: Path,
): NonNullable<Component["files"]> {
  return many(written).map((entry, index) => {
    const here = ofMany(written, at, index);
    const { path, sha256, role } = typeof entry === "string" ? { path: entry } : entry;
    return {
      path: readPath(context, path, typeof entry === "string" ? here : [...here, "path"], true)!,
      ...given({ sha256 }),
      role: role ?? "other",
      where: placeOf(context, here),
    };
  });
}

function readModel(
  context: Context,
  id: string,
  entry: Extract<FileComponent, { kind: "model" }>,
  datasets: Datasets,
): Model {
  const at: Path = ["components", id];
  const classes = readClasses(context, entry.classes, [...at, "classes"]);
  const task =
    entry.task ??
    (classes ? "classification" : entry.level === "large-scale" ? "generation" : undefined) ??
    (entry.level === "symbolic" ? "decision-rules" : undefined);
  const whole = !context.incomplete.has(`components/${id}`);
  if (task === undefined && whole)
    context.say(
      "E011",
      `model ${quoted(id)} does not say its task`,
      "add classes: [..] for a classifier, or task: regression | forecasting | detection | generation | decision-rules",
      placeOf(context, at, "key"),
    );
  const input = entry.input && readInput(context, entry.input, [...at, "input"]);
  if (!entry.artefact && whole)
    context.say(
      "W009",
      `model ${quoted(id)} has no artefact here`,
      many(entry.files).length > 0
        ? "its files: are scanned, and the model itself cannot be attacked; give artefact: path, or import evidence"
        : "nothing of it can be attacked or scanned; give artefact: path, or import evidence",
      placeOf(context, at, "key"),
    );
  else if (!entry.input && whole)
    context.say(
      "W013",
      `model ${quoted(id)} does not describe its input`,
      entry.artefact === undefined || /\.onnx$/i.test(entry.artefact)
        ? "add input: { range: [0, 255], scale: 1/255 } as its training code has it"
        : `attacks take ONNX, and ${quoted(entry.artefact)} is not called so: export the model to ONNX and name that with its input:, or import evidence`,
      placeOf(context, at, "key"),
    );
  many(entry.training?.datasets).forEach((name, index) =>
    refer(context, name, [context.names.datasets], {
      code: "E013",
      message: `${quoted(id)} is trained on ${quoted(name)}, which is no dataset`,
      otherwise: "declare it under datasets:",
      at: ofMany(entry.training?.datasets, [...at, "training", "datasets"], index),
    }),
  );
  return {
    level: entry.level,
    role: entry.role,
    task: task ?? "classification",
    origin: {
      trainedBy: entry.origin?.["trained-by"] ?? "unknown",
      ...given({
        pretrained: entry.origin?.pretrained,
        supplier: entry.origin?.supplier,
        licence: entry.origin?.licence,
        version: entry.origin?.version,
        sha256: entry.origin?.sha256,
      }),
    },
    training: {
      continual: entry.training?.continual ?? false,
      federated: entry.training?.federated ?? false,
      personalData: entry.training?.["personal-data"] ?? false,
      datasets: [...many(entry.training?.datasets)],
    },
    onDevice: entry["on-device"] ?? false,
    tools: entry.tools ?? false,
    untrustedContent: entry["untrusted-content"] ?? false,
    ...given({
      artefact: readPath(context, entry.artefact, [...at, "artefact"]),
      sha256: entry.sha256,
      signature: entry.signature && readSignature(context, entry.signature, [...at, "signature"]),
      input,
      classes,
      head: entry.head,
      accuracy: entry.accuracy && {
        declared: entry.accuracy.declared,
        on: datasets.resolve(entry.accuracy.on, [...at, "accuracy", "on"]),
        where: placeOf(context, [...at, "accuracy"]),
      },
    }),
  };
}

/** A larger count is a slip of the keyboard; the largest public label sets have about 22,000 classes (ImageNet-21k). */
const CLASSES_MAX = 1_000_000;

function readClasses(
  context: Context,
  written: number | readonly (string | number)[] | undefined,
  at: Path,
): string[] | undefined {
  if (written === undefined) return undefined;
  if (typeof written === "number") {
    if (written > CLASSES_MAX) {
      context.say("E038", `${written} classes are too many`, `at most ${CLASSES_MAX}`, at);
      return undefined;
    }
    return Array.from({ length: written }, (_, index) => String(index));
  }
  const first = new Map<string, number>();
  written.forEach((name, index) => {
    const earlier = first.get(String(name));
    if (earlier !== undefined)
      context.say(
        "E038",
        `class ${quoted(String(name))} stands twice`,
        `it is already the class of output ${earlier}`,
        [...at, index],
      );
    else first.set(String(name), index);
  });
  if (written.length < 2)
    context.say(
      "E038",
      `${written.length} class${written.length === 1 ? "" : "es"}`,
      "a classifier has at least two",
      at,
    );
  return written.map(String);
}

function readInput(
  context: Context,
  written: NonNullable<Extract<FileComponent, { kind: "model" }>["input"]>,
  at: Path,
): InputContract {
  const [low, high] = written.range;
  if (!(low < high))
    context.say(
      "E037",
      `input range [${low}, ${high}] does not rise`,
      low === high ? "a range has a width" : `write [${high}, ${low}]`,
      [...at, "range"],
    );
  const scale = written.scale === undefined ? 1 : readFraction(written.scale);
  if (!Number.isFinite(scale) || scale === 0)
    context.say("E037", `scale ${quoted(written.scale)} is no factor`, "write 1/255, or a number other than 0", [
      ...at,
      "scale",
    ]);
  const mean = written.mean === undefined ? [0] : [...many(written.mean)];
  const std = written.std === undefined ? [1] : [...many(written.std)];
  if (mean.length === 0) context.say("E037", "mean holds no value", "one value, or one per channel", [...at, "mean"]);
  if (std.length === 0) context.say("E037", "std holds no value", "one value, or one per channel", [...at, "std"]);
  const notAbove = std.findIndex((value) => !(value > 0));
  if (notAbove >= 0)
    context.say("E037", `std ${std[notAbove]} is not above zero`, "inputs are divided by it", [...at, "std"]);
  if (mean.length > 1 && std.length > 1 && mean.length !== std.length)
    context.say(
      "E037",
      `mean has ${mean.length} values and std has ${std.length}`,
      "one value, or one per channel, in the same number",
      [...at, "std"],
    );
  const integer = written.integer ?? false;
  if (integer && !(Number.isInteger(low) && Number.isInteger(high)))
    context.say(
      "E037",
      `whole numbers do not end at [${low}, ${high}]`,
      "integer: true needs a range of whole numbers, such as [0, 255]",
      [...at, "range"],
    );
  return { ...given({ layout: written.layout }), range: [low, high], scale, mean, std, integer };
}

// ---------------------------------------------------------------- flows

interface Segment {
  readonly explicitId?: string;
  readonly from: string;
  readonly to: string;
  readonly carries: readonly string[];
  readonly over?: string;
  readonly signed: boolean;
  readonly encrypted: boolean;
  readonly authenticated: boolean;
  /** Written as a -> b with nothing else: adds nothing to a flow that is described elsewhere. */
  readonly bare: boolean;
  readonly where: Span;
}

/** The flows in the order written. A bare segment that repeats a flow is that flow; ids come from the author's words only. */
export function readFlows(context: Context): DataFlow[] {
  const segments: Segment[] = [];
  (context.file.flows ?? []).forEach((flow, index) => {
    const at = context.item("flows", index);
    if (typeof flow === "string") {
      segments.push(...readArrows(context, flow, at, { carries: [], bare: true }));
      return;
    }
    const carries = [...many(flow.carries)];
    carries.forEach((what, i) => checkCarried(context, what, ofMany(flow.carries, [...at, "carries"], i)));
    const described = {
      carries,
      ...given({ over: flow.over }),
      signed: flow.signed ?? false,
      encrypted: flow.encrypted ?? false,
      authenticated: flow.authenticated ?? false,
      bare: false,
    };
    if ("path" in flow) {
      segments.push(...readArrows(context, flow.path, [...at, "path"], described));
      return;
    }
    const fromKnown = checkEnd(context, flow.from, "starts at", placeOf(context, [...at, "from"]));
    const toKnown = checkEnd(context, flow.to, "goes to", placeOf(context, [...at, "to"]));
    if (fromKnown && toKnown && notItself(context, flow.from, flow.to, placeOf(context, at)))
      segments.push({
        ...described,
        ...given({ explicitId: flow.id }),
        from: flow.from,
        to: flow.to,
        where: placeOf(context, at),
      });
  });

  // Said twice in the same words it is one flow; a bare segment adds nothing to a flow described elsewhere.
  const different = new Map<string, Segment>();
  for (const segment of segments) {
    const words = wordsOf(segment);
    if (!different.has(words)) different.set(words, segment);
  }
  const described = new Map<string, number>();
  for (const segment of different.values())
    if (!segment.bare) described.set(pairOf(segment), (described.get(pairOf(segment)) ?? 0) + 1);

  const flows: DataFlow[] = [];
  const byId = new Map<string, Segment>();
  for (const segment of different.values()) {
    const siblings = described.get(pairOf(segment)) ?? 0;
    if (segment.bare && siblings > 0) continue;
    // Where several different flows join the same two, what they carry is part of the id: ids never come from positions.
    const id =
      segment.explicitId ??
      (siblings > 1 && segment.carries.length > 0
        ? `${pairOf(segment)}:${segment.carries.join("+")}`
        : pairOf(segment));
    const earlier = byId.get(id);
    if (earlier) {
      context.say(
        "E017",
        `flow ${quoted(id)} stands twice`,
        `it stands already in line ${earlier.where.line}; give one of them an id:`,
        segment.where,
      );
      continue;
    }
    byId.set(id, segment);
    flows.push({
      id,
      from: segment.from,
      to: segment.to,
      carries: segment.carries,
      ...given({ over: segment.over }),
      signed: segment.signed,
      encrypted: segment.encrypted,
      authenticated: segment.authenticated,
      where: segment.where,
    });
  }
  checkFlowsReach(context, flows);
  return flows;
}

const pairOf = ({ from, to }: Segment): string => `${from}->${to}`;
const wordsOf = (segment: Segment): string =>
  JSON.stringify([
    segment.explicitId,
    segment.from,
    segment.to,
    segment.carries,
    segment.over,
    segment.signed,
    segment.encrypted,
    segment.authenticated,
    segment.bare,
  ]);

function readArrows(
  context: Context,
  written: string,
  at: Path,
  described: { carries: readonly string[]; over?: string; bare: boolean } & Partial<
    Pick<Segment, "signed" | "encrypted" | "authenticated">
  >,
): Segment[] {
  const parts = written.split(/(<->|->)/);
  const source = context.located.source(at) ?? "";
  let cursor = 0;
  const stops = parts
    .filter((_, index) => index % 2 === 0)
    .map((part) => {
      const name = part.trim();
      const found = name === "" ? -1 : source.indexOf(name, cursor);
      if (found >= 0) cursor = found + name.length;
      return { name, where: found < 0 ? placeOf(context, at) : context.located.within(at, found, name.length) };
    });
  const arrows = parts.filter((_, index) => index % 2 === 1);
  if (stops.some(({ name }) => name === "")) {
    context.say("E025", `flow ${quoted(written)} has an arrow that leads nowhere`, "write a -> b -> c", at);
    return [];
  }
  const known = stops.map(({ name, where }, index) =>
    checkEnd(context, name, index === 0 ? "starts at" : "goes to", where),
  );
  return arrows.flatMap((arrow, index): Segment[] => {
    const [a, b] = [stops[index]!, stops[index + 1]!];
    if (!known[index] || !known[index + 1] || !notItself(context, a.name, b.name, b.where)) return [];
    const segment = (from: string, to: string): Segment => ({
      ...described,
      signed: described.signed ?? false,
      encrypted: described.encrypted ?? false,
      authenticated: described.authenticated ?? false,
      from,
      to,
      where: { ...a.where, ...given({ endLine: b.where.endLine, endColumn: b.where.endColumn }) },
    });
    return arrow === "<->" ? [segment(a.name, b.name), segment(b.name, a.name)] : [segment(a.name, b.name)];
  });
}

const checkEnd = (context: Context, name: string, verb: string, at: Span): boolean =>
  refer(context, name, [context.names.components], {
    code: "E012",
    message: `flow ${verb} ${quoted(name)}, which no component declares`,
    at,
  });

function notItself(context: Context, from: string, to: string, at: Span): boolean {
  if (from !== to) return true;
  context.say("E025", `flow goes from ${quoted(from)} to itself`, "flows connect two components", at);
  return false;
}

function checkCarried(context: Context, what: string, at: Path): void {
  const pools = [context.names.assets, context.names.datasets];
  if (pools.some((pool) => pool.has(what))) return;
  const near = meant(context, what, pools);
  if (near) context.say("W010", `flow carries ${quoted(what)}, which is no asset or dataset`, near, at);
}

function checkFlowsReach(context: Context, flows: readonly DataFlow[]): void {
  if (context.incomplete.has("flows") || context.incomplete.has("components")) return;
  const named = new Set(flows.flatMap(({ from, to }) => [from, to]));
  const into = new Set(flows.map(({ to }) => to));
  for (const [id, { kind }] of Object.entries(context.file.components)) {
    const at = placeOf(context, ["components", id], "key");
    if (kind === "model" && !into.has(id))
      context.say(
        "E023",
        `no flow goes into model ${quoted(id)}`,
        "say under flows: what feeds it, such as sensor -> prep -> " + id,
        at,
      );
    else if (!named.has(id))
      context.say("W011", `no flow touches ${quoted(id)}`, "connect it under flows:, or take it out", at);
  }
}

// ---------------------------------------------------------------- boundaries

export function readBoundaries(context: Context): Boundary[] {
  const boundaries: Boundary[] = [];
  const placed = new Map<string, { boundary: string; at: Path }>();
  const declared = new Map<string, Path>();

  /** Reads one boundary of the author's tree; what the schema refused has been reported and is passed over. */
  const walk = (id: string, tree: unknown, at: Path, parent: string | undefined): number => {
    const earlier = declared.get(id);
    const component = context.names.components.get(id);
    if (earlier || component)
      context.say(
        "E017",
        earlier
          ? earlier.every((step, index) => step === at[index])
            ? `boundary ${quoted(id)} stands inside itself`
            : `boundary ${quoted(id)} stands twice`
          : `${quoted(id)} is a boundary and a component`,
        `the other stands in line ${lineOf(context, earlier ?? component!)}; controls point at both by name, so give one another`,
        placeOf(context, at, "key"),
      );
    else declared.set(id, at);
    const record = typeof tree === "object" && tree !== null && !Array.isArray(tree) ? tree : undefined;
    const { here, title } = (record ?? {}) as { here?: unknown; title?: unknown };
    const members = Array.isArray(tree) ? tree : Array.isArray(here) ? here : [];
    const membersAt = Array.isArray(tree) ? at : [...at, "here"];
    const components: string[] = [];
    members.forEach((name: unknown, index) => {
      if (typeof name !== "string") return;
      const nameAt = [...membersAt, index];
      const known = refer(context, name, [context.names.components], {
        code: "E013",
        message: `boundary ${quoted(id)} holds ${quoted(name)}, which no component declares`,
        at: nameAt,
      });
      if (!known) return;
      const other = placed.get(name);
      if (other) {
        context.say(
          "E018",
          other.boundary === id
            ? `${quoted(name)} stands twice in boundary ${quoted(id)}`
            : `${quoted(name)} stands in boundary ${quoted(id)} and in ${quoted(other.boundary)}`,
          `it stands already in line ${lineOf(context, context.located.span(other.at))}; name it in the innermost one only`,
          nameAt,
        );
        return;
      }
      placed.set(name, { boundary: id, at: nameAt });
      components.push(name);
    });
    boundaries.push({
      id,
      title: typeof title === "string" ? title : id,
      ...given({ parent }),
      components,
      where: placeOf(context, at, "key"),
    });
    let inside = members.length;
    for (const [child, subtree] of Object.entries(record ?? {}))
      if (child !== "here" && child !== "title") inside += walk(child, subtree, [...at, child], id);
    if (inside === 0)
      context.say(
        "E019",
        `boundary ${quoted(id)} holds no component`,
        `write ${id}: [component, …], or take it out`,
        placeOf(context, at, "key"),
      );
    return inside;
  };
  for (const [id, tree] of Object.entries(context.file.boundaries ?? {})) walk(id, tree, ["boundaries", id], undefined);

  if (!context.incomplete.has("boundaries") && !context.incomplete.has("components")) {
    const outside = Object.entries(context.file.components)
      .filter(([id, { kind }]) => kind !== "external" && kind !== "human" && !placed.has(id))
      .map(([id]) => id);
    if (outside.length > 0)
      context.say(
        "W004",
        boundaries.length === 0
          ? "no trust boundary is declared"
          : `outside every boundary: ${outside.slice(0, 12).join(", ")}${outside.length > 12 ? " …" : ""}`,
        "they count as standing where anyone may be; put them into boundaries:",
        boundaries.length === 0 ? placeOf(context, ["components"], "key") : placeOf(context, ["boundaries"], "key"),
      );
  }
  return boundaries;
}

/** What a control or an actor can point at by name. */
export interface Places {
  /** `usual:backup@pacs`: the usual ways in, where a control can stand as well. */
  readonly usual: Names;
  readonly components: Names;
  readonly flows: Names;
  readonly boundaries: Names;
}

/** The three sets of names as one; says where a flow has the id of something else. */
export function readPlaces(context: Context, flows: readonly DataFlow[], boundaries: readonly Boundary[]): Places {
  const places: Places = {
    usual: new Map(
      [...context.names.components].flatMap(([id, at]) => USUAL_FLOWS.map((flow) => [`usual:${flow}@${id}`, at])),
    ),
    components: context.names.components,
    flows: new Map(flows.map(({ id, where }) => [id, where])),
    boundaries: new Map(boundaries.map(({ id, where }) => [id, where])),
  };
  for (const { id, where } of flows) {
    const other = places.components.get(id) ?? places.boundaries.get(id);
    if (other)
      context.say(
        "E017",
        `flow ${quoted(id)} has the id of something else`,
        `it stands in line ${lineOf(context, other)}; components, flows and boundaries share one set of names`,
        where,
      );
  }
  return places;
}

// ---------------------------------------------------------------- assets and actors

export function readAssets(context: Context): Asset[] {
  return Object.entries(context.file.assets ?? {}).map(([id, entry]) => {
    const dataset = context.names.datasets.get(id);
    if (dataset)
      context.say(
        "E017",
        `${quoted(id)} is an asset and a dataset`,
        `the dataset stands in line ${lineOf(context, dataset)}; components hold either by name, so give one another`,
        placeOf(context, ["assets", id], "key"),
      );
    return {
      id,
      title: entry.title ?? id,
      security: entry.security,
      privacy: entry.privacy,
      personal: entry.personal ?? false,
      where: placeOf(context, ["assets", id], "key"),
    };
  });
}

export function readActors(context: Context, places: Places): Actor[] {
  const actors = Object.entries(context.file.actors ?? {}).map(([id, entry]): Actor => {
    const at: Path = ["actors", id];
    many(entry.touches).forEach((name, index) => {
      const nameAt = ofMany(entry.touches, [...at, "touches"], index);
      if (places.boundaries.has(name) && !places.components.has(name))
        context.say("E036", `${quoted(name)} is a boundary`, "name the components in it that can be touched", nameAt);
      else
        refer(context, name, [places.components, places.flows], {
          code: "E013",
          message: `${quoted(id)} touches ${quoted(name)}, which no component or flow declares`,
          at: nameAt,
        });
    });
    const profile = context.options.knownProfiles?.get(entry.profile);
    if (context.options.knownProfiles && !profile)
      context.say("E028", `there is no attacker profile ${quoted(entry.profile)}`, "profiles are AT-1 to AT-11", [
        ...at,
        "profile",
      ]);
    if (entry.attempts) checkInterval(context, entry.attempts, [...at, "attempts"]);
    return {
      id,
      title: entry.title ?? profile?.title ?? id,
      profile: entry.profile,
      touches: [...many(entry.touches)],
      // Where neither the author nor the profile says, the unfavourable answer.
      knows: entry.knows ?? profile?.knows ?? "white",
      ...given({
        attempts: entry.attempts && {
          low: entry.attempts.low,
          likely: entry.attempts.likely,
          high: entry.attempts.high,
          because: entry.attempts.source
            ? `${entry.attempts.source} – ${entry.attempts.because}`
            : entry.attempts.because,
          // A figure without a source is an assumption, however well it is argued.
          assumed: entry.attempts.source === undefined,
        },
      }),
      byMethod: false,
      where: placeOf(context, at, "key"),
    };
  });
  if (actors.length === 0 && !context.incomplete.has("actors"))
    context.say(
      "W008",
      "no actors are declared",
      "only one with a foothold inside will be assessed; name who might attack under actors:",
      placeOf(context, ["system"], "key"),
    );
  return actors;
}
