/** Documents of values, alike in JSON and in UBJSON: so that what is judged of one is judged of the other. */
import { itemsOf, JsonObject, type JsonNode } from "#formats/json.ts";
import type { Numbers, UbjsonNode } from "#formats/ubjson.ts";
import type { Piece } from "./free-text.ts";
import type { Range } from "./ledger.ts";

/** A value of a document, whichever way it is written. */
export interface ModelNode {
  readonly start: number;
  readonly end: number;
  readonly text: string | undefined;
  readonly number: number | undefined;
  /** Numbers, also where each stands as a value of its own. */
  readonly numbers: Numbers | undefined;
  readonly items: readonly ModelNode[] | undefined;
  /** Where the numbers lie, in a row without anything between them. */
  readonly row: Range | undefined;
  /** Its members, in the order they stand, also those that stand twice; none where it has none. */
  readonly members: readonly (readonly [name: string, value: ModelNode])[];
  get(name: string): ModelNode | undefined;
}

/** Of a list whose every item is a number, or a yes or no. */
function numbersOf(items: readonly { readonly value: unknown }[]): Numbers | undefined {
  if (!items.every(({ value }) => typeof value === "number" || typeof value === "boolean")) return undefined;
  return { length: items.length, at: (index) => Number(items[index]!.value) };
}

export function fromJson(node: JsonNode): ModelNode {
  const { value, start, end } = node;
  const items = Array.isArray(value) ? itemsOf(node) : undefined;
  return {
    start,
    end,
    text: typeof value === "string" ? value : undefined,
    number: typeof value === "number" ? value : undefined,
    get numbers() {
      return items && numbersOf(items);
    },
    get items() {
      return items?.map(fromJson);
    },
    row: undefined,
    get members() {
      return value instanceof JsonObject
        ? value.members.map(([name, inner]): readonly [string, ModelNode] => [name, fromJson(inner)])
        : [];
    },
    get(name) {
      const found = value instanceof JsonObject ? value.get(name) : undefined;
      return found && fromJson(found);
    },
  };
}

export function fromUbjson({ value, start, end }: UbjsonNode): ModelNode {
  const held = typeof value === "object" && value !== null ? value : undefined;
  const items = held && "items" in held ? held.items : undefined;
  return {
    start,
    end,
    text: typeof value === "string" ? value : undefined,
    number: typeof value === "number" ? value : undefined,
    get numbers() {
      return held && "numbers" in held ? held.numbers : items && numbersOf(items);
    },
    get items() {
      return items?.map(fromUbjson);
    },
    row: held && "numbers" in held ? { start: held.from, end } : undefined,
    get members() {
      return held && "members" in held
        ? held.members.map(([name, inner]): readonly [string, ModelNode] => [name, fromUbjson(inner)])
        : [];
    },
    get(name) {
      const found = held && "members" in held ? held.members.findLast(([key]) => key === name)?.[1] : undefined;
      return found && fromUbjson(found);
    },
  };
}

/** The node and everything below it, outermost first, but the numbers of a list that has nothing else; `name` of a member. */
export function* everyValue(
  root: ModelNode,
): Generator<{ readonly node: ModelNode; readonly name: string | undefined; readonly numbers: Numbers | undefined }> {
  const waiting: { node: ModelNode; name: string | undefined }[] = [{ node: root, name: undefined }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { node } = next;
    const numbers = node.numbers;
    yield { ...next, numbers };
    const items = numbers ? undefined : node.items;
    const members = node.members;
    for (let i = members.length; i-- > 0;) waiting.push({ node: members[i]![1], name: members[i]![0] });
    if (items) for (let i = items.length; i-- > 0;) waiting.push({ node: items[i]!, name: undefined });
  }
}

/** Names this long are texts of their own. */
const LONG = 64;

/** Its texts, long names among them. */
export function* textsOf(root: ModelNode): Generator<Piece> {
  for (const { node, name } of everyValue(root)) {
    const { start, end } = node;
    if (name !== undefined && name.length > LONG) yield { text: name, start, end };
    if (node.text !== undefined) yield { text: node.text, start, end };
  }
}
