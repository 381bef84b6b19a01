/**
 * What the operators of PyTorch touch, in TorchScript's source and in the bytecode of mobile archives alike. Read out of the
 * schemas that PyTorch 1.13 and torchvision 0.14 register (torch._C._jit_get_all_schemas), 2000 names: of those in the
 * namespaces below, these are all that take the name of a file, or leave the process.
 */
export type TorchStanding =
  | { readonly is: "plain" }
  | { readonly is: "harmful"; readonly does: string }
  | { readonly is: "unknown"; readonly why: string };

const WRITES = "writes a file";
const READS = "reads a file";
const HARMFUL: ReadonlyMap<string, string> = new Map([
  ["aten::save", WRITES],
  ["aten::from_file", "maps a file into memory, to read it or to write to it"],
  ["image::read_file", READS],
  ["image::write_file", WRITES],
  ["video_reader::read_video_from_file", READS],
  ["video_reader::probe_video_from_file", READS],
  ["prim::rpc_async", "calls another machine"],
  ["prim::rpc_sync", "calls another machine"],
  ["prim::rpc_remote", "calls another machine"],
  ["prim::PythonOp", "calls Python"],
  ["prim::IgnoredPythonOp", "calls Python"],
]);

/** Of PyTorch's own; operators of others are whatever their library does. */
const NAMESPACES = new Set(["aten", "prim", "quantized", "torchvision", "prepacked", "_quantized", "xnnpack", "metal"]);
/** Names that would touch files, of operators that no version seen here has. */
const LIKELY = /^(load|_load_\w+|open|write|call_torchbind)$/;

export function torchOperator(namespace: string, name: string): TorchStanding {
  const does = HARMFUL.get(`${namespace}::${name}`);
  if (does !== undefined) return { is: "harmful", does };
  if (!NAMESPACES.has(namespace)) return { is: "unknown", why: `its namespace, ${namespace}, is another library's` };
  return LIKELY.test(name) ? { is: "unknown", why: "by its name it reads or writes files" } : { is: "plain" };
}

/** What an operator of this last name does, whatever stands before it; undefined where none is harmful. */
export function harmfulByName(name: string): string | undefined {
  for (const [path, does] of HARMFUL) if (path.endsWith(`::${name}`)) return does;
  return undefined;
}

/** Namespaces of classes that PyTorch itself binds, and that hold packed weights. */
const BOUND = new Set(["quantized", "rnn", "xnnpack", "mkldnn", "metal", "sparse"]);
export const isPlainClass = (namespace: string): boolean => BOUND.has(namespace);
