/** Files that a system file names, as they lie there: sizes, hashes, and the configuration of an adapter beside them. */
import type { Files } from "#base/ports.ts";
import { HostError } from "#base/ports.ts";
import { FormatError } from "#formats/error.ts";
import { readStrictJson } from "#formats/json-strict.ts";
import type { Artefact } from "#provenance/bom.ts";

const FILES_MAX = 10_000;
const ADAPTER = "adapter_config.json";

/** Hashes what stands at a path, in a stream; undefined where nothing does. Links in a folder are refused, not followed. */
export async function artefactAt(files: Files, path: string): Promise<Artefact | undefined> {
  const entry = await files.stat(path);
  if (!entry) return undefined;
  if (entry.kind !== "folder") {
    const source = await files.open(path);
    const folder = path.includes("/") ? path.slice(0, path.lastIndexOf("/") + 1) : "";
    return {
      files: [{ path, size: source.size, sha256: await source.sha256() }],
      folder: false,
      ...(await adapterAt(files, `${folder}${ADAPTER}`)),
    };
  }
  const listed = await files.list(path, { recursive: true, limit: FILES_MAX });
  const found = [];
  for (const { path: file, kind } of listed.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    if (kind === "folder") continue;
    if (kind !== "file")
      throw new HostError(`${file} is a ${kind}, so its bytes are not part of the folder`, "put the file itself there");
    const source = await files.open(file);
    found.push({ path: file, size: source.size, sha256: await source.sha256() });
  }
  return { files: found, folder: true, ...(await adapterAt(files, `${path}/${ADAPTER}`)) };
}

async function adapterAt(files: Files, path: string): Promise<Pick<Artefact, "adapter">> {
  if ((await files.stat(path))?.kind !== "file") return {};
  let said: unknown;
  try {
    said = readStrictJson(path, await files.readWhole(path, 2 ** 20));
  } catch (error) {
    if (error instanceof FormatError) throw new HostError(error.message, error.remedy);
    throw error;
  }
  if (typeof said !== "object" || said === null) return {};
  const { base_model_name_or_path: base, revision, peft_type: method } = said as Readonly<Record<string, unknown>>;
  if (typeof base !== "string" || base === "") return {};
  return {
    adapter: {
      base,
      ...(typeof revision === "string" && revision !== "" && { revision }),
      ...(typeof method === "string" && method !== "" && { method }),
    },
  };
}
