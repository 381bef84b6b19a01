import { expect, test } from "vitest";
import { unknownControl } from "./unknown-control.ts";

const CONTROLS = ["C-09", "C-53", "C-90", "C-91", "C-99"].map((id) => ({ id, title: `about ${id}` }));

test("of an unknown control the nearest are named with their titles, and no form is advised that it has already", () => {
  expect(unknownControl("--exclude C-999", "C-999", CONTROLS)).toEqual({
    message: '--exclude C-999: the catalogue has no control "C-999"',
    hint: "did you mean C-99 (about C-99), C-90 (about C-90), C-91 (about C-91)?",
  });
  expect(unknownControl("--require c-35@api", "c-35", CONTROLS).hint).not.toContain("@");
  expect(unknownControl("--exclude banana", "banana", CONTROLS).hint).toContain("`vauban explain C-53`");
});
