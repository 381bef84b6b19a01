/** Ways that end in code, files or exhausted memory though every name in them is one that frameworks' pickles hold. */
import { describe, expect, test } from "vitest";
import { op, pickle } from "../../test/support/pickle.ts";
import { scanned } from "../../test/support/scan.ts";

const verdictOf = (...parts: readonly Uint8Array[]): string => scanned(pickle(...parts)).verdict;
const made = (module: string, name: string): Uint8Array =>
  new Uint8Array([...op.global(module, name), ...op.tuple(), ...op.newobj]);

describe("the functions SciPy's distributions make of their own text", () => {
  const template = (shapes: string, between = "", out = "loc, scale"): Uint8Array[] => [
    made("scipy.stats._continuous_distns", "beta_gen"),
    op.dict(
      op.str("_parse_arg_template"),
      op.str(
        `\ndef _parse_args(self, ${shapes} loc=0, scale=1):\n    return (${shapes}), ${out}\n${between}\n` +
          `def _parse_args_rvs(self, ${shapes} loc=0, scale=1, size=None):\n    return self._argcheck_rvs(${shapes} ${out}, size=size)\n\n` +
          `def _parse_args_stats(self, ${shapes} loc=0, scale=1, moments='mv'):\n    return (${shapes}), ${out}, moments\n`,
      ),
    ),
    op.build,
  ];
  test("are the library's with no shapes, with two, and where the scale is a number", () => {
    for (const parts of [template(""), template("a, b, "), template("n, p, ", "", "loc, 1")])
      expect(verdictOf(...parts)).toBe("no code path found");
  });
  test.each(["import antigravity", "import\tx", "exit", "x: y", "from a import b"])("hold no line more: %s", (line) =>
    expect(verdictOf(...template("", line))).toBe("malicious"),
  );
});

const caller = (name: string, ...bound: readonly Uint8Array[]): Uint8Array =>
  op.call(op.global("operator", "methodcaller"), op.str(name), ...bound);
const partial = (...args: readonly Uint8Array[]): Uint8Array => op.call(op.global("functools", "partial"), ...args);
const estimator = (...state: readonly Uint8Array[]): Uint8Array[] => [
  made("sklearn.linear_model._base", "LinearRegression"),
  op.dict(...state),
  op.build,
];

describe("what is kept to be called later", () => {
  test("a method that touches files is malicious wherever it is handed, and suspicious alone", () => {
    for (const name of ["write_text", "unlink", "symlink_to", "read_bytes"]) {
      expect(verdictOf(...estimator(op.str("x"), caller(name, op.str("t"))))).toBe("malicious");
      expect(verdictOf(caller(name))).toBe("suspicious");
    }
  });
  test("any other method or attribute by name is unknown", () => {
    expect(verdictOf(...estimator(op.str("x"), caller("lower")))).toBe("unknown");
    expect(verdictOf(...estimator(op.str("x"), op.call(op.global("operator", "attrgetter"), op.str("coef_"))))).toBe(
      "unknown",
    );
    expect(verdictOf(op.call(op.global("operator", "attrgetter"), op.str("__globals__")))).toBe("suspicious");
  });
  test("a partial function is judged with what is bound: a constructor, a codec, a lookup", () => {
    const reconstructor = op.global("copyreg", "_reconstructor");
    const pipeline = op.global("sklearn.pipeline", "Pipeline");
    for (const kept of [
      partial(reconstructor, pipeline, pipeline, op.list()),
      partial(op.global("codecs", "encode"), op.str("x"), op.str("zip")),
      partial(op.global("builtins", "getattr"), op.none),
      partial(caller("lower")),
    ]) {
      expect(verdictOf(kept)).toBe("suspicious");
      expect(verdictOf(kept, op.tuple(), op.reduce)).toBe("suspicious");
    }
    expect(verdictOf(partial(op.global("builtins", "int"), op.int(3)), op.tuple(), op.reduce)).toBe(
      "no code path found",
    );
  });
  test("a partial function that is given another one is that one from then on", () => {
    const encode = op.tuple(op.global("codecs", "encode"), op.tuple(op.str("x")), op.dict(), op.none);
    expect(verdictOf(partial(op.global("builtins", "int")), encode, op.build)).toBe("suspicious");
  });
});
