/** The threats of the chest X-ray, as shipped and as first described: the table of its domain sheet, and a snapshot with the reasons. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { System } from "#assessment/index.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { SystemGraph } from "#system/graph.ts";
import { entryOf, reachOfThreat, withMethodActors, type Closure } from "#system/reach.ts";
import { knownFrom, readSystem } from "#system/read.ts";
import { deriveThreats } from "#threats/engine.ts";
import { chestXray } from "./support/chest-xray.ts";

const knowledge = loadKnowledge();
const example = (): System => {
  const text = readFileSync(new URL("../examples/chest-xray/vauban.yaml", import.meta.url), "utf8");
  const { system, diagnostics } = readSystem(text, "vauban.yaml", knownFrom(knowledge));
  if (!system) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  return system;
};

/** The top threats of the sheet, row by row. */
const TABLE = [
  "T-35",
  "T-30", // ransomware stops reading
  "T-01", // an image altered in the archive
  "T-05",
  "T-07", // poisoned or wrong labels from one site
  "T-09",
  "T-11", // a tampered pretrained backbone
  "T-04",
  "T-34", // a new scanner or population
  "T-17",
  "T-19", // membership and inversion on health data
  "T-37", // automation bias
  "T-13",
  "T-32", // the update channel or an administrator's account
  "T-21", // images or logs leak
];

describe.each([
  ["as shipped", example],
  ["as the domain sheet describes it", chestXray],
])("the chest X-ray %s", (_, read) => {
  const { threats } = deriveThreats(read(), knowledge);
  const groups = new Map(threats.map((threat) => [threat.group, threat.type]));

  it("has every threat of the table", () => {
    const types = new Set(groups.values());
    expect(TABLE.filter((type) => !types.has(type))).toEqual([]);
  });

  it("has at most 40 groups", () => {
    expect(groups.size).toBeLessThanOrEqual(40);
    expect(groups.size).toBeGreaterThanOrEqual(new Set(TABLE).size);
  });

  it("raises nothing that belongs to language models", () => {
    const llm = ["T-22", "T-23", "T-24", "T-25", "T-26", "T-27", "T-28", "T-29"];
    expect([...groups.values()].filter((type) => llm.includes(type))).toEqual([]);
  });
});

describe("evasion of the shipped chest X-ray", () => {
  const system = withMethodActors(example());
  const graph = new SystemGraph(system);
  const type = knowledge.threats.find(({ id }) => id === "T-01")!;
  const way = (actor: string, closures: readonly Closure[]) => {
    const profile = knowledge.profiles.find(({ id }) => id === graph.actor(actor).profile)!;
    const { reach } = reachOfThreat(graph, { actor, at: "cnn" }, type, { closures, profile });
    return [reach.reach, entryOf(reach.path), reach.path.map(({ component }) => component).join(" ")];
  };
  const verified: Closure[] = [{ control: "C-92", at: "pacs", threats: ["T-01", "T-02", "T-03", "T-05"] }];

  it("goes by the archive for its administrator, until the images are signed at the modality and checked before use", () => {
    expect(way("archive-admin", [])).toEqual(["indirect", "touch", "pacs router prep cnn"]);
    const [, entry, path] = way("archive-admin", verified);
    expect(entry).not.toBe("touch");
    expect(path).not.toContain("pacs");
  });

  it("goes by the console for who has the modality's key, whatever is verified at the archive", () => {
    expect(way("radiographer", [])).toEqual(["indirect", "touch", "console pacs router prep cnn"]);
    expect(way("radiographer", verified)).toEqual(way("radiographer", []));
  });

  it("is at hand for a foothold behind the check", () => {
    const foothold = system.actors.find(({ byMethod }) => byMethod)!;
    expect(foothold.touches).toContain("cnn");
    expect(way(foothold.id, verified)).toEqual(["direct", "touch", "cnn"]);
  });

  it("comes back by another way when a flow of images past the archive is added", () => {
    const stick = { ...graph.flow("router->prep"), id: "usb", from: "pacs", to: "prep", carries: ["images"] };
    const more = new SystemGraph({
      ...system,
      flows: [...system.flows, { ...stick, from: "viewer" }],
      actors: [...system.actors, { ...graph.actor("archive-admin"), id: "reader-2", touches: ["viewer"] }],
    });
    const { reach } = reachOfThreat(more, { actor: "reader-2", at: "cnn" }, type, { closures: verified });
    expect([reach.reach, entryOf(reach.path)]).toEqual(["indirect", "touch"]);
  });
});

it("the threats of the shipped chest X-ray are these, for these reasons", () => {
  const { threats, discarded } = deriveThreats(example(), knowledge);
  const kept = [...Map.groupBy(threats, ({ group }) => group)].map(([group, own]) =>
    [
      `${group}  ${own[0]!.type}  ${own[0]!.why}`,
      ...own.map(({ reach, on }) => `    ${reach.reach}${on ? ` on ${on}` : ""}: ${reach.why}`),
    ].join("\n"),
  );
  const types = discarded.filter(({ actor }) => !actor).map(({ id, type, whyNot }) => `${id}  ${type}  ${whyNot}`);
  expect(`${kept.join("\n")}\n\nnot found\n${types.join("\n")}\n`).toMatchSnapshot();
});
