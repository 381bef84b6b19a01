/** The file an assessment is kept in: its own text, or for a large system the same with what repeats written once. */
import { HostError } from "#base/ports.ts";
import { dereferenced, referencedPieces } from "#base/references.ts";
import {
  ASSESSMENT_FORMAT,
  ASSESSMENT_SHARED_FORMAT,
  assessment as assessmentSchema,
  type Assessment,
} from "#assessment/index.ts";
import { filesHere } from "#host/index.ts";
import { plain } from "./terminal.ts";

/** One of a thousand components stays far below this. */
const ASSESSMENT_LIMIT = 2 ** 29;
/** With more risks than this the file would be of many megabytes, most of them repeated. */
const RISKS_IN_FULL = 2_000;

/** The text of the file, in pieces. */
export function assessmentPieces(assessment: Assessment): Iterable<string> {
  const shared =
    assessment.body.risks.length > RISKS_IN_FULL
      ? referencedPieces({ ...assessment, format: ASSESSMENT_SHARED_FORMAT })
      : undefined;
  return shared ?? [`${JSON.stringify(assessment, null, 1)}\n`];
}

/** Throws HostErrors that name the file and what to do. */
export async function readAssessment(path: string): Promise<Assessment> {
  const bytes = await filesHere().readWhole(path, ASSESSMENT_LIMIT);
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new HostError(
      `${path} is neither JSON nor a system file`,
      "name a vauban.yaml, its folder, or an assessment.json",
    );
  }
  const format = (document as { format?: unknown } | null)?.format;
  if (format !== ASSESSMENT_FORMAT && format !== ASSESSMENT_SHARED_FORMAT)
    throw new HostError(
      `${path} is not an assessment${typeof format === "string" ? ` but ${plain(format)}` : ""}`,
      "`vauban assess` writes one to .vauban/latest/assessment.json",
    );
  const parsed = assessmentSchema.safeParse(
    format === ASSESSMENT_SHARED_FORMAT ? inFull(path, document as Record<string, unknown>) : document,
  );
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new HostError(
      `${path} is not an assessment of this version: ${plain(issue?.path.join(".") ?? "")} ${plain(issue?.message ?? "")}`,
      "run `vauban assess` again",
    );
  }
  return parsed.data as Assessment;
}

function inFull(path: string, document: Record<string, unknown>): unknown {
  try {
    return { ...dereferenced(document), format: ASSESSMENT_FORMAT };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new HostError(`${path} is not a whole assessment: ${plain(error.message)}`, "run `vauban assess` again");
  }
}
