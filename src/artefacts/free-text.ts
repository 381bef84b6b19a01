/**
 * Text that nobody executes – metadata, names, descriptions, documents beside models – and what has no business in it:
 * credentials, programs in base64, addresses of machines, and in a model's metadata source that runs programs.
 */
import { contentOf, type Content } from "#formats/content.ts";
import type { Subject } from "./check.ts";
import { carrierOf } from "./payload.ts";
import { secretFinding, secretsIn } from "./secrets.ts";

/** A piece of text, and the bytes it stands at. */
export interface Piece {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Every character is one byte, so that places within it can be said. */
  readonly exact?: boolean;
}

/** Python that starts programs, runs code or loads pickles, as it stands in source; prose about evaluation does not match. */
const CODE =
  /\b(?:os\.(?:system|popen|exec[lv]p?e?|spawn\w+)|subprocess\.(?:run|call|check_call|check_output|Popen|getoutput|getstatusoutput)|pty\.spawn|__import__|marshal\.loads|pickle\.loads?|importlib\.import_module|ctypes\.CDLL)\s*\(|(?<![\w.])(?:eval|exec)\s*\(\s*(?:["'(\w]*(?:compile|base64|b64decode|__import__|open|requests|urllib|codecs|bytes|zlib)|["'])/;
/** Beginnings of programs that base64 is found to hold. */
const PROGRAMS: readonly (readonly [what: string, magic: readonly number[]])[] = [
  ["an ELF program", [0x7f, 0x45, 0x4c, 0x46]],
  ["a Mach-O program", [0xcf, 0xfa, 0xed, 0xfe]],
  ["a script for an interpreter", [0x23, 0x21, 0x2f]],
];
const BASE64 = /[A-Za-z0-9+/]{64,}={0,2}/g;
const HEX = /(?:[0-9a-fA-F]{2}){48,}/g;
/** Encoded pieces of one text that are looked into. */
const BLOBS_MAX = 40;
const BLOB_MAX = 8 * 2 ** 20;
/** A numbered host, a hidden service, or a place where anybody may leave things: no home of a model. */
const ADDRESS =
  /\bhttps?:\/\/(?:(?!127\.|0\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)\d{1,3}(?:\.\d{1,3}){3}|[\w.-]+\.onion|pastebin\.com|paste\.ee|transfer\.sh|[\w-]+\.ngrok(?:-free)?\.(?:io|app)|webhook\.site|[\w-]+\.(?:oastify|interact)\.\w+)(?:[:/][^\s"'<>\\)]*)?/g;
const ADDRESSES_MAX = 5;

/** Looks through the texts of a model's metadata. `where`: what they are, for the messages. */
export function lookThrough(subject: Subject, pieces: Iterable<Piece>, where: string, { code = true } = {}): void {
  let blobs = 0;
  let addresses = 0;
  for (const piece of pieces) {
    const { text, start, end, exact } = piece;
    subject.meter.tick();
    const at = (from: number, to: number): { start: number; end: number } =>
      exact ? { start: start + from, end: start + to } : { start, end };
    for (const secret of secretsIn(text)) {
      const { start: from, end: to } = at(secret.start, secret.end);
      subject.report(secretFinding(secret, from, to, where));
    }
    const match = code ? CODE.exec(text) : null;
    if (match)
      subject.report({
        rule: "code-in-metadata",
        severity: "suspicious",
        confidence: "medium",
        ...at(match.index, match.index + match[0].length),
        message: `${where} holds Python that would run (${JSON.stringify(match[0].slice(0, 60))}): nothing here runs it, and it waits for somebody who does`,
      });
    if (addresses < ADDRESSES_MAX && text.includes("://"))
      for (const found of text.matchAll(ADDRESS)) {
        if (++addresses > ADDRESSES_MAX) break;
        subject.report({
          rule: "address",
          severity: "note",
          confidence: "medium",
          ...at(found.index, found.index + found[0].length),
          message: `${where} names ${JSON.stringify(found[0].slice(0, 120))}`,
        });
      }
    if (text.length < 64) continue;
    for (const [pattern, decode, how] of [
      [BASE64, fromBase64, "in base64"],
      [HEX, fromHex, "in hexadecimal"],
    ] as const)
      for (const found of text.matchAll(pattern)) {
        if (blobs >= BLOBS_MAX) break;
        const head = decode(found[0].slice(0, 96));
        const program = PROGRAMS.find(([, magic]) => magic.every((byte, i) => head[i] === byte))?.[0] ?? windows(head);
        const what = program ?? carrierOf(head);
        if (what === undefined || found[0].length > BLOB_MAX) continue;
        blobs++;
        const range = at(found.index, found.index + found[0].length);
        if (program === undefined)
          subject.probe(`${what} at ${range.start}`, contentOf(decode(found[0])), {
            ...range,
            what: `a ${what} ${how}`,
          });
        else
          subject.report({
            rule: "carried-program",
            severity: "suspicious",
            confidence: "medium",
            ...range,
            message: `${where} holds ${program} ${how}`,
          });
      }
  }
}

const windows = (head: Uint8Array): string | undefined =>
  head[0] === 0x4d && head[1] === 0x5a && head[2] === 0x90 && head[3] === 0 ? "a Windows program" : undefined;

function fromBase64(text: string): Uint8Array {
  const plain = text.replace(/=+$/, "");
  const whole = atob(plain.slice(0, plain.length - (plain.length % 4 === 1 ? 1 : 0)));
  return Uint8Array.from(whole, (letter) => letter.charCodeAt(0));
}
function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length >> 1 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

const latin1 = new TextDecoder("latin1");
const PIECE = 1 << 20;
const OVERLAP = 8192;

/** Text of a whole file in pieces that overlap, so that nothing is cut in two. Characters are bytes: offsets stay. */
export function* piecesOf(content: Content): Generator<Piece> {
  for (let at = 0; at < content.size; at += PIECE) {
    const length = Math.min(PIECE + OVERLAP, content.size - at);
    yield { text: latin1.decode(content.read(at, length)), start: at, end: at + length, exact: true };
  }
}
