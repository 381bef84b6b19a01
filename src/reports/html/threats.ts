/** Threats with their reasons, and those set aside with theirs. */
import type { Assessment, DiscardedThreat, Reach, Threat } from "#assessment/index.ts";
import { markup, type Markup } from "#figures/markup.ts";
import {
  count,
  filter,
  fold,
  namer,
  prose,
  sentence,
  table,
  tag,
  tally,
  words,
  type Tone,
  type Words,
} from "./parts.ts";

const REACH_TONE: Readonly<Record<Reach, Tone>> = { direct: "bad", indirect: "warn", none: "good" };
const REACHES = ["direct", "indirect", "none"] as const;

/** Groups whose ways the page spells out; the others are named. */
const DETAILED = 150;

export function threatsSection({ body }: Assessment): Markup {
  const name = words(body);
  const entry = namer(body.knowledge);
  const kept = [...Map.groupBy(body.threats, ({ group }) => group)];
  const aside = [...Map.groupBy(body.discarded, ({ type }) => type)];
  return markup`<p>${count(body.threats.length, "threat")} in ${count(kept.length, "group")} were kept; ${body.discarded.length} were set aside, each with its reason. A threat is kept for each actor who has a reason and the means; how far each gets is said with the way.</p>
<h3>Kept</h3>
${filter("Filter threats", "threats-kept")}
<div id="threats-kept">${kept.slice(0, DETAILED).map(([group, members]) => keptGroup(group, members, name, entry))}</div>
${
  kept.length > DETAILED
    ? fold(
        `${kept.length - DETAILED} more groups`,
        markup`<ul>${kept.slice(DETAILED).map(
          ([group, members]) =>
            markup`<li id="threat-${group}"><code>${group}</code> ${count(members.length, "actor")}: ${tally(
              members.map(({ reach }) => reach.reach),
              REACHES,
            )}</li>`,
        )}</ul><p class="soft">Ways and reasons of these stand in assessment.json.</p>`,
      )
    : ""
}
<h3>Set aside</h3>
${filter("Filter threats set aside", "threats-aside")}
<div id="threats-aside">${aside.map(([type, members]) =>
    fold(
      markup`${entry(type)} <span class="soft">${members.length}</span>`,
      table<DiscardedThreat>(
        `Set aside: ${entry(type)}`,
        [
          { head: "Threat", cell: ({ id }) => id },
          { head: "Why not", cell: ({ whyNot }) => sentence(whyNot), wide: true },
        ],
        members,
      ),
    ),
  )}</div>`;
}

function keptGroup(group: string, members: readonly Threat[], name: Words, entry: (id: string) => string): Markup {
  const [first] = members as readonly [Threat, ...Threat[]];
  const byReach = members.toSorted((a, b) => REACHES.indexOf(a.reach.reach) - REACHES.indexOf(b.reach.reach));
  const reaches = byReach.map(({ reach }) => reach.reach);
  // Members may have their own reasons; what they share is said once.
  const reasons = [...new Set(members.map(({ why }) => why))];
  return fold(
    markup`${tag(reaches[0]!, REACH_TONE[reaches[0]!])} ${name.threat(first)} <span class="soft">${count(members.length, "actor")}: ${tally(reaches, REACHES)}</span>`,
    markup`<p>${reasons.map(sentence).map(prose)} <small class="soft">${entry(first.type)}, <code>${group}</code>, by <code>${first.rule}</code>${first.where ? markup`, ${first.where.file}:${first.where.line}` : ""}</small></p>${table<Threat>(
      `Who reaches ${group}, and how far`,
      [
        {
          head: "Actor",
          cell: ({ actor }) => markup`${name.actor(actor)} <small class="soft"><code>${actor}</code></small>`,
        },
        { head: "Reach", cell: ({ reach: { reach } }) => tag(reach, REACH_TONE[reach]) },
        { head: "Because", cell: ({ reach: { why } }) => sentence(why), wide: true },
      ],
      byReach,
    )}`,
    { id: `threat-${group}` },
  );
}
