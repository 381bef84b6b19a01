/**
 * Plain text under a name that promises it: documents, tables, vocabularies, settings. Text is read whole and runs nothing; the
 * exceptions are formats that name code (YAML's Python tags) and large-file pointers, which stand for something else.
 */
import { upTo, type Content } from "#formats/content.ts";
import { FormatError } from "#formats/error.ts";
import { readUtf8 } from "#formats/text.ts";
import { defineCheck, type Finding, type Subject } from "#artefacts/check.ts";
import { judgeValue } from "#artefacts/json/readings.ts";
import { LimitReached } from "#artefacts/limits.ts";
import { looksLikeText } from "#artefacts/sweep.ts";
import { judgeYaml } from "#artefacts/yaml.ts";

const SIZE_MAX = 256 * 2 ** 20;
const NAMED =
  /(\.(txt|md|rst|csv|tsv|ya?ml|toml|ini|cfg|log|model_card|bib|cff|vocab|tokens|labels|names|bpe|pbtxt|prototxt|gitattributes|gitignore|gitkeep)|(^|\/)(README|LICEN[CS]E|NOTICE|COPYING|AUTHORS|CHANGELOG|CITATION|merges|vocab|SHA256SUMS))$/i;
/** git-lfs: the first line of a pointer. */
const POINTER = "version https://git-lfs.github.com/spec/";

const isPointer = (content: Content): boolean =>
  content.size < 1024 && String.fromCharCode(...upTo(content, 0, POINTER.length)) === POINTER;

/** Keys of settings that name code; `\\u` can spell any of them. */
const CALLS = /_target_|class_path|loader_module|build-backend|backend-path|git\+|\\[uUx]/;
/** Lines that only pip reads: options that change where packages come from, and packages at addresses. */
const REQUIRES =
  /^[ \t]*(?:-e\s+\S|--editable|--(?:extra-)?index-url|--find-links|(?:[\w.[\],-]+\s*@\s*)?(?:git|hg|svn|bzr)\+\w+:|[\w.[\],-]+\s*@\s*\w+:\/\/)/m;
const FROM = /:\/\/|^[ \t]*(?:-|\.{0,2}\/|[\w.]+\s*@)|\.(?:whl|zip|tar\.gz)\b/m;

export default defineCheck({
  title: "text",
  recognise(content, path) {
    if (content.size === 0) return "no";
    if (isPointer(content)) return "yes";
    return NAMED.test(path) && looksLikeText(content) ? "perhaps" : "no";
  },
  read(subject) {
    const { content, path, ledger, report } = subject;
    if (content.size > SIZE_MAX)
      throw new LimitReached("limit-text", `a text of ${content.size} bytes is more than is read`);
    const bytes = content.read(0, content.size);
    if (isPointer(content)) {
      ledger.understood(0, content.size);
      return report({
        rule: "lfs-pointer",
        severity: "unknown",
        confidence: "high",
        start: 0,
        end: content.size,
        message: "it is a pointer to a file kept elsewhere (git-lfs), not the file: fetch it with git lfs pull",
      });
    }
    const control = bytes.findIndex((byte) => byte < 0x20 && (byte < 0x09 || byte > 0x0d) && byte !== 0x1b);
    if (control >= 0) throw new FormatError("text", control, "a control character", "");
    const text = readUtf8("text", bytes);
    ledger.understood(0, content.size);
    const whole = (rule: string, severity: Finding["severity"], message: string, start = 0, end = content.size): void =>
      report({ rule, severity, confidence: "high", start, end, message });
    if (bytes.includes(0x1b))
      whole("text-escape", "unknown", "it holds escape sequences: a terminal that shows it does what they say");
    const what = programOf(path, text);
    if (what !== undefined) whole("text-program", "unknown", what);
    if (!/\.ya?ml$/i.test(path)) return;
    const exact = bytes.length === text.length;
    const roots = judgeYaml(text, (rule, severity, message, start, end) =>
      exact ? whole(rule, severity, message, start, end) : whole(rule, severity, message),
    );
    const placed: Subject = {
      ...subject,
      report: (finding) => report(exact ? finding : { ...finding, start: 0, end: content.size }),
    };
    for (const root of roots) judgeValue(root, placed);
  },
});

/** Text that other programs take as instructions, by its name or by what stands in it; prose is nothing of the kind. */
function programOf(path: string, text: string): string | undefined {
  const ending = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase();
  if (ending === "pbtxt" || ending === "prototxt")
    return "it is a graph or a server's settings as text, and can name operations and code that are not judged here";
  if (ending === "cfg" || ending === "ini")
    return "it holds settings, which programs read as names of classes, arguments or commands (logging evaluates args=)";
  if (ending === "toml" && (/(^|\/)pyproject\.toml$/i.test(path) || CALLS.test(text)))
    return "it holds settings that can name code for an installer or loader to run";
  if (/(^|\/)entry_points\.txt$/i.test(path))
    return "it names the functions that an installed package's programs and plugins call";
  if (
    ending === "txt" &&
    (REQUIRES.test(text) || (/require|constraint/i.test(path.split("/").at(-1)!) && FROM.test(text)))
  )
    return "it has an installer fetch packages from addresses or folders, whose code then runs";
  return undefined;
}
