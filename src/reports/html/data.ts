/** The data sets and what the integrity checks said of each, beside what they would have missed. */
import type { Assessment, DataMeasure } from "#assessment/index.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { proportionText } from "#figures/words.ts";
import { count, fold, list, sentence, table, tag, type Tone } from "./parts.ts";

type Report = DataMeasure["report"];
type Check = Report["checks"][number];

const OUTCOME_TONE: Readonly<Record<Check["outcome"], Tone>> = {
  found: "warn",
  "nothing found": "good",
  "cannot tell": "warn",
  "not asked": "mute",
  "does not apply": "mute",
};

export function dataSection({ body }: Assessment): Markup {
  const kinds = new Map(body.trials.map(({ id, kind }) => [id, kind]));
  const reports = body.evidence.flatMap(({ outcome }) =>
    outcome.status === "measured" && outcome.measure.kind === "data" ? [outcome.measure.report] : [],
  );
  const unchecked = body.evidence.flatMap(({ trial, title, outcome }) =>
    outcome.status === "inconclusive" && trial !== undefined && kinds.get(trial) === "data"
      ? [markup`${title}: ${outcome.because}`]
      : [],
  );
  return markup`<p>Each data set of samples was checked for faults, and each check was tried on faults of its kind planted into copies of the same data. <em>Nothing found</em> says as much as the planted faults that were seen; it is no proof of clean data, and somebody who hides poison plants other faults.</p>
${reports.length === 0 ? markup`<p class="soft">No data set was checked.</p>` : reports.map(reportTable)}
${unchecked.length > 0 ? markup`<h3>Not checked</h3>${list(unchecked)}` : ""}`;
}

const reportTable = ({ data, train, checks }: Report): Markup =>
  table<Check>(
    `${data.path}: ${count(data.n, "sample")} of ${data.shape.join(" × ")}${data.classes === null ? "" : `, ${data.classes === 1 ? "1 class" : `${data.classes} classes`}`}${train ? `; trained on ${train.path}` : ""}`,
    [
      { head: "Check", cell: ({ title }) => title },
      { head: "Outcome", cell: ({ outcome }) => tag(outcome, OUTCOME_TONE[outcome]) },
      {
        head: "What was found",
        cell: ({ findings, because, says }) =>
          findings.length > 0
            ? list(findings.map(({ severity, message }) => markup`${severity}: ${sentence(message)}`))
            : sentence(because ?? says),
        wide: true,
      },
      {
        head: "Planted faults it saw",
        cell: ({ planted, falseAlarms }) =>
          planted.length === 0
            ? markup`<span class="soft">none planted</span>`
            : fold(
                markup`<small>${planted.map(({ detected }) => `${detected.k}/${detected.n}`).join(", ")}</small>`,
                markup`<small>${list([
                  ...planted.map(({ fault, detected }) => `${proportionText(detected)} – ${fault}`),
                  ...falseAlarms.map(({ clean, raised }) => `false alarms ${proportionText(raised)} – ${clean}`),
                ])}</small>`,
              ),
        wide: true,
      },
    ],
    checks,
  );
