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

/** What the policy's words come to; "reads or writes files" may write. */
const BY_WORDS: readonly (readonly [words: string, act: Act])[] = [
  ["runs programs", "executes"],
  ["runs Python code", "executes"],
  ["runs it as Python", "executes"],
  ["imports or loads code", "executes"],
  ["loads another pickle", "executes"],
  ["interpreter", "executes"],
  ["calls native code", "executes"],
  ["starts threads or processes", "executes"],
  ["calls Python functions", "executes"],
  ["runs a compiled engine", "executes"],
  ["evaluates the text", "executes"],
  ["runs what was decoded", "executes"],
  ["hands a shell", "executes"],
  ["opens network connections", "connects"],
  ["reads or writes files", "writes"],
  ["writes files", "writes"],
  ["opens it as a file", "reads"],
  ["reads files", "reads"],
  ["reads a file", "reads"],
  ["ends or blocks the process", "reads"],
];
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

/** The words of the policy, for the test that every one of them is understood here. */
export const HARM_WORDS: ReadonlySet<string> = new Set([
  ...HARMFUL.map(({ does }) => does),
  ...RUN_FROM_STATE.map(({ does }) => does),
  ...[...HARMFUL_OPERATORS.values()].map(({ does }) => does),
]);

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
