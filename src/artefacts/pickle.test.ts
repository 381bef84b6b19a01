import { describe, expect, test } from "vitest";
import { bytes, op, pickle } from "../../test/support/pickle.ts";
import { rulesOf, scanned, stepsOf } from "../../test/support/scan.ts";
import { standingOf } from "./policy.ts";

const importOs = op.call(op.global("builtins", "__import__"), op.str("os"));
const flagged = ["malicious", "suspicious"];

describe("what loading a pickle would run is malicious, however it is reached:", () => {
  const ways: Readonly<Record<string, Uint8Array>> = {
    "a GLOBAL and REDUCE": pickle(op.call(op.global("os", "system"), op.str("id"))),
    "a STACK_GLOBAL": pickle(op.call(op.stackGlobal("posix", "system"), op.str("id"))),
    "an INST with arguments, protocol 0": bytes("(S'id'\nios\nsystem\n."),
    "an OBJ": pickle(op.mark, op.global("os", "system"), op.str("id"), op.obj),
    "a NEWOBJ of a program": pickle(op.global("subprocess", "Popen"), op.tuple(op.list(op.str("id"))), op.newobj),
    "names that lie in the memo": pickle(
      op.str("os"),
      op.put(7),
      op.pop,
      op.str("system"),
      op.put(9),
      op.pop,
      op.get(7),
      op.get(9),
      0x93,
      op.tuple(op.str("id")),
      op.reduce,
    ),
    "the names of Python 2": bytes("c__builtin__\neval\n(S'1'\ntR."),
    "a dotted name through a harmless module": pickle(
      op.call(op.stackGlobal("torch.serialization", "os.system"), op.str("id")),
    ),
    "getattr on an imported module": pickle(
      op.call(op.call(op.global("builtins", "getattr"), importOs, op.str("system")), op.str("id")),
    ),
    "attrgetter (GHSA-46h3-79wf-xr6c)": pickle(
      op.call(op.call(op.call(op.global("operator", "attrgetter"), op.str("system")), importOs), op.str("id")),
    ),
    "methodcaller (GHSA-955r-x9j8-7rhh)": pickle(
      op.call(op.call(op.global("operator", "methodcaller"), op.str("system"), op.str("id")), importOs),
    ),
    "a partial that is only made": pickle(
      op.call(op.global("functools", "partial"), op.global("os", "system"), op.str("id")),
    ),
    "the state of an innocent partial": pickle(
      op.call(op.global("functools", "partial"), op.global("builtins", "int")),
      op.tuple(op.global("os", "system"), op.tuple(), op.dict(), op.none),
      op.build,
    ),
    "a default factory": pickle(op.call(op.global("collections", "defaultdict"), op.global("os", "system"))),
    "copyreg's constructor of a program": pickle(
      op.call(
        op.global("copyreg", "_reconstructor"),
        op.global("subprocess", "Popen"),
        op.global("builtins", "object"),
        op.none,
      ),
    ),
    "the attributes of an allowed object": pickle(
      op.global("sklearn.linear_model._base", "LinearRegression"),
      op.tuple(),
      op.newobj,
      op.dict(op.str("predict"), op.global("os", "system")),
      op.build,
    ),
    "NumPy's own import (_ufunc_reconstruct)": pickle(
      op.call(op.global("numpy.core", "_ufunc_reconstruct"), op.str("os"), op.str("system")),
    ),
    "dunders of any object": pickle(
      op.call(op.global("builtins", "getattr"), op.global("collections", "OrderedDict"), op.str("__subclasses__")),
    ),
    "sys.modules changed in place": pickle(op.stackGlobal("sys", "modules"), op.str("os"), op.none, op.setitem),
    "attributes of an imported function rewritten": pickle(
      op.global("torch._utils", "_rebuild_tensor_v2"),
      op.dict(op.str("__code__"), op.none),
      op.build,
    ),
    "text that SciPy's distributions run when they are given their state": pickle(
      op.global("scipy.stats._continuous_distns", "norm_gen"),
      op.tuple(),
      op.newobj,
      op.dict(op.str("_parse_arg_template"), op.str("import os; os.system('id')")),
      op.build,
    ),
    "code made from parts": pickle(op.call(op.global("types", "CodeType"), op.int(0))),
    "a tensor rebuilt by a function of its own": pickle(
      op.call(
        op.global("torch._tensor", "_rebuild_from_type_v2"),
        op.global("os", "system"),
        op.none,
        op.tuple(op.str("id")),
        op.none,
      ),
    ),
  };
  for (const [way, stream] of Object.entries(ways)) test(way, () => expect(scanned(stream).verdict).toBe("malicious"));
});

describe("what cannot be told before loading is suspicious:", () => {
  const ways: Readonly<Record<string, Uint8Array>> = {
    "a call of a name that stands in no list": pickle(op.call(op.global("acme.models", "build"), op.int(1))),
    "an import whose name is the result of a call": pickle(
      op.call(op.global("builtins", "str"), op.str("os")),
      op.str("system"),
      0x93,
      op.tuple(op.str("id")),
      op.reduce,
    ),
    "getattr with a name made while loading": pickle(
      op.call(
        op.call(
          op.global("builtins", "getattr"),
          op.global("collections", "OrderedDict"),
          op.call(op.global("builtins", "str"), op.str("x")),
        ),
        op.int(1),
      ),
    ),
    "a call of something out of the extension registry": pickle(0x82, 5, op.tuple(), op.reduce),
    "a codec that unpacks": pickle(op.call(op.global("_codecs", "encode"), op.str("x"), op.str("zip"))),
    "a class called that frameworks only make empty": pickle(
      op.call(op.global("sklearn.pipeline", "Pipeline"), op.list()),
    ),
    "memory beyond any machine": pickle(
      op.call(op.global("builtins", "bytearray"), bytes(0x8a, 6, 0, 0, 0, 0, 0, 0x10)),
    ),
    "a class that copyreg would have run the constructor of": pickle(
      op.call(
        op.global("copyreg", "_reconstructor"),
        op.global("sklearn.pipeline", "Pipeline"),
        op.global("sklearn.pipeline", "Pipeline"),
        op.list(),
      ),
    ),
    "something harmful that is only named": pickle(op.global("os", "system")),
  };
  for (const [way, stream] of Object.entries(ways)) test(way, () => expect(scanned(stream).verdict).toBe("suspicious"));
});

describe("what only the loading program knows is unknown:", () => {
  test("a name that stands in no list and is not called", () =>
    expect(scanned(pickle(op.global("acme.models", "Net"))).verdict).toBe("unknown"));
  test("a persistent id", () => expect(scanned(pickle(op.str("weights"), op.persid)).verdict).toBe("unknown"));
  test("an extension code", () => expect(scanned(pickle(0x82, 5)).verdict).toBe("unknown"));
});

describe("plain data has no code path, read to the last byte:", () => {
  test("values of every protocol", () => {
    const stream = pickle(
      op.frame(8),
      op.dict(op.str("a"), op.int(-3), op.str("b"), op.list(op.none, bytes(0x88), bytes("K", 7), bytes("M", 1, 1))),
      op.memoize,
    );
    expect(scanned(stream)).toMatchObject({ verdict: "no code path found", read: "whole" });
  });
  test("a text protocol", () =>
    expect(scanned(bytes("(lp0\nI1\naI01\naF2.5\naL5L\naS'x'\naVy\na."))).toMatchObject({
      verdict: "no code path found",
    }));
  test("what frameworks need: an estimator made empty and given its attributes", () => {
    const stream = pickle(
      op.global("sklearn.linear_model._base", "LinearRegression"),
      op.tuple(),
      op.newobj,
      op.dict(op.str("fit_intercept"), bytes(0x88)),
      op.build,
    );
    expect(scanned(stream).verdict).toBe("no code path found");
  });
});

describe("a stream that breaks", () => {
  const before = bytes(op.proto(4), op.call(op.global("os", "system"), op.str("id")));
  test("is judged by what ran before the fault", () => {
    for (const fault of [
      bytes(0xff),
      bytes("R"),
      bytes("B", 255, 255, 255, 127),
      bytes("h", 99),
      bytes("u"),
      new Uint8Array(0),
    ])
      expect(scanned(bytes(before, fault)).verdict).toBe("malicious");
  });
  test("is unknown when nothing ran, and says where it broke", () => {
    const file = scanned(bytes(op.proto(4), op.int(1), 0xff, "rest of it"));
    expect(file).toMatchObject({ verdict: "unknown", read: "part" });
    expect(file.findings).toContainEqual(expect.objectContaining({ rule: "pickle-broken", start: 7 }));
  });
  test("does not hide the streams after the first", () =>
    expect(scanned(bytes(pickle(op.int(1)), pickle(op.call(op.global("os", "system"), op.str("id"))))).verdict).toBe(
      "malicious",
    ));
});

describe("what a pickle carries as data is looked into:", () => {
  const evil = pickle(op.call(op.global("os", "system"), op.str("id")));
  const hex = Array.from(evil, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const base64 = btoa(String.fromCharCode(...evil));
  const inside: Readonly<Record<string, Uint8Array>> = {
    "a pickle": op.bytes(evil),
    "a pickle in a pickle": op.bytes(pickle(op.bytes(evil))),
    "a pickle in base64": op.str(base64),
    "a pickle in hexadecimal": op.str(hex),
    "a pickle of protocol 0": op.bytes(bytes("cos\nsystem\n(S'id'\ntR.")),
    "a pickle as protocol 2 writes bytes": op.call(
      op.global("_codecs", "encode"),
      op.str(String.fromCharCode(...evil)),
      op.str("latin1"),
    ),
  };
  for (const [what, value] of Object.entries(inside))
    test(what, () => {
      const file = scanned(pickle(op.dict(op.str("weights"), value)));
      expect(flagged).toContain(file.verdict);
      expect(rulesOf(file)).toContain("carried-payload");
    });
  test("bytes that loading itself unpickles are part of the verdict, flagged or not", () => {
    const load = (content: Uint8Array) =>
      pickle(op.call(op.global("torch.storage", "_load_from_bytes"), op.bytes(content)));
    expect(scanned(load(evil)).verdict).toBe("malicious");
    expect(scanned(load(pickle(op.int(1)))).verdict).toBe("no code path found");
    expect(scanned(load(bytes("no pickle, no archive"))).verdict).toBe("unknown");
  });
  test("a harmless pickle in a pickle is noted and no more", () => {
    const file = scanned(pickle(op.bytes(pickle(op.dict(op.str("key"), op.int(3))))));
    expect(file.verdict).toBe("no code path found");
    expect(file.findings).toMatchObject([{ rule: "carried-payload", severity: "note" }]);
  });
  test("payloads that lie too deep are a finding, not a silence", () => {
    let nested: Uint8Array = evil;
    for (let depth = 0; depth < 12; depth++) nested = pickle(op.bytes(nested));
    const file = scanned(nested);
    expect(file.verdict).not.toBe("no code path found");
    expect(rulesOf(file)).toContain("limit-depth");
  });
});

describe("a function that frameworks only keep is not called by a detour:", () => {
  // Named in pickles of estimators, so naming it alone is fine.
  const kept = op.global("sklearn.metrics._classification", "accuracy_score");
  const namespace = (state: Uint8Array): Uint8Array =>
    bytes(op.global("argparse", "Namespace"), op.tuple(), op.newobj, state, op.build);
  const estimator = (state: Uint8Array): Uint8Array =>
    bytes(op.global("sklearn.linear_model._base", "LinearRegression"), op.tuple(), op.newobj, state, op.build);
  const ways: Readonly<Record<string, Uint8Array>> = {
    "given to something that calls its argument": pickle(
      op.call(op.global("numpy.random._pickle", "__generator_ctor"), op.str("text"), kept),
    ),
    "as the __setstate__ of an object": pickle(
      estimator(op.dict(op.str("__setstate__"), kept)),
      op.str("text"),
      op.build,
    ),
    "as the append of an object": pickle(estimator(op.dict(op.str("append"), kept)), op.mark, op.str("text"), "e"),
    "as the keys of a namespace": pickle(
      op.call(op.global("builtins", "dict"), namespace(op.dict(op.str("keys"), kept))),
    ),
    "in a namespace under any name": pickle(namespace(op.dict(op.str("x"), kept))),
    "by rebuilding a tensor with something else": pickle(
      op.call(
        op.global("torch._tensor", "_rebuild_from_type_v2"),
        op.global("scipy.stats._continuous_distns", "norm_gen"),
        op.global("scipy.stats._continuous_distns", "norm_gen"),
        op.tuple(),
        op.dict(op.str("_parse_arg_template"), op.str("import os")),
      ),
    ),
    "a joblib wrapper that opens a file elsewhere": pickle(
      op.global("joblib.numpy_pickle_compat", "NDArrayWrapper"),
      op.tuple(),
      op.newobj,
      op.dict(op.str("filename"), op.str("/etc/x.npy")),
      op.build,
    ),
    "a range that no memory holds": pickle(
      op.call(op.global("builtins", "list"), op.call(op.global("builtins", "range"), op.int(0x7fffffff))),
    ),
  };
  for (const [name, content] of Object.entries(ways))
    test(name, () => expect(flagged).toContain(scanned(content).verdict));

  test("kept by an estimator it is fine, and functions of packages that run programs are in no list", () => {
    expect(scanned(pickle(estimator(op.dict(op.str("_score_func"), kept)))).verdict).toBe("no code path found");
    const runs = op.global("sklearn.utils._testing", "assert_run_python_script");
    expect(scanned(pickle(estimator(op.dict(op.str("_score_func"), runs)))).verdict).toBe("unknown");
  });
});

describe("the reconstruction", () => {
  test("reads as Python would write it, in the order of loading", () =>
    expect(
      stepsOf(
        pickle(
          op.call(op.global("builtins", "getattr"), importOs, op.str("system")),
          op.tuple(op.str("id")),
          op.reduce,
          op.dict(op.str("a"), op.int(1)),
          op.build,
        ),
      ),
    ).toEqual([
      'builtins.__import__("os")',
      'builtins.getattr(builtins.__import__("os"), "system")',
      'builtins.getattr(builtins.__import__("os"), "system")("id")',
      'builtins.getattr(builtins.__import__("os"), "system")("id").__setstate__({"a": 1})',
    ]));
  test("shows what is imported and not called, once, and nothing of plain data", () => {
    const system = op.stackGlobal("os", "system");
    expect(stepsOf(pickle(system))).toEqual(["import os.system"]);
    expect(stepsOf(pickle(system, system, op.call(op.global("builtins", "int"))))).toEqual([
      "import os.system",
      "builtins.int()",
    ]);
    expect(stepsOf(pickle(op.dict(op.str("a"), op.int(1))))).toEqual([]);
  });
  test("stays short whatever the pickle", () => {
    const deep = pickle(
      op.call(op.global("acme", "f"), ...Array.from({ length: 500 }, (_, i) => op.str("x".repeat(200) + i))),
    );
    for (const step of stepsOf(deep)) expect(step.length).toBeLessThan(500);
  });
});

test("a reason says what that name does, or else what its module is for", () => {
  const reasonFor = (module: string, name: string): string | undefined => {
    const standing = standingOf(module, name);
    return standing.is === "harmful" ? standing.does : undefined;
  };
  expect(reasonFor("posix", "system")).toBe("runs a command");
  expect(reasonFor("os", "remove")).toBe("deletes files");
  expect(reasonFor("distutils.file_util", "write_file")).toBe("writes files");
  expect(reasonFor("os", "getlogin")).toMatch(/^belongs to os, which /);
  expect(reasonFor("tensorflow.io.gfile", "GFile")).toMatch(/^belongs to tensorflow, which /);
  expect(reasonFor("gzip", "decompress")).toBe("belongs to gzip, which opens packed files");
});

describe("what is set after loading began", () => {
  const state = op.tuple(op.global("collections", "OrderedDict"), op.tuple(), bytes("}"), op.none);
  const partial = bytes(
    op.global("functools", "partial"),
    op.tuple(op.global("collections", "OrderedDict")),
    op.reduce,
  );
  test("of a partial function, as its writer has it, is fine; put together while loading it is not", () => {
    expect(scanned(pickle(partial, state, "b")).verdict).toBe("no code path found");
    const made = bytes(
      op.global("builtins", "tuple"),
      op.tuple(op.list(op.global("collections", "OrderedDict"))),
      op.reduce,
    );
    expect(scanned(pickle(partial, made, "b")).verdict).toBe("suspicious");
  });
  test("of an object that frees an address of its state is no object frameworks keep", () =>
    expect(
      scanned(pickle(op.global("xgboost.core", "DMatrix"), ")\x81}", op.str("handle"), op.int(1337), "sb")).verdict,
    ).toBe("suspicious"));
});

test.each(["savez_compressed", "fromregex", "recfromcsv", "lookfor"])(
  "numpy.%s does more than compute, and is not kept by models",
  (name) => expect(scanned(pickle(op.global("numpy", name))).verdict).toBe("suspicious"),
);
