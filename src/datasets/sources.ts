/** The files of an evaluation set: found, read whole, hashed, and named in whatever is wrong with them. */
import type { Diagnostic } from "#base/diagnostics.ts";
import { nearest } from "#base/diagnostics.ts";
import { hashOf } from "#base/hash.ts";
import type { FileEntry, Files } from "#base/ports.ts";
import { FormatError } from "#formats/error.ts";
import type { Declared, InputFile } from "./evaluation-set.ts";

/** Most bytes of one file, packed or unpacked. */
export const BYTES_MAX = 2 ** 31 - 1;

export interface DatasetSpec extends Declared {
  /** A file or a folder, relative to the root of `files`. */
  readonly path: string;
  /** Where the labels lie when they are not found from `path`. */
  readonly labels?: string;
  /** Names of the arrays in an .npz, or of the columns in a table, where they are not the usual ones. */
  readonly keys?: { readonly x?: string; readonly y?: string; readonly units?: string };
  /** The digest the author gave; data that changed since are refused. */
  readonly sha256?: string;
}

/** Problems that end the reading; the diagnostics are for the author. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly diagnostics: readonly Diagnostic[];
  constructor(...diagnostics: readonly Diagnostic[]) {
    super(diagnostics[0]?.message);
    this.diagnostics = diagnostics;
  }
}

/** A FormatError and the file it is about. */
export class FileProblem extends Error {
  override readonly name = "FileProblem";
  readonly path: string;
  readonly problem: FormatError;
  constructor(path: string, problem: FormatError) {
    super(problem.message);
    this.path = path;
    this.problem = problem;
  }
}
export const describe = ({ path, problem }: FileProblem): Diagnostic => ({
  code: "E402",
  message: `${path}: ${problem.message}`,
  hint: problem.remedy,
});

/** Runs a reader and names the file in what it refuses. */
export async function reading<T>(path: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw error instanceof FormatError ? new FileProblem(path, error) : error;
  }
}

export async function existing(files: Files, path: string): Promise<FileEntry> {
  const entry = await files.stat(path);
  if (!entry) {
    const slash = path.lastIndexOf("/");
    const folder = slash < 0 ? "." : path.slice(0, slash) || "/";
    const siblings = await files.list(folder, { limit: 1000 }).catch(() => []);
    const meant = nearest(
      path.slice(slash + 1),
      siblings.map((sibling) => baseName(sibling.path)),
    );
    throw new Refusal({
      code: "E400",
      message: `${path}: there is no such file or folder`,
      hint: meant
        ? `did you mean "${slash < 0 ? "" : path.slice(0, slash + 1)}${meant}"?`
        : `paths are relative to ${files.from ?? "the system file"}`,
    });
  }
  if (entry.kind !== "file" && entry.kind !== "folder")
    throw new Refusal({
      code: "E400",
      message: `${path}: it is neither a file nor a folder`,
      hint: "name a regular file or folder",
    });
  return entry;
}

export const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** A file as it lies there. */
export interface SourceFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

export async function readSource(files: Files, path: string): Promise<SourceFile> {
  const bytes = await files.readWhole(path, BYTES_MAX);
  return { path, bytes, sha256: await digestOf(bytes) };
}

async function digestOf(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const inputOf = (role: InputFile["role"], { path, sha256, bytes }: SourceFile): InputFile => ({
  role,
  path,
  sha256,
  size: bytes.length,
});

/** One file: its own digest. Several: the hash of their list, so that none can be exchanged unseen. */
export const digest = (inputs: readonly { role: string; path: string; sha256: string }[]): string =>
  inputs.length === 1 ? inputs[0]!.sha256 : hashOf(inputs.map(({ role, sha256 }) => ({ role, sha256 })));

/** Usual names of the array or column that holds independent units. */
export const UNITS = ["units", "unit", "groups", "group", "patients", "patient", "patient_id", "subject", "track"];
