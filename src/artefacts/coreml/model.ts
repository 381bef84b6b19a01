/** A Core ML model by its kind: each is judged by its own rules, and one of a kind without rules is said to be unchecked. */
import { textAt, type Walked } from "#formats/protobuf-walk.ts";
import { namesOf } from "./interface.ts";
import { judgeNetwork } from "./network.ts";
import { judgeParameters, MODELS_OF_NUMBERS } from "./parameters.ts";
import { judgeProgram } from "./program.ts";
import { every, only, shown, type Judging } from "./reading.ts";
import { judgeTrees } from "./trees.ts";

type Judge = (params: Walked, model: Walked, judging: Judging) => void;
/** Told, or left unread, where the model's fields are gone through: what they hold is none of Core ML's. */
const elsewhere: Judge = () => {};
/** Models that the system brings; the file says which, and no more. */
const ofTheSystem: Judge = () => {};

/** By the name of the field that holds the model (Model.proto, `oneof Type`). */
const KINDS: Readonly<Record<string, Judge>> = {
  pipeline: (params, model, judging) => pipeline(params, model, judging),
  pipelineClassifier: (params, model, judging) => pipeline(only(params, "pipeline") ?? params, model, judging),
  pipelineRegressor: (params, model, judging) => pipeline(only(params, "pipeline") ?? params, model, judging),
  neuralNetwork: judgeNetwork,
  neuralNetworkClassifier: judgeNetwork,
  neuralNetworkRegressor: judgeNetwork,
  treeEnsembleClassifier: judgeTrees,
  treeEnsembleRegressor: judgeTrees,
  mlProgram: judgeProgram,
  customModel: elsewhere,
  linkedModel: elsewhere,
  serializedModel: elsewhere,
  textClassifier: elsewhere,
  wordTagger: elsewhere,
  gazetteer: elsewhere,
  wordEmbedding: elsewhere,
  visionFeaturePrint: ofTheSystem,
  soundAnalysisPreprocessing: ofTheSystem,
  audioFeaturePrint: ofTheSystem,
  ...Object.fromEntries(
    [...MODELS_OF_NUMBERS].map((kind): [string, Judge] => [
      kind,
      (params, model, judging) => judgeParameters(kind, params, model, judging),
    ]),
  ),
};
/** For the test that every kind of the specification is here. */
export const KNOWN_KINDS: ReadonlySet<string> = new Set(Object.keys(KINDS));

/** Judges one model; those within a pipeline come by themselves. */
export function judgeModel(model: Walked, judging: Judging): void {
  const kinds = Object.keys(model.messages).filter((field) => field !== "description");
  if (kinds.length !== 1)
    judging.say(
      "unknown",
      kinds.length === 0 ? "coreml-graph" : "coreml-repeated",
      model,
      kinds.length === 0
        ? "a description without a model"
        : `several models at once (${kinds.slice(0, 4).join(", ")}): readers differ in which counts`,
    );
  for (const kind of kinds)
    if (Object.hasOwn(KINDS, kind)) KINDS[kind]!(only(model, kind)!, model, judging);
    else judging.say("unknown", "coreml-field", model, `a model of the kind ${kind}, which is not checked here`);
}

/** Models one after the other, each fed by what came before. */
function pipeline(params: Walked, model: Walked, judging: Judging): void {
  const { content, say } = judging;
  const description = only(model, "description");
  const names = new Set([...namesOf(description, "input", judging), ...namesOf(description, "trainingInput", judging)]);
  const models = every(params, "models");
  if (models.length === 0) say("unknown", "coreml-graph", params, "a pipeline of no models");
  for (const [index, one] of models.entries()) {
    const within = only(one, "description");
    for (const name of namesOf(within, "input", judging))
      if (!names.has(name))
        say(
          "unknown",
          "coreml-graph",
          one,
          `model ${index + 1} of the pipeline takes ${shown(name)}, which nothing before it makes`,
        );
    for (const name of namesOf(within, "output", judging)) names.add(name);
  }
  for (const name of namesOf(description, "output", judging))
    if (!names.has(name))
      say("unknown", "coreml-graph", params, `the output ${shown(name)} is made by no model of the pipeline`);
  const titles = (params.places.names ?? []).map((place) => textAt(content, place));
  if (titles.length > 0 && (titles.length !== models.length || new Set(titles).size !== titles.length))
    say(
      "unknown",
      "coreml-graph",
      params,
      `${titles.length} names, or the same twice, for ${models.length} models of the pipeline`,
    );
}
