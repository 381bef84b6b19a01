/** NumPy arrays: numbers to the last byte, or objects, which are a pickle. */
import { isNpyContent, readNpyHeader } from "#formats/npy-header.ts";
import { defineCheck } from "#artefacts/check.ts";
import { lookAtStart } from "#artefacts/embedded.ts";
import { readPickles } from "./pickle.ts";

export default defineCheck({
  title: "npy array",
  recognise: (content) => (isNpyContent(content) ? "yes" : "no"),
  read(subject) {
    const { content, ledger, report } = subject;
    const { dataAt, objects, bytes } = readNpyHeader(content);
    ledger.understood(0, dataAt);
    if (objects) {
      const { end } = readPickles(subject, dataAt, { streams: 1 });
      return ledger.left(end, content.size, "it follows the array");
    }
    const end = dataAt + bytes!;
    if (end > content.size) {
      ledger.understood(dataAt, content.size);
      return report({
        rule: "npy-broken",
        severity: "unknown",
        confidence: "high",
        start: content.size,
        end: content.size,
        message: `the header claims ${bytes} bytes of numbers and ${content.size - dataAt} follow`,
      });
    }
    ledger.understood(dataAt, end);
    ledger.left(end, content.size, "it follows the array");
    lookAtStart(subject, dataAt, end, "the array");
  },
});
