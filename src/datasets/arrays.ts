/** Files that hold arrays (npy, npz, idx, each also gzipped), told apart by their bytes. */
import { FormatError, readableSize, viewOf } from "#formats/error.ts";
import { readIdx } from "#formats/idx.ts";
import { inflate } from "#formats/inflate.ts";
import { readNpy } from "#formats/npy.ts";
import { sniff } from "#formats/sniff.ts";
import { readZip, readZipMember } from "#formats/zip.ts";
import type { Values } from "./evaluation-set.ts";

/** Most elements of samples: 2^28 float32 numbers are 1 GiB. */
export const ELEMENTS_MAX = 2 ** 28;
/** Most bytes of one unpacked array: as many as its elements, and a header. */
const UNPACKED_MAX = 4 * ELEMENTS_MAX + 2 ** 16;
/** Most bytes all members of an archive may claim; only those that are asked for are unpacked. */
const LISTED_MAX = 2 ** 36;

function refuseGiant(format: string, at: number, size: number, what: string): void {
  if (size > UNPACKED_MAX)
    throw new FormatError(
      format,
      at,
      `${what} unpacks to ${readableSize(size)}; the limit is ${readableSize(UNPACKED_MAX)}`,
      "keep an evaluation set of a few thousand samples in a file of its own",
    );
}

export type Content =
  | { readonly kind: "array"; readonly array: Values }
  /** Named arrays; each is unpacked when asked for. */
  | { readonly kind: "archive"; readonly names: readonly string[]; readonly array: (name: string) => Promise<Values> }
  | { readonly kind: "text"; readonly bytes: Uint8Array }
  | { readonly kind: "image"; readonly format: "png" | "jpeg"; readonly bytes: Uint8Array };

/** What a file holds, by its bytes. Throws a FormatError for what is read nowhere, and for an empty file. */
export async function contentOf({ path, bytes }: { path: string; bytes: Uint8Array }): Promise<Content> {
  const found = sniff(bytes);
  switch (found.kind) {
    case "npy":
      return { kind: "array", array: readNpy(bytes, { elementsMax: ELEMENTS_MAX }) };
    case "idx":
      return { kind: "array", array: { kind: "numbers", ...readIdx(bytes, { elementsMax: ELEMENTS_MAX }) } };
    case "zip":
      return archive(bytes);
    case "gzip":
      return contentOfUnpacked(path, bytes);
    case "text":
      return { kind: "text", bytes };
    case "png":
    case "jpeg":
      return { kind: "image", format: found.kind, bytes };
    case "empty":
      throw new FormatError("data file", 0, "it is empty", "name the file that holds the evaluation data");
    case "other":
      throw new FormatError("data file", 0, `it is ${found.what}`, found.remedy);
  }
}

async function contentOfUnpacked(path: string, bytes: Uint8Array): Promise<Content> {
  // The last four bytes of a gzip file are its unpacked size (RFC 1952 §2.3.1): a giant is refused unread, and what grows
  // past its own word is cut off.
  const stated = bytes.length >= 18 ? viewOf(bytes).getUint32(bytes.length - 4, true) : 0;
  refuseGiant("gzip", bytes.length - 4, stated, "it");
  const unpacked = await inflate(bytes, "gzip", stated, { format: "gzip", offset: 0 });
  if (sniff(unpacked).kind === "gzip")
    throw new FormatError("gzip", 0, "it holds another gzip file", "unpack it before naming it here");
  return contentOf({ path, bytes: unpacked });
}

function archive(bytes: Uint8Array): Content {
  const members = readZip(bytes, { sizeMax: LISTED_MAX });
  if (members.some(({ name }) => name.endsWith("data.pkl")))
    throw new FormatError(
      "zip",
      0,
      "it is a PyTorch file; reading it would need unpickling, which runs code of the file's author",
      "save the arrays with numpy.savez(path, x=x.numpy(), y=y.numpy())",
    );
  const arrays = members.filter(({ name }) => name.endsWith(".npy"));
  if (arrays.length === 0)
    throw new FormatError(
      "zip",
      0,
      `none of its ${members.length} members is a NumPy array`,
      "unpack the archive and name the folder, or save the arrays with numpy.savez(path, x=…, y=…)",
    );
  const byName = new Map(arrays.map((member) => [member.name.slice(0, -".npy".length), member]));
  return {
    kind: "archive",
    names: [...byName.keys()],
    async array(name) {
      const member = byName.get(name);
      if (!member)
        throw new FormatError(
          "npz",
          0,
          `it holds no array "${name}"; it has ${[...byName.keys()].join(", ")}`,
          "name an array that is there",
        );
      refuseGiant("npz", member.at, member.size, `"${name}"`);
      const content = await readZipMember(bytes, member);
      try {
        return readNpy(content, { elementsMax: ELEMENTS_MAX });
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        throw new FormatError(`npz array "${name}"`, error.offset, error.problem, error.remedy);
      }
    },
  };
}
