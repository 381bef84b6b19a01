/**
 * Attacks of MITRE ATLAS v5.6.0 case studies as steps: the tactic and the technique the case gives each, in its order, and where the case says
 * so, the components of our system file at which the step acts. The system files beside this one were written first, from the summaries.
 */

/** One step of a case: tactic (AML.TA…), technique (AML.T…), and the components it is said to act at; any place where none is named. */
export type Step = readonly [tactic: string, technique: string, ...at: string[]];

export interface Case {
  readonly id: string;
  /** What the case is about, in our words. */
  readonly title: string;
  readonly about: "evasion" | "biometrics" | "poisoning" | "supply chain" | "agents" | "cloud";
  readonly steps: readonly Step[];
  /** ATLAS lists no mitigation for any of its steps that touch the target. */
  readonly unmitigated?: true;
}

const RECONNAISSANCE = "AML.TA0002";
const RESOURCES = "AML.TA0003";
const STAGING = "AML.TA0001";
const ENTRY = "AML.TA0004";
const MODEL_ACCESS = "AML.TA0000";
const EXECUTION = "AML.TA0005";
const PERSISTENCE = "AML.TA0006";
const PRIVILEGES = "AML.TA0012";
const EVADING = "AML.TA0007";
const CREDENTIALS = "AML.TA0013";
const DISCOVERY = "AML.TA0008";
const COLLECTION = "AML.TA0009";
const CONTROL = "AML.TA0014";
const EXFILTRATION = "AML.TA0010";
const IMPACT = "AML.TA0011";

/**
 * Tactics whose steps happen before or beside the target, on the attacker's own ground: no description of the target could show them. A
 * step is left out by the tactic its case files it under, not by its technique: poisoned data published (resource development) is left
 * out, the same technique at work in the target (persistence) is not.
 */
export const OFF_TARGET: ReadonlySet<string> = new Set([RECONNAISSANCE, RESOURCES, STAGING]);

export const CASES: readonly Case[] = [
  {
    id: "AML.CS0002",
    title: "mutants uploaded to a sharing platform",
    about: "poisoning",
    steps: [
      [RESOURCES, "AML.T0016.000"],
      [STAGING, "AML.T0043"],
      [ENTRY, "AML.T0010.002", "submission", "samples"],
      [PERSISTENCE, "AML.T0020", "samples", "training", "labeller", "detector"],
    ],
  },
  {
    id: "AML.CS0003",
    title: "a string that malware detectors take for good",
    about: "evasion",
    steps: [
      [RECONNAISSANCE, "AML.T0000"],
      [MODEL_ACCESS, "AML.T0047", "agent", "classifier"],
      [DISCOVERY, "AML.T0063", "agent", "classifier"],
      [RESOURCES, "AML.T0017.000"],
      [STAGING, "AML.T0043.003"],
      [EVADING, "AML.T0015", "classifier"],
    ],
  },
  {
    id: "AML.CS0004",
    title: "a made-up video before a face login",
    about: "biometrics",
    steps: [
      [RECONNAISSANCE, "AML.T0087"],
      [RESOURCES, "AML.T0021"],
      [RESOURCES, "AML.T0008.001"],
      [RESOURCES, "AML.T0016.001"],
      [RESOURCES, "AML.T0016.000"],
      [MODEL_ACCESS, "AML.T0047", "phone", "gateway"],
      [ENTRY, "AML.T0015", "liveness", "matcher"],
      [IMPACT, "AML.T0048.000", "portal"],
    ],
  },
  {
    id: "AML.CS0009",
    title: "a chatbot taught to insult",
    about: "poisoning",
    steps: [
      [MODEL_ACCESS, "AML.T0047", "network-account", "bot"],
      [ENTRY, "AML.T0010.002", "network-account", "conversations", "bot"],
      [PERSISTENCE, "AML.T0020", "conversations", "learning", "bot"],
      [IMPACT, "AML.T0031", "bot"],
    ],
  },
  {
    id: "AML.CS0012",
    title: "a printed patch before a face service",
    about: "biometrics",
    steps: [
      [RECONNAISSANCE, "AML.T0000"],
      [ENTRY, "AML.T0012", "accounts", "api"],
      [MODEL_ACCESS, "AML.T0040", "api", "identifier"],
      [DISCOVERY, "AML.T0013", "api", "identifier"],
      [RESOURCES, "AML.T0002.000"],
      [STAGING, "AML.T0005"],
      [STAGING, "AML.T0043.000"],
      [RESOURCES, "AML.T0008.003"],
      [MODEL_ACCESS, "AML.T0041", "camera", "identifier"],
      [IMPACT, "AML.T0015", "identifier"],
    ],
  },
  {
    id: "AML.CS0013",
    title: "a backdoor put into networks of mobile apps",
    about: "supply chain",
    steps: [
      [RECONNAISSANCE, "AML.T0004"],
      [RESOURCES, "AML.T0002.001"],
      [MODEL_ACCESS, "AML.T0044", "network"],
      [RESOURCES, "AML.T0017.000"],
      [PERSISTENCE, "AML.T0018.001", "network"],
      [STAGING, "AML.T0042"],
      [ENTRY, "AML.T0010.003", "stores", "app", "network"],
      [STAGING, "AML.T0043.004"],
      [MODEL_ACCESS, "AML.T0041", "camera", "network"],
      [IMPACT, "AML.T0015", "network"],
    ],
  },
  {
    id: "AML.CS0015",
    title: "a package under a dependency's name",
    about: "supply chain",
    steps: [
      [ENTRY, "AML.T0010.001", "public-index", "workstation"],
      [COLLECTION, "AML.T0037", "workstation", "secrets"],
      [EXFILTRATION, "AML.T0025", "workstation", "secrets"],
    ],
  },
  {
    id: "AML.CS0024",
    title: "a worm among mail assistants",
    about: "agents",
    steps: [
      [MODEL_ACCESS, "AML.T0040", "assistant"],
      [EXECUTION, "AML.T0051.000", "assistant"],
      [EXECUTION, "AML.T0053", "assistant", "knowledge"],
      [EXECUTION, "AML.T0051.002", "assistant"],
      [PERSISTENCE, "AML.T0061", "assistant"],
      [EXFILTRATION, "AML.T0057", "assistant", "knowledge", "mailbox"],
      [IMPACT, "AML.T0048.003"],
    ],
  },
  {
    id: "AML.CS0028",
    title: "models in open container registries",
    about: "supply chain",
    steps: [
      [RECONNAISSANCE, "AML.T0004"],
      [ENTRY, "AML.T0049", "registry"],
      [DISCOVERY, "AML.T0007", "registry"],
      [MODEL_ACCESS, "AML.T0044", "registry", "classifier"],
      [IMPACT, "AML.T0048.004", "registry", "classifier"],
      [PERSISTENCE, "AML.T0018.000", "registry", "classifier"],
      [PERSISTENCE, "AML.T0018.001", "registry", "classifier"],
      [ENTRY, "AML.T0010.004", "registry", "cluster"],
      [IMPACT, "AML.T0015", "classifier"],
    ],
  },
  {
    id: "AML.CS0030",
    title: "rented language models used with stolen keys",
    about: "cloud",
    unmitigated: true,
    steps: [
      [ENTRY, "AML.T0049", "application"],
      [CREDENTIALS, "AML.T0055", "keys", "application"],
      [PRIVILEGES, "AML.T0012", "access", "service"],
      [RESOURCES, "AML.T0016.001"],
      [DISCOVERY, "AML.T0075", "access", "service"],
      [RESOURCES, "AML.T0016.001"],
      [IMPACT, "AML.T0048.000"],
    ],
  },
  {
    id: "AML.CS0037",
    title: "a customer service agent told to mail out its records",
    about: "agents",
    steps: [
      [RECONNAISSANCE, "AML.T0006"],
      [RESOURCES, "AML.T0065"],
      [ENTRY, "AML.T0093", "inbox", "agent"],
      [EXECUTION, "AML.T0051.002", "agent"],
      [DISCOVERY, "AML.T0084.002", "agent"],
      [DISCOVERY, "AML.T0084.001", "agent"],
      [MODEL_ACCESS, "AML.T0047", "inbox", "agent"],
      [EXECUTION, "AML.T0051", "agent"],
      [DISCOVERY, "AML.T0084.000", "agent", "knowledge"],
      [DISCOVERY, "AML.T0084.001", "agent", "crm"],
      [RESOURCES, "AML.T0065"],
      [COLLECTION, "AML.T0085.000", "knowledge"],
      [COLLECTION, "AML.T0085.001", "agent", "crm"],
      [EXFILTRATION, "AML.T0086", "agent", "outbox"],
    ],
  },
];

/** Encoded after the rules and the crosswalk were changed for the cases above, and nothing was changed for them: a test of the changes. */
export const HELD_OUT: readonly Case[] = [
  {
    id: "AML.CS0008",
    title: "mails worded for a good score",
    about: "evasion",
    steps: [
      [DISCOVERY, "AML.T0063", "relay", "mailbox", "scorer"],
      [MODEL_ACCESS, "AML.T0047", "relay", "scorer"],
      [STAGING, "AML.T0005.001"],
      [STAGING, "AML.T0043.002"],
      [IMPACT, "AML.T0015", "scorer"],
    ],
  },
  {
    id: "AML.CS0023",
    title: "clusters open to the internet",
    about: "cloud",
    steps: [
      [RECONNAISSANCE, "AML.T0006"],
      [ENTRY, "AML.T0049", "job-api", "workers"],
      [COLLECTION, "AML.T0035", "workers", "served"],
      [CREDENTIALS, "AML.T0055", "workers", "secrets", "job-api"],
      [EXFILTRATION, "AML.T0025", "workers", "secrets", "data-store"],
      [ENTRY, "AML.T0010.003", "workers", "served"],
      [IMPACT, "AML.T0048.000"],
    ],
  },
  {
    id: "AML.CS0025",
    title: "lapsed domains on a list of training pictures",
    about: "poisoning",
    steps: [
      [RESOURCES, "AML.T0002.000"],
      [RESOURCES, "AML.T0008.002"],
      [RESOURCES, "AML.T0020"],
      [RESOURCES, "AML.T0019"],
      [IMPACT, "AML.T0059", "hosts", "crawler", "store", "training"],
      [IMPACT, "AML.T0031", "large-model"],
    ],
  },
  {
    id: "AML.CS0031",
    title: "a model that runs code as it is loaded",
    about: "supply chain",
    steps: [
      [STAGING, "AML.T0018.002"],
      [RESOURCES, "AML.T0058"],
      [EVADING, "AML.T0076", "hub"],
      [ENTRY, "AML.T0010", "hub", "workstation", "tuned"],
      [EXECUTION, "AML.T0011.000", "workstation", "tuned"],
      [CONTROL, "AML.T0072", "workstation"],
    ],
  },
  {
    id: "AML.CS0033",
    title: "another's face put over the camera's picture",
    about: "biometrics",
    steps: [
      [RECONNAISSANCE, "AML.T0087"],
      [RESOURCES, "AML.T0016.002"],
      [RESOURCES, "AML.T0016.001"],
      [RESOURCES, "AML.T0016"],
      [STAGING, "AML.T0088"],
      [RESOURCES, "AML.T0021"],
      [MODEL_ACCESS, "AML.T0047", "phone", "gateway"],
      [ENTRY, "AML.T0015", "liveness", "matcher"],
      [EVADING, "AML.T0073", "accounts", "gateway"],
      [IMPACT, "AML.T0048.000"],
    ],
  },
  {
    id: "AML.CS0039",
    title: "a ticket that tells the desk's agent what to do",
    about: "agents",
    steps: [
      [RECONNAISSANCE, "AML.T0003"],
      [RECONNAISSANCE, "AML.T0095"],
      [RESOURCES, "AML.T0065"],
      [ENTRY, "AML.T0093", "portal", "tickets", "agent"],
      [EXECUTION, "AML.T0051.001", "agent"],
      [PRIVILEGES, "AML.T0053", "agent", "tools"],
      [COLLECTION, "AML.T0085.001", "agent", "tools", "tickets"],
      [EXFILTRATION, "AML.T0086", "agent", "tools", "portal"],
    ],
  },
];
