/** XML: well-formed or refused (W3C's own examples of both), nothing expanded, every place right. */
import { describe, expect, test } from "vitest";
import { readXml, type XmlElement } from "./xml.ts";

function read(text: string) {
  const elements: XmlElement[] = [];
  const texts: string[] = [];
  const entities: string[] = [];
  const doctypes: string[] = [];
  const end = readXml(text, {
    element: (one) => elements.push(one),
    text: (one) => texts.push(one),
    entity: (one) => entities.push(one),
    doctype: (one) => doctypes.push(one),
  });
  return { elements, texts, entities, doctypes, end };
}

describe("a well-formed document", () => {
  test("is read to its elements, attributes and texts, with their places", () => {
    const text = '<?xml version="1.0" encoding="UTF-8"?>\n<a x="1 &lt; 2"><!-- c --><b/>t&#x41;<![CDATA[<z>]]></a>\n';
    const { elements, texts, end } = read(text);
    expect(elements.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(elements[0]!.attributes).toMatchObject([{ name: "x", value: "1 < 2" }]);
    expect(texts).toEqual(["tA", "<z>"]);
    expect(text.slice(elements[1]!.start, elements[1]!.end)).toBe("<b/>");
    expect(end).toBe(text.length);
  });
  test("ends where its root and the white space behind it end", () => {
    expect(read("<a/>\n<b/>").end).toBe(5);
    expect(read("<a/> tail").end).toBe(4);
  });
  test("has its document type told and passed over, whatever stands in it", () => {
    const type = '<!DOCTYPE a [<!ENTITY x "]>"> <!-- ]> --> <!ENTITY y SYSTEM "file:///etc/passwd">]>';
    const { doctypes, entities, texts } = read(`${type}<a>&x;&y;</a>`);
    expect(doctypes).toEqual([type]);
    expect(entities).toEqual(["x", "y"]);
    expect(texts).toEqual(["&x;&y;"]);
  });
  test("is as deep as it likes, within a limit and without using up the stack", () => {
    expect(read(`${"<a>".repeat(9000)}${"</a>".repeat(9000)}`).elements.length).toBe(9000);
    expect(() => read("<a>".repeat(20_000))).toThrow("deep");
  });
});

test.each([
  ["an element that is not closed", "<a><b></a>"],
  ["nothing", ""],
  ["no root", "<!-- a -->"],
  ["text before the root", "x<a/>"],
  ["an attribute twice", '<a x="1" x="2"/>'],
  ["an attribute without quotes", "<a x=1/>"],
  ["attributes without a space", '<a x="1"y="2"/>'],
  ["a tag within a value", '<a x="<"/>'],
  ["a bare ampersand", "<a>fish & chips</a>"],
  ["a reference to no character", "<a>&#0;</a>"],
  ["a reference to half a character", "<a>&#xd800;</a>"],
  ["two dashes in a comment", "<a><!-- -- --></a>"],
  ["a section's end alone", "<a>]]></a>"],
  ["a second declaration", '<a/><?xml version="1.0"?>'],
  ["another encoding", '<?xml version="1.0" encoding="UTF-7"?><a/>'],
  ["a control character", "<a>\u0001</a>"],
  ["an end without a beginning", "</a>"],
  ["a document type without an end", "<!DOCTYPE a [ <a/>"],
  ["a name that is none", "<1a/>"],
])("%s is refused", (_, text) => expect(() => read(text)).toThrow());
