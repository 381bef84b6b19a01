/** The sensitivity chart: how much of an interval is owed to each input, assumed ones first. */
import type { CyberRegister } from "#assessment/index.ts";
import { markup, type Markup } from "./markup.ts";
import { figure } from "./words.ts";

type Driver = CyberRegister["drivers"][number];

const ROW = 30,
  LEFT = 470,
  WIDTH = 1080,
  RIGHT = 110,
  TOP = 26;
/** Letters that fit beside the bars. */
const LETTERS = 64;

/** One bar per driver, in the order given; hatched where assumed, so that colour is not needed. */
export function tornado(drivers: readonly Driver[], id: string): Markup {
  const height = TOP + drivers.length * ROW + 30;
  const x = (width: number): number => LEFT + width * (WIDTH - LEFT - RIGHT);
  return markup`<svg class="chart tornado" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="${id}-t ${id}-d"><title id="${id}-t">What the widths are owed to</title><desc id="${id}-d">${drivers.map(({ title, assumed, width }) => `${title}: ${figure(width)}${assumed ? ", assumed" : ""}`).join("; ")}</desc>
<defs><pattern id="${id}-hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="assumed" width="7" height="7"/><line class="hatch" x1="0" y1="0" x2="0" y2="7"/></pattern></defs>
${[0, 0.25, 0.5, 0.75, 1].map((share) => markup`<line class="grid" x1="${x(share)}" x2="${x(share)}" y1="${TOP - 6}" y2="${height - 24}"/><text class="tick" text-anchor="middle" x="${x(share)}" y="${height - 8}">${share}</text>`)}
<text class="axis" x="${LEFT}" y="14">width of the widest interval owed to it, in probability per year</text>
${drivers.map(({ title, assumed, width, risks }, i) => {
  const y = TOP + i * ROW;
  return markup`<g><title>${title}</title><text class="name" text-anchor="end" x="${LEFT - 12}" y="${y + 19}">${shortened(title)}</text><rect class="${assumed ? "bar" : "bar measured"}"${assumed ? markup` fill="url(#${id}-hatch)"` : ""} x="${LEFT}" y="${y + 6}" width="${Math.max(2, x(width) - LEFT).toFixed(1)}" height="${ROW - 12}"/><text class="tick" x="${x(width) + 6}" y="${y + 19}">${figure(width)}${risks > 1 ? ` · ${risks} risks` : ""}</text></g>`;
})}
</svg>`;
}

const shortened = (text: string): string =>
  text.length <= LETTERS ? text : `${text.slice(0, LETTERS - 1).trimEnd()}…`;
