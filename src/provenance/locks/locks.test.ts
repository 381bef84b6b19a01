/** Lock files of every kind, in the words their tools write. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError } from "#formats/error.ts";
import { purl, type Locked } from "#provenance/packages.ts";
import { LOCK_NAMES, readLock } from "./index.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);
const read = (name: string, text: string): Locked => readLock(name, new TextEncoder().encode(text));
/** SHA-512 of nothing, as npm and as hex write it (RFC 6234 test vector for the empty string). */
const SRI = "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==";
const SRI_HEX =
  "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";

const npm3 = JSON.stringify({
  name: "app",
  lockfileVersion: 3,
  packages: {
    "": { dependencies: { a: "^1" }, devDependencies: { "@s/t": "*" } },
    "node_modules/a": {
      version: "1.0.0",
      integrity: SRI,
      resolved: "https://r/a.tgz",
      license: "MIT",
      dependencies: { b: "*" },
    },
    "node_modules/b": { version: "1.0.0", integrity: SRI },
    "node_modules/a/node_modules/b": { version: "2.0.0", integrity: SRI },
    "node_modules/@s/t": { version: "3.0.0", dev: true },
  },
});
const npm1 = JSON.stringify({
  name: "app",
  lockfileVersion: 1,
  dependencies: {
    a: {
      version: "1.0.0",
      integrity: SRI,
      requires: { b: "*" },
      dependencies: { b: { version: "2.0.0", integrity: SRI } },
    },
    b: { version: "1.0.0", integrity: SRI },
  },
});
const requirements = `# made by pip-compile
-r other.txt
Foo_Bar[extra]==1.2 ; python_version >= "3.8" \\
    --hash=sha256:${A} \\
    --hash=sha256:${B}
loose>=1
direct @ https://example.org/direct-1.whl#sha256=${A}
`;
const pipfile = JSON.stringify({
  _meta: { "pipfile-spec": 6 },
  default: { numpy: { version: "==1.26.0", hashes: [`sha256:${A}`] } },
  develop: { pytest: { version: "==8.0.0", hashes: [] } },
});
const uv = `version = 1
requires-python = ">=3.12"
[[package]]
name = "app"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "numpy" }]
[package.dev-dependencies]
dev = [{ name = "ruff" }]
[[package]]
name = "numpy"
version = "2.0.0"
source = { registry = "https://pypi.org/simple" }
wheels = [{ url = "https://files/numpy.whl", hash = "sha256:${A}", size = 1 }]
[[package]]
name = "ruff"
version = "0.5.0"
source = { registry = "https://pypi.org/simple" }
sdist = { url = "https://files/ruff.tar.gz", hash = "sha256:${B}" }
`;
const poetry = `[[package]]
name = "torch"
version = "2.4.0"
optional = false
files = [{file = "torch.whl", hash = "sha256:${A}"}]
[package.dependencies]
numpy = "*"
[[package]]
name = "numpy"
version = "2.0.0"
groups = ["dev"]
files = []
[metadata]
lock-version = "2.1"
content-hash = "x"
`;
const pylock = `lock-version = "1.0"
created-by = "tool"
[[packages]]
name = "Attrs"
version = "25.1.0"
wheels = [{ name = "attrs.whl", url = "https://files/attrs.whl", hashes = { sha256 = "${A}" } }]
[[packages]]
name = "own"
vcs = { type = "git", url = "https://example.org/own.git", commit-id = "0123" }
`;
const condaLock = `version: 1
metadata: { platforms: [linux-64] }
package:
  - name: numpy
    version: 2.0.0
    manager: conda
    platform: linux-64
    dependencies: { python: ">=3.12" }
    url: https://conda.anaconda.org/conda-forge/linux-64/numpy-2.0.0-py312h1.conda
    hash: { md5: ${"c".repeat(32)}, sha256: ${A} }
  - { name: Pillow, version: 11.0.0, manager: pip, platform: linux-64, dependencies: {}, url: "https://files/p.whl", hash: { sha256: ${B} } }
  - { name: python, version: 3.12.1, manager: conda, platform: linux-64, dependencies: {}, url: "https://x/python-3.12.1-h0.conda", hash: { sha256: ${B} } }
`;
const environment = `name: train
channels: [conda-forge]
dependencies:
  - python=3.12
  - conda-forge::numpy==2.0.0
  - scipy>=1
  - pip: ["onnx==1.16.0"]
`;

describe("npm", () => {
  it.each([
    ["version 3", npm3],
    ["version 1", npm1],
  ])("finds the package that a need means, the nearest one, in lockfile %s", (_, text) => {
    const { packages } = read("package-lock.json", text);
    const a = packages.find(({ name }) => name === "a")!;
    expect(a.needs).toEqual(["node_modules/a/node_modules/b"]);
    expect(a.files[0]!.hashes).toEqual([{ alg: "SHA-512", content: SRI_HEX }]);
    expect(packages.map(({ purl: url }) => url)).toContain("pkg:npm/b@2.0.0");
  });

  it("tells apart what runs, what is for development, what was asked for, and what has no hash", () => {
    const { packages, notes } = read("package-lock.json", npm3);
    const of = (key: string) => packages.find((one) => one.key === key)!;
    expect(of("node_modules/@s/t")).toMatchObject({ purl: "pkg:npm/%40s/t@3.0.0", scope: "excluded", direct: true });
    expect(of("node_modules/a")).toMatchObject({ scope: "required", direct: true, licence: "MIT" });
    expect(of("node_modules/b").direct).toBe(false);
    expect(notes.map(({ at }) => at)).toEqual(["node_modules/@s/t"]);
  });
});

describe("Python", () => {
  it("reads requirements with their hashes, and says what is not pinned, not hashed and not followed", () => {
    const { packages, notes } = read("requirements.txt", requirements);
    expect(packages.map(({ purl: url }) => url)).toEqual(["pkg:pypi/foo-bar@1.2", "pkg:pypi/loose", "pkg:pypi/direct"]);
    expect(packages[0]!.files.flatMap(({ hashes }) => hashes.map(({ content }) => content))).toEqual([A, B]);
    expect(packages[2]!.files).toEqual([
      { url: `https://example.org/direct-1.whl#sha256=${A}`, hashes: [{ alg: "SHA-256", content: A }] },
    ]);
    expect(notes.map(({ at }) => at)).toEqual(["-r other.txt", "loose", "loose"]);
  });

  it("reads a Pipfile.lock with what is for development apart", () => {
    const { packages, notes } = read("Pipfile.lock", pipfile);
    expect(packages.map(({ purl: url, scope }) => [url, scope])).toEqual([
      ["pkg:pypi/numpy@1.26.0", "required"],
      ["pkg:pypi/pytest@8.0.0", "excluded"],
    ]);
    expect(notes.map(({ at }) => at)).toEqual(["pytest"]);
  });

  it("reads a uv.lock without the project itself; what only development reaches is not part of what runs", () => {
    const { packages, notes } = read("uv.lock", uv);
    expect(packages.map(({ name, scope, direct }) => [name, scope, direct])).toEqual([
      ["numpy", "required", true],
      ["ruff", "excluded", true],
    ]);
    expect(notes).toEqual([]);
  });

  it("reads a poetry.lock", () => {
    const { packages, notes } = read("poetry.lock", poetry);
    expect(packages.map(({ name, scope, needs }) => [name, scope, needs])).toEqual([
      ["torch", "required", ["numpy"]],
      ["numpy", "excluded", []],
    ]);
    expect(notes.map(({ at }) => at)).toEqual(["numpy"]);
  });

  it("reads a pylock.toml (PEP 751), and names the repository of what comes from one", () => {
    const { packages } = read("pylock.toml", pylock);
    expect(packages.map(({ purl: url }) => url)).toEqual([
      "pkg:pypi/attrs@25.1.0",
      "pkg:pypi/own?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fown.git%400123",
    ]);
    expect(() => read("pylock.toml", 'lock-version = "9.0"\n')).toThrow("lock-version 9.0");
  });
});

describe("conda", () => {
  it("reads a conda-lock.yml with build, platform and both managers", () => {
    const { packages, notes } = read("conda-lock.yml", condaLock);
    expect(packages.map(({ purl: url }) => url)).toEqual([
      "pkg:conda/numpy@2.0.0?build=py312h1&subdir=linux-64",
      "pkg:pypi/pillow@11.0.0",
      "pkg:conda/python@3.12.1?build=h0&subdir=linux-64",
    ]);
    expect(packages[0]!.needs).toEqual(["linux-64/python"]);
    expect(notes).toEqual([]);
  });

  it("reads an environment.yml and says that it locks nothing", () => {
    const { packages, notes } = read("environment.yml", environment);
    expect(packages.map(({ purl: url }) => url)).toEqual([
      "pkg:conda/python@3.12",
      "pkg:conda/numpy@2.0.0",
      "pkg:conda/scipy",
      "pkg:pypi/onnx@1.16.0",
    ]);
    expect(notes.map(({ at }) => at)).toEqual(["environment.yml", "scipy", "onnx"]);
  });
});

describe("what holds nothing", () => {
  const [md5, sha1] = ["c".repeat(32), "d".repeat(40)];
  const noted = (name: string, text: string): string[] =>
    read(name, text).notes.map(({ at, says }) => `${at}: ${says}`);
  const npm = (packages: object): string => JSON.stringify({ name: "x", lockfileVersion: 3, packages });

  it("is a digest by MD5 or SHA-1 alone, in any lock file", () => {
    const sha1Sri = `sha1-${Buffer.from(sha1, "hex").toString("base64")}`;
    for (const [name, text] of [
      ["requirements.txt", `a==1 --hash=md5:${md5}\n`],
      ["package-lock.json", npm({ "node_modules/a": { version: "1.0.0", integrity: sha1Sri } })],
      ["Pipfile.lock", JSON.stringify({ _meta: {}, default: { a: { version: "==1", hashes: [`sha1:${sha1}`] } } })],
      ["conda-lock.yml", `version: 1\npackage: [{ name: a, version: 1.0, manager: conda, hash: { md5: ${md5} } }]\n`],
    ] as const)
      expect(noted(name, text), name).toEqual([
        expect.stringContaining("other bytes with the same digest can be made"),
      ]);
    expect(noted("requirements.txt", `a==1 --hash=md5:${md5} --hash=sha256:${A}\n`)).toEqual([]);
  });

  it("is what npm asks for and does not lock, and a link to what the lock file does not hold", () => {
    const a = { version: "1.0.0", integrity: SRI };
    expect(noted("package-lock.json", npm({ "": { dependencies: { a: "1", zz: "2" } }, "node_modules/a": a }))).toEqual(
      [expect.stringMatching(/^zz: asked for by the project itself, and not in the lock file/)],
    );
    const needing = npm({ "": { dependencies: { a: "1" } }, "node_modules/a": { ...a, dependencies: { b: "1" } } });
    expect(noted("package-lock.json", needing)).toEqual([expect.stringMatching(/^b: asked for by node_modules\/a/)]);
    expect(noted("package-lock.json", npm({ "node_modules/b": { resolved: "../b", link: true } }))).toEqual([
      expect.stringMatching(/^node_modules\/b: a link to \.\.\/b/),
    ]);
  });

  it("is a registry where nobody checks who answers", () => {
    const line = `a==1 --hash=sha256:${A}\n`;
    for (const option of ["--extra-index-url http://mirror", "--index-url=http://mirror", "--trusted-host mirror"])
      expect(noted("requirements.txt", `${option}\n${line}`), option).toHaveLength(1);
    expect(noted("requirements.txt", `--extra-index-url https://mirror\n${line}`)).toEqual([]);
    const pipenv = (source: object): string => JSON.stringify({ _meta: { sources: [source] }, default: {} });
    expect(noted("Pipfile.lock", pipenv({ url: "https://mirror", verify_ssl: false }))).toHaveLength(1);
    expect(noted("Pipfile.lock", pipenv({ url: "https://mirror", verify_ssl: true }))).toEqual([]);
  });
});

describe("any lock file", () => {
  const samples = { npm3, npm1, requirements, pipfile, uv, poetry, pylock, condaLock, environment };

  it("is known by its content, whatever it is called", () => {
    const formats = Object.values(samples).map((text) => read("file", text).format);
    expect(formats).toEqual([
      "npm",
      "npm",
      "pip",
      "Pipfile.lock",
      "uv",
      "poetry",
      "pylock",
      "conda-lock",
      "environment.yml",
    ]);
  });

  it("is looked for under the names its tools give it, and no others", () => {
    for (const name of ["package-lock.json", "requirements-dev.txt", "pylock.gpu.toml", "gpu.conda-lock.yml"])
      expect(LOCK_NAMES.test(name), name).toBe(true);
    for (const name of ["package.json", "notes.txt", "pyproject.toml", "vauban.yaml"])
      expect(LOCK_NAMES.test(name), name).toBe(false);
  });

  it.each([
    ["JSON of something else", '{"a": 1}', "neither of npm nor of pipenv"],
    ["prose", "This is a letter, not a lock file.\nIt has two lines!", "no lock file"],
    ["broken TOML", "[[package]]\nname = ", "not TOML"],
    ["a doubled key", '{"lockfileVersion": 3, "lockfileVersion": 2}', "stands twice"],
  ])("that is %s is refused in words", (_, text, words) => {
    expect(() => read("file", text)).toThrow(words);
  });

  it.each([
    ["white space", `a${" ".repeat(2_000_000)}!`],
    ["dashes in an address", `package: [{ name: a, url: "https://x/${"-".repeat(900_000)}" }]`],
    ["brackets", `a${"[".repeat(2_000_000)}`],
    ["hashes", `a==1 ${"--hash=sha256:x ".repeat(200_000)}`],
  ])("of nothing but %s is read or refused within two seconds", (_, text) => {
    const start = process.cpuUsage();
    try {
      read("file", text);
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
    }
    expect(process.cpuUsage(start).user / 1e6).toBeLessThan(2);
  });

  it("that is broken anywhere is refused in words, or read; it never ends in another error", () => {
    const texts = Object.values(samples);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: texts.length - 1 }),
        fc.nat(),
        fc.nat(4),
        fc.constantFrom("", "{", "}", '"', "[", "\n", ": ", "\0", "null", "[[package]]", "sha256:", "\uFFFD", "- "),
        (which, place, cut, put) => {
          const text = texts[which]!;
          const at = place % text.length;
          try {
            read("file", text.slice(0, at) + put + text.slice(at + cut));
          } catch (error) {
            expect(error).toBeInstanceOf(FormatError);
          }
        },
      ),
      { numRuns: 1_000, seed: 5 },
    );
  });
});

describe("a package URL", () => {
  // Examples of the purl specification (package-url/purl-spec, PURL-TYPES).
  it.each([
    ["npm", "@angular/animation", "12.3.1", "pkg:npm/%40angular/animation@12.3.1"],
    ["pypi", "Django_allauth", "12.23", "pkg:pypi/django-allauth@12.23"],
    ["conda", "absl-py", "0.4.1", "pkg:conda/absl-py@0.4.1"],
    [
      "huggingface",
      "microsoft/deberta-v3-base",
      "559062ad13d311b87b2c455e67dcd5f1c8f65111",
      "pkg:huggingface/microsoft/deberta-v3-base@559062ad13d311b87b2c455e67dcd5f1c8f65111",
    ],
  ] as const)("of %s %s is written as the specification does", (ecosystem, name, version, expected) => {
    expect(purl(ecosystem, name, version)).toBe(expected);
  });
});
