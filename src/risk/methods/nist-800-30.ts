/** NIST SP 800-30 r1 as a view: initiation and success make overall likelihood (G-5), likelihood and impact make risk (I-2). */
import type { Level } from "#assessment/index.ts";
import { levelOfAttempts, levelOfProbability, overallLikelihood, riskLevel } from "#risk/levels.ts";
import { combined, rangeOf, same, type RiskMethod } from "./method.ts";

export const nist80030: RiskMethod = {
  id: "nist-800-30",
  title: "NIST SP 800-30, assessment scales",
  edition: "Revision 1 (September 2012)",
  source: "NIST SP 800-30 r1, tables G-2 to G-5, H-3 and I-2",
  mark: "V2",
  decides: false,
  own: [
    "Attempts per year become initiation in decades: VL < 0.01 ≤ L < 0.1 ≤ M < 1 ≤ H < 10 ≤ VH.",
    "Success of one attempt becomes likelihood of adverse impact by the scale values of the tables as cut points: VL < 0.05 ≤ L < 0.20 ≤ M < 0.80 ≤ H < 0.95 ≤ VH.",
    "Severity stands for impact as it is. Table I-2 caps: likelihood L with impact VH is M, whatever the criterion says.",
  ],
  read: ({ attempts, successCurrent, severity }) => {
    const initiation = rangeOf(attempts, levelOfAttempts);
    const success = rangeOf(successCurrent, levelOfProbability);
    const likelihood = combined(initiation, success, (a, b) => overallLikelihood(a as Level, b as Level));
    const impact = same(severity);
    return {
      level: combined(likelihood, impact, (a, b) => riskLevel(a as Level, b as Level)),
      scales: [
        { name: "initiation", ...initiation },
        { name: "success", ...success },
        { name: "overall likelihood", ...likelihood },
        { name: "impact", ...impact },
      ],
    };
  },
};
