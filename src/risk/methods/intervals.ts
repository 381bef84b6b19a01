/** The method that decides: the interval of the yearly probability against its criterion (docs/method.md). */
import { judge } from "#risk/likelihood.ts";
import type { RiskMethod } from "./method.ts";

export const intervals: RiskMethod = {
  id: "intervals",
  title: "Numeric intervals against criteria",
  edition: "Vauban's own method",
  source: "docs/method.md, “What may be concluded” and “How often”",
  mark: "I",
  decides: true,
  own: ["All of it: intervals, criteria per severity, and the three judgements."],
  read: ({ current, criterion, judgement }) => {
    const at = (p: number): string =>
      judge({ low: p, likely: p, high: p }, criterion.perYear) === "missed" ? "above" : "within";
    return {
      level: { low: judgement, likely: judgement, high: judgement },
      scales: [
        { name: "against the criterion", low: at(current.low), likely: at(current.likely), high: at(current.high) },
      ],
    };
  },
};
