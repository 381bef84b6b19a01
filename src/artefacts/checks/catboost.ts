/** CatBoost models: the tables of the model's core; trees of splits that are there. Tables of categories and text that follow it are not read. */
import { CATBOOST, isCatboost } from "#formats/catboost.ts";
import { gapsBetween, isFlatPadding, readFlatBuffer, type FlatTable } from "#formats/flatbuffers.ts";
import { viewOf } from "#formats/error.ts";
import type { ScanFinding } from "#assessment/index.ts";
import { defineCheck, type Subject } from "#artefacts/check.ts";
import { reportFlat } from "#artefacts/flatbuffer.ts";
import { lookThrough } from "#artefacts/free-text.ts";
import type { Range } from "#artefacts/ledger.ts";

const HEADER = 8;
const NUMBERS_MAX = 10_000_000;
const FORMATS = "FlabuffersModel_v1";

export default defineCheck({
  title: "CatBoost model",
  recognise: (content) => (isCatboost(content) ? "yes" : "no"),
  read(subject) {
    const { content, ledger, meter, report } = subject;
    const say = (severity: ScanFinding["severity"], rule: string, { start, end }: Range, message: string): void =>
      report({ rule, severity, confidence: "high", start, end, message });
    const size = content.size < HEADER ? 0 : viewOf(content.read(4, 4)).getUint32(0, true);
    const core = { start: HEADER, end: HEADER + size };
    ledger.understood(0, Math.min(4, content.size));
    if (size === 0 || core.end > content.size) {
      ledger.left(4, content.size, "it breaks off");
      return say(
        "unknown",
        "flatbuffer-bounds",
        { start: 4, end: HEADER },
        `a core of ${size} bytes, and ${Math.max(0, content.size - HEADER)} follow`,
      );
    }
    ledger.understood(4, HEADER);
    const flat = readFlatBuffer(content, CATBOOST, core, () => meter.tick());
    reportFlat(subject, flat.problems);
    for (const { start, end } of flat.ranges) ledger.understood(start, end);
    for (const { start, end } of gapsBetween(flat.ranges, core))
      if (isFlatPadding(content, start, end)) ledger.understood(start, end);
      else ledger.left(start, end, "no table leads there");
    ledger.left(
      core.end,
      content.size,
      "tables of categories, texts or embeddings, which are not read here, or nothing of the model's",
    );
    if (!flat.root) return;
    judge(subject, flat.root, say);
  },
});

type Say = (severity: ScanFinding["severity"], rule: string, at: Range, message: string) => void;

function judge(subject: Subject, root: FlatTable, say: Say): void {
  const version = root.text("FormatVersion");
  if (version?.text !== FORMATS)
    say(
      "unknown",
      "catboost-version",
      version ?? root,
      `a format called ${JSON.stringify((version?.text ?? "").slice(0, 60))}`,
    );
  for (const entry of root.tables("InfoMap")) {
    const value = entry?.text("Value");
    if (value) lookThrough(subject, [value], "the metadata");
  }
  // Splits, leaves and dimensions are places in other tables, which its library takes on trust.
  say("unknown", "catboost-values", root, "whether its trees, leaves and features fit together is not checked here");
  const trees = root.table("ModelTrees");
  if (!trees) return say("unknown", "catboost-trees", root, "it has no trees");
  const [splits, sizes, starts] = ["TreeSplits", "TreeSizes", "TreeStartOffsets"].map((field) =>
    trees.numbers(field, NUMBERS_MAX),
  ) as [readonly number[], readonly number[], readonly number[]];
  const bad = sizes.findIndex(
    (size, i) => !(size >= 0 && (starts[i] ?? 0) >= 0 && (starts[i] ?? 0) + size <= splits.length),
  );
  if (bad >= 0) say("unknown", "catboost-trees", trees, `tree ${bad} has splits that are not there`);
  if (starts.length !== sizes.length)
    say("unknown", "catboost-trees", trees, `${sizes.length} trees begin at ${starts.length} places`);
  const steps = trees.length("NonSymmetricStepNodes");
  if (trees.length("NonSymmetricNodeIdToLeafId") !== steps)
    say("unknown", "catboost-trees", trees, "as many steps of trees as are not those of their leaves");
  if (steps > 0) {
    // Each step is two numbers that say how far to go on; none goes behind the last, and zero ends.
    const place = trees.vector("NonSymmetricStepNodes")!;
    const bytes = viewOf(subject.content.read(place.start, Math.min(place.end - place.start, 4 * NUMBERS_MAX)));
    for (let i = 0; 4 * i < bytes.byteLength; i++)
      if (i + Math.max(bytes.getUint16(4 * i, true), bytes.getUint16(4 * i + 2, true)) >= steps)
        return say("unknown", "catboost-trees", trees, `step ${i} of a tree leads behind the last`);
  }
}
