/** Base64 as Python's base64.b64decode takes it: letters outside the alphabet are passed over. */
const ALPHABET = /[^A-Za-z0-9+/]/g;

/** The bytes, or undefined where the text is no base64 of any. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const plain = text.replaceAll("-", "+").replaceAll("_", "/").replace(ALPHABET, "");
  if (plain.length < 2 || plain.length < 0.9 * text.length) return undefined;
  const decoded = atob(plain.slice(0, plain.length - (plain.length % 4 === 1 ? 1 : 0)));
  const bytes = new Uint8Array(decoded.length);
  for (let i = 0; i < decoded.length; i++) bytes[i] = decoded.charCodeAt(i);
  return bytes;
}
