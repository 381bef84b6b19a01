/** Compiled Python modules: their code objects' names, across versions. */
import { upTo } from "#formats/content.ts";
import { readMarshal } from "#formats/marshal.ts";
import { defineCheck } from "#artefacts/check.ts";
import { reachOfCompiled } from "#artefacts/compiled.ts";
import { LimitReached } from "#artefacts/limits.ts";
import { actOf } from "#artefacts/python-code.ts";

const SIZE_MAX = 64 * 2 ** 20;

/**
 * Bytes of header before the code, by the magic number (importlib/_bootstrap_external.py): 16 since 3.7, 12 since 3.3, 8
 * before; undefined where the bytes are no compiled module.
 */
function headerOf(head: Uint8Array): number | undefined {
  if (head.length < 16 || head[2] !== 13 || head[3] !== 10) return undefined;
  const magic = head[0]! | (head[1]! << 8);
  if (magic >= 62_000 && magic < 62_300) return 8;
  if (magic < 3000 || magic > 3699) return undefined;
  return magic >= 3392 ? 16 : magic >= 3190 ? 12 : 8;
}

export default defineCheck({
  title: "compiled Python module",
  runs: true,
  recognise: (content) => (headerOf(upTo(content, 0, 16)) === undefined ? "no" : "yes"),
  read({ content, ledger, report }) {
    if (content.size > SIZE_MAX)
      throw new LimitReached("limit-python", `a module of ${content.size} bytes is more than is read`);
    const bytes = content.read(0, content.size);
    const header = headerOf(bytes)!;
    const readings = readMarshal(bytes, header);
    const end = Math.max(0, ...readings.map((reading) => reading.end));
    const say = (rule: string, severity: "suspicious" | "unknown", message: string): void =>
      report({ rule, severity, confidence: "medium", start: header, end: Math.max(header, end), message });
    if (readings.length === 0) return say("code-unreadable", "suspicious", "its code cannot be read as any version's");
    ledger.understood(0, end);
    ledger.left(end, content.size, "it follows the module");
    const { harmful } = reachOfCompiled(readings);
    const acts = harmful.filter(({ path }) => actOf(path)?.everyday !== true && actOf(path) !== undefined);
    for (const { path } of acts.slice(0, 10))
      say("python-act", "suspicious", `the module's code reaches ${path}, which ${actOf(path)!.does}`);
    say("code", "unknown", "it is a compiled Python program: only the names its code uses were followed");
  },
});
