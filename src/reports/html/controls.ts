/** What stands against the threats, and which of it earned credit. */
import type { Assessment, Control } from "#assessment/index.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { sentence, table, tag, words, type Tone } from "./parts.ts";

const MATURITY_TONE: Readonly<Record<Control["maturity"], Tone>> = {
  proven: "good",
  emerging: "warn",
  research: "warn",
  broken: "bad",
};

export function controlsSection({ body }: Assessment): Markup {
  const catalogue = new Map<string, Control>(body.knowledge.controls.map((control) => [control.id, control]));
  const name = words(body);
  const rows = body.system.controls
    .map((declared) => {
      const entries = body.risks.flatMap(({ controls }) =>
        controls.filter(({ control, at }) => control === declared.control && at === declared.at),
      );
      const earned = entries.find(({ credited }) => credited);
      return {
        declared,
        credited: earned !== undefined,
        why: earned?.why ?? entries[0]?.why ?? "it stands on no path of a risk that was rated",
        control: catalogue.get(declared.control),
      };
    })
    .toSorted((a, b) => Number(b.credited) - Number(a.credited));
  const earned = rows.filter(({ credited }) => credited).length;
  return markup`<p>A control earns credit only when it was measured or verified, in date and of the deployed version. A document earns none. Of ${rows.length}, ${earned} earned credit.</p>
${table(
  "Controls of this system",
  [
    {
      head: "Control",
      cell: ({ declared, control }) =>
        markup`${declared.control} ${control?.title ?? ""} <small class="soft">at ${name.place(declared.at)}</small>`,
    },
    {
      head: "Shown by",
      cell: ({ declared }) =>
        markup`${declared.kind}<br><small class="soft nowrap">${declared.date ?? "no date"}</small>`,
    },
    {
      head: "Credit",
      cell: ({ credited }) => tag(credited ? "earned" : "none", credited ? "good" : "mute"),
    },
    {
      head: "Why",
      cell: ({ why, declared }) =>
        markup`${sentence(why)}${declared.note ? markup` <small class="soft">${declared.note}</small>` : ""}`,
    },
    {
      head: "Maturity and known limits",
      cell: ({ control }) =>
        control
          ? markup`${tag(control.maturity, MATURITY_TONE[control.maturity])} ${control.limits.map(sentence).join(" ")}`
          : "",
      wide: true,
    },
  ],
  rows,
)}`;
}
