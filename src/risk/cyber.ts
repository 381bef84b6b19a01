/**
 * Level 2 of the register (S-84…S-94): a cyber risk per threat, place and actor, with the harms of level 1 it leads to (register.ts),
 * what components must guarantee, what drives the figures, and how other methods put them. What the law calls the system stands beside
 * it and enters no figure: a system that is not high-risk may be at high cyber risk, and the other way round (S-90).
 */
import type {
  CyberRisk,
  Driver,
  Estimate,
  Judgement,
  Knowledge,
  CyberRegister,
  Risk,
  System,
} from "#assessment/index.ts";
import { viewsOf } from "./methods/index.ts";
import { requirementsOf } from "./requirements.ts";

const SEVERE: Readonly<Record<Judgement, number>> = { within: 0, open: 1, missed: 2 };

export const worstJudgement = (judgements: readonly Judgement[]): Judgement =>
  judgements.reduce<Judgement>((worst, each) => (SEVERE[each] > SEVERE[worst] ? each : worst), "within");

/** Worst first: judgement, then what would matter, what was measured, and how much. */
export const worstFirst = (a: Risk, b: Risk): number =>
  SEVERE[b.judgement] - SEVERE[a.judgement] ||
  Number(b.significant) - Number(a.significant) ||
  Number(a.untested) - Number(b.untested) ||
  b.current.low - a.current.low ||
  b.current.high - a.current.high ||
  (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

export interface CyberInput {
  readonly system: System;
  readonly knowledge: Knowledge;
  readonly risks: readonly Risk[];
  /** Width of each risk's interval owed to success and to attempts (rate.ts). */
  readonly widths: readonly { readonly risk: string; readonly success: number; readonly attempts: number }[];
}

export function cyberRegisterOf({ system, knowledge, risks, widths }: CyberInput): CyberRegister {
  return {
    regulatory: regulatoryOf(system),
    risks: risksOf(risks),
    requirements: requirementsOf(risks, { system, knowledge }),
    drivers: driversOf(risks, { widths, system, knowledge }),
    methods: viewsOf(risks),
  };
}

/** Art. 6 by what the author lists; read from the file and from nothing else. */
function regulatoryOf({ law: { listing, reasoning } }: System): CyberRegister["regulatory"] {
  const because = reasoning ?? "the system file gives no reasoning";
  if (/^annex-III\b/.test(listing)) return { listing, highRisk: "yes", because };
  if (/^annex-I\b/.test(listing)) return { listing, highRisk: "yes", because };
  return { listing, highRisk: listing === "none" ? "no" : "not said", because };
}

function risksOf(risks: readonly Risk[]): CyberRisk[] {
  return [...Map.groupBy(risks.toSorted(worstFirst), ({ threat }) => threat)].map(([id, members]): CyberRisk => {
    const { group, type, at, actor, current, assets } = members[0]!;
    return {
      id,
      group,
      type,
      at,
      actor,
      assets: [...assets],
      perYear: { low: current.low, likely: current.likely, high: current.high },
      untested: members.some(({ untested }) => untested),
      judgement: worstJudgement(members.map(({ judgement }) => judgement)),
      risks: members.map((risk) => risk.id),
      harms: [...new Set(members.map(({ harm }) => harm))],
    };
  });
}

/** Inputs that several risks share, assumed ones first, then by the widest part of an interval owed to them. */
function driversOf(risks: readonly Risk[], { widths, system, knowledge }: Omit<CyberInput, "risks">): Driver[] {
  const actors = new Map(system.actors.map(({ id, title }) => [id, title]));
  const types = new Map(knowledge.threats.map(({ id, title }) => [id, title]));
  const byRisk = new Map(widths.map((width) => [width.risk, width]));
  const found = new Map<string, Driver>();
  const add = (
    { id, kind, title }: Pick<Driver, "id" | "kind" | "title">,
    estimate: Estimate,
    width: number,
    risk: string,
  ): void => {
    const known = found.get(id);
    const wider = known === undefined || width > known.width;
    found.set(id, {
      id,
      kind,
      title,
      assumed: estimate.basis.kind === "assumed",
      basis: wider ? wordsOf(estimate) : known.basis,
      width: wider ? width : known.width,
      risk: wider ? risk : known.risk,
      risks: (known?.risks ?? 0) + 1,
    });
  };
  for (const { id, reach, actor, type, attempts, successCurrent } of risks) {
    const width = byRisk.get(id);
    if (!width || reach === "none") continue;
    const { low, likely, high } = attempts;
    add(
      {
        id: `attempts by ${actor}: ${attempts.basis.kind} ${low}…${high}`,
        kind: "attempts",
        title: `Attempts, ${[low, likely, high].map(digits).join(" · ")} a year: ${actors.get(actor) ?? actor}`,
      },
      attempts,
      width.attempts,
      id,
    );
    const how = successCurrent.basis.kind;
    add(
      {
        id: `success of ${type}: ${how}`,
        kind: "success",
        title: `Success: ${types.get(type) ?? type}`,
      },
      successCurrent,
      width.success,
      id,
    );
  }
  return [...found.values()]
    .filter(({ width }) => width > 0)
    .toSorted(
      (a, b) =>
        Number(b.assumed) - Number(a.assumed) || b.width - a.width || b.risks - a.risks || (a.id < b.id ? -1 : 1),
    );
}

const digits = (value: number): string => String(Number(value.toPrecision(3)));

function wordsOf({ basis }: Estimate): string {
  switch (basis.kind) {
    case "measured":
      return `measured ${basis.k}/${basis.n} ${basis.unit}`;
    case "literature":
      return `literature: ${basis.source}`;
    default:
      return `${basis.kind}: ${basis.why}`;
  }
}
