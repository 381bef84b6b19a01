import { expect, test } from "vitest";
import { plain } from "./terminal.ts";

test("a name from elsewhere stays in its line, so that it cannot write a verdict of its own", () => {
  expect(plain("a.pkl\nno code path found  whole  b.pkl")).toBe("a.pkl\\u000ano code path found  whole  b.pkl");
  expect(plain("a\r\u001b[31mred\u202e")).toBe("a\\u000d\\u001b[31mred\\u202e");
  expect(plain("Gewähr\tcolumn")).toBe("Gewähr\tcolumn");
});
