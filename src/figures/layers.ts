/** The longest chain of links that leads to each node: the column it is drawn in. A cycle ends the lengthening. */
export function layersOf(
  keys: readonly string[],
  links: readonly (readonly [from: string, to: string])[],
): Map<string, number> {
  const layer = new Map(keys.map((key) => [key, 0]));
  for (let round = 0; round < keys.length; round++) {
    let moved = false;
    for (const [from, to] of links) {
      const next = layer.get(from)! + 1;
      if (next > layer.get(to)! && next < keys.length) {
        layer.set(to, next);
        moved = true;
      }
    }
    if (!moved) break;
  }
  return layer;
}
