/** The outcome for the system: METHOD §1's table, read from the top, first row that applies. */
import type { Claim, ClassCoverage, NotFeasible, Risk, SystemOutcome } from "#assessment/index.ts";
import { LEVELS } from "#assessment/scalars.ts";
import { CLASS_NAMES, remedyFor, typesOfClass } from "./coverage.ts";
import { counted, severest } from "./rated.ts";
import type { Credit, Grounds } from "./rated.ts";
import { checkedData } from "./data.ts";
import { scanOf } from "./scanned.ts";
import { wayIn } from "./thresholds.ts";
import type { ThresholdVerdict } from "./thresholds.ts";
import { togetherLines } from "./together.ts";
import { unsignedWords } from "./materials.ts";

export type Row = SystemOutcome["row"];

/** Outcome and exit code per row: what every command returns to the shell. */
export const ROWS: Readonly<Record<Row, { readonly outcome: SystemOutcome["outcome"]; readonly exit: 0 | 1 | 2 }>> = {
  "1a": { outcome: "not met", exit: 1 },
  "1b": { outcome: "not feasible with mature measures", exit: 1 },
  "2": { outcome: "cannot conclude", exit: 2 },
  "3": { outcome: "supported via complementary measures", exit: 0 },
  "4": { outcome: "supported by own justification", exit: 0 },
};

export interface Decision {
  readonly row: Row;
  readonly because: string;
  /** Worst first. */
  readonly reasons: readonly string[];
  /** Row 1b: what is beyond mature measures, and why. */
  readonly notFeasible?: NotFeasible;
}

export interface Weighed {
  readonly grounds: Grounds;
  readonly coverage: readonly ClassCoverage[];
  readonly verdicts: readonly ThresholdVerdict[];
}

/** Decides the row. `claims` may be absent while they are still being made; row 4 then waits for them. */
export function decide({ grounds, coverage, verdicts }: Weighed, claims: readonly Claim[]): Decision {
  const { risks, system } = grounds;
  const missed = severest(
    risks.filter(({ judgement }) => judgement === "missed"),
    weight,
  );
  const undischarged = verdicts.filter(({ verdict, discharged }) => verdict === "missed" && !discharged);
  if (missed.length + undischarged.length > 0) {
    // A harmful file is taken away; that no control would reach the threshold is not the question.
    const attacked = undischarged.filter(({ trial }) => trial.kind !== "scan");
    const notFeasible = grounds.mature?.({ risks: missed, trials: attacked.map(({ trial }) => trial) });
    const reasons = [
      ...undischarged
        .filter(({ trial }) => trial.kind === "scan")
        .map(({ trial, detail }) => `${trial.id}: threshold missed, ${detail}`),
      ...missed.map((risk) => `${risk.id}: missed, ${figures(risk)}`),
      ...attacked.map(({ trial, detail, discharge }) => `${trial.id}: threshold missed, ${detail} – ${discharge}`),
    ];
    if (!notFeasible) return { row: "1a", because: reasons[0]!, reasons };
    const beyond = new Set(notFeasible.beyond);
    const first = reasons.find((reason) => notFeasible.beyond.some((name) => reason.startsWith(`${name}:`)))!;
    return {
      row: "1b",
      because: `${first}; no set of mature measures reaches it (catalogue of ${notFeasible.edition}). Left are: redesign, a narrower purpose, a new control of proven effectiveness, or not to deploy`,
      reasons: [
        ...reasons,
        ...notFeasible.conflict.limits.map(({ control, title, why }) => `${control} (${title}): ${why}`),
        ...(beyond.size > 1 ? [`beyond mature measures: ${[...beyond].join(", ")}`] : []),
      ],
      notFeasible,
    };
  }

  const open = severest(
    risks.filter(({ significant, judgement, untested }) => significant && (judgement !== "within" || untested)),
    weight,
  );
  const notTried = coverage.filter(({ status }) => status === "not-tried");
  const notShown = verdicts.filter(({ verdict }) => verdict === "not shown");
  // Each risk within does not make the sum within, and a sum that is not within supports nothing (docs/decisions/0008).
  const together = grounds.register.flatMap(togetherLines);
  const unclear = [
    ...notTried.map(
      (entry) => `${CLASS_NAMES[entry.class]}: neither tried nor excluded with evidence – ${entry.because}`,
    ),
    ...[...Map.groupBy(notShown, ({ detail }) => detail)].map(
      ([detail, those]) => `${those.map(({ trial }) => trial.id).join(", ")}: threshold not shown – ${detail}`,
    ),
    ...grounds.unrated.map(({ component, because }) => `${component}: not rated – ${because}`),
    ...open.map((risk) => `${risk.id}: ${risk.untested ? "untested" : "open"}, ${figures(risk)}`),
    ...together,
    ...(risks.length === 0 ? [`no risk of ${system.name} was rated`] : []),
  ];
  if (unclear.length > 0) {
    const parts = [
      ...(open.length > 0 ? [`${open.length} significant risk${plural(open.length)} open or untested`] : []),
      ...(notTried.length > 0
        ? [
            `${coverage.length - notTried.length} of ${coverage.length} attack classes of Art. 15(5) tried or excluded with evidence`,
          ]
        : []),
      ...(notShown.length > 0 ? [`${notShown.length} threshold${plural(notShown.length)} not shown`] : []),
      ...(together.length > 0
        ? [`${together.length} total${plural(together.length)} over all ways and actors not within`]
        : []),
    ];
    return { row: "2", because: parts.join("; ") || unclear[0]!, reasons: unclear };
  }

  const bare = claims.filter(
    ({ clause, status }) => clause.startsWith("AIA-15.") && status !== "supported" && status !== "not-applicable",
  );
  if (bare.length > 0)
    return {
      row: "2",
      because: `${bare.length} clause${plural(bare.length)} of Art. 15 stand${bare.length === 1 ? "s" : ""} without evidence`,
      reasons: bare.map(({ clause, status, because }) => `${clause}: ${status} – ${because}`),
    };
  const discharged = verdicts.filter((verdict) => verdict.discharged);
  const carried = risks.filter((risk) => isCarriedAboveTheModel(risk, grounds));
  if (discharged.length + carried.length > 0) {
    const reasons = [
      ...discharged.map(({ trial, discharge }) => `${trial.id}: missed on the model, ${discharge}`),
      ...carried.map((risk) => `${risk.id}: within only by ${layersAboveTheModel(risk, grounds).join(" and ")}`),
    ];
    return { row: "3", because: reasons[0]!, reasons };
  }

  return {
    row: "4",
    because: "every significant risk lies within its criterion, and every claim on Art. 15 has evidence",
    reasons: risks.filter(({ significant }) => significant).map((risk) => `${risk.id}: within, ${figures(risk)}`),
  };
}

const plural = (count: number): string => (count === 1 ? "" : "s");
const digits = (value: number): string => String(Number(value.toPrecision(3)));
const figures = ({ current, criterion }: Risk): string =>
  `P(≥ 1 per year) [${digits(current.low)}, ${digits(current.high)}] against ${digits(criterion.perYear)}`;

/** Severity first, then how far the interval reaches beyond the criterion. */
const weight = ({ severity, current, criterion }: Risk): number =>
  LEVELS.indexOf(severity) * 1e6 +
  Math.min(1e5, current.low / criterion.perYear) +
  current.high / criterion.perYear / 1e6;

const layersAboveTheModel = ({ controls }: Risk, { knowledge }: Grounds): string[] =>
  controls
    .filter(
      ({ control, credited }) => credited && knowledge.controls.find(({ id }) => id === control)?.layer !== "model",
    )
    .map(({ control, at }) => `${control} at ${at}`);

/** A limit of the state of the art on the model that the system makes up for (S-104, S-116). */
function isCarriedAboveTheModel(risk: Risk, grounds: Grounds): boolean {
  const type = grounds.knowledge.threats.find(({ id }) => id === risk.type);
  return (
    type !== undefined &&
    (type.modelLevel === "none" || type.modelLevel === "partly") &&
    risk.inherentJudgement !== "within" &&
    risk.judgement === "within" &&
    layersAboveTheModel(risk, grounds).length > 0
  );
}

/** Art. 15 does not bind where the system is not high-risk or stands in Annex I Section B: the same outcome, by analogy. */
export const isByAnalogy = (listing: string): boolean => listing === "none" || /^annex-I\.B\b/.test(listing);

/** What was not tried, classes first, then planned trials that came to nothing, then threats nobody looked at. */
export function notTriedOf({ grounds, coverage }: Weighed): SystemOutcome["notTried"] {
  const { risks, trials, evidence, threats, system } = grounds;
  const classes = coverage
    .filter(({ status }) => status === "not-tried")
    .map((entry) => ({ what: CLASS_NAMES[entry.class], because: entry.because, remedy: remedyFor(entry.class) }));
  const failed = trials.flatMap((trial) => {
    const item = evidence.find((candidate) => candidate.trial === trial.id);
    const because = !item
      ? "it left no evidence"
      : item.standing.status === "stale"
        ? item.standing.because
        : item.outcome.status === "inconclusive"
          ? item.outcome.because
          : undefined;
    return because ? [{ id: trial.id, because }] : [];
  });
  // What kept several is said once, with how many and which.
  const together = [...Map.groupBy(failed, ({ because }) => because)].map(([because, those]) => ({
    what:
      those.length === 1 ? `trial ${those[0]!.id}` : `${those.length} trials: ${those.map(({ id }) => id).join(", ")}`,
    because,
    remedy: "put that right and run `vauban assess` again",
  }));
  const planned = system.tests
    .filter(({ id }) => !trials.some((trial) => trial.id === id))
    .map(({ id }) => ({
      what: `test ${id}`,
      because: "it is in the system file, and no trial came of it",
      remedy: "run `vauban assess` again",
    }));
  const rated = new Set(risks.filter(({ untested }) => !untested).map(({ group }) => group));
  const groups = new Map(threats.filter(({ group }) => !rated.has(group)).map((threat) => [threat.group, threat]));
  const untested = [...groups.values()].map(({ group, type }) => ({
    what: group,
    because: risks.some((risk) => risk.group === group && risk.significant)
      ? "it would exceed its criterion if attempts succeeded, and nothing current speaks of it"
      : "nothing current speaks of it; by the figures assumed it stays within its criterion even so",
    remedy: `see \`vauban explain ${type}\` for what would count as evidence`,
  }));
  return [
    ...classes,
    ...together,
    ...unreadFiles(evidence),
    ...blindChecks(evidence),
    ...planned,
    ...untested,
    ...withoutFiles(grounds),
  ];
}

/** Files that a scan could not read whole: what loading them would do was not found out. */
const unreadFiles = (evidence: Weighed["grounds"]["evidence"]): SystemOutcome["notTried"] =>
  evidence.flatMap((item) => {
    const measure = scanOf(item);
    const open = measure ? measure.verdicts.unknown + measure.verdicts["header-ok"] : 0;
    const first = measure?.files.find(({ verdict }) => verdict === "unknown" || verdict === "header-ok");
    return measure && open > 0 && item.standing.status === "current"
      ? [
          {
            what: `${open} of ${counted(measure.total, "file")} of ${item.at}, what loading would do`,
            because: `not read whole: ${first?.path ?? ""}${first?.findings[0] ? ` – ${first.findings[0].message}` : ""}`,
            remedy: "see docs/scanning.md for what is read whole, or import what another scanner says",
          },
        ]
      : [];
  });

/** Checks of data that could not tell, or that nobody could ask: what they look for was not looked for. */
const blindChecks = (evidence: Weighed["grounds"]["evidence"]): SystemOutcome["notTried"] =>
  checkedData(evidence).flatMap(({ report: { data, summary } }) => {
    const open = [...summary.cannotTell, ...summary.notAsked];
    return open.length === 0
      ? []
      : [
          {
            what: `${counted(open.length, "integrity check")} of ${data.path}`,
            because: `not asked, or unable to tell: ${open.map((said) => said.split(":")[0]).join(", ")}; why stands with the data`,
            remedy: `see \`vauban data ${data.path} --help\` for what each needs`,
          },
        ];
  });

/** Models, data and parts that the system file speaks of without naming a file. */
function withoutFiles({ system, evidence }: Weighed["grounds"]): SystemOutcome["notTried"] {
  const none = [
    ...system.components.flatMap(({ title, model }) => (model && model.artefact === undefined ? [title] : [])),
    ...system.datasets.flatMap(({ title, path }) => (path === undefined ? [title] : [])),
    ...evidence.flatMap((item) => scanOf(item)?.absent.map((what) => `${what} of ${item.at}`) ?? []),
  ];
  return none.length === 0
    ? []
    : [
        {
          what: `what loading ${none.length === 1 ? "one part" : `${none.length} parts`} of the system would do`,
          because: `no file is here to be read: ${none.join("; ")}`,
          remedy: "name them (artefact:, path:, files:), or import what another scanner says",
        },
      ];
}

/** What narrows this much stands whatever else is tried: no interval is wider than 1. */
export const FILES_FIRST = 2;

/** What would narrow most, in order: the width of the interval owed to each thing that could be tried, verified or argued. */
export function nextOf({ grounds, coverage, verdicts }: Weighed): SystemOutcome["next"] {
  const { risks, widths, system, credits } = grounds;
  const owed = new Map(widths.map((width) => [width.risk, width]));
  const unsettled = risks.filter(
    ({ significant, judgement, untested }) => significant && (judgement !== "within" || untested),
  );
  const items = new Map<string, { what: string; narrows: number; command?: string }>();
  const note = (what: string, narrows: number, command: string): void => {
    const known = items.get(what);
    if (narrows > 0 && narrows > (known?.narrows ?? 0)) items.set(what, { what, narrows, command });
  };
  // A file that harms whoever loads it decides by itself, and nothing that is tried besides changes that.
  for (const { trial, verdict, evidence } of verdicts)
    if (trial.kind === "scan" && verdict === "missed")
      note(
        `replace what harms whoever loads it: ${(evidence && scanOf(evidence))?.files[0]?.path ?? trial.target}`,
        FILES_FIRST,
        "vauban explain T-11",
      );
  // Files that are not those meant come before everything: whatever is measured is measured of another thing.
  for (const { component, path } of grounds.mismatches)
    note(
      `${path} is not the file declared: find out who changed it, or write its hash into the system file`,
      FILES_FIRST,
      `vauban explain F-integrity:${component}`,
    );
  for (const one of grounds.materials.signatures) {
    const { says, todo } = unsignedWords(one);
    if (!one.holds) note(`${says}: ${todo}`, FILES_FIRST, `vauban explain F-signature:${one.component}`);
  }
  for (const { component, because, remedy } of grounds.unrated)
    note(`${component}: ${remedy ?? because}`, 1, "vauban explain not-tried");
  for (const entry of coverage.filter(({ status }) => status === "not-tried")) {
    const types = typesOfClass(grounds, entry.class);
    const widest = Math.max(
      0,
      ...unsettled.filter(({ type }) => types.has(type)).map(({ id }) => owed.get(id)?.success ?? 0),
    );
    note(`try or exclude with evidence: ${CLASS_NAMES[entry.class]}`, widest, "vauban explain not-tried");
  }
  for (const risk of unsettled) {
    const width = owed.get(risk.id);
    if (!width) continue;
    if (risk.untested) note(`try, import or verify: ${risk.group}`, width.success, `vauban explain ${risk.type}`);
    for (const { control, at, credited } of risk.controls)
      if (!credited && isWorthVerifying(credits.find((credit) => credit.control === control && credit.at === at)))
        note(`verify or measure ${control} at ${at}`, width.success, `vauban explain ${control}`);
    if (risk.attempts.basis.kind === "assumed") {
      const actor = system.actors.find(({ id }) => id === risk.actor);
      note(
        `argue how often ${actor?.title ?? risk.actor} tries ${risk.type} (assumed now)`,
        width.attempts,
        `vauban explain ${actor?.profile ?? risk.type}`,
      );
    }
  }
  return [...items.values()].toSorted((a, b) => b.narrows - a.narrows || (a.what < b.what ? -1 : 1)).slice(0, 20);
}

/** Broken and unknown controls are not worth another document. */
const isWorthVerifying = (credit: Credit | undefined): boolean =>
  credit !== undefined && !credit.credited && credit.fault !== "broken" && credit.fault !== "unknown";

/** The way that opens when a control's evidence is gone: of the risks that get worse, the worst. */
export function openedWay(before: readonly Risk[], after: readonly Risk[]): string {
  const known = new Map(before.map((risk) => [risk.id, risk]));
  const worse = after.filter((risk) => {
    const was = known.get(risk.id);
    return (
      was !== undefined &&
      (was.reach !== risk.reach || was.current.low < risk.current.low || was.current.high < risk.current.high)
    );
  });
  const worst = severest(worse, weight)[0];
  return worst ? wayIn(worst) : "";
}
