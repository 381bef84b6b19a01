/** GridSample as arithmetic on places: what it samples and where it samples both have their gradient. */
import { attr, fixed, rankOf, typeOf, wrongShape } from "./ir.ts";
import type { Node, Ref } from "./ir.ts";
import { sliceAxis } from "./ops/shapes.ts";
import { attribute } from "./tensor.ts";
import type { Writer } from "./writer.ts";

/** x − ⌊x⌋ for any sign, whose slope is 1. */
function fraction(g: Writer, x: Ref): Ref {
  const one = g.number(1, x);
  const signed = g.op("Mod", [x, one], attribute.int("fmod", 1));
  return g.op("Mod", [g.add(signed, one), one], attribute.int("fmod", 1));
}

/**
 * Jaderberg et al. 2015, §3.3: x [N, C, H, W] sampled at grid [N, h, w, 2] of (column, row) in −1 … 1; modes linear and
 * nearest, padding with zeros or the border. Throws OnnxError for what else the specification has.
 */
export function gridSample(g: Writer, node: Node, inputs: readonly (Ref | undefined)[]): readonly Ref[] {
  const [x, grid] = inputs as [Ref, Ref];
  const mode = attr.string(node, "mode", "linear"),
    padding = attr.string(node, "padding_mode", "zeros"),
    aligned = attr.int(node, "align_corners", 0) !== 0;
  if (rankOf(x) !== 4) throw wrongShape(node, "over other than two spatial axes is not supported");
  if (!["linear", "bilinear", "nearest"].includes(mode)) throw wrongShape(node, `in mode ${mode} is not supported`);
  if (padding !== "zeros" && padding !== "border") throw wrongShape(node, `with padding ${padding} is not supported`);
  const [channels, height, width, rows, columns] = [
    fixed(x, 1),
    fixed(x, 2),
    fixed(x, 3),
    fixed(grid, 1),
    fixed(grid, 2),
  ] as [number, number, number, number, number];
  /** Places along one axis of n elements, [N, 1, h·w]. */
  const places = (component: number, n: number): Ref => {
    const part = g.op("Reshape", [sliceAxis(g, grid, 3, component, component + 1), g.ints([-1, 1, rows * columns])]);
    const scaled = g.scale(part, (aligned ? n - 1 : n) / 2);
    const at = g.add(scaled, g.number((n - 1) / 2, scaled));
    return padding === "border" ? g.op("Clip", [at, g.number(0, at), g.number(n - 1, at)]) : at;
  };
  const across = places(0, width),
    down = places(1, height);
  const flat = g.op("Reshape", [x, g.ints([-1, channels, height * width])]);
  const zero = g.number(0, x);

  /** The elements at whole places, zero outside, times a weight [N, 1, h·w]. */
  const at = (row: Ref, column: Ref, weight: Ref | undefined): Ref => {
    const within = (place: Ref, n: number): Ref =>
      g.op("And", [g.op("Greater", [place, g.number(-0.5, place)]), g.op("Less", [place, g.number(n - 0.5, place)])]);
    const inside = g.op("And", [within(row, height), within(column, width)]);
    const held = (place: Ref, n: number): Ref => g.op("Clip", [place, g.number(0, place), g.number(n - 1, place)]);
    const index = g.cast(g.op("Round", [g.add(g.scale(held(row, height), width), held(column, width))]), "int64");
    const wide = g.op("Expand", [index, g.ints([1, channels, 1])]);
    const values = g.op("GatherElements", [flat, wide], attribute.int("axis", 2));
    // Where instead of a product: the condition follows the place in steps, and only says which branch counts.
    const kept = g.op("Where", [inside, weight ?? g.onesLike(row), zero]);
    return g.mul(values, kept);
  };

  let y: Ref;
  if (mode === "nearest") y = at(g.op("Round", [down]), g.op("Round", [across]), undefined);
  else {
    const [fx, fy] = [fraction(g, across), fraction(g, down)];
    const [x0, y0] = [g.sub(across, fx), g.sub(down, fy)];
    const one = g.number(1, x);
    const [gx, gy] = [g.sub(one, fx), g.sub(one, fy)];
    const [x1, y1] = [g.add(x0, one), g.add(y0, one)];
    y = g.op("Sum", [
      at(y0, x0, g.mul(gy, gx)),
      at(y0, x1, g.mul(gy, fx)),
      at(y1, x0, g.mul(fy, gx)),
      at(y1, x1, g.mul(fy, fx)),
    ]);
  }
  const out = g.op("Reshape", [y, g.ints([-1, channels, rows, columns])]);
  return [typeOf(out) === typeOf(x) ? out : g.cast(out, typeOf(x))];
}
