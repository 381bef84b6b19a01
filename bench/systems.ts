/**
 * System files of any size, as text: halls of twenty components each – a zone with its sensors, gateway, pre-processing, rules or models,
 * service, store, screen and people – joined by a backbone, run from one platform (training, updates, identity), with a dozen
 * attackers. Models stand in some halls, up to three in each. Everything follows from the seed.
 */
import { rng } from "../src/base/random.ts";

const SITE = 20;

/** A system file of `components` components (a multiple of twenty, and at least forty) with models in `modelHalls` halls. */
export function systemText(
  components: number,
  { seed = "systems", modelHalls = 4 }: { seed?: string; modelHalls?: number } = {},
): string {
  const draw = rng(seed);
  const sites = Math.max(1, Math.round(components / SITE) - 1);
  const lines: string[] = [
    "vauban: 1",
    "system:",
    `  name: Works with ${components} components`,
    '  version: "1"',
    "  synthetic: true",
    "  purpose: Inspects parts on many lines and stops a line whose parts are bad.",
    "  context: One company, many halls, one platform.",
    "  environment: both",
    "law:",
    "  role: provider",
    "  listing: annex-III.2",
    "  placing: 2028-09",
    "  reasoning: Safety component of a plant.",
    "stage: design",
    "sector: general",
    "harms:",
    "  wrong-output:",
    "    safety: { severity: H, because: A bad part is built in. }",
    "  no-output:",
    "    continuity: { severity: M, because: Lines stand still. }",
  ];
  const zones: string[] = [];
  const parts: string[] = [];
  const flows: string[] = [];
  const component = (id: string, kind: string, more = ""): string => {
    parts.push(`  ${id}: { kind: ${kind}, title: ${id.replaceAll("-", " ")}${more} }`);
    return id;
  };
  const flow = (from: string, to: string, carries: string, more = ""): void => {
    flows.push(`  - { from: ${from}, to: ${to}, carries: ${carries}${more} }`);
  };
  const usual = (answers: string): string => `, usual: { ${answers} }`;

  const platform = [
    component("training", "compute", usual("administration: engineers with a second factor, backup: object store")),
    component("data-store", "database", ", holds: [training-parts]"),
    component("labelling", "interface"),
    component("registry", "database", ", holds: [weights]"),
    component("updates", "network", usual("administration: platform team")),
    component("identity", "interface", usual("administration: platform team with a second factor")),
    component("logs", "monitoring", ", holds: [logs]"),
    component("drift", "monitoring"),
    component("planner", "interface"),
    component("erp", "database", ", holds: [orders]"),
    component("portal", "interface", ", holds: [orders]"),
    component("api", "interface"),
    component("mail", "interface"),
    component("vpn", "network"),
    component("backbone", "network"),
    component("backup", "database", ", holds: [orders]"),
    component("office", "human"),
    component("engineers", "human"),
  ];
  const outside = [component("supplier", "external"), component("customers", "external")];
  zones.push(`  platform: { title: Platform, here: [${platform.join(", ")}] }`);
  zones.push(`  outside-parties: { title: Outside parties, here: [${outside.join(", ")}] }`);
  for (const [from, to, carries] of [
    ["supplier", "training", "weights"],
    ["data-store", "training", "training-parts"],
    ["data-store", "labelling", "training-parts"],
    ["labelling", "data-store", "labels"],
    ["training", "registry", "weights"],
    ["registry", "updates", "weights"],
    ["customers", "portal", "orders"],
    ["portal", "api", "orders"],
    ["api", "planner", "orders"],
    ["planner", "erp", "orders"],
    ["erp", "backup", "orders"],
    ["mail", "office", "orders"],
    ["customers", "mail", "orders"],
    ["office", "erp", "orders"],
    ["engineers", "training", "code"],
    ["vpn", "identity", "sign-ons"],
    ["logs", "drift", "logs"],
  ] as const)
    flow(from, to, carries);
  flow("updates", "backbone", "weights", ", signed: true, encrypted: true");
  flow("planner", "backbone", "orders", ", encrypted: true");

  for (let site = 0; site < sites; site++) {
    const at = (name: string): string => `${name}-${site}`;
    const open = draw.uniform() < 0.5;
    const here: string[] = [];
    const place = (name: string, kind: string, more = ""): string => {
      here.push(at(name));
      return component(at(name), kind, more);
    };
    place("camera-a", "sensor", open ? "" : usual("import-media: none, remote-maintenance: none"));
    place("camera-b", "sensor");
    place("scale", "sensor");
    place("gateway", "network", usual("administration: hall team, update: platform"));
    place("switch", "network");
    place("prep", "preprocessing");
    const models = site < modelHalls ? 1 + draw.below(3) : 0;
    for (let m = 0; m < 3; m++)
      if (m < models)
        place(
          `model-${m}`,
          "model",
          `, level: ${["deep", "traditional", "large-scale"][m]}, role: ${["decisive", "advisory", "advisory"][m]}, task: ${["classification", "classification", "generation"][m]}, origin: { trained-by: provider }, training: { continual: ${draw.uniform() < 0.3}, federated: false, personal-data: false }`,
        );
      else place(`rules-${m}`, "preprocessing");
    place("decision", "preprocessing");
    place("controller", "compute");
    place("actuator", "actuator");
    place("store", "database", ", holds: [parts]");
    place("screen", "interface", ", holds: [parts]");
    place(
      "edge",
      "compute",
      open ? "" : usual("import-media: none, physical-presence: locked room, administration: hall team"),
    );
    place("monitor", "monitoring");
    place("foreman", "human");
    place("historian", "database", ", holds: [logs]");
    place("terminal", "interface");
    place("robot", "actuator");
    zones.push(`  hall-${site}: { title: Hall ${site}, here: [${here.join(", ")}] }`);
    const lane = (...ids: readonly string[]): void => {
      for (let i = 0; i + 1 < ids.length; i++) flow(at(ids[i]), at(ids[i + 1]), "parts");
    };
    lane("camera-a", "gateway", "prep");
    lane("decision", "controller", "actuator");
    lane("camera-b", "gateway");
    lane("scale", "switch", "prep");
    lane("prep", "store", "screen", "foreman", "terminal", "controller", "robot");
    for (let m = 0; m < 3; m++) lane("prep", m < models ? `model-${m}` : `rules-${m}`, "decision");
    lane("decision", "monitor", "historian");
    lane("decision", "screen");
    flow("backbone", at("edge"), "weights", ", signed: true, encrypted: true");
    flow("backbone", at("switch"), "orders");
    for (let m = 0; m < models; m++) flow(at("edge"), at(`model-${m}`), "weights");
    flow(at("monitor"), "logs", "logs");
    if (models > 0) flow(at("store"), "data-store", "training-parts", ", encrypted: true");
    if (site > 0 && draw.uniform() < 0.3) flow(at("store"), `screen-${draw.below(site)}`, "parts");
  }
  const site = (): number => draw.below(sites);
  lines.push(
    "actors:",
    "  anyone: { profile: AT-1, title: Anyone on the internet, touches: [portal] }",
    `  worker: { profile: AT-2, title: Worker who abuses a screen, touches: [screen-${site()}] }`,
    "  customer: { profile: AT-3, title: Customer, touches: [portal] }",
    "  data-supplier: { profile: AT-5, title: Supplier of data, touches: [supplier] }",
    "  model-supplier: { profile: AT-6, title: Supplier of weights, touches: [supplier] }",
    `  insider: { profile: AT-7, title: Malicious hall technician, touches: [gateway-${site()}, edge-${site()}] }`,
    "  engineer: { profile: AT-7, title: Malicious platform engineer, touches: [training, updates] }",
    "  annotator: { profile: AT-8, title: Hurried annotator, touches: [labelling] }",
    "  gang: { profile: AT-9, title: Ransomware gang }",
    "  state: { profile: AT-10, title: State }",
    "  competitor: { profile: AT-11, title: Competitor, touches: [api] }",
    "boundaries:",
    ...zones,
    "components:",
    ...parts,
    "flows:",
    ...flows,
    "assets:",
    "  parts: { title: Pictures of parts, security: H, privacy: L }",
    "  training-parts: { title: Training pictures, security: H, privacy: L }",
    "  labels: { title: Labels, security: H, privacy: L }",
    "  weights: { title: Weights, security: H, privacy: L }",
    "  orders: { title: Orders, security: M, privacy: M }",
    "  logs: { title: Logs, security: M, privacy: L }",
    "controls:",
    "  - { control: C-53, at: api, declared: Interface specification, date: 2028-01-10 }",
    "  - { control: C-73, at: updates, declared: Release process, date: 2028-01-10 }",
    "  - { control: C-83, at: logs, declared: Logging concept, date: 2028-01-10 }",
  );
  return `${lines.join("\n")}\n`;
}
