/** Does imported evidence speak of the deployed version, and is it in date? Doubt makes it stale (METHOD §6, §7). */
import { dayOf } from "#base/dates.ts";
import type { Control, System } from "#assessment/index.ts";

export type Standing = { readonly status: "current" } | { readonly status: "stale"; readonly because: string };

/** What a document says it looked at. */
export interface Subject {
  readonly component?: string;
  readonly versions: readonly string[];
  readonly sha256: readonly string[];
}

/** Our default where no control of the catalogue sets a period: a year. */
export const VALID_DAYS = 365;

/** Why the dates make it stale; undefined where they do not. */
export function outOfDate(
  { date, validUntil }: { readonly date?: string | undefined; readonly validUntil?: string | undefined },
  asOf: string,
  control?: Control,
): string | undefined {
  const today = dayOf(asOf);
  if (today === undefined) throw new RangeError(`asOf is no day of the calendar: ${asOf}`);
  if (date === undefined) return "it bears no date, so nobody can say that it is in date";
  const made = dayOf(date);
  if (made === undefined) return `its date ${date} is no day of the calendar`;
  if (made > today) return `it is dated ${date}, after the day this assessment speaks of (${asOf})`;
  if (validUntil !== undefined) {
    const until = dayOf(validUntil);
    if (until === undefined) return `it is valid until ${validUntil}, which is no day of the calendar`;
    if (until < today) return `it was valid until ${validUntil}`;
  }
  if (control && today - made > control.validDays)
    return `${control.id} has to be verified again every ${control.validDays} days, and this is from ${date}`;
  if (!control && validUntil === undefined && today - made > VALID_DAYS)
    return `it is from ${date}, more than ${VALID_DAYS} days old, and does not say how long it is valid`;
  return undefined;
}

/** SHA-256 of deployed artefacts by component, as computed from their bytes; the system file's own digests stand in where absent. */
export type Artefacts = ReadonlyMap<string, string>;

/**
 * Why the subject is not what is deployed; undefined where it is. `at` is a component, flow or boundary, or absent for the
 * whole system. The deployed version must be among those the document gives, the deployed artefact among its digests; it has
 * to give at least one of either.
 */
export function otherVersion(
  subject: Subject,
  at: string | undefined,
  system: System,
  artefacts: Artefacts = new Map(),
): string | undefined {
  const known = new Set(system.components.map(({ id }) => id));
  const around = at === undefined ? undefined : componentsAt(at, system);
  if (at !== undefined && around === undefined) return `it speaks of "${at}", which the system does not declare`;
  const named = subject.component ?? (at !== undefined && known.has(at) ? at : undefined);
  if (named !== undefined && around && !around.includes(named)) return `its subject is "${named}", not "${at}"`;
  if (subject.versions.length === 0 && subject.sha256.length === 0) return "it does not say which version it speaks of";
  if (named !== undefined && !known.has(named)) return `its subject is "${named}", which the system does not declare`;
  const component = system.components.find(({ id }) => id === named);
  const place = component ? `"${component.id}"` : "the system";
  if (named === undefined && at !== undefined)
    return `it does not say which component around "${at}" its version is of`;
  const deployed = component ? component.version : system.version;
  const artefact = component && (artefacts.get(component.id) ?? component.model?.sha256);
  if (subject.versions.length > 0) {
    if (deployed === undefined)
      return `${place} has no version in the system file to compare with ${subject.versions.join(", ")}`;
    if (!subject.versions.includes(deployed))
      return `it speaks of version ${subject.versions.join(", ")} of ${place}; deployed is ${deployed}`;
  }
  if (subject.sha256.length > 0) {
    if (artefact === undefined) {
      // A digest nobody can compare proves nothing, unless the version beside it was compared and is right.
      if (subject.versions.length === 0) return `${place} has no artefact whose SHA-256 could be compared`;
    } else if (!subject.sha256.includes(artefact))
      return `it speaks of another artefact than the one deployed at ${place} (${artefact.slice(0, 12)}…)`;
  }
  return undefined;
}

/** The components a place is or touches; undefined where the system declares no such place. */
function componentsAt(at: string, system: System): readonly string[] | undefined {
  if (system.components.some(({ id }) => id === at)) return [at];
  const flow = system.flows.find(({ id }) => id === at);
  if (flow) return [flow.from, flow.to];
  const boundary = system.boundaries.find(({ id }) => id === at);
  if (!boundary) return undefined;
  const inside = (id: string): readonly string[] => [
    ...(system.boundaries.find((one) => one.id === id)?.components ?? []),
    ...system.boundaries.filter(({ parent }) => parent === id).flatMap((child) => inside(child.id)),
  ];
  return inside(at);
}

/** The first reason there is. */
export const standingOf = (...reasons: readonly (string | undefined)[]): Standing => {
  const because = reasons.find((reason) => reason !== undefined);
  return because === undefined ? { status: "current" } : { status: "stale", because };
};
