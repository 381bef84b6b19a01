/**
 * The bill of materials of a system as CycloneDX 1.6 or 1.7: what the system file says, the hashes of the files as they lie there, the
 * packages of lock files, and of an assessment what was measured on these very files. The same input gives the same text, byte by byte.
 */
import type { Assessment, Component, ComponentKind, Dataset, Evidence, System, Trial } from "#assessment/index.ts";
import { canonical } from "#base/canonical.ts";
import type { CycloneDxVersion } from "#formats/cyclonedx.ts";
import { provenanceGaps, type Gap } from "#system/suppliers.ts";
import type { Locked, LockedPackage } from "./packages.ts";
import { purl } from "./packages.ts";
import { serialNumberOf, type Json } from "./serial.ts";
import { vulnerabilitiesOf } from "./vex.ts";

/** A file as it lies there. */
export interface FileFact {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/** What was found at a path that the system file names. */
export interface Artefact {
  /** The path itself, or every file of the folder it is. */
  readonly files: readonly FileFact[];
  readonly folder: boolean;
  /** adapter_config.json beside it (PEFT): the model is an adapter over another. */
  readonly adapter?: { readonly base: string; readonly revision?: string; readonly method?: string };
}

export interface LockFile {
  readonly path: string;
  readonly sha256: string;
  readonly locked: Locked;
}

export interface BomInput {
  readonly system: System;
  readonly version: CycloneDxVersion;
  readonly tool: { readonly name: string; readonly version: string };
  /** By path as the system file names it. */
  readonly artefacts: ReadonlyMap<string, Artefact>;
  readonly locks: readonly LockFile[];
  /** Ids of the SPDX list: what is none of them is written as a name. */
  readonly licences: ReadonlySet<string>;
  readonly assessment?: Assessment;
  /** The assessment is of another state of the system file. */
  readonly otherSystem?: boolean;
  /** Puts `vulnerabilities` in: what the assessment judged. */
  readonly vex?: boolean;
  /** The day it speaks of (YYYY-MM-DD); without one no time stands in it. */
  readonly asOf?: string;
}

export interface Bom {
  readonly document: Json;
  /** What a reader of the document should know is missing. */
  readonly gaps: readonly Gap[];
  /** Parts of the system file that a bill of materials has no place for. */
  readonly left: readonly { readonly section: string; readonly entries: number; readonly because: string }[];
  /** Files that are not what the system file declares. */
  readonly changed: readonly {
    readonly at: string;
    readonly path: string;
    readonly declared: string;
    readonly found: string;
  }[];
}

/** What a component is in CycloneDX: something one talks to, or a part; a person is neither. */
const FORM: Readonly<
  Record<ComponentKind, "service" | "person" | "application" | "device" | "platform" | "machine-learning-model">
> = {
  model: "machine-learning-model",
  interface: "service",
  database: "service",
  monitoring: "service",
  external: "service",
  sensor: "device",
  actuator: "device",
  network: "device",
  compute: "platform",
  preprocessing: "application",
  human: "person",
};

/** Lifecycle phases of CycloneDX that mean the stage; the others are named. */
const PHASES: Readonly<Partial<Record<System["stage"], string>>> = {
  design: "design",
  operation: "operations",
  retirement: "decommission",
};

export const componentRef = (id: string): string => `components.${id}`;
export const datasetRef = (id: string): string => `datasets.${id}`;
export const SYSTEM_REF = "system";
const property = (name: string, value: string | number | boolean | undefined): Json[] =>
  value === undefined ? [] : [{ name: `vauban:${name}`, value: String(value) }];
const listed = <Item>(items: readonly Item[]): readonly Item[] | undefined => (items.length === 0 ? undefined : items);
const sha256Hash = (content: string): Json => ({ alg: "SHA-256", content });

/** Builds the document. Valid against the official schema of its version (the tests hold it to that). */
export function bomOf(input: BomInput): Bom {
  const { system, version, locks, assessment, asOf } = input;
  const gaps: Gap[] = [...provenanceGaps(system, asOf)];
  const changed: Bom["changed"][number][] = [];
  if (assessment && input.otherSystem)
    gaps.push({
      at: "assessment",
      missing: "it is of another state of the system file",
      remedy: "vauban assess again, and take its assessment.json",
    });
  const measured = assessment && measurementsOf(input, assessment, gaps);
  const zones = zonesOf(system);
  const components = system.components.filter(({ kind }) => FORM[kind] !== "service" && FORM[kind] !== "person");
  const services = system.components.filter(({ kind }) => FORM[kind] === "service");
  const libraries = librariesOf(input, gaps);
  const body: Json = {
    metadata: {
      timestamp: asOf === undefined ? undefined : `${asOf}T00:00:00Z`,
      lifecycles: [PHASES[system.stage] === undefined ? { name: system.stage } : { phase: PHASES[system.stage] }],
      tools: { components: [{ type: "application", ...input.tool }] },
      component: {
        type: "application",
        "bom-ref": SYSTEM_REF,
        name: system.name,
        version: system.version,
        description: system.purpose,
        properties: [
          ...property("sector", system.sector),
          ...property("law.role", system.law.role),
          ...property("law.listing", system.law.listing),
          ...property("stage", system.stage),
          ...property("environment", system.environment),
          ...property("synthetic", system.synthetic || undefined),
        ],
      },
    },
    components: [
      ...components.map((component) => {
        const part = component.model
          ? modelOf(component, input, zones, measured?.get(component.id) ?? [], changed, gaps)
          : partOf(component, zones, system);
        const files = loadedFrom(component, input, changed, gaps);
        return files.length === 0
          ? part
          : { ...part, components: [...((part["components"] as Json[] | undefined) ?? []), ...files] };
      }),
      // A service holds no components: what it is loaded from stands beside it.
      ...services.flatMap((component) => loadedFrom(component, input, changed, gaps)),
      ...system.datasets.map((dataset) => dataOf(dataset, input, changed, gaps)),
      ...libraries.components,
    ],
    services: listed(services.map((component) => serviceOf(component, system, zones))),
    dependencies: dependenciesOf(system, libraries),
    vulnerabilities:
      input.vex && assessment
        ? listed(
            vulnerabilitiesOf(
              assessment,
              refsOf(system),
              outdatedOf(system, input.artefacts, assessment.body),
              (ref) => ref,
            ),
          )
        : undefined,
    properties: listed(
      locks.flatMap(({ path, sha256, locked }) => property(`lock:${path}`, `${locked.format}, SHA-256 ${sha256}`)),
    ),
  };
  const plain = JSON.parse(JSON.stringify(body, wellFormed)) as Json;
  if (locks.length === 0)
    gaps.push({
      at: "libraries",
      missing: "no lock file was read: libraries are not in the list",
      remedy: "put the lock file beside the system file, or name it with --lock",
    });
  return {
    document: {
      $schema: `http://cyclonedx.org/schema/bom-${version}.schema.json`,
      bomFormat: "CycloneDX",
      specVersion: version,
      serialNumber: serialNumberOf({ version, ...plain }),
      version: 1,
      ...plain,
    },
    gaps,
    left: leftOf(system),
    changed,
  };
}

/** What a reference of the system file is called in the document; undefined for what is not in it. */
export function refsOf(system: System): (at: string | undefined) => string | undefined {
  const forms = new Map(system.components.map(({ id, kind }) => [id, FORM[kind]]));
  return (at) => {
    if (at === undefined || at === "system") return SYSTEM_REF;
    const form = forms.get(at);
    return form === undefined || form === "person" ? undefined : componentRef(at);
  };
}

/** Half a surrogate pair is no text (RFC 8785); a lock file may hold one. */
const wellFormed = (_: string, value: unknown): unknown => (typeof value === "string" ? value.toWellFormed() : value);

// ---------------------------------------------------------------- components and services

type Zones = ReadonlyMap<string, string>;
const zonesOf = (system: System): Zones =>
  new Map(system.boundaries.flatMap(({ id, components }) => components.map((component) => [component, id] as const)));

function base({ id, kind, title, version, note }: Component, zones: Zones): Json {
  return {
    "bom-ref": componentRef(id),
    name: title,
    version,
    description: note,
    properties: [...property("id", id), ...property("kind", kind), ...property("boundary", zones.get(id))],
  };
}

const partOf = (component: Component, zones: Zones, system: System): Json => ({
  type: FORM[component.kind],
  ...base(component, zones),
  supplier: supplierOf(system, component.id),
});

function supplierOf({ suppliers = [] }: System, part: string, named?: string): Json | undefined {
  const found =
    suppliers.find(({ supplies }) => supplies.includes(part)) ??
    suppliers.find(({ id, title }) => named !== undefined && (id === named || title === named));
  const name = found?.title ?? named;
  return name === undefined ? undefined : { name };
}

function serviceOf(component: Component, system: System, zones: Zones): Json {
  const { id, kind } = component;
  const zone = zones.get(id);
  const refOf = refsOf(system);
  const flows = system.flows.filter(({ from, to }) => from === id || to === id);
  const title = new Map(system.components.map((one) => [one.id, one.title]));
  return {
    ...base(component, zones),
    provider: supplierOf(system, id) ?? (kind === "external" ? { name: component.title } : undefined),
    authenticated: flows.length > 0 && flows.every(({ authenticated }) => authenticated),
    "x-trust-boundary": flows.some(({ from, to }) => zones.get(from) !== zones.get(to)),
    trustZone: zone,
    data: listed(
      inOrder(
        flows.map(({ from, to, carries, over, signed, encrypted, authenticated }) => {
          const [source, destination] = [refOf(from), refOf(to)];
          const qualities = [
            `${title.get(from) ?? from} to ${title.get(to) ?? to}`,
            over === undefined ? "" : `over ${over}`,
            signed ? "signed" : "",
            encrypted ? "encrypted" : "",
            authenticated ? "authenticated" : "",
          ];
          return {
            flow: to === id ? "inbound" : "outbound",
            classification: classificationOf(carries, system),
            name: carries.length === 0 ? undefined : carries.join(", "),
            description: qualities.filter((one) => one !== "").join("; "),
            source: source === undefined ? undefined : [source],
            destination: destination === undefined ? undefined : [destination],
          };
        }),
      ),
    ),
  };
}

/** By their words and once each: the order of flows in a system file says nothing. */
function inOrder(items: readonly Json[]): Json[] {
  const byWords = new Map(items.map((item) => [JSON.stringify(item), item]));
  return [...byWords].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, item]) => item);
}

/** How the author values what flows; words that are no declared asset or dataset are not valued. */
function classificationOf(carries: readonly string[], { assets, datasets }: System): string {
  const those = assets.filter(({ id }) => carries.includes(id));
  const personal =
    those.some((asset) => asset.personal) || datasets.some(({ id, personal: is }) => is && carries.includes(id));
  const valued = those.map(
    ({ id, security, privacy, personal: is }) =>
      `${id}: security ${security}, privacy ${privacy}${is ? ", personal" : ""}`,
  );
  return [...(personal ? ["personal data"] : []), ...valued].join("; ") || "not classified";
}

function modelOf(
  component: Component,
  input: BomInput,
  zones: Zones,
  metrics: readonly Json[],
  changed: Bom["changed"][number][],
  gaps: Gap[],
): Json {
  const { system, licences } = input;
  const { id } = component;
  const model = component.model!;
  const { origin, training } = model;
  const start = base(component, zones);
  const artefact = model.artefact === undefined ? undefined : input.artefacts.get(model.artefact);
  const known = new Set(system.datasets.map((dataset) => dataset.id));
  const untested = metrics.length === 0;
  if (untested && input.assessment)
    gaps.push({
      at: componentRef(id),
      missing: "nothing was measured on it: the model card says only what is declared",
      remedy: "vauban assess, then --assessment with its assessment.json",
    });
  return {
    type: "machine-learning-model",
    ...start,
    ...filesOf(componentRef(id), model.artefact, artefact, model.sha256, changed, gaps),
    supplier: supplierOf(system, id, origin.supplier),
    licenses: licencesOf(origin.licence, licences),
    pedigree: pedigreeOf(component, model, artefact, input.artefacts),
    modelCard: {
      modelParameters: {
        task: model.task,
        architectureFamily: model.level,
        datasets: listed(
          training.datasets.filter((name) => known.has(name)).map((name) => ({ ref: datasetRef(name) })),
        ),
        inputs: model.input && [
          {
            format: `${model.input.layout ?? "array"}, raw values ${model.input.range.join(" to ")}${model.input.integer ? ", whole numbers" : ""}`,
          },
        ],
        outputs:
          model.classes || model.head
            ? [{ format: [model.head, model.classes?.join(", ")].filter(Boolean).join(": ") }]
            : undefined,
      },
      quantitativeAnalysis:
        metrics.length === 0 && !model.accuracy
          ? undefined
          : {
              performanceMetrics: [
                ...(model.accuracy
                  ? [
                      {
                        type: "accuracy, declared",
                        value: String(model.accuracy.declared),
                        slice: `declared by the author, on ${model.accuracy.on}`,
                      },
                    ]
                  : []),
                ...metrics,
              ],
            },
      considerations: {
        users: system.context === undefined ? undefined : [system.context],
        useCases: [system.purpose],
        technicalLimitations: listed([
          ...system.excluded.map((what) => `not meant for: ${what}`),
          ...(untested ? ["nothing measured stands in this document"] : []),
        ]),
        ethicalConsiderations: listed(system.misuse.map((name) => ({ name }))),
      },
    },
    properties: [
      ...(start["properties"] as Json[]),
      ...property("level", model.level),
      ...property("role", model.role),
      ...property("artefact", model.artefact),
      ...property("input", model.input && canonical(model.input)),
      ...property("classes", model.classes && canonical(model.classes)),
      ...property("head", model.head),
      ...property(
        "accuracy",
        model.accuracy && canonical({ declared: model.accuracy.declared, on: model.accuracy.on }),
      ),
      ...property("origin.trained-by", origin.trainedBy),
      ...property("origin.pretrained", origin.pretrained),
      ...property("training.continual", training.continual || undefined),
      ...property("training.federated", training.federated || undefined),
      ...property("training.personal-data", training.personalData || undefined),
      ...property("on-device", model.onDevice || undefined),
      ...property("tools", model.tools || undefined),
      ...property("untrusted-content", model.untrustedContent || undefined),
    ],
  };
}

/** Hashes of the file, or of every file of a folder; a declared hash that is not the file's is said, never repeated. */
function filesOf(
  at: string,
  path: string | undefined,
  artefact: Artefact | undefined,
  declared: string | undefined,
  changed: Bom["changed"][number][],
  gaps: Gap[],
): Json {
  if (path === undefined || !artefact) {
    if (path !== undefined)
      gaps.push({
        at,
        missing: `${path} was not there to be hashed`,
        remedy: "put the file where the system file says",
      });
    else if (declared === undefined)
      gaps.push({
        at,
        missing: "no file and no hash: nothing ties this entry to bytes",
        remedy: "artefact:/path:, or sha256:",
      });
    return declared === undefined ? {} : { hashes: [sha256Hash(declared)] };
  }
  if (artefact.folder)
    return {
      components: listed(
        artefact.files.map(({ path: file, sha256 }) => ({
          type: "file",
          "bom-ref": `${at}/${file}`,
          name: file,
          hashes: [sha256Hash(sha256)],
        })),
      ),
    };
  const [file] = artefact.files;
  if (!file) return {};
  if (declared !== undefined && declared !== file.sha256) changed.push({ at, path, declared, found: file.sha256 });
  return { hashes: [sha256Hash(file.sha256)] };
}

const COMMIT = /^[0-9a-f]{40}$/;
const REPOSITORY = /^[\w.-]+\/[\w.-]+$/;

/** Files a component is loaded from besides a model's own: adapters, tokenizers, packages, pretrained parts. */
function loadedFrom(
  { id, files = [] }: Component,
  { artefacts }: BomInput,
  changed: Bom["changed"][number][],
  gaps: Gap[],
): Json[] {
  const once = files.filter(({ path }, n) => files.findIndex((other) => other.path === path) === n);
  return once.map(({ path, sha256, role }) => ({
    type: "file",
    "bom-ref": `${componentRef(id)}:${path}`,
    name: path,
    ...filesOf(`${componentRef(id)}:${path}`, path, artefacts.get(path), sha256, changed, gaps),
    properties: property("role", role),
  }));
}

function pedigreeOf(
  { files = [] }: Component,
  { origin }: NonNullable<Component["model"]>,
  artefact: Artefact | undefined,
  artefacts: BomInput["artefacts"],
): Json | undefined {
  const adapter = artefact?.adapter ?? files.map(({ path }) => artefacts.get(path)?.adapter).find((one) => one);
  const ancestors: Json[] = [];
  if (origin.pretrained !== undefined)
    ancestors.push({
      type: "machine-learning-model",
      name: origin.pretrained,
      version: origin.version,
      hashes: origin.sha256 === undefined ? undefined : [sha256Hash(origin.sha256)],
    });
  for (const { path, role, sha256 } of files) {
    const found = artefacts.get(path);
    const hash = found && !found.folder ? found.files[0]?.sha256 : sha256;
    if (role === "pretrained")
      ancestors.push({
        type: "machine-learning-model",
        name: path,
        hashes: hash === undefined ? undefined : [sha256Hash(hash)],
      });
  }
  if (adapter && adapter.base !== origin.pretrained)
    ancestors.push({
      type: "machine-learning-model",
      name: adapter.base,
      version: adapter.revision,
      purl:
        adapter.revision !== undefined && COMMIT.test(adapter.revision) && REPOSITORY.test(adapter.base)
          ? purl("huggingface", adapter.base, adapter.revision)
          : undefined,
    });
  if (ancestors.length === 0) return undefined;
  return {
    ancestors,
    notes: adapter
      ? `an adapter${adapter.method === undefined ? "" : ` (${adapter.method})`} over ${adapter.base}`
      : undefined,
  };
}

function dataOf(dataset: Dataset, input: BomInput, changed: Bom["changed"][number][], gaps: Gap[]): Json {
  const { id, title, path, labels, role, personal, sha256, provenance } = dataset;
  const artefact = path === undefined ? undefined : input.artefacts.get(path);
  const supplier = provenance?.suppliers[0] ?? undefined;
  const owners = provenance?.suppliers.map((name) => ({
    organization: { name: input.system.suppliers?.find((one) => one.id === name)?.title ?? name },
  }));
  return {
    type: "data",
    "bom-ref": datasetRef(id),
    name: title,
    version: provenance?.version,
    ...filesOf(datasetRef(id), path, artefact, sha256, changed, gaps),
    supplier: supplierOf(input.system, id, supplier),
    licenses: licencesOf(provenance?.licence, input.licences),
    data: [
      {
        type: "dataset",
        name: title,
        contents: path === undefined ? undefined : { url: encodeURI(path) },
        classification: personal ? "personal data" : "no personal data declared",
        sensitiveData: personal ? ["personal data"] : undefined,
        description: provenance ? `from ${provenance.source}` : undefined,
        governance: owners && owners.length > 0 ? { owners } : undefined,
      },
    ],
    properties: [
      ...property("id", id),
      ...property("role", role),
      ...property("source", provenance?.source),
      ...property("collected", provenance?.collected),
      ...property("path", path),
      ...property("labels", labels),
    ],
  };
}

/** An SPDX id, an SPDX expression, or a name – whatever of these the words are. */
export function licencesOf(words: string | undefined, known: ReadonlySet<string>): Json[] | undefined {
  if (words === undefined) return undefined;
  const trimmed = words.trim();
  if (known.has(trimmed)) return [{ license: { id: trimmed } }];
  const parts = trimmed.split(/\s+(?:AND|OR|WITH)\s+|[()\s]+/).filter((part) => part !== "");
  const valid = parts.every((part) => known.has(part.replace(/\+$/, "")) || /^(LicenseRef|DocumentRef)-/.test(part));
  return / (AND|OR|WITH) /.test(trimmed) && valid && balanced(trimmed)
    ? [{ expression: trimmed }]
    : [{ license: { name: trimmed } }];
}

const balanced = (words: string): boolean => {
  let open = 0;
  for (const mark of words) if ((open += mark === "(" ? 1 : mark === ")" ? -1 : 0) < 0) return false;
  return open === 0;
};

// ---------------------------------------------------------------- what was measured

/** Evidence that says nothing of what lies there now, by id with the reason: stale, or of another file. */
export function outdatedOf(
  system: System,
  artefacts: BomInput["artefacts"],
  { trials, evidence }: Pick<Assessment["body"], "trials" | "evidence">,
): ReadonlyMap<string, string> {
  const own = new Map(trials.map((trial) => [trial.id, trial]));
  const now = new Map([...artefacts.values()].flatMap(({ files }) => files.map(({ path, sha256 }) => [path, sha256])));
  const reasonOf = ({ standing, trial: id, at, outcome }: Evidence): string | undefined => {
    if (standing.status === "stale") return standing.because;
    if (outcome.status === "measured" && outcome.measure.kind === "artefacts") {
      const other = outcome.measure.files.find(({ path, sha256 }) => (now.get(path) ?? sha256) !== sha256);
      return other && `${other.path} is another file now than the one that was scanned`;
    }
    const trial = id === undefined ? undefined : own.get(id);
    const model = system.components.find((component) => component.id === at)?.model;
    if (!trial || !model || outcome.status !== "measured") return undefined;
    const measuredOn = trial.inputs.find(({ role }) => role === "model")?.sha256;
    const lies =
      (model.artefact === undefined ? undefined : artefacts.get(model.artefact)?.files[0]?.sha256) ?? model.sha256;
    return measuredOn === undefined || measuredOn !== lies
      ? "it was measured on another file than the one that lies there"
      : undefined;
  };
  return new Map(
    evidence.flatMap((item) => {
      const reason = reasonOf(item);
      return reason === undefined ? [] : [[item.id, reason] as const];
    }),
  );
}

/** Figures of the model card, by component: each with n, interval, seed, the measurement's key and the evidence it is from. */
function measurementsOf(
  { system, artefacts }: BomInput,
  { body }: Assessment,
  gaps: Gap[],
): ReadonlyMap<string, readonly Json[]> {
  const outdated = outdatedOf(system, artefacts, body);
  const trials = new Map(body.trials.map((trial) => [trial.id, trial]));
  const found = new Map<string, Json[]>();
  for (const item of body.evidence) {
    const trial = item.trial === undefined ? undefined : trials.get(item.trial);
    const component = system.components.find(({ id }) => id === item.at);
    if (!trial || !component?.model || item.outcome.status !== "measured") continue;
    const reason = outdated.get(item.id);
    if (reason !== undefined) {
      gaps.push({
        at: componentRef(component.id),
        missing: `${item.title} (${item.id}) is left out: ${reason}`,
        remedy: "vauban assess again, and take its assessment.json",
      });
      continue;
    }
    const metrics = metricsOf(item, trial);
    found.set(component.id, [...(found.get(component.id) ?? []), ...metrics]);
  }
  return found;
}

interface Rate {
  readonly k: number;
  readonly n: number;
  readonly unit: string;
  readonly low: number;
  readonly high: number;
}

function metricsOf(item: Evidence, trial: Trial): Json[] {
  if (item.outcome.status !== "measured") return [];
  const { measure } = item.outcome;
  const data = trial.inputs.find(({ role }) => role === "data");
  const metric = (type: string, rate: Rate, condition = ""): Json => ({
    type,
    value: rate.n === 0 ? "none tried" : String(rate.k / rate.n),
    slice: [
      ...(condition === "" ? [] : [condition]),
      `${rate.k} of ${rate.n} ${rate.unit}s`,
      ...(data ? [`data ${data.path}, SHA-256 ${data.sha256}`] : []),
      `seed ${trial.seed}`,
      `measurement ${trial.key}`,
      `evidence ${item.id}, grade ${item.grade}${item.adaptive ? "" : ", not adaptive"}`,
      ...item.sanity.filter(({ passed }) => !passed).map(({ check }) => `does not hold: ${check}`),
    ].join("; "),
    confidenceInterval: { lowerBound: String(rate.low), upperBound: String(rate.high) },
  });
  switch (measure.kind) {
    case "clean":
      return [metric("accuracy, measured", measure.accuracy)];
    case "evasion": {
      const budget = `${measure.norm} budget ${measure.eps} of the input range`;
      return [
        metric("robust accuracy under attack, measured", measure.robustAccuracy, budget),
        metric("success rate of the attack, measured", measure.successRate, budget),
      ];
    }
    case "patch":
      return [metric("success rate of a patch, measured", measure.successRate, `area ${measure.area} of the picture`)];
    case "corruption":
      return [metric("accuracy under corruption, measured", measure.accuracy, "one corruption drawn per input")];
    case "statement":
    case "scan":
    case "artefacts":
    case "data":
      return [];
  }
}

// ---------------------------------------------------------------- libraries and what depends on what

interface Libraries {
  readonly components: readonly Json[];
  /** What the system itself asks for. */
  readonly direct: readonly string[];
  readonly needs: ReadonlyMap<string, readonly string[]>;
}

function librariesOf({ locks, licences }: BomInput, gaps: Gap[]): Libraries {
  /** By package URL: the same package of two lock files is one component, unless their hashes differ. */
  const found = new Map<string, { one: LockedPackage; locks: string[]; needs: Set<string>; direct: boolean }>();
  for (const { path, locked } of locks) {
    for (const { at, says, remedy } of locked.notes) gaps.push({ at: `${path}: ${at}`, missing: says, remedy });
    const refs = new Map<string, string[]>();
    const named = locked.packages.map((one) => {
      let ref = one.purl;
      for (let n = 2; found.has(ref) && !sameFiles(found.get(ref)!.one, one); n++) ref = `${one.purl}#${n}`;
      const before = found.get(ref);
      if (!before) found.set(ref, { one, locks: [path], needs: new Set(), direct: false });
      else {
        if (!before.locks.includes(path)) before.locks.push(path);
        if (before.one.scope !== one.scope && one.scope === "required") before.one = one;
      }
      refs.set(one.key, [...(refs.get(one.key) ?? []), ref]);
      return { one, ref };
    });
    const needed = new Set(locked.packages.flatMap(({ needs }) => needs));
    for (const { one, ref } of named) {
      const entry = found.get(ref)!;
      for (const key of one.needs) for (const other of refs.get(key) ?? []) if (other !== ref) entry.needs.add(other);
      // Where the file does not say what was asked for, it is what nothing else needs.
      if (one.direct ?? !needed.has(one.key)) entry.direct = true;
    }
  }
  const ordered = [...found].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    components: ordered.map(([ref, { one, locks: from }]) => libraryOf(ref, one, from, licences)),
    direct: ordered.filter(([, { direct }]) => direct).map(([ref]) => ref),
    needs: new Map(ordered.map(([ref, { needs }]) => [ref, [...needs].toSorted()])),
  };
}

const sameFiles = (a: LockedPackage, b: LockedPackage): boolean => JSON.stringify(a.files) === JSON.stringify(b.files);

function libraryOf(ref: string, one: LockedPackage, locks: readonly string[], licences: ReadonlySet<string>): Json {
  const scoped = one.ecosystem === "npm" && one.name.startsWith("@") ? one.name.split("/") : undefined;
  const [only] = one.files;
  const single = one.files.length === 1 ? only : undefined;
  return {
    type: "library",
    "bom-ref": ref,
    group: scoped?.[0],
    name: scoped ? scoped.slice(1).join("/") : one.name,
    version: one.version,
    scope: one.scope,
    hashes: listed(single?.hashes ?? []),
    licenses: licencesOf(one.licence, licences),
    purl: one.purl,
    externalReferences: listed(
      one.files
        .filter(({ url, hashes }) => (single ? url !== undefined : hashes.length > 0))
        .map(({ url, hashes }) => ({
          type: "distribution",
          url: url === undefined ? one.purl : encodeURI(decodable(url)),
          hashes: single ? undefined : listed(hashes),
        })),
    ),
    properties: locks.map((path) => ({ name: "vauban:lock", value: path })),
  };
}

/** An address as it was before it was encoded, so that it is not encoded twice. */
function decodable(url: string): string {
  const text = url.toWellFormed();
  try {
    return decodeURI(text).toWellFormed();
  } catch {
    return text;
  }
}

function dependenciesOf(system: System, { direct, needs }: Libraries): Json[] {
  const refOf = refsOf(system);
  const on = new Map<string, Set<string>>();
  const add = (ref: string, other: string): void => {
    if (!on.has(ref)) on.set(ref, new Set());
    if (ref !== other) on.get(ref)!.add(other);
  };
  const parts = system.components.flatMap(({ id }) => refOf(id) ?? []);
  for (const ref of [...parts, ...direct]) add(SYSTEM_REF, ref);
  for (const ref of parts) if (!on.has(ref)) on.set(ref, new Set());
  // What receives something depends on who sends it.
  for (const { from, to } of system.flows) {
    const [source, destination] = [refOf(from), refOf(to)];
    if (source !== undefined && destination !== undefined) add(destination, source);
  }
  const data = new Set(system.datasets.map(({ id }) => id));
  for (const { id, kind, model, holds, files = [] } of system.components) {
    const ref = refOf(id);
    if (ref === undefined) continue;
    if (FORM[kind] === "service") for (const { path } of files) add(ref, `${ref}:${path}`);
    for (const name of [...(model?.training.datasets ?? []), ...holds]) if (data.has(name)) add(ref, datasetRef(name));
  }
  for (const { id } of system.datasets) if (!on.has(datasetRef(id))) on.set(datasetRef(id), new Set());
  for (const [ref, others] of needs) {
    if (!on.has(ref)) on.set(ref, new Set());
    for (const other of others) add(ref, other);
  }
  return [...on]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([ref, others]) => ({ ref, dependsOn: listed([...others].toSorted()) }));
}

// ---------------------------------------------------------------- what has no place there

function leftOf(system: System): Bom["left"] {
  const people = system.components.filter(({ kind }) => kind === "human").length;
  const isPerson = new Set(system.components.filter(({ kind }) => kind === "human").map(({ id }) => id));
  const peopleFlows = system.flows.filter(({ from, to }) => isPerson.has(from) || isPerson.has(to)).length;
  const usual = system.components.reduce((sum, { usual: said }) => sum + Object.keys(said).length, 0);
  const rows: readonly (readonly [section: string, entries: number, because: string])[] = [
    ["people", people, "people are no materials"],
    ["actors", system.actors.filter(({ byMethod }) => !byMethod).length, "attackers are no materials"],
    ["assets", system.assets.length, "what they are worth shows in the classification of flows only, and no title"],
    ["flows of people", peopleFlows, "people are no materials; a service tells only its own end of them"],
    ["answers on usual flows", usual, "ways in belong to the assessment"],
    ["controls", system.controls.length, "a claim about a control belongs to the assessment"],
    [
      "signatures",
      system.components.filter(({ model }) => model?.signature).length,
      "who must have signed belongs to the assessment",
    ],
    ["tests", system.tests.length, "what is tried belongs to the assessment"],
    ["imports", system.imports.length, "evidence belongs to the assessment"],
    ["harms", system.harms.filter(({ assumed }) => !assumed).length, "harms belong to the assessment"],
    ["criteria", system.criteria.length, "criteria belong to the assessment"],
    ["exclusions", system.exclusions.length, "exclusions belong to the assessment"],
    ["exposures", system.exposures.length, "exposures belong to the assessment"],
    ["reviewers", system.reviewers.length, "reviewers speak of the description, not of the materials"],
    [
      "suppliers",
      system.suppliers?.length ?? 0,
      "names stand with what they supply; contracts are not published in a list of materials",
    ],
  ];
  return rows.flatMap(([section, entries, because]) => (entries === 0 ? [] : [{ section, entries, because }]));
}
