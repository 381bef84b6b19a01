/**
 * What the name of an archive's member means to the systems it may be unpacked on: Windows' rules for paths (Naming Files, Paths, and
 * Namespaces; Fsutil on streams), Unicode's mappings (UAX 15, UTS 36) and marks that turn text round (UAX 9).
 */

export interface NameProblem {
  /** "outside": it leads out of the folder; "disguised": it is made to look like another; "elsewhere": some systems see another name. */
  readonly kind: "outside" | "disguised" | "elsewhere";
  /** Goes on from the name. */
  readonly problem: string;
}

/** Marks that turn the order of letters round. */
const TURNED = /[\u202a-\u202e\u2066-\u2069]/;
/** Characters that nobody sees and no language needs; joiners and marks of direction are needed by some. */
const UNSEEN = /[\u00ad\u115f\u1160\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\u{e0000}-\u{e0fff}]/u;
/** What some systems pass over when they compare names (HFS+; CVE-2014-9390). */
const PASSED_OVER = /\p{Default_Ignorable_Code_Point}/gu;
const SURROGATE = /\p{Surrogate}|\ufffd/u;
/** Names that are devices on Windows, in any folder and with any ending. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])\s*(?:\.|$)/i;
/** What no mapping changes. */
const PLAIN = /^[\u0020-\u007e]*$/;
const DEPTH_MAX = 64;

const partsOf = (name: string): readonly string[] => name.split(/[/\\]/);
const climbs = (name: string): boolean => partsOf(name).includes("..");
const absolute = (name: string): boolean => /^[/\\]|^[A-Za-z]:/.test(name);

/** How a name is made to look like another to people; undefined where it is not. */
export const disguiseOf = (name: string): string | undefined =>
  TURNED.test(name)
    ? "turns letters round: people read another name"
    : UNSEEN.test(name)
      ? "holds characters that nobody sees"
      : undefined;

/** The gravest that a name means besides what it says; undefined for an ordinary relative name. */
export function problemOfName(name: string): NameProblem | undefined {
  const outside = (problem: string): NameProblem => ({ kind: "outside", problem });
  if (name.length === 0) return outside("is empty");
  if (/[\u0000-\u001f\u007f]/.test(name)) return outside("holds a control character");
  if (absolute(name)) return outside("is absolute");
  if (climbs(name)) return outside("climbs out of the archive");
  const parts = partsOf(name);
  const elsewhere = (problem: string): NameProblem => ({ kind: "elsewhere", problem });
  if (!PLAIN.test(name)) {
    // Best fit, as programs without Unicode see it; and what passes over characters, or spaces and dots at the end of a step.
    const fitted = name.replace(PASSED_OVER, "").normalize("NFKC");
    if (climbs(fitted) || /^[/\\]/.test(fitted))
      return outside("climbs out of the archive where characters are mapped to plain ones");
    const disguise = disguiseOf(name);
    if (disguise !== undefined) return { kind: "disguised", problem: disguise };
    if (SURROGATE.test(name)) return elsewhere("is no Unicode: what it is called differs between systems");
  }
  if (parts.some((part) => /^[. ]{2,}$/.test(part)))
    return outside("climbs out of the archive where spaces are dropped");
  if (name.includes(":")) return elsewhere("is hidden beside another file on Windows, as a stream of it");
  if (parts.some((part) => DEVICE.test(part))) return elsewhere("is a device on Windows");
  if (parts.some((part) => part !== "." && /[. ]$/.test(part)))
    return elsewhere("loses the dot or space at its end on Windows, and is another name then");
  if (parts.length > 1 && /^~[\w.-]*$/.test(parts[0]!))
    return elsewhere("lies in somebody's home to whatever expands it");
  if (parts.length > DEPTH_MAX) return elsewhere(`lies more than ${DEPTH_MAX} folders deep`);
  return undefined;
}

/**
 * One name for all that unpack to the same place: without steps that stay, and as systems see it that do not tell cases apart, pass
 * over characters, or drop dots and spaces at the end.
 */
export const placeOfName = (name: string): string =>
  partsOf(PLAIN.test(name) ? name : name.replace(PASSED_OVER, "").normalize("NFKC"))
    .map((part) => {
      let end = part.length;
      while (part[end - 1] === "." || part[end - 1] === " ") end--;
      return part.slice(0, end);
    })
    .filter((part) => part !== "")
    .join("/")
    .toLowerCase();

/** The folders that a place lies in, outermost first. */
export function* foldersOf(place: string): Generator<string> {
  for (let at = place.indexOf("/"), depth = 0; at >= 0 && depth < DEPTH_MAX; at = place.indexOf("/", at + 1), depth++)
    yield place.slice(0, at);
}
