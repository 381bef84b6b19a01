/**
 * The Art. 9 register (level 1, S-88): per harm, what all cyber risks of the system and its components (level 2, S-89) come to
 * together. A total is held against the criterion of its severity, and what is not within by the total is not within, though no risk
 * misses it by itself: Art. 9(5) asks for the overall residual risk, too. The regulatory class has no part in it (S-90).
 */
import type { Evaluation, Judgement, RegisterRow, Risk } from "#assessment/index.ts";
import { HARMS, LEVELS } from "#assessment/scalars.ts";
import { assetGoal, harmGoal } from "./graph/build.ts";
import { rank } from "./levels.ts";
import { judge } from "./likelihood.ts";

const WORSE: readonly Judgement[] = ["within", "open", "missed"];
const worst = (judgements: readonly Judgement[]): Judgement =>
  judgements.reduce<Judgement>((a, b) => (WORSE.indexOf(b) > WORSE.indexOf(a) ? b : a), "within");

const digits = (value: number): string => String(Number(value.toPrecision(3)));

/** A drawn figure counts with its own error, at the end that is worse for us. */
const withError = ({ low, likely, high, error }: Evaluation): { low: number; likely: number; high: number } => ({
  low: low - error.low,
  likely,
  high: Math.min(1, high + error.high),
});

/** Rows in the order of the harms; a harm that no risk leads to has none. */
export function registerOf(risks: readonly Risk[], totals: ReadonlyMap<string, Evaluation>): RegisterRow[] {
  return HARMS.flatMap((harm): RegisterRow[] => {
    const own = risks.filter((risk) => risk.harm === harm);
    if (own.length === 0) return [];
    const severities = LEVELS.filter((level) => own.some(({ severity }) => severity === level)).toReversed();
    const rows = severities.map((severity): RegisterRow["totals"][number] => {
      const here = own.filter((risk) => rank(risk.severity) >= rank(severity));
      const perYear = Math.min(
        ...own.filter((risk) => risk.severity === severity).map(({ criterion }) => criterion.perYear),
      );
      const goal = harmGoal(harm, severity);
      const evaluation = atLeast(totals.get(goal)!, here);
      return {
        severity,
        perYear,
        goal,
        evaluation,
        judgement: judge(withError(evaluation), perYear),
        singly: worst(here.map(({ judgement }) => judgement)),
      };
    });
    const decisive = rows.toSorted(
      (a, b) => WORSE.indexOf(worst([b.judgement, b.singly])) - WORSE.indexOf(worst([a.judgement, a.singly])),
    )[0]!;
    const assets = [...new Set(own.flatMap((risk) => risk.assets))];
    return [
      {
        id: harm,
        severity: severities[0]!,
        judgement: worst([decisive.judgement, decisive.singly]),
        because: becauseOf(decisive),
        risks: own
          .toSorted(
            (a, b) => WORSE.indexOf(b.judgement) - WORSE.indexOf(a.judgement) || b.current.high - a.current.high,
          )
          .map(({ id }) => id),
        totals: rows,
        assets: assets.map((asset) => {
          const goal = assetGoal(harm, asset);
          const through = own.filter((risk) => risk.assets.includes(asset));
          return { asset, goal, evaluation: atLeast(totals.get(goal)!, through) };
        }),
      },
    ];
  });
}

/** Where a way has to be forced a risk's likely figure may be above the graph's, which takes the steps as independent; the total never is below it. */
function atLeast(total: Evaluation, risks: readonly Risk[]): Evaluation {
  const likely = risks.reduce((most, { current }) => Math.max(most, current.likely), total.likely);
  return { ...total, likely: Math.min(likely, total.high) };
}

function becauseOf({
  severity,
  perYear,
  evaluation: { low, high },
  judgement,
  singly,
}: RegisterRow["totals"][number]): string {
  const together = `all ways and actors together: P(≥ 1 per year) [${digits(low)}, ${digits(high)}] against ${digits(perYear)} for severity ${severity}`;
  return WORSE.indexOf(judgement) > WORSE.indexOf(singly)
    ? `${together} – ${judgement} together, though each risk by itself is ${singly}`
    : together;
}
