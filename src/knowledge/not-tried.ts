/** The topic `not-tried`: what those words mean in a report, and how each of the five classes gets tried. */
import type { AttackClass, Knowledge } from "#assessment/index.ts";
import type { Page } from "./page.ts";

/** What this version can run for a class, and what has to be brought instead. Honest first: most of it is not run here. */
const WAYS: Readonly<
  Record<AttackClass, { readonly here: string; readonly bring: string; readonly file: readonly string[] }>
> = {
  AE: {
    here: "Run here: small changes of the input by gradient and by query (T-01), and a patch at random place, size and light (T-02, digital picture only). Not run: printed patches, spoofed sensors, prompt injection.",
    bring: "For what is not run, import what somebody else measured.",
    file: [
      "tests:",
      '  - { evasion: <model>, norm: linf, eps: 4/255, robust-accuracy: ">= 0.60", because: "<why this budget and level>" }',
      '  - { patch: <model>, area: 0.05, success-rate: "<= 0.05", because: "<why this size and level>" }',
    ],
  },
  MF: {
    here: "Run here: accuracy under noise, blur and light (a `corruption:` test). That is the average case: it speaks for Art. 15(4), but nobody searched for the flaw, so this class stays not tried.",
    bring:
      "Import a statement about tests by group and site, or about a search for wrong outputs by people who did not build the model.",
    file: ["imports:", "  - { statement: evidence/flaws.json, for: [T-04] }"],
  },
  DP: {
    here: "Run here: integrity checks of the data sets (`vauban data`), each tried on planted faults; they move no risk. Not run: a poisoning test, which would mean training again on poisoned data.",
    bring:
      "Import a signed statement of a poisoning test (who, method, n, date): loss against the share of poisoned records, over several seeds.",
    file: ["imports:", "  - { statement: evidence/poisoning.json, for: [T-05, T-07] }"],
  },
  MP: {
    here: "Run here: files are hashed and held to their signatures, and scanned for what loading them would do (T-11; a file found harmful counts against the system). Not run: weights are not inspected for planted behaviour (T-08, T-09), so a clean scan leaves this class not tried.",
    bring:
      "Import a signed statement about the pretrained parts: provenance checked, and an inspection with its sensitivity on planted backdoors.",
    file: [
      "components:",
      "  <model>:",
      "    artefact: model/reader.onnx",
      "    sha256: <its hash>",
      "    signature: { key: keys/maker.pub.pem }",
      "    files: [adapters/, tokenizer/]",
      "imports:",
      "  - { statement: evidence/pretrained.json, for: [T-08, T-09] }",
    ],
  },
  CA: {
    here: "Nothing is run here: neither membership inference nor extraction.",
    bring:
      "Import a signed statement of such tests: true positives at 0.1 % false positives, or agreement of a copy against queries.",
    file: ["imports:", "  - { statement: evidence/privacy.json, for: [T-15, T-17] }"],
  },
};

const NAMES: Readonly<Record<AttackClass, string>> = {
  DP: "Data poisoning (DP)",
  MP: "Model poisoning (MP)",
  AE: "Adversarial examples and model evasion (AE)",
  CA: "Attacks on confidentiality (CA)",
  MF: "Model flaws (MF)",
};

export function notTried(all: Knowledge, page: Page): void {
  page.text(
    "“Not tried” means that nothing was run and nothing was brought that would show how the system fares. It is neither good nor bad news about the system; it is a gap in what is known, and it is never read as safe.",
  );
  page.text(
    "Art. 15(5) of the AI Act names five classes of attack. While one of them is neither tried nor excluded with evidence, the outcome is “cannot conclude” at best, whatever else went well. This version tries one of the five itself, so most systems honestly end there unless evidence is imported.",
  );
  page.text(
    "A class counts as tried by a trial whose sanity checks passed, or by imported evidence that is in date, fits the deployed version and says who measured what on how many. A declared document does not count, and neither does evidence on a threat that touches the class only beside another.",
  );
  page.text(
    "What is measured of a model counts only once its clean run shows that it is the model meant, rightly fed: declare the accuracy that it should have, and on which data. Without it every attack on it is shown and rated nothing.",
  );
  page.code(["components:", "  <model>:", "    accuracy: { declared: 0.94, on: <data set> }"]);
  for (const attackClass of ["AE", "MF", "DP", "MP", "CA"] as const) {
    const { here, bring, file } = WAYS[attackClass];
    const inClass = all.threats.filter(({ classes }) => classes.some((name) => name === attackClass));
    page.text(`${NAMES[attackClass]} – ${inClass.map(({ id }) => id).join(", ")}`);
    page.text(`${here} ${bring}`);
    page.code(file);
  }
  page.text(
    "A class that cannot apply is excluded, with what shows it; without evidence an exclusion is a sentence and does not count.",
  );
  page.code(["exclusions:", '  - { what: MP, because: "trained from scratch", evidence: evidence/training-log.json }']);
  page.text(
    "What a statement must contain: `vauban schema statement`, and docs/evidence.md with a whole one. The conventional half (intrusion, ransomware, outages, logs) is never run here: import scanner logs (sarif:), exploitability statements (vex:) or signed statements (statement:), each with for: and the threats it speaks about.",
  );
  page.text("Then run `vauban assess` again; what did not change is taken from the last run.");
}
