/** METHOD §10 for what a scan of files says: taking it away, letting it age or spoiling it never makes anything look better. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { SCAN_VERDICTS, type Evidence, type ScanVerdict, type Trial } from "#assessment/index.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { deriveThreats } from "#threats/engine.ts";
import { withMethodActors } from "#system/reach.ts";
import { controlTrial, statement } from "../../test/support/evidence.ts";
import { systemOf } from "../../test/support/system.ts";
import { planControls } from "./plan/plan.ts";
import { rate, rateRisks } from "./rate.ts";

const knowledge = loadKnowledge();
const system = withMethodActors(
  systemOf({
    components: {
      net: {
        kind: "model",
        model: { artefact: "net.pt", origin: { trainedBy: "third-party" }, training: { datasets: ["cases"] } },
      },
      // The provider's own: what is delivered to the bench is a threat there.
      own: "model",
      bench: "compute",
      shop: "external",
      door: "interface",
    },
    flows: ["shop -> bench -> net", "bench -> own", "door -> net"],
    boundaries: { inside: ["net", "own", "bench"] },
    actors: { supplier: "AT-6 touches shop", engineer: "AT-7 touches bench", anyone: "AT-1 touches door" },
    datasets: { cases: { path: "cases.npz" } },
    rest: {
      controls: [
        {
          id: "C-73@bench",
          control: "C-73",
          at: "bench",
          kind: "verified",
          evidence: "flip.json",
          where: { file: "f", line: 1, column: 1 },
        },
      ],
    },
  }),
);
const { threats } = deriveThreats(system, knowledge);
const trials: Trial[] = (["net", "cases"] as const).map((target) => ({
  ...controlTrial(`scan@${target}`, target, ["T-11"]),
  kind: "scan",
  unit: "file",
}));

const scan = (target: string, verdict: ScanVerdict): Evidence =>
  statement(`ev-scan@${target}`, {
    k: 0,
    n: 1,
    trial: `scan@${target}`,
    at: target,
    tests: ["T-11"],
    adaptive: false,
    grade: verdict === "unknown" || verdict === "header-ok" ? "F" : "C",
    outcome: {
      status: "measured",
      measure: {
        kind: "artefacts",
        of: target === "net" ? "component" : "data",
        verdict,
        files: [
          { path: "f", sha256: "a".repeat(64), size: 1, verdict, read: "whole", members: 0, findings: [], more: 0 },
        ],
        total: 1,
        bytes: 1,
        verdicts: Object.fromEntries(SCAN_VERDICTS.map((each) => [each, each === verdict ? 1 : 0])) as Record<
          ScanVerdict,
          number
        >,
        read: { whole: 1, part: 0, none: 0 },
        absent: [],
      },
    },
  });
const imported = (open: number): Evidence =>
  statement("ev-sarif", {
    k: 0,
    n: 1,
    kind: "imported",
    grade: "C",
    tests: ["T-11"],
    at: "bench",
    adaptive: false,
    outcome: { status: "measured", measure: { kind: "scan", tool: "other 1", results: open, open, notes: [] } },
  });
const flipped = (k: number): Evidence =>
  statement("ev-flip", {
    k,
    n: 40,
    kind: "verified",
    control: "C-73",
    at: "bench",
    grade: "C",
    tests: [],
    source: "flip.json",
  });

const rated = (evidence: readonly Evidence[]) =>
  new Map(
    rateRisks({ system, threats, trials, evidence, knowledge, asOf: "2026-11-22" }).map((risk) => [risk.id, risk]),
  );
const SPOILED: Readonly<Record<string, (item: Evidence) => readonly Evidence[]>> = {
  "taken away": () => [],
  expired: (item) => [{ ...item, date: "2020-01-01" }],
  "of another version": (item) => [{ ...item, standing: { status: "stale", because: "of another version" } }],
  inconclusive: (item) => [{ ...item, grade: "F", outcome: { status: "inconclusive", because: "cancelled" } }],
  weaker: (item) => [{ ...item, grade: "F" }],
  opinion: (item) => [{ ...item, grade: "E" }],
};

test("whatever was found, a scan that is gone, old, of another version or spoiled lowers no likely value, no upper end, and settles nothing", () => {
  const verdict = fc.constantFrom(...SCAN_VERDICTS);
  fc.assert(
    fc.property(
      verdict,
      verdict,
      fc.option(fc.constantFrom(0, 2), { nil: undefined }),
      fc.option(fc.constantFrom(0, 3), { nil: undefined }),
      fc.constantFrom(...Object.keys(SPOILED)),
      fc.constantFrom("net", "cases"),
      (net, cases, open, past, how, target) => {
        const rest = [...(open === undefined ? [] : [imported(open)]), ...(past === undefined ? [] : [flipped(past)])];
        const scans = [scan("net", net), scan("cases", cases)];
        const before = rated([...scans, ...rest]);
        const after = rated([...scans.flatMap((item) => (item.at === target ? SPOILED[how]!(item) : [item])), ...rest]);
        for (const [id, was] of before) {
          const now = after.get(id)!;
          expect(now.current.likely, id).toBeGreaterThanOrEqual(was.current.likely - 1e-12);
          expect(now.current.high, id).toBeGreaterThanOrEqual(was.current.high - 1e-12);
          if (now.judgement === "within") expect(was.judgement, id).toBe("within");
          if (was.untested) expect(now.untested, id).toBe(true);
        }
      },
    ),
    { numRuns: 30, seed: 20261126 },
  );
});

test("harm in a file raises code execution wherever it is loaded, and a clean file lowers nothing that is delivered elsewhere", () => {
  const at = (place: string, evidence: readonly Evidence[]) =>
    [...rated(evidence).values()].filter((risk) => risk.type === "T-11" && risk.at === place);
  const none = at("bench", [scan("net", "unknown"), scan("cases", "unknown")]);
  const clean = at("bench", [scan("net", "no code path found"), scan("cases", "no code path found")]);
  expect(none.length).toBeGreaterThan(0);
  expect(clean.map(({ current }) => current)).toEqual(none.map(({ current }) => current));
  const data = [scan("net", "no code path found"), scan("cases", "malicious")];
  for (const place of ["net", "bench"])
    expect(at(place, data).filter(({ successCurrent }) => successCurrent.low === 1).length, place).toBeGreaterThan(0);
});

test("a file found harmful outweighs whatever was verified: no denial test that held lowers what loading it does", () => {
  // The same denial test at the model and at every flow into it: there it closes the ways of whoever comes from outside.
  const places = ["net", "bench->net", "door->net"];
  const guarded = {
    ...system,
    controls: places.flatMap((at) => system.controls.map((entry) => ({ ...entry, id: `C-73@${at}`, at }))),
  };
  const held = places.map((at) => ({ ...flipped(0), id: `ev-flip@${at}`, at }));
  const at = (evidence: readonly Evidence[]) =>
    rateRisks({ system: guarded, threats, trials, evidence, knowledge, asOf: "2026-11-22" }).filter(
      (risk) => risk.type === "T-11" && risk.at === "net",
    );
  const harmful = fc.constantFrom<ScanVerdict>("malicious", "suspicious");
  fc.assert(
    fc.property(harmful, fc.constantFrom(...SCAN_VERDICTS), fc.boolean(), (bad, other, isModel) => {
      const scans = [scan("net", isModel ? bad : other), scan("cases", isModel ? other : bad)];
      const bare = new Map(at(scans).map((risk) => [risk.id, risk]));
      expect(bare.size).toBeGreaterThan(0);
      for (const now of at([...scans, ...held])) {
        const was = bare.get(now.id)!;
        expect(now.current, now.id).toEqual(was.current);
        expect(now.reach, now.id).toBe(was.reach);
        expect(now.current.likely, now.id).toBeGreaterThan(0);
        expect(now.controls.length).toBe(places.length);
        for (const control of now.controls)
          expect(control).toMatchObject({ credited: false, why: expect.stringContaining("lies there") });
      }
    }),
    { numRuns: 10, seed: 7 },
  );
  // Where nothing harmful was found, the same denial test closes ways.
  const closed = at([scan("net", "no code path found"), scan("cases", "unknown"), ...held]).filter(
    ({ reach }) => reach === "none",
  );
  expect(closed.length).toBeGreaterThan(0);
  expect(closed.map(({ current }) => current.high)).toEqual(closed.map(() => 0));
});

test("the planner hears it as the rating does: beside a harmful file no control, standing or planned, takes code execution away, and what does is said", async () => {
  const places = ["net", "bench->net", "door->net"];
  const guarded = {
    ...system,
    controls: places.flatMap((at) => system.controls.map((entry) => ({ ...entry, id: `C-73@${at}`, at }))),
  };
  const held = places.map((at) => ({ ...flipped(0), id: `ev-flip@${at}`, at }));
  const planned = async (...evidence: readonly Evidence[]) => {
    const grounds = { system: guarded, threats, trials, evidence, knowledge, asOf: "2026-11-22" };
    const rating = rate(grounds);
    const result = await planControls({ ...grounds, rating, points: 0 });
    if (result.status === "refused") throw new Error("refused");
    const open = rating.risks.filter(
      ({ controls, significant, judgement, untested }) =>
        significant && (judgement !== "within" || untested) && controls.some(({ why }) => why.includes("lies there")),
    );
    return { plan: result.plan, open: new Set(open.map(({ threat }) => threat)), rating };
  };
  const clean = scan("cases", "no code path found");
  const { plan, open, rating } = await planned(scan("net", "malicious"), clean, ...held);
  const left = plan.left.filter(({ unguarded }) => unguarded !== undefined);
  expect(open.size).toBeGreaterThan(0);
  expect(new Set(left.flatMap((each) => each.threats))).toEqual(open);
  for (const each of left) {
    expect(each).toMatchObject({ type: "T-11", alternatives: [], because: expect.stringContaining("lies there") });
    expect(each.way.length).toBeGreaterThan(0);
  }
  for (const { contributes } of plan.controls) for (const threat of contributes) expect(open).not.toContain(threat);
  expect(plan.surprises).toEqual([]);
  // A file can be taken away: what it does is never beyond mature measures.
  expect(
    rating.mature({ risks: rating.risks.filter(({ threat }) => open.has(threat)), trials: [trials[0]!] }),
  ).toBeUndefined();
  // Without the harmful file, and without its scan.
  expect((await planned(scan("net", "no code path found"), clean, ...held)).plan.left).not.toContainEqual(
    expect.objectContaining({ unguarded: expect.anything() }),
  );
  expect((await planned(clean, ...held)).plan.left).toContainEqual(
    expect.objectContaining({ unguarded: expect.stringContaining("did not come about") }),
  );
});
