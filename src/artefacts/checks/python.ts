/** Python source beside models, and compiled modules: what runs on import, what is hidden, what loaders call. */
import { upTo, type Content } from "#formats/content.ts";
import { defineCheck } from "#artefacts/check.ts";
import { LimitReached } from "#artefacts/limits.ts";
import { judgeProgram } from "#artefacts/program.ts";
import { importFinding } from "#artefacts/python-modules.ts";
import { looksLikeText } from "#artefacts/sweep.ts";

const SIZE_MAX = 16 * 2 ** 20;
const NAMED = /\.pyw?i?$/i;
/** The first statement of a program: an import or a definition. */
const FIRST =
  /^(from\s+[\w.]+\s+import\s+[\w(*]|import\s+[A-Za-z_]\w*(\.\w+)*(\s+as\s+\w+)?\s*([,;#].*)?$|(async\s+)?def\s+\w+\s*\(|class\s+\w+\s*[(:])/;

/** Text that names Python's interpreter, or whose first statement is Python's. */
function begins(content: Content): boolean {
  const text = new TextDecoder("latin1").decode(upTo(content, 0, 4096)).replace(/^\u00ef\u00bb\u00bf/, "");
  if (/^#![^\n]*python/.test(text)) return true;
  const first = text.split(/\r\n|\r|\n/, 200).find((line) => !/^[ \t]*(#|$)/.test(line));
  return first !== undefined && FIRST.test(first);
}

export default defineCheck({
  title: "Python program",
  recognise(content, path) {
    if (content.size === 0 || !looksLikeText(content)) return "no";
    return NAMED.test(path) || begins(content) ? "perhaps" : "no";
  },
  read(subject) {
    const { content, path, ledger, report } = subject;
    if (content.size > SIZE_MAX)
      throw new LimitReached("limit-python", `a program of ${content.size} bytes is more than is read`);
    const { findings, reading } = judgeProgram(content.read(0, content.size), 0, {
      installs: /(^|\/)setup\.py$/.test(path),
    });
    ledger.understood(0, content.size);
    for (const finding of findings) report(finding);
    const open = importFinding(reading, subject);
    if (reading.inert && open === undefined) return;
    report({
      rule: "python",
      severity: "unknown",
      confidence: "high",
      start: 0,
      end: content.size,
      message: reading.inert
        ? open!
        : "it is a Python program: it was looked through for what it does on import, which is no proof of what it does not",
    });
  },
});
