/** The door: reads arguments, lets one command work, and turns whatever happens into words and one exit code. */
import { Command, CommanderError, Option } from "commander";
import { dayOf } from "#base/dates.ts";
import { nearest } from "#base/diagnostics.ts";
import { HostError } from "#base/ports.ts";
import { METHOD_IDS } from "#assessment/cyber.ts";
import { HARMS } from "#assessment/scalars.ts";
import { PROFILES, PROFILE_IDS, type ProfileId } from "#attacks/profiles.ts";
import { NORMS, type Norm } from "#attacks/region.ts";
import type { BomDiffFlags, BomFlags } from "./commands/bom.ts";
import type { PlanFlags } from "./commands/plan.ts";
import type { SignFlags, VerifySignatureFlags } from "./commands/signature.ts";
import type { RiskFlags } from "./commands/risk.ts";
import { EXIT, outliveReaders, plain, processTerminal, type ExitCode, type Terminal } from "./terminal.ts";
import { VERSION } from "./version.ts";

/** What every command receives besides its own options. */
export interface Invocation {
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly json: boolean;
  readonly quiet: boolean;
}

const EXITS = `
Exit codes: 0 fine · 1 a finding, or unmet · 2 could not conclude, or bad input · 130 cancelled.
Colours respect NO_COLOR. With --json exactly one document goes to standard output, and progress to standard error.`;

function build(
  invoke: (
    work: (invocation: Invocation) => Promise<ExitCode>,
    options: { json?: boolean; quiet?: boolean },
  ) => Promise<void>,
): Command {
  const program = new Command("vauban")
    .description(
      "Besieges an AI system to say what the evidence supports about its cybersecurity (EU AI Act, Art. 15).\nIt never says “compliant”: it says what the evidence supports, what it contradicts, and what was not tried.",
    )
    .version(VERSION, "-V, --version")
    .showSuggestionAfterError()
    .showHelpAfterError("(see --help)")
    .configureHelp({ sortSubcommands: false })
    .addHelpText(
      "after",
      `${EXITS}

First steps:
  vauban attack model.onnx --data test.npz   one model, no system file: how it stands up to attacks
  vauban scan models/                        what these files would do if they were loaded
  vauban data test.npz --train train.npz     what is wrong with the data, and what each check would have missed
  vauban init my-system            finds models and data, asks a few questions, writes a commented vauban.yaml
  vauban assess my-system          threats, attacks, risks, clauses, one report
  vauban explain AIA-15.5-c-AE     a clause, a threat, a control or a finding in plain words`,
    );
  program.exitOverride();
  // resolve("") is the current folder, which nobody named.
  program.hook("preAction", (_program, command) => {
    const empty = (value: unknown): boolean => value === "" || (Array.isArray(value) && value.includes(""));
    const named = [
      ...command.registeredArguments
        .filter((_argument, i) => empty(command.processedArgs[i]))
        .map((argument) => argument.name()),
      ...command.options
        .filter((option) => empty(command.getOptionValue(option.attributeName())))
        .map(({ long }) => long!),
    ];
    if (named.length > 0)
      throw new HostError(`${named.join(", ")} is empty`, "say what it is; perhaps a variable of the shell is not set");
  });

  const json = (): Option => new Option("--json", "print one JSON document on standard output");
  const quiet = (): Option => new Option("-q, --quiet", "no progress");

  program
    .command("assess")
    .description("Threat-models the system, attacks its models, rates the risk, argues Art. 15, writes the report.")
    .argument("[system]", "a vauban.yaml, or the folder it lies in", ".")
    .option("--out <folder>", "where runs are kept (default: .vauban beside the system file)")
    .option("--seed <seed>", "seed of every random choice", "1")
    .option("--fresh", "measure again, even what earlier runs measured with the same inputs")
    .option(
      "--only <trials>",
      "run only these trials, kinds or models, with their clean runs (a,b or repeated); the rest is said to be untested",
      collected,
    )
    .option(
      "--samples <n>",
      "at most this many samples per trial (fewer than 500 weakens every gate, and is said)",
      wholeNumber,
    )
    .option("--queries <n>", "at most this many queries per sample for attacks without gradient", wholeNumber)
    .option("--as-of <date>", "judge the validity of evidence on this day (YYYY-MM-DD; default: today)")
    .option("--workers <n>", "isolated worker processes, one inference thread each", wholeNumber)
    .addOption(json())
    .addOption(quiet())
    .addHelpText(
      "after",
      `
Writes <out>/runs/<id>/{assessment.json, report.html, results.sarif, bom.cdx.json, evidence/} and points <out>/latest at it.
Ctrl-C keeps what was measured: the assessment is written, the rest is "untested: cancelled", exit code 130.
${EXITS}

Examples:
  vauban assess examples/chest-xray
  vauban assess . --fresh --seed 7
  vauban assess . --only evasion --json > assessment.json`,
    )
    .action((path: string, options: AssessFlags) =>
      invoke(
        async (invocation) => (await import("./commands/assess.ts")).assessCommand(invocation, path, options),
        options,
      ),
    );

  program
    .command("risk")
    .description(
      "Risks worst first: interval, criterion, way, what drives them, what they would need – and what if a control stood or fell.",
    )
    .argument("[system]", "a vauban.yaml or its folder (rated anew, nothing is attacked), or an assessment.json", ".")
    .option(
      "--with <controls>",
      "as if C-54 stood at api with its denial test held: C-54@api (a,b or repeated)",
      collected,
    )
    .option("--without <controls>", "as if C-30 were gone, everywhere or at a place: C-30, C-30@cnn", collected)
    .option("--actor <id>", "only risks by this actor")
    .option("--at <id>", "only risks to this place, or whose way passes it")
    .addOption(new Option("--harm <harm>", "only risks of this harm").choices(HARMS))
    .addOption(
      new Option("--method <method>", "also say each risk in the words of this method; only intervals decide")
        .choices(METHOD_IDS)
        .default("intervals"),
    )
    .option("--all", "every risk in full, not only the worst")
    .addOption(
      new Option("--register <format>", "print the register of all risks as a table instead").choices(["csv", "md"]),
    )
    .option("--as-of <date>", "judge the validity of evidence on this day (YYYY-MM-DD)")
    .option("--seed <seed>", "the seed earlier measurements were made with (default: of the last run)")
    .option("--out <folder>", "where runs are kept (default: .vauban beside the system file)")
    .addOption(json())
    .addHelpText(
      "after",
      `
A system file is read again: threats are derived anew, and measurements of earlier runs count while the bytes, budget and settings they
depend on are the same. What is not measured is said. --with assumes that the control's denial test held, where it is proven and
prevents; of a model-level or emerging control nothing may be assumed, and that is said too. Hypothetical figures are marked, never kept.
${EXITS}
Here: 0 every risk shown is within its criterion · 1 one is missed · 2 one is open. Without --actor, --at and --harm
the totals over all ways count, too. The code speaks of the system as it stands, not of --with.

Examples:
  vauban risk examples/chest-xray
  vauban risk examples/chest-xray --without C-92
  vauban risk . --with C-54@api --actor gang --method nist-800-30
  vauban risk .vauban/latest/assessment.json --json > risk.json
  vauban risk . --register csv > register.csv`,
    )
    .action((path: string, options: RiskFlags) =>
      invoke(
        async (invocation) => (await import("./commands/risk.ts")).riskCommand(invocation, path, options),
        options,
      ),
    );

  program
    .command("plan")
    .description(
      "Which mature controls, where, would bring every significant risk within its criterion – and what none of them reaches.",
    )
    .argument("[system]", "a vauban.yaml or its folder (rated anew, nothing is attacked), or an assessment.json", ".")
    .option(
      "--budget <points>",
      "at most so many points of cost: 12, or by kind: effort=8,latency=2,accuracy=0,transparency=1",
      collected,
    )
    .option("--require <controls>", "have these in the plan: C-53@api (a,b or repeated)", collected)
    .option("--exclude <controls>", "leave these out: C-53, or C-53@api (a,b or repeated)", collected)
    .addOption(
      new Option("--maturity <level>", "which measures are named where only a measurement would show an effect")
        .choices(["proven", "emerging"])
        .default("proven"),
    )
    .option("--all", "every control, and everything left, not only the first")
    .option("--as-of <date>", "judge the validity of evidence on this day (YYYY-MM-DD)")
    .option("--seed <seed>", "the seed earlier measurements were made with (default: of the last run)")
    .option("--out <folder>", "where runs are kept (default: .vauban beside the system file)")
    .addOption(json())
    .addHelpText(
      "after",
      `
The order is that of Art. 9(5): first what design removes, then mitigation and control, then information; cost decides only inside a
tier. Only the effect of a denial test that passes is reckoned with. Where it takes an adaptive measurement, the measure is named with
the success it would have to show. Every figure is the rating's, asked again with the plan in place. Costs are points from 0 to 3 per
control and place, our judgement. Limits of yours are never called infeasible. docs/planning.md says how it works.
${EXITS}
Here: 0 with the plan every significant risk would be within · 1 one stays missed, or no mature measure reaches it · 2 one stays open.

Examples:
  vauban plan examples/chest-xray
  vauban plan . --budget 20 --exclude C-71
  vauban plan . --require C-53@api --maturity emerging
  vauban plan .vauban/latest/assessment.json --json > plan.json`,
    )
    .action((path: string, options: PlanFlags) =>
      invoke(
        async (invocation) => (await import("./commands/plan.ts")).planCommand(invocation, path, options),
        options,
      ),
    );

  program
    .command("attack")
    .description(
      "Attacks one model, with no system around it: robust accuracy with its interval, what stands behind it, and what does not.",
    )
    .argument("<model>", "an ONNX classifier")
    .requiredOption("--data <data>", "inputs with labels: .npz, .npy (labels beside it), .csv, idx, a folder of images")
    .option("--labels <file>", "where the labels lie, if not with the data")
    .addOption(new Option("--norm <norm>", "what the budget bounds").choices(NORMS).default("linf"))
    .option(
      "--eps <eps...>",
      "budgets, as fractions of the input range (8/255, 0.03; several for several trials; default: the field's, 8/255 in linf, 0.5 in l2, 12 in l1, 24 changed values in l0)",
      collected,
    )
    .addOption(
      new Option(
        "--profile <profile>",
        `which attacks: ${PROFILE_IDS.map((id) => `${id} – ${PROFILES[id].summary}`).join("; ")}`,
      )
        .choices(PROFILE_IDS)
        .default("standard"),
    )
    .option(
      "--attacks <ids>",
      "only these attacks of the profile (a,b or repeated); the figure then says less",
      collected,
    )
    .option("--samples <n>", "at most this many inputs, drawn in proportion to the classes", wholeNumber, 500)
    .option("--queries <n>", "at most this many queries per input and query attack", wholeNumber)
    .option("--seed <seed>", "seed of every random choice", "1")
    .option(
      "--smoothing <sigma>",
      "also certify the model smoothed with Gaussian noise of this size (fraction of the range): another classifier, reported apart",
    )
    .option(
      "--expect <threshold>",
      'robust accuracy to be shown, such as ">= 0.60": missed ends with 1; met is said only of profile standard or thorough, or of a certificate',
    )
    .option("--range <low..high>", "lowest and highest raw value an input can have (default: from the data, and said)")
    .option(
      "--scale <factor>",
      "the model takes (raw · scale − mean) / std; without any of the three the usual ways are tried, and said",
    )
    .option("--mean <values>", "one value, or one per channel: 0.485,0.456,0.406", collected)
    .option("--std <values>", "as --mean", collected)
    .addOption(
      new Option("--layout <layout>", "order of axes in the data").choices(["NCHW", "NHWC", "NHW", "NF", "NTF"]),
    )
    .option("--integer", "only whole raw values can be sent: attacks keep to them")
    .option("--classes <names>", "class names in the model's order: a,b,c, or a file with one a line", collected)
    .addOption(
      new Option("--head <kind>", "what the outputs mean, where the file does not say").choices([
        "exclusive",
        "binary",
      ]),
    )
    .option("--out <folder>", "where runs are kept (default: .vauban in the current folder)")
    .option("--fresh", "measure again, even what earlier runs measured with the same inputs")
    .option("--workers <n>", "processes to attack with (default: one per core, at most 8)", wholeNumber)
    .addOption(json())
    .addOption(quiet())
    .addHelpText(
      "after",
      `${EXITS}
Here: 0 measured, and the expectation met · 1 expectation missed · 2 inconclusive, not shown, or bad input.

Examples:
  vauban attack model.onnx --data test.npz
  vauban attack model.onnx --data test.npz --norm linf --eps 4/255 8/255 --scale 1/255 --expect ">= 0.60"
  vauban attack model.onnx --data x.npy --labels y.npy --norm l2 --eps 0.5 --profile thorough --json`,
    )
    .action((model: string, options: AttackFlags) =>
      invoke(
        async (invocation) => (await import("./commands/attack.ts")).attackCommand(invocation, model, options),
        options,
      ),
    );

  program
    .command("verify")
    .description(
      "Decides whether a property (VNN-LIB) holds for every input of a box: holds, violated with an input, or unknown.",
    )
    .argument("<model>", "an ONNX model")
    .argument("<property>", "a .vnnlib file, gzipped or not: what inputs, and which outputs would be unsafe")
    .option("--timeout <seconds>", "time after which the answer is unknown", wholeNumber, 60)
    .option(
      "--subproblems <n>",
      "subproblems of branch and bound after which the answer is unknown",
      wholeNumber,
      1_000_000,
    )
    .option("--counterexample <file>", "write a violating input there, one value a line")
    .option("--seed <seed>", "seed of every random choice", "1")
    .addOption(json())
    .addOption(quiet())
    .addHelpText(
      "after",
      `${EXITS}
Here: 0 holds · 1 violated · 2 unknown, or bad input.

First attacks look for a counterexample, which is run again before it is believed. Then linear bounds (CROWN) with optimised slopes,
then branch and bound on the signs of ReLUs, or on the inputs where there are few. Bounds are widened for rounding.

Examples:
  vauban verify model.onnx property.vnnlib
  vauban verify model.onnx property.vnnlib.gz --timeout 300 --counterexample found.txt --json`,
    )
    .action((model: string, property: string, options: VerifyFlags) =>
      invoke(
        async (invocation) =>
          (await import("./commands/verify.ts")).verifyCommand(invocation, model, property, options),
        options,
      ),
    );

  program
    .command("scan")
    .description(
      "Reads model files strictly, runs nothing, and says what loading them would do – or that it does not know.",
    )
    .argument("<path...>", "files, or folders to walk (links are reported, not followed)")
    .option("--sarif <file>", "write the findings there as SARIF 2.1.0")
    .option("--sarif-absolute", "let the SARIF say where on this machine the folders lie")
    .addOption(
      new Option(
        "--fail-on <verdict>",
        "the mildest verdict that ends with 1, milder ones with 0; without it: suspicious, and unknown ends with 2",
      ).choices(["malicious", "suspicious", "unknown"]),
    )
    .option("--baseline <file>", "findings that are accepted, each with a reason and an end (YAML or JSON)")
    .option("--write-baseline <file>", "accept all that is found now, in this file; --reason and --until are needed")
    .option("--reason <text>", "why what is accepted may stay, in a sentence")
    .option("--until <date>", "the last day it is accepted (YYYY-MM-DD)", calendarDay)
    .option("--as-of <date>", "judge the baseline's dates on this day (YYYY-MM-DD; default: today)", calendarDay)
    .option("--trace", "write out what loading each pickle would do, as Python (with --json: traces)")
    .option("--workers <n>", "processes to scan with (default: one per core, at most 8)", wholeNumber)
    .addOption(json())
    .addOption(quiet())
    .addHelpText(
      "after",
      `
Verdicts: malicious · suspicious · unknown · header-ok (a header was checked, no more) · no code path found. The last is said only
of files that were read and understood to the last byte. None of them speaks of backdoors in the weights. See docs/scanning.md.
Each file is read in a process of its own, with a cap on memory and time. Ctrl-C keeps what was scanned; exit code 130.
${EXITS}
Here: 0 nothing that fails · 1 malicious or suspicious, or what --fail-on says · 2 unknown, or bad input.
A baseline accepts bytes: the entry of a file that changed, or whose day is over, accepts nothing, and that is said.

Examples:
  vauban scan models/
  vauban scan model.pkl --trace
  vauban scan models/ --write-baseline accepted.yaml --reason "our own class, read line by line" --until 2027-05-31
  vauban scan models/ --fail-on unknown --baseline accepted.yaml --sarif scan.sarif --json`,
    )
    .action((paths: string[], options: ScanFlags) =>
      invoke(
        async (invocation) => (await import("./commands/scan.ts")).scanCommand(invocation, paths, options),
        options,
      ),
    );

  const bom = program
    .command("bom")
    .description(
      "The bill of materials of a system as CycloneDX: models with their cards, datasets, libraries, services, hashes – and what is missing.",
    )
    .argument("[system]", "a vauban.yaml, or the folder it lies in", ".")
    .addOption(
      new Option("--spec <version>", "the version of CycloneDX to write").choices(["1.6", "1.7"]).default("1.6"),
    )
    .option("-o, --out <file>", "where it goes (default: standard output)")
    .option(
      "--lock <files>",
      "lock files to read libraries from (a,b or repeated; default: those beside the system file)",
      collected,
    )
    .option("--assessment <file>", "an assessment.json: what it measured goes into the model cards")
    .option("--vex", "put what that assessment judged into the document, as vulnerabilities with a state")
    .option("--vex-to <file>", "write that as a VEX of its own, which points into the document")
    .option("--as-of <day>", "the day it speaks of (YYYY-MM-DD); without one no time stands in it", calendarDay)
    .option("--complete", "end with 1 where anything is missing")
    .addOption(json())
    .addHelpText(
      "after",
      `
Hashes are those of the files as they lie there; a file that is not what the system file declares ends with 1. Lock files: npm, pip
(requirements.txt), pipenv, uv, poetry, pylock.toml, conda-lock, environment.yml. The same input gives the same document, byte by byte.
In a VEX an attack that was shown is exploitable, and everything else is in triage: nothing is called not affected. Another tool's
document becomes a system file with \`vauban import\`. See docs/bill-of-materials.md.
${EXITS}
Here: 0 written · 1 a file is not what is declared, or something is missing (--complete) · 2 bad input.

Examples:
  vauban bom examples/chest-xray -o bom.cdx.json
  vauban bom . --spec 1.7 --lock package-lock.json,requirements.txt --assessment .vauban/latest/assessment.json --vex
  vauban bom diff released.cdx.json bom.cdx.json --exit-code
  vauban bom check bom.cdx.json`,
    )
    .allowExcessArguments()
    .action((path: string, options: BomFlags) => {
      // The first word may be a system, so that a misspelt command arrives here as one.
      if (bom.args.length > 1) {
        const meant = nearest(
          path,
          bom.commands.map((command) => command.name()),
        );
        bom.error(
          meant === undefined
            ? `error: too many arguments for 'bom'. Expected 1 argument but got ${bom.args.length}: ${bom.args.join(", ")}.`
            : `error: unknown command '${path}'\n(Did you mean ${meant}?)`,
        );
      }
      return invoke(
        async (invocation) => (await import("./commands/bom.ts")).bomCommand(invocation, path, options),
        options,
      );
    });
  bom
    .command("diff")
    .description(
      "What differs between two: parts added, removed, changed in version, hash, licence, model card, datasets.",
    )
    .argument("<old>", "a CycloneDX document")
    .argument("<new>", "another one")
    .option("--exit-code", "end with 1 where they differ")
    .addOption(json())
    .addHelpText(
      "after",
      `${EXITS}

Examples:
  vauban bom diff released.cdx.json bom.cdx.json
  vauban bom diff released.cdx.json bom.cdx.json --exit-code --json`,
    )
    .action((before: string, after: string, options: BomDiffFlags) =>
      invoke(
        async (invocation) => (await import("./commands/bom.ts")).bomDiffCommand(invocation, before, after, options),
        { json: options.json ?? bom.opts<BomFlags>().json ?? false },
      ),
    );
  bom
    .command("check")
    .description(
      "Whether a document is valid CycloneDX 1.6 or 1.7: by the official schema, with references that lead somewhere.",
    )
    .argument("<file>", "a CycloneDX document in JSON")
    .addOption(json())
    .addHelpText("after", `${EXITS}\nHere: 0 valid · 1 not valid, with every place · 2 no JSON, or bad input.`)
    .action((path: string, options: { json?: boolean }) =>
      invoke(async (invocation) => (await import("./commands/bom.ts")).bomCheckCommand(invocation, path), {
        json: options.json ?? bom.opts<BomFlags>().json ?? false,
      }),
    );

  const signature = program
    .command("signature")
    .description(
      "Signs a model's folder, a file or a run with a key, and says whether one is as somebody signed it. Offline.",
    )
    .addHelpText(
      "after",
      `
Bundles of OpenSSF model signing (Sigstore bundle v0.3, in-toto), as model_signing 1.0 and 1.1 write and read them. docs/signing.md
${EXITS}

Examples:
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem && openssl pkey -in key.pem -pubout -out key.pub.pem
  vauban signature sign models/reader --key key.pem
  vauban signature verify models/reader --key key.pub.pem`,
    );
  signature
    .command("verify")
    .description(
      "Whether every file is as it was signed, by whom you trust: a public key, a root above the signer's certificate, or an identity.",
    )
    .argument("<path>", "a model's folder or file, or the folder of a run")
    .option(
      "--bundle <file>",
      "the signature (default: model.sig in the folder, or <file>.sig beside the file, as model.onnx.sig)",
    )
    .option("--key <file>", "the signer's public key (PEM; EC P-256, P-384, P-521 or Ed25519)")
    .option(
      "--root <files>",
      "certificates that you trust (PEM; a,b or repeated): the signer's must lead up to one",
      collected,
    )
    .option("--chain <files>", "certificates in between that the bundle does not hold (PEM)", collected)
    .option("--as-of <day>", "the day the certificates must be valid on (YYYY-MM-DD; default: today)", calendarDay)
    .option("--crl <files>", "lists of revoked certificates for --root (PEM or DER; a,b or repeated)", collected)
    .option("--identity <name>", "who must have signed: an e-mail address or URI, exactly (Sigstore)")
    .option("--issuer <url>", "who vouched for that identity: the OIDC issuer, exactly (Sigstore)")
    .option("--trusted-root <file>", "Sigstore's trusted_root.json, or your own: authorities and logs that you trust")
    .option(
      "--ignore <paths>",
      "files and folders to leave out of the comparison, besides those the signer left out",
      collected,
    )
    .option("--whole", "what the signer left out must not be there")
    .addOption(json())
    .addHelpText(
      "after",
      `
Every file of the folder counts: changed, missing and added ones are named, links too. What the signer left out is listed as not covered.
Signatures by an identity (Sigstore's Fulcio and Rekor) are held to --identity, --issuer and --trusted-root together, without any network.
${EXITS}
Here: 0 as signed · 1 not as signed, or not by whom you trust · 2 the signature cannot be read, or bad input.

Examples:
  vauban signature verify models/reader --key key.pub.pem
  vauban signature verify models/reader --bundle reader.sig --root ca.pem --as-of 2026-11-26
  vauban signature verify .vauban/latest --key key.pub.pem --json
  vauban signature verify models/reader --identity me@example.org --issuer https://accounts.google.com --trusted-root trusted_root.json`,
    )
    .action((path: string, options: VerifySignatureFlags) =>
      invoke(
        async (invocation) =>
          (await import("./commands/signature.ts")).verifySignatureCommand(invocation, path, options),
        options,
      ),
    );
  signature
    .command("sign")
    .description("Signs every file of a folder with a private key.")
    .argument("<path>", "a model's folder or file, or the folder of a run")
    .requiredOption("--key <file>", "the private key (PEM; EC P-256, P-384, P-521 or Ed25519)")
    .option("--passphrase-file <file>", "the file that holds the key's passphrase")
    .option("--certificate <file>", "the key's certificate (PEM): whoever trusts a root above it can verify")
    .option("--chain <files>", "certificates between that one and the root (PEM; a,b or repeated)", collected)
    .option(
      "-o, --out <file>",
      "where the signature goes (default: model.sig in the folder, or <file>.sig beside the file, as model.onnx.sig)",
    )
    .option("--ignore <paths>", "files and folders to leave out; the signature says which", collected)
    .option("--force", "replace a signature that is there")
    .addOption(json())
    .addHelpText(
      "after",
      `
The signature itself and git's own files are left out, as model_signing does. model_signing reads EC keys; Ed25519 only this tool.
${EXITS}

Examples:
  vauban signature sign models/reader --key key.pem
  vauban signature sign .vauban/latest --key key.pem
  vauban signature sign models/reader --key key.pem --certificate signer.pem --chain between.pem -o reader.sig`,
    )
    .action((path: string, options: SignFlags) =>
      invoke(
        async (invocation) => (await import("./commands/signature.ts")).signCommand(invocation, path, options),
        options,
      ),
    );

  program
    .command("data")
    .description(
      "Checks a data set – schema, ranges, balance, duplicates, leakage, wrong labels, shift, origin – and says what each check would have missed.",
    )
    .argument("<dataset>", "an .npz, .npy or idx file, a .csv, or a folder of images")
    .option("--labels <file>", "the labels, where they are not in the same file or beside it")
    .option("--train <data>", "what the model was trained on: is any of it in the data?")
    .option("--reference <data>", "an earlier version of the data: what shifted since?")
    .option("--range <low..high>", "lowest and highest raw value that may occur: 0..255, or 0..1")
    .option("--classes <names>", "the classes that may occur, in order (a,b or repeated)", collected)
    .addOption(
      new Option("--layout <axes>", "how one sample lies, where the shape does not say").choices([
        "NCHW",
        "NHWC",
        "NHW",
        "NF",
        "NTF",
      ]),
    )
    .option("--system <system>", "the system file that declares where the data come from")
    .option("--only <checks>", "only these checks (a,b or repeated)", collected)
    .option(
      "--planted <n>",
      "faults of each kind planted to learn each check's error rates; 0: none, and no check says “nothing found”",
      wholeNumberOrZero,
      50,
    )
    .option("--seed <seed>", "seed of every random choice", "1")
    .addOption(
      new Option("--fail-on <what>", "the mildest result that ends with 1; without it doubts end with 2").choices([
        "fault",
        "doubt",
        "cannot-tell",
      ]),
    )
    .addOption(json())
    .addOption(quiet())
    .addHelpText(
      "after",
      `
Checks: schema, ranges, class-balance, duplicates, leakage, target-leak, label-noise, shift, trigger-patch, provenance.
Into copies of these very data each check's faults are planted – copies with noise, flipped labels, leaked rows, shifts, patches – and
what it saw of them stands beside what it found, with the interval. A check that misses too many of them "cannot tell" instead of
finding nothing. Nothing found is no proof of clean data. See docs/data-integrity.md.
${EXITS}
Here: 0 nothing that fails · 1 a fault, or what --fail-on says · 2 a doubt, a check that cannot tell, or bad input.

Examples:
  vauban data test.npz --train train.npz --range 0..255
  vauban data patients.csv --labels outcome.csv --reference patients-2025.csv
  vauban data images/ --only duplicates,label-noise --fail-on doubt --json > data.json`,
    )
    .action((path: string, options: DataFlags) =>
      invoke(
        async (invocation) => (await import("./commands/data.ts")).dataCommand(invocation, path, options),
        options,
      ),
    );

  program
    .command("inspect")
    .description(
      "Says what a model file is: operators, inputs and head as understood, and what attacks can do with it.",
    )
    .argument("<model>", "an ONNX file")
    .option("--shape <lengths>", "the shape of one sample, without the batch, where the file leaves it open (3x32x32)")
    .option("--input <name>", "the attacked input, where the model takes several")
    .option("--hold <name=value>", "fill another input with one value (a=0,b=1 or repeated)", collected)
    .addOption(
      new Option("--head <kind>", "what the outputs mean, where you know better than the file").choices([
        "exclusive",
        "binary",
        "multi-label",
        "regression",
      ]),
    )
    .option("--classes <n>", "how many classes there are, for a model that gives nothing but labels", wholeNumber)
    .addOption(json())
    .addHelpText(
      "after",
      `
The model runs in a process of its own, on a few made-up samples, in its own units. Needs no data and no system file.
Verdicts: white-box (gradients) · white-box by surrogate (steps passed by smooth functions near them) · scores only, naming
the operator that has no gradient · labels only · refused, with the reason. See docs/models.md.
${EXITS}
Here: 0 it can be attacked, by whatever way is said · 2 it cannot, or bad input.

Examples:
  vauban inspect model.onnx
  vauban inspect model.onnx --shape 3x224x224 --json
  vauban inspect tagger.onnx --head exclusive`,
    )
    .action((path: string, options: InspectFlags) =>
      invoke(
        async (invocation) => (await import("./commands/inspect.ts")).inspectCommand(invocation, path, options),
        options,
      ),
    );

  program
    .command("validate")
    .description("Checks a system file: every mistake at once, with its place and a remedy.")
    .argument("[system]", "a vauban.yaml, or the folder it lies in", ".")
    .addOption(json())
    .addHelpText("after", EXITS)
    .action((path: string, options: { json?: boolean }) =>
      invoke(async (invocation) => (await import("./commands/validate.ts")).validateCommand(invocation, path), options),
    );

  program
    .command("init")
    .description(
      "Writes a commented vauban.yaml that already assesses, with components for the models and data it finds.",
    )
    .argument("[folder]", "where the models and data lie", ".")
    .addOption(new Option("--kind <kind>", "the starter").choices(["vision", "tabular", "forecasting", "assistant"]))
    .option("--name <name>", "the system's name")
    .option("--purpose <text>", "what it is for, in a sentence")
    .option("-y, --yes", "ask nothing; take the defaults")
    .option("--force", "overwrite an existing vauban.yaml")
    .addOption(json())
    .addHelpText("after", EXITS)
    .action((folder: string, options: InitFlags) =>
      invoke(
        async (invocation) => (await import("./commands/init.ts")).initCommand(invocation, folder, options),
        options,
      ),
    );

  program
    .command("import")
    .description(
      "Turns a threat model of Threagile (YAML), OTM (YAML, JSON) or OWASP Threat Dragon (JSON), or a CycloneDX bill of materials (JSON), into a system file, and lists what could not come over.",
    )
    .argument("<file>", "the threat model or bill of materials")
    .addOption(
      new Option("--format <format>", "what it is; found by content where unsaid").choices([
        "threagile",
        "otm",
        "threat-dragon",
        "cyclonedx",
      ]),
    )
    .option("--model <name>", "a component of it that is the AI model, by id or name (may be repeated)", repeated)
    .option("-o, --out <file>", "where the system file goes (default: standard output)")
    .option("--force", "overwrite that file")
    .option("--all", "list every value that did not come over, with its line")
    .addOption(json())
    .addHelpText(
      "after",
      `
The result passes \`vauban validate\`. What no such model knows about an AI system – its purpose, the model's level and role, the law –
stands there as a start, marked (ask). Threats are derived anew: those of the source are listed, to compare. See docs/importing.md.
${EXITS}

Examples:
  vauban import threagile.yaml -o vauban.yaml --model scoring-engine
  vauban import model.otm.json --all > /dev/null
  vauban import bom.cdx.json -o vauban.yaml
  vauban import threat-dragon.json --json | jq .losses`,
    )
    .action((file: string, options: ImportFlags) =>
      invoke(
        async (invocation) => (await import("./commands/import.ts")).importCommand(invocation, file, options),
        options,
      ),
    );

  program
    .command("explain")
    .description(
      "A threat (T-25), control (C-30), clause (AIA-15.5-c-AE), actor (AT-7), message (E012), rule of the scan (pickle-harmful-call), a finding of the last run, or not-tried.",
    )
    .argument("<id>", "what to explain")
    .option("--system <system>", "the system whose last run holds the finding", ".")
    .addOption(json())
    .addHelpText(
      "after",
      `${EXITS}

Examples:
  vauban explain T-25
  vauban explain C-92
  vauban explain pickle-harmful-call
  vauban explain not-tried
  vauban explain F-threshold:altered-in-the-archive --system examples/chest-xray`,
    )
    .action((id: string, options: { system: string; json?: boolean }) =>
      invoke(
        async (invocation) => (await import("./commands/explain.ts")).explainCommand(invocation, id, options),
        options,
      ),
    );

  program
    .command("schema")
    .description("Prints the JSON Schema of a document; without a name, lists them.")
    .argument("[name]", "the document")
    .addHelpText("after", EXITS)
    .action((name: string | undefined) =>
      invoke(async (invocation) => (await import("./commands/schema.ts")).schemaCommand(invocation, name), {}),
    );

  return program;
}

export interface AssessFlags {
  readonly out?: string;
  readonly seed: string;
  readonly fresh?: boolean;
  readonly only?: string[];
  readonly samples?: number;
  readonly queries?: number;
  readonly asOf?: string;
  readonly workers?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export interface AttackFlags {
  readonly data: string;
  readonly labels?: string;
  readonly norm: Norm;
  readonly eps?: string[];
  readonly profile: ProfileId;
  readonly attacks?: string[];
  readonly samples: number;
  readonly queries?: number;
  readonly seed: string;
  readonly expect?: string;
  readonly smoothing?: string;
  readonly range?: string;
  readonly scale?: string;
  readonly mean?: string[];
  readonly std?: string[];
  readonly layout?: "NCHW" | "NHWC" | "NHW" | "NF" | "NTF";
  readonly integer?: boolean;
  readonly classes?: string[];
  readonly head?: "exclusive" | "binary";
  readonly out?: string;
  readonly fresh?: boolean;
  readonly workers?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export interface VerifyFlags {
  readonly timeout: number;
  readonly subproblems: number;
  readonly counterexample?: string;
  readonly seed: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export interface ScanFlags {
  readonly sarif?: string;
  readonly sarifAbsolute?: boolean;
  readonly failOn?: "malicious" | "suspicious" | "unknown";
  readonly baseline?: string;
  readonly writeBaseline?: string;
  readonly reason?: string;
  readonly until?: string;
  readonly asOf?: string;
  readonly trace?: boolean;
  readonly workers?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export interface DataFlags {
  readonly labels?: string;
  readonly train?: string;
  readonly reference?: string;
  readonly range?: string;
  readonly classes?: string[];
  readonly layout?: "NCHW" | "NHWC" | "NHW" | "NF" | "NTF";
  readonly system?: string;
  readonly only?: string[];
  readonly planted: number;
  readonly seed: string;
  readonly failOn?: "fault" | "doubt" | "cannot-tell";
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export interface InspectFlags {
  readonly shape?: string;
  readonly input?: string;
  readonly hold?: readonly string[];
  readonly head?: "exclusive" | "binary" | "multi-label" | "regression";
  readonly classes?: number;
  readonly json?: boolean;
}

export interface InitFlags {
  readonly kind?: "vision" | "tabular" | "forecasting" | "assistant";
  readonly name?: string;
  readonly purpose?: string;
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

export interface ImportFlags {
  readonly format?: "threagile" | "otm" | "threat-dragon" | "cyclonedx";
  readonly model?: string[];
  readonly out?: string;
  readonly force?: boolean;
  readonly all?: boolean;
  readonly json?: boolean;
}

/** An option given several times; commas stay, since names hold them. */
const repeated = (text: string, before: string[] | undefined): string[] => [...(before ?? []), text];

/** Words separated by commas, over all uses of the option. */
function collected(text: string, before: string[] | undefined): string[] {
  return [
    ...(before ?? []),
    ...text
      .split(",")
      .map((word) => word.trim())
      .filter((word) => word !== ""),
  ];
}

function calendarDay(text: string): string {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || dayOf(text) === undefined)
    throw new CommanderError(2, "vauban.badNumber", `error: "${text}" is no day: write YYYY-MM-DD`);
  return text;
}

function wholeNumber(text: string, _before?: unknown, least = 1): number {
  const value = text.trim() === "" ? NaN : Number(text);
  if (!Number.isInteger(value) || value < least || value > 1e9)
    throw new CommanderError(2, "vauban.badNumber", `error: "${text}" is not a whole number of at least ${least}`);
  return value;
}

function wholeNumberOrZero(text: string): number {
  return wholeNumber(text, undefined, 0);
}

/** Runs the command line. Sets the exit code and lets the process end by itself, so that nothing written is lost. */
export async function main(args: readonly string[]): Promise<void> {
  const terminal = processTerminal();
  const controller = new AbortController();
  let firstInterrupt = 0;
  process.on("SIGINT", () => {
    // A terminal signals the whole group and the launcher passes its own on: twice at once is one Ctrl-C.
    const now = performance.now();
    if (firstInterrupt > 0 && now - firstInterrupt < 1000) return;
    if (firstInterrupt === 0) {
      firstInterrupt = now;
      terminal.err("\n  cancelling – what was measured is kept; press Ctrl-C again to leave at once\n");
      controller.abort();
    } else process.exit(EXIT.cancelled);
  });
  process.on("SIGTERM", () => controller.abort());
  // Where a launcher stands before this process, its death ends this one too: nobody else would know of it.
  if (process.channel) {
    process.channel.unref();
    process.on("disconnect", () => process.exit(EXIT.cancelled));
  }
  outliveReaders(process.stdout, process.stderr);

  const program = build(async (work, { json = false, quiet = false }) => {
    process.exitCode = await work({ terminal, signal: controller.signal, json, quiet });
  });
  program.configureOutput({ writeOut: terminal.out, writeErr: terminal.err });
  try {
    if (args.length === 0) {
      program.outputHelp();
      return;
    }
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    process.exitCode = explainFailure(error, terminal, args.includes("--json"));
  }
}

/** One JSON document, even where there is nothing but a refusal to put in it. */
function refusalDocument(message: string, hint: string | undefined): string {
  return `${JSON.stringify({ format: "vauban/diagnostics/1", ok: false, diagnostics: [{ code: "E900", message, hint }] }, null, 2)}\n`;
}

function explainFailure(error: unknown, terminal: Terminal, json: boolean): ExitCode {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.fine;
    if (error.code === "vauban.badNumber") terminal.err(`${error.message}\n`);
    return EXIT.badInput;
  }
  if (error instanceof HostError) {
    if (json) terminal.out(refusalDocument(error.message, error.remedy));
    terminal.err(
      `${terminal.errColours.red("error")}  ${plain(error.message)}${error.remedy ? `\n  remedy: ${plain(error.remedy)}` : ""}\n`,
    );
    return EXIT.badInput;
  }
  if (error instanceof Error && error.name === "AbortError") {
    terminal.err("cancelled before anything was measured\n");
    return EXIT.cancelled;
  }
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  const detail = process.env.VAUBAN_DEBUG ? `\n${stack ?? ""}` : "\n  set VAUBAN_DEBUG=1 to see where";
  terminal.err(
    `${terminal.errColours.red("a mistake of ours")}  ${plain(`${name}: ${message.split("\n")[0]}`)}\n  please report it with the command you ran${detail}\n`,
  );
  return EXIT.badInput;
}
