/** What is left of an attack graph when everything certain is taken for granted. */
import type { GraphModel, GraphStep } from "./model.ts";

/**
 * The same equations without what is certain: states that are gained without any event are left out, and so are the steps to them.
 * Reach is certain where no control stands, so of a large graph little is left.
 */
export function contracted({ start, events, steps }: GraphModel): GraphModel {
  const sure = new Set(start);
  const waiting = new Map<string, GraphStep[]>();
  const missing = new Map<GraphStep, number>();
  const open = [...start];
  const gain = (state: string): void => {
    if (sure.has(state)) return;
    sure.add(state);
    open.push(state);
  };
  for (const step of steps) {
    if (step.events.length > 0) continue;
    const needs = step.needs.filter((state) => !sure.has(state));
    if (needs.length === 0) gain(step.gains);
    else {
      missing.set(step, needs.length);
      for (const state of needs) {
        const list = waiting.get(state);
        if (list) list.push(step);
        else waiting.set(state, [step]);
      }
    }
  }
  for (let state = open.pop(); state !== undefined; state = open.pop())
    for (const step of waiting.get(state) ?? []) {
      const left = missing.get(step)! - 1;
      missing.set(step, left);
      if (left === 0) gain(step.gains);
    }
  const kept = withoutNeedless(
    steps
      .filter(({ gains }) => !sure.has(gains))
      .map((step) => ({ ...step, needs: step.needs.filter((state) => !sure.has(state)) })),
    sure,
  );
  const used = new Set(kept.flatMap((step) => step.events));
  return { start: [...sure], events: events.filter(({ id }) => used.has(id)), steps: kept };
}

/** The steps without those that another one into the same state makes needless: it needs no more, and has no further event. */
export function withoutNeedless(steps: readonly GraphStep[], held: ReadonlySet<string>): GraphStep[] {
  const asks = ({ needs, events }: GraphStep): string[] =>
    [
      ...needs.filter((state) => !held.has(state)).map((state) => `needs ${state}`),
      ...events.map((event) => `event ${event}`),
    ].toSorted();
  const first = new Map<string, GraphStep>();
  const keyOf = (gains: string, asked: readonly string[]): string => JSON.stringify([gains, ...asked]);
  for (const step of steps) {
    const key = keyOf(step.gains, asks(step));
    if (!first.has(key)) first.set(key, step);
  }
  return steps.filter((step) => {
    const asked = asks(step);
    if (first.get(keyOf(step.gains, asked)) !== step) return false;
    // Steps ask for few things, so their subsets are few; a longer one stays, which changes no figure.
    if (asked.length > 6) return true;
    for (let subset = 0; subset < (1 << asked.length) - 1; subset++)
      if (
        first.has(
          keyOf(
            step.gains,
            asked.filter((_one, i) => subset & (1 << i)),
          ),
        )
      )
        return false;
    return true;
  });
}
