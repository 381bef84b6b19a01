/** HDF5 files, Keras's models and weights among them: the whole structure, what leads out of the file, and the models' configurations. */
import { isZero, part, upTo } from "#formats/content.ts";
import { FormatError } from "#formats/error.ts";
import { isListedPlugin, superblockAt, walkHdf5, type Hdf5Chunk, type Hdf5Oddity } from "#formats/hdf5.ts";
import type { ScanFinding } from "#assessment/index.ts";
import { defineCheck, type Subject } from "#artefacts/check.ts";
import { unpacked } from "#artefacts/packing.ts";
import { carrierOf } from "#artefacts/payload.ts";

const ODDITIES: Readonly<Record<Hdf5Oddity, readonly [rule: string, severity: ScanFinding["severity"]]>> = {
  broken: ["hdf5-broken", "unknown"],
  unsupported: ["hdf5-unsupported", "unknown"],
  outside: ["hdf5-outside", "suspicious"],
  filter: ["hdf5-filter", "unknown"],
  overlap: ["hdf5-overlap", "suspicious"],
};
/** H5Z_FILTER_…: deflate, shuffle, Fletcher32. */
const [DEFLATE, SHUFFLE, FLETCHER32] = [1, 2, 3];
/** Attributes of Keras that are programs. */
const CONFIGURATIONS = /^(model_config|training_config|optimizer_config|layer_config|config)$/;
const PROBED_MAX = 2000;
const BRACE = 0x7b;

export default defineCheck({
  title: "HDF5 file",
  recognise: (content) => (superblockAt(content) >= 0 ? "yes" : "no"),
  read(subject) {
    const { content, ledger, meter, report } = subject;
    const hdf5 = walkHdf5(content, () => meter.tick());
    for (const { kind, start, end, problem } of hdf5.problems) {
      const [rule, severity] = ODDITIES[kind];
      const listed = kind !== "filter" || isListedPlugin(Number(/filter (\d+)/.exec(problem)?.[1]));
      report({
        rule,
        severity: listed ? severity : "suspicious",
        confidence: "high",
        start,
        end,
        message: problem,
      });
    }
    for (const [start, end] of hdf5.records) ledger.understood(start, end);
    for (const chunk of hdf5.chunks) readChunk(subject, chunk);
    for (const { start, end } of ledger.unread()) {
      // Space that nothing refers to, and where nothing was ever written.
      if (isZero(content, start, end)) ledger.understood(start, end);
      else
        ledger.left(start, end, start < hdf5.at ? "it lies before the HDF5 file" : "nothing in the file refers to it");
    }
    let probed = 0;
    for (const { object, name, start, end } of hdf5.texts) {
      const text = trimmed(subject, start, end);
      const within = part(content, start, text);
      // What Keras makes a model of; the rest may be read by anybody's program.
      if (CONFIGURATIONS.test(name))
        subject.inspect(`${object}@${name}`, within, name === "model_config" ? { keras: true } : {});
      else if (upTo(content, start, 1)[0] === BRACE)
        subject.probe(`${object}@${name}`, within, { start, end, what: "a document as an attribute" });
    }
    const loose = [
      ...hdf5.values,
      ...hdf5.chunks.filter(({ filters, datatype }) => filters.length === 0 && datatype.loose),
    ];
    for (const { start, end } of loose) {
      if (end - start < 8) continue;
      const what = carrierOf(upTo(content, start, Math.min(160, end - start)));
      if (what === undefined) continue;
      if (++probed > PROBED_MAX) {
        report({
          rule: "limit-payload",
          severity: "unknown",
          confidence: "high",
          start,
          end,
          message: `more than ${PROBED_MAX} values look like something else; the rest was not looked into`,
        });
        break;
      }
      subject.probe(`${what} at ${start}`, part(content, start, end), { start, end, what: `a ${what} as a value` });
    }
  },
});

/** One past the last byte that is no padding. */
function trimmed({ content }: Subject, start: number, end: number): number {
  const bytes = content.read(start, end - start);
  let length = bytes.length;
  while (length > 0 && (bytes[length - 1] === 0 || bytes[length - 1] === 0x20)) length--;
  return start + length;
}

/** Numbers as they are, or packed by what can be unpacked to what they should come to. */
function readChunk(subject: Subject, { dataset, start, end, size, filters }: Hdf5Chunk): void {
  const { content, ledger, meter, ports, report } = subject;
  const say = (message: string): void => {
    ledger.left(start, end, message);
    report({ rule: "hdf5-chunk", severity: "unknown", confidence: "high", start, end, message });
  };
  if (filters.some((filter) => filter !== DEFLATE && filter !== SHUFFLE && filter !== FLETCHER32))
    return ledger.left(start, end, `"${dataset}" is packed by a filter that is not read here`);
  const checked = filters.includes(FLETCHER32!) ? 4 : 0;
  if (!filters.includes(DEFLATE!)) {
    if (end - start !== size + checked)
      return say(`a chunk of "${dataset}" is ${end - start} bytes and should be ${size + checked}`);
    return ledger.understood(start, end);
  }
  if (size > meter.room) return say(`a chunk of "${dataset}" unpacks to more than may still be unpacked`);
  try {
    const { bytes, taken } = unpacked(ports, meter, "zlib", content.read(start, end - start), size + 5);
    // A checksum stands before or behind the packing, as the filters were put.
    if (![size, size + checked].includes(bytes.length) || end - start - taken > checked)
      return say(`a chunk of "${dataset}" unpacks to ${bytes.length} bytes and should to ${size}`);
    ledger.understood(start, end);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    say(`a chunk of "${dataset}" cannot be unpacked: ${error.problem}`);
  }
}
