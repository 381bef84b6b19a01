/** LightGBM's models: lines of text, each of them known, and trees that lead where they may (src/boosting/gbdt_model_text.cpp, src/io/tree.cpp). */
import { upTo } from "#formats/content.ts";
import { FormatError } from "#formats/error.ts";
import { readJson } from "#formats/json.ts";
import { treeProblem } from "#artefacts/boosted.ts";
import { defineCheck, type Subject } from "#artefacts/check.ts";
import { LimitReached } from "#artefacts/limits.ts";

const SIZE_MAX = 512 * 2 ** 20;
const NUMBER = /^[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf|nan)$/i;
const WHOLE = /^-?\d+$/;
const VERSION = /^v\d+$/;
const INFO = /^(?:none|\[[^\s[\]]*\]|[-\d:]+)$/;
const NAMED = /^[\w.]+(?::[\w.+-]+)?$/;

type Holds = (value: string) => boolean;
/** Words between spaces, each of which is one of these. */
const each =
  (pattern: RegExp): Holds =>
  (value) =>
    value.split(" ").every((word) => word === "" || pattern.test(word));
const one =
  (pattern: RegExp): Holds =>
  (value) =>
    pattern.test(value);
const numbers = each(NUMBER);

/** What may stand before the trees. */
const HEADER: Readonly<Record<string, Holds>> = {
  version: one(VERSION),
  num_class: one(WHOLE),
  num_tree_per_iteration: one(WHOLE),
  label_index: one(WHOLE),
  max_feature_idx: one(WHOLE),
  objective: each(NAMED),
  average_output: (value) => value === "",
  feature_names: () => true,
  monotone_constraints: numbers,
  feature_infos: each(INFO),
  tree_sizes: numbers,
};
const TREE: ReadonlySet<string> = new Set(
  "num_leaves num_cat split_feature split_gain threshold decision_type left_child right_child leaf_value leaf_weight leaf_count internal_value internal_weight internal_count cat_boundaries cat_threshold is_linear leaf_const num_features leaf_features leaf_coeff shrinkage leaf_parent has_categorical".split(
    " ",
  ),
);
/** LightGBM's own objectives (src/objective/objective_function.cpp); "custom" is a function that the model does not carry. */
const OBJECTIVES =
  /^(regression|regression_l1|huber|fair|poisson|quantile|mape|gamma|tweedie|binary|multiclass|multiclassova|cross_entropy|cross_entropy_lambda|lambdarank|rank_xendcg|custom|none)$/;
/** Sections behind the trees: how they begin, what their lines look like, how they end. */
const SECTIONS: Readonly<Record<string, { readonly line: RegExp; readonly end: string | undefined }>> = {
  "feature_importances:": { line: /^[^=]+=[-\d.e+]+$/, end: undefined },
  "feature importances:": { line: /^[^=]+=[-\d.e+]+$/, end: undefined },
  "parameters:": { line: /^(?:\[\w+: [^\n]*\]|\w+=[^\n]*)$/, end: "end of parameters" },
  "parser:": { line: /^/, end: "end of parser" },
};
const PANDAS = "pandas_categorical:";

export default defineCheck({
  title: "LightGBM model",
  recognise(content) {
    const head = String.fromCharCode(...upTo(content, 0, 64));
    return /^tree\r?\n(?:version|num_class)=/.test(head) ? "yes" : "no";
  },
  read(subject) {
    const { content, ledger } = subject;
    if (content.size > SIZE_MAX)
      throw new LimitReached("limit-lightgbm", `a model of ${content.size} bytes is more than is read`);
    const reading = new Reading(subject);
    for (const line of linesOf(content.read(0, content.size)))
      if (!reading.line(line)) ledger.left(line.start, line.end, "a line that no reader of such models knows");
      else ledger.understood(line.start, line.end);
    reading.ends(content.size);
  },
});

interface Line {
  readonly text: string;
  readonly start: number;
  /** Behind its line feed. */
  readonly end: number;
}

function* linesOf(bytes: Uint8Array): Generator<Line> {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  for (let start = 0; start < bytes.length;) {
    const feed = bytes.indexOf(10, start);
    const end = feed < 0 ? bytes.length : feed + 1;
    const text = utf8.decode(bytes.subarray(start, feed < 0 ? end : feed)).replace(/\r$/, "");
    yield { text, start, end };
    start = end;
  }
}

class Reading {
  private readonly subject: Subject;
  private tree:
    | {
        readonly number: string;
        readonly start: number;
        end: number;
        readonly fields: Map<string, string>;
        /** A reader ends a tree at an empty line. */
        closed: boolean;
      }
    | undefined;
  private readonly header = new Map<string, string>();
  /** Where each tree begins, and where the last one's lines end. */
  private readonly starts: number[] = [];
  private lastEnd = 0;
  /** Where the trees end: at the first line that is of none. */
  private treesEnd: number | undefined;
  private section: (typeof SECTIONS)[string] | undefined;
  private behind = false;
  private features = Number.NaN;
  private lines = 0;

  constructor(subject: Subject) {
    this.subject = subject;
  }

  /** Whether the line is known. */
  line({ text, start, end }: Line): boolean {
    if ((++this.lines & 1023) === 0) this.subject.meter.tick();
    if (this.lines === 1) return text === "tree";
    if (/[^\P{C}\t]/u.test(text)) return false;
    if (this.section?.end !== undefined && text === this.section.end) {
      this.section = undefined;
      return true;
    }
    if (this.section?.end === undefined || text === PANDAS) {
      if (text === "") {
        if (this.tree) this.tree.closed ||= this.tree.fields.size > 0;
        return true;
      }
      const section = Object.hasOwn(SECTIONS, text) ? SECTIONS[text] : undefined;
      if (section || text === "end of trees") {
        this.treeEnds();
        this.treesEnd ??= start;
        this.behind = true;
        this.section = section;
        if (text === "parser:")
          this.say(start, end, "unknown", "lightgbm-parser", "it names a parser of data that a library brings");
        return true;
      }
      if (text.startsWith(PANDAS)) {
        this.treesEnd ??= start;
        this.section = undefined;
        return isJson(text.slice(PANDAS.length));
      }
    }
    if (this.section) return text === "" || this.section.line.test(text);
    if (this.behind) return false;
    if (text.startsWith("Tree=")) {
      this.treeEnds();
      this.starts.push(start);
      this.tree = { number: text.slice(5), start, end, fields: new Map(), closed: false };
      return WHOLE.test(text.slice(5));
    }
    const equals = text.indexOf("=");
    const [key, value] = equals < 0 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
    if (this.tree) {
      if (this.tree.closed) return false;
      this.tree.end = end;
      if (this.tree.fields.has(key))
        this.say(start, end, "unknown", "lightgbm-duplicate", `${JSON.stringify(key)} stands twice in a tree`);
      this.tree.fields.set(key, value);
      return TREE.has(key) && numbers(value);
    }
    if (this.header.has(key))
      this.say(
        start,
        end,
        "unknown",
        "lightgbm-duplicate",
        `${JSON.stringify(key.slice(0, 60))} stands twice before the trees`,
      );
    this.header.set(key, value);
    if (key === "max_feature_idx") this.features = Number(value) + 1;
    if (key === "objective" && !OBJECTIVES.test(value.split(" ")[0]!))
      this.say(
        start,
        end,
        "unknown",
        "lightgbm-name",
        `an objective that LightGBM does not have: ${JSON.stringify(value.slice(0, 80))}`,
      );
    return Object.hasOwn(HEADER, key) && HEADER[key]!(value);
  }

  treeEnds(): void {
    if (!this.tree) return;
    const { number, start, end, fields } = this.tree;
    this.tree = undefined;
    this.lastEnd = end;
    const say = (severity: "suspicious" | "unknown", problem: string): void =>
      this.say(start, end, severity, "lightgbm-tree", `tree ${number.slice(0, 20)}: ${problem}`);
    const list = (key: string): readonly number[] =>
      (fields.get(key) ?? "").split(" ").flatMap((word) => (word === "" ? [] : [Number(word)]));
    const leaves = Number(fields.get("num_leaves"));
    if (!(Number.isSafeInteger(leaves) && leaves >= 1)) return say("unknown", "it does not say how many leaves it has");
    const [left, right, features] = [list("left_child"), list("right_child"), list("split_feature")];
    const inner = leaves - 1;
    if (list("leaf_value").length !== leaves)
      return say("unknown", `${leaves} leaves and ${list("leaf_value").length} values`);
    if (inner === 0) return;
    if ([left, right, features, list("threshold")].some(({ length }) => length !== inner))
      return say("unknown", `${leaves} leaves, and not one split fewer`);
    // Leaves are written as the complement of their number; here they stand behind the splits.
    const node = (child: number): number => (child < 0 ? inner + ~child : child < inner ? child : Number.NaN);
    const problem = treeProblem(inner + leaves, (at) => (at < inner ? [node(left[at]!), node(right[at]!)] : []));
    if (problem) return say(problem.loops ? "suspicious" : "unknown", problem.problem);
    const outside = features.find((feature) => !(feature >= 0 && feature < this.features));
    if (outside !== undefined) return say("unknown", `it splits on feature ${outside} of ${this.features}`);
    const kinds = list("decision_type");
    if (kinds.length !== 0 && kinds.length !== inner)
      return say("unknown", `${inner} splits and ${kinds.length} kinds of them`);
    const wrong =
      categoryProblem(
        list("threshold").filter((_, at) => ((kinds[at] ?? 0) & CATEGORICAL) !== 0),
        Number(fields.get("num_cat") ?? 0),
        list("cat_boundaries"),
        list("cat_threshold"),
      ) ??
      (fields.get("is_linear") === undefined || fields.get("is_linear") === "0"
        ? undefined
        : this.linearProblem(leaves, list));
    if (wrong !== undefined) say("unknown", wrong);
  }

  /** Leaves that are linear models: how many features each has, all of them in a row. */
  private linearProblem(leaves: number, list: (key: string) => readonly number[]): string | undefined {
    const counts = list("num_features");
    const [features, coefficients] = [list("leaf_features"), list("leaf_coeff")];
    if (counts.length !== leaves || list("leaf_const").length !== leaves)
      return `${leaves} leaves and not as many linear models`;
    const all = counts.reduce((sum, count) => sum + (isCount(count) ? count : Number.NaN), 0);
    if (all !== features.length || all !== coefficients.length)
      return `its linear models have ${all} features, and ${features.length} with ${coefficients.length} coefficients stand there`;
    const outside = features.find((feature) => !(isCount(feature) && feature < this.features));
    return outside === undefined ? undefined : `a linear model reads feature ${outside} of ${this.features}`;
  }

  /** What only the whole model tells. `size`: of the file. */
  ends(size: number): void {
    this.treeEnds();
    const at = { start: 0, end: size };
    const say = (rule: string, message: string): void => this.say(at.start, at.end, "unknown", rule, message);
    const trees = this.starts.length;
    const count = (key: string): number => Number(this.header.get(key) ?? Number.NaN);
    const [classes, each] = [count("num_class"), count("num_tree_per_iteration")];
    // Predictions are as many as classes and are written tree by tree of an iteration.
    if (!(isCount(classes) && classes >= 1 && (classes === each || Number.isNaN(each))))
      say("lightgbm-tree", `${classes} classes and ${each} trees in an iteration`);
    else if (trees % classes !== 0)
      say("lightgbm-tree", `${trees} trees are no whole number of iterations of ${classes}`);
    const said = /(?:^| )num_class:(\S*)/.exec(this.header.get("objective") ?? "")?.[1];
    if (said !== undefined && Number(said) !== classes)
      say("lightgbm-tree", `an objective for ${JSON.stringify(said.slice(0, 20))} classes, of ${classes}`);
    const sizes = this.header.get("tree_sizes");
    // Without them readers go from tree to tree.
    if (sizes === undefined) return;
    const written = sizes.split(" ").flatMap((word) => (word === "" ? [] : [Number(word)]));
    if (written.length !== trees)
      return say(
        "lightgbm-sizes",
        `${written.length} sizes of trees and ${trees} trees: readers find trees by these sizes`,
      );
    for (const [i, start] of this.starts.entries()) {
      const next = this.starts[i + 1] ?? this.treesEnd ?? size;
      // Behind the last tree nothing is sought; older writers leave an empty line there.
      if (
        written[i] === next - start ||
        (i === trees - 1 && written[i]! >= this.lastEnd - start && written[i]! < next - start)
      )
        continue;
      return say(
        "lightgbm-sizes",
        `tree ${i} has ${next - start} bytes and is said to have ${written[i]}: readers find trees by these sizes, elsewhere than where they stand`,
      );
    }
  }

  private say(start: number, end: number, severity: "suspicious" | "unknown", rule: string, message: string): void {
    this.subject.report({ rule, severity, confidence: "high", start, end, message });
  }
}

/** How src/io/tree.cpp marks a split by categories, whose threshold is the number of a set of them. */
const CATEGORICAL = 1;
const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** Sets of categories are bits of words; where each set's words begin and end stands in a row. */
function categoryProblem(
  used: readonly number[],
  sets: number,
  boundaries: readonly number[],
  words: readonly number[],
): string | undefined {
  if (!isCount(sets)) return "it does not say how many sets of categories it has";
  const outside = used.find((set) => !(isCount(set) && set < sets));
  if (outside !== undefined) return `it splits on set ${outside} of ${sets} sets of categories`;
  if (sets === 0) return undefined;
  if (boundaries.length !== sets + 1) return `${sets} sets of categories and ${boundaries.length} ends of them`;
  if (
    boundaries[0] !== 0 ||
    boundaries.at(-1) !== words.length ||
    boundaries.some((end, i) => !isCount(end) || end < (boundaries[i - 1] ?? 0))
  )
    return `its sets of categories do not lie one behind the other in ${words.length} words`;
  return undefined;
}

function isJson(text: string): boolean {
  const bytes = new TextEncoder().encode(text);
  try {
    return readJson(bytes).end === bytes.length;
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}
