/** Matrix products. */
import type { OpTable } from "./op.ts";
import { broadcastOf, first, required } from "./op.ts";
import { addProduct, rowsAt } from "./product.ts";
import type { Ref } from "#onnx/ir.ts";
import { attr, broadcast, broadcastIndex, rankOf, wrongShape } from "#onnx/ir.ts";
import { attribute, sizeOf } from "#onnx/tensor.ts";
import type { Writer } from "#onnx/writer.ts";

/** Shapes of a MatMul after NumPy: vectors become matrices, leading axes broadcast. */
function matmulDims(node: Parameters<typeof wrongShape>[0], a: readonly number[], b: readonly number[]) {
  if (a.length === 0 || b.length === 0) throw wrongShape(node, "a scalar cannot be multiplied as a matrix");
  const left = a.length === 1 ? [1, ...a] : [...a],
    right = b.length === 1 ? [...b, 1] : [...b];
  const [m, k] = left.slice(-2) as [number, number],
    [k2, n] = right.slice(-2) as [number, number];
  const batch = broadcast(left.slice(0, -2), right.slice(0, -2));
  if (k !== k2 || batch === undefined)
    throw wrongShape(node, `shapes [${a.join(", ")}] and [${b.join(", ")}] do not go together`);
  const out = [...batch, ...(a.length === 1 ? [] : [m]), ...(b.length === 1 ? [] : [n])];
  return { left, right, batch, m, k, n, out };
}

/** A with its last two axes exchanged. */
function swapLast(g: Writer, a: Ref): Ref {
  const rank = rankOf(a);
  const perm = Array.from({ length: rank }, (_, i) => i);
  [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
  return g.transpose(a, perm);
}

const gemmDims = (call: { node: Parameters<typeof wrongShape>[0] }, a: readonly number[], b: readonly number[]) => {
  const { node } = call;
  if (a.length !== 2 || b.length !== 2) throw wrongShape(node, "Gemm takes matrices");
  const transA = attr.int(node, "transA", 0) !== 0,
    transB = attr.int(node, "transB", 0) !== 0;
  const m = a[transA ? 1 : 0]!,
    k = a[transA ? 0 : 1]!,
    n = b[transB ? 0 : 1]!;
  if (k !== b[transB ? 1 : 0])
    throw wrongShape(node, `shapes [${a.join(", ")}] and [${b.join(", ")}] do not go together`);
  return { m, k, n, transA, transB };
};

export const linear: OpTable = {
  MatMul: {
    shape(call) {
      const a = required(call, 0),
        b = required(call, 1);
      return [{ type: a.type, dims: matmulDims(call.node, a.dims, b.dims).out }];
    },
    value(call) {
      const a = required(call, 0),
        b = required(call, 1);
      const { left, right, batch, m, k, n, out } = matmulDims(call.node, a.dims, b.dims);
      const data = new Float64Array(sizeOf(out));
      const ia = broadcastIndex(left.slice(0, -2), batch),
        ib = broadcastIndex(right.slice(0, -2), batch);
      // A left side that is repeated for no batch axis of the right is one tall matrix.
      const tall = ib.every((at) => at === 0) && ia.every((at, p) => at === p);
      if (tall) addProduct(rowsAt(a.data, 0, k), rowsAt(b.data, 0, n), { data, at: 0 }, [ia.length * m, k, n]);
      else
        for (let p = 0; p < ia.length; p++)
          addProduct(rowsAt(a.data, ia[p]! * m * k, k), rowsAt(b.data, ib[p]! * k * n, n), { data, at: p * m * n }, [
            m,
            k,
            n,
          ]);
      return [{ type: a.type, dims: out, data }];
    },
    vjp(g, call) {
      const [a, b] = call.x as [Ref, Ref];
      const ra = rankOf(a),
        rb = rankOf(b);
      let dy = first(call);
      // Vectors become matrices for the product and lose the extra axis again in the walk's reshape.
      if (rb === 1) dy = g.op("Unsqueeze", [dy, g.ints([-1])]);
      if (ra === 1) dy = g.op("Unsqueeze", [dy, g.ints([-2])]);
      const left = ra === 1 ? g.op("Unsqueeze", [a, g.ints([0])]) : a,
        right = rb === 1 ? g.op("Unsqueeze", [b, g.ints([1])]) : b;
      let da: Ref | undefined, db: Ref | undefined;
      if (call.needs[0]) da = g.reshapeLike(g.unbroadcast(g.op("MatMul", [dy, swapLast(g, right)]), left), a);
      if (call.needs[1]) db = g.reshapeLike(g.unbroadcast(g.op("MatMul", [swapLast(g, left), dy]), right), b);
      return [da, db];
    },
  },
  Gemm: {
    shape(call) {
      const a = required(call, 0);
      const { m, n } = gemmDims(call, a.dims, required(call, 1).dims);
      const c = call.inputs[2];
      if (c) broadcastOf(call, c.dims, [m, n]);
      return [{ type: a.type, dims: [m, n] }];
    },
    value(call) {
      const a = required(call, 0),
        b = required(call, 1),
        c = call.inputs[2];
      const { m, k, n, transA, transB } = gemmDims(call, a.dims, b.dims);
      const alpha = attr.float(call.node, "alpha", 1),
        beta = attr.float(call.node, "beta", 1);
      const data = new Float64Array(m * n);
      addProduct(
        rowsAt(a.data, 0, transA ? m : k, transA),
        rowsAt(b.data, 0, transB ? k : n, transB),
        { data, at: 0 },
        [m, k, n],
      );
      const ic = c && broadcastIndex(c.dims, [m, n]);
      for (let i = 0; i < data.length; i++) data[i] = alpha * data[i]! + (c ? beta * c.data[ic![i]!]! : 0);
      return [{ type: a.type, dims: [m, n], data }];
    },
    vjp(g, call) {
      const { node } = call;
      const [a, b, c] = call.x as [Ref, Ref, Ref | undefined];
      const transA = attr.int(node, "transA", 0),
        transB = attr.int(node, "transB", 0),
        alpha = attr.float(node, "alpha", 1);
      const product = (p: Ref, q: Ref, tp: number, tq: number): Ref =>
        g.op("Gemm", [p, q], attribute.int("transA", tp), attribute.int("transB", tq), attribute.float("alpha", alpha));
      const dy = first(call);
      return [
        !call.needs[0] ? undefined : transA ? product(b, dy, transB, 1) : product(dy, b, 0, transB ? 0 : 1),
        !call.needs[1] ? undefined : transB ? product(dy, a, 1, transA) : product(a, dy, transA ? 0 : 1, 0),
        c && call.needs[2] ? g.scale(dy, attr.float(node, "beta", 1)) : undefined,
      ];
    },
  },
};
