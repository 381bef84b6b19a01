/** Which bytes of a file beside an ONNX model are the model's values, by the model's own word. */
import type { Content } from "#formats/content.ts";
import { ELEMENT_BITS, MODEL } from "#formats/onnx.ts";
import { numberOf, numbersOf, textOf, walkMessage, type Walked } from "#formats/protobuf-walk.ts";
import type { Range } from "./ledger.ts";

/** The ranges that tensors of this model have in the file called `name`, which lies beside it; none where it names another. */
export function valuesIn(model: Content, name: string, size: number, tick: () => void): readonly Range[] {
  const { message, fault } = walkMessage(model, MODEL, { start: 0, end: model.size }, tick);
  if (fault) return [];
  const ranges: Range[] = [];
  const visit = (part: Walked): void => {
    for (const [field, messages] of Object.entries(part.messages))
      for (const inner of messages)
        if (field === "external_data") continue;
        else visit(inner);
    if (part.messages.external_data) {
      const range = rangeOf(model, part, name, size);
      if (range) ranges.push(range);
    }
  };
  visit(message);
  return ranges;
}

function rangeOf(model: Content, tensor: Walked, name: string, size: number): Range | undefined {
  const entries = new Map(
    (tensor.messages.external_data ?? []).map((entry) => [textOf(model, entry, "key"), textOf(model, entry, "value")]),
  );
  if (entries.get("location")?.replace(/^(?:\.\/)+/, "") !== name) return undefined;
  const bits = ELEMENT_BITS[Number(numberOf(tensor, "data_type") ?? 0n)];
  const dims = numbersOf(tensor, "dims");
  if (bits === undefined || dims.length !== (tensor.counts.dims ?? 0) || dims.some((one) => one < 0n)) return undefined;
  const bytes = (dims.reduce((product, one) => product * one, BigInt(bits)) + 7n) / 8n;
  const start = Number(entries.get("offset") ?? "0");
  if (!Number.isSafeInteger(start) || start < 0 || bytes > BigInt(size) || start + Number(bytes) > size)
    return undefined;
  return { start, end: start + Number(bytes) };
}
