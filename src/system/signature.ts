/** Who must have signed a model's artefact: one thing to trust, each of its files there. */
import type { Signature } from "#assessment/system.ts";
import { many, ofMany, readPath } from "./context.ts";
import type { Context } from "./context.ts";
import type { FileComponent } from "./schema.ts";
import type { Path } from "./yaml.ts";

type SignatureEntry = NonNullable<Extract<FileComponent, { kind: "model" }>["signature"]>;

/** The three things a signature can be held to, each with the keys that go with it; the first is what it is told by. */
const TRUSTED = {
  key: { with: [], needs: [] },
  identity: { with: ["issuer", "trusted-root"], needs: ["issuer", "trusted-root"] },
  root: { with: ["chain", "crl"], needs: [] },
} as const;
type TrustKey = keyof typeof TRUSTED;
const EXAMPLES: Readonly<Record<TrustKey, string>> = {
  key: "key: keys/maker.pub.pem",
  identity: "identity: me@example.org, issuer: https://accounts.google.com, trusted-root: trusted_root.json",
  root: "root: ca.pem",
};

/** Who must have signed a model; undefined, and said so, where that is not one thing that can be trusted. */
export function readSignature(context: Context, entry: SignatureEntry, at: Path): Signature | undefined {
  const say = (message: string, hint: string): undefined => {
    context.say("E047", message, hint, at);
  };
  const says = (key: keyof SignatureEntry): boolean => entry[key] !== undefined;
  const groups = Object.keys(TRUSTED) as TrustKey[];
  const meant = groups.filter((group) => says(group) || TRUSTED[group].needs.some(says));
  const [group] = meant;
  if (group === undefined)
    return say(
      "the signature names nobody who must have signed",
      groups.map((one) => `{ ${EXAMPLES[one]} }`).join(" or "),
    );
  if (meant.length > 1)
    return say(
      `the signature is held to ${meant.join(" and ")} at once`,
      "keep the one you trust; for another, sign again",
    );
  const missing = [group, ...TRUSTED[group].needs].filter((key) => !says(key));
  if (missing.length > 0)
    return say(
      `a signature by ${group} lacks ${missing.join(" and ")}`,
      `such as { ${EXAMPLES[group]} }; who signed is a name, and who vouched for it`,
    );
  const own: readonly string[] = TRUSTED[group].with;
  const strange = groups.flatMap((one) => TRUSTED[one].with).find((key) => says(key) && !own.includes(key));
  if (strange !== undefined)
    return say(`${strange} says nothing of a signature by ${group}`, "it goes with root: take it out");
  const path = (key: "key" | "trusted-root" | "bundle"): string | undefined =>
    readPath(context, entry[key], [...at, key]);
  const paths = (key: "root" | "chain" | "crl"): string[] =>
    many(entry[key]).map((one, index) => readPath(context, one, ofMany(entry[key], [...at, key], index))!);
  const bundle = path("bundle");
  const shared = { ...(bundle !== undefined && { bundle }), ...(entry.whole !== undefined && { whole: entry.whole }) };
  if (group === "key") return { key: path("key")!, ...shared };
  return group === "root"
    ? { root: paths("root"), chain: paths("chain"), crl: paths("crl"), ...shared }
    : { identity: entry.identity!, issuer: entry.issuer!, trustedRoot: path("trusted-root")!, ...shared };
}
