/** Documents of values, alike in JSON and in UBJSON: so that what is judged of one is judged of the other. */
import { itemsOf, JsonObject, type JsonNode } from "#formats/json.ts";
import type { Numbers, UbjsonNode } from "#formats/ubjson.ts";
import type { Piece } from "./free-text.ts";
import type { Range } from "./ledger.ts";

interface Flags {
  /** Whether they were written as yes and no. */
  readonly flags?: boolean;
}

/** A value of a document, whichever way it is written. */
export interface ModelNode {
  readonly start: number;
  readonly end: number;
  readonly text: string | undefined;
  readonly number: number | undefined;
  /** Numbers, also where each stands as a value of its own. */
  readonly numbers: (Numbers & Flags) | undefined;
  readonly items: readonly ModelNode[] | undefined;
  /** Where the numbers lie, in a row without anything between them. */
  readonly row: Range | undefined;
  /** Its members, in the order they stand, also those that stand twice; none where it has none. */
  readonly members: readonly (readonly [name: string, value: ModelNode])[];
  get(name: string): ModelNode | undefined;
}

/** Of a list whose every item is a number, or every item a yes or no. */
function numbersOf(items: readonly { readonly value: unknown }[]): (Numbers & Flags) | undefined {
  const kind = typeof items[0]?.value;
  if (items.length > 0 && kind !== "number" && kind !== "boolean") return undefined;
  if (!items.every(({ value }) => typeof value === kind)) return undefined;
  return { length: items.length, at: (index) => Number(items[index]!.value), flags: kind === "boolean" };
}

export const fromJson = (node: JsonNode): ModelNode => new JsonValue(node);
export const fromUbjson = (node: UbjsonNode): ModelNode => new UbjsonValue(node);

/** One for each value of a document: what is not asked for is not made. */
class JsonValue implements ModelNode {
  private readonly node: JsonNode;
  constructor(node: JsonNode) {
    this.node = node;
  }
  get start(): number {
    return this.node.start;
  }
  get end(): number {
    return this.node.end;
  }
  get text(): string | undefined {
    return typeof this.node.value === "string" ? this.node.value : undefined;
  }
  get number(): number | undefined {
    return typeof this.node.value === "number" ? this.node.value : undefined;
  }
  get numbers(): ModelNode["numbers"] {
    return Array.isArray(this.node.value) ? numbersOf(itemsOf(this.node)) : undefined;
  }
  get row(): undefined {
    return undefined;
  }
  get items(): readonly ModelNode[] | undefined {
    return Array.isArray(this.node.value) ? itemsOf(this.node).map(fromJson) : undefined;
  }
  get members(): ModelNode["members"] {
    const { value } = this.node;
    return value instanceof JsonObject ? value.members.map(([name, inner]) => [name, fromJson(inner)]) : [];
  }
  get(name: string): ModelNode | undefined {
    const { value } = this.node;
    const found = value instanceof JsonObject ? value.get(name) : undefined;
    return found && fromJson(found);
  }
}

class UbjsonValue implements ModelNode {
  readonly start: number;
  readonly end: number;
  private readonly value: UbjsonNode["value"];
  constructor({ value, start, end }: UbjsonNode) {
    this.value = value;
    this.start = start;
    this.end = end;
  }
  get text(): string | undefined {
    return typeof this.value === "string" ? this.value : undefined;
  }
  get number(): number | undefined {
    return typeof this.value === "number" ? this.value : undefined;
  }
  private get held(): Exclude<UbjsonNode["value"], null | boolean | number | string> | undefined {
    return typeof this.value === "object" && this.value !== null ? this.value : undefined;
  }
  get numbers(): ModelNode["numbers"] {
    const { held } = this;
    return held && "numbers" in held ? held.numbers : held && "items" in held ? numbersOf(held.items) : undefined;
  }
  get row(): Range | undefined {
    const { held } = this;
    return held && "numbers" in held ? { start: held.from, end: this.end } : undefined;
  }
  get items(): readonly ModelNode[] | undefined {
    const { held } = this;
    return held && "items" in held ? held.items.map(fromUbjson) : undefined;
  }
  get members(): ModelNode["members"] {
    const { held } = this;
    return held && "members" in held ? held.members.map(([name, inner]) => [name, fromUbjson(inner)]) : [];
  }
  get(name: string): ModelNode | undefined {
    const { held } = this;
    const found = held && "members" in held ? held.members.findLast(([key]) => key === name)?.[1] : undefined;
    return found && fromUbjson(found);
  }
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
