/** conda-lock.yml, which pins, and environment.yml, which mostly does not. */
import {
  hexDigestOf,
  holdsBytes,
  purl,
  pypiName,
  unheld,
  type Locked,
  type LockedPackage,
  type LockNote,
} from "#provenance/packages.ts";
import { readRequirements } from "./python.ts";
import { entriesOf, isTable, tables, word, words, yamlOf } from "./read.ts";

/** Version 1 of conda-lock: one entry a package and platform. */
export function readCondaLock(bytes: Uint8Array): Locked {
  const root = yamlOf("conda-lock.yml", bytes);
  const notes: LockNote[] = [];
  const packages = tables(root["package"]).flatMap((said): LockedPackage[] => {
    const name = word(said["name"]);
    if (name === undefined) return [];
    const version = said["version"] === undefined ? undefined : String(said["version"]);
    const ecosystem = said["manager"] === "pip" ? "pypi" : "conda";
    const url = word(said["url"]);
    const hashes = entriesOf(said["hash"]).flatMap(([algorithm, hex]) =>
      typeof hex === "string" ? (hexDigestOf(algorithm, hex) ?? []) : [],
    );
    const platform = word(said["platform"]);
    if (!holdsBytes(hashes)) notes.push({ at: name, says: unheld(hashes), remedy: "lock again with conda-lock" });
    const build = buildOf(url);
    return [
      {
        ecosystem,
        name: ecosystem === "pypi" ? pypiName(name) : name,
        ...(version !== undefined && { version }),
        purl: purl(ecosystem, name, version, ecosystem === "conda" ? { build, subdir: platform } : {}),
        files: [{ ...(url !== undefined && { url }), hashes }],
        scope:
          said["optional"] === true
            ? "optional"
            : (word(said["category"]) ?? "main") === "main"
              ? "required"
              : "excluded",
        needs: entriesOf(said["dependencies"]).map(([needed]) => `${platform ?? ""}/${needed}`),
        key: `${platform ?? ""}/${name}`,
      },
    ];
  });
  return { format: "conda-lock", packages, notes };
}

/** `…/linux-64/numpy-2.0.0-py312h1.conda`: what stands behind the last dash. */
function buildOf(url: string | undefined): string | undefined {
  const file = url?.slice(url.lastIndexOf("/") + 1);
  const ending = [".conda", ".tar.bz2"].find((one) => file?.endsWith(one));
  const dash = file?.lastIndexOf("-") ?? -1;
  return file === undefined || ending === undefined || dash < 1 ? undefined : file.slice(dash + 1, -ending.length);
}

export function readEnvironment(bytes: Uint8Array): Locked {
  const root = yamlOf("environment.yml", bytes);
  const listed = Array.isArray(root["dependencies"]) ? (root["dependencies"] as unknown[]) : [];
  const notes: LockNote[] = [
    {
      at: "environment.yml",
      says: "it asks for packages and holds none to a hash; what was installed is not known from it",
      remedy: "lock it with conda-lock",
    },
  ];
  const packages = listed.flatMap((said): readonly LockedPackage[] => {
    if (isTable(said)) {
      const pip = readRequirements(new TextEncoder().encode(words(said["pip"]).join("\n")));
      notes.push(...pip.notes);
      return pip.packages;
    }
    // `name=1.2=build`, `name==1.2`, `channel::name >=1`.
    const parts = typeof said === "string" ? /^(?:[^:\s]+::)?([\w.-]+)\s*(.*)$/.exec(said.trim()) : null;
    if (!parts) return [];
    const [, name = "", rest = ""] = parts;
    const pinned = /^={1,2}\s*([^\s=<>!,*|]+)(?:=([^\s=*]+))?$/.exec(rest);
    if (!pinned)
      notes.push({ at: name, says: "its version is not pinned", remedy: "lock the environment with conda-lock" });
    const version = pinned?.[1];
    return [
      {
        ecosystem: "conda",
        name,
        ...(version !== undefined && { version }),
        purl: purl("conda", name, version, { build: pinned?.[2] }),
        files: [],
        scope: "required",
        needs: [],
        key: name,
        direct: true,
      },
    ];
  });
  return { format: "environment.yml", packages, notes };
}
