/** `vauban inspect`: what a model file is, how its inputs and outputs are understood, and what attacks can do with it. */
import { basename } from "node:path";
import { HostError } from "#base/ports.ts";
import { filesHere } from "#host/index.ts";
import { inspectIsolated } from "#host/inspector.ts";
import type { InspectRequest } from "#host/inspect-worker.ts";
import type { Access } from "#onnx/inspect.ts";
import type { InspectFlags, Invocation } from "#cli/main.ts";
import type { inspectionDocument } from "#cli/documents.ts";
import { EXIT, plain, type Colours, type ExitCode } from "#cli/terminal.ts";
import type { z } from "zod";

type InspectionDocument = z.infer<typeof inspectionDocument>;

export async function inspectCommand(
  { terminal, signal, json }: Invocation,
  path: string,
  flags: InspectFlags,
): Promise<ExitCode> {
  const source = await filesHere().open(path);
  const file = { name: basename(path), bytes: source.size, sha256: await source.sha256() };
  const found = await inspectIsolated(requestOf(path, flags), signal);
  const document = { format: "vauban/inspect/1", file, ...found } satisfies InspectionDocument;
  terminal.out(json ? `${JSON.stringify(document, null, 2)}\n` : text(document, terminal.colours));
  return found.access === "unknown" || found.access === "refused" ? EXIT.badInput : EXIT.fine;
}

function requestOf(path: string, flags: InspectFlags): InspectRequest {
  return {
    path,
    ...(flags.shape ? { sampleShape: shapeOf(flags.shape) } : {}),
    ...(flags.input ? { attacked: flags.input } : {}),
    ...(flags.hold ? { held: heldOf(flags.hold) } : {}),
    ...(flags.head ? { head: flags.head } : {}),
    ...(flags.classes ? { classes: flags.classes } : {}),
  };
}

/** 3x32x32, or 10. */
function shapeOf(text: string): number[] {
  const dims = text.split(/[x×,]/).map((word) => Number(word));
  if (dims.every((dim) => Number.isInteger(dim) && dim >= 1 && dim <= 1e9)) return dims;
  throw new HostError(
    `--shape ${text} is no shape`,
    "write the lengths of one sample without the batch: 3x32x32, or 10",
  );
}

function heldOf(texts: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.lastIndexOf("=");
      const value = Number(text.slice(at + 1));
      if (at < 1 || at === text.length - 1 || !Number.isFinite(value))
        throw new HostError(`--hold ${text} names no input and value`, "write --hold name=0");
      return [text.slice(0, at), value];
    }),
  );
}

const VERDICTS: Readonly<Record<Access, string>> = {
  "white-box": "white-box – every operator on the way from input to output has a gradient",
  surrogate: "white-box by surrogate – steps without derivative are passed by smooth functions near them",
  scores: "scores only – attacks by queries",
  labels: "labels only – attacks by decisions",
  refused: "refused – it cannot be attacked as it is",
  unknown: "unknown – nothing was run",
};

const LABEL = 14;
const number = (n: number): string => n.toLocaleString("en-US");
const dims = (shape: readonly (number | null)[] | undefined): string =>
  shape ? `[${shape.map((dim) => dim ?? "?").join(", ")}]` : "of any shape";
const portText = ({ name, type, shape }: InspectionDocument["inputs"][number]): string =>
  `"${name}" ${type ?? "no tensor"} ${dims(shape)}`;

function text(found: InspectionDocument, c: Colours): string {
  const lines: string[] = [];
  const say = (label: string, words: string): void => void lines.push(`${c.bold(label.padEnd(LABEL))}${plain(words)}`);
  const { file, sample, head, batch, agreement } = found;
  lines.push(`${c.bold(plain(file.name))}  ${number(file.bytes)} bytes  sha256 ${file.sha256}`, "");
  const others = found.domains.map(({ domain, version }) => `, ${domain} ${version}`).join("");
  say("operator set", `${found.opset}${others}${found.producer ? `   made by ${found.producer}` : ""}`);
  say("operators", `${found.operators.map(({ op, count }) => `${op} ×${count}`).join(", ")}`);
  const macs = found.macs === undefined ? "" : `   ${number(Math.round(found.macs))} multiply-adds per sample`;
  say("parameters", `${number(found.parameters)}${macs}`);
  found.inputs.forEach((port, i) => {
    const attacked = sample?.input === port.name ? `  – samples of [${sample.shape.join(", ")}], attacked` : "";
    say(i === 0 ? "inputs" : "", `${portText(port)}${attacked}`);
  });
  found.outputs.forEach((port, i) => say(i === 0 ? "outputs" : "", portText(port)));
  if (head) say("head", `${head.kind}: ${head.note} (${head.meaning})`);
  if (head?.kind === "logits" && head.meaning === "classes")
    say(
      "",
      "if they are no classes, say so: --head regression for numbers, --head multi-label for labels that exclude nothing",
    );
  if (batch)
    say(
      "batch",
      batch.size === "any" ? `of any size; ${batch.advised} at a time keep a call short` : `${batch.size} at a time`,
    );
  if (found.deterministic !== undefined)
    say(
      "answers",
      `${found.deterministic ? "the same" : "different ones"} when asked twice; what attacks see is ${agreement!.difference === 0 ? "exactly" : `within ${agreement!.difference.toExponential(1)} of`} the file's own answers`,
    );
  const kinds = new Map<string, number>();
  for (const { op, surrogate } of found.surrogates)
    kinds.set(`${op} as ${surrogate}`, (kinds.get(`${op} as ${surrogate}`) ?? 0) + 1);
  [...kinds].forEach(([kind, count], i) => say(i === 0 ? "surrogates" : "", `${kind} ×${count}`));
  const shown = new Set([head?.note, `run as the file has it: ${found.because ?? ""}`]);
  found.notes
    .filter((note) => !shown.has(note) && !note.startsWith("gradient by surrogate"))
    .forEach((note, i) => say(i === 0 ? "notes" : "", note));
  lines.push("");
  const tone = found.access === "white-box" || found.access === "surrogate" ? c.green : c.yellow;
  lines.push(`${c.bold("ATTACKS".padEnd(LABEL))}${c.bold(tone(VERDICTS[found.access]))}`);
  if (found.because) say("because", found.because);
  if (found.remedy) say("remedy", found.remedy);
  return `${lines.join("\n")}\n`;
}
