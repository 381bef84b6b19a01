/** The five classes of Art. 15(5): tried, excluded with evidence, or not tried – and the last is said first. */
import { ATTEMPTS_MIN } from "#assessment/evidence.ts";
import { ATTACK_CLASSES } from "#assessment/scalars.ts";
import type { AttackClass, ClassCoverage, Evidence, Trial } from "#assessment/index.ts";
import { isUsable } from "./rated.ts";
import type { Grounds } from "./rated.ts";

export const CLASS_NAMES: Readonly<Record<AttackClass, string>> = {
  DP: "data poisoning",
  MP: "model poisoning",
  AE: "adversarial examples",
  CA: "confidentiality attacks",
  MF: "model flaws",
};

/**
 * Evidence that something was tried here: usable, not a control's own, not published about a comparable system (D) or
 * opinion (E). Noise and corruption are the average case and no attack: they speak for Art. 15(4), and try no class.
 */
export const isTrialOf = (item: Evidence, types: ReadonlySet<string>): boolean =>
  isUsable(item) &&
  !item.control &&
  !isAverageCase(item) &&
  !isTooFew(item) &&
  !isScan(item) &&
  ["A", "B", "C"].includes(item.grade) &&
  item.tests.some((type) => types.has(type));

/** Reading files is no attack, and what it finds is how a file loads, not how a model answers. */
const isScan = ({ outcome }: Evidence): boolean =>
  outcome.status === "measured" && ["artefacts", "data"].includes(outcome.measure.kind);

const isTooFew = ({ outcome }: Evidence): boolean =>
  outcome.status === "measured" && outcome.measure.kind === "statement" && outcome.measure.successes.n < ATTEMPTS_MIN;

const isAverageCase = ({ outcome }: Evidence): boolean =>
  outcome.status === "measured" && outcome.measure.kind === "corruption";

/** Threats that are of a class first of all: a denial of service by crafted input does not stand for adversarial examples. */
const coreTypesOf = ({ knowledge }: Pick<Grounds, "knowledge">, attackClass: string): ReadonlySet<string> =>
  new Set(knowledge.threats.filter(({ classes }) => classes[0] === attackClass).map(({ id }) => id));

export const typesOfClass = ({ knowledge }: Pick<Grounds, "knowledge">, attackClass: string): ReadonlySet<string> =>
  new Set(knowledge.threats.filter(({ classes }) => classes.some((name) => name === attackClass)).map(({ id }) => id));

export function coverageOf(grounds: Grounds): ClassCoverage[] {
  const { system, evidence, trials, threats, risks } = grounds;
  // What no risk hears of was tried at another place than where the threat is.
  const heard = new Set(risks.flatMap((risk) => risk.evidence));
  return ATTACK_CLASSES.map((attackClass) => {
    const types = typesOfClass(grounds, attackClass);
    const core = coreTypesOf(grounds, attackClass);
    const tried = evidence.filter(
      (item) => isTrialOf(item, core) && isRated(item, trials, grounds) && heard.has(item.id),
    );
    if (tried.length > 0)
      return { class: attackClass, status: "tried", because: tried.map(({ title }) => title).join("; ") };
    const exclusion = system.exclusions.find(({ what }) => what === attackClass);
    // Words, or the name of a file nobody read, exclude nothing: it takes evidence that was imported and stands.
    const sources = new Set([
      exclusion?.evidence,
      ...system.imports.filter(({ path, id }) => [path, id].includes(exclusion?.evidence ?? "")).map(({ id }) => id),
    ]);
    const shown = exclusion?.evidence
      ? evidence.find((item) => item.source !== undefined && sources.has(item.source) && isUsable(item))
      : undefined;
    if (exclusion && shown)
      return { class: attackClass, status: "excluded", because: `${exclusion.because} (${shown.title})` };
    const spoiled = evidence.find((item) => item.tests.some((type) => types.has(type)) && !item.control);
    const because = exclusion
      ? `excluded by the author without evidence that counts: ${exclusion.because}`
      : spoiled
        ? `${spoiled.title} does not count: ${whyNot(spoiled, grounds)}`
        : threats.some(({ type }) => types.has(type))
          ? "threats of this class apply, and no trial or imported evidence speaks of one"
          : "no threat of this class was kept, but nothing was brought that shows it";
    return { class: attackClass, status: "not-tried", because };
  });
}

const isRated = (item: Evidence, trials: readonly Trial[], { unrated }: Grounds): boolean => {
  const target = trials.find(({ id }) => id === item.trial)?.target;
  return target === undefined || !unrated.some(({ component }) => component === target);
};

function whyNot(item: Evidence, { unrated }: Grounds): string {
  if (item.standing.status === "stale") return `stale – ${item.standing.because}`;
  if (item.outcome.status === "inconclusive") return `inconclusive – ${item.outcome.because}`;
  const fault = unrated.find(({ component }) => component === item.at);
  if (fault) return fault.because;
  if (isTooFew(item)) return `it counts fewer than ${ATTEMPTS_MIN} attempts`;
  if (isAverageCase(item)) return "noise and corruption are the average case, not a search for the worst";
  if (item.signature === "invalid") return "its signature does not hold";
  if (item.kind === "declared") return "declared, not shown";
  return ["A", "B", "C"].includes(item.grade)
    ? "it speaks of threats that touch this class only beside another"
    : `grade ${item.grade} is no trial of this system`;
}

/** What somebody could do about a class that was not tried. */
export const remedyFor = (attackClass: AttackClass): string => REMEDIES[attackClass];

const REMEDIES: Readonly<Record<AttackClass, string>> = {
  DP: "import a signed statement of a poisoning test, or exclude DP with evidence (exclusions: in vauban.yaml); see `vauban explain not-tried`",
  MP: "import a scan or a signed statement on the pretrained parts, or exclude MP with evidence; see `vauban explain not-tried`",
  AE: "add an evasion or patch test under tests: in vauban.yaml, with its threshold and reason, and run `vauban assess`",
  CA: "import a signed statement of a membership or extraction test, or exclude CA with evidence; see `vauban explain not-tried`",
  MF: "import a signed statement of a search for flaws (worst subgroups, out-of-distribution inputs), or exclude MF with evidence; see `vauban explain not-tried`",
};
