/** The smallest system that imported evidence can be about, and statements made of it, for tests. */
import {
  system,
  type Control,
  type DeclaredControl,
  type ImportedSource,
  type Knowledge,
  type System,
} from "#assessment/index.ts";

export const ASOF = "2026-11-22";
export const DEPLOYED = "a".repeat(64);
export const OTHER = "b".repeat(64);
const where = { file: "vauban.yaml", line: 7, column: 3 };

const component = (id: string, kind: string, rest: object = {}) => ({
  id,
  kind,
  title: id.toUpperCase(),
  holds: [],
  usual: {},
  where,
  ...rest,
});

export const world: System = system.parse({
  format: "vauban/system/1",
  name: "Reading room",
  version: "2026.1",
  purpose: "p",
  excluded: [],
  misuse: [],
  environment: "virtual",
  synthetic: true,
  law: { role: "provider", listing: "none", presumptions: [] },
  stage: "operation",
  sector: "general",
  components: [
    component("pacs", "database", { version: "4.2" }),
    component("console", "interface"),
    component("cnn", "model", {
      model: {
        level: "deep",
        role: "advisory",
        task: "classification",
        artefact: "model.onnx",
        sha256: DEPLOYED,
        origin: { trainedBy: "provider" },
        training: { continual: false, federated: false, personalData: false, datasets: [] },
        onDevice: false,
        tools: false,
        untrustedContent: false,
      },
    }),
  ],
  flows: [
    {
      id: "pacs->cnn",
      from: "pacs",
      to: "cnn",
      carries: [],
      signed: false,
      encrypted: false,
      authenticated: false,
      where,
    },
  ],
  boundaries: [{ id: "hospital", title: "Hospital", components: ["pacs"], where }],
  assets: [],
  actors: [{ id: "outsider", title: "Outsider", profile: "AT-1", touches: [], knows: "black", byMethod: false, where }],
  datasets: [],
  controls: [],
  tests: [],
  imports: [],
  harms: [],
  criteria: [],
  exclusions: [],
  exposures: [],
  reviewers: [],
  where,
});

export const knowledge = {
  edition: "test",
  hash: "0",
  threats: [],
  controls: [
    { id: "C-92", validDays: 365, verbs: ["prevent", "detect"] } as unknown as Control,
    { id: "C-53", validDays: 365, verbs: ["prevent"] } as unknown as Control,
  ],
  clauses: [],
  dates: [],
  profiles: [],
  sectors: [],
  weakClaims: [],
} satisfies Knowledge;

export const source = (format: ImportedSource["format"], rest: Partial<ImportedSource> = {}): ImportedSource => ({
  id: `${format}:evidence/x.json`,
  format,
  path: "evidence/x.json",
  for: ["T-35"],
  at: "pacs",
  where,
  ...rest,
});

export const control = (rest: Partial<DeclaredControl> = {}): DeclaredControl => ({
  id: "C-92@pacs",
  control: "C-92",
  at: "pacs",
  kind: "verified",
  evidence: "evidence/x.json",
  where,
  ...rest,
});

/** A denial test of C-92 at the archive that everything is right with. */
export const statement = (rest: object = {}): Record<string, unknown> => ({
  format: "vauban/statement/1",
  control: "C-92",
  threats: ["T-35"],
  at: "pacs",
  claim: "An altered image is refused.",
  method: "One byte of each of 20 images was flipped.",
  kind: "denial",
  n: 20,
  successes: 0,
  unit: "attempt",
  adaptive: false,
  by: "A. Tester",
  independent: true,
  date: "2026-10-01",
  subject: { version: "4.2" },
  ...rest,
});

export const bytesOf = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
