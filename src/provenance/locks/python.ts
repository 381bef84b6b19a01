/** Lock files of Python: requirements.txt with hashes (pip), Pipfile.lock, uv.lock, poetry.lock, pylock.toml (PEP 751). */
import {
  hexDigestOf,
  holdsBytes,
  prefixedDigest,
  purl,
  pypiName,
  unheld,
  type Digest,
  type Locked,
  type LockedPackage,
  type LockNote,
} from "#provenance/packages.ts";
import { FormatError } from "#formats/error.ts";
import { entriesOf, isTable, jsonOf, lockText, tables, tomlOf, word, words, type Table } from "./read.ts";

type Files = LockedPackage["files"];

const unhashed = (at: string, files: Files): LockNote => ({
  at,
  says: unheld(files.flatMap(({ hashes }) => hashes)),
  remedy: "lock it with hashes (pip-compile --generate-hashes, uv, poetry or pipenv)",
});
const unpinned = (at: string): LockNote => ({
  at,
  says: "its version is not pinned: what is installed depends on the day",
  remedy: "pin it with == and a hash",
});

interface Parts {
  readonly name: string;
  readonly version?: string | undefined;
  readonly files: Files;
  readonly needs?: readonly string[];
  readonly scope?: LockedPackage["scope"];
  readonly direct?: boolean | undefined;
  readonly vcs?: string | undefined;
}

function pypi({ name, version, files, needs = [], scope = "required", direct, vcs }: Parts): LockedPackage {
  return {
    ecosystem: "pypi",
    name: pypiName(name),
    ...(version !== undefined && { version }),
    purl: purl("pypi", name, version, { vcs_url: vcs }),
    files,
    scope,
    needs: needs.map(pypiName),
    key: pypiName(name),
    ...(direct !== undefined && { direct }),
  };
}

const hashed = (files: Files): boolean => files.some(({ hashes }) => holdsBytes(hashes));

/** Where anybody on the way may answer in a registry's place. */
const unguarded = (at: string): LockNote => ({
  at,
  says: "packages are asked for where nobody checks who answers",
  remedy: "ask a registry over https, and trust no host without its certificate",
});

/** The lines of a requirements file, those that go on joined, comments taken off (pip, "Requirements File Format"). */
const REQUIREMENT = /^([A-Za-z0-9][\w.-]*)\s*(\[[^\]]*\])?\s*(.*)$/;

export function readRequirements(bytes: Uint8Array): Locked {
  // Runs of white space become one: what is matched below must not try each of them.
  const text = lockText("requirements.txt", bytes)
    .replace(/\\\r?\n/g, " ")
    .replace(/[^\S\n]+/g, " ");
  const notes: LockNote[] = [];
  const packages: LockedPackage[] = [];
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.replace(/(^|\s)#.*$/, "").trim();
    if (line === "") continue;
    if (line.startsWith("-")) {
      if (/^(-r|--requirement|-c|--constraint)\b/.test(line))
        notes.push({ at: line, says: "another file that was not followed", remedy: "name it with --lock as well" });
      else if (/^(-e|--editable)\b/.test(line))
        notes.push({ at: line, says: "an editable source without version or hash", remedy: "install a built release" });
      else if (/^--trusted-host\b|^(-i|-f|--(extra-)?index-url|--find-links)[ =]?http:/i.test(line))
        notes.push(unguarded(line));
      continue;
    }
    const digests = [...line.matchAll(/\s--hash[= ](\S+)/g)].flatMap((found) => prefixedDigest(found[1]!) ?? []);
    const bare = line
      .split(/\s--/)[0]!
      .split(/\s*;\s*/)[0]!
      .trim();
    const parts = REQUIREMENT.exec(bare);
    if (!parts) {
      notes.push({
        at: line,
        says: "not a requirement with a name; it was not understood and is not in the list",
        remedy: "write it as name==version --hash=sha256:…, or name @ URL",
      });
      continue;
    }
    const [, name = "", , rest = ""] = parts;
    const url = /^@\s*(\S+)/.exec(rest)?.[1];
    const pinned = /^={2,3}\s*([^\s,*]+)$/.exec(rest)?.[1];
    const fragment = url === undefined ? undefined : /#(?:.*&)?(sha\d+)=([0-9a-fA-F]+)/.exec(url);
    const inUrl = fragment ? hexDigestOf(fragment[1]!, fragment[2]!) : undefined;
    const hashes = inUrl ? [...digests, inUrl] : digests;
    const files: Files = url === undefined ? hashes.map((digest) => ({ hashes: [digest] })) : [{ url, hashes }];
    if (url === undefined && pinned === undefined) notes.push(unpinned(name));
    if (!hashed(files)) notes.push(unhashed(name, files));
    packages.push(pypi({ name, version: pinned, files, ...(url?.includes("+") && { vcs: url }) }));
  }
  return { format: "pip", packages, notes };
}

export function readPipfile(bytes: Uint8Array): Locked {
  const root = jsonOf("Pipfile.lock", bytes);
  const notes: LockNote[] = [];
  const packages: LockedPackage[] = [];
  for (const { url, verify_ssl: checked } of tables(isTable(root["_meta"]) ? root["_meta"]["sources"] : undefined))
    if (checked === false || /^http:/i.test(word(url) ?? ""))
      notes.push(unguarded(`source ${word(url) ?? "without an address"}`));
  for (const [section, scope] of [
    ["default", "required"],
    ["develop", "excluded"],
  ] as const)
    for (const [name, said] of entriesOf(root[section])) {
      if (!isTable(said) || packages.some(({ key }) => key === pypiName(name))) continue;
      const version = word(said["version"])?.replace(/^==/, "");
      const files = words(said["hashes"]).flatMap((one) => {
        const digest = prefixedDigest(one);
        return digest ? [{ hashes: [digest] }] : [];
      });
      const vcs = word(said["git"]);
      const ref = word(said["ref"]);
      if (version === undefined && ref === undefined) notes.push(unpinned(name));
      if (!hashed(files)) notes.push(unhashed(name, files));
      packages.push(
        pypi({
          name,
          version,
          files,
          scope,
          ...(vcs !== undefined && { vcs: `git+${vcs}${ref === undefined ? "" : `@${ref}`}` }),
        }),
      );
    }
  return { format: "Pipfile.lock", packages, notes };
}

const fileOf = (said: unknown): Files => {
  if (!isTable(said)) return [];
  const url = word(said["url"]) ?? word(said["path"]) ?? word(said["file"]) ?? word(said["name"]);
  const digests: Digest[] = [];
  const hash = word(said["hash"]);
  if (hash !== undefined) digests.push(...(prefixedDigest(hash) ? [prefixedDigest(hash)!] : []));
  for (const [algorithm, hex] of entriesOf(said["hashes"]))
    if (typeof hex === "string") digests.push(...(hexDigestOf(algorithm, hex) ? [hexDigestOf(algorithm, hex)!] : []));
  return url === undefined && digests.length === 0 ? [] : [{ ...(url !== undefined && { url }), hashes: digests }];
};

export function readUv(bytes: Uint8Array): Locked {
  const root = tomlOf("uv.lock", bytes);
  const notes: LockNote[] = [];
  const asked = new Set<string>();
  const developed = new Set<string>();
  const needed = (said: Table, key: string): string[] =>
    tables(said[key]).flatMap(({ name }) => (typeof name === "string" ? [pypiName(name)] : []));
  const own = (said: Table): boolean =>
    isTable(said["source"]) && ("virtual" in said["source"] || "editable" in said["source"]);
  for (const said of tables(root["package"])) {
    if (!own(said)) continue;
    for (const name of needed(said, "dependencies")) asked.add(name);
    for (const [, group] of [...entriesOf(said["dev-dependencies"]), ...entriesOf(said["optional-dependencies"])])
      for (const { name } of tables(group)) if (typeof name === "string") developed.add(pypiName(name));
  }
  const packages = tables(root["package"]).flatMap((said) => {
    const name = word(said["name"]);
    if (name === undefined || own(said)) return [];
    const source = isTable(said["source"]) ? said["source"] : {};
    const files = [...fileOf(said["sdist"]), ...tables(said["wheels"]).flatMap(fileOf)];
    const vcs = word(source["git"]);
    if (!hashed(files)) notes.push(unhashed(name, files));
    return [
      pypi({
        name,
        version: word(said["version"]),
        files,
        needs: needed(said, "dependencies"),
        ...(vcs !== undefined && { vcs: `git+${vcs}` }),
        ...(asked.size + developed.size > 0 && { direct: asked.has(pypiName(name)) || developed.has(pypiName(name)) }),
      }),
    ];
  });
  return { format: "uv", packages: scopedByReach(packages, asked), notes };
}

/** What only development or extras reach is not part of what runs. */
function scopedByReach(packages: readonly LockedPackage[], asked: ReadonlySet<string>): readonly LockedPackage[] {
  if (asked.size === 0) return packages;
  const byKey = Map.groupBy(packages, ({ key }) => key);
  const reached = new Set<string>();
  const queue = [...asked];
  for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
    if (reached.has(key)) continue;
    reached.add(key);
    for (const one of byKey.get(key) ?? []) queue.push(...one.needs);
  }
  return packages.map((one) => (reached.has(one.key) ? one : { ...one, scope: "excluded" as const }));
}

export function readPoetry(bytes: Uint8Array): Locked {
  const root = tomlOf("poetry.lock", bytes);
  const notes: LockNote[] = [];
  // Before 1.1 hashes stood apart, by package.
  const apart = isTable(root["metadata"]) ? root["metadata"]["files"] : undefined;
  const packages = tables(root["package"]).flatMap((said) => {
    const name = word(said["name"]);
    if (name === undefined) return [];
    const listed = Array.isArray(said["files"]) ? said["files"] : isTable(apart) ? apart[name] : [];
    const files = tables(listed).flatMap(fileOf);
    const source = isTable(said["source"]) ? said["source"] : {};
    const vcs = source["type"] === "git" ? word(source["url"]) : undefined;
    if (!hashed(files)) notes.push(unhashed(name, files));
    const groups = words(said["groups"]);
    return [
      pypi({
        name,
        version: word(said["version"]),
        files,
        needs: entriesOf(said["dependencies"]).map(([needed]) => needed),
        scope:
          said["category"] === "dev" || (groups.length > 0 && !groups.includes("main"))
            ? "excluded"
            : said["optional"] === true
              ? "optional"
              : "required",
        ...(vcs !== undefined && { vcs: `git+${vcs}@${word(source["resolved_reference"]) ?? ""}` }),
      }),
    ];
  });
  return { format: "poetry", packages, notes };
}

export function readPylock(bytes: Uint8Array): Locked {
  const root = tomlOf("pylock.toml", bytes);
  const version = word(root["lock-version"]);
  if (version === undefined || !version.startsWith("1."))
    throw new FormatError(
      "pylock.toml",
      -1,
      `lock-version ${version ?? "is missing"}`,
      "PEP 751 files of lock-version 1 are read",
    );
  const notes: LockNote[] = [];
  const packages = tables(root["packages"]).flatMap((said) => {
    const name = word(said["name"]);
    if (name === undefined) return [];
    const files = [...fileOf(said["sdist"]), ...tables(said["wheels"]).flatMap(fileOf), ...fileOf(said["archive"])];
    const vcs = isTable(said["vcs"]) ? said["vcs"] : {};
    const at = word(vcs["url"]);
    if (!hashed(files)) notes.push(unhashed(name, files));
    return [
      pypi({
        name,
        version: word(said["version"]),
        files,
        needs: tables(said["dependencies"]).flatMap(({ name: needed }) => word(needed) ?? []),
        ...(at !== undefined && { vcs: `${word(vcs["type"]) ?? "git"}+${at}@${word(vcs["commit-id"]) ?? ""}` }),
      }),
    ];
  });
  return { format: "pylock", packages, notes };
}
