/** Samples as PNG data URLs, so that a report can show what was attacked without any other file. */
import { encode } from "fast-png";

/** Where height, width and channels lie in a sample's shape; undefined where it is no picture of one or three channels. */
function layoutOf(
  shape: readonly number[],
): { height: number; width: number; channels: 1 | 3; channelsFirst: boolean } | undefined {
  const [a, b, c] = shape;
  if (shape.length === 2 && a! >= 8 && b! >= 8) return { height: a!, width: b!, channels: 1, channelsFirst: false };
  if (shape.length !== 3) return undefined;
  if ((a === 1 || a === 3) && b! >= 8 && c! >= 8) return { height: b!, width: c!, channels: a, channelsFirst: true };
  if ((c === 1 || c === 3) && a! >= 8 && b! >= 8) return { height: a!, width: b!, channels: c, channelsFirst: false };
  return undefined;
}

/** A PNG data URL of one sample given in fractions [0, 1]; undefined where the shape is no picture. */
export function pictureOf(sample: ArrayLike<number>, shape: readonly number[]): string | undefined {
  const layout = layoutOf(shape);
  if (!layout) return undefined;
  const { height, width, channels, channelsFirst } = layout;
  const pixels = new Uint8Array(height * width * channels);
  for (let at = 0; at < height * width; at++) {
    for (let channel = 0; channel < channels; channel++) {
      const value = sample[channelsFirst ? channel * height * width + at : at * channels + channel]!;
      pixels[at * channels + channel] = Math.round(255 * Math.min(1, Math.max(0, value)));
    }
  }
  const png = encode({ width, height, channels, depth: 8, data: pixels });
  return `data:image/png;base64,${base64(png)}`;
}

/** The difference of two samples around mid grey, magnified so that its largest value fills the scale. */
export function differenceOf(
  before: ArrayLike<number>,
  after: ArrayLike<number>,
  shape: readonly number[],
): { image: string | undefined; magnified: number } {
  let largest = 0;
  for (let i = 0; i < before.length; i++) largest = Math.max(largest, Math.abs(after[i]! - before[i]!));
  const magnified = largest === 0 ? 1 : Number((0.5 / largest).toPrecision(2));
  return {
    image: pictureOf(
      Array.from(before, (value, i) => 0.5 + (after[i]! - value) * magnified),
      shape,
    ),
    magnified,
  };
}

function base64(bytes: Uint8Array): string {
  let binary = "";
  for (let i = 0; i < bytes.length; i += 0x8000) binary += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(binary);
}
