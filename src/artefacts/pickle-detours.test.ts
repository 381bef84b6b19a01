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
