/** Bytes inside bytes: text that is base64 or hex of something, and what is worth looking into. */
import type { Content } from "#formats/content.ts";
import { bytesOf, textOf, type Text } from "#formats/pickle.ts";

const starts = (bytes: Uint8Array, ...magic: readonly number[]): boolean => magic.every((byte, i) => bytes[i] === byte);

/** A name for what starts like this, where it is something that can carry or be code. */
export function carrierOf(head: Uint8Array): string | undefined {
  if (head[0] === 0x80 && head[1]! >= 1 && head[1]! <= 5) return "pickle";
  if (starts(head, 0x50, 0x4b, 3, 4)) return "zip archive";
  if (starts(head, 0x1f, 0x8b, 8)) return "gzip stream";
  if (head[0] === 0x78 && ((head[0] << 8) | head[1]!) % 31 === 0 && (head[1]! & 0x20) === 0) return "zlib stream";
  if (starts(head, 0x42, 0x5a, 0x68) && head[3]! >= 0x31 && head[3]! <= 0x39) return "bzip2 stream";
  if (starts(head, 0xfd, 0x37, 0x7a, 0x58, 0x5a, 0)) return "xz stream";
  if (starts(head, 0x28, 0xb5, 0x2f, 0xfd)) return "zstd stream";
  if (starts(head, 0x04, 0x22, 0x4d, 0x18)) return "lz4 stream";
  if (starts(head, 0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59)) return "npy array";
  if (isImport(head)) return "pickle";
  return undefined;
}

/** `c` or `(…i` with two lines of names: the start of a pickle without a PROTO opcode. */
function isImport(head: Uint8Array): boolean {
  if ((head[0] !== 0x63 && head[0] !== 0x28) || !head.includes(10)) return false;
  return /^\(*(?:c[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n|.{0,40}[ci][A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n)/s.test(
    String.fromCharCode(...head.subarray(0, 160)),
  );
}

const HEAD = 160;
const BASE64 = /^[A-Za-z0-9+/_-][A-Za-z0-9+/_\-\s]*={0,2}\s*$/;
const HEX = /^(?:[0-9a-fA-F]{2}\s*)+$/;

/** Whether anything above begins with these two bytes; most data does not, and is looked at no further. */
function begins(a: number, b: number): boolean {
  switch (a) {
    case 0x80:
      return b >= 1 && b <= 5;
    case 0x50:
      return b === 0x4b;
    case 0x1f:
      return b === 0x8b;
    case 0x78:
      return ((a << 8) | b) % 31 === 0;
    case 0x42:
      return b === 0x5a;
    case 0xfd:
      return b === 0x37;
    case 0x04:
      return b === 0x22;
    case 0x93:
      return b === 0x4e;
    case 0x28:
      return b === 0xb5 || (b >= 0x20 && b < 0x80);
    case 0x63:
      return b === 0x5f || (b >= 0x41 && b <= 0x7a);
    default:
      return false;
  }
}

/** The value of a base64 or hexadecimal digit by its code, -1 for anything else. */
const SIXTY_FOUR = new Int8Array(256).fill(-1);
const SIXTEEN = new Int8Array(256).fill(-1);
[..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"].forEach(
  (digit, i) => (SIXTY_FOUR[digit.charCodeAt(0)] = i),
);
for (const [digit, value] of [
  ["+", 62],
  ["-", 62],
  ["/", 63],
  ["_", 63],
] as const)
  SIXTY_FOUR[digit.charCodeAt(0)] = value;
[..."0123456789abcdef"].forEach((digit, i) => {
  SIXTEEN[digit.charCodeAt(0)] = i;
  SIXTEEN[digit.toUpperCase().charCodeAt(0)] = i;
});

function beginsWritten(head: Uint8Array): boolean {
  const [a, b, c, d] = [head[0]!, head[1]!, head[2]!, head[3]!];
  const [p, q, r] = [SIXTY_FOUR[a]!, SIXTY_FOUR[b]!, SIXTY_FOUR[c]!];
  if (p >= 0 && q >= 0 && r >= 0 && begins((p << 2) | (q >> 4), ((q & 15) << 4) | (r >> 2))) return true;
  const [w, x, y, z] = [SIXTEEN[a]!, SIXTEEN[b]!, SIXTEEN[c]!, SIXTEEN[d]!];
  return w >= 0 && x >= 0 && y >= 0 && z >= 0 && begins(16 * w + x, 16 * y + z);
}

/** A text or bytes of a pickle that carries something: what, how it is written, and the bytes. */
export interface Carried {
  readonly what: string;
  readonly written: string;
  readonly bytes: () => Uint8Array;
}

/** What a value of a pickle carries, by its first bytes; undefined for ordinary data. */
export function carriedBy(content: Content, text: Text, max: number): Carried | undefined {
  const head = content.read(text.at, Math.min(text.length, HEAD));
  if (head.length < 4 || !(begins(head[0]!, head[1]!) || head[0] === 0xc2 || beginsWritten(head))) return undefined;
  const whole = (): Uint8Array => bytesOf(content, text, max);
  const direct = carrierOf(head);
  if (direct !== undefined && text.written !== "utf-8") return { what: direct, written: "as it is", bytes: whole };
  // Python 2 protocols keep bytes as text of the same code points.
  if (head[0] === 0xc2 && text.written === "utf-8") {
    const points = fromPoints(textOf(content, text, HEAD));
    const what = points && carrierOf(points);
    if (what)
      return { what, written: "as text of its bytes", bytes: () => fromPoints(textOf(content, text, max)) ?? whole() };
  }
  if (direct !== undefined) return { what: direct, written: "as it is", bytes: whole };
  if (text.length < 16) return undefined;
  for (const [written, pattern, decode] of WRITINGS) {
    const sample = String.fromCharCode(...head);
    if (!pattern.test(sample)) continue;
    const decoded = decode(sample);
    const what = decoded && carrierOf(decoded);
    if (what) return { what, written, bytes: () => decode(latin1(whole())) ?? new Uint8Array(0) };
  }
  return undefined;
}

const WRITINGS: readonly (readonly [string, RegExp, (text: string) => Uint8Array | undefined])[] = [
  ["in hexadecimal", HEX, fromHex],
  ["in base64", BASE64, fromBase64],
];

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}

function fromHex(text: string): Uint8Array | undefined {
  const digits = text.replace(/\s+/g, "");
  const bytes = new Uint8Array(digits.length >> 1);
  for (let i = 0; i < bytes.length; i++) {
    const byte = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
    if (Number.isNaN(byte)) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}

function fromBase64(text: string): Uint8Array | undefined {
  const plain = text
    .replace(/[\s=]+/g, "")
    .replaceAll("-", "+")
    .replaceAll("_", "/");
  try {
    const decoded = atob(plain.slice(0, plain.length - (plain.length % 4 === 1 ? 1 : 0)));
    return Uint8Array.from(decoded, (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function fromPoints(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const point = text.charCodeAt(i);
    if (point > 255) return undefined;
    bytes[i] = point;
  }
  return bytes;
}
