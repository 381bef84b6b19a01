/** ZIP archives: what their records hide from one reader and show to another, and every member; PyTorch's and NumPy's among them. */
import { contentOf, part, upTo, type Content } from "#formats/content.ts";
import { FormatError } from "#formats/error.ts";
import { placeOfName } from "#formats/member-name.ts";
import { isTflite } from "#formats/tflite.ts";
import { examineZip, zipSigns, type ExaminedMember, type ZipOddity } from "#formats/zip-examined.ts";
import type { ScanFinding } from "#assessment/index.ts";
import { defineCheck, type Storage, type Subject, type Surroundings } from "#artefacts/check.ts";
import { judgeMembers } from "#artefacts/members.ts";
import { bombOf, unpacked, type Packed } from "#artefacts/packing.ts";
import { importableAmong } from "#artefacts/python-modules.ts";
import { judgeTorchBytecode } from "#artefacts/torch-bytecode.ts";
import { judgeTogether, readTorchScript, type ReadScript } from "#artefacts/torchscript.ts";

/** What each oddity of the records means. */
const ODDITIES: Readonly<Record<ZipOddity, readonly [rule: string, severity: ScanFinding["severity"]]>> = {
  mismatch: ["zip-mismatch", "suspicious"],
  overlap: ["zip-overlap", "suspicious"],
  link: ["zip-link", "suspicious"],
  encrypted: ["zip-encrypted", "unknown"],
  method: ["zip-method", "unknown"],
  size: ["zip-size", "suspicious"],
  outside: ["zip-outside", "suspicious"],
  volumes: ["zip-volumes", "unknown"],
  directory: ["zip-directory", "suspicious"],
};

/** APPNOTE 4.4.5: how members are packed that are unpacked here. */
const METHODS: Readonly<Record<number, Packed | "stored" | "lzma-member">> = {
  0: "stored",
  8: "deflate",
  12: "bzip2",
  14: "lzma-member",
  93: "zstd",
  95: "xz",
};

const MEMBERS_EXAMINED = 20_000;

export default defineCheck({
  title: "zip archive",
  recognise(content) {
    const { front, back } = zipSigns(content);
    // TFLite keeps files in an archive behind the model; its own check hands that on.
    if (!front && isTflite(content) === "yes") return "no";
    return front || back ? "yes" : "no";
  },
  read(subject) {
    const { content, ledger, report } = subject;
    const zip = examineZip(content, MEMBERS_EXAMINED);
    for (const { records } of [zip, ...zip.members]) for (const [start, end] of records) ledger.understood(start, end);
    for (const { kind, at, end, problem } of zip.problems) {
      const [rule, severity] = ODDITIES[kind];
      report({ rule, severity, confidence: "high", start: at, end, message: problem });
    }
    judgeMembers(
      "zip",
      zip.members.flatMap(({ name, alsoNamed, entry: [start, end], size, mode, marked, folder }) => {
        const others = alsoNamed.filter((other) => placeOfName(other) !== placeOfName(name));
        return [name, ...others].map((one) => {
          return { name: one, folder, size, mode, named: marked || one.endsWith("/"), start, end };
        });
      }),
      subject,
    );
    const torch = torchArchive(zip.members);
    const keras =
      /\.keras$/i.test(subject.path) || zip.members.some(({ name }) => /^model\.weights\.(h5|npz)$/.test(name));
    // By the folder they lie in: data.pkl names those in data/, constants.pkl those in constants/.
    const storages = new Map<string, Storage>();
    const scripts: ReadScript[] = [];
    const importable = importableAmong(zip.members.flatMap(({ name, alsoNamed }) => [name, ...alsoNamed]));
    // Pickles first: they say which members are storages, and how large.
    const rank = (member: ExaminedMember): number => (member.name.endsWith(".pkl") ? 0 : 1);
    for (const member of zip.members.toSorted((a, b) => rank(a) - rank(b))) {
      if (member.at === undefined) continue;
      if (member.folder) {
        if (member.packedSize > 0)
          ledger.left(member.at, member.at + member.packedSize, `"${member.name}" is a folder with content`);
        continue;
      }
      const within = readMember(subject, member);
      if (within === undefined) continue;
      for (const name of [member.name, ...member.alsoNamed])
        subject.inspect(name, within, {
          importable: importable(name),
          ...(torch && partOfTorch(torch, name, within, storages)),
          ...(torch && codeOfTorch(torch, { ...member, name }, within, subject, scripts)),
          ...(keras && /(^|\/)config\.json$/i.test(name) ? { keras } : {}),
        });
    }
    judgeTogether(scripts);
  },
});

/** TorchScript that keeps to tensor arithmetic is understood; what else it does is said at its place. */
function codeOfTorch(
  { root, script }: TorchArchive,
  member: ExaminedMember,
  within: Content,
  { report, meter }: Subject,
  scripts: ReadScript[],
): Surroundings {
  const { name, at, packedSize, method } = member;
  const inner = name.startsWith(root) ? name.slice(root.length) : name;
  const say = (rule: string, severity: ScanFinding["severity"], message: string, from: number, to: number): void =>
    report({
      rule,
      severity,
      confidence: "high",
      start: method === 0 ? at! + from : at!,
      end: method === 0 ? at! + to : at! + packedSize,
      message: `${JSON.stringify(inner.slice(0, 200))}: ${message}`,
    });
  if (inner === "bytecode.pkl") judgeTorchBytecode(within, say, () => meter.tick());
  if (!script || !/^code\/.+\.py$/.test(inner)) return {};
  const read = readTorchScript(name, within, say);
  scripts.push(read);
  return read.plain ? { numbers: "TorchScript" } : {};
}

/** The member's content, or nothing where it cannot be read, which is then said. */
function readMember(subject: Subject, member: ExaminedMember): Content | undefined {
  const { content, ledger, meter, ports, report } = subject;
  const [start, end] = [member.at!, member.at! + member.packedSize];
  const say = (rule: string, severity: ScanFinding["severity"], message: string): void =>
    report({ rule, severity, confidence: "high", start, end, message });
  const shown = JSON.stringify(member.name.slice(0, 200));
  const method = METHODS[member.method];
  const leave = (rule: string, severity: ScanFinding["severity"], message: string): undefined => {
    ledger.left(start, end, message);
    say(rule, severity, message);
    return undefined;
  };
  if (method === undefined)
    return leave("zip-method", "unknown", `${shown} is packed by method ${member.method}, which is not read here`);
  const bomb = method === "stored" ? undefined : bombOf(meter, member.packedSize, member.size);
  if (bomb !== undefined) say("bomb", "suspicious", `${shown} is a decompression bomb: ${bomb}`);
  if (method !== "stored" && Math.max(member.size, member.packedSize) > meter.room)
    return leave(
      "limit-unpacked",
      "unknown",
      `${shown} unpacks to ${member.size} bytes, more than may still be unpacked`,
    );
  let within: Content;
  try {
    if (method === "stored") within = part(content, start, end);
    else {
      let packed = content.read(start, member.packedSize);
      let skipped = 0;
      if (method === "lzma-member") {
        // APPNOTE 5.8.8: version, size of the properties, properties; the size is the directory's.
        const header = upTo(content, start, 9);
        if (header.length < 9 || header[2] !== 5)
          return leave("zip-broken", "unknown", `${shown} has no LZMA properties`);
        const size = new DataView(new ArrayBuffer(8));
        size.setBigUint64(0, BigInt(member.size), true);
        skipped = 9 - 13;
        packed = Uint8Array.from([...header.subarray(4, 9), ...new Uint8Array(size.buffer), ...packed.subarray(9)]);
      }
      // One byte more than declared may come, to see that it does.
      const { bytes, taken } = unpacked(
        ports,
        meter,
        method === "lzma-member" ? "lzma" : method,
        packed,
        member.size + 1,
      );
      within = contentOf(bytes);
      const consumed = taken + skipped;
      if (method !== "lzma-member" && consumed < member.packedSize) {
        ledger.understood(start, start + consumed);
        ledger.left(start + consumed, end, `${shown} ends before its data does`);
        return finish(within);
      }
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    if (member.encrypted) return leave("zip-encrypted", "unknown", `${shown} is encrypted: it was not read`);
    return leave("zip-broken", "suspicious", `${shown} cannot be unpacked as it claims: ${error.problem}`);
  }
  if (member.encrypted && (within.size !== member.size || ports.crc32(within) !== member.crc32))
    return leave("zip-encrypted", "unknown", `${shown} is encrypted: it was not read`);
  ledger.understood(start, end);
  return finish(within);

  function finish(found: Content): Content {
    if (member.encrypted)
      say(
        "zip-encrypted",
        "suspicious",
        `${shown} is marked as encrypted and is not: readers that trust the mark skip it`,
      );
    if (found.size !== member.size)
      say("zip-size", "suspicious", `${shown} is ${found.size} bytes and claims ${member.size}`);
    else if (!member.encrypted && ports.crc32(found) !== member.crc32)
      say("zip-checksum", "suspicious", `${shown} fails its checksum: readers that check it stop, others go on`);
    meter.tick();
    return found;
  }
}

interface TorchArchive {
  readonly root: string;
  readonly script: boolean;
}

/** PyTorch's own archives hold everything in one folder, with data.pkl and version in it (torch/serialization.py). */
function torchArchive(members: readonly ExaminedMember[]): TorchArchive | undefined {
  const names = new Set(members.map(({ name }) => name));
  const found = members.find(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (!found) return undefined;
  const root = found.name.slice(0, -"data.pkl".length);
  if (![`${root}version`, `${root}.data/version`, "version"].some((name) => names.has(name))) return undefined;
  return { root, script: names.has(`${root}constants.pkl`) };
}

/** The small records of the archive, by what they may hold. */
const RECORDS: Readonly<Record<string, RegExp>> = {
  version: /^\d{1,4}\n?$/,
  ".data/version": /^\d{1,4}\n?$/,
  byteorder: /^(little|big)\n?$/,
  ".data/serialization_id": /^\d{1,64}$/,
  ".format_version": /^\d{1,4}\n?$/,
  ".storage_alignment": /^\d{1,8}\n?$/,
};

function partOfTorch(
  { root, script }: TorchArchive,
  name: string,
  within: Content,
  storages: Map<string, Storage>,
): Surroundings {
  const inner = name.startsWith(root) ? name.slice(root.length) : name;
  if (inner.endsWith(".pkl") || inner.endsWith(".debug_pkl")) {
    const folder = inner.slice(0, inner.lastIndexOf("."));
    return {
      persistentIds: "torch",
      torchScript: script,
      storage: (one) => void storages.set(`${folder}/${one.key}`, one),
    };
  }
  const record = RECORDS[inner];
  if (record && within.size <= 128 && record.test(new TextDecoder("latin1").decode(within.read(0, within.size))))
    return { numbers: "record" };
  const storage = storages.get(inner);
  if (storage && storage.width * storage.elements === within.size) return { numbers: "storage" };
  return {};
}
