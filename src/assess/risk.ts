/** The risks of a system without attacking anything: from its file and what earlier runs measured, or from an assessment; with what-if beside them. */
import { isError, type Diagnostic } from "#base/diagnostics.ts";
import { hashOf } from "#base/hash.ts";
import { HostError, type BlobStore, type Files } from "#base/ports.ts";
import {
  RISK_FORMAT,
  type Assessment,
  type AttackGraph,
  type Evidence,
  type Knowledge,
  type RegisterRow,
  type Risk,
  type RiskDocument,
  type RiskTally,
  type System,
  type Threat,
  type Trial,
} from "#assessment/index.ts";
import {
  cyberRegisterOf,
  rate,
  readGoals,
  whatIf,
  worstFirst,
  type Change,
  type Problem,
  type Rating,
} from "#risk/index.ts";
import { withMethodActors } from "#system/reach.ts";
import { deriveThreats } from "#threats/engine.ts";
import { broughtEvidence } from "./bring.ts";
import { recall } from "./cache.ts";
import { evidenceOf, inconclusiveEvidence, outsideTheAttack } from "./conclude.ts";
import { certifiedIn } from "./judge.ts";
import { artefactsNamed } from "./artefacts.ts";
import { hashed, plan, type Fingerprint, type TrialPlan } from "./plan.ts";
import { readSystemFile } from "./read.ts";
import type { TrialResult } from "./shard.ts";

/** Everything a rating needs, and what is missing from it. */
export interface RiskGrounds {
  readonly source: RiskDocument["source"];
  readonly system: System;
  readonly knowledge: Knowledge;
  readonly threats: readonly Threat[];
  readonly trials: readonly Trial[];
  readonly evidence: readonly Evidence[];
  readonly asOf: string;
  /** Where nothing else is asked for, so that a reading repeats the assessment's figures. */
  readonly seed: string;
  readonly notMeasured: RiskDocument["notMeasured"];
}

export interface SystemGiven {
  readonly text: string;
  readonly file: string;
  readonly version: string;
  readonly asOf: string;
  readonly seed: string;
  readonly runtimeVersion: string;
  /** How to measure what is missing: a command for people. */
  readonly command: string;
  /** The last assessment of this system, where there is one: measurements it holds count while nothing they depend on changed. */
  readonly last?: Assessment;
}

/** Grounds from a system file: threats derived anew, measurements taken from earlier runs by what they depend on. Nothing is attacked. */
export async function groundsOfSystem(
  { files, store }: { readonly files: Files; readonly store: BlobStore },
  knowledge: Knowledge,
  given: SystemGiven,
): Promise<
  | { readonly status: "refused"; readonly diagnostics: readonly Diagnostic[] }
  | { readonly status: "read"; readonly grounds: RiskGrounds; readonly diagnostics: readonly Diagnostic[] }
> {
  const { text, file, version, asOf, seed, runtimeVersion, command, last } = given;
  const reading = await readSystemFile(text, file, knowledge, files, asOf);
  if (!reading.system || reading.diagnostics.some(isError))
    return { status: "refused", diagnostics: reading.diagnostics };
  const system = withMethodActors(reading.system);
  const { threats } = deriveThreats(system, knowledge, { closures: [] });
  const planned = await plan(system, files, { seed, runtimeVersion });
  const brought = await broughtEvidence(system, knowledge, planned.files, files, asOf);

  const trials: Trial[] = [];
  const evidence: Evidence[] = [];
  const notMeasured: RiskDocument["notMeasured"][number][] = [];
  for (const trialPlan of planned.trials) {
    const { trial } = trialPlan;
    const stored = await recall<TrialResult>(store, trial.key);
    const earlier = stored ? undefined : earlierOf(trialPlan, system, last);
    const item = stored ? evidenceOf(trial, stored, system, version) : earlier?.evidence;
    trials.push(earlier?.trial ?? trial);
    if (item) evidence.push(item);
    else {
      evidence.push(inconclusiveEvidence(trial, "not measured yet", system, version));
      notMeasured.push({
        what: trial.id,
        because: `no earlier run measured ${trial.target} with these inputs`,
        command,
      });
    }
  }
  for (const { trial, evidence: item, because } of await earlierScans(system, files, planned.fingerprints, last)) {
    trials.push(trial);
    evidence.push(item ?? inconclusiveEvidence(trial, because, system, version));
    if (!item) notMeasured.push({ what: trial.id, because, command });
  }
  for (const { trial, because } of planned.impossible) {
    trials.push(trial);
    evidence.push(inconclusiveEvidence(trial, because, system, version));
    notMeasured.push({ what: trial.id, because });
  }
  return {
    status: "read",
    diagnostics: [...reading.diagnostics, ...brought.diagnostics],
    grounds: {
      source: { kind: "system", name: file },
      system,
      knowledge,
      threats,
      trials,
      evidence: [...evidence, ...brought.evidence],
      asOf,
      seed,
      notMeasured,
    },
  };
}

/**
 * The scans of the last assessment: what was found of files that are still those. Where they are others, or were not read then, the scan is
 * missing, and missing it never looks better than what it may find.
 */
async function earlierScans(
  system: System,
  files: Files,
  fingerprints: ReadonlyMap<string, Fingerprint>,
  last: Assessment | undefined,
): Promise<{ readonly trial: Trial; readonly evidence?: Evidence; readonly because: string }[]> {
  const now = async ({ role, path }: Trial["inputs"][number]): Promise<string | undefined> => {
    const known = fingerprints.get(path);
    if (known) return known.sha256;
    try {
      return (await hashed(files, role, path)).sha256;
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      return undefined;
    }
  };
  const found: { readonly trial: Trial; readonly evidence?: Evidence; readonly because: string }[] = [];
  for (const { id, parts } of artefactsNamed(system)) {
    const trial = last?.body.trials.find((one) => one.kind === "scan" && one.id === id);
    if (!last || !trial) continue;
    const evidence = last.body.evidence.find((item) => item.trial === id);
    const scanned = new Set(trial.inputs.map(({ path }) => path));
    let same = parts.every(({ path }) => scanned.has(path));
    for (const input of trial.inputs) same &&= (await now(input)) === input.sha256;
    if (!same) found.push({ trial, because: "its files are not those that the last run scanned" });
    else if (evidence?.outcome.status === "measured") found.push({ trial, evidence, because: "" });
    else found.push({ trial, because: evidence?.outcome.because ?? "the last run left nothing of it" });
  }
  return found;
}

/** The same trial in the last assessment, measured on fewer inputs or with another seed: same bytes, same budget, same model entry. */
function earlierOf(
  { trial, test }: TrialPlan,
  system: System,
  last: Assessment | undefined,
): { readonly trial: Trial; readonly evidence: Evidence } | undefined {
  const found = last?.body.trials.find(({ id }) => id === trial.id);
  const evidence = last?.body.evidence.find((item) => item.trial === trial.id);
  if (!last || !found || evidence?.outcome.status !== "measured") return undefined;
  const dependsOn = (of: Trial, within: System): unknown => ({
    kind: of.kind,
    target: of.target,
    budget: { ...of.budget, queries: null },
    inputs: of.inputs.map(({ role, sha256 }) => ({ role, sha256 })),
    model: { ...within.components.find(({ id }) => id === of.target)?.model, accuracy: null },
    outside: outsideTheAttack(of, within).map(({ control, at }) => `${control}@${at}`),
  });
  const plain = (value: unknown): string => hashOf(JSON.parse(JSON.stringify(value)));
  if (plain(dependsOn(found, last.body.system)) !== plain(dependsOn(trial, system))) return undefined;
  // Placement of a patch is not in the trial: without the same test the figure is another one.
  const before = last.body.system.tests.find(({ id }) => id === trial.id);
  const placement = (of: unknown): unknown => (of as { placement?: unknown } | undefined)?.placement ?? null;
  if (plain({ at: placement(before) }) !== plain({ at: placement(test) })) return undefined;
  const { planned, power, seed, key, manifest } = found;
  return { trial: { ...trial, planned, power, seed, key, manifest }, evidence };
}

/** Grounds from an assessment: its own system, trials and evidence, on its own day unless another is named. */
export function groundsOfAssessment(
  { hash, body }: Assessment,
  catalogue: Knowledge,
  { name, asOf = body.asOf }: { readonly name: string; readonly asOf?: string },
): RiskGrounds {
  const same = catalogue.hash === body.knowledge.hash;
  return {
    source: { kind: "assessment", name, hash },
    system: body.system,
    // An assessment keeps the entries it cites; what-if may ask for others of the same edition.
    knowledge: same ? catalogue : withOthers(body.knowledge, catalogue),
    threats: body.threats,
    trials: body.trials,
    evidence: body.evidence,
    asOf,
    seed: body.seed,
    notMeasured: [
      ...body.evidence.flatMap(({ trial, outcome }) =>
        trial && outcome.status === "inconclusive" ? [{ what: trial, because: outcome.because }] : [],
      ),
      ...(same
        ? []
        : [
            {
              what: "catalogue",
              because: `the assessment was made with edition ${body.knowledge.edition} (${body.knowledge.hash.slice(0, 8)}); controls it does not cite come from edition ${catalogue.edition}`,
            },
          ]),
    ],
  };
}

const withOthers = (own: Knowledge, other: Knowledge): Knowledge => ({
  ...own,
  controls: [...own.controls, ...other.controls.filter(({ id }) => !own.controls.some((control) => control.id === id))],
});

export interface RiskQuestion {
  readonly version: string;
  /** Names the streams of what has to be drawn where the attack graph is too large for exact evaluation. */
  readonly seed: string;
  /** Read the graph for every risk and take every control away once, not only for each threat's worst and the first few. */
  readonly whole: boolean;
  readonly changes: readonly Change[];
  readonly keep: (risk: Risk) => boolean;
}

/** Rates the system as it stands and as it would stand. Pure. */
export function readRisk(
  grounds: RiskGrounds,
  { version, seed, whole, changes, keep }: RiskQuestion,
):
  | { readonly status: "refused"; readonly problems: readonly Problem[] }
  | { readonly status: "read"; readonly document: RiskDocument } {
  const { system, knowledge, threats, trials, evidence, asOf } = grounds;
  const rated = (of: Pick<RiskGrounds, "system" | "trials" | "evidence">): Rating =>
    rate({ ...of, threats, knowledge, asOf, seed, certified: certifiedIn });
  const asked = whatIf({ system, evidence, trials, knowledge, asOf, changes });
  if (asked.status === "refused") return asked;
  const now = rated({ system, trials, evidence });
  const risks = now.risks.filter(keep).toSorted(worstFirst);

  const supposed =
    changes.length > 0
      ? new Map(
          rated({ system: asked.system, trials: asked.trials, evidence: asked.evidence }).risks.map((risk) => [
            risk.id,
            risk,
          ]),
        )
      : undefined;

  const widths = new Map(now.widths.map((width) => [width.risk, width]));
  const shown = new Set(risks.map(({ id }) => id));
  const read = whole ? risks : [...Map.groupBy(risks, ({ group }) => group).values()].map(([worst]) => worst!);
  const goals = read.filter(({ reach }) => reach !== "none").map(({ id }) => id);
  const drawn = now.draw();
  const credited = now.credits.filter(({ credited: earned }) => earned);
  return {
    status: "read",
    document: {
      format: RISK_FORMAT,
      tool: { name: "vauban", version },
      asOf,
      source: grounds.source,
      system: system.name,
      notMeasured: [...grounds.notMeasured],
      whatIf: asked.assumed,
      now: tallyOf(risks),
      ...(supposed ? { supposed: tallyOf(risks.map(({ id }) => supposed.get(id)!)) } : {}),
      risks: risks.map((risk) => ({ now: risk, ...(supposed ? { supposed: supposed.get(risk.id)! } : {}) })),
      controls: credited.slice(0, whole ? Infinity : ABLATED).map(({ control, at, evidence: own }) => {
        const gone = new Set(own);
        const without = rated({ system, trials, evidence: evidence.filter(({ id }) => !gone.has(id)) });
        const bare = new Map(without.risks.map((risk) => [risk.id, risk]));
        return {
          control,
          at,
          carries: risks.flatMap((risk) => {
            const lost = bare.get(risk.id)!;
            return lost.current.high > risk.current.high || lost.current.likely > risk.current.likely
              ? [{ risk: risk.id, now: figuresOf(risk), without: figuresOf(lost), judgement: lost.judgement }]
              : [];
          }),
        };
      }),
      controlsLeftOut: whole ? 0 : Math.max(0, credited.length - ABLATED),
      graph: mentioned({ ...drawn, goals: readGoals(drawn, goals, { seed }) }),
      register: [...now.register],
      cyber: cyberRegisterOf({
        system,
        knowledge,
        risks,
        widths: [...widths.values()].filter(({ risk }) => shown.has(risk)),
      }),
      exit: exitOf(risks, risks.length === now.risks.length ? now.register : []),
    },
  };
}

/** Each takes a whole rating: as many as do not keep anybody waiting. */
const ABLATED = 4;

/** The part of a graph that its readings name, so that a document holds no more than it can explain. */
function mentioned({ states, events, steps, goals, ...rest }: AttackGraph): AttackGraph {
  const named = new Set(
    goals.flatMap(({ paths, singlePoints, contributions }) => [
      ...paths.flatMap((path) => path.steps),
      ...singlePoints,
      ...contributions.map(({ of }) => of),
    ]),
  );
  const kept = steps.filter(({ id }) => named.has(id));
  const chances = new Set([
    ...kept.flatMap((step) => step.events),
    ...goals.flatMap(({ cutSets, widths }) => [...cutSets.flat(), ...widths.map(({ event }) => event)]),
  ]);
  const passed = new Set([...kept.flatMap(({ needs, gains }) => [...needs, gains]), ...goals.map(({ goal }) => goal)]);
  return {
    ...rest,
    states: states.filter(({ id }) => passed.has(id)),
    events: events.filter(({ id }) => chances.has(id)),
    steps: kept,
    goals,
  };
}

const figuresOf = ({ current: { low, likely, high } }: Risk): { low: number; likely: number; high: number } => ({
  low,
  likely,
  high,
});

const tallyOf = (risks: readonly Risk[]): RiskTally => {
  const of = (judgement: Risk["judgement"]): number => risks.filter((risk) => risk.judgement === judgement).length;
  return {
    risks: risks.length,
    missed: of("missed"),
    open: of("open"),
    within: of("within"),
    untested: risks.filter(({ untested }) => untested).length,
  };
};

/** What all ways come to together can only take a conclusion away (docs/decisions/0004); it is of the whole system, so not of a part. */
function exitOf(risks: readonly Risk[], register: readonly RegisterRow[]): 0 | 1 | 2 {
  // Nothing was asked about, so nothing is answered.
  if (risks.length === 0) return 2;
  if (risks.some(({ judgement }) => judgement === "missed")) return 1;
  const open =
    risks.some(({ judgement, significant }) => judgement === "open" && significant) ||
    register.some(({ judgement }) => judgement !== "within");
  return open ? 2 : 0;
}
