/**
 * One file from bytes to verdict: recognised by its content, read by every check that recognises it, its members in turn.
 * Nothing is ever run, and nothing that was not read and understood is called fine.
 */
import type { ScanFile, ScanFinding } from "#assessment/index.ts";
import { FormatError } from "#formats/error.ts";
import type { Content } from "#formats/content.ts";
import { disguiseOf } from "#formats/member-name.ts";
import type { Check, Subject, Surroundings } from "./check.ts";
import { checks } from "./checks/index.gen.ts";
import { appearance, promisesData } from "./known.ts";
import { lookThrough, piecesOf } from "./free-text.ts";
import { Ledger, type Range } from "./ledger.ts";
import { LimitReached, LIMITS, Meter, type ScanLimits } from "./limits.ts";
import type { Claim, ScanPorts } from "./ports.ts";
import { looksLikeText, sweep } from "./sweep.ts";
import { readOf, verdictOf } from "./verdict.ts";

/** Most bytes between two tensors that can be there to align the second: a page of large systems. */
const ALIGNMENT = 65_536;
/** Malicious findings that are listed, and members of those that values carry. */
const MALICIOUS_MAX = 500;
const CARRIED_MAX = 500;
const GRAVITY: Readonly<Record<ScanFinding["severity"], number>> = { note: 0, unknown: 1, suspicious: 2, malicious: 3 };
/** Unread ranges that get a finding of their own. */
const GAPS_SHOWN = 8;

/** What loading a file or member would do, written as Python would write it. */
export interface Trace {
  /** The file's path, then its members', joined by `!`. */
  readonly path: string;
  readonly steps: readonly string[];
  /** How many steps there are; not all are kept. */
  readonly acts: number;
}

/** Scans one file. Throws only what the content throws when bytes cannot be fetched, or for a mistake of ours. */
export function scanFile(
  path: string,
  content: Content,
  ports: ScanPorts,
  { limits = LIMITS, trace }: { limits?: ScanLimits; trace?: (trace: Trace) => void } = {},
): ScanFile {
  return scan(path, content, {}, { depth: 0, way: path, trace }, new Meter(limits, ports.clock, content.size), ports);
}

interface Place {
  readonly depth: number;
  /** The paths of everything it lies in, joined by `!`. */
  readonly way: string;
  readonly trace: ((trace: Trace) => void) | undefined;
}

function scan(
  path: string,
  content: Content,
  surroundings: Surroundings,
  { depth, way, trace }: Place,
  meter: Meter,
  ports: ScanPorts,
): ScanFile {
  const ledger = new Ledger(content.size);
  const findings: ScanFinding[] = [];
  const members: ScanFile[] = [];
  const untold: ScanFinding["severity"][] = [];
  let malicious = 0;
  let carried = 0;
  const report = (given: ScanFinding): void => {
    const start = Math.min(given.start, content.size);
    const finding = { ...given, start, end: Math.min(Math.max(given.end, start), content.size) };
    const { severity } = finding;
    // The gravest are kept whatever else fills the list, but no more of them than anybody reads.
    if (findings.length < meter.limits.findingsMax || (severity === "malicious" && malicious < MALICIOUS_MAX)) {
      findings.push(finding);
      if (severity === "malicious") malicious++;
      return;
    }
    const lesser =
      severity === "note" ? -1 : findings.findLastIndex((kept) => GRAVITY[kept.severity] < GRAVITY[severity]);
    untold.push(lesser >= 0 ? findings[lesser]!.severity : severity);
    if (lesser >= 0) findings[lesser] = finding;
  };
  const whole = (
    rule: string,
    severity: ScanFinding["severity"],
    message: string,
    at: Range = { start: 0, end: content.size },
  ): void => report({ rule, severity, confidence: "high", start: at.start, end: at.end, message });
  const inner = (name: string, within: Content, around: Surroundings): ScanFile => {
    meter.member();
    // Members have no folder that anything could lie beside.
    const inside = ports.neighbour
      ? { ...ports, neighbour: undefined, fingerprint: undefined, blobs: undefined, claim: undefined }
      : ports;
    return scan(name, within, around, { depth: depth + 1, way: `${way}!${name}`, trace }, meter, inside);
  };
  const subject: Subject = {
    content,
    path,
    depth,
    surroundings,
    ledger,
    meter,
    ports,
    report,
    traced: trace && ((steps, acts) => trace({ path: way, steps, acts })),
    inspect(name, within, around = {}) {
      const member = inner(name, within, around);
      members.push(member);
      return member;
    },
    probe(name, within, { start, end, what }) {
      const member = inner(name, within, {});
      const limited = limitIn(member);
      const grave = member.verdict === "malicious" || member.verdict === "suspicious";
      if (!grave && limited === undefined) {
        if (member.read === "whole")
          report({
            rule: "carried-payload",
            severity: "note",
            confidence: "high",
            start,
            end,
            message: `carries ${what}, as data; loading that would call nothing but what frameworks need`,
          });
        return;
      }
      if (carried++ < CARRIED_MAX) members.push(member);
      report({
        rule: "carried-payload",
        severity: grave ? (member.verdict as "malicious" | "suspicious") : "unknown",
        confidence: "medium",
        start,
        end,
        message: grave
          ? `carries ${what}, as data, that would do harm to whoever loads it`
          : `carries ${what}, as data, that was not read whole: ${limited}`,
      });
    },
  };

  // Members' names are their archive's matter; a file lies where it lies, whatever its name means on other systems.
  const disguise = depth === 0 ? disguiseOf(path) : undefined;
  if (disguise !== undefined) whole("name", "suspicious", `its name ${disguise}`);
  let used: readonly Check[] = [];
  let claimed: Claim | undefined;
  if (depth > meter.limits.depthMax)
    whole("limit-depth", "unknown", `members lie more than ${meter.limits.depthMax} deep; this one was not read`);
  else if (surroundings.numbers !== undefined) ledger.understood(0, content.size);
  else {
    used = chosen(content, path);
    if (used.length > 1 && content.size > 0)
      whole(
        "polyglot",
        "suspicious",
        `it is a ${used.map(({ title }) => title).join(" and a ")} at once: programs disagree on what it is`,
      );
    for (const check of used)
      try {
        check.read(subject);
      } catch (error) {
        if (error instanceof LimitReached) whole(error.rule, "unknown", error.message);
        else if (error instanceof FormatError)
          whole(`${check.title.replaceAll(" ", "-")}-broken`, "unknown", `as a ${error.format}: ${error.problem}`, {
            start: Math.min(error.offset, content.size),
            end: Math.min(error.offset + 1, content.size),
          });
        else throw error;
      }
    claimed = used.length === 0 && content.size > 0 ? ports.claim?.() : undefined;
    if (claimed) values(claimed, ledger, content, whole);
    else if (used.length === 0 && content.size > 0) whole("not-recognised", "unknown", appearance(content));
    const promised = promisesData(path);
    const runs = used.find((check) => check.runs === true && check.recognise(content, "") === "yes");
    if (promised !== undefined && runs)
      whole("name", "suspicious", `its name ends with ${promised}, which promises data, and it is a ${runs.title}`);
  }
  if (surroundings.numbers === undefined && depth <= meter.limits.depthMax && looksLikeText(content))
    try {
      lookThrough(subject, piecesOf(content), "the text", { code: false });
    } catch (error) {
      if (!(error instanceof LimitReached)) throw error;
      whole(error.rule, "unknown", error.message);
    }
  const headerOnly = used.some((check) => check.headerOnly === true);
  const gaps = ledger.unread();
  if (!headerOnly) {
    if (used.length > 0 || claimed)
      for (const { start, end, because } of gaps.slice(0, GAPS_SHOWN))
        whole(
          "unread-bytes",
          "unknown",
          `${end - start === 1 ? "1 byte was" : `${end - start} bytes were`} not read${because ? `: ${because}` : ""}${gaps.length > GAPS_SHOWN ? ` (one of ${gaps.length} such ranges)` : ""}`,
          { start, end },
        );
    try {
      sweep(content, ledger.uncertain(), report, meter, {
        text: used.length === 0 && looksLikeText(content),
        unrecognised: used.length === 0,
      });
    } catch (error) {
      if (!(error instanceof LimitReached)) throw error;
      whole(error.rule, "unknown", error.message);
    }
  }
  // As grave as the gravest of them: who accepts what is listed has not accepted these.
  if (untold.length > 0) {
    const gravest = untold.reduce((a, b) => (GRAVITY[b] > GRAVITY[a] ? b : a));
    findings.push({
      rule: "limit-findings",
      severity: gravest,
      confidence: "high",
      start: 0,
      end: content.size,
      message: `${untold.length} further findings are not listed, the gravest of them ${gravest}`,
    });
  }
  const read = readOf(ledger.bytesUnderstood, content.size, members);
  return {
    path,
    sha256: ports.sha256(content),
    verdict: verdictOf(findings, members, read, headerOnly),
    read,
    findings: findings.toSorted((a, b) => a.start - b.start || a.end - b.end),
    members,
  };
}

/**
 * Values of a model beside it: plain numbers by that model's word, in which nothing else was recognised. They are looked through all
 * the same, for a word is no proof. Zeros between them are alignment.
 */
function values(
  { by, ranges }: Claim,
  ledger: Ledger,
  content: Content,
  whole: (rule: string, severity: ScanFinding["severity"], message: string) => void,
): void {
  let last = 0;
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    if (start > last && start - last <= ALIGNMENT && content.read(last, start - last).every((byte) => byte === 0))
      ledger.understood(last, start);
    ledger.left(last, start, `no tensor of ${JSON.stringify(by)} has it`);
    ledger.understood(start, end);
    ledger.doubted(start, end);
    last = Math.max(last, end);
  }
  ledger.left(last, content.size, `it follows the values of ${JSON.stringify(by)}`);
  whole(
    "values",
    "note",
    `holds values of ${JSON.stringify(by)}, which says what they are; nothing else recognises them`,
  );
}

/** The formats a file is recognised as, in the words of the checks; nothing is read beyond what recognising takes. */
export const formatsOf = (content: Content, path: string): readonly string[] =>
  chosen(content, path).map(({ title }) => title);

/** The checks that recognise the bytes; where none is sure, the first that thinks it could. */
function chosen(content: Content, path: string): readonly Check[] {
  const all = Object.values(checks) as readonly Check[];
  const recognised = all.map((check) => ({ check, how: check.recognise(content, path) }));
  const sure = recognised.filter(({ how }) => how === "yes");
  return (sure.length > 0 ? sure : recognised.filter(({ how }) => how === "perhaps").slice(0, 1)).map(
    ({ check }) => check,
  );
}

function limitIn(file: ScanFile): string | undefined {
  return (
    file.findings.find(({ rule }) => rule.startsWith("limit-"))?.message ?? file.members.map(limitIn).find(Boolean)
  );
}
