/**
 * Which of several findings a reader should see first: by severity, then by what would be done, then by where it stands.
 * What is done is read from the policy's own words, which stand in the messages.
 */
import type { ScanFile, ScanFinding } from "#assessment/index.ts";
import { HARMFUL, RUN_FROM_STATE } from "./policy.ts";
import { HARMFUL_OPERATORS } from "./tensorflow-operators.ts";

/** From the worst down. */
export const ACTS = ["executes", "connects", "writes", "reads", "refers"] as const;
export type Act = (typeof ACTS)[number];

/** What a reason of the policy comes to, by the verbs it is written in: the first line that fits. */
const BY_VERB: readonly (readonly [pattern: RegExp, act: Act])[] = [
  [
    /\b(runs?|evaluates?|compiles?|calls?|imports?|makes (code|programs|objects|another process|Python)|loads|code|pickles?|unpickles|interpreter|debugger|starts|programs?|shell|every object)\b/,
    "executes",
  ],
  [/\b(network|connects|fetches|uploads)\b/, "connects"],
  [
    /\b(writes?|moves|deletes|unpacks|packed|packs|copies|changes?|sets|opens|makes|controls|registry|signals|ends|memory of a value)\b/,
    "writes",
  ],
  [/\b(reads|files|lists|looks|takes|tells|waits|watches|turns|memory|describes|compares)\b/, "reads"],
];
/** Further words for harm, of checks that have no policy. */
const MORE_WORDS = ["evaluates the text", "runs what was decoded", "hands a shell", "reads a file"];

/** Rules whose findings do by themselves what their name says, whatever else the message tells. */
const BY_RULE: Readonly<Record<string, Act>> = {
  "pickle-harmful-import": "refers",
  "pickle-patches-import": "executes",
  "pickle-code-in-state": "executes",
  "python-hidden-code": "executes",
  "python-reverse-shell": "executes",
  "code-harmful": "executes",
  "template-call": "executes",
  "template-reach": "executes",
  jsonpickle: "executes",
};

/** The policy's reasons, which stand in the messages word by word. */
export const REASONS: ReadonlySet<string> = new Set([
  ...HARMFUL.map(({ does }) => does),
  ...RUN_FROM_STATE.map(({ does }) => does),
  ...[...HARMFUL_OPERATORS.values()].map(({ does }) => does),
  ...MORE_WORDS,
]);

const ACT_OF: readonly (readonly [reason: string, act: Act])[] = [...REASONS].map((reason) => [
  reason,
  BY_VERB.find(([pattern]) => pattern.test(reason))?.[1] ?? "refers",
]);

/** What the finding's file would do: the worst of the reasons in its message; the mildest where it gives none. */
export function actOf({ rule, message }: Pick<ScanFinding, "rule" | "message">): Act {
  const given = ACT_OF.flatMap(([reason, act]) => (message.includes(reason) ? [act] : []));
  return BY_RULE[rule] ?? ACTS.find((act) => given.includes(act)) ?? "refers";
}

export interface Told {
  readonly finding: ScanFinding;
  /** Names of the members it lies in, from the outside; none for the file itself. */
  readonly within: readonly string[];
}

const SEVERITIES: readonly ScanFinding["severity"][] = ["malicious", "suspicious", "unknown", "note"];

/**
 * Findings of a file and of everything in it, the one to read first first. What a baseline accepts comes after what is open;
 * notes are left out.
 */
export function gravestFirst(file: ScanFile): readonly Told[] {
  const all: Told[] = [];
  const walk = (one: ScanFile, within: readonly string[]): void => {
    for (const finding of one.findings) if (finding.severity !== "note") all.push({ finding, within });
    for (const member of one.members) walk(member, [...within, member.path]);
  };
  walk(file, []);
  const rank = ({ finding }: Told): readonly number[] => [
    finding.accepted ? 1 : 0,
    SEVERITIES.indexOf(finding.severity),
    ACTS.indexOf(actOf(finding)),
    finding.start,
  ];
  const ranked = all.map((told) => ({ told, rank: rank(told) }));
  return ranked
    .toSorted((a, b) => a.rank.map((value, i) => value - b.rank[i]!).find((difference) => difference !== 0) ?? 0)
    .map(({ told }) => told);
}
