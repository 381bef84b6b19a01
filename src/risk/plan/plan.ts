/**
 * The control planner (METHOD §9): which mature controls, where, bring every significant risk within its criterion – and what the
 * rating says with them in place. The program only chooses; every figure shown is the rating's, asked again with the controls
 * hypothetically there. No effect is assumed but that of a denial test that passes; whatever takes an adaptive measurement is named
 * with the success it would have to show.
 */
import type {
  Alternative,
  Control,
  ControlPlan,
  Knowledge,
  LeftOpen,
  NotFeasible,
  PlannedControl,
  PlannedRisk,
  Risk,
  System,
  Threat,
} from "#assessment/index.ts";
import { COST_KINDS } from "#assessment/knowledge.ts";
import { nearest } from "#base/diagnostics.ts";
import type { Solver } from "#base/ports.ts";
import { closuresOf } from "#risk/credit.ts";
import { rate, type RateInput, type Rating } from "#risk/rate.ts";
import { testimonyOf, unratedOf } from "#risk/speaking.ts";
import { withStanding } from "#risk/standing.ts";
import { unknownControl } from "#risk/unknown-control.ts";
import { whatIf } from "#risk/what-if.ts";
import { SystemGraph } from "#system/graph.ts";
import { actsOf, asPlanControls, candidatesOf, COST_UNKNOWN, costOf, placesFor, type Candidate } from "./candidates.ts";
import { irreducibleConflict, type Demand } from "./conflict.ts";
import { solveExactly } from "./exact.ts";
import { solveGreedily } from "./greedy.ts";
import { judgeChoice, limitOf, sumOf, TIERS, totalCost } from "./problem.ts";
import type { Budget, PlanProblem, PlanRisk, PlanWay } from "./problem.ts";
import { waysOfThreat, type FoundWay, type SharedEdges, type WaysOf } from "./ways.ts";

export interface PlanQuestion extends RateInput {
  readonly solver?: Solver | undefined;
  /** The rating as it is, where the caller has one. */
  readonly rating?: Pick<Rating, "risks" | "credits">;
  readonly notFeasible?: NotFeasible | undefined;
  readonly budget?: Budget;
  /** `C-53@api`: chosen whatever it costs. */
  readonly required?: readonly string[];
  /** `C-53` or `C-53@api`: not to be chosen. */
  readonly excluded?: readonly string[];
  /** "emerging": measures that are not proven yet are named among those to be measured. None ever counts without its measurement. */
  readonly maturity?: "proven" | "emerging";
  /** Points of the curve besides nothing and everything, and whether the solver is asked for them. */
  readonly points?: number;
  readonly curve?: "exact" | "greedy";
}

export type PlanResult =
  | { readonly status: "planned"; readonly plan: ControlPlan }
  | { readonly status: "refused"; readonly problems: readonly { readonly message: string; readonly hint: string }[] };

/** Threats planned for at once, gravest first: the search grows with them and with the size of the system. */
const TARGETS_MAX = 400;
/** In systems of more than this many components fewer threats are planned for, for each question to reach is dearer there. */
const LARGE = { components: 300, targets: 100 } as const;
/** Rounds of choosing and looking for ways still open; each round adds ways, so it ends, but it may take long. */
const ROUNDS_MAX = 40;
const POINTS = 5;

/** One threat that has to be taken away: its risks are not within, or nobody knows. */
interface Target {
  readonly threat: Threat;
  readonly risks: readonly Risk[];
  readonly ways: WaysOf;
  readonly weight: number;
  /** Why no control counts here, standing or planned: what is to be kept out lies there already (METHOD §10). */
  readonly unguarded: string | undefined;
}

export async function planControls(question: PlanQuestion): Promise<PlanResult> {
  const { system, knowledge, solver } = question;
  const problems = problemsOf(question);
  if (problems.length > 0) return { status: "refused", problems };
  const graph = question.graph ?? new SystemGraph(system);
  const { risks, credits } = question.rating ?? rate({ ...question, graph });
  const candidates = [
    ...candidatesOf({ graph, knowledge, credits, exclude: question.excluded ?? [] }),
    ...requiredBesides(question, graph, credits),
  ];
  const { targets, notPlanned } = targetsOf(question, graph, risks, credits, candidates);

  const everything = new Set(candidates);
  const shut: Target[] = [];
  const open: { readonly target: Target; readonly way: FoundWay }[] = [];
  for (const target of targets) {
    const way = target.ways.open(everything);
    if (way) open.push({ target, way });
    else shut.push(target);
  }

  const program = new Program(question, candidates, shut);
  const best = await program.solve(question.budget);
  if (!best) {
    const limitedBy = await limits(program, question.budget, solver);
    return {
      status: "refused",
      problems: [
        {
          message: `what is required cannot be had: ${limitedBy.join("; ")}`,
          hint: "take something off --require, or raise --budget",
        },
      ],
    };
  }

  const after = await rerated(question, graph, best.chosen);
  const whole = new Set(best.chosen);
  const closed = shut.filter(({ ways }) => !ways.open(whole));
  const significant = (all: readonly Risk[]): readonly Risk[] => all.filter((risk) => risk.significant);
  const plan: ControlPlan = {
    catalogue: { edition: knowledge.edition, hash: knowledge.hash },
    method: { solver: best.solver, optimal: best.optimal, gaps: best.gaps, notPlanned },
    asked: {
      budget: Object.fromEntries(Object.entries(question.budget ?? {}).map(([kind, most]) => [kind, most!])),
      required: [...(question.required ?? [])],
      excluded: [...(question.excluded ?? [])],
      maturity: question.maturity ?? "proven",
    },
    controls: best.chosen.map((candidate) => described(candidate, best.chosen, closed, question)),
    cost: program.cost(best.chosen),
    before: tally(significant(risks)),
    after: tally(significant(after)),
    changed: changedOf(risks, after),
    surprises: surprisesOf(risks, after, shut, best.chosen),
    left: leftOf(open, graph, question),
    pareto: await paretoOf(program, { best, after }, question, graph, risks),
    limitedBy: best.short ? await limits(program, question.budget, solver) : [],
    warnings: warningsOf(best.chosen, shut, question),
    ...(question.notFeasible ? { notFeasible: question.notFeasible } : {}),
  };
  return { status: "planned", plan };
}

// ── what is asked ───────────────────────────────────────────────────────────────────────────────────────────────────

function problemsOf({
  knowledge,
  system,
  required = [],
  excluded = [],
}: PlanQuestion): { message: string; hint: string }[] {
  const graph = new SystemGraph(system);
  const controls = new Map(knowledge.controls.map((control) => [control.id, control]));
  const check = (flag: string, name: string, needsPlace: boolean): { message: string; hint: string }[] => {
    const [id = "", at] = splitAt(name);
    const control = controls.get(id);
    if (!control) return [unknownControl(`${flag} ${name}`, id, knowledge.controls)];
    if (at === undefined)
      return needsPlace
        ? [{ message: `${flag} ${name}: say where it would stand`, hint: `write ${id}@ and a place` }]
        : [];
    const places = placesFor({ ...control, appliesTo: [] }, graph);
    if (places.includes(at) || graph.isFlow(at) || graph.isBoundary(at)) return [];
    const meant = nearest(at, places);
    return [
      {
        message: `${flag} ${name}: the system has no place "${at}"`,
        hint: meant ? `did you mean ${id}@${meant}?` : "name a component, a flow, a boundary or a usual flow",
      },
    ];
  };
  return [
    ...required.flatMap((name) => check("--require", name, true)),
    ...excluded.flatMap((name) => check("--exclude", name, false)),
    ...required
      .filter((name) => excluded.includes(name) || excluded.includes(splitAt(name)[0]))
      .map((name) => ({ message: `${name} is both required and excluded`, hint: "leave one of the two away" })),
  ];
}

const splitAt = (name: string): [string, string | undefined] => {
  const at = name.indexOf("@");
  return at < 0 ? [name, undefined] : [name.slice(0, at), name.slice(at + 1)];
};

/** What is required and would not be proposed: it closes nothing, yet it costs, strains and raises what it does. */
function requiredBesides(
  { required = [], knowledge }: PlanQuestion,
  graph: SystemGraph,
  credits: Rating["credits"],
): Candidate[] {
  const known = new Set([
    ...candidatesOf({ graph, knowledge, credits }).map(({ id }) => id),
    ...credits.flatMap(({ credited, control, at }) => (credited ? [`${control}@${at}`] : [])),
  ]);
  return required
    .filter((name) => !known.has(name))
    .map((name) => {
      const [id, at] = splitAt(name);
      return { id: name, control: knowledge.controls.find((control) => control.id === id)!, at: at!, closes: [] };
    });
}

/** Not within, or not shown to be: what the outcome would call open. */
const isUnsettled = ({ significant, judgement, untested }: Risk): boolean =>
  significant && (judgement !== "within" || untested);

/** Severities an order apart in the criteria count an order apart. */
const WEIGHTS: Readonly<Record<Risk["severity"], number>> = { VL: 1, L: 1, M: 10, H: 100, VH: 1000 };

function targetsOf(
  question: PlanQuestion,
  graph: SystemGraph,
  risks: readonly Risk[],
  credits: Rating["credits"],
  candidates: readonly Candidate[],
): { readonly targets: readonly Target[]; readonly notPlanned: number } {
  const { threats, knowledge, trials } = question;
  const evidence = withStanding(question.evidence, question);
  const unrated = unratedOf(trials, evidence);
  const scanned = new Set<string>(trials.flatMap(({ kind, tests }) => (kind === "scan" ? tests : [])));
  const unsettled = Map.groupBy(risks.filter(isUnsettled), ({ threat }) => threat);
  const closures = closuresOf(credits);
  const candidatesAt = Map.groupBy(candidates, ({ at }) => at);
  const types = new Map(knowledge.threats.map((type) => [type.id, type]));
  const profiles = new Map(knowledge.profiles.map((profile) => [profile.id, profile]));
  const weightOf = (own: readonly Risk[]): number =>
    own.reduce((sum, { severity, judgement }) => sum + WEIGHTS[severity] * (judgement === "missed" ? 10 : 1), 0);
  const grave = threats
    .filter(({ id }) => unsettled.has(id))
    .map((threat) => ({ threat, risks: unsettled.get(threat.id)!, weight: weightOf(unsettled.get(threat.id)!) }))
    .toSorted((a, b) => b.weight - a.weight);
  const kept: SharedEdges = new Map();
  const bare: SharedEdges = new Map();
  const most = graph.components.length > LARGE.components ? LARGE.targets : TARGETS_MAX;
  const targets = grave.slice(0, most).map((target) => {
    const profile = profiles.get(graph.actor(target.threat.actor).profile);
    const type = types.get(target.threat.type)!;
    // The rating's own word: what outweighs a control there counts for none here.
    const unguarded = scanned.has(type.id)
      ? testimonyOf(target.threat, { graph, trials, evidence, unrated }).unguarded
      : undefined;
    const ways =
      unguarded === undefined
        ? waysOfThreat(graph, target.threat, type, { closures, candidatesAt, profile }, kept)
        : waysOfThreat(graph, target.threat, type, { closures: [], candidatesAt: new Map(), profile }, bare);
    return { ...target, ways, unguarded };
  });
  return { targets, notPlanned: grave.length - targets.length };
}

// ── choosing ────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Chosen {
  readonly chosen: readonly Candidate[];
  readonly solver: string;
  readonly optimal: boolean;
  readonly gaps: ControlPlan["method"]["gaps"];
  /** Not everything that could be closed is. */
  readonly short: boolean;
}

/** The planner's program, whose ways are found as they are needed: each choice is asked which ways it leaves open. */
class Program {
  readonly #candidates: ReadonlyMap<string, Candidate>;
  readonly #targets: readonly Target[];
  readonly #base: Pick<PlanProblem, "controls" | "excludes" | "required">;
  readonly #ways = new Map<string, PlanWay>();
  readonly #waysOf = new Map<Target, Set<string>>();
  readonly #solver: Solver | undefined;

  constructor(
    { solver, system, required = [] }: PlanQuestion,
    candidates: readonly Candidate[],
    targets: readonly Target[],
  ) {
    this.#solver = solver;
    this.#candidates = new Map(candidates.map((candidate) => [candidate.id, candidate]));
    this.#targets = targets;
    this.#base = {
      ...asPlanControls(candidates, system),
      required: required.filter((id) => this.#candidates.has(id)),
    };
    for (const target of targets) this.#waysOf.set(target, new Set());
    for (const target of targets) this.#lookOn(target, new Set());
  }

  /** The best choice within the budget; undefined where what is required cannot be had. */
  async solve(
    budget: Budget | undefined,
    solver: Solver | null | undefined = this.#solver,
  ): Promise<Chosen | undefined> {
    // Where limits make the program hard, greedy rounds find most ways first, for next to nothing. Only then the solver.
    const isHard = !solver || (budget !== undefined && Object.keys(budget).length > 0);
    for (let round = isHard ? 0 : ROUNDS_MAX; round < ROUNDS_MAX; round++) {
      const found = solveGreedily(this.problem(budget));
      if (!found) break;
      if (!this.#addOpen(found.chosen, budget)) break;
    }
    if (solver)
      for (let round = 0; round < ROUNDS_MAX; round++) {
        const problem = this.problem(budget);
        const found = await solveExactly(problem, solver);
        if (!found) return undefined;
        if (this.#addOpen(found.chosen, budget)) continue;
        return this.#chosen(found.chosen, solver.name, found.optimal, found.gaps, problem);
      }
    const problem = this.problem(budget);
    const found = solveGreedily(problem);
    if (!found) return undefined;
    const gaps = [
      { rank: "weight of risks within", found: found.weight.found, bound: found.weight.bound },
      { rank: "total cost", found: found.cost.found, bound: found.cost.bound },
    ].filter((gap) => gap.found !== gap.bound);
    return this.#chosen(found.chosen, "greedy", false, gaps, problem);
  }

  #chosen(
    ids: readonly string[],
    solver: string,
    optimal: boolean,
    gaps: Chosen["gaps"],
    problem: PlanProblem,
  ): Chosen {
    return {
      chosen: ids.map((id) => this.#candidates.get(id)!).toSorted(byTier),
      solver,
      optimal,
      gaps: [...gaps],
      short: judgeChoice(problem, new Set(ids)).within.length < problem.risks.length,
    };
  }

  cost(chosen: readonly Candidate[]): ReturnType<typeof sumOf> {
    const ids = new Set(chosen.map(({ id }) => id));
    return sumOf(this.#base.controls.filter(({ id }) => ids.has(id)));
  }

  /** The program with the ways known so far. Threats with the same ways are one risk; controls that close none are left out. */
  problem(budget: Budget | undefined): PlanProblem {
    const groups = Map.groupBy(this.#targets, (target) => [...this.#waysOf.get(target)!].toSorted().join("\n"));
    const risks = [...groups.values()].map((targets): PlanRisk => ({
      id: targets[0]!.threat.id,
      weight: targets.reduce((sum, { weight }) => sum + weight, 0),
      limit: Math.min(...targets.flatMap((target) => target.risks.map(({ criterion }) => limitOf(criterion.perYear)))),
      ways: [...this.#waysOf.get(targets[0]!)!],
      combine: "worst",
    }));
    const useful = new Set([
      ...[...this.#ways.values()].flatMap(({ effects }) => effects.map(({ control }) => control)),
      ...this.#base.required,
    ]);
    for (const { id, needs } of this.#base.controls)
      if (useful.has(id)) for (const other of needs.flat()) useful.add(other);
    return {
      controls: this.#base.controls.filter(({ id }) => useful.has(id)),
      excludes: this.#base.excludes.filter((pair) => pair.every((id) => useful.has(id))),
      required: this.#base.required,
      ways: [...this.#ways.values()],
      risks,
      ...(budget && Object.keys(budget).length > 0 ? { budget } : {}),
    };
  }

  /** Adds ways that a choice leaves open though the program held them for closed; false where there is none. */
  #addOpen(ids: readonly string[], budget: Budget | undefined): boolean {
    const chosen = new Set(ids.map((id) => this.#candidates.get(id)!));
    const within = new Set(judgeChoice(this.problem(budget), new Set(ids)).within);
    const signature = (target: Target): string => [...this.#waysOf.get(target)!].toSorted().join("\n");
    const reached = new Set(this.#targets.filter(({ threat }) => within.has(threat.id)).map(signature));
    let added = false;
    for (const target of this.#targets.filter((each) => reached.has(signature(each))))
      added = this.#lookOn(target, chosen) || added;
    return added;
  }

  /** Ways still open with `chosen`; each way found is taken as closed by all that could close it before the next is looked for. */
  #lookOn(target: Target, chosen: ReadonlySet<Candidate>): boolean {
    const closing = new Set(chosen);
    let added = false;
    for (let way = target.ways.open(closing); way; way = target.ways.open(closing)) {
      const key = way.closedBy
        .map((candidate) => candidate.id)
        .toSorted()
        .join(" ");
      let known = this.#ways.get(key);
      // Nothing is known of a way but that it has to be closed: any hazard beyond any limit says so.
      if (!known)
        this.#ways.set(
          key,
          (known = {
            id: `w${this.#ways.size}`,
            hazard: Infinity,
            effects: way.closedBy.map((candidate) => ({ control: candidate.id, to: 0 })),
          }),
        );
      this.#waysOf.get(target)!.add(known.id);
      added = true;
      for (const candidate of way.closedBy) closing.add(candidate);
    }
    return added;
  }
}

const byTier = (a: Candidate, b: Candidate): number =>
  TIERS.indexOf(tierOf(a.control)) - TIERS.indexOf(tierOf(b.control)) ||
  (a.control.id < b.control.id ? -1 : a.control.id > b.control.id ? 1 : a.at < b.at ? -1 : 1);
const tierOf = ({ planning }: Control): (typeof TIERS)[number] => planning?.tier ?? "mitigation";

/**
 * What stands in the way, in words: only the reader's own limits and conflicts between controls can. Of a budget it is said what it
 * would have to be; of the rest an irreducible set.
 */
async function limits(program: Program, budget: Budget | undefined, solver: Solver | undefined): Promise<string[]> {
  const said: string[] = [];
  if (budget && Object.keys(budget).length > 0) {
    const free = await program.solve(undefined);
    const asked = Object.entries(budget).map(([kind, most]) => `${kind} at most ${most}`);
    if (!free) return ["what is required cannot stand together, whatever the budget"];
    const cost = program.cost(free.chosen);
    const parts = COST_KINDS.filter((kind) => cost[kind] > 0).map((kind) => `${kind} ${cost[kind]}`);
    said.push(
      `the budget of ${asked.join(", ")}: all that mature controls can close takes ${free.optimal ? "" : "at most "}${totalCost(cost)} in total (${parts.join(", ")})`,
    );
    if (!free.short) return said;
  }
  if (!solver) return [...said, "what is required or excluded (without a solver it is not narrowed down)"];
  const conflict = await irreducibleConflict(program.problem(undefined), solver);
  return [...said, ...(conflict ?? []).map(demandText)];
}

function demandText(demand: Demand): string {
  switch (demand.kind) {
    case "criterion":
      return `${demand.risk} has to be within its criterion`;
    case "exclusion":
      return `${demand.controls.join(" and ")} exclude each other`;
    case "need":
      return `${demand.control} needs other controls beside it`;
    case "required":
      return `${demand.control} is required`;
    case "budget":
      return "the budget";
  }
}

// ── the rating with the plan in place ───────────────────────────────────────────────────────────────────────────────

/**
 * The rating with the controls hypothetically in place. What a control may raise (C-30: T-17) changes with it: evidence about such
 * threats speaks of a system that is no longer there, and counts as stale.
 */
async function rerated(
  question: PlanQuestion,
  graph: SystemGraph,
  chosen: readonly Candidate[],
): Promise<readonly Risk[]> {
  if (chosen.length === 0) return (question.rating ?? rate({ ...question, graph })).risks;
  const asked = whatIf({
    system: question.system,
    evidence: question.evidence,
    trials: question.trials,
    knowledge: question.knowledge,
    asOf: question.asOf,
    changes: chosen.map(({ control, at }) => ({ change: "with", control: control.id, at })),
  });
  if (asked.status === "refused")
    throw new Error(`a plan cannot be rated: ${asked.problems.map(({ message }) => message).join("; ")}`);
  const raised = new Map(
    chosen.flatMap(({ control, id }) => control.raises.map((type) => [type as string, id] as const)),
  );
  const evidence = asked.evidence.map((item) => {
    const type = item.control ? undefined : item.tests.find((id) => raised.has(id));
    return type === undefined
      ? item
      : {
          ...item,
          standing: {
            status: "stale" as const,
            because: `${raised.get(type)} may raise ${type}: it would have to be measured again`,
          },
        };
  });
  return rate({
    ...question,
    graph: new SystemGraph(asked.system),
    system: asked.system,
    trials: asked.trials,
    evidence,
  }).risks;
}

const tally = (risks: readonly Risk[]): ControlPlan["before"] => {
  const of = ({ judgement, untested }: Risk): Risk["judgement"] =>
    judgement === "within" && untested ? "open" : judgement;
  const count = (which: Risk["judgement"]): number => risks.filter((risk) => of(risk) === which).length;
  return { missed: count("missed"), open: count("open"), within: count("within") };
};

const figuresOf = ({ current: { low, high }, judgement, untested }: Risk): PlannedRisk["before"] => ({
  low,
  high,
  judgement,
  untested,
});

function changedOf(before: readonly Risk[], after: readonly Risk[]): PlannedRisk[] {
  const then = new Map(after.map((risk) => [risk.id, risk]));
  return before.flatMap((risk) => {
    const now = then.get(risk.id);
    if (!now || !risk.significant) return [];
    const figures = { before: figuresOf(risk), after: figuresOf(now) };
    const same = JSON.stringify(figures.before) === JSON.stringify(figures.after);
    return same ? [] : [{ risk: risk.id, criterion: risk.criterion.perYear, ...figures }];
  });
}

const ORDER = ["within", "open", "missed"];

function surprisesOf(
  before: readonly Risk[],
  after: readonly Risk[],
  targets: readonly Target[],
  chosen: readonly Candidate[],
): ControlPlan["surprises"] {
  const then = new Map(after.map((risk) => [risk.id, risk]));
  const set = new Set(chosen);
  const promised = new Set(targets.filter(({ ways }) => !ways.open(set)).map(({ threat }) => threat.id));
  return before.flatMap((risk) => {
    const now = then.get(risk.id);
    if (!now) return [];
    const worse =
      ORDER.indexOf(now.judgement) > ORDER.indexOf(risk.judgement) ||
      now.current.high > risk.current.high * (1 + 1e-9) ||
      (now.untested && !risk.untested);
    if (worse) {
      const by = chosen.filter(({ control }) => control.raises.some((type) => type === risk.type)).map(({ id }) => id);
      return [
        {
          risk: risk.id,
          says:
            by.length > 0
              ? `${by.join(", ")} may raise ${risk.type}: to be measured again`
              : "worse with the plan than without it",
        },
      ];
    }
    if (promised.has(risk.threat) && isUnsettled(risk) && isUnsettled(now))
      return [
        {
          risk: risk.id,
          says:
            now.helpedBy.length > 0
              ? `its own ways are closed, and what ${now.helpedBy.join(", ")} would give its actor keeps it open`
              : "its ways are closed, and the rating does not call it within",
        },
      ];
    return [];
  });
}

// ── what the plan says of itself ────────────────────────────────────────────────────────────────────────────────────

function described(
  candidate: Candidate,
  chosen: readonly Candidate[],
  /** Threats that the whole plan takes away. */
  closed: readonly Target[],
  { required = [], system }: PlanQuestion,
): PlannedControl {
  const { control, at, id } = candidate;
  const less = new Set(chosen.filter((other) => other.id !== id));
  const named = new Set([...system.controls.map((entry) => entry.control), ...chosen.map((other) => other.control.id)]);
  const { planning } = control;
  return {
    control: control.id,
    at,
    title: control.title,
    tier: tierOf(control),
    cost: planning?.cost ?? COST_UNKNOWN,
    evidence: [...control.evidence],
    contributes: closed
      .filter(({ ways }) => ways.closers.has(candidate) && ways.open(less))
      .map(({ threat }) => threat.id),
    needs: (planning?.needs ?? []).map(({ anyOf, because }) => `${anyOf.join(" or ")}: ${because}`),
    raises: [...control.raises],
    strains: [
      ...(planning?.strains ?? []).map(({ clause, because }) => ({ what: clause, because })),
      ...(planning?.conflicts ?? []).flatMap((conflict) =>
        conflict.kind === "strains" && named.has(conflict.with)
          ? [{ what: conflict.with, because: conflict.because }]
          : [],
      ),
    ],
    required: required.includes(id),
  };
}

/** Measured success never bounds from above closer than this: a level is added to what was measured (METHOD §3). */
const LEAST_MEASURED = 0.2;
const figure = (value: number): string => String(Number(value.toPrecision(2)));

function leftOf(
  open: readonly { readonly target: Target; readonly way: FoundWay }[],
  graph: SystemGraph,
  { knowledge, system, rating, maturity = "proven" }: PlanQuestion,
): LeftOpen[] {
  const groups = Map.groupBy(open, ({ target }) => JSON.stringify([target.threat.group, target.unguarded]));
  // What lies there already comes first: it is done with at once, and nothing else counts before.
  const first = ([one]: (typeof open)[number][]): number => (one?.target.unguarded === undefined ? 1 : 0);
  return [...groups.values()]
    .toSorted((a, b) => first(a) - first(b))
    .map((members): LeftOpen => {
      const { target, way } = members[0]!;
      const { group } = target.threat;
      const type = knowledge.threats.find(({ id }) => id === target.threat.type)!;
      const successNeeded = Math.min(
        ...members.flatMap((member) => member.target.risks.map((risk) => successWithin(risk))),
      );
      const actors = [...new Set(members.map((member) => graph.titleOf(member.target.threat.actor)))];
      const said = {
        group,
        type: type.id,
        threats: members.map((member) => member.target.threat.id),
        way: [...way.steps],
        successNeeded,
        modelLevel: type.modelLevel,
      };
      if (target.unguarded !== undefined)
        return {
          ...said,
          unguarded: target.unguarded,
          because: `${target.unguarded}; until it is gone no control that is to keep such files out counts, standing or planned`,
          how: "take the harmful file away, or have the files scanned, and assess again: no control does that",
          alternatives: [],
        };
      return {
        ...said,
        because: `with every mature control in place that a denial test can show, ${actors.slice(0, 3).join(", ")}${actors.length > 3 ? ` and ${actors.length - 3} others` : ""} still ${actors.length === 1 ? "has" : "have"} a way`,
        how:
          successNeeded >= LEAST_MEASURED
            ? `an adaptive measurement with an upper end below 0.05 (0 of 72, 15 of 500) would do: success up to ${figure(successNeeded)} is within`
            : `success has to be at most ${figure(successNeeded)}, lower than an attack alone ever bounds it: it takes a certificate, a redesign, or fewer attempts, argued`,
        alternatives: alternativesFor(type.id, graph, knowledge, system, rating?.credits ?? [], maturity),
      };
    });
}

/** The success of one attempt at which P(≥ 1 per year) meets the criterion at the highest rate of attempts. */
function successWithin({ attempts, criterion, exposures }: Risk): number {
  const perAttempt = Math.min(1, limitOf(criterion.perYear) / attempts.high);
  return exposures ? -Math.expm1(Math.log1p(-perAttempt) / exposures.high) : perAttempt;
}

const MATURITIES = ["proven", "emerging"] as const;
const ALTERNATIVES_SHOWN = 5;

/** Measures that could lower success, above the model first (S-106). What was measured here already is in the figures. */
function alternativesFor(
  type: string,
  graph: SystemGraph,
  { controls }: Knowledge,
  _system: System,
  credits: Rating["credits"],
  maturity: "proven" | "emerging",
): Alternative[] {
  const measured = new Set(
    credits.flatMap(({ credited, control, effect }) =>
      credited && effect.some(({ tests }) => tests.includes(type)) ? [control] : [],
    ),
  );
  const rank = (control: Control): number[] => [
    MATURITIES.indexOf(control.maturity as "proven"),
    control.layer === "model" ? 1 : 0,
    TIERS.indexOf(tierOf(control)),
    costOf(control),
  ];
  const could = controls.filter(
    (control) =>
      MATURITIES.some((each) => each === control.maturity) &&
      actsOf(control) === "lowers" &&
      control.threats.some((id) => id === type) &&
      !measured.has(control.id) &&
      placesFor(control, graph).length > 0,
  );
  const proven = could.filter((control) => control.maturity === "proven");
  // Where nothing proven is left to try, what is not proven yet is the only new control there could be (S-122).
  return (maturity === "proven" && proven.length > 0 ? proven : could)
    .toSorted((a, b) => {
      const [left, right] = [rank(a), rank(b)];
      const at = left.findIndex((value, i) => value !== right[i]);
      return at < 0 ? (a.id < b.id ? -1 : 1) : left[at]! - right[at]!;
    })
    .slice(0, ALTERNATIVES_SHOWN)
    .map((control) => ({
      control: control.id,
      title: control.title,
      layer: control.layer,
      maturity: control.maturity,
      tier: tierOf(control),
      cost: costOf(control),
      ceilings: (control.planning?.ceilings ?? [])
        .filter(({ threats }) => threats.some((id) => id === type))
        .map(({ says, source }) => `${says} (${source.title}, ${source.edition})`),
    }));
}

/** Cost against what stays open, each point rated. The plan is kept, and of the others those that no other betters in both. */
async function paretoOf(
  program: Program,
  { best, after }: { readonly best: Chosen; readonly after: readonly Risk[] },
  question: PlanQuestion,
  graph: SystemGraph,
  now: readonly Risk[],
): Promise<ControlPlan["pareto"]> {
  // A point is a whole rating: in a large system only the ends are drawn.
  const points = graph.components.length > LARGE.components ? 0 : (question.points ?? POINTS);
  const most = totalCost(program.cost(best.chosen));
  const notWithin = (risks: readonly Risk[]): number => risks.filter(isUnsettled).length;
  const found: { -readonly [K in keyof ControlPlan["pareto"][number]]: ControlPlan["pareto"][number][K] }[] = [
    { cost: 0, notWithin: notWithin(now), controls: [], optimal: true },
  ];
  const seen = new Set([""]);
  for (let i = most > 0 ? 1 : points + 2; i <= points + 1; i++) {
    const total = Math.round((most * i) / (points + 1));
    const choice =
      i === points + 1
        ? best
        : await program.solve({ ...question.budget, total }, question.curve === "greedy" ? null : undefined);
    if (!choice) continue;
    const controls = choice.chosen.map(({ id }) => id);
    const key = controls.toSorted().join(" ");
    if (seen.has(key)) continue;
    seen.add(key);
    found.push({
      cost: totalCost(program.cost(choice.chosen)),
      notWithin: notWithin(choice === best ? after : await rerated(question, graph, choice.chosen)),
      controls,
      optimal: choice.optimal,
      ...(choice === best ? { plan: true as const } : {}),
    });
  }
  return found
    .filter(
      (point) =>
        point.plan ||
        !found.some(
          (other) =>
            other !== point &&
            other.cost <= point.cost &&
            other.notWithin <= point.notWithin &&
            (other.cost < point.cost || other.notWithin < point.notWithin),
        ),
    )
    .toSorted((a, b) => a.cost - b.cost);
}

/** What a plan leaves one-sided (a warning, never a constraint), and what it does not know. */
function warningsOf(
  chosen: readonly Candidate[],
  targets: readonly Target[],
  { system, knowledge }: PlanQuestion,
): string[] {
  const declared = new Set(system.controls.map(({ control }) => control));
  const set = new Set(chosen);
  const types = [...new Set(targets.filter(({ ways }) => !ways.open(set)).map(({ threat }) => threat.type))];
  const bare = types.filter(
    (type) =>
      !knowledge.controls.some(
        ({ id, layer, threats }) =>
          layer === "organisational" && declared.has(id) && threats.some((other) => other === type),
      ),
  );
  const counterparts = knowledge.controls.filter(
    ({ layer, maturity, threats }) =>
      layer === "organisational" && maturity === "proven" && threats.some((id) => bare.includes(id)),
  );
  return [
    ...(chosen.length > 0 && bare.length > 0
      ? [
          `no organisational counterpart stands beside the technical controls against ${bare.join(", ")}${
            counterparts.length > 0
              ? `; for instance ${counterparts
                  .slice(0, 3)
                  .map(({ id, title }) => `${id} ${title}`)
                  .join(", ")}`
              : ""
          }`,
        ]
      : []),
    ...(chosen.length > 0
      ? [
          "nobody who touches a place by the system file is kept off it by this plan: that takes a denial test that names the actor",
        ]
      : []),
  ];
}
