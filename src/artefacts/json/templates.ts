/** Jinja templates in JSON documents: chat templates of tokenizers and processors, prompts; each is a program. */
import { everyNode } from "#formats/json.ts";
import type { Finding } from "#artefacts/check.ts";
import { analyseTemplate } from "#artefacts/jinja.ts";
import type { JsonReading } from "./readings.ts";

/** Under a name that promises a template, and with Jinja's marks, without which Jinja only copies. */
const NAMED = /template|jinja|prompt/i;
const MARKS = /\{\{|\{%|\{#/;
const STATEMENT =
  /\{%[-+]?\s*(?:if|for|set|macro|call|filter|import|include|from|extends|block|with|raw|autoescape|do|trans)\b/;

/**
 * Under any other name a text with such marks may be a template or speak of one, and the harm is a degree less sure. What is not
 * even a template is text.
 */
const ELSEWHERE: Readonly<Record<Finding["severity"], Finding["severity"] | undefined>> = {
  malicious: "suspicious",
  suspicious: "unknown",
  unknown: undefined,
  note: undefined,
};

export const templates: JsonReading = {
  recognises: () => true,
  judges(root, subject) {
    const file = subject.path.split("/").at(-1)!;
    // Of a list of templates each has a name of its own beside it.
    let within: { readonly name: string; readonly end: number } | undefined = /template|jinja/i.test(file)
      ? { name: file, end: root.end }
      : undefined;
    for (const { node, name } of everyNode(root)) {
      if (name !== undefined && NAMED.test(name) && (within === undefined || node.end > within.end))
        within = { name, end: node.end };
      if (typeof node.value !== "string" || !MARKS.test(node.value)) continue;
      subject.meter.tick();
      const named = within !== undefined && node.end <= within.end;
      for (const { rule, severity, message } of analyseTemplate(node.value).findings) {
        const judged = named ? severity : (ELSEWHERE[severity] ?? (STATEMENT.test(node.value) ? "unknown" : undefined));
        if (judged !== undefined)
          subject.report({
            rule,
            severity: judged,
            confidence: judged === "suspicious" || !named ? "medium" : "high",
            start: node.start,
            end: node.end,
            message: `the template ${JSON.stringify((named ? within!.name : (name ?? "in a list")).slice(0, 60))} ${message}`,
          });
      }
    }
  },
};
