/** Clause by clause: what decides it, and so whether it is supported, contradicted, missing, stale or not applicable – and why. */
import type { Claim, Clause, Evidence, MatrixCell, Risk } from "#assessment/index.ts";
import { typesOfClass } from "./coverage.ts";
import type { Decision, Weighed } from "./outcome.ts";
import { isByAnalogy } from "./outcome.ts";
import { isUsable } from "./rated.ts";
import type { Credit } from "./rated.ts";
import type { ThresholdVerdict } from "./thresholds.ts";
import { unsignedWords } from "./materials.ts";

interface Case extends Weighed {
  readonly clause: Clause;
  readonly matrix: readonly MatrixCell[];
  readonly decision: Decision;
}

/** A claim before dates and analogies are added. */
interface Answer {
  readonly status: Claim["status"];
  readonly because: string;
  readonly evidence?: readonly string[];
  readonly findings?: readonly string[];
  readonly caveats?: readonly string[];
}

/** A part of this document that is itself what the clause asks for. */
const PART = {
  system: "assessment#system",
  threats: "assessment#threats",
  risks: "assessment#risks",
  trials: "assessment#trials",
} as const;

export function claimsOf(weighed: Weighed, matrix: readonly MatrixCell[], decision: Decision): Claim[] {
  return weighed.grounds.knowledge.clauses.map((clause) => claimOf({ ...weighed, clause, matrix, decision }));
}

function claimOf(the: Case): Claim {
  const { clause, grounds } = the;
  const { law } = grounds.system;
  const outside = outOfScope(the);
  const answer: Answer = outside ? { status: "not-applicable", because: outside } : answerTo(the);
  const evidence = [...new Set(answer.evidence ?? [])];
  // Whatever an evaluator says: nothing is supported without evidence, nor when only a part of what is asked is here.
  const rest = answer.status === "supported" ? STILL_TO_BRING[clause.id]?.(the) : undefined;
  const bare = answer.status === "supported" && evidence.length === 0;
  const status = bare || rest !== undefined ? "missing" : answer.status;
  const appliesFrom = appliesFromOf(the);
  const caveats = [
    ...(answer.caveats ?? []),
    ...(status !== "not-applicable" && isByAnalogy(law.listing) && clause.framework.startsWith("AI Act")
      ? ["by analogy – not a legal conclusion"]
      : []),
    ...law.presumptions
      .filter(({ covers }) => covers.some((id) => id === clause.id || clause.id.startsWith(`${id}-`)))
      .map(
        ({ route, reference }) =>
          `${route} is claimed to cover it (${reference}); that is the provider's to show and changes nothing here`,
      ),
    ...(status !== "not-applicable" && appliesFrom && law.placing && latestDay(law.placing) < appliesFrom
      ? [
          `placed on the market (${law.placing}) before it applies (${appliesFrom}): it binds after a significant change of the design`,
        ]
      : []),
  ];
  return {
    clause: clause.id,
    status,
    because: bare
      ? `nothing was brought that shows it: ${answer.because}`
      : rest !== undefined
        ? `in part: ${answer.because}; still to bring: ${rest}`
        : answer.because,
    evidence,
    findings: [...(answer.findings ?? [])],
    caveats,
    ...(appliesFrom && status !== "not-applicable" ? { appliesFrom } : {}),
  };
}

const always =
  (rest: string): ((the: Case) => string) =>
  () =>
    rest;
const hazards = always("the hazards of the product that are not security");
const log = always("that the log holds these events; its fields were not read");

/** What a clause asks for beyond what an assessment can give. A part is not the whole, so such a claim stays missing. */
const STILL_TO_BRING: Readonly<Record<string, (the: Case) => string | undefined>> = {
  "AIA-9.2-a": hazards,
  "AIA-9.2-b": hazards,
  "AIA-9.3": always("the judgement which risks design or information can reasonably reduce"),
  "AIA-9.2-d": openRisks,
  "AIA-9.5": always("the acceptance of each residual risk and of the whole, by name and date"),
  "AIA-9.5-a": always("that more could not be reduced by design"),
  "AIA-9.5-b": openRisks,
  "AIA-9.6": ({ grounds: { credits, evidence } }) =>
    evidence.some(
      (item) =>
        item.control &&
        item.kind === "measured" &&
        credits.some((credit) => credit.credited && credit.evidence.includes(item.id)),
    )
      ? undefined
      : "a comparison of measures: the same attack with a control on and off",
  "AIA-10.2-b": always("records that show the stated origins to be true"),
  "AIA-11.1": always("the whole of Annex IV, kept up to date by the provider"),
  "AIA-12.2-a": log,
  "AIA-12.2-b": log,
  "AIA-12.2-c": log,
  "AIA-12.3": log,
  "AIA-13.3-b-i": always("that the instructions for use state it"),
  "AIA-13.3-b-ii": always("that the instructions for use state these levels"),
  "AIA-13.3-b-iii": always("that the instructions for use name these circumstances"),
  "AIA-13.3-b-vi": always("that the instructions for use specify the input"),
  "AIA-13.3-d": always("that the instructions for use describe the oversight"),
  // The levels are the system's: while nothing can be concluded about it, they are not shown to be reached.
  "AIA-15.1": ({ decision }) => (decision.row === "2" ? `a conclusion for the system: ${decision.because}` : undefined),
  "A4.1a": ({ grounds: { system } }) => (system.version === undefined ? "the version of the system" : undefined),
  "A4.2a": ({ grounds: { system } }) =>
    system.components.some(
      ({ model }) => model && (model.origin.pretrained !== undefined || model.origin.trainedBy !== "provider"),
    )
      ? "how parts made by others were used and changed"
      : undefined,
  "A4.2c": always("the computing used for training and testing"),
  "A4.2d": always("how data were selected, labelled and cleaned"),
  "A4.2e": always("the assessment of the oversight as a whole"),
  "A4.2g": ({ grounds: { trials } }) => {
    const unsigned = trials.filter(({ signature }) => signature === undefined).length;
    return unsigned > 0
      ? `date and signature of a responsible person on ${unsigned} of ${trials.length} trials`
      : undefined;
  },
  "A4.3": always("results by person or group, and how the system is monitored and controlled"),
  "A4.4": ({ grounds: { system } }) =>
    system.reviewers.some(({ independent }) => independent)
      ? undefined
      : "an independent reviewer's word that the reasons are good",
  "A4.5": always("the process of risk management around these risks"),
  "A4.7": always("which standards were applied"),
  "CRA-13.2": always("that the risks were used in every phase"),
  "CRA-I.II.1": always("the software components and their vulnerabilities"),
  "CRA-I.II.3": always("that tests are repeated regularly"),
};

function openRisks({ grounds: { risks } }: Case): string | undefined {
  const open = risks.filter(
    ({ significant, judgement, untested }) => significant && (judgement !== "within" || untested),
  ).length;
  return open > 0
    ? `measures for ${open} significant risk${open === 1 ? "" : "s"} still open, untested or missed`
    : undefined;
}

/** Medical and in-vitro devices stand outside the Cyber Resilience Act (read in a secondary source); of Annex I Section B only some products do. */
const OUTSIDE_CRA = /^annex-I\.(11|12)\b/;

/** Why the clause does not apply to this system; undefined where it does. */
function outOfScope({ clause, grounds: { system } }: Case): string | undefined {
  const { listing } = system.law;
  if (NO_DUTY[clause.id]) return NO_DUTY[clause.id];
  switch (clause.appliesTo) {
    case "annex-III":
      return /^annex-III\b/.test(listing) ? undefined : `the system file names ${listing}, not Annex III`;
    case "annex-I.A":
      return /^annex-I\.(?!B\b)/.test(listing) ? undefined : `the system file names ${listing}, not Annex I Section A`;
    case "high-risk":
      return clause.id === "AIA-10.6" && system.components.some(({ model }) => model && model.level !== "symbolic")
        ? "models here were trained, so Art. 10(2) to (5) apply in full"
        : undefined;
    case "continual-learning":
      return system.components.some(({ model }) => model?.training.continual)
        ? undefined
        : "the system file names no model that goes on learning in operation (training.continual)";
    case "remote-biometrics":
      return listing.startsWith("annex-III.1") ? undefined : "it is not a system for remote biometric identification";
    case "cra-products":
      return OUTSIDE_CRA.test(listing)
        ? `products under ${listing} are outside the Cyber Resilience Act, by a secondary source`
        : undefined;
    default:
      return undefined;
  }
}

const NO_DUTY: Readonly<Record<string, string>> = {
  "AIA-15.2": "it addresses the Commission and puts no duty on a provider",
};

function appliesFromOf({ clause, grounds: { system, knowledge } }: Case): string | undefined {
  const { listing } = system.law;
  const wanted =
    clause.appliesTo === "cra-products"
      ? "cra-products"
      : isByAnalogy(listing)
        ? undefined
        : /^annex-III\b/.test(listing)
          ? "annex-III"
          : /^annex-I\b/.test(listing)
            ? "annex-I.A"
            : listing;
  const dates = knowledge.dates;
  return (
    dates.find((entry) => entry.listing === listing && !isByAnalogy(listing)) ??
    dates.find((entry) => entry.listing === wanted)
  )?.appliesFrom;
}

function answerTo(the: Case): Answer {
  const { clause, grounds } = the;
  if (clause.kind === "listing") return listed(clause, grounds.system.law);
  if (clause.kind === "route") return route(clause, grounds.system.law.presumptions);
  return DECIDED_BY[clause.decidedBy](the);
}

type Law = Weighed["grounds"]["system"]["law"];

function listed({ id }: Clause, { listing, reasoning }: Law): Answer {
  const item = id.replace(/^A3\./, "");
  const named = listing.replace(/^annex-III\.?/, "");
  if (!named.startsWith(item) && !item.startsWith(named))
    return { status: "not-applicable", because: `the system file names ${listing}` };
  return {
    status: "missing",
    because: `the author places the system here${reasoning ? ` (${reasoning})` : ""}; that a classification is right, only a person can say`,
  };
}

function route({ id }: Clause, presumptions: Law["presumptions"]): Answer {
  const relied = presumptions.find((entry) => entry.route === id);
  return relied
    ? {
        status: "missing",
        because: `the author relies on it for ${relied.covers.join(", ")} (${relied.reference}); it annotates those clauses and nothing else`,
      }
    : { status: "not-applicable", because: "the system file does not rely on this route" };
}

/** One evaluator per kind: absence is a compile error. */
const DECIDED_BY: { readonly [Kind in Clause["decidedBy"]]: (the: Case) => Answer } = {
  "attack-class": (the) => byClass(the, the.clause.attackClass ?? "AE"),
  "system-security": (the) => {
    const conventional = the.grounds.knowledge.threats.filter(
      (type) => type.conventional || type.classes.includes("SYS"),
    );
    return byThreats(the, new Set(conventional.map(({ id }) => id)), "conventional threats");
  },
  "threat-model": ({ grounds: { threats, discarded } }) =>
    threats.length > 0
      ? {
          status: "supported",
          because: `${threats.length} threats kept and ${discarded.length} set aside, each with its reason`,
          evidence: [PART.threats],
          caveats: ["it speaks of security only: other hazards of the product were not looked for"],
        }
      : { status: "missing", because: "no threat was derived" },
  "risk-register": riskRegister,
  thresholds,
  accuracy,
  robustness,
  architecture,
  controls,
  "feedback-loop": (the) => byThreats(the, new Set(["T-14"]), "feedback loops"),
  "supply-chain": supplyChain,
  logging: (the) => {
    const { system } = the.grounds;
    const monitors = system.components.filter(({ kind }) => kind === "monitoring").map(({ id }) => id);
    const seen =
      monitors.length > 0 ? `monitoring is declared (${monitors.join(", ")})` : "no monitoring component is declared";
    return byControls(the, ["C-83"], seen);
  },
  oversight: (the) => {
    const people = the.grounds.system.components.filter(({ kind }) => kind === "human").map(({ title }) => title);
    const seen = people.length > 0 ? `people in the system: ${people.join(", ")}` : "no person stands in the system";
    return byControls(the, OVERSIGHT_BY[the.clause.id] ?? ["C-65", "C-67"], seen);
  },
  report: ({ grounds: { evidence, trials } }) => {
    const measured = evidence.filter((item) => isUsable(item) && item.kind === "measured");
    const unsigned = trials.filter(({ signature }) => signature === undefined).length;
    return measured.length > 0
      ? {
          status: "supported",
          because: "this document gives the measured figures with their intervals, and what was not tried",
          evidence: measured.map(({ id }) => id),
          caveats: [
            "it gives the part an assessment can give; the rest is the provider's",
            ...(unsigned > 0
              ? [`${unsigned} of ${trials.length} trials bear no signature: dating and signing is a person's`]
              : []),
          ],
        }
      : stalely(evidence, "nothing current was measured, so there is no figure to give");
  },
  appropriateness,
  consistency: (the) => byControls(the, ["C-84", "C-86", "C-89"], "one run says nothing about constancy over time"),
  document: ({ grounds: { system, evidence }, clause }) => {
    const brought = evidence.filter((item) => item.tests.includes(clause.id));
    const named = system.imports.filter((entry) => entry.for.includes(clause.id));
    return brought.length + named.length > 0
      ? {
          status: "missing",
          because: `declared (${[...brought.map(({ title }) => title), ...named.map(({ path }) => path)].join(", ")}), and a document alone supports no claim here`,
          caveats: ["a person has to judge the document"],
        }
      : { status: "missing", because: "only a person can bring it, and nothing was brought" };
  },
};

const stalely = (items: readonly Evidence[], because: string): Answer => {
  const stale = items.filter(({ standing }) => standing.status === "stale");
  return stale.length > 0
    ? { status: "stale", because, evidence: stale.map(({ id }) => id) }
    : { status: "missing", because };
};

/** The last day a date of part can mean, for "before": `2028-08` is not before 2 August 2028. */
const latestDay = (date: string): string =>
  date.length === 4 ? `${date}-12-31` : date.length === 7 ? `${date}-31` : date;

/** One of the five classes: excluded with evidence, or by its threats; a class nobody tried is missing, whatever was rated. */
function byClass(the: Case, attackClass: string): Answer {
  const entry = the.coverage.find((candidate) => candidate.class === attackClass);
  const types = typesOfClass(the.grounds, attackClass);
  if (entry?.status === "excluded") {
    const exclusion = the.grounds.system.exclusions.find(({ what }) => what === attackClass);
    return {
      status: "not-applicable",
      because: `excluded by the author: ${entry.because}`,
      evidence: exclusion?.evidence ? [exclusion.evidence] : [],
      caveats: ["the exclusion is the author's, with the evidence named"],
    };
  }
  const answer = byThreats(the, types, the.clause.title.toLowerCase());
  if (entry?.status === "not-tried" && answer.status === "supported")
    return { ...answer, status: "missing", because: `not tried: ${entry.because}` };
  return entry?.status === "not-tried" && answer.status === "missing"
    ? { ...answer, because: `not tried: ${entry.because}` }
    : answer;
}

/** Threats of certain types, by the judgements of their risks and the thresholds of their trials. */
function byThreats({ grounds, verdicts }: Case, types: ReadonlySet<string>, what: string): Answer {
  const risks = grounds.risks.filter(({ type }) => types.has(type));
  const about = grounds.evidence.filter((item) => !item.control && item.tests.some((type) => types.has(type)));
  const usable = about.filter(isUsable);
  const missed = risks.filter(({ judgement }) => judgement === "missed");
  const failed = verdicts.filter(
    ({ verdict, discharged, trial }) =>
      verdict === "missed" && !discharged && trial.tests.some((type) => types.has(type)),
  );
  const evidence = [...usable.map(({ id }) => id), ...carriersOf(risks)];
  const findings = [
    ...new Set([...risks.map(({ group }) => `F-${group}`), ...failed.map(({ trial }) => `F-threshold:${trial.id}`)]),
  ];
  if (missed.length + failed.length > 0)
    return {
      status: "contradicted",
      because: [
        ...missed.map(({ id }) => `${id} misses its criterion`),
        ...failed.map(({ trial }) => `${trial.id} misses its threshold`),
      ][0]!,
      evidence,
      findings,
    };
  const significant = risks.filter((risk) => risk.significant);
  const unsettled = significant.filter(({ judgement, untested }) => judgement !== "within" || untested);
  const untested = unsettled.filter((risk) => risk.untested).length;
  const discharged = verdicts.filter(
    (verdict) => verdict.discharged && verdict.trial.tests.some((type) => types.has(type)),
  );
  const caveats = discharged.map(
    ({ trial, discharge }) => `${trial.id} misses its threshold on the model; ${discharge}`,
  );
  if (usable.length === 0 && about.some(({ standing }) => standing.status === "stale"))
    return { ...stalely(about, `what speaks of ${what} is stale`), findings };
  if (unsettled.length > 0 || risks.length === 0 || evidence.length === 0)
    return {
      status: "missing",
      because:
        risks.length === 0
          ? `no threat of this kind was rated`
          : unsettled.length > 0
            ? `${unsettled.length} of ${significant.length} significant risks are open, ${untested} of them untested`
            : `no evidence speaks of ${what}`,
      evidence,
      findings,
      caveats,
    };
  return {
    status: "supported",
    because: `all ${significant.length} significant risks lie within their criterion`,
    evidence,
    findings,
    caveats,
  };
}

const carriersOf = (risks: readonly Risk[]): string[] =>
  risks.flatMap(({ controls }) => controls.filter(({ credited }) => credited).flatMap(({ evidence }) => evidence));

/** Clauses that ask for acceptable risks; the others ask that risks were estimated. */
const ASKS_ACCEPTANCE = new Set(["AIA-9.5", "CRA-I.I.1"]);

function riskRegister({ clause, grounds: { risks } }: Case): Answer {
  if (risks.length === 0) return { status: "missing", because: "no risk was rated" };
  const missed = risks.filter(({ judgement }) => judgement === "missed");
  const unsettled = risks.filter(
    ({ significant, judgement, untested }) => significant && (judgement !== "within" || untested),
  );
  const untested = risks.filter((risk) => risk.untested).length;
  const caveats = [
    ...(untested > 0 ? [`${untested} of ${risks.length} risks rest on no test`] : []),
    "attempts per year are mostly assumed",
    "security risks only; the process around them is the organisation's",
  ];
  if (!ASKS_ACCEPTANCE.has(clause.id))
    return {
      status: "supported",
      because: `${risks.length} risks stand as intervals against their criteria`,
      evidence: [PART.risks],
      caveats,
    };
  if (missed.length > 0)
    return {
      status: "contradicted",
      because: `${missed.length} risks miss their criterion, first ${missed[0]!.id}`,
      evidence: [PART.risks],
      caveats,
    };
  if (unsettled.length > 0)
    return {
      status: "missing",
      because: `${unsettled.length} significant risks are open or untested`,
      evidence: [PART.risks],
      caveats,
    };
  return {
    status: "supported",
    because: "every significant risk lies within its criterion",
    evidence: [PART.risks, ...carriersOf(risks)],
    caveats: [...caveats, "acceptance itself only a person can give"],
  };
}

function thresholds({ grounds: { trials, evidence }, verdicts: all }: Case): Answer {
  // The threshold of a scan is ours, and the same for every purpose: it is no word on whether the author fixed any.
  const gated = trials.filter(({ kind }) => !["clean", "scan", "data"].includes(kind));
  const verdicts = all.filter(({ trial, verdict }) => trial.kind !== "scan" || verdict === "missed");
  if (gated.length === 0) return { status: "missing", because: "no trial was planned" };
  const bare = gated.filter((trial) => !trial.threshold);
  const of = (wanted: ThresholdVerdict["verdict"]): ThresholdVerdict[] =>
    verdicts.filter(({ verdict }) => verdict === wanted);
  const ids = verdicts.flatMap((verdict) =>
    verdict.evidence && isUsable(verdict.evidence) ? [verdict.evidence.id] : [],
  );
  const findings = verdicts.map(({ trial }) => `F-threshold:${trial.id}`);
  const failed = of("missed").filter(({ discharged }) => !discharged);
  const caveats = [
    ...of("missed")
      .filter(({ discharged }) => discharged)
      .map(({ trial, discharge }) => `${trial.id} misses on the model; ${discharge}`),
    "constancy over time shows only in later runs",
  ];
  if (failed.length > 0)
    return {
      status: "contradicted",
      because: `${failed[0]!.trial.id}: ${failed[0]!.detail}`,
      evidence: ids,
      findings,
      caveats,
    };
  if (bare.length > 0)
    return {
      status: "missing",
      because: `${bare.map(({ id }) => id).join(", ")} ran without a threshold fixed before`,
      evidence: ids,
      findings,
      caveats,
    };
  const unshown = of("not shown");
  if (unshown.length > 0)
    return {
      ...(ids.length === 0
        ? stalely(evidence, `${unshown[0]!.trial.id}: ${unshown[0]!.detail}`)
        : { status: "missing" as const, because: `${unshown[0]!.trial.id}: ${unshown[0]!.detail}`, evidence: ids }),
      findings,
      caveats,
    };
  return {
    status: "supported",
    because: `${gated.length} trial${gated.length === 1 ? "" : "s"} had threshold and reason fixed and hashed before the first query`,
    evidence: ids,
    findings,
    caveats,
  };
}

function accuracy({ grounds: { evidence, unrated, system } }: Case): Answer {
  const models = system.components.filter(({ model }) => model);
  const runs = evidence.filter((item) => item.outcome.status === "measured" && item.outcome.measure.kind === "clean");
  const usable = runs.filter(isUsable);
  const off = unrated.find(({ because }) => because.startsWith("clean accuracy"));
  if (off)
    return {
      status: "contradicted",
      because: `${off.component}: ${off.because}`,
      evidence: usable.map(({ id }) => id),
      findings: [`F-clean@${off.component}`],
    };
  const silent = models.filter(({ model }) => !model?.accuracy);
  const unmeasured = models.filter(({ id }) => !usable.some(({ at }) => at === id));
  if (unmeasured.length > 0)
    return stalely(runs, `no current clean run of ${unmeasured.map(({ id }) => id).join(", ")}`);
  if (silent.length > 0)
    return {
      status: "missing",
      because: `${silent.map(({ id }) => id).join(", ")} declare${silent.length === 1 ? "s" : ""} no accuracy`,
      evidence: usable.map(({ id }) => id),
    };
  return {
    status: "supported",
    because: "the clean run agrees with the declared accuracy to three points",
    evidence: usable.map(({ id }) => id),
    caveats: ["that the instructions for use say so, only a person can show"],
  };
}

function robustness({ grounds: { evidence }, verdicts }: Case): Answer {
  const runs = evidence.filter(
    (item) => item.outcome.status === "measured" && ["corruption", "evasion"].includes(item.outcome.measure.kind),
  );
  const usable = runs.filter(isUsable).map(({ id }) => id);
  const gates = verdicts.filter(({ trial }) => trial.kind === "corruption");
  const caveats = [
    ...runs.flatMap(({ outcome }) =>
      outcome.status === "measured" && outcome.measure.kind === "corruption"
        ? [
            `worst: ${outcome.measure.worst.name}, strength ${outcome.measure.worst.severity}, right ${outcome.measure.worst.accuracy.k} of ${outcome.measure.worst.accuracy.n}`,
          ]
        : [],
    ),
    "noise and corruption of the input only: faults of other components count only as far as evidence is imported",
  ];
  const failed = gates.find(({ verdict }) => verdict === "missed");
  if (failed)
    return {
      status: "contradicted",
      because: `${failed.trial.id}: ${failed.detail}`,
      evidence: usable,
      findings: [`F-threshold:${failed.trial.id}`],
      caveats,
    };
  if (usable.length === 0) return stalely(runs, "no current run under noise or corruption");
  if (gates.length === 0)
    return {
      status: "missing",
      because: "noise and corruption were measured, and no threshold says how much is enough",
      evidence: usable,
      caveats,
    };
  const unshown = gates.find(({ verdict }) => verdict === "not shown");
  if (unshown)
    return { status: "missing", because: `${unshown.trial.id}: ${unshown.detail}`, evidence: usable, caveats };
  return {
    status: "supported",
    because: gates.map(({ trial, detail }) => `${trial.id}: ${detail}`).join("; "),
    evidence: usable,
    caveats,
  };
}

function architecture({ grounds: { system } }: Case): Answer {
  if (system.flows.length === 0) return { status: "missing", because: "the system file declares no flows" };
  return {
    status: "supported",
    because: `${system.components.length} components, ${system.flows.length} flows and ${system.boundaries.length} boundaries stand in this document`,
    evidence: [PART.system],
    caveats: ["as the author's file states it; nobody compared it with the running system"],
  };
}

function supplyChain({ grounds: { system, trials, mismatches, materials } }: Case): Answer {
  if (mismatches.length > 0)
    return {
      status: "contradicted",
      because: `${mismatches[0]!.path} is not the file declared`,
      evidence: [PART.trials],
      findings: mismatches.map(({ component }) => `F-integrity:${component}`),
    };
  const unsigned = materials.signatures.filter(({ holds }) => !holds);
  const [worst] = unsigned.toSorted((a, b) => Number(a.unchecked ?? false) - Number(b.unchecked ?? false));
  if (worst)
    return {
      status: worst.unchecked ? "missing" : "contradicted",
      because: unsignedWords(worst).says,
      evidence: [PART.trials],
      findings: unsigned.map(({ component }) => `F-signature:${component}`),
    };
  const origin = system.components.filter(({ model }) => model?.origin.trainedBy === "unknown").map(({ id }) => id);
  const silent = system.datasets.filter(({ provenance }) => !provenance).map(({ id }) => id);
  const untold = system.components
    .filter(({ model }) => model && model.level !== "symbolic" && model.training.datasets.length === 0)
    .map(({ id }) => id);
  const hashed = trials.some(({ inputs }) => inputs.length > 0);
  const unsaid = [
    ...origin.map((id) => `who trained ${id}`),
    ...silent.map((id) => `where ${id} comes from`),
    ...untold.map((id) => `what ${id} was trained on`),
  ];
  if (unsaid.length > 0 || !hashed)
    return {
      status: "missing",
      because: unsaid.length > 0 ? `the system file does not say ${unsaid.join(", ")}` : "no artefact was hashed",
    };
  return {
    status: "supported",
    because: "origin of every model and dataset is stated, and what was measured is named by its hash",
    evidence: [PART.system, PART.trials],
    caveats: ["whether the statements are true, only a person can say"],
  };
}

/** Which oversight control would show what a clause asks; a switch to stop says nothing about automation bias. */
const OVERSIGHT_BY: Readonly<Record<string, readonly string[]>> = {
  "AIA-14.3-b": ["C-65"],
  "AIA-14.4-a": ["C-65"],
  "AIA-14.4-b": ["C-65"],
  "AIA-14.4-c": ["C-65"],
  "AIA-14.4-e": ["C-63", "C-90"],
  "AIA-14.5": [],
};

/** Controls a clause asks for by name; a clause that is not here asks for any. */
const ASKS_FOR: Readonly<Record<string, readonly string[]>> = {
  "AIA-15.4-c": ["C-62", "C-63", "C-16"],
  "CRA-I.I.2-c": ["C-88"],
  "CRA-I.I.2-k": ["C-63", "C-66", "C-71", "C-81", "C-90"],
  "CRA-I.II.7": ["C-73", "C-88"],
};

function controls(the: Case): Answer {
  const { clause, matrix, coverage, grounds } = the;
  const { credits, knowledge } = grounds;
  const asked = ASKS_FOR[clause.id];
  if (asked) return byControls(the, asked, "");
  const named = (credit: Credit) => knowledge.controls.find(({ id }) => id === credit.control);
  const credited = credits.filter((credit) => credit.credited);
  const evidence = credited.flatMap((credit) => credit.evidence);
  const bare = credits
    .filter((credit) => !credit.credited)
    .map(({ control, at, why }) => `${control} at ${at}: ${why}`);
  if (clause.id === "AIA-15.5-c") {
    const empty = matrix.filter(({ state }) => state !== "filled" && state !== "excluded");
    const untried = coverage.filter(({ status }) => status === "not-tried");
    const because = `${matrix.length - empty.length} of ${matrix.length} cells are filled with credit or excluded with evidence, ${untried.length} of ${coverage.length} classes were not tried`;
    return empty.length > 0 || untried.length > 0
      ? { status: "missing", because, evidence, caveats: bare }
      : { status: "supported", because, evidence, caveats: bare };
  }
  if (clause.id === "AIA-15.4-b") {
    const organisational = credited.filter((credit) => named(credit)?.layer === "organisational");
    if (organisational.length === 0 || organisational.length === credited.length)
      return {
        status: "missing",
        because: "credit was earned by at most one of the two kinds, technical and organisational",
        evidence,
        caveats: bare,
      };
  }
  if (clause.id === "AIA-9.5-a" && !credited.some((credit) => named(credit)?.stages.includes("design")))
    return {
      status: "missing",
      because: "no control of the design stage has earned credit",
      evidence: [],
      caveats: bare,
    };
  return credited.length > 0
    ? {
        status: "supported",
        because: credited.map(({ control, at, why }) => `${control} at ${at} (${why})`).join("; "),
        evidence,
        caveats: bare,
      }
    : {
        status: "missing",
        because: credits.length > 0 ? "controls are declared, and none has earned credit" : "no control is declared",
        caveats: bare,
      };
}

/** Certain controls, of which one with credit is enough. */
function byControls({ grounds: { credits, evidence } }: Case, wanted: readonly string[], seen: string): Answer {
  const here = credits.filter(({ control }) => wanted.includes(control));
  const credited = here.filter((credit) => credit.credited);
  const prefix = seen ? `${seen}; ` : "";
  if (credited.length > 0)
    return {
      status: "supported",
      because: prefix + credited.map(({ control, at, why }) => `${control} at ${at}: ${why}`).join("; "),
      evidence: credited.flatMap((credit) => credit.evidence),
    };
  const why =
    here.length > 0
      ? here.map((credit) => `${credit.control} at ${credit.at}: ${credit.why}`).join("; ")
      : wanted.length > 0
        ? `none of ${wanted.join(", ")} is declared`
        : "only the organisation's own records could show it";
  const stale = here.filter(({ fault }) => fault === "stale").flatMap((credit) => credit.evidence);
  return stale.length > 0 && here.every(({ fault }) => fault === "stale" || fault === "declared")
    ? {
        ...stalely(
          evidence.filter(({ id }) => stale.includes(id)),
          prefix + why,
        ),
      }
    : { status: "missing", because: prefix + why };
}

function appropriateness({ grounds: { credits, risks }, decision }: Case): Answer {
  const broken = credits
    .filter(({ fault }) => fault === "broken")
    .map(({ control, at }) => `${control} at ${at} is broken and earns nothing`);
  const evidence = credits.filter(({ credited }) => credited).flatMap((credit) => credit.evidence);
  const tested = risks.flatMap((risk) => risk.evidence);
  if (decision.row === "1a" || decision.row === "1b")
    return { status: "contradicted", because: decision.because, evidence: [...evidence, ...tested], caveats: broken };
  if (decision.row === "2")
    return { status: "missing", because: `it cannot be concluded: ${decision.because}`, evidence, caveats: broken };
  return { status: "supported", because: decision.because, evidence: [...evidence, ...tested], caveats: broken };
}
