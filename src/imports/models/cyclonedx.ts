/** A CycloneDX bill of materials (1.6, 1.7): models, data, services and the larger parts; libraries stay where they are. */
import { z } from "zod";
import {
  COMPONENT_KINDS,
  inputContract,
  LEVELS,
  LIFECYCLE_STAGES,
  TECHNOLOGY_LEVELS,
  type ComponentKind,
  type Model,
} from "#assessment/index.ts";
import {
  Names,
  type Draft,
  type DraftAsset,
  type DraftBoundary,
  type DraftComponent,
  type DraftDataset,
  type DraftFlow,
  type DraftModel,
} from "./draft.ts";
import { pointer, type Entry, type Ledger, type Steps } from "./source.ts";

/** What a type of component is in a system file; nothing for those that are parts of parts. A guess is asked about. */
const KINDS: Readonly<Record<string, readonly [kind: ComponentKind, sure: boolean]>> = {
  "machine-learning-model": ["model", true],
  application: ["interface", false],
  platform: ["compute", true],
  container: ["compute", true],
  "operating-system": ["compute", true],
  device: ["sensor", false],
};

/** Words of a task, the first that is in it. */
const TASKS: readonly (readonly [word: string, task: Model["task"]])[] = [
  ["decision-rules", "decision-rules"],
  ["classif", "classification"],
  ["forecast", "forecasting"],
  ["regress", "regression"],
  ["detect", "detection"],
  ["segment", "detection"],
  ["generat", "generation"],
  ["translat", "generation"],
  ["summari", "generation"],
];

const WHY: Readonly<Record<string, string>> = {
  $schema: "says which format the source is in",
  bomFormat: "says which format the source is in",
  specVersion: "says which format the source is in",
  serialNumber: "the identity of the source",
  version: "the version of the source, or of a part that did not come over",
  metadata: "about the making of the source",
  quantitativeAnalysis: "what somebody else measured: measure it again, or bring it along as evidence",
  considerations: "the model card's words: keep the document",
  modelParameters: "the model card's words: keep the document",
  vulnerabilities: "import the document as a VEX (imports: [{ vex: … }])",
  dependencies: "dependencies of libraries",
  externalReferences: "links to elsewhere",
  evidence: "how the source came to know its parts",
  compositions: "how complete the source says it is",
  licenses: "a further licence: a system file holds one",
  hashes: "digests other than SHA-256, or of a part that did not come over",
  pedigree: "a further ancestor, a patch or a note",
  signature: "the source's own signature",
  formulation: "how things were made",
  endpoints: "addresses of a service",
  provider: "who provides a service: name it under suppliers",
  supplier: "who supplies a part that is no model: name it under suppliers",
  publisher: "a further party: name it under suppliers",
  authenticated: "said of the whole service: a system file says it of each flow",
  "x-trust-boundary": "follows from the boundaries",
  group: "the maker's own grouping",
  purl: "where the part can be had",
  data: "what the data are beyond their source, people and licence",
  flow: "a flow with an end that is not in the document, or none",
  scope: "whether the part runs",
  properties: "the maker's own properties",
};

const LIBRARY = "libraries and files are not parts of a system file: keep the bill of materials beside it";

export const cycloneDxReason = (path: Steps): string => {
  for (const step of path.toReversed()) {
    const reason = typeof step === "string" && Object.hasOwn(WHY, step) ? WHY[step] : undefined;
    if (reason !== undefined) return reason;
  }
  return "not a key that a system file has a place for";
};

const ELSEWHERE =
  "the file does not lie beside the system file: put it there, and name it (artefact, files, path, labels)";

/** A path that a system file may name, with something there. */
const isHere = (path: string, files: (path: string) => boolean): boolean =>
  !path.startsWith("/") && !/^[A-Za-z]:|\\|(^|\/)\.\.(\/|$)/.test(path) && files(path);

/** One of our own values in JSON, where it is what it should be. */
function valueOf<Value>(
  said: Property | undefined,
  schema: { safeParse: (value: unknown) => { readonly success: boolean; readonly data?: Value | undefined } },
  ...to: readonly string[]
): Value | undefined {
  if (said === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(said.value);
  } catch {
    return undefined;
  }
  const { success, data } = schema.safeParse(value);
  if (!success) return undefined;
  if (to.length > 0) said.read(...to);
  return data;
}

const INPUT = inputContract.refine(
  ({ range: [low, high], scale, mean, std }) =>
    low < high && scale !== 0 && mean.length > 0 && std.length > 0 && std.every((value) => value !== 0),
);
const CLASSES = z.array(z.string().regex(/\S/)).min(2);
const ACCURACY = z.strictObject({ declared: z.number().min(0).max(1), on: z.string() });
const HEADS = ["exclusive", "binary", "multi-label", "regression"] as const;

const isTrue = (said: Property | undefined, ...to: readonly string[]): boolean => {
  if (said?.value !== "true") return false;
  said.read(...to);
  return true;
};

const PARTS_MAX = 5_000;

/** One of our own properties: its value, and a way to say where it went. Without a word on that it is lost like any other. */
interface Property {
  readonly value: string;
  readonly read: (...to: readonly string[]) => void;
  readonly lose: (reason: string) => void;
}

function property(entry: Entry | undefined, name: string): Property | undefined {
  const found = entry?.get("properties")?.items.find((one) => one.get("name")?.value === `vauban:${name}`);
  const value = found?.get("value")?.words();
  return value === undefined
    ? undefined
    : {
        value,
        read(...to) {
          found!.get("name")!.read(...to);
          found!.get("value")!.read(...to);
        },
        lose(reason) {
          found!.lose(reason);
        },
      };
}

/** The value where it is one of these words; only then is it carried. */
function chosen<Word extends string>(
  words: readonly Word[],
  said: Property | undefined,
  ...to: readonly string[]
): Word | undefined {
  const found = words.find((word) => word === said?.value);
  if (found !== undefined) said!.read(...to);
  return found;
}

/** The first SHA-256 of a part. */
function sha256(entry: Entry, ...to: readonly string[]): string | undefined {
  const found = entry.get("hashes")?.items.find((one) => one.get("alg")?.value === "SHA-256");
  found?.get("alg")!.read(...to);
  found?.get("content")!.read(...to);
  return found?.get("content")?.words()?.toLowerCase();
}

/** The first licence of a part, by id, name or expression. */
function licence(entry: Entry, ...to: readonly string[]): string | undefined {
  const first = entry.get("licenses")?.items[0];
  return (first?.dig("license", "id") ?? first?.dig("license", "name") ?? first?.get("expression"))?.text(...to);
}

export function fromCycloneDx(
  ledger: Ledger,
  isModel: (...names: readonly (string | undefined)[]) => boolean,
  sectors: ReadonlySet<string>,
  files: (path: string) => boolean,
): Draft {
  const { root } = ledger;
  const names = new Names();
  const dataNames = new Names();
  const flowNames = names;
  const system = root.dig("metadata", "component");
  const components: DraftComponent[] = [];
  const datasets: DraftDataset[] = [];
  const byRef = new Map<string, string>();
  const dataByRef = new Map<string, string>();
  const zones = new Map<string, { readonly here: string[]; readonly said: ((...to: readonly string[]) => void)[] }>();
  const models: { readonly entry: Entry; readonly id: string }[] = [];
  const services: { readonly entry: Entry; readonly id: string }[] = [];

  const loaded: {
    readonly entry: Entry;
    readonly owner: string;
    readonly path: string;
    readonly role: Property | undefined;
    readonly named: Entry;
    readonly ref: Entry;
  }[] = [];
  const suppliers = new Map<string, { readonly said: Entry[]; readonly supplies: string[] }>();
  const suppliedBy = (party: Entry | undefined, id: string): void => {
    const name = party?.get("name");
    const title = name?.words();
    if (title === undefined) return;
    const known = suppliers.get(title) ?? { said: [], supplies: [] };
    suppliers.set(title, known);
    known.said.push(name!);
    known.supplies.push(id);
  };
  const zoneOf = (entry: Entry, id: string): void => {
    const own = property(entry, "boundary");
    const trust = entry.get("trustZone");
    const name = own?.value ?? trust?.words();
    if (name === undefined) return;
    const zone = zones.get(name) ?? { here: [], said: [] };
    zones.set(name, zone);
    zone.here.push(id);
    if (own) zone.said.push(own.read);
    if (trust && (own === undefined || trust.value === name)) zone.said.push((...to) => trust.read(...to));
  };
  const walk = (entries: readonly Entry[]): void => {
    for (const entry of entries) {
      const type = entry.get("type");
      const said = type?.words() ?? "";
      const named = entry.get("name");
      if (said === "data") dataset(entry);
      else {
        const asModel = isModel(named?.words(), entry.get("bom-ref")?.words());
        const [kind, sure] = (asModel ? (["model", true] as const) : KINDS[said]) ?? [];
        if (kind === undefined) {
          if (!loadedFile(entry)) entry.lose(LIBRARY);
        } else component(entry, kind, sure ?? false, type);
      }
      walk(entry.get("components")?.items ?? []);
    }
  };
  /** Ours: what a component is loaded from, `components.<id>:<path>`; only where it lies here too can a system file name it. */
  const loadedFile = (entry: Entry): boolean => {
    const [ref, named, role] = [entry.get("bom-ref"), entry.get("name"), property(entry, "role")];
    const [words, path] = [ref?.words() ?? "", named?.words() ?? ""];
    if (entry.get("type")?.value !== "file" || path === "" || !words.endsWith(`:${path}`)) return false;
    const owner = words.slice(0, -path.length - 1);
    if (!owner.startsWith("components.")) return false;
    if (!isHere(path, files)) {
      entry.lose(ELSEWHERE);
      return true;
    }
    loaded.push({ entry, owner, path, role, named: named!, ref: ref! });
    return true;
  };
  const component = (entry: Entry, guess: ComponentKind, sure: boolean, type: Entry | undefined): void => {
    const [ref, named, called] = [entry.get("bom-ref"), entry.get("name"), property(entry, "id")];
    const id = names.keep(called?.value) ?? names.make("component", called?.value, named?.words(), ref?.words());
    called?.read("components", id);
    const own = chosen(COMPONENT_KINDS, property(entry, "kind"), "components", id, "kind");
    const kind = guess === "model" ? "model" : own === "model" || own === undefined ? guess : own;
    if (ref) byRef.set(ref.words()!, id);
    ref?.read("components", id);
    type?.read("components", id, "kind");
    components.push({
      id,
      kind,
      title: named?.text("components", id, "title") ?? "",
      note: entry.get("description")?.text("components", id, "note"),
      version: entry.get("version")?.text("components", id, "version"),
      holds: [],
      unsure: !sure && own === undefined,
      from: placeOf(entry),
    });
    if (kind === "model") models.push({ entry, id });
    else if (called) suppliedBy(entry.get("supplier"), id);
    zoneOf(entry, id);
    if (components.length > PARTS_MAX)
      entry.complain(`more than ${PARTS_MAX} parts`, "import the parts that belong to one system", "E808");
  };
  const dataset = (entry: Entry): void => {
    const [ref, named, called] = [entry.get("bom-ref"), entry.get("name"), property(entry, "id")];
    const id = dataNames.keep(called?.value) ?? dataNames.make("data", called?.value, named?.words(), ref?.words());
    called?.read("datasets", id);
    if (ref) dataByRef.set(ref.words()!, id);
    ref?.read("datasets", id);
    entry.get("type")?.read("datasets", id);
    datasets.push(datasetOf(entry, id, named));
  };
  const datasetOf = (entry: Entry, id: string, named: Entry | undefined): DraftDataset => {
    const first = entry.get("data")?.items[0] ?? entry;
    const classification = first.get("classification");
    const sensitive = first.get("sensitiveData");
    const words = [classification?.words() ?? "", ...(sensitive?.items.map((one) => one.words() ?? "") ?? [])];
    // "No personal data" is no personal data.
    const personal = words.some((one) => /\b(personal|pii|phi)\b/i.test(one) && !/\bno(t|n)?\b/i.test(one));
    const to = ["datasets", id, ...(personal ? ["personal"] : [])];
    classification?.read(...to);
    for (const one of sensitive?.items ?? []) one.read(...to);
    const owners = first.dig("governance", "owners")?.items ?? [];
    const description = first.get("description");
    const source = property(entry, "source");
    source?.read("datasets", id, "provenance", "source");
    const collected = property(entry, "collected");
    const dated = collected !== undefined && /^\d{4}(-\d{2}(-\d{2})?)?$/.test(collected.value);
    if (dated) collected.read("datasets", id, "provenance", "collected");
    if (source !== undefined) description?.read("datasets", id, "provenance", "source");
    const place = (key: "path" | "labels"): string | undefined => {
      const said = property(entry, key);
      if (said === undefined) return undefined;
      if (!isHere(said.value, files)) {
        said.lose(ELSEWHERE);
        return undefined;
      }
      said.read("datasets", id, key);
      return said.value;
    };
    const path = place("path");
    if (path !== undefined) first.dig("contents", "url")?.read("datasets", id, "path");
    return {
      id,
      path,
      labels: place("labels"),
      title: named?.text("datasets", id, "title") ?? "",
      role: chosen(
        ["training", "validation", "test", "knowledge-base", "operational"] as const,
        property(entry, "role"),
        "datasets",
        id,
        "role",
      ),
      personal,
      sha256: sha256(entry, "datasets", id, "sha256"),
      source: source?.value ?? description?.text("datasets", id, "provenance", "source"),
      collected: dated ? collected.value : undefined,
      licence: licence(entry, "datasets", id, "provenance", "licence"),
      version: entry.get("version")?.text("datasets", id, "provenance", "version"),
      suppliers: owners.flatMap(
        (owner) => owner.dig("organization", "name")?.text("datasets", id, "provenance", "suppliers") ?? [],
      ),
      from: placeOf(entry),
    };
  };

  walk(root.get("components")?.items ?? []);
  for (const entry of root.get("services")?.items ?? []) {
    const [ref, named, called] = [entry.get("bom-ref"), entry.get("name"), property(entry, "id")];
    const id = names.keep(called?.value) ?? names.make("service", called?.value, named?.words(), ref?.words());
    called?.read("components", id);
    const own = chosen(COMPONENT_KINDS, property(entry, "kind"), "components", id, "kind");
    const outside = entry.get("provider") !== undefined && entry.get("x-trust-boundary")?.value === true;
    const kind = isModel(named?.words(), ref?.words())
      ? "model"
      : own === undefined || own === "model"
        ? outside
          ? "external"
          : "interface"
        : own;
    if (ref) byRef.set(ref.words()!, id);
    ref?.read("components", id);
    components.push({
      id,
      kind,
      title: named?.text("components", id, "title") ?? "",
      note: entry.get("description")?.text("components", id, "note"),
      version: entry.get("version")?.text("components", id, "version"),
      holds: [],
      unsure: own === undefined,
      from: placeOf(entry),
    });
    services.push({ entry, id });
    const provider = entry.get("provider");
    // Ours: an outside party is its own provider.
    if (called && kind === "external" && provider?.get("name")?.value === named?.value)
      provider?.get("name")?.read("components", id, "title");
    else if (called) suppliedBy(provider, id);
    if (kind === "model") models.push({ entry, id });
    zoneOf(entry, id);
  }

  const known = new Map(models.map(({ entry, id }) => [id, modelOf(entry, id)]));
  /** Datasets written into a model card are datasets too. */
  function modelOf(entry: Entry, id: string): DraftModel {
    const at = ["components", id] as const;
    const task = entry.dig("modelCard", "modelParameters", "task");
    const read = TASKS.find(([word]) => task?.words()?.toLowerCase().includes(word))?.[1];
    if (read) task!.read(...at, "task");
    const family = entry.dig("modelCard", "modelParameters", "architectureFamily");
    const level = chosen(TECHNOLOGY_LEVELS, property(entry, "level"), ...at, "level");
    if (level !== undefined && family?.value === level) family.read(...at, "level");
    const trained: string[] = [];
    for (const one of entry.dig("modelCard", "modelParameters", "datasets")?.items ?? []) {
      const ref = one.get("ref");
      const found = ref && dataByRef.get(ref.words()!);
      if (found !== undefined) {
        ref!.read(...at, "training", "datasets");
        trained.push(found);
      } else if (!ref) {
        const made = dataNames.make("data", one.get("name")?.words(), `${id}-data`);
        one.get("type")?.read("datasets", made);
        datasets.push({ ...datasetOf(one, made, one.get("name")), role: "training" });
        trained.push(made);
      }
    }
    // Ours: only what the model was said to start from; other ancestors follow from its files.
    const ours = property(entry, "level") !== undefined;
    const start = property(entry, "origin.pretrained");
    start?.read(...at, "origin", "pretrained");
    const ancestor = ours && start === undefined ? undefined : entry.dig("pedigree", "ancestors")?.items[0];
    const artefact = property(entry, "artefact");
    const found = artefact !== undefined && isHere(artefact.value, files);
    if (found) artefact.read(...at, "artefact");
    else artefact?.lose(ELSEWHERE);
    const measuredOn = property(entry, "accuracy");
    const accuracy = valueOf(measuredOn, ACCURACY);
    const known = accuracy && datasets.some(({ id: other }) => other === accuracy.on);
    if (known) measuredOn!.read(...at, "accuracy");
    const input = valueOf(property(entry, "input"), INPUT, ...at, "input");
    if (input)
      entry
        .dig("modelCard", "modelParameters", "inputs")
        ?.items[0]?.get("format")
        ?.read(...at, "input");
    const classes = valueOf(property(entry, "classes"), CLASSES, ...at, "classes");
    const head = chosen(HEADS, property(entry, "head"), ...at, "head");
    if (classes || head)
      entry
        .dig("modelCard", "modelParameters", "outputs")
        ?.items[0]?.get("format")
        ?.read(...at, "classes");
    const type = ancestor?.get("type");
    type?.read(...at, "origin", "pretrained");
    const supplier = entry.dig("supplier", "name") ?? entry.get("publisher") ?? entry.dig("manufacturer", "name");
    return {
      level,
      role: chosen(["advisory", "decisive", "safety-function"] as const, property(entry, "role"), ...at, "role"),
      task: read,
      sha256: sha256(entry, ...at, "sha256"),
      artefact: artefact && { path: artefact.value, found },
      input,
      classes,
      head,
      accuracy: known ? accuracy : undefined,
      continual: isTrue(property(entry, "training.continual"), ...at, "training", "continual"),
      federated: isTrue(property(entry, "training.federated"), ...at, "training", "federated"),
      personalData: isTrue(property(entry, "training.personal-data"), ...at, "training", "personal-data"),
      onDevice: isTrue(property(entry, "on-device"), ...at, "on-device"),
      tools: isTrue(property(entry, "tools"), ...at, "tools"),
      untrustedContent: isTrue(property(entry, "untrusted-content"), ...at, "untrusted-content"),
      origin: {
        ...defined(
          "trainedBy",
          chosen(
            ["provider", "third-party", "unknown"] as const,
            property(entry, "origin.trained-by"),
            ...at,
            "origin",
            "trained-by",
          ),
        ),
        ...defined("pretrained", ancestor?.get("name")?.text(...at, "origin", "pretrained")),
        ...defined("version", ancestor?.get("version")?.text(...at, "origin", "version")),
        ...defined("sha256", ancestor && sha256(ancestor, ...at, "origin", "sha256")),
        ...defined("supplier", supplier?.text(...at, "origin", "supplier")),
        ...defined("licence", licence(entry, ...at, "origin", "licence")),
      },
      datasets: trained,
    };
  }

  const held = new Map<string, string[]>();
  const flows = flowsOf(
    services,
    root,
    byRef,
    dataByRef,
    flowNames,
    held,
    new Set(models.map(({ id }) => id)),
    known,
    new Map(components.map(({ id, title }) => [id, title])),
  );
  return {
    name: system?.get("name")?.text("system", "name") ?? "System without a name",
    version: system?.get("version")?.text("system", "version"),
    purpose: system?.get("description")?.text("system", "purpose"),
    ...cardWords(models.filter(({ entry }) => property(entry, "level")).map(({ entry }) => entry)),
    synthetic: isTrue(property(system, "synthetic"), "system", "synthetic"),
    stage: chosen(LIFECYCLE_STAGES, property(system, "stage"), "stage"),
    sector: chosen([...sectors], property(system, "sector"), "sector"),
    environment: chosen(
      ["virtual", "physical", "both"] as const,
      property(system, "environment"),
      "system",
      "environment",
    ),
    law: lawOf(system),
    assets: assetsIn(
      services.map(({ entry }) => entry),
      names,
    ),
    components: components.map((one) => ({
      ...one,
      holds: held.get(one.id) ?? [],
      files: loaded
        .filter(({ owner }) => byRef.get(owner) === one.id)
        .map(({ entry, path, role, named, ref }) => {
          const at = ["components", one.id, "files"] as const;
          for (const read of [named, ref, entry.get("type")]) read?.read(...at);
          return { path, sha256: sha256(entry, ...at), role: chosen(FILE_ROLES, role, ...at) };
        }),
      ...(one.kind === "model" && { model: known.get(one.id) }),
    })),
    flows,
    boundaries: [...zones].map(([zone, { here, said }]): DraftBoundary => {
      const id = names.keep(zone) ?? names.make("zone", zone);
      for (const read of said) read("boundaries", id);
      return { id, title: zone, here, inside: [], from: `the trust zone ${zone}` };
    }),
    datasets,
    suppliers: [...suppliers].map(([title, { said, supplies }]) => {
      const id = names.make("supplier", title);
      for (const one of said) one.read("suppliers", id);
      return { id, title, supplies };
    }),
    exposed: [],
  };
}

const FILE_ROLES = ["pretrained", "adapter", "other"] as const;

/** What the cards of our own models repeat of the system: context, exclusions, misuse. Who else writes cards means the model by them. */
function cardWords(cards: readonly Entry[]): Pick<Draft, "context" | "excluded" | "misuse"> {
  const NOT_FOR = "not meant for: ";
  const [card, ...others] = cards.flatMap((entry) => entry.dig("modelCard", "considerations") ?? []);
  const read = (one: Entry, first: boolean) => {
    const words = (entry: Entry | undefined, ...to: readonly string[]): string | undefined =>
      first ? entry?.text(...to) : (entry?.read(...to), undefined);
    const context = words(one.get("users")?.items[0], "system", "context");
    one.get("useCases")?.items[0]?.read("system", "purpose");
    const excluded = (one.get("technicalLimitations")?.items ?? []).flatMap((entry) => {
      const said = entry.words() ?? "";
      if (!said.startsWith(NOT_FOR) || said.length > 2_000) return [];
      entry.read("system", "excluded");
      return [said.slice(NOT_FOR.length)];
    });
    const misuse = (one.get("ethicalConsiderations")?.items ?? []).flatMap(
      (entry) => words(entry.get("name"), "system", "misuse") ?? [],
    );
    return { context, excluded, misuse };
  };
  for (const other of others) read(other, false);
  return card ? read(card, true) : { misuse: [] };
}

/** What our services say of the worth of what flows: `images: security H, privacy H, personal`, several by semicolons. */
function assetsIn(services: readonly Entry[], names: Names): DraftAsset[] {
  const found = new Map<string, DraftAsset>();
  const RATED = new RegExp(`^(.+): security (${LEVELS.join("|")}), privacy (${LEVELS.join("|")})(, personal)?$`);
  for (const service of services) {
    if (property(service, "id") === undefined) continue;
    for (const flow of service.get("data")?.items ?? []) {
      const classification = flow.get("classification");
      for (const part of classification?.words()?.split("; ") ?? []) {
        const [, id, security, privacy, personal] = RATED.exec(part) ?? [];
        if (id === undefined || !(found.has(id) || names.keep(id) !== undefined)) continue;
        classification!.read("assets", id);
        if (!found.has(id))
          found.set(id, {
            id,
            title: id,
            security: security as DraftAsset["security"],
            privacy: privacy as DraftAsset["privacy"],
            personal: personal !== undefined,
            from: placeOf(flow),
          });
      }
    }
  }
  return [...found.values()];
}

const defined = <Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } =>
  (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value };

function lawOf(system: Entry | undefined): Draft["law"] {
  const [said, listing] = [property(system, "law.role"), property(system, "law.listing")];
  const listed = /^(none|annex-III\.[1-8][a-e]?|annex-I\.([1-9]|1[0-2])|annex-I\.B)$/.test(listing?.value ?? "");
  if (!listed) return undefined;
  const role = chosen(
    ["provider", "deployer", "importer", "distributor", "product-manufacturer"] as const,
    said,
    "law",
    "role",
  );
  if (role === undefined) return undefined;
  listing!.read("law", "listing");
  return { role, listing: listing!.value };
}

/**
 * Flows: what a service says it takes and gives, where both ends are in the document – once, though both may say it; and dependencies of one
 * part on another, for what depends on something takes something from it. A dependency on data is that they lie there.
 */
function flowsOf(
  services: readonly { readonly entry: Entry; readonly id: string }[],
  root: Entry,
  byRef: ReadonlyMap<string, string>,
  dataByRef: ReadonlyMap<string, string>,
  names: Names,
  held: Map<string, string[]>,
  models: ReadonlySet<string>,
  known: ReadonlyMap<string, DraftModel>,
  titles: ReadonlyMap<string, string>,
): DraftFlow[] {
  const flows: DraftFlow[] = [];
  const seen = new Map<string, string>();
  /** The flow between two parts, by its ends. */
  const joined = new Map<string, string>();
  for (const { entry, id } of services)
    for (const one of entry.get("data")?.items ?? []) {
      const [direction, source, destination] = [one.get("flow"), one.get("source"), one.get("destination")];
      const end = (listed: Entry | undefined): string | undefined => {
        const [first] = listed?.items ?? [];
        return first && byRef.get(first.words() ?? "");
      };
      const from = end(source) ?? (direction?.value === "outbound" ? id : undefined);
      const to = end(destination) ?? (direction?.value === "inbound" ? id : undefined);
      if (from === undefined || to === undefined || from === to) {
        one.lose("a flow with an end that is not in the document, or none");
        continue;
      }
      const description = one.get("description");
      const said = description?.words() ?? "";
      const key = JSON.stringify([from, to, one.get("name")?.value, said]);
      const before = seen.get(key);
      const flow = before ?? names.make("flow", `${from}-to-${to}`);
      direction?.read("flows", flow);
      for (const listed of [source, destination]) listed?.items[0]?.read("flows", flow);
      const name = one.get("name");
      name?.read("flows", flow, "carries");
      if (before !== undefined) {
        description?.read("flows", flow);
        continue;
      }
      seen.set(key, flow);
      joined.set(JSON.stringify([from, to]), flow);
      const ours = property(entry, "id") !== undefined;
      const { over, qualities } = flowWords(said, ours ? `${titles.get(from)} to ${titles.get(to)}` : undefined);
      if (ours || qualities.size > 0 || over !== undefined || / to /.test(said)) description?.read("flows", flow);
      flows.push({
        id: flow,
        from,
        to,
        carries: name?.words()?.split(", ") ?? [],
        over,
        encrypted: qualities.has("encrypted"),
        authenticated: qualities.has("authenticated"),
        // Whose words they are not cannot claim that what flows is signed.
        signed: ours && qualities.has("signed"),
        source: placeOf(one),
      });
    }
  for (const entry of root.get("dependencies")?.items ?? []) {
    const ref = entry.get("ref");
    const to = byRef.get(ref?.words() ?? "");
    if (to === undefined) continue;
    ref!.read("components", to);
    for (const other of entry.get("dependsOn")?.items ?? []) {
      const words = other.words() ?? "";
      const from = byRef.get(words);
      const data = dataByRef.get(words);
      if (data !== undefined) {
        const trained = models.has(to) && known.get(to)?.datasets.includes(data) === true;
        other.read("components", to, trained ? "training" : "holds");
        if (!trained) held.set(to, [...(held.get(to) ?? []), data]);
      } else if (from !== undefined && from !== to) {
        const pair = JSON.stringify([from, to]);
        const before = joined.get(pair);
        if (before !== undefined) {
          other.read("flows", before);
          continue;
        }
        const flow = names.make("flow", `${from}-to-${to}`);
        joined.set(pair, flow);
        other.read("flows", flow);
        flows.push({ id: flow, from, to, carries: [], source: `${placeOf(entry)}: a dependency` });
      }
    }
  }
  return flows;
}

const QUALITIES = ["authenticated", "encrypted", "signed"] as const;

/** Written by `vauban bom`: "a to b; over HTTPS; encrypted". The start is known where it is ours, and may hold anything. */
function flowWords(
  said: string,
  start: string | undefined,
): { readonly over: string | undefined; readonly qualities: ReadonlySet<string> } {
  const qualities = new Set<string>();
  let rest = start !== undefined && said.startsWith(start) ? said.slice(start.length) : said.replace(/^[^;]*/, "");
  for (const quality of QUALITIES)
    if (rest.endsWith(`; ${quality}`)) {
      qualities.add(quality);
      rest = rest.slice(0, -quality.length - 2);
    }
  const over = rest.startsWith("; over ") ? rest.slice("; over ".length) : undefined;
  return { over: over === "" ? undefined : over, qualities };
}

const placeOf = (entry: Entry): string => `${pointer(entry.path)}, line ${entry.line}`;
