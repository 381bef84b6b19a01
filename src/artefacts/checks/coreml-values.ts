/** The values of a Core ML program, in the file beside it: blobs one behind the other, each with its place, size and mark. */
import { blobProblem, isMilBlobs, readMilBlobs } from "#formats/coreml.ts";
import { isZero } from "#formats/content.ts";
import { defineCheck } from "#artefacts/check.ts";

const [HEADER, RESERVED] = [64, 32];
const PROBLEMS_MAX = 8;

export default defineCheck({
  title: "Core ML values",
  recognise: (content) => (isMilBlobs(content) ? "yes" : "no"),
  read({ content, ledger, meter, report }) {
    let told = 0;
    let last = HEADER;
    ledger.understood(0, HEADER);
    for (const blob of readMilBlobs(content, () => meter.tick())) {
      const { at, start, end } = blob;
      const problem = blobProblem(blob);
      if (problem !== undefined && told++ < PROBLEMS_MAX)
        report({
          rule: "coreml-blob",
          severity: "unknown",
          confidence: "high",
          start: at,
          end: start,
          message: problem,
        });
      if (isZero(content, last, at)) ledger.understood(last, at);
      else ledger.left(last, at, "it stands where zeros align what follows");
      ledger.understood(at, end);
      // Older writers left what memory held there.
      if (!isZero(content, start - RESERVED, start)) ledger.doubted(start - RESERVED, start);
      last = end;
    }
    const aligned = Math.min(content.size, HEADER * Math.ceil(last / HEADER));
    if (isZero(content, last, aligned)) ledger.understood(last, aligned);
    ledger.left(last, content.size, "it follows the values");
  },
});
