/** JSON (RFC 8259) that is believed only when nothing in it is said twice: another reader would take the other value. */
import { FormatError } from "./error.ts";
import { readUtf8 } from "./text.ts";

export interface JsonLimits {
  readonly bytes: number;
  /** Lists and objects inside each other. */
  readonly depth: number;
}

/** Above any real bill of materials or signature; what walks a document afterwards may recurse this deep. */
export const JSON_LIMITS: JsonLimits = { bytes: 64 * 2 ** 20, depth: 100 };

const SPACE = /[ \t\n\r]/;

/** The value in the bytes. Throws a FormatError whose problem names line and column: no UTF-8, no JSON, too deep, a doubled key. */
export function readStrictJson(format: string, bytes: Uint8Array, limits: JsonLimits = JSON_LIMITS): unknown {
  if (bytes.length > limits.bytes)
    throw new FormatError(
      format,
      -1,
      `${bytes.length} bytes are more than the ${limits.bytes} that are read`,
      "name a smaller file",
    );
  const text = readUtf8(format, bytes);
  const refuse = (at: number, problem: string, remedy: string): FormatError => {
    const before = text.slice(0, at);
    const line = before.split("\n").length;
    return new FormatError(format, -1, `${problem} (line ${line}, column ${at - before.lastIndexOf("\n")})`, remedy);
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const at = /position (\d+)/.exec((error as Error).message)?.[1];
    throw refuse(at === undefined ? text.length : Number(at), "it is not JSON", "write it again; comments are no JSON");
  }
  inspect(text, limits.depth, refuse);
  return value;
}

/** One walk over text that is JSON: how deep it goes, and whether an object names a key twice. */
function inspect(
  text: string,
  depth: number,
  refuse: (at: number, problem: string, remedy: string) => FormatError,
): void {
  /** Keys of the objects around this place; undefined for a list. */
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === "{" || character === "[") {
      open.push(character === "{" ? new Set() : undefined);
      if (open.length > depth)
        throw refuse(at, `it is nested more than ${depth} deep`, "no document of this kind is that deep");
    } else if (character === "}" || character === "]") open.pop();
    else if (character === '"') {
      const start = at;
      for (at++; text[at] !== '"'; at++) if (text[at] === "\\") at++;
      const keys = open.at(-1);
      if (!keys) continue;
      let next = at + 1;
      while (SPACE.test(text[next] ?? "")) next++;
      if (text[next] !== ":") continue;
      const key = JSON.parse(text.slice(start, at + 1)) as string;
      if (keys.has(key))
        throw refuse(start, `the key ${JSON.stringify(key)} stands twice in one object`, "keep one of the two");
      keys.add(key);
    }
  }
}
