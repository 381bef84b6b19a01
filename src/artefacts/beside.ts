/**
 * A file that a model names beside itself – values, a shard, a part of a package – held against what lies there: one judgement for every
 * format. What is no file may still be opened: a link leads elsewhere, and a device or a pipe gives what is no part of any model, or
 * nothing for ever. Neither comes with a download.
 */
import type { ScanFinding } from "#assessment/index.ts";
import type { Neighbour, ScanPorts } from "./ports.ts";
import { leads } from "./outside.ts";

/** For a finding that speaks of what lies beside the file under this name: what that was. */
export const hangsOn = (name: string, { fingerprint }: Pick<ScanPorts, "fingerprint">): Pick<ScanFinding, "beside"> =>
  fingerprint ? { beside: { name, is: fingerprint(name) } } : {};

export interface Beside {
  /** What lies there; undefined where nothing does or nobody can look. */
  readonly found: Neighbour | undefined;
  /** What is wrong with that, if anything is: to follow the name in a sentence. */
  readonly problem: { readonly severity: "suspicious" | "unknown"; readonly says: string } | undefined;
}

/** What lies beside the file under this name, and what is wrong with it as a `wanted` thing. */
export function beside(
  name: string,
  { neighbour }: Pick<ScanPorts, "neighbour">,
  wanted: readonly Neighbour["kind"][] = ["file"],
): Beside {
  const wrong = (severity: "suspicious" | "unknown", says: string, found?: Neighbour): Beside => ({
    found,
    problem: { severity, says },
  });
  const out = leads(name);
  if (out !== undefined) return wrong("suspicious", `${out}: loading reads a file that is no part of the model`);
  if (neighbour === undefined) return wrong("unknown", "which cannot be looked at from here");
  const found = neighbour(name);
  if (found === undefined) return wrong("unknown", "which is not there");
  if (wanted.includes(found.kind)) return { found, problem: undefined };
  switch (found.kind) {
    case "link":
      return wrong("suspicious", "which is a link to somewhere else", found);
    case "special":
      return wrong("suspicious", "which is a device, a pipe or a socket", found);
    case "folder":
      return wrong("unknown", "which is a folder", found);
    case "file":
      return wrong("unknown", "which is a file", found);
  }
}
