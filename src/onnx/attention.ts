/** The transformer operators of set 23, Attention and RotaryEmbedding, written out in their parts. */
import { attr, fixed, rankOf, typeOf, wrongShape } from "./ir.ts";
import type { Node, Ref } from "./ir.ts";
import { sliceAxis } from "./ops/shapes.ts";
import { attribute } from "./tensor.ts";
import type { Writer } from "./writer.ts";

type Inputs = readonly (Ref | undefined)[];

/** [batch, length, heads·depth] as [batch, heads, length, depth]; the batch is the only axis that may vary. */
function byHead(g: Writer, node: Node, x: Ref, heads: number): Ref {
  if (rankOf(x) === 4) return x;
  if (rankOf(x) !== 3 || heads < 1 || fixed(x, 2) % heads !== 0)
    throw wrongShape(node, `an input with ${rankOf(x)} axes cannot be split into ${heads} heads`);
  const split = g.op("Reshape", [x, g.ints([-1, fixed(x, 1), heads, fixed(x, 2) / heads])]);
  return g.transpose(split, [0, 2, 1, 3]);
}

/** Each key or value head repeated for the query heads that share it (grouped-query attention). */
function repeated(g: Writer, node: Node, x: Ref, heads: number): Ref {
  const own = fixed(x, 1);
  if (own === heads) return x;
  if (heads % own !== 0) throw wrongShape(node, `${heads} query heads cannot share ${own} key heads`);
  const places = Array.from({ length: heads }, (_, i) => Math.floor((i * own) / heads));
  return g.op("Gather", [x, g.ints(places)], attribute.int("axis", 1));
}

/** −∞ where the key comes after the query. */
function causal(g: Writer, queries: number, keys: number, like: Ref): Ref {
  const data = Float64Array.from({ length: queries * keys }, (_, i) =>
    i % keys > Math.floor(i / keys) ? -Infinity : 0,
  );
  return g.constant({ type: typeOf(like), dims: [queries, keys], data });
}

/** Vaswani et al. 2017, eq. 1, with the options of the specification; gives Y, present key, present value and Q·Kᵀ. */
export function attention(g: Writer, node: Node, inputs: Inputs): readonly (Ref | undefined)[] {
  const [q0, k0, v0, mask, pastKey, pastValue, lengths] = inputs as [Ref, Ref, Ref, Ref?, Ref?, Ref?, Ref?];
  if (k0 === undefined || v0 === undefined) throw wrongShape(node, "lacks keys or values");
  if (lengths) throw wrongShape(node, "with nonpad_kv_seqlen is not supported");
  if (attr.int(node, "qk_matmul_output_mode", 0) !== 0 && node.outputs[3])
    throw wrongShape(node, "handing out its scores in this mode is not supported");
  const q = byHead(g, node, q0, attr.int(node, "q_num_heads", 0));
  const heads = fixed(q, 1),
    depth = fixed(q, 3);
  const grown = (past: Ref | undefined, x: Ref): Ref =>
    past ? g.op("Concat", [past, x], attribute.int("axis", 2)) : x;
  const k = grown(pastKey, byHead(g, node, k0, attr.int(node, "kv_num_heads", 0))),
    v = grown(pastValue, byHead(g, node, v0, attr.int(node, "kv_num_heads", 0)));
  const factor = Math.sqrt(attr.float(node, "scale", 1 / Math.sqrt(depth)));
  const product = g.op("MatMul", [
    g.scale(q, factor),
    g.transpose(g.scale(repeated(g, node, k, heads), factor), [0, 1, 3, 2]),
  ]);
  let scores = product;
  const cap = attr.float(node, "softcap", 0);
  if (cap !== 0) scores = g.scale(g.op("Tanh", [g.scale(scores, 1 / cap)]), cap);
  if (attr.int(node, "is_causal", 0) !== 0) {
    if (pastKey) throw wrongShape(node, "causal after earlier keys is not supported");
    scores = g.add(scores, causal(g, fixed(q, 2), fixed(k, 2), scores));
  }
  if (mask && typeOf(mask) === "bool") scores = g.op("Where", [mask, scores, g.number(-Infinity, scores)]);
  else if (mask) scores = g.add(scores, mask);
  const shares = g.op("Softmax", [scores], attribute.int("axis", -1));
  const y = g.op("MatMul", [shares, repeated(g, node, v, heads)]);
  const flat = g.ints([-1, fixed(y, 2), heads * fixed(y, 3)]);
  const out = rankOf(q0) === 4 ? y : g.op("Reshape", [g.transpose(y, [0, 2, 1, 3]), flat]);
  return [out, k, v, product];
}

/** Su et al. 2021, eq. 34: pairs of elements rotated by angles that grow with the position. */
export function rotaryEmbedding(g: Writer, node: Node, inputs: Inputs): readonly Ref[] {
  const [x0, cosines, sines, positions] = inputs as [Ref, Ref, Ref, Ref?];
  const heads = attr.int(node, "num_heads", 0);
  const x = byHead(g, node, x0, heads);
  const depth = fixed(x, 3),
    turned = attr.int(node, "rotary_embedding_dim", 0) || depth,
    half = turned / 2;
  // [batch, length, half] -> [batch, 1, length, half]
  const angles = (cache: Ref): Ref => {
    const rows = positions ? g.op("Gather", [cache, positions], attribute.int("axis", 0)) : cache;
    if (rankOf(rows) !== 3) throw wrongShape(node, "its angles are not given per position");
    return g.op("Unsqueeze", [rows, g.ints([1])]);
  };
  const [cos, sin] = [angles(cosines), angles(sines)];
  const interleaved = attr.int(node, "interleaved", 0) !== 0;
  const every = (from: number): Ref => g.op("Slice", [x, g.ints([from]), g.ints([turned]), g.ints([3]), g.ints([2])]);
  const [a, b] = interleaved ? [every(0), every(1)] : [sliceAxis(g, x, 3, 0, half), sliceAxis(g, x, 3, half, turned)];
  const first = g.sub(g.mul(cos, a), g.mul(sin, b)),
    second = g.add(g.mul(sin, a), g.mul(cos, b));
  let y = g.op("Concat", [first, second], attribute.int("axis", 3));
  if (interleaved) {
    const order = Array.from({ length: turned }, (_, i) => (i % 2) * half + Math.floor(i / 2));
    y = g.op("Gather", [y, g.ints(order)], attribute.int("axis", 3));
  }
  if (turned < depth) y = g.op("Concat", [y, sliceAxis(g, x, 3, turned, depth)], attribute.int("axis", 3));
  return [rankOf(x0) === 4 ? y : g.reshapeLike(g.transpose(y, [0, 2, 1, 3]), x0)];
}
