/** Diagnostics as people read them, and as machines do. */
import { isError, type Diagnostic } from "#base/diagnostics.ts";
import { plain, type Colours } from "./terminal.ts";

/** One paragraph per diagnostic, errors first, in the file's order, and a last line that counts. */
export function diagnosticsText(
  diagnostics: readonly Diagnostic[],
  c: Colours,
  ending: string,
  placeOf: (file: string) => string = (file) => file,
): string {
  const ordered = diagnostics.toSorted(
    (a, b) =>
      Number(isError(b)) - Number(isError(a)) ||
      Number(isError(b)) - Number(isError(a)) ||
      (a.span?.line ?? 0) - (b.span?.line ?? 0) ||
      (a.span?.column ?? 0) - (b.span?.column ?? 0),
  );
  const lines = ordered.map((diagnostic) => {
    const { code, message, hint, span } = diagnostic;
    const place = span ? c.bold(`${plain(placeOf(span.file))}:${span.line}:${span.column}`) : "";
    const paint = isError(diagnostic) ? c.red : c.yellow;
    return `${place}${place ? "  " : ""}${paint(code)}  ${plain(message)}${hint ? `\n${" ".repeat(6)}${c.dim(plain(hint))}` : ""}`;
  });
  const errors = diagnostics.filter(isError).length,
    warnings = diagnostics.length - errors;
  const counted = [
    errors > 0 && `${errors} error${errors === 1 ? "" : "s"}`,
    warnings > 0 && `${warnings} warning${warnings === 1 ? "" : "s"}`,
  ]
    .filter(Boolean)
    .join(", ");
  return `${lines.join("\n")}${lines.length > 0 ? "\n" : ""}${counted || "no mistakes"}${ending ? ` – ${ending}` : ""}\n`;
}
