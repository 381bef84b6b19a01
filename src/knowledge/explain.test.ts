import { describe, expect, it } from "vitest";
import { explain, explainableIds, explanationText, loadKnowledge, suggestion, TRIED_HERE } from "./index.ts";

const all = loadKnowledge();
const read = (id: string): string => explanationText(explain(all, id)!).replaceAll(/\s+/g, " ");

describe("explain", () => {
  it("answers to every id it lists, in lines that fit the width", () => {
    for (const id of explainableIds()) {
      const explanation = explain(all, id, 100);
      expect(explanation, id).toBeDefined();
      expect(explanation!.lines.length, id).toBeGreaterThan(3);
      const prose = explanation!.lines.filter((line) => !line.startsWith("    ") || explanation!.id !== "not-tried");
      for (const line of prose) expect(line.length, `${id}: ${line}`).toBeLessThanOrEqual(100);
    }
  });

  it("tells of a threat what would count, who would, what helps, and what others call it", () => {
    const text = read("T-25");
    expect(text).toContain("What this version tries: nothing. It stays untested until evidence is imported");
    expect(text).toContain("C-69 Never private data, untrusted content and a way out together (system, proven)");
    expect(text).toContain("OWASP Top 10 for LLM Applications 2026: LLM01:2026 Prompt Injection");
    expect(text).toContain("No counterpart in:");
  });

  it("says that a broken control never counts, and repeats the sentence that does not count", () => {
    const text = read("C-31");
    expect(text).toContain("broken: never counts, whatever evidence is brought");
    expect(text).toContain("“We use defensive distillation.”");
    expect(text).not.toContain("What would count as evidence");
    expect(read("T-01")).toContain("C-31 Distillation as a defence (model, broken: never counts)");
  });

  it("says what a control makes worse, and of the threat which control does so", () => {
    expect(read("C-30")).toContain("Makes worse: - T-17 Membership inference");
    expect(read("T-17")).toContain("Controls that make it worse: - C-30 Adversarial training");
  });

  it("tells of a clause what is tested, by which threats it is decided, and from when", () => {
    const text = read("AIA-15.5-c-AE");
    expect(text).toContain("What we test: The model itself");
    expect(text).toContain("T-02 Physical evasion by patch, sticker or paint: a `patch:` test");
    expect(text).toContain("T-25 Indirect prompt injection: by imported evidence only");
    expect(text).toContain("2027-12-02: Systems listed in Annex III");
    expect(read("A4.2f")).toContain("Nothing: a document only a person can bring.");
    expect(read("CRA-I.II.7")).toContain("Applies to products with digital elements");
    expect(read("A3.2")).toContain("AI Act, Annex III, point 2, in our words: Safety components");
  });

  it("tells of a profile how often it is assumed to try", () => {
    expect(read("AT-7")).toContain("T-01: 0.01 to 0.1 attempts per year, 0.03 as central figure. Assumed");
  });

  it("gives the sector's starting values", () => {
    expect(read("road")).toContain("VH: 0.001");
  });

  it("answers to a threat's readable name, to a class, and to either case", () => {
    expect(explain(all, "indirect-injection")?.id).toBe("T-25");
    expect(explain(all, "ae")?.id).toBe("AIA-15.5-c-AE");
    expect(explain(all, " t-25 ")?.id).toBe("T-25");
    expect(explain(all, "aia-15.5-C-ae")?.id).toBe("AIA-15.5-c-AE");
  });

  it("has nothing for an id nobody gave, and suggests the nearest", () => {
    expect(explain(all, "T-99")).toBeUndefined();
    expect(explain(all, "constructor")).toBeUndefined();
    expect(suggestion("not-tryed")).toBe("not-tried");
    expect(suggestion("AIA-15.5-c-AF")).toBe("AIA-15.5-c-AE");
    expect(suggestion("something else entirely")).toBeUndefined();
  });
});

describe("explain not-tried", () => {
  const text = read("not-tried");

  it("never reads a gap as safety", () => {
    expect(text).toContain("it is never read as safe");
  });

  it("names the key without which nothing measured counts", () => {
    expect(text).toContain("accuracy: { declared: 0.94, on: <data set> }");
  });

  it("names all five classes with every threat in them", () => {
    for (const attackClass of ["AE", "MF", "DP", "MP", "CA"]) {
      const types = all.threats.filter(({ classes }) => classes.some((name) => name === attackClass));
      expect(text).toContain(`(${attackClass}) – ${types.map(({ id }) => id).join(", ")}`);
    }
  });

  it("names the scan and the checks of data where they bear on a threat, and calls neither evidence elsewhere", () => {
    const checks = [{ title: "Wrong labels", bearsOn: { threats: ["T-07"] } }];
    const of = (id: string): string => explain(all, id, 1000, checks)!.lines.join("\n");
    expect(of("T-11")).toContain("What this version tries: `assess` scans every file");
    for (const id of ["T-08", "T-09", "T-12", "T-38"]) {
      expect(of(id)).toContain("What this version tries: nothing.");
      expect(of(id)).toContain("`assess` scans the files, and holds them to the hashes and signatures");
    }
    expect(of("T-07")).toContain("check data for it: Wrong labels");
    expect(of("T-01")).not.toMatch(/looks at besides/);
  });

  it("claims to try only what the tests of a system file can", () => {
    expect(Object.keys(TRIED_HERE)).toEqual(["T-01", "T-02", "T-04", "T-11"]);
    expect(text.match(/Nothing is run here/g)).toHaveLength(1);
    // Each kind of trial is told where its class is, and what it leaves untried.
    const told = (name: string): string => text.slice(text.indexOf(`(${name}) –`)).split("Import a signed")[0]!;
    for (const id of ["T-01", "T-02"]) expect(told("AE")).toMatch(new RegExp(`Run here: .*${id}.*Not run: `, "s"));
    expect(told("MP")).toMatch(/Run here: .*scanned.*T-11.*Not run: .*T-08, T-09.*leaves this class not\s+tried/s);
    expect(told("DP")).toMatch(/Run here: integrity checks.*they\s+move no risk.*Not run: /s);
    expect(text).toContain("The conventional half (intrusion, ransomware, outages, logs) is never run here");
  });
});
