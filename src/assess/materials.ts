/** What lies beside a system file of its materials: lock files as they pin libraries, and the signatures that the system file names, by key, identity or root. */
import type { Diagnostic } from "#base/diagnostics.ts";
import type { Files, Host, SignatureAsked, SignatureChecker, SignatureTrust } from "#base/ports.ts";
import type { Signature, System } from "#assessment/index.ts";
import type { Materials } from "#claims/materials.ts";
import { holdsBytes } from "#provenance/packages.ts";
import { locksBeside, type FoundLock } from "./bom.ts";

/** Looks at each lock file beside the system file and at each signature that it names. Never throws for what the world gets wrong. */
export async function materialsOf(
  system: System,
  locks: readonly FoundLock[],
  { signatures }: Host,
  asOf: string,
): Promise<Materials> {
  const signed: Materials["signatures"][number][] = [];
  for (const { component, asked, signer, unasked, verify } of promised(system, asOf)) {
    const {
      checked = [],
      notChecked = [],
      ...said
    } = signatures
      ? await signatures.check(asked)
      : { holds: false, unchecked: true as const, because: "nothing here can check it", files: 0 };
    signed.push({
      component: component.id,
      path: asked.path,
      signer,
      verify,
      checked,
      notChecked: [...unasked, ...notChecked],
      ...said,
    });
  }
  return { locks: locks.map(pinnedBy), signatures: signed };
}

/** What a system file's signatures cannot be held to, found without reading what is signed: one warning each. */
export async function signatureObstacles(
  system: System,
  checker: SignatureChecker,
  asOf: string,
): Promise<Diagnostic[]> {
  const found: Diagnostic[] = [];
  for (const { component, asked } of promised(system, asOf))
    for (const { because, remedy } of await checker.obstacles(asked))
      found.push({
        code: "W502",
        message: `the signature of ${asked.path} cannot be checked: ${because}`,
        ...(remedy !== undefined && { hint: remedy }),
        span: component.where,
      });
  return found;
}

/** The signatures that a system file promises, as questions to a checker. */
function* promised(system: System, asOf: string) {
  for (const component of system.components) {
    const { model } = component;
    if (!model?.signature || model.artefact === undefined) continue;
    const { bundle, whole } = model.signature;
    const { trust, flags, ...words } = trusting(model.signature, asOf);
    const asked: SignatureAsked = {
      path: model.artefact,
      trust,
      ...(bundle !== undefined && { bundle }),
      ...(whole !== undefined && { whole }),
    };
    yield { component, asked, verify: ["vauban signature verify", asked.path, ...flags].join(" "), ...words };
  }
}

/** A signature's keys of the system file as what to trust, in words, and as flags of `vauban signature verify`. */
function trusting(
  said: Signature,
  asOf: string,
): {
  readonly trust: SignatureTrust;
  readonly signer: string;
  /** What nobody can ask of this kind of trust. */
  readonly unasked: readonly string[];
  readonly flags: readonly string[];
} {
  const shared = [
    ...(said.bundle === undefined ? [] : ["--bundle", inShell(said.bundle)]),
    ...(said.whole ? ["--whole"] : []),
  ];
  if ("key" in said)
    return {
      trust: { kind: "key", key: said.key },
      signer: `the holder of ${said.key}`,
      unasked: ["whose key it is"],
      flags: ["--key", inShell(said.key), ...shared],
    };
  if ("identity" in said) {
    const { identity, issuer, trustedRoot } = said;
    return {
      trust: { kind: "identity", identity, issuer, trustedRoot },
      signer: `${identity} (vouched for by ${issuer})`,
      unasked: [],
      flags: ["--identity", identity, "--issuer", issuer, "--trusted-root", trustedRoot].map(inShell).concat(shared),
    };
  }
  const { root, chain, crl } = said;
  const each = (flag: string, files: readonly string[]): string[] => files.flatMap((file) => [flag, inShell(file)]);
  return {
    // Noon, as `signature verify --as-of` takes a day.
    trust: { kind: "root", roots: root, chain, crls: crl, at: new Date(`${asOf}T12:00:00Z`) },
    signer: `somebody whose certificate leads up to ${root.join(" or ")}`,
    unasked: ["whether the certificate's holder may sign this model"],
    flags: [...each("--root", root), ...each("--chain", chain), ...each("--crl", crl), "--as-of", asOf, ...shared],
  };
}

const inShell = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** Package URLs of what the lock files that can be read pin. */
export async function packagesBeside(files: Files): Promise<Set<string>> {
  const locks = await locksBeside(files);
  // That one cannot be read is said where lock files are looked at.
  return new Set(locks.flatMap((lock) => ("because" in lock ? [] : lock.locked.packages.map(({ purl }) => purl))));
}

/** What lock files hold their packages to. */
function pinnedBy(lock: FoundLock): Materials["locks"][number] {
  const { path } = lock;
  if ("because" in lock) return { status: "unread", path, because: lock.because };
  const { format, packages, notes } = lock.locked;
  return {
    status: "read",
    path,
    format,
    packages: packages.length,
    pinned: packages.filter(({ version }) => version !== undefined).length,
    hashed: packages.filter((one) => one.files.length > 0 && one.files.every(({ hashes }) => holdsBytes(hashes)))
      .length,
    open: notes.length,
  };
}
