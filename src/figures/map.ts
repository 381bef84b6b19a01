/** The system map: components in their nested trust boundaries, flows as arrows, attack paths as marked flows. */
import type { Assessment, Boundary, Component, DataFlow, Path, System } from "#assessment/index.ts";
import { layersOf } from "./layers.ts";
import { markup, type Markup } from "./markup.ts";
import { legsOf, risksToShow, stepsById, WAYS_SHOWN, type Leg } from "./ways.ts";
import { intervalText } from "./words.ts";
import { CELL, roundedPath, routes, type Point } from "./route.ts";

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

// Everything lies on the lattice of the arrows, so that they meet the boxes squarely.
const NODE = { width: 20 * CELL, height: 7 * CELL };
const GAP = { x: 6 * CELL, y: 4 * CELL };
const PAD = { side: 2 * CELL, top: 4 * CELL, bottom: 2 * CELL };
const MARGIN = 3 * CELL;
const BAND_WIDTH = 136 * CELL;
/** The widest letters of the fonts that may be at hand, in picture units: text fits in any of them. */
const LETTER = { name: 7.6, frame: 8.2 };

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

/** A figure beside a component, shown while its path is lit. */
export interface Mark {
  readonly component: string;
  readonly text: string;
}

export interface SystemMap {
  readonly svg: Markup;
  readonly width: number;
  readonly height: number;
}

/** Draws the map; each element of `paths` becomes a class `on-<key>` on the flows and components it passes. */
export function systemMap(
  system: System,
  paths: readonly {
    readonly key: string;
    readonly path: Path;
    readonly judgement: string;
    readonly marks?: readonly Mark[];
  }[] = [],
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

  const nodeBox = (component: Component): Box => {
    const size = { width: NODE.width, height: NODE.height + (nameLines(component.title).length > 2 ? 2 * CELL : 0) };
    return { id: component.id, ...size, place: (x, y) => void nodes.set(component.id, { x, y, ...size }) };
  };

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
    const width = Math.max(
        packed.width + 2 * PAD.side,
        onLattice(3 * CELL + LETTER.frame * frameName(boundary).length),
      ),
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
  packed.place(MARGIN, MARGIN);
  const width = packed.width + 2 * MARGIN,
    height = packed.height + 2 * MARGIN;

  // A path is marked on what it passes: `on-<key>` says that, `data-steps` also says as which step.
  const stepsOn = (matches: (step: Path[number], previous: Path[number] | undefined) => boolean): Marks => {
    const hits = paths.flatMap(({ key, path }) => {
      const at = path.findIndex((step, i) => matches(step, path[i - 1]));
      return at < 0 ? [] : [{ key, at }];
    });
    return {
      classes: hits.map(({ key }) => ` on-${key}`).join(""),
      steps: hits.map(({ key, at }) => `${key}:${at}`).join(" "),
    };
  };
  const titleOf = new Map(system.components.map((component) => [component.id, component.title]));
  // Arrows keep off the names of the frames and do not run along their edges.
  const edges = frames.flatMap(({ x, y, width: w, height: h, boundary }) => [
    { x, y, width: w, height: 0 },
    { x, y: y + h, width: w, height: 0 },
    { x, y, width: 0, height: h },
    { x: x + w, y, width: 0, height: h },
    { x, y: y + CELL, width: LETTER.frame * frameName(boundary).length, height: CELL },
  ]);
  const ways = system.components.length <= MOST_ROUTED ? routes(nodes, system.flows, { width, height }, edges) : [];

  const svg = markup`<svg class="map" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="map-title map-desc">
<title id="map-title">Map of ${system.name}</title>
<desc id="map-desc">${system.components.length} components in ${system.boundaries.length} trust boundaries, joined by ${system.flows.length} data flows; the table of flows below says the same in words.</desc>
<defs>${["arrow", "arrow-lit"].map((id) => markup`<marker id="${id}" viewBox="0 0 8 8" refX="7.4" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0.6 L7.4 4 L0 7.4 z"/></marker>`)}</defs>
${frames
  .toSorted((a, b) => a.depth - b.depth)
  .map(
    (
      frame,
    ) => markup`<g class="boundary depth-${frame.depth}"><title>${frame.boundary.title}</title><rect x="${frame.x}" y="${frame.y}" width="${frame.width}" height="${frame.height}" rx="10"/><text x="${frame.x + 12}" y="${frame.y + 20}">${frameName(frame.boundary)}</text></g>
`,
  )}
${system.flows.map((flow, i) =>
  arrow(
    flow,
    nodes,
    ways[i],
    titleOf,
    stepsOn(
      (step, previous) => step.flow === flow.id || (previous?.component === flow.from && step.component === flow.to),
    ),
  ),
)}
${system.components.map((component) => {
  const at = nodes.get(component.id)!;
  const lines = nameLines(component.title);
  const marks = stepsOn((step) => step.component === component.id);
  const first = at.y + (at.height - 14 * lines.length) / 2 + 17;
  return markup`<g class="component kind-${component.kind}${marks.classes}"${marks.steps ? markup` data-steps="${marks.steps}"` : ""}><title>${component.title} (${component.kind})</title><rect x="${at.x}" y="${at.y}" width="${at.width}" height="${at.height}" rx="${component.kind === "human" || component.kind === "external" ? 2 * CELL : 6}"/><text class="kind" x="${at.x + at.width / 2}" y="${at.y + 15}">${KIND_GLYPH[component.kind]} ${component.kind}</text>${lines.map((line, i) => markup`<text class="name" x="${at.x + at.width / 2}" y="${first + 14 * i}">${line}</text>`)}</g>
`;
})}
${paths.map(({ key, path, marks = [] }) =>
  [...Map.groupBy(marks, ({ component }) => component)].map(([component, here]) => {
    const at = nodes.get(component);
    const step = path.findIndex((one) => one.component === component);
    if (!at || step < 0) return "";
    return markup`<g class="mark on-${key}" data-steps="${key}:${step}">${here.map(({ text }, i) => markup`<text x="${at.x + at.width / 2}" y="${at.y + at.height + 13 + 13 * i}">${text}</text>`)}</g>
`;
  }),
)}</svg>`;
  return { svg, width, height };
}

interface Marks {
  readonly classes: string;
  readonly steps: string;
}

/** Beyond this many components arrows are drawn straight: a map of that size is read through its table. */
const MOST_ROUTED = 150;

const onLattice = (length: number): number => Math.ceil(length / CELL) * CELL;

/** Half of what is left over, on the lattice. */
const centred = (space: number): number => Math.floor(space / 2 / CELL) * CELL;

const shortened = (text: string, letters: number): string =>
  text.length <= letters ? text : `${text.slice(0, letters - 1).trimEnd()}…`;

const frameName = ({ title }: Boundary): string => shortened(title, 60);

/** A title on at most three lines that fit the box; what does not fit ends in an ellipsis, and the tooltip has it whole. */
function nameLines(title: string): string[] {
  const letters = Math.floor((NODE.width - CELL) / LETTER.name);
  const lines: string[] = [];
  for (const word of title.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= letters) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  const fit = lines.length > 3 ? [...lines.slice(0, 2), `${lines[2]} …`] : lines;
  return fit.map((line) => shortened(line, letters + 1));
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
  const layer = layersOf(
    children.map(({ id }) => id),
    forward,
  );
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
          let at = top + centred(bandSizes[b]!.height - size.height);
          for (const child of column) {
            child.place(left + centred(size.width - child.width), at);
            at += child.height + GAP.y;
          }
          left += size.width + GAP.x;
        });
        top += bandSizes[b]!.height + GAP.y;
      });
    },
  };
}

/** An arrow along its way; where there is none (a map too large, a flow to itself), a line between the facing sides. */
function arrow(
  flow: DataFlow,
  nodes: ReadonlyMap<string, Placed>,
  way: readonly Point[] | undefined,
  titleOf: ReadonlyMap<string, string>,
  marks: Marks,
): Markup {
  const a = nodes.get(flow.from),
    b = nodes.get(flow.to);
  if (!a || !b) return markup``;
  const words = `${titleOf.get(flow.from)} to ${titleOf.get(flow.to)}${flow.carries.length > 0 ? `: ${flow.carries.join(", ")}` : ""}${flow.over ? ` over ${flow.over}` : ""}`;
  return markup`<g class="flow${flow.signed ? " signed" : ""}${marks.classes}"${marks.steps ? markup` data-steps="${marks.steps}"` : ""}><title>${words}</title><path d="${roundedPath(way ?? straight(a, b))}"/></g>
`;
}

function straight(a: Placed, b: Placed): Point[] {
  const [ax, ay, bx, by] = [a.x + a.width / 2, a.y + a.height / 2, b.x + b.width / 2, b.y + b.height / 2];
  if (a === b)
    return [
      [a.x + a.width, ay],
      [a.x + a.width + 2 * CELL, ay],
      [a.x + a.width + 2 * CELL, a.y - CELL],
      [ax, a.y - CELL],
      [ax, a.y],
    ];
  if (Math.abs(bx - ax) > Math.abs(by - ay)) {
    const forward = Math.sign(bx - ax);
    return [
      [ax + (forward * a.width) / 2, ay],
      [bx - (forward * b.width) / 2, by],
    ];
  }
  const forward = Math.sign(by - ay) || 1;
  return [
    [ax, ay + (forward * a.height) / 2],
    [bx, by - (forward * b.height) / 2],
  ];
}

export interface ShownPath {
  readonly key: string;
  readonly title: string;
  readonly path: Path;
  readonly judgement: "missed" | "open" | "within" | "closed";
  /** The risk it belongs to; absent for a way that a control closes. */
  readonly risk?: Assessment["body"]["risks"][number];
  readonly note?: string;
  /** The likeliest way as the attack graph has it, where it was read for this risk. */
  readonly legs?: readonly Leg[];
  readonly marks?: readonly Mark[];
}

/** Places in the order they are passed. */
const placesOf = (legs: readonly Leg[]): string[] =>
  legs
    .flatMap((leg) => (leg.kind === "along" ? leg.places : leg.step.at === undefined ? [] : [leg.step.at]))
    .filter((place, i, all) => place !== all[i - 1]);

/**
 * The ways a reader should see first: those that credited controls close and that carry the outcome, then one per threat and
 * actor, worst judgement first, measured before assumed.
 */
export function shownPaths({ body }: Assessment, most = WAYS_SHOWN): ShownPath[] {
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
  const steps = stepsById(body.attackGraph);
  const readings = new Map(body.attackGraph.goals.map((reading) => [reading.goal, reading]));
  const open = risksToShow(body.risks, most).map((risk, i): ShownPath => {
    const likeliest = readings.get(risk.id)?.paths[0];
    const legs = likeliest ? legsOf(likeliest, steps) : [];
    const places = placesOf(legs).filter((id) => known.has(id));
    return {
      key: `path-${i}`,
      title: risk.threat,
      path: places.length > 0 ? places.map((component) => ({ component, crosses: [] })) : risk.path,
      judgement: risk.judgement,
      risk,
      legs,
      marks: legs.flatMap((leg, n) =>
        leg.kind === "chance" && leg.step.at !== undefined && known.has(leg.step.at)
          ? [
              {
                component: leg.step.at,
                text: `${n + 1}: ${intervalText(leg.step.estimate)} ${leg.step.estimate.basis.kind}`,
              },
            ]
          : [],
      ),
    };
  });
  return [...closed, ...open];
}
