/** A threat by an actor on its way to being a risk: what speaks of it, by which way it comes, and what success would be if. */
import type {
  Actor,
  ActorReach,
  AttackerProfile,
  Consequence,
  Estimate,
  Harm,
  Level,
  Risk,
  Threat,
  ThreatType,
} from "#assessment/index.ts";
import type { Closure, ControlCredit } from "./credit.ts";
import type { Exposures } from "./likelihood.ts";
import type { Testimony } from "./speaking.ts";
import type { Success, Way } from "./success.ts";

/** What was measured of an attack with a control in force, and the credit that this gave the control. */
export interface Effect {
  readonly credit: ControlCredit;
  readonly heard: Testimony["heard"];
}

/** Under which circumstances success is asked for: by which way, knowing how much, with which measured effects in force. */
export interface SuccessIf {
  readonly way: Way;
  readonly knows?: Actor["knows"];
  readonly effects?: readonly Effect[];
}

/** A harm that follows from a consequence of a threat, and how bad it is. */
export interface Suffered {
  readonly consequence: Consequence;
  readonly harm: Harm;
  readonly severity: Level;
  readonly because: string;
  readonly caveats: readonly string[];
}

/** A control that speaks of the threat, with what it earns here. */
export interface Layer {
  readonly credit: ControlCredit;
  readonly shown: Risk["controls"][number];
}

export interface Judged {
  readonly threat: Threat;
  readonly type: ThreatType;
  readonly actor: Actor;
  readonly profile: AttackerProfile | undefined;
  readonly testimony: Testimony;
  /** Reach without any control, and with those that earned credit. */
  readonly ways: { readonly inherent: ActorReach; readonly current: ActorReach };
  /** Closures that bind the actor for this threat. */
  readonly closures: readonly Closure[];
  readonly effects: readonly Effect[];
  readonly attempts: Estimate;
  readonly exposures: Exposures | undefined;
  readonly layers: readonly Layer[];
  /** One risk each. */
  readonly harms: readonly { readonly suffered: Suffered; readonly id: string }[];
  /** Success of one attempt if. Effects in force: those of this judgement, unless others are named. */
  readonly success: (given: SuccessIf) => Success;
}
