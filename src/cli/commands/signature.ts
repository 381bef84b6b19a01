/** `vauban signature`: sign a folder or file with a key, and say whether one is as somebody signed it – all of it offline. */
import { basename, relative, resolve } from "node:path";
import { counted } from "#datasets/integrity/check.ts";
import { HostError, type SignatureTrust } from "#base/ports.ts";
import { FormatError } from "#formats/error.ts";
import { digestIn, everythingIn } from "#host/folders.ts";
import { filesHere, writeWhole } from "#host/index.ts";
import { certificates, holdsPrivateKey, keyHint, keyWords, privateKey, publicKey, signBytes } from "#host/keys.ts";
import {
  besides,
  BUNDLE_LIMIT,
  heldToManifest,
  inWords,
  lyingBy,
  signerOf,
  type Reason,
  type Signer,
} from "#host/signatures.ts";
import {
  bundleOf,
  isIgnored,
  payloadOf,
  preAuthenticated,
  readBundle,
  type Comparison,
  type Manifest,
  type Resource,
} from "#provenance/signing.ts";
import type { Invocation } from "#cli/main.ts";
import { writableFile } from "#cli/state.ts";
import { EXIT, plain, type Colours, type ExitCode } from "#cli/terminal.ts";

export interface VerifySignatureFlags {
  readonly whole?: boolean;
  readonly bundle?: string;
  readonly key?: string;
  readonly root?: readonly string[];
  readonly chain?: readonly string[];
  readonly asOf?: string;
  readonly crl?: readonly string[];
  readonly identity?: string;
  readonly issuer?: string;
  readonly trustedRoot?: string;
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
/** What `model_signing` leaves out of every model: a folder signed with them would not verify there. */
const GIT = [".git", ".gitattributes", ".github", ".gitignore"];

const read = (path: string, limit = KEY_LIMIT): Promise<Uint8Array> => filesHere().readWhole(path, limit);

async function isFolder(path: string): Promise<boolean> {
  const found = await filesHere().stat(path);
  if (!found) throw new HostError(`${path} does not exist`, "name a model's file or folder, or the folder of a run");
  return found.kind === "folder";
}

/** The path of a file below a folder, with forward slashes; undefined where it lies elsewhere. */
function below(folder: string, file: string): string | undefined {
  const path = relative(folder, file).replaceAll("\\", "/");
  return path === "" || path.startsWith("../") || path === ".." || /^[A-Za-z]:/.test(path) ? undefined : path;
}

// ---------------------------------------------------------------- verify

export async function verifySignatureCommand(
  { terminal, json }: Invocation,
  named: string,
  flags: VerifySignatureFlags,
): Promise<ExitCode> {
  const full = resolve(named);
  const folder = await isFolder(named);
  const bundlePath = resolve(flags.bundle ?? (await lyingBy(filesHere(), full, folder)));
  const trust = trustOf(flags);
  if (flags.bundle === undefined && !(await filesHere().stat(bundlePath)))
    throw new HostError(
      `${named} has no signature: nothing lies at ${relative(process.cwd(), bundlePath)}`,
      "name it with --bundle, or make one with `vauban signature sign`",
    );
  const bundle = await inWords(flags.bundle ?? bundlePath, async () =>
    readBundle(await read(flags.bundle ?? bundlePath, BUNDLE_LIMIT)),
  );
  if (bundle.content.kind === "file" && folder)
    throw new HostError(
      `${flags.bundle ?? bundlePath} signs the bytes of one file, and ${named} is a folder`,
      "name the file that it signs",
    );
  const signer = await inWords(flags.bundle ?? bundlePath, () => signerOf(bundle, full, trust, read));
  const reasons: Reason[] = "because" in signer ? [{ rule: signer.rule, message: signer.because }] : [];
  let manifest: Manifest | undefined;
  let compared: Comparison | undefined;
  if (!("because" in signer) && bundle.content.kind === "statement") {
    const { payload } = bundle.content;
    const own = folder ? below(full, bundlePath) : undefined;
    const said = await inWords(flags.bundle ?? bundlePath, () =>
      heldToManifest(payload, full, {
        folder,
        own,
        ignore: flags.ignore ?? [],
        bundle: flags.bundle ?? (relative(process.cwd(), bundlePath) || bundlePath),
        whole: flags.whole ?? false,
      }),
    );
    ({ manifest, compared } = said);
    reasons.push(...said.reasons);
  } else if (!("because" in signer)) compared = { mismatches: [], ignored: [], verified: ["."] };
  const ok = reasons.length === 0;
  if (json)
    terminal.out(
      `${JSON.stringify(
        {
          format: "vauban/signature/1",
          ok,
          ...("because" in signer
            ? {}
            : {
                signer: signer.words,
                ...(signer.checked && { checked: signer.checked }),
                ...(signer.notChecked && { notChecked: signer.notChecked }),
              }),
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

/** Exactly one thing to trust: a key, roots, or an identity under a trusted root. */
function trustOf({
  key,
  root,
  identity,
  issuer,
  trustedRoot,
  asOf,
  chain = [],
  crl = [],
}: VerifySignatureFlags): SignatureTrust {
  const [empty] = Object.entries({ "--identity": identity, "--issuer": issuer }).filter(
    ([, value]) => value?.trim() === "",
  );
  if (empty)
    throw new HostError(`${empty[0]} is empty`, "give the name as it stands in the certificate, to the letter");
  const keyless = [identity, issuer, trustedRoot].filter((flag) => flag !== undefined).length;
  const given = [key, root, keyless > 0 ? "identity" : undefined].filter((one) => one !== undefined).length;
  if (given > 1)
    throw new HostError(
      `${[key !== undefined && "--key", root !== undefined && "--root", keyless > 0 && "--identity"].filter(Boolean).join(" and ")} are ${given === 2 ? "both" : "all"} given, and only one of them is taken`,
      "give --key for a signer's public key, --root for a root above the signer's certificate, or --identity, --issuer and --trusted-root for Sigstore",
    );
  if (given === 0)
    throw new HostError(
      "a signature is held to something you trust: a key, a root certificate, or an identity",
      "give --key key.pub.pem, or --root ca.pem, or --identity, --issuer and --trusted-root; what stands in the bundle itself proves nothing",
    );
  if (keyless > 0 && keyless < 3)
    throw new HostError(
      `--identity, --issuer and --trusted-root belong together, and ${[identity === undefined && "--identity", issuer === undefined && "--issuer", trustedRoot === undefined && "--trusted-root"].filter(Boolean).join(" and ")} ${keyless === 2 ? "is" : "are"} missing`,
      "who signed is a name, and who vouched for it: --identity me@example.org --issuer https://accounts.google.com --trusted-root trusted_root.json",
    );
  if (crl.length > 0 && root === undefined)
    throw new HostError(
      "--crl speaks of certificates, and there are none below --root",
      "give it with --root, or leave it out",
    );
  if (keyless > 0 && (asOf !== undefined || chain.length > 0))
    throw new HostError(
      `${asOf === undefined ? "--chain" : "--as-of"} says nothing of a signature by an identity`,
      "leave it out: the log's time and the trusted root decide",
    );
  if (identity !== undefined && issuer !== undefined && trustedRoot !== undefined)
    return { kind: "identity", identity, issuer, trustedRoot };
  if (key !== undefined) return { kind: "key", key };
  return {
    kind: "root",
    roots: root ?? [],
    chain,
    crls: crl,
    at: asOf === undefined ? new Date() : new Date(`${asOf}T12:00:00Z`),
  };
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
      ? `${c.bold(c.green("AS SIGNED"))}  ${plain(named)}: ${manifest ? `${counted(compared!.verified.length, "file")}, ${manifest.hash}` : "the file, byte by byte"}`
      : `${c.bold(c.red("NOT AS SIGNED"))}  ${plain(named)}`,
    ...reasons
      .slice(0, SHOWN)
      .map(({ rule, path, message }) => `  ${rule}${path === undefined ? "" : `  ${plain(path)}`}: ${plain(message)}`),
    ...(reasons.length > SHOWN ? [`  and ${reasons.length - SHOWN} more; --json lists them`] : []),
    ...("because" in signer ? [] : [`${c.bold("BY")}         ${signer.words.map(plain).join(" ← ")}`]),
    ...("because" in signer
      ? []
      : [
          ...(signer.checked ?? []).map((one, n) => `${n === 0 ? c.bold("CHECKED") : "       "}    ${plain(one)}`),
          ...(signer.notChecked ?? []).map(
            (one, n) => `${n === 0 ? c.bold("NOT CHECKED") : "           "}  ${plain(one)}`,
          ),
        ]),
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
  const folder = await isFolder(named);
  const passphrase =
    flags.passphraseFile === undefined
      ? undefined
      : new TextDecoder().decode(await read(flags.passphraseFile)).replace(/\r?\n$/, "");
  const key = privateKey(await read(flags.key), flags.key, passphrase);
  const out = resolve(flags.out ?? besides(full, folder));
  if (!folder && out === full) throw new HostError("the signature would take the file's place", "name another with -o");
  const shown = flags.out ?? (relative(process.cwd(), out) || out);
  await writableFile(flags.out === undefined ? "the signature" : "--out", shown);
  await mayBeWritten(out, shown, flags.force ?? false);
  const own = folder ? below(full, out) : undefined;
  const ignored = folder ? [...new Set([...(own === undefined ? [] : [own]), ...(flags.ignore ?? []), ...GIT])] : [];
  const material = flags.certificate === undefined ? undefined : await certificatesFor(key, flags);
  const digest = digestIn(full);
  const resources: Resource[] = [];
  for (const { path, kind, size } of await everythingIn(full)) {
    if (isIgnored(path, ignored)) continue;
    if (kind !== "file")
      throw new HostError(
        `${path} is ${kind === "link" ? "a link" : "neither a file nor a folder"}, and what it leads to can change unseen`,
        "put the file itself there, or leave it out with --ignore",
      );
    const place = path === "." ? full : resolve(full, path);
    if (size <= KEY_LIMIT && holdsPrivateKey(await read(place), key, passphrase))
      throw new HostError(
        path === "."
          ? `${named} is the private key itself`
          : `the private key lies in the folder that is to be signed: ${path}`,
        "keep it elsewhere",
      );
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
  else {
    const open = material ? undefined : await publicKeyBeside(flags.key, keyHint(key));
    const make =
      material || open?.there ? [] : [`Its public key: openssl pkey -in ${flags.key} -pubout -out ${open!.path}`];
    const trust = material ? "--root <a root above its certificate>" : `--key ${open!.path}`;
    terminal.out(
      `signed ${counted(resources.length, "file")} with the ${keyWords(key)} key ${keyHint(key).slice(0, 16)}…: ${plain(shown)}\n` +
        (present.length > 0 ? `  left out where they are there: ${present.map(plain).join(", ")}\n` : "") +
        [
          ...make,
          `Then: vauban signature verify ${named} ${flags.out === undefined ? "" : `--bundle ${shown} `}${trust}`,
        ]
          .map((line) => `${plain(line)}\n`)
          .join(""),
    );
  }
  return EXIT.fine;
}

/** The public half of a key, where it lies beside it under a usual name; else a name that is free for it. */
async function publicKeyBeside(
  secret: string,
  hint: string,
): Promise<{ readonly path: string; readonly there: boolean }> {
  const stem = secret.replace(/\.[^./\\]*$/, "");
  const usual = [`${stem}.pub.pem`, `${stem}.pub`, `${secret}.pub`, `${stem}.public.pem`];
  let free: string | undefined;
  for (const path of usual) {
    const found = await filesHere().stat(path);
    if (!found) free ??= path;
    else if (found.kind === "file" && found.size <= KEY_LIMIT)
      try {
        if (keyHint(publicKey(await read(path), path)) === hint) return { path, there: true };
      } catch (error) {
        // Something else of that name is not what is looked for.
        if (!(error instanceof HostError)) throw error;
      }
  }
  return { path: free ?? "<its public key>", there: false };
}

/** Only a signature makes way for a signature, and that only by --force: a model named by mistake stays. */
async function mayBeWritten(out: string, shown: string, force: boolean): Promise<void> {
  const there = await filesHere().stat(out);
  if (!there) return;
  const kept = new HostError(
    `${shown} exists already and is no signature, so it is not replaced`,
    "name another with -o, or take it away yourself",
  );
  if (there.kind !== "file") throw kept;
  try {
    readBundle(await read(out, BUNDLE_LIMIT));
  } catch (error) {
    if (error instanceof FormatError || error instanceof HostError) throw kept;
    throw error;
  }
  if (!force) throw new HostError(`${shown} exists already`, "name another with -o, or replace it with --force");
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
