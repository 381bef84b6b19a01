/**
 * A denial test of C-92 (origin integrity of operational input) on this example's synthetic images: what the archive hands on
 * is checked against the modality's signature before use, and an image with one altered byte is refused.
 *
 *     node examples/chest-xray/origin-integrity.ts            (Node 22.18 or newer; writes evidence/one-flipped-byte.json)
 *
 * The mechanism is run, not described: a key pair is made at the "modality", twenty images are signed there with their
 * identifiers, stored, altered by one byte each as somebody with write access to the archive could, and put to the
 * verify-before-use step. If one altered image is accepted, or one untouched image refused, nothing is written and the exit
 * code is 1. It demonstrates the mechanism and the form of the evidence; it says nothing about any real archive.
 *
 * Both private keys live as long as this process. The statement's signature therefore shows that the text was not altered
 * since; it does not show who the assessor is.
 */
import { type KeyObject, createHash, generateKeyPairSync, sign, verify } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { canonical } from "#base/canonical.ts";
import { clopperPearson } from "#base/statistics.ts";
import { readNpy } from "#formats/npy.ts";
import { readZip, readZipMember } from "#formats/zip.ts";

const IMAGES = 20;
/** Which byte of which image is altered, and to what: from a hash, so that a repetition alters the same bytes. */
const SEED = "origin-integrity/20261122";
/** Ids of vauban.yaml: everybody but the radiographer, who works the modality and with it the key. */
const WITHOUT_THE_KEY = [
  "anyone",
  "reader",
  "patient",
  "archive-admin",
  "gang",
  "data-supplier",
  "annotator",
  "backbone-supplier",
  "vendor-engineer",
  "competitor",
];

/** An image as the archive stores it. */
interface Stored {
  /** Stands for the SOP Instance UID: part of what is signed, so that one image cannot be passed off as another. */
  readonly instance: string;
  readonly pixels: Uint8Array;
  readonly signature: Uint8Array;
}

/** What is signed: the length-prefixed identifier, then the pixels. */
function signedBytes(instance: string, pixels: Uint8Array): Uint8Array {
  const name = new TextEncoder().encode(instance);
  const bytes = new Uint8Array(4 + name.length + pixels.length);
  new DataView(bytes.buffer).setUint32(0, name.length);
  bytes.set(name, 4);
  bytes.set(pixels, 4 + name.length);
  return bytes;
}

const signedAtModality = (instance: string, pixels: Uint8Array, key: KeyObject): Stored => ({
  instance,
  pixels,
  signature: sign(null, signedBytes(instance, pixels), key),
});

/** The step in front of pre-processing: what does not carry the modality's signature goes no further. */
const acceptedForUse = ({ instance, pixels, signature }: Stored, modality: KeyObject): boolean =>
  verify(null, signedBytes(instance, pixels), modality, signature);

/** The same image with exactly one byte changed. */
function withOneByteFlipped(image: Stored): Stored {
  const digest = createHash("sha256").update(`${SEED}/${image.instance}`).digest();
  const at = digest.readUInt32BE(0) % image.pixels.length;
  const mask = 1 + (digest[4]! % 255);
  const pixels = image.pixels.slice();
  pixels[at] = pixels[at]! ^ mask;
  return { ...image, pixels };
}

const file = new URL("data/test.npz", import.meta.url);
const archive = new Uint8Array(readFileSync(file));
const member = readZip(archive).find(({ name }) => name === "x.npy");
if (!member) throw new Error("data/test.npz holds no array x: run generate.py");
const x = readNpy(await readZipMember(archive, member));
if (x.kind !== "numbers" || !(x.values instanceof Uint8Array)) throw new Error("x is not uint8: run generate.py");
const values = x.values;
const size = x.shape.slice(1).reduce((product, side) => product * side, 1);

const modality = generateKeyPairSync("ed25519");
const stored = Array.from({ length: IMAGES }, (_, i) =>
  signedAtModality(`synthetic-image-${i}`, values.slice(i * size, (i + 1) * size), modality.privateKey),
);
const refusedUntouched = stored.filter((image) => !acceptedForUse(image, modality.publicKey)).length;
const acceptedAltered = stored.filter((image) => acceptedForUse(withOneByteFlipped(image), modality.publicKey)).length;
console.log(`untouched: ${IMAGES - refusedUntouched} of ${IMAGES} accepted`);
console.log(`one byte altered: ${IMAGES - acceptedAltered} of ${IMAGES} refused`);
if (refusedUntouched > 0 || acceptedAltered > 0) {
  console.error("the control does not do what the statement would say; nothing was written");
  process.exit(1);
}

const upper = clopperPearson(acceptedAltered, IMAGES).high;
const statement = {
  format: "vauban/statement/1",
  control: "C-92",
  at: "pacs",
  claim:
    "An image that was altered in the archive by one byte is refused before use; an untouched one is accepted. " +
    "Demonstration on synthetic images: no real archive, modality or patient was involved.",
  method:
    `${IMAGES} synthetic images (the first ${IMAGES} of data/test.npz, SHA-256 ${createHash("sha256").update(archive).digest("hex")}) were signed ` +
    "with Ed25519 together with their identifiers, as the modality would sign them. In each, one byte was changed, place " +
    `and value drawn from the seed "${SEED}", and the altered image was put to the verify-before-use step: ` +
    `${IMAGES - acceptedAltered} of ${IMAGES} were refused (95 % interval of acceptance up to ${upper.toFixed(4)}). ` +
    `All ${IMAGES} untouched images were accepted. Repeat it with origin-integrity.ts. Not tried: a stolen modality key, ` +
    "an image replaced before signing, an older signed image put in its place, a way round the step.",
  kind: "denial",
  n: IMAGES,
  successes: acceptedAltered,
  unit: "attempt",
  adaptive: false,
  by: "origin-integrity.ts of this example, run by its authors",
  independent: false,
  date: new Date().toISOString().slice(0, 10),
  subject: { component: "pacs", version: "4.2" },
  binds: WITHOUT_THE_KEY,
};

// The signature covers the canonical JSON (RFC 8785) of everything above, UTF-8.
const assessor = generateKeyPairSync("ed25519");
const signature = {
  alg: "ed25519",
  publicKey: assessor.publicKey.export({ format: "der", type: "spki" }).toString("base64"),
  value: sign(null, new TextEncoder().encode(canonical(statement)), assessor.privateKey).toString("base64"),
};
mkdirSync(new URL("evidence/", import.meta.url), { recursive: true });
writeFileSync(
  new URL("evidence/one-flipped-byte.json", import.meta.url),
  `${JSON.stringify({ ...statement, signature }, undefined, 2)}\n`,
);
console.log(`evidence/one-flipped-byte.json written, dated ${statement.date}`);
