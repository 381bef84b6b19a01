/** What every check is: one file in checks/, which recognises a format by its bytes and reads it into the ledger. */
import type { ScanFile, ScanFinding } from "#assessment/index.ts";
import type { Content } from "#formats/content.ts";
import type { Ledger, Range } from "./ledger.ts";
import type { Meter } from "./limits.ts";
import type { ScanPorts } from "./ports.ts";

export type Finding = ScanFinding;

/** What the surroundings of a member say about it. */
export interface Surroundings {
  /** Persistent ids of a pickle are resolved by this framework, which knows what they mean. */
  readonly persistentIds?: "torch";
  /** Names in `__torch__` are compiled from the archive's own code. */
  readonly torchScript?: boolean;
  /** It is the configuration of a Keras archive: whatever stands in it is what Keras makes a model of. */
  readonly keras?: boolean;
  /** The bytes are plain numbers of this kind, which the container's own records say; nothing interprets them. */
  readonly numbers?: string;
  /** Of an archive's member: the member that Python would import under this name from within the archive. */
  readonly importable?: (module: string) => string | undefined;
  /** Hears of the storages that a pickle names by persistent ids. */
  readonly storage?: (storage: Storage) => void;
}

/** A storage as torch names it: `('storage', torch.FloatStorage, key, location, elements)`. */
export interface Storage {
  readonly key: string;
  /** Bytes per element. */
  readonly width: number;
  readonly elements: number;
}

/** One file, or one member, that a check reads. */
export interface Subject {
  readonly content: Content;
  /** Of a file relative to what was scanned; of a member its name there. Text of a stranger. */
  readonly path: string;
  readonly depth: number;
  readonly surroundings: Surroundings;
  readonly ledger: Ledger;
  readonly meter: Meter;
  readonly ports: ScanPorts;
  /** Keeps the reconstruction of what loading would do, where somebody asked for it. */
  readonly traced: ((steps: readonly string[], acts: number) => void) | undefined;
  /** Keeps a finding; beyond the limit of findings only the count grows, and is said. */
  report(finding: Finding): void;
  /** Scans content found inside as a member: it is recognised and judged like a file. */
  inspect(path: string, content: Content, surroundings?: Surroundings): ScanFile;
  /**
   * Scans data that nothing here loads. It becomes a member, and part of the verdict, only where something is found in it:
   * ordinary data may begin like anything.
   */
  probe(path: string, content: Content, at: Range & { readonly what: string }): void;
}

/** "yes": the bytes say so. "perhaps": only if nothing else recognises them. */
export type Recognition = "yes" | "perhaps" | "no";

export interface Check {
  /** The format in the field's words: "pickle". */
  readonly title: string;
  /** Looks at bytes first and at the name last; cheap. */
  recognise(content: Content, path: string): Recognition;
  /** Reads the bytes. Throws LimitReached, or FormatError where it cannot go on: both become findings. */
  read(subject: Subject): void;
  /** The check looks at a header only: whole bytes are not promised, and the verdict says so. */
  readonly headerOnly?: boolean;
  /** Files of this format run code when they are loaded. */
  readonly runs?: boolean;
}

export const defineCheck = (check: Check): Check => check;
