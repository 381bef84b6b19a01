/**
 * Plain text under a name that promises it: documents, tables, vocabularies, settings. Text is read whole and runs nothing; the
 * exceptions are formats that name code (YAML's Python tags) and large-file pointers, which stand for something else.
 */
import { upTo, type Content } from "#formats/content.ts";
import { FormatError } from "#formats/error.ts";
import { readUtf8 } from "#formats/text.ts";
import { defineCheck } from "#artefacts/check.ts";
import { LimitReached } from "#artefacts/limits.ts";
import { standingOf } from "#artefacts/policy.ts";
import { looksLikeText } from "#artefacts/sweep.ts";

const SIZE_MAX = 256 * 2 ** 20;
const NAMED =
  /(\.(txt|md|rst|csv|tsv|ya?ml|toml|ini|cfg|log|model_card|bib|cff|vocab|tokens|labels|names|bpe|pbtxt|prototxt|gitattributes|gitignore|gitkeep)|(^|\/)(README|LICEN[CS]E|NOTICE|COPYING|AUTHORS|CHANGELOG|CITATION|merges|vocab|SHA256SUMS))$/i;
/** git-lfs: the first line of a pointer. */
const POINTER = "version https://git-lfs.github.com/spec/";

const isPointer = (content: Content): boolean =>
  content.size < 1024 && String.fromCharCode(...upTo(content, 0, POINTER.length)) === POINTER;

/** YAML tags that make Python objects (PyYAML's UnsafeLoader and old Loader). */
const TAG = /!!?<?(?:tag:yaml\.org,2002:)?python\/(object(?:\/(?:apply|new))?|name|module):([\w.]+)/g;

export default defineCheck({
  title: "text",
  recognise(content, path) {
    if (content.size === 0) return "no";
    if (isPointer(content)) return "yes";
    return NAMED.test(path) && looksLikeText(content) ? "perhaps" : "no";
  },
  read({ content, path, ledger, report }) {
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
    if (!/\.ya?ml$/i.test(path)) return;
    let [from, start] = [0, 0];
    for (const { 1: target, index } of text.matchAll(/^[ \t-]*["']?_target_["']?[ \t]*:[ \t]*["']?([\w.]+)/gm)) {
      const dot = target!.lastIndexOf(".");
      const standing = standingOf(dot < 0 ? "builtins" : target!.slice(0, dot), target!.slice(dot + 1));
      start += new TextEncoder().encode(text.slice(from, index)).length;
      from = index;
      if (standing.is === "allowed") continue;
      report({
        rule: "names-code",
        severity:
          standing.is === "harmful" && !/^(torch|keras|tensorflow)\.[\w.]*\.[A-Z]\w*$/.test(target!)
            ? "malicious"
            : "unknown",
        confidence: "high",
        start,
        end: start + target!.length,
        message: `instantiating calls ${target}, which ${standing.is === "harmful" ? standing.does : "stands in no list"}`,
      });
    }
    for (const { 1: how, 2: target } of text.matchAll(TAG)) {
      const dot = target!.lastIndexOf(".");
      const standing = standingOf(
        dot < 0 ? (how === "module" ? target! : "builtins") : target!.slice(0, dot),
        target!.slice(dot + 1),
      );
      const called = how!.startsWith("object");
      report({
        rule: "yaml-python",
        severity: standing.is === "harmful" ? (called ? "malicious" : "suspicious") : called ? "suspicious" : "unknown",
        confidence: "high",
        start: 0,
        end: content.size,
        message: `a tag has YAML's loader ${called ? "call" : "find"} ${target}${standing.is === "harmful" ? `, which ${standing.does}` : ""}`,
      });
    }
  },
});
