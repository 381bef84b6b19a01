/**
 * Looks through bytes that no check understood for what could run: pickles, archives, programs and Python source. Finding
 * nothing says nothing – the bytes stay unread – but what is found is said.
 */
import { contentOf, upTo, type Content } from "#formats/content.ts";
import { presentName, runPickle } from "#formats/pickle.ts";
import type { Finding } from "./check.ts";
import { Judge } from "./judge.ts";
import type { Range } from "./ledger.ts";
import type { Meter } from "./limits.ts";
import { standingOf } from "./policy.ts";

const CHUNK = 1 << 20;
/** Long enough for any pattern below, and for the imports of a pickle that begins at the end of a chunk. */
const OVERLAP = 4096;
const FINDINGS = 20;
/** Pickles that are followed per range; random bytes start like one every 16 kB. */
const FOLLOWED = 4000;
const FOLLOW_OPCODES = 2000;

const ascii = (text: string): readonly number[] => Array.from(text, (letter) => letter.charCodeAt(0));

/** What Python source needs to do harm, as it stands in text. */
const SOURCE = [
  "__import__(",
  "os.system(",
  "os.popen(",
  "subprocess.",
  "eval(",
  "exec(",
  "import os\n",
  "import os;",
  "import os,",
  "import subprocess",
  "import socket",
  "import ctypes",
  "import pty",
  "marshal.loads(",
  "pickle.loads(",
];
const SOURCE_BY_LETTER = new Map<number, (readonly number[])[]>();
for (const text of SOURCE) {
  const letters = ascii(text);
  SOURCE_BY_LETTER.set(letters[0]!, [...(SOURCE_BY_LETTER.get(letters[0]!) ?? []), letters]);
}

/** What follows a magic number of four bytes, which gigabytes of numbers hold by chance; true where too little is there to tell. */
type Follows = (bytes: Uint8Array, at: number) => boolean;
/** Class, byte order and version. */
const elf: Follows = (bytes, at) =>
  at + 7 > bytes.length ||
  ((bytes[at + 4] === 1 || bytes[at + 4] === 2) && (bytes[at + 5] === 1 || bytes[at + 5] === 2) && bytes[at + 6] === 1);
/** A processor of 64 bits and a kind of file. */
const machO: Follows = (bytes, at) =>
  at + 16 > bytes.length ||
  (bytes[at + 7] === 1 && bytes[at + 5] === 0 && bytes[at + 13] === 0 && bytes[at + 14] === 0);
/** A version, a method and the length of a name, as zip programs write them. */
const zip: Follows = (bytes, at) =>
  at + 30 > bytes.length ||
  (bytes[at + 4]! <= 63 &&
    bytes[at + 9] === 0 &&
    bytes[at + 8]! <= 99 &&
    bytes[at + 27]! <= 16 &&
    (bytes[at + 26]! | bytes[at + 27]!) > 0);

/** The magic numbers of programs and containers. */
const MAGICS: readonly (readonly [what: string, magic: readonly number[], follows?: Follows])[] = [
  ["a zip archive", [0x50, 0x4b, 3, 4], zip],
  ["an ELF program", [0x7f, 0x45, 0x4c, 0x46], elf],
  ["a script for an interpreter", ascii("#!/bin/")],
  ["a script for an interpreter", ascii("#!/usr/")],
  ["a Mach-O program", [0xcf, 0xfa, 0xed, 0xfe], machO],
  ["a 7-Zip archive", [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
];
const MAGIC_BY_BYTE = Map.groupBy(MAGICS, ([, magic]) => magic[0]!);

/** Bytes that begin any pattern. */
const BEGINS = new Uint8Array(256);
for (const byte of [0x80, 0x63, 0x69, 0x8c, 0x58, 0x56, 0x4d, ...MAGIC_BY_BYTE.keys(), ...SOURCE_BY_LETTER.keys()])
  BEGINS[byte] = 1;

const matchesAt = (bytes: Uint8Array, at: number, letters: readonly number[]): boolean =>
  at + letters.length <= bytes.length && letters.every((letter, i) => bytes[at + i] === letter);

/** Opcodes that can come first, after PROTO: those that take nothing from the stack. */
const OPENS = new Set(
  ascii("(]}).NIJKMLFGSTUVXBCcP").concat([
    0x8f, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x95, 0x96, 0x80, 0x82, 0x83, 0x84,
  ]),
);
const startsName = (byte: number | undefined): boolean =>
  byte !== undefined && ((byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte === 95);

class Enough extends Error {}

/**
 * Reports what could run in these ranges. `text`: they lie in plain text, where source and scripts are no surprise;
 * `unrecognised`: they are a whole file that no check recognised.
 */
export function sweep(
  content: Content,
  ranges: readonly Range[],
  report: (finding: Finding) => void,
  meter: Meter,
  { text, unrecognised }: { readonly text: boolean; readonly unrecognised: boolean },
): void {
  let left = FINDINGS;
  let follow = FOLLOWED;
  const said = new Set<string>();
  const tell = (at: number, end: number, what: string, severity: Finding["severity"] = "suspicious"): void => {
    if (left <= 0 || said.has(what)) return;
    said.add(what);
    left--;
    report({
      rule: "payload-in-unread-bytes",
      severity,
      confidence: "medium",
      start: at,
      end,
      message: `bytes that nothing accounts for hold ${what}`,
    });
  };
  for (const { start, end } of ranges)
    for (let from = start; from < end; from += CHUNK) {
      meter.tick();
      // What begins in a range may go on behind it, in bytes that a format takes for something of its own.
      const bytes = upTo(content, from, Math.min(CHUNK, end - from) + OVERLAP);
      const stop = Math.min(CHUNK, end - from);
      for (let i = 0; i < stop; i++) {
        const byte = bytes[i]!;
        if (BEGINS[byte] === 0) continue;
        switch (byte) {
          case 0x80:
            if (bytes[i + 1]! <= 5 && i + 3 < bytes.length && OPENS.has(bytes[i + 2]!) && follow > 0) {
              follow--;
              followFrom(bytes, i, from, tell);
            }
            break;
          case 0x63: // c: GLOBAL
          case 0x69: // i: INST
          case 0x56: // UNICODE before STACK_GLOBAL
          case 0x8c: // SHORT_BINUNICODE
          case 0x58: // BINUNICODE
            if (startsName(bytes[i + (byte === 0x8c ? 2 : byte === 0x58 ? 5 : 1)])) importAt(bytes, i, from, tell);
            break;
          default:
        }
        // An archive that is a whole file is unread and said to be; a program that is one is a program.
        if (!(unrecognised && from + i === 0 && byte === 0x37) && !(text && byte === 0x23))
          for (const [what, magic, follows] of MAGIC_BY_BYTE.get(byte) ?? [])
            if (matchesAt(bytes, i, magic) && (follows?.(bytes, i) ?? true))
              tell(from + i, from + i + magic.length, what);
        if (byte === 0x4d && bytes[i + 1] === 0x5a && isPe(bytes, i)) tell(from + i, from + i + 2, "a Windows program");
        if (!text) {
          const sources = SOURCE_BY_LETTER.get(byte);
          if (sources)
            for (const letters of sources)
              if (matchesAt(bytes, i, letters))
                tell(
                  from + i,
                  from + i + letters.length,
                  `Python source ("${String.fromCharCode(...letters).trim()}")`,
                );
        }
      }
    }
}

type Tell = (at: number, end: number, what: string, severity?: Finding["severity"]) => void;

function followFrom(bytes: Uint8Array, at: number, base: number, tell: Tell): void {
  const content = contentOf(bytes.subarray(at));
  const judge = new Judge(content);
  let opcodes = 0;
  // Numbers that happen to be opcodes call what is nothing; nobody gets anywhere without a name, and names are no accident.
  let names = 0;
  try {
    runPickle(content, 0, {
      imported: (what) => {
        if (what.kind === "global" && NAME.test(what.module) && NAME.test(what.name)) names++;
        judge.imported(what);
        if (++opcodes > FOLLOW_OPCODES) throw new Enough();
      },
      called: (call) => {
        judge.called(call);
        if (++opcodes > FOLLOW_OPCODES) throw new Enough();
      },
      built: (target, state, where) => judge.built(target, state, where),
      tick: () => {
        throw new Enough();
      },
    });
  } catch (error) {
    if (!(error instanceof Enough)) throw error;
  }
  if (names === 0) return;
  const grave = judge.findings.find(({ severity }) => severity === "malicious" || severity === "suspicious");
  if (grave) tell(base + at, base + at + grave.end, `a pickle: ${grave.message}`, grave.severity);
}

/** Bytes that a dotted name may hold. */
const IN_NAME = new Uint8Array(256);
for (const byte of ascii("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.")) IN_NAME[byte] = 1;
const NAME = /^[A-Za-z_][\w.]{0,200}$/;

/** An import of something harmful, as pickles write it, wherever it stands. */
function importAt(bytes: Uint8Array, at: number, base: number, tell: Tell): void {
  let module: string | undefined;
  let name: string | undefined;
  let end = at;
  // A name up to the end of its line; most bytes that look like an opcode are letters of a text, and stop at once.
  const line = (from: number): { text: string; next: number } | undefined => {
    let to = from;
    while (to < bytes.length && to - from < 200 && IN_NAME[bytes[to]!] === 1) to++;
    return bytes[to] === 10 ? { text: String.fromCharCode(...bytes.subarray(from, to)), next: to + 1 } : undefined;
  };
  const skipMemo = (from: number): number => {
    if (bytes[from] === 0x94) return from + 1;
    if (bytes[from] === 0x71) return from + 2;
    if (bytes[from] === 0x72) return from + 5;
    return from;
  };
  const text = (from: number): { text: string; next: number } | undefined => {
    const opcode = bytes[from];
    if (opcode === 0x56) return line(from + 1);
    const header = opcode === 0x8c ? 2 : opcode === 0x58 ? 5 : 0;
    if (header === 0) return undefined;
    const length = opcode === 0x8c ? bytes[from + 1]! : bytes[from + 1]! | (bytes[from + 2]! << 8);
    if (opcode === 0x58 && (bytes[from + 3] !== 0 || bytes[from + 4] !== 0)) return undefined;
    if (length === 0 || length > 200 || from + header + length > bytes.length) return undefined;
    for (let i = from + header; i < from + header + length; i++) if (IN_NAME[bytes[i]!] === 0) return undefined;
    return {
      text: String.fromCharCode(...bytes.subarray(from + header, from + header + length)),
      next: from + header + length,
    };
  };
  if (bytes[at] === 0x63 || bytes[at] === 0x69) {
    const first = line(at + 1);
    if (!first || !NAME.test(first.text)) return;
    const second = line(first.next);
    if (!second) return;
    [module, name, end] = [first.text, second.text, second.next];
  } else {
    const first = text(at);
    if (!first || !NAME.test(first.text)) return;
    const second = text(skipMemo(first.next));
    if (!second || bytes[skipMemo(second.next)] !== 0x93) return;
    [module, name, end] = [first.text, second.text, skipMemo(second.next) + 1];
  }
  if (!NAME.test(name)) return;
  const present = presentName(module, name);
  const standing = standingOf(present.module, present.name);
  if (standing.is === "harmful")
    tell(base + at, base + end, `a pickle's import of ${present.module}.${present.name}, which ${standing.does}`);
}

function isPe(bytes: Uint8Array, at: number): boolean {
  if (at + 64 > bytes.length) return false;
  const header = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(60, true);
  return header < 4096 && matchesAt(bytes, at + header, [0x50, 0x45, 0, 0]);
}

/** Whether the first kilobytes are text without control characters. */
export function looksLikeText(content: Content): boolean {
  const sample = upTo(content, 0, 4096);
  return sample.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d) || byte === 0x1b);
}
