/** PMML: what leads out of the document is told, and what is no element of the standard is not understood. */
import { describe, expect, test } from "vitest";
import { pmmlFile } from "../../test/support/artefacts.ts";
import { bytes } from "../../test/support/pickle.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";

const scan = (text: string) => scanned(new TextEncoder().encode(text), "model.pmml");
const apply = (name: string): string =>
  `<TransformationDictionary><DerivedField name="x" optype="continuous" dataType="double"><Apply function="${name}"><Constant>1</Constant></Apply></DerivedField></TransformationDictionary>`;
const define = (name: string, calls: string): string =>
  `<DefineFunction name="${name}" optype="continuous"><ParameterField name="a"/><Apply function="${calls}"><FieldRef field="a"/></Apply></DefineFunction>`;

/** Fields, each derived from another. */
const derive = (...fields: readonly (readonly [name: string, from: string])[]): string =>
  `<TransformationDictionary>${fields.map(([name, from]) => `<DerivedField name="${name}" optype="continuous" dataType="double"><Apply function="ln"><FieldRef field="${from}"/></Apply></DerivedField>`).join("")}</TransformationDictionary>`;

describe("a PMML model", () => {
  test("is read whole", () =>
    expect(scanned(pmmlFile(), "model.pmml")).toMatchObject({
      verdict: "no code path found",
      read: "whole",
      findings: [],
    }));
  test.each([
    ["functions that the standard has", pmmlFile(apply("ln"))],
    [
      "functions that it defines",
      pmmlFile(`<TransformationDictionary>${define("f", "exp")}${define("g", "f")}</TransformationDictionary>`),
    ],
    ["fields that it derives from each other", pmmlFile(derive(["c", "b"], ["b", "a"], ["a", "x"]))],
    [
      "fields of one name in two models",
      pmmlFile(
        `<TreeModel>${derive(["a", "b"]).replaceAll("TransformationDictionary", "LocalTransformations")}</TreeModel><TreeModel>${derive(["b", "a"]).replaceAll("TransformationDictionary", "LocalTransformations")}</TreeModel>`,
      ),
    ],
    ["an extension of words", pmmlFile('<Extension name="user" value="me" extender="a program"/>')],
    [
      "cells of any name",
      pmmlFile(
        '<Taxonomy name="t"><ChildParent childField="a" parentField="b"><InlineTable><row><a>1</a><b>2</b></row></InlineTable></ChildParent></Taxonomy>',
      ),
    ],
    ["letters beyond ASCII", pmmlFile('<Extension name="größe" value="日本"/>')],
    ["a prefix", bytes('<p:PMML xmlns:p="http://www.dmg.org/PMML-4_4" version="4.4"><p:Header/></p:PMML>')],
  ])("with %s is fine", (_, file) => expect(scanned(file, "model.pmml").verdict).toBe("no code path found"));
  test("is recognised whatever it is called", () =>
    expect(scanned(pmmlFile(), "model.bin").verdict).toBe("no code path found"));
});

describe("what is not fine:", () => {
  const wrapped = (head: string): string =>
    `<?xml version="1.0"?>${head}<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/></PMML>`;
  test.each<[string, string, string, string]>([
    [
      "an entity that lies elsewhere",
      wrapped('<!DOCTYPE PMML [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
      "pmml-external",
      "suspicious",
    ],
    [
      "a document type that lies elsewhere",
      wrapped('<!DOCTYPE PMML SYSTEM "http://203.0.113.7/a.dtd">'),
      "pmml-external",
      "suspicious",
    ],
    [
      "entities that grow",
      wrapped('<!DOCTYPE PMML [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'),
      "pmml-doctype",
      "suspicious",
    ],
    ["a document type", wrapped("<!DOCTYPE PMML>"), "pmml-doctype", "unknown"],
    ["an instruction", wrapped('<?xml-stylesheet href="a.xsl"?>'), "pmml-instruction", "unknown"],
    [
      "an inclusion",
      wrapped("").replace(' version="4.4"', ' xmlns:xi="http://www.w3.org/2001/XInclude" version="4.4"'),
      "pmml-external",
      "suspicious",
    ],
    ["another namespace", wrapped("").replace("www.dmg.org", "acme.example"), "pmml-element", "unknown"],
  ])("%s", (_, text, rule, expected) => {
    const file = scan(text);
    expect(rulesOf(file)).toContain(rule);
    expect(file.verdict).toBe(expected);
  });
  test.each<[string, string, string, string]>([
    ["a class by its name", apply("com.acme.Evil"), "pmml-class", "suspicious"],
    ["a function of nobody's", apply("acme"), "pmml-function", "unknown"],
    ["a name from JavaScript's own objects", apply("constructor"), "pmml-function", "unknown"],
    [
      "a function that calls itself",
      `<TransformationDictionary>${define("f", "g")}${define("g", "f")}</TransformationDictionary>`,
      "pmml-recursion",
      "suspicious",
    ],
    [
      "a class whose name it also defines",
      `<TransformationDictionary>${define("com.acme.Evil", "exp")}</TransformationDictionary>${apply("com.acme.Evil")}`,
      "pmml-class",
      "suspicious",
    ],
    [
      "a function that calls itself in one of two definitions",
      `<TransformationDictionary>${define("g", "f")}${define("f", "g")}${define("f", "exp")}</TransformationDictionary>`,
      "pmml-recursion",
      "suspicious",
    ],
    [
      "two functions of one name",
      `<TransformationDictionary>${define("f", "exp")}${define("f", "ln")}</TransformationDictionary>`,
      "pmml-duplicate",
      "unknown",
    ],
    ["a field derived from itself", derive(["z", "z"]), "pmml-recursion", "suspicious"],
    ["fields derived from each other", derive(["a", "b"], ["b", "c"], ["c", "a"]), "pmml-recursion", "suspicious"],
    ["two derived fields of one name", derive(["a", "x"], ["a", "y"]), "pmml-duplicate", "unknown"],
    [
      "functions that each call the last one twice",
      `<TransformationDictionary>${define("f0", "exp")}${Array.from({ length: 24 }, (_, i) => define(`f${i + 1}`, `f${i}`).replace("<FieldRef", `<Apply function="f${i}"><FieldRef field="a"/></Apply><FieldRef`)).join("")}</TransformationDictionary>`,
      "pmml-growth",
      "suspicious",
    ],
    [
      "an extension that names a class",
      '<Extension name="externalClass" value="com.acme.Evil"/>',
      "pmml-class",
      "unknown",
    ],
    ["an extension with a vendor's elements", "<Extension><acme/></Extension>", "pmml-extension", "unknown"],
    ["an element that is none", "<X-Acme/>", "pmml-element", "unknown"],
    ["a table elsewhere", "<TableLocator/>", "pmml-table", "unknown"],
    ["an attribute of a vendor's", '<Header xmlns:a="urn:a" a:code="1"/>', "pmml-element", "unknown"],
    ["a cell with attributes", '<InlineTable><row><a code="1">1</a></row></InlineTable>', "pmml-element", "unknown"],
  ])("%s", (_, inner, rule, expected) => {
    const file = scanned(pmmlFile(inner), "model.pmml");
    expect(rulesOf(file)).toContain(rule);
    expect(file.verdict).toBe(expected);
  });
  test("elements eight thousand deep are read in the time that they take one by one", () => {
    const began = process.cpuUsage();
    expect(scanned(pmmlFile(`${'<Extension a:b="1">'.repeat(8000)}${"</Extension>".repeat(8000)}`)).verdict).toBe(
      "unknown",
    );
    expect(process.cpuUsage(began).user / 1000).toBeLessThan(1000);
  });
  test("functions in a chain of twelve thousand are followed one by one", () => {
    const chain = Array.from({ length: 12_000 }, (_, i) => define(`f${i}`, `f${i + 1}`)).join("");
    const began = process.cpuUsage();
    const file = scanned(pmmlFile(`<TransformationDictionary>${chain}</TransformationDictionary>`), "model.pmml");
    expect(rulesOf(file)).toContain("pmml-growth");
    expect(process.cpuUsage(began).user / 1e6).toBeLessThan(5);
  });
  test("what follows the root, and a document cut short anywhere", () => {
    const whole = pmmlFile();
    expect(scanned(bytes(whole, "cos\nsystem\n"), "model.pmml").read).toBe("part");
    for (let end = 120; end < whole.length - 1; end += 13)
      expect([end, scanned(whole.subarray(0, end), "model.pmml").verdict]).toEqual([end, "unknown"]);
  });
});
