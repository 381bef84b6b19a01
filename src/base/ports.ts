/** Effects, declared. `host/` implements them; everything below the doors receives them and touches nothing else. */

/** The part of AbortSignal that a long function needs; every AbortSignal is one. */
export interface Signal {
  readonly aborted: boolean;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** Random access to bytes that may be larger than memory. */
export interface ByteSource {
  /** How the author or the listing calls it; shown to people, never interpreted. */
  readonly name: string;
  readonly size: number;
  /** Exactly `length` bytes from `at`; throws where they are not there. */
  read(at: number, length: number): Promise<Uint8Array>;
  /** SHA-256 of all bytes, computed in a stream. */
  sha256(): Promise<string>;
}

export interface FileEntry {
  readonly path: string;
  readonly size: number;
  readonly kind: "file" | "folder" | "link" | "other";
}

/** Reading below one root folder; paths are relative, with forward slashes. */
export interface Files {
  readonly root: string;
  /** What relative paths start from, in words for a message. */
  readonly from?: string;
  /** The entry, or undefined where nothing is. */
  stat(path: string): Promise<FileEntry | undefined>;
  list(path: string, options?: { recursive?: boolean; limit?: number }): Promise<FileEntry[]>;
  open(path: string): Promise<ByteSource>;
  /** The whole file; throws a HostError above `limit` bytes (default 2 GiB − 1). */
  readWhole(path: string, limit?: number): Promise<Uint8Array>;
}

/** Small named blobs that outlive a run (measurements of earlier runs). Writes are atomic. */
export interface BlobStore {
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Takes a blob away; one that is not there is no mistake. */
  drop(key: string): Promise<void>;
}

export interface Clock {
  /** Wall time in milliseconds since 1970. */
  now(): number;
  /** A monotonic clock in milliseconds. */
  monotonic(): number;
}

/** What onnxruntime holds: row-major values of one element type. */
export interface RuntimeTensor {
  readonly type:
    | "float32"
    | "float64"
    | "int64"
    | "int32"
    | "uint8"
    | "int8"
    | "bool"
    | "float16"
    | "uint16"
    | "int16"
    | "uint32"
    | "uint64"
    | "string";
  readonly dims: readonly number[];
  readonly data:
    | Float32Array
    | Float64Array
    | BigInt64Array
    | BigUint64Array
    | Int32Array
    | Uint8Array
    | Int8Array
    | Uint16Array
    | Int16Array
    | Uint32Array
    | readonly string[];
}

export interface InferenceSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(
    feeds: Readonly<Record<string, RuntimeTensor>>,
    fetches?: readonly string[],
  ): Promise<Record<string, RuntimeTensor>>;
  release(): Promise<void>;
}

/** Loads ONNX bytes into an inference session with one thread. Throws an Error with the runtime's own words on refusal. */
export interface InferenceRuntime {
  readonly version: string;
  load(model: Uint8Array): Promise<InferenceSession>;
}

/** What runs inside one isolated worker: reading and inference, nothing else. */
export interface WorkerPorts {
  readonly files: Files;
  readonly runtime: InferenceRuntime;
  readonly clock: Clock;
}

/**
 * Runs whole shards in isolated child processes, one inference thread each, in the order they came. A worker that dies (a
 * native abort, out of memory) rejects its own shard with a WorkerDied error and is replaced; the others go on. When the
 * signal aborts, workers are killed where they stand: what they had not finished is not kept anyway.
 */
export interface ShardPool {
  readonly workers: number;
  readonly runtimeVersion: string;
  run<Result>(
    shard: unknown,
    options: {
      signal: Signal;
      onProgress?: (done: number, total: number, note?: string) => void;
      /** Asked when its turn comes: true refuses it as if its worker had died. */
      skip?: () => boolean;
    },
  ): Promise<Result>;
  close(): Promise<void>;
}

/**
 * Reads files in isolated processes, none of whose bytes is ever run. A process that dies, hangs or grows costs its own file, and
 * the report says so. When the signal aborts, processes are killed where they stand, and the promise settles with what was told.
 */
/** A question of a scan about what lies around a file – what takes a module's place, where a model's values are –, and the answer. */
export interface Asked {
  readonly question: "importable" | "neighbour" | "fingerprint" | "blobs" | "claim";
  readonly of: string;
  readonly answer: string;
}

export interface FileScanner {
  /** Changes whenever a report on the same bytes might: whatever reads and judges goes into it. */
  readonly revision: string;
  /** Reports as they come, in no order; `index` is the file's place in the list. Paths as in `Files`. */
  scan<Report>(
    files: readonly { readonly path: string; readonly size: number }[],
    signal: Signal,
    told: (index: number, report: Report, asked: readonly Asked[]) => void,
  ): Promise<void>;
  /** Whether everything that was asked about what lies around the file would be answered the same today. */
  holds(path: string, asked: readonly Asked[]): boolean;
}

/** Minimise `cost · x` between bounds; ±Infinity where there is none. Rows are sparse: pairs of column and coefficient. */
export interface LinearProgram {
  readonly columns: readonly {
    readonly cost: number;
    readonly lower: number;
    readonly upper: number;
    readonly whole: boolean;
  }[];
  readonly rows: readonly {
    readonly lower: number;
    readonly upper: number;
    readonly terms: readonly (readonly [column: number, coefficient: number])[];
  }[];
}

/** "stopped": its node limit came first; `bound` is then what no solution undercuts, and the values are the best found, if any. */
export type LinearAnswer =
  | { readonly status: "optimal"; readonly objective: number; readonly values: readonly number[] }
  | { readonly status: "infeasible" }
  | {
      readonly status: "stopped";
      readonly bound: number;
      readonly objective?: number;
      readonly values?: readonly number[];
    };

/** Mixed-integer linear programs, deterministic: the same program has the same answer on every machine. Limits count nodes, never time. */
export interface Solver {
  readonly name: string;
  solve(program: LinearProgram, options?: { readonly nodes?: number }): Promise<LinearAnswer>;
}

/** What a signature is held to; what it says of itself proves nothing. Paths, but for the names of identity and issuer. */
export type SignatureTrust =
  | { readonly kind: "key"; readonly key: string }
  | {
      readonly kind: "identity";
      readonly identity: string;
      readonly issuer: string;
      readonly trustedRoot: string;
    }
  | {
      readonly kind: "root";
      readonly roots: readonly string[];
      /** Certificates between the signer's and the root, where the bundle does not bring them. */
      readonly chain: readonly string[];
      readonly crls: readonly string[];
      /** Certificates have to be valid then. */
      readonly at: Date;
    };

export interface SignatureAsked {
  readonly path: string;
  readonly trust: SignatureTrust;
  readonly bundle?: string;
  /** What lies where the signature leaves files out speaks against it. */
  readonly whole?: boolean;
}

/** Holds an artefact to its signature; paths below the host's root. */
export interface SignatureChecker {
  /** What will keep `check` from answering, without reading what is signed: files that are missing, or not what they are named as. */
  obstacles(asked: SignatureAsked): Promise<readonly { readonly because: string; readonly remedy?: string }[]>;
  check(asked: SignatureAsked): Promise<{
    readonly holds: boolean;
    /** Nothing was held to anything: a key, a bundle or what is signed is missing or cannot be read. Neither as signed nor changed. */
    readonly unchecked?: true;
    /** Why not; empty where it holds. */
    readonly because: string;
    /** What to do, where it is known better than "find out who changed it". */
    readonly remedy?: string;
    readonly files: number;
    /** Beside the signature itself, one sentence each. */
    readonly checked?: readonly string[];
    readonly notChecked?: readonly string[];
    /** There, and left out by the signature. */
    readonly notCovered?: readonly string[];
  }>;
}

/** The official schema of bills of materials (CycloneDX), and the licences of the SPDX list that it knows. */
export interface BomRules {
  readonly licences: ReadonlySet<string>;
  /** Each thing wrong with a document; none: it is valid. */
  check(document: unknown): readonly { readonly path: readonly (string | number)[]; readonly message: string }[];
}

export interface Host {
  readonly files: Files;
  readonly models: ShardPool;
  readonly store: BlobStore;
  readonly clock: Clock;
  /** Absent: no file is scanned, and nothing is said about what loading one would do. */
  readonly scanner?: FileScanner;
  /** Absent: what needs one falls back on a method of its own that states how far it may be off. */
  readonly solver?: Solver;
  /** Absent: signatures that the system file names are said not to be checked. */
  readonly signatures?: SignatureChecker;
  /** Absent: no bill of materials is made. */
  readonly bomRules?: () => Promise<BomRules>;
}

/** The world said no: a missing file, a folder in a file's place, a full disk, no permission. Its message is for the user. */
export class HostError extends Error {
  override readonly name = "HostError";
  readonly remedy: string | undefined;
  constructor(message: string, remedy?: string) {
    super(message);
    this.remedy = remedy;
  }
}

/** An isolated worker ended before its shard did; `final`: another would fare no better. */
export class WorkerDied extends Error {
  override readonly name = "WorkerDied";
  readonly final: boolean;
  constructor(message: string, final = false) {
    super(message);
    this.final = final;
  }
}
