/** Which attacks are brought against a model, in which order: named compositions, as plain data. */
import type { Assault } from "./ensemble.ts";
import apgd from "./evasion/apgd.ts";
import apgdL1 from "./evasion/apgd-l1.ts";
import cw from "./evasion/cw.ts";
import fab from "./evasion/fab.ts";
import fmn from "./evasion/fmn.ts";
import hopskipjump from "./evasion/hopskipjump.ts";
import sigmaZero from "./evasion/sigma-zero.ts";
import sparseRs from "./evasion/sparse-rs.ts";
import square from "./evasion/square.ts";
import transfer from "./evasion/transfer.ts";
import type { Attack, Parameters } from "./harness.ts";
import type { Norm } from "./region.ts";

export const PROFILE_IDS = ["quick", "standard", "thorough", "autoattack"] as const;
export type ProfileId = (typeof PROFILE_IDS)[number];

/**
 * What an assault is there for. `gradient` comes first; `scores`, `labels` and `transfer` see what it left standing, add to the
 * worst case, and must not find much: a gradient that others beat is masked.
 */
export type Role = "gradient" | "scores" | "labels" | "transfer";

export interface RoledAssault extends Assault {
  readonly role: Role;
}

export interface Profile {
  readonly id: ProfileId;
  /** For `--help`: what it brings, in one line. */
  readonly summary: string;
  /** Cheap ones first: each next one sees only what is still standing. `hasSurrogate`: the classifier carries one to transfer from. */
  assaults(norm: Norm, outputs: number, hasGradient: boolean, hasSurrogate?: boolean): readonly RoledAssault[];
}

/** Small steps from the input itself, and starts towards black, white and grey: random ones may land among dead units, whose gradient is zero. */
export const OTHER_STARTS = [
  { start: "centre", first: 0.1 },
  { start: "shade", restarts: 3 },
] as const;

const roleOf = (attack: Attack): Role =>
  attack.surrogate
    ? "transfer"
    : attack.needs === "gradient"
      ? "gradient"
      : attack.needs === "scores"
        ? "scores"
        : "labels";

const bring = (attack: Attack, parameters: Parameters = {}): RoledAssault => ({
  attack,
  parameters,
  role: roleOf(attack),
});

/** The objective that goes for one class after another: targeted DLR needs four classes; with three the targeted margin serves, with two it is the margin itself (METHOD §2). */
const aimed = (outputs: number): "dlr-targeted" | "targeted-margin" | "margin" =>
  outputs >= 4 ? "dlr-targeted" : outputs === 3 ? "targeted-margin" : "margin";

/**
 * AutoAttack "standard" (Croce & Hein, ICML 2020, and the authors' code): Auto-PGD on cross-entropy, Auto-PGD on the targeted
 * DLR with nine targets, FAB with nine, Square with 5,000 queries; 100 steps each. In L1 (ICML 2021) five restarts, five targets,
 * and starts from larger balls. Fewer classes, fewer targets. There is no AutoAttack in L0: none is given.
 */
export function autoAttack(norm: Norm, outputs: number): readonly RoledAssault[] {
  const last = [bring(fab, { steps: 100, targets: 9 }), bring(square, { queries: 5000 })];
  const objective = aimed(outputs);
  switch (norm) {
    case "l0":
      return [];
    case "l1":
      return [
        bring(apgdL1, { objective: "cross-entropy", steps: 100, restarts: 5 }),
        bring(apgdL1, { objective, steps: 100, targets: 5 }),
        ...last,
      ];
    case "linf":
    case "l2":
      return [
        bring(apgd, { objective: "cross-entropy", steps: 100 }),
        bring(apgd, { objective, steps: 100, targets: 9 }),
        ...last,
      ];
  }
}

interface Effort {
  readonly steps: number;
  readonly restarts: number;
  /** Classes gone for, and queries of scores and of labels. */
  readonly targets: number;
  readonly scores: number;
  readonly labels: number;
  /** Whether FAB, and whether every other attack that finds the nearest point. */
  readonly fab: boolean;
  readonly nearest: boolean;
}

/** AutoAttack's composition at the given effort, with further starts; then what must not find more than it. */
function profile({ steps, restarts, targets, scores, labels, fab: withFab, nearest }: Effort): Profile["assaults"] {
  return (norm, outputs, hasGradient, hasSurrogate = false) => {
    const objective = aimed(outputs);
    const climbing: RoledAssault[] =
      norm === "l0"
        ? [bring(sigmaZero, { steps: 2 * steps }), bring(fmn, { steps: 2 * steps, restarts })]
        : norm === "l1"
          ? [
              bring(apgdL1, { objective: "cross-entropy", steps, restarts: Math.max(2, restarts) }),
              bring(apgdL1, { objective: "margin", steps, restarts }),
              ...(outputs > 2 ? [bring(apgdL1, { objective, steps, targets: Math.min(targets, 5) })] : []),
            ]
          : [
              bring(apgd, { objective: "cross-entropy", steps, restarts }),
              bring(apgd, { objective: "margin", steps, restarts }),
              ...(outputs > 2 ? [bring(apgd, { objective, steps, targets, restarts })] : []),
              ...OTHER_STARTS.map((start) => bring(apgd, { objective: "margin", steps, ...start })),
            ];
    const further: RoledAssault[] = [
      ...(withFab ? [bring(fab, { steps, targets, restarts })] : []),
      ...(nearest ? [bring(fmn, { steps: 2 * steps, restarts }), bring(cw, { steps: 2 * steps })] : []),
    ];
    return [
      ...(hasGradient ? [...climbing, ...(norm === "l0" ? [] : further)] : []),
      bring(norm === "l0" ? sparseRs : square, { queries: scores }),
      ...(hasSurrogate ? [bring(transfer, { restarts: 1 + restarts })] : []),
      ...(labels > 0 ? [bring(hopskipjump, { queries: labels })] : []),
    ].filter(({ attack }) => attack.norms.includes(norm));
  };
}

export const PROFILES: Readonly<Record<ProfileId, Profile>> = {
  quick: {
    id: "quick",
    summary: "few steps and queries: a first figure in seconds, to be repeated with standard before it is relied on",
    assaults: profile({ steps: 25, restarts: 1, targets: 3, scores: 500, labels: 0, fab: false, nearest: false }),
  },
  standard: {
    id: "standard",
    summary:
      "AutoAttack's composition with more starts, and attacks by labels and transfer as a check on its gradients",
    assaults: profile({ steps: 100, restarts: 1, targets: 9, scores: 5000, labels: 1000, fab: true, nearest: false }),
  },
  thorough: {
    id: "thorough",
    summary: "five restarts of everything, minimum-norm attacks, 10,000 queries of scores and 5,000 of labels",
    assaults: profile({ steps: 100, restarts: 5, targets: 9, scores: 10_000, labels: 5000, fab: true, nearest: true }),
  },
  autoattack: {
    id: "autoattack",
    summary:
      "AutoAttack “standard” as its authors compose it for the norm, and nothing else, to stand beside published figures",
    assaults: (norm, outputs, hasGradient) =>
      autoAttack(norm, outputs).filter(({ role }) => hasGradient || role === "scores"),
  },
};

/** A composition as it is hashed and printed. */
export function asData(assaults: readonly RoledAssault[]) {
  return assaults.map(({ attack, parameters, role }) => ({
    attack: attack.id,
    revision: attack.revision,
    parameters: { ...attack.defaults, ...parameters },
    role,
  }));
}

/** The assaults with no more steps and queries than given. */
export function capped(
  assaults: readonly RoledAssault[],
  { steps = Infinity, queries = Infinity }: { readonly steps?: number; readonly queries?: number },
): RoledAssault[] {
  return assaults.map(({ attack, parameters, role }) => {
    const limits: Record<string, number> = {};
    for (const [name, most] of [
      ["steps", steps],
      ["queries", queries],
    ] as const) {
      const given = Number(parameters[name] ?? attack.defaults[name]);
      if (name in attack.defaults && given > most) limits[name] = most;
    }
    return { attack, role, parameters: { ...parameters, ...limits } };
  });
}
