/** Findings about what no risk shows by itself: harms that come together, and controls that are a target or make something worse. */
import type { Finding, RegisterRow } from "#assessment/index.ts";
import { percent } from "./rated.ts";
import type { Grounds } from "./rated.ts";

const ORDER = ["within", "open", "missed"];

/** Totals that are worse than every risk in them. */
export const worseTogether = ({ totals }: RegisterRow): RegisterRow["totals"] =>
  totals.filter(({ judgement, singly }) => ORDER.indexOf(judgement) > ORDER.indexOf(singly));

const digits = (value: number): string => String(Number(value.toPrecision(3)));

/** `health: open together, P(≥ 1 per year) [0, 0.03] against 0.01 for severity H`: one line per total that is worse than its risks. */
export const togetherLines = (row: RegisterRow): string[] =>
  worseTogether(row).map(
    ({ severity, perYear, evaluation: { low, high }, judgement, singly }) =>
      `${row.id}: ${judgement} together though each risk by itself is ${singly}, P(≥ 1 per year) [${digits(low)}, ${digits(high)}] against ${digits(perYear)} for severity ${severity}`,
  );

export function registerFindings({ register, system }: Grounds): Finding[] {
  return register.flatMap((row): Finding[] => {
    const lines = togetherLines(row);
    if (lines.length === 0) return [];
    return [
      {
        id: `F-register:${row.id}`,
        kind: "register",
        status: "inconclusive",
        severity: row.judgement === "missed" ? "error" : "warning",
        title: `Harm to ${row.id} is ${row.judgement} over all ways and actors together`,
        detail: `${lines.join("; ")}. ${row.risks.length} risks lead there`,
        remedy:
          "treat what contributes most, or narrow it by evidence; Art. 9(5) asks for the overall residual risk, so whether the sum may stay is the provider's to argue",
        evidence: [],
        where: system.where,
      },
    ];
  });
}

/** A control that is itself a model can be attacked and raises false alarms (S-127): both are shown with it. */
export function filterFindings({ system, risks, evidence }: Grounds): Finding[] {
  return system.controls.flatMap(({ control, at, component, where }): Finding[] => {
    if (component === undefined) return [];
    const own = risks.filter((risk) => risk.at === component);
    const said = (["missed", "open", "within"] as const)
      .map((judgement) => ({ judgement, n: own.filter((risk) => risk.judgement === judgement).length }))
      .filter(({ n }) => n > 0)
      .map(({ judgement, n }) => `${n} ${judgement}`);
    const untested = own.filter((risk) => risk.untested).length;
    const clean = evidence.find(
      (item) =>
        item.at === component &&
        item.standing.status === "current" &&
        item.outcome.status === "measured" &&
        item.outcome.measure.kind === "clean",
    );
    const alarms =
      clean?.outcome.status === "measured" && clean.outcome.measure.kind === "clean"
        ? clean.outcome.measure.perClass.map(
            ({ label, correct, n }) =>
              `${n - correct} of ${n} of class ${label} (${n === 0 ? "none" : percent((n - correct) / n)})`,
          )
        : [];
    return [
      {
        id: `F-filter:${control}@${at}`,
        kind: "control",
        status: alarms.length === 0 || untested > 0 ? "untested" : "confirmed",
        severity: alarms.length === 0 || own.some(({ judgement }) => judgement !== "within") ? "warning" : "note",
        title: `${control} at ${at} is itself a model, ${component}, and can be attacked`,
        detail: [
          own.length === 0
            ? `no threat to ${component} was rated`
            : `of ${own.length} risks at ${component}: ${said.join(", ")}${untested > 0 ? `, ${untested} of them untested` : ""}`,
          alarms.length === 0
            ? "its false alarms were not measured: no clean run of it stands"
            : `its clean run is wrong on ${alarms.join(", ")}: what should pass and does not are its false alarms`,
        ].join("; "),
        remedy: `measure ${component} like any other model: a clean run with declared accuracy, and evasion of it`,
        at: component,
        evidence: clean ? [clean.id] : [],
        where,
      },
    ];
  });
}

/** A control that the catalogue says makes another threat worse (C-30 → T-17): shown where it stands, credit or not. */
export function raisedFindings({ risks, knowledge, system }: Grounds): Finding[] {
  const found = new Map<string, { control: string; at: string; type: string; groups: Set<string> }>();
  for (const risk of risks)
    for (const { control, at } of risk.raisedBy) {
      const key = `${control}@${at} ${risk.type}`;
      const entry = found.get(key) ?? { control, at, type: risk.type, groups: new Set() };
      entry.groups.add(risk.group);
      found.set(key, entry);
    }
  return [...found.values()].map(({ control, at, type, groups }): Finding => {
    const own = risks.filter((risk) => groups.has(risk.group));
    const tried = own.every(({ untested }) => !untested);
    const title = knowledge.threats.find(({ id }) => id === type)?.title ?? type;
    const entry = system.controls.find((declared) => declared.control === control && declared.at === at);
    return {
      id: `F-raises:${control}@${at}:${type}`,
      kind: "control",
      status: tried ? "confirmed" : "untested",
      severity: tried ? "note" : "warning",
      title: `${control} at ${at} makes another threat worse: ${title}`,
      detail: tried
        ? "the threat was tried on the system as it is, with the control in place"
        : "nothing current speaks of that threat with the control in place",
      remedy: `try it with the control in place: \`vauban explain ${type}\``,
      type,
      at,
      evidence: [...new Set(own.flatMap(({ evidence }) => evidence))],
      ...(entry ? { where: entry.where } : {}),
    };
  });
}
