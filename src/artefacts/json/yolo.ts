/**
 * YOLO's two kinds of YAML that run what they hold: a data set's `download` (Ultralytics, check_det_dataset in ultralytics/data/utils.py;
 * YOLOv5, check_dataset in utils/general.py) and a model's list of layers, of which each text is evaluated (parse_model in models/yolo.py).
 */
import { everyNode, JsonObject, type JsonNode } from "#formats/json.ts";
import type { Subject } from "#artefacts/check.ts";
import { judgeProgram } from "#artefacts/program.ts";
import { shellHarm } from "#artefacts/shell.ts";
import type { JsonReading } from "./readings.ts";

const SETS = ["train", "val", "test", "names", "nc"];
/** An address is fetched and unpacked; as Python it would be no program. */
const ADDRESS = /^https?:\/\/\S+$/;
/** A name, of torch's own layers perhaps; a word in quotes; a list of numbers; sums and products of names and numbers. */
const PLAIN: readonly RegExp[] = [
  /^(?:(?:torch\.)?nn\.|torchvision\.ops\.)?[A-Za-z]\w*$/,
  /^'[\w-]*'$/,
  /^\[[\d\s,.-]*\]$/,
  /^(?:[A-Za-z]\w*|-?\d+(?:\.\d*)?)(?:\s*[+*/-]\s*(?:[A-Za-z]\w*|-?\d+(?:\.\d*)?))*$/,
];
const ARGUMENT = String.raw`\s*(?:[a-z]\w*\s*=\s*)?(?:[\d.e-]+|True|False|None)\s*`;
/** An activation of torch's own, made with numbers. */
const ACTIVATION = new RegExp(String.raw`^(?:torch\.)?nn\.[A-Z]\w*\((?:${ARGUMENT}(?:,${ARGUMENT})*)?\)$`);
const PLAIN_MAX = 200;
const TEXT_MAX = 2 ** 16;

const objectOf = (root: JsonNode): JsonObject | undefined =>
  root.value instanceof JsonObject ? root.value : undefined;
const listIn = (object: JsonObject, name: string): readonly JsonNode[] => {
  const value = object.get(name)?.value;
  return Array.isArray(value) ? (value as readonly JsonNode[]) : [];
};
/** `[from, number, module, arguments]`. */
const isLayer = ({ value }: JsonNode): boolean => Array.isArray(value) && value.length >= 3;
const layersOf = (object: JsonObject): readonly JsonNode[] =>
  ["backbone", "head", "neck"].flatMap((part) => listIn(object, part)).filter(isLayer);

export const yolo: JsonReading = {
  recognises(root) {
    const object = objectOf(root);
    if (!object) return false;
    return (
      (object.get("download") !== undefined && SETS.some((name) => object.get(name) !== undefined)) ||
      layersOf(object).length > 0
    );
  },
  judges(root, subject) {
    const object = objectOf(root)!;
    const download = object.get("download");
    if (download && SETS.some((name) => object.get(name) !== undefined))
      for (const { node } of everyNode(download))
        if (typeof node.value === "string") judgeDownload(node.value.trim(), node, subject);
    const layers = layersOf(object);
    if (layers.length === 0) return;
    for (const layer of layers)
      for (const { node } of everyNode(layer))
        if (typeof node.value === "string" && !isPlain(node.value))
          judgePython(node.value, node, "making the model evaluates", subject);
    for (const name of ["activation", "act"]) {
      const node = object.get(name);
      if (typeof node?.value === "string" && !isPlain(node.value, ACTIVATION))
        judgePython(node.value, node, "making the model evaluates", subject);
    }
  },
};

const isPlain = (text: string, ...more: readonly RegExp[]): boolean =>
  text.length <= PLAIN_MAX && !text.includes("__") && [...PLAIN, ...more].some((pattern) => pattern.test(text.trim()));

function judgeDownload(text: string, at: JsonNode, subject: Subject): void {
  if (text === "" || ADDRESS.test(text)) return;
  if (!text.startsWith("bash ")) return judgePython(text, at, "loading the data set runs", subject);
  const harm = shellHarm(text);
  subject.report({
    rule: "runs-commands",
    severity: harm?.severity ?? "suspicious",
    confidence: "high",
    start: at.start,
    end: at.end,
    message: `loading the data set where it is not there runs the command ${JSON.stringify(text.slice(0, 120))}${harm ? `, which ${harm.does}` : ""}`,
  });
}

/** Python that runs as it stands: what it does says how bad that is. */
function judgePython(text: string, { start, end }: JsonNode, does: string, subject: Subject): void {
  subject.meter.tick();
  subject.report({
    rule: "runs-code",
    severity: "unknown",
    confidence: "high",
    start,
    end,
    message: `${does} the Python ${JSON.stringify(text.slice(0, 120))}`,
  });
  if (text.length > TEXT_MAX) return;
  for (const { severity, message, ...finding } of judgeProgram(new TextEncoder().encode(text)).findings)
    subject.report({ ...finding, severity, start, end, message: `${does} Python: ${message}` });
}
