/** The 25 cells of Art. 15(5): five verbs by five classes. The matrix is our reading of "where appropriate". */
import { ATTACK_CLASSES, VERBS } from "#assessment/scalars.ts";
import type { AttackClass, ClassCoverage, MatrixCell, Verb } from "#assessment/index.ts";
import { checksOf, type Checked } from "./checked.ts";
import { typesOfClass } from "./coverage.ts";
import type { Credit, Grounds } from "./rated.ts";

export function matrixOf(grounds: Grounds, coverage: readonly ClassCoverage[]): MatrixCell[] {
  const checks = checksOf(grounds);
  return ATTACK_CLASSES.flatMap((attackClass) => {
    const entry = coverage.find((item) => item.class === attackClass);
    return VERBS.map((verb) => cellOf(attackClass, verb, entry, checks, grounds));
  });
}

function cellOf(
  attackClass: AttackClass,
  verb: Verb,
  coverage: ClassCoverage | undefined,
  all: readonly Checked[],
  grounds: Grounds,
): MatrixCell {
  const { credits, knowledge } = grounds;
  const types = typesOfClass(grounds, attackClass);
  const meant = knowledge.controls.filter(
    ({ maturity, verbs, threats }) =>
      maturity !== "broken" && verbs.includes(verb) && threats.some((id) => id === "all" || types.has(id)),
  );
  const ids = new Set(meant.map(({ id }) => id));
  const standing = credits.filter(({ control }) => ids.has(control));
  const earned = (one: Credit): boolean => one.credited && speaksOf(one, types, grounds);
  const credited = standing.filter(earned);
  const bare = standing
    .filter((one) => !earned(one))
    .map((one) => (one.credited ? { ...one, why: `${one.why} – of no threat of this class` } : one));
  const checks = all.filter(({ classes, verbs }) => classes.includes(attackClass) && verbs.includes(verb));
  const unnamed = meant
    // What helps against everything is management, and would be in every cell.
    .filter(
      ({ id, threats }) => threats.some((type) => types.has(type)) && !credits.some(({ control }) => control === id),
    )
    .filter(({ id }) => !checks.some(({ control }) => control === id))
    .map(({ id, title }) => `${id} ${title}`);
  const rest = {
    class: attackClass,
    verb,
    tried: [
      ...credited.map(sentence),
      ...checks.map(({ control, says }) => `${control}, checked by this run: ${says}`),
    ],
    notTried: [
      ...checks.map(({ control, not }) => `${control}: ${not}`),
      ...bare.map(sentence),
      ...(unnamed.length > 0 ? [`no control of these is named: ${unnamed.join(", ")}`] : []),
    ],
    evidence: [...new Set([...credited.flatMap((one) => one.evidence), ...checks.flatMap((one) => one.evidence)])],
  };
  if (credited.length > 0)
    return {
      ...rest,
      state: "filled",
      controls: names(credited),
      because: credited.map(({ why }) => why).join("; "),
    };
  if (coverage?.status === "excluded")
    return { ...rest, state: "excluded", controls: names(standing), because: coverage.because };
  if (checks.length > 0)
    return {
      ...rest,
      state: "checked",
      controls: [...new Set([...checks.map(({ control }) => control), ...names(standing)])],
      because: checks.map(({ says }) => says).join("; "),
    };
  if (standing.length > 0)
    return {
      ...rest,
      state: "declared-only",
      controls: names(bare),
      because: [...new Set(bare.map(({ why }) => why))].join("; "),
    };
  return {
    ...rest,
    state: "empty",
    controls: [],
    because: `no control that would ${verb} is named for this class`,
  };
}

/**
 * Whether what earned the credit was tried against a threat of these types: a guard measured against stickers fills no cell of
 * poisoning. A denial test that names no threat is about all that the control is to keep out, as in its closure.
 */
function speaksOf({ evidence }: Credit, types: ReadonlySet<string>, grounds: Grounds): boolean {
  const items = grounds.evidence.filter(({ id }) => evidence.includes(id));
  return items.some(
    ({ kind, tests }) => tests.some((type) => types.has(type)) || (kind === "verified" && tests.length === 0),
  );
}

const names = (entries: readonly Credit[]): string[] => [
  ...new Set(entries.map(({ control, at }) => `${control}@${at}`)),
];
const sentence = ({ control, at, why }: Credit): string => `${control}@${at}: ${why}`;
