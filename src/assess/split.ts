/** How many units make a shard: seconds to a minute of work, small enough to lose, large enough for the model's batches. */

/** Units [from, to) of a trial's order. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Aim for one shard: what a crash or a kill may cost. */
const SHARD_MS = 15_000;
/** Above this many, batches gain nothing more; below the least, opening the model would outweigh the work. */
const MOST_UNITS = 125;
const LEAST_UNITS = 25;
/** A single unit of a large network may take long; then few go together. */
const LONGEST_MS = 60_000;

/** From the expected milliseconds per unit to units per shard, so that every worker gets something. */
export function unitsPerShard(perUnitMs: number, n: number, workers: number): number {
  const wished = perUnitMs > 0 ? SHARD_MS / perUnitMs : MOST_UNITS;
  const least = perUnitMs * LEAST_UNITS > LONGEST_MS ? Math.max(1, LONGEST_MS / perUnitMs) : LEAST_UNITS;
  const fair = Math.ceil(n / workers);
  return Math.max(1, Math.min(fair, Math.floor(Math.max(least, Math.min(MOST_UNITS, wished)))));
}

/** [0, n) in ranges of at most `units`, all of about one size. */
export function split(n: number, units: number): Range[] {
  if (n === 0) return [];
  const shards = Math.ceil(n / Math.max(1, units));
  return Array.from({ length: shards }, (_, i) => ({
    from: Math.floor((i * n) / shards),
    to: Math.floor(((i + 1) * n) / shards),
  }));
}

/** `8 s`, `1:40 min`, `2 h 05` */
export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 1) return "a second";
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${String(seconds % 60).padStart(2, "0")} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")}`;
}
