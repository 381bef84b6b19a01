/** Ways for arrows between boxes, along a lattice: none runs through a box that is not its own, few share a lane. */

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export type Point = readonly [x: number, y: number];

/** Spacing of the lattice in picture units; boxes should begin and end on multiples of it. */
export const CELL = 8;

/** Prices in steps of one cell. A turn costs more than a step, a shared lane more than a detour. */
const PRICE = { step: 1, turn: 4, shared: 10, crossing: 2, unwelcome: 3, offCentre: 0.6, sharedPort: 24 };
/** No arrow touches a box nearer to its corner: corners may be round. */
const CORNER = 2 * CELL;
/** East, south, west, north. */
const STEPS: readonly Point[] = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
];

interface Port {
  /** Where the arrow touches the box, and the lattice point from which the search goes on. */
  readonly touch: Point;
  readonly column: number;
  readonly row: number;
  /** Direction that leads away from the box. */
  readonly outward: number;
  readonly price: number;
  readonly key: string;
}

/**
 * One polyline per link, from the edge of `from` to the edge of `to`, or undefined where none was found (the caller then
 * draws a straight line). A* over (point, direction) with prices for turns, shared lanes and crossings; links are routed
 * short ones first, so that a long one goes round. Deterministic.
 */
export function routes(
  boxes: ReadonlyMap<string, Rectangle>,
  links: readonly { readonly from: string; readonly to: string }[],
  size: { readonly width: number; readonly height: number },
  unwelcome: readonly Rectangle[] = [],
): (readonly Point[] | undefined)[] {
  const columns = Math.floor(size.width / CELL) + 1,
    rows = Math.floor(size.height / CELL) + 1,
    points = columns * rows;
  const blocked = new Uint8Array(points),
    dear = new Uint8Array(points);
  const paint = (into: Uint8Array, { x, y, width, height }: Rectangle): void => {
    for (let row = Math.ceil(y / CELL); row <= Math.min(rows - 1, (y + height) / CELL); row++)
      for (let column = Math.ceil(x / CELL); column <= Math.min(columns - 1, (x + width) / CELL); column++)
        into[row * columns + column] = 1;
  };
  for (const box of boxes.values()) paint(blocked, box);
  for (const zone of unwelcome) paint(dear, zone);

  /** Arrows that already run through a point, along and across. */
  const along = [new Uint8Array(points), new Uint8Array(points)] as const;
  const portsUsed = new Map<string, number>();
  const cost = new Float64Array(points * 4),
    cameFrom = new Int32Array(points * 4),
    stamp = new Int32Array(points * 4);
  let round = 0;

  const portsOf = (id: string): Port[] => {
    const box = boxes.get(id)!;
    const ports: Port[] = [];
    STEPS.forEach(([dx, dy], outward) => {
      const length = dx === 0 ? box.width : box.height;
      for (let offset = CORNER; offset <= length - CORNER; offset += CELL) {
        const touch: Point =
          dx === 0
            ? [box.x + offset, dy > 0 ? box.y + box.height : box.y]
            : [dx > 0 ? box.x + box.width : box.x, box.y + offset];
        const column = Math.round(touch[0] / CELL) + dx,
          row = Math.round(touch[1] / CELL) + dy;
        if (column < 0 || row < 0 || column >= columns || row >= rows || blocked[row * columns + column]) continue;
        const key = `${id} ${outward} ${offset}`;
        const price =
          (Math.abs(offset - length / 2) / CELL) * PRICE.offCentre + (portsUsed.get(key) ?? 0) * PRICE.sharedPort;
        ports.push({ touch, column, row, outward, price, key });
      }
    });
    return ports;
  };

  const search = (from: string, to: string): Point[] | undefined => {
    round++;
    const goals = new Map<number, Port>();
    for (const port of portsOf(to)) goals.set((port.row * columns + port.column) * 4 + ((port.outward + 2) % 4), port);
    const target = boxes.get(to)!;
    const estimate = (column: number, row: number): number =>
      Math.max(0, target.x / CELL - column, column - (target.x + target.width) / CELL) +
      Math.max(0, target.y / CELL - row, row - (target.y + target.height) / CELL);
    const queue = new Heap();
    const starts = new Map<number, Port>();
    const relax = (state: number, price: number, previous: number): void => {
      if (stamp[state] === round && cost[state]! <= price) return;
      stamp[state] = round;
      cost[state] = price;
      cameFrom[state] = previous;
      const point = state >> 2;
      queue.push(state, price + estimate(point % columns, Math.floor(point / columns)));
    };
    for (const port of portsOf(from)) {
      const state = (port.row * columns + port.column) * 4 + port.outward;
      starts.set(state, port);
      relax(state, port.price, -1);
    }
    // Arriving has a price of its own (the port), so the best end is known only when nothing cheaper is left to look at.
    let best = Infinity,
      end = -1;
    for (let item = queue.pop(); item && item.price < best; item = queue.pop()) {
      const { state } = item;
      const direction = state & 3,
        point = state >> 2,
        paid = cost[state]!;
      if (item.price > paid + estimate(point % columns, Math.floor(point / columns)) + 1e-9) continue;
      const goal = goals.get(state);
      if (goal && paid + goal.price < best) {
        best = paid + goal.price;
        end = state;
      }
      for (let turn = -1; turn <= 1; turn++) {
        const next = (direction + turn + 4) % 4;
        const column = (point % columns) + STEPS[next]![0],
          row = Math.floor(point / columns) + STEPS[next]![1];
        if (column < 0 || row < 0 || column >= columns || row >= rows) continue;
        const there = row * columns + column;
        if (blocked[there]) continue;
        const axis = next & 1;
        relax(
          there * 4 + next,
          paid +
            PRICE.step +
            (turn === 0 ? 0 : PRICE.turn) +
            (along[axis]![there]! + (turn === 0 ? 0 : along[axis]![point]!)) * PRICE.shared +
            along[1 - axis]![there]! * PRICE.crossing +
            dear[there]! * PRICE.unwelcome,
          state,
        );
      }
    }
    if (end < 0) return undefined;
    const arrival = goals.get(end)!;
    const line: Point[] = [arrival.touch];
    let state = end;
    for (;;) {
      const point = state >> 2;
      line.push([(point % columns) * CELL, Math.floor(point / columns) * CELL]);
      along[state & 1]![point]!++;
      if (cameFrom[state]! < 0) break;
      // A corner occupies its point on both axes.
      if ((cameFrom[state]! & 1) !== (state & 1)) along[state & 1]![cameFrom[state]! >> 2]!++;
      state = cameFrom[state]!;
    }
    const departure = starts.get(state)!;
    line.push(departure.touch);
    for (const { key } of [arrival, departure]) portsUsed.set(key, (portsUsed.get(key) ?? 0) + 1);
    return corners(line.toReversed());
  };

  const found: (readonly Point[] | undefined)[] = links.map(() => undefined);
  const distance = ({ from, to }: { from: string; to: string }): number => {
    const a = boxes.get(from)!,
      b = boxes.get(to)!;
    return Math.abs(a.x - b.x) + Math.abs(a.y - b.y);
  };
  links
    .map((link, i) => ({ link, i }))
    .filter(({ link }) => boxes.has(link.from) && boxes.has(link.to) && link.from !== link.to)
    .toSorted((a, b) => distance(a.link) - distance(b.link) || a.i - b.i)
    .forEach(({ link, i }) => (found[i] = search(link.from, link.to)));
  return found;
}

/** The ends and the corners of a polyline. */
function corners(line: readonly Point[]): Point[] {
  return line.filter((point, i) => {
    const before = line[i - 1],
      after = line[i + 1];
    return (
      !before ||
      !after ||
      !((before[0] === point[0] && point[0] === after[0]) || (before[1] === point[1] && point[1] === after[1]))
    );
  });
}

/** A polyline as SVG path data with rounded corners. */
export function roundedPath(line: readonly Point[], radius = 7): string {
  let text = `M${line[0]![0]} ${line[0]![1]}`;
  for (let i = 1; i < line.length; i++) {
    const [x, y] = line[i]!;
    const next = line[i + 1];
    if (!next) {
      text += ` L${x} ${y}`;
      break;
    }
    const [px, py] = line[i - 1]!;
    const before = Math.hypot(x - px, y - py),
      after = Math.hypot(next[0] - x, next[1] - y);
    const r = Math.min(radius, before / 2, after / 2);
    const toward = (ax: number, ay: number, length: number): string =>
      `${round(x + ((ax - x) * r) / length)} ${round(y + ((ay - y) * r) / length)}`;
    text += ` L${toward(px, py, before)} Q${x} ${y} ${toward(next[0], next[1], after)}`;
  }
  return text;
}

const round = (value: number): number => Math.round(value * 100) / 100;

/** A binary heap; equal prices leave in the order of their states, so that equal pictures come out equal. */
class Heap {
  readonly #items: { readonly state: number; readonly price: number }[] = [];

  #before(i: number, j: number): boolean {
    const a = this.#items[i]!,
      b = this.#items[j]!;
    return a.price < b.price || (a.price === b.price && a.state < b.state);
  }

  #swap(i: number, j: number): void {
    [this.#items[i], this.#items[j]] = [this.#items[j]!, this.#items[i]!];
  }

  push(state: number, price: number): void {
    let i = this.#items.push({ state, price }) - 1;
    while (i > 0 && this.#before(i, (i - 1) >> 1)) {
      this.#swap(i, (i - 1) >> 1);
      i = (i - 1) >> 1;
    }
  }

  pop(): { readonly state: number; readonly price: number } | undefined {
    if (this.#items.length === 0) return undefined;
    this.#swap(0, this.#items.length - 1);
    const top = this.#items.pop();
    for (let i = 0; ;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2])
        if (child < this.#items.length && this.#before(child, least)) least = child;
      if (least === i) return top;
      this.#swap(i, least);
      i = least;
    }
  }
}
