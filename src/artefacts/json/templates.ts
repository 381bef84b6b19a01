/** Texts in JSON documents that are more: chat templates of tokenizers and processors, prompts, documents and pickles in letters. */
import { fromJson } from "#artefacts/document.ts";
import { lookIntoDocument } from "#artefacts/embedded.ts";
import type { JsonReading } from "./readings.ts";

export const templates: JsonReading = {
  recognises: () => true,
  judges: (root, subject) => lookIntoDocument(subject, fromJson(root)),
};
