/** Text that is not a system file: broken, huge, deep, self-referring. Each ends in a diagnostic, quickly. */
import { describe, expect, it } from "vitest";
import { isError } from "#base/diagnostics.ts";
import { readSystem } from "./read.ts";
import { quoted, readYaml } from "./yaml.ts";

const first = (text: string) => readSystem(text, "vauban.yaml").diagnostics[0]!;
const place = ({ span }: { span?: { line: number; column: number } }) => `${span?.line}:${span?.column}`;

describe("broken YAML", () => {
  const cases: readonly [name: string, text: string, code: string, at: string][] = [
    ["an open bracket", "vauban: 1\nsystem: { name: x, excluded: [a, b }\nlaw: {}\n", "E001", "2:36"],
    ["a tab that indents", "vauban: 1\nsystem:\n\tname: x\n", "E001", "3:1"],
    ["a colon in unquoted text", "vauban: 1\nsystem: { name: x }\nnote: this: that\n", "E001", "3:7"],
    ["two documents", "vauban: 1\n---\nvauban: 1\n", "E001", "2:1"],
    ["a tag", "vauban: 1\nsystem: !!python/object:os.system {}\n", "E001", "2:9"],
    ["an alias without anchor", "vauban: 1\nsystem: *nobody\n", "E006", "2:9"],
    ["an anchor that contains itself", "vauban: 1\nsystem: &a { name: *a }\n", "E006", "2:20"],
    ["a list", "- vauban\n- system\n", "E007", "1:1"],
    ["a single value", "just some words\n", "E007", "1:1"],
    ["nothing", "", "E007", "1:1"],
    ["comments only", "# nothing here\n", "E007", "1:1"],
    ["a NUL byte", "vauban: 1\nsy\0stem: {}\n", "E004", "2:3"],
    ["UTF-16 read as UTF-8", "\uFFFD\uFFFDv\0a\0u\0b\0a\0n\0", "E004", "1:1"],
    ["an escape sequence", "vauban: 1\nsystem: { name: \u001B[31mred }\n", "E004", "2:17"],
    ["a duplicate key", "vauban: 1\nsystem: { name: a, name: b, purpose: c }\n", "E009", "2:20"],
    ["a key that is a list", "vauban: 1\n? [a, b]\n: c\n", "E016", "2:3"],
    ["a key __proto__", "vauban: 1\n__proto__: { polluted: true }\n", "E016", "2:1"],
  ];
  it.each(cases)("%s is a diagnostic with its place", (_, text, code, at) => {
    const { system, diagnostics } = readSystem(text, "vauban.yaml");
    expect(system).toBeUndefined();
    const found = diagnostics.filter((diagnostic) => diagnostic.code === code);
    expect(found.map(place)).toContain(at);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it("after a syntax error nothing further is guessed at", () => {
    const { diagnostics } = readSystem("vauban: 7\nsystem: [\n", "vauban.yaml");
    expect(diagnostics.every(({ code }) => code === "E001")).toBe(true);
    expect(diagnostics.length).toBeGreaterThan(0);
  });
});

describe("text that is only unusual", () => {
  const text = "vauban: 1\nsystem: { name: x, purpos: y }\n";
  it.each([
    ["a byte order mark", `\uFEFF${text}`],
    ["Windows line ends", text.replaceAll("\n", "\r\n")],
  ])("%s changes no position", (_, unusual) => {
    const place = (t: string) =>
      readSystem(t, "f").diagnostics.map(({ code, span }) => [code, span?.line, span?.column]);
    expect(place(unusual)).toEqual(place(text));
  });

  it("an alias to a plain value is followed, and a mistake inside is shown where the value stands", () => {
    const { located } = readYaml("a: &x { deep: 3 }\nb: *x\n", "f");
    expect(located!.value).toEqual({ a: { deep: 3 }, b: { deep: 3 } });
    expect(located!.span(["b", "deep"])).toMatchObject({ line: 1, column: 15 });
  });
});

describe("hostile text", () => {
  const limitMs = 2_000;
  const timed = (text: string) => {
    // Time of this thread alone: a busy machine is no mistake of ours.
    const start = process.threadCpuUsage();
    const result = readSystem(text, "vauban.yaml");
    const { user, system } = process.threadCpuUsage(start);
    return { ...result, ms: (user + system) / 1000 };
  };

  it("a 10 MB line is refused with its line number before it is parsed", () => {
    const { system, diagnostics, ms } = timed(`vauban: 1\nsystem:\n  name: "${"x".repeat(10_000_000)}"\n`);
    expect(system).toBeUndefined();
    expect(diagnostics).toHaveLength(1);
    expect(diagnostics[0]).toMatchObject({ code: "E003", span: { line: 3 } });
    expect(diagnostics[0]!.message.length).toBeLessThan(200);
    expect(ms).toBeLessThan(limitMs);
  });

  it("a 10 MB file of short lines is refused as too large", () => {
    const { diagnostics, ms } = timed("note: some words in a line\n".repeat(400_000));
    expect(diagnostics.map(({ code }) => code)).toEqual(["E002"]);
    expect(ms).toBeLessThan(limitMs);
  });

  it.each([
    ["open brackets", `a: ${"[".repeat(40_000)}`],
    ["open braces", `${"{a: ".repeat(10_000)}`],
    ["list dashes on a line", `a:\n  ${"- ".repeat(20_000)}x`],
    ["question marks on a line", `${"? ".repeat(20_000)}x`],
    ["indentation", Array.from({ length: 900 }, (_, i) => `${" ".repeat(i)}a:`).join("\n")],
  ])("%s nested thousands deep are E005, not a full stack", (_, text) => {
    const { diagnostics, ms } = timed(text);
    expect(diagnostics.map(({ code }) => code)).toContain("E005");
    expect(ms).toBeLessThan(limitMs);
  });

  it("aliases of aliases (a billion laughs) end in E006", () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let i = 1; i < 12; i++)
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(", ")}]`,
      );
    const { diagnostics, ms } = timed(lines.join("\n"));
    expect(diagnostics.map(({ code }) => code)).toContain("E006");
    expect(ms).toBeLessThan(limitMs);
  });

  it("twenty thousand different keys are read in linear time and end in E099 after the first mistakes", () => {
    const { diagnostics, ms } = timed(Array.from({ length: 20_000 }, (_, i) => `key${i}: 1`).join("\n"));
    expect(diagnostics).toHaveLength(201);
    expect(diagnostics.at(-1)!.code).toBe("E099");
    expect(ms).toBeLessThan(10_000);
  });

  it("a flood of syntax errors is cut to ten", () => {
    const { diagnostics } = timed("a: ]\n".repeat(5_000));
    expect(diagnostics).toHaveLength(10);
    expect(diagnostics.every(isError)).toBe(true);
  });

  it("what an author wrote cannot steer a terminal", () => {
    expect(quoted("a\u001B[31mb\u202Ec\u2028d")).toBe('"a\\u001b[31mb\\u202ec\\u2028d"');
    expect(quoted("x".repeat(500)).length).toBeLessThan(64);
    expect(first('vauban: 1\n"\\e[2J": 1\n').message).not.toMatch(/\p{Cc}/u);
  });
});
