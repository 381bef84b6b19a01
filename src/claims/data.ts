/** What the integrity checks of the data sets lead to: a finding per check that found something, with the planted faults it saw. */
import type { DataMeasure, Evidence, Finding } from "#assessment/index.ts";
import type { Checked } from "./checked.ts";
import type { Grounds } from "./rated.ts";

type Check = DataMeasure["report"]["checks"][number];

export const dataOf = ({ outcome }: Evidence): DataMeasure["report"] | undefined =>
  outcome.status === "measured" && outcome.measure.kind === "data" ? outcome.measure.report : undefined;

interface Of {
  readonly item: Evidence;
  readonly report: DataMeasure["report"];
}

export const checkedData = (evidence: readonly Evidence[]): Of[] =>
  evidence.flatMap((item) => {
    const report = dataOf(item);
    return report && item.standing.status === "current" ? [{ item, report }] : [];
  });

/** A fault is confirmed, a doubt wants a person's eye. Notes stay in the table. */
export function dataFindings({ evidence, trials }: Grounds): Finding[] {
  return checkedData(evidence).flatMap(({ item, report }) =>
    report.checks.flatMap((check): Finding[] => {
      const grave = check.findings.filter(({ severity }) => severity !== "note");
      if (grave.length === 0) return [];
      const fault = grave.some(({ severity }) => severity === "fault");
      const where = trials.find(({ id }) => id === item.trial)?.where;
      return [
        {
          id: `F-data:${item.at}:${check.id}`,
          kind: "data",
          status: fault ? "confirmed" : "inconclusive",
          severity: fault ? "warning" : "note",
          title: `${report.data.path}: ${grave[0]!.message}`,
          detail: [...grave.slice(1).map(({ message }) => message), seen(check)].filter(Boolean).join("; "),
          remedy: `look at the samples named: \`vauban data ${report.data.path} --only ${check.id}\``,
          ...(item.at ? { at: item.at } : {}),
          evidence: [item.id],
          ...(where ? { where } : {}),
        },
      ];
    }),
  );
}

/** `saw 37 of 52 planted (a label flipped at random, 5 % of all)`, of the fault it sees least of. */
export function seen({ planted }: Check): string {
  const least = planted.toSorted((a, b) => a.detected.low - b.detected.low)[0];
  return least
    ? `of faults planted into these data it saw at least ${least.detected.k} of ${least.detected.n} of a kind (${least.fault})`
    : "its error rate is not known: nothing was planted";
}

/** Which checks stand for which control's verb "detect" against poisoned data. */
const STANDS_FOR: readonly (readonly [control: string, checks: readonly string[], not: string])[] = [
  [
    "C-22",
    ["duplicates", "ranges", "schema", "shift", "trigger-patch", "class-balance"],
    "that poisoned records are taken out before training, and poison made to pass these checks",
  ],
  ["C-23", ["label-noise"], "that several people label and agree, and labels wrong in a way that follows a rule"],
  ["C-24", ["leakage"], "that nobody but the testers gets to the held-out data"],
];

/** What the checks of this run show of these controls, over all data sets. */
export function dataChecks({ evidence }: Grounds): Checked[] {
  const sets = checkedData(evidence);
  return STANDS_FOR.flatMap(([control, ids, not]): Checked[] => {
    const asked = sets.flatMap(({ item, report }) => {
      const checks = report.checks.filter(
        ({ id, outcome }) => ids.includes(id) && outcome !== "not asked" && outcome !== "does not apply",
      );
      return checks.length > 0 ? [{ item, report, checks }] : [];
    });
    if (asked.length === 0) return [];
    return [
      {
        control,
        classes: ["DP"],
        verbs: ["detect"],
        says: asked
          .map(
            ({ report, checks }) =>
              `${report.data.path}: ${checks.map(({ id, outcome }) => `${id} ${outcome}`).join(", ")}`,
          )
          .join("; "),
        not,
        evidence: asked.map(({ item }) => item.id),
      },
    ];
  });
}
