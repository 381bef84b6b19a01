/**
 * What a pickle may import and call: policy as data. Three tables – what known frameworks need and how they use it, what
 * does harm and why, and what calls or finds something else (judged by what it reaches). Whatever stands in none of them
 * is unknown: named, it makes a file unknown; called, it makes it suspicious.
 */

/**
 * How a global is used, each including the ones before: named; made into an object out of nothing (NEWOBJ without
 * arguments, NumPy's _reconstruct), or of arguments without running its `__init__` (NEWOBJ, copyreg); called with arguments.
 */
export type Use = "refer" | "empty" | "new" | "call";

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
  /** type(object): gives the class of what it is given, through which everything is reached. */
  | "type-of"
  /** iter(items): asks for items; iter(function, end) calls the function. */
  | "iterates"
  /** Reads the bytes it is given as a pickle or archive, at once. */
  | "unpickles"
  /** Encodes or decodes with the codec it is given the name of. */
  | "codec";

const RANK: Readonly<Record<Use, number>> = { refer: 0, empty: 1, new: 2, call: 3 };
export const covers = (allowed: Use, needed: Use): boolean => RANK[allowed] >= RANK[needed];

interface Row {
  readonly of: string;
  /** `module`, or `package.*` for a package and everything below. */
  readonly in: string;
  /** Further bounds the modules of a package. */
  readonly module?: RegExp;
  readonly call?: string | RegExp;
  readonly new?: string | RegExp;
  readonly empty?: string | RegExp;
  /** What frameworks bind arguments to (functools.partial), to be called once somebody uses the object; not while loading. */
  readonly keep?: string;
  readonly refer?: string | RegExp;
  readonly effect?: Effect;
}

const CLASS = /^_?[A-Z]\w*$/;
/**
 * Names of classes that frameworks' modules import for themselves: of Python's library, joblib's and others'. A module of
 * estimators holds them as well, but no pickler finds a class there: it names the module the class was written in.
 */
const IMPORTED: ReadonlySet<string> = new Set(
  [
    "ABC ABCMeta Any Callable ClassVar Collection Container Dict Enum EnumMeta Final Flag Generator Generic GenericAlias Hashable IntEnum Integral Iterable Iterator List Literal Mapping MutableMapping NamedTuple Number Optional Protocol Rational Real Reversible Sequence Set Sized SupportsFloat SupportsInt Text Tuple Type TypeVar TypedDict Union",
    "ArgumentParser RawTextHelpFormatter BytesIO StringIO BufferedReader TextIOWrapper FileIO Path PurePath PosixPath WindowsPath GzipFile BZ2File LZMAFile ZipFile TarFile TemporaryDirectory NamedTemporaryFile TemporaryFile SpooledTemporaryFile",
    "HTTPError URLError Request HTTPConnection HTTPSConnection Popen Process Pool Queue Lock RLock Event Thread Condition Semaphore Barrier Future ThreadPool ThreadPoolExecutor ProcessPoolExecutor Executor",
    "FunctionType LambdaType CodeType MethodType ModuleType MethodDescriptorType MethodWrapperType WrapperDescriptorType SimpleNamespace Signature Template Formatter Logger Handler Random SkipTest TestCase ModuleSpec",
    "Memory MemorizedFunc MemorizedResult Parallel LowLevelCallable LinearOperator SuperLU DataSource",
  ].flatMap((names) => names.split(" ")),
);
const CYTHON = /^__pyx_unpickle_\w+$/;

/** What frameworks write into pickles of models and data. Names are exact, or patterns of names without dots. */
export const ALLOWED: readonly Row[] = [
  // The language: values, containers, and how pickle itself rebuilds objects.
  {
    of: "python",
    in: "builtins",
    call: "object set frozenset bytearray bytes complex list dict tuple int float str bool slice range",
    keep: "round abs len",
    refer:
      "type object property staticmethod classmethod Ellipsis NotImplemented len sum min max abs round any all sorted zip enumerate reversed hash repr ord chr",
  },
  { of: "python", in: "builtins", call: /^[A-Z][A-Za-z]*(Error|Exception|Warning|Iteration|Interrupt|Exit)$/ },
  { of: "python", in: "builtins", call: "getattr", effect: "attribute" },
  { of: "python", in: "builtins", call: "type", effect: "type-of" },
  { of: "python", in: "builtins", call: "iter", effect: "iterates" },
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
  { of: "python", in: "itertools", call: "count" },
  // These parse numbers, text and bytes, and ask any other object for its text.
  {
    of: "python",
    in: "ipaddress",
    call: "IPv4Address IPv6Address IPv4Network IPv6Network IPv4Interface IPv6Interface",
  },
  // Named tuples in C, made of a sequence and a dictionary (Objects/structseq.c).
  { of: "python", in: "time", call: "struct_time" },
  { of: "python", in: "os", call: "stat_result" },
  { of: "python", in: "http", call: "HTTPStatus HTTPMethod" },
  { of: "python", in: "_io", call: "BytesIO StringIO" },
  { of: "python", in: "io", call: "BytesIO StringIO" },
  { of: "python", in: "math", refer: /^[a-z0-9]+$/ },

  // NumPy.
  { of: "numpy", in: "numpy", call: "dtype", new: "ndarray vectorize" },
  { of: "numpy", in: "numpy", refer: /^[a-z]\w*$/ },
  // Of text, old versions make matrices by evaluating it; _reconstruct makes arrays of a class by its __array_finalize__.
  { of: "numpy", in: "numpy", new: "poly1d", empty: "matrix recarray chararray finfo" },
  { of: "numpy", in: "numpy.lib.polynomial", new: "poly1d" },
  { of: "numpy", in: "numpy.rec", empty: "recarray", refer: "record" },
  { of: "numpy", in: "numpy.char", empty: "chararray" },
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
    { of: "numpy", in: `${core}.defchararray`, empty: "chararray" },
    { of: "numpy", in: `${core}.getlimits`, empty: "finfo MachArLike" },
  ]),
  // MaskedConstant() takes nothing and gives the one there is (SHARED).
  { of: "numpy", in: "numpy.ma.core", call: "_mareconstruct MaskedConstant", refer: "MaskedArray" },
  { of: "numpy", in: "numpy.ma", refer: "MaskedArray" },
  { of: "numpy", in: "numpy.matrixlib.defmatrix", empty: "matrix" },
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
  // Classes in small letters, without __new__ or __setstate__: loading only fills their attributes.
  ...["scipy.stats._kde", "scipy.stats.kde"].map((module): Row => ({ of: "scipy", in: module, new: "gaussian_kde" })),
  // What an interpolation calls is kept as a function of its class.
  ...["scipy.interpolate._interpolate", "scipy.interpolate.interpolate"].map((module): Row => ({
    of: "scipy",
    in: module,
    new: "interp1d",
    refer:
      "interp1d._call_linear_np interp1d._call_linear interp1d._call_nearest interp1d._call_previousnext interp1d._call_spline interp1d._call_nan_spline",
  })),
  { of: "scipy", in: "scipy.special.*", refer: /^[a-z]\w*$/ },
  { of: "scipy", in: "scipy.optimize.*", refer: /^[a-z]\w*$/ },
  // Modules of estimators and what they are built of. Others load data, draw and run programs, and import classes for that.
  {
    of: "scikit-learn",
    in: "sklearn.*",
    module:
      /^sklearn\.(?!(datasets|externals|inspection|experimental|utils|conftest|setup|tests|_build_utils|show_versions)(\.|$)|.*\.(tests|_plot)(\.|$))/,
    call: CYTHON,
    new: CLASS,
  },
  { of: "scikit-learn", in: "sklearn.utils.*", call: CYTHON },
  ...["utils", "utils._bunch", "datasets.base"].map((module): Row => ({
    of: "scikit-learn",
    in: `sklearn.${module}`,
    new: "Bunch",
  })),
  ...["_metadata_requests", "metadata_routing"].map((module): Row => ({
    of: "scikit-learn",
    in: `sklearn.utils.${module}`,
    new: "MetadataRequest MethodMetadataRequest",
  })),
  { of: "scikit-learn", in: "sklearn.utils._param_validation", new: "Interval StrOptions Options Hidden" },
  // Functions that estimators keep: scores, distances, transformations. Elsewhere in the package there are some that run programs.
  {
    of: "scikit-learn",
    in: "sklearn.*",
    module:
      /^sklearn\.(metrics|feature_selection|feature_extraction|preprocessing|gaussian_process|neighbors|linear_model|base|decomposition|cluster|utils\.(extmath|validation|_array_api))(\.|$)/,
    refer: /^_*[a-z]\w*$/,
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
  // Networks keep how to make a layer, and made of numbers and flags it only allocates its parameters.
  { of: "torch", in: "torch.nn.modules.normalization", keep: "LayerNorm GroupNorm RMSNorm" },
  { of: "torch", in: "torch.nn.modules.batchnorm", keep: "BatchNorm1d BatchNorm2d BatchNorm3d" },
  {
    of: "torch",
    in: "torch.nn.modules.activation",
    keep: "ReLU ReLU6 LeakyReLU ELU GELU SiLU Hardswish Hardsigmoid Sigmoid Tanh",
  },
  // Hooks that compute a weight from others when the network is used, and data held in memory; none has a __setstate__.
  { of: "torch", in: "torch.nn.utils.weight_norm", new: "WeightNorm" },
  {
    of: "torch",
    in: "torch.nn.utils.spectral_norm",
    new: "SpectralNorm SpectralNormStateDictHook SpectralNormLoadStateDictPreHook",
  },
  {
    of: "torch",
    in: "torch.nn.utils.prune",
    new: "Identity RandomUnstructured L1Unstructured RandomStructured LnStructured CustomFromMask PruningContainer",
  },
  { of: "torch", in: "torch.utils.data.dataset", new: "TensorDataset Subset ConcatDataset" },
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
  // Others of their classes keep a native handle, which is freed as an address whatever stands there.
  { of: "xgboost", in: "xgboost.*", new: /^(Booster|XGB\w+)$/ },
  { of: "lightgbm", in: "lightgbm.*", new: /^(Booster|LGBM\w+|_\w+Wrapper)$/ },
  { of: "catboost", in: "catboost.*", new: /^_?CatBoost\w*$/ },
];

/** What harm a global does: these names, or the module and everything below it, of which the reason then speaks. */
interface Harm {
  readonly does: string;
  readonly in: string;
  readonly names?: string;
}

const named = (does: string, module: string, names: string): Harm => ({ does, in: module, names });
const whole = (does: string, modules: string): readonly Harm[] =>
  modules.split(" ").map((module) => ({ does, in: module }));

/** Each of a module: how the system's own functions are called on either system. */
const SYSTEM = ["os", "posix", "nt"].flatMap((module): readonly Harm[] => [
  named("runs a command", module, "system popen popen2 popen3 popen4"),
  named(
    "runs a program",
    module,
    "execl execle execlp execlpe execv execve execvp execvpe spawnl spawnle spawnlp spawnlpe spawnv spawnve spawnvp spawnvpe posix_spawn posix_spawnp startfile fexecve",
  ),
  named("makes another process of this one", module, "fork forkpty"),
  named("ends or signals processes", module, "kill killpg abort _exit"),
  named("deletes files", module, "remove unlink rmdir removedirs"),
  named(
    "moves or makes files and folders",
    module,
    "rename renames replace link symlink mkdir makedirs mkfifo mknod truncate ftruncate",
  ),
  named(
    "changes who may use files",
    module,
    "chmod lchmod fchmod chown lchown fchown setxattr removexattr chflags lchflags",
  ),
  named(
    "opens, reads or writes files",
    module,
    "open fdopen read write pread pwrite sendfile readlink listdir scandir walk fwalk getcwd stat lstat access dup dup2 pipe openpty",
  ),
  named("reads or changes the environment", module, "environ environb getenv getenvb putenv unsetenv"),
  named(
    "changes where and as whom the process runs",
    module,
    "chdir fchdir chroot umask setuid setgid seteuid setegid setreuid setregid setresuid setresgid setgroups setsid setpgid nice",
  ),
]);

export const HARMFUL: readonly Harm[] = [
  ...SYSTEM,
  ...whole("runs programs and changes files, processes and the environment", "os posix nt"),
  named("runs a program", "subprocess", "run call check_call check_output Popen getoutput getstatusoutput"),
  ...whole(
    "runs programs",
    "subprocess _posixsubprocess pty commands popen2 pexpect sh plumbum invoke _osx_support _aix_support",
  ),
  ...whole("runs programs on this machine or on others", "fabric paramiko docker"),
  ...whole("calls Windows, which starts processes and opens files", "_winapi"),
  ...whole("runs an interpreter for whoever sits at the terminal", "_pyrepl"),
  ...whole("reads and writes the registry of Windows", "winreg"),
  ...whole("sends signals, or sets what runs when one comes", "signal"),
  ...whole("changes what the process may use", "resource"),
  ...whole("watches, ends and starts processes", "psutil"),
  ...whole("has a program open an address", "webbrowser antigravity"),
  ...whole("turns addresses into paths of Windows", "nturl2path"),
  named("writes files", "distutils.file_util", "write_file copy_file move_file"),
  named("writes or deletes folders", "distutils.dir_util", "mkpath create_tree copy_tree remove_tree"),
  named("runs a program", "distutils.spawn", "spawn"),
  named("runs a setup script", "distutils.core", "run_setup"),
  ...whole(
    "builds or installs packages, which writes files and runs programs",
    "setuptools distutils numpy.distutils pip ensurepip venv virtualenv",
  ),
  ...whole("changes which modules are imported", "_distutils_hack"),
  ...whole("compiles native code and loads it", "torch.utils.cpp_extension"),
  ...whole("runs programs to describe the machine", "torch.utils.collect_env"),
  ...whole("makes code of models, compiles and runs it", "torch._inductor torch._dynamo"),
  ...whole("connects processes, and unpickles what comes", "torch.distributed"),
  ...whole("starts processes that run a given function", "torch.multiprocessing"),
  named("runs programs", "platform", "popen _syscmd_ver _syscmd_file"),
  named(
    "runs programs",
    "uuid",
    "_get_command_stdout _popen _ifconfig_getnode _arp_getnode _lanscan_getnode _netstat_getnode",
  ),
  ...whole("runs programs to find libraries", "ctypes.util"),

  named("runs Python code from text or a file", "builtins", "eval exec compile execfile"),
  named("calls what it is given", "builtins", "apply"),
  named("starts the debugger", "builtins", "breakpoint"),
  named("imports what it is asked about", "builtins", "help"),
  named("waits for a line from the terminal, which Python 2 runs", "builtins", "input raw_input"),
  named("imports or loads code by name", "builtins", "__import__ __loader__ reload"),
  named("runs a function as the body of a class", "builtins", "__build_class__"),
  named("opens a file", "builtins", "open file"),
  named("sets or deletes attributes", "builtins", "setattr delattr"),
  named("looks into what is there, and can change it", "builtins", "globals locals vars dir"),
  named("gives access to the memory of a value", "builtins", "memoryview"),
  named("reads files of the interpreter and waits at the terminal", "builtins", "copyright credits license"),
  named("ends the process", "builtins", "exit quit"),
  ...whole("compiles or runs Python code from text", "code codeop timeit doctest cgitb lib2to3"),
  ...whole("runs Python code to watch it", "pdb bdb profile cProfile _lsprof trace"),
  ...whole("imports and shows what it is asked about, by programs", "pydoc"),
  ...whole("runs programs of Python's own, or their tests", "idlelib test turtledemo"),
  ...whole("runs tests, which is code", "unittest pytest _pytest nose numpy.testing torch.testing"),
  ...whole("runs an interpreter of another language", "tkinter"),
  ...whole("runs Python code, and programs by its commands", "IPython ipykernel"),
  ...whole("makes programs of templates and runs them", "jinja2 mako"),
  ...whole("compiles native code by programs", "numpy.f2py"),
  ...whole("makes Python code and runs it", "torch.fx torch.jit.unsupported_tensor_ops torch.utils._config_module"),
  ...whole("loads modules from packages, which runs them", "torch.package"),
  ...whole("runs a script to find what is slow in it", "torch.utils.bottleneck"),
  ...whole("evaluates expressions given as text", "pandas.core.computation pandas.eval sympy numexpr"),
  ...whole("compiles files and writes what comes of it", "py_compile compileall"),
  ...whole("compiles and calls native code", "cffi numba"),
  ...whole("runs Python code in other processes and machines", "execnet"),
  named("makes code or functions out of parts", "types", "CodeType FunctionType LambdaType"),
  named("changes how a function's code runs", "types", "coroutine"),
  named("makes code of names and runs it", "dataclasses", "_create_fn make_dataclass"),
  named("makes code of names and runs it", "collections", "namedtuple"),
  named("leads to the interpreter", "collections", "_sys"),
  named("evaluates types given as text", "typing", "get_type_hints ForwardRef ForwardRef._evaluate _eval_type"),
  ...whole("imports, evaluates and calls what a configuration names", "logging.config"),

  ...whole(
    "imports or loads code by name",
    "importlib imp _imp _frozen_importlib _frozen_importlib_external pkgutil zipimport pkg_resources",
  ),
  ...whole("runs a module or file by its name", "runpy"),
  ...whole("makes archives that run, of files", "zipapp"),
  ...whole("reads folders of packages, whose files name code to run", "site"),
  ...whole("follows imports through files", "modulefinder"),
  ...whole("fetches a repository and runs its code", "torch.hub"),
  ...whole("loads native libraries, and calls what they register", "torch.ops torch.classes"),

  ...whole(
    "opens network connections",
    "socket _socket ssl _ssl http urllib.request urllib2 urllib3 requests httpx aiohttp ftplib smtplib telnetlib poplib imaplib nntplib xmlrpc socketserver asyncore asynchat wsgiref twisted websocket websockets zmq boto3 botocore pycurl smbclient",
  ),
  ...whole("opens network connections and runs programs", "asyncio"),
  ...whole("waits for files and connections", "select selectors"),
  ...whole("fetches and uploads files", "huggingface_hub"),

  named("deletes folders and what is in them", "shutil", "rmtree"),
  ...whole("copies, moves and deletes files, and unpacks archives", "shutil"),
  ...whole("lists files", "glob"),
  ...whole("packs and unpacks archives on disk", "tarfile zipfile"),
  ...whole("compares files and folders", "filecmp"),
  ...whole("controls open files", "fcntl"),
  ...whole("opens databases, and can load native code into them", "sqlite3"),
  ...whole("reads passwords from files", "netrc"),
  ...whole("opens, reads or writes files", "_io tempfile fileinput linecache mmap dbm mailbox"),
  named("opens files", "io", "open open_code FileIO OpenWrapper"),
  named("opens files", "codecs", "open EncodedFile"),
  ...whole("opens packed files", "gzip bz2 lzma"),
  named("opens files", "logging", "FileHandler basicConfig"),
  ...whole("writes records to files and over the network", "logging.handlers"),
  named(
    "reads or writes files",
    "numpy",
    "fromfile fromregex save savez savez_compressed savetxt loadtxt genfromtxt recfromtxt recfromcsv ndfromtxt mafromtxt memmap DataSource",
  ),
  named("imports modules to search them", "numpy", "lookfor"),
  named("runs tests", "numpy", "test"),
  named("changes what every use of numpy does", "numpy", "seterrcall seterrobj set_string_function"),

  ...whole("loads pickles, which run what they name", "pickle _pickle cPickle dill cloudpickle shelve"),
  ...whole("reads marshalled code", "marshal"),
  ...whole("makes objects of what a document names", "jsonpickle yaml ruamel"),
  ...whole(
    "loads a pickle",
    "torch.load torch.serialization.load torch.serialization._load torch.serialization._legacy_load pandas.read_pickle joblib.load joblib.numpy_pickle.load sklearn.externals.joblib.load",
  ),
  ...whole("loads arrays, and pickles in their place", "numpy.load"),
  ...whole("loads a pickle", "numpy.loads"),
  ...whole("reads and writes arrays in files, pickles among them", "numpy.lib.npyio numpy.lib._npyio_impl"),
  ...whole("reads and writes tables in files and databases, pickles among them", "pandas.io"),
  ...whole("opens the files of pickles", "joblib.numpy_pickle_utils"),
  ...whole("loads a TorchScript model with its code", "torch.jit.load torch.jit._serialization"),
  ...whole("reads files and calls given functions on them", "torch.utils.data.datapipes"),
  ...whole("loads models and what they name, and reads and writes files", "keras tf_keras"),
  named("reads or writes files", "tensorflow.io", "read_file write_file matching_files"),
  named("loads native code", "tensorflow", "load_op_library load_library"),
  ...whole("runs graphs, loads models and native code, and reads and writes files", "tensorflow"),

  ...whole("leads to the interpreter and its modules", "sys"),
  ...whole("finds every object of the process", "gc"),
  ...whole("looks into running code and its values", "inspect"),
  ...whole("writes where the process stands, or ends it", "faulthandler"),
  ...whole("watches the memory of the process", "tracemalloc"),
  ...whole("tells of the interpreter and its folders", "sysconfig"),
  ...whole("has functions run at the end", "atexit weakref.finalize"),
  ...whole("runs functions at the terminal, and reads files of what was typed", "readline rlcompleter"),
  ...whole("takes source apart, and evaluates constants", "ast symtable"),
  ...whole("takes compiled code apart", "dis opcode"),
  ...whole("reaches into the interpreter, for its tests", "_testcapi _testinternalcapi"),
  ...whole("imports the class of a warning by its name", "warnings._setoption"),

  ...whole("calls native code or raw memory", "ctypes _ctypes numpy.ctypeslib _cffi_backend _rawffi"),

  ...whole(
    "starts threads or processes that run a given function",
    "multiprocessing _multiprocessing concurrent threading _thread joblib.parallel",
  ),
  ...whole("runs a given function later", "sched"),
  ...whole("starts processes and sends them functions", "joblib.externals"),
];

/** What may be said of every way to the interpreter's innards. */
const ALTERS = "reaches into the running interpreter";

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
 * What scipy/stats/_distn_infrastructure.py makes of its parse_arg_template: three functions that hand on their arguments,
 * each a line of names. Names, commas and default numbers only, and no line of anything else, since all of it is run.
 */
const SCIPY_TEMPLATE = ((): RegExp => {
  const list = (one: string): string => ` {0,2}(?:${one}, {0,2})*(?:${one})?`;
  const [names, parameters] = [list("\\w+"), list("\\w+(?:=\\d+)?")];
  return new RegExp(
    [
      `^\\n*def _parse_args\\(self,${parameters}\\):`,
      ` {4}return \\(${names}\\),${names}\\n*`,
      `def _parse_args_rvs\\(self,${parameters}, size=None\\):`,
      ` {4}return self\\._argcheck_rvs\\(${names}, size=size\\)\\n*`,
      `def _parse_args_stats\\(self,${parameters}, moments='mv'\\):`,
      ` {4}return \\(${names}\\),${names}, moments\\n*$`,
    ].join("\\n"),
  );
})();

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
    written: SCIPY_TEMPLATE,
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

/** Classes that give an object the whole process shares: what loading changes in it, it changes for everybody. */
export const SHARED: ReadonlySet<string> = new Set([
  "numpy.ma.core.MaskedConstant",
  "http.HTTPStatus",
  "http.HTTPMethod",
]);

/** Attributes through which any object leads to everything else. */
const INNARDS =
  /^__(globals|builtins|class|bases|base|mro|subclasses|code|closure|dict|getattribute|getattr|setattr|import|loader|spec|init|reduce|reduce_ex|call|self|func|wrapped|module|init_subclass|class_getitem)__$/;

/** Methods that touch files, run something or load it, of whatever class has a method of that name. */
const METHODS_THAT_HARM: readonly (readonly [names: string, does: string])[] = [
  [
    "write_text write_bytes touch mkdir makedirs unlink rmdir rmtree rename symlink_to hardlink_to link_to chmod lchmod tofile savetxt save dump extractall extract to_pickle to_csv to_json to_parquet to_hdf to_sql",
    "writes, moves or deletes files",
  ],
  ["read_text read_bytes open iterdir glob rglob readlink fromfile loadtxt", "opens or lists files"],
  ["load load_module exec_module find_class load_state load_library loads", "loads what may be code"],
  ["system popen spawn run exec eval execute start submit apply_async check_call check_output", "runs something"],
];
/** What calling the method of this name does to any object, or reaching the attribute. */
export const harmOfMethod = (name: string): string | undefined =>
  harmOnTheWay(name) ?? METHODS_THAT_HARM.find(([names]) => names.split(" ").includes(name.split(".").at(-1)!))?.[1];

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
  | {
      readonly is: "allowed";
      readonly use: Use;
      /** Also to bind arguments to, for later. */
      readonly keep: boolean;
      readonly of: string;
      readonly effect: Effect | undefined;
    }
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
  const does = (isConstant(module, name) ? undefined : harmOf(module, name)) ?? harmOnTheWay(name);
  const allowed = allowedAs(module, name);
  // An exact name that a framework needs stands above a harmful package it lies in; a pattern does not.
  if (does !== undefined && !(allowed && allowed.exact)) return { is: "harmful", does, effect };
  if (allowed) {
    const keep = (ROWS_BY_MODULE.get(module) ?? []).some((row) => matches(row.keep, name));
    return { is: "allowed", use: allowed.use, keep, of: allowed.of, effect: allowed.effect };
  }
  return { is: "unknown", effect };
}

/** `HTTPStatus.OK`: a constant of a class that is allowed by its exact name, in whatever module. */
function isConstant(module: string, name: string): boolean {
  const [owner, constant, ...rest] = name.split(".");
  if (constant === undefined || rest.length > 0 || !/^[A-Z][A-Z0-9_]*$/.test(constant)) return false;
  return /^[A-Z]/.test(owner!) && allowedAs(module, owner!)?.exact === true;
}

function harmOf(module: string, name: string): string | undefined {
  const path = `${module}.${name}`;
  for (const prefix of prefixes(path))
    for (const harm of HARMS_BY_MODULE.get(prefix) ?? []) {
      // Of a module what is true of the module: which of it this name does, the table does not say.
      if (harm.names === undefined)
        return prefix.length < path.length && name !== "" ? `belongs to ${prefix}, which ${harm.does}` : harm.does;
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
    for (const use of ["call", "new", "empty", "refer"] as const)
      if (matches(row[use], name)) {
        const effect = use === "call" ? row.effect : undefined;
        const exact = typeof row[use] === "string";
        if (!exact && use !== "refer" && IMPORTED.has(name) && row.of !== "python") return;
        if (!best || RANK[use] > RANK[best.use] || (use === best.use && effect && !best.effect))
          best = { use, of: row.of, effect, exact };
        return;
      }
  };
  ROWS_BY_MODULE.get(module)?.forEach(consider);
  for (const prefix of prefixes(module)) ROWS_BY_MODULE.get(`${prefix}.*`)?.forEach(consider);
  return best;
}
