/** Tables as text (RFC 4180 and its common relatives): commas, semicolons or tabs, with or without a header line. */
import { CsvError, parse } from "csv-parse/sync";
import { FormatError } from "./error.ts";
import { readUtf8 } from "./text.ts";

export interface CsvTable {
  /** Column names, or undefined where the first line already holds values. */
  readonly header: readonly string[] | undefined;
  readonly width: number;
  readonly rows: number;
  /** rows × width; NaN where a cell holds no number and in the columns kept as text. */
  readonly numbers: Float64Array;
  /** The cells of the columns asked for as text, by column index. */
  readonly texts: ReadonlyMap<number, readonly string[]>;
  /** Line of each row, from 1. */
  readonly lines: Int32Array;
  /** Cells that are neither a number nor a spelling of NaN or infinity, in columns not kept as text; the first few, and how many. */
  readonly strange: readonly { readonly line: number; readonly column: number; readonly text: string }[];
  readonly strangeCount: number;
}

export interface CsvOptions {
  /** Which columns are kept as text, decided once the header and the width are known. */
  readonly textColumns?: (header: readonly string[] | undefined, width: number) => readonly number[];
  /** Whether the first line is a header; absent: see `readCsv`. */
  readonly header?: boolean;
  readonly cellsMax?: number;
}

const FORMAT = "csv";
const BYTES_MAX = 2 ** 28;
const RECORD_MAX = 2 ** 22;
const STRANGE_SHOWN = 10;
/** Words that make a first line a header even where its other cells are numbers (pandas numbers columns from 0). */
const HEADER_WORDS = new Set(["label", "labels", "y", "target", "class", "file", "filename", "path", "image"]);

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const SPECIAL: Readonly<Record<string, number>> = {
  "": NaN,
  nan: NaN,
  na: NaN,
  "n/a": NaN,
  null: NaN,
  inf: Infinity,
  "+inf": Infinity,
  "-inf": -Infinity,
  infinity: Infinity,
  "-infinity": -Infinity,
};
/** The number a cell spells; undefined for other words. An empty cell is NaN: missing, not zero. */
const numberIn = (cell: string): number | undefined => (NUMBER.test(cell) ? Number(cell) : SPECIAL[cell.toLowerCase()]);

/**
 * Reads a table. The delimiter is the one of `,` `;` tab that the first line has most of. The first line is a header when
 * none of its cells is a number, or when one is a usual name of a label or file column.
 * Throws a FormatError for text that is not UTF-8, rows of unequal length, stray quotes, repeated column names, an empty
 * table and one beyond the limits.
 */
export function readCsv(bytes: Uint8Array, options: CsvOptions = {}): CsvTable {
  if (bytes.length > BYTES_MAX)
    throw new FormatError(
      FORMAT,
      BYTES_MAX,
      `${bytes.length} bytes are more than the ${BYTES_MAX} that are read`,
      "save the arrays with numpy.savez(path, x=…, y=…)",
    );
  const text = readUtf8(FORMAT, bytes);
  const cellsMax = options.cellsMax ?? 2 ** 27;
  let header: readonly string[] | undefined;
  let width = 0;
  let started = false;
  let kept: readonly number[] = [];
  let isKept: boolean[] = [];
  const texts = new Map<number, string[]>();
  const strange: { line: number; column: number; text: string }[] = [];
  let strangeCount = 0;
  const lines: number[] = [];
  let numbers = new Float64Array(1024);
  let used = 0;
  const takeRow = (cells: readonly string[], line: number): void => {
    if (used + width > cellsMax)
      throw new FormatError(
        FORMAT,
        0,
        `line ${line}: more than ${cellsMax} cells`,
        "keep an evaluation set of a few thousand samples in a file of its own",
      );
    if (used + width > numbers.length) {
      const larger = new Float64Array(Math.max(2 * numbers.length, used + width));
      larger.set(numbers.subarray(0, used));
      numbers = larger;
    }
    cells.forEach((cell, column) => {
      if (isKept[column]) {
        texts.get(column)!.push(cell);
        numbers[used + column] = NaN;
        return;
      }
      const number = numberIn(cell);
      if (number === undefined) {
        strangeCount++;
        if (strange.length < STRANGE_SHOWN) strange.push({ line, column, text: cell });
      }
      numbers[used + column] = number ?? NaN;
    });
    used += width;
    lines.push(line);
  };
  try {
    parse(text, {
      bom: true,
      delimiter: delimiterOf(text),
      trim: true,
      skip_empty_lines: true,
      max_record_size: RECORD_MAX,
      on_record: (record: string[], { lines: line }) => {
        if (started) {
          takeRow(record, line);
          return null;
        }
        started = true;
        width = record.length;
        if (options.header ?? looksLikeHeader(record)) header = checkedHeader(record, line);
        kept = options.textColumns?.(header, width) ?? [];
        isKept = Array.from({ length: width }, (_, column) => kept.includes(column));
        for (const column of kept) texts.set(column, []);
        if (!header) takeRow(record, line);
        return null;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new FormatError(
      FORMAT,
      offsetOf(error, bytes),
      csvProblem(error),
      "open the file at that line and mend it, or export it again",
    );
  }
  if (!started || lines.length === 0)
    throw new FormatError(
      FORMAT,
      bytes.length,
      "the table has no rows",
      "name the file that holds the evaluation data",
    );
  return {
    header,
    width,
    rows: lines.length,
    numbers: numbers.subarray(0, used),
    texts,
    lines: Int32Array.from(lines),
    strange,
    strangeCount,
  };
}

function looksLikeHeader(cells: readonly string[]): boolean {
  return (
    cells.every((cell) => numberIn(cell) === undefined || cell === "") ||
    cells.some((cell) => HEADER_WORDS.has(cell.toLowerCase()))
  );
}

function checkedHeader(cells: readonly string[], line: number): readonly string[] {
  const repeated = cells.find((cell, i) => cell !== "" && cells.indexOf(cell) < i);
  if (repeated !== undefined)
    throw new FormatError(
      FORMAT,
      0,
      `line ${line}: two columns are called "${repeated}"`,
      "give every column a name of its own",
    );
  return cells;
}

/** The delimiter the first line has most of outside quotes; a comma where it has none. */
function delimiterOf(text: string): string {
  const counts = new Map([",", ";", "\t"].map((delimiter) => [delimiter, 0]));
  let quoted = false;
  for (let at = 0; at < text.length && at < RECORD_MAX; at++) {
    const character = text[at]!;
    if (character === '"') quoted = !quoted;
    else if (!quoted && character === "\n") break;
    else if (!quoted && counts.has(character)) counts.set(character, counts.get(character)! + 1);
  }
  return [...counts].reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}

const csvProblem = (error: CsvError): string =>
  error.code === "CSV_MAX_RECORD_SIZE"
    ? `a line is longer than ${RECORD_MAX} characters`
    : error.message.replace(/\.?$/, "").replace(/^[A-Z]/, (letter) => letter.toLowerCase());

function offsetOf(error: CsvError, bytes: Uint8Array): number {
  const at = (error as { bytes?: unknown }).bytes;
  return typeof at === "number" ? Math.min(at, bytes.length) : 0;
}
