/** UBJSON: the whole document, strictly; XGBoost writes its models so. */
import { upTo, type Content } from "#formats/content.ts";
import { readUbjson } from "#formats/ubjson.ts";
import { isXgboost, judgeXgboost } from "#artefacts/boosted.ts";
import { defineCheck } from "#artefacts/check.ts";
import { fromUbjson, textsOf } from "#artefacts/document.ts";
import { lookIntoDocument } from "#artefacts/embedded.ts";
import { lookThrough } from "#artefacts/free-text.ts";
import { LimitReached } from "#artefacts/limits.ts";

const SIZE_MAX = 256 * 2 ** 20;
/** An object whose first key has its length before it, in any width, and is one of XGBoost's. */
const BEGINS = /^\{(?:[iU].|[Iu]..|l.{4}|L.{8})(?:learner|version|Config)/s;

const isUbjson = (content: Content): boolean => BEGINS.test(String.fromCharCode(...upTo(content, 0, 24)));

export default defineCheck({
  title: "UBJSON document",
  recognise: (content) => (isUbjson(content) ? "yes" : "no"),
  read(subject) {
    const { content, ledger, report } = subject;
    if (content.size > SIZE_MAX)
      throw new LimitReached("limit-ubjson", `a document of ${content.size} bytes is more than is read`);
    const { root, end, duplicates } = readUbjson(content.read(0, content.size));
    ledger.understood(0, end);
    ledger.left(end, content.size, "it follows the document");
    for (const { name, start, end: to } of duplicates)
      report({
        rule: "ubjson-duplicate",
        severity: "unknown",
        confidence: "high",
        start,
        end: to,
        message: `${JSON.stringify(name.slice(0, 60))} stands twice in one object: readers disagree on which counts`,
      });
    const model = fromUbjson(root);
    lookIntoDocument(subject, model);
    if (isXgboost(model)) return judgeXgboost(model, subject);
    lookThrough(subject, textsOf(model), "the document");
    report({
      rule: "ubjson-unknown",
      severity: "unknown",
      confidence: "high",
      start: 0,
      end,
      message: "it is no model of XGBoost's: what reads it is not known",
    });
  },
});
