/**
 * Core ML models: every field of the specification; layers and models whose code an app brings, models and values in other files, operators
 * of a program.
 */
import { CORE_ML, isCoreMl } from "#formats/coreml.ts";
import { numberOf, textAt, textOf, walkMessage, type Walked } from "#formats/protobuf-walk.ts";
import type { ScanFinding } from "#assessment/index.ts";
import { defineCheck, type Subject } from "#artefacts/check.ts";
import { judgeSizes } from "#artefacts/coreml/interface.ts";
import { judgeModel } from "#artefacts/coreml/model.ts";
import { Values } from "#artefacts/coreml/program.ts";
import { shown, type Judging } from "#artefacts/coreml/reading.ts";
import { lookThrough, type Piece } from "#artefacts/free-text.ts";
import type { Range } from "#artefacts/ledger.ts";
import { leads } from "#artefacts/outside.ts";

/** Operators of programs (coremltools, converters/mil/mil/ops/defs). */
const OPERATORS: ReadonlySet<string> = new Set(
  "abs acos add affine argsort asin atan atanh avg_pool band_part batch_norm batch_to_space cast ceil clamped_relu classify clip complex complex_abs complex_fft complex_fftn complex_ifft complex_ifftn complex_imag complex_irfft complex_irfftn complex_real complex_rfft complex_rfftn complex_shape complex_stft concat cond const constexpr_affine_dequantize constexpr_blockwise_shift_scale constexpr_cast constexpr_lut_to_dense constexpr_lut_to_sparse constexpr_sparse_blockwise_shift_scale constexpr_sparse_to_dense conv conv_transpose coreml_update_state cos cosh crop crop_resize cumsum depth_to_space dequantize einsum elu equal erf exp exp2 expand_dims fill fill_like flatten2d floor floor_div gather gather_along_axis gather_nd gelu greater greater_equal gru identity instance_norm inverse l2_norm l2_pool layer_norm leaky_relu less less_equal linear linear_activation list_gather list_length list_read list_scatter list_write local_response_norm log logical_and logical_not logical_or logical_xor lstm make_list matmul max_pool maximum minimum mod mul non_maximum_suppression non_zero not_equal one_hot pad pixel_shuffle pixel_unshuffle pow prelu quantize random_bernoulli random_categorical random_normal random_uniform range_1d read_state real_div reduce_arg reduce_argmax reduce_argmin reduce_l1_norm reduce_l2_norm reduce_log_sum reduce_log_sum_exp reduce_max reduce_mean reduce_min reduce_prod reduce_sum reduce_sum_square relu relu6 resample reshape reshape_like resize resize_bilinear resize_nearest_neighbor reverse reverse_sequence rnn round rsqrt scaled_dot_product_attention scaled_tanh scatter scatter_along_axis scatter_nd select shape sigmoid sigmoid_hard sign silu sin sinh slice_by_index slice_by_size slice_update sliding_windows softmax softplus softplus_parametric softsign space_to_batch space_to_depth split sqrt square squeeze stack sub tan tanh threshold thresholded_relu tile topk transpose upsample_bilinear upsample_nearest_neighbor while_loop write_state".split(
    " ",
  ),
);
const FINDINGS_PER_NAME = 2;
const TEXTS_MAX = 100_000;

export default defineCheck({
  title: "Core ML model",
  recognise: (content) => (isCoreMl(content) ? "yes" : "no"),
  read(subject) {
    new Reading(subject).read();
  },
});

class Reading {
  private readonly subject: Subject;
  private readonly strange: (Range & { readonly because: string })[] = [];
  private readonly times = new Map<string, number>();
  private readonly texts: Piece[] = [];
  private readonly said = new Set<string>();
  /** It breaks off: what it lacks may be in what is not there, and only what there is is judged. */
  private broken = false;
  private readonly judging: Judging;
  private readonly values: Values;

  constructor(subject: Subject) {
    this.subject = subject;
    this.judging = {
      content: subject.content,
      tick: () => subject.meter.tick(),
      say: (severity, rule, at, message, more) => {
        // One sentence for each thing, not for each of ten thousand layers.
        if (this.said.has(message)) return;
        this.said.add(message);
        this.say(severity, rule, at, message, more);
      },
    };
    this.values = new Values(this.judging, subject.ports);
  }

  read(): void {
    const { content, ledger, meter } = this.subject;
    const whole = { start: 0, end: content.size };
    const { message, end, fault, unknown, repeated } = walkMessage(content, CORE_ML, whole, () => meter.tick());
    if (fault)
      this.say(
        "unknown",
        fault.limit ? "limit-coreml" : "coreml-broken",
        { start: fault.at, end: Math.min(fault.at + 1, content.size) },
        `the model breaks off: ${fault.problem}; what came before is judged`,
      );
    for (const { start, end: to, what } of unknown) {
      this.strange.push({ start, end: to, because: what });
      this.say("unknown", "coreml-field", { start, end: to }, `${what}, which the specification does not have`);
    }
    for (const { start, end: to, what } of repeated.slice(0, 8))
      this.say(
        "unknown",
        "coreml-repeated",
        { start, end: to },
        `${what} stands twice: readers differ in which counts`,
      );
    this.broken = fault !== undefined;
    if (!this.broken) judgeModel(message, this.judging);
    const waiting: Walked[] = [message];
    let steps = 0;
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      if ((++steps & 255) === 0) meter.tick();
      this.message(next);
      for (const inner of Object.values(next.messages)) for (const one of inner) waiting.push(one);
    }
    lookThrough(this.subject, this.texts, "the metadata");
    let at = 0;
    for (const { start, end: to, because } of this.strange.toSorted((a, b) => a.start - b.start)) {
      ledger.understood(at, Math.max(at, start));
      ledger.left(start, to, because);
      at = Math.max(at, to);
    }
    ledger.understood(at, Math.max(at, end));
    ledger.left(end, content.size, "the model breaks off before it");
    // What a fault shows may have begun anywhere before it.
    if (fault) ledger.doubted(0, end);
  }

  private message(message: Walked): void {
    const { content } = this.subject;
    for (const places of Object.values(message.places))
      for (const place of places)
        if (this.texts.length < TEXTS_MAX && place.end - place.start > 8 && place.end - place.start < 1 << 16)
          this.texts.push({ text: textAt(content, place), ...place });
    for (const name of ["custom", "customModel"] as const)
      for (const one of message.messages[name] ?? []) {
        const code = textOf(content, one, "className") ?? "";
        this.named(
          code,
          one,
          `${name === "custom" ? "a layer" : "a model"} whose code is the class ${shown(code)}, which the app brings`,
        );
      }
    for (const linked of message.messages.linkedModel ?? []) this.linked(linked);
    for (const serialized of message.messages.serializedModel ?? []) {
      this.strange.push({
        start: serialized.start,
        end: serialized.end,
        because: "a model of a kind that only its framework knows",
      });
      this.say(
        "unknown",
        "coreml-serialized",
        serialized,
        `a model of a kind that only its framework knows: ${shown(textOf(content, serialized, "identifier") ?? "")}`,
      );
    }
    // What Apple's text frameworks keep in models has no public format.
    for (const place of message.places.modelParameterData ?? [])
      this.strange.push({
        ...place,
        because: "data of Apple's Natural Language framework, whose format is not public",
      });
    for (const place of message.places.bytesValue ?? [])
      this.strange.push({ ...place, because: "a parameter of an app's own code" });
    for (const operation of message.messages.operations ?? []) this.operation(operation);
    if (message.messages.immediateValue ?? message.messages.blobFileValue) this.values.judge(message);
    judgeSizes(message, this.judging);
    if (!this.broken) for (const model of message.messages.models ?? []) judgeModel(model, this.judging);
    this.keys(message);
  }

  private operation(operation: Walked): void {
    const type = textOf(this.subject.content, operation, "type") ?? "";
    if (OPERATORS.has(type)) return;
    this.named(type, operation, `the operator ${shown(type)} is in no list: an app or a newer system brings it`);
  }

  private linked(linked: Walked): void {
    const { content } = this.subject;
    const texts = ["linkedModelFileName", "linkedModelSearchPath"].flatMap((field) =>
      (linked.messages.linkedModelFile ?? []).flatMap((file) =>
        (file.messages[field] ?? []).map((one) => textOf(content, one, "defaultValue") ?? ""),
      ),
    );
    const outside = texts.some((text) => leads(text) !== undefined);
    this.say(
      outside ? "suspicious" : "unknown",
      outside ? "coreml-outside" : "coreml-linked",
      linked,
      `it loads another model${outside ? ", outside its folder" : ""}: ${shown(texts.join(" in "))}`,
    );
  }

  /** A key of a map that stands there twice: readers take one of the two. */
  private keys(message: Walked): void {
    for (const [field, entries] of Object.entries(message.messages)) {
      if (entries.length < 2 || (entries[0]!.counts.key ?? 0) !== 1 || entries[0]!.messages.key) continue;
      const seen = new Set<string>();
      for (const entry of entries) {
        const key = textOf(this.subject.content, entry, "key") ?? `${numberOf(entry, "key") ?? 0n}`;
        if (seen.has(key))
          this.judging.say(
            "unknown",
            "coreml-repeated",
            entry,
            `${shown(key)} stands twice in ${field}: readers differ in which counts`,
          );
        seen.add(key);
      }
    }
  }

  private named(name: string, at: Range, message: string): void {
    if (!this.often(`named ${name}`)) this.say("unknown", "coreml-custom", at, message);
  }
  /** A thing of one name is told twice, however often it stands there. */
  private often(key: string): boolean {
    const times = (this.times.get(key) ?? 0) + 1;
    this.times.set(key, times);
    return times > FINDINGS_PER_NAME;
  }
  private say(
    severity: ScanFinding["severity"],
    rule: string,
    { start, end }: Range,
    message: string,
    more: Pick<ScanFinding, "beside"> = {},
  ): void {
    this.subject.report({ rule, severity, confidence: "high", start, end, message, ...more });
  }
}
