/** Findings: what an author should look at, each with a stable id, its place in vauban.yaml, and what to do about it. */
import type { Evidence, Finding, Risk, Threat } from "#assessment/index.ts";
import { clopperPearson } from "#base/statistics.ts";
import { CLASS_NAMES, remedyFor } from "./coverage.ts";
import type { Weighed } from "./outcome.ts";
import { counted as units, isUsable, percent } from "./rated.ts";
import type { Credit, Grounds } from "./rated.ts";
import { dataFindings } from "./data.ts";
import { brokenSignatures } from "./materials.ts";
import { hasFoundHarm, provenanceNote, scanOf, scannedFiles, unreadWords } from "./scanned.ts";
import type { ThresholdVerdict } from "./thresholds.ts";
import { filterFindings, raisedFindings, registerFindings } from "./together.ts";

const SEVERITIES: readonly Finding["severity"][] = ["error", "warning", "note"];

/** Every finding of an assessment, errors first; within a severity in the order of the tables below. */
export function findingsOf(weighed: Weighed): Finding[] {
  const { grounds, verdicts } = weighed;
  const all = [
    ...scannedFiles(grounds),
    ...grounds.mismatches.map(integrity),
    ...brokenSignatures(grounds),
    ...dataFindings(grounds),
    ...verdicts.map(threshold),
    ...threatGroups(weighed),
    ...cleanRuns(grounds),
    ...grounds.evidence.flatMap((item) => sanity(item, grounds)),
    ...grounds.evidence.flatMap((item) => stale(item, grounds)),
    ...grounds.evidence.flatMap(brought),
    ...grounds.credits.flatMap((credit) => uncredited(credit, grounds)),
    ...registerFindings(grounds),
    ...filterFindings(grounds),
    ...raisedFindings(grounds),
    ...coverage(weighed),
  ];
  const ids = new Map<string, number>();
  const unique = all.map((finding) => {
    const seen = (ids.get(finding.id) ?? 0) + 1;
    ids.set(finding.id, seen);
    return seen === 1 ? finding : { ...finding, id: `${finding.id}~${seen}` };
  });
  return unique.toSorted((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
}

const integrity = ({ component, path, declared, found }: Grounds["mismatches"][number]): Finding => ({
  id: `F-integrity:${component}`,
  kind: "integrity",
  status: "confirmed",
  severity: "error",
  title: `${path} is not the file declared`,
  detail: `declared is SHA-256 ${declared}, there is ${found}; nothing measured on the one speaks of the other`,
  remedy: "find out who changed the file; if the change was meant, write the new hash and run `vauban assess` again",
  at: component,
  evidence: [],
});

const THRESHOLD_STATUS = { met: "resisted", missed: "confirmed", "not shown": "inconclusive" } as const;

function threshold({
  trial,
  threshold: fixed,
  verdict,
  detail,
  evidence,
  discharged,
  discharge,
}: ThresholdVerdict): Finding {
  const where = fixed.where ?? trial.where;
  const carried = verdict === "missed" && discharged;
  return {
    id: `F-threshold:${trial.id}`,
    kind: "threshold",
    status: evidence?.standing.status === "stale" ? "stale" : THRESHOLD_STATUS[verdict],
    severity: verdict === "met" ? "note" : verdict === "missed" && !carried ? "error" : "warning",
    title: carried
      ? `Threshold of ${trial.id} missed on the model, carried by the system`
      : `Threshold of ${trial.id} ${verdict}`,
    detail: [detail, fixed.because, discharge].filter((part) => part !== "").join(" – "),
    ...(verdict === "met"
      ? {}
      : {
          remedy:
            verdict === "missed" && trial.kind === "scan"
              ? "take the file away, and get what it held from a source you trust, in a format that holds no code"
              : verdict === "missed"
                ? "harden the model and measure again, or show by a verified or measured control that the actors of the bound do not get there"
                : "test more independent units, or remove what made the trial inconclusive, and run `vauban assess` again",
        }),
    at: trial.target,
    evidence: evidence ? [evidence.id] : [],
    ...(where ? { where } : {}),
  };
}

/** One finding per group of threats: did the attack work, was it resisted, or did nobody try? */
function threatGroups({ grounds, verdicts }: Weighed): Finding[] {
  const groups = Map.groupBy(grounds.threats, ({ group }) => group);
  return [...groups].map(([group, threats]) => {
    const first = threats[0]!;
    const type = grounds.knowledge.threats.find(({ id }) => id === first.type);
    const risks = grounds.risks.filter((risk) => risk.group === group);
    const ids = new Set(risks.flatMap(({ evidence }) => evidence));
    const items = grounds.evidence.filter(({ id, control }) => ids.has(id) && !control);
    const own = verdicts.filter(({ evidence }) => evidence !== undefined && items.some(({ id }) => id === evidence.id));
    const { status, detail } = groupStatus(items, own, grounds, risks);
    const beside = provenanceNote(first, grounds);
    const remedy =
      status === "confirmed"
        ? `see what stands against it: \`vauban explain ${first.type}\``
        : status === "resisted"
          ? undefined
          : type?.conventional
            ? "import a scan, a VEX or a signed statement that speaks of it (imports: in vauban.yaml)"
            : `see what would count as evidence: \`vauban explain ${first.type}\``;
    return {
      id: `F-${group}`,
      kind: "threat",
      status,
      severity: groupSeverity(status, risks, own),
      title: `${type?.title ?? first.type} at ${titleOf(first, grounds)}: ${status}`,
      detail: `${detail}. ${beside ? `${beside.text}. ` : ""}${judgements(risks)}`,
      ...(remedy ? { remedy } : {}),
      threat: group,
      type: first.type,
      at: first.at,
      evidence: [...new Set([...items.map(({ id }) => id), ...(beside?.evidence ?? [])])],
      where: first.where,
    };
  });
}

function groupStatus(
  items: readonly Evidence[],
  verdicts: readonly ThresholdVerdict[],
  { unrated }: Grounds,
  risks: readonly Risk[],
): { status: Finding["status"]; detail: string } {
  const rated = items.filter(
    (item) =>
      isUsable(item) && (scanOf(item) || !(item.trial && unrated.some(({ component }) => component === item.at))),
  );
  const counted = rated.flatMap((item) => countsOf(item) ?? []);
  const worked = counted.filter(({ k }) => k > 0);
  const said = counted.map(({ text }) => text).join("; ");
  if (rated.length > 0) {
    if (rated.some(hasFoundHarm)) return { status: "confirmed", detail: said };
    if (verdicts.some(({ verdict }) => verdict === "missed")) return { status: "confirmed", detail: said };
    if (verdicts.some(({ verdict }) => verdict === "not shown")) return { status: "inconclusive", detail: said };
    const judgedByThreshold = verdicts.length > 0 && verdicts.length >= counted.length;
    if (worked.length > 0 && !judgedByThreshold) return { status: "confirmed", detail: said };
    const partly = rated.find((item) => (scanOf(item)?.absent.length ?? 0) > 0);
    if (partly && risks.some(({ untested }) => untested))
      return { status: "inconclusive", detail: `${said}; not scanned: ${scanOf(partly)!.absent.join("; ")}` };
    if (risks.some(({ untested }) => untested))
      return { status: "inconclusive", detail: `${said}, but part of what was planned is missing` };
    if (counted.length > 0 && counted.every(({ bounds }) => bounds)) return { status: "resisted", detail: said };
    return { status: "inconclusive", detail: said || rated.map(({ title }) => title).join("; ") };
  }
  const stale = items.find(({ standing }) => standing.status === "stale");
  if (stale?.standing.status === "stale")
    return { status: "stale", detail: `${stale.title}: ${stale.standing.because}` };
  const unclear = items.find(({ outcome }) => outcome.status === "inconclusive");
  if (unclear?.outcome.status === "inconclusive")
    return { status: "inconclusive", detail: `${unclear.title}: ${unclear.outcome.because}` };
  const unread = items.find((item) => scanOf(item));
  if (unread) return { status: "untested", detail: unreadWords(unread) };
  const unusable = items[0];
  if (unusable) return { status: "inconclusive", detail: `${unusable.title} does not count as evidence` };
  return { status: "untested", detail: "no trial and no imported evidence speaks of it" };
}

/** k of n with its interval as a sentence; `bounds` where success could have been shown and was not. */
function countsOf(item: Evidence): { k: number; bounds: boolean; text: string } | undefined {
  if (item.outcome.status !== "measured") return undefined;
  const { measure } = item.outcome;
  const say = (k: number, n: number, unit: string, verb: string): string => {
    const { low, high } = clopperPearson(k, n);
    return `${item.title}: ${k} of ${units(n, unit)} ${verb} (${percent(low)} to ${percent(high)})`;
  };
  switch (measure.kind) {
    case "evasion":
    case "patch":
    case "statement": {
      const { k, n, unit } =
        measure.kind === "evasion"
          ? measure.successRate
          : measure.kind === "patch"
            ? measure.perInput
            : measure.successes;
      return { k, bounds: true, text: say(k, n, unit, "succeeded") };
    }
    case "corruption": {
      const { k, n, unit } = measure.worst.accuracy;
      return { k: 0, bounds: false, text: say(n - k, n, unit, `were wrong under ${measure.worst.name}`) };
    }
    case "scan":
      return {
        k: measure.open,
        bounds: false,
        text: `${item.title}: ${measure.open} of ${measure.results} results are open`,
      };
    case "artefacts": {
      const k = measure.verdicts.malicious + measure.verdicts.suspicious;
      const first = measure.files[0]!;
      return {
        k,
        bounds: true,
        text:
          k > 0
            ? `${item.title}: ${k} of ${units(measure.total, "file")} ${measure.verdict} – ${first.path}: ${first.findings[0]?.message ?? measure.verdict}`
            : `${item.title}: ${units(measure.total, "file")} read whole, loading calls nothing that does harm; for these bytes, and scanners are bypassed now and then (C-75)`,
      };
    }
    case "data":
    case "clean":
      return undefined;
  }
}

function groupSeverity(
  status: Finding["status"],
  risks: readonly Risk[],
  verdicts: readonly ThresholdVerdict[],
): Finding["severity"] {
  if (risks.some(({ judgement }) => judgement === "missed")) return "error";
  if (verdicts.some(({ verdict, discharged }) => verdict === "missed" && !discharged)) return "error";
  if (status === "confirmed") return "warning";
  return risks.some(({ significant, judgement }) => significant && judgement !== "within") ? "warning" : "note";
}

function judgements(risks: readonly Risk[]): string {
  const count = (wanted: Risk["judgement"]): number => risks.filter(({ judgement }) => judgement === wanted).length;
  const said = (["missed", "open", "within"] as const)
    .filter((judgement) => count(judgement) > 0)
    .map((judgement) => `${count(judgement)} ${judgement}`);
  return `Of ${risks.length} risk${risks.length === 1 ? "" : "s"}: ${said.join(", ") || "none rated"}`;
}

const titleOf = ({ at }: Threat, { system }: Grounds): string =>
  system.components.find(({ id }) => id === at)?.title ?? at;

/** The clean run comes first: without it nothing about the model is rated, and a wrong declaration is said to be one. */
function cleanRuns({ unrated, evidence, system, trials }: Grounds): Finding[] {
  return unrated.map(({ component, because }) => {
    const clean = trials.find((trial) => trial.kind === "clean" && trial.target === component);
    const item = evidence.find(({ trial }) => trial !== undefined && trial === clean?.id);
    const entry = system.components.find(({ id }) => id === component);
    const where = entry?.model?.accuracy?.where ?? entry?.where;
    return {
      id: `F-clean@${component}`,
      kind: "declaration",
      status: item?.standing.status === "stale" ? "stale" : "inconclusive",
      severity: "error",
      title: `Nothing about ${entry?.title ?? component} is rated`,
      detail: because,
      remedy: "check layout, range, scale, mean, std and the order of the classes, then run `vauban assess` again",
      at: component,
      evidence: item ? [item.id] : [],
      ...(where ? { where } : {}),
    };
  });
}

function sanity(item: Evidence, { trials }: Grounds): Finding[] {
  const failed = item.sanity.filter(({ passed }) => !passed);
  const spoiled = item.outcome.status === "inconclusive" && item.kind === "measured" ? item.outcome.because : undefined;
  if (failed.length === 0 && spoiled === undefined) return [];
  const where = trials.find(({ id }) => id === item.trial)?.where;
  return [
    {
      id: `F-sanity:${item.trial ?? item.id}`,
      kind: "sanity",
      status: "inconclusive",
      severity: spoiled === undefined ? "note" : "warning",
      title: spoiled === undefined ? `${item.title}: a sanity check did not pass` : `${item.title}: inconclusive`,
      detail: [spoiled, ...failed.map(({ check, detail }) => `not so: “${check}” – ${detail}`)]
        .filter((part) => part !== undefined)
        .join("; "),
      remedy:
        "a failed attack is no sign of safety: remove the cause, or attack in another way, and run `vauban assess` again",
      ...(item.at ? { at: item.at } : {}),
      evidence: [item.id],
      ...(where ? { where } : {}),
    },
  ];
}

function stale(item: Evidence, { trials, system }: Grounds): Finding[] {
  if (item.standing.status !== "stale") return [];
  const entry = system.controls.find(({ control, at }) => control === item.control && at === item.at);
  const where = entry?.where ?? trials.find(({ id }) => id === item.trial)?.where;
  return [
    {
      id: `F-stale:${item.trial ?? (item.control ? `${item.control}@${item.at ?? "system"}` : item.id)}`,
      kind: item.control ? "control" : item.kind === "imported" ? "imported" : "threat",
      status: "stale",
      severity: "warning",
      title: `${item.title} is stale`,
      detail: `${item.standing.because}; stale evidence earns nothing`,
      remedy: "repeat it on the deployed version and give it a date",
      ...(item.at ? { at: item.at } : {}),
      evidence: [item.id],
      ...(where ? { where } : {}),
    },
  ];
}

function brought(item: Evidence): Finding[] {
  if (item.kind !== "imported" || item.outcome.status !== "measured") return [];
  const { measure } = item.outcome;
  const open = measure.kind === "scan" ? measure.open : measure.kind === "statement" ? measure.successes.k : 0;
  const invalid = item.signature === "invalid";
  if (open === 0 && !invalid) return [];
  return [
    {
      id: `F-import:${item.source ?? item.id}`,
      kind: "imported",
      status: invalid ? "inconclusive" : "confirmed",
      severity: "warning",
      title: invalid ? `The signature of ${item.title} does not hold` : `${item.title} reports ${open} open`,
      detail: item.notes.join("; ") || item.title,
      remedy: invalid
        ? "get the statement again from whoever signed it"
        : "treat what it reports, or state why it does not apply",
      ...(item.at ? { at: item.at } : {}),
      evidence: [item.id],
    },
  ];
}

const DECLARED_FAULTS = new Set(["declared", "no-evidence"]);

/** A control that earns nothing, and why; broken ones with the sentence of the catalogue. */
function uncredited({ entry, credited, fault, why, evidence }: Credit, { knowledge }: Grounds): Finding[] {
  if (credited) return [];
  const weak = knowledge.weakClaims.find(({ control }) => control === entry.control);
  const control = knowledge.controls.find(({ id }) => id === entry.control);
  const broken = fault === "broken" || fault === "failed";
  return [
    {
      id: `F-control:${entry.control}@${entry.at}`,
      kind: fault !== undefined && DECLARED_FAULTS.has(fault) ? "declaration" : "control",
      status:
        fault === "stale" ? "stale" : broken ? "confirmed" : fault === "inconclusive" ? "inconclusive" : "untested",
      severity: fault === "declared" ? "note" : "warning",
      title: `${entry.control} at ${entry.at} earns no credit`,
      detail: [why, weak ? `${weak.claim}: ${weak.why}` : undefined].filter((part) => part !== undefined).join(" – "),
      remedy:
        fault === "broken"
          ? "do not rely on it; see the proven controls for this threat"
          : `what would count: ${control?.evidence[0] ?? "a denial test or an adaptive measurement"}`,
      at: entry.at,
      evidence: [...evidence],
      where: entry.where,
    },
  ];
}

/** Fewer trials than planned, tests without a trial, and classes nobody tried. */
function coverage({ grounds, coverage: classes }: Weighed): Finding[] {
  const { trials, evidence, system } = grounds;
  const short = trials.flatMap((trial): Finding[] => {
    const item = evidence.find((candidate) => candidate.trial === trial.id);
    const base = {
      id: `F-coverage:${trial.id}`,
      kind: "coverage",
      at: trial.target,
      ...(trial.where ? { where: trial.where } : {}),
    } as const;
    if (!item)
      return [
        {
          ...base,
          status: "untested",
          severity: "warning",
          title: `${trial.id} left no evidence`,
          detail: `${units(trial.planned, trial.unit)} were planned and none was reported`,
          remedy: "run `vauban assess` again and let it finish",
          evidence: [],
        },
      ];
    const tried = triedIn(item);
    if (tried === undefined || tried >= trial.planned) return [];
    return [
      {
        ...base,
        status: "inconclusive",
        severity: "note",
        title: `${trial.id} tried ${tried} of ${trial.planned}`,
        detail: `the interval speaks of the ${tried} that were tried; ${item.notes.join("; ") || "the evaluation data hold no more"}`,
        remedy: "add evaluation data, or let the run finish",
        evidence: [item.id],
      },
    ];
  });
  const never = system.tests
    .filter(({ id }) => !trials.some((trial) => trial.id === id))
    .map((test): Finding => ({
      id: `F-coverage:${test.id}`,
      kind: "coverage",
      status: "untested",
      severity: "warning",
      title: `${test.id} was not run`,
      detail: "the system file asks for it and no trial came of it",
      remedy: "run `vauban assess` again",
      at: test.model,
      evidence: [],
      where: test.where,
    }));
  const untried = classes
    .filter(({ status }) => status === "not-tried")
    .map((entry): Finding => ({
      id: `F-class:${entry.class}`,
      kind: "coverage",
      status: "untested",
      severity: "warning",
      title: `Not tried: ${CLASS_NAMES[entry.class]}`,
      detail: entry.because,
      remedy: remedyFor(entry.class),
      evidence: [],
      where: system.where,
    }));
  return [...short, ...never, ...untried];
}

/** How many units a measurement really tried. */
function triedIn(item: Evidence): number | undefined {
  if (item.outcome.status !== "measured") return undefined;
  const { measure } = item.outcome;
  switch (measure.kind) {
    case "evasion":
      return measure.robustAccuracy.n;
    case "clean":
    case "corruption":
      return measure.accuracy.n;
    default:
      return undefined;
  }
}
