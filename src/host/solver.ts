/** HiGHS (MIT; WebAssembly, one thread) behind the solver port. Loaded on first use: 4 MB that most commands do not need. */
import type { Highs } from "highs";
import type { LinearAnswer, LinearProgram, Solver } from "#base/ports.ts";

/** The types are written for `require`; what is imported is the loader itself. */
type Loader = () => Promise<Highs>;

/** Branch-and-cut nodes before it stops with a gap; plans of the size we state take a few hundred. */
const NODES = 20_000;

export function highsSolver(): Solver {
  let loading: Promise<Highs> | undefined;
  return {
    name: "HiGHS",
    async solve(program, { nodes = NODES } = {}) {
      loading ??= import("highs").then(({ default: load }) => (load as unknown as Loader)());
      return solved(await loading, program, nodes);
    },
  };
}

function solved(highs: Highs, { columns, rows: given }: LinearProgram, nodes: number): LinearAnswer {
  const rows = given.map((row) => ({ ...row, terms: onceEach(row.terms) }));
  if (columns.length === 0) {
    const met = rows.every(({ lower, upper }) => lower <= 0 && upper >= 0);
    return met ? { status: "optimal", objective: 0, values: [] } : { status: "infeasible" };
  }
  const finite = (value: number): number =>
    value === Infinity ? highs.infinity : value === -Infinity ? -highs.infinity : value;
  const starts = [0];
  for (const { terms } of rows) starts.push(starts.at(-1)! + terms.length);
  const { continuous, integer } = highs.constants.variableType;
  const model = highs.createModel({
    numCols: columns.length,
    numRows: rows.length,
    colCost: columns.map(({ cost }) => cost),
    colLower: columns.map(({ lower }) => finite(lower)),
    colUpper: columns.map(({ upper }) => finite(upper)),
    integrality: columns.map(({ whole }) => (whole ? integer : continuous)),
    rowLower: rows.map(({ lower }) => finite(lower)),
    rowUpper: rows.map(({ upper }) => finite(upper)),
    matrix: {
      format: "csr",
      numCols: columns.length,
      numRows: rows.length,
      starts,
      indices: rows.flatMap(({ terms }) => terms.map(([column]) => column)),
      values: rows.flatMap(({ terms }) => terms.map(([, coefficient]) => coefficient)),
    },
  });
  try {
    // No limit on time: what comes out may not depend on how busy the machine is.
    model.options.set({
      output_flag: false,
      random_seed: 0,

      mip_rel_gap: 0,
      mip_abs_gap: 1e-6,
      mip_max_nodes: nodes,
    });
    model.run();
    const status = model.getModelStatus();
    const { optimal, infeasible } = highs.constants.modelStatus;
    if (status === infeasible) return { status: "infeasible" };
    const values = Array.from(model.getSolution().colValue, Number);
    if (status === optimal) return { status: "optimal", objective: model.getObjectiveValue(), values };
    const bound = Number(model.info.get("mip_dual_bound"));
    const found = Number(model.info.get("primal_solution_status")) === 2;
    return found
      ? { status: "stopped", bound, objective: model.getObjectiveValue(), values }
      : { status: "stopped", bound };
  } finally {
    model.dispose();
  }
}

/** A column named twice in a row counts twice; the library refuses to read it so. */
function onceEach(terms: LinearProgram["rows"][number]["terms"]): LinearProgram["rows"][number]["terms"] {
  const sums = new Map<number, number>();
  for (const [column, coefficient] of terms) sums.set(column, (sums.get(column) ?? 0) + coefficient);
  return sums.size === terms.length ? terms : [...sums];
}
