/** From what a shard measured to Evidence: its grade, whether the attack was adaptive, what it speaks of. The harness verifies; this concludes. */
import { hashOf } from "#base/hash.ts";
import type { Evidence, Grade, Measure, System, Trial } from "#assessment/index.ts";
import { compareWith } from "#claims/thresholds.ts";
import type { DataResult } from "./data.ts";
import type { ScanResult } from "./scan.ts";
import type { TrialResult } from "./shard.ts";

/** Controls that change what the model sees or answers: an attack that did not have them inside is not adaptive. */
const INSIDE_THE_ATTACK = new Set(["C-38", "C-39", "C-41", "C-47", "C-57", "C-61"]);

const TITLES: Readonly<Record<Trial["kind"], string>> = {
  clean: "Clean run",
  evasion: "Evasion",
  patch: "Adversarial patch",
  corruption: "Noise and corruption",
  scan: "Scan of the files",
  data: "Integrity checks",
};

const titleOf = ({ kind, target }: Trial, system: System): string => {
  const data = (id: string): string | undefined => system.datasets.find((dataset) => dataset.id === id)?.title;
  const component = system.components.find(({ id }) => id === target)?.title;
  return `${TITLES[kind]} of ${component ?? data(target.replace(/^dataset:/, "")) ?? target}`;
};

/** What every piece of evidence says of the trial it came of. */
const ofTrial = (
  trial: Trial,
  system: System,
  version: string,
): Pick<Evidence, "kind" | "title" | "trial" | "tests" | "at" | "tool" | "inputs" | "standing"> => ({
  kind: "measured",
  title: titleOf(trial, system),
  trial: trial.id,
  tests: [...trial.tests],
  at: trial.target,
  tool: { name: "vauban", version },
  inputs: trial.inputs.map(({ role, sha256 }) => ({ role, sha256 })),
  standing: { status: "current" },
});

/** Evidence of one trial. Its id is the hash of its content; the tool's version is part of it, time is not. */
export function evidenceOf(trial: Trial, result: TrialResult, system: System, version: string): Evidence {
  const outside = outsideTheAttack(trial, system);
  const adaptive = outside.length === 0;
  const { outcome, note } = judged(trial, result);
  const notes = [
    ...result.notes,
    ...(note ? [note] : []),
    ...outside.map(
      ({ control, at }) =>
        `${control} at ${at} changes what the model sees and did not stand inside the attack: the measurement is not adaptive`,
    ),
  ];
  return sealed({
    ...ofTrial(trial, system, version),
    grade: gradeOf({ ...result, outcome }, adaptive),
    outcome,
    sanity: [...result.sanity],
    adaptive,
    date: result.date,
    notes,
  });
}

/**
 * Evidence of one scan. A policy that everybody can read was not tried against somebody who hides from it, so it is not
 * adaptive: grade C. What was not read whole is no evidence.
 */
export function scanEvidence(trial: Trial, { measure, date }: ScanResult, system: System, version: string): Evidence {
  const { verdict, absent } = measure;
  return sealed({
    ...ofTrial(trial, system, version),
    grade: verdict === "unknown" || verdict === "header-ok" ? "F" : "C",
    outcome: { status: "measured", measure },
    sanity: [],
    adaptive: false,
    date,
    notes: [
      "it speaks of loading these bytes; it is no evidence against a backdoor in the weights (T-08, T-09)",
      "scanners are bypassed now and then (C-75): no policy was tried against somebody who hides from it",
      ...absent.map((what) => `not scanned: ${what}`),
    ],
  });
}

/** Evidence of the checks of one data set: what they found, and what of planted faults they saw. It speaks of no threat. */
export function dataEvidence(trial: Trial, { checked, date }: DataResult, system: System, version: string): Evidence {
  if (checked.status === "refused") return inconclusiveEvidence(trial, checked.because, system, version);
  return sealed({
    ...ofTrial(trial, system, version),
    grade: "C",
    outcome: { status: "measured", measure: { kind: "data", report: checked.report } },
    sanity: [],
    adaptive: false,
    date,
    notes: [
      "nothing found is no proof of clean data: planted faults that were missed stand beside each check, and who hides poison plants other faults",
    ],
  });
}

/**
 * Units that left no record are never left out of n: they need not be like the others. Where the threshold is missed although
 * all of them are counted as standing, or met although all are counted as fallen, they cannot change the verdict, and the
 * reading against which it holds is the one shown; the check that names them stays failed, so that nothing is bounded from above.
 */
export function judged(
  { threshold }: Trial,
  { outcome, missing }: TrialResult,
): { outcome: Evidence["outcome"]; note?: string } {
  if (!missing?.otherwise || !threshold) return { outcome };
  const verdict = (measure: Measure): ReturnType<typeof compareWith> | undefined => {
    if (measure.kind !== "evasion") return undefined;
    return compareWith(
      threshold.metric === "success-rate" ? measure.successRate : measure.robustAccuracy,
      threshold.compare,
    );
  };
  const what = `${missing.units} inputs were not tried (${missing.because})`;
  if (verdict(missing.standing) === "missed")
    return {
      outcome: { status: "measured", measure: missing.standing },
      note: `${what}: counted as still standing, and the threshold is missed all the same`,
    };
  if (verdict(missing.fallen) === "met")
    return {
      outcome: { status: "measured", measure: missing.fallen },
      note: `${what}: counted as beaten, and the threshold is met all the same`,
    };
  return { outcome };
}

/** Controls that change what the model sees or answers and did not stand inside the attack: its measurement is not adaptive. */
export const outsideTheAttack = ({ target }: Pick<Trial, "target">, system: System): System["controls"] =>
  system.controls.filter(({ control, at }) => INSIDE_THE_ATTACK.has(control) && feeds(system, at, target));

/** Evidence that says: this was planned and did not come about. */
export function inconclusiveEvidence(trial: Trial, because: string, system: System, version: string): Evidence {
  return sealed({
    ...ofTrial(trial, system, version),
    grade: "F",
    outcome: { status: "inconclusive", because },
    sanity: [],
    adaptive: false,
    notes: [],
  });
}

/**
 * METHOD §7. A is end to end and is not reached by attacking one model; B needs the attacker's best access (white-box)
 * with every control of the path inside; without a gradient, or with a control outside, C; nothing measured, F.
 */
function gradeOf({ outcome, access }: TrialResult, adaptive: boolean): Grade {
  if (outcome.status === "inconclusive") return "F";
  return adaptive && access === "white-box" ? "B" : "C";
}

function sealed(content: Omit<Evidence, "id">): Evidence {
  // The date is when it was judged, not what was measured: the same measurement keeps its name.
  const { date: _date, ...body } = content;
  return { id: `ev-${hashOf(JSON.parse(JSON.stringify(body))).slice(0, 16)}`, ...content };
}

/** Kinds that hand operational input on; weights, people and monitoring reach a model by other ways. */
const CARRIES_INPUT = new Set(["sensor", "network", "database", "interface", "preprocessing"]);

/** Whether operational input passes `from` on its way into `to` (or they are the same). */
function feeds(system: System, from: string, to: string): boolean {
  const kindOf = new Map(system.components.map(({ id, kind }) => [id, kind]));
  const seen = new Set([to]);
  const queue = [to];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    if (at === from) return true;
    for (const flow of system.flows) {
      if (flow.to === at && !seen.has(flow.from) && CARRIES_INPUT.has(kindOf.get(flow.from) ?? "")) {
        seen.add(flow.from);
        queue.push(flow.from);
      }
    }
  }
  return false;
}
