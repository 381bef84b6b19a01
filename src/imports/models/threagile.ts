/** Threagile's YAML (version 1): data assets, technical assets with their links, trust boundaries, shared runtimes. */
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

/** The kind of each technology of Threagile 1.0; what is not here is known by its type alone. */
const KIND_OF: Readonly<Record<string, ComponentKind>> = {
  "client-system": "interface",
  browser: "interface",
  desktop: "interface",
  "mobile-app": "interface",
  "devops-client": "interface",
  "web-server": "interface",
  "web-application": "interface",
  "application-server": "compute",
  database: "database",
  "file-server": "database",
  "local-file-system": "database",
  erp: "interface",
  cms: "interface",
  "web-service-rest": "interface",
  "web-service-soap": "interface",
  ejb: "compute",
  "search-index": "database",
  "search-engine": "database",
  "service-registry": "interface",
  "reverse-proxy": "network",
  "load-balancer": "network",
  "build-pipeline": "compute",
  "sourcecode-repository": "database",
  "artifact-registry": "database",
  "code-inspection-platform": "monitoring",
  monitoring: "monitoring",
  "ldap-server": "interface",
  "container-platform": "compute",
  "batch-processing": "compute",
  "event-listener": "compute",
  "identity-provider": "interface",
  "identity-store-ldap": "database",
  "identity-store-database": "database",
  tool: "interface",
  cli: "interface",
  task: "compute",
  function: "compute",
  gateway: "network",
  "iot-device": "sensor",
  "message-queue": "network",
  "stream-processing": "preprocessing",
  "service-mesh": "network",
  "data-lake": "database",
  "big-data-platform": "compute",
  "report-engine": "preprocessing",
  ai: "model",
  "mail-server": "interface",
  vault: "database",
  hsm: "compute",
  waf: "network",
  ids: "monitoring",
  ips: "network",
  scheduler: "compute",
  mainframe: "compute",
  "block-storage": "database",
  library: "compute",
};
const KIND_OF_TYPE: Readonly<Record<string, ComponentKind>> = {
  "external-entity": "external",
  process: "compute",
  datastore: "database",
};

/** Threagile's five steps and ours. */
const CONFIDENTIALITY: readonly string[] = [
  "public",
  "internal",
  "restricted",
  "confidential",
  "strictly-confidential",
];
const CRITICALITY: readonly string[] = ["archive", "operational", "important", "critical", "mission-critical"];
const LEVEL: readonly Level[] = ["VL", "L", "M", "H", "VH"];

/** Protocols of Threagile that encrypt what they carry. */
const ENCRYPTED: ReadonlySet<string> = new Set([
  "https",
  "wss",
  "reverse-proxy-web-protocol-encrypted",
  "jdbc-encrypted",
  "odbc-encrypted",
  "sql-access-protocol-encrypted",
  "nosql-access-protocol-encrypted",
  "binary-encrypted",
  "text-encrypted",
  "ssh",
  "ssh-tunnel",
  "smtp-encrypted",
  "pop3-encrypted",
  "imap-encrypted",
  "ftps",
  "sftp",
  "scp",
  "ldaps",
  "smb-encrypted",
  "xmpp-encrypted",
  "iiop-encrypted",
  "jrmp-encrypted",
]);

/** Why something has no place in a system file, by its key, wherever it stands. */
const WHY: Readonly<Record<string, string>> = {
  threagile_version: "the version of the source's format",
  date: "when the source was written; not a date of the system",
  author: "who wrote the source has not reviewed this description; see reviewers",
  management_summary_comment: "words for a report of Threagile",
  business_criticality: "harms ask for each harm with its reason",
  images: "pictures are not carried",
  questions: "questions to the source's author",
  security_requirements: "a requirement is no control in place; claim controls with how they are known",
  tags_available: "tags mean something to rules of Threagile only",
  tags: "tags mean something to rules of Threagile only",
  individual_risk_categories: "threats are derived anew from the system; compare these with what is found",
  risk_tracking: "decisions on risks of Threagile; what was mitigated belongs under controls, with how that is known",
  usage: "business or devops is not a thing a system file says",
  origin: "where data come from is provenance of a dataset",
  owner: "owners are not a thing a system file says",
  quantity: "how many records there are is not a thing a system file says",
  justification_cia_rating: "reasons stand beside harms in a system file",
  used_as_client_by_human: "describe the person as a component of kind human",
  out_of_scope: "nothing that is described is out of scope",
  justification_out_of_scope: "nothing that is described is out of scope",
  size: "the size of a part is not a thing a system file says",
  machine: "the machine below is a component of kind compute where it matters",
  encryption: "encryption at rest is a control, to be shown by measurement or a denial test",
  confidentiality: "ratings belong to assets, not to components",
  integrity: "ratings belong to assets, not to components",
  availability: "ratings belong to assets, not to components",
  multi_tenant: "tenants are actors, to be named with what they touch",
  redundant: "redundancy is a control, to be shown",
  custom_developed_parts: "who developed it is not a thing a system file says",
  data_assets_processed: "what is only processed shows in the flows",
  data_formats_accepted: "formats are not a thing a system file says",
  authentication: "only a client certificate shows both ends to each other",
  authorization: "rights are a control, to be shown",
  ip_filtered: "a filter is a control, to be shown",
  readonly: "directions are flows; a right to read only is a control, to be shown",
  vpn: "no encryption on the way is said",
  internet: "not reachable from the internet is a claim: it needs a verified control on every crossing",
  type: "kinds of trust boundaries are not told apart",
  includes: "parts in other files are not read: merge them into one file first, or they are missing",
};

/** Sections that are given up whole, whatever the keys inside are called. */
const WHOLE: ReadonlySet<string> = new Set([
  "questions",
  "security_requirements",
  "individual_risk_categories",
  "risk_tracking",
]);

export const threagileReason = (path: Steps): string => {
  for (const step of WHOLE.has(String(path[0])) ? path.slice(0, 1) : path.toReversed()) {
    const reason = typeof step === "string" && Object.hasOwn(WHY, step) ? WHY[step] : undefined;
    if (reason !== undefined) return reason;
  }
  return path.some((step) => String(step).startsWith("diagram_tweak"))
    ? "how the drawing is laid out"
    : "not a key of Threagile 1.0 that a system file has a place for";
};

interface Asset {
  readonly component: DraftComponent;
  readonly entry: Entry;
}

/** Reads the parts of a Threagile model. `isModel` says which technical assets the author calls AI models, by id or name. */
export function fromThreagile(ledger: Ledger, isModel: (...names: readonly (string | undefined)[]) => boolean): Draft {
  const root = ledger.root;
  const names = new Names();
  const held = new Names();

  const dataById = new Map<string, string>();
  const assets: DraftAsset[] = [];
  for (const [title, entry] of root.get("data_assets")?.entries ?? []) {
    const given = entry.get("id");
    const id = held.make("data", given?.words(), title);
    given?.read("assets", id);
    remember(dataById, given ?? entry, given?.words() ?? title, id);
    const rate = (key: string, steps: readonly string[]): number => {
      const said = entry.get(key);
      const at = said ? steps.indexOf(said.words() ?? "") : -1;
      if (said && at < 0)
        said.complain(`${said.words()} is not one of ${steps.join(", ")}`, "use Threagile's own words", "E805");
      if (at >= 0) said!.read("assets", id, "security");
      return at;
    };
    const confidentiality = rate("confidentiality", CONFIDENTIALITY);
    const worst = Math.max(confidentiality, rate("integrity", CRITICALITY), rate("availability", CRITICALITY));
    const described = entry.get("description");
    described?.lose("assets hold no description");
    assets.push({
      id,
      title,
      security: LEVEL[worst] ?? "M",
      privacy: LEVEL[confidentiality] ?? "M",
      from: place(entry),
    });
  }

  const byId = new Map<string, Asset>();
  const components: DraftComponent[] = [];
  const exposed: string[] = [];
  for (const [title, entry] of root.get("technical_assets")?.entries ?? []) {
    const given = entry.get("id");
    const id = names.make("component", given?.words(), title);
    given?.read("components", id);
    // One technology, or in later files a list of them; the first that is known says the kind.
    const technologies = [entry.get("technology"), ...(entry.get("technologies")?.items ?? [])].filter(
      (said) => said !== undefined,
    );
    const technology = technologies.find((said) => Object.hasOwn(KIND_OF, said.words() ?? ""));
    const type = entry.get("type");
    const typed = type?.words() ?? "";
    const known = technology && KIND_OF[technology.words()!];
    const kind =
      isModel(given?.words(), title) || known === "model"
        ? "model"
        : typed === "external-entity"
          ? "external"
          : (known ?? (Object.hasOwn(KIND_OF_TYPE, typed) ? KIND_OF_TYPE[typed]! : "compute"));
    technology?.read("components", id, "kind");
    for (const other of technologies)
      if (other !== technology)
        other.lose(
          technology
            ? "the kind follows from another technology"
            : "not a technology of Threagile 1.0; the kind follows from the type",
        );
    if (type && Object.hasOwn(KIND_OF_TYPE, typed)) type.read("components", id, "kind");
    else
      type?.complain(
        `${typed} is not one of ${Object.keys(KIND_OF_TYPE).join(", ")}`,
        "use Threagile's own words",
        "E805",
      );
    const stored = entry.get("data_assets_stored")?.items ?? [];
    const internet = entry.get("internet");
    if (internet?.flag()) {
      exposed.push(id);
      internet.read("actors", "internet-actor", "touches");
    }
    const component: DraftComponent = {
      id,
      kind,
      title,
      note: entry.get("description")?.text("components", id, "note"),
      holds: unique(
        stored.flatMap((reference) => {
          const asset = referred(reference, dataById, "data asset");
          if (asset !== undefined) reference.read("components", id, "holds");
          return asset ?? [];
        }),
      ),
      unsure: known === undefined && typed !== "external-entity",
      from: place(entry),
    };
    components.push(component);
    remember(byId, given ?? entry, given?.words() ?? title, { component, entry });
  }

  const flows: DraftFlow[] = [];
  for (const { component, entry } of byId.values())
    for (const [title, link] of entry.get("communication_links")?.entries ?? []) {
      const target = link.get("target");
      if (!target) {
        link.complain(
          "a communication link without a target",
          "name the technical asset it goes to under target:",
          "E803",
        );
        continue;
      }
      const to = referred(target, byId, "technical asset");
      if (!to) continue;
      if (to.component === component) {
        link.lose("a flow from a component to itself says nothing");
        continue;
      }
      flows.push(...linkFlows({ title, link, from: component.id, to: to.component.id, target }, names, dataById));
    }

  const inside = new Map<string, Entry>();
  const { boundaries, where } = readBoundaries(root, names, byId, inside);
  for (const [title, entry] of root.get("shared_runtimes")?.entries ?? []) {
    const given = entry.get("id");
    const id = names.make("runtime", given?.words(), title);
    given?.read("components", id);
    const running = (entry.get("technical_assets_running")?.items ?? []).flatMap((reference) => {
      const asset = referred(reference, byId, "technical asset");
      if (!asset) return [];
      const flow = names.make("flow", `${id}-runs-${asset.component.id}`);
      reference.read("flows", flow);
      flows.push({ id: flow, from: id, to: asset.component.id, carries: ["what runs there"], source: place(entry) });
      return [asset.component.id];
    });
    components.push({
      id,
      kind: "compute",
      title,
      note: entry.get("description")?.text("components", id, "note"),
      holds: [],
      from: place(entry),
    });
    running
      .map((of) => where.get(of))
      .find((boundary) => boundary !== undefined)
      ?.here.push(id);
  }

  return {
    name: root.get("title")?.text("system", "name") ?? "System without a title",
    purpose: root.dig("business_overview", "description")?.text("system", "purpose"),
    context: root.dig("technical_overview", "description")?.text("system", "context"),
    misuse: (root.get("abuse_cases")?.entries ?? []).map(([title, entry]) => {
      const said = entry.value === null ? undefined : entry.text("system", "misuse");
      return said ? `${title}: ${said}` : title;
    }),
    assets,
    components,
    flows,
    boundaries,
    exposed,
  };
}

/** A link is a flow to its target, and one back where something is received. */
function linkFlows(
  { title, link, from, to, target }: { title: string; link: Entry; from: string; to: string; target: Entry },
  names: Names,
  dataById: ReadonlyMap<string, string>,
): DraftFlow[] {
  const id = names.make("flow", title);
  const back = link.get("data_assets_received");
  const backId = back && names.make("flow", `${id}-back`);
  target.read("flows", id, "to");
  const protocol = link.get("protocol");
  const over = protocol?.text("flows", id, "over");
  const vpn = link.get("vpn");
  const tunnelled = vpn?.flag() ?? false;
  if (tunnelled) vpn!.read("flows", id, "encrypted");
  const authentication = link.get("authentication");
  const mutual = authentication?.words() === "client-certificate";
  if (mutual) authentication!.read("flows", id, "authenticated");
  const carried = (references: Entry | undefined, flow: string): string[] =>
    unique(
      (references?.items ?? []).flatMap((reference) => {
        const asset = referred(reference, dataById, "data asset");
        if (asset !== undefined) reference.read("flows", flow, "carries");
        return asset ?? [];
      }),
    );
  link.get("description")?.lose("flows hold no description");
  const way = {
    over,
    encrypted: tunnelled || (over !== undefined && ENCRYPTED.has(over)),
    authenticated: mutual,
    source: `${title}: ${place(link)}`,
  };
  const sent = carried(link.get("data_assets_sent"), id);
  return [
    { id, from, to, carries: sent, ...way },
    ...(back && backId !== undefined
      ? [{ id: backId, from: to, to: from, carries: carried(back, backId), ...way }]
      : []),
  ];
}

function readBoundaries(root: Entry, names: Names, byId: ReadonlyMap<string, Asset>, inside: Map<string, Entry>) {
  const all = new Map<string, { boundary: DraftBoundary; entry: Entry; parent?: string }>();
  const where = new Map<string, DraftBoundary>();
  for (const [title, entry] of root.get("trust_boundaries")?.entries ?? []) {
    const given = entry.get("id");
    const id = names.make("boundary", given?.words(), title);
    const boundary: DraftBoundary = { id, title, here: [], inside: [], from: place(entry) };
    entry.get("description")?.lose("boundaries hold no description");
    remember(all, given ?? entry, given?.words() ?? title, { boundary, entry });
    for (const reference of entry.get("technical_assets_inside")?.items ?? []) {
      const asset = referred(reference, byId, "technical asset");
      if (!asset) continue;
      const other = inside.get(asset.component.id);
      if (other) {
        reference.lose(`it stands in ${other.where} already; a component stands in one innermost boundary`);
        continue;
      }
      inside.set(asset.component.id, reference);
      where.set(asset.component.id, boundary);
      boundary.here.push(asset.component.id);
      reference.read("boundaries", id, "here");
    }
  }
  for (const [id, { boundary, entry }] of all)
    for (const reference of entry.get("trust_boundaries_nested")?.items ?? []) {
      const child = referred(reference, all, "trust boundary");
      if (!child) continue;
      const circle = [...chain(all, id)].includes(child.boundary.id) || child.boundary === boundary;
      if (child.parent !== undefined || circle) {
        reference.lose(circle ? "a boundary cannot stand inside itself" : `it stands inside ${child.parent} already`);
        continue;
      }
      child.parent = id;
      boundary.inside.push(child.boundary);
      if (separates(child.boundary)) reference.read("boundaries", boundary.id, child.boundary.id);
      else reference.lose("a boundary with nothing inside separates nothing");
    }
  for (const { boundary, entry } of all.values())
    if (separates(boundary)) entry.get("id")?.read("boundaries", boundary.id);
    else entry.lose("a boundary with nothing inside separates nothing");
  return {
    boundaries: [...all.values()].filter(({ parent }) => parent === undefined).map(({ boundary }) => boundary),
    where,
  };
}

/** Ids of the boundaries around one. */
function* chain(all: ReadonlyMap<string, { boundary: DraftBoundary; parent?: string }>, id: string): Generator<string> {
  for (let at = all.get(id); at; at = at.parent === undefined ? undefined : all.get(at.parent)) yield at.boundary.id;
}

function remember<Item>(known: Map<string, Item>, entry: Entry, id: string, item: Item): void {
  if (known.has(id))
    entry.complain(`the id "${id}" stands twice`, "ids of Threagile are unique among their kind", "E806");
  else known.set(id, item);
}

const unique = (ids: readonly string[]): string[] => [...new Set(ids)];
const place = (entry: Entry): string => `${pointer(entry.path)}, line ${entry.line}`;
