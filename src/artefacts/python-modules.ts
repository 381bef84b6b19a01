import type { Subject } from "./check.ts";
import type { Reading } from "./python-source.ts";

/** Modules whose import is known to run nothing of a stranger's: Python's own, and those of the frameworks. */
const PYTHON =
  "abc aifc argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii bisect builtins bz2 " +
  "cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys compileall concurrent " +
  "configparser contextlib contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm decimal " +
  "difflib dis distutils doctest email encodings enum errno faulthandler fcntl filecmp fileinput fnmatch " +
  "fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac " +
  "html http imaplib imghdr imp importlib inspect io ipaddress itertools json keyword linecache locale logging " +
  "lzma mailbox mailcap marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis nntplib " +
  "nt ntpath nturl2path numbers opcode operator optparse os ossaudiodev pathlib pdb pickle pickletools pipes " +
  "pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pyexpat " +
  "queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex " +
  "shutil signal smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl " +
  "stat statistics string stringprep struct subprocess sunau symtable sys sysconfig syslog tabnanny tarfile " +
  "telnetlib tempfile termios textwrap threading time timeit token tokenize tomllib trace traceback tracemalloc " +
  "tty types typing unicodedata unittest urllib uu uuid warnings wave weakref webbrowser winreg winsound wsgiref " +
  "xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo __future__ typing_extensions";
const FRAMEWORKS =
  "torch torchvision torchaudio transformers diffusers sentence_transformers peft tokenizers onnx onnxruntime " +
  "optimum timm open_clip flax jax jaxlib numpy scipy sklearn pandas setfit accelerate datasets evaluate " +
  "huggingface_hub safetensors tensorflow keras tf_keras xgboost lightgbm catboost joblib matplotlib seaborn PIL " +
  "cv2 tqdm requests yaml einops pydantic pytest packaging sentencepiece gradio pytorch_lightning lightning " +
  "omegaconf hydra mlflow nltk spacy statsmodels plotly IPython";
const IN_PYTHON = new Set(PYTHON.split(" "));
const KNOWN = new Set([...IN_PYTHON, ...FRAMEWORKS.split(" ")]);

/** Modules that the interpreter has in itself: no file takes their place. */
const BUILT_IN = new Set([
  "builtins",
  "sys",
  "marshal",
  "time",
  "gc",
  "errno",
  "posix",
  "nt",
  "pwd",
  "atexit",
  "faulthandler",
]);

/** The first import that runs the code of a module nobody here knows: a file beside this one, or a package of any name. */
const foreignImport = (imports: readonly string[]): string | undefined =>
  imports.find((module) => !KNOWN.has(module.split(".")[0]!));

/** A package's program (PEP 338): importing it runs it as its command line would, whoever wrote the package. */
const programImport = (imports: readonly string[]): string | undefined =>
  imports.find((module) => module.split(".").slice(1).includes("__main__"));

/** What Python's finders take for a module: source, bytecode, native code for some interpreter (importlib.machinery). */
const FILE = /^([A-Za-z_]\w*)(?:\.pyw?|\.pyc|(?:\.[\w-]+)*\.(?:so|pyd))$/;
/** The module that a file of this name would be. */
export const moduleOf = (file: string): string | undefined => FILE.exec(file)?.[1];

/** What Python's finders see of a folder. */
export interface ModuleFolder {
  /** Files that are modules, by the module's name. */
  readonly modules: ReadonlyMap<string, string>;
  readonly folder: (name: string) => ModuleFolder | undefined;
}

/**
 * What an import of this name reads in one folder. A folder without `__init__` is no module itself, and gives way to a package that is installed
 * elsewhere (PEP 420): what lies in it is found under the whole name.
 */
export function moduleIn(folder: ModuleFolder, module: string): string | undefined {
  const path: string[] = [];
  let at = folder;
  for (const name of module.split(".")) {
    const inner = at.folder(name);
    if (inner?.modules.has("__init__")) return [...path, `${name}/`].join("/");
    const file = at.modules.get(name);
    if (file !== undefined) return [...path, file].join("/");
    if (!inner || IN_PYTHON.has(name)) return undefined;
    path.push(name);
    at = inner;
  }
  return undefined;
}

/** The same for an archive's members: asked for a member, it gives what that member's import would find in the archive. */
export function importableAmong(names: Iterable<string>): (from: string) => (module: string) => string | undefined {
  interface Folder extends ModuleFolder {
    readonly modules: Map<string, string>;
    readonly folders: Map<string, Folder>;
  }
  const made = (): Folder => {
    const folders = new Map<string, Folder>();
    return { modules: new Map(), folders, folder: (name) => folders.get(name) };
  };
  const root = made();
  let some = false;
  for (const name of names) {
    const parts = name.split("/");
    const module = moduleOf(parts.pop()!);
    if (module === undefined) continue;
    some = true;
    let folder = root;
    for (const part of parts.slice(0, NESTED_MAX)) {
      const inner = folder.folders.get(part) ?? made();
      folder.folders.set(part, inner);
      folder = inner;
    }
    folder.modules.set(module, name.slice(name.lastIndexOf("/") + 1));
  }
  return (from) => {
    if (!some) return () => undefined;
    const parts = from.split("/").slice(0, -1).slice(0, NESTED_MAX);
    const around = [root];
    for (const part of parts) {
      const inner = around.at(-1)!.folder(part) as Folder | undefined;
      if (!inner) break;
      around.push(inner);
    }
    return (module) => {
      for (let depth = around.length - 1; depth >= 0; depth--) {
        const found = moduleIn(around[depth]!, module);
        const place = [...parts.slice(0, depth), found].join("/");
        if (found !== undefined && place !== from) return place;
      }
      return undefined;
    };
  };
}
/** Folders within folders that are looked through; no import has as many dots. */
const NESTED_MAX = 64;

/** Of what is found beside a file, so much is named. */
const NAMED_MAX = 20;
const listed = (names: readonly string[]): string =>
  names.slice(0, NAMED_MAX).join(", ") + (names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : "");

/**
 * The modules of these that files beside this one take the place of, as Python looks in a program's own folder first: all of them, so that
 * one more is another finding.
 */
export function shadowed(
  modules: Iterable<string>,
  { ports, surroundings, path }: Pick<Subject, "ports" | "surroundings" | "path">,
): { readonly module: string; readonly by: string } | undefined {
  if (!surroundings.importable && !ports.importable) return undefined;
  const own = path
    .split("/")
    .at(-1)!
    .replace(/\.\w+$/, "");
  const taken = new Map<string, string>();
  for (const name of new Set(modules)) {
    const module = name.split(".")[0]!;
    if (module === "" || module === "__torch__" || BUILT_IN.has(module) || module === own) continue;
    const by = surroundings.importable?.(name) ?? ports.importable?.(name);
    if (by !== undefined) taken.set(by, module);
  }
  if (taken.size === 0) return undefined;
  return { module: listed([...new Set(taken.values())]), by: listed([...taken.keys()]) };
}

/** What imports of a program leave open: code of modules that nobody here knows, or that a file takes the place of. */
export function importFinding(
  { imports, imported }: Pick<Reading, "imports" | "imported">,
  subject: Pick<Subject, "ports" | "surroundings" | "path">,
): string | undefined {
  const taken = shadowed(imports, subject);
  if (taken)
    return `imports ${taken.module}, and ${taken.by} lies where Python looks first: that file's code runs instead`;
  const foreign = foreignImport(imports);
  if (foreign !== undefined)
    return `imports ${foreign}, whose code then runs: a file beside it, or a package that is not judged here`;
  const program = programImport(imports);
  if (program !== undefined) return `imports ${program}, which is a program: importing it runs what that does`;
  // `from os import system as __getattr__`: Python itself calls what has such a name.
  const special = imported.find((name) => /^__\w+__$/.test(name));
  return special === undefined ? undefined : `imports something as ${special}, a name that Python itself looks up`;
}
