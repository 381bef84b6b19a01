/** What each control the author names has earned: measured and verified evidence counts, words are shown (METHOD §6). */
import { ATTEMPTS_MIN } from "#assessment/evidence.ts";
import type { Control, DeclaredControl, Evidence, Knowledge, System } from "#assessment/index.ts";
import { isHypothetical } from "./hypothetical.ts";
import { responseOf, successesOf } from "./success.ts";

/** An edge that a verified control takes away, for the threats and the actors it binds (absent: all); system/reach.ts reads it. */
export interface Closure {
  readonly control: string;
  readonly at: string;
  readonly threats: readonly string[];
  readonly binds?: readonly string[];
  readonly evidence: readonly string[];
}

/** The standing of one control at one place, and what it earns there. */
export interface ControlCredit {
  /** The author's own entry. */
  readonly entry: DeclaredControl;
  readonly control: string;
  readonly at: string;
  readonly credited: boolean;
  /** Why it earns nothing; undefined where it does. */
  readonly fault: CreditFault | undefined;
  /** One sentence. */
  readonly why: string;
  readonly evidence: readonly string[];
  /** Actors its evidence names as held; absent: all. */
  readonly binds: readonly string[] | undefined;
  /** Verified: what it closes. */
  readonly closure: Closure | undefined;
  /** Measured: the attack re-run with the control on. */
  readonly effect: readonly Evidence[];
}

export type CreditFault =
  | "unknown"
  | "broken"
  | "declared"
  | "no-evidence"
  | "stale"
  | "inconclusive"
  | "failed"
  | "not-adaptive"
  | "needs-measurement"
  | "unsigned"
  | "empty";

/** Judges every control of the system against its evidence. Order and places are the author's. */
export function creditControls({
  system,
  evidence,
  knowledge,
}: {
  readonly system: System;
  readonly evidence: readonly Evidence[];
  readonly knowledge: Knowledge;
}): ControlCredit[] {
  return system.controls.map((entry) => {
    const control = knowledge.controls.find(({ id }) => id === entry.control);
    const peers = system.controls.filter((other) => other.control === entry.control && other.at === entry.at);
    const own = evidenceOf(entry, peers, evidence);
    const claimed = peers.filter(({ kind }) => kind !== "declared").length;
    const verdict = faultOf(entry, control, own, claimed);
    const base = { entry, control: entry.control, at: entry.at, evidence: own.map(({ id }) => id) };
    if (verdict) return { ...base, credited: false, ...verdict, binds: undefined, closure: undefined, effect: [] };
    const binds = boundBy(own);
    const verified = own.filter(({ kind }) => kind !== "measured");
    const closure = verified.length > 0 ? closureOf(entry, control!, verified, binds) : undefined;
    const effect = own.filter(({ kind }) => kind === "measured");
    return { ...base, credited: true, fault: undefined, why: earned(own), binds, closure, effect };
  });
}

const sourceOf = ({ evidence, id }: DeclaredControl): string => evidence ?? id;

/**
 * What was brought for a control at a place. Entries that claim to be measured or verified stand and fall together, whichever of
 * them brought an item, so that a failed test cannot be had off by losing it; what a declared entry brought is its own.
 */
function evidenceOf(
  entry: DeclaredControl,
  peers: readonly DeclaredControl[],
  evidence: readonly Evidence[],
): Evidence[] {
  const here = evidence.filter((item) => item.control === entry.control && (item.at ?? entry.at) === entry.at);
  if (entry.kind === "declared") return here.filter(({ source }) => source === sourceOf(entry));
  const words = new Set(peers.filter(({ kind }) => kind === "declared").map(sourceOf));
  const claims = new Set(peers.filter(({ kind }) => kind !== "declared").map(sourceOf));
  return here.filter(({ source }) => source === undefined || claims.has(source) || !words.has(source));
}

/** The edges taken away by controls that earned it. */
export const closuresOf = (credits: readonly ControlCredit[]): Closure[] =>
  credits.flatMap(({ closure }) => closure ?? []);

type Verdict = { readonly fault: CreditFault; readonly why: string };

/** The first rule that denies credit; undefined where none does. Every item of evidence has to hold: one failure is enough. */
function faultOf(
  entry: DeclaredControl,
  control: Control | undefined,
  own: readonly Evidence[],
  claimed: number,
): Verdict | undefined {
  if (!control) return { fault: "unknown", why: `${entry.control} is not in the catalogue` };
  if (control.maturity === "broken")
    return { fault: "broken", why: `published attacks defeat it and it never counts: ${control.maturityReason}` };
  if (entry.kind === "declared")
    return { fault: "declared", why: "declared: shown, but a document or a date carries no credit" };
  if (own.length < claimed || own.length === 0)
    return { fault: "no-evidence", why: `called ${entry.kind}, but there is no evidence for it at ${entry.at}` };
  for (const item of own) {
    const verdict = itemFault(item, control);
    if (verdict) return verdict;
  }
  return undefined;
}

function itemFault(item: Evidence, control: Control): Verdict | undefined {
  if (item.standing.status === "stale") return { fault: "stale", why: `stale: ${item.standing.because}` };
  if (item.signature === "invalid") return { fault: "unsigned", why: "the signature of its evidence does not hold" };
  if (item.kind === "declared")
    return { fault: "declared", why: "its evidence is a declaration, which carries no credit" };
  if (item.kind !== "measured" && item.signature !== "verified")
    return {
      fault: "unsigned",
      why: "its evidence bears no signature that holds, so nobody can tell whether it was altered",
    };
  if (item.outcome.status === "inconclusive")
    return { fault: "inconclusive", why: `inconclusive: ${item.outcome.because}` };
  const counted = successesOf(item);
  if (!counted?.bounds || counted.n === 0)
    return { fault: "empty", why: "its evidence counts no attempts, so it shows nothing" };
  if (counted.n < ATTEMPTS_MIN)
    return {
      fault: "empty",
      why: `its evidence counts ${counted.n} attempts; fewer than ${ATTEMPTS_MIN} show too little`,
    };
  if (item.kind === "measured")
    return item.adaptive
      ? undefined
      : { fault: "not-adaptive", why: "it was measured by an attack that did not know of it" };
  if (control.maturity !== "proven")
    return {
      fault: "needs-measurement",
      why: `it is ${control.maturity}: only the attack re-run against it, adaptive, would count`,
    };
  if (control.layer === "model")
    return { fault: "needs-measurement", why: "a model-level control counts only by an adaptive measurement" };
  if (counted.k > 0) return { fault: "failed", why: `its denial test failed ${counted.k} of ${counted.n} times` };
  return undefined;
}

function earned(own: readonly Evidence[]): string {
  const said = own.map((item) => {
    if (isHypothetical(item)) return "hypothetical: as if its denial test had held";
    const { k, n } = successesOf(item)!;
    const date = item.date ? `, ${item.date}` : "";
    if (responseOf(item)) return `measured: ${n - k} of ${n} attempts noticed, and how soon they are answered${date}`;
    return item.kind === "measured"
      ? `measured: ${k} of ${n} attacks succeed with it on${date}`
      : `verified: ${n - k} of ${n} refused${date}`;
  });
  return said.join("; ");
}

/** Whoever this keeps out is kept from everything that begins by getting in. */
const UNAUTHORISED_ACCESS = "T-32";

/**
 * A verified control closes an edge only where it prevents, names its threats and is more than an arrangement among people;
 * what else is verified is credited as a layer, and closes nothing. Denied access (authentication, segmentation) closes the way
 * in for every threat; whether the actor needs that way is for the reach to say.
 */
function closureOf(
  entry: DeclaredControl,
  control: Control,
  verified: readonly Evidence[],
  binds: readonly string[] | undefined,
): Closure | undefined {
  const threats = closedBy(control, (id) => verified.every(({ tests }) => tests.length === 0 || tests.includes(id)));
  if (threats.length === 0) return undefined;
  return {
    control: entry.control,
    at: entry.at,
    threats,
    ...(binds ? { binds } : {}),
    evidence: verified.map(({ id }) => id),
  };
}

/** The actors that every list in a control's evidence names; undefined where no item names any, which means all. */
function boundBy(own: readonly Evidence[]): string[] | undefined {
  const lists = own.flatMap(({ binds }) => (binds ? [binds] : []));
  if (lists.length === 0) return undefined;
  return lists[0]!.filter((actor) => lists.every((list) => list.includes(actor)));
}

/** Threats whose ways a denial test of a control closes; "all" where it denies access itself. */
export function closedBy(
  { verbs, layer, threats: named }: Pick<Control, "verbs" | "layer" | "threats">,
  isShown: (threat: string) => boolean = () => true,
): string[] {
  if (!verbs.includes("prevent") || layer === "organisational") return [];
  const shown = named.filter((id) => id !== "all" && isShown(id));
  const deniesAccess = shown.includes(UNAUTHORISED_ACCESS) && (layer === "interface" || layer === "infrastructure");
  return deniesAccess ? ["all", ...shown] : shown;
}

export const closesFor = (
  { threats, binds }: Pick<Closure, "threats" | "binds">,
  type: string,
  actor: string,
): boolean => (threats.includes("all") || threats.includes(type)) && (binds === undefined || binds.includes(actor));

/** Whether a control speaks of a threat by its own list; what helps against "all" is management and is not a layer on a way. */
export const speaksOfThreat = (control: Control | undefined, type: string): boolean =>
  control?.threats.some((id) => id === type) ?? false;

/**
 * Whether two credited controls may fail together (METHOD §6): one mechanism, one layer at one place, one piece of evidence, or an
 * actor with authority over both. Authority over a layer is taken from who touches its place.
 */
export function sharedCauses(
  system: System,
  knowledge: Knowledge,
): (
  a: Pick<ControlCredit, "control" | "at" | "evidence">,
  b: Pick<ControlCredit, "control" | "at" | "evidence">,
) => boolean {
  const authorities = new Map<string, Set<string>>();
  for (const { id, touches } of system.actors)
    for (const at of touches) authorities.set(at, (authorities.get(at) ?? new Set()).add(id));
  const layerOf = (id: string): string | undefined => knowledge.controls.find((control) => control.id === id)?.layer;
  return (a, b) =>
    a.control === b.control ||
    (a.at === b.at && layerOf(a.control) === layerOf(b.control)) ||
    a.evidence.some((id) => b.evidence.includes(id)) ||
    [...(authorities.get(a.at) ?? [])].some((actor) => authorities.get(b.at)?.has(actor));
}

/**
 * Depth (METHOD §6): the largest set of credited layers of which no two share a cause of failure. Only the first twelve layers
 * are combined: the search is exponential, and a smaller depth is never the flattering one.
 */
export function depthOf(credited: readonly ControlCredit[], system: System, knowledge: Knowledge): number {
  const layers = credited.slice(0, 12);
  if (layers.length < 2) return layers.length;
  const shares = sharedCauses(system, knowledge);
  const share = (i: number, j: number): boolean => shares(layers[i]!, layers[j]!);
  const largest = (from: number, chosen: readonly number[]): number => {
    if (from === layers.length) return chosen.length;
    const without = largest(from + 1, chosen);
    return chosen.some((other) => share(other, from))
      ? without
      : Math.max(without, largest(from + 1, [...chosen, from]));
  };
  return largest(0, []);
}
