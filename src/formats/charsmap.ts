/**
 * SentencePiece's compiled map of characters (normalizer.cc, EncodePrecompiledCharsMap): the size of a trie, the trie as a compact
 * double array (darts-clone), and the texts that it leads to, each with a zero behind it. Readers follow the trie from unit to unit;
 * several do not check where that leads.
 */
import { viewOf } from "./error.ts";

const UNIT = 4;
/** A unit's label: a leaf's is none that a byte has. */
const LABEL = 0x8000_00ff;
const LEAF = 0x100;
/** Of a leaf, where its text begins. */
const VALUE = 0x7fff_ffff;

/** Where the children of a unit lie: at this place exclusive-or each one's byte. */
const base = (unit: number): number => ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0;

/** What is wrong with the map, whatever text is looked up in it; undefined where nothing is. `tick` may throw to stop. */
export function charsmapProblem(bytes: Uint8Array, tick: () => void): string | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes.length < UNIT) return "has no room for the size of its trie";
  const view = viewOf(bytes);
  const size = view.getUint32(0, true);
  if (size % UNIT !== 0 || size === 0 || UNIT + size >= bytes.length)
    return `has a trie of ${size} bytes, of ${bytes.length - UNIT}`;
  const units = size / UNIT;
  const texts = UNIT + size;
  if (bytes.at(-1) !== 0) return "has a last text without an end";
  const unit = (at: number): number => view.getUint32(UNIT + UNIT * at, true);
  const seen = new Uint8Array(units);
  const waiting = [0];
  seen[0] = 1;
  for (let from = waiting.pop(); from !== undefined; from = waiting.pop()) {
    tick();
    const children = from ^ base(unit(from));
    // Readers look for the next byte of any text: each of these places is read.
    for (let byte = 1; byte < 256; byte++) {
      const at = (children ^ byte) >>> 0;
      if (at >= units) return `leads to unit ${at} of ${units}`;
      const found = unit(at);
      if ((found & LABEL) >>> 0 !== byte) continue;
      // Endings are shared between words.
      if (seen[at] === 1) continue;
      seen[at] = 1;
      waiting.push(at);
      if ((found & LEAF) === 0) continue;
      const leaf = (at ^ base(found)) >>> 0;
      if (leaf >= units) return `leads to unit ${leaf} of ${units}`;
      const value = unit(leaf) & VALUE;
      if (texts + value >= bytes.length) return `leads to a text at ${value} of ${bytes.length - texts}`;
    }
  }
  return undefined;
}
