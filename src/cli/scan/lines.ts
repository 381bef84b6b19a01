/** Lines and columns of findings in text files: SARIF wants them beside the bytes, and viewers show nothing else. */
import { isUtf8 } from "node:buffer";
import { readFile } from "node:fs/promises";
import type { ScanFile } from "#assessment/index.ts";
import type { SarifRegion } from "#reports/scan-sarif.ts";

/** Text that people read; what is larger is data. */
const TEXT_MAX = 4 * 2 ** 20;

/** Regions by `path start end`, for the files' own findings, where a file is text. A file that cannot be read has none. */
export async function textRegions(
  files: readonly ScanFile[],
  fullPath: (path: string) => string,
  sizes: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, SarifRegion>> {
  const regions = new Map<string, SarifRegion>();
  for (const { path, findings } of files) {
    if (findings.length === 0 || (sizes.get(path) ?? Infinity) > TEXT_MAX) continue;
    const bytes = await readFile(fullPath(path)).catch(() => undefined);
    if (bytes === undefined || bytes.includes(0) || !isUtf8(bytes)) continue;
    const place = positions(bytes);
    for (const { start, end } of findings) {
      if (end > bytes.length) continue;
      const [from, to] = [place(start), place(end)];
      regions.set(regionKey(path, start, end), {
        startLine: from.line,
        startColumn: from.column,
        endLine: to.line,
        endColumn: to.column,
      });
    }
  }
  return regions;
}

export const regionKey = (path: string, start: number, end: number): string => `${start} ${end} ${path}`;

/** Line and column, in UTF-16 units, of a byte; both count from 1. A carriage return before a line feed ends its line. */
function positions(bytes: Buffer): (at: number) => { readonly line: number; readonly column: number } {
  const starts = [0];
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) starts.push(at + 1);
  return (at) => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: 1 + bytes.toString("utf8", starts[low], at).length };
  };
}
