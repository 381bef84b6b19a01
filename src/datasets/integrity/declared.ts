/** What a system file's data set declares of its origin, as the checks take it. */
import type { DataDeclared } from "#assessment/data.ts";
import type { Dataset } from "#assessment/system.ts";

export const declaredBy = ({ provenance, sha256 }: Pick<Dataset, "provenance" | "sha256">): DataDeclared => ({
  ...(provenance && {
    source: provenance.source,
    ...(provenance.collected !== undefined && { collected: provenance.collected }),
    ...(provenance.licence !== undefined && { licence: provenance.licence }),
    suppliers: provenance.suppliers,
  }),
  ...(sha256 !== undefined && { sha256 }),
});
