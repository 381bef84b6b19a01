/** What is declared about where the data come from, and whether the bytes are the declared ones. */
import { counted, defineDataCheck, finding, share } from "#datasets/integrity/check.ts";
import type { DataDeclared } from "#assessment/data.ts";

/** What a register of data sources holds, and why it is asked for. */
const WANTED: readonly { readonly field: keyof DataDeclared; readonly what: string; readonly why: string }[] = [
  { field: "source", what: "origin", why: "who made the data, and for what (AIA-10.2-b)" },
  { field: "collected", what: "day of collection", why: "whether the data are of the time they speak of" },
  { field: "licence", what: "licence", why: "whether they may be used for this" },
  { field: "suppliers", what: "supplier", why: "through whose hands they went" },
  { field: "sha256", what: "hash", why: "whether these are the data that were collected (C-20)" },
];

export default defineDataCheck({
  id: "provenance",
  title: "Origin",
  citation: "C-20; datasheets: Gebru et al. 2021",
  bearsOn: { threats: ["T-05", "T-06", "T-07", "T-08", "T-09"], controls: ["C-20"], clauses: ["AIA-10.2-b"] },
  limits: ["whether what is declared is true only a person can say; a hash proves origin, not content"],
  notAsked: ({ declared }) => (declared ? undefined : "nothing declares these data"),
  look({ data, declared }) {
    const gaps = gapsOf(declared!);
    const findings = gaps.map(({ what, why }) =>
      finding(`no-${what.replaceAll(" ", "-")}`, "doubt", `no ${what} is declared: ${why}`, {
        count: 1,
        of: WANTED.length,
        unit: "fields",
        items: [],
      }),
    );
    const differs = differsFrom(declared!, hashesOf(data));
    if (differs)
      findings.push(
        finding("other-bytes", "fault", "the data are not the declared ones: their hash differs", {
          count: 1,
          of: 1,
          unit: "hashes",
          items: [],
        }),
      );
    return {
      n: WANTED.length,
      unit: "fields",
      tried: `the declaration for ${WANTED.map(({ what }) => what).join(", ")}; ${declared!.sha256 ? "the declared hash against the bytes read" : "no hash is declared, so nothing ties the declaration to the bytes"}`,
      findings,
      nothing: `${counted(WANTED.length, "field")} of the origin are declared, and the hash is that of the bytes read`,
    };
  },
  errors({ data, declared }, { rng, faults }) {
    const whole: DataDeclared = {
      source: "x",
      collected: "2026",
      licence: "x",
      suppliers: ["x"],
      sha256: data.sha256,
      ...declared,
    };
    const draw = rng.fork("fields");
    let gone = 0;
    for (let turn = 0; turn < faults; turn++) {
      const { field } = WANTED[draw.below(WANTED.length)]!;
      const { [field]: _, ...rest } = whole;
      if (gapsOf(rest).some((gap) => gap.field === field)) gone++;
    }
    let altered = 0;
    const hashes = hashesOf(data);
    for (let turn = 0; turn < faults; turn++) {
      const at = draw.below(64);
      const digit = ((parseInt(data.sha256[at]!, 16) + 1 + draw.below(15)) % 16).toString(16);
      if (differsFrom({ ...whole, sha256: data.sha256.slice(0, at) + digit + data.sha256.slice(at + 1) }, hashes))
        altered++;
    }
    return {
      planted: [
        { fault: "a field left out of the declaration", detected: share(gone, faults, "declarations") },
        { fault: "a declared hash that differs in one digit", detected: share(altered, faults, "declarations") },
      ],
      falseAlarms: [],
    };
  },
});

const gapsOf = (declared: DataDeclared): typeof WANTED =>
  WANTED.filter(({ field }) => {
    const value = declared[field];
    return value === undefined || value.length === 0 || /^\s*(unknown|todo|tbd|n\/a)?\s*$/i.test(String(value));
  });

const hashesOf = ({
  sha256,
  inputs,
}: {
  sha256: string;
  inputs: readonly { role: string; sha256: string }[];
}): string[] => [sha256, ...inputs.filter(({ role }) => role === "data").map((input) => input.sha256)];

const differsFrom = ({ sha256 }: DataDeclared, hashes: readonly string[]): boolean =>
  sha256 !== undefined && !hashes.includes(sha256);
