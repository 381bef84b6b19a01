/** 7z archives: the headers, every folder that one known method packs, and every file in it; what climbs, links, grows or is hidden. */
import { contentOf, part } from "#formats/content.ts";
import { FormatError } from "#formats/error.ts";
import { unpackLzma2 } from "#formats/lzma.ts";
import { isSevenZip, readSevenZip, type SevenZipFile, type SevenZipFolder } from "#formats/sevenzip.ts";
import type { ScanFinding } from "#assessment/index.ts";
import { defineCheck, type Subject } from "#artefacts/check.ts";
import type { Range } from "#artefacts/ledger.ts";
import { judgeMembers } from "#artefacts/members.ts";
import { bombOf, unpacked, type Packed } from "#artefacts/packing.ts";
import { importableAmong } from "#artefacts/python-modules.ts";

/** Methods.txt of the LZMA SDK: how folders are packed that are unpacked here. */
const METHODS: Readonly<Record<string, Packed | "stored" | "lzma2">> = {
  "00": "stored",
  "21": "lzma2",
  "030101": "lzma",
  "040108": "deflate",
  "040202": "bzip2",
  "04f71101": "zstd",
};
const AES = "06f10701";
/** The range coder's last bytes, which nothing needs to be read. */
const LZMA_REST = 5;
const SIGNATURE = 6;
const FINDINGS_MAX = 20;
const [DIRECTORY, REPARSE, TYPE, LINK] = [0x10, 0x400, 0xf000, 0xa000];
/** Kinds of files in a mode of POSIX that are neither file, folder nor link: pipes, devices, sockets. */
const SPECIAL: ReadonlySet<number> = new Set([0x1000, 0x2000, 0x6000, 0xc000]);

export default defineCheck({
  title: "7z archive",
  recognise: (content) => (isSevenZip(content) ? "yes" : "no"),
  read(subject) {
    new Reading(subject).read();
  },
});

class Reading {
  private readonly subject: Subject;
  private readonly said = new Map<string, number>();

  constructor(subject: Subject) {
    this.subject = subject;
  }

  read(): void {
    const { content, ledger, meter } = this.subject;
    // Whatever follows it, this is what it says it is.
    ledger.understood(0, SIGNATURE);
    const archive = readSevenZip(
      content,
      (folder) => {
        const { bytes, problem } = this.unpack(folder);
        return bytes ?? problem!.message;
      },
      () => meter.tick(),
    );
    for (const { start, end } of archive.records) ledger.understood(start, end);
    const whole = { start: 0, end: content.size };
    if (archive.hidden !== undefined) {
      this.say("unknown", "7z-hidden", whole, `nobody sees what it holds: its header is packed, and ${archive.hidden}`);
      return ledger.left(0, content.size, archive.hidden);
    }
    this.names(archive.files, whole);
    const byFolder = Map.groupBy(archive.files, ({ at }) => at?.folder ?? -1);
    const ranges = archive.folders.flatMap(({ packed }) => packed).toSorted((a, b) => a.start - b.start);
    for (const [i, range] of ranges.entries())
      if (
        range.end > range.start &&
        (archive.records.some((one) => one.start < range.end && one.end > range.start) ||
          (i > 0 && range.start < ranges[i - 1]!.end))
      )
        this.say("suspicious", "7z-overlap", range, "a packed stream lies where something else does");
    const importable = importableAmong(archive.files.map(({ name }) => name));
    for (const [index, folder] of archive.folders.entries()) this.folder(folder, byFolder.get(index) ?? [], importable);
  }

  private names(files: readonly SevenZipFile[], whole: Range): void {
    judgeMembers(
      "7z",
      files.map(({ name, folder, attributes, at }) => {
        const named = (attributes & DIRECTORY) !== 0 || /[/\\]$/.test(name);
        return { name, folder, size: at?.size ?? 0, mode: attributes >>> 16, named, ...whole };
      }),
      this.subject,
    );
    for (const { name, attributes, anti } of files) {
      if (SPECIAL.has(kindOf(attributes)))
        this.say("suspicious", "7z-link", whole, `${shown(name)} is a pipe, a device or a socket`);
      if (isLink(attributes))
        this.say("suspicious", "7z-link", whole, `${shown(name)} is a link, which leads wherever it says`);
      if (anti) this.say("suspicious", "7z-anti", whole, `${shown(name)} has a file removed where it is unpacked`);
    }
  }

  private folder(
    folder: SevenZipFolder,
    files: readonly SevenZipFile[],
    importable: ReturnType<typeof importableAmong>,
  ): void {
    const { ledger, ports } = this.subject;
    const at = placeOf(folder);
    const { bytes, problem, taken } = this.unpack(folder);
    if (bytes === undefined) {
      for (const { start, end } of folder.packed) ledger.left(start, end, problem!.message);
      return this.say(problem!.severity, problem!.rule, at, `${names(files)}: ${problem!.message}`);
    }
    if (files.length === 0) return ledger.left(at.start, at.end, "no file has it");
    ledger.understood(at.start, at.start + taken!);
    ledger.left(at.start + taken!, at.end, "it follows what is packed there");
    const content = contentOf(bytes);
    for (const { name, at: place, crc32, attributes } of files) {
      const within = part(content, place!.from, place!.from + place!.size);
      if (crc32 !== undefined && ports.crc32(within) !== crc32)
        this.say(
          "suspicious",
          "7z-checksum",
          at,
          `${shown(name)} fails its checksum: readers that check it stop, others go on`,
        );
      // A link's content is the place that it leads to.
      if (!isLink(attributes)) this.subject.inspect(name, within, { importable: importable(name) });
    }
  }

  /** What a folder unpacks to, and how many of its packed bytes that took; or why not. */
  private unpack(folder: SevenZipFolder): {
    readonly bytes?: Uint8Array;
    readonly taken?: number;
    readonly problem?: { readonly rule: string; readonly severity: ScanFinding["severity"]; readonly message: string };
  } {
    const { content, meter, ports } = this.subject;
    const fail = (rule: string, severity: ScanFinding["severity"], message: string) => ({
      problem: { rule, severity, message },
    });
    if (folder.coders.some(({ method }) => method === AES)) return fail("7z-encrypted", "unknown", "it is encrypted");
    const [coder, ...more] = folder.coders;
    const method = more.length === 0 && folder.packed.length === 1 ? METHODS[coder!.method] : undefined;
    if (method === undefined)
      return fail(
        "7z-method",
        "unknown",
        `it is packed by method ${folder.coders.map((one) => one.method.slice(0, 16)).join(" and ")}, which is not read here`,
      );
    const { start, end } = placeOf(folder);
    const { size } = folder;
    const bomb = method === "stored" ? undefined : bombOf(meter, end - start, size);
    if (bomb !== undefined) this.say("suspicious", "bomb", { start, end }, `a decompression bomb: ${bomb}`);
    if (Math.max(size, end - start) > meter.room)
      return fail("limit-unpacked", "unknown", `it unpacks to ${size} bytes, more than may still be unpacked`);
    try {
      const packed = content.read(start, end - start);
      let bytes: Uint8Array;
      let taken: number;
      if (method === "stored") [bytes, taken] = [packed.subarray(0, size), Math.min(size, packed.length)];
      else if (method === "lzma2") {
        ({ bytes, taken } = unpackLzma2(packed, size, () => meter.tick()));
        meter.unpack(bytes.length);
      } else if (method === "lzma") {
        if (coder!.properties.length !== 5) return fail("7z-broken", "unknown", "it has no LZMA properties");
        // The header of an .lzma file: properties, and the size.
        const head = new DataView(new ArrayBuffer(13));
        coder!.properties.forEach((byte, i) => head.setUint8(i, byte));
        head.setBigUint64(5, BigInt(size), true);
        const file = new Uint8Array(13 + packed.length);
        file.set(new Uint8Array(head.buffer));
        file.set(packed, 13);
        const result = unpacked(ports, meter, "lzma", file, size + 1);
        [bytes, taken] = [result.bytes, result.taken - 13];
        if (packed.length - taken <= LZMA_REST) taken = packed.length;
      } else ({ bytes, taken } = unpacked(ports, meter, method, packed, size + 1));
      if (bytes.length !== size)
        return fail("7z-broken", "suspicious", `it unpacks to ${bytes.length} bytes and claims ${size}`);
      if (folder.crc32 !== undefined && ports.crc32(contentOf(bytes)) !== folder.crc32)
        this.say(
          "suspicious",
          "7z-checksum",
          { start, end },
          "a folder fails its checksum: readers that check it stop, others go on",
        );
      return { bytes, taken };
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      return fail("7z-broken", "suspicious", `it cannot be unpacked as it claims: ${error.problem}`);
    }
  }

  private say(severity: ScanFinding["severity"], rule: string, { start, end }: Range, message: string): void {
    const times = (this.said.get(rule) ?? 0) + 1;
    this.said.set(rule, times);
    if (times <= FINDINGS_MAX) this.subject.report({ rule, severity, confidence: "high", start, end, message });
  }
}

const shown = (name: string): string => JSON.stringify(name.slice(0, 200));
const names = (files: readonly SevenZipFile[]): string =>
  files.length === 0
    ? "a folder"
    : `${shown(files[0]!.name)}${files.length > 1 ? ` and ${files.length - 1} more` : ""}`;
const placeOf = ({ packed }: SevenZipFolder): Range => ({ start: packed[0]!.start, end: packed.at(-1)!.end });
/** The kind of file in the mode of POSIX; 7-Zip and libarchive heed it whether or not the attributes say that a mode is there. */
const kindOf = (attributes: number): number => (attributes >>> 16) & TYPE;
const isLink = (attributes: number): boolean => (attributes & REPARSE) !== 0 || kindOf(attributes) === LINK;
