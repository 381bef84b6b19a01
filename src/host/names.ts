/** Names in folders as bytes: Linux takes any, and only those that are UTF-8 can be written down and opened again by what was written. */
import { readdir } from "node:fs/promises";

export interface FolderName {
  /** The name; where it is no text, with each byte that is none written as `\xff`. */
  readonly name: string;
  /** Whether `name` opens it. Where it does not, another entry may well be called so. */
  readonly text: boolean;
  /** As the file system has it. */
  readonly bytes: Uint8Array;
}

/** The names in a folder, in order. Throws what the file system throws. */
export async function namesIn(folder: string): Promise<readonly FolderName[]> {
  return (await readdir(folder, { encoding: "buffer" }))
    .map(folderName)
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Decoding puts U+FFFD for what is no UTF-8: two names may then read the same, and neither opens as it reads. */
export function folderName(bytes: Buffer): FolderName {
  const name = bytes.toString("utf8");
  if (Buffer.from(name, "utf8").equals(bytes)) return { name, text: true, bytes };
  return {
    // Latin-1 keeps each byte a character of its own.
    name: bytes
      .toString("latin1")
      .replace(/[^\x20-\x7e]/g, (letter) => `\\x${letter.charCodeAt(0).toString(16).padStart(2, "0")}`),
    text: false,
    bytes,
  };
}
