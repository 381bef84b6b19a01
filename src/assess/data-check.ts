/** The checks of one data set, made whole inside a worker. */
import type { Signal, WorkerPorts } from "#base/ports.ts";
import { rng } from "#base/random.ts";
import type { DataReport } from "#assessment/index.ts";
import { checkData } from "#datasets/integrity/check-data.ts";
import { openRecords, type RecordsSpec } from "#datasets/integrity/open-records.ts";
import type { Records } from "#datasets/integrity/records.ts";
import { FAULTS, type DataPlan } from "./data-plan.ts";
import { refusalOf, type Refused } from "./opened.ts";
import { dataAsHashed } from "./unchanged.ts";

/** Values in a data set beyond which checks take minutes: they are left to `vauban data`. */
const VALUES_MAX = 5_000_000;
export type DataChecked = { readonly status: "checked"; readonly report: DataReport } | Refused;

/** Opens and checks one data set inside an isolated worker. */
export async function checkDataset(
  plan: DataPlan,
  {
    ports,
    signal,
    onProgress,
  }: {
    readonly ports: WorkerPorts;
    readonly signal: Signal;
    readonly onProgress: (done: number, total: number, note?: string) => void;
  },
): Promise<DataChecked> {
  try {
    const data = await opened(plan.spec, plan, ports, signal);
    if ("status" in data) return data;
    const train = plan.train ? await opened(plan.train, plan, ports, signal) : undefined;
    if (train && "status" in train) return train;
    const values = data.n * data.size + (train ? train.n * train.size : 0);
    if (values > VALUES_MAX)
      return {
        status: "refused",
        because: `${values} values are more than are checked here (${VALUES_MAX}) – run \`vauban data ${plan.spec.path}\``,
        notes: [],
      };
    const report = await checkData(
      {
        signal,
        rng: rng(plan.seed),
        faults: FAULTS,
        // Parts of a check have a progress of their own, which would be taken for that of all checks. Nobody pauses: who
        // cancels kills the worker where it stands.
        progress: ({ item, done, total, label }) => {
          if (item === "checks") onProgress(done, total, label);
        },
      },
      {
        data,
        ...(train ? { train } : {}),
        ...(plan.range ? { range: plan.range } : {}),
        declared: plan.declared,
      },
    );
    return { status: "checked", report: shortened(report) };
  } catch (error) {
    if (error instanceof RangeError) return { status: "refused", because: error.message, notes: [] };
    return refusalOf(error);
  }
}

async function opened(
  spec: RecordsSpec,
  { trial }: DataPlan,
  { files }: WorkerPorts,
  signal: Signal,
): Promise<Records | Refused> {
  const result = await openRecords(files, spec, { signal });
  if (result.status === "refused")
    return {
      status: "refused",
      because: result.diagnostics.map(({ message, hint }) => (hint ? `${message} – ${hint}` : message)).join("; "),
      notes: [],
    };
  await dataAsHashed(files, result.records.inputs, trial.inputs);
  return result.records;
}

/** Samples that evidence lists with a finding; `vauban data --json` has more. */
const ITEMS_KEPT = 20;
const shortened = (report: DataReport): DataReport => ({
  ...report,
  checks: report.checks.map((check) => ({
    ...check,
    findings: check.findings.map((finding) => ({ ...finding, items: finding.items.slice(0, ITEMS_KEPT) })),
  })),
});
