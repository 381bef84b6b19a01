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

describe("an object whose class finds attributes in its items or in dicts of its state", () => {
  const check = op.global("sklearn.utils.validation", "check_memory");
  const network = (members: Uint8Array): Uint8Array[] => [
    made("torch.nn.modules.activation", "ReLU"),
    op.dict(op.str("_modules"), members, op.str("training"), op.none),
    op.build,
  ];
  const item = (module: string, name: string, key: string, value: Uint8Array): Uint8Array[] => [
    made(module, name),
    op.str(key),
    value,
    op.setitem,
  ];
  const append = [op.str("text"), new TextEncoder().encode("a")];
  test("is suspicious where the pickle machine would call one of them", () => {
    for (const parts of [
      [...network(op.dict(op.str("append"), check)), ...append],
      network(op.dict(op.str("append"), check)),
      item("sklearn.utils._bunch", "Bunch", "append", check),
      item("scipy.optimize._optimize", "OptimizeResult", "__setstate__", check),
      item("scipy.optimize._optimize", "OptimizeResult", "append", op.global("sklearn.pipeline", "Pipeline")),
      item("sklearn.utils._bunch", "Bunch", "append", op.call(op.global("operator", "itemgetter"), op.int(0))),
      estimator(op.str("inner"), op.dict(op.str("__array__"), check)),
      item("scipy.optimize._optimize", "OptimizeResult", "__array_interface__", op.dict()),
    ])
      expect(verdictOf(...parts)).toBe("suspicious");
  });
  test("is not plain data where loading asks it for anything, whatever it was given", () => {
    expect(verdictOf(...network(op.dict()), ...append)).toBe("suspicious");
    expect(verdictOf(...estimator(), ...append)).toBe("unknown");
    const given = (callee: Uint8Array, value: readonly Uint8Array[]): readonly Uint8Array[] => [
      callee,
      op.mark,
      ...value,
      new TextEncoder().encode("tR"),
    ];
    expect(verdictOf(...given(op.global("builtins", "dict"), network(op.dict())))).toBe("unknown");
    expect(verdictOf(...given(op.global("torch._utils", "_rebuild_parameter"), network(op.dict())))).toBe("unknown");
  });
  test("is fine as frameworks write it", () => {
    for (const parts of [
      network(op.dict(op.str("0"), made("torch.nn.modules.activation", "Tanh"))),
      item("sklearn.utils._bunch", "Bunch", "data", op.list()),
      item("scipy.optimize._optimize", "OptimizeResult", "success", op.none),
    ])
      expect(verdictOf(...parts)).toBe("no code path found");
  });
});

test("NumPy's generators take the constructor beside the one that is called, and nothing else", () => {
  const [module, name] = ["numpy.random._pickle", "__generator_ctor"];
  const generator = (...args: readonly Uint8Array[]): string => verdictOf(op.call(op.global(module, name), ...args));
  expect(generator(op.str("PCG64"), op.global(module, "__bit_generator_ctor"))).toBe("no code path found");
  expect(generator(op.call(op.global("pathlib", "Path"), op.str("x")), caller("lower"))).toBe("suspicious");
  expect(generator(op.str("x"), op.global("pathlib", "Path"))).toBe("suspicious");
  // NumPy 2 names the class of bits itself.
  const bits = (...cls: readonly [string, string]): Uint8Array =>
    op.call(op.global(module, "__bit_generator_ctor"), op.global(...cls));
  expect(generator(bits("numpy.random._pcg64", "PCG64"))).toBe("no code path found");
  expect(verdictOf(bits("numpy.random._generator", "Generator"))).toBe("suspicious");
  expect(verdictOf(bits("pathlib", "Path"))).toBe("suspicious");
});

describe("a class is trusted in the module it was written in, and not in those that import it:", () => {
  test.each([
    ["sklearn.datasets._covtype", "TemporaryDirectory"],
    ["sklearn.datasets._openml", "Request"],
    ["sklearn.datasets._lfw", "Memory"],
    ["sklearn.datasets._base", "RemoteFileMetadata"],
    ["sklearn.ensemble._forest", "Parallel"],
    ["sklearn.cluster._bicluster", "ABCMeta"],
    ["sklearn.utils._array_api", "_ArrayAPIWrapper"],
    ["scipy.optimize._minimize", "LowLevelCallable"],
    ["torch.nn.modules.module", "Generic"],
  ])("%s.%s", (module, name) => {
    expect(verdictOf(op.global(module, name))).toBe("unknown");
    expect(verdictOf(made(module, name))).toBe("suspicious");
  });
  test.each([
    ["sklearn.pipeline", "Pipeline"],
    ["sklearn.ensemble._forest", "RandomForestClassifier"],
    ["sklearn.utils", "Bunch"],
    ["sklearn.metrics._scorer", "_PredictScorer"],
    ["torch.nn.modules.linear", "Linear"],
  ])("as %s.%s is", (module, name) => expect(verdictOf(op.global(module, name))).toBe("no code path found"));
});

describe("a type of NumPy's is what its state says:", () => {
  const dtype = (text: string): Uint8Array => op.call(op.global("numpy", "dtype"), op.str(text));
  const state = (fields: Uint8Array, size: number, flags: number): Uint8Array =>
    op.tuple(op.int(3), op.str("|"), op.none, op.tuple(op.str("a")), fields, op.int(size), op.int(1), op.int(flags));
  const field = (type: Uint8Array, offset: number): Uint8Array => op.dict(op.str("a"), op.tuple(type, op.int(offset)));
  const given = (size: number, flags: number, fields: Uint8Array): Uint8Array[] => [
    dtype(`V${size}`),
    state(fields, size, flags),
    op.build,
  ];
  test("as NumPy writes it", () => {
    for (const parts of [
      given(8, 27, field(dtype("O8"), 0)),
      given(12, 0, field(dtype("f8"), 4)),
      given(8, 0, op.dict(op.str("O"), op.tuple(dtype("f8"), op.int(0), op.str("object")))),
      [
        dtype("O8"),
        op.tuple(op.int(3), op.str("|"), op.none, op.none, op.none, op.int(-1), op.int(-1), op.int(63)),
        op.build,
      ],
    ])
      expect(verdictOf(...parts)).toBe("no code path found");
  });
  test("whatever the bytes of an array happen to spell", () => {
    const letters = op.bytes(new TextEncoder().encode(".O8.object"));
    const array = op.call(
      op.global("numpy.core.numeric", "_frombuffer"),
      letters,
      dtype("u1"),
      op.tuple(op.int(10)),
      op.str("C"),
    );
    expect(verdictOf(array)).toBe("no code path found");
  });
  test("addresses made of bytes, and elements that end beyond themselves, are malicious", () => {
    for (const parts of [
      given(8, 16, field(dtype("O8"), 0)),
      given(8, 16, field(op.call(op.global("numpy.dtypes", "ObjectDType")), 0)),
      given(8, 0, field(dtype("f8"), 4)),
      [
        dtype("V8"),
        op.tuple(
          op.int(3),
          op.str("|"),
          op.tuple(dtype("f8"), op.int(1000)),
          op.none,
          op.none,
          op.int(8),
          op.int(1),
          op.int(0),
        ),
        op.build,
      ],
      [op.call(op.global("numpy.core.multiarray", "scalar"), dtype("O8"), op.bytes(new Uint8Array(8)))],
    ])
      expect(verdictOf(...parts)).toBe("malicious");
  });
  test("what cannot be followed, or changes once it is part of another, is suspicious", () => {
    const late = op.call(op.global("builtins", "tuple"), op.list(op.int(3)));
    expect(verdictOf(dtype("V8"), late, op.build)).toBe("suspicious");
    const inner = [dtype("V8"), op.put(1)].flatMap((part) => [...part]);
    expect(
      verdictOf(
        ...given(8, 0, field(new Uint8Array(inner), 0)),
        op.pop,
        op.get(1),
        state(field(dtype("O8"), 0), 8, 27),
        op.build,
      ),
    ).toBe("suspicious");
  });
});

describe("a few bytes that come to gigabytes", () => {
  const builtin = (name: string, ...args: readonly Uint8Array[]): Uint8Array =>
    op.call(op.global("builtins", name), ...args);
  const decimal = (value: Uint8Array): Uint8Array => op.call(op.global("decimal", "Decimal"), value);
  const range = (end: number): Uint8Array => builtin("range", op.int(end));
  test.each<[string, Uint8Array[]]>([
    ["a decimal of a billion digits as an integer", [builtin("int", decimal(op.str("1e999999999")))]],
    ["the same by sign, digits and exponent", [decimal(op.tuple(op.int(0), op.tuple(op.int(1)), op.int(999999999)))]],
    ["a fraction of them", [op.call(op.global("fractions", "Fraction"), op.str("1E+999_999_999"))]],
    ["a range written out", [builtin("list", range(2 ** 28 - 1))]],
    [
      "a range written out by a partial function",
      [partial(op.global("builtins", "list"), range(2 ** 28 - 1)), op.tuple(), op.reduce],
    ],
    ["many ranges, each small", Array.from({ length: 64 }, () => builtin("tuple", range(2 ** 20)))],
    ["many buffers, each small", Array.from({ length: 32 }, () => builtin("bytearray", op.int(2 ** 26)))],
  ])("is suspicious: %s", (_, parts) => expect(verdictOf(...parts)).toBe("suspicious"));
  test("numbers and ranges of ordinary size are plain data", () => {
    for (const value of [
      decimal(op.str("1.5e300")),
      decimal(op.str("1e-999999999")),
      op.call(op.global("fractions", "Fraction"), op.str("3/4")),
      builtin("list", range(1000)),
      range(2 ** 27),
    ])
      expect(verdictOf(value)).toBe("no code path found");
  });
});

describe("what is harmless in the way its library writes it is flagged in every other", () => {
  const type = op.global("builtins", "type");
  const nothing = op.call(type, op.none);
  const count = op.call(op.global("itertools", "count"), op.int(0));
  const masked = op.call(op.global("numpy.ma.core", "MaskedConstant"));
  const status = op.call(op.global("builtins", "getattr"), op.global("http", "HTTPStatus"), op.str("OK"));
  const array = (name: string): Uint8Array =>
    op.call(
      op.global("numpy.core.multiarray", "_reconstruct"),
      op.global("numpy", name),
      op.tuple(op.int(0)),
      op.str("b"),
    );
  const [round, norm] = [op.global("builtins", "round"), op.global("torch.nn.modules.normalization", "LayerNorm")];
  test.each<readonly [what: string, asWritten: readonly Uint8Array[], otherwise: readonly (readonly Uint8Array[])[]]>([
    [
      "a class out of type()",
      [nothing],
      [
        [op.call(type, partial(round))],
        [op.call(type, op.global("builtins", "len"))],
        [op.call(type, op.str("X"), op.tuple(), op.dict())],
        [op.call(op.global("collections", "defaultdict"), type)],
        [nothing, op.dict(op.str("__call__"), op.none), op.build],
      ],
    ],
    [
      "an iterator",
      [op.call(op.global("builtins", "iter"), op.list(op.int(1))), op.int(0), op.build],
      [
        [op.call(op.global("builtins", "iter"), op.global("builtins", "len"), op.int(0))],
        [op.call(op.global("builtins", "iter"), op.global("acme", "x"))],
        [op.call(op.global("builtins", "iter"), made("torch.nn.modules.linear", "Linear"))],
        [op.call(op.global("builtins", "iter"), count)],
      ],
    ],
    [
      "a count",
      [...estimator(op.str("ids"), count)],
      [
        [op.call(op.global("builtins", "list"), count)],
        [op.call(op.global("torch", "Size"), count)],
        [
          op.call(
            op.global("pandas.core.indexes.base", "_new_Index"),
            op.global("pandas.core.indexes.base", "Index"),
            op.dict(op.str("data"), count),
          ),
        ],
        [op.call(op.call(op.global("functools", "partial"), op.global("builtins", "list"), count))],
        [op.call(op.global("random", "Random")), op.tuple(op.int(2), count, op.none), op.build],
      ],
    ],
    [
      "the one masked value",
      [masked],
      [
        [masked, op.dict(op.str("fill_value"), op.int(1)), op.build],
        [op.call(op.global("numpy.ma.core", "MaskedConstant")), op.str("a"), op.none, op.setitem],
      ],
    ],
    [
      "a status of HTTP",
      [status],
      [
        [op.call(op.global("builtins", "getattr"), op.global("http", "HTTPStatus"), op.str("__class__"))],
        [op.call(op.global("builtins", "getattr"), op.global("http", "client"), op.str("OK"))],
        [status, op.dict(op.str("phrase"), op.none), op.build],
        [op.call(op.global("http", "HTTPStatus"), op.int(200)), op.dict(op.str("phrase"), op.none), op.build],
      ],
    ],
    [
      "a matrix, an array of records or of text",
      [op.list(array("matrix"), array("recarray"), array("chararray"))],
      [
        // NumPy before 1.12 evaluates the text.
        [op.global("numpy", "matrix"), op.tuple(op.str("__import__('os')")), op.newobj],
        [op.call(op.global("numpy", "matrix"), op.str("1 2"))],
        [
          op.global("numpy", "recarray"),
          op.tuple(op.tuple(op.int(1)), op.none, op.bytes(new Uint8Array(8))),
          op.newobj,
        ],
        [op.global("numpy", "finfo"), op.tuple(op.str("f4")), op.newobj],
        [
          op.call(
            op.global("copyreg", "_reconstructor"),
            op.global("numpy", "matrix"),
            op.global("numpy", "ndarray"),
            op.int(1),
          ),
        ],
      ],
    ],
    [
      "a function bound for later",
      [op.list(partial(round), partial(norm))],
      [
        [op.call(norm, op.int(4))],
        [op.call(partial(norm), op.int(4))],
        [op.call(partial(round), op.int(1))],
        [op.call(op.global("collections", "defaultdict"), partial(norm))],
        [partial(op.global("builtins", "sorted"))],
        [partial(op.global("torch.nn.modules.linear", "Linear"))],
        [partial(round), op.tuple(op.global("os", "system"), op.tuple(), op.dict(), op.none), op.build],
      ],
    ],
    [
      "hooks and interpolations",
      [op.list(made("torch.nn.utils.weight_norm", "WeightNorm"), made("scipy.interpolate._interpolate", "interp1d"))],
      [
        [op.call(op.global("scipy.interpolate._interpolate", "interp1d"), op.int(1))],
        [made("torch.nn.utils.parametrize", "ParametrizationList")],
        [...estimator(op.str("append"), made("scipy.interpolate._interpolate", "interp1d"))],
        [
          made("torch.nn.utils.weight_norm", "WeightNorm"),
          op.dict(op.str("name"), op.global("os", "system")),
          op.build,
        ],
      ],
    ],
  ])("%s", (_, asWritten, otherwise) => {
    expect(verdictOf(...asWritten)).toBe("no code path found");
    for (const parts of otherwise) expect(["suspicious", "malicious"]).toContain(verdictOf(...parts));
  });
  test("the tuple of a file's state is data, and the rest of os is not", () => {
    expect(verdictOf(op.call(op.global("os", "stat_result"), op.list(op.int(1))))).toBe("no code path found");
    expect(verdictOf(op.call(op.global("os", "stat"), op.str("/")))).toBe("malicious");
    expect(verdictOf(op.stackGlobal("os", "stat_result.__class__"))).toBe("suspicious");
  });
});

test("a NumPy type that holds itself is told, and ends", () => {
  const itself = "cnumpy\ndtype\n(S'V8'\nI0\nI1\ntRp0\n(I3\nS'|'\nN(S'a'\nt(dS'a'\n(g0\nI0\ntsI8\nI1\nI0\ntb.";
  const file = scanned(new TextEncoder().encode(itself), "a.pkl");
  expect(["suspicious", "malicious"]).toContain(file.verdict);
  expect(file.findings.map(({ rule }) => rule)).toContain("pickle-forged-dtype");
});
