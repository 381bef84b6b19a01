/** Lock files into packages: the format is found by content, the name only says which files are looked at unasked. */
import { FormatError } from "#formats/error.ts";
import type { Locked } from "#provenance/packages.ts";
import { readCondaLock, readEnvironment } from "./conda.ts";
import { readNpm } from "./npm.ts";
import { readPipfile, readPoetry, readPylock, readRequirements, readUv } from "./python.ts";
import { isTable, jsonOf, lockText, tomlOf, yamlOf } from "./read.ts";

/** Files that are read when they lie beside a system file. */
export const LOCK_NAMES =
  /^(package-lock\.json|npm-shrinkwrap\.json|requirements([-_.][\w.-]+)?\.txt|Pipfile\.lock|uv\.lock|poetry\.lock|pylock(\.[\w-]+)?\.toml|(\w[\w.-]*\.)?conda-lock\.ya?ml|environment\.ya?ml)$/;

/** Which reader a file's content asks for. */
function readerOf(name: string, bytes: Uint8Array): (bytes: Uint8Array) => Locked {
  const text = lockText(name, bytes);
  const start = text.replace(/^\uFEFF/, "").trimStart();
  if (start.startsWith("{")) {
    const root = jsonOf(name, bytes);
    if ("lockfileVersion" in root || ("packages" in root && "name" in root)) return readNpm;
    if (isTable(root["_meta"]) && "default" in root) return readPipfile;
    throw unknown(name, "JSON, but neither of npm nor of pipenv");
  }
  if (/^\[\[packages?\]\]|^(lock-)?version\s*=/m.test(start)) {
    const root = tomlOf(name, bytes);
    if ("lock-version" in root) return readPylock;
    const metadata = root["metadata"];
    if (isTable(metadata) && ("lock-version" in metadata || "content-hash" in metadata)) return readPoetry;
    if ("package" in root && "version" in root) return readUv;
    throw unknown(name, "TOML, but none of uv, poetry or PEP 751");
  }
  if (/^(package|metadata|version):|^dependencies:|^channels:/m.test(start)) {
    const root = yamlOf(name, bytes);
    if (Array.isArray(root["package"])) return readCondaLock;
    if (Array.isArray(root["dependencies"])) return readEnvironment;
    throw unknown(name, "YAML, but neither conda-lock nor an environment of conda");
  }
  // Whatever is left is a requirements file only if its lines are.
  const lines = start
    .replace(/\\\r?\n/g, " ")
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, "").trim())
    .filter((line) => line !== "");
  if (lines.every((line) => /^(-|[A-Za-z0-9][\w.-]*\s*(\[[^\]]*\])?\s*([=<>!~@;]|--hash|$))/.test(line)))
    return readRequirements;
  throw unknown(name, "no lock file of npm, pip, pipenv, uv, poetry, PEP 751 or conda");
}

const unknown = (name: string, what: string): FormatError =>
  new FormatError(name, -1, `it is ${what}`, "name a lock file with --lock");

/** The packages of a lock file. Throws a FormatError that says what is wrong and what to do. */
export function readLock(name: string, bytes: Uint8Array): Locked {
  return readerOf(name, bytes)(bytes);
}
