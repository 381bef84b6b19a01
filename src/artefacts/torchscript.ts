/**
 * TorchScript source: a small language without imports, files or sockets, whose reach is the operators it calls. Source
 * that keeps to tensor arithmetic has no way out; anything else stays unread.
 */
import type { Content } from "#formats/content.ts";

const SIZE_MAX = 16 * 2 ** 20;

/** Operators that read or write files, or run what was registered by somebody else. */
const REACHES = /\b(from_file|save|load|_load_\w+|rpc_\w+|call_torchbind|open|write)\s*\(/;
const NAMESPACES = new Set(["aten", "prim", "quantized", "torchvision", "prepacked", "_quantized", "xnnpack", "metal"]);

/** Why this source is more than arithmetic, or no TorchScript; undefined where it is neither. */
export function torchScriptProblem(content: Content): string | undefined {
  if (content.size > SIZE_MAX) return "it is larger than is read";
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(content.read(0, content.size));
  } catch {
    return "it is no text";
  }
  if (/[\u0000-\u0008\u000e-\u001f]/.test(text)) return "it is no text";
  const reach = REACHES.exec(text);
  if (reach) return `it calls ${reach[1]}`;
  for (const [, namespace] of text.matchAll(/\bops\.(\w+)\./g))
    if (!NAMESPACES.has(namespace!)) return `it calls operators of ${namespace}`;
  const line = text
    .split("\n")
    .map((one) => one.trim())
    .find((one) => one !== "" && !LINE.test(one));
  return line === undefined ? undefined : `"${line.slice(0, 60)}" is no TorchScript as PyTorch writes it`;
}

/** A line of serialised TorchScript: what PythonPrint (torch/csrc/jit/serialization/python_print.cpp) puts out. */
const LINE =
  /^(class \w+\(\w+\):|def [\w.]+\(.*|op_version_set = \d+|__\w+__(\["[^"]*"\])? = .*|[A-Za-z_][\w.]* ?: .+|[A-Za-z_][\w.,\s[\]]*,? = .+|\(?[\w.,\s()]+,? = .+|return\b.*|if .+:|else:|elif .+:|while .+:|for .+:|pass|break|continue|raise .*|assert .*|annotate\(.*|[\])}].*|["'A-Za-z_(\d-][^;`\\$]*[,:)\]]|_ = .*|[\w.]+\(.*)$/;
