/** Each rule's cases: small systems in which it finds its threat, at which places, and others in which it does not, for which reason. */
import { describe, expect, it } from "vitest";
import { loadKnowledge } from "#knowledge/index.ts";
import { SystemGraph } from "#system/graph.ts";
import { systemOf, type SystemWords } from "../../test/support/system.ts";
import { rulesIndex } from "../../scripts/rules-index.ts";
import type { Find, Rule } from "./rule.ts";
import { rules, type RuleId } from "./rules/index.gen.ts";

type Words = SystemWords;
interface Cases {
  /** What is there, the system, and every place the rule finds. */
  readonly finds: readonly (readonly [string, Words, readonly string[]])[];
  /** What is not there, the system, and words from the reason; `always` where the rule finds something in every system. */
  readonly ignores: readonly (readonly [string, Words, string])[] | "always";
}

const where = { file: "vauban.yaml", line: 1, column: 1 };
const PLAIN: Words = { components: { net: "model", api: "interface" }, flows: ["api -> net"] };
const SYMBOLIC: Words = {
  components: { rules: { kind: "model", model: { level: "symbolic", task: "decision-rules" } }, api: "interface" },
  flows: ["api -> rules"],
};
const LLM: Words = {
  components: { chat: { kind: "model", model: { level: "large-scale", task: "generation" } }, ui: "interface" },
  flows: ["ui -> chat", "chat -> ui"],
};
const READS_MAIL: Words = {
  components: {
    chat: { kind: "model", model: { level: "large-scale", task: "generation" } },
    mail: "external",
    notes: "database",
  },
  flows: ["mail -> chat", "notes -> chat"],
  boundaries: { office: ["chat", "notes"] },
};
const UNTRUSTED: Words = {
  components: {
    chat: { kind: "model", model: { level: "large-scale", task: "generation", untrustedContent: true } },
    ui: "interface",
  },
};
const BOUGHT: Words = {
  components: { net: { kind: "model", model: { origin: { trainedBy: "third-party" } } }, api: "interface" },
};
const PRETRAINED: Words = {
  components: { net: { kind: "model", model: { origin: { pretrained: "a backbone" } } }, api: "interface" },
};
const CAMERA: Words = {
  components: {
    camera: "sensor",
    net: "model",
    rules: { kind: "model", model: { level: "symbolic", task: "decision-rules" } },
  },
  flows: ["camera -> net -> rules"],
  rest: { environment: "physical" },
};
const PERSONAL: Words = {
  components: { net: { kind: "model", model: { training: { datasets: ["people"] } } }, api: "interface" },
  datasets: { people: { personal: true } },
};
const trained = ["net trained by its provider", PLAIN, ["net"]] as const;
const unknown: Cases["finds"][number] = [
  "a model of which nobody says who trained it",
  { components: { net: { kind: "model", model: { origin: { trainedBy: "unknown" } } }, api: "interface" } },
  ["net"],
];
const rulesOnly = ["written rules", SYMBOLIC, "symbolic system"] as const;
const bought = ["a model trained by others", BOUGHT, "nothing is trained"] as const;
const TRAINING: Cases = { finds: [trained, unknown], ignores: [rulesOnly, bought] };
const ANY_LEARNED: Cases = { finds: [trained, ["an LLM", LLM, ["chat"]]], ignores: [rulesOnly] };
const GENERATIVE: Cases = {
  finds: [
    ["a large model that writes", LLM, ["chat"]],
    [
      "a large model that only classifies",
      { components: { net: { kind: "model", model: { level: "large-scale" } }, ui: "interface" } },
      ["net"],
    ],
  ],
  ignores: [["a plain classifier", PLAIN, "no generative or large-scale model"]],
};

const CASES: Readonly<Record<RuleId, Cases>> = {
  "rule:evasion": {
    finds: [trained, ["a model behind a model", CAMERA, ["net"]]],
    ignores: [
      ["written rules", SYMBOLIC, "no learned classifier"],
      ["a model that only writes", LLM, "no learned classifier"],
    ],
  },
  "rule:physical-evasion": {
    finds: [["a camera in the world in front of a learned model", CAMERA, ["net"]]],
    ignores: [
      ["a camera in a virtual world", { ...CAMERA, rest: { environment: "virtual" } }, "no physical environment"],
      ["no sensor", { ...PLAIN, rest: { environment: "both" } }, "no sensor feeds a learned model"],
      [
        "a sensor behind the model",
        { components: { net: "model", camera: "sensor" }, flows: ["net -> camera"], rest: { environment: "both" } },
        "no sensor feeds a learned model",
      ],
    ],
  },
  "rule:sensor-spoofing": {
    finds: [["a sensor", CAMERA, ["camera"]]],
    ignores: [["no sensor", PLAIN, "no component is a sensor"]],
  },
  "rule:model-flaw": { finds: [["learned and written models alike", CAMERA, ["net", "rules"]]], ignores: "always" },
  "rule:data-poisoning": {
    finds: [
      trained,
      unknown,
      [
        "a bought model that goes on learning here",
        {
          components: {
            net: { kind: "model", model: { origin: { trainedBy: "third-party" }, training: { continual: true } } },
            api: "interface",
          },
        },
        ["net"],
      ],
    ],
    ignores: [rulesOnly, bought],
  },
  "rule:targeted-poisoning": TRAINING,
  "rule:label-flipping": {
    finds: [trained, unknown],
    ignores: [rulesOnly, bought, ["a model that writes", LLM, "nothing is trained on labels"]],
  },
  "rule:backdoor": {
    finds: [trained, ["a bought model", BOUGHT, ["net"]], ["a pretrained part", PRETRAINED, ["net"]]],
    ignores: [rulesOnly],
  },
  "rule:model-poisoning": {
    finds: [["a bought model", BOUGHT, ["net"]], ["a pretrained part", PRETRAINED, ["net"]], unknown],
    ignores: [["a model of the provider's own", PLAIN, "no pretrained part"], rulesOnly],
  },
  "rule:federated-poisoning": {
    finds: [
      [
        "federated training",
        { components: { net: { kind: "model", model: { training: { federated: true } } }, api: "interface" } },
        ["net"],
      ],
    ],
    ignores: [["training in one place", PLAIN, "federated"], rulesOnly],
  },
  "rule:artefact-code-execution": {
    finds: [
      ["a bought model", BOUGHT, ["net"]],
      ["a pretrained part", PRETRAINED, ["net"]],
      [
        "packages from outside on the machine that trains",
        { components: { net: "model", bench: "compute", index: "external" }, flows: ["index -> bench -> net"] },
        ["bench"],
      ],
      [
        "a model of the provider's own in a format that is a program",
        { components: { net: { kind: "model", model: { artefact: "models/net.pkl" } }, door: "interface" } },
        ["net"],
      ],
      [
        "files that a component is loaded from",
        {
          components: {
            net: "model",
            words: { kind: "preprocessing", files: [{ path: "words/", role: "other", where }] },
          },
        },
        ["words"],
      ],
    ],
    ignores: [
      ["a model of the provider's own", PLAIN, "no model file"],
      [
        "a model of the provider's own in a format that carries no code",
        { components: { net: { kind: "model", model: { artefact: "models/net.onnx" } }, door: "interface" } },
        "no model file",
      ],
      [
        "what comes from outside, where no model is made or run",
        {
          components: { net: "model", bench: "compute", index: "external" },
          flows: ["index -> bench", "index -> net"],
        },
        "no party outside delivers to a machine",
      ],
      [
        "data of the house on the machine that trains",
        { components: { net: "model", bench: "compute", store: "database" }, flows: ["store -> bench -> net"] },
        "no party outside delivers to a machine",
      ],
    ],
  },
  "rule:pipeline-compromise": {
    finds: [trained, ["written rules, which are built too", SYMBOLIC, ["rules"]]],
    ignores: [["a bought model", BOUGHT, "nothing is trained, written or packed by the provider"]],
  },
  "rule:runtime-tampering": {
    finds: [
      ["a deployed model, which updates reach", PLAIN, ["net"]],
      [
        "rules on a device in others' hands",
        {
          components: {
            rules: { kind: "model", model: { level: "symbolic", task: "decision-rules", onDevice: true } },
            api: "interface",
          },
        },
        ["rules"],
      ],
    ],
    ignores: [["written rules on a server", SYMBOLIC, "no learned model"]],
  },
  "rule:feedback-manipulation": {
    finds: [
      [
        "continual learning",
        { components: { net: { kind: "model", model: { training: { continual: true } } }, api: "interface" } },
        ["net"],
      ],
      [
        "outputs that flow back into what the model is trained on",
        {
          components: {
            net: { kind: "model", model: { training: { datasets: ["past"] } } },
            store: { kind: "database", holds: ["past"] },
          },
          flows: ["store -> net -> store"],
          datasets: { past: {} },
        },
        ["net"],
      ],
    ],
    ignores: [
      [
        "outputs that stay out of the training data",
        {
          components: {
            net: { kind: "model", model: { training: { datasets: ["past"] } } },
            store: { kind: "database", holds: ["past"] },
          },
          flows: ["store -> net"],
          datasets: { past: {} },
        },
        "no output flows back",
      ],
      rulesOnly,
    ],
  },
  "rule:model-extraction": ANY_LEARNED,
  "rule:model-theft": {
    finds: [
      [
        "a learned model on a device",
        { components: { net: { kind: "model", model: { onDevice: true } }, api: "interface" } },
        ["net"],
      ],
      [
        "a store and a machine that keep the weights, but not the party outside that does",
        {
          components: {
            net: { kind: "model", holds: ["weights"] },
            registry: { kind: "database", holds: ["weights"] },
            server: { kind: "compute", holds: ["weights"] },
            maker: { kind: "external", holds: ["weights"] },
            archive: "database",
          },
          assets: { weights: {} },
        },
        ["registry", "server"],
      ],
    ],
    ignores: [["a model on a server", PLAIN, "no model runs on a device"], rulesOnly],
  },
  "rule:membership-inference": ANY_LEARNED,
  "rule:attribute-inference": ANY_LEARNED,
  "rule:model-inversion": ANY_LEARNED,
  "rule:training-data-extraction": {
    finds: [
      ["a model that writes", LLM, ["chat"]],
      ["training on a dataset marked personal", PERSONAL, ["net"]],
    ],
    ignores: [["a classifier of things", PLAIN, "none is said to be trained on personal data"], rulesOnly],
  },
  "rule:data-leak": {
    finds: [
      [
        "databases, logs and a machine with personal data, but not the sensor they came from",
        {
          components: {
            net: "model",
            store: "database",
            log: "monitoring",
            server: { kind: "compute", holds: ["faces"] },
            idle: "compute",
            camera: { kind: "sensor", holds: ["faces"] },
          },
          assets: { faces: { personal: true } },
        },
        ["store", "log", "server"],
      ],
      ["nothing said about what is kept", PLAIN, ["system"]],
    ],
    ignores: "always",
  },
  "rule:prompt-leak": GENERATIVE,
  "rule:retrieval-leak": {
    finds: [
      ["a database that an LLM reads", READS_MAIL, ["notes"]],
      ["content of others", UNTRUSTED, ["chat"]],
      [
        "a knowledge base wherever it is held",
        {
          components: { ...LLM.components, index: { kind: "compute", holds: ["policies"] } },
          datasets: { policies: { role: "knowledge-base" } },
        },
        ["index"],
      ],
    ],
    ignores: [
      ["an LLM that reads only its user", LLM, "no generative model retrieves"],
      [
        "a classifier with a database",
        { components: { net: "model", store: "database" }, flows: ["store -> net"] },
        "no generative",
      ],
    ],
  },
  "rule:prompt-injection": GENERATIVE,
  "rule:indirect-injection": {
    finds: [
      ["mail from across a boundary, but not notes from inside", READS_MAIL, ["mail->chat"]],
      ["content of others", UNTRUSTED, ["chat"]],
    ],
    ignores: [
      ["an LLM that reads only what is in its zone", LLM, "across a trust boundary"],
      ["a classifier across a boundary", { ...PLAIN, boundaries: { zone: ["net"] } }, "no generative"],
    ],
  },
  "rule:jailbreak": GENERATIVE,
  "rule:context-poisoning": {
    finds: [
      ["a database that an LLM reads", READS_MAIL, ["notes"]],
      ["content of others", UNTRUSTED, ["chat"]],
    ],
    ignores: [
      ["an LLM that reads only its user", LLM, "no generative model retrieves"],
      ["a classifier", PLAIN, "no generative"],
    ],
  },
  "rule:insecure-output": GENERATIVE,
  "rule:excessive-agency": {
    finds: [
      [
        "a model with tools",
        { components: { chat: { kind: "model", model: { level: "large-scale", tools: true } }, ui: "interface" } },
        ["chat"],
      ],
    ],
    ignores: [["an LLM without tools", LLM, "no model has tools"]],
  },
  "rule:denial-of-service": { finds: [["any system", PLAIN, ["system"]]], ignores: "always" },
  "rule:sponge": ANY_LEARNED,
  "rule:unauthorised-access": {
    finds: [
      ["interfaces", PLAIN, ["api"]],
      ["no interface described", { components: { net: "model", store: "database" } }, ["system"]],
      [
        "a store and a model that outside parties reach without an interface",
        {
          components: { net: "model", api: "interface", registry: "database", inner: "database", world: "external" },
          flows: ["world -> registry -> inner", "world -> net", "world -> api"],
        },
        ["api", "net", "registry"],
      ],
    ],
    ignores: "always",
  },
  "rule:log-tampering": {
    finds: [
      ["monitoring", { components: { net: "model", log: "monitoring" } }, ["log"]],
      ["no monitoring described", PLAIN, ["system"]],
    ],
    ignores: "always",
  },
  "rule:drift": {
    finds: [
      ["a learned model, but not the rules behind it", CAMERA, ["net"]],
      ["rules alone", SYMBOLIC, ["rules"]],
    ],
    ignores: "always",
  },
  "rule:infrastructure-exploitation": {
    finds: [
      [
        "machines, networks, parsers and actuators",
        {
          components: {
            net: "model",
            server: "compute",
            lan: "network",
            prep: "preprocessing",
            brake: "actuator",
            ui: "interface",
          },
        },
        ["server", "lan", "prep", "brake"],
      ],
      ["no machine described", PLAIN, ["system"]],
    ],
    ignores: "always",
  },
  "rule:insider": { finds: [["any system", PLAIN, ["system"]]], ignores: "always" },
  "rule:oversight-manipulation": {
    finds: [
      ["a person", { components: { net: "model", reader: "human" } }, ["reader"]],
      ["nobody described", PLAIN, ["system"]],
    ],
    ignores: "always",
  },
  "rule:supplier-failure": {
    finds: [
      ["an external party", { components: { net: "model", cloud: "external" } }, ["cloud"]],
      ["a bought model", BOUGHT, ["net"]],
      [
        "a bought model and its maker, once",
        {
          components: {
            net: { kind: "model", model: { origin: { trainedBy: "third-party", supplier: "hub" } } },
            hub: "external",
          },
        },
        ["hub"],
      ],
      ["no supplier described", PLAIN, ["system"]],
    ],
    ignores: "always",
  },
};

const placeOf = ({ at, on }: Find): string => (on ? on.id : at === "system" ? "system" : at.id);
const placesIn = (rule: Rule, words: Words): string[] => [...rule.find(new SystemGraph(systemOf(words)))].map(placeOf);

describe.each(Object.entries(CASES) as [RuleId, Cases][])("%s", (id, { finds, ignores }) => {
  const rule: Rule = rules[id];
  it.each(finds)("finds %s", (_, words, places) => {
    expect(placesIn(rule, words)).toEqual(places);
    for (const { why } of rule.find(new SystemGraph(systemOf(words)))) expect(why).not.toMatch(/undefined|\[object/);
  });
  if (ignores === "always")
    it("finds something in every small system of these tests, so it needs no reason for nothing", () => {
      for (const words of [PLAIN, SYMBOLIC, LLM, READS_MAIL, BOUGHT, CAMERA])
        expect(placesIn(rule, words)).not.toEqual([]);
      expect(rule.otherwise).toBeUndefined();
    });
  else
    it.each(ignores)("ignores %s", (_, words, reason) => {
      expect(placesIn(rule, words)).toEqual([]);
      expect(rule.otherwise!(new SystemGraph(systemOf(words)))).toContain(reason);
    });
});

describe("the rules together", () => {
  it("cover every threat of the catalogue, T-01 to T-38, and no other", () => {
    const looked = Object.values(rules).map(({ threat }) => threat);
    const catalogue = loadKnowledge().threats.map(({ id }) => id);
    expect([...new Set(looked)].toSorted()).toEqual(catalogue.toSorted());
    expect(catalogue).toHaveLength(38);
  });

  it("raise a conventional threat for each kind of component that software or a supplier makes (S-21)", () => {
    const conventional = new Set(loadKnowledge().threats.flatMap(({ id, conventional }) => (conventional ? [id] : [])));
    const own = Object.values(rules).filter(
      ({ threat }) => conventional.has(threat) || threat === "T-03" || threat === "T-37",
    );
    for (const kind of [
      "interface",
      "sensor",
      "database",
      "network",
      "compute",
      "preprocessing",
      "monitoring",
      "actuator",
      "external",
      "human",
    ] as const) {
      const words: Words = { components: { net: "model", part: kind } };
      expect([kind, own.some((rule) => placesIn(rule, words).includes("part"))]).toEqual([kind, true]);
    }
    expect(own.some((rule) => placesIn(rule, PLAIN).includes("net"))).toBe(true);
  });

  it("bear the ids their files are listed under", () => {
    for (const [id, rule] of Object.entries(rules)) expect(rule.id).toBe(id);
  });

  it("are indexed by file, tests and the index itself left out", () => {
    const text = rulesIndex(["two-words.ts", "one.ts", "index.gen.ts", "one.test.ts"]);
    expect(text).toContain('import twoWords from "./two-words.ts";');
    expect(text.match(/^import/gm)).toHaveLength(3);
    expect(text.indexOf("rule:one")).toBeLessThan(text.indexOf("rule:two-words"));
  });
});
