/** The methods there are; one decides, the others say the same figures in other words. */
import { METHOD_IDS, type LevelRange, type MethodId, type MethodView, type Risk } from "#assessment/index.ts";
import { ebiosRm } from "./ebios-rm.ts";
import { intervals } from "./intervals.ts";
import { iso27005 } from "./iso-27005.ts";
import type { RiskMethod } from "./method.ts";
import { nist80030 } from "./nist-800-30.ts";

export const METHODS: Readonly<Record<MethodId, RiskMethod>> = {
  intervals,
  "nist-800-30": nist80030,
  "iso-27005": iso27005,
  "ebios-rm": ebiosRm,
};

export { rangeText } from "./method.ts";
export type { RiskMethod } from "./method.ts";

/** How one method puts all risks: the levels alone, the scales behind them are read again where they are shown. */
export function viewOf(id: MethodId, risks: readonly Risk[]): MethodView {
  const { read, ...header } = METHODS[id];
  const levels = new Map<string, { readonly at: number; readonly level: LevelRange }>();
  const of = (header.decides ? [] : risks).map((risk) => {
    const { level } = read(risk);
    const key = JSON.stringify(level);
    const known = levels.get(key) ?? { at: levels.size, level };
    levels.set(key, known);
    return known.at;
  });
  return { ...header, levels: [...levels.values()].map(({ level }) => level), of };
}

export const viewsOf = (risks: readonly Risk[]): MethodView[] => METHOD_IDS.map((id) => viewOf(id, risks));
