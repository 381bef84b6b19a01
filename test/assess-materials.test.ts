/** What an assessment looks at of a system's materials: signatures by keys that the system file names, lock files, a VEX. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { generateKeyPairSync } from "node:crypto";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, expect, test } from "vitest";
import {
  ASSESSMENT_FORMAT,
  ASSESSMENT_SHARED_FORMAT,
  assessment as assessmentSchema,
  type Assessment,
  type AttackClass,
  type Risk,
  type Verb,
} from "#assessment/index.ts";
import { sha256 } from "#base/hash.ts";
import type { Host } from "#base/ports.ts";
import { groundsOfSystem } from "#assess/risk.ts";
import { localHost } from "#host/index.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { rateRisks } from "#risk/index.ts";
import { dereferenced, referencedPieces } from "#base/references.ts";
import { bomCommand } from "#cli/commands/bom.ts";
import { schemas } from "#cli/commands/schema.ts";
import { signCommand } from "#cli/commands/signature.ts";
import { summary } from "#cli/summary.ts";
import type { Colours } from "#cli/terminal.ts";
import { cycloneDx } from "#host/schemas.ts";
import { htmlReport } from "#reports/html/index.ts";
import { validateCommand } from "#cli/commands/validate.ts";
import { assessed, assessText } from "./support/assess.ts";
import { ran } from "./support/command.ts";
import { op, pickle } from "./support/pickle.ts";
import { IDENTITY, ISSUER, LittleSigstore } from "./support/sigstore.ts";

const temporary = mkdtempSync(join(tmpdir(), "vauban-materials-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

/** Nothing is scanned: what is asked here is another question. */
const unscanned = ({ files, models, store, clock, solver, signatures, bomRules }: Host): Host => ({
  files,
  models,
  store,
  clock,
  ...(solver && { solver }),
  ...(signatures && { signatures }),
  ...(bomRules && { bomRules }),
});

const lock = (integrity: boolean): string =>
  JSON.stringify({
    name: "sorter",
    lockfileVersion: 3,
    packages: {
      "": { name: "sorter", dependencies: { left: "1.0.0", right: "2.0.0" } },
      "node_modules/left": {
        version: "1.0.0",
        resolved: "https://registry.example.org/left-1.0.0.tgz",
        integrity: `sha512-${Buffer.alloc(64, 1).toString("base64")}`,
      },
      "node_modules/right": {
        version: "2.0.0",
        resolved: "https://registry.example.org/right-2.0.0.tgz",
        ...(integrity && { integrity: `sha512-${Buffer.alloc(64, 2).toString("base64")}` }),
      },
    },
  });
const vex = (state: string): string =>
  JSON.stringify({
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      timestamp: "2026-11-20T00:00:00Z",
      component: { type: "application", name: "Stroke sorter", version: "1" },
    },
    vulnerabilities: [
      { id: "CVE-2026-0001", affects: [{ ref: "components.sorter" }], analysis: { state: "resolved" } },
      {
        id: "CVE-2026-0002",
        affects: [{ ref: "pkg:npm/left@1.0.0" }],
        analysis: { state, justification: "code_not_reachable" },
      },
    ],
  });

interface Wish {
  readonly flip?: boolean;
  readonly unsigned?: boolean;
  /** In place of the signer's public key. */
  readonly key?: string;
  readonly integrity?: boolean;
  readonly state?: string;
  /** In the system file, in place of none. */
  readonly sha256?: string;
  /** Signed by an identity instead of a key, and held to this one. */
  readonly identity?: string;
  /** In place of a trusted root. */
  readonly trustedRoot?: string;
}
let made = 0;
const assess = async (wish: Wish): Promise<Assessment> => {
  const { text, folder } = await sorter(wish);
  return assessed(text, folder, { state: join(folder, ".state"), hosted: unscanned });
};

/** A system whose model is signed, with a lock file and a VEX beside it. */
async function sorter({
  flip = false,
  unsigned = false,
  integrity = true,
  state = "not_affected",
  sha256,
  identity,
  trustedRoot,
  key,
}: Wish): Promise<{ readonly text: string; readonly folder: string }> {
  const folder = join(temporary, String(++made));
  cpSync(resolve("examples/fixtures"), folder, { recursive: true, filter: (path) => !path.includes(".vauban") });
  const model = join(folder, "model.bin");
  writeFileSync(model, pickle(op.str("nothing but a word")));
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const secret = join(temporary, `secret-${made}.pem`);
  writeFileSync(secret, privateKey.export({ type: "pkcs8", format: "pem" }));
  writeFileSync(join(folder, "maker.pub.pem"), key ?? publicKey.export({ type: "spki", format: "pem" }));
  if (identity !== undefined) {
    const sigstore = new LittleSigstore();
    writeFileSync(join(folder, "trusted_root.json"), trustedRoot ?? JSON.stringify(sigstore.trustedRoot()));
    writeFileSync(`${model}.sigstore.json`, JSON.stringify(sigstore.bundle(readFileSync(model))));
  } else if (!unsigned) await ran((invocation) => signCommand(invocation, model, { key: secret }));
  if (flip) writeFileSync(model, pickle(op.str("nothing but a Word")));
  writeFileSync(join(folder, "package-lock.json"), lock(integrity));
  writeFileSync(join(folder, "vex.cdx.json"), vex(state));
  const text = readFileSync(join(folder, "vauban.yaml"), "utf8")
    .replace(
      /artefact: mlp\.onnx/,
      `artefact: model.bin\n    signature: ${identity === undefined ? "{ key: maker.pub.pem }" : `{ identity: ${identity}, issuer: ${ISSUER}, trusted-root: trusted_root.json }`}`,
    )
    .replace(/\n {4}sha256: [0-9a-f]{64}/g, "")
    .replace("artefact: model.bin", sha256 === undefined ? "$&" : `$&\n    sha256: ${sha256}`)
    .replace(/\n {4}accuracy: [^\n]*/, "")
    .replace("role: test", "role: operational")
    .replace(/\ntests:[^]*?\nharms:/, "\nimports:\n  - { vex: vex.cdx.json, for: [T-35] }\n\nharms:");
  writeFileSync(join(folder, "vauban.yaml"), text);
  return { text, folder };
}
/** With nothing wrong in it. */
const fine = assess({});
const cell = ({ body }: Assessment, of: AttackClass, verb: Verb) =>
  body.matrix.find((one) => one.class === of && one.verb === verb)!;

test("a signature that holds, pinned and hashed libraries and a VEX without open ends are shown as checked, and fill nothing", async () => {
  const assessment = await fine;
  const detect = cell(assessment, "MP", "detect");
  expect(detect.state).toBe("checked");
  expect(detect.controls).toEqual(expect.arrayContaining(["C-73", "C-78"]));
  const tried = detect.tried.join("\n");
  expect(tried).toContain("model.bin is as signed by the holder of maker.pub.pem: 1 file");
  expect(tried).toContain("package-lock.json (npm");
  expect(tried).toContain("of 2 packages 2 are pinned to a version, 2 to digests");
  expect(tried).toContain("names 2 vulnerabilities of this system and leaves 0 open");
  expect(detect.notTried.join("\n")).toContain("refused when it is loaded");
  expect(cell(assessment, "MP", "prevent")).toMatchObject({ state: "checked", controls: ["C-76"] });
  expect(cell(assessment, "MP", "resolve")).toMatchObject({ state: "checked", controls: ["C-78"] });
  expect(assessment.body.findings.some(({ id }) => id.startsWith("F-signature"))).toBe(false);
  expect(htmlReport(assessment)).toContain("as signed</span>");
});

const screen = (assessment: Assessment, fresh = false): string =>
  summary(assessment, {
    colours: new Proxy({}, { get: () => (text: string) => text }) as Colours,
    columns: 120,
    reportPath: "report.html",
    system: "there",
    fresh,
  }).replaceAll(/\s+/g, " ");

test("a file that is not the one declared is told first of the files, and what to do next; of a run not made nothing is called stale", async () => {
  const assessment = await assess({ sha256: "ab".repeat(32) });
  expect(screen(assessment)).toMatch(
    /FILES model\.bin is not the file declared: declared is SHA-256 abababababab…, there is [0-9a-f]{12}…;/,
  );
  expect(screen(assessment)).toMatch(
    /NEXT model\.bin is not the file declared: find out .* `vauban explain F-integrity:sorter --system there`/,
  );
  expect(screen(assessment)).not.toMatch(/stale|deployed/);
  const stopped = {
    ...assessment,
    body: { ...assessment.body, partial: { reason: "cancelled by Ctrl-C", untested: [] } },
  };
  expect(screen(stopped)).toContain("NEXT run the same command again: what was measured is kept");
  expect(screen(stopped, true), "--fresh would measure it again").toContain(
    "NEXT run the same command again without --fresh: ",
  );
});

test("one flipped byte is an error, contradicts the supply chain's claim, and the cell says so; open ends fill no cell", async () => {
  const assessment = await assess({ flip: true, integrity: false, state: "in_triage" });
  expect(assessment.body.findings.find(({ id }) => id === "F-signature:sorter")).toMatchObject({
    severity: "error",
    status: "confirmed",
    title: "model.bin is not as signed by the holder of maker.pub.pem",
    detail: expect.stringContaining("sha256"),
  });
  expect(screen(assessment)).toContain("FILES model.bin is not as signed by the holder of maker.pub.pem: ");
  expect(screen(assessment)).toMatch(
    /NEXT model\.bin is not as signed by .* `vauban explain F-signature:sorter --system there`/,
  );
  expect(
    assessment.body.claims
      .filter(({ findings }) => findings?.includes("F-signature:sorter"))
      .map(({ status }) => status),
  ).toContain("contradicted");
  expect(cell(assessment, "MP", "detect").tried.join("\n")).toMatch(
    /model\.bin is not as signed by the holder of maker\.pub\.pem/,
  );
  expect(htmlReport(assessment)).toContain("not shown to be as signed</span>");
  expect(cell(assessment, "MP", "detect").tried.join("\n")).toContain("2 are pinned to a version, 1 to digests");
  for (const verb of ["prevent", "resolve"] as const) expect(cell(assessment, "MP", verb).state).not.toBe("checked");
});

/** Nothing in it speaks of a file that was changed, and nothing of one that was not. */
function expectUnchecked(assessment: Assessment): void {
  const said = screen(assessment);
  expect(said).toContain("FILES model.bin could not be held to a signature by ");
  expect(said).not.toMatch(/not as signed|who changed/);
  const claims = assessment.body.claims.filter(({ findings }) => findings?.includes("F-signature:sorter"));
  expect([...new Set(claims.map(({ status }) => status))]).toEqual(["missing"]);
  expect(cell(assessment, "MP", "detect").controls).not.toContain("C-73");
}

test("a signature that is promised and not there could not be checked: it says neither that the file was changed nor that it was not", async () => {
  const assessment = await assess({ unsigned: true });
  expect(assessment.body.findings.find(({ id }) => id === "F-signature:sorter")).toMatchObject({
    status: "inconclusive",
    severity: "error",
    title: "model.bin could not be held to a signature by the holder of maker.pub.pem",
    detail: "there is no signature at model.bin.sig",
    remedy: expect.stringMatching(/`signature: bundle`.*vauban signature sign model\.bin/),
  });
  expectUnchecked(assessment);
});

test("a key that is none accuses nobody, and the remedy names it; validate tells of it before anything is run", async () => {
  const key = "no key at all";
  const keyed = await assess({ key });
  expect(keyed.body.findings.find(({ id }) => id === "F-signature:sorter")).toMatchObject({
    status: "inconclusive",
    detail: "maker.pub.pem holds no PEM block",
    remedy: expect.stringContaining("in place of maker.pub.pem name a file with -----BEGIN"),
  });
  expectUnchecked(keyed);
  const told = async (of: Wish) => {
    const { folder } = await sorter(of);
    const { out } = await ran((invocation) => validateCommand(invocation, folder));
    return [...out.matchAll(/W502 {2}(.*)/g)].map(([, message]) => message);
  };
  expect(await told({ unsigned: true, key })).toEqual([
    "the signature of model.bin cannot be checked: there is no signature at model.bin.sig",
    "the signature of model.bin cannot be checked: maker.pub.pem holds no PEM block",
  ]);
  expect(await told({})).toEqual([]);
});

test("a signature by an identity is held to its name, its issuer and the trusted root, offline; the cell says what was checked and what nobody can", async () => {
  const assessment = await assess({ identity: IDENTITY });
  const detect = cell(assessment, "MP", "detect");
  expect(detect).toMatchObject({ state: "checked", controls: expect.arrayContaining(["C-73"]) });
  const tried = detect.tried.join("\n");
  expect(tried).toContain(`model.bin is as signed by ${IDENTITY} (vouched for by ${ISSUER}): 1 file, entry 1002 of`);
  expect(tried).toContain("the certificate's promise by the log certificates.example.org");
  expect(detect.notTried.join("\n")).toContain("where the trusted root itself comes from");
  expect(detect.notTried.join("\n")).not.toContain("whose key it is");
  expect(assessment.body.findings.some(({ id }) => id.startsWith("F-signature"))).toBe(false);
});

test("what another identity signed, and what nothing readable is trusted for, is an error with the command that tells more", async () => {
  const other = await assess({ identity: "somebody@example.org" });
  expect(other.body.findings.find(({ id }) => id === "F-signature:sorter")).toMatchObject({
    severity: "error",
    status: "confirmed",
    title: `model.bin is not as signed by somebody@example.org (vouched for by ${ISSUER})`,
    detail: `it was signed by "${IDENTITY}", not by "somebody@example.org"`,
    remedy: expect.stringContaining(
      `\`vauban signature verify model.bin --identity somebody@example.org --issuer ${ISSUER} --trusted-root trusted_root.json\``,
    ),
  });
  expect(
    other.body.claims.filter(({ findings }) => findings?.includes("F-signature:sorter")).map(({ status }) => status),
  ).toContain("contradicted");
  expect(screen(other)).toMatch(/FILES model\.bin is not as signed by somebody@example\.org/);
  const unreadable = await assess({ identity: IDENTITY, trustedRoot: "{}" });
  expect(unreadable.body.findings.find(({ id }) => id === "F-signature:sorter")).toMatchObject({
    detail: "trusted_root.json: it is no TrustedRoot of Sigstore",
    status: "inconclusive",
    remedy: expect.stringContaining("give Sigstore's trusted_root.json"),
  });
  expectUnchecked(unreadable);
});

test("the run carries the bill of materials that bom writes of it: valid by the official schema, hashed in the assessment, and another where one byte of a file is", async () => {
  const { text, folder } = await sorter({});
  const run = async () => {
    const result = await assessText(text, folder, { state: join(folder, ".state"), hosted: unscanned, bill: true });
    if ("diagnostics" in result) throw new Error("refused");
    return { ...result, bill: result.assessment.body.bom! };
  };
  const { assessment, bom, bill } = await run();
  expect(bill).toMatchObject({ status: "made", file: "bom.cdx.json", models: 1, libraries: 2, sha256: sha256(bom!) });
  expect((await cycloneDx()).check(JSON.parse(bom!))).toEqual([]);
  const document = join(folder, "assessment.json");
  writeFileSync(document, JSON.stringify(assessment));
  const { out } = await ran((invocation) =>
    bomCommand(invocation, folder, { spec: "1.6", assessment: document, asOf: assessment.body.asOf }),
  );
  // The version of the tool is that of the tests.
  const unversioned = (written: string): unknown =>
    JSON.parse(written, (key, value: unknown) => (key === "tools" || key === "serialNumber" ? undefined : value));
  expect(unversioned(out)).toEqual(unversioned(bom!));
  expect(cell(assessment, "MP", "control").tried.join("\n")).toContain(
    "written as CycloneDX 1.6, with 2 packages of 1 lock file",
  );
  expect(cell(assessment, "MP", "control").notTried.join("\n")).toContain("prompts and tools are not in it");
  const page = htmlReport(assessment);
  expect(page.split(sha256(bom!))).toHaveLength(3);
  writeFileSync(join(folder, "model.bin"), pickle(op.str("nothing but a Word")));
  const other = await run();
  expect(other.bom).not.toBe(bom);
  expect(other.assessment.hash).not.toBe(assessment.hash);
});

test("a bill of materials that cannot be valid is not made, and said; the assessment stands", async () => {
  const { text, folder } = await sorter({});
  const result = await assessText(text, folder, {
    state: join(folder, ".state"),
    bill: true,
    hosted: (host) => ({
      ...unscanned(host),
      bomRules: () =>
        Promise.resolve({ licences: new Set(), check: () => [{ path: ["components"], message: "is no list" }] }),
    }),
  });
  expect(result).toMatchObject({
    assessment: {
      body: {
        bom: { status: "not made", because: "what was written is not valid CycloneDX 1.6: /components is no list" },
      },
    },
  });
  expect(result).not.toHaveProperty("bom");
});

test("what --only leaves out is told once, with how many and which", async () => {
  const folder = resolve("examples/fixtures");
  const assessment = await assessed(readFileSync(join(folder, "vauban.yaml"), "utf8"), folder, { only: ["scan"] });
  const left = assessment.body.partial!.untested;
  expect(left.length).toBeGreaterThan(1);
  const told = screen(assessment);
  expect(told).toContain(`partial: limited by --only; ${left.length} trials untested: ${left.join(", ")}`);
  expect(told).not.toContain("left out by --only");
  const { notTried, reasons } = assessment.body.outcome;
  const once = notTried.filter(({ because }) => because === "left out by --only");
  expect(once.map(({ what }) => what)).toEqual([`${left.length} trials: ${left.join(", ")}`]);
  expect(reasons.filter((reason) => reason.includes("threshold not shown – inconclusive: left out"))).toHaveLength(1);
});

test("the form in which what repeats is written once has its own schema, which takes it and nothing that only looks like it", async () => {
  const assessment = await fine;
  const shared = (): Record<string, any> =>
    JSON.parse([...referencedPieces({ ...assessment, format: ASSESSMENT_SHARED_FORMAT })!].join(""));
  const takes = new Ajv2020({ strict: false }).compile(schemas().get("assessment-shared")!.schema());
  const takesWhole = (value: unknown): boolean => assessmentSchema.safeParse(value).success;
  const document = shared();
  expect(document["shared"].length).toBeGreaterThan(100);
  expect(takes(document), JSON.stringify(takes.errors)).toBe(true);
  expect(takesWhole(document)).toBe(false);
  expect(takes(assessment)).toBe(false);
  expect(takesWhole({ ...dereferenced(document), format: ASSESSMENT_FORMAT })).toBe(true);
  const changes: readonly ((document: Record<string, any>) => unknown)[] = [
    (one) => delete one["shared"],
    (one) => (one["format"] = ASSESSMENT_FORMAT),
    (one) => (one["body"].risks[0] = { $ref: "#/elsewhere/1" }),
    (one) => (one["body"].risks[0] = { $ref: "#/shared/1", also: 1 }),
    (one) => (one["body"].seed = 7),
    (one) => (one["body"].surplus = {}),
    (one) => one["shared"].push([{ deep: { $ref: "#/shared/01" } }]),
  ];
  for (const change of changes) {
    const other = shared();
    change(other);
    expect(takes(other), String(change)).toBe(false);
  }
});

test("risk and plan of a system file hear what the last run found in its files, and that they are others now", async () => {
  const { text, folder } = await sorter({});
  writeFileSync(join(folder, "model.bin"), pickle(op.call(op.global("os", "system"), op.str("id"))));
  const last = await assessed(text, folder, { only: ["scan"] });
  const host = localHost(folder, join(folder, ".none"), 1);
  const read = async () => {
    const grounds = await groundsOfSystem(host, loadKnowledge(), {
      text,
      file: "vauban.yaml",
      version: "0",
      asOf: last.body.asOf,
      seed: "1",
      runtimeVersion: "0",
      command: "vauban assess",
      last,
    });
    if (grounds.status === "refused") throw new Error("refused");
    const { evidence, notMeasured } = grounds.grounds;
    return {
      scan: evidence.find(({ trial }) => trial === "scan@sorter")!.outcome,
      missing: notMeasured.filter(({ what }) => what === "scan@sorter"),
      code: rateRisks(grounds.grounds).filter(({ type, at }) => type === "T-11" && at === "sorter"),
    };
  };
  const before = await read();
  expect(before.scan).toMatchObject({ status: "measured", measure: { verdict: "malicious" } });
  expect(before.missing).toEqual([]);
  expect(before.code.length).toBeGreaterThan(0);
  const figures = (risks: readonly Risk[]) => risks.map(({ id, current }) => [id, current]);
  const inFull = last.body.risks.filter(({ type, at }) => type === "T-11" && at === "sorter");
  expect(figures(before.code)).toEqual(figures(inFull));
  writeFileSync(join(folder, "model.bin"), pickle(op.str("nothing but a word")));
  const after = await read();
  expect(after.scan.status).toBe("inconclusive");
  expect(after.missing.map(({ because }) => because)).toEqual(["its files are not those that the last run scanned"]);
  for (const [i, risk] of after.code.entries()) {
    expect(risk.untested).toBe(true);
    expect(risk.current.high).toBeGreaterThanOrEqual(before.code[i]!.current.high);
  }
});
