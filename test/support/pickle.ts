/** A small assembler for pickles, to write hostile ones without Python. What it writes is read by tests and never loaded. */

type Part = Uint8Array | number | string;

/** Bytes: numbers are bytes, strings are Latin-1. */
export function bytes(...parts: readonly Part[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(
    parts.reduce<number>((sum, part) => sum + (typeof part === "number" ? 1 : part.length), 0),
  );
  let at = 0;
  for (const part of parts) {
    if (typeof part === "number") whole[at++] = part;
    else if (typeof part === "string") for (let i = 0; i < part.length; i++) whole[at++] = part.charCodeAt(i);
    else {
      whole.set(part, at);
      at += part.length;
    }
  }
  return whole;
}

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

export const op = {
  proto: (version: number) => bytes(0x80, version),
  stop: bytes("."),
  mark: bytes("("),
  pop: bytes("0"),
  none: bytes("N"),
  int: (value: number) => bytes("J", u32(value)),
  str: (text: string) => {
    const utf8 = new TextEncoder().encode(text);
    return utf8.length < 256 ? bytes(0x8c, utf8.length, utf8) : bytes("X", u32(utf8.length), utf8);
  },
  bytes: (content: Uint8Array) => bytes("B", u32(content.length), content),
  global: (module: string, name: string) => bytes("c", module, "\n", name, "\n"),
  stackGlobal: (module: string, name: string) => bytes(op.str(module), op.str(name), 0x93),
  inst: (module: string, name: string) => bytes("i", module, "\n", name, "\n"),
  tuple: (...items: readonly Uint8Array[]) => bytes("(", ...items, "t"),
  list: (...items: readonly Uint8Array[]) => bytes("](", ...items, "e"),
  dict: (...items: readonly Uint8Array[]) => bytes("}(", ...items, "u"),
  reduce: bytes("R"),
  newobj: bytes(0x81),
  obj: bytes("o"),
  build: bytes("b"),
  put: (index: number) => bytes("q", index),
  get: (index: number) => bytes("h", index),
  memoize: bytes(0x94),
  frame: (length: number) => bytes(0x95, u32(length), 0, 0, 0, 0),
  setitem: bytes("s"),
  persid: bytes("Q"),
  /** callee(*args) */
  call: (callee: Uint8Array, ...args: readonly Uint8Array[]) => bytes(callee, op.tuple(...args), "R"),
} as const;

/** A whole stream of protocol 4. */
export const pickle = (...parts: readonly Part[]): Uint8Array<ArrayBuffer> => bytes(op.proto(4), ...parts, ".");
