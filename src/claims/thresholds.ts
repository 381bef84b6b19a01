/** Thresholds fixed before the run, against the unfavourable bound: met, missed, or not shown (METHOD §3). */
import type { Evidence, Proportion, Risk, Threshold, Trial } from "#assessment/index.ts";
import { clopperPearson } from "#base/statistics.ts";
import { counted, isUsable, percent } from "./rated.ts";
import type { Grounds } from "./rated.ts";

export interface ThresholdVerdict {
  readonly trial: Trial;
  readonly threshold: Threshold;
  /** Wholly on the right side, wholly on the wrong one, across – or no usable measurement. */
  readonly verdict: "met" | "missed" | "not shown";
  /** One sentence with k, n and the interval. */
  readonly detail: string;
  readonly evidence: Evidence | undefined;
  /** Missed on the model, but carried by the system (METHOD §1 row 3). */
  readonly discharged: boolean;
  /** By which controls, for whom; or what stands in the way. */
  readonly discharge: string;
  /** Controls that carry the discharge. */
  readonly carriers: readonly { readonly control: string; readonly at: string }[];
}

/** Compares a proportion with its threshold: a gate passes on the unfavourable end, and is missed only when the whole interval is. */
export function compareWith(
  { low, high }: { readonly low: number; readonly high: number },
  { at, value }: Threshold["compare"],
): ThresholdVerdict["verdict"] {
  if (at === ">=") return low >= value ? "met" : high < value ? "missed" : "not shown";
  return high <= value ? "met" : low > value ? "missed" : "not shown";
}

export function thresholdVerdicts(grounds: Grounds): ThresholdVerdict[] {
  return grounds.trials.flatMap((trial) => {
    const { threshold } = trial;
    if (!threshold) return [];
    const item = grounds.evidence.find((candidate) => candidate.trial === trial.id);
    if (threshold.metric === "harmful-files") return harmfulFiles(trial, threshold, item);
    const measured = measuredFor(trial, threshold, item, grounds);
    if (typeof measured === "string")
      return [{ trial, threshold, verdict: "not shown", detail: measured, evidence: item, ...NOTHING }];
    const interval = clopperPearson(measured.k, measured.n);
    const reached = compareWith(interval, threshold.compare);
    const weak = reached === "met" ? tooWeakToMeet(threshold, item!) : undefined;
    const verdict = weak === undefined ? reached : "not shown";
    const what =
      trial.kind === "patch"
        ? "patch succeeds in at least half of its random draws on"
        : threshold.metric.replace("-", " ");
    const detail =
      `${what} ${measured.k} of ${counted(measured.n, measured.unit)}, ` +
      `${percent(interval.low)} to ${percent(interval.high)}; threshold ${threshold.compare.at} ${percent(threshold.compare.value)}${weak ? `; ${weak}` : ""}`;
    const discharge = verdict === "missed" ? dischargeOf(trial, item!, grounds) : NOTHING;
    return [{ trial, threshold, verdict, detail, evidence: item, ...discharge }];
  });
}

/**
 * Every file is read, so files are counted and nothing is inferred from a sample: one that is malicious misses the threshold,
 * and only files that were all read whole meet it. What a data set holds that no reader here knows is no reason by itself to
 * conclude nothing, for data are read by readers of their own; it is listed as not tried.
 */
function harmfulFiles(trial: Trial, threshold: Threshold, item: Evidence | undefined): ThresholdVerdict[] {
  const verdict = (verdict: ThresholdVerdict["verdict"], detail: string): ThresholdVerdict[] => [
    { trial, threshold, verdict, detail, evidence: item, ...NOTHING },
  ];
  if (!item) return verdict("not shown", `trial ${trial.id} left no evidence`);
  if (item.standing.status === "stale") return verdict("not shown", `stale: ${item.standing.because}`);
  if (item.outcome.status === "inconclusive") return verdict("not shown", `inconclusive: ${item.outcome.because}`);
  const { measure } = item.outcome;
  if (measure.kind !== "artefacts") return verdict("not shown", "its evidence is no scan");
  const first = measure.files[0]!;
  const named = `${first.path}${first.findings[0] ? `: ${first.findings[0].message}` : ""}`;
  const { malicious, suspicious } = measure.verdicts;
  if (malicious > 0)
    return isUsable(item)
      ? verdict(
          "missed",
          `${malicious} of ${counted(measure.total, "file")} would do harm to whoever loads it – ${named}`,
        )
      : verdict("not shown", "its evidence does not count");
  if (suspicious > 0)
    return verdict("not shown", `${suspicious} of ${counted(measure.total, "file")} are suspicious – ${named}`);
  if (measure.verdict === "no code path found" && !isUsable(item))
    return verdict("not shown", "its evidence does not count");
  if (measure.verdict === "no code path found")
    return verdict(
      "met",
      `${counted(measure.total, "file")} read whole, and loading them calls nothing that does harm`,
    );
  return measure.of === "data"
    ? []
    : verdict(
        "not shown",
        `${measure.total - measure.verdicts["no code path found"]} of ${counted(measure.total, "file")} not read whole – ${named}`,
      );
}

/** Any attack can show a miss; that a model withstands is shown by attacks with its gradient, or by a certificate (METHOD §3, §7). */
function tooWeakToMeet({ metric, compare }: Threshold, { grade, outcome }: Evidence): string | undefined {
  if (outcome.status !== "measured" || outcome.measure.kind !== "evasion" || grade === "A" || grade === "B")
    return undefined;
  const certified = outcome.measure.bracket?.certified;
  if (certified && metric !== "success-rate" && compareWith(certified, compare) === "met") return undefined;
  return `the attacks did not go past it, but evidence of grade ${grade} does not show that stronger ones would not`;
}

const NOTHING = { discharged: false, discharge: "", carriers: [] } as const;

/** The proportion the threshold speaks of, or why there is none. */
function measuredFor(
  trial: Trial,
  threshold: Threshold,
  item: Evidence | undefined,
  { unrated }: Grounds,
): Proportion | string {
  if (!item) return `trial ${trial.id} left no evidence`;
  if (item.standing.status === "stale") return `stale: ${item.standing.because}`;
  if (item.outcome.status === "inconclusive") return `inconclusive: ${item.outcome.because}`;
  if (!isUsable(item)) return "its evidence does not count";
  const fault = unrated.find(({ component }) => component === trial.target);
  if (fault && trial.kind !== "clean") return `nothing about ${trial.target} is rated: ${fault.because}`;
  const { measure } = item.outcome;
  switch (measure.kind) {
    case "evasion":
      return threshold.metric === "success-rate" ? measure.successRate : measure.robustAccuracy;
    case "patch":
      // Draws on one input are not independent, so an interval over them would be too narrow; inputs are.
      return measure.perInput;
    case "corruption":
    case "clean":
      return measure.accuracy;
    case "statement":
      return measure.successes;
    case "scan":
    case "artefacts":
    case "data":
      return "it measures no rate";
  }
}

/**
 * METHOD §1 row 3. The bounded figure speaks of the actors its bound holds (without a bound: of everyone who gets there). For none
 * of them may success still be shown: the lower end of success is zero with the credited controls in place. And for at least one
 * of them it has to be such a control, above the model, that made the difference: a criterion discharges nothing, and an actor
 * who never had more than ways to force is no reason to say that something carries the limit. Ways that would have to be
 * forced remain risks of their own, and stay open.
 */
function dischargeOf(
  trial: Trial,
  item: Evidence,
  { risks, discarded, knowledge }: Grounds,
): Pick<ThresholdVerdict, "discharged" | "discharge" | "carriers"> {
  const carried = risks.filter(({ evidence, type }) => evidence.includes(item.id) && trial.tests.includes(type));
  const spokenOf = trial.bound?.actors ?? [...new Set(carried.map(({ actor }) => actor))];
  const carriers = new Map<string, { control: string; at: string }>();
  const helped = new Set<string>();
  for (const actor of spokenOf) {
    const own = carried.filter((risk) => risk.actor === actor);
    if (own.length === 0 && !discarded.some((threat) => threat.actor === actor && trial.tests.includes(threat.type)))
      return { ...NOTHING, discharge: `no risk by ${actor} was rated on it, though its bound names ${actor}` };
    for (const risk of own) {
      if (risk.successCurrent.low > 0) return { ...NOTHING, discharge: `${actor} still gets there: ${wayIn(risk)}` };
      const layers = risk.controls.filter(
        ({ control, credited }) => credited && knowledge.controls.find(({ id }) => id === control)?.layer !== "model",
      );
      const shut = risk.successInherent.low > 0 && risk.successCurrent.low === 0 && layers.length > 0;
      if (shut) for (const { control, at } of layers) carriers.set(`${control}@${at}`, { control, at });
      if (shut) helped.add(actor);
    }
  }
  if (helped.size === 0)
    return {
      ...NOTHING,
      discharge: "no control was shown to stand in for the model, for anybody it speaks of",
    };
  const by = [...carriers.values()].map(({ control, at }) => `${control} at ${at}`);
  const names = [...helped].join(", ");
  // Whom the bound does not hold may do more than the trial's budget: the figure says nothing of him, his own risk does.
  const others = [
    ...new Set(carried.flatMap(({ actor, reach }) => (spokenOf.includes(actor) || reach === "none" ? [] : [actor]))),
  ];
  const beside =
    others.length > 0 ? `; its bound names nobody else, so ${others.join(", ")} are judged by their own risks` : "";
  return {
    discharged: true,
    discharge: `for ${names} carried by ${by.join(" and ")}${beside}`,
    carriers: [...carriers.values()],
  };
}

/** `pacs -> prep -> cnn` */
export const wayIn = ({ path, at }: Pick<Risk, "path" | "at">): string =>
  path.length > 0 ? path.map(({ component }) => component).join(" -> ") : at;
