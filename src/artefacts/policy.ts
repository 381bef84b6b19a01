/**
 * What a pickle may import and call: policy as data. Three tables – what known frameworks need and how they use it, what
 * does harm and why, and what calls or finds something else (judged by what it reaches). Whatever stands in none of them
 * is unknown: named, it makes a file unknown; called, it makes it suspicious.
 */

/**
 * How a global is used, each including the ones before: named; made into an object without running its `__init__`
 * (NEWOBJ, copyreg); called with arguments.
 */
export type Use = "refer" | "new" | "call";

/** What a callable does with its arguments, where it matters which they are. */
export type Effect =
  /** getattr(object, name): gives what the name reaches. */
  | "attribute"
  /** operator.attrgetter(name…): what it is called with is reached into. */
  | "attribute-getter"
  /** operator.methodcaller(name, …). */
  | "method-caller"
  /** functools.partial(function, …): calls the function when called. */
  | "partial"
  /** Imports the module it is given the name of. */
  | "import"
  /** f("module", "name"): imports, and gives what the name reaches. */
  | "import-attribute"
  /** f("module:name"), f("module.name"): the same in one text. */
  | "resolve-name"
  /** Calls its first argument with what follows. */
  | "calls-first"
  /** Calls its first argument, a function that rebuilds tensors, and gives the result its last as state. */
  | "rebuilds"
  /** Makes an object of the class in its first argument. */
  | "makes-first"
  /** Keeps its first argument, and calls it later. */
  | "keeps-callable"
  /** Reads the bytes it is given as a pickle or archive, at once. */
  | "unpickles"
  /** Encodes or decodes with the codec it is given the name of. */
  | "codec";

const RANK: Readonly<Record<Use, number>> = { refer: 0, new: 1, call: 2 };
export const covers = (allowed: Use, needed: Use): boolean => RANK[allowed] >= RANK[needed];

interface Row {
  readonly of: string;
  /** `module`, or `package.*` for a package and everything below. */
  readonly in: string;
  /** Further bounds the modules of a package. */
  readonly module?: RegExp;
  readonly call?: string | RegExp;
  readonly new?: string | RegExp;
  readonly refer?: string | RegExp;
  readonly effect?: Effect;
}

const CLASS = /^_?[A-Z]\w*$/;
const CYTHON = /^__pyx_unpickle_\w+$/;

/** What frameworks write into pickles of models and data. Names are exact, or patterns of names without dots. */
export const ALLOWED: readonly Row[] = [
  // The language: values, containers, and how pickle itself rebuilds objects.
  {
    of: "python",
    in: "builtins",
    call: "object set frozenset bytearray bytes complex list dict tuple int float str bool slice range",
    refer:
      "type object property staticmethod classmethod Ellipsis NotImplemented len sum min max abs round any all sorted zip enumerate reversed hash repr ord chr",
  },
  { of: "python", in: "builtins", call: /^[A-Z][A-Za-z]*(Error|Exception|Warning|Iteration|Interrupt|Exit)$/ },
  { of: "python", in: "builtins", call: "getattr", effect: "attribute" },
  { of: "python", in: "collections", call: "OrderedDict Counter deque", new: "UserDict UserList UserString ChainMap" },
  { of: "python", in: "collections", call: "defaultdict", effect: "keeps-callable" },
  { of: "python", in: "collections.abc", refer: CLASS },
  { of: "python", in: "typing", refer: CLASS },
  { of: "python", in: "copyreg", call: "_reconstructor __newobj__ __newobj_ex__", effect: "makes-first" },
  { of: "python", in: "_codecs", call: "encode", effect: "codec" },
  { of: "python", in: "codecs", call: "encode", effect: "codec" },
  { of: "python", in: "functools", call: "partial", effect: "partial" },
  { of: "python", in: "operator", call: "itemgetter" },
  { of: "python", in: "_operator", call: "itemgetter" },
  ...["operator", "_operator"].flatMap((module): Row[] => [
    { of: "python", in: module, call: "attrgetter", effect: "attribute-getter" },
    { of: "python", in: module, call: "methodcaller", effect: "method-caller" },
    { of: "python", in: module, refer: "add sub mul truediv floordiv neg lt le eq ne gt ge and_ or_ not_" },
  ]),
  { of: "python", in: "datetime", call: "date datetime time timedelta timezone" },
  { of: "python", in: "decimal", call: "Decimal" },
  { of: "python", in: "fractions", call: "Fraction" },
  { of: "python", in: "uuid", new: "UUID", refer: "SafeUUID" },
  { of: "python", in: "pathlib", call: "PosixPath WindowsPath PurePosixPath PureWindowsPath Path PurePath" },
  { of: "python", in: "pathlib._local", call: "PosixPath WindowsPath PurePosixPath PureWindowsPath Path PurePath" },
  { of: "python", in: "re", call: "_compile" },
  { of: "python", in: "array", call: "_array_reconstructor array" },
  { of: "python", in: "random", call: "Random" },
  { of: "python", in: "argparse", new: "Namespace" },
  { of: "python", in: "types", call: "SimpleNamespace" },
  { of: "python", in: "zoneinfo", call: "ZoneInfo._unpickle" },
  { of: "python", in: "_io", call: "BytesIO StringIO" },
  { of: "python", in: "io", call: "BytesIO StringIO" },
  { of: "python", in: "math", refer: /^[a-z0-9]+$/ },

  // NumPy.
  { of: "numpy", in: "numpy", call: "dtype", new: "ndarray vectorize" },
  { of: "numpy", in: "numpy", refer: /^[a-z]\w*$/ },
  ...["numpy.core.multiarray", "numpy._core.multiarray"].flatMap((module): Row[] => [
    { of: "numpy", in: module, call: "_reconstruct", effect: "makes-first" },
    { of: "numpy", in: module, call: "scalar" },
  ]),
  ...["numpy.core", "numpy._core"].flatMap((core): Row[] => [
    { of: "numpy", in: `${core}.numeric`, call: "_frombuffer" },
    { of: "numpy", in: `${core}.records`, new: "recarray", refer: "record" },
    { of: "numpy", in: core, call: "_ufunc_reconstruct", effect: "import-attribute" },
    { of: "numpy", in: `${core}._multiarray_umath`, refer: /^[a-z]\w*$/ },
    { of: "numpy", in: `${core}._internal`, call: "_convert_to_stringdtype_kwargs" },
  ]),
  { of: "numpy", in: "numpy.ma.core", call: "_mareconstruct", refer: "MaskedArray" },
  { of: "numpy", in: "numpy.matrixlib.defmatrix", refer: "matrix" },
  { of: "numpy", in: "numpy.random._pickle", call: "__randomstate_ctor __generator_ctor __bit_generator_ctor" },
  { of: "numpy", in: "numpy.random.*", refer: CLASS },
  { of: "numpy", in: "numpy.random.bit_generator", call: CYTHON },
  { of: "numpy", in: "numpy.random.*", call: CYTHON },
  { of: "numpy", in: "numpy.dtypes", call: /^\w+DType$/ },
  { of: "numpy", in: "numpy.polynomial.*", new: CLASS },

  // SciPy and scikit-learn: estimators are made empty and given their attributes.
  { of: "scipy", in: "scipy.sparse.*", new: /^(cs[rc]|coo|bsr|dia|dok|lil)_(matrix|array)$/ },
  ...["interpolate", "spatial", "optimize", "signal", "stats"].map((part): Row => ({
    of: "scipy",
    in: `scipy.${part}.*`,
    call: CYTHON,
    new: CLASS,
  })),
  { of: "scipy", in: "scipy.stats.*", new: /^rv_\w+$/ },
  // Vectorised methods of discrete distributions are kept as bound methods, by getattr.
  { of: "scipy", in: "scipy.stats.*", refer: /^\w+_gen\._\w+$/ },
  { of: "scipy", in: "scipy.stats._continuous_distns", call: /^\w+_gen$/ },
  { of: "scipy", in: "scipy.stats._discrete_distns", call: /^\w+_gen$/ },
  { of: "scipy", in: "scipy.spatial.*", new: "cKDTree" },
  { of: "scipy", in: "scipy.special.*", refer: /^[a-z]\w*$/ },
  { of: "scipy", in: "scipy.optimize.*", refer: /^[a-z]\w*$/ },
  { of: "scikit-learn", in: "sklearn.*", call: CYTHON, new: CLASS },
  // Functions that estimators keep: scores, distances, transformations. Elsewhere in the package there are some that run programs.
  {
    of: "scikit-learn",
    in: "sklearn.*",
    module:
      /^sklearn\.(metrics|feature_selection|feature_extraction|preprocessing|gaussian_process|neighbors|linear_model|base|decomposition|cluster|utils\.(extmath|validation|_array_api))(\.|$)/,
    refer: /^[a-z_]\w*$/,
  },
  { of: "scikit-learn", in: "sklearn.tree._tree", call: "Tree" },
  { of: "scikit-learn", in: "sklearn.tree.tree", call: "Tree" },
  { of: "scikit-learn", in: "sklearn.neighbors.*", call: "newObj", effect: "makes-first" },
  { of: "scikit-learn", in: "sklearn.metrics._dist_metrics", call: "newObj", effect: "makes-first" },
  { of: "scikit-learn", in: "sklearn._loss._loss", call: /^Cy[A-Z]\w*$/ },
  { of: "scikit-learn", in: "sklearn.linear_model._sgd_fast", call: CLASS },
  { of: "scikit-learn", in: "sklearn.ensemble._hist_gradient_boosting.*", call: "TreePredictor" },
  { of: "imbalanced-learn", in: "imblearn.*", new: CLASS },
  { of: "joblib", in: "joblib.numpy_pickle", new: "NumpyArrayWrapper" },
  { of: "joblib", in: "joblib.numpy_pickle_compat", new: "NDArrayWrapper ZNDArrayWrapper" },
  {
    of: "joblib",
    in: "sklearn.externals.joblib.numpy_pickle",
    new: "NumpyArrayWrapper NDArrayWrapper ZNDArrayWrapper",
  },

  // pandas.
  { of: "pandas", in: "pandas.core.*", new: CLASS },
  { of: "pandas", in: "pandas.core.indexes.base", call: "_new_Index", effect: "makes-first" },
  { of: "pandas", in: "pandas.core.indexes.datetimes", call: "_new_DatetimeIndex", effect: "makes-first" },
  { of: "pandas", in: "pandas.core.internals.blocks", call: "new_block" },
  { of: "pandas", in: "pandas.core.internals.managers", call: "BlockManager SingleBlockManager" },
  { of: "pandas", in: "pandas.core.dtypes.dtypes", call: CLASS },
  { of: "pandas", in: "pandas.core.arrays.*", call: CLASS },
  { of: "pandas", in: "pandas._libs.internals", call: "_unpickle_block BlockManager" },
  { of: "pandas", in: "pandas._libs.arrays", call: CYTHON },
  {
    of: "pandas",
    in: "pandas._libs.tslibs.*",
    call: /^(_unpickle_timestamp|_timedelta_unpickle|_nat_unpickle|Timestamp|Timedelta|Period|_period_unpickle)$/,
  },
  { of: "pandas", in: "pandas._libs.tslibs.*", call: CYTHON, new: CLASS },

  // PyTorch: tensors are rebuilt from storages; whole modules are made empty and given their attributes.
  {
    of: "torch",
    in: "torch._utils",
    call: "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter _rebuild_parameter_with_state _rebuild_sparse_tensor _rebuild_sparse_csr_tensor _rebuild_qtensor _rebuild_meta_tensor_no_storage _rebuild_device_tensor_from_numpy _rebuild_nested_tensor _rebuild_xla_tensor",
  },
  { of: "torch", in: "torch._tensor", call: "_rebuild_from_type_v2", effect: "rebuilds", refer: "Tensor" },
  {
    of: "torch",
    in: "torch",
    call: "Size device Generator",
    refer:
      /^([A-Z]\w*(Storage|Tensor)|Tensor|dtype|layout|memory_format|[a-z]+\d*|per_\w+|\w+_(format|strided)|q?u?int\w+|complex\w+|strided|contiguous_format)$/,
  },
  {
    of: "torch",
    in: "torch.storage",
    call: "_load_from_bytes",
    effect: "unpickles",
    new: "UntypedStorage TypedStorage _UntypedStorage _TypedStorage",
  },
  { of: "torch", in: "torch.storage", new: "UntypedStorage TypedStorage _UntypedStorage _TypedStorage" },
  { of: "torch", in: "torch.cuda", refer: /^[A-Z]\w*(Storage|Tensor)$/ },
  { of: "torch", in: "torch.nn.parameter", new: "Parameter UninitializedParameter Buffer" },
  { of: "torch", in: "torch.nn", refer: CLASS },
  { of: "torch", in: "torch.nn.modules.*", new: CLASS },
  { of: "torch", in: "torch.nn.functional", refer: /^[a-z]\w*$/ },
  { of: "torch", in: "torch._C._nn", refer: /^[a-z]\w*$/ },
  { of: "torch", in: "torch.optim.*", new: CLASS },
  { of: "torch", in: "torch.serialization", call: "_get_layout" },
  {
    of: "torch",
    in: "torch.jit._pickle",
    call: "build_intlist build_doublelist build_boollist build_tensorlist build_tensor_from_id restore_type_tag",
  },
  { of: "torch", in: "torch.torch_version", new: "TorchVersion" },
  { of: "torch", in: "torch.ao.nn.*", new: CLASS },
  { of: "torch", in: "torch.distributions.*", new: CLASS },
  { of: "torchvision", in: "torchvision.models.*", new: CLASS },
  { of: "torchvision", in: "torchvision.ops.*", new: CLASS },
  { of: "torchvision", in: "torchvision.transforms.*", new: CLASS },
  { of: "timm", in: "timm.models.*", new: CLASS },
  { of: "timm", in: "timm.layers.*", new: CLASS },
  ...["pytorch_lightning", "lightning.pytorch"].flatMap((lightning): Row[] => [
    { of: "lightning", in: `${lightning}.callbacks.*`, new: CLASS },
    { of: "lightning", in: `${lightning}.utilities.parsing`, new: "AttributeDict" },
    { of: "lightning", in: `${lightning}.trainer.states`, new: CLASS },
  ]),
  { of: "lightning", in: "lightning_fabric.utilities.data", new: "AttributeDict" },
  { of: "lightning", in: "lightning.fabric.utilities.data", new: "AttributeDict" },
  ...["dictconfig", "listconfig", "base", "nodes"].map((module): Row => ({
    of: "omegaconf",
    in: `omegaconf.${module}`,
    new: CLASS,
  })),
  {
    of: "transformers",
    in: "transformers.trainer_utils",
    call: "IntervalStrategy SchedulerType HubStrategy EvaluationStrategy SaveStrategy FSDPOption",
    new: CLASS,
  },
  ...[
    "training_args",
    "training_args_seq2seq",
    "trainer_callback",
    "trainer_pt_utils",
    "configuration_utils",
    "modeling_outputs",
    "utils.generic",
  ].map((module): Row => ({ of: "transformers", in: `transformers.${module}`, new: CLASS })),
  { of: "transformers", in: "transformers.training_args", call: "OptimizerNames" },
  { of: "transformers", in: "transformers.generation.*", new: CLASS },
  { of: "transformers", in: "transformers.models.*", module: /\.(configuration|modeling)_\w+$/, new: CLASS },
  { of: "transformers", in: "transformers.activations", new: CLASS },
  { of: "transformers", in: "transformers.pytorch_utils", new: CLASS },
  { of: "transformers", in: "accelerate.state", new: CLASS },
  { of: "transformers", in: "accelerate.utils.dataclasses", call: "DistributedType", new: CLASS },

  // Boosted trees.
  { of: "xgboost", in: "xgboost.*", new: CLASS },
  { of: "lightgbm", in: "lightgbm.*", new: CLASS },
  { of: "catboost", in: "catboost.*", new: CLASS },
];

/** What harm a global does; the module and everything below it where no names are given. */
interface Harm {
  readonly does: string;
  readonly in: string;
  readonly names?: string;
}

const RUNS_COMMANDS = "runs programs or changes the operating system's state";
const RUNS_CODE = "runs Python code from text, bytes or a file";
const LOADS_CODE = "imports or loads code by name";
const REACHES_OUT = "opens network connections";
const TOUCHES_FILES = "reads or writes files";
const UNPICKLES = "loads another pickle or marshalled code";
const ALTERS = "changes or inspects the running interpreter";
const NATIVE = "calls native code or raw memory";
const STARTS = "starts threads or processes that run a given function";
const SETTLES = "ends or blocks the process";

export const HARMFUL: readonly Harm[] = [
  ...[
    "os",
    "posix",
    "nt",
    "subprocess",
    "_posixsubprocess",
    "_winapi",
    "pty",
    "commands",
    "popen2",
    "_osx_support",
    "_aix_support",
    "_pyrepl",
    "pexpect",
    "sh",
    "plumbum",
    "fabric",
    "invoke",
    "paramiko",
    "winreg",
    "signal",
    "resource",
    "psutil",
    "docker",
    "webbrowser",
    "antigravity",
    "nturl2path",
    "setuptools",
    "distutils",
    "pip",
    "_distutils_hack",
    "ensurepip",
    "venv",
    "virtualenv",
    "numpy.distutils",
    "torch.utils.cpp_extension",
    "torch.utils.collect_env",
    "torch._inductor",
    "torch.distributed",
    "torch.multiprocessing",
  ].map((module): Harm => ({ does: RUNS_COMMANDS, in: module })),
  { does: RUNS_COMMANDS, in: "platform", names: "popen _syscmd_ver _syscmd_file" },
  {
    does: RUNS_COMMANDS,
    in: "uuid",
    names: "_get_command_stdout _popen _ifconfig_getnode _arp_getnode _lanscan_getnode _netstat_getnode",
  },
  { does: RUNS_COMMANDS, in: "ctypes.util" },
  { does: RUNS_CODE, in: "builtins", names: "eval exec compile execfile apply breakpoint help input raw_input" },
  { does: LOADS_CODE, in: "builtins", names: "__import__ __build_class__ __loader__ reload" },
  { does: TOUCHES_FILES, in: "builtins", names: "open file" },
  {
    does: ALTERS,
    in: "builtins",
    names: "setattr delattr globals locals vars dir memoryview copyright credits license",
  },
  { does: SETTLES, in: "builtins", names: "exit quit" },
  ...[
    "code",
    "codeop",
    "pdb",
    "bdb",
    "profile",
    "cProfile",
    "_lsprof",
    "trace",
    "timeit",
    "doctest",
    "pydoc",
    "idlelib",
    "lib2to3",
    "test",
    "unittest",
    "tkinter",
    "turtledemo",
    "cgitb",
    "IPython",
    "ipykernel",
    "jinja2",
    "mako",
    "numpy.f2py",
    "numpy.testing",
    "torch._dynamo",
    "torch.fx",
    "torch.package",
    "torch.utils.bottleneck",
    "torch.utils._config_module",
    "torch.jit.unsupported_tensor_ops",
    "torch.testing",
    "pandas.core.computation",
    "pandas.eval",
    "sympy",
    "py_compile",
    "compileall",
    "cffi",
    "numba",
    "numexpr",
    "execnet",
    "pytest",
    "_pytest",
    "nose",
  ].map((module): Harm => ({ does: RUNS_CODE, in: module })),
  { does: RUNS_CODE, in: "types", names: "CodeType FunctionType LambdaType coroutine" },
  { does: RUNS_CODE, in: "dataclasses", names: "_create_fn make_dataclass" },
  { does: RUNS_CODE, in: "collections", names: "namedtuple _sys" },
  { does: RUNS_CODE, in: "typing", names: "get_type_hints ForwardRef ForwardRef._evaluate _eval_type" },
  { does: RUNS_CODE, in: "logging.config" },
  ...[
    "importlib",
    "imp",
    "_imp",
    "_frozen_importlib",
    "_frozen_importlib_external",
    "pkgutil",
    "runpy",
    "zipimport",
    "zipapp",
    "site",
    "modulefinder",
    "torch.hub",
    "torch.ops",
    "torch.classes",
    "pkg_resources",
  ].map((module): Harm => ({ does: LOADS_CODE, in: module })),
  ...[
    "socket",
    "_socket",
    "ssl",
    "_ssl",
    "http",
    "urllib.request",
    "urllib2",
    "urllib3",
    "requests",
    "httpx",
    "aiohttp",
    "ftplib",
    "smtplib",
    "telnetlib",
    "poplib",
    "imaplib",
    "nntplib",
    "xmlrpc",
    "socketserver",
    "asyncio",
    "asyncore",
    "asynchat",
    "select",
    "selectors",
    "wsgiref",
    "twisted",
    "websocket",
    "websockets",
    "zmq",
    "boto3",
    "botocore",
    "pycurl",
    "huggingface_hub",
    "smbclient",
  ].map((module): Harm => ({ does: REACHES_OUT, in: module })),
  ...[
    "shutil",
    "_io",
    "tempfile",
    "fileinput",
    "linecache",
    "glob",
    "tarfile",
    "zipfile",
    "mmap",
    "sqlite3",
    "dbm",
    "mailbox",
    "netrc",
    "filecmp",
    "fcntl",
  ].map((module): Harm => ({ does: TOUCHES_FILES, in: module })),
  { does: TOUCHES_FILES, in: "io", names: "open open_code FileIO OpenWrapper" },
  { does: TOUCHES_FILES, in: "codecs", names: "open EncodedFile" },
  { does: TOUCHES_FILES, in: "gzip" },
  { does: TOUCHES_FILES, in: "bz2" },
  { does: TOUCHES_FILES, in: "lzma" },
  { does: TOUCHES_FILES, in: "logging", names: "FileHandler basicConfig" },
  { does: TOUCHES_FILES, in: "logging.handlers" },
  { does: TOUCHES_FILES, in: "numpy", names: "fromfile save savez savetxt loadtxt genfromtxt memmap DataSource" },
  ...[
    "pickle",
    "_pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "marshal",
    "shelve",
    "jsonpickle",
    "torch.load",
    "torch.serialization.load",
    "torch.serialization._load",
    "torch.serialization._legacy_load",
    "torch.jit.load",
    "torch.jit._serialization",
    "torch.utils.data.datapipes",
    "numpy.load",
    "numpy.lib.npyio",
    "numpy.lib._npyio_impl",
    "pandas.read_pickle",
    "pandas.io",
    "joblib.load",
    "joblib.numpy_pickle.load",
    "joblib.numpy_pickle_utils",
    "sklearn.externals.joblib.load",
    "yaml",
    "ruamel",
    "keras",
    "tensorflow",
    "tf_keras",
  ].map((module): Harm => ({ does: UNPICKLES, in: module })),
  ...[
    "sys",
    "gc",
    "inspect",
    "faulthandler",
    "tracemalloc",
    "sysconfig",
    "atexit",
    "weakref.finalize",
    "readline",
    "rlcompleter",
    "ast",
    "dis",
    "opcode",
    "symtable",
    "_testcapi",
    "_testinternalcapi",
    "warnings._setoption",
  ].map((module): Harm => ({ does: ALTERS, in: module })),
  ...["ctypes", "_ctypes", "numpy.ctypeslib", "_cffi_backend", "_rawffi"].map((module): Harm => ({
    does: NATIVE,
    in: module,
  })),
  ...[
    "multiprocessing",
    "_multiprocessing",
    "concurrent",
    "threading",
    "_thread",
    "sched",
    "joblib.parallel",
    "joblib.externals",
  ].map((module): Harm => ({ does: STARTS, in: module })),
];

/** Callables that reach something else, and are judged by what; none of them is needed by a framework. */
export const REACHING: Readonly<Record<string, Effect>> = {
  "builtins.__import__": "import",
  "importlib.import_module": "import",
  "importlib.__import__": "import",
  "cloudpickle.cloudpickle.subimport": "import",
  "pydoc.locate": "resolve-name",
  "pydoc.safeimport": "import",
  "pkgutil.resolve_name": "resolve-name",
  "builtins.map": "calls-first",
  "builtins.filter": "calls-first",
  "builtins.apply": "calls-first",
  "builtins.iter": "calls-first",
  "functools.reduce": "calls-first",
  "itertools.starmap": "calls-first",
  "itertools.accumulate": "calls-first",
  "operator.call": "calls-first",
  "_operator.call": "calls-first",
  "types.MethodType": "keeps-callable",
  "pickle.loads": "unpickles",
  "_pickle.loads": "unpickles",
  "dill.loads": "unpickles",
};

/**
 * Attributes that a class's `__setstate__` runs as code, and what they hold when the library wrote them. Without the
 * attribute the state is as harmless as any.
 */
export const RUN_FROM_STATE: readonly {
  /** Classes of this package. */
  readonly in: string;
  readonly attribute: string;
  readonly written: RegExp;
  readonly does: string;
}[] = [
  {
    // rv_generic._attach_argparser_methods executes the template (scipy/stats/_distn_infrastructure.py).
    in: "scipy.stats.",
    attribute: "_parse_arg_template",
    written:
      /^\s*def _parse_args\(self,[\w\s,=.]*\):\s+return \([\w\s,]*\),[\w\s,]*\s+def _parse_args_rvs\(self,[\w\s,=.]*\):\s+return self\._argcheck_rvs\([\w\s,=]*\)\s+def _parse_args_stats\(self,[\w\s,=.']*\):\s+return \([\w\s,]*\),[\w\s,]*$/,
    does: "runs it as Python",
  },
  // Joblib's old wrappers open the file of that name beside the pickle, and load pickles in it.
  ...["joblib.numpy_pickle_compat.", "sklearn.externals.joblib.numpy_pickle."].flatMap((module) =>
    ["NDArrayWrapper", "ZNDArrayWrapper"].map((name) => ({
      in: `${module}${name}`,
      attribute: "filename",
      written: /^(?!\.)[\w.-]+$/,
      does: "opens it as a file",
    })),
  ),
];

/** Attributes through which any object leads to everything else. */
const INNARDS =
  /^__(globals|builtins|class|bases|base|mro|subclasses|code|closure|dict|getattribute|getattr|setattr|import|loader|spec|init|reduce|reduce_ex|call|self|func|wrapped|module|init_subclass|class_getitem)__$/;

/** Codecs that only change how text is written. */
export const TEXT_CODECS: ReadonlySet<string> = new Set([
  "latin1",
  "latin-1",
  "latin_1",
  "iso-8859-1",
  "utf-8",
  "utf8",
  "ascii",
  "utf-16",
  "utf-32",
  "raw_unicode_escape",
]);

export type Standing =
  | { readonly is: "harmful"; readonly does: string; readonly effect: Effect | undefined }
  | { readonly is: "allowed"; readonly use: Use; readonly of: string; readonly effect: Effect | undefined }
  | { readonly is: "unknown"; readonly effect: Effect | undefined };

const matches = (names: string | RegExp | undefined, name: string): boolean =>
  names !== undefined && (typeof names === "string" ? names.split(" ").includes(name) : names.test(name));

const ROWS_BY_MODULE = new Map<string, Row[]>();
for (const row of ALLOWED) ROWS_BY_MODULE.set(row.in, [...(ROWS_BY_MODULE.get(row.in) ?? []), row]);
const HARMS_BY_MODULE = new Map<string, Harm[]>();
for (const harm of HARMFUL) HARMS_BY_MODULE.set(harm.in, [...(HARMS_BY_MODULE.get(harm.in) ?? []), harm]);
const known = new Map<string, Standing>();
const KNOWN_MAX = 10_000;

/** Every prefix of a dotted path, longest first. */
function* prefixes(path: string): Iterable<string> {
  for (let end = path.length; end > 0; end = path.lastIndexOf(".", end - 1)) yield path.slice(0, end);
}

/** What stands in the tables about `module` and the (possibly dotted) `name` in it, both as Python 3 calls them. */
export function standingOf(module: string, name: string): Standing {
  const key = `${module}\n${name}`;
  const before = known.get(key);
  if (before) return before;
  const found = lookUp(module, name);
  if (known.size < KNOWN_MAX) known.set(key, found);
  return found;
}

function lookUp(module: string, name: string): Standing {
  const path = `${module}.${name}`;
  const effect = REACHING[path];
  const does = harmOf(module, name) ?? harmOnTheWay(name);
  const allowed = allowedAs(module, name);
  // An exact name that a framework needs stands above a harmful package it lies in; a pattern does not.
  if (does !== undefined && !(allowed && allowed.exact)) return { is: "harmful", does, effect };
  if (allowed) return { is: "allowed", use: allowed.use, of: allowed.of, effect: allowed.effect };
  return { is: "unknown", effect };
}

function harmOf(module: string, name: string): string | undefined {
  const path = `${module}.${name}`;
  for (const prefix of prefixes(path))
    for (const harm of HARMS_BY_MODULE.get(prefix) ?? []) {
      if (harm.names === undefined) return harm.does;
      const rest = path.slice(prefix.length + 1);
      if (harm.names.split(" ").some((bad) => rest === bad || rest.startsWith(`${bad}.`))) return harm.does;
    }
  return undefined;
}

/** `os.system` as a dotted name in a harmless module: modules hold the modules they import. */
function harmOnTheWay(name: string): string | undefined {
  const steps = name.split(".");
  if (steps.some((step) => INNARDS.test(step))) return ALTERS;
  if (steps.length === 1) return undefined;
  for (let i = 0; i + 1 < steps.length; i++) {
    const does = harmOf(steps[i]!, steps.slice(i + 1).join("."));
    if (does !== undefined) return does;
  }
  return undefined;
}

function allowedAs(
  module: string,
  name: string,
): { use: Use; of: string; effect: Effect | undefined; exact: boolean } | undefined {
  let best: { use: Use; of: string; effect: Effect | undefined; exact: boolean } | undefined;
  const consider = (row: Row): void => {
    if (row.module && !row.module.test(module)) return;
    for (const use of ["call", "new", "refer"] as const)
      if (matches(row[use], name)) {
        const effect = use === "call" ? row.effect : undefined;
        const exact = typeof row[use] === "string";
        if (!best || RANK[use] > RANK[best.use] || (use === best.use && effect && !best.effect))
          best = { use, of: row.of, effect, exact };
        return;
      }
  };
  ROWS_BY_MODULE.get(module)?.forEach(consider);
  for (const prefix of prefixes(module)) ROWS_BY_MODULE.get(`${prefix}.*`)?.forEach(consider);
  return best;
}
