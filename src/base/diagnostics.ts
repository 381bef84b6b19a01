/** What is wrong with an author's file: values, all of them at once, each with its place and a remedy. */

/** A place in a text file; line and column count from 1. */
export interface Span {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine?: number;
  readonly endColumn?: number;
}

export interface Diagnostic {
  /** E… stops the run; W… is shown and kept. */
  readonly code: `${"E" | "W"}${string}`;
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
  readonly span?: Span;
}

export const isError = (diagnostic: Diagnostic): boolean => diagnostic.code.startsWith("E");

/** `file:line:col  E012  message` and, indented below, the hint. */
export function formatDiagnostic({ code, message, hint, span }: Diagnostic): string {
  const place = span ? `${span.file}:${span.line}:${span.column}  ` : "";
  return `${place}${code}  ${message}${hint ? `\n    ${hint}` : ""}`;
}

/** The candidate nearest to a misspelt word by Damerau–Levenshtein distance, if one is near enough to be meant. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 8) return Infinity;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(substitution, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, beforeLast[j - 2]! + 1);
      row.push(cost);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length]!;
}
