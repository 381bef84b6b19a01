/** What an id means, in plain lines: the entry, what this version tries of it, what would count as evidence, where it is from. */
import type { AttackerProfile, Clause, Control, Knowledge, SectorPack, Source, ThreatType } from "#assessment/index.ts";
import { BY_TAMPERED_FILES, TRIAL_THREATS, type TrialKind } from "#assessment/tried.ts";
import { notTried } from "./not-tried.ts";
import { Page } from "./page.ts";

export interface Explanation {
  /** The id in the catalogue's own spelling. */
  readonly id: string;
  readonly title: string;
  /** At most `width` characters each; an empty one parts two paragraphs. */
  readonly lines: readonly string[];
}

/** What each kind of trial does, for whoever asks what is tried of a threat. */
const TRIAL_WORDS: Readonly<Record<TrialKind, string>> = {
  clean: "the clean run measures accuracy on data as it is",
  evasion: "an `evasion:` test attacks the model itself, with gradients and by queries",
  patch: "a `patch:` test places an optimised patch at random, in the digital picture; it is not printed or filmed",
  corruption:
    "a `corruption:` test measures accuracy under noise, blur and light: the average case, not a search for the worst",
  scan: "`assess` scans every file that the system file names, and `vauban scan` any other: what loading it would do, without loading it",
  data: "`assess` checks the data sets for faults",
};

/** What this version can try, by the table that its trials are planned from. Every other threat is answered by imported evidence only. */
export const TRIED_HERE: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(TRIAL_THREATS).flatMap(([kind, threats]) =>
    threats.map((threat) => [threat, TRIAL_WORDS[kind as TrialKind]]),
  ),
);

const MATURITY: Readonly<Record<Control["maturity"], string>> = {
  proven: "proven: may support a state-of-the-art claim inside its limits",
  emerging: "emerging: counts only with measured proof of one's own",
  research: "research: counts nothing towards a presumption, and elsewhere only with measured proof of one's own",
  broken: "broken: never counts, whatever evidence is brought",
};

const MODEL_LEVEL: Readonly<Record<ThreatType["modelLevel"], string>> = {
  proven: "the state of the art has a proven measure in the model itself",
  partly: "measures in the model help in part; the rest is the system's to carry",
  none: "no proven measure in the model itself: the system around it has to carry this",
  "not-applicable": "not a matter of the model: ordinary measures around it decide",
};

const DECIDED_BY: Readonly<Record<Clause["decidedBy"], string>> = {
  "attack-class": "by the threats of that class: what was tried, and whether it was withstood",
  "system-security": "by the conventional threats, from denial tests and imported evidence",
  "threat-model": "by whether threats were derived for every component and flow",
  "risk-register": "by the risks and their criteria",
  thresholds: "by whether metrics and thresholds stood, with a reason, before the run, and were met",
  accuracy: "by the clean run against the declared accuracy",
  robustness: "by accuracy under noise and corruption",
  architecture: "by what the system file says about the system",
  controls: "by the declared controls and the kind of evidence behind each",
  "feedback-loop": "by whether a way leads from outputs back to training, and what stands in it",
  "supply-chain": "by what is declared about the origin of models and data, and the hashes of the files",
  logging: "by whether the models' inputs and outputs reach a monitoring component, and its evidence",
  oversight: "by the people in the path and the evidence for what they catch",
  report: "by this document itself, as far as an assessment can provide it",
  appropriateness: "by whether the risks have controls that earned credit, and how mature these are",
  consistency: "by what watches the levels over time (monitoring, canary questions, retests) and its evidence",
  document: "by nothing here: only a person can bring it",
};

const MARKS: Readonly<Record<Source["mark"], string>> = {
  V: "read in the primary text",
  V2: "read in a secondary text",
  R: "unconfirmed",
  I: "our own reading",
};

const APPLIES_TO: Readonly<Record<Clause["appliesTo"], string>> = {
  "high-risk": "high-risk systems",
  "annex-III": "systems listed in Annex III",
  "annex-I.A": "products under the laws of Annex I, Section A, and their safety components",
  "continual-learning": "high-risk systems that go on learning after they are placed on the market",
  "remote-biometrics": "remote biometric identification (Annex III, point 1(a))",
  "cra-products": "products with digital elements in the scope of the Cyber Resilience Act",
  all: "every system",
};

/** Dates of the calendar (knowledge/frameworks/dates) that a clause's scope depends on. */
const DATES_OF: Readonly<Record<Clause["appliesTo"], readonly string[]>> = {
  "high-risk": ["annex-III", "annex-I.A", "annex-I.B"],
  "annex-III": ["annex-III"],
  "annex-I.A": ["annex-I.A"],
  "continual-learning": ["annex-III", "annex-I.A", "annex-I.B"],
  "remote-biometrics": ["annex-III"],
  "cra-products": ["cra-reporting", "cra-products"],
  all: [],
};

const RIGHTS: Readonly<Record<AttackerProfile["knows"], string>> = {
  black: "nothing of the inside",
  grey: "part of the inside",
  white: "everything inside",
};

/** A check of data, and the threats that what it finds bears on. */
export interface BearingCheck {
  readonly title: string;
  readonly bearsOn: { readonly threats: readonly string[] };
}

/**
 * Explains an id of the catalogue, a threat's readable name, one of the five classes (`AE`) or the topic `not-tried`.
 * Upper and lower case do not matter. Undefined where nothing has that id; `suggestion` then names the nearest.
 */
export function explain(
  all: Knowledge,
  id: string,
  width = 100,
  checks: readonly BearingCheck[] = [],
): Explanation | undefined {
  const wanted = id.trim().toLowerCase();
  const is = (candidate: string): boolean => candidate.toLowerCase() === wanted;
  const page = new Page(width);

  if (wanted === "not-tried") {
    notTried(all, page);
    return { id: "not-tried", title: 'What "not tried" means, and how to get each class tried', lines: page.lines };
  }
  const threat = all.threats.find((item) => is(item.id) || is(item.slug));
  if (threat) return { id: threat.id, title: threat.title, lines: threatLines(all, threat, page, checks) };
  const control = all.controls.find((item) => is(item.id));
  if (control) return { id: control.id, title: control.title, lines: controlLines(all, control, page) };
  const clause = all.clauses.find((item) => is(item.id) || (item.attackClass !== undefined && is(item.attackClass)));
  if (clause) return { id: clause.id, title: clause.title, lines: clauseLines(all, clause, page) };
  const profile = all.profiles.find((item) => is(item.id));
  if (profile) return { id: profile.id, title: profile.title, lines: profileLines(all, profile, page) };
  const sector = all.sectors.find((item) => is(item.id));
  if (sector) return { id: sector.id, title: sector.title, lines: sectorLines(sector, page) };
  return undefined;
}

/** Id and title, then the lines. */
export function explanationText({ id, title, lines }: Explanation): string {
  return `${id}  ${title}\n\n${lines.join("\n")}\n`;
}

function threatLines(
  all: Knowledge,
  threat: ThreatType,
  page: Page,
  checks: readonly BearingCheck[],
): readonly string[] {
  page.text(threat.summary);
  page.text(
    `Classes, by our reading: ${threat.classes.join(", ")}. ` +
      `Leads to: ${threat.consequences.join(", ")}. Bears on: ${threat.dimensions.join(" and ")}.`,
  );
  page.text(`At the level of the model: ${MODEL_LEVEL[threat.modelLevel]}.`);
  page.text(
    Object.hasOwn(TRIED_HERE, threat.id)
      ? `What this version tries: ${TRIED_HERE[threat.id]}.`
      : `What this version tries: nothing. It stays untested until evidence is imported (imports: with for: ${threat.id}).`,
  );
  page.list("What it looks at besides, which is no evidence that the attack would fail", [
    ...(BY_TAMPERED_FILES.includes(threat.id)
      ? [
          "`assess` scans the files, and holds them to the hashes and signatures that the system file names: whether they are the files meant, not what was put into the weights before",
        ]
      : []),
    ...checks
      .filter(({ bearsOn }) => bearsOn.threats.includes(threat.id))
      .map(({ title }) => `\`assess\` and \`vauban data\` check data for it: ${title}`),
  ]);
  page.list("What would count as evidence", threat.evidence);
  page.list(
    "Who has a reason and the means",
    threat.actors.map((id) => named(all.profiles, id)),
  );
  const naming = all.controls.filter(({ threats }) => threats.some((id) => id === threat.id));
  page.list(
    "Controls that meet it, by how well they are proven",
    ORDER.flatMap((maturity) => naming.filter((item) => item.maturity === maturity)).map(
      (item) =>
        `${item.id} ${item.title} (${item.layer}, ${item.maturity === "broken" ? "broken: never counts" : item.maturity})`,
    ),
  );
  page.list(
    "Controls that make it worse",
    all.controls.filter(({ raises }) => raises.includes(threat.id)).map(({ id, title }) => `${id} ${title}`),
  );
  page.list("Called elsewhere", mappingLines(threat.mappings));
  page.list("No counterpart in", threat.gaps);
  page.list("Sources", threat.sources.map(sourceLine));
  return page.lines;
}

const ORDER: readonly Control["maturity"][] = ["proven", "emerging", "research", "broken"];

function controlLines(all: Knowledge, control: Control, page: Page): readonly string[] {
  page.text(control.summary);
  page.text(`Maturity – ${MATURITY[control.maturity]}. ${control.maturityReason}`);
  page.text(
    `Layer: ${control.layer}. Serves to: ${control.verbs.join(", ")}. Stages: ${control.stages.join(", ")}. ` +
      `A verification is good for ${control.validDays} days.`,
  );
  page.list(
    "Meets",
    control.threats.includes("all")
      ? ["every threat, and none in particular"]
      : control.threats.map((id) => named(all.threats, id)),
  );
  page.list("Where it stops", control.limits);
  page.list("What it costs", control.tradeoffs);
  page.list(
    "Makes worse",
    control.raises.map((id) => named(all.threats, id)),
  );
  page.list(
    control.maturity === "broken" ? "Evidence" : "What would count as evidence (a document alone earns nothing)",
    control.evidence,
  );
  page.list(
    "Sentences that do not count",
    all.weakClaims.filter((item) => item.control === control.id).map(({ claim, why }) => `“${claim}” ${why}`),
  );
  page.list("Called elsewhere", mappingLines(control.mappings));
  page.list("Sources", control.sources.map(sourceLine));
  return page.lines;
}

function clauseLines(all: Knowledge, clause: Clause, page: Page): readonly string[] {
  const law = clause.framework.startsWith("AI Act") ? "AI Act" : clause.framework;
  page.text(`${law}, ${clause.article}, in our words: ${clause.text}`);
  page.text(`What we test: ${clause.tested}`);
  page.text(`Decided ${DECIDED_BY[clause.decidedBy]}.`);
  page.list("What would count as evidence", clause.evidence);
  if (clause.attackClass) {
    const inClass = all.threats.filter(({ classes }) => classes.some((name) => name === clause.attackClass));
    page.list(
      "Threats of this class, and whether this version tries them",
      inClass.map(
        ({ id, title }) =>
          `${id} ${title}${Object.hasOwn(TRIED_HERE, id) ? `: ${TRIED_HERE[id]}` : ": by imported evidence only"}`,
      ),
    );
  }
  page.text(`Applies to ${APPLIES_TO[clause.appliesTo]}.`);
  page.list(
    "From when",
    all.dates
      .filter(({ id }) => DATES_OF[clause.appliesTo].includes(id))
      .map(({ appliesFrom, text }) => `${appliesFrom}: ${text}`),
  );
  page.list("Sources", clause.sources.map(sourceLine));
  return page.lines;
}

function profileLines(all: Knowledge, profile: AttackerProfile, page: Page): readonly string[] {
  page.text(`Wants: ${profile.motive} Can: ${profile.capability}`);
  page.text(
    `Knows ${RIGHTS[profile.knows]}; stands ${profile.inside ? "inside" : "outside"}. ` +
      (profile.uses.length > 0
        ? `Takes these usual ways in, where they exist: ${profile.uses.join(", ")}.`
        : "Takes no usual way in: touches only what the system file says."),
  );
  const rate = ({ low, likely, high }: { low: number; likely: number; high: number }): string =>
    `${low} to ${high} attempts per year, ${likely} as central figure`;
  page.list("How often, to start from (assumed; replace it with what is known about the system)", [
    `in general ${rate(profile.attempts)}. ${profile.attempts.because}`,
    ...profile.attemptsFor.map((item) => `${item.threats.join(", ")}: ${rate(item)}. ${item.because}`),
  ]);
  page.list(
    "Has a reason and the means for",
    all.threats.filter(({ actors }) => actors.includes(profile.id)).map(({ id, title }) => `${id} ${title}`),
  );
  page.list("Sources", profile.sources.map(sourceLine));
  return page.lines;
}

function sectorLines(sector: SectorPack, page: Page): readonly string[] {
  page.text(
    "A sector pack: starting values, to be argued for each system. Loosening a criterion needs a named acceptor.",
  );
  page.list(
    "Highest acceptable probability per year of a harmful event, by severity",
    sector.criteria.map(({ severity, perYear }) => `${severity}: ${perYear}`),
  );
  page.list(
    "Severities to start from",
    sector.severities.map((item) => `${item.consequence} for ${item.harm}: ${item.severity}. ${item.because}`),
  );
  page.list("Other law to look at", sector.otherLaw);
  page.list("Sources", sector.sources.map(sourceLine));
  return page.lines;
}

function named(items: readonly { readonly id: string; readonly title: string }[], id: string): string {
  return `${id} ${items.find((item) => item.id === id)?.title ?? "(not in this catalogue)"}`;
}

/** One line per taxonomy and edition, for an id without its edition may mean another thing. */
function mappingLines(mappings: ThreatType["mappings"]): string[] {
  const byEdition = new Map<string, string[]>();
  for (const { framework, edition, id, name } of mappings) {
    const key = `${framework} ${edition}`;
    byEdition.set(key, [
      ...(byEdition.get(key) ?? []),
      name && name.toLowerCase() !== id.toLowerCase() ? `${id} ${name}` : id,
    ]);
  }
  return [...byEdition].map(([key, ids]) => `${key}: ${ids.join("; ")}`);
}

function sourceLine({ title, edition, authority, mark, where, checked }: Source): string {
  return `${title}, ${edition}${where ? `, ${where}` : ""} (${authority.replaceAll("-", " ")}; ${MARKS[mark]}, checked ${checked})`;
}
