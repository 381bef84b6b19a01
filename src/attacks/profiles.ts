/** Which attacks are brought against a model, in which order: named compositions, as plain data. */
import type { Assault } from "./ensemble.ts";
import apgd from "./evasion/apgd.ts";
import square from "./evasion/square.ts";
import type { Norm } from "./region.ts";

export const PROFILE_IDS = ["quick", "standard", "thorough"] as const;
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
  /** Cheap ones first: each next one sees only what is still standing. */
  assaults(norm: Norm, outputs: number, hasGradient: boolean): readonly RoledAssault[];
}

/** Small steps from the input itself, and starts towards black, white and grey: random ones may land among dead units, whose gradient is zero. */
export const OTHER_STARTS = [
  { start: "centre", first: 0.1 },
  { start: "shade", restarts: 3 },
] as const;

/** Each objective once, further starts, and Square last as the check on all of them. */
function climbing(steps: number, restarts: number, queries: number): Profile["assaults"] {
  return (norm, outputs, hasGradient) => {
    const scores: RoledAssault = { attack: square, parameters: { queries }, role: "scores" };
    if (!hasGradient) return [scores];
    const climb = (parameters: Assault["parameters"]): RoledAssault => ({
      attack: apgd,
      parameters: { steps, ...parameters },
      role: "gradient",
    });
    // Targeted DLR needs four classes; with three the targeted margin serves, with two it is the margin itself (METHOD §2).
    const targeted = outputs >= 4 ? "dlr-targeted" : outputs === 3 ? "targeted-margin" : undefined;
    return [
      climb({ objective: "cross-entropy" }),
      climb({ objective: "margin", restarts }),
      ...(targeted ? [climb({ objective: targeted })] : []),
      ...OTHER_STARTS.map((start) => climb({ objective: "margin", ...start })),
      scores,
    ].filter(({ attack }) => attack.norms.includes(norm));
  };
}

export const PROFILES: Readonly<Record<ProfileId, Profile>> = {
  quick: {
    id: "quick",
    summary: "few steps and queries: a first figure, to be repeated with standard before it is relied on",
    assaults: climbing(25, 1, 500),
  },
  standard: {
    id: "standard",
    summary: "100 steps of each objective, several starts, 2,000 queries of Square",
    assaults: climbing(100, 1, 2000),
  },
  thorough: {
    id: "thorough",
    summary: "five restarts of the margin, 5,000 queries of Square",
    assaults: climbing(100, 5, 5000),
  },
};

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
