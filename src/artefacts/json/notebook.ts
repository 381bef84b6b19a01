/** Jupyter notebooks (nbformat): cells that are programs or commands, and outputs that are scripts. */
import { itemsOf, JsonObject, memberOf, textIn, type JsonNode } from "#formats/json.ts";
import type { Subject } from "#artefacts/check.ts";
import { judgeProgram } from "#artefacts/program.ts";
import { importFinding } from "#artefacts/python-modules.ts";
import { shellHarm } from "#artefacts/shell.ts";
import type { JsonReading } from "./readings.ts";

const SHELL_CELL = /^\s*%%\s*(bash|sh|script|cmd|powershell|system|sx|!)/;
const OTHER_CELL = /^\s*%%\s*(\w+)/;
/** A command on a line of its own, or what it prints as a value. */
const SHELL_LINE = /^\s*(?:[\w, ]+=\s*)?(?:!{1,2}|%(?:system|sx|sc)\s+)(.*)$/;
/** Help on a name: nothing but the name and the question marks. */
const HELP_LINE = /^\s*(?:\?{1,2}\s*%{0,2}[\w.*]+|%{0,2}[\w.*]+\?{1,2})\s*$/;
/** A magic that runs the rest of its line as Python, and any other, of which nobody here knows what it runs. */
const TIMED_LINE = /^\s*%(?:time|timeit|prun)\s+(.*)$/;
const SHOWING_LINE = /^\s*%(?:matplotlib(?:\s+(?:inline|notebook|widget))?|precision\s+%?\w*|pprint)\s*$/;
const MAGIC_LINE = /^\s*(?:[\w, ]+=\s*)?%\w+.*$/;

const IGNORED = String.raw`[\0-\x20]*`;
/** Cells that are shown and never run (nbformat 2 to 4). */
const SHOWN = new Set(["markdown", "raw", "heading", "html"]);

/** Commands and magics are shorter; what is longer is Python, or nothing. */
const LINE_MAX = 2000;

export const notebook: JsonReading = {
  // Without a version it is one of the first (nbformat/reader.py, get_version).
  recognises: (root, path) =>
    root.value instanceof JsonObject &&
    (root.value.get("nbformat") !== undefined ||
      (/\.ipynb$/i.test(path) && ["cells", "worksheets"].some((name) => memberOf(root, name) !== undefined))),
  judges(root, subject) {
    const lists = [
      memberOf(root, "cells"),
      ...itemsOf(memberOf(root, "worksheets")).map((sheet) => memberOf(sheet, "cells")),
    ];
    const unsure = ({ start, end }: JsonNode, message: string): void =>
      subject.report({ rule: "notebook-cell", severity: "unknown", confidence: "high", start, end, message });
    for (const list of lists)
      if (list && !Array.isArray(list.value)) unsure(list, "it has cells in a form that no notebook has");
    const command = memberOf(memberOf(memberOf(root, "metadata"), "kernelspec"), "argv");
    if (command)
      unsure(
        command,
        "it brings the command that starts a kernel: Jupyter has its own, and other front ends may run this one",
      );
    const language = languageOf(root);
    let programs = 0;
    let commands = 0;
    for (const cell of lists.flatMap(itemsOf)) {
      subject.meter.tick();
      const type = textIn(cell, "cell_type");
      // nbformat 3 has code in `input` and knows it by its language too.
      const sources = ["source", "input", "code"].flatMap((name) => memberOf(cell, name) ?? []);
      if (type !== undefined && SHOWN.has(type)) {
        for (const source of sources) {
          judgeScript(joined(source), source, `a ${type} cell`, subject);
          if (SCRIPT_LINK.test(unescaped(joined(source))))
            unsure(
              source,
              `a ${type} cell links to a script: front ends that do not clean what they show run it when it is followed`,
            );
        }
        continue;
      }
      if (type !== "code")
        unsure(
          cell,
          `a cell is ${type === undefined ? "of no type" : `called ${JSON.stringify(type.slice(0, 40))}`}: some programs run it`,
        );
      for (const output of itemsOf(memberOf(cell, "outputs"))) judgeOutput(output, subject);
      const source = sources.length === 1 ? sources[0] : undefined;
      if (sources.length > 1) unsure(cell, "a cell has its code twice: programs disagree on which runs");
      const text = joined(source);
      if (source === undefined || text.trim() === "") continue;
      const other = textIn(cell, "language") ?? language;
      if (other !== undefined && !/^i?python\d?$/i.test(other)) {
        programs++;
        judgeCommand(text, source, subject);
        continue;
      }
      const { python, shell } = divided(text);
      commands += shell.length;
      for (const command of shell) judgeCommand(command, source, subject);
      if (python.trim() !== "") programs += judgeCell(python, source, subject) ? 1 : 0;
    }
    if (programs + commands > 0)
      subject.report({
        rule: "notebook",
        severity: "unknown",
        confidence: "high",
        start: root.start,
        end: root.end,
        message: `it is a notebook with ${programs} cells of ${language ?? "Python"}${commands > 0 ? ` and ${commands} commands` : ""}, which whoever runs it runs`,
      });
  },
};

/** The language that its kernel or its writer names. */
const languageOf = (root: JsonNode): string | undefined => {
  const metadata = memberOf(root, "metadata");
  return (
    textIn(memberOf(metadata, "language_info"), "name") ?? textIn(memberOf(metadata, "kernelspec"), "language")
  )?.slice(0, 40);
};

const joined = (node: JsonNode | undefined): string =>
  typeof node?.value === "string"
    ? node.value
    : itemsOf(node)
        .map(({ value }) => (typeof value === "string" ? value : ""))
        .join("");

/** What IPython hands to Python, and what to the shell. */
function divided(text: string): { python: string; shell: readonly string[] } {
  if (SHELL_CELL.test(text)) return { python: "", shell: [text.slice(text.indexOf("\n") + 1)] };
  const cell = OTHER_CELL.exec(text);
  // Timing and capturing magics run the rest as Python; others write it, or run it as another language.
  if (cell && !/^(time|timeit|capture|prun|python3?|px)$/.test(cell[1]!)) return { python: "", shell: [text] };
  const shell: string[] = [];
  const python = (cell ? text.slice(text.indexOf("\n") + 1) : text).split("\n").map((line) => {
    if (line.length > LINE_MAX) return line;
    const command = SHELL_LINE.exec(line);
    if (command) shell.push(command[1]!);
    if (command || HELP_LINE.test(line) || SHOWING_LINE.test(line)) return "";
    const timed = TIMED_LINE.exec(line);
    if (timed) return timed[1]!;
    if (!MAGIC_LINE.test(line)) return line;
    shell.push(line);
    return "";
  });
  return { python: python.join("\n"), shell };
}

function judgeCommand(command: string, { start, end }: JsonNode, { report }: Subject): void {
  const harm = shellHarm(command);
  if (harm !== undefined)
    report({
      rule: "notebook-command",
      severity: harm.severity,
      confidence: "medium",
      start,
      end,
      message: `a cell's command ${harm.does}: ${command.trim().slice(0, 120)}`,
    });
}

/** A cell runs when somebody runs it; only what hides or takes over counts. Whether it is more than known imports and constants. */
function judgeCell(python: string, { start, end }: JsonNode, subject: Subject): boolean {
  const { report } = subject;
  const { findings, reading } = judgeProgram(new TextEncoder().encode(python));
  for (const { severity, message, ...finding } of findings) {
    const act = finding.rule === "python-act";
    report({ ...finding, start, end, severity: act ? "note" : severity, message: `a cell: ${message}` });
  }
  return !reading.inert || importFinding(reading, subject) !== undefined;
}

function judgeOutput(output: JsonNode, subject: Subject): void {
  // nbformat 3 has them beside the output's type.
  for (const content of [memberOf(output, "data"), output])
    for (const kind of [
      "text/html",
      "text/markdown",
      "application/javascript",
      "image/svg+xml",
      "html",
      "javascript",
      "svg",
    ]) {
      const node = memberOf(content, kind);
      if (node) judgeScript(joined(node), node, "a stored output", subject, kind.endsWith("javascript"));
    }
}

/** A link that is a program: in an attribute, in Markdown's three ways, or in TeX's braces; prose has the word too. Browsers pass over white space and control characters within the word. */
const LINK_BEGINS = String.raw`(?:=\s*["']?|\]\(\s*<?|\]:\s*<?|<|\{)`;
const SCRIPT_LINK = new RegExp(LINK_BEGINS + IGNORED + [..."javascript"].join(IGNORED) + `${IGNORED}:`, "i");
/** Text with characters as HTML writes them by their number, or by a name that such links are hidden with. */
const unescaped = (text: string): string =>
  text
    .replace(/&#(?:x([\da-f]{1,6})|(\d{1,7}));?/gi, (whole, hex?: string, decimal?: string) => {
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    })
    .replace(/&(?:colon|tab|newline);/gi, (name) => (name.toLowerCase() === "&colon;" ? ":" : ""));

/** What a page of the notebook would run: as a script of its own, or within the markup. */
function judgeScript(text: string, { start, end }: JsonNode, what: string, { report }: Subject, script = false): void {
  if (!script && !/<script|\bon\w+\s*=|javascript:|<(iframe|object|embed)\b/i.test(text)) return;
  const hides =
    /\b(eval|Function)\s*\(\s*(atob|unescape|String\.fromCharCode)|document\.cookie|\/api\/(kernels|terminals|contents)|Jupyter\.notebook\.kernel|kernel\.execute/.test(
      text,
    );
  report({
    rule: "notebook-output",
    severity: hides ? "suspicious" : "note",
    confidence: "medium",
    start,
    end,
    message: hides
      ? `${what} holds a script that takes over the page or the kernel where it is let run`
      : `${what} holds a script, which a trusted notebook may run when it is opened`,
  });
}
