/** A control plan on a terminal: what is not feasible first, then the plan in Art. 9(5)'s order, what it leaves, and what it costs. */
import { COST_KINDS } from "#assessment/knowledge.ts";
import type { ControlCost, ControlPlan, LeftOpen, PlanDocument, PlannedControl } from "#assessment/index.ts";
import { plannedByControl, type PlannedGroup } from "#figures/planned.ts";
import { figure } from "#figures/words.ts";
import { wrapped } from "./wrap.ts";
import { plain, type Colours } from "./terminal.ts";

const LABEL = 10;
/** As many as a screen shows. */
const SHOWN = { controls: 12, places: 5, left: 5, surprises: 4 } as const;

export function planSummary(
  { system, plan, notMeasured, exit }: PlanDocument,
  { colours: c, columns, whole }: { colours: Colours; columns: number; whole: boolean },
): string {
  const width = Math.max(60, Math.min(columns, 120));
  const lines: string[] = [];
  const say = (label: string, text: string, paint: (text: string) => string = (t) => t): void => {
    wrapped(plain(text), width - LABEL).forEach((line, i) =>
      lines.push(`${c.bold((i === 0 ? label : "").padEnd(LABEL))}${paint(line)}`),
    );
  };
  const gap = (): void => void lines.push("");
  const some = <Item>(items: readonly Item[], most: number): readonly Item[] => (whole ? items : items.slice(0, most));
  const rest = (items: readonly unknown[], most: number, noun: string): void => {
    if (!whole && items.length > most) say("", `… and ${items.length - most} more ${noun}: --all shows them`, c.dim);
  };

  const { before, after } = plan;
  const tone = exit === 0 ? c.green : exit === 1 ? c.red : c.yellow;
  say("PLAN", `${system}: ${counted(plan.controls.length, "control")}, ${costText(plan.cost)}`, c.bold);
  say(
    "",
    `significant risks: ${tallyText(before)} now; with the plan, its denial tests passed, ${tallyText(after)}`,
    tone,
  );
  say("", methodText(plan));
  for (const { what, because, command } of notMeasured)
    say("", `not measured: ${what} – ${because}${command ? `  \`${command}\`` : ""}`, c.yellow);

  if (plan.notFeasible) {
    const { beyond, conflict, edition, exits } = plan.notFeasible;
    gap();
    say("NOT", `feasible with mature measures: ${beyond.join("; ")}`, c.red);
    say("", `no set of mature measures of the catalogue of ${edition} reaches this:`);
    for (const demand of conflict.demands) say("", `demanded: ${demand}`);
    for (const { control, title, why } of conflict.limits) say("", `${control} ${title}: ${why}`);
    say("", `left are: ${exits.join("; ")}`);
  }
  if (plan.limitedBy.length > 0) {
    gap();
    say("LIMITED", `by what you asked, not by what is feasible: ${plan.limitedBy.join("; ")}`, c.yellow);
  }

  for (const tier of ["design", "mitigation", "information"] as const) {
    const own = plan.controls.filter((control) => control.tier === tier);
    if (own.length === 0) continue;
    gap();
    const groups = plannedByControl(own);
    some(groups, SHOWN.controls).forEach((group, i) =>
      say(
        i === 0 ? (tier === "mitigation" ? "MITIGATE" : tier === "information" ? "INFORM" : "DESIGN") : "",
        groupText(group, whole ? Infinity : SHOWN.places),
      ),
    );
    rest(groups, SHOWN.controls, `in ${tier}`);
  }
  const shownTests = new Map(plan.controls.map(({ control, evidence }) => [control, evidence[0]!]));
  if (shownTests.size > 0) {
    gap();
    say(
      "TO SHOW",
      "at each place a denial test: twenty attempts or more, all refused, signed (docs/evidence.md); beside it",
    );
    for (const [control, test] of shownTests) say("", `${control}: ${test}`);
  }
  if (plan.surprises.length > 0) {
    gap();
    some(plan.surprises, SHOWN.surprises).forEach(({ risk, says }, i) =>
      say(i === 0 ? "BUT" : "", `${risk}: ${says}`, c.yellow),
    );
    rest(plan.surprises, SHOWN.surprises, "surprises");
  }

  if (plan.left.length > 0) {
    gap();
    some(plan.left, SHOWN.left).forEach((left, i) =>
      leftLines(left).forEach((line, k) => say(i === 0 && k === 0 ? "LEFT" : "", line)),
    );
    rest(plan.left, SHOWN.left, "groups of threats");
  }

  if (plan.pareto.length > 1) {
    gap();
    plan.pareto.forEach(({ cost, notWithin, controls, optimal, plan: chosen }, i) =>
      say(
        i === 0 ? "CURVE" : "",
        `${String(cost).padStart(4)} points  ${String(notWithin).padStart(5)} risks not within  ${counted(controls.length, "control")}${optimal ? "" : ", not shown to be the best"}${chosen ? " – this plan" : ""}`,
      ),
    );
    const priced = designFirst(plan);
    if (priced !== undefined) say("", priced);
  }
  if (plan.warnings.length > 0) gap();
  plan.warnings.forEach((warning, i) => say(i === 0 ? "MIND" : "", warning));
  return `${lines.join("\n")}\n`;
}

/** What Art. 9(5)'s order costs where a cheaper set leaves no more open. */
function designFirst({ pareto }: ControlPlan): string | undefined {
  const chosen = pareto.find((point) => point.plan);
  const cheaper = pareto.find((point) => !point.plan && chosen && point.notWithin <= chosen.notWithin);
  return chosen && cheaper && cheaper.cost < chosen.cost
    ? `what design can remove goes first (Art. 9(5)): that costs ${chosen.cost - cheaper.cost} points more than the cheapest set shown that leaves no more open`
    : undefined;
}

const counted = (n: number, noun: string, several = `${noun}s`): string => `${n} ${n === 1 ? noun : several}`;

const costText = (cost: ControlCost): string => {
  const parts = COST_KINDS.filter((kind) => cost[kind] > 0).map((kind) => `${kind} ${cost[kind]}`);
  return parts.length > 0 ? `cost in points: ${parts.join(", ")}` : "no cost";
};

const tallyText = ({ missed, open, within }: ControlPlan["before"]): string =>
  `${missed} missed, ${open} open, ${within} within`;

function methodText({ method: { solver, optimal, gaps, notPlanned }, catalogue }: ControlPlan): string {
  const how = optimal
    ? `the best plan there is, by ${solver}`
    : `by ${solver}, not shown to be the best: ${gaps.map(({ rank, found, bound }) => `${rank} ${figure(found)}, no plan betters ${figure(bound)}`).join("; ") || "bounds unknown"}`;
  const left = notPlanned > 0 ? `; ${counted(notPlanned, "less grave threat")} not planned for` : "";
  return `${how}${left}; catalogue of ${catalogue.edition}; costs are our judgement`;
}

function groupText({ control, title, places, cost, needs, raises, strains }: PlannedGroup, most: number): string {
  const [only] = places;
  const where =
    places.length === 1
      ? `at ${only!.at}`
      : `at ${counted(places.length, "place")}; threats open again without it: ${places
          .slice(0, most)
          .map(({ at, contributes, required }) => `${contributes.length} at ${at}${required ? " (required)" : ""}`)
          .join(", ")}${places.length > most ? ", …" : ""}`;
  return [
    `${control} ${title}, ${costText(cost).replace("cost in points: ", "")}, ${where}`,
    ...(places.length === 1 ? [worthText(only!)] : []),
    ...(raises.length > 0 ? [`may raise ${raises.join(", ")}`] : []),
    ...strains.map(({ what, because }) => `strains ${what}: ${because}`),
    ...(needs.length > 0 ? [`needs ${needs.join("; ")}`] : []),
  ].join("; ");
}

function worthText({ contributes, required }: PlannedControl): string {
  const open = `without it ${counted(contributes.length, "threat")} open again`;
  if (required) return contributes.length > 0 ? `required, ${open}` : "required";
  return contributes.length > 0 ? open : "others would stand in for it, not all at once";
}

function leftLines({ group, threats, way, how, because, unguarded, alternatives, modelLevel }: LeftOpen): string[] {
  const route = way.length > 3 ? [way[0]!, "…", way.at(-1)!] : way;
  const above = modelLevel === "none" || modelLevel === "partly" ? " (the model alone does not do)" : "";
  if (unguarded !== undefined)
    return [`${group}, ${counted(threats.length, "actor")}, open whatever is planned: ${because}`, `  ${how}`];
  return [
    `${group}, ${counted(threats.length, "actor")}, open with every mature control in place: ${route.join(", ")}`,
    alternatives.length > 0
      ? `  ${alternatives.some(({ maturity }) => maturity === "proven") ? "to be measured" : "nothing proven is left to try; a new control would need its own proof"}${above}: ${alternatives
          .map(
            ({ control, title, layer, maturity, ceilings }) =>
              `${control} ${title} (${layer}${maturity === "proven" ? "" : `, ${maturity}`}${ceilings.length > 0 ? `; published: ${ceilings[0]}` : ""})`,
          )
          .join(", ")} – ${how}`
      : `  no control of the catalogue lowers it: redesign, or restrict the purpose – ${how}`,
  ];
}
