/** Where a pixel is: the rows, columns and channels of a sample, or none where its elements have no neighbours. */

export interface ImageLayout {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Place of a pixel's value in the sample. */
  at(channel: number, y: number, x: number): number;
}

/**
 * Reads a sample's shape as an image: [H, W], [C, H, W] or [H, W, C] with one, three or four channels and sides of at
 * least five pixels; else null. A shape that fits both orders ([3, 8, 3]) is read channels first, as ONNX exports are.
 */
export function imageLayout(shape: readonly number[]): ImageLayout | null {
  const channelCounts = [1, 3, 4];
  const [a, b, c] = shape;
  if (a === undefined || b === undefined) return null;
  if (shape.length === 2) return layout(a, b, 1, (_, y, x) => y * b + x);
  if (shape.length !== 3 || c === undefined) return null;
  if (channelCounts.includes(a)) return layout(b, c, a, (channel, y, x) => (channel * b + y) * c + x);
  if (channelCounts.includes(c)) return layout(a, b, c, (channel, y, x) => (y * b + x) * c + channel);
  return null;
}

function layout(height: number, width: number, channels: number, at: ImageLayout["at"]): ImageLayout | null {
  return height >= 5 && width >= 5 ? { height, width, channels, at } : null;
}
