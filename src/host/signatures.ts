/** Whether a folder or file is as somebody signed it: what `signature verify` and an assessment ask, with one answer to both. */
import type { KeyObject } from "node:crypto";
import { join } from "node:path";
import { HostError, type SignatureChecker } from "#base/ports.ts";
import { FormatError } from "#formats/error.ts";
import {
  compare,
  isIgnored,
  preAuthenticated,
  readBundle,
  readManifest,
  type Bundle,
  type Comparison,
  type Manifest,
} from "#provenance/signing.ts";
import { filesBelow } from "./files.ts";
import { digestIn, everythingIn } from "./folders.ts";
import type { SignedContent } from "./keyless.ts";
import { digestOf, holds, keyHint, publicKey, signedFile } from "./keys.ts";

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
        if (bundle.content.kind === "file" && folder)
          return refused("it signs the bytes of one file, and a folder is named");
        const unsigned = await notSignedWith(key, bundle, contentOf(bundle, full));
        if (unsigned) return refused(unsigned.because);
        if (bundle.content.kind === "file") return { holds: true, because: "", files: 1 };
        const inside = `${path.replace(/\/+$/, "")}/`;
        const own = bundlePath.startsWith(inside) ? bundlePath.slice(inside.length) : undefined;
        const { reasons, compared } = await heldToManifest(bundle.content.payload, full, {
          folder,
          own,
          ignore: [],
          bundle: bundlePath,
        });
        const [first] = reasons;
        if (first) {
          const at = first.path === "." ? path : first.path;
          return refused(
            `${at === undefined ? "" : `${at}: `}${first.message}${reasons.length > 1 ? ` (and ${reasons.length - 1} more)` : ""}`,
          );
        }
        const { verified = [], ignored = [] } = compared ?? {};
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

export interface Reason {
  readonly rule: string;
  readonly path?: string;
  readonly message: string;
}

interface Refused {
  readonly rule: string;
  readonly because: string;
}

/** What was signed: of a manifest the bytes of its envelope, else the file itself, read as often as it is asked. */
export function contentOf({ content }: Bundle, file: string): SignedContent {
  if (content.kind === "file") return signedFile(file);
  const bytes = preAuthenticated(content.payload);
  return {
    holds: (key, signature) => Promise.resolve(holds(key, bytes, signature)),
    digest: (algorithm) => Promise.resolve(digestOf(bytes, algorithm)),
    payload: content.payload,
  };
}

/** That a file is not what its bundle says was signed; undefined where it is, or the bundle does not say. */
export async function changedSince({ content }: Bundle, signed: SignedContent): Promise<Refused | undefined> {
  return content.kind === "file" && content.sha256 !== undefined && content.sha256 !== (await signed.digest("sha256"))
    ? { rule: "changed", because: "the file is not the one that was signed: its SHA-256 is another" }
    : undefined;
}

/** Why the holder of this key did not sign this content; undefined where he did. */
export async function notSignedWith(
  key: KeyObject,
  bundle: Bundle,
  signed: SignedContent,
): Promise<Refused | undefined> {
  const changed = await changedSince(bundle, signed);
  if (changed) return changed;
  const { material, signature } = bundle;
  // The key decides; what the bundle says of itself only explains why a signature does not hold.
  if (await signed.holds(key, signature)) return undefined;
  return material.kind === "key" && material.hint !== undefined && material.hint !== keyHint(key)
    ? { rule: "wrong-key", because: "it was signed with another key than the one given" }
    : { rule: "bad-signature", because: "the signature does not hold for this key and this content" };
}

/** Holds what lies at a path to a manifest: without `own`, the bundle itself, and without what the reader ignores. Throws a FormatError. */
export async function heldToManifest(
  payload: Uint8Array,
  full: string,
  {
    folder,
    own,
    ignore,
    bundle,
  }: {
    readonly folder: boolean;
    readonly own: string | undefined;
    readonly ignore: readonly string[];
    /** As the reader would name it. */
    readonly bundle: string;
  },
): Promise<{
  readonly manifest: Manifest;
  readonly compared: Comparison | undefined;
  readonly reasons: readonly Reason[];
}> {
  const manifest = readManifest(payload);
  const empty = manifest.resources.length === 0 ? [{ rule: "empty", message: "the signature covers no file" }] : [];
  const other = otherShape(manifest, folder, bundle);
  if (other) return { manifest, compared: undefined, reasons: [other, ...empty] };
  const ignored = [...(own === undefined ? [] : [own]), ...ignore];
  const there = await everythingIn(full);
  const compared = await compare(
    manifest,
    there.filter(({ path }) => !isIgnored(path, ignored)),
    digestIn(full),
  );
  const left = new Set(there.flatMap(({ path }) => (isIgnored(path, ignored) ? path : [])));
  const reasons = compared.mismatches.map((one) =>
    one.rule === "missing" && left.has(one.path)
      ? { rule: "ignored", path: one.path, message: "signed: cannot be ignored" }
      : one,
  );
  return { manifest, compared, reasons: [...reasons, ...empty] };
}

/** A signature of one file speaks of no folder, and one of a folder of no file alone. */
function otherShape({ name, resources }: Manifest, folder: boolean, bundle: string): Reason | undefined {
  const oneFile = resources.length > 0 && resources.every(({ path }) => path === ".");
  if (folder && oneFile) {
    const called = name === "" || name === "." ? "whose name it does not say" : name;
    return {
      rule: "one-file",
      message: `this signs one file, ${called}: verify that file with --bundle ${bundle}`,
    };
  }
  if (!folder && resources.length > 0 && resources.every(({ path }) => path !== "."))
    return {
      rule: "whole-folder",
      message: `this signs the files of a folder: verify that folder with --bundle ${bundle}`,
    };
  return undefined;
}
