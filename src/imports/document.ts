/** A JSON document brought from elsewhere: believed to be JSON only when it is, with every complaint naming file and place. */
import type { z } from "zod";
import type { Diagnostic, Span } from "#base/diagnostics.ts";
import { FormatError, readableSize } from "#formats/error.ts";
import { readUtf8 } from "#formats/text.ts";

/** Logs of real scans stay well below; more would only be held in memory to be skimmed. */
export const DOCUMENT_BYTES_MAX = 64 * 2 ** 20;
const MISTAKES_SHOWN = 10;

/** The file as the author names it, and where in the system file he does. */
export interface Origin {
  readonly path: string;
  readonly where?: Span;
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

export const complaint = (
  code: Diagnostic["code"],
  { path, where }: Origin,
  message: string,
  hint?: string,
): Diagnostic => ({ code, message: `${path}: ${message}`, ...(hint && { hint }), ...(where && { span: where }) });

/** The JSON value in the bytes. Malformed text is reported with its line and column. */
export function parseJson(bytes: Uint8Array, origin: Origin): Parsed<unknown> {
  const refuse = (message: string, hint: string): Parsed<never> => ({
    ok: false,
    diagnostics: [complaint("E601", origin, message, hint)],
  });
  if (bytes.length > DOCUMENT_BYTES_MAX)
    return refuse(
      `${readableSize(bytes.length)} are more than the ${readableSize(DOCUMENT_BYTES_MAX)} that are read`,
      "split the log by component, or leave its code flows and snippets out",
    );
  let text: string;
  try {
    text = readUtf8("json", bytes);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return refuse(error.message, error.remedy);
  }
  if (text.trim() === "") return refuse("it is empty", "name the file that holds the evidence");
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch (error) {
    const said = (error as Error).message;
    const at = /position (\d+)/.exec(said)?.[1];
    const before = at === undefined ? undefined : text.slice(0, Number(at));
    const place =
      before === undefined
        ? "at its end"
        : `line ${before.split("\n").length}, column ${before.length - before.lastIndexOf("\n")}`;
    return refuse(`it is not JSON (${place})`, "export it again; comments and trailing commas are no JSON");
  }
}

/** `runs[0].tool.driver` as a JSON pointer (RFC 6901): `/runs/0/tool/driver`. */
const pointer = (path: readonly PropertyKey[]): string =>
  path.length === 0
    ? "the document"
    : path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

/** Holds a value to a schema; each mistake with its JSON pointer, the first ten in words. */
export function held<T>(schema: z.ZodType<T>, value: unknown, origin: Origin, what: string): Parsed<T> {
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, value: result.data };
  const { issues } = result.error;
  const diagnostics = issues
    .slice(0, MISTAKES_SHOWN)
    .map(({ path, message }) => complaint("E602", origin, `${pointer(path)}: ${message}`, `expected ${what}`));
  if (issues.length > MISTAKES_SHOWN)
    diagnostics.push(complaint("E602", origin, `${issues.length - MISTAKES_SHOWN} more mistakes of this kind`));
  return { ok: false, diagnostics };
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What a document is by its own marks, whatever it was called. */
export function kindOf(value: unknown): "sarif" | "vex" | "statement" | undefined {
  if (!isRecord(value)) return undefined;
  if (value["bomFormat"] === "CycloneDX") return "vex";
  if (typeof value["format"] === "string" && value["format"].startsWith("vauban/statement/")) return "statement";
  if ("runs" in value || (typeof value["$schema"] === "string" && value["$schema"].includes("sarif"))) return "sarif";
  return undefined;
}

/** Words of a stranger, kept short: a report shows them, and escapes them. */
export const short = (words: string, length = 200): string =>
  words.length <= length ? words : `${words.slice(0, length - 1)}…`;
