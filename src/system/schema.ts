/** The system file, version 1: the one schema that both the reader and the editor's completion come from. */
import { z } from "zod";
import { ATTACKER_KNOWLEDGE, CONSEQUENCES, HARMS, LEVELS } from "#assessment/scalars.ts";
import {
  AGREEMENT_TOPICS,
  COMPONENT_KINDS,
  LIFECYCLE_STAGES,
  TECHNOLOGY_LEVELS,
  USUAL_FLOWS,
} from "#assessment/system.ts";

/*
 * A restricted scalar says in its own error what it wants: "CODE|message|hint"; `mistakes.ts` adds the offending text and the
 * place. `describe` texts are shown by the editor and are the hints for missing keys.
 */
const words = (code: string, message: string, hint = ""): { error: string } => ({
  error: `${code}|${message}|${hint}`,
});

/** Ids appear in flows ("a -> b"), threats ("evasion@cnn by gang") and usual flows ("usual:update@cnn"), so they hold none of those marks. */
const NOT_IN_IDS = String.raw`\s@:,;<>(){}[\]"'\x60|#&*!%=\\/?$^~+`;
export const ID_PATTERN = new RegExp(`^[^${NOT_IN_IDS}_.-][^${NOT_IN_IDS}]{0,79}$`);
const id = z
  .string()
  .regex(ID_PATTERN, words("E016", "cannot be an id", "use letters, digits, “-”, “_” and “.”, such as image-store"));

const text = z.string().regex(/\S/, words("E014", "is empty text", "write a few words, or take the key out"));
const because = z
  .string()
  .regex(/\S/, words("E033", "gives no reason", "say why, so that an auditor can follow"))
  .describe("The reason, in a sentence an auditor can follow.");
const oneOrMany = <Item extends z.ZodType>(item: Item) =>
  z.union([item, z.array(item)], words("E014", "is neither one of them nor a list of them"));
const date = z
  .union(
    [
      z
        .string()
        .regex(
          /^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$/,
          words("E030", "is not a date", "YYYY-MM-DD, YYYY-MM or YYYY"),
        ),
      z.int().min(1900).max(2999),
    ],
    words("E030", "is not a date", "YYYY-MM-DD, YYYY-MM or YYYY"),
  )
  .describe("A date: YYYY-MM-DD, YYYY-MM or YYYY.");
const sha256 = z
  .string()
  .regex(
    /^[0-9a-f]{64}$/,
    words("E014", "is not a SHA-256 digest", "64 lower-case hex digits, as `sha256sum` prints them"),
  )
  .describe("SHA-256 of the file: a file that changed is then noticed.");
const path = z
  .string()
  .regex(/\S/, words("E042", "is an empty path"))
  .describe("A path relative to this file, with forward slashes.");
const level = z.enum(LEVELS).describe("Very low, low, moderate, high, very high (NIST SP 800-30).");
const controlId = z.string().regex(/^C-\d{2}$/, words("E026", "is not a control", "controls are written C-01 to C-92"));
const threatId = z.string().regex(/^T-\d{2}$/, words("E027", "is not a threat", "threats are written T-01 to T-38"));
const finite = z.number();
const atLeastZero = z.number().min(0, words("E046", "is below zero"));

/** "4/255" or "0.0157": what a fraction may be written as. */
export const FRACTION_PATTERN = /^\s*\d+(\.\d+)?([eE][+-]?\d+)?\s*(\/\s*\d+(\.\d+)?\s*)?$/;
/** ">= 0.60", "<= 5 %". */
export const COMPARISON_PATTERN = /^\s*(>=|<=)\s*(\d+(?:\.\d+)?|\.\d+)\s*(%?)\s*$/;
const threshold = (example: string) =>
  z
    .string()
    .regex(COMPARISON_PATTERN, words("E032", "is not a threshold", `write it as "${example}", with the quotes`))
    .describe(`The threshold fixed before the run, such as "${example}".`);

const interval = {
  low: atLeastZero.describe("The low end."),
  likely: atLeastZero.describe("The central figure."),
  high: atLeastZero.describe("The high end."),
  because,
};

// ---------------------------------------------------------------- what the system is

const systemSection = z
  .strictObject({
    name: text.describe("What people call the system."),
    version: text.describe("The version assessed; quote it where it looks like a number.").optional(),
    purpose: z
      .string()
      .regex(/\S/, words("E022", "is empty", "say what the system is for, on whom or what, and who decides (S-81)"))
      .describe("Intended purpose: what it does, for whom, on what, and who decides."),
    excluded: oneOrMany(text).describe("Uses and people the system is not meant for.").optional(),
    context: text.describe("Context of use: place, users, training, what happens when it is off.").optional(),
    misuse: oneOrMany(text).describe("Foreseeable misuse.").optional(),
    environment: z
      .enum(["virtual", "physical", "both"])
      .describe("Which environment the system meets; unanswered counts as both.")
      .optional(),
    synthetic: z.boolean().describe("An example with invented data: every page of the report says so.").optional(),
  })
  .describe("What the system is and what it is for.");

const lawSection = z
  .strictObject({
    role: z
      .enum(["provider", "deployer", "importer", "distributor", "product-manufacturer"])
      .describe("Whose duties are looked at (AI Act, Art. 3)."),
    listing: z
      .string()
      .regex(
        /^(none|annex-III\.[1-8][a-e]?|annex-I\.([1-9]|1[0-2])|annex-I\.B)$/,
        words(
          "E015",
          "is not a listing",
          "annex-III.1 … annex-III.8 (a letter may follow), annex-I.1 … annex-I.12, annex-I.B, or none",
        ),
      )
      .describe(
        "Why it is high-risk: annex-III.2, annex-I.11, annex-I.B (Art. 15 binds by analogy only), or none with the reasoning.",
      ),
    placing: date.describe("When it is placed on the market; dates of application follow from this.").optional(),
    reasoning: text.describe("Why this listing; needed where it is none (Art. 6(4)).").optional(),
    presumptions: z
      .array(
        z.strictObject({
          route: text.describe("Harmonised standard, cybersecurity certificate, or the Cyber Resilience Act."),
          covers: oneOrMany(text).describe("The clauses it covers, such as AIA-15.5."),
          reference: text.describe("The standard, certificate or declaration, with its edition."),
        }),
      )
      .describe("Presumption of conformity; it annotates the clauses it covers and nothing else.")
      .optional(),
  })
  .describe("The legal context.");

const actor = z
  .strictObject({
    profile: z
      .string()
      .regex(/^AT-\d{1,2}$/, words("E028", "is not an attacker profile", "profiles are written AT-1 to AT-11"))
      .describe("One of the shared attacker profiles AT-1 … AT-11."),
    title: text.describe("What this actor is called here.").optional(),
    touches: oneOrMany(z.string()).describe("Components or flows this actor can touch here.").optional(),
    knows: z
      .enum(ATTACKER_KNOWLEDGE)
      .describe("Knowledge of the model; the profile's own where unanswered.")
      .optional(),
    attempts: z
      .strictObject({
        ...interval,
        source: text
          .describe("Statistics or a study the figure comes from; without one it is an assumption.")
          .optional(),
      })
      .describe("Attempts per year, where you argue for another figure than the profile's.")
      .optional(),
  })
  .describe("Somebody who might attack, and what they can reach here.");

// ---------------------------------------------------------------- what it is made of

const usual = z
  .strictObject(
    Object.fromEntries(
      USUAL_FLOWS.map((flow) => [
        flow,
        z
          .string()
          .regex(
            /^(?!\s*([Nn][Oo]?|[Ff]alse|[Oo]ff|[Nn]\/[Aa]|-|\?|[Uu]nknown|TBD|tbd|TODO|todo)\s*$)(?=[\s\S]*\S)/,
            words("E015", "does not answer", "name the way in your own words, or write none"),
          )
          .describe("In your words how it is done, or none; unanswered counts as existing.")
          .optional(),
      ]),
    ) as Record<(typeof USUAL_FLOWS)[number], z.ZodOptional<z.ZodString>>,
  )
  .describe("The usual ways into this component.");

const componentFile = z.union(
  [
    path.describe("The file or folder."),
    z
      .strictObject({
        path: path.describe("The file or folder."),
        sha256: sha256.optional(),
        role: z
          .enum(["pretrained", "adapter", "other"])
          .describe("The pretrained part of a model, an adapter, or other where unanswered.")
          .optional(),
      })
      .describe("One file or folder."),
  ],
  words("E014", "is no file", "a path, or { path: adapters/clinic.safetensors, sha256: … }"),
);

const componentBase = {
  title: text.describe("What people call it; its key where unanswered.").optional(),
  note: text.describe("Anything a reader should know.").optional(),
  version: text.describe("Its version; quote it where it looks like a number.").optional(),
  holds: oneOrMany(z.string()).describe("Assets and datasets that lie here.").optional(),
  usual: usual.optional(),
  files: z
    .union([componentFile, z.array(componentFile)], words("E014", "are no files", "a path, or a list of paths"))
    .describe(
      "What it is loaded from besides a model's own file: a pretrained part, adapters, tokenizers, packages. Scanned.",
    )
    .optional(),
};

const inputContract = z
  .strictObject({
    layout: z
      .enum(["NCHW", "NHWC", "NHW", "NF", "NTF"])
      .describe("Order of the axes in the data: batch, channels, height, width, features, time.")
      .optional(),
    range: z.tuple([finite, finite]).describe("Smallest and largest raw value, such as [0, 255]; attacks stay inside."),
    scale: z
      .union(
        [
          finite,
          z
            .string()
            .regex(FRACTION_PATTERN, words("E037", "is not a factor", "write a number or a fraction such as 1/255")),
        ],
        words("E037", "is not a factor", "write a number or a fraction such as 1/255"),
      )
      .describe("Factor applied to raw values first, such as 1/255; 1 where unanswered.")
      .optional(),
    mean: oneOrMany(finite).describe("Subtracted after scaling; one value or one per channel.").optional(),
    std: oneOrMany(finite).describe("Divided by after that; one value or one per channel.").optional(),
    integer: z.boolean().describe("Raw values are whole numbers (8-bit images).").optional(),
  })
  .describe("How raw values of the data become what the network takes: (value·scale − mean)/std.");

/** For the editor: one of the keys is there. */
const any = (...keys: readonly string[]) => ({ anyOf: keys.map((key) => ({ required: [key] })) });

const modelKeys = {
  level: z
    .enum(TECHNOLOGY_LEVELS)
    .describe(
      "Technology: symbolic (rules), traditional (trees, linear …), deep (networks), large-scale (language models …).",
    ),
  role: z
    .enum(["advisory", "decisive", "safety-function"])
    .describe("What its output does: advises a person, decides, or keeps something safe."),
  task: z
    .enum(["classification", "regression", "forecasting", "detection", "generation", "decision-rules"])
    .describe("What it computes; follows from classes or level where that is clear.")
    .optional(),
  artefact: path.describe("The model's file, such as model/cnn.onnx.").optional(),
  sha256: sha256.optional(),
  signature: z
    .strictObject({
      key: path.describe("The signer's public key (PEM), such as keys/maker.pub.pem.").optional(),
      identity: text
        .describe(
          "Who must have signed, to the letter: an e-mail address or URI (Sigstore). Needs `issuer` and `trusted-root`.",
        )
        .optional(),
      issuer: text
        .describe("Who vouched for that identity, to the letter: the OIDC issuer, such as https://accounts.google.com.")
        .optional(),
      "trusted-root": path
        .describe("Sigstore's trusted_root.json, or your own: the authorities and logs that you trust.")
        .optional(),
      root: oneOrMany(path).describe("Certificates (PEM) that the signer's must lead up to.").optional(),
      chain: oneOrMany(path)
        .describe("With `root`: certificates in between that the signature does not hold (PEM).")
        .optional(),
      crl: oneOrMany(path).describe("With `root`: lists of revoked certificates (PEM or DER).").optional(),
      bundle: path
        .describe(
          "The signature; where unsaid, model.sig in the artefact's folder, or .sig or .sigstore.json behind the file's whole name.",
        )
        .optional(),
      whole: z.boolean().describe("What the signer left out of a folder must not be there.").optional(),
    })
    .describe(
      "Who must have signed the artefact – one of `key`, `identity` and `root`: `vauban assess` holds its bytes to the signature and to that, offline.",
    )
    .meta({
      oneOf: [
        { required: ["key"], not: any("issuer", "trusted-root", "chain", "crl") },
        { required: ["identity", "issuer", "trusted-root"], not: any("chain", "crl") },
        { required: ["root"], not: any("issuer", "trusted-root") },
      ],
    })
    .optional(),
  input: inputContract.optional(),
  classes: z
    .union(
      [
        z.int().min(2, words("E038", "are too few classes", "a classifier has at least two")),
        z.array(z.union([text, finite], words("E014", "is neither text nor a number"))),
      ],
      words("E038", "are not classes", "a list of names, or how many there are"),
    )
    .describe("Class names in the order of the outputs, or their count.")
    .optional(),
  head: z
    .enum(["exclusive", "binary", "multi-label", "regression"])
    .describe(
      "What the outputs mean, where the file does not say: exclusive classes, two classes from one output, independent labels, numbers.",
    )
    .optional(),
  accuracy: z
    .strictObject({
      declared: z
        .number()
        .min(0, words("E046", "is not an accuracy", "a number from 0 to 1"))
        .max(1, words("E046", "is not an accuracy", "a number from 0 to 1: write 0.94 for 94 %"))
        .describe("Declared accuracy, 0 to 1."),
      on: z.string().describe("The dataset it was measured on: a key under datasets, or a path."),
    })
    .describe("Declared accuracy; the clean run checks it before anything is attacked.")
    .optional(),
  origin: z
    .strictObject({
      "trained-by": z.enum(["provider", "third-party", "unknown"]).describe("Who trained it.").optional(),
      pretrained: text.describe("Base model or backbone it starts from.").optional(),
      supplier: text.describe("Who supplies it: a key under suppliers, or a name.").optional(),
      licence: text.describe("Its licence.").optional(),
      version: text.describe("Version of the base model, such as a revision.").optional(),
      sha256: sha256.describe("SHA-256 of the base model as it came.").optional(),
    })
    .describe("Where the model comes from.")
    .optional(),
  training: z
    .strictObject({
      continual: z.boolean().describe("It goes on learning in operation.").optional(),
      federated: z.boolean().describe("It is trained across several parties' data.").optional(),
      "personal-data": z.boolean().describe("Training data holds personal data.").optional(),
      datasets: oneOrMany(z.string()).describe("Datasets it is trained on.").optional(),
    })
    .describe("How it is trained.")
    .optional(),
  "on-device": z.boolean().describe("The file lies on devices other people hold.").optional(),
  tools: z.boolean().describe("It can call tools or act (agents).").optional(),
  "untrusted-content": z.boolean().describe("It reads text outsiders can write (retrieval, mail, uploads).").optional(),
};
export const MODEL_KEYS: ReadonlySet<string> = new Set(Object.keys(modelKeys));

const kindsButModel = COMPONENT_KINDS.filter((kind) => kind !== "model");
export const modelComponent = z
  .strictObject({ kind: z.literal("model"), ...componentBase, ...modelKeys })
  .describe("An AI model of any technology level, rules included.");
export const otherComponent = z
  .strictObject({ kind: z.enum(kindsButModel).describe("What kind of component it is (S-72)."), ...componentBase })
  .describe("A component that is not a model.");
const component = z.discriminatedUnion("kind", [modelComponent, otherComponent]);

const flowKeys = {
  carries: oneOrMany(text).describe("What flows: assets, datasets, or your own words.").optional(),
  over: text.describe("Protocol or medium, such as DICOM-TLS.").optional(),
  signed: z.boolean().describe("Integrity protected at the source and verified on arrival.").optional(),
  encrypted: z.boolean().describe("Encrypted on the way; that is not integrity.").optional(),
  authenticated: z.boolean().describe("Both ends know whom they talk to.").optional(),
};
const flow = z.union(
  [
    z
      .string()
      .regex(/->/, words("E025", "is not a flow", "write a -> b -> c"))
      .describe("Short form: a -> b -> c, or a <-> b for both directions."),
    z
      .strictObject({
        id: id.describe("A name for this flow; `from->to` where unanswered.").optional(),
        from: z.string().describe("Component it starts at."),
        to: z.string().describe("Component it goes to."),
        ...flowKeys,
      })
      .describe("One flow."),
    z
      .strictObject({
        path: z
          .string()
          .regex(/->/, words("E025", "is not a flow", "write a -> b -> c"))
          .describe("a -> b -> c"),
        ...flowKeys,
      })
      .describe("Several flows in a row that carry the same."),
  ],
  words("E025", "is not a flow", "write a -> b -> c, or { from: a, to: b, carries: … }"),
);

type BoundaryTree = string[] | { here?: string[]; title?: string } | { [name: string]: BoundaryTree };
const boundary: z.ZodType<BoundaryTree> = z.lazy(() =>
  z.union(
    [
      z.array(z.string()).describe("Components inside."),
      z
        .object({
          here: z.array(z.string()).describe("Components directly in this boundary.").optional(),
          title: text.describe("What people call it.").optional(),
        })
        .catchall(boundary)
        .describe("Boundaries inside this one."),
    ],
    words(
      "E014",
      "is not a boundary",
      "a list of components, or a mapping of boundaries inside it (with `here: [..]`)",
    ),
  ),
) as z.ZodType<BoundaryTree>;

const asset = z
  .strictObject({
    title: text.describe("What people call it; its key where unanswered.").optional(),
    security: level.describe(
      "What its loss of confidentiality, integrity or availability would cost: VL, L, M, H, VH.",
    ),
    privacy: level.describe("What its disclosure or misuse would cost the people it is about: VL, L, M, H, VH."),
    personal: z.boolean().describe("Holds personal data.").optional(),
  })
  .describe("Something worth protecting; security and privacy are valued apart.");

const dataset = z
  .strictObject({
    title: text.describe("What people call it; its key where unanswered.").optional(),
    path: path.describe("npz, npy, idx or csv file, or a folder of pictures.").optional(),
    labels: path.describe("Where the labels lie when they are in another file.").optional(),
    role: z.enum(["training", "validation", "test", "knowledge-base", "operational"]).describe("What it is used for."),
    personal: z.boolean().describe("Holds personal data.").optional(),
    sha256: sha256.optional(),
    provenance: z
      .strictObject({
        source: text.describe("Where it comes from."),
        collected: date.describe("When it was collected.").optional(),
        licence: text.describe("Under which licence it may be used.").optional(),
        version: text.describe("Which version or edition of it.").optional(),
        suppliers: oneOrMany(text).describe("Who supplied or labelled it.").optional(),
      })
      .describe("Where the data comes from.")
      .optional(),
  })
  .describe("Data the system is made with or runs on.");

const supplier = z
  .strictObject({
    title: text.describe("Who it is; its key where unanswered.").optional(),
    supplies: oneOrMany(z.string()).describe("Components and datasets of this system that come from it."),
    "open-source": z
      .boolean()
      .describe(
        "Free and open source: Art. 25(4) then asks for no agreement, unless a general-purpose model comes from it.",
      )
      .optional(),
    "general-purpose": z.boolean().describe("A general-purpose AI model comes from it.").optional(),
    agreement: text.describe("The written agreement: a reference or a path.").optional(),
    covers: oneOrMany(z.enum(AGREEMENT_TOPICS))
      .describe(
        "What the agreement gives you. The first four are asked by Art. 25(4), the last two are practice (C-05).",
      )
      .optional(),
    until: date.describe("When the agreement ends.").optional(),
  })
  .describe("Somebody from whom parts or data come, and what is agreed with them.");

// ---------------------------------------------------------------- what is done about attacks, and what is tried

const control = z
  .strictObject({
    control: controlId.describe("A control of the catalogue; `vauban explain C-30` describes it."),
    at: z.string().describe("The component, boundary, flow or usual flow (usual:backup@archive) where it stands."),
    measured: path.describe("Evidence of the attack re-run with the control on and off.").optional(),
    verified: path.describe("Evidence of a denial test: the forged thing is refused; n and date inside.").optional(),
    declared: text.describe("A document or a statement: shown, earns nothing.").optional(),
    date: date.describe("When it was measured, verified or declared.").optional(),
    component: z
      .string()
      .describe(
        "The component that this control is, where it is itself a model: a detector or a filter that can be attacked.",
      )
      .optional(),
    note: text.describe("Anything a reader should know.").optional(),
  })
  .describe("A control, where it stands, and how that is known: exactly one of measured, verified, declared.")
  .meta({ oneOf: [{ required: ["measured"] }, { required: ["verified"] }, { required: ["declared"] }] });

const budget = z
  .union(
    [
      z.number(),
      z.string().regex(FRACTION_PATTERN, words("E031", "is not a budget", "write 4/255, 0.0157 or {raw: 4}")),
      z.strictObject({ raw: z.number().describe("In the units of the raw data.") }),
    ],
    words("E031", "is not a budget", "write 4/255, 0.0157 or {raw: 4}"),
  )
  .describe("Largest change: a fraction of the declared range (4/255), or {raw: 4}.");

const testBase = {
  id: id.describe("A name for this test; made of its own words where unanswered.").optional(),
  because: because.describe("Why this budget and this threshold suit the intended purpose."),
  by: z.string().describe("The actor whose access this test assumes.").optional(),
  samples: z
    .int()
    .min(1, words("E046", "is not a number of samples", "a whole number from 1"))
    .describe("How many inputs; 500 or all the data where unanswered.")
    .optional(),
  queries: z
    .int()
    .min(1, words("E046", "is not a number of queries", "a whole number from 1"))
    .describe("Queries per input for attacks without gradients.")
    .optional(),
  data: z.string().describe("The evaluation data: a key under datasets, or a path.").optional(),
};
const span2 = z.tuple([z.number(), z.number()]);
const evasionTest = z
  .strictObject({
    evasion: z.string().describe("The model to attack."),
    norm: z
      .enum(["linf", "l2"])
      .describe("How a change is measured: linf bounds each value, l2 their Euclidean length."),
    eps: budget,
    "robust-accuracy": threshold(">= 0.60").optional(),
    "success-rate": threshold("<= 0.05").optional(),
    bound: z
      .strictObject({
        by: z.enum(["human-check", "physics", "filter"]).describe("What holds an attacker to the budget."),
        because,
        actors: oneOrMany(z.string()).describe("The actors it holds; everybody else can replace the whole input."),
      })
      .describe("Who is held to this budget, and by what. Without it the bounded figure is informative only.")
      .optional(),
    ...testBase,
  })
  .describe("Small changes of the input, found by the attack.");
const patchTest = z
  .strictObject({
    patch: z.string().describe("The model to attack."),
    area: z
      .number()
      .gt(0, words("E031", "is no area", "a fraction of the picture above 0, such as 0.05"))
      .max(1, words("E031", "is larger than the picture", "a fraction of the picture, such as 0.05 for 5 %"))
      .describe("Area of the patch as a fraction of the picture."),
    target: z
      .union([z.string(), z.number()], words("E038", "is not a class"))
      .describe("The class it should be taken for; any other where unanswered.")
      .optional(),
    "success-rate": threshold("<= 0.05").optional(),
    placement: z
      .strictObject({
        scale: span2.describe("Smallest and largest side, relative to the patch's nominal one.").optional(),
        rotation: z
          .number()
          .min(0)
          .max(180, words("E046", "is not a rotation", "degrees from 0 to 180"))
          .describe("Largest rotation either way, in degrees.")
          .optional(),
        brightness: span2.describe("Darkest and brightest light, as a factor.").optional(),
        anywhere: z.boolean().describe("Placed anywhere in the picture; in the middle where false.").optional(),
      })
      .describe("How place, size and light vary from draw to draw.")
      .optional(),
    ...testBase,
  })
  .describe("A printed patch or sticker, placed at random.");
const corruptionTest = z
  .strictObject({
    corruption: z.string().describe("The model to try."),
    accuracy: threshold(">= 0.80").optional(),
    ...testBase,
  })
  .describe("Noise, blur, light and weather: the average case, not an attack.");
const test = z.union(
  [evasionTest, patchTest, corruptionTest],
  words("E015", "is not a test", "a test starts with evasion:, patch: or corruption: and the model's name"),
);

const imported = z
  .strictObject({
    sarif: path.describe("A SARIF log of a scanner.").optional(),
    vex: path.describe("A CycloneDX VEX document.").optional(),
    statement: path.describe("A signed statement: who, method, n, date.").optional(),
    for: oneOrMany(threatId).describe("The threats it speaks about."),
    at: z
      .string()
      .describe("The component, boundary or flow it speaks about; the whole system where unanswered.")
      .optional(),
  })
  .describe("Evidence from elsewhere, for the conventional threats: exactly one of sarif, vex, statement.")
  .meta({ oneOf: [{ required: ["sarif"] }, { required: ["vex"] }, { required: ["statement"] }] });

// ---------------------------------------------------------------- what it would mean

const perHarm = z
  .strictObject(
    Object.fromEntries(
      HARMS.map((harm) => [
        harm,
        z
          .strictObject({ severity: level.describe("How bad: VL, L, M, H, VH."), because })
          .describe(`Severity for ${harm}, with the reason.`)
          .optional(),
      ]),
    ) as Record<
      (typeof HARMS)[number],
      z.ZodOptional<z.ZodObject<{ severity: typeof level; because: typeof because }, z.core.$strict>>
    >,
  )
  .describe("Severity per harm, each with its reason.");
const harms = z
  .strictObject(
    Object.fromEntries(CONSEQUENCES.map((consequence) => [consequence, perHarm.optional()])) as Record<
      (typeof CONSEQUENCES)[number],
      z.ZodOptional<typeof perHarm>
    >,
  )
  .describe("Which harm follows when the output is wrong or missing, data is disclosed, or the system is altered.");

const criterion = z
  .strictObject({
    harm: z.enum(HARMS).describe("Which harm."),
    severity: level.describe("At which severity: VL, L, M, H, VH."),
    "per-year": z
      .number()
      .gt(0, words("E046", "is not a probability per year", "a number above 0, such as 0.01"))
      .max(1, words("E046", "is not a probability per year", "a number up to 1, such as 0.01"))
      .describe("Highest acceptable probability per year of one harmful event."),
    because: because.optional(),
    source: text.describe("Where the figure comes from: standard, contract, decision.").optional(),
    acceptor: text
      .describe("Who accepts it, by name and function; needed where it is looser than the sector's value.")
      .optional(),
  })
  .describe("A criterion of your own instead of the sector's.");

const exclusion = z
  .strictObject({
    what: z
      .string()
      .regex(
        /^(DP|MP|AE|CA|MF|T-\d{2})$/,
        words(
          "E015",
          "cannot be excluded",
          "one of the classes DP, MP, AE, CA, MF of Art. 15(5), or a threat such as T-15",
        ),
      )
      .describe(
        "A class of Art. 15(5) – DP data poisoning, MP model poisoning, AE evasion, CA confidentiality, MF model flaws – or a threat.",
      ),
    because,
    evidence: text.describe("What shows it: a path or a reference.").optional(),
  })
  .describe("Something that need not be tried, and what shows that.");

const exposure = z
  .strictObject({
    threat: threatId.describe("The threat."),
    low: z.number().min(1, words("E046", "is below one exposure")).describe("The low end."),
    likely: z.number().min(1, words("E046", "is below one exposure")).describe("The central figure."),
    high: z.number().min(1, words("E046", "is below one exposure")).describe("The high end."),
    because,
  })
  .describe("How many victims one successful attempt meets (a sticker and the vehicles that pass it).");

const reviewer = z
  .strictObject({
    name: text.describe("Who."),
    role: text.describe("In which function."),
    independent: z.boolean().describe("Took no part in building the system."),
    date: date.optional(),
  })
  .describe("Who has reviewed this description.");

export const systemFile = z
  .strictObject({
    vauban: z
      .literal(1, words("E008", "is not a version of this format that this tool reads", "write vauban: 1"))
      .describe("Version of this format: 1."),
    system: systemSection,
    law: lawSection,
    stage: z.enum(LIFECYCLE_STAGES).describe("Lifecycle stage the system is in."),
    sector: z.string().describe("Sector pack: brings starting criteria and severities."),
    actors: z.record(id, actor).describe("Who might attack, and what they can touch here.").optional(),
    boundaries: z.record(id, boundary).describe("Trust boundaries, nested.").optional(),
    components: z.record(id, component).describe("What the system is made of: at least one model and one other."),
    flows: z.array(flow).describe("What flows between components.").optional(),
    assets: z.record(id, asset).describe("What is worth protecting.").optional(),
    datasets: z.record(id, dataset).describe("Data the system is made with or runs on.").optional(),
    suppliers: z
      .record(id, supplier)
      .describe("From whom parts and data come, and what is agreed with them.")
      .optional(),
    controls: z.array(control).describe("Controls in place, each with how that is known.").optional(),
    tests: z.array(test).describe("What is tried, with thresholds fixed beforehand.").optional(),
    imports: z.array(imported).describe("Evidence from elsewhere.").optional(),
    harms: harms.optional(),
    criteria: z.array(criterion).describe("Criteria of your own.").optional(),
    exclusions: z.array(exclusion).describe("What need not be tried, and what shows that.").optional(),
    exposures: z.array(exposure).describe("Victims per successful attempt.").optional(),
    reviewers: z.array(reviewer).describe("Who has reviewed this description.").optional(),
  })
  .describe("A system to be assessed by vauban.");
export type SystemFile = z.infer<typeof systemFile>;
export type FileComponent = z.infer<typeof component>;
export type FileFlow = z.infer<typeof flow>;
export type FileTest = z.infer<typeof test>;
export type { BoundaryTree };
