/** A range of raw values as people write it on the command line. */
import { HostError } from "#base/ports.ts";

/** `0..255`: the lowest and the highest; throws a HostError for anything else. */
export function rangeIn(written: string): [number, number] {
  const [low, high, more] = written.split("..");
  const bounds = [low, high].map((part) => (part === undefined || part.trim() === "" ? NaN : Number(part)));
  if (more !== undefined || !bounds.every(Number.isFinite) || !(bounds[0]! < bounds[1]!))
    throw new HostError(
      `--range ${written} is not a range`,
      "write the lowest and the highest raw value: 0..255, or 0..1",
    );
  return [bounds[0]!, bounds[1]!];
}
