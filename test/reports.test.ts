/** The two reports of a real assessment: nothing lost, nothing obeyed, nothing fetched, every result at its line. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Result } from "sarif";
import { assessment as assessmentSchema, type Assessment } from "#assessment/index.ts";
import { htmlReport } from "#reports/html/index.ts";
import { provenanceGaps } from "#system/suppliers.ts";
import { CLASS_NAMES } from "#reports/html/outcome.ts";
import { sarifReport } from "#reports/sarif.ts";
import { assessed, assessText } from "./support/assess.ts";

const folder = resolve("examples/fixtures");
const text = readFileSync(join(folder, "vauban.yaml"), "utf8");
const state = mkdtempSync(join(tmpdir(), "vauban-reports-"));
afterAll(() => rmSync(state, { recursive: true, force: true }));
const options = { state, samples: 12, queries: 60 };

function replaced(from: string, what: string, by: string): string {
  if (!from.includes(what)) throw new Error(`the fixture no longer holds ${what}`);
  return from.replace(what, by);
}

let whole: Assessment;
let page: string;
beforeAll(async () => {
  whole = await assessed(text, folder, options);
  page = htmlReport(whole);
}, 60_000);

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };
/** What a reader sees, without spaces and without the marks around commands. */
const seen = (html: string): string =>
  flat(
    html
      .replace(/<head>.*?<\/head>|<script>.*?<\/script>/gs, "")
      .replace(/<[^>]*>/g, "")
      .replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => ENTITIES[name]!),
  );
const flat = (words: string): string => words.replace(/[\s`]+/g, "");
const attributes = (html: string, name: string): string[] =>
  [...html.matchAll(new RegExp(`\\s${name}="([^"]*)"`, "g"))].map((match) => match[1]!);

describe("the HTML report", () => {
  test("holds every finding, threat, discarded threat, claim, risk, reason and piece of evidence", () => {
    const { body } = whole;
    const shown = seen(page);
    const expected = [
      ...body.findings.flatMap(({ title, detail, id }) => [title, detail, id]),
      ...body.threats.flatMap(({ why, reach, actor, group }) => [why, reach.why, actor, group]),
      ...body.discarded.flatMap(({ id, whyNot }) => [id, whyNot]),
      ...body.claims.flatMap(({ clause, because, caveats }) => [clause, because, ...caveats]),
      ...body.evidence.flatMap(({ id, title }) => [id, title]),
      ...body.trials.map(({ id }) => id),
      ...body.outcome.reasons,
      ...body.outcome.notTried.map(({ what }) => what),
      ...body.warnings.map(({ message }) => message),
      ...body.knowledge.weakClaims.map(({ claim }) => claim),
      body.outcome.outcome,
      body.outcome.because,
      body.seed,
      whole.hash,
      whole.run.command,
    ];
    expect(expected.length).toBeGreaterThan(100);
    expect(expected.filter((words) => !shown.includes(flat(words)))).toEqual([]);
    for (const threat of body.threats) expect(page).toContain(`id="threat-${threat.group}"`);
    const groups = new Set(body.risks.map(({ dimension, group }) => `risk-${dimension}-${group}`));
    for (const id of groups) expect(page).toContain(`id="${id}"`);
  });

  test("has one row for each actor of each threat and for each risk", () => {
    const rowsOf = (id: string): number => {
      const at = page.indexOf(`<details id="${id}">`);
      return page.slice(at, page.indexOf("</table>", at)).match(/<th scope="row"/g)!.length;
    };
    for (const [group, members] of Map.groupBy(whole.body.threats, (threat) => threat.group))
      expect(rowsOf(`threat-${group}`)).toBe(members.length);
    for (const [id, members] of Map.groupBy(whole.body.risks, (risk) => `risk-${risk.dimension}-${risk.group}`))
      expect(rowsOf(id)).toBe(members.length);
  });

  test("says what was not tried before any finding", () => {
    const first = page.slice(page.indexOf("What was not tried"), page.indexOf("What carries the outcome"));
    expect(page.indexOf(first)).toBeLessThan(page.indexOf('id="findings"'));
    for (const { class: kind, status } of whole.body.outcome.coverage)
      if (status === "not-tried") expect(first).toContain(`<strong>${CLASS_NAMES[kind]}</strong>`);
  });

  test("says synthetic at its top and its foot where the system is, and nowhere where it is not", () => {
    expect(page.match(/<p class="synthetic">Synthetic:/g)).toHaveLength(2);
    const real = { ...whole, body: { ...whole.body, system: { ...whole.body.system, synthetic: false } } };
    expect(htmlReport(real)).not.toContain("Synthetic:");
  });

  test("says where parts come from, what is agreed with whom, and what of that is not known", () => {
    expect(seen(page)).toContain(flat("The system file has no register of suppliers (suppliers:)"));
    for (const { at, missing } of provenanceGaps(whole.body.system, whole.body.asOf))
      expect(seen(page)).toContain(flat(`${at}: ${missing}`));
    const { where } = whole.body.system;
    const suppliers = [
      {
        id: "maker",
        title: "Maker <of> strokes",
        supplies: ["sorter"],
        openSource: false,
        generalPurpose: true,
        agreement: "contract 7",
        covers: ["information" as const],
        where,
      },
    ];
    const law = { ...whole.body.system.law, listing: "annex-III.2" };
    const registered = { ...whole, body: { ...whole.body, system: { ...whole.body.system, law, suppliers } } };
    const row = htmlReport(registered).split("Maker &lt;of&gt; strokes")[1]!.split("</tr>")[0]!;
    expect(row.match(/>named</g)).toHaveLength(2);
    expect(row.match(/>missing</g)).toHaveLength(3);
    expect(row.match(/>not asked</g)).toHaveLength(2);
  });

  test("refers to nothing outside itself", () => {
    for (const name of ["src", "href", "action", "data", "poster", "srcset", "xlink:href"])
      for (const value of attributes(page, name)) expect(value).toMatch(/^(#|data:)/);
    const style = /<style>(.*?)<\/style>/s.exec(page)![1]!;
    expect(style).not.toMatch(/@import|url\((?!#)/);
    expect(page).not.toMatch(/\b(fetch|XMLHttpRequest|WebSocket|sendBeacon|eval)\b\(/);
    expect(page).not.toMatch(/<(iframe|object|embed|form|base|link(?! rel="icon" href="data:,"))/);
  });

  test("allows its own style and script by their hashes and nothing else", () => {
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)![1]!.replaceAll("&#39;", "'");
    const directives = new Map(policy.split("; ").map((part) => [part.split(" ")[0], part.split(" ").slice(1)]));
    const hash = (block: string): string => `'sha256-${createHash("sha256").update(block, "utf8").digest("base64")}'`;
    const only = (tag: string): string => {
      const blocks = [...page.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, "gs"))];
      expect(blocks).toHaveLength(1);
      return blocks[0]![1]!;
    };
    expect(directives.get("default-src")).toEqual(["'none'"]);
    expect(directives.get("style-src")).toEqual([hash(only("style"))]);
    expect(directives.get("script-src")).toEqual([hash(only("script"))]);
    expect(directives.get("img-src")).toEqual(["data:"]);
    expect(page).not.toMatch(/<[^>]+\s(style|on[a-z]+)=/);
  });

  test("has no id twice, and every link on it leads somewhere", () => {
    const ids = attributes(page, "id");
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
    const known = new Set(ids);
    const links = attributes(page, "href").filter((href) => href.startsWith("#"));
    expect(links.length).toBeGreaterThan(20);
    expect(links.filter((href) => !known.has(href.slice(1)))).toEqual([]);
    for (const references of [...attributes(page, "aria-labelledby"), ...attributes(page, "data-filters")])
      for (const id of references.split(" ")) expect(known).toContain(id);
  });

  test("links evidence to its row, references to their section, and leaves other words alone", () => {
    const [first] = whole.body.claims;
    const claim = { ...first!, evidence: [whole.body.evidence[0]!.id, "assessment#risks", "minutes of 3 May", "ev-0"] };
    const linked = htmlReport({ ...whole, body: { ...whole.body, claims: [claim] } });
    const row = linked.slice(linked.indexOf(`id="clause-${claim.clause}"`)).split("</tr>")[0]!;
    expect(attributes(row, "href")).toEqual([`#${whole.body.evidence[0]!.id}`, "#risk"]);
    expect(row).toContain("minutes of 3 May");
    expect(row).toContain("ev-0");
  });

  test("shows hostile names instead of obeying them", async () => {
    const script = "<script>alert(1)</script>";
    const hostile = replaced(
      replaced(
        replaced(text, "name: Stroke sorter", `name: 'Sorter "${script}" </title><img src=x onerror=alert(1)>'`),
        "purpose: Sorts drawn strokes",
        `purpose: "'\\"></p>${script} \\u202Egnp.exe\\u2066 Sorts drawn strokes`,
      ).replace("nobody depends on it.", 'nobody depends on it."'),
      "title: Inbox,",
      `title: "Inbox\\" onmouseover=\\"alert(1)", note: "${script} &lt;b&gt; \\u202E]]>",`,
    );
    const assessment = await assessed(hostile, folder, options);
    expect(assessment.body.system.name).toContain(script);
    const shown = htmlReport(assessment);
    expect(shown.match(/<script/g)).toHaveLength(1);
    expect(shown).not.toMatch(/<img src=x/);
    // No tag carries a handler: what is left of one stands inside a quoted attribute or in text.
    expect(shown.replace(/"[^"]*"/g, '""')).not.toMatch(/<[^>]*\son[a-z]+=/);
    expect(shown).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
    expect(shown).toContain("\\u202egnp.exe");
    expect(shown).toContain("&amp;lt;b&amp;gt;");
    expect(shown.match(/<title>[^<]*<\/title>/)![0]).toContain("&lt;/title&gt;");
  });

  test("stands when nothing was found, tried or declared", () => {
    const empty = emptied(whole);
    expect(() => assessmentSchema.parse(JSON.parse(JSON.stringify(empty)))).not.toThrow();
    const shown = htmlReport(empty);
    expect(shown).toContain("No finding");
    expect(shown).toContain("no proof to show");
    expect(strays(shown)).toEqual([]);
  });

  test("never prints a value that is none", () => expect(strays(page)).toEqual([]));
});

/** Values that a forgotten case would print, with what stands around them; a check speaks of NaN, pictures hold any letters. */
const strays = (html: string): string[] => [
  ...(html
    .replace(/<script>.*?<\/script>|"data:[^"]*"|no answer held NaN/gs, "")
    .match(/.{0,40}(\b(undefined|NaN|Infinity)\b|\[object).{0,20}/g) ?? []),
];

function emptied(assessment: Assessment): Assessment {
  const { body } = assessment;
  return {
    ...assessment,
    body: {
      ...body,
      threats: [],
      discarded: [],
      trials: [],
      evidence: [],
      findings: [],
      risks: [],
      claims: [],
      matrix: [],
      warnings: [],
      outcome: { ...body.outcome, reasons: [], carriedBy: [], coverage: [], notTried: [], next: [] },
      system: {
        ...body.system,
        components: [],
        flows: [],
        boundaries: [],
        assets: [],
        actors: [],
        datasets: [],
        controls: [],
        tests: [],
        imports: [],
      },
    },
  };
}

const resultsOf = (assessment: Assessment): Result[] => sarifReport(assessment).runs[0]!.results!;
const findingOf = (result: Result): string => (result.properties as { finding: string }).finding;

describe("the SARIF log", () => {
  test("is version 2.1.0 with one result for each finding", () => {
    const log = sarifReport(whole);
    expect(log.version).toBe("2.1.0");
    expect(log.runs).toHaveLength(1);
    expect(resultsOf(whole).map(findingOf)).toEqual(whole.body.findings.map(({ id }) => id));
    expect(JSON.parse(JSON.stringify(log))).toEqual(log);
  });

  test("points each result at the key or value of vauban.yaml that declares what it is about", () => {
    const lines = text.split("\n");
    for (const result of resultsOf(whole)) {
      const { artifactLocation, region } = result.locations![0]!.physicalLocation!;
      expect(artifactLocation!.uri).toBe("vauban.yaml");
      const line = lines[region!.startLine! - 1]!;
      const pointed = line.slice(region!.startColumn! - 1, region!.endColumn! - 1);
      const finding = whole.body.findings.find(({ id }) => id === findingOf(result))!;
      if (finding.kind === "threshold" && !finding.id.startsWith("F-threshold:scan@")) {
        expect(line).toContain(`id: ${finding.id.slice("F-threshold:".length)},`);
        expect(pointed).toBe('">= 0.90"');
      } else expect(pointed).toBe(finding.at ?? "system");
    }
  });

  test("gives a level to failures only (§3.27.10), and what was not tried is open, never absent", () => {
    const kinds = new Map(resultsOf(whole).map((result) => [findingOf(result), result]));
    for (const { id, status, severity } of whole.body.findings) {
      const { kind, level } = kinds.get(id)!;
      expect(level).toBe(kind === "fail" ? severity : "none");
      expect(kind).toBe(
        { confirmed: "fail", untested: "open", inconclusive: "review", stale: "review", resisted: "pass" }[status],
      );
    }
    expect(resultsOf(whole).some(({ kind }) => kind === "open")).toBe(true);
    expect(resultsOf(whole).some(({ kind }) => kind === "fail")).toBe(true);
  });

  test("names each rule once and finds it by its index", () => {
    const { rules } = sarifReport(whole).runs[0]!.tool.driver;
    expect(new Set(rules!.map(({ id }) => id)).size).toBe(rules!.length);
    for (const { ruleId, ruleIndex } of resultsOf(whole)) expect(rules![ruleIndex!]!.id).toBe(ruleId);
  });

  test("keeps its fingerprints, all different, when lines move", async () => {
    const moved = await assessed(`# one\n# two\n# three\n${text}`, folder, options);
    const prints = (assessment: Assessment): [string, string][] =>
      resultsOf(assessment).map((result) => [findingOf(result), result.partialFingerprints!["vauban/v1"]!]);
    expect(prints(moved)).toEqual(prints(whole));
    expect(new Set(prints(whole).map(([, print]) => print)).size).toBe(whole.body.findings.length);
    const line = (assessment: Assessment): number =>
      resultsOf(assessment)[0]!.locations![0]!.physicalLocation!.region!.startLine!;
    expect(line(moved)).toBe(line(whole) + 3);
  });

  test("keeps author's text from being a link, a placeholder or a direction, and file names from being more than names", () => {
    const [first] = whole.body.findings;
    const [result] = resultsOf({
      ...whole,
      body: {
        ...whole.body,
        findings: [
          {
            ...first!,
            title: "[click](https://example.invalid) {0} \u202egnp",
            where: { ...first!.where!, file: "a b/c#d?e.yaml" },
          },
        ],
      },
    });
    expect(result!.message.text).toContain("[click] (https://example.invalid) {{0}} \\u202egnp.");
    expect(result!.locations![0]!.physicalLocation!.artifactLocation!.uri).toBe("a%20b/c%23d%3Fe.yaml");
  });

  test("stands when there is no finding", () => {
    const { runs } = sarifReport(emptied(whole));
    expect(runs[0]!.results).toEqual([]);
    expect(runs[0]!.tool.driver.rules).toEqual([]);
  });
});

describe("a partial assessment", () => {
  test("says so in both reports, with all that was left untested", async () => {
    const controller = new AbortController();
    const result = await assessText(text, folder, {
      samples: 12,
      signal: controller.signal,
      tell: (_mark, stage) => stage === "clean" && controller.abort(),
      fresh: true,
    });
    if ("diagnostics" in result) throw new Error("refused");
    const { partial } = result.assessment.body;
    expect(partial!.untested.length).toBeGreaterThan(0);
    const shown = seen(htmlReport(result.assessment));
    expect(shown).toContain(flat(partial!.reason));
    expect(shown).toContain(`Leftuntested,${partial!.untested.length}inall:${partial!.untested.join(",")}.`);
    const [invocation] = sarifReport(result.assessment).runs[0]!.invocations!;
    expect(invocation!.executionSuccessful).toBe(false);
    expect(invocation!.toolExecutionNotifications![0]!.message.text).toContain(partial!.untested.join(", "));
    // What was read to the end may pass; no attack came to its end.
    const passed = resultsOf(result.assessment).filter(({ kind }) => kind === "pass");
    expect(passed.map(findingOf).filter((id) => !id.startsWith("F-threshold:scan@"))).toEqual([]);
  });
});
