/** Level 2 of the register: cyber risks of threats at places, what components must guarantee, what drives the figures, and how other methods would put them. */
import { z } from "zod";
import type { DeepReadonly } from "#base/readonly.ts";
import { judgement, registerRow, risk } from "./conclusions.ts";
import { attackGraph } from "./graph.ts";
import { verification } from "./knowledge.ts";
import { harm, threatTypeId } from "./scalars.ts";

/** A word of a method's scale at the lower end, the central figure and the upper end; all the same where the interval crosses no level. */
export const levelRange = z.strictObject({ low: z.string(), likely: z.string(), high: z.string() });
export type LevelRange = DeepReadonly<z.infer<typeof levelRange>>;

/** How a method would put one risk: its scales, and the level they combine to. A view never decides, unless it says so. */
export const methodReading = z.strictObject({
  level: levelRange,
  scales: z.array(levelRange.extend({ name: z.string() })),
});
export type MethodReading = DeepReadonly<z.infer<typeof methodReading>>;

export const METHOD_IDS = ["intervals", "nist-800-30", "iso-27005", "ebios-rm"] as const;
export const methodId = z.enum(METHOD_IDS);
export type MethodId = z.infer<typeof methodId>;

export const methodView = z.strictObject({
  id: methodId,
  title: z.string(),
  edition: z.string(),
  source: z.string(),
  /** How the scales and tables were read: in the source itself, in a secondary copy, or our own method. */
  mark: verification,
  decides: z.boolean(),
  /** Readings of ours that the source does not give: how numbers become its words. */
  own: z.array(z.string()),
  /** The levels that occur, and which of them each risk has, in the order of the risks; none where the risks' own judgement decides. */
  levels: z.array(levelRange),
  of: z.array(z.int()),
});
export type MethodView = DeepReadonly<z.infer<typeof methodView>>;

export const REQUIREMENT_KINDS = ["deny-entry", "integrity", "resist", "detect"] as const;
/** What a component has to guarantee so that a risk comes within its criterion, and how anyone can check it (S-84, S-86). */
export const requirement = z.strictObject({
  /** `RQ-deny usual:import-media@pacs` */
  id: z.string(),
  kind: z.enum(REQUIREMENT_KINDS),
  /** The component it is allocated to; `system` where it is the whole. */
  component: z.string(),
  /** The entry, flow or threat it is about. */
  on: z.string(),
  text: z.string(),
  /** Against whom. */
  actors: z.array(z.string()),
  threats: z.array(threatTypeId),
  acceptance: z.strictObject({
    test: z.string(),
    /** Independent attempts, and how many of them may succeed. */
    attempts: z.int().min(1).optional(),
    successesMax: z.int().min(0).optional(),
    /** The success of one attempt at which the strictest risk it serves meets its criterion. */
    successMax: z.number().optional(),
    withinHours: z.number().optional(),
  }),
  /** Ids of the risks it serves. For one of them any one requirement on each of its ways is enough. */
  serves: z.array(z.string()),
  clauses: z.array(z.string()),
});
export type Requirement = DeepReadonly<z.infer<typeof requirement>>;

/** Level 2: a threat at a place by an actor, whatever harm follows. Its way is that of its risks. */
export const cyberRisk = z.strictObject({
  /** The threat's id. */
  id: z.string(),
  group: z.string(),
  type: threatTypeId,
  at: z.string(),
  actor: z.string(),
  /** What the place holds or hands on. */
  assets: z.array(z.string()),
  perYear: z.strictObject({ low: z.number(), likely: z.number(), high: z.number() }),
  untested: z.boolean(),
  /** The worst of its risks. */
  judgement,
  risks: z.array(z.string()),
  /** Rows of level 1 it leads to. */
  harms: z.array(harm),
});
export type CyberRisk = DeepReadonly<z.infer<typeof cyberRisk>>;

/** An input many risks rest on, and the widest part of any interval that is owed to it. */
export const driver = z.strictObject({
  id: z.string(),
  kind: z.enum(["attempts", "success"]),
  title: z.string(),
  assumed: z.boolean(),
  basis: z.string(),
  width: z.number(),
  /** Where it is widest. */
  risk: z.string(),
  risks: z.int(),
});
export type Driver = DeepReadonly<z.infer<typeof driver>>;

export const cyberRegister = z.strictObject({
  /** What the law calls the system: set apart from every figure here, which it does not enter (S-90). */
  regulatory: z.strictObject({ listing: z.string(), highRisk: z.enum(["yes", "no", "not said"]), because: z.string() }),
  risks: z.array(cyberRisk),
  requirements: z.array(requirement),
  drivers: z.array(driver),
  methods: z.array(methodView),
});
export type CyberRegister = DeepReadonly<z.infer<typeof cyberRegister>>;

/** What asking "what if" came to, one control at one place. Nothing of it is evidence. */
export const assumption = z.strictObject({
  change: z.enum(["with", "without"]),
  control: z.string(),
  at: z.string(),
  title: z.string(),
  /** closes: ways are gone · layer: credited, closes none · none: nothing may be assumed · unchanged: stood already · gone: taken away. */
  effect: z.enum(["closes", "layer", "none", "unchanged", "gone"]),
  /** Threat types whose ways it closes; "all" where it denies access itself. */
  closes: z.array(z.string()),
  /** One sentence, in words for people. */
  says: z.string(),
  /** The largest effect the knowledge holds for it, where it holds one. */
  ceiling: z.string().optional(),
  caveats: z.array(z.string()),
});

const figures = z.strictObject({ low: z.number(), likely: z.number(), high: z.number() });
const tally = z.strictObject({ risks: z.int(), missed: z.int(), open: z.int(), within: z.int(), untested: z.int() });
export type RiskTally = DeepReadonly<z.infer<typeof tally>>;

export const RISK_FORMAT = "vauban/risk/1";
/** What `vauban risk --json` prints: the risks of a system as it stands and, where something was asked, as it would stand. */
export const riskDocument = z.strictObject({
  format: z.literal(RISK_FORMAT),
  tool: z.strictObject({ name: z.literal("vauban"), version: z.string() }),
  /** The day evidence is judged on. */
  asOf: z.string(),
  source: z.strictObject({ kind: z.enum(["system", "assessment"]), name: z.string(), hash: z.string().optional() }),
  system: z.string(),
  /** What the figures lack: planned trials without a measurement, and everything that makes the reading less than an assessment. */
  notMeasured: z.array(z.strictObject({ what: z.string(), because: z.string(), command: z.string().optional() })),
  /** Hypothetical: empty unless --with or --without was given. */
  whatIf: z.array(assumption),
  now: tally,
  supposed: tally.optional(),
  /** Worst first; `supposed` is the same risk under what was assumed, and was never assessed. */
  risks: z.array(z.strictObject({ now: risk, supposed: risk.optional() })),
  /** What each credited control carries: the risks that are worse without it. */
  controls: z.array(
    z.strictObject({
      control: z.string(),
      at: z.string(),
      carries: z.array(z.strictObject({ risk: z.string(), now: figures, without: figures, judgement })),
    }),
  ),
  /** Credited controls that were not taken away one by one; --all does. */
  controlsLeftOut: z.int(),
  /** Level 1 as it stands: per harm, over all ways and actors. */
  register: z.array(registerRow),
  /** Level 2 as it stands, of the risks shown. */
  cyber: cyberRegister,
  /** The part of the attack graph that the readings name: of each threat's worst risk, or with --all of every one. */
  graph: attackGraph,
  /** 0 all within · 1 a risk is missed · 2 a significant risk is open, or a harm over all ways is not within. It speaks of the system as it stands. */
  exit: z.union([z.literal(0), z.literal(1), z.literal(2)]),
});
export type RiskDocument = DeepReadonly<z.infer<typeof riskDocument>>;
