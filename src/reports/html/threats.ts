/** Threats with their reasons, those set aside with theirs, and what each control earns. */
import type { Assessment, DiscardedThreat, Threat } from "#assessment/index.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { namer, table, tag } from "./parts.ts";

export function threatsSection({ body }: Assessment): Markup {
  const name = namer(body.knowledge);
  const groups = Map.groupBy(body.threats, ({ group }) => group);
  const rows = [...groups].map(([group, members]) => ({ group, members, first: members[0]! }));
  return markup`<p>${body.threats.length} threats in ${groups.size} groups were kept; ${body.discarded.length} were set aside, each with its reason.</p>
${table<{ group: string; members: Threat[]; first: Threat }>(
  "Threats kept",
  [
    { head: "Threat", cell: ({ group }) => markup`<span id="threat-${group}">${group}</span>` },
    { head: "Catalogue", cell: ({ first }) => name(first.type) },
    { head: "Why here", cell: ({ first }) => first.why },
    {
      head: "By whom, and how far they reach",
      cell: ({ members }) =>
        members.map(
          (threat) =>
            markup`<div>${tag(threat.reach.reach, threat.reach.reach === "direct" ? "bad" : threat.reach.reach === "indirect" ? "warn" : "good")} ${threat.actor} <small class="soft">${threat.reach.why}</small></div>`,
        ),
    },
  ],
  rows,
  { id: "threat-table", filter: "Filter threats" },
)}
<details><summary>Set aside (${body.discarded.length})</summary>${table<DiscardedThreat>(
    "Threats set aside",
    [
      { head: "Threat", cell: ({ id }) => id },
      { head: "Catalogue", cell: ({ type }) => name(type) },
      { head: "Why not", cell: ({ whyNot }) => whyNot },
    ],
    body.discarded,
  )}</details>`;
}

export function controlsSection({ body }: Assessment): Markup {
  const catalogue = new Map(body.knowledge.controls.map((control) => [control.id, control]));
  const rows = body.system.controls.map((declared) => {
    const entries = body.risks.flatMap(({ controls }) =>
      controls.filter(({ control, at }) => control === declared.control && at === declared.at),
    );
    const credited = entries.some((entry) => entry.credited);
    return {
      declared,
      credited,
      why:
        entries.find((entry) => entry.credited)?.why ??
        entries[0]?.why ??
        "it stands on no path of a risk that was rated",
      control: catalogue.get(declared.control),
    };
  });
  return markup`<p>A control earns credit only when it was measured or verified, in date and of the deployed version. A document earns none.</p>
${table(
  "Controls of this system",
  [
    { head: "Control", cell: ({ declared, control }) => `${declared.control} ${control?.title ?? ""}` },
    { head: "At", cell: ({ declared }) => declared.at },
    {
      head: "Evidence",
      cell: ({ declared }) => `${declared.kind}${declared.date ? `, ${declared.date}` : ", no date"}`,
    },
    { head: "Credit", cell: ({ credited }) => tag(credited ? "earned" : "none", credited ? "good" : "mute") },
    { head: "Why", cell: ({ why }) => why },
    {
      head: "Maturity and known limits",
      cell: ({ control }) =>
        control
          ? markup`${tag(control.maturity, control.maturity === "proven" ? "good" : control.maturity === "broken" ? "bad" : "warn")} ${control.limits.join("; ")}`
          : "",
    },
  ],
  rows,
)}`;
}
