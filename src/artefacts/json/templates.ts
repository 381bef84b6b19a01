/** Texts in JSON documents that are more: chat templates of tokenizers and processors, prompts, documents and pickles in letters. */
import { everyNode } from "#formats/json.ts";
import { lookForPayload, lookForTemplate, SPEAKS_OF_TEMPLATES } from "#artefacts/embedded.ts";
import type { JsonReading } from "./readings.ts";

export const templates: JsonReading = {
  recognises: () => true,
  judges(root, subject) {
    const file = subject.path.split("/").at(-1)!;
    // Of a list of templates each has a name of its own beside it.
    let within: { readonly name: string; readonly end: number } | undefined = /template|jinja/i.test(file)
      ? { name: file, end: root.end }
      : undefined;
    for (const { node, name } of everyNode(root)) {
      if (name !== undefined && SPEAKS_OF_TEMPLATES.test(name) && (within === undefined || node.end > within.end))
        within = { name, end: node.end };
      if (typeof node.value !== "string") continue;
      const named = within !== undefined && node.end <= within.end;
      lookForTemplate(subject, node.value, node, named ? within!.name : (name ?? "in a list"), named);
      lookForPayload(subject, node.value, node, "a value");
    }
  },
};
