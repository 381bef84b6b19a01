/** OWASP Threat Dragon's JSON, version 2, and version 1 with its `diagramJson`: actors, processes, stores, flows, trust boundaries as boxes. */
import type { ComponentKind } from "#assessment/index.ts";
import {
  BOUNDARIES_MAX,
  Names,
  separates,
  type Draft,
  type DraftBoundary,
  type DraftComponent,
  type DraftFlow,
} from "./draft.ts";
import { pointer, type Entry, type Ledger, type Steps } from "./source.ts";

type Role = ComponentKind | "flow" | "box" | "curve" | "text";
/** What each cell is, by its type, and where that is missing by its shape. */
const ROLE_OF: Readonly<Record<string, Role>> = {
  "tm.actor": "external",
  "tm.process": "compute",
  "tm.store": "database",
  "tm.flow": "flow",
  "tm.boundary": "curve",
  "tm.boundarybox": "box",
  "tm.text": "text",
  actor: "external",
  process: "compute",
  store: "database",
  flow: "flow",
  "trust-boundary-curve": "curve",
  "trust-boundary-broker": "curve",
  "trust-broker": "curve",
  "trust-boundary-box": "box",
  "td-text-block": "text",
};

const WHY: Readonly<Record<string, string>> = {
  version: "the version of the source's format",
  owner: "owners are not a thing a system file says",
  contributors: "who drew the source has not reviewed this description; see reviewers",
  reviewer: "who reviewed the source has not reviewed this description; see reviewers",
  threats: "threats are derived anew from the system; compare these with what is found",
  threatFrequency: "threats are derived anew from the system; compare these with what is found",
  hasOpenThreats: "threats are derived anew from the system; compare these with what is found",
  threatTop: "a counter of Threat Dragon",
  diagramTop: "a counter of Threat Dragon",
  diagramType: "the method the diagram was drawn for",
  title: "a title of a diagram; the components of all diagrams are in one system",
  placeholder: "a title of a diagram; the components of all diagrams are in one system",
  outOfScope: "nothing that is described is out of scope",
  reasonOutOfScope: "nothing that is described is out of scope",
  privilegeLevel: "rights are a control, to be shown",
  providesAuthentication: "authentication is a control, to be shown",
  isEncrypted: "not encrypted is what a system file takes for granted; encryption at rest is a control, to be shown",
  isSigned: "a signed store is a control (C-92), to be shown by a denial test",
  storesCredentials: "declare the credentials as an asset that the component holds",
  storesInventory: "declare the inventory as an asset that the component holds",
  handlesCardPayment: "declare the payment data as an asset",
  handlesGoodsOrServices: "goods and services are not a thing a system file says",
  isWebApplication: "not a web application: the kind is asked about",
  isPublicNetwork: "not a public network is a claim: it needs a verified control on every crossing",
  isALog: "not a log, as every other store",
  isTrustBoundary: "said by the type of the cell",
  protocol: "no protocol",
};
const DRAWN = "how the diagram is drawn";

export const threatDragonReason = (path: Steps): string => {
  const cells = path.indexOf("cells");
  // What is drawn repeats names and words of `data` and of threats; only version 1 keeps names there.
  const inside = cells < 0 ? path : path.slice(cells + 2);
  if (
    cells >= 0 &&
    ["attrs", "ports", "labels", "size", "position", "vertices", "tools", "markup"].includes(String(inside[0]))
  )
    return DRAWN;
  for (const step of inside.toReversed()) {
    const reason = typeof step === "string" && Object.hasOwn(WHY, step) ? WHY[step] : undefined;
    if (reason !== undefined) return reason;
  }
  if (path[0] === "summary") return "a system file has no id of its own";
  return cells >= 0 || path.includes("diagrams")
    ? DRAWN
    : "not a key of Threat Dragon 2 that a system file has a place for";
};

interface Box {
  readonly boundary: DraftBoundary;
  readonly entry: Entry;
  readonly name: Entry | undefined;
  readonly area: Area;
}
interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function fromThreatDragon(
  ledger: Ledger,
  isModel: (...names: readonly (string | undefined)[]) => boolean,
): Draft {
  const root = ledger.root;
  const names = new Names();
  const components: DraftComponent[] = [];
  const flows: DraftFlow[] = [];
  const boundaries: DraftBoundary[] = [];
  const exposed: string[] = [];

  for (const diagram of root.dig("detail", "diagrams")?.items ?? []) {
    const cells = (diagram.dig("diagramJson", "cells") ?? diagram.get("cells"))?.items ?? [];
    const byCell = new Map<string, DraftComponent>();
    const solid: { readonly component: DraftComponent; readonly entry: Entry; readonly area: Area | undefined }[] = [];
    const boxes: Box[] = [];
    const lines: Entry[] = [];
    for (const cell of cells) {
      const role = roleOf(cell);
      if (role === undefined) continue;
      if (role === "flow") lines.push(cell);
      else if (role === "text") cell.lose("words on the diagram");
      else if (role === "curve")
        cell.lose("a boundary drawn as a line has no inside: say under boundaries: which components stand behind it");
      else if (role === "box") {
        const [name, area] = [nameOf(cell), areaOf(cell)];
        if (!area) cell.lose("a box without place and size has no inside");
        else
          boxes.push({
            boundary: {
              id: names.make("boundary", name?.words()),
              title: name?.words() ?? "",
              here: [],
              inside: [],
              from: place(cell),
            },
            entry: cell,
            name,
            area,
          });
      } else {
        const given = cell.get("id");
        const name = nameOf(cell);
        const id = names.make("component", name?.words());
        const says = (key: string): boolean => dataOf(cell, key)?.flag() ?? false;
        const [log, web] = [says("isALog"), says("isWebApplication")];
        const component: DraftComponent = {
          id,
          kind: isModel(given?.words(), name?.words()) ? "model" : log ? "monitoring" : web ? "interface" : role,
          title: name?.text("components", id, "title") ?? "",
          note: dataOf(cell, "description")?.text("components", id, "note"),
          holds: [],
          unsure: role === "compute" && !web,
          from: place(cell),
        };
        if (log) dataOf(cell, "isALog")!.read("components", id, "kind");
        if (web) dataOf(cell, "isWebApplication")!.read("components", id, "kind");
        for (const entry of typesOf(cell)) entry.read("components", id, "kind");
        components.push(component);
        solid.push({ component, entry: cell, area: areaOf(cell) });
        const key = given?.words();
        if (key === undefined)
          cell.complain("a cell without id", "flows need it; save the model in Threat Dragon again", "E803");
        else if (byCell.has(key))
          given!.complain(
            `the id "${key}" stands twice in one diagram`,
            "save the model in Threat Dragon again",
            "E806",
          );
        else {
          byCell.set(key, component);
          given!.read("components", id);
        }
      }
    }
    if (boxes.length > BOUNDARIES_MAX)
      diagram.complain(
        `${boxes.length} boundary boxes stand in one diagram`,
        `at most ${BOUNDARIES_MAX} are read; import the parts that belong to one system`,
        "E808",
      );
    else boundaries.push(...nested(boxes, solid));
    for (const line of lines) flows.push(...flowsOf(line, byCell, names, exposed));
  }

  return {
    name: root.dig("summary", "title")?.text("system", "name") ?? "System without a title",
    purpose: root.dig("summary", "description")?.text("system", "purpose"),
    misuse: [],
    assets: [],
    components,
    flows,
    boundaries,
    exposed,
  };
}

const typesOf = (cell: Entry): readonly Entry[] =>
  [cell.dig("data", "type"), cell.get("shape"), cell.get("type")].filter((entry) => entry !== undefined);

function roleOf(cell: Entry): Role | undefined {
  const types = typesOf(cell);
  for (const type of types) {
    const word = (type.words() ?? "").toLowerCase();
    if (Object.hasOwn(ROLE_OF, word)) return ROLE_OF[word];
  }
  const [first] = types;
  if (first)
    first.complain("no kind of cell that Threat Dragon draws", `one of ${Object.keys(ROLE_OF).join(", ")}`, "E805");
  else cell.complain("a cell without a type", "save the model in Threat Dragon again", "E803");
  return undefined;
}

/** What a cell says: under `data` in version 2, beside the drawing in version 1. */
const dataOf = (cell: Entry, key: string): Entry | undefined => cell.dig("data", key) ?? cell.get(key);

/** Its name: its own, else the one it is drawn with. */
function nameOf(cell: Entry): Entry | undefined {
  const label = cell.get("labels");
  const first = label && Array.isArray(label.value) ? label.items[0] : undefined;
  return (
    cell.dig("data", "name") ??
    cell.dig("attrs", "text", "text") ??
    cell.dig("attrs", "label", "text") ??
    first?.dig("attrs", "labelText", "text") ??
    first?.dig("attrs", "text", "text")
  );
}

function areaOf(cell: Entry): Area | undefined {
  const at = (section: string, key: string): number | undefined => cell.dig(section, key)?.number();
  const [x, y, width, height] = [at("position", "x"), at("position", "y"), at("size", "width"), at("size", "height")];
  return x === undefined || y === undefined || width === undefined || height === undefined
    ? undefined
    : { x, y, width, height };
}

/** Boxes put into the smallest box around them, and components into the smallest box their middle lies in. */
function nested(
  boxes: readonly Box[],
  solid: readonly { readonly component: DraftComponent; readonly entry: Entry; readonly area: Area | undefined }[],
): DraftBoundary[] {
  const size = ({ width, height }: Area): number => width * height;
  const smallest = (fits: (box: Box, index: number) => boolean): Box | undefined => {
    let best: Box | undefined;
    for (const [index, box] of boxes.entries())
      if (fits(box, index) && (!best || size(box.area) < size(best.area))) best = box;
    return best;
  };
  const read = (entry: Entry, ...to: readonly string[]): void => {
    for (const [section, key] of [
      ["position", "x"],
      ["position", "y"],
      ["size", "width"],
      ["size", "height"],
    ] as const)
      entry.dig(section, key)?.read(...to);
  };
  for (const { component, entry, area } of solid) {
    if (!area) continue;
    const [x, y] = [area.x + area.width / 2, area.y + area.height / 2];
    const box = smallest(({ area: of }) => x >= of.x && x <= of.x + of.width && y >= of.y && y <= of.y + of.height);
    if (!box) continue;
    box.boundary.here.push(component.id);
    read(entry, "boundaries", box.boundary.id, "here");
  }
  const outer: DraftBoundary[] = [];
  for (const [index, box] of boxes.entries()) {
    // Of two boxes in the same place the earlier one is the outer one.
    const around = smallest(
      (other, at) =>
        other !== box && contains(other.area, box.area) && (size(other.area) > size(box.area) || at < index),
    );
    (around ? around.boundary.inside : outer).push(box.boundary);
  }
  for (const { boundary, entry, name } of boxes) {
    if (!separates(boundary)) {
      entry.lose("a boundary with nothing inside separates nothing");
      continue;
    }
    name?.text("boundaries", boundary.id, "title");
    read(entry, "boundaries", boundary.id);
    entry.get("id")?.read("boundaries", boundary.id);
    for (const type of typesOf(entry)) type.read("boundaries", boundary.id);
  }
  return outer;
}

const contains = (outer: Area, inner: Area): boolean =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height;

function flowsOf(
  cell: Entry,
  byCell: ReadonlyMap<string, DraftComponent>,
  names: Names,
  exposed: string[],
): DraftFlow[] {
  const end = (section: string): { entry: Entry; component: DraftComponent | undefined } | undefined => {
    const entry = cell.dig(section, "cell") ?? cell.dig(section, "id");
    return entry && { entry, component: byCell.get(entry.words() ?? "") };
  };
  const [source, target] = [end("source"), end("target")];
  if (!source?.component || !target?.component) {
    cell.lose("a flow with an end that meets no component: say under flows: what it joins");
    return [];
  }
  if (source.component === target.component) {
    cell.lose("a flow from a component to itself says nothing");
    return [];
  }
  const name = nameOf(cell);
  const id = names.make("flow", name?.words(), `${source.component.id}-to-${target.component.id}`);
  cell.get("id")?.read("flows", id);
  source.entry.read("flows", id, "from");
  target.entry.read("flows", id, "to");
  for (const type of typesOf(cell)) type.read("flows", id);
  const said = (key: string): boolean => {
    const entry = dataOf(cell, key);
    const yes = entry?.flag() ?? false;
    if (yes) entry!.read("flows", id);
    return yes;
  };
  const encrypted = said("isEncrypted");
  const isPublic = said("isPublicNetwork");
  const both = said("isBidirectional");
  if (!both) dataOf(cell, "isBidirectional")?.read("flows", id);
  const words = name?.text("flows", id, "carries");
  const over = dataOf(cell, "protocol")?.text("flows", id, "over");
  dataOf(cell, "description")?.lose("flows hold no description");
  const way = { carries: words === undefined ? [] : [words], over, encrypted, source: place(cell) };
  const made: DraftFlow[] = [{ id, from: source.component.id, to: target.component.id, ...way }];
  if (both)
    made.push({ id: names.make("flow", `${id}-back`), from: target.component.id, to: source.component.id, ...way });
  if (isPublic) exposed.push(...made.map((flow) => flow.id));
  return made;
}

const place = (entry: Entry): string => `${pointer(entry.path)}, line ${entry.line}`;
