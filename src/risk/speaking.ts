/** Which evidence speaks of a threat, and what is missing from what was planned. */
import type { ArtefactsMeasure, Evidence, System, Threat, Trial } from "#assessment/index.ts";
import { isModel, type SystemGraph } from "#system/graph.ts";

/** Evidence with the trial it came of. */
export interface Heard {
  readonly evidence: Evidence;
  readonly trial: Trial | undefined;
}

export interface Testimony {
  /** Current and measured, of this threat at this place. Whose access a trial assumed is for success.ts to weigh. */
  readonly heard: readonly Heard[];
  /** Planned or brought, yet missing, stale, inconclusive or worthless – each with the reason. Never read as safe. */
  readonly gaps: readonly string[];
  /** Ids of the evidence behind the gaps. */
  readonly lost: readonly string[];
  /** Why no control that is to keep harmful files out counts here, whatever was verified of it; undefined where they may. */
  readonly unguarded?: string;
}

/** What a component's evidence cannot be rated on, and why: its clean run is missing or off (METHOD §2). */
export interface Unrated {
  readonly component: string;
  readonly because: string;
  /** What to write into the system file, where that is all that is missing. */
  readonly remedy?: string;
}

/** More than three points off: preprocessing is suspected, and nothing about this model is rated (METHOD §2). */
export const CLEAN_TOLERANCE = 0.03;

/** Components that trials attack but whose clean run does not carry a rating. */
export function unratedOf(trials: readonly Trial[], evidence: readonly Evidence[]): Unrated[] {
  // What loading a file does has nothing to do with how inputs are preprocessed.
  const attacks = trials.filter(({ kind }) => !["clean", "scan", "data"].includes(kind));
  const targets = new Set(attacks.map(({ target }) => target));
  return [...targets].flatMap((component) => {
    const clean = trials.filter((trial) => trial.kind === "clean" && trial.target === component);
    if (clean.length === 0) return [{ component, because: "no clean run of it was planned" }];
    const because = clean.map((trial) => cleanFault(trial, evidence)).find((fault) => fault !== undefined);
    if (because === undefined) return [];
    return [{ component, because, ...(because === UNDECLARED && { remedy: DECLARE }) }];
  });
}

const UNDECLARED =
  "no accuracy is declared for it, so nobody can tell from its clean run whether the preprocessing is right";
const DECLARE =
  "declare at it the accuracy that it should have, `accuracy: { declared: <0 to 1>, on: <data set> }`, and assess again: without that, nothing measured of it counts";

function cleanFault(trial: Trial, evidence: readonly Evidence[]): string | undefined {
  const item = evidence.find((candidate) => candidate.trial === trial.id);
  if (!item) return "its clean run is missing";
  // Of a run that was not made it says nothing which version it would have been of.
  if (item.outcome.status === "inconclusive") return `its clean run is inconclusive: ${item.outcome.because}`;
  if (item.standing.status === "stale") return `its clean run is stale: ${item.standing.because}`;
  const { measure } = item.outcome;
  if (measure.kind !== "clean") return "its clean run measured something else";
  const { k, n } = measure.accuracy;
  if (n === 0) return "its clean run has no samples";
  if (measure.declared === undefined) return UNDECLARED;
  if (Math.abs(k / n - measure.declared) > CLEAN_TOLERANCE + 1e-12)
    return `clean accuracy is ${percent(k / n)} (${k}/${n}) where ${percent(measure.declared)} is declared: preprocessing is suspected`;
  return undefined;
}

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

/**
 * Everything that was tried or brought about this threat. Each trial planned for it has to be there and current: evidence that
 * is taken away leaves its trial behind as a gap, so taking it away never makes the rest look better.
 */
export function testimonyOf(
  threat: Threat,
  {
    graph,
    trials,
    evidence,
    unrated,
  }: { graph: SystemGraph; trials: readonly Trial[]; evidence: readonly Evidence[]; unrated: readonly Unrated[] },
): Testimony {
  let known: ReadonlySet<string> | undefined;
  const places = (): ReadonlySet<string> => (known ??= placesOf(threat, graph));
  const isNear = (at: string): boolean => places().has(at);
  const speaks = (tests: readonly string[], at: string | undefined): boolean =>
    tests.includes(threat.type) && (at === undefined || isNear(at));

  const gaps: string[] = [];
  const lost: string[] = [];
  const heard: Heard[] = [];
  const listen = (item: Evidence, trial: Trial | undefined): void => {
    const fault = faultOf(item, unrated);
    if (fault) {
      gaps.push(fault);
      lost.push(item.id);
    } else heard.push({ evidence: item, trial });
  };

  // A trial of a control, switched on and off, is judged as that control's evidence (credit.ts), not as the threat's.
  const ofControl = new Set(evidence.flatMap((item) => (item.control && item.trial ? [item.trial] : [])));
  const planned = trials.filter(
    (trial) =>
      !ofControl.has(trial.id) &&
      (speaks(trial.tests, trial.target) ||
        (trial.kind === "scan" && trial.tests.includes(threat.type) && isLoadedAt(trial.target, places(), graph))),
  );
  let unguarded: string | undefined;
  for (const trial of planned) {
    const items = evidence.filter((item) => item.trial === trial.id);
    if (items.length === 0) gaps.push(`trial ${trial.id} has no evidence`);
    const concerning = items.filter((item) => concerns(item, threat));
    for (const item of concerning) listen(item, trial);
    if (trial.kind === "scan")
      unguarded ??=
        items.length === 0 ? LOOKED_NOWHERE : concerning.map(contradiction).find((why) => why !== undefined);
  }
  const brought = evidence.filter((item) => !item.trial && !item.control && speaks(item.tests, item.at));
  for (const item of brought) listen(item, undefined);
  for (const source of graph.system.imports) {
    if (!source.for.includes(threat.type) || (source.at !== undefined && !isNear(source.at))) continue;
    const arrived = evidence.some(
      (item) => item.source !== undefined && [source.id, source.path].includes(item.source),
    );
    if (!arrived) gaps.push(`nothing came of the import ${source.id}`);
  }
  return { heard, gaps, lost, ...(unguarded === undefined ? {} : { unguarded }) };
}

const LOOKED_NOWHERE =
  "the scan that would show whether a harmful file got past it did not come about, or no longer counts";

/**
 * Why a scan speaks against every control that is to keep harmful files out: it found one, so one got in, whatever was verified; or it
 * does not count, and losing it must not look better than what it may have found. A file that could not be read is no such word.
 */
function contradiction({ outcome, standing, signature, kind, grade, title }: Evidence): string | undefined {
  if (standing.status === "stale" || signature === "invalid" || kind === "declared") return LOOKED_NOWHERE;
  if (outcome.status !== "measured" || outcome.measure.kind !== "artefacts") return LOOKED_NOWHERE;
  const { verdict, files } = outcome.measure;
  if (verdict === "malicious" || verdict === "suspicious")
    return `${files[0]!.path} is ${verdict} and lies there: whatever was verified, it was not kept out`;
  return grade === "F" && unreadIn(title, outcome.measure) === undefined ? LOOKED_NOWHERE : undefined;
}

/** What of the files was not read whole, or was not there; undefined where the scan says what loading them does. */
function unreadIn(title: string, { verdict, verdicts, total, files, absent }: ArtefactsMeasure): string | undefined {
  if (verdict === "malicious" || verdict === "suspicious") return undefined;
  const unread = total - verdicts["no code path found"];
  const first = files[0]!;
  const why = first.findings[0]?.message ?? "a header was checked, and nothing else was promised";
  if (unread > 0) return `${title}: ${unread} of ${total} files not read whole – ${first.path}: ${why}`;
  return absent.length > 0 ? `${title}: not scanned – ${absent.join("; ")}` : undefined;
}

/**
 * A scan that found harm speaks of every place where the file is loaded; one that found none, or could not read, only of the
 * component whose file it is: it says nothing of what else is delivered there. That it did not come about leaves a gap everywhere.
 */
function concerns({ outcome, standing, at: target }: Evidence, { at }: Threat): boolean {
  if (outcome.status !== "measured" || outcome.measure.kind !== "artefacts" || standing.status === "stale") return true;
  const { of, verdict } = outcome.measure;
  return verdict === "malicious" || verdict === "suspicious" || (of === "component" && target === at);
}

/** Whether a data set is loaded at one of the places: they hold it, or a model there learns from it or is measured on it. */
function isLoadedAt(target: string, places: ReadonlySet<string>, { system }: SystemGraph): boolean {
  const data = target.replace(/^dataset:/, "");
  const isUsed = ({ id, model, holds }: System["components"][number]): boolean =>
    holds.includes(data) ||
    model?.accuracy?.on === data ||
    (model?.training.datasets.includes(data) ?? false) ||
    system.tests.some((test) => test.model === id && test.data === data);
  return system.components.some((component) => places.has(component.id) && isUsed(component));
}

/** Why an item that speaks of a threat cannot be used; undefined when it can. */
function faultOf(item: Evidence, unrated: readonly Unrated[]): string | undefined {
  if (item.standing.status === "stale") return `${item.title}: stale – ${item.standing.because}`;
  if (item.signature === "invalid") return `${item.title}: its signature does not hold`;
  if (item.kind === "declared") return `${item.title}: declared, not shown`;
  if (item.outcome.status === "inconclusive") return `${item.title}: inconclusive – ${item.outcome.because}`;
  const unread = item.outcome.measure.kind === "artefacts" ? unreadIn(item.title, item.outcome.measure) : undefined;
  if (unread !== undefined) return unread;
  if (item.grade === "F") return `${item.title}: grade F, of another version or of nothing`;
  if (item.outcome.measure.kind === "artefacts") return undefined;
  const model = item.trial === undefined ? undefined : unrated.find(({ component }) => component === item.at);
  return model && `${item.title}: not rated, because ${model.because}`;
}

/**
 * Places whose evidence speaks of the threat: where it acts, where it enters, and – for a threat at a sensor, a store or an
 * interface – the models its data flows to.
 */
function placesOf(threat: Threat, graph: SystemGraph): ReadonlySet<string> {
  const places = new Set([threat.at]);
  if (threat.on) places.add(threat.on);
  if (graph.isComponent(threat.at) && isModel(graph.component(threat.at))) return places;
  // Models are few and components many, so the question is asked from the models' side.
  for (const model of graph.models) if (graph.upstream(model).has(threat.at)) places.add(model.id);
  return places;
}
