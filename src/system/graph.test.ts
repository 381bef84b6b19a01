import { describe, expect, it } from "vitest";
import { systemOf } from "../../test/support/system.ts";
import { SystemGraph } from "./graph.ts";

const graph = new SystemGraph(
  systemOf({
    components: {
      camera: { kind: "sensor", title: "Front camera" },
      store: { kind: "database", holds: ["frames", "people"] },
      prep: "preprocessing",
      detector: "model",
      rules: { kind: "model", model: { level: "symbolic", task: "decision-rules" } },
      driver: "human",
      lonely: "compute",
    },
    flows: ["camera -> store -> prep -> detector -> rules -> driver", "driver -> camera"],
    boundaries: {
      vehicle: { sensing: ["camera", "store"], deciding: { core: ["detector"], rest: ["prep", "rules"] } },
    },
    assets: { frames: {}, people: { personal: true } },
  }),
);
const ids = (items: readonly { readonly id: string }[]) => items.map(({ id }) => id);

describe("the system graph", () => {
  it("crosses every nested boundary that a flow enters or leaves, and none that both ends share", () => {
    expect(ids(graph.crosses(graph.flow("store->prep")))).toEqual(["sensing", "rest", "deciding"]);
    expect(ids(graph.crosses(graph.flow("prep->detector")))).toEqual(["rest", "core"]);
    expect(ids(graph.crosses(graph.flow("camera->store")))).toEqual([]);
    expect(ids(graph.crosses(graph.flow("rules->driver")))).toEqual(["rest", "deciding", "vehicle"]);
  });

  it("finds the innermost boundary, and those around it from the inside out", () => {
    expect(graph.boundaryOf("detector")?.id).toBe("core");
    expect(ids(graph.boundariesAround("detector"))).toEqual(["core", "deciding", "vehicle"]);
    expect(graph.boundaryOf("driver")).toBeUndefined();
  });

  it("passes over a boundary around the model alone: its shared zone is the next one out", () => {
    const zone = graph.sharedZoneOf("detector");
    expect(zone.id).toBe("deciding");
    expect([...zone.components].toSorted()).toEqual(["detector", "prep", "rules"]);
  });

  it("takes the whole system for the zone of a model that no boundary joins with anything", () => {
    const open = new SystemGraph(systemOf({ components: { net: "model", api: "interface" } }));
    expect(open.sharedZoneOf("net")).toMatchObject({ id: "system", components: ["net", "api"] });
  });

  it("follows flows both ways without losing itself in a cycle", () => {
    expect([...graph.upstream("prep")].toSorted()).toEqual(["camera", "detector", "driver", "prep", "rules", "store"]);
    expect(graph.downstream("lonely").size).toBe(0);
  });

  it("knows who holds an asset, and that one of them is personal", () => {
    expect(ids(graph.holdersOf("people"))).toEqual(["store"]);
    expect(graph.holdersOf("nothing")).toEqual([]);
    expect(graph.holdsPersonal(graph.component("store"))).toBe(true);
    expect(graph.holdsPersonal(graph.component("camera"))).toBe(false);
  });

  it("sorts models by technology level", () => {
    expect(ids(graph.modelsOf("deep"))).toEqual(["detector"]);
    expect(ids(graph.modelsOf("symbolic", "deep"))).toEqual(["detector", "rules"]);
  });

  it("counts an unanswered usual flow and one answered none as ways, and one named beyond the kind's own too", () => {
    const said = new SystemGraph(
      systemOf({
        components: {
          net: { kind: "model", usual: { update: "none", "import-media": "usb stick" } },
          api: "interface",
        },
      }),
    );
    expect(said.usualWays(said.component("net")).map(({ id, answer }) => [id, answer])).toEqual([
      ["usual:update@net", "none"],
      ["usual:administration@net", "unanswered"],
      ["usual:supplier-access@net", "unanswered"],
      ["usual:import-media@net", "usb stick"],
    ]);
  });

  it("names a flow by its ends and refuses an id that nothing declares", () => {
    expect(graph.titleOf("camera->store")).toBe("Front camera → store");
    expect(() => graph.component("nobody")).toThrow('no component "nobody" in this system');
  });

  it("answers for a thousand components without a noticeable wait", () => {
    const names = Array.from({ length: 1000 }, (_, i) => `c${i}`);
    const large = new SystemGraph(
      systemOf({
        components: Object.fromEntries(names.map((name, i) => [name, i === 500 ? "model" : "compute"])),
        flows: names.slice(1).map((name, i) => `${names[i]} -> ${name}`),
      }),
    );
    expect(large.upstream("c999").size).toBe(999);
    expect(large.downstream("c0").size).toBe(999);
  });
});
