/** Tar archives: names that climb, links, devices, what follows the end, and every member; PyTorch's first format among them. */
import { part } from "#formats/content.ts";
import { examineTar, isTar, type TarProblem } from "#formats/tar.ts";
import type { ScanFinding } from "#assessment/index.ts";
import { importableAmong } from "#artefacts/python-modules.ts";
import { judgeMembers } from "#artefacts/members.ts";
import { defineCheck } from "#artefacts/check.ts";

const ODDITIES: Readonly<Record<TarProblem["kind"], readonly [rule: string, severity: ScanFinding["severity"]]>> = {
  link: ["tar-link", "suspicious"],
  special: ["tar-special", "suspicious"],
  end: ["tar-end", "note"],
  header: ["tar-broken", "unknown"],
};
const MEMBERS_MAX = 20_000;

export default defineCheck({
  title: "tar archive",
  recognise: (content) => (isTar(content) ? "yes" : "no"),
  read(subject) {
    const { content, ledger, report } = subject;
    const tar = examineTar(content, MEMBERS_MAX);
    for (const [start, end] of tar.records) ledger.understood(start, end);
    for (const { kind, at, end, problem } of tar.problems) {
      const [rule, severity] = ODDITIES[kind];
      report({ rule, severity, confidence: "high", start: at, end, message: problem });
    }
    judgeMembers(
      "tar",
      tar.members.map(({ name, kind, size, mode, header, at }) => {
        const folder = kind === "folder";
        return { name, folder, size, mode, named: folder, start: header, end: at };
      }),
      subject,
    );
    const importable = importableAmong(tar.members.map(({ name }) => name));
    for (const { name, kind, at, size } of tar.members) {
      if (size === 0) continue;
      if (kind !== "file") {
        ledger.left(at, at + size, `"${name}" is no file and has content`);
        continue;
      }
      ledger.understood(at, at + size);
      subject.inspect(name, part(content, at, at + size), { importable: importable(name) });
    }
  },
});
