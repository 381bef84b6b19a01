/** Jupyter notebooks (nbformat): cells that are programs or commands, and outputs that are scripts. */
import { itemsOf, JsonObject, memberOf, textIn, type JsonNode } from "#formats/json.ts";
import type { Subject } from "#artefacts/check.ts";
import { judgeProgram } from "#artefacts/program.ts";
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

/** Commands and magics are shorter; what is longer is Python, or nothing. */
const LINE_MAX = 2000;

export const notebook: JsonReading = {
  recognises: (root) => memberOf(root, "nbformat") !== undefined && root.value instanceof JsonObject,
  judges(root, subject) {
    const cells = [
      ...itemsOf(memberOf(root, "cells")),
      ...itemsOf(memberOf(root, "worksheets")).flatMap((sheet) => itemsOf(memberOf(sheet, "cells"))),
    ];
    let programs = 0;
    let commands = 0;
    for (const cell of cells) {
      subject.meter.tick();
      if (textIn(cell, "cell_type") !== "code") continue;
      const source = memberOf(cell, "source") ?? memberOf(cell, "input");
      const text = joined(source);
      if (source === undefined || text.trim() === "") continue;
      const { python, shell } = divided(text);
      commands += shell.length;
      for (const command of shell) judgeCommand(command, source, subject);
      if (python.trim() !== "") programs += judgeCell(python, source, subject) ? 1 : 0;
      for (const output of itemsOf(memberOf(cell, "outputs"))) judgeOutput(output, subject);
    }
    if (programs + commands > 0)
      subject.report({
        rule: "notebook",
        severity: "unknown",
        confidence: "high",
        start: root.start,
        end: root.end,
        message: `it is a notebook with ${programs} cells of Python${commands > 0 ? ` and ${commands} commands` : ""}, which whoever runs it runs`,
      });
  },
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

/** A cell runs when somebody runs it; only what hides or takes over counts. Whether it is more than imports and constants. */
function judgeCell(python: string, { start, end }: JsonNode, { report }: Subject): boolean {
  const { findings, reading } = judgeProgram(new TextEncoder().encode(python));
  for (const { severity, message, ...finding } of findings) {
    const act = finding.rule === "python-act";
    report({ ...finding, start, end, severity: act ? "note" : severity, message: `a cell: ${message}` });
  }
  return !reading.inert;
}

function judgeOutput(output: JsonNode, { report }: Subject): void {
  const content = memberOf(output, "data");
  for (const kind of ["text/html", "application/javascript", "image/svg+xml"]) {
    const node = memberOf(content, kind);
    const text = joined(node);
    if (node === undefined || !(kind.endsWith("javascript") || /<script|\bon(load|error)\s*=|javascript:/i.test(text)))
      continue;
    const hides =
      /\b(eval|Function)\s*\(\s*(atob|unescape|String\.fromCharCode)|document\.cookie|\/api\/(kernels|terminals)|Jupyter\.notebook\.kernel|kernel\.execute/.test(
        text,
      );
    report({
      rule: "notebook-output",
      severity: hides ? "suspicious" : "note",
      confidence: "medium",
      start: node.start,
      end: node.end,
      message: hides
        ? "a stored output holds a script that takes over the page or the kernel once the notebook is trusted"
        : "a stored output holds a script, which a trusted notebook runs when it is opened",
    });
  }
}
