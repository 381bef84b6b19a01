/** Custom operators of TFLite's own, which the schema does not have: their tensors and options. */
import { product } from "./tflite-checks.ts";
import { arity, type Operator } from "./tflite-operators.ts";
import type { Node } from "./tflite-graph.ts";

/** Custom operators whose code is TFLite's own (lite/core/kernels/register.cc) or its small sister's (micro_mutable_op_resolver.h). */
export interface CustomOperator extends Pick<Operator, "inputs" | "outputs" | "optional"> {
  /** Every option it has, and the least and most it may be; what is absent counts as 0, unless that is said. */
  readonly options: Readonly<Record<string, Bounds>>;
  /** Its kernel takes options by their place among all of them, so that one that is absent moves the others. */
  readonly byPlace: boolean;
  readonly checks: readonly ((node: Node, options: ReadonlyMap<string, number>) => string | undefined)[];
}
type Bounds = readonly [least: number, most: number, absent?: number];
const ANY: Bounds = [-Infinity, Infinity];
const COUNT: Bounds = [1, 1e6];
const SHIFT: Bounds = [0, 31];

const custom = (
  inputs: number,
  outputs: number,
  options: CustomOperator["options"] = {},
  ...checks: CustomOperator["checks"]
): CustomOperator => ({
  inputs: arity(String(inputs)),
  outputs: arity(String(outputs)),
  optional: () => false,
  options,
  byPlace: false,
  checks,
});
const signal: typeof custom = (...parts) => ({ ...custom(...parts), byPlace: true });

/** filter_bank.cc adds up so many numbers from each start, of what comes in and of the weights, on trust. */
const filterBank: CustomOperator["checks"][number] = (node, options) => {
  const channels = (options.get("num_channels") ?? 0) + 1;
  const [frequencies, weights, widths] = [3, 4, 5].map((input) => node.values(input, 2 ** 16));
  if (!frequencies || !weights || !widths) return "it takes its places from a tensor that the file does not fix";
  if ([frequencies, weights, widths].some((list) => list.length < channels))
    return `${channels - 1} channels, and places for fewer`;
  const [from, by] = [product(node.sizes(0)), Math.min(product(node.sizes(1)) ?? 0, product(node.sizes(2)) ?? 0)];
  const bad = widths
    .slice(0, channels)
    .findIndex(
      (width, i) =>
        width < 0 ||
        frequencies[i]! < 0 ||
        weights[i]! < 0 ||
        frequencies[i]! + width > (from ?? Infinity) ||
        weights[i]! + width > by,
    );
  return bad < 0 ? undefined : `channel ${bad} reads numbers that are not there`;
};

export const CUSTOM_OPERATORS: ReadonlyMap<string, CustomOperator> = new Map([
  ["NumericVerify", custom(2, 1, { tolerance: ANY, log_if_failed: ANY })],
  [
    "Mfcc",
    custom(2, 1, {
      upper_frequency_limit: [0, 1e9],
      lower_frequency_limit: [0, 1e9],
      filterbank_channel_count: COUNT,
      dct_coefficient_count: COUNT,
    }),
  ],
  ["AudioSpectrogram", custom(1, 1, { window_size: [2, 1e8], stride: [1, 1e8], magnitude_squared: ANY })],
  [
    "TFLite_Detection_PostProcess",
    custom(3, 4, {
      max_detections: COUNT,
      max_classes_per_detection: COUNT,
      detections_per_class: [1, 1e6, 100],
      use_regular_nms: ANY,
      nms_score_threshold: ANY,
      nms_iou_threshold: [Number.MIN_VALUE, 1],
      num_classes: COUNT,
      y_scale: [Number.MIN_VALUE, Infinity],
      x_scale: [Number.MIN_VALUE, Infinity],
      h_scale: [Number.MIN_VALUE, Infinity],
      w_scale: [Number.MIN_VALUE, Infinity],
      _output_quantized: ANY,
      _support_output_type_float_in_quantized_op: ANY,
    }),
  ],
  ["CIRCULAR_BUFFER", signal(1, 1, { cycles_max: [0, 1e6] })],
  ["SignalDelay", signal(1, 1, { delay_length: [0, 1e6] })],
  [
    "SignalEnergy",
    custom(1, 1, { end_index: [0, 1e6], start_index: [0, 1e6] }, (node, options) => {
      const [size, end] = [product(node.sizes(0)), options.get("end_index") ?? 0];
      // Pairs of a real and an imaginary part.
      return size !== undefined && 2 * end > size ? `it ends at pair ${end} of ${size / 2}` : undefined;
    }),
  ],
  ["SignalFftAutoScale", signal(1, 2)],
  ["SignalFilterBank", signal(6, 1, { num_channels: COUNT }, filterBank)],
  ["SignalFilterBankLog", signal(1, 1, { input_correction_bits: SHIFT, output_scale: ANY })],
  [
    "SignalFilterBankSpectralSubtraction",
    custom(
      1,
      2,
      {
        alternate_one_minus_smoothing: ANY,
        alternate_smoothing: ANY,
        clamping: ANY,
        min_signal_remaining: ANY,
        num_channels: COUNT,
        one_minus_smoothing: ANY,
        smoothing: ANY,
        smoothing_bits: SHIFT,
        spectral_subtraction_bits: SHIFT,
      },
      (node, options) => {
        const [size, channels] = [product(node.sizes(0)), options.get("num_channels") ?? 0];
        return size !== undefined && channels > size ? `${channels} channels of ${size} numbers` : undefined;
      },
    ),
  ],
  ["SignalFilterBankSquareRoot", signal(2, 1)],
  ["SignalFramer", signal(1, 2, { frame_size: COUNT, frame_step: COUNT, prefill: ANY })],
  ["SignalIrfft", signal(1, 1, { T: ANY, fft_length: COUNT })],
  ["SignalOverlapAdd", signal(1, 1, { T: ANY, frame_step: COUNT })],
  ["SignalPCAN", signal(3, 1, { snr_shift: SHIFT })],
  ["SignalRfft", signal(1, 1, { T: ANY, fft_length: COUNT })],
  [
    "SignalStacker",
    custom(1, 2, {
      num_channels: COUNT,
      stacker_left_context: [0, 1e6],
      stacker_right_context: [0, 1e6],
      stacker_step: COUNT,
    }),
  ],
  ["SignalWindow", signal(2, 1, { shift: SHIFT })],
]);
