/**
 * What Python code reaches by the dotted paths it names, as policy: code that a model carries (a Lambda layer's) is held
 * to tensor arithmetic; a program beside a model is a program, and only what it does by itself when imported weighs.
 */
import { standingOf } from "./policy.ts";

export type Reach =
  | { readonly is: "harmful"; readonly does: string }
  /** Tensor arithmetic, and what the language has for values. */
  | { readonly is: "known" }
  | { readonly is: "unknown" };

/** Names under which frameworks are imported, as their own documentation writes them. */
const ALIASES: Readonly<Record<string, string>> = {
  tf: "tensorflow",
  K: "keras.backend",
  backend: "keras.backend",
  layers: "keras.layers",
  ops: "keras.ops",
  np: "numpy",
  jnp: "jax.numpy",
  onp: "numpy",
  nn: "torch.nn",
  F: "torch.nn.functional",
};
const FRAMEWORKS = /^(tensorflow|keras|tf_keras|numpy|jax|torch|math)(\.|$)/;

/** Functions of TensorFlow and Keras that reach out of the arithmetic, wherever in the packages they are exported, by what they do. */
const BY_HARM: Readonly<Record<string, string>> = {
  "reads or writes files":
    "read_file write_file matching_files gfile GFile TFRecordWriter ReadFile WriteFile MatchingFiles save_weights save_model save_img load_img save save_own_variables write_graph export_meta_graph image_dataset_from_directory text_dataset_from_directory audio_dataset_from_directory memmap fromfile tofile savez savetxt loadtxt genfromtxt",
  "calls Python from the graph":
    "py_function numpy_function py_func PyFunc EagerPyFunc PyFuncStateless pure_callback io_callback",
  "loads native code": "load_op_library load_library load_file_system_library load_pluggable_device_library ctypeslib",
  "compiles native code": "f2py cpp_extension",
  "makes a function of marshalled code": "func_load",
  "marshals the code of a function": "func_dump",
  "loads another model or library":
    "load_model load_weights saved_model load import_meta_graph import_graph_def TFSMLayer TorchModuleWrapper hub",
  "makes a model of another configuration":
    "model_from_json model_from_config model_from_yaml clone_model deserialize_keras_object",
  "opens the file of a model to change it": "KerasFileEditor",
  "fetches files from the network": "get_file download_file urlopen urlretrieve load_data",
  "switches off the safeguards of loading": "enable_unsafe_deserialization",
  "changes what loading finds under a name": "set_custom_objects register_keras_serializable get_custom_objects",
};
export const FRAMEWORK_HARMS: ReadonlyMap<string, string> = new Map(
  Object.entries(BY_HARM).flatMap(([does, names]) => names.split(" ").map((name) => [name, does] as const)),
);

/** Built-ins that code in a model may use: they give values of what they are given. */
const VALUES = new Set(
  "abs all any bool bytes complex dict divmod enumerate filter float frozenset hash int isinstance issubclass iter len list map max min next object pow range repr reversed round set slice sorted str sum super tuple type zip None True False Ellipsis NotImplemented ValueError TypeError RuntimeError KeyError IndexError AttributeError NotImplementedError AssertionError Exception self cls inputs x y args kwargs".split(
    " ",
  ),
);

/** Attributes through which any object leads to the interpreter. */
const INNARDS =
  /(^|\.)__(globals|builtins|class|bases|base|mro|subclasses|code|closure|dict|getattribute|import|loader|spec|reduce|reduce_ex|self|func|wrapped|module|init_subclass)__(\.|$)/;

/** What a dotted path in code that a model carries reaches when the code runs. */
export function reachOf(path: string): Reach {
  if (INNARDS.test(path)) return { is: "harmful", does: "reaches into the interpreter" };
  const [root, ...rest] = path.split(".") as [string, ...string[]];
  const full = [ALIASES[root] ?? root, ...rest].join(".");
  if (FRAMEWORKS.test(full)) {
    const harm = full
      .split(".")
      .slice(1)
      .map((name) => FRAMEWORK_HARMS.get(name))
      .find((does) => does !== undefined);
    return harm === undefined ? { is: "known" } : { is: "harmful", does: harm };
  }
  // Names that find others while running could be any of them.
  if (rest.length === 0 && /^(getattr|setattr|delattr|vars|globals|locals)$/.test(root))
    return { is: "harmful", does: "finds or changes names while running" };
  const builtin = standingOf("builtins", path);
  if (builtin.is === "harmful") return { is: "harmful", does: builtin.does };
  if (VALUES.has(root)) return { is: "known" };
  const [module, name] = rest.length === 0 ? [root, ""] : [root, rest.join(".")];
  const standing = standingOf(module, name);
  if (standing.is === "harmful") return { is: "harmful", does: standing.does };
  return standing.is === "allowed" ? { is: "known" } : { is: "unknown" };
}

/** An attribute of something that is no plain name: only what is telling by itself counts. */
export function attributeReach(name: string): Reach {
  if (INNARDS.test(name)) return { is: "harmful", does: "reaches into the interpreter" };
  const telling = /^(system|popen|Popen|check_output|check_call|getoutput|execv\w*|spawnv?\w*|urlopen|import_module)$/;
  if (telling.test(name)) return { is: "harmful", does: "runs programs, imports or connects, by its name" };
  return FRAMEWORK_HARMS.has(name) && name !== "load" && name !== "save" ? { is: "unknown" } : { is: "known" };
}

/** What a call in a program does, as far as it matters when somebody else's program is imported. */
export interface Act {
  readonly does: string;
  /** Runs what it is given: text, bytes or a file. */
  readonly runsData?: true;
  /** Everyday in a program, worth a note: anywhere, or in its methods. */
  readonly everyday?: true | "in methods";
}

const RUNS_PROGRAMS: Act = { does: "runs programs" };
const RUNS_CODE: Act = { does: "runs Python code, or makes code of text or bytes", runsData: true };
const CONNECTS: Act = { does: "opens network connections" };
const UNPICKLES: Act = { does: "loads pickles, which run what they hold", everyday: true };
const NATIVE: Act = { does: "loads native code or reaches raw memory" };
const REMOVES: Act = { does: "deletes files", everyday: "in methods" };

/** By the path a call names once imports are resolved; `*` stands for every name below. */
const ACTS: ReadonlyMap<string, Act> = new Map(
  (
    [
      [
        RUNS_PROGRAMS,
        "os.system os.popen os.popen2 os.popen3 os.execl os.execle os.execlp os.execlpe os.execv os.execve os.execvp os.execvpe os.spawnl os.spawnle os.spawnlp os.spawnlpe os.spawnv os.spawnve os.spawnvp os.spawnvpe os.posix_spawn os.posix_spawnp os.startfile os.forkpty posix.* nt.* subprocess.run subprocess.call subprocess.Popen subprocess.check_call subprocess.check_output subprocess.getoutput subprocess.getstatusoutput commands.* popen2.* pty.spawn pty.fork platform.popen pexpect.* sh.* plumbum.* asyncio.create_subprocess_shell asyncio.create_subprocess_exec pip.main pip._internal.* webbrowser.open",
      ],
      [
        RUNS_CODE,
        "eval exec execfile builtins.eval builtins.exec builtins.compile compile runpy.run_path runpy.run_module code.interact code.InteractiveInterpreter code.InteractiveConsole types.CodeType types.FunctionType imp.load_source imp.load_module marshal.loads marshal.load _frozen_importlib.* timeit.timeit cProfile.run profile.run",
      ],
      [
        CONNECTS,
        "socket.socket socket.create_connection socket.create_server urllib.request.urlopen urllib.request.urlretrieve urllib.request.Request urllib2.urlopen urllib.urlopen urllib.urlretrieve requests.get requests.post requests.put requests.request requests.Session httpx.get httpx.post httpx.Client http.client.HTTPConnection http.client.HTTPSConnection ftplib.FTP smtplib.SMTP telnetlib.Telnet paramiko.* asyncio.open_connection aiohttp.* websocket.* websockets.* wget.download",
      ],
      [
        UNPICKLES,
        "pickle.load pickle.loads pickle.Unpickler _pickle.loads cPickle.load cPickle.loads dill.load dill.loads cloudpickle.load cloudpickle.loads torch.load joblib.load shelve.open yaml.load yaml.unsafe_load yaml.full_load pandas.read_pickle jsonpickle.decode",
      ],
      [
        NATIVE,
        "ctypes.CDLL ctypes.PyDLL ctypes.WinDLL ctypes.cdll.* ctypes.windll.* ctypes.pythonapi.* ctypes.CFUNCTYPE ctypes.memmove mmap.mmap torch.ops.load_library torch.classes.load_library tensorflow.load_op_library tensorflow.load_library",
      ],
      [REMOVES, "shutil.rmtree os.remove os.unlink os.removedirs os.rmdir"],
    ] as const
  ).flatMap(([act, paths]) => paths.split(" ").map((path) => [path, act] as const)),
);

/** What a call of this path does; undefined where it is nothing to speak of. */
export function actOf(path: string): Act | undefined {
  const found = ACTS.get(path);
  if (found) return found;
  for (let dot = path.lastIndexOf("."); dot > 0; dot = path.lastIndexOf(".", dot - 1)) {
    const below = ACTS.get(`${path.slice(0, dot)}.*`);
    if (below) return below;
  }
  return undefined;
}

/** Calls that turn data into other data: what is decoded and then run was hidden. */
export const DECODES =
  /^(base64\.\w+|binascii\.(unhexlify|a2b_\w+)|codecs\.decode|zlib\.decompress|gzip\.decompress|bz2\.decompress|lzma\.decompress|bytes\.fromhex|bytearray\.fromhex|marshal\.loads|b64decode|unhexlify|chr)$/;
