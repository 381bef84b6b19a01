/** Evidence from elsewhere – scans, VEX, signed statements – graded, dated and held to the deployed version (METHOD §6, §7). */
import type {
  Control,
  DeclaredControl,
  Evidence,
  Grade,
  ImportedSource,
  Knowledge,
  System,
} from "#assessment/index.ts";
import type { Diagnostic } from "#base/diagnostics.ts";
import { sha256 } from "#base/hash.ts";
import { clopperPearson } from "#base/statistics.ts";
import { complaint, held, kindOf, parseJson, short, type Origin } from "./document.ts";
import { placeTitle, sealed, type Imported } from "./evidence.ts";
import { fromSarif } from "./sarif.ts";
import { otherVersion, outOfDate, standingOf, type Artefacts } from "./standing.ts";
import {
  signatureOf,
  statementSchema,
  verifyEd25519,
  type Signed,
  type Statement,
  type VerifySignature,
} from "./statement.ts";
import { fromVex } from "./vex.ts";

export type { Imported } from "./evidence.ts";
export type { Artefacts } from "./standing.ts";
export { STATEMENT_FORMAT, statementSchema, verifyEd25519, type Statement, type VerifySignature } from "./statement.ts";

interface Grounds {
  readonly system: System;
  readonly knowledge: Knowledge;
  /** The day validity is judged on, YYYY-MM-DD. */
  readonly asOf: string;
  /** Digests of the deployed artefacts by component, where the caller has computed them. */
  readonly artefacts?: Artefacts;
  /** Package URLs of what the system's lock files pin, as its bill of materials calls them. */
  readonly packages?: ReadonlySet<string>;
  readonly verify?: VerifySignature;
}

const FORMAT_WORDS = {
  sarif: "a SARIF log",
  vex: "a CycloneDX document",
  statement: "a vauban statement",
} as const;

/** Reads one import of the system file. A document that cannot be read gives no evidence and says why; a weak one gives evidence that says so itself. */
export async function importEvidence({
  format,
  bytes,
  source,
  ...grounds
}: Grounds & {
  readonly format: ImportedSource["format"];
  readonly bytes: Uint8Array;
  readonly source: ImportedSource;
}): Promise<Imported> {
  const origin: Origin = { path: source.path, where: source.where };
  const parsed = parseJson(bytes, origin);
  if (!parsed.ok) return { evidence: [], diagnostics: parsed.diagnostics };
  const found = kindOf(parsed.value);
  if (found !== undefined && found !== format)
    return {
      evidence: [],
      diagnostics: [
        complaint(
          "E603",
          origin,
          `it is ${FORMAT_WORDS[found]}, not ${FORMAT_WORDS[format]}`,
          `write ${found}: ${source.path}`,
        ),
      ],
    };
  const context = {
    origin,
    source: source.id,
    sha256: sha256(bytes),
    tests: source.for,
    at: source.at,
    system: grounds.system,
    asOf: grounds.asOf,
    artefacts: grounds.artefacts,
    packages: grounds.packages,
  };
  switch (format) {
    case "sarif":
      return fromSarif(parsed.value, context);
    case "vex":
      return fromVex(parsed.value, context);
    case "statement":
      return fromImportedStatement(parsed.value, { origin, source, digest: context.sha256, grounds });
  }
}

/**
 * The evidence a declared control names. `bytes` is absent where it names no file. Verified needs a denial test, measured
 * needs the attack with the control on and off; anything else that is brought is a declaration and earns nothing.
 */
export async function controlEvidence({
  bytes,
  control,
  ...grounds
}: Grounds & { readonly bytes: Uint8Array | undefined; readonly control: DeclaredControl }): Promise<Imported> {
  const path = control.evidence ?? control.id;
  const origin: Origin = { path, where: control.where };
  const title = `${control.control} at ${placeTitle(control.at, grounds.system)}`;
  const words = (because: string, notes: readonly string[] = []): Evidence =>
    sealed({
      kind: "declared",
      grade: "E",
      title: `${title}: declared`,
      tests: [],
      at: control.at,
      control: control.control,
      outcome: { status: "inconclusive", because },
      sanity: [],
      adaptive: false,
      tool: { name: "declaration", version: "1" },
      inputs: bytes ? [{ role: "document", sha256: sha256(bytes) }] : [],
      ...(control.date !== undefined && { date: control.date }),
      // Words earn nothing in date or out of it; an old date is still worth saying.
      standing: standingOf(
        control.date === undefined
          ? undefined
          : outOfDate({ date: control.date }, grounds.asOf, catalogued(control.control, grounds)),
      ),
      ...(control.evidence !== undefined && { source: control.evidence }),
      notes: [...notes],
    });
  if (control.kind === "declared")
    return {
      evidence: [
        words(
          "declared: a document, a date or a certificate tries nothing",
          control.evidence === undefined ? [] : [short(control.evidence, 500)],
        ),
      ],
      diagnostics: [],
    };
  if (!bytes)
    return {
      evidence: [],
      diagnostics: [
        complaint(
          "E604",
          origin,
          `${title} is called ${control.kind} and names no evidence`,
          "name the statement of the test, or call it declared",
        ),
      ],
    };
  const parsed = parseJson(bytes, origin);
  if (!parsed.ok) return { evidence: [], diagnostics: parsed.diagnostics };
  if (kindOf(parsed.value) !== "statement")
    return {
      evidence: [],
      diagnostics: [
        complaint(
          "E603",
          origin,
          "evidence of a control is a vauban statement",
          "see `vauban schema statement`; a scan or a VEX belongs under imports:",
        ),
      ],
    };
  const read = held(statementSchema, parsed.value, origin, "a statement (`vauban schema statement`)");
  if (!read.ok) return { evidence: [], diagnostics: read.diagnostics };
  const statement = read.value;
  const diagnostics: Diagnostic[] = [];
  const signed = await signatureOf(parsed.value, statement, grounds.verify ?? verifyEd25519);
  const kind = earnedKind(control.kind, statement);
  if (kind === "declared")
    diagnostics.push(
      complaint(
        "W613",
        origin,
        `${title} is called ${control.kind}, and the statement is a ${statement.kind}: it counts as a declaration`,
        control.kind === "verified"
          ? "bring a denial test: attempts that must be refused, with n and date"
          : "bring a measurement with the control on and off",
      ),
    );
  diagnostics.push(...strangers(statement, grounds, origin));
  const onlyOn = kind === "measured" && statement.kind !== "detection" && statement.without === undefined;
  const tested = catalogued(control.control, grounds);
  const blind = statement.kind === "detection" && tested !== undefined && !tested.verbs.includes("detect");
  const evidence = fromStatement(statement, {
    signed,
    kind,
    control: tested,
    title: `${title}: ${statement.kind.replace("-", " ")} by ${short(statement.by, 80)}`,
    tests: statement.threats ?? [],
    at: control.at,
    source: path,
    digest: sha256(bytes),
    grounds,
    reasons: [
      statement.control === undefined
        ? `it does not say that it tested ${control.control}`
        : statement.control !== control.control
          ? `it speaks of ${statement.control}, not of ${control.control}`
          : undefined,
      statement.at !== control.at ? `it speaks of "${statement.at}", not of "${control.at}"` : undefined,
      control.date !== undefined && statement.date !== undefined && !agree(control.date, statement.date)
        ? `it is dated ${statement.date}; the system file says ${control.date}`
        : undefined,
    ],
    ...(onlyOn && { because: "no figure with the control off is given, so its effect cannot be told" }),
    ...(blind && { because: `${control.control} is no control that detects` }),
  });
  return { evidence: [sealed({ ...evidence, control: control.control })], diagnostics };
}

/** Dates of different precision agree where the shorter one is the start of the longer. */
const agree = (a: string, b: string): boolean => a.startsWith(b) || b.startsWith(a);

const catalogued = (id: string | undefined, { knowledge }: Grounds): Control | undefined =>
  knowledge.controls.find((control) => control.id === id);

/** What the statement can carry for a control, whatever the system file calls it (METHOD §6). */
function earnedKind(claimed: "measured" | "verified", { kind }: Statement): "measured" | "verified" | "declared" {
  if (kind === "denial") return "verified";
  return claimed === "measured" && (kind === "measurement" || kind === "penetration-test" || kind === "detection")
    ? "measured"
    : "declared";
}

/** What a statement writes that is about all of the system. */
const SYSTEM = "system";

async function fromImportedStatement(
  value: unknown,
  { origin, source, digest, grounds }: { origin: Origin; source: ImportedSource; digest: string; grounds: Grounds },
): Promise<Imported> {
  const read = held(statementSchema, value, origin, "a statement (`vauban schema statement`)");
  if (!read.ok) return { evidence: [], diagnostics: read.diagnostics };
  const statement = read.value;
  const signed = await signatureOf(value, statement, grounds.verify ?? verifyEd25519);
  const diagnostics = strangers(statement, grounds, origin);
  const isDeclared = grounds.system.components.some(({ id }) => id === SYSTEM);
  const place = statement.at === SYSTEM && !isDeclared ? undefined : statement.at;
  const said = statement.threats;
  const unsaid = said ? source.for.filter((threat) => !said.includes(threat)) : [];
  if (unsaid.length > 0)
    diagnostics.push(
      complaint(
        "W614",
        origin,
        `it says nothing about ${unsaid.join(", ")}: it is taken for ${said!.join(", ")} only`,
        "list under for: what the statement is about",
      ),
    );
  const tests = said
    ? source.for.length > 0
      ? source.for.filter((threat) => said.includes(threat))
      : said
    : source.for;
  const evidence = fromStatement(statement, {
    signed,
    kind: "imported",
    control: undefined,
    title: `${WORDS[statement.kind]} of ${placeTitle(place, grounds.system)} by ${short(statement.by, 80)}`,
    tests,
    at: source.at ?? place,
    source: source.id,
    digest,
    grounds,
    reasons: [
      source.at !== undefined && source.at !== place
        ? `it speaks of "${statement.at}", not of "${source.at}"`
        : undefined,
    ],
  });
  return { evidence: [sealed(evidence)], diagnostics };
}

const WORDS: Readonly<Record<Statement["kind"], string>> = {
  denial: "Denial test",
  measurement: "Measurement",
  "penetration-test": "Penetration test",
  detection: "Detection exercise",
  scan: "Scan",
  review: "Review",
};

/** Actors the statement binds that the system does not know: a slip here would hold nobody. */
function strangers({ binds }: Statement, { system }: Grounds, origin: Origin): Diagnostic[] {
  const known = new Set(system.actors.map(({ id }) => id));
  const unknown = (binds ?? []).filter((actor) => !known.has(actor));
  return unknown.length === 0
    ? []
    : [
        complaint(
          "W615",
          origin,
          `/binds: the system declares no actor ${unknown
            .slice(0, 8)
            .map((actor) => `"${short(actor, 60)}"`)
            .join(", ")}`,
          "use the keys of actors: in the system file",
        ),
      ];
}

interface Reading {
  readonly signed: Signed;
  readonly kind: "verified" | "measured" | "declared" | "imported";
  readonly control: Control | undefined;
  readonly title: string;
  readonly tests: readonly string[];
  /** Absent for the whole system. */
  readonly at: string | undefined;
  readonly source: string;
  readonly digest: string;
  readonly grounds: Grounds;
  /** Reasons, each already a sentence, why it is stale whatever its dates. */
  readonly reasons: readonly (string | undefined)[];
  /** Why it concludes nothing, where that is known beforehand. */
  readonly because?: string;
}

function fromStatement(statement: Statement, reading: Reading): Omit<Evidence, "id"> {
  const { signed, kind, grounds, at } = reading;
  const { n, successes: k, unit, method, subject } = statement;
  const invalid = signed.signature === "invalid" ? "signature invalid" : undefined;
  const otherSubject = otherVersion(
    {
      ...(subject?.component !== undefined && { component: subject.component }),
      versions: subject?.version === undefined ? [] : [subject.version],
      sha256: subject?.sha256 === undefined ? [] : [subject.sha256],
    },
    at,
    grounds.system,
    grounds.artefacts,
  );
  // "Adaptive" is not the author's to say (METHOD §2): it is taken only from somebody independent whose signature holds.
  const adaptive =
    statement.adaptive && statement.independent && signed.signature === "verified" && TRIED.has(statement.kind);
  const because =
    kind === "declared"
      ? `a ${statement.kind} is no test of a control`
      : n === 0
        ? "nothing was tried: n is 0"
        : statement.kind === "detection" && kind !== "measured"
          ? "a detection speaks of a control: name it under controls:, measured"
          : reading.because;
  const date = statement.date;
  return {
    kind,
    grade: otherSubject === undefined ? gradeOf(statement, signed, kind) : "F",
    title: reading.title,
    tests: [...reading.tests],
    ...(at === undefined ? {} : { at }),
    ...(statement.binds && { binds: [...statement.binds] }),
    outcome:
      because !== undefined
        ? { status: "inconclusive", because }
        : statement.kind === "scan"
          ? { status: "measured", measure: { kind: "scan", tool: short(method), results: n, open: k, notes: [] } }
          : {
              status: "measured",
              measure: {
                kind: "statement",
                successes: { k, n, unit, ...clopperPearson(k, n) },
                method,
                adaptive,
                ...(statement.response && { response: statement.response }),
              },
            },
    sanity: [],
    adaptive,
    tool: { name: "statement", version: "1" },
    inputs: [
      { role: "statement", sha256: reading.digest },
      ...(subject?.sha256 === undefined ? [] : [{ role: "artefact", sha256: subject.sha256 }]),
    ],
    ...(date !== undefined && { date }),
    ...(statement.validUntil !== undefined && { validUntil: statement.validUntil }),
    standing: standingOf(
      invalid,
      ...reading.reasons,
      otherSubject,
      outOfDate(statement, grounds.asOf, reading.control),
    ),
    source: reading.source,
    by: statement.by,
    signature: signed.signature,
    notes: notesOf(statement, signed, adaptive),
  };
}

/** Kinds in which somebody attacked. */
const TRIED: ReadonlySet<Statement["kind"]> = new Set(["denial", "measurement", "penetration-test", "detection"]);

/** C at best: whose key signed it and how adaptive the test was, only a person can say. E is somebody's word. */
function gradeOf({ kind: tried }: Statement, { signature }: Signed, kind: Reading["kind"]): Grade {
  if (signature === "invalid") return "F";
  if (tried === "review" || kind === "declared") return "E";
  if (kind === "imported" && signature !== "verified") return "E";
  return "C";
}

function notesOf(statement: Statement, { signature, key }: Signed, adaptive: boolean): string[] {
  const { without } = statement;
  return [
    statement.claim,
    signature === "verified"
      ? `signed with the Ed25519 key whose SHA-256 starts ${key}: the text is unaltered; whose key that is, only a person can say`
      : signature === "invalid"
        ? "its signature does not hold: the text was altered, or the key is another"
        : "unsigned: nobody can show that the text is as its author wrote it",
    statement.independent ? "made by somebody called independent" : "made by those who built the system",
    ...(statement.adaptive && !adaptive
      ? ["called adaptive; that counts only from an independent party whose signature holds"]
      : []),
    ...(without
      ? [
          `with the control off ${without.successes} of ${without.n} succeeded, with it on ${statement.successes} of ${statement.n}`,
        ]
      : []),
  ];
}
