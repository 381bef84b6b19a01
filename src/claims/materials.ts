/** What this run looked at of a system's materials – lock files, signatures, a VEX – as checks of controls, and findings where something does not hold. */
import type { Evidence, Finding } from "#assessment/index.ts";
import type { Checked } from "./checked.ts";
import { counted, isCurrent } from "./rated.ts";
import type { Grounds } from "./rated.ts";

export interface Materials {
  readonly locks: readonly (
    | {
        readonly status: "read";
        readonly path: string;
        readonly format: string;
        readonly packages: number;
        /** With a version; with a digest of every file that may be installed for it, MD5 and SHA-1 not counted. */
        readonly pinned: number;
        readonly hashed: number;
        /** What the file leaves open: requirements that were not understood, packages from elsewhere. */
        readonly open: number;
      }
    | { readonly status: "unread"; readonly path: string; readonly because: string }
  )[];
  readonly signatures: readonly {
    readonly component: string;
    readonly path: string;
    /** Who must have signed, in words. */
    readonly signer: string;
    /** The command that asks the same of this signature alone, every file by its name. */
    readonly verify: string;
    /** Of a signature that holds: what else was checked, and what was not. */
    readonly checked: readonly string[];
    readonly notChecked: readonly string[];
    readonly holds: boolean;
    /** It was held to nothing: neither as signed nor changed. */
    readonly unchecked?: true;
    readonly because: string;
    readonly remedy?: string;
    readonly files: number;
    readonly notCovered?: readonly string[];
  }[];
  readonly bill?: ListedMaterials;
}

/** What a bill of materials lists: absent where none was made. */
export interface ListedMaterials {
  readonly specification: string;
  readonly models: number;
  readonly datasets: number;
  readonly libraries: number;
  /** Lock files that the libraries were read from. */
  readonly locks: number;
}

export const NO_MATERIALS: Materials = { locks: [], signatures: [] };

/** C-73, C-76 and C-78 as far as this run tried something of them. */
export function materialChecks({ materials, evidence }: Grounds): Checked[] {
  return [...signed(materials), ...locked(materials), ...vulnerabilities(evidence)];
}

function signed({ signatures: promised }: Materials): Checked[] {
  const signatures = promised.filter(({ unchecked }) => !unchecked);
  if (signatures.length === 0) return [];
  const covered = signatures.flatMap(({ notCovered = [] }) => notCovered);
  return [
    {
      control: "C-73",
      classes: ["MP"],
      verbs: ["detect"],
      says: signatures
        .map(({ path, signer, holds, because, files, checked }) =>
          holds
            ? `${path} is as signed by ${signer}: ${[counted(files, "file"), ...checked].join(", ")}`
            : `${path} is not as signed by ${signer}: ${because}`,
        )
        .join("; "),
      not: [
        "that a file with one flipped byte is refused when it is loaded, and that what was signed was free of harm",
        ...new Set(signatures.flatMap(({ notChecked }) => notChecked)),
        ...promised.flatMap(({ unchecked, path }) =>
          unchecked ? [`whether ${path} is as signed: it could not be checked`] : [],
        ),
        ...(covered.length > 0 ? [`the signature leaves out ${covered.join(", ")}`] : []),
      ].join("; "),
      evidence: [],
    },
  ];
}

function locked({ locks }: Materials): Checked[] {
  const read = locks.flatMap((lock) => (lock.status === "read" ? [lock] : []));
  if (read.length === 0) return [];
  const sum = (of: (lock: (typeof read)[number]) => number): number => read.reduce((all, lock) => all + of(lock), 0);
  const [packages, pinned, hashed, open] = [
    sum((lock) => lock.packages),
    sum((lock) => lock.pinned),
    sum((lock) => lock.hashed),
    sum((lock) => lock.open),
  ];
  const unread = locks.flatMap((lock) =>
    lock.status === "unread" ? [`${lock.path} was not read: ${lock.because}`] : [],
  );
  const left = open > 0 ? [`${open} entries of them leave something open (\`vauban bom\` lists them)`] : [];
  const checks: Checked[] = [
    {
      control: "C-78",
      classes: ["MP"],
      verbs: ["detect"],
      says: `${read.map(({ path, format }) => `${path} (${format})`).join(", ")}: of ${counted(packages, "package")} ${pinned} are pinned to a version, ${hashed} to digests`,
      not: [
        "that what is installed is what is locked, and that known vulnerabilities of these packages were looked up",
        ...left,
        ...unread,
      ].join("; "),
      evidence: [],
    },
  ];
  if (packages > 0 && pinned === packages && hashed === packages && open === 0 && unread.length === 0)
    checks.push({
      control: "C-76",
      classes: ["MP"],
      verbs: ["prevent"],
      says: `each of ${counted(packages, "package")} in the lock files is pinned to a version and to digests`,
      not: "that builds install from these files, are isolated and repeatable, and who may change them",
      evidence: [],
    });
  return checks;
}

/** The VEX that were brought along and stand: that each vulnerability named is judged is seen, that the judgement is right is not. */
function vulnerabilities(evidence: readonly Evidence[]): Checked[] {
  const judged = evidence.flatMap((item) =>
    isCurrent(item) &&
    item.outcome.status === "measured" &&
    item.outcome.measure.kind === "scan" &&
    item.outcome.measure.tool.startsWith("CycloneDX VEX")
      ? [{ item, measure: item.outcome.measure }]
      : [],
  );
  if (judged.length === 0) return [];
  const results = judged.reduce((sum, { measure }) => sum + measure.results, 0);
  const open = judged.reduce((sum, { measure }) => sum + measure.open, 0);
  const ids = judged.map(({ item }) => item.id);
  const checks: Checked[] = [
    {
      control: "C-78",
      classes: ["MP"],
      verbs: ["detect"],
      says: `the VEX brought along names ${results} vulnerabilities of this system and leaves ${open} open or without a reason`,
      not: "vulnerabilities that it does not name, or calls closed without naming a part of this system that they affect, and how old the search behind it is",
      evidence: ids,
    },
  ];
  if (open === 0)
    checks.push({
      control: "C-78",
      classes: ["MP"],
      verbs: ["resolve"],
      says: `each of the ${results} vulnerabilities of this system that the VEX names is resolved or called unaffected with a reason, by its issuer's word`,
      not: "that the issuer is right: nothing was tried",
      evidence: ids,
    });
  return checks;
}

/** What a signature that does not hold, or could not be checked, makes of its file, in words. */
export function unsignedWords({ path, signer, unchecked, remedy }: Materials["signatures"][number]): {
  readonly says: string;
  readonly todo: string;
} {
  return unchecked
    ? {
        says: `${path} could not be held to a signature by ${signer}`,
        todo: remedy ?? "put the signature and what it is held to where the system file says",
      }
    : {
        says: `${path} is not as signed by ${signer}`,
        todo: remedy ?? "find out who changed it, or have it signed again",
      };
}

/** A signature that the system file promises and that does not hold, or could not be checked: whoever takes it away hides nothing. */
export const brokenSignatures = ({ materials }: Grounds): Finding[] =>
  materials.signatures
    .filter(({ holds }) => !holds)
    .map((one) => ({ ...one, ...unsignedWords(one) }))
    .map(({ component, verify, because, unchecked, says, todo }) => ({
      id: `F-signature:${component}`,
      kind: "integrity",
      status: unchecked ? "inconclusive" : "confirmed",
      severity: "error",
      title: says,
      detail: because,
      remedy: `${todo}; \`${verify}\` ${unchecked ? "asks again" : "tells all of it"}`,
      at: component,
      evidence: [],
    }));
