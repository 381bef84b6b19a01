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

/** What the policy's words come to, the worst that any of them says; "reads or writes files" may write. */
const BY_WORDS: readonly (readonly [words: RegExp, act: Act])[] = [
  [
    /\b(runs? (?!for whoever)|imports|loads|compiles|makes (code|a function|programs|objects|another process)|starts|evaluates|interpreter|native code|memory of a value|calls (what|given|Windows|Python)|ends|signals|finds every object|sets or deletes|looks into|takes (source|compiled)|installs|pickles?|unpickles|marshal\w*|changes (which|how|what|where)|follows imports|hands a shell|tells of)/,
    "executes",
  ],
  [/\b(network|connections?|machines|fetch\w*|address\w*)\b/, "connects"],
  [/\b(writes|write files|deletes|moves|copies|changes who|unpacks|makes archives)\b/, "writes"],
  [/\b(opens|reads|lists|compares|controls|waits|watches|ends or blocks)\b/, "reads"],
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
    BY_WORDS.filter(([words]) => words.test(message))
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
