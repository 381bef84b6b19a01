/** Jinja templates in JSON documents: chat templates of tokenizers and processors, prompts; each is a program. */
import { everyNode } from "#formats/json.ts";
import type { JsonReading } from "./readings.ts";

/** Under a name that promises a template, or in any text with Jinja's marks that tokenizers render. */
const NAMED = /template|jinja|prompt/i;
const MARKS = /\{\{|\{%|\{#/;

export const templates: JsonReading = {
  recognises: () => true,
  judges(root, subject) {
    for (const { node, name } of everyNode(root))
      if (typeof node.value === "string" && name !== undefined && NAMED.test(name) && MARKS.test(node.value))
        subject.report({
          rule: "template",
          severity: "unknown",
          confidence: "high",
          start: node.start,
          end: node.end,
          message: `${JSON.stringify(name.slice(0, 60))} is a Jinja template, which is not followed here`,
        });
  },
};
