/** Baselines on disk: read with every complaint named, written so that a reviewer sees what was accepted. */
import { readFile } from "node:fs/promises";
import { dirname, posix, relative, resolve, sep } from "node:path";
import { Document, isMap, isSeq, parse, parseDocument, YAMLSeq, type YAMLMap } from "yaml";
import { acceptedAll, scanBaseline, type BaselinePlace, type Judged, type ScanBaseline } from "#artefacts/baseline.ts";
import { dayOf } from "#base/dates.ts";
import { HostError } from "#base/ports.ts";
import { explained, writeWhole } from "#host/index.ts";
import { plain } from "#cli/terminal.ts";
import { slashed, type Found } from "./files.ts";

const EXAMPLE = "see docs/scanning.md for an example, and `vauban schema scan-baseline`";

const KINDS: Readonly<Record<string, string>> = { string: "text", array: "a list", object: "a mapping" };

/** Whether there is anything at a path of a value. */
const lies = (value: unknown, path: readonly PropertyKey[]): boolean =>
  path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null | undefined)?.[key], value) !==
  undefined;

/** The baseline at `path`; undefined where there is no file and `absent` allows it. */
export async function readBaseline(path: string, absent = false): Promise<ScanBaseline | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (absent && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw explained(error, path);
  }
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new HostError(`${path} is no YAML: ${(error as Error).message.split("\n")[0]}`, EXAMPLE);
  }
  const read = scanBaseline.safeParse(value);
  if (!read.success) {
    const problems = read.error.issues.map((issue) => {
      const at = issue.path.join(".") || "the file";
      if (issue.code !== "invalid_type") return `${at}: ${issue.message}`;
      return lies(value, issue.path)
        ? `${at} has to be ${KINDS[issue.expected] ?? issue.expected}`
        : `${at} is missing`;
    });
    throw new HostError(`${path} is no baseline: ${problems.join("; ")}`, EXAMPLE);
  }
  const accepted = read.data.accepted.map((entry) => ({ ...entry, path: posix.normalize(entry.path) }));
  return { ...read.data, accepted };
}

/** How the baseline at `path` names files, and which of its entries a scan of `found` looks for. */
export function placeOf(path: string, { roots, fullPath }: Pick<Found, "roots" | "fullPath">): BaselinePlace {
  const folder = dirname(resolve(path));
  return {
    named: (reported) => slashed(relative(folder, fullPath(reported))),
    covers(entry) {
      const full = resolve(folder, entry);
      return roots.some((root) => full === root || full.startsWith(root.endsWith(sep) ? root : root + sep));
    },
  };
}

export interface AcceptanceFlags {
  readonly writeBaseline?: string;
  readonly reason?: string;
  readonly until?: string;
}

/** What --write-baseline accepts, why and until when; refuses one without the others before anything is scanned. */
export function acceptance(
  { writeBaseline, reason, until }: AcceptanceFlags,
  today: string,
): { readonly file: string; readonly reason: string; readonly expires: string } | undefined {
  if (writeBaseline === undefined) {
    if (reason !== undefined || until !== undefined)
      throw new HostError(
        `${reason !== undefined ? "--reason" : "--until"} says what a written baseline accepts, and none is written`,
        "add --write-baseline FILE, or leave it out",
      );
    return undefined;
  }
  if (reason === undefined || until === undefined)
    throw new HostError(
      `--write-baseline accepts findings only with ${reason === undefined ? "a reason" : "an end"}`,
      `add ${[reason === undefined && '--reason "why they may stay"', until === undefined && "--until YYYY-MM-DD"].filter(Boolean).join(" and ")}`,
    );
  const checked = scanBaseline.shape.accepted.element.shape.reason.safeParse(reason.trim());
  if (!checked.success)
    throw new HostError(
      `--reason "${reason}" is no reason`,
      checked.error.issues[0]?.message ?? "say it in a sentence",
    );
  if (dayOf(until)! < dayOf(today)!)
    throw new HostError(`--until ${until} is over: nothing would be accepted`, `name a day from ${today} on`);
  return { file: writeBaseline, reason: reason.trim(), expires: until };
}

/** Writes the baseline with everything open in it; comments that stand in a YAML file stay. Returns how many entries are new. */
export async function writeBaseline(
  { file, reason, expires }: { readonly file: string; readonly reason: string; readonly expires: string },
  before: ScanBaseline | undefined,
  judged: Judged,
  place: BaselinePlace,
): Promise<number> {
  const { baseline, added, replaced } = acceptedAll(before, judged, { reason, expires }, place);
  if (/\.json$/i.test(file)) {
    await writeWhole(resolve(file), `${JSON.stringify(baseline, null, 2)}\n`);
    return added.length;
  }
  const document = before === undefined ? fresh() : parseDocument(await readFile(file, "utf8"));
  const list = document.get("accepted") as YAMLSeq<YAMLMap>;
  /** What says which entry it is, as the file has it and as it was read. */
  const same = (of: { path: unknown; sha256: unknown; rule: unknown; reason: unknown; expires: unknown }): string =>
    JSON.stringify([posix.normalize(String(of.path)), of.sha256, of.rule, of.reason, of.expires]);
  const gone = new Set([...replaced].map(same));
  const isGone = (item: YAMLMap): boolean =>
    gone.has(
      same({
        path: item.get("path"),
        sha256: item.get("sha256"),
        rule: item.get("rule"),
        reason: item.get("reason"),
        expires: item.get("expires"),
      }),
    );
  // The parser takes what stands above the first entry for the list's.
  const first = list.items[0];
  if (list.commentBefore && isMap(first)) {
    first.commentBefore = list.commentBefore;
    list.commentBefore = null;
  }
  list.items = list.items.filter((item) => !(isMap(item) && isGone(item)));
  list.flow = false;
  for (const { says, entry } of added) {
    const node = document.createNode(entry) as YAMLMap;
    node.commentBefore = says.map((line) => ` ${plain(line).slice(0, 300)}`).join("\n");
    list.add(node);
  }
  await writeWhole(resolve(file), document.toString({ lineWidth: 0 }));
  return added.length;
}

function fresh(): Document {
  const document = new Document({ format: "vauban/scan-baseline/1", accepted: [] });
  document.commentBefore =
    " Findings that may stay, each for these bytes only and until its day; paths are from this file's folder.";
  if (!isSeq(document.get("accepted"))) throw new Error("a new baseline has a list");
  return document;
}
