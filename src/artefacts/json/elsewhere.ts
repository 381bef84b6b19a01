/**
 * Files that a document has its reader open – a serving program its model, a loader its weights, vocabulary or library –, where they
 * lie outside the folder that was scanned: whoever can write there decides what is loaded, and nothing here speaks of it.
 */
import { everyNode, type JsonNode } from "#formats/json.ts";
import { OUTSIDE } from "#artefacts/outside.ts";
import type { JsonReading } from "./readings.ts";

/** Names of what is opened, without what stands between their words. */
const OPENED =
  /^(?:(?:base|pretrained|trained|saved|serialized|source|initial|init|resume|resumefrom|loadfrom|load|torch|onnx|native|custom)?(?:model|checkpoint|ckpt|weights?|statedict|handler|adapter|lora|engine|artifacts?|tokenizer|vocab|vocabulary|merges|plugin|library|lib|sharedobject)(?:store|repository|repo)?(?:paths?|files?|filenames?|dir|directory|folder|uri|location|root)|serializedfile|extrafiles|modelstore|modelrepository|handler|checkpoint|resumefromcheckpoint|finetunefrom|weights?|ckpt|pretrained|loadfrom|resumefrom|initcheckpoint|userdir)$/;
/** Names of files in general; what they name is opened by what the file's name ends in. */
const FILE = /^(?!nameorpath$|.*(?:output|log|cache|save|export))\w*(?:filename|file|path)$/;
const LOADED =
  /\.(?:onnx|ort|pt|pth|ckpt|bin|safetensors|h5|hdf5|keras|pkl|pickle|joblib|npy|npz|gguf|tflite|pb|pdparams|so|dll|dylib|py|mar)$/i;
/** Places of a system where its own settings, secrets and devices lie. */
const SYSTEM =
  /^(?:file:\/*)?(?:\/(?:etc|proc|sys|dev|root|boot)(?:\/|$)|[A-Za-z]:[\\/]windows\b)|(?:^|[\\/])\.(?:ssh|aws|kube|docker|gnupg)(?:[\\/]|$)/i;
const LENGTH_MAX = 1024;

const texts = ({ value }: JsonNode): readonly string[] =>
  typeof value === "string"
    ? value.split(",")
    : Array.isArray(value)
      ? value.flatMap((item: JsonNode) => (typeof item.value === "string" ? [item.value] : []))
      : [];

export const elsewhere: JsonReading = {
  recognises: () => true,
  judges(root, { report }) {
    for (const { node, name } of everyNode(root)) {
      if (name === undefined || name.length > 64) continue;
      const short = name.replaceAll(/[-_. ]/g, "").toLowerCase();
      const opened = OPENED.test(short);
      if (!opened && !FILE.test(short)) continue;
      const out = texts(node).find(
        (text) =>
          text.length <= LENGTH_MAX &&
          OUTSIDE.test(text.trim()) &&
          (opened || (LOADED.test(text.trim()) && !text.includes("://"))),
      );
      if (out === undefined) continue;
      const system = SYSTEM.test(out.trim());
      report({
        rule: "outside",
        severity: system ? "suspicious" : "unknown",
        confidence: system ? "high" : "medium",
        start: node.start,
        end: node.end,
        message: `${JSON.stringify(name)} has its reader open ${JSON.stringify(out.trim().slice(0, 120))}, ${system ? "which belongs to the system and is no part of the model" : "outside of its folder"}`,
      });
    }
  },
};
