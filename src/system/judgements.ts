/** Law, harms, criteria, exclusions, exposures and reviewers: what the author judges, each with its reason. */
import { CONSEQUENCES, HARMS } from "#assessment/scalars.ts";
import type { Level } from "#assessment/scalars.ts";
import type { SeverityClaim, System } from "#assessment/system.ts";
import { given } from "./architecture.ts";
import { checkInterval, many, ofMany, placeOf, readDate, readPathOrWords } from "./context.ts";
import type { Context } from "./context.ts";
import { checkThreats } from "./trials.ts";
import { nearest } from "#base/diagnostics.ts";
import { quoted } from "./yaml.ts";
import type { Path } from "./yaml.ts";

export function readLaw(context: Context): System["law"] {
  const { law } = context.file;
  if (law.listing === "none" && law.reasoning === undefined)
    context.say(
      "E044",
      "listing none gives no reasoning",
      "add reasoning: why the system is not high-risk (AI Act, Art. 6(4))",
      ["law", "listing"],
    );
  const presumptions = (law.presumptions ?? []).map(({ route, covers, reference }, index) => {
    const clauses = context.options.knownClauses;
    many(covers).forEach((clause, i) => {
      if (clauses && !clauses.has(clause)) {
        const near = nearest(clause, clauses.keys());
        context.say(
          "E013",
          `the catalogue has no clause ${quoted(clause)}`,
          near ? `did you mean ${near}?` : "clauses are written as AIA-15.5",
          ofMany(covers, ["law", "presumptions", index, "covers"], i),
        );
      }
    });
    return { route, covers: [...many(covers)], reference };
  });
  return {
    role: law.role,
    listing: law.listing,
    ...given({ placing: readDate(context, law.placing, ["law", "placing"], "any"), reasoning: law.reasoning }),
    presumptions,
    where: placeOf(context, ["law"], "key"),
  };
}

export function readSector(context: Context): string {
  const { sector } = context.file;
  const known = context.options.knownSectors;
  // An empty sector has been reported as missing.
  if (known && sector !== "" && !known.has(sector)) {
    const near = nearest(sector, known.keys());
    context.say(
      "E029",
      `there is no sector ${quoted(sector)}`,
      `${near ? `did you mean ${near}? ` : ""}one of ${[...known.keys()].join(", ")}`,
      ["sector"],
    );
  }
  return sector;
}

export function readHarms(context: Context): SeverityClaim[] {
  const written = context.file.harms ?? {};
  return CONSEQUENCES.flatMap((consequence) =>
    HARMS.flatMap((harm) => {
      const claim = written[consequence]?.[harm];
      if (!claim) return [];
      const where = placeOf(context, ["harms", consequence, harm], "key");
      return [{ consequence, harm, severity: claim.severity, because: claim.because, assumed: false, where }];
    }),
  );
}

/** METHOD §4's starting values, for a sector whose pack gives none at that severity. */
const STARTING_CRITERIA: Readonly<Record<Level, number>> = { VH: 0.001, H: 0.01, M: 0.1, L: 1, VL: 1 };

export function readCriteria(context: Context): System["criteria"] {
  const seen = new Map<string, Path>();
  const pack = context.options.knownSectors?.get(context.file.sector);
  return (context.file.criteria ?? []).map((entry, index) => {
    const at = context.item("criteria", index);
    const key = `${entry.harm} ${entry.severity}`;
    const earlier = seen.get(key);
    if (earlier)
      context.say(
        "E017",
        `the criterion for ${entry.harm} at severity ${entry.severity} stands twice`,
        `it stands already in line ${context.located.span(earlier).line}; keep one`,
        at,
      );
    else seen.set(key, at);
    const reason = entry.because ?? entry.source;
    if (reason === undefined)
      context.say("E033", `the criterion for ${key} gives no reason`, "add because: or source:", at);
    const start =
      pack?.criteria.find(({ severity }) => severity === entry.severity)?.perYear ?? STARTING_CRITERIA[entry.severity];
    if (entry["per-year"] > start && entry.acceptor === undefined)
      context.say(
        "E043",
        `${entry["per-year"]} per year for ${key} is looser than ${pack ? `the sector's ${start}` : `the starting value ${start}`}`,
        "add acceptor: with the name and function of who accepts it, or tighten it",
        [...at, "per-year"],
      );
    return {
      harm: entry.harm,
      severity: entry.severity,
      perYear: entry["per-year"],
      source: entry.because && entry.source ? `${entry.source} – ${entry.because}` : (reason ?? ""),
      ...given({ acceptor: entry.acceptor }),
    };
  });
}

export function readExclusions(context: Context): System["exclusions"] {
  return (context.file.exclusions ?? []).map((entry, index) => {
    const at = context.item("exclusions", index);
    if (entry.what.startsWith("T-")) checkThreats(context, [entry.what], () => [...at, "what"]);
    if (entry.evidence === undefined)
      context.say(
        "W007",
        `${entry.what} is excluded without evidence`,
        "add evidence: path or reference; until then it counts as not tried",
        placeOf(context, at),
      );
    return {
      what: entry.what,
      because: entry.because,
      ...given({ evidence: readPathOrWords(context, entry.evidence, [...at, "evidence"]) }),
      where: placeOf(context, at),
    };
  });
}

export function readExposures(context: Context): System["exposures"] {
  return (context.file.exposures ?? []).map((entry, index) => {
    const at = context.item("exposures", index);
    checkThreats(context, [entry.threat], () => [...at, "threat"]);
    checkInterval(context, entry, at);
    return { ...entry, where: placeOf(context, at) };
  });
}

export function readReviewers(context: Context): System["reviewers"] {
  const reviewers = (context.file.reviewers ?? []).map(({ name, role, independent, date }, index) => ({
    name,
    role,
    independent,
    ...given({ date: readDate(context, date, [...context.item("reviewers", index), "date"], "past") }),
  }));
  if (!context.incomplete.has("reviewers") && !reviewers.some(({ independent }) => independent))
    context.say(
      "W002",
      reviewers.length === 0 ? "nobody has reviewed this description" : "no reviewer is independent of the builders",
      "add reviewers: with name, role, independent and date",
      placeOf(context, context.file.reviewers ? ["reviewers"] : ["system"], "key"),
    );
  return reviewers;
}
