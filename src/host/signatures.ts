/** Whether a folder or file is as somebody signed it: what `signature verify` and an assessment ask, with one answer to both. */
import type { KeyObject } from "node:crypto";
import { join } from "node:path";
import { HostError, type Files, type SignatureAsked, type SignatureChecker, type SignatureTrust } from "#base/ports.ts";
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
import { readTrustedRoot } from "#provenance/sigstore.ts";
import { filesBelow } from "./files.ts";
import { digestIn, everythingIn } from "./folders.ts";
import { keylessSigner, type SignedContent } from "./keyless.ts";
import {
  certificates,
  digestOf,
  holds,
  keyHint,
  keyWords,
  publicKey,
  revocation,
  revocationLists,
  signedFile,
  trustedKey,
} from "./keys.ts";

const KEY_LIMIT = 2 ** 20;
const CRL_LIMIT = 64 * 2 ** 20;
const TRUSTED_ROOT_LIMIT = 16 * 2 ** 20;
export const BUNDLE_LIMIT = 256 * 2 ** 20;
const SIGNATURE_NAME = "model.sig";

/** Where the bundle lies by default: in the folder, or beside the file. */
export const besides = (path: string, folder: boolean): string =>
  folder ? `${path.replace(/\/+$/, "")}/${SIGNATURE_NAME}` : `${path}.sig`;

/** Where it lies without being named; beside a file also with .sig in place of the extension, as it was once called, or as cosign calls it. */
export async function lyingBy(files: Pick<Files, "stat">, path: string, folder: boolean): Promise<string> {
  const usual = besides(path, folder);
  if (folder || (await files.stat(usual))) return usual;
  const once = `${path.replace(/\.[^./\\]*$/, "")}.sig`;
  for (const other of [once, `${path}.sigstore.json`]) if (other !== path && (await files.stat(other))) return other;
  return usual;
}

/** Checks below a folder, by what lies there: what the bundle says of itself proves nothing. */
export function signatureChecker(root: string): SignatureChecker {
  const files = filesBelow(root);
  const read = (file: string, limit: number): Promise<Uint8Array> => files.readWhole(file, limit);
  /** The bundle of what lies at a path. Throws a HostError where either is missing or the bundle cannot be read. */
  const bundleOf = async ({ path, bundle: named }: SignatureAsked) => {
    const entry = await files.stat(path);
    if (!entry) throw new HostError(`${path} does not exist`, "put the file where the system file says");
    const folder = entry.kind === "folder";
    const bundlePath = named ?? (await lyingBy(files, path, folder));
    if (!(await files.stat(bundlePath)))
      throw new HostError(
        `there is no signature at ${bundlePath}`,
        `name where it lies under \`signature: bundle\`, ask whoever made ${path} to sign it, or sign it: vauban signature sign ${path} --key key.pem`,
      );
    const bundle = await inWords(bundlePath, async () => readBundle(await read(bundlePath, BUNDLE_LIMIT)));
    if (bundle.content.kind === "file" && folder)
      throw new HostError(
        `${bundlePath} signs the bytes of one file, and ${path} is a folder`,
        "name the file that it signs",
      );
    return { bundle, bundlePath, folder };
  };
  return {
    async obstacles(asked) {
      const { trust } = asked;
      const trusted: readonly (() => Promise<unknown>)[] =
        trust.kind === "key"
          ? [() => readKey(trust.key, read)]
          : trust.kind === "identity"
            ? [() => readRoots(trust.trustedRoot, read)]
            : [
                ...[...trust.roots, ...trust.chain].map((path) => () => readCertificates(path, read)),
                ...trust.crls.map((path) => () => readLists(path, read)),
              ];
      const found: { because: string; remedy?: string }[] = [];
      for (const attempt of [() => bundleOf(asked), ...trusted])
        try {
          await attempt();
        } catch (error) {
          if (!(error instanceof HostError)) throw error;
          found.push({ because: error.message, ...(error.remedy !== undefined && { remedy: error.remedy }) });
        }
      return found;
    },
    async check(asked) {
      const { path, trust, whole = false } = asked;
      const refused = (because: string) => ({ holds: false, because, files: 0 });
      try {
        const { bundle, bundlePath, folder } = await bundleOf(asked);
        const full = join(root, path);
        const signer = await inWords(bundlePath, () => signerOf(bundle, full, trust, read));
        if ("because" in signer) return refused(signer.because);
        const { checked = [], notChecked = [] } = signer;
        const trusted = { holds: true, because: "", checked, notChecked };
        if (bundle.content.kind === "file") return { ...trusted, files: 1 };
        const { payload } = bundle.content;
        const inside = `${path.replace(/\/+$/, "")}/`;
        const own = bundlePath.startsWith(inside) ? bundlePath.slice(inside.length) : undefined;
        const { reasons, compared } = await inWords(bundlePath, () =>
          heldToManifest(payload, full, { folder, own, ignore: [], bundle: bundlePath, whole }),
        );
        const [first] = reasons;
        if (first) {
          const at = first.path === "." ? path : first.path;
          return refused(
            `${at === undefined ? "" : `${at}: `}${first.message}${reasons.length > 1 ? ` (and ${reasons.length - 1} more)` : ""}`,
          );
        }
        const { verified = [], ignored = [] } = compared ?? {};
        if (verified.length === 0) return refused("it covers no file");
        return { ...trusted, files: verified.length, ...(ignored.length > 0 && { notCovered: ignored }) };
      } catch (error) {
        if (!(error instanceof HostError)) throw error;
        const { message, remedy } = error;
        return { ...refused(message), unchecked: true, ...(remedy !== undefined && { remedy }) };
      }
    },
  };
}

/** A reader's refusal in the user's words, with the file that it is of. */
export async function inWords<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new HostError(`${path}: ${error.problem}`, error.remedy);
  }
}

/** Who signed, as far as it was asked. */
export interface Trusting {
  readonly words: readonly string[];
  readonly checked?: readonly string[];
  readonly notChecked?: readonly string[];
}
export type Signer = Trusting | Refused;

/**
 * Whether whom is trusted signed what lies at a path. Throws a FormatError where the bundle is damaged beyond a verdict, and a HostError where what
 * is to be trusted cannot be read.
 */
export async function signerOf(bundle: Bundle, file: string, trust: SignatureTrust, read: Read): Promise<Signer> {
  const { material, signature, entries, timeStamps } = bundle;
  const signed = contentOf(bundle, file);
  const changed = await changedSince(bundle, signed);
  if (changed) return changed;
  if (trust.kind === "identity") {
    const { trustedRoot: path, identity, issuer } = trust;
    const root = await readRoots(path, read);
    return keylessSigner(bundle, signed, { identity, issuer }, root);
  }
  if (material.kind === "certificates" && material.alone)
    throw new HostError(
      "the bundle is signed by an identity, with a certificate of a few minutes (Sigstore: Fulcio, Rekor)",
      "hold it to the identity, its issuer and a trusted root: --identity, --issuer and --trusted-root",
    );
  const unasked = entries.length + timeStamps.length > 0 ? ["log entries and time stamps that the bundle holds"] : [];
  if (trust.kind === "key") {
    const key = await readKey(trust.key, read);
    const refused = await notSignedWith(key, bundle, signed);
    return (
      refused ?? {
        words: [`${keyWords(key)} key, SHA-256 ${keyHint(key)}`],
        ...(unasked.length > 0 && { notChecked: unasked }),
      }
    );
  }
  if (material.kind !== "certificates")
    return {
      rule: "no-certificate",
      because: "the bundle holds no certificate that a root could stand above: give --key",
    };
  const inFiles = async (paths: readonly string[]) =>
    (await Promise.all(paths.map((path) => readCertificates(path, read)))).flat();
  const roots = await inFiles(trust.roots);
  const more = await inFiles(trust.chain);
  const trusted = trustedKey([...material.chain, ...more.map(({ raw }) => raw)], roots, trust.at);
  if ("because" in trusted) return { rule: "untrusted", because: trusted.because };
  const lists = (await Promise.all(trust.crls.map((path) => readLists(path, read)))).flat();
  const { because, checked, notChecked } = revocation(trusted.certificates, lists, trust.at);
  if (because !== undefined) return { rule: "untrusted", because };
  return (await signed.holds(trusted.key, signature))
    ? {
        words: trusted.chain,
        ...(checked.length > 0 && { checked }),
        notChecked: [...(lists.length === 0 ? ["revocation: no list was given (--crl)"] : notChecked), ...unasked],
      }
    : { rule: "bad-signature", because: "the signature does not hold for the signer's certificate and this content" };
}

type Read = (path: string, limit: number) => Promise<Uint8Array>;
/** What a signature is held to, from its files. All throw a HostError that names the file where it is something else. */
const readKey = async (path: string, read: Read) => publicKey(await read(path, KEY_LIMIT), path);
const readRoots = (path: string, read: Read) =>
  inWords(path, async () => readTrustedRoot(await read(path, TRUSTED_ROOT_LIMIT)));
const readCertificates = async (path: string, read: Read) => certificates(await read(path, KEY_LIMIT), path);
const readLists = async (path: string, read: Read) => revocationLists(await read(path, CRL_LIMIT), path);

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
function contentOf({ content }: Bundle, file: string): SignedContent {
  if (content.kind === "file") return signedFile(file);
  const bytes = preAuthenticated(content.payload);
  return {
    holds: (key, signature) => Promise.resolve(holds(key, bytes, signature)),
    digest: (algorithm) => Promise.resolve(digestOf(bytes, algorithm)),
    payload: content.payload,
  };
}

/** That a file is not what its bundle says was signed; undefined where it is, or the bundle does not say. */
async function changedSince({ content }: Bundle, signed: SignedContent): Promise<Refused | undefined> {
  return content.kind === "file" && content.sha256 !== undefined && content.sha256 !== (await signed.digest("sha256"))
    ? { rule: "changed", because: "the file is not the one that was signed: its SHA-256 is another" }
    : undefined;
}

/** Why the holder of this key did not sign this content; undefined where he did. */
async function notSignedWith(key: KeyObject, bundle: Bundle, signed: SignedContent): Promise<Refused | undefined> {
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
    whole,
  }: {
    readonly folder: boolean;
    readonly own: string | undefined;
    readonly ignore: readonly string[];
    /** As the reader would name it. */
    readonly bundle: string;
    /** What the signature leaves out, and is there, speaks against it. */
    readonly whole: boolean;
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
  const leftOut = (whole ? compared.ignored : []).map((path) => ({
    rule: "left-out",
    path,
    message: "there, and left out by the signature",
  }));
  return { manifest, compared, reasons: [...reasons, ...empty, ...leftOut] };
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
