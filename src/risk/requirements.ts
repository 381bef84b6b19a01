/**
 * What components must guarantee so that risks come within their criteria (S-84, S-86): each requirement belongs to one component,
 * says how anyone can check it, and names the risks it serves. Those of one way are alternatives: any one that holds breaks it.
 *
 * | kind | of | said where |
 * |---|---|---|
 * | deny-entry | the component a way begins at by a usual flow or an intrusion | the way begins so |
 * | integrity | the component that takes in what comes along a flow of the way | something is changed, and it began behind the source |
 * | resist | the component the threat is to | trials of a size anyone would make can show it |
 * | detect | what monitors the way, else the component the threat is to | attempts repeat, and stopping them in time is enough |
 *
 * The figure behind resist and detect: with at most λ attempts a year (the upper end), P(≥ 1) ≤ c needs a success of one attempt of
 * at most S* = −ln(1 − c)/λ; where one attempt meets v victims, 1 − (1 − S*)^(1/v). A trial shows S ≤ S* when the upper
 * Clopper–Pearson end of k of n does not exceed it; with no success that takes n = ln 0.025/ln(1 − S*) attempts. Our own method
 * (mark I).
 */
import { ATTEMPTS_MIN } from "#assessment/evidence.ts";
import type { Component, Knowledge, Requirement, Risk, System } from "#assessment/index.ts";
import { clopperPearson } from "#base/statistics.ts";
import { entryOf } from "#system/reach.ts";

/** Beyond this many attempts nobody tries: the figure is left to the other requirements, or to a certificate. */
const TRIAL_MAX = 10_000;
/** The field's usual size of a trial (METHOD §2). */
const TRIAL_USUAL = 500;
const HOURS_A_YEAR = 365 * 24;

/** S*: the success of one attempt at which P(≥ 1 per year) equals the criterion; 1 where it is met even if every attempt succeeds. */
export function successAllowed({
  attempts,
  criterion,
  exposures,
}: Pick<Risk, "attempts" | "criterion" | "exposures">): number {
  if (criterion.perYear >= 1 || attempts.high <= 0) return 1;
  const perAttempt = -Math.log1p(-criterion.perYear) / attempts.high;
  if (perAttempt >= 1) return 1;
  return exposures ? -Math.expm1(Math.log1p(-perAttempt) / exposures.high) : perAttempt;
}

/** Fewest attempts of which none succeeds that show S ≤ `success` with two-sided 95 % Clopper–Pearson. */
export const attemptsToShow = (success: number): number =>
  success >= 1 ? 1 : Math.ceil(Math.log(0.025) / Math.log1p(-success) - 1e-9);

/** The most successes of `n` that still show S ≤ `success`; undefined where none would be too many. */
export function successesAllowed(n: number, success: number): number | undefined {
  if (clopperPearson(0, n).high > success) return undefined;
  let low = 0;
  let high = n;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (clopperPearson(middle, n).high <= success) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Attempts k after which an actor has to be stopped for P(≥ 1) ≤ c when each succeeds with S: ln(1 − c)/ln(1 − S). */
export const attemptsBeforeStop = (criterion: number, success: number): number =>
  success <= 0 ? Infinity : success >= 1 ? 0 : Math.log1p(-criterion) / Math.log1p(-success);

interface Draft {
  readonly asks: Pick<Requirement, "kind" | "component" | "on" | "text" | "acceptance">;
  /** Smaller asks for more. */
  readonly strictness: number;
}

/** Requirements of every risk that is not within its criterion, merged by what they ask of which component; the strictest figure stays. */
export function requirementsOf(
  risks: readonly Risk[],
  { system, knowledge }: { readonly system: System; readonly knowledge: Knowledge },
): Requirement[] {
  const components = new Map(system.components.map((component) => [component.id, component]));
  const flows = new Map(system.flows.map((flow) => [flow.id, flow]));
  const titles = new Map(knowledge.threats.map(({ id, title }) => [id, title]));
  const drafts = new Map<string, { draft: Draft; from: Risk[] }>();
  for (const risk of risks) {
    if (risk.judgement === "within" || risk.reach === "none") continue;
    for (const draft of draftsOf(risk, components, flows, system, titles)) {
      const id = `RQ-${draft.asks.kind} ${draft.asks.on}`;
      const known = drafts.get(id);
      if (!known) drafts.set(id, { draft, from: [risk] });
      else {
        known.from.push(risk);
        if (draft.strictness < known.draft.strictness) known.draft = draft;
      }
    }
  }
  return [...drafts]
    .map(([id, { draft, from }]): Requirement => {
      const types = unique(from.map(({ type }) => type));
      return {
        id,
        ...draft.asks,
        actors: unique(from.map(({ actor }) => actor)),
        threats: types,
        serves: from.map((risk) => risk.id),
        clauses: clausesOf(types, knowledge),
      };
    })
    .toSorted(
      (a, b) =>
        b.serves.length - a.serves.length ||
        (a.component < b.component ? -1 : a.component > b.component ? 1 : a.id < b.id ? -1 : 1),
    );
}

const unique = (words: readonly string[]): string[] => [...new Set(words)].toSorted();

function draftsOf(
  risk: Risk,
  components: ReadonlyMap<string, Component>,
  flows: ReadonlyMap<string, System["flows"][number]>,
  system: System,
  titles: ReadonlyMap<string, string>,
): Draft[] {
  const { path, at } = risk;
  const titleOf = (id: string): string => components.get(id)?.title ?? (id === "system" ? "the system" : id);
  const first = path[0];
  const entry = entryOf(path);
  const found: Draft[] = [];
  const ask = (strictness: number, asks: Draft["asks"]): void => void found.push({ asks, strictness });

  if (first?.flow && (entry === "usual" || entry === "intrusion")) {
    const usual = /^usual:([^@]+)@/.exec(first.flow)?.[1];
    const what = usual ? `its way of ${usual.replaceAll("-", " ")}` : "access that was stolen or lent";
    ask(0, {
      kind: "deny-entry",
      component: first.component,
      on: first.flow,
      text: `${titleOf(first.component)} lets nobody in by ${what} who was not let in by name`,
      acceptance: {
        test: `a denial test at ${first.component}: attempts by ${usual ? `${usual.replaceAll("-", " ")}` : "others' credentials"}, all refused`,
        attempts: ATTEMPTS_MIN,
        successesMax: 0,
      },
    });
  }

  // A signature made at the source helps against everybody but those who act there.
  const source = first && components.get(first.component);
  const actsAtSource = entry === "touch" && source !== undefined && SOURCES.has(source.kind);
  if (risk.consequence !== "disclosure" && !actsAtSource)
    for (const [i, step] of path.entries()) {
      const flow = step.flow === undefined ? undefined : flows.get(step.flow);
      if (!flow || i === 0 || !components.has(flow.to)) continue;
      ask(0, {
        kind: "integrity",
        component: flow.to,
        on: flow.id,
        text: `${titleOf(flow.to)} takes from ${titleOf(flow.from)} only what its source made and nobody changed${flow.carries.length > 0 ? ` (${flow.carries.join(", ")})` : ""}`,
        acceptance: {
          test: `a denial test along ${flow.id}: one changed byte and one item of no source, each refused at ${flow.to}`,
          attempts: ATTEMPTS_MIN,
          successesMax: 0,
        },
      });
    }

  const allowed = successAllowed(risk);
  // A threat to the system as a whole is nobody's in particular.
  const place = components.has(at) ? at : (flows.get(at)?.to ?? at);
  const title = titles.get(risk.type) ?? risk.type;
  const least = attemptsToShow(allowed);
  if (allowed < 1 && least <= TRIAL_MAX) {
    const attempts = Math.max(TRIAL_USUAL, least);
    const successesMax = successesAllowed(attempts, allowed) ?? 0;
    ask(allowed, {
      kind: "resist",
      component: place,
      on: risk.group,
      text: `${titleOf(place)} gives way to at most ${digits(allowed)} of the attempts (${title})`,
      acceptance: {
        test: `a trial of ${risk.group}, adaptive, units independent, every control of the way inside: at most ${successesMax} of ${attempts} succeed`,
        attempts,
        successesMax,
        successMax: allowed,
      },
    });
  }

  const { successCurrent: success, criterion } = risk;
  const before = attemptsBeforeStop(criterion.perYear, success.high);
  const hours = (before / risk.attempts.high) * HOURS_A_YEAR;
  if (success.high < 1 && before >= 1 && hours < HOURS_A_YEAR) {
    const watcher =
      watcherOf(
        path.map(({ component }) => component),
        system,
        components,
      ) ?? place;
    ask(hours, {
      kind: "detect",
      component: watcher,
      on: risk.group,
      text: `${titleOf(watcher)} notices attempts (${title}) and has them stopped within ${durationText(hours)}, before more than ${Math.floor(before)} were made`,
      acceptance: {
        test: `a drill: attempts of ${risk.group} at ${digits(risk.attempts.high)} a year, from the first one to the last that gets through`,
        withinHours: hours,
      },
    });
  }
  return found;
}

/** Kinds where data come into being or pass under a key of their own (system/reach.ts): who acts there signs what he makes. */
const SOURCES: ReadonlySet<Component["kind"]> = new Set(["sensor", "interface", "human", "external"]);

/** A monitoring component that something on the way reports to. */
function watcherOf(
  way: readonly string[],
  { flows }: System,
  components: ReadonlyMap<string, Component>,
): string | undefined {
  const on = new Set(way);
  return flows.find(({ from, to }) => on.has(from) && components.get(to)?.kind === "monitoring")?.to;
}

const digits = (value: number): string => String(Number(value.toPrecision(2)));

const durationText = (hours: number): string =>
  hours >= 48
    ? `${Math.floor(hours / 24)} days`
    : hours >= 2
      ? `${Math.floor(hours)} hours`
      : `${Math.max(1, Math.floor(hours * 60))} minutes`;

/** Clauses of Art. 15 that ask for this: by class of attack where a threat has one, the general duty on system security else. */
function clausesOf(types: readonly string[], { threats, clauses }: Knowledge): string[] {
  const known = new Set(clauses.map(({ id }) => id));
  const named = types.flatMap((type) => {
    const classes = threats.find(({ id }) => id === type)?.classes ?? [];
    const own = classes.map((kind) => `AIA-15.5-c-${kind}`).filter((id) => known.has(id));
    return own.length > 0 ? own : ["AIA-15.5-a"];
  });
  return unique(named).filter((id) => known.has(id));
}
