/** The commands and hashes that make every figure again. */
import type { Assessment } from "#assessment/index.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { facts, table } from "./parts.ts";

export function reproductionSection({ body, run, hash }: Assessment): Markup {
  // The command of this run with all it said about samples and queries, aimed at one trial.
  const again = run.command.replaceAll(/ --only \S+| --fresh\b/g, "");
  return markup`<p>The same version, processor kind and thread count give the same hashes; elsewhere the verdicts agree within the stated intervals.</p>
<pre tabindex="0">${run.command}</pre>
${facts([
  ["Assessment", markup`<code>${hash}</code>`],
  ["System file", markup`<code>${body.systemHash}</code>`],
  ...(body.bom?.status === "made"
    ? [[`Bill of materials`, markup`<code>${body.bom.file}</code>, SHA-256 <code>${body.bom.sha256}</code>`] as const]
    : []),
  ["Seed", markup`<code>${body.seed}</code>`],
  ["Judged as of", body.asOf],
  [
    "Ran",
    `${run.started}, ${run.seconds.toFixed(1)} s on ${run.platform}, ${run.workers} workers, onnxruntime ${run.runtime}`,
  ],
  ["Taken from earlier runs", run.reused.length === 0 ? "nothing" : run.reused.join(", ")],
])}
${table(
  "Each trial again",
  [
    { head: "Trial", cell: ({ id }) => id },
    { head: "Seed", cell: ({ seed }) => markup`<code>${seed}</code>` },
    {
      head: "Command",
      cell: ({ id }) => markup`<code>${again} --only ${id} --fresh</code>`,
      wide: true,
    },
    {
      head: "Inputs",
      cell: ({ inputs }) =>
        inputs.map(
          ({ role, path, sha256 }) =>
            markup`<div>${role} ${path} <code class="nowrap">${sha256.slice(0, 16)}</code></div>`,
        ),
    },
  ],
  body.trials,
)}`;
}
