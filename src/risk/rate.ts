/** Every threat rated against its criterion: attempts × success, before and after the controls that earned credit, as intervals. */
import type {
  Actor,
  ActorReach,
  AttackGraph,
  Consequence,
  Dimension,
  Estimate,
  Evidence,
  Harm,
  Knowledge,
  Level,
  NotFeasible,
  RegisterRow,
  Risk,
  System,
  Threat,
  ThreatType,
  Trial,
} from "#assessment/index.ts";
import { graphOf, type SystemGraph } from "#system/graph.ts";
import { reachOfThreat } from "#system/reach.ts";
import { attemptsOf } from "./attempts.ts";
import { closesFor, closuresOf, creditControls, depthOf, speaksOfThreat } from "./credit.ts";
import type { Closure, ControlCredit } from "./credit.ts";
import { levelOfAttempts, levelOfProbability, overallLikelihood, rank, riskLevel } from "./levels.ts";
import { atRate, estimateOf, expectedPerYear, judge, probabilityPerYear, weaker } from "./likelihood.ts";
import type { Exposures, Three } from "./likelihood.ts";
import { buildGraph, chosen } from "./graph/build.ts";
import { figuresOf } from "./graph/figures.ts";
import { assetsOf, ratedThreats } from "./graph/weave.ts";
import type { Effect, Judged, Layer, Suffered, SuccessIf } from "./judged.ts";
import { beyondMatureMeasures, type MatureQuestion } from "./plan/mature.ts";
import { registerOf } from "./register.ts";
import { testimonyOf, unratedOf } from "./speaking.ts";
import type { Testimony, Unrated } from "./speaking.ts";
import { withStanding } from "./standing.ts";
import { successOf, wayOf } from "./success.ts";
import type { Certified, Success } from "./success.ts";

export interface RateInput {
  readonly system: System;
  readonly threats: readonly Threat[];
  readonly trials: readonly Trial[];
  readonly evidence: readonly Evidence[];
  readonly knowledge: Knowledge;
  /** The day the rating speaks of, YYYY-MM-DD: evidence is judged in date on it. */
  readonly asOf: string;
  /** The system's graph, where the caller has one: it remembers its searches from one rating to the next. */
  readonly graph?: SystemGraph;
  /** Names the streams of what has to be drawn; exact evaluation draws nothing. */
  readonly seed?: string;
  readonly certified?: (evidence: Evidence) => Certified | undefined;
}

/** How much of a risk's interval is owed to each input, others at their upper (success) or likely (attempts) value. */
export interface Width {
  readonly risk: string;
  readonly success: number;
  readonly attempts: number;
}

export interface Rating {
  readonly risks: readonly Risk[];
  readonly credits: readonly ControlCredit[];
  readonly widths: readonly Width[];
  readonly unrated: readonly Unrated[];
  /** The evidence with its standing settled on `asOf`. */
  readonly evidence: readonly Evidence[];
  /** Per harm, over all ways and actors. */
  readonly register: readonly RegisterRow[];
  /** Draws the graph behind the figures; its goals are not read yet (`readGoals` of graph/goals.ts). */
  readonly draw: () => AttackGraph;
  /** Whether no set of mature measures reaches what is missed (METHOD §9). */
  readonly mature: (missed: Pick<MatureQuestion, "risks" | "trials">) => NotFeasible | undefined;
}

export const rateRisks = (input: RateInput): readonly Risk[] => rate(input).risks;

/** Rates every threat for every harm that follows from it. Plain data in and out: call it again with something removed. */
export function rate(input: RateInput): Rating {
  const { system, threats, trials, knowledge, certified } = input;
  const evidence = withStanding(input.evidence, input);
  const credits = creditControls({ system, evidence, knowledge });
  const unrated = unratedOf(trials, evidence);
  const closures = closuresOf(credits);
  const graph = input.graph ?? graphOf(system);
  const types = new Map(knowledge.threats.map((type) => [type.id, type]));
  const actors = new Map(system.actors.map((actor) => [actor.id, actor]));
  const profiles = new Map(knowledge.profiles.map((profile) => [profile.id, profile]));
  const sufferedBy = new Map<ThreatType, Suffered[]>();
  const suffers = (type: ThreatType): Suffered[] => {
    let known = sufferedBy.get(type);
    if (!known) sufferedBy.set(type, (known = harmsOf(type, system, knowledge)));
    return known;
  };
  const controls = new Map(knowledge.controls.map((control) => [control.id, control]));
  const speakingOf = new Map<ThreatType, ReadonlySet<ControlCredit>>();
  const speaking = (type: ThreatType): ReadonlySet<ControlCredit> => {
    let known = speakingOf.get(type);
    if (!known) {
      known = new Set(credits.filter(({ control }) => speaksOfThreat(controls.get(control), type.id)));
      speakingOf.set(type, known);
    }
    return known;
  };
  const judged = threats.map((threat): Judged => {
    const type = types.get(threat.type);
    const actor = actors.get(threat.actor);
    if (!type || !actor)
      throw new Error(
        `threat ${threat.id} names ${type ? `the actor ${threat.actor}` : threat.type}, which is not there`,
      );
    const profile = profiles.get(actor.profile);
    const asked = profile ? { profile } : {};
    const testimony = testimonyOf(threat, { graph, trials, evidence, unrated });
    const standing = testimony.unguarded === undefined ? relevant(closures, threat) : [];
    const reach = (given: readonly Closure[]): ActorReach =>
      reachOfThreat(graph, threat, type, { closures: given, ...asked }).reach;
    const inherent = reach([]);
    const ways = { inherent, current: standing.length === 0 ? inherent : reach(standing) };
    const effects = effectsOf(threat, ways.current, credits, trials, (extra) => reach([...standing, extra]));
    const exposures = exposuresOf(threat, system);
    const success = ({ way, knows = actor.knows, effects: on = effects }: SuccessIf): Success =>
      lowered(
        successOf(testimony, { ...actor, knows }, way, certified),
        on.map(({ heard }) => successOf({ heard, gaps: [], lost: [] }, { ...actor, knows }, way)),
      );
    return {
      threat,
      type,
      actor,
      profile,
      testimony,
      ways,
      effects,
      exposures,
      attempts: attemptsOf(actor, threat.type, profile),
      closures: standing,
      layers: layersOf(threat, credits, ways, effects, speaking(type), testimony.unguarded),
      harms: suffers(type).map((suffered) => ({
        suffered,
        id: `${threat.id} -> ${suffered.harm}`,
      })),
      success,
    };
  });
  const criteria = new Map<Suffered, Acceptable>();
  const acceptable = (suffered: Suffered): Acceptable => {
    let known = criteria.get(suffered);
    if (!known) criteria.set(suffered, (known = criterionOf(suffered, system, knowledge)));
    return known;
  };
  const seed = input.seed ?? "0";
  const threatsNow = ratedThreats(graph, judged, knowledge, "current");
  const figures = figuresOf(threatsNow, { seed });
  const bare = judged.every(({ closures: closed, effects }) => closed.length === 0 && effects.length === 0);
  const before = bare ? figures : figuresOf(ratedThreats(graph, judged, knowledge, "inherent"), { seed });
  const groups = new Map(threats.map(({ id, group }) => [id, group]));
  const groupsOf = (ids: readonly string[] = []): string[] => [...new Set(ids.map((id) => groups.get(id)!))];
  const rated = judged.flatMap((one) => {
    const own = {
      inherent: one.success({ way: wayOf(one.ways.inherent), effects: [] }),
      current: one.success({
        way: wayOf(one.ways.current),
        ...(one.ways.current.reach === "none" ? { effects: [] } : {}),
      }),
    };
    const assets = assetsOf(one.threat, graph);
    const over = figures.successes.get(one.threat.id);
    const was = before.successes.get(one.threat.id);
    const by = groupsOf(over?.by);
    const inherent = raised(own.inherent, was?.success, groupsOf(was?.by));
    const current = raised(own.current, over?.success, by);
    const helpedBy = current === own.current ? [] : by;
    return risksOf(one, { inherent, current, helpedBy, assets, system, knowledge, acceptable });
  });
  const risks = rated.map(({ risk }) => risk);
  return {
    risks,
    widths: rated.map(({ width }) => width),
    credits,
    unrated,
    evidence,
    mature: (missed) => {
      const byThreat = new Map(judged.map((one) => [one.threat.id, one]));
      return beyondMatureMeasures({
        system,
        knowledge,
        threats,
        credits,
        counted: (id) => (byThreat.get(id)?.effects ?? []).map(({ credit }) => credit),
        lowest: ({ threat }, successAtMost = 1) => {
          const { success, ways, attempts, exposures } = byThreat.get(threat)!;
          const { estimate, varies } = success({ way: wayOf(ways.current) });
          const low = Math.min(estimate.low, successAtMost);
          return probabilityPerYear(attempts, { ...estimate, low }, exposures, varies).low;
        },
        // A harmful file can be taken away, and files not scanned can be: neither is beyond mature measures.
        risks: missed.risks.filter(({ threat }) => byThreat.get(threat)?.testimony.unguarded === undefined),
        trials: missed.trials.filter(({ kind }) => kind !== "scan"),
      });
    },
    draw: () => {
      const byThreat = Map.groupBy(risks, ({ threat }) => threat);
      const drawn = chosen(threatsNow, (id) => Math.max(0, ...(byThreat.get(id) ?? []).map(gravity)));
      return buildGraph({ graph, rated: drawn, omitted: threatsNow.length - drawn.length });
    },
    register: registerOf(risks, figures.totals),
  };
}

/** How far a risk is beyond its criterion, what is shown first. */
const gravity = ({ current: { low, high }, criterion: { perYear } }: Risk): number =>
  1e6 * Math.min(1, low / perYear) + Math.min(1e5, high / perYear);

const relevant = (closures: readonly Closure[], threat: Threat): Closure[] =>
  closures.filter((closure) => closesFor(closure, threat.type, threat.actor));

/**
 * Success of one attempt over all ways of the attack graph: never below that by the best way alone, which stays as it is, to the
 * digit, where no other threat makes more of it.
 */
function raised(single: Success, over: Three | undefined, by: readonly string[] = []): Success {
  if (!over) return single;
  const ends = (["low", "likely", "high"] as const).map((end) =>
    over[end] > single.estimate[end] * (1 + 1e-9) ? over[end] : single.estimate[end],
  );
  const [low, likely, high] = ends as [number, number, number];
  if (low === single.estimate.low && likely === single.estimate.likely && high === single.estimate.high) return single;
  const why = `the likeliest way alone, and ways through ${by.join(", ")}`;
  return {
    ...single,
    estimate: {
      low,
      likely: Math.max(low, likely),
      high: Math.max(low, likely, high),
      basis: { kind: "derived", why: `over all ways of the attack graph: ${why}` },
      grade: single.estimate.grade,
    },
    caveats: [
      ...single.caveats,
      `raised by what ${by.join(", ")} would give ${by.length === 1 ? "its" : "their"} actor`,
    ],
  };
}

/** Controls in place that the catalogue says make this threat worse: at its place, or anywhere for a threat to the system. */
function raisersOf(threat: Threat, system: System, knowledge: Knowledge): Risk["raisedBy"] {
  const found = system.controls.filter(
    ({ control, at }) =>
      at === threat.at && knowledge.controls.some(({ id, raises }) => id === control && raises.includes(threat.type)),
  );
  return [...new Map(found.map(({ control, at }) => [`${control}@${at}`, { control, at }])).values()];
}

/** The measured effects that count for a threat: of controls that stand on every way. */
function effectsOf(
  threat: Threat,
  way: ActorReach,
  credits: readonly ControlCredit[],
  trials: readonly Trial[],
  reachWith: (extra: Closure) => ActorReach,
): Effect[] {
  return credits.flatMap((credit) => {
    const heard = credit.effect
      .filter(({ tests }) => tests.includes(threat.type))
      .map((evidence) => ({ evidence, trial: trials.find(({ id }) => id === evidence.trial) }));
    if (heard.length === 0 || !holds(credit, threat.actor)) return [];
    const edge = {
      control: credit.control,
      at: credit.at,
      threats: [threat.type],
      binds: [threat.actor],
      evidence: credit.evidence,
    };
    const onEveryWay = credit.at === threat.at || (way.reach !== "none" && reachWith(edge).reach === "none");
    return onEveryWay ? [{ credit, heard }] : [];
  });
}

/**
 * Lowers S to what was measured with a control on; effects of several are never multiplied (METHOD §3). Of what was measured apart
 * from whether attempts work only Fréchet's bounds are known: both at once are no likelier than each, and no rarer than the sum less one.
 */
function lowered(success: Success, measured: readonly Success[]): Success {
  if (measured.length === 0) return success;
  const all = [success, ...measured].map(({ estimate }) => estimate);
  const strongest = measured.toSorted(
    (a, b) => a.estimate.high - b.estimate.high || a.estimate.likely - b.estimate.likely,
  )[0]!.estimate;
  const estimate: Estimate = {
    low: measured
      .filter(({ apart }) => apart)
      .reduce(
        (low, { estimate: { low: passes } }) => Math.max(0, low + passes - 1),
        Math.min(...[success, ...measured.filter(({ apart }) => !apart)].map(({ estimate: { low } }) => low)),
      ),
    likely: Math.min(...all.map(({ likely }) => likely)),
    high: Math.min(...all.map(({ high }) => high)),
    basis: success.estimate.basis,
    grade: all.map(({ grade }) => grade).reduce(weaker),
  };
  const isLowered = (["low", "likely", "high"] as const).some((end) => estimate[end] < success.estimate[end]);
  return {
    ...success,
    estimate: isLowered ? { ...estimate, basis: strongest.basis } : estimate,
    evidence: [...new Set([...success.evidence, ...measured.flatMap((effect) => effect.evidence)])],
    caveats:
      measured.length > 1
        ? [
            ...success.caveats,
            "several controls were measured apart: their effects are not multiplied until they are measured jointly",
          ]
        : success.caveats,
  };
}

const holds = ({ binds }: ControlCredit, actor: string): boolean => binds === undefined || binds.includes(actor);

/** Where neither the author nor the sector says what follows, this does – at severity H, marked assumed. */
const HARM_WITHOUT_A_WORD: Readonly<Record<Consequence, Harm>> = {
  "wrong-output": "safety",
  "no-output": "continuity",
  disclosure: "privacy",
  "altered-system": "safety",
};

/** Harms that follow from a type of threat: the author's words per consequence, else the sector's, worst severity per harm. */
function harmsOf(type: ThreatType, system: System, knowledge: Knowledge): Suffered[] {
  const sector = knowledge.sectors.find(({ id }) => id === system.sector);
  const all = type.consequences.flatMap((consequence): Suffered[] => {
    const pack = (sector?.severities ?? []).filter((claim) => claim.consequence === consequence);
    const own = system.harms.filter((claim) => claim.consequence === consequence);
    if (own.length > 0) {
      const spoken = new Set(own.map(({ harm }) => harm));
      const left = [...new Set(pack.map(({ harm }) => harm))].filter((harm) => !spoken.has(harm));
      const named = own.map(({ harm, severity, because, assumed }): Suffered => {
        const start = pack.find((claim) => claim.harm === harm);
        const lowered = start !== undefined && rank(start.severity) > rank(severity);
        return {
          consequence,
          harm,
          severity,
          because: assumed ? `assumed: ${because}` : because,
          caveats: lowered
            ? [`the author rates ${harm} ${severity}, below the sector's starting value ${start.severity}`]
            : [],
        };
      });
      // A harm that the sector expects and the author leaves out is not argued away by silence.
      const added = pack
        .filter(({ harm }) => left.includes(harm))
        .map(({ harm, severity, because }): Suffered => ({
          consequence,
          harm,
          severity,
          because: `assumed from the sector ${sector!.id}: ${because}`,
          caveats: ["the author does not name this harm; the sector expects it"],
        }));
      return [...named, ...added];
    }
    if (pack.length > 0)
      return pack.map(({ harm, severity, because }) => ({
        consequence,
        harm,
        severity,
        because: `assumed from the sector ${sector!.id}: ${because}`,
        caveats: ["the severity is the sector's starting value; the author has not argued it"],
      }));
    return [
      {
        consequence,
        harm: HARM_WITHOUT_A_WORD[consequence],
        severity: "H",
        because: `assumed: neither the author nor the sector says what ${consequence} does`,
        caveats: [`say in harms what follows from ${consequence}`],
      },
    ];
  });
  const worst = new Map<Harm, Suffered>();
  for (const suffered of all) {
    const known = worst.get(suffered.harm);
    if (!known || rank(suffered.severity) > rank(known.severity)) worst.set(suffered.harm, suffered);
  }
  return [...worst.values()];
}

/** METHOD §4's starting values, for a sector that sets none. */
export const STARTING_CRITERIA: Readonly<Record<Level, number>> = { VL: 1, L: 1, M: 0.1, H: 0.01, VH: 0.001 };

interface Acceptable {
  readonly criterion: Risk["criterion"];
  readonly caveats: readonly string[];
}

/** The strictest criterion that stands: the author's if stricter than the sector's, or looser with a named acceptor. */
function criterionOf({ harm, severity }: Suffered, system: System, knowledge: Knowledge): Acceptable {
  const sector = knowledge.sectors.find(({ id }) => id === system.sector);
  const start = sector?.criteria.find((entry) => entry.severity === severity);
  const standard = start
    ? { perYear: start.perYear, source: `sector ${sector!.id}, starting value` }
    : { perYear: STARTING_CRITERIA[severity], source: "our starting value, no sector sets one" };
  const own = system.criteria.filter((entry) => entry.harm === harm && entry.severity === severity);
  const valid = own.filter(({ perYear, acceptor }) => perYear <= standard.perYear || acceptor);
  const caveats =
    valid.length < own.length ? ["a looser criterion was written without a named acceptor and does not count"] : [];
  const strictest = valid.toSorted((a, b) => a.perYear - b.perYear)[0];
  if (!strictest) return { criterion: standard, caveats };
  const { perYear, source, acceptor } = strictest;
  return { criterion: { perYear, source, ...(acceptor ? { acceptor } : {}) }, caveats };
}

const dimensionOf = (type: ThreatType, { harm, consequence }: Suffered): Dimension => {
  const [only, second] = type.dimensions;
  if (!second) return only!;
  return harm === "privacy" || consequence === "disclosure" ? "privacy" : "security";
};

interface RiskInput {
  readonly inherent: Success;
  readonly current: Success;
  readonly helpedBy: readonly string[];
  readonly assets: readonly string[];
  readonly system: System;
  readonly knowledge: Knowledge;
  readonly acceptable: (suffered: Suffered) => Acceptable;
}

/** The risks of one threat, one per harm: what all of them share is computed, and held, once. */
function risksOf(
  one: Judged,
  { inherent, current, helpedBy, assets, system, knowledge, acceptable }: RiskInput,
): { risk: Risk; width: Width }[] {
  const { threat, type, actor, ways, testimony, attempts, exposures, layers, harms } = one;
  if (harms.length === 0) return [];
  const perYear = (success: Success): Estimate =>
    estimateOf(
      probabilityPerYear(attempts, success.estimate, exposures, success.varies),
      { kind: "derived", why: formula(attempts, success.estimate, exposures, success) },
      weaker(attempts.grade, success.estimate.grade),
    );
  const now = perYear(current);
  const before = perYear(inherent);
  const reading = otherReading(attempts, current, ways.current, exposures);
  const initiation = levelOfAttempts(attempts.likely);
  const likelihood = overallLikelihood(initiation, levelOfProbability(current.estimate.likely));
  const expected = estimateOf(
    expectedPerYear(attempts, current.estimate, exposures),
    { kind: "derived", why: `attempts × success${exposures ? " × exposures" : ""}` },
    now.grade,
  );
  const controls = layers.map(({ shown }) => shown);
  const depth = depthOf(
    layers.filter(({ shown }) => shown.credited).map(({ credit }) => credit),
    system,
    knowledge,
  );
  const raisedBy = raisersOf(threat, system, knowledge);
  const most = atRate(attempts.high, 1);
  const untested = ways.current.reach !== "none" && current.untested;
  const doubts = [
    ...new Set([
      ...current.caveats,
      ...(attempts.basis.kind === "assumed" ? ["attempts per year are assumed"] : []),
      ...fewerCaveat(one),
      ...accessCaveat(testimony, actor),
    ]),
  ];
  const { low, likely, high } = current.estimate;
  const spread = (lambda: Three, success: Three): number => {
    const ends = probabilityPerYear(lambda, success, exposures, current.varies);
    return ends.high - ends.low;
  };
  const worst = { low: attempts.high, likely: attempts.high, high: attempts.high };
  const widths = {
    success: spread(worst, { low, likely, high }),
    attempts: spread(attempts, { low: likely, likely, high: likely }),
  };
  const shared = {
    threat: threat.id,
    group: threat.group,
    type: threat.type,
    at: threat.at,
    actor: actor.id,
    reach: ways.current.reach,
    path: ways.current.path,
    attempts,
    successInherent: inherent.estimate,
    successCurrent: current.estimate,
    ...(exposures ? { exposures } : {}),
    expected,
    inherent: before,
    current: now,
    untested,
    controls,
    depth,
    ...(reading ? { otherReading: reading } : {}),
    assets,
    helpedBy,
    raisedBy,
    evidence: current.evidence,
  };
  return harms.map(({ suffered, id }) => {
    const { criterion, caveats } = acceptable(suffered);
    const first = judge(now, criterion.perYear);
    // Where two readings are possible, "within" is said only when both say it.
    const judgement = first === "within" && reading && judge(reading, criterion.perYear) !== "within" ? "open" : first;
    const own = [...suffered.caveats, ...caveats];
    const risk: Risk = {
      ...shared,
      id,
      consequence: suffered.consequence,
      harm: suffered.harm,
      dimension: dimensionOf(type, suffered),
      severity: suffered.severity,
      severityBasis: suffered.because,
      criterion,
      judgement,
      inherentJudgement: judge(before, criterion.perYear),
      significant: most > criterion.perYear,
      view: { likelihood, impact: suffered.severity, level: riskLevel(likelihood, suffered.severity) },
      caveats: own.length === 0 ? doubts : [...new Set([...doubts, ...own])],
    };
    return { risk, width: { risk: id, ...widths } };
  });
}

const digits = (value: number): string => String(Number(value.toPrecision(3)));
const span = ({ low, high }: Three): string => `[${digits(low)}, ${digits(high)}]`;

function formula(attempts: Three, success: Three, exposures: Exposures | undefined, { varies }: Success): string {
  const rates = `λ ${span(attempts)} attempts per year, S ${span(success)}`;
  return exposures && varies.high === "draws"
    ? `1 − e^(−λ·(1 − (1 − S)^v)), ${rates}, v ${span(exposures)} exposures per attempt`
    : `1 − e^(−λS), ${rates}`;
}

/** Exposures the author wrote for this threat: by its own id, its group or its type, in that order. */
function exposuresOf(threat: Threat, system: System): Exposures | undefined {
  const found = [threat.id, threat.group, threat.type]
    .map((name) => system.exposures.find((entry) => entry.threat === name))
    .find((entry) => entry !== undefined);
  if (!found) return undefined;
  const { low, likely, high, because } = found;
  return { low, likely, high, because };
}

/** METHOD §4: the second way to read k of n, where there is one. */
function otherReading(
  attempts: Three,
  success: Success,
  way: ActorReach,
  exposures: Exposures | undefined,
): (Three & { why: string }) | undefined {
  if (way.reach === "none") return undefined;
  if (exposures && success.varies.high === "inputs")
    return {
      why: `if each of the ${digits(exposures.likely)} exposures were an independent draw, attempts would compound`,
      ...probabilityPerYear(attempts, success.estimate, exposures, { low: "draws", high: "draws" }),
    };
  if (exposures || wayOf(way) !== "open" || !success.proven || success.estimate.low === 1) return undefined;
  const { k, n, unit } = success.proven;
  const certain = { low: 1, likely: 1, high: 1 };
  return {
    why: `whoever may choose which ${unit} to use needs only one that works, and ${k} of ${n} do`,
    ...probabilityPerYear(attempts, certain),
  };
}

/** Figures below the profile's are the author's to argue, and the reader's to see. */
function fewerCaveat({ actor, threat, profile }: Pick<Judged, "actor" | "threat" | "profile">): string[] {
  if (!actor.attempts || !profile) return [];
  const { attempts: _, ...usual } = actor;
  const { low, high } = attemptsOf(usual, threat.type, profile);
  return actor.attempts.high < high
    ? [
        `the author has ${actor.id} try less often than ${profile.id}, at most ${digits(actor.attempts.high)} where it has [${digits(low)}, ${digits(high)}] a year: ${actor.attempts.because}`,
      ]
    : [];
}

function accessCaveat({ heard }: Testimony, actor: Actor): string[] {
  const better = heard.find(({ trial }) => trial?.knowledge === "white" && actor.knows !== "white");
  return better
    ? [`measured with white-box access; ${actor.id} (${actor.knows} box) would go by a copy of the model`]
    : [];
}

/** The controls that speak of this threat, each with what it earns for this actor on this way. */
function layersOf(
  threat: Threat,
  credits: readonly ControlCredit[],
  ways: { inherent: ActorReach; current: ActorReach },
  effects: readonly Effect[],
  speaking: ReadonlySet<ControlCredit>,
  unguarded: string | undefined,
): Layer[] {
  const closesHere = ({ closure }: ControlCredit): boolean =>
    closure !== undefined && closesFor(closure, threat.type, threat.actor);
  const entries = credits.filter((credit) => speaking.has(credit) || closesHere(credit));
  if (entries.length === 0) return [];
  const onTheWay = new Set([
    threat.at,
    ...(threat.on ? [threat.on] : []),
    ...[...ways.inherent.path, ...ways.current.path].flatMap(({ component, flow, crosses }) => [
      component,
      ...(flow ? [flow] : []),
      ...crosses,
    ]),
  ]);
  const blocking = new Set(ways.current.blockedBy);
  const counting = new Set(effects.map(({ credit }) => credit));
  const same = (a: ActorReach, b: ActorReach): boolean =>
    a.reach === b.reach &&
    a.path.length === b.path.length &&
    a.path.every((step, i) => step.component === b.path[i]!.component && step.flow === b.path[i]!.flow);
  const moved = !same(ways.inherent, ways.current);
  /** Why a control that speaks of this threat moves nothing here; undefined where it does. */
  const faultOf = (credit: ControlCredit): string | undefined => {
    if (!credit.credited) return credit.why;
    if (!holds(credit, threat.actor)) return `it does not bind ${threat.actor}`;
    const closes = closesHere(credit);
    const measured = credit.effect.length > 0;
    if (closes && unguarded !== undefined) return unguarded;
    if (!onTheWay.has(credit.at) && !blocking.has(`${credit.control} at ${credit.at}`))
      return `${credit.at} is not on the way`;
    if (closes && !moved && !measured) return `the way ${threat.actor} has does not end there`;
    if (closes || !measured || counting.has(credit)) return undefined;
    return credit.effect.some(({ tests }) => tests.includes(threat.type))
      ? `${credit.why} – this counts at ${threat.at} or on every way there, and ${threat.actor} has ways round ${credit.at}`
      : `what was measured of it is not ${threat.type}`;
  };
  return entries.map((credit) => {
    const fault = faultOf(credit);
    const closes = closesHere(credit);
    const shut = closes && ways.current.reach === "none";
    const effect = shut ? "closes the way" : closes ? "closes part of the ways" : "a layer, which closes no way";
    return {
      credit,
      shown: {
        control: credit.control,
        at: credit.at,
        credited: fault === undefined,
        why: fault ?? `${credit.why} – ${credit.effect.length > 0 ? "its measured effect counts" : effect}`,
        evidence: credit.evidence,
      },
    };
  });
}
