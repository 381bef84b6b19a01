/** The Open Threat Model format (0.1, 0.2), YAML or JSON: trust zones, components, data flows, assets. */
import type { ComponentKind, Level } from "#assessment/index.ts";
import {
  Names,
  separates,
  type Draft,
  type DraftAsset,
  type DraftBoundary,
  type DraftComponent,
  type DraftFlow,
} from "./draft.ts";
import { pointer, referred, type Entry, type Ledger, type Steps } from "./source.ts";

/**
 * The kind of a component by words of its type, the first row that fits. Types of OTM are each tool's own, so this can only be a reading;
 * a type without any of these words is taken for a machine and asked about.
 */
const KINDS: readonly (readonly [kind: ComponentKind, words: readonly string[]])[] = [
  [
    "model",
    [
      "ai",
      "ml",
      "llm",
      "gpt",
      "sagemaker",
      "bedrock",
      "inference",
      "neural",
      "machine-learning",
      "deep-learning",
      "foundation-model",
    ],
  ],
  ["sensor", ["sensor", "camera", "iot", "microphone", "lidar", "radar"]],
  ["monitoring", ["log", "logs", "logging", "cloudwatch", "cloudtrail", "monitor", "monitoring", "siem", "ids"]],
  [
    "network",
    [
      "balancer",
      "gateway",
      "vpc",
      "subnet",
      "firewall",
      "waf",
      "proxy",
      "router",
      "cdn",
      "cloudfront",
      "queue",
      "sqs",
      "sns",
      "kafka",
      "broker",
      "bus",
      "dns",
      "network",
      "vpn",
    ],
  ],
  [
    "database",
    [
      "database",
      "db",
      "postgresql",
      "postgres",
      "mysql",
      "mariadb",
      "oracle",
      "rds",
      "dynamodb",
      "s3",
      "storage",
      "bucket",
      "store",
      "datastore",
      "redis",
      "cache",
      "mongo",
      "mongodb",
      "elasticsearch",
      "sql",
      "warehouse",
      "blob",
      "registry",
      "repository",
      "vault",
      "efs",
      "volume",
    ],
  ],
  ["external", ["external", "third-party", "saas"]],
  ["human", ["user", "person", "human", "operator"]],
  ["interface", ["client", "browser", "web", "api", "app", "application", "mobile", "frontend", "portal", "ui"]],
  [
    "compute",
    [
      "server",
      "ec2",
      "vm",
      "container",
      "docker",
      "lambda",
      "function",
      "ecs",
      "eks",
      "kubernetes",
      "cluster",
      "host",
      "worker",
      "job",
      "service",
      "compute",
      "code",
    ],
  ],
];

const LEVEL: readonly Level[] = ["VL", "L", "M", "H", "VH"];
/** OTM rates 0 to 100; five even steps are ours. */
const levelOf = (rating: number): Level => LEVEL[Math.min(4, Math.max(0, Math.floor(rating / 20)))]!;

/** Protocol words a tag or attribute could hold are each tool's own; OTM itself says nothing of encryption. */
const WHY: Readonly<Record<string, string>> = {
  otmVersion: "the version of the source's format",
  owner: "owners are not a thing a system file says",
  ownerContact: "owners are not a thing a system file says",
  representations: "where things are drawn, or the code they stand for",
  tags: "tags are each tool's own",
  attributes: "attributes are each tool's own",
  threats: "threats are derived anew from the system; compare these with what is found",
  mitigations: "controls are claimed with how they are known: measured, verified or declared",
  trustRating: "trust is not a number here: actors and what they touch say it",
  processed: "what is only processed shows in the flows",
  comment: "reasons stand beside harms in a system file",
  type: "kinds of trust zones are not told apart",
};

export const otmReason = (path: Steps): string => {
  // A trust zone's parent and the like are known by the nearest key; the top-level sections by the first.
  for (const step of path.toReversed()) {
    const reason = typeof step === "string" && Object.hasOwn(WHY, step) ? WHY[step] : undefined;
    if (reason !== undefined) return reason;
  }
  return "not a key of OTM 0.2 that a system file has a place for";
};

const kindOf = (type: string): ComponentKind | undefined => {
  const parts = type.toLowerCase().split(/[^a-z0-9]+/);
  const joined = `-${parts.join("-")}-`;
  return KINDS.find(([, words]) => words.some((word) => joined.includes(`-${word}-`)))?.[0];
};

export function fromOtm(ledger: Ledger, isModel: (...names: readonly (string | undefined)[]) => boolean): Draft {
  const root = ledger.root;
  const names = new Names();
  const held = new Names();
  const project = root.get("project");
  if (!project) ledger.complain([], "a model without a project", "OTM asks for project: with id and name", "E803");
  project?.get("id")?.lose("a system file has no id of its own");

  const assetById = new Map<string, string>();
  const assets: DraftAsset[] = [];
  for (const entry of root.get("assets")?.items ?? []) {
    const [given, named] = [entry.get("id"), entry.get("name")];
    const id = held.make("asset", given?.words(), named?.words());
    given?.read("assets", id);
    remember(assetById, given, entry, id);
    const rate = (key: string): number => {
      const said = entry.dig("risk", key);
      const rating = said?.number();
      if (rating === undefined) return Number.NaN;
      if (rating < 0 || rating > 100)
        said!.complain(`${rating} is not between 0 and 100`, "OTM rates from 0 to 100", "E805");
      said!.read("assets", id, "security");
      return rating;
    };
    const confidentiality = rate("confidentiality");
    const ratings = [confidentiality, rate("integrity"), rate("availability")].filter(
      (rating) => !Number.isNaN(rating),
    );
    entry.get("description")?.lose("assets hold no description");
    assets.push({
      id,
      title: named?.text("assets", id, "title") ?? "",
      security: ratings.length === 0 ? "M" : levelOf(Math.max(...ratings)),
      privacy: Number.isNaN(confidentiality) ? "M" : levelOf(confidentiality),
      from: place(entry),
    });
  }

  const zones = new Map<string, { boundary: DraftBoundary; entry: Entry; parent?: string }>();
  for (const entry of root.get("trustZones")?.items ?? []) {
    const [given, named] = [entry.get("id"), entry.get("name")];
    const id = names.make("zone", named?.words(), given?.words());
    const boundary: DraftBoundary = { id, title: named?.words() ?? "", here: [], inside: [], from: place(entry) };
    remember(zones, given, entry, { boundary, entry });
  }

  const byId = new Map<string, { component: DraftComponent; entry: Entry }>();
  const components: DraftComponent[] = [];
  for (const entry of root.get("components")?.items ?? []) {
    const [given, named, type] = [entry.get("id"), entry.get("name"), entry.get("type")];
    const id = names.make("component", readable(given?.words()), named?.words(), given?.words());
    given?.read("components", id);
    const read = kindOf(type?.words() ?? "");
    const kind = isModel(given?.words(), named?.words()) ? "model" : (read ?? "compute");
    if (read) type!.read("components", id, "kind");
    else type?.lose("no word of this type says what kind of component it is; it is asked about");
    const component: DraftComponent = {
      id,
      kind,
      title: named?.text("components", id, "title") ?? "",
      note: entry.get("description")?.text("components", id, "note"),
      holds: unique(
        (entry.dig("assets", "stored")?.items ?? []).flatMap((reference) => {
          const asset = referred(reference, assetById, "asset");
          if (asset !== undefined) reference.read("components", id, "holds");
          return asset ?? [];
        }),
      ),
      unsure: read === undefined,
      from: place(entry),
    };
    components.push(component);
    remember(byId, given, entry, { component, entry });
  }

  const zoneAround = zonesOf(byId, zones);
  for (const { component, entry } of byId.values()) {
    const zone = zoneAround.get(entry);
    if (!zone) continue;
    zone.here.push(component.id);
    entry.dig("parent", "trustZone")?.read("boundaries", zone.id, "here");
  }
  const zoneOfBoundary = new Map([...zones.values()].map((zone) => [zone.boundary, zone]));
  for (const { boundary, entry } of zones.values()) {
    const parent = entry.dig("parent", "trustZone");
    entry.dig("parent", "component")?.lose("boundaries stand in boundaries, not in components");
    const around = parent && referred(parent, zones, "trust zone");
    if (!around) continue;
    if (isAround(zones, zoneOfBoundary, around.boundary, boundary)) parent.lose("a zone cannot stand inside itself");
    else {
      zones.get(entry.get("id")!.words()!)!.parent = parent.words()!;
      around.boundary.inside.push(boundary);
      if (separates(boundary)) parent.read("boundaries", around.boundary.id, boundary.id);
      else parent.lose("a boundary with nothing inside separates nothing");
    }
  }
  for (const { boundary, entry } of zones.values()) {
    entry.get("description")?.lose("boundaries hold no description");
    if (!separates(boundary)) entry.lose("a boundary with nothing inside separates nothing");
    else {
      entry.get("id")?.read("boundaries", boundary.id);
      entry.get("name")?.text("boundaries", boundary.id, "title");
    }
  }

  const flows: DraftFlow[] = [];
  for (const entry of root.get("dataflows")?.items ?? []) {
    const [given, named, source, destination] = [
      entry.get("id"),
      entry.get("name"),
      entry.get("source"),
      entry.get("destination"),
    ];
    if (!source || !destination) {
      entry.complain("a data flow without source or destination", "name the components it joins", "E803");
      continue;
    }
    const [from, to] = [referred(source, byId, "component"), referred(destination, byId, "component")];
    if (!from || !to) continue;
    if (from === to) {
      entry.lose("a flow from a component to itself says nothing");
      continue;
    }
    const id = names.make("flow", readable(given?.words()), named?.words(), given?.words());
    given?.read("flows", id);
    source.read("flows", id, "from");
    destination.read("flows", id, "to");
    const carried = unique(
      (entry.get("assets")?.items ?? []).flatMap((reference) => {
        const asset = referred(reference, assetById, "asset");
        if (asset !== undefined) reference.read("flows", id, "carries");
        return asset ?? [];
      }),
    );
    // Where no asset is named, the flow's name is the nearest to what it carries.
    const carries = carried.length > 0 ? carried : many(named?.text("flows", id, "carries"));
    if (carried.length > 0) named?.read("flows", id);
    entry.get("description")?.lose("flows hold no description");
    const both = entry.get("bidirectional");
    flows.push({ id, from: from.component.id, to: to.component.id, carries, source: place(entry) });
    if (both?.flag())
      flows.push({
        id: names.make("flow", `${id}-back`),
        from: to.component.id,
        to: from.component.id,
        carries,
        source: place(entry),
      });
    both?.read("flows", id);
  }

  return {
    name: project?.get("name")?.text("system", "name") ?? "System without a name",
    purpose: project?.get("description")?.text("system", "purpose"),
    misuse: [],
    assets,
    components,
    flows,
    boundaries: [...zones.values()].filter(({ parent }) => parent === undefined).map(({ boundary }) => boundary),
    exposed: [],
  };
}

type Zones = ReadonlyMap<string, { readonly boundary: DraftBoundary; readonly entry: Entry; readonly parent?: string }>;

/**
 * The zone each component stands in, by itself or by the components it stands in; those nestings have no counterpart. A component that
 * stands in itself, however far round, is in none. Every nesting is walked once.
 */
function zonesOf(
  byId: ReadonlyMap<string, { readonly entry: Entry }>,
  zones: Zones,
): ReadonlyMap<Entry, DraftBoundary | undefined> {
  const found = new Map<Entry, DraftBoundary | undefined>();
  for (const { entry } of byId.values()) {
    const way: Entry[] = [];
    let zone: DraftBoundary | undefined;
    for (let at: Entry | undefined = entry; at;) {
      if (found.has(at)) {
        zone = found.get(at);
        break;
      }
      way.push(at);
      found.set(at, undefined);
      const own: Entry | undefined = at.dig("parent", "trustZone");
      if (own) {
        zone = referred(own, zones, "trust zone")?.boundary;
        break;
      }
      const around: Entry | undefined = at.dig("parent", "component");
      around?.lose("components do not stand in components: it is put into the zone around them");
      at = around && referred(around, byId, "component")?.entry;
    }
    for (const each of way) found.set(each, zone);
  }
  return found;
}

/** Whether `boundary` is `inner` or stands around it. */
function isAround(
  zones: Zones,
  zoneOfBoundary: ReadonlyMap<DraftBoundary, { readonly boundary: DraftBoundary; readonly parent?: string }>,
  inner: DraftBoundary,
  boundary: DraftBoundary,
): boolean {
  for (let at = zoneOfBoundary.get(inner); at; at = at.parent === undefined ? undefined : zones.get(at.parent))
    if (at.boundary === boundary) return true;
  return false;
}

/** An id worth keeping: tools make ids of 100 characters out of paths, and number things at random. */
const readable = (id: string | undefined): string | undefined =>
  id !== undefined && id.length <= 40 && !/^[0-9a-f]{8}-[0-9a-f]{4}-/i.test(id) ? id : undefined;

function remember<Item>(known: Map<string, Item>, given: Entry | undefined, entry: Entry, item: Item): void {
  const id = given?.words();
  if (id === undefined) {
    if (!given) entry.complain("it has no id", "OTM asks for an id here; references need it", "E803");
  } else if (known.has(id))
    given!.complain(`the id "${id}" stands twice`, "ids of OTM are unique among their kind", "E806");
  else known.set(id, item);
}

const many = (words: string | undefined): string[] => (words === undefined ? [] : [words]);
const unique = (ids: readonly string[]): string[] => [...new Set(ids)];
const place = (entry: Entry): string => `${pointer(entry.path)}, line ${entry.line}`;
