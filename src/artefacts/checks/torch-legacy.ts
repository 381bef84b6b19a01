/** PyTorch's second format (before 1.6): five pickles in a row, then the storages as raw numbers (torch/serialization.py, _legacy_load). */
import { Collection, Text, textOf } from "#formats/pickle.ts";
import { upTo } from "#formats/content.ts";
import { viewOf } from "#formats/error.ts";
import { defineCheck, type Storage } from "#artefacts/check.ts";
import { readPickles, TORCH_MAGIC } from "./pickle.ts";

export default defineCheck({
  title: "legacy PyTorch file",
  runs: true,
  recognise(content) {
    const head = upTo(content, 0, TORCH_MAGIC.length);
    return TORCH_MAGIC.every((byte, i) => head[i] === byte) ? "yes" : "no";
  },
  read(subject) {
    const { content, ledger, report } = subject;
    const storages = new Map<string, Storage>();
    const torch = {
      ...subject,
      surroundings: { persistentIds: "torch" as const, storage: (one: Storage) => void storages.set(one.key, one) },
    };
    const { end, values, broken } = readPickles(torch, 0, { streams: 5 });
    const keys = values[4];
    if (broken || values.length < 5) return;
    let at = end;
    const problem = (message: string): void => {
      ledger.left(at, content.size, message);
      report({ rule: "torch-broken", severity: "unknown", confidence: "high", start: at, end: content.size, message });
    };
    if (!(keys instanceof Collection) || keys.kind !== "list" || keys.size !== keys.items.length)
      return problem("the list of storages is none that can be followed");
    for (const key of keys.items) {
      const storage = key instanceof Text ? storages.get(textOf(content, key, 1000)) : undefined;
      if (!storage) return problem("a storage is listed that no tensor names");
      if (at + 8 > content.size) return problem("the storages are cut short");
      const elements = viewOf(content.read(at, 8)).getBigInt64(0, true);
      const size = Number(elements) * storage.width;
      if (elements !== BigInt(storage.elements))
        return problem(`a storage of ${elements} elements where ${storage.elements} are named`);
      if (at + 8 + size > content.size) return problem("the storages are cut short");
      ledger.understood(at, at + 8 + size);
      at += 8 + size;
    }
    ledger.left(at, content.size, "it follows the storages");
  },
});
