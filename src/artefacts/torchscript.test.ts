/** TorchScript: what torch.jit.load and the mobile interpreter of PyTorch 1.13 were made to do by archives, and what real ones hold. */
import { describe, expect, test } from "vitest";
import { bytes, op } from "../../test/support/pickle.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";
import type { ScanFile } from "#assessment/index.ts";
import { writeZip } from "#formats/writers.testing.ts";

/** A module as PyTorch 1.13 writes it, with `lines` at the end of `__setstate__`, and what else the file holds. */
const module = (lines: readonly string[], more = ""): string => `class M(Module):
  __parameters__ = ["w", ]
  __buffers__ = []
  w : Tensor
  training : bool
  _is_full_backward_hook : Optional[bool]
  n : Final[int] = 3
  def forward(self: __torch__.M,
    x: Tensor,
    h: Optional[Tensor]=None) -> Tuple[Tensor, List[int]]:
    _0 = uninitialized(Tensor)
    acc = annotate(List[int], [])
    _1 = getattr(self.layers, "0")
    y = (_1).forward(torch.add(x, -1.5e-05), )
    if torch.__isnot__(h, None):
      h0 = unchecked_cast(Tensor, h)
      y0 = torch.add(y, h0, alpha=1)
    else:
      y0 = ops.quantized.linear(y, self._packed, 0.5, 0)
    i = 0
    _2 = torch.gt(torch.len(acc), 0)
    while _2:
      _3 = torch.append(acc, i)
      a, b, = torch.max(y0, 0)
      _2 = False
    for j in range(torch.size(y0, 0)):
      y0 = torch.slice(y0, 0, j, 9223372036854775807)
    return (y0, acc)
  def __setstate__(self: __torch__.M,
    state: Tuple[Tensor, bool]) -> NoneType:
    self.w = (state)[0]
    self.training = (state)[1]
${lines.map((line) => `    ${line}\n`).join("")}    return None
${more}`;

const archive = (source: string, bytecode?: Uint8Array): ScanFile => {
  const empty = bytes(0x80, 2, ").");
  return scanned(
    writeZip([
      { name: "m/data.pkl", content: bytes(0x80, 2, "}.") },
      { name: "m/code/__torch__.py", content: bytes(source) },
      { name: "m/constants.pkl", content: empty },
      ...(bytecode ? [{ name: "m/bytecode.pkl", content: bytecode }] : []),
      { name: "m/version", content: bytes("3\n") },
    ]),
    "m.pt",
  );
};

const FINE = "no code path found";

describe("TorchScript", () => {
  test("of the form that PyTorch writes is understood whole", () =>
    expect(archive(module([]))).toMatchObject({ verdict: FINE, read: "whole", findings: [] }));

  test.each([
    ["called", 'torch.save((state)[0], "/tmp/x")'],
    ["in brackets", '(torch.save)((state)[0], "/tmp/x")'],
    ["of a namespace, in brackets", '(ops.aten.save)((state)[0], "/tmp/x")'],
    ["by getattr", 'getattr(torch, "save")((state)[0], "/tmp/x")'],
    ["before a comment", 'torch.save # c\n ((state)[0], "/tmp/x")'],
    ["as a value that is called", 'f = torch.save\n    f((state)[0], "/tmp/x")'],
    ["as a method of a value", '((state)[0]).save("/tmp/x")'],
    ["that maps a file", '_6 = torch.fill_(torch.from_file("/tmp/x", True, 4), 7.)'],
    ["of torchvision that reads a file", '_6 = ops.image.read_file("/etc/passwd")'],
    [
      "as a default of an argument",
      "return None\n  def f(self: __torch__.M,\n    x: int=torch.save(1)) -> int:\n    return x",
    ],
  ])("that names an operator with files, %s, is suspicious", (_, line) => {
    const file = archive(module([line]));
    expect(file.verdict).toBe("suspicious");
    expect(rulesOf(file)).toContain("torchscript-harmful");
  });

  test("points at the operator", () => {
    const source = module(['_5 = torch.save((state)[0], "x")']);
    const file = archive(source);
    const { start, end } = file.findings.find(({ rule }) => rule === "torchscript-harmful")!;
    expect(end! - start!).toBe("torch.save".length);
  });

  test.each([
    ["operators of another library", "_5 = ops.mine.go((state)[0])"],
    ["classes of another library", "_5 = __torch__.torch.classes.mine.Reader((state)[0], )"],
    ["comments", "# nothing"],
    ["operators as values", "f = torch.add"],
    ["variables that are called", "f = self.w\n    f(1)"],
    ["calls of Python's own functions", 'eval("1")'],
    ["lambdas", "f = lambda x: x"],
    ["calls among constants", "return None\n  x : Final[int] = torch.add(1, 2)"],
    ["brackets over lines", "x = [1\n, 2]"],
  ])("with %s is unknown", (_, line) => expect(archive(module([line])).verdict).toBe("unknown"));

  test("whose own method is called save is not suspicious of it", () => {
    const more = "  def save(self: __torch__.M) -> NoneType:\n    return None\n";
    expect(archive(module(["_5 = (self).save()"], more)).verdict).toBe("unknown");
  });

  test("holds names of operators in texts and as attributes", () =>
    expect(archive(module(['_5 = "torch.save(x)"', "_6 = self.save", '_7 = getattr(self, "from_file")'])).verdict).toBe(
      FINE,
    ));
});

describe("what runs while TorchScript is loaded", () => {
  test.each<[string, readonly string[], string?]>([
    ["counts to 1e11", ["n = 0", "_1 = torch.lt(n, 100000000000)", "while _1:", "  n = torch.add(n, 1)"]],
    ["makes a tensor of 1e11 elements", ["self.w = torch.zeros([100000, 1000000], dtype=6)"]],
    ["makes a list of 1e11 elements", ["self.w = torch.mul([0], 100000000000)"]],
    ["never ends", ["_1 = True", "while _1:", "  pass"]],
    ["is nested", ["for i in range(100000):", "  for j in range(100000):", "    pass"]],
    [
      "goes on in what it calls",
      ["for i in range(100000):", "  _1 = (self).f()"],
      "  def f(self: __torch__.M) -> NoneType:\n    for i in range(100000):\n      pass\n    return None\n",
    ],
    [
      "doubles from call to call",
      ["_1 = (self).f0()"],
      Array.from(
        { length: 40 },
        (_, i) =>
          `  def f${i}(self: __torch__.M) -> NoneType:\n    _1 = (self).f${i + 1}()\n    _2 = (self).f${i + 1}()\n    return None\n`,
      ).join("") + "  def f40(self: __torch__.M) -> NoneType:\n    return None\n",
    ],
  ])("and %s is suspicious", (_, lines, more) => {
    const file = archive(module(lines, more));
    expect(file.verdict).toBe("suspicious");
    expect(rulesOf(file)).toEqual(["torchscript-loop"]);
  });

  test("and loops with an end that nobody can read is unknown", () =>
    expect(archive(module(["for i in range(torch.len(self.n)):", "  pass"])).verdict).toBe("unknown"));
  test("and loops a few times is fine", () =>
    expect(archive(module(["for i in range(100):", "  self.n = i"])).verdict).toBe(FINE));
  test("calls deeper than anybody writes are refused, not followed to the end", () => {
    const depth = 3000;
    const chain = Array.from(
      { length: depth },
      (_, i) => `  def f${i}(self: __torch__.M) -> NoneType:\n    _1 = (self).f${i + 1}()\n    return None\n`,
    ).join("");
    expect(archive(module(["_1 = (self).f0()"], chain)).verdict).toBe("suspicious");
  });
});

describe("bytecode for the mobile interpreter", () => {
  const pair = (a: Uint8Array, b: Uint8Array): Uint8Array => op.tuple(a, b);
  const step = (name: string, offset: number): Uint8Array => op.tuple(op.str(name), op.int(offset), op.int(0));
  const code = (path: string, steps: readonly Uint8Array[], operators: readonly string[] = []): Uint8Array =>
    bytes(
      bytes(0x80, 4),
      op.tuple(
        op.int(8),
        pair(
          op.str(path),
          op.tuple(
            pair(op.str("instructions"), op.tuple(...steps)),
            pair(
              op.str("operators"),
              op.tuple(...operators.map((name) => op.tuple(op.str(name), op.str(""), op.int(2)))),
            ),
          ),
        ),
      ),
      ".",
    );
  const LOADS = "__torch__.M.__setstate__";
  const verdict = (bytecode: Uint8Array): string => archive(module([]), bytecode).verdict;

  test("of arithmetic is fine", () =>
    expect(verdict(code(LOADS, [step("OP", 0), step("RET", 0)], ["aten::add"]))).toBe(FINE));
  test("that writes a file is suspicious, whatever the source beside it says", () => {
    const file = archive(module([]), code("__torch__.M.forward", [step("OP", 0)], ["aten::save"]));
    expect(file.verdict).toBe("suspicious");
    expect(rulesOf(file)).toContain("torchscript-harmful");
  });
  test("with operators of another library is unknown", () =>
    expect(verdict(code("__torch__.M.forward", [], ["mine::go"]))).toBe("unknown"));
  test.each([
    ["loops", [step("LOOP", 5)]],
    ["jumps back", [step("JMP", -3)]],
    ["calls other functions", [step("CALL", 0)]],
  ])("that %s while it is loaded is unknown, and fine elsewhere", (_, steps) => {
    expect(verdict(code(LOADS, steps))).toBe("unknown");
    expect(verdict(code("__torch__.M.forward", steps))).toBe(FINE);
  });
});
