/** The two levels name each other, other methods only look, and each requirement can be checked by the figure it states. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Estimate, Level, Risk, System } from "#assessment/index.ts";
import { clopperPearson } from "#base/statistics.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { withMethodActors } from "#system/reach.ts";
import { deriveThreats } from "#threats/engine.ts";
import { systemOf } from "../../test/support/system.ts";
import { judge, probabilityPerYear } from "./likelihood.ts";
import { METHODS } from "./methods/index.ts";
import { rate, STARTING_CRITERIA, type Rating } from "./rate.ts";
import { cyberRegisterOf } from "./cyber.ts";
import {
  attemptsBeforeStop,
  attemptsToShow,
  requirementsOf,
  successAllowed,
  successesAllowed,
} from "./requirements.ts";

const knowledge = loadKnowledge();
const asOf = "2026-11-26";
const hospital = (law: Partial<System["law"]> = {}): System =>
  withMethodActors(
    systemOf({
      components: {
        console: { kind: "sensor", holds: ["images"] },
        pacs: { kind: "database", holds: ["images"] },
        cnn: { kind: "model", holds: ["weights"] },
        log: "monitoring",
      },
      flows: [{ from: "console", to: "pacs", carries: ["images"] }, "pacs -> cnn", "cnn -> log"],
      boundaries: { imaging: ["console", "pacs"], ai: ["cnn", "log"] },
      actors: { admin: "AT-7 touches pacs", radiographer: "AT-7 touches console", gang: "AT-9" },
      assets: { images: { personal: true }, weights: {} },
      rest: { law: { role: "provider", listing: "annex-III.1", presumptions: [], ...law } },
    }),
  );
const ratingOf = (system: System): Rating =>
  rate({
    system,
    threats: deriveThreats(system, knowledge, { closures: [] }).threats,
    trials: [],
    evidence: [],
    knowledge,
    asOf,
  });
const system = hospital();
const rating = ratingOf(system);
const cyber = cyberRegisterOf({ system, knowledge, ...rating });

const estimate = (low: number, likely: number, high: number): Estimate => ({
  low,
  likely,
  high,
  basis: { kind: "assumed", why: "a test" },
  grade: "E",
});
const risk = (changes: Partial<Risk>): Risk => ({ ...rating.risks[0]!, ...changes });

test("each level names the other: every risk stands in one cyber risk and one harm, and both say so", () => {
  const ids = rating.risks.map(({ id }) => id).toSorted();
  expect(cyber.risks.flatMap(({ risks }) => risks).toSorted()).toEqual(ids);
  expect(rating.register.flatMap(({ risks }) => risks).toSorted()).toEqual(ids);
  for (const { harms, risks } of cyber.risks)
    for (const harm of harms)
      expect(rating.register.find((row) => row.id === harm)?.risks.some((id) => risks.includes(id))).toBe(true);
  for (const { id, risks } of rating.register)
    for (const each of risks) expect(cyber.risks.find((entry) => entry.risks.includes(each))?.harms).toContain(id);
  expect(cyber.risks.find(({ at }) => at === "pacs")?.assets).toEqual(["images"]);
});

test("what the law calls a system enters no figure: not high-risk at high cyber risk, high-risk at low cyber risk", () => {
  const free = hospital({ listing: "none" });
  const unlisted = cyberRegisterOf({ system: free, knowledge, ...ratingOf(free) });
  expect(unlisted.regulatory.highRisk).toBe("no");
  expect({ ...unlisted, regulatory: null }).toEqual({ ...cyber, regulatory: null });
  const levels = unlisted.methods.find(({ id }) => id === "nist-800-30")!.levels;
  expect(levels.some(({ high }) => ["H", "VH"].includes(high))).toBe(true);

  // Nobody tries: every risk of the high-risk system is within its criterion.
  const seldom = { low: 0, likely: 0, high: 0.0001, because: "a test", assumed: false };
  const quiet = { ...system, actors: system.actors.map((actor) => ({ ...actor, attempts: seldom })) };
  const low = cyberRegisterOf({ system: quiet, knowledge, ...ratingOf(quiet) });
  expect(low.regulatory.highRisk).toBe("yes");
  expect(new Set(low.risks.map(({ judgement }) => judgement))).toEqual(new Set(["within"]));
  expect(low.requirements).toEqual([]);
});

test("methods only look: one decides, and where an interval crosses levels a view gives a range", () => {
  expect(
    Object.values(METHODS)
      .filter(({ decides }) => decides)
      .map(({ id }) => id),
  ).toEqual(["intervals"]);
  for (const { source, edition, own, mark } of Object.values(METHODS)) {
    expect(source.length * edition.length).toBeGreaterThan(0);
    // A table read in a copy is never passed off as the source's own word.
    expect(own.length).toBeGreaterThan(0);
    expect(["V2", "I"]).toContain(mark);
  }
  const wide = risk({ current: estimate(0.0005, 0.05, 0.7), severity: "H" });
  expect(METHODS["iso-27005"].read(wide)).toEqual({
    level: { low: "2 low", likely: "4 high", high: "5 very high" },
    scales: [
      { name: "likelihood", low: "1 unlikely", likely: "3 likely", high: "5 almost certain" },
      { name: "consequence", low: "4 critical", likely: "4 critical", high: "4 critical" },
    ],
  });
  expect(METHODS["ebios-rm"].read(wide).scales[1]).toMatchObject({
    low: "V1 unlikely",
    likely: "V3 very likely",
    high: "V4 nearly certain",
  });
  expect(METHODS["ebios-rm"].read(wide).level).toMatchObject({
    low: expect.stringMatching(/^low/),
    high: expect.stringMatching(/^high/),
  });
});

test("the NIST view at the central figures is the one every risk carries, and all views rise with the interval", () => {
  for (const each of rating.risks) {
    const { level, scales } = METHODS["nist-800-30"].read(each);
    expect(level.likely).toBe(each.view.level);
    expect(scales.find(({ name }) => name === "overall likelihood")?.likely).toBe(each.view.likelihood);
  }
  const rank: Record<string, (word: string) => number> = {
    "nist-800-30": (word) => ["VL", "L", "M", "H", "VH"].indexOf(word),
    "iso-27005": (word) => Number(word[0]),
    "ebios-rm": (word) => "lmh".indexOf(word[0]!),
  };
  fc.assert(
    fc.property(
      fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
      fc.constantFrom<Level>("VL", "L", "M", "H", "VH"),
      ([a, b], severity) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        const each = risk({
          current: estimate(low, low, high),
          attempts: estimate(low, low, high),
          successCurrent: estimate(low, low, high),
          severity,
        });
        for (const [id, of] of Object.entries(rank)) {
          const { level } = METHODS[id as keyof typeof METHODS].read(each);
          expect(of(level.low)).toBeLessThanOrEqual(of(level.high));
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("ISO's “high” begins at severities M and H where our starting criteria end, as the method's own reading says", () => {
  for (const severity of ["M", "H"] as const) {
    const at = STARTING_CRITERIA[severity];
    const level = (p: number): string =>
      METHODS["iso-27005"].read(risk({ current: estimate(p, p, p), severity })).level.low;
    expect([level(at * 0.999), level(at)].map((word) => Number(word[0]) >= 4)).toEqual([false, true]);
  }
});

test("the success a requirement allows is the one at which the criterion is met, with and without exposures", () => {
  const attempts = estimate(0.1, 1, 10);
  const criterion = { perYear: 0.01, source: "a test" };
  const bare = successAllowed({ attempts, criterion });
  expect(probabilityPerYear(attempts, estimate(bare, bare, bare)).high).toBeCloseTo(0.01, 12);
  const exposures = { low: 40, likely: 40, high: 40, because: "vehicles" };
  const met = successAllowed({ attempts, criterion, exposures });
  expect(
    probabilityPerYear(attempts, estimate(met, met, met), exposures, { low: "draws", high: "draws" }).high,
  ).toBeCloseTo(0.01, 12);
  expect(successAllowed({ attempts: estimate(0, 0.001, 0.005), criterion })).toBe(1);
});

test("k of n in an acceptance test is the largest k that shows it, and n the smallest n that can", () => {
  for (const success of [0.5, 0.1, 0.0289, 0.004]) {
    const n = attemptsToShow(success);
    expect(clopperPearson(0, n).high).toBeLessThanOrEqual(success + 1e-9);
    expect(clopperPearson(0, n - 1).high).toBeGreaterThan(success);
    const k = successesAllowed(500, success);
    if (k === undefined) expect(clopperPearson(0, 500).high).toBeGreaterThan(success);
    else {
      expect(clopperPearson(k, 500).high).toBeLessThanOrEqual(success);
      expect(clopperPearson(k + 1, 500).high).toBeGreaterThan(success);
    }
  }
  // 200 applicants, 3 %: ln 0.9 / ln 0.97 = 3.459 attempts before the risk exceeds a tenth.
  expect(attemptsBeforeStop(0.1, 0.03)).toBeCloseTo(3.459, 3);
});

test("every risk beyond its criterion that has a way is served, each requirement by a component of the system", () => {
  const places = new Set([...system.components.map(({ id }) => id), "system"]);
  const served = new Set(cyber.requirements.flatMap(({ serves }) => serves));
  for (const { id, judgement, reach } of rating.risks) {
    if (judgement === "within") expect(served.has(id)).toBe(false);
    if (judgement !== "within" && reach === "indirect") expect(served.has(id), id).toBe(true);
  }
  for (const { component, clauses, acceptance } of cyber.requirements) {
    expect(places).toContain(component);
    expect(clauses.length).toBeGreaterThan(0);
    expect(acceptance.test.length).toBeGreaterThan(0);
  }
  expect(new Set(cyber.requirements.map(({ id }) => id)).size).toBe(cyber.requirements.length);
});

test("who acts at the source signs what he makes: integrity on the way is asked of nobody for him", () => {
  const byRadiographer = rating.risks.filter(
    ({ actor, path }) => actor === "radiographer" && path[0]?.component === "console" && path[0].flow === undefined,
  );
  expect(byRadiographer.length).toBeGreaterThan(0);
  expect(requirementsOf(byRadiographer, { system, knowledge }).filter(({ kind }) => kind === "integrity")).toEqual([]);
  const byAdmin = rating.risks.filter(({ actor, type }) => actor === "admin" && type === "T-01");
  expect(
    requirementsOf(byAdmin, { system, knowledge }).map(({ kind, on, component }) => [kind, on, component]),
  ).toContainEqual(["integrity", "pacs->cnn", "cnn"]);
});

test("where attempts repeat and stopping in time is enough, somebody who watches the way has a time", () => {
  const repeated = risk({
    path: [{ component: "cnn", crosses: [] }],
    reach: "direct",
    at: "cnn",
    judgement: "open",
    attempts: estimate(100, 200, 200),
    successCurrent: estimate(0, 0.01, 0.03),
    criterion: { perYear: 0.1, source: "a test" },
  });
  const [detect] = requirementsOf([repeated], { system, knowledge }).filter(({ kind }) => kind === "detect");
  expect(detect).toMatchObject({
    component: "log",
    acceptance: { withinHours: expect.closeTo((3.459 / 200) * 8760, 0) },
  });
  const k = Math.floor(attemptsBeforeStop(0.1, 0.03));
  expect(judge({ low: 0, high: 1 - (1 - 0.03) ** k, likely: 0 } as never, 0.1)).toBe("within");
});

test("drivers stand assumed first, each with the risk it widens most", () => {
  const order = cyber.drivers.map(({ assumed }) => assumed);
  expect(order).toEqual(order.toSorted((a, b) => Number(b) - Number(a)));
  for (const { risk: id } of cyber.drivers) expect(rating.risks.some((each) => each.id === id)).toBe(true);
  expect(cyber.drivers.length).toBeGreaterThan(3);
});
