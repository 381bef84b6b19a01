/** The pipeline on one screen: a system file in, one Assessment out. */
import { isError, type Diagnostic } from "#base/diagnostics.ts";
import { hashOf } from "#base/hash.ts";
import { plainOf } from "#base/plain.ts";
import type { Run } from "#base/run.ts";
import {
  ASSESSMENT_FORMAT,
  type Assessment,
  type AssessmentBody,
  type BillOfMaterials,
  type ControlPlan,
  type Knowledge,
  type System,
  type Trial,
} from "#assessment/index.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { creditControls, planControls } from "#risk/index.ts";
import { withMethodActors } from "#system/reach.ts";
import { deriveThreats } from "#threats/engine.ts";
import { locksBeside, prepareBill } from "./bom.ts";
import { broughtEvidence } from "./bring.ts";
import { dataEvidence, evidenceOf, inconclusiveEvidence, scanEvidence } from "./conclude.ts";
import { checkDatasets } from "./data.ts";
import { certifiedIn, judgeSystem } from "./judge.ts";
import type { Materials } from "#claims/materials.ts";
import { counted } from "#claims/rated.ts";
import { materialsOf } from "./materials.ts";
import { measureTrials } from "./measure.ts";
import { gatePower, LEFT_OUT, plan } from "./plan.ts";
import { readSystemFile } from "./read.ts";
import { scanArtefacts } from "./scan.ts";

export interface AssessRequest {
  readonly text: string;
  /** How the system file is called in messages. */
  readonly file: string;
  readonly version: string;
  readonly platform: string;
  readonly seed: string;
  readonly asOf: string;
  readonly fresh: boolean;
  readonly samples?: number;
  readonly queries?: number;
  readonly only?: readonly string[];
  readonly command: string;
  /** Units per shard; default: by their cost. No result depends on it. */
  readonly shardUnits?: number;
  readonly started: string;
  /** One finished stage, for people. */
  readonly tell: (mark: "done" | "warning" | "waiting", stage: string, text: string) => void;
}

export type AssessResult =
  | { readonly status: "refused"; readonly diagnostics: readonly Diagnostic[] }
  | {
      readonly status: "assessed";
      readonly assessment: Assessment;
      readonly cancelled: boolean;
      /** The bill of materials that `assessment.body.bom` names, as text. */
      readonly bom?: string;
    };

/** Assesses a system. Cancelling keeps what was measured: the rest is "untested: cancelled". */
export async function assess(run: Run, request: AssessRequest): Promise<AssessResult> {
  const began = run.ports.clock.monotonic();
  const knowledge = loadKnowledge();
  const reading = await readSystemFile(request.text, request.file, knowledge, run.ports.files, request.asOf);
  if (!reading.system || reading.diagnostics.some(isError))
    return { status: "refused", diagnostics: reading.diagnostics };
  const system = withMethodActors(reading.system);
  request.tell(
    "done",
    "system",
    `${counted(system.components.length, "component")}, ${counted(system.components.filter(({ model }) => model).length, "model")}, ${system.boundaries.length === 1 ? "1 boundary" : `${system.boundaries.length} boundaries`} – ${system.law.listing}`,
  );

  const derived = deriveThreats(system, knowledge, { closures: [] });
  request.tell(
    "done",
    "threats",
    `${derived.threats.length} kept in ${new Set(derived.threats.map(({ group }) => group)).size} groups · ${derived.discarded.length} set aside, each with its reason`,
  );

  const planned = await plan(system, run.ports.files, {
    seed: request.seed,
    samples: request.samples,
    queries: request.queries,
    only: request.only,
    runtimeVersion: run.ports.models.runtimeVersion,
    scannerRevision: run.ports.scanner?.revision,
  });
  const locks = await locksBeside(run.ports.files);
  const looked = await materialsOf(system, locks, run.ports, request.asOf);
  tellMaterials(looked, request.tell);
  const brought = await broughtEvidence(system, knowledge, planned.files, run.ports.files, request.asOf);
  if (brought.evidence.length > 0)
    request.tell(
      "done",
      "evidence",
      `${brought.evidence.length} brought along, ${brought.evidence.filter(({ standing }) => standing.status === "current").length} in date and of this version`,
    );

  for (const { message, hint } of brought.diagnostics)
    request.tell("warning", "evidence", hint ? `${message} – ${hint}` : message);

  const [scanned, measured, checked, bill] = await Promise.all([
    scanArtefacts(run, planned.scans, request),
    measureTrials(run, planned.trials, request),
    checkDatasets(run, planned.data, request),
    prepareBill({
      system: reading.system,
      files: run.ports.files,
      rules: run.ports.bomRules,
      fingerprints: planned.fingerprints,
      locks,
      version: request.version,
      asOf: request.asOf,
    }),
  ]);
  const materials: Materials = bill ? { ...looked, bill: bill.counted } : looked;
  const evidence = [
    ...measured.results.map(({ trial, result }) => evidenceOf(trial, result, system, request.version)),
    ...scanned.results.map(({ trial, result }) => scanEvidence(trial, result, system, request.version)),
    ...checked.results.map(({ trial, result }) => dataEvidence(trial, result, system, request.version)),
    ...[...planned.impossible, ...measured.untested, ...scanned.untested, ...checked.untested].map(
      ({ trial, because }) => inconclusiveEvidence(trial, because, system, request.version),
    ),
    ...brought.evidence,
  ];
  const available = new Map(measured.results.map(({ trial, result }) => [trial.id, result.available]));
  const trials = [...planned.trials, ...planned.scans, ...planned.data, ...planned.impossible].map(({ trial }) =>
    resolved(trial, available.get(trial.id)),
  );
  const { notFeasible, ...judged } = judgeSystem({
    system,
    knowledge,
    derived,
    trials,
    evidence,
    mismatches: planned.mismatches,
    materials,
    asOf: request.asOf,
    seed: request.seed,
  });

  const chosen = await planControls({
    system,
    knowledge,
    threats: derived.threats,
    trials,
    evidence: judged.evidence,
    asOf: request.asOf,
    seed: request.seed,
    certified: certifiedIn,
    rating: { risks: judged.risks, credits: creditControls({ system, evidence: judged.evidence, knowledge }) },
    solver: run.ports.solver,
    notFeasible,
    ...(system.components.length <= SOLVED_COMPONENTS ? { points: 2 } : { points: 1, curve: "greedy" as const }),
  });
  const controlPlan = chosen.status === "planned" ? chosen.plan : undefined;

  const cancelled = measured.cancelled || scanned.cancelled || checked.cancelled;
  const leftOut = [
    ...(measured.cancelled ? measured.untested : []),
    ...(scanned.cancelled ? scanned.untested : []),
    ...(checked.cancelled ? checked.untested : []),
    ...planned.impossible.filter(({ because }) => because === LEFT_OUT),
  ].map(({ trial }) => trial.id);
  const judgedBody: Omit<AssessmentBody, "bom"> = {
    tool: { name: "vauban", version: request.version },
    seed: request.seed,
    asOf: request.asOf,
    knowledge: cited(knowledge, { ...judged, controlPlan }, system),
    system,
    systemHash: hashOf(withoutPlaces(system)),
    ...judged,
    ...(controlPlan ? { plan: controlPlan } : {}),
    trials,
    ...(leftOut.length > 0
      ? { partial: { reason: cancelled ? "cancelled by the user" : "limited by --only", untested: leftOut } }
      : {}),
    warnings: [...reading.diagnostics, ...brought.diagnostics].map(({ code, message, hint, span }) => ({
      code,
      message,
      hint,
      span,
    })),
  };
  const made = bill?.finish(judgedBody);
  const body: AssessmentBody = made ? { ...judgedBody, bom: made.bill } : judgedBody;
  if (made) tellBill(made.bill, request.tell);
  const plainBody = plainOf(body);
  const hash = hashOf(plainBody);
  const assessment: Assessment = {
    format: ASSESSMENT_FORMAT,
    hash,
    body: plainBody,
    run: {
      id: `${request.started.replace(/[:.]/g, "-")}-${hash.slice(0, 8)}`,
      started: request.started,
      seconds: (run.ports.clock.monotonic() - began) / 1000,
      platform: request.platform,
      runtime: run.ports.models.runtimeVersion,
      workers: run.ports.models.workers,
      reused: [...measured.reused, ...scanned.reused, ...checked.reused].toSorted(),
      // Nothing in this version can make one: there is no port for it, and the runtime's telemetry is switched off (host/).
      requestsOut: 0,
      command: request.command,
      trialSeconds: { ...measured.seconds, ...scanned.seconds },
    },
  };
  return { status: "assessed", assessment, cancelled, ...(made?.text !== undefined && { bom: made.text }) };
}

function tellBill(bill: BillOfMaterials, tell: AssessRequest["tell"]): void {
  if (bill.status === "not made") return tell("warning", "materials", `no bill of materials: ${bill.because}`);
  const { models, datasets, libraries, services, others, specification, gaps } = bill;
  tell(
    "done",
    "materials",
    `${counted(models, "model")}, ${counted(datasets, "data set")}, ${counted(libraries, "package")}, ${counted(services, "service")}, ${counted(others, "other part")} as ${specification}; ${counted(gaps, "thing")} not known of them`,
  );
}

function tellMaterials({ locks, signatures }: Materials, tell: AssessRequest["tell"]): void {
  for (const { path, signer, holds, unchecked, because, files } of signatures)
    if (holds) tell("done", "signature", `${path} – ${files} file${files === 1 ? "" : "s"} as signed by ${signer}`);
    else if (unchecked) tell("warning", "signature", `${path} – its signature could not be checked: ${because}`);
    else tell("warning", "signature", `${path} – not as signed by ${signer}: ${because}`);
  for (const lock of locks)
    if (lock.status === "unread") tell("warning", "libraries", `${lock.path} was not read: ${lock.because}`);
    else
      tell(
        "done",
        "libraries",
        `${lock.path} – ${lock.packages} packages, ${lock.pinned} pinned to a version, ${lock.hashed} to digests`,
      );
}

/** "This many, or all data": which of the two it came to, once the data were opened. */
function resolved(trial: Trial, available: number | undefined): Trial {
  if (!available || available >= trial.planned) return trial;
  return { ...trial, planned: available, power: gatePower(available) };
}

/** The entries an assessment cites, so that it prints again without this repository. */
function cited(
  knowledge: Knowledge,
  judged: {
    threats: readonly { type: string }[];
    discarded: readonly { type: string }[];
    claims: readonly { clause: string }[];
    matrix: readonly { controls: readonly string[] }[];
    controlPlan: ControlPlan | undefined;
  },
  system: System,
): Knowledge {
  const threats = new Set([...judged.threats, ...judged.discarded].map(({ type }) => type));
  const controls = new Set([
    ...system.controls.map(({ control }) => control),
    ...judged.matrix.flatMap((cell) => cell.controls.map((name) => name.slice(0, 4))),
    ...namedBy(judged.controlPlan),
  ]);
  const clauses = new Set(judged.claims.map(({ clause }) => clause));
  const profiles = new Set(system.actors.map(({ profile }) => profile));
  return {
    ...knowledge,
    threats: knowledge.threats.filter(({ id }) => threats.has(id)),
    controls: knowledge.controls.filter(({ id }) => controls.has(id)),
    clauses: knowledge.clauses.filter(({ id }) => clauses.has(id)),
    profiles: knowledge.profiles.filter(({ id }) => profiles.has(id)),
    sectors: knowledge.sectors.filter(({ id }) => id === system.sector),
  };
}

/** Up to so many components the points of the plan's curve are solved, beyond that greedy; `vauban plan` draws more. */
const SOLVED_COMPONENTS = 60;

const namedBy = (plan: ControlPlan | undefined): string[] => [
  ...(plan?.controls ?? []).map(({ control }) => control),
  ...(plan?.left ?? []).flatMap(({ alternatives }) => alternatives.map(({ control }) => control)),
  ...(plan?.notFeasible?.conflict.limits ?? []).map(({ control }) => control),
];

/** A system's content without the places of its lines: moving a comment is not changing the system. */
export function withoutPlaces(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPlaces);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== "where" && key !== "thresholdWhere")
      .map(([key, member]) => [key, withoutPlaces(member)]),
  );
}
