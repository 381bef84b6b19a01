/** Is evidence in date and of the deployed version? If not it is stale, with the reason, and earns nothing (METHOD §6). */
import { dayOf } from "#base/dates.ts";
import type { Evidence, Knowledge, System } from "#assessment/index.ts";

/** Our own measurements speak for a year. */
const VALID_DAYS = 365;

/** Roles under which a trial or a statement records the hash of the thing it speaks of. */
const VERSION_ROLE = /\b(model|artefact|weights)\b/i;

/**
 * The evidence with its standing settled on the day `asOf` (YYYY-MM-DD). Nothing stale ever becomes current here; running it
 * twice changes nothing.
 */
export function withStanding(
  evidence: readonly Evidence[],
  { system, knowledge, asOf }: { system: System; knowledge: Knowledge; asOf: string },
): Evidence[] {
  return evidence.map((item) => {
    if (item.standing.status === "stale") return item;
    const because = staleBecause(item, system, knowledge, asOf);
    return because ? { ...item, standing: { status: "stale", because } } : item;
  });
}

function staleBecause(item: Evidence, system: System, knowledge: Knowledge, asOf: string): string | undefined {
  const today = dayOf(asOf);
  if (today === undefined) throw new RangeError(`asOf is no day of the calendar: ${asOf}`);
  const fromElsewhere = item.kind === "verified" || item.kind === "imported";
  if (!item.date && fromElsewhere) return "it bears no date, so nobody can say that it is in date";
  const made = item.date === undefined ? undefined : dayOf(item.date);
  if (item.date && made === undefined) return `its date ${item.date} is no day of the calendar`;
  if (made !== undefined && made > today)
    return `it is dated ${item.date}, after the day this assessment speaks of (${asOf})`;
  const until = item.validUntil === undefined ? undefined : dayOf(item.validUntil);
  if (item.validUntil && (until === undefined || until < today)) return `it was valid until ${item.validUntil}`;
  if (item.kind === "measured" && made !== undefined && today - made > VALID_DAYS && !hasFoundHarm(item))
    return `it was measured on ${item.date}, more than ${VALID_DAYS} days ago: attacks have moved on`;
  const control = knowledge.controls.find(({ id }) => id === item.control);
  if (control && made !== undefined && today - made > control.validDays)
    return `${control.id} has to be verified again every ${control.validDays} days, and this is from ${item.date}`;
  const deployed = system.components.find(({ id }) => id === item.at)?.model?.sha256;
  const spokenOf = item.inputs.filter(({ role }) => VERSION_ROLE.test(role));
  // Harm that was found in a file is there, whatever the file should have been.
  if (hasFoundHarm(item)) return undefined;
  if (deployed && spokenOf.length > 0 && spokenOf.every(({ sha256 }) => sha256 !== deployed))
    return `it speaks of another version of ${item.at} than the one the system file declares (${deployed.slice(0, 12)}…)`;
  return otherParts(item, system);
}

const hasFoundHarm = ({ outcome }: Evidence): boolean =>
  outcome.status === "measured" &&
  outcome.measure.kind === "artefacts" &&
  ["malicious", "suspicious"].includes(outcome.measure.verdict);

/** Further files of a component, and data sets, whose declared hash is another than the one the item speaks of. */
function otherParts({ at, inputs }: Evidence, system: System): string | undefined {
  const files = system.components.find(({ id }) => id === at)?.files ?? [];
  const data = system.datasets.find(({ id }) => id === at?.replace(/^dataset:/, ""));
  const declared = [
    ...files.map(({ path, sha256 }) => ({ role: `file ${path}`, what: path, sha256 })),
    ...(data && !system.components.some(({ id }) => id === at)
      ? [{ role: "data", what: data.title, sha256: data.sha256 }]
      : []),
  ];
  for (const { role, what, sha256 } of declared) {
    const spoken = inputs.filter((input) => input.role === role);
    if (sha256 !== undefined && spoken.length > 0 && spoken.every((input) => input.sha256 !== sha256))
      return `it speaks of another version of ${what} than the one the system file declares (${sha256.slice(0, 12)}…)`;
  }
  return undefined;
}
