/** Small charts as SVG: accuracy against budget, risk intervals against their criteria. */
import type { Bracket, EvasionMeasure, Risk } from "#assessment/index.ts";
import { markup, type Markup } from "./markup.ts";
import { figure, percent } from "./words.ts";

const PLOT = { width: 560, height: 260, left: 64, right: 16, top: 14, bottom: 40 };

/** How each norm measures a change, for an axis. */
const NORM_WORDS: Readonly<Record<EvasionMeasure["norm"], string>> = {
  linf: "largest change of one value, as a fraction of the range",
  l2: "Euclidean length of the change, as a fraction of the range",
  l1: "sum of all changes, as a fraction of the range",
  l0: "how many values change",
};
export const NORM_NAMES: Readonly<Record<EvasionMeasure["norm"], string>> = {
  linf: "L∞",
  l2: "L2",
  l1: "L1",
  l0: "L0",
};

/**
 * Robust accuracy against budget with its 95 % band, the threshold and the author's budget marked. What a certificate holds
 * up to that budget is shaded below the line; between the two lies what nobody has decided.
 */
export function accuracyCurve(measure: EvasionMeasure, threshold: number | undefined, id: string): Markup {
  const points = measure.curve.toSorted((a, b) => a.eps - b.eps);
  const widest = Math.max(measure.eps, ...points.map(({ eps }) => eps)) || 1;
  // A square-root axis keeps the small budgets, where accuracy falls, apart from each other.
  const x = (eps: number): number => PLOT.left + Math.sqrt(eps / widest) * (PLOT.width - PLOT.left - PLOT.right);
  const y = (share: number): number => PLOT.top + (1 - share) * (PLOT.height - PLOT.top - PLOT.bottom);
  const line = points
    .map(({ eps, robust }) => `${x(eps).toFixed(1)},${y(robust.n === 0 ? 0 : robust.k / robust.n).toFixed(1)}`)
    .join(" ");
  const band = [
    ...points.map(({ eps, robust }) => `${x(eps).toFixed(1)},${y(robust.high).toFixed(1)}`),
    ...points.toReversed().map(({ eps, robust }) => `${x(eps).toFixed(1)},${y(robust.low).toFixed(1)}`),
  ].join(" ");
  const certified = measure.bracket?.certified ?? null;
  const floor = certified && certified.n > 0 && certified.k > 0 ? certified.k / certified.n : 0;
  const words =
    points.map(({ eps, robust }) => `${budgetText(eps)}: ${robust.k} of ${robust.n}`).join("; ") +
    (floor > 0 ? `; certified up to ${budgetText(measure.eps)}: ${certified!.k} of ${certified!.n}` : "");
  return markup`<svg class="chart" viewBox="0 0 ${PLOT.width} ${PLOT.height}" role="img" aria-labelledby="${id}-t ${id}-d"><title id="${id}-t">Accuracy under attack against budget</title><desc id="${id}-d">${words}</desc>
<text class="axis" text-anchor="middle" transform="translate(12 ${(PLOT.top + PLOT.height - PLOT.bottom) / 2}) rotate(-90)">still right</text>
${[0, 0.25, 0.5, 0.75, 1].map((share) => markup`<line class="grid" x1="${PLOT.left}" x2="${PLOT.width - PLOT.right}" y1="${y(share)}" y2="${y(share)}"/><text class="tick" text-anchor="end" x="${PLOT.left - 6}" y="${y(share) + 4}">${percent(share, 0)}</text>`)}
${thinned(
  points.map(({ eps }) => eps),
  x,
).map(
  (eps) =>
    markup`<text class="tick" text-anchor="middle" x="${x(eps)}" y="${PLOT.height - PLOT.bottom + 16}">${budgetText(eps)}</text>`,
)}
<text class="axis" text-anchor="middle" x="${(PLOT.left + PLOT.width) / 2}" y="${PLOT.height - 6}">budget (${NORM_WORDS[measure.norm]})</text>
${floor > 0 ? markup`<rect class="floor" x="${x(0)}" y="${y(floor).toFixed(1)}" width="${(x(measure.eps) - x(0)).toFixed(1)}" height="${(y(0) - y(floor)).toFixed(1)}"/><text class="floor-label" x="${x(0) + 6}" y="${y(floor) + 14}">certified ${percent(floor)}</text>` : ""}
<polygon class="band" points="${band}"/><polyline class="line" points="${line}"/>
${points.map(({ eps, robust }) => markup`<circle class="point" cx="${x(eps)}" cy="${y(robust.n === 0 ? 0 : robust.k / robust.n)}" r="3"/>`)}
<line class="budget" x1="${x(measure.eps)}" x2="${x(measure.eps)}" y1="${PLOT.top}" y2="${PLOT.height - PLOT.bottom}"/>
${threshold === undefined ? "" : markup`<line class="threshold" x1="${PLOT.left}" x2="${PLOT.width - PLOT.right}" y1="${y(threshold)}" y2="${y(threshold)}"/><text class="threshold-label" text-anchor="end" x="${PLOT.width - PLOT.right}" y="${y(threshold) - 5}">threshold ${percent(threshold, 0)}</text>`}
</svg>`;
}

/**
 * What of all inputs is certified, undecided, beaten, or was wrong before, as one bar of 0 to 100 %; the whisker is the 95 %
 * interval of what attacks left standing.
 */
export function bracketBar({ certified, empirical, undecided }: Bracket, eligible: number, id: string): Markup {
  const { n } = empirical;
  if (n === 0) return markup``;
  const held = certified ? empirical.k - undecided : 0;
  const parts = [
    ["certified", held, "certified"],
    ["undecided", undecided, certified ? "undecided" : "not beaten by the attacks, not certified"],
    ["beaten", eligible - empirical.k, "beaten"],
    ["wrong", n - eligible, "wrong before"],
  ] as const;
  const shown = parts.filter(([, count]) => count > 0);
  const [left, width, top, height] = [8, 544, 8, 26];
  const x = (share: number): number => left + share * width;
  let at = 0;
  const bars = shown.map(([kind, count]) => {
    const from = at;
    at += count / n;
    return markup`<rect class="${kind}" x="${x(from).toFixed(1)}" y="${top}" width="${((count / n) * width).toFixed(1)}" height="${height}"/>`;
  });
  const words = shown.map(([, count, name]) => `${name} ${count} of ${n}`).join(", ");
  const middle = top + height + 12;
  return markup`<svg class="chart bracket" viewBox="0 0 560 82" role="img" aria-labelledby="${id}-t ${id}-d"><title id="${id}-t">What is certified, undecided and beaten</title><desc id="${id}-d">${words}</desc>
${bars}<line class="whisker" x1="${x(empirical.low).toFixed(1)}" x2="${x(empirical.high).toFixed(1)}" y1="${middle}" y2="${middle}"/>${[empirical.low, empirical.high].map((end) => markup`<line class="whisker" x1="${x(end).toFixed(1)}" x2="${x(end).toFixed(1)}" y1="${middle - 5}" y2="${middle + 5}"/>`)}
${[0, 0.25, 0.5, 0.75, 1].map((share) => markup`<text class="tick" text-anchor="${share === 0 ? "start" : share === 1 ? "end" : "middle"}" x="${x(share)}" y="76">${percent(share, 0)}</text>`)}
</svg><ul class="legend">${shown.map(([kind, count, name]) => markup`<li><span class="swatch ${kind}"></span>${name} ${count}</li>`)}</ul>`;
}

/** Tick positions that do not run into each other. */
function thinned(values: readonly number[], x: (value: number) => number): number[] {
  const kept: number[] = [];
  for (const value of values) if (kept.length === 0 || x(value) - x(kept.at(-1)!) > 46) kept.push(value);
  return kept;
}

/** `4/255` where it is one, else a short decimal. */
export function budgetText(eps: number): string {
  const over255 = eps * 255;
  // Values kept as float32 miss the fraction by up to 255 · 2⁻²⁴.
  if (Math.abs(over255 - Math.round(over255)) < 2e-5 && over255 >= 0.5 && over255 <= 64.5)
    return `${Math.round(over255)}/255`;
  return figure(eps);
}

/** Risk intervals on a logarithmic axis, each with its criterion: left of the tick is within, right of it missed. */
export function riskChart(risks: readonly Risk[], id: string): Markup {
  const rowHeight = 26,
    left = 400,
    width = 1080,
    right = 30,
    top = 26;
  const height = top + risks.length * rowHeight + 30;
  const floor = 1e-5;
  const x = (p: number): number => left + ((Math.log10(Math.max(p, floor)) + 5) / 5) * (width - left - right);
  return markup`<svg class="chart risks" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="${id}-t ${id}-d"><title id="${id}-t">Risks against their criteria</title><desc id="${id}-d">The table below gives the same intervals in figures.</desc>
${[1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1].map((p) => markup`<line class="grid" x1="${x(p)}" x2="${x(p)}" y1="${top - 6}" y2="${height - 24}"/><text class="tick" text-anchor="middle" x="${x(p)}" y="${height - 8}">${p === 1e-5 ? "≤ 0.00001" : figure(p)}</text>`)}
<text class="axis" x="${left}" y="14">P(at least one harmful event per year), logarithmic</text>
${risks.map((risk, i) => {
  const y = top + i * rowHeight + rowHeight / 2;
  return markup`<g class="risk ${risk.judgement}${risk.untested ? " untested" : ""}"><title>${risk.id}: ${figure(risk.current.low)} to ${figure(risk.current.high)}, criterion ${figure(risk.criterion.perYear)}</title><text class="name" text-anchor="end" x="${left - 14}" y="${y + 4}">${shortName(risk)}</text><line class="interval" x1="${x(risk.current.low)}" x2="${Math.max(x(risk.current.high), x(risk.current.low) + 3)}" y1="${y}" y2="${y}"/><circle class="likely" cx="${x(risk.current.likely)}" cy="${y}" r="4"/><line class="criterion" x1="${x(risk.criterion.perYear)}" x2="${x(risk.criterion.perYear)}" y1="${y - 9}" y2="${y + 9}"/></g>`;
})}
</svg>`;
}

function shortName({ threat, harm }: Risk): string {
  const text = `${threat} → ${harm}`;
  return text.length <= 54 ? text : `${text.slice(0, 53)}…`;
}
