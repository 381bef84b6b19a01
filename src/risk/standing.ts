/** Is evidence in date and of the deployed version? If not it is stale, with the reason, and earns nothing (METHOD §6). */
import type { Evidence, Knowledge, System } from "#assessment/index.ts";

const DAY_MS = 86_400_000;

/** The earliest day a date may mean, in days since 1970: `2026` is read as 1 January, because doubt never lengthens validity. */
export function dayOf(date: string): number {
  const [year, month = 1, day = 1] = date.split("-").map(Number) as [number, number?, number?];
  return Math.floor(Date.UTC(year, month - 1, day) / DAY_MS);
}

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
  const fromElsewhere = item.kind === "verified" || item.kind === "imported";
  if (!item.date && fromElsewhere) return "it bears no date, so nobody can say that it is in date";
  if (item.date && dayOf(item.date) > today)
    return `it is dated ${item.date}, after the day this assessment speaks of (${asOf})`;
  if (item.validUntil && dayOf(item.validUntil) < today) return `it was valid until ${item.validUntil}`;
  const control = knowledge.controls.find(({ id }) => id === item.control);
  if (control && item.date && today - dayOf(item.date) > control.validDays)
    return `${control.id} has to be verified again every ${control.validDays} days, and this is from ${item.date}`;
  const deployed = system.components.find(({ id }) => id === item.at)?.model?.sha256;
  const spokenOf = item.inputs.filter(({ role }) => VERSION_ROLE.test(role));
  if (deployed && spokenOf.length > 0 && spokenOf.every(({ sha256 }) => sha256 !== deployed))
    return `it speaks of another version of ${item.at} than the one deployed (${deployed.slice(0, 12)}…)`;
  return undefined;
}
