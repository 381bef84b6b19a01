/** What each code of a system file's diagnostics means; `vauban explain E012` and docs/system-file.md read this table. */

export interface CodeEntry {
  readonly title: string;
  /** Why it is refused or shown, and what to do. */
  readonly explanation: string;
}

/** E… stops the run, W… is shown and kept in the assessment. Codes are never reused for another meaning. */
export const SYSTEM_FILE_CODES = {
  E001: {
    title: "not YAML",
    explanation:
      "The text cannot be read as YAML 1.2, so nothing after it can be trusted. The position is where the reader lost the thread; the slip is often one line above: a bracket left open, a tab used to indent, a missing space after a colon.",
  },
  E002: {
    title: "file too large",
    explanation:
      "A system file is a few pages of text. A larger one is refused before it is read, because it is nearly always another file given by mistake.",
  },
  E003: {
    title: "line too long",
    explanation:
      "No line of a system file needs tens of thousands of characters. Long data belongs in a file of its own that the system file points at.",
  },
  E004: {
    title: "not plain text",
    explanation:
      "The file holds NUL bytes, control characters or bytes that are not UTF-8. Save it as UTF-8 text; a UTF-16 file looks like this too.",
  },
  E005: {
    title: "nested too deeply",
    explanation:
      "Brackets, list dashes or indentation go deeper than any description of a system. Usually a bracket was not closed or a script ran away.",
  },
  E006: {
    title: "alias that cannot be followed",
    explanation:
      "An alias (*name) points at nothing, contains itself, or expands to more values than a system file can hold. Write the value out where it is needed.",
  },
  E007: {
    title: "not a mapping of keys",
    explanation:
      "The file must be one mapping whose keys are plain words: `vauban: 1`, `system:`, `law:` and so on. An empty file, a list and a single value are refused.",
  },
  E008: {
    title: "format version missing or unknown",
    explanation:
      "The first key says which version of this format the file is written in: `vauban: 1`. A version this tool does not know could mean something else by the same words.",
  },
  E009: {
    title: "key stands twice",
    explanation:
      "The same key stands twice in one mapping. One of them would be lost without a word, so neither is guessed at.",
  },
  E010: {
    title: "unknown key",
    explanation:
      "A key that is not read would look as if it counted. The hint names the nearest known key, or the place where this key belongs.",
  },
  E011: { title: "missing key", explanation: "A key that the assessment cannot do without is missing." },
  E012: {
    title: "flow names no component",
    explanation: "Flows connect components; every name in a flow must be a key under `components:`.",
  },
  E013: {
    title: "name refers to nothing",
    explanation:
      "Boundaries, actors, controls, tests, assets and datasets refer to each other by key. A name that nothing declares is a slip or something left out.",
  },
  E014: {
    title: "wrong kind of value",
    explanation:
      "A list stands where text is expected, text where a number is expected, and so on. Text that looks like a number (a version such as 1.10) needs quotes.",
  },
  E015: { title: "value not allowed here", explanation: "The value is not one of those allowed; the hint lists them." },
  E016: {
    title: "id cannot be used",
    explanation:
      "Ids are the author's own keys and appear in every report. They start with a letter or digit and hold no spaces, commas, brackets, quotes, @ or colons, because flows and threats are written with those.",
  },
  E017: {
    title: "id used twice",
    explanation:
      "Components, flows and boundaries share one set of names, because controls and actors may point at any of them; so do assets and datasets. Tests, flows and controls that differ only in their position need an id of their own.",
  },
  E018: {
    title: "component in two boundaries",
    explanation: "A component stands in one innermost boundary; the ones around it follow from the nesting.",
  },
  E019: {
    title: "boundary without components",
    explanation: "A boundary with nothing inside separates nothing. Put components in it or take it out.",
  },
  E020: {
    title: "no model",
    explanation:
      "No component is a model (of any technology level, rules included). Without one this is not an AI system, and Article 15 of the AI Act has nothing to say about it.",
  },
  E021: {
    title: "only models",
    explanation:
      "AI models “do not constitute AI systems on their own”: the unit of assessment is the system, with what feeds the model and what acts on its output. Add at least one component that is not a model.",
  },
  E022: {
    title: "no purpose",
    explanation:
      "Which security is appropriate depends on what the system is for. Without an intended purpose no threshold and no severity can be argued.",
  },
  E023: {
    title: "model nothing flows into",
    explanation:
      "A model without an input is not part of the system, or a flow was forgotten; the ways an attacker has would be missing with it.",
  },
  E024: {
    title: "key belongs to models",
    explanation: "Only a component with `kind: model` has a level, a role, an artefact, classes and so on.",
  },
  E025: {
    title: "flow cannot be read",
    explanation:
      "The short form is two or more components with arrows between them: `sensor -> prep -> model`, or `<->` for both directions. A flow from a component to itself says nothing.",
  },
  E026: { title: "unknown control", explanation: "The catalogue of controls has no entry of this id." },
  E027: { title: "unknown threat", explanation: "The catalogue of threats has no entry of this id." },
  E028: {
    title: "unknown attacker profile",
    explanation: "Profiles are AT-1 to AT-11; `vauban explain AT-7` describes one.",
  },
  E029: {
    title: "unknown sector",
    explanation:
      "A sector pack brings the starting criteria and severities. Take the nearest one and argue the differences under `criteria:` and `harms:`.",
  },
  E030: {
    title: "not a date",
    explanation: "Dates are YYYY, YYYY-MM or YYYY-MM-DD, and must exist in the calendar.",
  },
  E031: {
    title: "impossible budget",
    explanation:
      "An attack budget is a fraction of the declared input range (4/255), or {raw: 4} in raw units. It must be above zero and, for a bound on every element, not larger than the range.",
  },
  E032: {
    title: "threshold decides nothing",
    explanation:
      "A threshold must be missable and reachable. `>= 0` holds whatever happens; `>= 1` can never be shown, because the lower end of a 95 % interval stays below 1 even when nothing fails.",
  },
  E033: {
    title: "no reason given",
    explanation:
      "Thresholds, attempts, severities and exclusions are the author's judgement; an auditor has to be able to read why.",
  },
  E034: { title: "interval out of order", explanation: "An interval is low ≤ likely ≤ high." },
  E035: {
    title: "test cannot run",
    explanation:
      "A test needs what it attacks: the model's artefact, its input contract (range) and evaluation data – from the test, the model's declared accuracy, or a dataset with role test.",
  },
  E036: {
    title: "wrong kind of thing",
    explanation:
      "The name exists but means something else: a test attacks models, an actor touches components or flows.",
  },
  E037: {
    title: "input contract cannot be",
    explanation:
      "What the network takes is (value·scale − mean)/std per channel, of values inside `range`. The range must rise, std must be above zero, and mean and std need one value each or one per channel.",
  },
  E038: {
    title: "classes do not fit",
    explanation: "Class names must differ from each other, be at least two, and contain the class a test aims at.",
  },
  E040: { title: "missing file", explanation: "The file does not exist next to the system file." },
  E041: { title: "a folder, not a file", explanation: "A folder stands where one file is needed." },
  E042: {
    title: "path cannot be used",
    explanation:
      "Paths are relative to the folder of the system file, use forward slashes and stay inside that folder, so that the assessment can be repeated elsewhere. Nothing is fetched from the network.",
  },
  E043: {
    title: "loosened criterion without an acceptor",
    explanation:
      "The sector's criterion may be tightened by anyone and loosened only by a person who accepts the difference by name.",
  },
  E044: {
    title: "listing “none” without reasoning",
    explanation:
      "Who finds that a system is not high-risk has to be able to show the assessment (AI Act, Art. 6(4)). Write it down under `law: reasoning`.",
  },
  E045: {
    title: "control without one kind of evidence",
    explanation:
      "A control is measured (the attack re-run with it on and off), verified (a denial test) or declared (a document). Say exactly one; only the first two earn credit.",
  },
  E046: {
    title: "number out of bounds",
    explanation: "The number lies outside what its key can mean; the hint gives the bounds.",
  },
  E047: {
    title: "signature without one thing to trust",
    explanation:
      "What a signature says of itself proves nothing; it is held to one thing that you trust: a public `key`; an `identity` with its `issuer` and a `trusted-root` (Sigstore); or a `root` above the signer's certificate, with `chain` and `crl`. Keys of another of the three say nothing and are refused.",
  },
  E099: { title: "too many mistakes", explanation: "Only the first mistakes are shown; correct those and read again." },
  W001: {
    title: "usual flows not answered",
    explanation:
      "Every kind of component has usual ways in (update, backup, remote maintenance …). An unanswered one counts as existing. Name it, or write `none` – which needs a verified control on every crossing to be believed.",
  },
  W002: {
    title: "not reviewed",
    explanation:
      "Nobody is named who has reviewed this description, or nobody independent of those who built the system.",
  },
  W003: {
    title: "environment not answered",
    explanation:
      "Whether the system meets the virtual world, the physical one or both decides which threats exist. Unanswered counts as both.",
  },
  W004: {
    title: "component outside every boundary",
    explanation: "A component in no boundary is taken to stand outside all of them, where anyone may be.",
  },
  W005: {
    title: "evidence without a date",
    explanation: "Evidence without a date cannot be shown to be valid still, and earns nothing.",
  },
  W006: {
    title: "test without a threshold",
    explanation: "The test will measure, but without a threshold fixed beforehand it decides nothing.",
  },
  W007: {
    title: "exclusion without evidence",
    explanation: "An exclusion is only counted with evidence; without it the class or threat stays “not tried”.",
  },
  W008: {
    title: "no actors",
    explanation:
      "Nobody is said to attack this system. The method adds one actor with a foothold inside, and no other.",
  },
  W009: {
    title: "model without an artefact",
    explanation:
      "Nothing of this model can be attacked here, nor its own file scanned; everything about it stays untested unless evidence is imported. Files named under `files:` are scanned all the same: what loading them would do is then known, and of the model no more.",
  },
  W010: {
    title: "flow carries something unknown",
    explanation: "What a flow carries may be any words; this one looks like a misspelt asset or dataset.",
  },
  W011: {
    title: "component without flows",
    explanation: "Nothing flows into or out of this component, so no way through the system passes it.",
  },
  W012: {
    title: "nothing is tested",
    explanation: "No test stands in the file. The threats are derived, and all of them stay untested.",
  },
  W013: {
    title: "model input not described",
    explanation:
      "A model that is there as a file has no `input:`; attacks on it cannot be planned, nor its declared accuracy checked.",
  },
} as const satisfies Record<`${"E" | "W"}${string}`, CodeEntry>;

export type SystemFileCode = keyof typeof SYSTEM_FILE_CODES;
