/** `vauban plan`: which mature controls, where, would bring the risks within their criteria – and what none of them reaches. */
import { readPlan } from "#assess/control-plan.ts";
import { nearest } from "#base/diagnostics.ts";
import { HostError } from "#base/ports.ts";
import { COST_KINDS } from "#assessment/knowledge.ts";
import { highsSolver } from "#host/index.ts";
import type { Budget } from "#risk/index.ts";
import type { Invocation } from "#cli/main.ts";
import { planSummary } from "#cli/plan-summary.ts";
import { EXIT, type ExitCode } from "#cli/terminal.ts";
import { VERSION } from "#cli/version.ts";
import { groundsOf } from "./risk.ts";

export interface PlanFlags {
  readonly budget?: readonly string[];
  readonly require?: readonly string[];
  readonly exclude?: readonly string[];
  readonly maturity: "proven" | "emerging";
  readonly all?: boolean;
  readonly out?: string;
  readonly seed?: string;
  readonly asOf?: string;
  readonly json?: boolean;
}

export async function planCommand(invocation: Invocation, named: string, flags: PlanFlags): Promise<ExitCode> {
  const { terminal, json } = invocation;
  const budget = budgetOf(flags.budget ?? []);
  const grounds = await groundsOf(invocation, named, flags, "nothing was planned");
  if (!grounds) return EXIT.badInput;
  const result = await readPlan(grounds, {
    version: VERSION,
    seed: flags.seed ?? grounds.seed,
    solver: highsSolver(),
    wishes: {
      budget,
      required: (flags.require ?? []).map(upper),
      excluded: (flags.exclude ?? []).map(upper),
      maturity: flags.maturity,
    },
  });
  if (result.status === "refused")
    throw new HostError(
      result.problems.map(({ message }) => message).join("\n  and "),
      result.problems.map(({ hint }) => hint).join("\n          "),
    );
  const { document } = result;
  if (json) terminal.out(`${JSON.stringify(document, null, 2)}\n`);
  else
    terminal.out(
      planSummary(document, { colours: terminal.colours, columns: terminal.columns, whole: flags.all ?? false }),
    );
  return document.exit;
}

/** `c-53@api` names the control as the catalogue does; places keep their letters. */
const upper = (name: string): string => name.trim().replace(/^c-\d{2}/i, (id) => id.toUpperCase());

const KINDS: readonly string[] = [...COST_KINDS, "total"];

/** `12` in total, or `effort=8,latency=2`. */
function budgetOf(parts: readonly string[]): Budget {
  return Object.fromEntries(
    parts.map((part): [string, number] => {
      const [, kind = "total", points] = /^(?:([a-z]+)=)?(\d+)$/.exec(part.trim()) ?? [];
      if (points === undefined)
        throw new HostError(`--budget ${part} is not a number of points`, "write 12, or effort=8,latency=2");
      if (!KINDS.includes(kind)) {
        const meant = nearest(kind, KINDS);
        throw new HostError(
          `--budget ${part}: there is no cost called "${kind}"`,
          meant ? `did you mean ${meant}?` : `costs are ${KINDS.join(", ")}`,
        );
      }
      return [kind, Number(points)];
    }),
  );
}
