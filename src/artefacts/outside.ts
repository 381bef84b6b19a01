/** Paths that lead out of the folder they are read from. */

/** A path that leads out of the folder it is read from: absolute, climbing, or an address. */
export const OUTSIDE = /^([/\\~]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)|:\/\//;

/** Kinds of addresses that some reader follows without the two slashes. */
const ADDRESS = /:\/\/|^(?:file|https?|ftp|smb|data|jar|content|asset):/i;
/** Spellings within spellings that are taken back: `%252e` is a point for whoever decodes twice. */
const DECODED_MAX = 3;

/** How a name leads out of the model's folder, in whichever spelling; undefined where it does not. */
export function leads(name: string): string | undefined {
  const plain = leadsPlainly(name);
  if (plain !== undefined) return plain;
  let spelled = name;
  for (let i = 0; i < DECODED_MAX; i++) {
    // Full-width points and slashes count as what they look like.
    const next = spelled
      .normalize("NFKC")
      .replaceAll(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (next === spelled) return undefined;
    const how = leadsPlainly(next);
    if (how !== undefined) return `${how}, spelled otherwise`;
    spelled = next;
  }
  return undefined;
}

function leadsPlainly(name: string): string | undefined {
  if (/[\u0000-\u001f\u007f]/.test(name)) return "a name with control characters";
  if (ADDRESS.test(name)) return "an address";
  if (/^(?:[/\\~]|[a-z]:)/i.test(name)) return "an absolute path";
  if (name.split(/[/\\]/).includes("..")) return "a path that climbs out of the folder";
  if (name.includes("\\")) return "a path with backslashes, which some systems follow";
  return undefined;
}
