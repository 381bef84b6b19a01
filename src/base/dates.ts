/** Days of the calendar as numbers, for validity: doubt about a date never lengthens it. */

const DAY_MS = 86_400_000;

/** Days since 1970 of the earliest day a date can mean (`2026` is 1 January); undefined for what is no day of the calendar. */
export function dayOf(date: string): number | undefined {
  if (!/^\d{4}(-\d{2}(-\d{2})?)?$/.test(date)) return undefined;
  const [year, month = 1, day = 1] = date.split("-").map(Number) as [number, number?, number?];
  const at = new Date(Date.UTC(year, month - 1, day));
  if (at.getUTCFullYear() !== year || at.getUTCMonth() !== month - 1 || at.getUTCDate() !== day) return undefined;
  return at.getTime() / DAY_MS;
}
