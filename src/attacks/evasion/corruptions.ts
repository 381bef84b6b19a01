/** What happens to inputs without an adversary: noise, blur, light, contrast, coarse pixels, a covered corner – in five severities. */
import type { Rng } from "#base/random.ts";
import type { ImageLayout } from "#attacks/layout.ts";

/** Severities 1 … 5. */
export const SEVERITIES = [1, 2, 3, 4, 5] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface Corruption {
  readonly name: string;
  /** Needs neighbouring pixels. */
  readonly images: boolean;
  /** A corrupted copy of one sample in fractions, not yet clipped or rounded. */
  apply(sample: Float32Array, image: ImageLayout | null, severity: Severity, random: Rng): Float32Array;
}

/** Strengths of severity 1 … 5 for small images (CIFAR-10-C) and for sides above 64 pixels (ImageNet-C). */
interface Strengths {
  readonly small: readonly number[];
  readonly large: readonly number[];
}

/** Hendrycks & Dietterich: Benchmarking neural network robustness to common corruptions. ICLR 2019 – the authors' code. */
const STRENGTHS = {
  noise: { small: [0.04, 0.06, 0.08, 0.09, 0.1], large: [0.08, 0.12, 0.18, 0.26, 0.38] },
  blur: { small: [0.4, 0.6, 0.7, 0.8, 1], large: [1, 2, 3, 4, 6] },
  brightness: { small: [0.05, 0.1, 0.15, 0.2, 0.3], large: [0.1, 0.2, 0.3, 0.4, 0.5] },
  contrast: { small: [0.75, 0.5, 0.4, 0.3, 0.15], large: [0.4, 0.3, 0.2, 0.1, 0.05] },
  pixelate: { small: [0.95, 0.9, 0.85, 0.75, 0.65], large: [0.6, 0.5, 0.4, 0.3, 0.25] },
  // Ours: the share of the area one grey square covers; DeVries & Taylor (2017) cut out a quarter of CIFAR's.
  occlusion: { small: [0.02, 0.05, 0.1, 0.15, 0.25], large: [0.02, 0.05, 0.1, 0.15, 0.25] },
  // Ours, for vectors: relative error of a sensor's gain, and the share of fields that are missing.
  scaling: { small: [0.02, 0.05, 0.1, 0.15, 0.25], large: [0.02, 0.05, 0.1, 0.15, 0.25] },
  missing: { small: [0.02, 0.05, 0.1, 0.15, 0.25], large: [0.02, 0.05, 0.1, 0.15, 0.25] },
} as const satisfies Record<string, Strengths>;

function strength(of: Strengths, image: ImageLayout | null, severity: Severity): number {
  const large = image !== null && Math.min(image.height, image.width) > 64;
  return (large ? of.large : of.small)[severity - 1]!;
}

export const corruptions: readonly Corruption[] = [
  {
    name: "gaussian noise",
    images: false,
    apply: (sample, image, severity, random) => {
      const sigma = strength(STRENGTHS.noise, image, severity);
      return sample.map((value) => value + sigma * random.normal());
    },
  },
  {
    name: "blur",
    images: true,
    apply: (sample, image, severity) => blur(sample, image!, strength(STRENGTHS.blur, image, severity)),
  },
  {
    name: "brighter",
    images: true,
    apply: (sample, image, severity) => {
      const shift = strength(STRENGTHS.brightness, image, severity);
      return sample.map((value) => value + shift);
    },
  },
  {
    name: "darker",
    images: true,
    apply: (sample, image, severity) => {
      const shift = strength(STRENGTHS.brightness, image, severity);
      return sample.map((value) => value - shift);
    },
  },
  {
    name: "less contrast",
    images: true,
    apply: (sample, image, severity) => {
      const factor = strength(STRENGTHS.contrast, image, severity);
      const mean = sample.reduce((sum, value) => sum + value, 0) / sample.length;
      return sample.map((value) => mean + (value - mean) * factor);
    },
  },
  {
    name: "coarse pixels",
    images: true,
    apply: (sample, image, severity) => pixelate(sample, image!, strength(STRENGTHS.pixelate, image, severity)),
  },
  {
    name: "covered square",
    images: true,
    apply: (sample, image, severity, random) =>
      cover(sample, image!, strength(STRENGTHS.occlusion, image, severity), random),
  },
  {
    name: "gain error",
    images: false,
    apply: (sample, image, severity, random) => {
      const factor = 1 + (random.uniform() < 0.5 ? -1 : 1) * strength(STRENGTHS.scaling, image, severity);
      return sample.map((value) => value * factor);
    },
  },
  {
    name: "missing fields",
    images: false,
    apply: (sample, image, severity, random) => {
      const gone = Math.max(1, Math.round(strength(STRENGTHS.missing, image, severity) * sample.length));
      const copy = sample.slice();
      for (const at of random.sample(sample.length, gone)) copy[at] = 0;
      return copy;
    },
  },
];

/** The corruptions that make sense for a layout: pictures get those of pictures, vectors the three of sensors and tables. */
export function corruptionsFor(image: ImageLayout | null): readonly Corruption[] {
  return image
    ? corruptions.filter(({ images, name }) => images || name === "gaussian noise")
    : corruptions.filter(({ images }) => !images);
}

/** Gaussian blur, separable, cut at three sigma, edges repeated. */
export function blur(sample: Float32Array, image: ImageLayout, sigma: number): Float32Array {
  const reach = Math.max(1, Math.ceil(3 * sigma));
  const kernel = Float64Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)),
  );
  const sum = kernel.reduce((total, value) => total + value, 0);
  const across = sample.slice();
  const result = sample.slice();
  const { height, width, channels, at } = image;
  const pass = (from: Float32Array, to: Float32Array, dy: number, dx: number): void => {
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          let value = 0;
          for (let k = -reach; k <= reach; k++) {
            const v = Math.min(height - 1, Math.max(0, y + k * dy));
            const u = Math.min(width - 1, Math.max(0, x + k * dx));
            value += kernel[k + reach]! * from[at(c, v, u)]!;
          }
          to[at(c, y, x)] = value / sum;
        }
  };
  pass(sample, across, 0, 1);
  pass(across, result, 1, 0);
  return result;
}

/** Down to `share` of each side by averaging boxes, and up again by repeating. */
export function pixelate(sample: Float32Array, image: ImageLayout, share: number): Float32Array {
  const { height, width, channels, at } = image;
  const rows = Math.max(1, Math.round(height * share));
  const columns = Math.max(1, Math.round(width * share));
  const result = sample.slice();
  const cell = (at: number, cells: number, side: number): [number, number] => {
    const index = Math.floor((at * cells) / side);
    const first = Math.ceil((index * side) / cells);
    return [first, Math.max(first + 1, Math.ceil(((index + 1) * side) / cells))];
  };
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [top, bottom] = cell(y, rows, height);
      const [left, right] = cell(x, columns, width);
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let v = top; v < bottom; v++) for (let u = left; u < right; u++) sum += sample[at(c, v, u)]!;
        result[at(c, y, x)] = sum / ((bottom - top) * (right - left));
      }
    }
  return result;
}

function cover(sample: Float32Array, image: ImageLayout, area: number, random: Rng): Float32Array {
  const { height, width, channels, at } = image;
  const side = Math.min(Math.min(height, width), Math.max(1, Math.round(Math.sqrt(area * height * width))));
  const top = random.below(height - side + 1);
  const left = random.below(width - side + 1);
  const result = sample.slice();
  for (let c = 0; c < channels; c++)
    for (let v = 0; v < side; v++) for (let u = 0; u < side; u++) result[at(c, top + v, left + u)] = 0.5;
  return result;
}
