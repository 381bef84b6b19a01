/** Names and kinds of an archive's members, judged alike for every archive: what climbs, comes twice, looks like another or is two things. */
import { foldersOf, placeOfName, problemOfName, type NameProblem } from "#formats/member-name.ts";
import type { Finding, Subject } from "./check.ts";
import type { Range } from "./ledger.ts";

/** A member, at the bytes that name it. */
export interface ArchiveMember extends Range {
  readonly name: string;
  readonly folder: boolean;
  /** Bytes of its content. */
  readonly size: number;
  /** The mode of POSIX that it has for its owner, group and others, and what kind of file it is there; 0 where none is kept. */
  readonly mode: number;
  /** Its attributes or its name say that it is a folder. */
  readonly named: boolean;
}

const FINDINGS_MAX = 20;
const [TYPE, FOLDER, FILE] = [0xf000, 0x4000, 0x8000];
/** Runs as its owner or group, whoever runs it. */
const SET_ID = 0o6000;

const RULES = {
  zip: { outside: "zip-traversal", twice: "zip-duplicate" },
  tar: { outside: "tar-traversal", twice: "tar-duplicate" },
  "7z": { outside: "7z-traversal", twice: "7z-duplicate" },
} as const;
const NAMES: Readonly<Record<NameProblem["kind"], readonly [rule: string | undefined, severity: Finding["severity"]]>> =
  {
    outside: [undefined, "suspicious"],
    disguised: ["member-disguised", "suspicious"],
    elsewhere: ["member-name", "unknown"],
  };

export function judgeMembers(
  format: keyof typeof RULES,
  members: readonly ArchiveMember[],
  { report, meter }: Pick<Subject, "report" | "meter">,
): void {
  const { outside, twice } = RULES[format];
  const said = new Map<string, number>();
  const say = (rule: string, severity: Finding["severity"], { start, end }: Range, message: string): void => {
    const times = (said.get(rule) ?? 0) + 1;
    said.set(rule, times);
    if (times <= FINDINGS_MAX) report({ rule, severity, confidence: "high", start, end, message });
  };
  const places = new Map<string, boolean>();
  for (const member of members) {
    meter.tick();
    const { name, folder, size, mode } = member;
    const problem = problemOfName(name);
    if (problem) {
      const [rule, severity] = NAMES[problem.kind];
      say(rule ?? outside, severity, member, `the name ${shown(name)} ${problem.problem}`);
    }
    if ((member.named || (mode & TYPE) === FOLDER) && size > 0)
      say(
        "member-kind",
        "suspicious",
        member,
        `${shown(name)} is a folder and has content: which it is differs between readers`,
      );
    if ((mode & SET_ID) !== 0 && ((mode & TYPE) === FILE || ((mode & TYPE) === 0 && !folder)))
      say("member-mode", "suspicious", member, `${shown(name)} runs with the rights of its owner, whoever runs it`);
    const place = placeOfName(name);
    const before = places.get(place);
    if (before !== undefined && !(before && folder))
      say(twice, "suspicious", member, `${shown(name)} is there twice: which one counts differs between readers`);
    places.set(place, folder && before !== false);
  }
  for (const member of members)
    for (const above of foldersOf(placeOfName(member.name)))
      if (places.get(above) === false)
        say(twice, "suspicious", member, `${shown(member.name)} lies in a folder of the name that a file has`);
}

const shown = (name: string): string => JSON.stringify(name.slice(0, 200));
