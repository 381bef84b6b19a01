/** Depth: only layers that nobody holds at once, that differ in mechanism and rest on different evidence, count apart. */
import { expect, test } from "vitest";
import type { Actor, Knowledge, System } from "#assessment/index.ts";
import { depthOf } from "./credit.ts";
import type { ControlCredit } from "./credit.ts";

const where = { file: "vauban.yaml", line: 1, column: 1 };
const layer = (control: string, at: string, evidence: string): ControlCredit => ({
  entry: { id: `${control}@${at}`, control, at, kind: "verified", where },
  control,
  at,
  credited: true,
  fault: undefined,
  why: "",
  evidence: [evidence],
  binds: undefined,
  closure: undefined,
  effect: [],
});
const touching = (...touches: string[]): Pick<System, "actors"> => ({
  actors: [{ id: "admin", title: "admin", profile: "AT-7", touches, knows: "white", byMethod: false } satisfies Actor],
});
const knowledge = {
  controls: [
    { id: "C-92", layer: "system" },
    { id: "C-64", layer: "system" },
    { id: "C-73", layer: "infrastructure" },
  ],
} as unknown as Knowledge;
const depth = (layers: ControlCredit[], system: Pick<System, "actors">): number =>
  depthOf(layers, system as System, knowledge);

test("layers in different hands, by different means, at different places count apart", () => {
  expect(
    depth([layer("C-92", "pacs", "a"), layer("C-64", "viewer", "b"), layer("C-73", "server", "c")], touching()),
  ).toBe(3);
});
test("an actor who touches both places makes two layers one", () => {
  const layers = [layer("C-92", "pacs", "a"), layer("C-64", "viewer", "b"), layer("C-73", "server", "c")];
  expect(depth(layers, touching("pacs", "viewer"))).toBe(2);
  expect(depth(layers, touching("pacs", "viewer", "server"))).toBe(1);
});
test("the same control twice, one layer of one place, or one piece of evidence count once", () => {
  expect(depth([layer("C-92", "pacs", "a"), layer("C-92", "router", "b")], touching())).toBe(1);
  expect(depth([layer("C-92", "pacs", "a"), layer("C-64", "pacs", "b")], touching())).toBe(1);
  expect(depth([layer("C-92", "pacs", "a"), layer("C-73", "server", "a")], touching())).toBe(1);
});
test("forty credited layers are no reason to hang, and never counted too high", () => {
  const many = Array.from({ length: 40 }, (_, i) => layer(`C-${i + 10}`, `place-${i}`, `ev-${i}`));
  expect(depth(many, touching())).toBe(12);
});
