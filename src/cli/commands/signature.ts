/** `vauban signature`: sign a folder or file with a key, and say whether one is as somebody signed it – all of it offline. */
import { basename, dirname, relative, resolve } from "node:path";
import { HostError } from "#base/ports.ts";
import { FormatError } from "#formats/error.ts";
import { digestIn, everythingIn } from "#host/folders.ts";
import { filesBelow, writeWhole } from "#host/index.ts";
import { certificates, holds, keyHint, keyWords, privateKey, publicKey, signBytes, trustedKey } from "#host/keys.ts";
import {
  bundleOf,
  compare,
  isIgnored,
  payloadOf,
  preAuthenticated,
  readBundle,
  readManifest,
  type Bundle,
  type Comparison,
  type Manifest,
  type Resource,
} from "#provenance/signing.ts";
import type { Invocation } from "#cli/main.ts";
import { EXIT, plain, type Colours, type ExitCode } from "#cli/terminal.ts";

export interface VerifySignatureFlags {
  readonly bundle?: string;
  readonly key?: string;
  readonly root?: readonly string[];
  readonly chain?: readonly string[];
  readonly asOf?: string;
  readonly ignore?: readonly string[];
  readonly json?: boolean;
}

export interface SignFlags {
  readonly key: string;
  readonly passphraseFile?: string;
  readonly certificate?: string;
  readonly chain?: readonly string[];
  readonly out?: string;
  readonly ignore?: readonly string[];
  readonly force?: boolean;
  readonly json?: boolean;
}

const KEY_LIMIT = 2 ** 20;
const BUNDLE_LIMIT = 256 * 2 ** 20;
const SIGNATURE_NAME = "model.sig";
/** What `model_signing` leaves out of every model: a folder signed with them would not verify there. */
const GIT = [".git", ".gitattributes", ".github", ".gitignore"];

const read = (path: string, limit = KEY_LIMIT): Promise<Uint8Array> =>
  filesBelow(dirname(resolve(path))).readWhole(resolve(path), limit);

async function isFolder(path: string): Promise<boolean> {
  const found = await filesBelow(dirname(path)).stat(path);
  if (!found) throw new HostError(`${path} does not exist`, "name a model's file or folder, or the folder of a run");
  return found.kind === "folder";
}

/** Where the bundle lies by default: in the folder, or beside the file. */
const besides = (path: string, folder: boolean): string => (folder ? resolve(path, SIGNATURE_NAME) : `${path}.sig`);

/** Where it lies without being named; beside a file also as it was once called, with .sig in place of the extension. */
async function lyingBy(path: string, folder: boolean): Promise<string> {
  const usual = besides(path, folder);
  if (folder || (await filesBelow(dirname(usual)).stat(usual))) return usual;
  const once = `${path.replace(/\.[^./\\]*$/, "")}.sig`;
  return once !== path && (await filesBelow(dirname(once)).stat(once)) ? once : usual;
}

/** The path of a file below a folder, with forward slashes; undefined where it lies elsewhere. */
function below(folder: string, file: string): string | undefined {
  const path = relative(folder, file).replaceAll("\\", "/");
  return path === "" || path.startsWith("../") || path === ".." || /^[A-Za-z]:/.test(path) ? undefined : path;
}

// ---------------------------------------------------------------- verify

type Reason = { readonly rule: string; readonly path?: string; readonly message: string };

export async function verifySignatureCommand(
  { terminal, json }: Invocation,
  named: string,
  flags: VerifySignatureFlags,
): Promise<ExitCode> {
  const full = resolve(named);
  const folder = await isFolder(full);
  const bundlePath = resolve(flags.bundle ?? (await lyingBy(full, folder)));
  if (flags.key !== undefined && flags.root !== undefined)
    throw new HostError(
      "--key and --root are both given, and only one of them is taken",
      "give --key for a signer's public key, or --root for a root above the signer's certificate",
    );
  if (flags.key === undefined && flags.root === undefined)
    throw new HostError(
      "a signature is held to something you trust: a key, or a root certificate",
      "give --key key.pub.pem, or --root ca.pem; what stands in the bundle itself proves nothing",
    );
  const bundle = await parsed(flags.bundle ?? bundlePath, async () => readBundle(await read(bundlePath, BUNDLE_LIMIT)));
  const signer = await signerOf(bundle, flags);
  let reasons: Reason[] = "because" in signer ? [{ rule: signer.rule, message: signer.because }] : [];
  let manifest: Manifest | undefined;
  let compared: Comparison | undefined;
  if (!("because" in signer)) {
    manifest = await parsed(flags.bundle ?? bundlePath, async () => readManifest(bundle.payload));
    const own = folder ? below(full, bundlePath) : undefined;
    const ignored = [...(own === undefined ? [] : [own]), ...(flags.ignore ?? [])];
    const other = otherShape(manifest, folder, flags.bundle ?? (relative(process.cwd(), bundlePath) || bundlePath));
    const there = other ? [] : await everythingIn(full);
    const found = there.filter(({ path }) => !isIgnored(path, ignored));
    if (!other) compared = await compare(manifest, found, digestIn(full));
    const left = new Set(there.flatMap(({ path }) => (isIgnored(path, ignored) ? path : [])));
    reasons = other
      ? [other]
      : compared!.mismatches.map((one) =>
          one.rule === "missing" && left.has(one.path)
            ? { rule: "ignored", path: one.path, message: "signed: cannot be ignored" }
            : one,
        );
    if (manifest.resources.length === 0) reasons.push({ rule: "empty", message: "the signature covers no file" });
  }
  const ok = reasons.length === 0;
  if (json)
    terminal.out(
      `${JSON.stringify(
        {
          format: "vauban/signature/1",
          ok,
          ...("because" in signer ? {} : { signer: signer.words }),
          ...(manifest && { name: manifest.name, method: manifest.method, hash: manifest.hash }),
          verified: compared?.verified.length ?? 0,
          ignored: compared?.ignored ?? [],
          reasons,
        },
        null,
        2,
      )}\n`,
    );
  else terminal.out(verdict(named, signer, manifest, compared, reasons, terminal.colours));
  return ok ? EXIT.fine : EXIT.finding;
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

type Signer = { readonly words: readonly string[] } | { readonly rule: string; readonly because: string };

async function signerOf({ material, payload, signature }: Bundle, flags: VerifySignatureFlags): Promise<Signer> {
  if (material.kind === "keyless")
    throw new HostError(
      "the bundle is signed without a key of its signer (Sigstore: Fulcio, Rekor), which is not verified here",
      "verify it with sigstore's own tools, or have it signed with a key or a certificate",
    );
  const message = preAuthenticated(payload);
  if (flags.key !== undefined) {
    const key = publicKey(await read(flags.key), flags.key);
    // The key decides; what the bundle says of itself only explains why a signature does not hold.
    if (!holds(key, message, signature))
      return material.kind === "key" && material.hint !== undefined && material.hint !== keyHint(key)
        ? { rule: "wrong-key", because: "it was signed with another key than the one given" }
        : { rule: "bad-signature", because: "the signature does not hold for this key and this content" };
    return { words: [`${keyWords(key)} key, SHA-256 ${keyHint(key)}`] };
  }
  if (material.kind !== "certificates")
    return {
      rule: "no-certificate",
      because: "the bundle holds no certificate that a root could stand above: give --key",
    };
  const roots = (
    await Promise.all((flags.root ?? []).map(async (path) => certificates(await read(path), path)))
  ).flat();
  const more = (
    await Promise.all((flags.chain ?? []).map(async (path) => certificates(await read(path), path)))
  ).flat();
  const at = flags.asOf === undefined ? new Date() : new Date(`${flags.asOf}T12:00:00Z`);
  const trusted = trustedKey([...material.chain, ...more.map(({ raw }) => raw)], roots, at);
  if ("because" in trusted) return { rule: "untrusted", because: trusted.because };
  return holds(trusted.key, message, signature)
    ? { words: trusted.chain }
    : { rule: "bad-signature", because: "the signature does not hold for the signer's certificate and this content" };
}

/** A reader's refusal in the user's words. */
async function parsed<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new HostError(`${path}: ${error.problem}`, error.remedy);
  }
}

const SHOWN = 20;

function verdict(
  named: string,
  signer: Signer,
  manifest: Manifest | undefined,
  compared: Comparison | undefined,
  reasons: readonly Reason[],
  c: Colours,
): string {
  const lines = [
    reasons.length === 0
      ? `${c.bold(c.green("AS SIGNED"))}  ${plain(named)}: ${compared!.verified.length} files, ${manifest!.hash}`
      : `${c.bold(c.red("NOT AS SIGNED"))}  ${plain(named)}`,
    ...reasons
      .slice(0, SHOWN)
      .map(({ rule, path, message }) => `  ${rule}${path === undefined ? "" : `  ${plain(path)}`}: ${plain(message)}`),
    ...(reasons.length > SHOWN ? [`  and ${reasons.length - SHOWN} more; --json lists them`] : []),
    ...("because" in signer ? [] : [`${c.bold("BY")}         ${signer.words.map(plain).join(" ← ")}`]),
    ...(compared && compared.ignored.length > 0
      ? [`${c.bold("NOT COVERED")}  ${compared.ignored.map(plain).join(", ")}: the signature leaves them out`]
      : []),
    ...(reasons.length === 0
      ? [c.dim("Who signed it and that nothing changed since; not that what was signed is free of harm.")]
      : []),
  ];
  return `${lines.join("\n")}\n`;
}

// ---------------------------------------------------------------- sign

export async function signCommand({ terminal, json }: Invocation, named: string, flags: SignFlags): Promise<ExitCode> {
  const full = resolve(named);
  const folder = await isFolder(full);
  const passphrase =
    flags.passphraseFile === undefined
      ? undefined
      : new TextDecoder().decode(await read(flags.passphraseFile)).replace(/\r?\n$/, "");
  const key = privateKey(await read(flags.key), flags.key, passphrase);
  const out = resolve(flags.out ?? besides(full, folder));
  if (!folder && out === full) throw new HostError("the signature would take the file's place", "name another with -o");
  const shown = flags.out ?? (relative(process.cwd(), out) || out);
  if (!flags.force && (await filesBelow(dirname(out)).stat(out)))
    throw new HostError(`${shown} exists already`, "name another with -o, or replace it with --force");
  const own = folder ? below(full, out) : undefined;
  const ignored = folder ? [...new Set([...(own === undefined ? [] : [own]), ...(flags.ignore ?? []), ...GIT])] : [];
  const material = flags.certificate === undefined ? undefined : await certificatesFor(key, flags);
  const digest = digestIn(full);
  const resources: Resource[] = [];
  for (const { path, kind } of await everythingIn(full)) {
    if (isIgnored(path, ignored)) continue;
    if (kind !== "file")
      throw new HostError(
        `${path} is ${kind === "link" ? "a link" : "neither a file nor a folder"}, and what it leads to can change unseen`,
        "put the file itself there, or leave it out with --ignore",
      );
    if (full === resolve(flags.key) || resolve(full, path) === resolve(flags.key))
      throw new HostError("the private key lies in the folder that is to be signed", "keep it elsewhere");
    resources.push({ path, digest: await digest(path, "sha256") });
  }
  if (resources.length === 0) throw new HostError(`${named} holds no file to sign`, "name a folder with files in it");
  const payload = payloadOf({ name: basename(full), hash: "sha256", links: false, ignored, resources });
  const bundle = bundleOf(payload, signBytes(key, preAuthenticated(payload)), material ?? { hint: keyHint(key) });
  await writeWhole(out, `${JSON.stringify(bundle)}\n`);
  const present = ignored.filter((path) => path !== own);
  if (json)
    terminal.out(
      `${JSON.stringify({ format: "vauban/signed/1", written: shown, files: resources.length, key: keyHint(key), ignored }, null, 2)}\n`,
    );
  else
    terminal.out(
      `signed ${resources.length} files with the ${keyWords(key)} key ${keyHint(key).slice(0, 16)}…: ${plain(shown)}\n` +
        (present.length > 0 ? `  left out where they are there: ${present.map(plain).join(", ")}\n` : "") +
        `Then: vauban signature verify ${plain(named)} ${flags.out === undefined ? "" : `--bundle ${plain(shown)} `}${material ? "--root ca.pem" : "--key key.pub.pem"}\n`,
    );
  return EXIT.fine;
}

async function certificatesFor(
  key: ReturnType<typeof privateKey>,
  flags: SignFlags,
): Promise<{ readonly chain: readonly Uint8Array[] }> {
  const own = certificates(await read(flags.certificate!), flags.certificate!);
  const more = (
    await Promise.all((flags.chain ?? []).map(async (path) => certificates(await read(path), path)))
  ).flat();
  if (!own[0]!.checkPrivateKey(key))
    throw new HostError(
      `${flags.certificate} is not the certificate of this key`,
      "name the certificate that was issued for it",
    );
  return { chain: [...own, ...more].map(({ raw }) => raw) };
}
