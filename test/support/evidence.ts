/** Trials and evidence in few words, for tests of ratings: what is not said is current, adaptive, of grade B and sound. */
import type { Evidence, Trial } from "#assessment/index.ts";
import { clopperPearson } from "#base/statistics.ts";

const share = (k: number, n: number, unit: string) => ({ k, n, unit, ...clopperPearson(k, n) });
const hash = "a".repeat(64);

/** A statement that `k` of `n` attempts at a threat, or past a control, succeeded. */
export const statement = (
  id: string,
  { k, n, unit = "attempt", ...extra }: { k: number; n: number; unit?: string } & Partial<Evidence>,
): Evidence => ({
  id,
  kind: "measured",
  grade: "B",
  title: id,
  tests: [],
  outcome: {
    status: "measured",
    measure: { kind: "statement", successes: share(k, n, unit), method: "test", adaptive: true },
  },
  sanity: [{ check: "sound", passed: true, detail: "" }],
  adaptive: true,
  tool: { name: "vauban", version: "0" },
  inputs: [],
  date: "2026-11-01",
  signature: "verified",
  standing: { status: "current" },
  notes: [],
  ...extra,
});

/** A trial of evasion of a model by somebody who knows so much of it, with its bound holding everyone named. */
export const evasionTrial = (model: string, knowledge: Trial["knowledge"], actors: readonly string[]): Trial => ({
  id: `evasion@${model}`,
  kind: "evasion",
  target: model,
  tests: ["T-01"],
  knowledge,
  unit: "input",
  planned: 500,
  power: 0.044,
  budget: {},
  bound: { by: "human-check", because: "more would be seen", actors: [...actors] },
  stop: "all samples",
  seed: "1",
  manifest: hash,
  key: hash,
  inputs: [],
});

/** A trial of a control: the attack re-run with it on, by somebody who knows everything. */
export const controlTrial = (id: string, target: string, tests: readonly string[]): Trial => ({
  ...evasionTrial(target, "white", []),
  id,
  kind: "patch",
  tests: [...tests],
  unit: "attempt",
});

export const cleanTrial = (model: string): Trial => {
  const { bound: _bound, ...rest } = evasionTrial(model, "white", []);
  return { ...rest, id: `clean@${model}`, kind: "clean", tests: [] };
};

export const cleanRun = (model: string): Evidence =>
  statement(`ev-clean@${model}`, {
    k: 0,
    n: 1,
    trial: `clean@${model}`,
    at: model,
    outcome: {
      status: "measured",
      measure: { kind: "clean", accuracy: share(470, 500, "input"), declared: 0.94, perClass: [], deterministic: true },
    },
  });

/** What the trial of evasion came to: `k` of `n` fooled. */
export const evasion = (model: string, k: number, n: number, extra: Partial<Evidence> = {}): Evidence =>
  statement(`ev-evasion@${model}`, {
    k,
    n,
    unit: "input",
    trial: `evasion@${model}`,
    at: model,
    tests: ["T-01"],
    ...extra,
  });
