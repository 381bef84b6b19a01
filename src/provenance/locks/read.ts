/** What every lock file is read with: values that are only believed to be what they must be, and what is wrong in one error. */
import { parse as parseToml } from "smol-toml";
import { FormatError } from "#formats/error.ts";
import { readStrictJson } from "#formats/json-strict.ts";
import { readUtf8 } from "#formats/text.ts";
import { readYaml, TEXT_LIMITS } from "#system/yaml.ts";

export type Table = Readonly<Record<string, unknown>>;

export const isTable = (value: unknown): value is Table =>
  typeof value === "object" && value !== null && !Array.isArray(value);
export const tables = (value: unknown): readonly Table[] => (Array.isArray(value) ? value.filter(isTable) : []);
export const entriesOf = (value: unknown): readonly (readonly [string, unknown])[] =>
  isTable(value) ? Object.entries(value) : [];
export const word = (value: unknown): string | undefined =>
  typeof value === "string" && value.trim() !== "" ? value : undefined;
export const words = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];

/** A lock file of ten thousand packages is about ten megabytes. */
const LOCK_BYTES_MAX = 64 * 2 ** 20;
const YAML_LIMITS = {
  ...TEXT_LIMITS,
  characters: 8_000_000,
  lineCharacters: 1_000_000,
  values: 400_000,
};

export function lockText(format: string, bytes: Uint8Array): string {
  if (bytes.length > LOCK_BYTES_MAX)
    throw new FormatError(
      format,
      -1,
      `${bytes.length} bytes are more than the ${LOCK_BYTES_MAX} that are read`,
      "name the lock file itself",
    );
  return readUtf8(format, bytes);
}

export function tomlOf(format: string, bytes: Uint8Array): Table {
  const text = lockText(format, bytes);
  try {
    return parseToml(text) as Table;
  } catch (error) {
    if (error instanceof RangeError)
      throw new FormatError(format, -1, "it is nested too deeply to be read", "write it again with its tool");
    const [first] = (error as Error).message.split("\n");
    throw new FormatError(format, -1, `it is not TOML: ${first}`, "write it again with its tool");
  }
}

export function jsonOf(format: string, bytes: Uint8Array): Table {
  const value = readStrictJson(format, bytes);
  if (!isTable(value)) throw new FormatError(format, -1, "it is no JSON object", "write it again with its tool");
  return value;
}

export function yamlOf(format: string, bytes: Uint8Array): Table {
  const { located, diagnostics } = readYaml(lockText(format, bytes), format, YAML_LIMITS);
  const [said] = diagnostics;
  if (said || !located || !isTable(located.value))
    throw new FormatError(
      format,
      -1,
      said ? `${said.message}${said.span ? ` (line ${said.span.line})` : ""}` : "it is no mapping",
      "write it again with its tool",
    );
  return located.value;
}
