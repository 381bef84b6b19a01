/** A binary heap: smallest key first, and of equal keys the one put in last, so that what was begun is finished before more is begun. */
export interface Heap<T> {
  push(key: number, item: T): void;
  pop(): T | undefined;
  size(): number;
}

export function heap<T>(): Heap<T> {
  const entries: { key: number; turn: number; item: T }[] = [];
  let turn = 0;
  const before = (a: number, b: number): boolean => {
    const one = entries[a],
      two = entries[b];
    return one.key < two.key || (one.key === two.key && one.turn > two.turn);
  };
  const swap = (a: number, b: number): void => {
    [entries[a], entries[b]] = [entries[b], entries[a]];
  };
  return {
    push(key, item) {
      entries.push({ key, turn: turn++, item });
      for (let at = entries.length - 1; at > 0;) {
        const above = (at - 1) >> 1;
        if (!before(at, above)) break;
        swap(at, above);
        at = above;
      }
    },
    pop() {
      if (entries.length === 0) return undefined;
      swap(0, entries.length - 1);
      const { item } = entries.pop()!;
      for (let at = 0; ;) {
        let least = at;
        for (const below of [2 * at + 1, 2 * at + 2]) if (below < entries.length && before(below, least)) least = below;
        if (least === at) break;
        swap(at, least);
        at = least;
      }
      return item;
    },
    size: () => entries.length,
  };
}
