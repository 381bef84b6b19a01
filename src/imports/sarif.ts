/**
 * SARIF 2.1.0 logs (OASIS, 2020). A log without results shows that the named tool ran, and nothing else: what it did not
 * look for is unknown, so no log earns more than grade C.
 */
import { z } from "zod";
import type { Evidence, Outcome, Measure, System } from "#assessment/index.ts";
import { complaint, held, short, type Origin } from "./document.ts";
import { placeTitle, sealed, type Imported } from "./evidence.ts";
import { otherVersion, outOfDate, standingOf, type Artefacts, type Subject } from "./standing.ts";

const rule = z.object({ id: z.string().optional(), name: z.string().optional() });
const component = z.object({
  name: z.string(),
  version: z.string().optional(),
  semanticVersion: z.string().optional(),
  rules: z.array(rule).nullish(),
});
const notification = z.object({ level: z.string().optional() });
const invocation = z.object({
  executionSuccessful: z.boolean(),
  startTimeUtc: z.string().optional(),
  endTimeUtc: z.string().optional(),
  toolExecutionNotifications: z.array(notification).nullish(),
  toolConfigurationNotifications: z.array(notification).nullish(),
});
const result = z.object({
  ruleId: z.string().optional(),
  kind: z.enum(["pass", "open", "informational", "notApplicable", "review", "fail"]).optional(),
  level: z.enum(["none", "note", "warning", "error"]).optional(),
  baselineState: z.enum(["new", "unchanged", "updated", "absent"]).optional(),
  suppressions: z.array(z.object({ status: z.string().optional(), justification: z.string().optional() })).nullish(),
});
const run = z.object({
  tool: z.object({ driver: component, extensions: z.array(component).nullish() }),
  invocations: z.array(invocation).nullish(),
  results: z.array(result).nullish(),
  artifacts: z.array(z.object({ hashes: z.record(z.string(), z.string()).optional() })).nullish(),
  versionControlProvenance: z
    .array(z.object({ revisionId: z.string().optional(), revisionTag: z.string().optional() }))
    .nullish(),
  externalPropertyFileReferences: z.object({ results: z.array(z.unknown()).nullish() }).nullish(),
});
type Run = z.infer<typeof run>;
const log = z.object({
  version: z.literal("2.1.0", { error: "the version is not 2.1.0" }),
  runs: z.array(run).nullish(),
});

export interface Context {
  readonly origin: Origin;
  /** The import's id. */
  readonly source: string;
  readonly sha256: string;
  readonly tests: readonly string[];
  readonly at: string | undefined;
  readonly system: System;
  readonly asOf: string;
  readonly artefacts: Artefacts | undefined;
  /** Package URLs of what the lock files pin. */
  readonly packages: ReadonlySet<string> | undefined;
}

/** One item of evidence per run of the log. */
export function fromSarif(value: unknown, context: Context): Imported {
  const read = held(
    log,
    value,
    context.origin,
    "a SARIF 2.1.0 log (vauban does not repair logs; validate it with the tool that wrote it)",
  );
  if (!read.ok) return { evidence: [], diagnostics: read.diagnostics };
  const runs = read.value.runs ?? [];
  if (runs.length > 0) return { evidence: runs.map((one) => fromRun(one, context)), diagnostics: [] };
  return {
    evidence: [
      sealed({
        ...shared(context),
        grade: "F",
        title: `SARIF log of ${placeTitle(context.at, context.system)}`,
        outcome: { status: "inconclusive", because: "the log holds no run: no tool says that it did anything" },
        tool: { name: "unknown", version: "unknown" },
        standing: standingOf("it bears no date, so nobody can say that it is in date"),
        notes: [],
      }),
    ],
    diagnostics: [
      complaint(
        "W611",
        context.origin,
        "the log holds no run",
        "run the scanner again and import the log it writes when it ends",
      ),
    ],
  };
}

const shared = ({ tests, at, source, sha256 }: Context) => ({
  kind: "imported" as const,
  tests: [...tests],
  ...(at !== undefined && { at }),
  sanity: [],
  adaptive: false,
  inputs: [{ role: "sarif log", sha256 }],
  source,
});

function fromRun(one: Run, context: Context): Evidence {
  const { driver, extensions } = one.tool;
  const rules = [driver, ...(extensions ?? [])].flatMap((part) => part.rules ?? []);
  const invocations = one.invocations ?? [];
  const ended = invocations.length > 0 && invocations.every(({ executionSuccessful }) => executionSuccessful);
  const troubled = invocations.some((call) =>
    [...(call.toolExecutionNotifications ?? []), ...(call.toolConfigurationNotifications ?? [])].some(
      ({ level }) => level === "error",
    ),
  );
  const tool = {
    name: short(driver.name, 100),
    version: short(driver.semanticVersion ?? driver.version ?? "unknown", 100),
  };
  const outcome = outcomeOf(one, tool, rules, { ended, troubled, called: invocations.length > 0 });
  const date = invocations
    .map((call) => /^\d{4}-\d{2}-\d{2}(?=T)/.exec(call.endTimeUtc ?? call.startTimeUtc ?? "")?.[0])
    .filter((day) => day !== undefined)
    .toSorted()
    .at(0);
  const otherSubject = otherVersion(subjectOf(one, context), context.at, context.system, context.artefacts);
  const complete = ended && !troubled && rules.length > 0;
  return sealed({
    ...shared(context),
    grade: otherSubject !== undefined || outcome.status === "inconclusive" ? "F" : complete ? "C" : "E",
    title: `${tool.name} scan of ${placeTitle(context.at, context.system)}`,
    outcome,
    tool,
    ...(date !== undefined && { date }),
    standing: standingOf(otherSubject, outOfDate({ date }, context.asOf)),
    notes: outcome.status === "measured" && outcome.measure.kind === "scan" ? [...outcome.measure.notes] : [],
  });
}

function outcomeOf(
  one: Run,
  tool: { name: string; version: string },
  rules: readonly z.infer<typeof rule>[],
  { ended, troubled, called }: { ended: boolean; troubled: boolean; called: boolean },
): Outcome<Measure> {
  const inconclusive = (because: string): Outcome<Measure> => ({ status: "inconclusive", because });
  if (called && !ended) return inconclusive(`${tool.name} says that its run failed (executionSuccessful: false)`);
  if (one.externalPropertyFileReferences?.results?.length)
    return inconclusive("the results lie in other files, which were not brought along");
  if (!one.results)
    return inconclusive("the run holds no results array: the tool did not say that it looked (SARIF §3.14.23)");
  const problems = one.results.filter(
    ({ kind = "fail", baselineState }) => ["fail", "open", "review"].includes(kind) && baselineState !== "absent",
  );
  if (problems.length === 0 && !called)
    return inconclusive("no results, and the log does not say whether the run succeeded (no invocations)");
  const suppressed = problems.filter(isSuppressed);
  const unexplained = suppressed.filter(
    ({ suppressions }) => !suppressions!.some(({ justification }) => justification?.trim()),
  );
  const ignored = problems.filter((item) => item.level === "none").length;
  const open = problems.filter(
    (item) => item.level !== "none" && (!isSuppressed(item) || unexplained.includes(item)),
  ).length;
  const names = rules.map(({ id, name }) => name ?? id ?? "unnamed");
  const notes = [
    rules.length > 0
      ? `${rules.length} rules: ${names
          .slice(0, 8)
          .map((name) => short(name, 60))
          .join(", ")}${rules.length > 8 ? " …" : ""}`
      : "the log names no rules: what the tool looked for is unknown",
    "what the tool does not look for is unknown; no results means only that it ran",
    ...(called ? [] : ["the log does not say whether the run succeeded"]),
    ...(troubled ? ["the tool reports errors of its own during the run"] : []),
    ...(suppressed.length > unexplained.length
      ? [
          `${suppressed.length - unexplained.length} results are suppressed with a justification and not counted as open`,
        ]
      : []),
    ...(unexplained.length > 0
      ? [`${unexplained.length} results are suppressed without a justification and counted as open`]
      : []),
    ...(ignored > 0 ? [`${ignored} results of level none are not counted as open`] : []),
  ];
  return {
    status: "measured",
    measure: { kind: "scan", tool: `${tool.name} ${tool.version}`, results: problems.length, open, notes },
  };
}

/** Suppressed unless a suppression was rejected or is still under review (SARIF §3.35.3: no status means accepted). */
const isSuppressed = ({ suppressions }: z.infer<typeof result>): boolean =>
  (suppressions?.length ?? 0) > 0 && suppressions!.every(({ status = "accepted" }) => status === "accepted");

function subjectOf(one: Run, { at, system, artefacts }: Context): Subject {
  const component = system.components.find(({ id }) => id === at);
  const artefact = component && (artefacts?.get(component.id) ?? component.model?.sha256);
  const versions = (one.versionControlProvenance ?? []).flatMap(({ revisionTag, revisionId }) =>
    [revisionTag, revisionId].filter((version) => version !== undefined),
  );
  // A log lists every file it saw: it speaks of the deployed artefact if that is among them, and of another version if
  // nothing else in it names one.
  const hashes = (one.artifacts ?? []).flatMap(({ hashes: digests }) => digests?.["sha-256"]?.toLowerCase() ?? []);
  const seen = artefact !== undefined && hashes.includes(artefact);
  return { versions: seen ? [] : versions, sha256: seen ? [artefact] : versions.length === 0 ? hashes : [] };
}
