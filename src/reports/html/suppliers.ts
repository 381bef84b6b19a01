/** Where parts and data come from: origin, licence, version and hash of what others made, what is agreed with whom, and what is not known. */
import type { Assessment, AssessmentBody, System } from "#assessment/index.ts";
import { markup, type Insertable, type Markup } from "#figures/markup.ts";
import { provenanceGaps, supplierRegister, TOPIC_WORDS, type SupplierRow } from "#system/suppliers.ts";
import { count, foldedList, table, tag } from "./parts.ts";

interface Part {
  readonly title: string;
  readonly kind: string;
  readonly origin: string;
  readonly licence: string | undefined;
  readonly version: string | undefined;
  readonly sha256: string | undefined;
}

const GAPS_SHOWN = 20;

export function suppliersSection({ body }: Assessment): Markup {
  const { system } = body;
  const gaps = provenanceGaps(system, body.asOf);
  return markup`<p>What others made can be poisoned before it arrives (T-09, T-11, T-38). The register says what is known of it; what it does not say is not known here.</p>
${billOfMaterials(body.bom)}
${table<Part>(
  "Models, and data they are made from",
  [
    { head: "Part", cell: ({ title }) => title },
    { head: "What", cell: ({ kind }) => kind },
    { head: "Origin", cell: ({ origin }) => origin, wide: true },
    { head: "Licence", cell: ({ licence }) => said(licence) },
    { head: "Version", cell: ({ version }) => said(version) },
    {
      head: "SHA-256 as it came",
      cell: ({ sha256 }) => (sha256 === undefined ? said(undefined) : markup`<code>${sha256.slice(0, 16)}…</code>`),
    },
  ],
  partsOf(system),
)}
${agreements(system)}
<h3>Not known</h3>
${
  gaps.length === 0
    ? markup`<p class="soft">Nothing that was looked for is missing.</p>`
    : foldedList(
        gaps.map(
          ({ at, missing, remedy, clause }) =>
            markup`<code>${at}</code>: ${missing}${clause === undefined ? "" : ` (${clause})`} <span class="soft">${remedy}</span>`,
        ),
        GAPS_SHOWN,
      )
}`;
}

/** The bill that lies beside this page, by what it lists and its hash. */
function billOfMaterials(bill: AssessmentBody["bom"]): Markup {
  if (!bill) return markup`<p><code>vauban bom</code> writes it as CycloneDX.</p>`;
  if (bill.status === "not made") return markup`<p>${tag("no bill of materials", "warn")} ${bill.because}</p>`;
  const { file, specification, sha256, models, datasets, libraries, services, others, gaps } = bill;
  return markup`<p><code>${file}</code> beside this page is the bill of materials as ${specification}, valid by the official schema: ${count(models, "model")} with what was measured there, ${count(datasets, "data set")}, ${libraries === 0 ? "no library" : count(libraries, "library", "libraries")} of lock files, ${count(services, "service")}, ${count(others, "other part")}. What it should say and does not (${gaps}) <code>vauban bom</code> names. SHA-256 <code>${sha256}</code>.</p>`;
}

const said = (words: string | undefined): Insertable => words ?? tag("not known", "warn");

/** Models, and the data that training, validation and answers rest on. */
function partsOf({ components, datasets }: System): Part[] {
  return [
    ...components.flatMap(({ title, model }): Part[] => {
      if (!model) return [];
      const { trainedBy, pretrained, supplier, licence, version, sha256 } = model.origin;
      const by = {
        provider: "trained by the provider",
        "third-party": "trained by a third party",
        unknown: "trained by nobody knows whom",
      };
      return [
        {
          title,
          kind: "model",
          origin: [by[trainedBy], pretrained && `from ${pretrained}`, supplier && `supplied by ${supplier}`]
            .filter(Boolean)
            .join(", "),
          licence,
          version,
          sha256: sha256 ?? (trainedBy === "provider" && pretrained === undefined ? model.sha256 : undefined),
        },
      ];
    }),
    ...datasets
      .filter(({ role }) => role === "training" || role === "validation" || role === "knowledge-base")
      .map(({ title, role, provenance, sha256 }) => ({
        title,
        kind: `${role} data`,
        origin: provenance
          ? `${provenance.source}${provenance.suppliers.length > 0 ? `, from ${provenance.suppliers.join(", ")}` : ""}`
          : "not said",
        licence: provenance?.licence,
        version: provenance?.version,
        sha256,
      })),
  ];
}

const STATE_TAG: Readonly<Record<SupplierRow["items"][number]["state"], Markup>> = {
  there: tag("named", "good"),
  missing: tag("missing", "bad"),
  "not asked": tag("not asked", "mute"),
};

function agreements(system: System): Markup {
  if (system.suppliers === undefined)
    return markup`<p>The system file has no register of suppliers (<code>suppliers:</code>): what is agreed with whom is not known.</p>`;
  const items = Object.keys(TOPIC_WORDS) as (keyof typeof TOPIC_WORDS)[];
  return table<SupplierRow>(
    "What Art. 25(4) asks to be agreed in writing; the last two are practice (C-05)",
    [
      { head: "Supplier", cell: ({ supplier }) => supplier.title },
      { head: "Supplies", cell: ({ supplier }) => supplier.supplies.join(", ") },
      { head: "Asked", cell: ({ asked, because }) => `${asked ? "yes" : "no"}: ${because}`, wide: true },
      ...items.map((item) => ({
        head: TOPIC_WORDS[item],
        cell: (row: SupplierRow): Insertable => STATE_TAG[row.items.find((one) => one.item === item)!.state],
      })),
      { head: "Until", cell: ({ supplier }) => supplier.until ?? "" },
    ],
    supplierRegister(system),
  );
}
