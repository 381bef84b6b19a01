/** The system map: components in their nested trust boundaries, flows as arrows, attack paths as marked flows. */
import type { Assessment, Boundary, Component, DataFlow, Path, System } from "#assessment/index.ts";
import { markup, type Markup } from "./markup.ts";

interface Box {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly place: (x: number, y: number) => void;
}

interface Placed {
  x: number;
  y: number;
  readonly width: number;
  readonly height: number;
}

const NODE = { width: 148, height: 56 };
const GAP = { x: 52, y: 26 };
const PAD = { side: 16, top: 30, bottom: 14 };
const BAND_WIDTH = 1040;

/** Mark, shape and word per kind, so that nothing depends on colour alone. */
const KIND_GLYPH: Readonly<Record<Component["kind"], string>> = {
  model: "◆",
  interface: "▭",
  sensor: "◉",
  database: "⛁",
  network: "⇄",
  compute: "▦",
  preprocessing: "ƒ",
  monitoring: "◔",
  actuator: "⚙",
  human: "☺",
  external: "☁",
};

export interface SystemMap {
  readonly svg: Markup;
  readonly width: number;
  readonly height: number;
}

/** Draws the map; each element of `paths` becomes a class `on-<key>` on the flows and components it passes. */
export function systemMap(
  system: System,
  paths: readonly { readonly key: string; readonly path: Path; readonly judgement: string }[] = [],
): SystemMap {
  const nodes = new Map<string, Placed>();
  const frames: (Placed & { readonly boundary: Boundary; readonly depth: number })[] = [];
  const parentOf = new Map<string, string>();
  for (const boundary of system.boundaries) for (const id of boundary.components) parentOf.set(id, boundary.id);

  const flowsBetween = (memberOf: (id: string) => string | undefined): [string, string][] => {
    const pairs: [string, string][] = [];
    for (const flow of system.flows) {
      const from = memberOf(flow.from),
        to = memberOf(flow.to);
      if (from !== undefined && to !== undefined && from !== to) pairs.push([from, to]);
    }
    return pairs;
  };

  const nodeBox = (component: Component): Box => ({
    id: component.id,
    ...NODE,
    place: (x, y) => void nodes.set(component.id, { x, y, ...NODE }),
  });

  const contents = (boundary: Boundary | undefined, depth: number): Box[] => [
    ...system.boundaries.filter((child) => child.parent === boundary?.id).map((child) => frameBox(child, depth)),
    ...system.components.filter((component) => parentOf.get(component.id) === boundary?.id).map(nodeBox),
  ];

  const memberFinder = (children: readonly Box[]): ((id: string) => string | undefined) => {
    const ids = new Set(children.map((child) => child.id));
    const up = new Map<string, string | undefined>();
    for (const boundary of system.boundaries)
      up.set(`b:${boundary.id}`, boundary.parent === undefined ? undefined : `b:${boundary.parent}`);
    return (id) => {
      if (ids.has(id)) return id;
      let at: string | undefined = parentOf.get(id) === undefined ? undefined : `b:${parentOf.get(id)}`;
      while (at !== undefined) {
        if (ids.has(at)) return at;
        at = up.get(at);
      }
      return undefined;
    };
  };

  const frameBox = (boundary: Boundary, depth: number): Box => {
    const inside = contents(boundary, depth + 1);
    const packed = pack(inside, flowsBetween(memberFinder(inside)), BAND_WIDTH - 2 * PAD.side * (depth + 1));
    const width = Math.max(packed.width + 2 * PAD.side, 12 + 7.2 * boundary.title.length),
      height = packed.height + PAD.top + PAD.bottom;
    return {
      id: `b:${boundary.id}`,
      width,
      height,
      place(x, y) {
        frames.push({ x, y, width, height, boundary, depth });
        packed.place(x + PAD.side, y + PAD.top);
      },
    };
  };

  const roots = contents(undefined, 0);
  const packed = pack(roots, flowsBetween(memberFinder(roots)), BAND_WIDTH);
  packed.place(10, 10);
  const width = packed.width + 20,
    height = packed.height + 20;

  const onPath = (matches: (step: Path[number], previous: Path[number] | undefined) => boolean): string =>
    paths
      .filter(({ path }) => path.some((step, i) => matches(step, path[i - 1])))
      .map(({ key }) => ` on-${key}`)
      .join("");
  const titleOf = new Map(system.components.map((component) => [component.id, component.title]));

  const svg = markup`<svg class="map" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="map-title map-desc">
<title id="map-title">Map of ${system.name}</title>
<desc id="map-desc">${system.components.length} components in ${system.boundaries.length} trust boundaries, joined by ${system.flows.length} data flows; the table of flows below says the same in words.</desc>
<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0.6 L7.4 4 L0 7.4 z"/></marker></defs>
${frames.toSorted((a, b) => a.depth - b.depth).map((frame) => markup`<g class="boundary depth-${frame.depth}"><rect x="${frame.x}" y="${frame.y}" width="${frame.width}" height="${frame.height}" rx="10"/><text x="${frame.x + 12}" y="${frame.y + 19}">${frame.boundary.title}</text></g>`)}
${system.flows.map((flow) =>
  arrow(
    flow,
    nodes,
    titleOf,
    onPath(
      (step, previous) => step.flow === flow.id || (previous?.component === flow.from && step.component === flow.to),
    ),
  ),
)}
${system.components.map((component) => {
  const at = nodes.get(component.id)!;
  return markup`<g class="component kind-${component.kind}${onPath((step) => step.component === component.id)}" id="map-${component.id}"><title>${component.title} (${component.kind})</title><rect x="${at.x}" y="${at.y}" width="${at.width}" height="${at.height}" rx="${component.kind === "human" || component.kind === "external" ? 22 : 6}"/><text class="kind" x="${at.x + at.width / 2}" y="${at.y + 15}">${KIND_GLYPH[component.kind]} ${component.kind}</text>${nameLines(component.title).map((line, i, all) => markup`<text class="name" x="${at.x + at.width / 2}" y="${at.y + (all.length === 1 ? 37 : 31) + 14 * i}">${line}</text>`)}</g>`;
})}
</svg>`;
  return { svg, width, height };
}

const LINE = 22;

/** A title on at most two lines that fit the box; what does not fit ends in an ellipsis, and the tooltip has it whole. */
function nameLines(title: string): string[] {
  const lines: string[] = [];
  for (const word of title.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= LINE) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  const fit = lines.length > 2 ? [lines[0]!, `${lines[1]} …`] : lines;
  return fit.map((line) => (line.length <= LINE + 1 ? line : `${line.slice(0, LINE).trimEnd()}…`));
}

/** Columns by longest path over the flows between siblings; columns that do not fit continue in a band below. */
function pack(
  children: readonly Box[],
  pairs: readonly (readonly [string, string])[],
  widest: number,
): { width: number; height: number; place: (x: number, y: number) => void } {
  if (children.length === 0) return { width: NODE.width, height: 0, place: () => {} };
  const order = new Map(children.map((child, i) => [child.id, i]));
  const forward = pairs.filter(
    ([from, to]) => order.get(from)! < order.get(to)! || !pairs.some(([a, b]) => a === to && b === from),
  );
  const layer = new Map(children.map((child) => [child.id, 0]));
  for (let round = 0; round < children.length; round++) {
    let moved = false;
    for (const [from, to] of forward) {
      const next = layer.get(from)! + 1;
      if (next > layer.get(to)! && next < children.length) {
        layer.set(to, next);
        moved = true;
      }
    }
    if (!moved) break;
  }
  const used = [...new Set(layer.values())].toSorted((a, b) => a - b);
  const linked = new Set(forward.flat());
  const columns: Box[][] = used.map((at) =>
    children.filter((child) => layer.get(child.id) === at && linked.has(child.id)),
  );
  // Unconnected siblings fill the shortest columns instead of stretching the first one.
  for (const child of children.filter(({ id }) => !linked.has(id))) {
    const heights = columns.map((column) => column.reduce((sum, { height }) => sum + height + GAP.y, 0));
    const shortest = heights.indexOf(Math.min(...heights));
    const wide = columns.length < 3 && heights[shortest]! > 3 * NODE.height;
    if (wide) columns.push([child]);
    else (columns[shortest] ??= []).push(child);
  }
  const bands: Box[][][] = [[]];
  let bandWidth = 0;
  for (const column of columns.filter(({ length }) => length > 0)) {
    const columnWidth = Math.max(...column.map(({ width }) => width));
    if (bandWidth > 0 && bandWidth + GAP.x + columnWidth > widest) {
      bands.push([]);
      bandWidth = 0;
    }
    bands.at(-1)!.push(column);
    bandWidth += (bandWidth > 0 ? GAP.x : 0) + columnWidth;
  }
  const columnSize = (column: readonly Box[]): { width: number; height: number } => ({
    width: Math.max(...column.map(({ width }) => width)),
    height: column.reduce((sum, { height }) => sum + height, 0) + GAP.y * (column.length - 1),
  });
  const bandSizes = bands.map((band) => {
    const sizes = band.map(columnSize);
    return {
      sizes,
      width: sizes.reduce((sum, { width }) => sum + width, 0) + GAP.x * (band.length - 1),
      height: Math.max(...sizes.map(({ height }) => height)),
    };
  });
  return {
    width: Math.max(...bandSizes.map(({ width }) => width)),
    height: bandSizes.reduce((sum, { height }) => sum + height, 0) + GAP.y * (bands.length - 1),
    place(x, y) {
      let top = y;
      bands.forEach((band, b) => {
        let left = x;
        band.forEach((column, c) => {
          const size = bandSizes[b]!.sizes[c]!;
          let at = top + (bandSizes[b]!.height - size.height) / 2;
          for (const child of column) {
            child.place(left + (size.width - child.width) / 2, at);
            at += child.height + GAP.y;
          }
          left += size.width + GAP.x;
        });
        top += bandSizes[b]!.height + GAP.y;
      });
    },
  };
}

/** A curve between the sides that face each other. */
function arrow(
  flow: DataFlow,
  nodes: ReadonlyMap<string, Placed>,
  titleOf: ReadonlyMap<string, string>,
  onPath: string,
): Markup {
  const a = nodes.get(flow.from),
    b = nodes.get(flow.to);
  if (!a || !b) return markup``;
  const ax = a.x + a.width / 2,
    ay = a.y + a.height / 2,
    bx = b.x + b.width / 2,
    by = b.y + b.height / 2;
  const sideways = Math.abs(bx - ax) > Math.abs(by - ay) * 1.2 && Math.abs(bx - ax) > a.width;
  const forward = sideways ? Math.sign(bx - ax) : Math.sign(by - ay) || 1;
  const [x1, y1, x2, y2] = sideways
    ? [ax + (forward * a.width) / 2, ay, bx - (forward * b.width) / 2, by]
    : [ax, ay + (forward * a.height) / 2, bx, by - (forward * b.height) / 2];
  const bend = sideways ? Math.max(24, Math.abs(x2 - x1) / 2) : Math.max(18, Math.abs(y2 - y1) / 2);
  const curve = sideways
    ? `M${x1} ${y1} C${x1 + forward * bend} ${y1} ${x2 - forward * bend} ${y2} ${x2} ${y2}`
    : `M${x1} ${y1} C${x1} ${y1 + forward * bend} ${x2} ${y2 - forward * bend} ${x2} ${y2}`;
  const words = `${titleOf.get(flow.from)} to ${titleOf.get(flow.to)}${flow.carries.length > 0 ? `: ${flow.carries.join(", ")}` : ""}${flow.over ? ` over ${flow.over}` : ""}`;
  return markup`<g class="flow${flow.signed ? " signed" : ""}${onPath}"><title>${words}</title><path d="${curve}" marker-end="url(#arrow)"/></g>`;
}

export interface ShownPath {
  readonly key: string;
  readonly title: string;
  readonly path: Path;
  readonly judgement: "missed" | "open" | "within" | "closed";
  /** The risk it belongs to; absent for a way that a control closes. */
  readonly risk?: Assessment["body"]["risks"][number];
  readonly note?: string;
}

/**
 * The ways a reader should see first: those that credited controls close and that carry the outcome, then one per threat and
 * actor, worst judgement first, measured before assumed.
 */
export function shownPaths({ body }: Assessment, most = 8): ShownPath[] {
  const rank = { missed: 0, open: 1, within: 2 } as const;
  const known = new Set(body.system.components.map(({ id }) => id));
  const closed = body.outcome.carriedBy.flatMap(({ control, at, path, without }, i): ShownPath[] => {
    const steps = path.split(" -> ").filter((id) => known.has(id));
    if (steps.length === 0) return [];
    return [
      {
        key: `closed-${i}`,
        title: `${control} at ${at} closes this way`,
        path: steps.map((component) => ({ component, crosses: [] })),
        judgement: "closed",
        note: `Without it the outcome is: ${without}.`,
      },
    ];
  });
  const seen = new Set<string>();
  const open = body.risks
    .toSorted(
      (a, b) =>
        rank[a.judgement] - rank[b.judgement] ||
        Number(a.untested) - Number(b.untested) ||
        b.current.low - a.current.low ||
        b.current.likely - a.current.likely,
    )
    .filter((risk) => risk.path.length > 0 && !seen.has(risk.threat) && seen.add(risk.threat))
    .slice(0, most)
    .map((risk, i): ShownPath => ({
      key: `path-${i}`,
      title: risk.threat,
      path: risk.path,
      judgement: risk.judgement,
      risk,
    }));
  return [...closed, ...open];
}
