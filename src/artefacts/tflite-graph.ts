/** TFLite's graphs as the checks of their operators see them: tensors with what the file says of their sizes, and values that it fixes. */
import type { Content } from "#formats/content.ts";
import { viewOf } from "#formats/error.ts";
import type { FlatTable } from "#formats/flatbuffers.ts";
import { LimitReached } from "./limits.ts";
import type { Range } from "./ledger.ts";

export interface Tensor {
  readonly at: Range;
  /** Its name, quoted and cut. */
  readonly shown: string;
  /** TensorType of the schema. */
  readonly type: number;
  /** Undefined where even their number is open, one of them where that is: such are settled when the model runs. */
  readonly sizes: readonly (number | undefined)[] | undefined;
  /** Values that the file fixes. */
  readonly bytes: Range | undefined;
  /** Its bytes are only some of its values, with their places. */
  readonly sparse: boolean;
  /** It has values before anything runs: the file's, wherever they lie, or a variable's. */
  readonly there: boolean;
}

export interface Graph {
  readonly at: Range;
  readonly tensors: readonly Tensor[];
  readonly nodes: readonly Node[];
  /** Places in `tensors`, or −1 where one is left out. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** Fields of options whose default is not zero (schema.fbs). */
const DEFAULTS: Readonly<Record<string, number>> = {
  dilation_w_factor: 1,
  dilation_h_factor: 1,
  dilation_d_factor: 1,
};

/** One operator at its place in a graph. */
export class Node {
  readonly at: Range;
  /** Code of the schema; −1 where its table could not be followed. */
  readonly builtin: number;
  readonly custom: string | undefined;
  /** Of the first union or the second; undefined where the operator has none. */
  readonly options: FlatTable | undefined;
  /** Places in the graph's tensors; −1 leaves one out. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  private readonly tensors: readonly Tensor[];
  private readonly constants: Constants;

  constructor(
    at: Range,
    { builtin, custom }: { readonly builtin: number; readonly custom: string | undefined },
    options: FlatTable | undefined,
    [inputs, outputs]: readonly [readonly number[], readonly number[]],
    tensors: readonly Tensor[],
    constants: Constants,
  ) {
    this.at = at;
    this.builtin = builtin;
    this.custom = custom;
    this.options = options;
    this.inputs = inputs;
    this.outputs = outputs;
    this.tensors = tensors;
    this.constants = constants;
  }

  input(index: number): Tensor | undefined {
    return this.tensors[this.inputs[index] ?? -1];
  }
  output(index: number): Tensor | undefined {
    return this.tensors[this.outputs[index] ?? -1];
  }
  sizes(index: number): Tensor["sizes"] {
    return this.input(index)?.sizes;
  }
  /** A number of its options; without options TFLite's own readers leave every field zero (flatbuffer_conversions.cc). */
  option(field: string): number {
    return this.options ? this.options.number(field, DEFAULTS[field] ?? 0) : 0;
  }
  list(field: string): readonly number[] {
    return this.options ? this.options.numbers(field, SMALL + 1) : [];
  }
  /** The numbers of an input that the file fixes, where they are few. */
  values(index: number, most = SMALL): readonly number[] | undefined {
    return this.constants.values(this.input(index), most);
  }
  /** Smallest and largest of each of so many columns of an input that the file fixes. */
  extents(index: number, columns = 1): readonly Extent[] | undefined {
    return this.constants.extents(this.input(index), columns);
  }
}

export interface Extent {
  readonly least: number;
  readonly most: number;
}

/** Values of a shape, an axis or the like; no runtime has tensors of a tenth as many dimensions. */
export const SMALL = 64;
/** Bytes of constants that are gone through for places outside, for each byte of the file. */
const READ_OVER = 4;
const CHUNK = 1 << 16;
const BOOL = 6;

type Reads = readonly [width: number, read: (view: DataView, at: number) => number];
/** How the elements of each type are read (TensorType); of the others no operator takes places or sizes. */
const NUMBERS: Readonly<Record<number, Reads>> = {
  0: [4, (view, at) => view.getFloat32(at, true)],
  2: [4, (view, at) => view.getInt32(at, true)],
  3: [1, (view, at) => view.getUint8(at)],
  4: [8, (view, at) => Number(view.getBigInt64(at, true))],
  [BOOL]: [1, (view, at) => view.getUint8(at)],
  7: [2, (view, at) => view.getInt16(at, true)],
  9: [1, (view, at) => view.getInt8(at)],
  10: [8, (view, at) => view.getFloat64(at, true)],
  12: [8, (view, at) => Number(view.getBigUint64(at, true))],
  15: [4, (view, at) => view.getUint32(at, true)],
  16: [2, (view, at) => view.getUint16(at, true)],
};

/** Numbers of tensors that the file fixes, each gone through once. */
export class Constants {
  private readonly content: Content;
  private readonly tick: () => void;
  private readonly known = new Map<string, readonly Extent[]>();
  private spent = 0;

  constructor(content: Content, tick: () => void) {
    this.content = content;
    this.tick = tick;
  }

  values(tensor: Tensor | undefined, most = SMALL): readonly number[] | undefined {
    const reads = tensor && NUMBERS[tensor.type];
    if (!reads || !tensor.bytes || tensor.sparse) return undefined;
    const [width, read] = reads;
    const { start, end } = tensor.bytes;
    const count = Math.floor((end - start) / width);
    if (count > most) return undefined;
    if (count > SMALL) this.spend(end - start);
    const view = viewOf(this.content.read(start, count * width));
    return Array.from({ length: count }, (_, i) => read(view, i * width));
  }

  extents(tensor: Tensor | undefined, columns: number): readonly Extent[] | undefined {
    const reads = tensor && NUMBERS[tensor.type];
    if (!reads || !tensor.bytes || tensor.sparse || columns < 1 || columns > SMALL) return undefined;
    const { start, end } = tensor.bytes;
    const key = `${start} ${end} ${tensor.type} ${columns}`;
    const known = this.known.get(key);
    if (known) return known;
    this.spend(end - start);
    const [width, read] = reads;
    const found = Array.from({ length: columns }, () => ({ least: Infinity, most: -Infinity }));
    const count = Math.floor((end - start) / width);
    for (let first = 0; first < count; first += CHUNK) {
      this.tick();
      const here = Math.min(CHUNK, count - first);
      const view = viewOf(this.content.read(start + first * width, here * width));
      for (let i = 0; i < here; i++) {
        const value = read(view, i * width);
        const column = found[(first + i) % columns]!;
        if (value < column.least) column.least = value;
        if (value > column.most) column.most = value;
      }
    }
    this.known.set(key, found);
    return found;
  }

  private spend(bytes: number): void {
    this.spent += bytes;
    if (this.spent > READ_OVER * this.content.size + CHUNK)
      throw new LimitReached("limit-constants", "so many operators read the same constants that not all were followed");
  }
}
