/** The attack graph against closed forms: single ways to the last digit, what helps by hand, totals two ways, and METHOD §10's laws. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Evidence, Knowledge, Risk, System, Trial } from "#assessment/index.ts";
import { attackGraph, registerRow } from "#assessment/index.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { successInterval } from "#risk/success.ts";
import { rate, type Rating } from "#risk/index.ts";
import { withMethodActors } from "#system/reach.ts";
import { deriveThreats } from "#threats/engine.ts";
import { chestXray } from "../../../test/support/chest-xray.ts";
import {
  cleanRun,
  cleanTrial,
  controlTrial,
  evasion,
  evasionTrial,
  statement,
} from "../../../test/support/evidence.ts";
import { systemOf } from "../../../test/support/system.ts";
import { toModel } from "./build.ts";
import { contracted } from "./contract.ts";
import { ENABLING } from "./enabling.ts";
import { probabilitiesOf } from "./evaluate.ts";
import { goalsOf, readGoals } from "./goals.ts";

const everything = loadKnowledge();
const only = (...types: string[]): Knowledge => ({
  ...everything,
  threats: everything.threats.filter(({ id }) => types.includes(id)),
});

interface World {
  readonly system: System;
  readonly knowledge: Knowledge;
  readonly trials?: readonly Trial[];
  readonly evidence?: readonly Evidence[];
}

function rated({ system, knowledge, trials = [], evidence = [] }: World): Rating {
  const whole = withMethodActors(system);
  const { threats } = deriveThreats(whole, knowledge);
  return rate({ system: whole, threats, trials, evidence, knowledge, asOf: "2026-11-22" });
}

const riskOf = ({ risks }: Rating, id: string): Risk => {
  const found = risks.find((risk) => risk.id === id);
  if (!found) throw new Error(`no risk ${id} among ${risks.map((risk) => risk.id).join("\n")}`);
  return found;
};
const q = (lambda: number, p: number): number => (1 - Math.exp(-lambda * p)) / (1 - Math.exp(-lambda));

/** A model behind an interface, and a user who knows nothing of it. */
const service: System = {
  ...systemOf({
    components: {
      api: "interface",
      cnn: { kind: "model", model: { accuracy: { declared: 0.94, on: "test" } } },
      desk: "human",
    },
    flows: ["api -> cnn -> desk", "cnn -> api"],
    actors: { user: "AT-2 touches api" },
  }),
  harms: [{ consequence: "wrong-output", harm: "safety", severity: "H", because: "somebody is hurt", assumed: false }],
};
const trials = [cleanTrial("cnn"), evasionTrial("cnn", "black", ["user"])];
const USER = "evasion@cnn by user -> safety";

describe("a control that detects, with a response time", () => {
  const watched: System = {
    ...service,
    controls: [{ id: "watch", control: "C-60", at: "cnn", kind: "measured", where: service.where }],
  };
  const response = { hours: { low: 0.5, likely: 1, high: 2 }, attackHours: { low: 10, likely: 20, high: 40 } };
  const watch = (k: number): Evidence => {
    const item = statement("ev-watch", { k, n: 100, tests: ["T-01"], control: "C-60", at: "cnn", grade: "C" });
    if (item.outcome.status !== "measured" || item.outcome.measure.kind !== "statement") throw new Error("unreachable");
    return { ...item, outcome: { ...item.outcome, measure: { ...item.outcome.measure, response } } };
  };
  const with_ = (fooled: number, ...more: Evidence[]): Risk =>
    riskOf(
      rated({
        system: watched,
        knowledge: only("T-01"),
        trials,
        evidence: [cleanRun("cnn"), evasion("cnn", fooled, 500), ...more],
      }),
      USER,
    );

  test("lets through what is not noticed or not answered in time, by hand: 1 − d · a / (a + r)", () => {
    const passes = successInterval({ k: 2, n: 100 }, "C", false);
    const { low, likely, high } = with_(400, watch(2)).successCurrent;
    const alone = with_(400).successCurrent;
    // Nothing says that the attempts noticed are not the ones that fail anyway: at the lower end only the sum less one is left.
    const lowest = 1 - (1 - passes.low) * (40 / 40.5);
    expect(low).toBeCloseTo(Math.max(0, alone.low + lowest - 1), 12);
    expect(likely).toBeCloseTo(1 - (1 - passes.likely) * (20 / 21), 12);
    expect(likely).toBeLessThan(alone.likely);
    // Grade C closes no upper end: somebody who is never noticed remains possible.
    expect(high).toBe(alone.high);
  });

  test("that notices nobody changes hardly anything, and nothing at the upper ends", () => {
    const [watching, alone] = [with_(400, watch(100)).successCurrent, with_(400).successCurrent];
    // Of 100 of 100 unnoticed, at most so many are noticed after all, and of these 40 / 40.5 are stopped.
    const noticed = 1 - successInterval({ k: 100, n: 100 }, "C", false).low;
    expect(watching.low).toBeCloseTo(alone.low - noticed * (40 / 40.5), 12);
    expect(watching.likely).toBe(alone.likely);
    expect(watching.high).toBe(alone.high);
  });
});

describe("a single way", () => {
  test("has 1 − e^(−λS) at all three ends, for every risk of the chest X-ray system", () => {
    const rating = rated({ system: chestXray(), knowledge: everything });
    const graph = rating.draw();
    const alone = rating.risks.filter(({ helpedBy }) => helpedBy.length === 0);
    expect(alone.length).toBeGreaterThan(300);
    const found = probabilitiesOf(
      contracted(toModel(graph)),
      alone.map(({ id }) => id),
      { seed: "1" },
    );
    alone.forEach(({ id, current }, i) => {
      for (const end of ["low", "likely", "high"] as const) expect(found[i]![end], id).toBeCloseTo(current[end], 12);
    });
    expect(attackGraph.safeParse(graph).error).toBeUndefined();
    for (const row of rating.register) expect(registerRow.safeParse(row).error).toBeUndefined();
  });

  test("totals in closed form are those of the drawn graph", () => {
    const rating = rated({
      system: chestXray(),
      knowledge: only("T-01", "T-02", "T-08", "T-15", "T-21", "T-32", "T-35"),
    });
    const goals = goalsOf(rating.register, []);
    const found = probabilitiesOf(contracted(toModel(rating.draw())), goals, { seed: "1" });
    const totals = new Map(
      rating.register
        .flatMap(({ totals: of, assets }) => [...of, ...assets])
        .map(({ goal, evaluation }) => [goal, evaluation]),
    );
    goals.forEach((goal, i) => {
      expect(found[i]!.method).toBe("exact");
      for (const end of ["low", "likely", "high"] as const)
        expect(found[i]![end], goal).toBeCloseTo(totals.get(goal)![end], 10);
    });
  });
});

describe("what one threat gives for another", () => {
  const world = { system: service, knowledge: only("T-01", "T-15"), trials };

  test("a copy by queries opens the upper end that a black-box trial closed: 1 − e^(−λ)·… by hand", () => {
    const evidence = [
      cleanRun("cnn"),
      evasion("cnn", 10, 500),
      statement("ev-copy", { k: 10, n: 100, tests: ["T-15"], at: "cnn" }),
    ];
    const rating = rated({ ...world, evidence });
    const risk = riskOf(rating, USER);
    expect(risk.helpedBy).toEqual(["model-extraction@cnn"]);
    // Alone: S = [CP-lower, 0.02, 0.2]; knowing the model, nothing bounds it from above: S = 1 at the upper end only.
    const alone = successInterval({ k: 10, n: 500 }, "B", true);
    expect(alone.high).toBe(0.2);
    // T-15 by the user, upper end: S = 1, for a statement whose access nobody recorded bounds nothing from above; λ is 1 for
    // evasion and 0.1 for copying.
    const works = q(1, 0.2);
    const more = (q(1, 1) - works) / (1 - works);
    const copied = q(0.1, 1);
    const byHand = (1 - Math.exp(-1)) * (1 - (1 - works) * (1 - more * copied));
    expect(risk.current.high).toBeCloseTo(byHand, 12);
    // The other ends have nothing to gain, and stay what they were to the last digit.
    expect(risk.current.low).toBe(-Math.expm1(-0.01 * alone.low));
    expect(risk.current.likely).toBe(-Math.expm1(-0.1 * alone.likely));
  });

  test("the way is in the graph, with its tactics: copy, knowledge, evasion, harm", () => {
    const evidence = [cleanRun("cnn"), evasion("cnn", 10, 500)];
    const rating = rated({ ...world, evidence });
    const graph = rating.draw();
    const [reading] = readGoals(graph, [USER], { seed: "1" });
    const way = [
      "user touches api",
      "model-extraction@cnn by user",
      "model-extraction@cnn by user => user knows cnn",
      "evasion@cnn by user, as user knows cnn",
      USER,
    ];
    const steps = new Map(graph.steps.map((step) => [step.id, step]));
    for (const id of way) expect(steps.has(id), id).toBe(true);
    expect(way.map((id) => steps.get(id)!.tactic)).toEqual([
      "AML.TA0004",
      "AML.TA0010",
      "AML.TA0003",
      "AML.TA0007",
      "AML.TA0011",
    ]);
    expect(reading!.evaluation.high).toBeCloseTo(riskOf(rating, USER).current.high, 12);
    expect(reading!.paths[0]!.steps[0]).toBe("user touches api");
    expect(reading!.paths.some(({ steps: taken }) => taken.includes("evasion@cnn by user, as user knows cnn"))).toBe(
      true,
    );
    expect(reading!.singlePoints).toContain(USER);
  });

  test("a trigger planted makes evasion certain, so a model that withstands is not within while nobody looked for one", () => {
    const insider = {
      ...service,
      actors: [
        {
          ...service.actors[0]!,
          id: "insider",
          title: "insider",
          profile: "AT-7",
          touches: ["api"],
          knows: "white" as const,
        },
      ],
    };
    const measured = [evasionTrial("cnn", "white", ["insider"]), cleanTrial("cnn")];
    const evidence = [cleanRun("cnn"), evasion("cnn", 0, 500)];
    const alone = riskOf(
      rated({ system: insider, knowledge: only("T-01"), trials: measured, evidence }),
      "evasion@cnn by insider -> safety",
    );
    const both = riskOf(
      rated({ system: insider, knowledge: only("T-01", "T-08"), trials: measured, evidence }),
      "evasion@cnn by insider -> safety",
    );
    expect(alone.current.high).toBeCloseTo(-Math.expm1(-0.1 * 0.2), 12);
    expect(both.current.high).toBeCloseTo(-Math.expm1(-0.1), 12);
    expect(both.helpedBy).toEqual(["backdoor@cnn"]);
  });

  test("what shows that a way can be forced raises the lower end, and takes nothing away when it goes", () => {
    const system: System = {
      ...systemOf({
        components: { shop: "interface", server: "compute", cnn: { kind: "model", model: {} } },
        flows: ["shop -> cnn", "server -> cnn"],
        boundaries: { front: ["shop"], back: ["server", "cnn"] },
        actors: { gang: "AT-9 touches shop" },
      }),
      flows: systemOf({ components: { a: "interface" } }).flows,
      harms: service.harms,
    };
    const knowledge = only("T-01", "T-32", "T-35");
    const nothing = rated({ system, knowledge });
    const pentest = statement("ev-pentest", { k: 12, n: 20, tests: ["T-35"], at: "server" });
    const shown = rated({ system, knowledge, evidence: [pentest] });
    for (const risk of shown.risks) {
      const before = riskOf(nothing, risk.id);
      if (risk.type === "T-35") continue;
      expect(risk.current.low, risk.id).toBeGreaterThanOrEqual(before.current.low);
      expect(risk.current.likely, risk.id).toBeCloseTo(before.current.likely, 12);
      expect(risk.current.high, risk.id).toBeCloseTo(before.current.high, 12);
    }
  });

  test("every row of the table names threats of the catalogue and a reason", () => {
    const ids = new Set(everything.threats.map(({ id }) => id));
    for (const { by, helps, because } of ENABLING) {
      for (const id of [...by, ...(helps === "all" ? [] : helps)]) expect(ids.has(id), id).toBe(true);
      expect(because.length).toBeGreaterThan(20);
    }
  });
});

describe("layers on one undertaking", () => {
  /** The weights lie in a store elsewhere. One layer stands before the store, another before the model; an administrator may touch both. */
  const world = (both: boolean): World => ({
    system: {
      ...systemOf({
        components: {
          api: "interface",
          prep: "preprocessing",
          cnn: { kind: "model", holds: ["weights"], model: { accuracy: { declared: 0.94, on: "test" } } },
          store: { kind: "compute", holds: ["weights"] },
          ticket: "interface",
        },
        flows: ["api -> prep -> cnn", "ticket -> store"],
        boundaries: { inside: ["prep", "cnn"], vendor: ["store", "ticket"] },
        assets: { weights: {} },
        actors: { spy: "AT-10 touches api, ticket", admin: both ? "AT-8 touches store, cnn" : "AT-8 touches store" },
      }),
      harms: service.harms,
      controls: [
        { id: "one", control: "C-81", at: "store", kind: "measured", where: service.where },
        { id: "two", control: "C-64", at: "cnn", kind: "measured", where: service.where },
      ],
    },
    knowledge: only("T-01", "T-35"),
    trials: [
      cleanTrial("cnn"),
      evasionTrial("cnn", "black", ["spy"]),
      controlTrial("one", "store", ["T-35"]),
      controlTrial("two", "cnn", ["T-01"]),
    ],
    evidence: [
      cleanRun("cnn"),
      evasion("cnn", 0, 500),
      statement("ev-one", { k: 0, n: 100, tests: ["T-35"], control: "C-81", at: "store", trial: "one" }),
      statement("ev-two", { k: 8, n: 100, tests: ["T-01"], control: "C-64", at: "cnn", trial: "two" }),
    ],
  });
  const id = "evasion@cnn by spy -> safety";
  const causes = (rating: Rating): string[] =>
    rating
      .draw()
      .events.filter((event) => event.id.includes(" gets past "))
      .map((event) => event.id);
  // AT-10 at the upper end: 0.1 attempts at evasion a year, 1 at infrastructure. Evasion alone: at most 0.2 (0 of 500). Knowing the
  // model: 0.8, the guard's 8 of 100 raised one level. Into the store: 0.2, the sandbox's 0 of 100 raised one level.
  const evade = q(0.1, 0.2);
  const knowing = (q(0.1, 0.8) - evade) / (1 - evade);
  const steal = q(1, 0.2);

  test("independent, each is an event of its own and the two multiply", () => {
    const rating = rated(world(false));
    expect(causes(rating)).toEqual([]);
    const byHand = (1 - Math.exp(-0.1)) * (1 - (1 - evade) * (1 - knowing * steal));
    expect(riskOf(rating, id).current.high).toBeCloseTo(byHand, 12);
    expect(byHand).toBeCloseTo(0.0362, 4);
  });

  test("where one person has authority over both they share one event, and the way through both is likelier", () => {
    const rating = rated(world(true));
    expect(causes(rating)).toEqual(["spy gets past C-64 at cnn and C-81 at store"]);
    const shared = rating.draw().steps.filter(({ events }) => events.some((event) => event.includes(" gets past ")));
    expect(shared.map((step) => step.id)).toEqual([
      "evasion@cnn by spy, as spy knows cnn",
      "infrastructure-exploitation@store by spy",
    ]);
    // The sandbox lets through q(1, 0.2) of q(1, 1) = 1, the guard 0.8 at most of what a spy who knows the model could do: the
    // higher share is the cause, and what is left to each is its own chance over it, so both are passed with their product over it.
    const shares = [steal, knowing / ((q(0.1, 1) - evade) / (1 - evade))];
    const cause = Math.max(...shares);
    const byHand = (1 - Math.exp(-0.1)) * (1 - (1 - evade) * (1 - (knowing * steal) / cause));
    expect(riskOf(rating, id).current.high).toBeCloseTo(byHand, 12);
    expect(byHand).toBeCloseTo(0.0414, 4);
  });
});

describe("the chest X-ray with and without C-92 at the archive", () => {
  const chest = chestXray();
  const archive = (signed: boolean): Rating =>
    rated({
      system: {
        ...chest,
        actors: [
          { id: "archivist", title: "archivist", profile: "AT-7", touches: ["pacs"], knows: "white", byMethod: false },
          {
            id: "radiographer",
            title: "radiographer",
            profile: "AT-7",
            touches: ["console"],
            knows: "white",
            byMethod: false,
          },
        ],
        controls: [{ id: "C-92@pacs", control: "C-92", at: "pacs", kind: "verified", where: chest.where }],
      },
      knowledge: only("T-01"),
      trials: [cleanTrial("cnn"), evasionTrial("cnn", "white", ["archivist"])],
      evidence: [
        cleanRun("cnn"),
        evasion("cnn", 312, 500),
        ...(signed ? [statement("ev-flip", { k: 0, n: 20, kind: "verified", control: "C-92", at: "pacs" })] : []),
      ],
    });
  const touchesArchive = "archivist touches pacs";
  const steps = (rating: Rating): Set<string> => new Set(rating.draw().steps.map(({ id }) => id));
  const harm = (actor: string): string => `evasion@cnn by ${actor} -> health`;

  test("without it the archivist's way is open: 312 of 500, P = [0.0058, …] by the way through router and preprocessing", () => {
    const rating = archive(false);
    expect(steps(rating)).toContain(touchesArchive);
    // METHOD §11.1: S = [0.5799, …], λ = [0.01, 0.1].
    expect(riskOf(rating, harm("archivist")).current.low).toBeCloseTo(0.00578, 5);
    const [reading] = readGoals(rating.draw(), [harm("archivist")], { seed: "1" });
    const [likeliest] = reading!.paths;
    expect(likeliest!.steps[0]).toBe(touchesArchive);
    for (const flow of ["pacs->router", "router->prep", "prep->cnn"])
      expect(
        likeliest!.steps.some((id) => id.includes(flow)),
        flow,
      ).toBe(true);
  });

  test("with it the archive's step is gone and nothing is shown for the archivist; the radiographer's stays as it was", () => {
    const [without, signed] = [archive(false), archive(true)];
    expect(steps(signed)).not.toContain(touchesArchive);
    expect(riskOf(signed, harm("archivist")).current.low).toBe(0);
    const [before, after] = [without, signed].map((rating) => riskOf(rating, harm("radiographer")).current);
    expect([after!.low.toFixed(5), after!.high.toFixed(4)]).toEqual(["0.00995", "0.0952"]);
    expect(after).toEqual(before);
  });
});

describe("the register", () => {
  test("the regulatory class has no part in any figure (S-90)", () => {
    const as = (listing: string): Rating =>
      rated({ system: { ...service, law: { ...service.law, listing } }, knowledge: only("T-01", "T-15") });
    const [free, bound] = [as("none"), as("annex-III.1")];
    expect(bound.risks.map(({ id, current }) => [id, current])).toEqual(
      free.risks.map(({ id, current }) => [id, current]),
    );
    expect(bound.register).toEqual(free.register);
  });
  test("both levels name one another", () => {
    const { register, risks } = rated({ system: chestXray(), knowledge: only("T-01", "T-21", "T-30") });
    for (const row of register)
      for (const id of row.risks) expect(risks.find((risk) => risk.id === id)!.harm).toBe(row.id);
    for (const risk of risks) expect(register.find(({ id }) => id === risk.harm)!.risks).toContain(risk.id);
  });

  test("what is worse together than singly is said, and nothing of it is within", () => {
    const small = (n: number): System => ({
      ...systemOf({
        components: { cnn: { kind: "model", model: {} }, api: "interface" },
        flows: ["api -> cnn"],
        actors: Object.fromEntries(Array.from({ length: n }, (_one, i) => [`visitor-${i}`, "AT-2 touches api"])),
      }),
      harms: [{ consequence: "wrong-output", harm: "safety", severity: "M", because: "a delay", assumed: false }],
    });
    const quiet = (system: System): System => ({
      ...system,
      actors: system.actors.map((actor) => ({
        ...actor,
        attempts: { low: 0.001, likely: 0.01, high: 0.03, because: "seldom", assumed: true },
      })),
    });
    const judgedBy = (n: number) => {
      const system = quiet(withMethodActors(quiet(small(n))));
      const { threats } = deriveThreats(system, only("T-01"));
      return rate({ system, threats, trials: [], evidence: [], knowledge: only("T-01"), asOf: "2026-11-22" });
    };
    const safety = ({ register }: Rating) => register.find((row) => row.id === "safety")!;
    const few = judgedBy(1);
    expect(safety(few).judgement).toBe("within");
    // Five actors at up to 0.03 a year: 1 − e^(−0.15) = 0.139 > 0.1, though 1 − e^(−0.03) = 0.030 each.
    const many = judgedBy(4);
    const own = many.risks.filter(({ harm }) => harm === "safety");
    expect(new Set(own.map(({ judgement }) => judgement))).toEqual(new Set(["within"]));
    const row = safety(many);
    expect(row.totals[0]!.evaluation.high).toBeCloseTo(1 - Math.exp(-0.15), 12);
    expect(row).toMatchObject({ judgement: "open", totals: [{ singly: "within", judgement: "open" }] });
    expect(row.risks.toSorted()).toEqual(own.map(({ id }) => id).toSorted());
  });
});

describe("METHOD §10 on small systems with threats that help one another", () => {
  const knowledge = only("T-01", "T-08", "T-15", "T-32", "T-35");
  const pieces = fc.record({
    fooled: fc.integer({ min: 0, max: 500 }),
    copied: fc.option(fc.integer({ min: 0, max: 50 })),
    planted: fc.option(fc.integer({ min: 0, max: 50 })),
    broken: fc.option(fc.integer({ min: 0, max: 20 })),
    guard: fc.option(fc.integer({ min: 0, max: 100 })),
    limit: fc.option(fc.integer({ min: 0, max: 100 })),
    knows: fc.constantFrom("black" as const, "grey" as const),
    grade: fc.constantFrom("A" as const, "B" as const, "C" as const, "D" as const),
    profile: fc.constantFrom("AT-1", "AT-2", "AT-10"),
    /** Who touches nothing has to force each way. */
    touches: fc.constantFrom(["api"], []),
  });
  type Pieces = typeof pieces extends fc.Arbitrary<infer Value> ? Value : never;
  const system: System = {
    ...systemOf({
      components: {
        api: "interface",
        prep: "preprocessing",
        cnn: { kind: "model", holds: ["weights"], model: { accuracy: { declared: 0.94, on: "test" } } },
        server: { kind: "compute", holds: ["weights"] },
        desk: "human",
      },
      flows: ["api -> prep -> cnn -> desk", "cnn -> api", "server -> cnn"],
      boundaries: { outside: ["api"], inside: ["prep", "cnn", "server"] },
      assets: { weights: {} },
    }),
    harms: service.harms,
  };
  const worldOf = (p: Pieces): World => ({
    system: {
      ...system,
      actors: [
        {
          id: "user",
          title: "user",
          profile: p.profile,
          touches: p.touches,
          knows: p.knows,
          byMethod: false,
          where: system.where,
        },
      ],
      controls: [
        ...(p.guard === null
          ? []
          : [{ id: "guard", control: "C-64", at: "cnn", kind: "measured" as const, where: system.where }]),
        ...(p.limit === null
          ? []
          : [{ id: "limit", control: "C-54", at: "cnn", kind: "measured" as const, where: system.where }]),
      ],
    },
    knowledge,
    trials: [cleanTrial("cnn"), evasionTrial("cnn", p.knows, ["user"])],
    evidence: [
      cleanRun("cnn"),
      evasion("cnn", p.fooled, 500, { grade: p.grade }),
      ...(p.copied === null
        ? []
        : [statement("ev-copied", { k: p.copied, n: 50, tests: ["T-15"], at: "cnn", grade: p.grade })]),
      ...(p.planted === null
        ? []
        : [statement("ev-planted", { k: p.planted, n: 50, tests: ["T-08"], at: "cnn", grade: p.grade })]),
      ...(p.broken === null
        ? []
        : [statement("ev-broken", { k: p.broken, n: 20, tests: ["T-35"], at: "server", grade: p.grade })]),
      ...(p.guard === null
        ? []
        : [statement("ev-guard", { k: p.guard, n: 100, tests: ["T-01"], control: "C-64", at: "cnn" })]),
      ...(p.limit === null
        ? []
        : [statement("ev-limit", { k: p.limit, n: 100, tests: ["T-01", "T-15"], control: "C-54", at: "cnn" })]),
    ],
  });
  const figures = (rating: Rating): [string, { likely: number; high: number }][] => [
    ...rating.risks.map(({ id, current }): [string, typeof current] => [id, current]),
    ...rating.register.flatMap(({ totals, assets }) =>
      [...totals, ...assets].map(({ goal, evaluation }): [string, typeof evaluation] => [goal, evaluation]),
    ),
  ];
  const expectNotLower = (before: Rating, after: Rating): void => {
    const now = new Map(figures(after));
    for (const [id, was] of figures(before)) {
      expect(now.get(id)!.high, id).toBeGreaterThanOrEqual(was.high - 1e-12);
      expect(now.get(id)!.likely, id).toBeGreaterThanOrEqual(was.likely - 1e-12);
    }
    const rows = new Map(after.register.map((row) => [row.id, row]));
    for (const { id, judgement } of before.register)
      if (judgement !== "within") expect(rows.get(id)!.judgement).not.toBe("within");
  };

  test("a helped risk is never below its best way alone, and the graph says the same", () => {
    fc.assert(
      fc.property(pieces, (p) => {
        const world = worldOf(p);
        const rating = rated(world);
        const helped = rating.risks.filter(({ helpedBy }) => helpedBy.length > 0);
        const found = probabilitiesOf(
          contracted(toModel(rating.draw())),
          helped.map(({ id }) => id),
          { seed: "1" },
        );
        helped.forEach(({ id, current, inherent }, i) => {
          for (const end of ["low", "high"] as const) expect(found[i]![end], id).toBeCloseTo(current[end], 10);
          // Of a way to be forced the graph takes the likely steps as independent, which is never more.
          if (p.touches.length > 0) expect(found[i]!.likely, id).toBeCloseTo(current.likely, 10);
          else expect(found[i]!.likely, id).toBeLessThanOrEqual(current.likely + 1e-12);
          expect(inherent.high).toBeGreaterThanOrEqual(current.high - 1e-12);
        });
      }),
      { numRuns: 60, seed: 4 },
    );
  });

  test("evidence gone, expired or of another version never lowers a figure, single or total", () => {
    fc.assert(
      fc.property(pieces, fc.nat(6), fc.boolean(), (p, which, expired) => {
        const world = worldOf(p);
        const evidence = world.evidence!.flatMap((item, i): Evidence[] => {
          if (i !== which) return [item];
          return expired ? [{ ...item, validUntil: "2026-11-01" }] : [];
        });
        expectNotLower(rated(world), rated({ ...world, evidence }));
      }),
      { numRuns: 60, seed: 4 },
    );
  });

  test("nor does it where the way has to be forced and a trigger would help: forcing hangs on no measurement", () => {
    for (const fooled of [50, 250, 487, 500]) {
      const world = worldOf({
        fooled,
        copied: null,
        planted: null,
        broken: null,
        guard: null,
        limit: null,
        knows: "grey",
        grade: "B",
        profile: "AT-10",
        touches: [],
      });
      const evidence = world.evidence!.filter(({ id }) => !id.startsWith("ev-evasion"));
      expectNotLower(rated(world), rated({ ...world, evidence }));
    }
  });

  test("an actor, a flow, a touch or attempts more never lower a figure, single or total", () => {
    const ids = system.components.map(({ id }) => id);
    fc.assert(
      fc.property(
        pieces,
        fc.constantFrom("actor", "flow", "touch", "attempts"),
        fc.constantFrom(...ids),
        fc.constantFrom(...ids),
        (p, what, from, to) => {
          const world = worldOf(p);
          const [user] = world.system.actors;
          const attempts = (factor: number) => ({
            low: 0.01 * factor,
            likely: 0.03 * factor,
            high: 0.1 * factor,
            because: "more",
            assumed: true,
          });
          const base =
            what === "attempts" ? { ...world.system, actors: [{ ...user!, attempts: attempts(1) }] } : world.system;
          const more: System =
            what === "actor"
              ? { ...base, actors: [...base.actors, { ...user!, id: "other", title: "other", touches: [from] }] }
              : what === "flow"
                ? { ...base, flows: [...base.flows, { ...base.flows[0]!, id: "extra", from, to }] }
                : what === "touch"
                  ? { ...base, actors: [{ ...user!, touches: [...user!.touches, from] }] }
                  : { ...base, actors: [{ ...user!, attempts: attempts(7) }] };
          expectNotLower(rated({ ...world, system: base }), rated({ ...world, system: more }));
        },
      ),
      { numRuns: 60, seed: 4 },
    );
  });

  test("a weaker grade never narrows an interval", () => {
    const grades = ["A", "B", "C", "D", "E", "F"] as const;
    fc.assert(
      fc.property(pieces, fc.nat(4), (p, step) => {
        const weaker = grades[Math.min(grades.length - 1, grades.indexOf(p.grade) + step)]!;
        const before = rated(worldOf(p));
        const now = new Map(
          rated(worldOf({ ...p, grade: weaker as Pieces["grade"] })).risks.map((risk) => [risk.id, risk.current]),
        );
        for (const { id, current } of before.risks) {
          expect(now.get(id)!.low, id).toBeLessThanOrEqual(current.low + 1e-12);
          expect(now.get(id)!.high, id).toBeGreaterThanOrEqual(current.high - 1e-12);
        }
      }),
      { numRuns: 40, seed: 4 },
    );
  });

  test("same input and seed, same bytes", () => {
    const world = worldOf({
      fooled: 10,
      copied: 3,
      planted: null,
      broken: 4,
      guard: 20,
      limit: 5,
      knows: "black",
      grade: "B",
      profile: "AT-2",
      touches: ["api"],
    });
    const bytes = (): string => {
      const rating = rated(world);
      const graph = rating.draw();
      return JSON.stringify([
        rating.register,
        { ...graph, goals: readGoals(graph, goalsOf(rating.register, rating.risks), { seed: "7" }) },
      ]);
    };
    expect(bytes()).toBe(bytes());
  });
});
