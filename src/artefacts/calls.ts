/** What a document that has its reader call something by name ("os.system") asks for. */
import type { Finding } from "./check.ts";
import { standingOf } from "./policy.ts";

/** Classes of frameworks that the policy for pickles calls harmful as wholes: made of a document, they are unknown. */
const FRAMEWORKS = /^(torch|keras|tensorflow|transformers|diffusers|onnxruntime|jax|accelerate)\.([\w.]*\.)?[A-Z]\w*$/;

/** Nothing only for what the policy lets be called; being named there, or made without arguments, is not enough. */
export function calledBy(
  target: unknown,
  does: string,
): { readonly severity: Finding["severity"]; readonly message: string } | undefined {
  if (target === null || target === undefined) return undefined;
  if (typeof target !== "string")
    return { severity: "unknown", message: `${does} something that is not named by a text` };
  const shown = target.slice(0, 120);
  const name = target.trim().replace(":", ".");
  const dot = name.lastIndexOf(".");
  const standing = standingOf(dot < 0 ? "builtins" : name.slice(0, dot), name.slice(dot + 1));
  if (standing.is === "harmful")
    return {
      severity: FRAMEWORKS.test(name) ? "unknown" : "malicious",
      message: `${does} ${shown}, which ${standing.does}`,
    };
  if (standing.effect !== undefined)
    return { severity: "suspicious", message: `${does} ${shown}, which calls or reaches what it is given` };
  if (standing.is === "allowed" && standing.use === "call") return undefined;
  return { severity: "unknown", message: `${does} ${shown}, which stands in no list of what may be called` };
}
