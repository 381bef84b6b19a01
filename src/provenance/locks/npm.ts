/** package-lock.json and npm-shrinkwrap.json of npm, lockfileVersion 1, 2 and 3. */
import {
  holdsBytes,
  integrityDigests,
  purl,
  unheld,
  type Digest,
  type Locked,
  type LockedPackage,
  type LockNote,
} from "#provenance/packages.ts";
import { entriesOf, isTable, jsonOf, word, type Table } from "./read.ts";

export function readNpm(bytes: Uint8Array): Locked {
  const root = jsonOf("package-lock.json", bytes);
  const notes: LockNote[] = [];
  const given = isTable(root["packages"]);
  const packages = fromPackages(given ? (root["packages"] as Table) : placed(root["dependencies"]), given, notes);
  return { format: "npm", packages, notes };
}

/** Where a package lies says what it is called: `node_modules/a/node_modules/@s/b` is @s/b. */
const nameAt = (place: string): string => place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);

/** `rooted`: the file says what the project itself asks for. */
function fromPackages(packages: Table, rooted: boolean, notes: LockNote[]): LockedPackage[] {
  const isThere = (place: string): boolean => Object.hasOwn(packages, place);
  /** What `name` means from a place: the nearest node_modules above it (Node's own rule). */
  const meant = (from: string, name: string): string | undefined => {
    for (let at = from; ;) {
      const place = `${at === "" ? "" : `${at}/`}node_modules/${name}`;
      if (isThere(place)) return place;
      if (at === "") return undefined;
      const up = at.lastIndexOf("/node_modules/");
      at = up < 0 ? "" : at.slice(0, up);
    }
  };
  const root = isTable(packages[""]) ? packages[""] : {};
  const asked = new Set(
    ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"].flatMap((kind) =>
      entriesOf(root[kind]).flatMap(([name]) => meant("", name) ?? []),
    ),
  );
  for (const kind of ["dependencies", "devDependencies", "optionalDependencies"])
    for (const [name] of entriesOf(root[kind]))
      if (meant("", name) === undefined) notes.push(absent(name, "the project itself"));
  const found: LockedPackage[] = [];
  for (const [place, said] of Object.entries(packages)) {
    if (place === "" || !isTable(said)) continue;
    if (said["link"] === true) {
      const to = word(said["resolved"]);
      if (to === undefined || !isThere(to))
        notes.push({
          at: place,
          says: `a link to ${to ?? "nowhere"}, of which the lock file holds nothing`,
          remedy: "install what it leads to from a registry, or name its files as artefacts",
        });
      continue;
    }
    const version = word(said["version"]);
    if (!place.includes("node_modules/")) {
      notes.push({
        at: place,
        says: "a workspace of the project itself, with no bytes of its own in the lock file",
        remedy: "name its files as artefacts where they matter",
      });
      continue;
    }
    const name = word(said["name"]) ?? nameAt(place);
    const resolved = word(said["resolved"]);
    const hashes = integrityDigests(word(said["integrity"]) ?? "");
    if (said["inBundle"] !== true) {
      reportUnhashed(place, hashes, notes);
      for (const [needed] of entriesOf(said["dependencies"]))
        if (meant(place, needed) === undefined) notes.push(absent(needed, place));
    }
    const needs = ["dependencies", "optionalDependencies", "peerDependencies"].flatMap((kind) =>
      entriesOf(said[kind]).flatMap(([needed]) => meant(place, needed) ?? []),
    );
    found.push({
      ecosystem: "npm",
      name,
      ...(version !== undefined && { version }),
      purl: purlOf(name, version, resolved),
      files: fileOf(resolved, hashes),
      ...licenceOf(said["license"]),
      scope: scopeOf(said),
      needs,
      key: place,
      ...(rooted && { direct: asked.has(place) }),
    });
  }
  return found;
}

/** Version 1 nests dependencies where they lie: the same, by place. */
function placed(tree: unknown, around = ""): Table {
  return Object.fromEntries(
    entriesOf(tree).flatMap(([name, said]) => {
      if (!isTable(said)) return [];
      const place = `${around}node_modules/${name}`;
      const { requires, bundled, dependencies, ...rest } = said;
      return [
        [place, { ...rest, dependencies: requires, inBundle: bundled }] as const,
        ...Object.entries(placed(dependencies, `${place}/`)),
      ];
    }),
  );
}

const absent = (name: string, by: string): LockNote => ({
  at: name,
  says: `asked for by ${by}, and not in the lock file: what is installed depends on the day`,
  remedy: "lock again: npm install --package-lock-only",
});

function reportUnhashed(place: string, hashes: readonly Digest[], notes: LockNote[]): void {
  if (!holdsBytes(hashes))
    notes.push({
      at: place,
      says: unheld(hashes),
      remedy: "install it from a registry that gives integrity, and lock again",
    });
}

const scopeOf = (said: Table): LockedPackage["scope"] =>
  said["dev"] === true || said["devOptional"] === true
    ? "excluded"
    : said["optional"] === true
      ? "optional"
      : "required";

const fileOf = (url: string | undefined, hashes: LockedPackage["files"][number]["hashes"]): LockedPackage["files"] =>
  url === undefined && hashes.length === 0 ? [] : [{ ...(url !== undefined && { url }), hashes }];

/** What comes from no registry says so in its purl. */
const purlOf = (name: string, version: string | undefined, resolved: string | undefined): string =>
  purl("npm", name, version, resolved?.startsWith("git") ? { vcs_url: resolved } : {});

function licenceOf(said: unknown): { licence?: string } {
  const licence = word(said) ?? (isTable(said) ? word(said["type"]) : undefined);
  return licence === undefined ? {} : { licence };
}
