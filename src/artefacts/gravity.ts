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

/** What words come to, the worst of them first; a phrase that runs something and writes files runs something. */
const BY_VERBS: readonly (readonly [Act, RegExp])[] = [
  [
    "executes",
    /\b(?:runs?|executes|calls?|compiles|evaluates|starts|imports?|imported|loads?|unpickles|debugger|shell|interpreter|native|as Python|watches, ends)\b|\bmakes (?:code|objects|programs|another process|Python)|\b(?:builds or installs)\b|marshalled/,
  ],
  ["connects", /\b(?:network|address|connections?|connects|fetches|uploads)\b/],
  ["writes", /\b(?:writes?|deletes|moves|copies|changes?|unpacks|sets)\b/],
  [
    "reads",
    /\b(?:reads?|opens?|lists|compares|waits|ends|finds|looks|takes|tells|watches|controls|gives|follows|turns|reaches)\b/,
  ],
];
const actOfWords = (words: string): Act => BY_VERBS.find(([, verbs]) => verbs.test(words))?.[0] ?? "refers";

/** The words of the policy, for the test that every one of them is understood here. */
export const HARM_WORDS: ReadonlySet<string> = new Set([
  ...HARMFUL.map(({ does }) => does),
  ...RUN_FROM_STATE.map(({ does }) => does),
  ...[...HARMFUL_OPERATORS.values()].map(({ does }) => does),
]);
/** Phrases to look for in a message: the policy's, and those of readers that have none. */
const BY_WORDS: readonly (readonly [words: string, act: Act])[] = [
  ...HARM_WORDS,
  "runs what was decoded",
  "hands a shell",
  "interpreter",
].map((words) => [words, actOfWords(words)]);
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

/** What the finding's file would do; the mildest where the finding does not say. */
export function actOf({ rule, message }: Pick<ScanFinding, "rule" | "message">): Act {
  return (
    BY_RULE[rule] ??
    BY_WORDS.filter(([words]) => message.includes(words))
      .map(([, act]) => act)
      .toSorted((a, b) => ACTS.indexOf(a) - ACTS.indexOf(b))[0] ??
    "refers"
  );
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
