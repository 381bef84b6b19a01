/** Packages as lock files pin them, and their package URLs (purl, ECMA-427). */

export type Ecosystem = "npm" | "pypi" | "conda";

export interface Digest {
  /** As CycloneDX writes it: "SHA-256". */
  readonly alg: string;
  /** Lower-case hex. */
  readonly content: string;
}

export interface LockedPackage {
  readonly ecosystem: Ecosystem;
  readonly name: string;
  /** Absent where nothing pins it. */
  readonly version?: string;
  readonly purl: string;
  /** Of the files of which one is installed; a package of one file has one. */
  readonly files: readonly { readonly url?: string; readonly hashes: readonly Digest[] }[];
  /** As the lock file says it. */
  readonly licence?: string;
  /** "excluded": for development and tests, not part of what runs. */
  readonly scope: "required" | "optional" | "excluded";
  /** Names or keys of packages of the same file. */
  readonly needs: readonly string[];
  /** What `needs` of others call it: its name, or where it lies. */
  readonly key: string;
  /** The project asks for it itself; undefined where the file does not say. */
  readonly direct?: boolean;
}

/** Digests for which other bytes can be made that have the same. */
const WEAK: ReadonlySet<string> = new Set(["MD5", "SHA-1"]);

/** Whether one of these digests holds a file to its bytes. */
export const holdsBytes = (hashes: readonly Digest[]): boolean => hashes.some(({ alg }) => !WEAK.has(alg));

/** What a lock file says of a package's bytes where it does not hold it to them. */
export const unheld = (hashes: readonly Digest[]): string =>
  hashes.length === 0
    ? "nothing holds it to a hash, so other bytes under the same version would not be noticed"
    : `${[...new Set(hashes.map(({ alg }) => alg))].join(" and ")} alone hold it to nothing: other bytes with the same digest can be made`;

/** Something a lock file leaves open, for people. */
export interface LockNote {
  readonly at: string;
  readonly says: string;
  readonly remedy: string;
}

export interface Locked {
  readonly format: string;
  readonly packages: readonly LockedPackage[];
  readonly notes: readonly LockNote[];
}

/** Percent-encoded as the purl specification asks: letters, digits and `.-_~` stay, and so does the colon. */
const encoded = (words: string): string =>
  encodeURIComponent(words.toWellFormed())
    .replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%3A", ":");

/** PEP 503: `Foo.Bar_baz` and `foo-bar-baz` are one project. */
export const pypiName = (name: string): string => name.toLowerCase().replace(/[-_.]+/g, "-");

/** `pkg:npm/%40scope/name@1.2.3`, `pkg:pypi/name@1.0`, `pkg:conda/name@1.0?build=…`. */
export function purl(
  ecosystem: Ecosystem | "huggingface",
  name: string,
  version?: string,
  qualifiers: Readonly<Record<string, string | undefined>> = {},
): string {
  const called = ecosystem === "pypi" ? pypiName(name) : ecosystem === "npm" ? name.toLowerCase() : name;
  const path = called.split("/").map(encoded).join("/");
  const said = Object.entries(qualifiers)
    .filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== "")
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${encoded(value)}`);
  return `pkg:${ecosystem}/${path}${version === undefined ? "" : `@${encoded(version)}`}${said.length > 0 ? `?${said.join("&")}` : ""}`;
}

const ALGORITHMS: Readonly<Record<string, readonly [alg: string, digits: number]>> = {
  md5: ["MD5", 32],
  sha1: ["SHA-1", 40],
  sha256: ["SHA-256", 64],
  sha384: ["SHA-384", 96],
  sha512: ["SHA-512", 128],
  blake2b: ["BLAKE2b-512", 128],
};

/** `sha256:<hex>` as Python tools write it; undefined where it is no digest. */
export function hexDigestOf(algorithm: string, hex: string): Digest | undefined {
  const known = Object.hasOwn(ALGORITHMS, algorithm) ? ALGORITHMS[algorithm] : undefined;
  const content = hex.toLowerCase();
  return known && content.length === known[1] && /^[0-9a-f]+$/.test(content) ? { alg: known[0], content } : undefined;
}

export const prefixedDigest = (written: string): Digest | undefined => {
  const at = written.search(/[:=]/);
  return at < 0 ? undefined : hexDigestOf(written.slice(0, at).toLowerCase(), written.slice(at + 1));
};

/** `sha512-<base64>` (Subresource Integrity), several of them separated by spaces. */
export function integrityDigests(written: string): Digest[] {
  return written.split(/\s+/).flatMap((one) => {
    const parts = /^(sha\d+)-([A-Za-z0-9+/]+={0,2})(\?.*)?$/.exec(one);
    // Four characters are three bytes: anything else is no base64.
    if (!parts || parts[2]!.length % 4 !== 0) return [];
    const hex = Array.from(atob(parts[2]!), (letter) => letter.charCodeAt(0).toString(16).padStart(2, "0")).join("");
    return hexDigestOf(parts[1]!, hex) ?? [];
  });
}
