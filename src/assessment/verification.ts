/** What `vauban verify` decided about one property of one model: a document of its own. */
import { z } from "zod";
import type { DeepReadonly } from "#base/readonly.ts";
import { hexDigest } from "./scalars.ts";

export const VERIFY_FORMAT = "vauban/verify/1";

export const verifyDocument = z.strictObject({
  format: z.literal(VERIFY_FORMAT),
  tool: z.strictObject({ name: z.literal("vauban"), version: z.string() }),
  model: z.strictObject({ path: z.string(), sha256: hexDigest, size: z.int() }),
  property: z.strictObject({
    path: z.string(),
    sha256: hexDigest,
    inputs: z.int(),
    outputs: z.int(),
    /** Boxes with constraints, any of which would be a counterexample. */
    parts: z.int(),
  }),
  verdict: z.enum(["holds", "violated", "unknown"]),
  because: z.string().optional(),
  /** What decided it, or how far it came. */
  method: z.enum(["attack", "intervals", "linear bounds", "branching on signs", "branching on inputs", "none"]),
  /** An input inside its box, in float32, and what the model answers to it. */
  counterexample: z.strictObject({ input: z.array(z.number()), outputs: z.array(z.number()) }).optional(),
  subproblems: z.int(),
  /** Linear functions bounded. */
  bounded: z.int(),
  queries: z.int(),
  budget: z.strictObject({ seconds: z.number(), subproblems: z.int() }),
  seed: z.string(),
  notes: z.array(z.string()),
  /** Outside anything that is compared: how long it took here. */
  run: z.strictObject({ seconds: z.number(), runtime: z.string() }),
});
export type VerifyDocument = DeepReadonly<z.infer<typeof verifyDocument>>;
