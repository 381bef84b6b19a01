/** Tar archives: names that climb, links, devices, what follows the end, and every member; PyTorch's first format among them. */
import { placeOfName } from "#formats/member-name.ts";
import { contentOfMember, examineTar, isTar, type TarMember, type TarProblem } from "#formats/tar.ts";
import type { ScanFinding } from "#assessment/index.ts";
import { importableAmong } from "#artefacts/python-modules.ts";
import { judgeMembers } from "#artefacts/members.ts";
import { defineCheck } from "#artefacts/check.ts";

const ODDITIES: Readonly<Record<TarProblem["kind"], readonly [rule: string, severity: ScanFinding["severity"]]>> = {
  link: ["tar-link", "suspicious"],
  same: ["tar-same", "note"],
  special: ["tar-special", "suspicious"],
  label: ["tar-label", "note"],
  differ: ["tar-differ", "suspicious"],
  end: ["tar-end", "note"],
  header: ["tar-broken", "unknown"],
};
const MEMBERS_MAX = 20_000;
const HEADER = 512;

export default defineCheck({
  title: "tar archive",
  recognise: (content) => (isTar(content) ? "yes" : "no"),
  read(subject) {
    const { content, ledger, meter, report } = subject;
    const tar = examineTar(content, MEMBERS_MAX);
    for (const [start, end] of tar.records) ledger.understood(start, end);
    for (const { kind, at, end, problem } of tar.problems) {
      const [rule, severity] = ODDITIES[kind];
      report({ rule, severity, confidence: "high", start: at, end, message: problem });
    }
    // Readings of one header are one member, but for those that unpack to another place.
    const judged = new Map<string, TarMember>();
    for (const member of tar.members) {
      const key = `${member.header} ${placeOfName(member.name)}`;
      if ((judged.get(key)?.size ?? -1) < member.size) judged.set(key, member);
    }
    judgeMembers(
      "tar",
      [...judged.values()].map(({ name, kind, size, mode, header }) => {
        const folder = kind === "folder";
        return { name, folder, size, mode, named: folder, start: header, end: header + HEADER };
      }),
      subject,
    );
    const importable = importableAmong(tar.members.map(({ name }) => name));
    const read = new Set<string>();
    for (const member of tar.members) {
      const { name, size, pieces, header } = member;
      if (size === 0) continue;
      // Holes cost nothing to store, and time to read.
      const filled = pieces.reduce((sum, { length }) => sum + length, 0);
      if (size - filled > meter.room) {
        const message = `${JSON.stringify(name.slice(0, 200))} has ${size} bytes with its holes, more than may still be unpacked`;
        report({
          rule: "limit-unpacked",
          severity: "unknown",
          confidence: "high",
          start: header,
          end: header + HEADER,
          message,
        });
        for (const { from, length } of pieces) ledger.left(from, from + length, message);
        continue;
      }
      const key = `${name}\n${size} ${pieces.map(({ from, to, length }) => `${from} ${to} ${length}`).join()}`;
      if (read.has(key)) continue;
      read.add(key);
      meter.unpack(Math.max(0, size - filled));
      for (const { from, length } of pieces) ledger.understood(from, from + length);
      subject.inspect(name, contentOfMember(content, member), { importable: importable(name) });
    }
  },
});
