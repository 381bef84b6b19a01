/**
 * The register of suppliers: what Art. 25(4) of the AI Act asks the provider of a high-risk system to agree with them in writing, and
 * what has to be known of pretrained parts and of training data (S-132: origin, licence, version, hash). What is missing is said.
 */
import type { Supplier, System } from "#assessment/system.ts";
import { AGREEMENT_TOPICS } from "#assessment/system.ts";

/** Something that is not known, and how to make it known. */
export interface Gap {
  /** Where in the system file: `suppliers.backbone`, `components.cnn`, `datasets.images`. */
  readonly at: string;
  readonly missing: string;
  readonly remedy: string;
  /** The clause that asks for it; absent where practice does. */
  readonly clause?: "AIA-25.4";
}

export type Topic = (typeof AGREEMENT_TOPICS)[number];

export interface SupplierRow {
  readonly supplier: Supplier;
  /** Whether Art. 25(4) asks for an agreement with it, and why not where not. */
  readonly asked: boolean;
  readonly because: string;
  readonly items: readonly { readonly item: "agreement" | Topic; readonly state: "there" | "missing" | "not asked" }[];
}

/** What each topic is in the words of the article; the last two are our practice (control C-05). */
export const TOPIC_WORDS: Readonly<Record<"agreement" | Topic, string>> = {
  agreement: "written agreement",
  information: "necessary information",
  capabilities: "capabilities",
  "technical-access": "technical access",
  assistance: "other assistance, by the state of the art",
  "change-notice": "notice of changes",
  "test-access": "access for tests",
};
/** Asked by practice only. */
const PRACTICE: ReadonlySet<string> = new Set<Topic>(["change-notice", "test-access"]);

/** One row a declared supplier, in the order of the file. */
export function supplierRegister({ law, suppliers = [] }: System): SupplierRow[] {
  return suppliers.map((supplier): SupplierRow => {
    const [asked, because] =
      law.listing === "none"
        ? ([false, "the system is not listed as high-risk"] as const)
        : law.role !== "provider" && law.role !== "product-manufacturer"
          ? ([false, `the article speaks to providers, and the role here is ${law.role}`] as const)
          : supplier.openSource && !supplier.generalPurpose
            ? ([false, "free and open source, and no general-purpose model"] as const)
            : ([true, "it supplies a part of a high-risk system"] as const);
    const state = (there: boolean, wanted: boolean): SupplierRow["items"][number]["state"] =>
      there ? "there" : wanted ? "missing" : "not asked";
    return {
      supplier,
      asked,
      because,
      items: [
        { item: "agreement", state: state(supplier.agreement !== undefined, asked) },
        ...AGREEMENT_TOPICS.map((topic) => ({
          item: topic,
          state: state(supplier.covers.includes(topic), asked && !PRACTICE.has(topic)),
        })),
      ],
    };
  });
}

/** What the system file leaves open about where parts come from. `asOf`: agreements that have ended by that day are said. */
export function provenanceGaps(system: System, asOf?: string): Gap[] {
  const register = supplierRegister(system);
  const gaps: Gap[] = register.flatMap(({ supplier, items }) =>
    items
      .filter(({ state }) => state === "missing")
      .map(({ item }) => ({
        at: `suppliers.${supplier.id}`,
        missing: item === "agreement" ? "no written agreement is named" : `nothing agreed on ${TOPIC_WORDS[item]}`,
        remedy: item === "agreement" ? "agreement: with its reference" : `covers: ${item}, once it is agreed`,
        clause: "AIA-25.4" as const,
      })),
  );
  for (const { id, until } of system.suppliers ?? [])
    if (asOf !== undefined && until !== undefined && until < asOf.slice(0, until.length))
      gaps.push({
        at: `suppliers.${id}`,
        missing: `the agreement ended ${until}`,
        remedy: "renew it, or name the one that replaced it",
      });
  const supplied = new Set((system.suppliers ?? []).flatMap(({ supplies }) => supplies));
  const named = new Set((system.suppliers ?? []).flatMap(({ id, title }) => [id, title]));
  const lacks = (at: string, missing: string, remedy: string): void => void gaps.push({ at, missing, remedy });
  const unregistered = (at: string, part: string, name: string | undefined): void => {
    if (!supplied.has(part) && !(name !== undefined && (named.has(name) || supplied.has(name))))
      gaps.push({
        at,
        missing: name === undefined ? "no supplier is named" : `its supplier ${name} is not in the register`,
        remedy: `suppliers: { …: { supplies: [${part}], agreement: …, covers: […] } }`,
      });
  };

  for (const { id, kind, model, files = [] } of system.components) {
    const at = `components.${id}`;
    if (kind === "external" && !supplied.has(id) && !named.has(id))
      lacks(
        at,
        "an outside party that no supplier of the register supplies",
        `suppliers: { …: { supplies: [${id}], agreement: …, covers: […] } }`,
      );
    if (!model) continue;
    const { origin } = model;
    if (origin.trainedBy === "unknown")
      lacks(at, "who trained it is not known", "origin: { trained-by: provider | third-party }");
    if (origin.trainedBy !== "provider" || origin.pretrained !== undefined) {
      unregistered(at, id, origin.supplier);
      const part = origin.pretrained === undefined ? "the model" : "the pretrained part";
      if (origin.licence === undefined) lacks(at, `the licence of ${part} is not known`, "origin: { licence: … }");
      if (origin.version === undefined) lacks(at, `the version of ${part} is not known`, "origin: { version: … }");
      const hashed = files.some(({ role, sha256 }) => role === "pretrained" && sha256 !== undefined);
      if (origin.sha256 === undefined && !hashed) lacks(at, `no hash of ${part} as it came`, "origin: { sha256: … }");
    }
    if (model.artefact !== undefined && model.sha256 === undefined && model.signature === undefined)
      lacks(at, "no hash is declared, so a changed file is not noticed", "sha256: as `sha256sum` prints it");
    for (const name of model.training.datasets)
      if (!system.datasets.some((dataset) => dataset.id === name))
        lacks(at, `its training data ${name} is not described`, "declare it under datasets: with its provenance");
    if (model.training.datasets.length === 0 && model.level !== "symbolic")
      lacks(at, "what it was trained on is not said", "training: { datasets: […] }");
  }
  for (const { id, role, provenance, path, sha256 } of system.datasets) {
    if (role !== "training" && role !== "knowledge-base" && role !== "validation") continue;
    const at = `datasets.${id}`;
    if (!provenance) {
      lacks(at, "where the data come from is not said", "provenance: { source: …, licence: …, version: … }");
      continue;
    }
    if (provenance.suppliers.length === 0) unregistered(at, id, undefined);
    for (const name of provenance.suppliers) unregistered(at, id, name);
    if (provenance.licence === undefined) lacks(at, "their licence is not known", "provenance: { licence: … }");
    if (provenance.version === undefined) lacks(at, "their version is not known", "provenance: { version: … }");
    if (sha256 === undefined && path === undefined) lacks(at, "no hash of the data", "sha256: …, or path: …");
  }
  return gaps;
}
