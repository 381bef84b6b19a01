/** Jinja templates in JSON documents: chat templates of tokenizers and processors, prompts; each is a program. */
import { everyNode } from "#formats/json.ts";
import { analyseTemplate } from "#artefacts/jinja.ts";
import type { JsonReading } from "./readings.ts";

/** Under a name that promises a template, and with Jinja's marks, without which Jinja only copies. */
const NAMED = /template|jinja|prompt/i;
const MARKS = /\{\{|\{%|\{#/;

export const templates: JsonReading = {
  recognises: () => true,
  judges(root, subject) {
    // Of a list of templates each has a name of its own beside it.
    let within: { readonly name: string; readonly end: number } | undefined;
    for (const { node, name } of everyNode(root)) {
      if (name !== undefined && NAMED.test(name)) within = { name, end: node.end };
      if (within === undefined || node.end > within.end || typeof node.value !== "string" || !MARKS.test(node.value))
        continue;
      subject.meter.tick();
      for (const { rule, severity, message } of analyseTemplate(node.value).findings)
        subject.report({
          rule,
          severity,
          confidence: severity === "suspicious" ? "medium" : "high",
          start: node.start,
          end: node.end,
          message: `the template ${JSON.stringify(within.name.slice(0, 60))} ${message}`,
        });
    }
  },
};
