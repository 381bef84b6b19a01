/** The structure of HDF5 files is followed as h5py follows it; every lie about addresses and sizes ends in a problem. */
import { describe, expect, test } from "vitest";
import { hdf5Fixture, mutated } from "../../test/support/artefacts.ts";
import { rng } from "#base/random.ts";
import { contentOf } from "./content.ts";
import { FormatError } from "./error.ts";
import fixtures from "./fixtures/hdf5.json" with { type: "json" };
import { walkHdf5, type Hdf5 } from "./hdf5.ts";

type Name = keyof typeof fixtures.files;
const walked = (bytes: Uint8Array): Hdf5 => walkHdf5(contentOf(bytes), () => {});
const NOT_FOLLOWED = /fractal heap|an index that is not followed/;
const followed = (Object.keys(fixtures.files) as Name[]).filter(
  (name) => !walked(hdf5Fixture(name)).problems.some(({ problem }) => NOT_FOLLOWED.test(problem)),
);

test("most of what h5py writes is followed", () => expect(followed.length).toBeGreaterThanOrEqual(14));

describe.each(followed)("%s", (name) => {
  const bytes = hdf5Fixture(name);
  const known = fixtures.files[name];
  const hdf5 = walked(bytes);
  test("has its data where h5py finds it", () => {
    const ours = hdf5.chunks.map(({ start, end }) => [start, end - start]).toSorted((a, b) => a[0]! - b[0]!);
    expect(ours).toEqual(known.chunks);
  });
  test("has the texts of attributes that h5py reads", () => {
    const ours = Object.fromEntries(
      hdf5.texts.map(({ object, name: attribute, start, end }) => [
        `${object}@${attribute}`,
        new TextDecoder().decode(bytes.subarray(start, end)).replace(/\0+$/, ""),
      ]),
    );
    expect(ours).toMatchObject(known.texts);
  });
  test("has as many objects as h5py names, but those with two names and datatypes", () => {
    expect(hdf5.objects).toBeGreaterThan(0);
    expect(hdf5.objects).toBeLessThanOrEqual(known.objects.length + 1);
  });
});

describe("a file that leads out of itself is said to:", () => {
  test.each([
    ["external link", "link into another file"],
    ["external storage", "lies in another file"],
    ["virtual dataset", "put together from other files"],
  ] as const)("%s", (name, problem) =>
    expect(walked(hdf5Fixture(name)).problems).toContainEqual(
      expect.objectContaining({ kind: "outside", problem: expect.stringContaining(problem) as string }),
    ),
  );
});

describe("a file that lies", () => {
  const bytes = hdf5Fixture("weights");
  const patched = (at: number, ...patch: readonly number[]): Uint8Array => {
    const copy = Uint8Array.from(bytes);
    copy.set(patch, at);
    return copy;
  };
  test("about its version or its widths is refused", () => {
    expect(() => walked(patched(8, 9))).toThrow(FormatError);
    expect(() => walked(patched(13, 3))).toThrow(FormatError);
    expect(() => walked(bytes.subarray(0, 40))).toThrow(FormatError);
    expect(() => walked(new Uint8Array(4096))).toThrow(FormatError);
  });
  test("about where its root is has a problem there", () => {
    expect(walked(patched(64, 0xff, 0xff, 0xff, 0x7f)).problems).toContainEqual(
      expect.objectContaining({ kind: "broken" }),
    );
  });
  test("about where it ends has a problem", () =>
    expect(walked(patched(40, 0, 0, 0, 1)).problems).toContainEqual(expect.objectContaining({ kind: "broken" })));
  test("by two structures at one place has a problem", () => {
    // The second dataset's bytes are said to be the first one's.
    const [first, second] = walked(bytes).chunks;
    const address = (value: number): Uint8Array => new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
    const at = Buffer.from(bytes).indexOf(address(second!.start));
    expect(walked(patched(at, ...address(first!.start))).problems).toContainEqual(
      expect.objectContaining({ kind: "overlap" }),
    );
  });
  test("in any other way neither throws anything else nor runs on", () => {
    const random = rng("hdf5");
    const all = (Object.keys(fixtures.files) as Name[]).map((name) => hdf5Fixture(name));
    for (let i = 0; i < 1500; i++) {
      const input = mutated(all[i % all.length]!, bytes, random);
      try {
        const { records, chunks, texts } = walked(input);
        for (const [start, end] of records) expect(start >= 0 && end <= input.length).toBe(true);
        for (const { start, end } of [...chunks, ...texts]) expect(start >= 0 && end <= input.length).toBe(true);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
      }
    }
  });
});
