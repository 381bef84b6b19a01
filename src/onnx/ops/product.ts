/** Matrix products in float64, four rows by four columns at a time: the inner loop of the reference evaluator. */

/** A matrix inside a flat array: element (i, j) lies at `at + i·row + j·column`. */
export interface MatrixView {
  readonly data: Float64Array;
  readonly at: number;
  readonly row: number;
  readonly column: number;
}

/** Columns and depth handled at once, so that the packed part of B stays in the second-level cache. */
const COLUMNS = 128;
const DEPTH = 256;

/**
 * C += A·B for A [m, k], B [k, n] in any layout and C [m, n] in rows of `n` from `at`. Sums run along k in order within
 * blocks of 256. Blocking after Goto & van de Geijn 2008.
 */
export function addProduct(
  a: MatrixView,
  b: MatrixView,
  c: { readonly data: Float64Array; readonly at: number },
  [m, k, n]: readonly [m: number, k: number, n: number],
): void {
  if (m < 4 || n < 4 || k < 4) return addSmallProduct(a, b, c, [m, k, n]);
  const wide = Math.ceil(Math.min(n, COLUMNS) / 4) * 4,
    deep = Math.min(k, DEPTH);
  const panelB = new Float64Array(wide * deep),
    panelA = new Float64Array(4 * deep);
  for (let l0 = 0; l0 < k; l0 += DEPTH) {
    const depth = Math.min(DEPTH, k - l0);
    for (let j0 = 0; j0 < n; j0 += COLUMNS) {
      const columns = Math.min(COLUMNS, n - j0);
      packColumns(b, l0, j0, depth, columns, panelB);
      for (let i = 0; i < m; i += 4) {
        packRows(a, i, l0, Math.min(4, m - i), depth, panelA);
        for (let j = 0; j < columns; j += 4)
          tile(panelA, panelB, j * depth, depth, c.data, c.at + i * n + j0 + j, n, Math.min(4, m - i), columns - j);
      }
    }
  }
}

/** Columns in groups of four, each group running down the depth; missing columns are zeros. */
function packColumns(b: MatrixView, l0: number, j0: number, depth: number, columns: number, to: Float64Array): void {
  for (let j = 0, at = 0; j < columns; j += 4)
    for (let l = 0; l < depth; l++)
      for (let r = 0; r < 4; r++)
        to[at++] = j + r < columns ? b.data[b.at + (l0 + l) * b.row + (j0 + j + r) * b.column]! : 0;
}

function packRows(a: MatrixView, i0: number, l0: number, rows: number, depth: number, to: Float64Array): void {
  for (let l = 0, at = 0; l < depth; l++)
    for (let r = 0; r < 4; r++) to[at++] = r < rows ? a.data[a.at + (i0 + r) * a.row + (l0 + l) * a.column]! : 0;
}

/** One tile of 4 × 4 sums held in registers. */
function tile(
  a: Float64Array,
  b: Float64Array,
  atB: number,
  depth: number,
  c: Float64Array,
  atC: number,
  n: number,
  rows: number,
  columns: number,
): void {
  let c00 = 0,
    c01 = 0,
    c02 = 0,
    c03 = 0,
    c10 = 0,
    c11 = 0,
    c12 = 0,
    c13 = 0,
    c20 = 0,
    c21 = 0,
    c22 = 0,
    c23 = 0,
    c30 = 0,
    c31 = 0,
    c32 = 0,
    c33 = 0;
  for (let l = 0, p = 0, q = atB; l < depth; l++, p += 4, q += 4) {
    const b0 = b[q]!,
      b1 = b[q + 1]!,
      b2 = b[q + 2]!,
      b3 = b[q + 3]!;
    const a0 = a[p]!;
    c00 += a0 * b0;
    c01 += a0 * b1;
    c02 += a0 * b2;
    c03 += a0 * b3;
    const a1 = a[p + 1]!;
    c10 += a1 * b0;
    c11 += a1 * b1;
    c12 += a1 * b2;
    c13 += a1 * b3;
    const a2 = a[p + 2]!;
    c20 += a2 * b0;
    c21 += a2 * b1;
    c22 += a2 * b2;
    c23 += a2 * b3;
    const a3 = a[p + 3]!;
    c30 += a3 * b0;
    c31 += a3 * b1;
    c32 += a3 * b2;
    c33 += a3 * b3;
  }
  const put = (row: number, s0: number, s1: number, s2: number, s3: number): void => {
    const at = atC + row * n;
    c[at]! += s0;
    if (columns > 1) c[at + 1]! += s1;
    if (columns > 2) c[at + 2]! += s2;
    if (columns > 3) c[at + 3]! += s3;
  };
  put(0, c00, c01, c02, c03);
  if (rows > 1) put(1, c10, c11, c12, c13);
  if (rows > 2) put(2, c20, c21, c22, c23);
  if (rows > 3) put(3, c30, c31, c32, c33);
}

/** Vectors and slivers: packing would cost more than it saves. */
function addSmallProduct(
  a: MatrixView,
  b: MatrixView,
  c: { readonly data: Float64Array; readonly at: number },
  [m, k, n]: readonly [m: number, k: number, n: number],
): void {
  const x = a.data,
    y = b.data,
    z = c.data;
  // Whichever operand is walked inside, it is walked in the order it lies in memory.
  if (b.column === 1 && n > 1)
    for (let i = 0; i < m; i++)
      for (let l = 0; l < k; l++) {
        const factor = x[a.at + i * a.row + l * a.column]!;
        const from = b.at + l * b.row,
          to = c.at + i * n;
        for (let j = 0; j < n; j++) z[to + j]! += factor * y[from + j]!;
      }
  else
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let sum = 0;
        const p = a.at + i * a.row,
          q = b.at + j * b.column;
        for (let l = 0; l < k; l++) sum += x[p + l * a.column]! * y[q + l * b.row]!;
        z[c.at + i * n + j]! += sum;
      }
}

/** A matrix stored in rows of `n` from `at`; transposed: the same numbers read as columns. */
export const rowsAt = (data: Float64Array, at: number, n: number, transposed = false): MatrixView => ({
  data,
  at,
  row: transposed ? 1 : n,
  column: transposed ? n : 1,
});
