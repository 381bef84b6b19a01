/** Reads the .npy arrays of the shared test data (NumPy format 1.0), and knows where they are. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The folder of real models and data; tests that need it skip, saying so, where it is absent. */
export const sharedData = process.env["VAUBAN_TEST_DATA"] ?? join(import.meta.dirname, "../../../shared/data");
export const haveSharedData = existsSync(join(sharedData, "vnncomp"));

export function readNpy(path: string): { shape: number[]; data: Float64Array } {
  const bytes = readFileSync(path);
  const length = bytes.readUInt16LE(8);
  const header = bytes.subarray(10, 10 + length).toString("latin1");
  const descr = /'descr': '([^']+)'/.exec(header)![1]!;
  const shape = /'shape': \(([^)]*)\)/
    .exec(header)![1]!
    .split(",")
    .filter((part) => part.trim() !== "")
    .map(Number);
  const body = bytes.subarray(10 + length);
  const buffer = body.buffer.slice(body.byteOffset, body.byteOffset + body.length);
  const kinds = {
    "|u1": () => new Uint8Array(buffer),
    "<f4": () => new Float32Array(buffer),
    "<f8": () => new Float64Array(buffer),
    "<i8": () => new BigInt64Array(buffer),
    "<i4": () => new Int32Array(buffer),
    "|b1": () => new Uint8Array(buffer),
  };
  const kind = kinds[descr as keyof typeof kinds];
  if (kind === undefined) throw new Error(`${path}: element type ${descr}`);
  return { shape, data: Float64Array.from(kind(), Number) };
}

/** Skips a test, with the reason the closing line prints, where the shared data are not on this machine. */
export function needSharedData(context: { skip(reason: string): never }): void {
  if (!haveSharedData) context.skip("no real models and data: set VAUBAN_TEST_DATA to the folder that holds them");
}
