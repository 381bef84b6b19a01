/** `vauban/statement/1`: what somebody tried, how, how often and when, signed or not. */
import { z } from "zod";
import { canonical } from "#base/canonical.ts";
import { sha256 } from "#base/hash.ts";
import { controlId, hexDigest, threatTypeId } from "#assessment/scalars.ts";
import { dayOf } from "#base/dates.ts";

export const STATEMENT_FORMAT = "vauban/statement/1";

const words = (length: number) => z.string().trim().min(1).max(length);
const day = z
  .string()
  .refine((date) => dayOf(date) !== undefined, "a day of the calendar as YYYY, YYYY-MM or YYYY-MM-DD");
const count = z.int().min(0);
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** A mean time, and how far it may be off. */
const hours = z
  .strictObject({ low: z.number().min(0), likely: z.number().min(0), high: z.number().min(0) })
  .refine(({ low, likely, high }) => low <= likely && likely <= high, "low, likely and high in this order");

/** Signature over the canonical JSON (RFC 8785) of the statement without this member, as UTF-8. */
const signature = z.strictObject({
  alg: z.literal("ed25519"),
  publicKey: z
    .string()
    .regex(BASE64, "base64")
    .max(200)
    .describe("The Ed25519 public key in base64: 32 raw bytes, or SubjectPublicKeyInfo (RFC 8410)."),
  value: z.string().regex(BASE64, "base64").max(200).describe("The 64 bytes of the signature in base64."),
});

export const statementSchema = z
  .strictObject({
    format: z.literal(STATEMENT_FORMAT),
    control: controlId.describe("The control that was tested, for example C-92.").optional(),
    threats: z.array(threatTypeId).max(100).describe("The threats it is about, for example T-35.").optional(),
    at: words(200).describe("The component, flow or boundary it is about, by its key in the system file."),
    claim: words(5_000).describe("What is said to hold."),
    method: words(10_000).describe("What was done, so that somebody else could repeat it."),
    kind: z.enum(["denial", "measurement", "penetration-test", "detection", "scan", "review"]),
    n: count.describe("How many units were tried."),
    successes: count.describe(
      "In how many of them the attacker succeeded (for a scan: how many findings are open; for a detection: how many went unnoticed).",
    ),
    unit: words(100).describe("The thing n counts: attempt, input, victim, template …"),
    without: z
      .strictObject({ n: count, successes: count })
      .refine(({ n, successes }) => successes <= n, "more successes than units")
      .describe("The same with the control switched off; a measurement of a control needs both.")
      .optional(),
    response: z
      .strictObject({
        hours: hours.describe("From noticing to stopping the attacker."),
        attackHours: hours.describe(
          "From the step that was noticed to the attacker's next one, had nobody stopped him.",
        ),
      })
      .describe("Mean times of a detection, in hours; what was timed, and how often, belongs into method.")
      .optional(),
    adaptive: z.boolean().describe("Whether the attacker knew of every control on the way and attacked through it."),
    by: words(500).describe("Who did it."),
    independent: z.boolean().describe("Whether they are independent of those who built the system."),
    date: day.describe("When it was done; without a date it earns nothing.").optional(),
    validUntil: day.optional(),
    subject: z
      .strictObject({
        component: words(200).optional(),
        version: words(200).optional(),
        sha256: hexDigest.optional(),
      })
      .describe("What it was done on: the version as the system file has it, the digest of the artefact, or both.")
      .optional(),
    binds: z.array(words(200)).max(1_000).describe("The actors the control holds; absent: everybody.").optional(),
    signature: signature.optional(),
  })
  .refine(({ n, successes }) => successes <= n, { message: "more successes than units", path: ["successes"] })
  .refine(({ kind, response }) => (kind === "detection") === (response !== undefined), {
    message: "a detection has a response time, and nothing else has one",
    path: ["response"],
  });
export type Statement = z.infer<typeof statementSchema>;

/** Checks an Ed25519 signature; the key is 32 raw bytes or SubjectPublicKeyInfo. False for keys that are none. */
export type VerifySignature = (
  publicKey: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
) => Promise<boolean>;

export const verifyEd25519: VerifySignature = async (publicKey, value, message) => {
  try {
    const key = await crypto.subtle.importKey(publicKey.length === 32 ? "raw" : "spki", publicKey, "Ed25519", false, [
      "verify",
    ]);
    return await crypto.subtle.verify("Ed25519", key, value, message);
  } catch {
    // What is no key verifies nothing.
    return false;
  }
};

export interface Signed {
  readonly signature: "verified" | "unsigned" | "invalid";
  /** First half of the SHA-256 of the key, for people to compare. */
  readonly key?: string;
}

/** Whether the statement, as parsed from its file, carries a signature that holds. */
export async function signatureOf(
  statement: unknown,
  { signature: signed }: Pick<Statement, "signature">,
  verify: VerifySignature,
): Promise<Signed> {
  if (!signed) return { signature: "unsigned" };
  const { signature: _, ...body } = statement as Record<string, unknown>;
  let message: Uint8Array<ArrayBuffer>, publicKey: Uint8Array<ArrayBuffer>, value: Uint8Array<ArrayBuffer>;
  try {
    message = new TextEncoder().encode(canonical(body));
    [publicKey, value] = [bytesOf(signed.publicKey), bytesOf(signed.value)];
  } catch {
    // A text without canonical form, or base64 that is none, cannot have been signed as it stands.
    return { signature: "invalid" };
  }
  const holds = value.length === 64 && (await verify(publicKey, value, message));
  return { signature: holds ? "verified" : "invalid", key: sha256(publicKey).slice(0, 32) };
}

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
