import { expect, test } from "vitest";
import { filesOf } from "#datasets/files.testing.ts";
import { writeNpy, writeZip } from "#formats/writers.testing.ts";
import { isError } from "#base/diagnostics.ts";
import { readSystem } from "#system/read.ts";
import { starter } from "#system/starter.ts";
import { lookAround } from "./look.ts";

test("what is a model by its content alone is taken to be scanned, and what is not taken is told with the reason", async () => {
  const pickle = Uint8Array.of(0x80, 4, 0x4e, 0x2e);
  const found = await lookAround(
    filesOf({
      "net.onnx": Uint8Array.of(1),
      "pytorch_model.bin": writeZip([{ name: "archive/data.pkl", content: pickle }]),
      "sub/weights": pickle,
      "array.bin": writeNpy(Float32Array.of(1), [1]),
      "noise.bin": Uint8Array.of(1, 2, 3, 250, 0, 7),
      "empty.h5": new Uint8Array(0),
      "build/old.pt": pickle,
      "node_modules/x/y.pt": pickle,
      "main.py": "import os\n",
    }),
  );
  expect(found.parts?.map(({ path, what }) => [path, what])).toEqual([
    ["pytorch_model.bin", "zip archive"],
    ["sub/weights", "pickle"],
  ]);
  expect(found.passedOver).toEqual([
    { path: "build/old.pt", because: "its folder is one of results or builds" },
    { path: "empty.h5", because: "it is empty" },
    { path: "noise.bin", because: "no model by its content" },
  ]);
  const text = starter("vision", found);
  const { diagnostics, system } = readSystem(text, "vauban.yaml");
  expect(diagnostics.filter(isError)).toEqual([]);
  expect(JSON.stringify(system!.components)).toContain('"pytorch_model.bin"');
  for (const { path, because } of found.passedOver!) expect(text).toContain(`#   ${path}: ${because}`);
});
