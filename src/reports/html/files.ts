/** The files the system is made of: what loading them would do, how much of each was read, and whether they are those declared. */
import {
  SCAN_VERDICTS,
  type ArtefactsMeasure,
  type Assessment,
  type AssessmentBody,
  type Evidence,
  type ScannedFile,
  type ScanVerdict,
} from "#assessment/index.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { count, foldedList, fold, list, table, tag, tally, words, type Tone } from "./parts.ts";

const VERDICT_TONE: Readonly<Record<ScanVerdict, Tone>> = {
  malicious: "bad",
  suspicious: "bad",
  unknown: "warn",
  "header-ok": "warn",
  "no code path found": "good",
};
/** Rows and findings shown before the rest folds. */
const ROWS = 40;
const FINDINGS = 3;

interface Row {
  readonly file: ScannedFile;
  readonly at: string;
  readonly stale: boolean;
}

export function filesSection({ body }: Assessment): Markup {
  const scans = body.evidence.flatMap((item) => {
    const measure = measureOf(item);
    return measure ? [{ item, measure }] : [];
  });
  const rows = scans
    .flatMap(({ item, measure }) =>
      measure.files.map((file): Row => ({
        file,
        at: item.at ?? "system",
        stale: item.standing.status === "stale",
      })),
    )
    .toSorted((a, b) => SCAN_VERDICTS.indexOf(a.file.verdict) - SCAN_VERDICTS.indexOf(b.file.verdict));
  const total = scans.reduce((sum, { measure }) => sum + measure.total, 0);
  const unlisted = total - rows.length;
  const absent = withoutFile(body, scans);
  const untried = body.evidence.filter(
    ({ trial, outcome }) =>
      outcome.status === "inconclusive" && body.trials.some(({ id, kind }) => id === trial && kind === "scan"),
  );
  return markup`<p>Each file that the system file names was given to a strict reader, and not a byte of it was run. The verdict speaks of <em>loading</em> the file; it is no evidence against a backdoor in the weights. <em>No code path found</em> is said only where every byte was read and understood, and even then scanners are bypassed now and then.</p>
${
  total > 0
    ? markup`<p>${count(total, "file")}: ${tally(
        scans.flatMap(({ measure }) =>
          SCAN_VERDICTS.flatMap((verdict) => Array<ScanVerdict>(measure.verdicts[verdict]).fill(verdict)),
        ),
        SCAN_VERDICTS,
      )}. Read whole ${sum(scans, "whole")}, in part ${sum(scans, "part")}, not at all ${sum(scans, "none")}.</p>`
    : markup`<p class="soft">No file was scanned.</p>`
}
${filesTable(rows.slice(0, ROWS), body)}
${rows.length > ROWS ? fold(`${rows.length - ROWS} more files`, filesTable(rows.slice(ROWS), body)) : ""}
${unlisted > 0 ? markup`<p class="soft">${count(unlisted, "more file")} of the same or a better verdict ${unlisted === 1 ? "is" : "are"} counted and not listed.</p>` : ""}
${hashTable(body)}
${untried.length + absent.length > 0 ? markup`<h3>Not scanned</h3>${foldedList([...untried.map((item) => markup`${item.title}: ${item.outcome.status === "inconclusive" ? item.outcome.because : ""}`), ...absent.map((what) => markup`${what}: no file is named, so nothing was there to be read`)], 12)}` : ""}`;
}

const measureOf = ({ outcome }: Evidence): ArtefactsMeasure | undefined =>
  outcome.status === "measured" && outcome.measure.kind === "artefacts" ? outcome.measure : undefined;

const sum = (scans: readonly { readonly measure: ArtefactsMeasure }[], read: keyof ArtefactsMeasure["read"]): number =>
  scans.reduce((all, { measure }) => all + measure.read[read], 0);

const filesTable = (rows: readonly Row[], body: AssessmentBody): Markup => {
  const name = words(body);
  return rows.length === 0
    ? markup``
    : table<Row>(
        "Files and what loading them would do, worst first",
        [
          {
            head: "File",
            wide: true,
            cell: ({ file }) =>
              markup`${file.path}<br><small class="soft">${sizeText(file.size)} · <code class="nowrap" title="${file.sha256}">${file.sha256.slice(0, 16)}</code></small>`,
          },
          {
            head: "Verdict",
            cell: ({ file, stale }) =>
              markup`${tag(file.verdict, VERDICT_TONE[file.verdict])}${stale ? markup`<br>${tag("not the file declared", "bad")}` : ""}`,
          },
          {
            head: "Read",
            cell: ({ file }) =>
              markup`${{ whole: "whole", part: "in part", none: "not at all" }[file.read]}${file.members > 0 ? markup`<br><small class="soft nowrap">${count(file.members, "part")} inside</small>` : ""}`,
          },
          { head: "What was found, and where", cell: ({ file }) => foundIn(file), wide: true },
          { head: "Of", cell: ({ at }) => name.place(at.replace(/^dataset:/, "")) },
        ],
        rows,
      );
};

function foundIn(file: ScannedFile): Markup {
  if (file.findings.length === 0)
    return markup`<span class="soft">${file.verdict === "no code path found" ? "nothing that would run" : "nothing; a header was checked, and no more was promised"}</span>`;
  const items = file.findings.map(
    ({ rule, start, end, message, member }) =>
      markup`${message} <small class="soft">${rule}, <span class="nowrap">bytes ${start} to ${end}</span>${member === undefined ? "" : markup` of <code>${member}</code>`}</small>`,
  );
  const more = file.more > 0 ? [markup`<span class="soft">${file.more} more, in <code>vauban scan</code></span>`] : [];
  return markup`${strip(file)}${list(items.slice(0, FINDINGS))}${items.length + more.length > FINDINGS ? fold(`${items.length - FINDINGS + file.more} more`, list([...items.slice(FINDINGS), ...more])) : ""}`;
}

/** Where in the file the findings lie; those inside a member have no place of their own in it. */
function strip({ size, findings, path }: ScannedFile): Markup {
  const own = findings.filter(({ member, start, end }) => member === undefined && !(start === 0 && end >= size));
  if (own.length === 0 || size === 0) return markup``;
  const width = 240;
  // Harm is drawn over what was not read.
  const order = own.toSorted((a, b) => Number(b.severity === "unknown") - Number(a.severity === "unknown"));
  const marks = order.map(({ start, end, severity }) => {
    const x = (start / size) * width;
    const w = Math.max(2, ((end - start) / size) * width);
    return markup`<rect class="${severity === "unknown" ? "unread" : "harm"}" x="${Math.min(x, width - w).toFixed(1)}" y="0" width="${w.toFixed(1)}" height="9"/>`;
  });
  return markup`<svg class="strip" viewBox="0 0 ${width} 9" width="${width}" height="9" role="img" aria-label="where in the ${size} bytes of ${path} the findings lie"><rect class="all" x="0" y="0" width="${width}" height="9"/>${marks}</svg>`;
}

interface Declared {
  readonly path: string;
  readonly at: string;
  readonly declared: string | undefined;
  readonly found: string | undefined;
  /** The finding that its signature made, if any; absent where nothing is signed. */
  readonly signature?: { readonly finding: string | undefined } | undefined;
}

/** Declared hashes beside those of the bytes; of a folder, the hash of its listing. */
function hashTable(body: AssessmentBody): Markup {
  const inputs = new Map(
    body.trials
      .filter(({ kind }) => kind === "scan")
      .flatMap((trial) => trial.inputs.map((input) => [input.path, input])),
  );
  const findings = new Set(body.findings.map(({ id }) => id));
  const signatureOf = (component: string): Declared["signature"] => {
    const finding = `F-signature:${component}`;
    return { finding: findings.has(finding) ? finding : undefined };
  };
  const rows: Declared[] = [
    ...body.system.components.flatMap(({ id, title, model, files = [] }) => [
      ...(model?.artefact === undefined
        ? []
        : [
            {
              path: model.artefact,
              at: title,
              declared: model.sha256,
              signature: model.signature && signatureOf(id),
            },
          ]),
      ...files.map(({ path, sha256 }) => ({ path, at: title, declared: sha256 })),
    ]),
    ...body.system.datasets.flatMap(({ title, path, sha256 }) =>
      path === undefined ? [] : [{ path, at: title, declared: sha256 }],
    ),
  ].map((row) => ({ ...row, found: inputs.get(row.path)?.sha256 }));
  if (rows.length === 0) return markup``;
  return markup`${table<Declared>(
    "Whether they are the files declared",
    [
      { head: "File or folder", cell: ({ path }) => path },
      { head: "Of", cell: ({ at }) => at },
      {
        head: "Declared",
        cell: ({ declared, found, signature }) =>
          signature?.finding !== undefined
            ? markup`${tag("not shown to be as signed", "bad")}<br><small class="soft">${signature.finding}</small>`
            : declared === undefined
              ? signature
                ? tag("as signed", "good")
                : tag("no hash declared", "warn")
              : found === undefined
                ? tag("not compared", "warn")
                : declared === found
                  ? tag("as declared", "good")
                  : tag("another file", "bad"),
      },
      {
        head: "SHA-256",
        cell: ({ declared, found }) =>
          markup`${found === undefined ? "" : markup`<code>${found}</code>`}${declared !== undefined && declared !== found ? markup`<br><small class="soft">declared: <code>${declared}</code></small>` : ""}`,
        wide: true,
      },
    ],
    rows,
  )}<p class="soft">That bytes are those declared shows where they come from only as far as the declared hash does: what was put into them before it was written down, it does not show.</p>`;
}

function withoutFile(
  { system }: AssessmentBody,
  scans: readonly { readonly item: Evidence; readonly measure: ArtefactsMeasure }[],
): string[] {
  return [
    ...system.components.flatMap(({ title, model }) => (model && model.artefact === undefined ? [title] : [])),
    ...system.datasets.flatMap(({ title, path }) => (path === undefined ? [title] : [])),
    ...scans.flatMap(({ item, measure }) => measure.absent.map((what) => `${what} of ${item.at}`)),
  ];
}

const UNITS = ["bytes", "kB", "MB", "GB", "TB"] as const;

/** `43.4 kB`, in powers of a thousand. */
export function sizeText(bytes: number): string {
  const power = Math.min(UNITS.length - 1, bytes < 1000 ? 0 : Math.floor(Math.log10(bytes) / 3));
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${UNITS[power]}`;
}
