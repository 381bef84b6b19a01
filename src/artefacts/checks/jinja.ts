/** Jinja templates in files of their own, as tokenizers keep their chat templates: followed, never rendered. */
import { upTo } from "#formats/content.ts";
import { readUtf8 } from "#formats/text.ts";
import { defineCheck } from "#artefacts/check.ts";
import { templateFindings } from "#artefacts/jinja.ts";
import { LimitReached } from "#artefacts/limits.ts";
import { looksLikeText } from "#artefacts/sweep.ts";

const SIZE_MAX = 4 * 2 ** 20;
const NAMED = /\.(jinja2?|j2|template|tmpl)$/i;
const MARKS = /\{%[-+]?\s*\w|\{\{[-+]?\s*\S/;

export default defineCheck({
  title: "Jinja template",
  recognise(content, path) {
    if (content.size === 0 || !looksLikeText(content)) return "no";
    if (NAMED.test(path)) return "perhaps";
    // Text of any other kind may hold such marks; a template's first line begins with one.
    return MARKS.test(
      new TextDecoder("latin1")
        .decode(upTo(content, 0, 64))
        .trimStart()
        .slice(0, 16),
    )
      ? "perhaps"
      : "no";
  },
  read({ content, ledger, report }) {
    if (content.size > SIZE_MAX)
      throw new LimitReached("template-limit", `a template of ${content.size} bytes is more than is read`);
    const text = readUtf8("Jinja template", content.read(0, content.size));
    ledger.understood(0, content.size);
    for (const finding of templateFindings(text, 0, "the template")) report(finding);
  },
});
