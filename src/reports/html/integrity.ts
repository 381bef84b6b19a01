/** The hash a content security policy wants for an inline block. */
import { sha256 } from "#base/hash.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** SHA-256 of UTF-8 text in base64, as `'sha256-…'` sources need it. */
export function sha256Base64(text: string): string {
  const digest = sha256(text)
    .match(/../g)!
    .map((pair) => Number.parseInt(pair, 16));
  let encoded = "";
  for (let i = 0; i < digest.length; i += 3) {
    const [a = 0, b = 0, c = 0] = digest.slice(i, i + 3);
    const group = (a << 16) | (b << 8) | c;
    encoded +=
      ALPHABET[group >> 18]! +
      ALPHABET[(group >> 12) & 63]! +
      (i + 1 < digest.length ? ALPHABET[(group >> 6) & 63]! : "=") +
      (i + 2 < digest.length ? ALPHABET[group & 63]! : "=");
  }
  return encoded;
}
