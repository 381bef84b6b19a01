/** Whether an artefact is as the holder of a key signed it: what an assessment asks of each model whose signature the system file names. */
import { join } from "node:path";
import { HostError, type SignatureChecker } from "#base/ports.ts";
import { FormatError } from "#formats/error.ts";
import { compare, preAuthenticated, readBundle, readManifest } from "#provenance/signing.ts";
import { filesBelow } from "./files.ts";
import { digestIn, everythingIn } from "./folders.ts";
import { holds, publicKey, signedFile } from "./keys.ts";

const KEY_LIMIT = 2 ** 20;
const BUNDLE_LIMIT = 256 * 2 ** 20;
const SIGNATURE_NAME = "model.sig";

/** Checks below a folder, by keys that lie there: what the bundle says of itself proves nothing. */
export function signatureChecker(root: string): SignatureChecker {
  const files = filesBelow(root);
  return {
    async check({ path, key: keyPath, bundle: named }) {
      const refused = (because: string) => ({ holds: false, because, files: 0 });
      try {
        const entry = await files.stat(path);
        if (!entry) return refused(`${path} does not exist`);
        const folder = entry.kind === "folder";
        const bundlePath = named ?? (folder ? `${path.replace(/\/+$/, "")}/${SIGNATURE_NAME}` : `${path}.sig`);
        if (!(await files.stat(bundlePath))) return refused(`there is no signature at ${bundlePath}`);
        const key = publicKey(await files.readWhole(keyPath, KEY_LIMIT), keyPath);
        const bundle = readBundle(await files.readWhole(bundlePath, BUNDLE_LIMIT));
        const full = join(root, path);
        if (bundle.content.kind === "file") {
          if (folder) return refused("it signs the bytes of one file, and a folder is named");
          return (await signedFile(full).holds(key, bundle.signature))
            ? { holds: true, because: "", files: 1 }
            : refused("it does not hold for this key and this file");
        }
        if (!holds(key, preAuthenticated(bundle.content.payload), bundle.signature))
          return refused("it does not hold for this key");
        const manifest = readManifest(bundle.content.payload);
        const own = bundlePath.startsWith(`${path.replace(/\/+$/, "")}/`)
          ? bundlePath.slice(path.replace(/\/+$/, "").length + 1)
          : undefined;
        const found = (await everythingIn(full)).filter((one) => one.path !== own);
        const { mismatches, verified, ignored } = await compare(manifest, found, digestIn(full));
        const [first] = mismatches;
        if (first)
          return refused(
            `${first.path === "." ? path : first.path}: ${first.message}${mismatches.length > 1 ? ` (and ${mismatches.length - 1} more)` : ""}`,
          );
        if (verified.length === 0) return refused("it covers no file");
        return { holds: true, because: "", files: verified.length, ...(ignored.length > 0 && { notCovered: ignored }) };
      } catch (error) {
        if (error instanceof FormatError) return refused(error.problem);
        if (error instanceof HostError) return refused(error.message);
        throw error;
      }
    },
  };
}
