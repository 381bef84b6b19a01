/** What a model file can do wrong, said so that its author can act. */

/** A model that cannot be used as it is. `node` names the operator call at fault, `remedy` what to do. */
export class OnnxError extends Error {
  override readonly name: string = "OnnxError";
  readonly node: string | undefined;
  readonly remedy: string | undefined;
  constructor(message: string, options: { node?: string; remedy?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.node = options.node;
    this.remedy = options.remedy;
  }
}

/** An operator the gradient cannot pass: no rule for it, or a derivative that is zero or undefined everywhere. Query attacks remain. */
export class UnsupportedOp extends OnnxError {
  override readonly name = "UnsupportedOp";
  readonly op: string;
  constructor(op: string, node: string, because: string) {
    super(`operator ${op} (node "${node}") ${because}`, {
      node,
      remedy: "attacks that use queries only still apply; or export the model without this operator",
    });
    this.op = op;
  }
}
