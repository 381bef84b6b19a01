/** A classifier whose queries this room counts itself, whatever the model's own counters say. */
import type { Listening } from "./answers.ts";
import type { Classifier } from "./target.ts";

/** The same classifier with counters of its own: every evaluated sample is a query, and with a gradient one of those too. */
export function metered(classifier: Classifier): Classifier {
  const counts = { queries: 0, gradients: 0 };
  const { gradient } = classifier;
  return {
    ...classifier,
    counts,
    logits: (x, n) => {
      counts.queries += n;
      return classifier.logits(x, n);
    },
    ...(gradient
      ? {
          gradient: (x, n, objective) => {
            counts.queries += n;
            counts.gradients += n;
            return gradient(x, n, objective);
          },
        }
      : {}),
  };
}

/** A part of a longer piece of work: its progress from 0 to 1 becomes `from` to `to` of the whole. */
export function part(run: Listening, from: number, to: number): Listening {
  return {
    ...run,
    progress: (step) =>
      run.progress({
        ...step,
        done:
          Math.round(1000 * (from + (to - from) * (step.total > 0 ? Math.min(1, step.done / step.total) : 1))) / 1000,
        total: 1,
      }),
  };
}
