/** Ways of the attack graph in lanes by ATLAS tactic: what is certain in one box, every chance in its own, with its figure and basis. */
import type { AttackGraph, AttackStep, GoalReading } from "#assessment/index.ts";
import { layersOf } from "./layers.ts";
import { markup, type Markup } from "./markup.ts";
import { legsOf, stepsById, type Leg } from "./ways.ts";
import { intervalText } from "./words.ts";

/** ATLAS v5.6.0, in the order of its matrix. */
const TACTICS: readonly (readonly [id: string, name: string])[] = [
  ["AML.TA0002", "Reconnaissance"],
  ["AML.TA0003", "Resource Development"],
  ["AML.TA0004", "Initial Access"],
  ["AML.TA0000", "AI Model Access"],
  ["AML.TA0005", "Execution"],
  ["AML.TA0006", "Persistence"],
  ["AML.TA0012", "Privilege Escalation"],
  ["AML.TA0007", "Defense Evasion"],
  ["AML.TA0013", "Credential Access"],
  ["AML.TA0008", "Discovery"],
  ["AML.TA0015", "Lateral Movement"],
  ["AML.TA0009", "Collection"],
  ["AML.TA0001", "AI Attack Staging"],
  ["AML.TA0014", "Command and Control"],
  ["AML.TA0010", "Exfiltration"],
  ["AML.TA0011", "Impact"],
];

const BOX = { width: 190, height: 70 };
const GAP = { x: 34, y: 12 };
const LANE = { left: 150, pad: 12 };
const LETTERS = 29;
const LINES = 3;

interface Node {
  readonly key: string;
  readonly tactic: string;
  readonly text: string;
  readonly figure: string | undefined;
  readonly basis: string;
  readonly whole: string;
}

/** Beyond this many boxes nobody reads a picture. */
export const READABLE = 40;

export interface Lanes {
  readonly svg: Markup;
  readonly boxes: number;
  /** Ways drawn, of those given. */
  readonly ways: number;
}

/** As many of the ways, in their order, as stay readable; `name` is how people call places and actors. */
export function tacticLanes(
  graph: Pick<AttackGraph, "steps">,
  paths: GoalReading["paths"],
  name: { readonly place: (id: string) => string; readonly actor: (id: string) => string },
  id: string,
): Lanes {
  const byId = stepsById(graph);
  const nodes = new Map<string, Node>();
  const links = new Map<string, readonly [from: string, to: string]>();
  let ways = 0;
  for (const path of paths) {
    const chain = legsOf(path, byId).map((leg) => nodeOf(leg, name));
    const more = chain.filter(({ key }) => !nodes.has(key)).length;
    if (ways > 0 && nodes.size + more > READABLE) break;
    ways++;
    chain.forEach((node, i) => {
      nodes.set(node.key, node);
      const next = chain[i + 1];
      if (next) links.set(`${node.key}\n${next.key}`, [node.key, next.key]);
    });
  }
  const column = layersOf([...nodes.keys()], [...links.values()]);
  const used = TACTICS.filter(([tactic]) => [...nodes.values()].some((node) => node.tactic === tactic));
  const place = new Map<string, { x: number; y: number }>();
  let top = LANE.pad;
  const lanes = used.map(([tactic, name]) => {
    const rows = new Map<number, number>();
    for (const node of nodes.values()) {
      if (node.tactic !== tactic) continue;
      const at = column.get(node.key)!;
      const row = rows.get(at) ?? 0;
      rows.set(at, row + 1);
      place.set(node.key, {
        x: LANE.left + at * (BOX.width + GAP.x),
        y: top + LANE.pad + row * (BOX.height + GAP.y),
      });
    }
    const height = Math.max(...rows.values()) * (BOX.height + GAP.y) - GAP.y + 2 * LANE.pad;
    const lane = { name, y: top, height };
    top += height;
    return lane;
  });
  const width = LANE.left + (Math.max(...column.values(), 0) + 1) * (BOX.width + GAP.x);
  const height = top + LANE.pad;
  const said = [...nodes.values()].map(({ whole, figure }) => (figure ? `${whole} ${figure}` : whole));
  const svg = markup`<svg class="lanes" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="${id}-t ${id}-d"><title id="${id}-t">Ways by ATLAS tactic</title><desc id="${id}-d">${said.join("; ")}</desc>
<defs><marker id="${id}-arrow" viewBox="0 0 8 8" refX="7.4" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0.6 L7.4 4 L0 7.4 z"/></marker></defs>
${lanes.map(({ name, y, height: h }, i) => markup`<g class="lane${i % 2 === 0 ? " even" : ""}"><rect x="0" y="${y}" width="${width}" height="${h}"/><text x="12" y="${y + 24}">${name}</text></g>`)}
${[...links.values()].map(([from, to]) => {
  const a = place.get(from)!,
    b = place.get(to)!;
  const [x1, y1, x2, y2] = [a.x + BOX.width, a.y + BOX.height / 2, b.x, b.y + BOX.height / 2];
  const bend = Math.max(18, Math.abs(x2 - x1) / 2);
  return markup`<path class="link" marker-end="url(#${id}-arrow)" d="M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}"/>`;
})}
${[...nodes.values()].map(({ key, text, figure, basis, whole }) => {
  const { x, y } = place.get(key)!;
  const lines = wrapped(text);
  return markup`<g class="box ${basis}"><title>${whole}</title><rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="6"/>${lines.map((line, i) => markup`<text x="${x + 8}" y="${y + 16 + 13 * i}">${line}</text>`)}${figure ? markup`<text class="figure" x="${x + 8}" y="${y + BOX.height - 8}">${figure}</text>` : ""}</g>`;
})}
</svg>`;
  return { svg, boxes: nodes.size, ways };
}

function nodeOf(leg: Leg, name: Parameters<typeof tacticLanes>[2]): Node {
  if (leg.kind === "along") {
    const last = leg.steps.at(-1)!;
    const names = leg.places.map(name.place);
    const whole = names.length > 0 ? names.join(" → ") : last.title;
    const text = names.length > 3 ? `${names[0]} → ${names.length - 2} more → ${names.at(-1)}` : whole;
    const moves = leg.steps.some(({ tactic }) => tactic === "AML.TA0015");
    return {
      key: leg.steps.map(({ id }) => id).join("\n"),
      tactic: moves ? "AML.TA0015" : last.tactic,
      text,
      figure: "open: nothing verified closes it",
      basis: "open",
      whole,
    };
  }
  const { step } = leg;
  return {
    key: step.id,
    tactic: step.tactic,
    text: withoutActor(step, name.actor),
    figure: `${intervalText(step.estimate)} ${step.estimate.basis.kind}`,
    basis: step.estimate.basis.kind,
    whole: step.title,
  };
}

/** The title without who does it, which is the same all along a way. */
export function withoutActor(
  { title, actor }: Pick<AttackStep, "title" | "actor">,
  actorName: (id: string) => string,
): string {
  const who = actor === undefined ? undefined : actorName(actor);
  const bare = who !== undefined && title.startsWith(who) ? title.slice(who.length).replace(/^:? /, "") : title;
  return bare === "" ? title : bare[0]!.toUpperCase() + bare.slice(1);
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= LETTERS) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word.length <= LETTERS ? word : `${word.slice(0, LETTERS - 1)}…`);
  }
  return lines.length <= LINES ? lines : [...lines.slice(0, LINES - 1), `${lines[LINES - 1]!.slice(0, LETTERS - 2)} …`];
}
