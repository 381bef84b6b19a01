import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { discardedThreat, threat, type System } from "#assessment/index.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { SystemGraph } from "#system/graph.ts";
import { reachOfThreat, withMethodActors, type Closure } from "#system/reach.ts";
import { systemOf, type SystemWords } from "../../test/support/system.ts";
import { deriveThreats } from "./engine.ts";

const knowledge = loadKnowledge();
const WORDS: SystemWords = {
  components: {
    portal: "interface",
    mail: "external",
    archive: "database",
    assistant: { kind: "model", model: { level: "large-scale", task: "generation", tools: true } },
    clerk: "human",
  },
  flows: ["portal -> archive -> assistant -> clerk", "mail -> assistant"],
  boundaries: { office: ["archive", "assistant", "clerk"] },
  actors: { applicant: "AT-3 touches portal", writer: "AT-5 touches mail", rival: "AT-11" },
};

describe("deriving threats", () => {
  it("names groups by slug and place, and threats by group and actor", () => {
    const { threats } = deriveThreats(systemOf(WORDS), knowledge);
    const ids = threats.map(({ id }) => id);
    expect(ids).toContain("indirect-injection@mail->assistant by writer");
    expect(ids).toContain("excessive-agency@assistant by applicant");
    expect(ids).toContain("denial-of-service@system by foothold-office");
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, group, actor } of threats) expect(id).toBe(`${group} by ${actor}`);
  });

  it("puts a threat that a flow brings on the flow, with what it does to the place the flow leads to", () => {
    const { threats } = deriveThreats(systemOf(WORDS), knowledge);
    const found = threats.find(({ id }) => id === "indirect-injection@mail->assistant by writer")!;
    expect(found).toMatchObject({
      type: "T-25",
      at: "assistant",
      on: "mail->assistant",
      rule: "rule:indirect-injection",
      reach: { reach: "direct" },
    });
    expect(found.where).toEqual(new SystemGraph(systemOf(WORDS)).flow("mail->assistant").where);
  });

  it("goes top down: the system first, then components, then flows", () => {
    const places = deriveThreats(systemOf(WORDS), knowledge).threats.map(({ rule, on }) =>
      ["rule:denial-of-service", "rule:insider"].includes(rule) ? 0 : on?.includes("->") ? 2 : 1,
    );
    expect(places).toEqual(places.toSorted());
    expect(new Set(places)).toEqual(new Set([0, 1, 2]));
  });

  it("discarded threats stay with whyNot: each type no rule found, each profile without a reason", () => {
    const { threats, discarded } = deriveThreats(systemOf(WORDS), knowledge);
    expect(discarded.find(({ type, actor }) => type === "T-10" && !actor)).toEqual({
      id: "federated-poisoning",
      group: "federated-poisoning",
      type: "T-10",
      rule: "rule:federated-poisoning",
      whyNot: "no model is trained in a federated way",
    });
    expect(discarded.find(({ id }) => id === "excessive-agency@assistant by rival")?.whyNot).toMatch(
      /^AT-11 \(Competitor\) is not among the profiles with a reason and the means for it, which are: AT-1 /,
    );
    for (const { whyNot } of discarded) expect(whyNot.length).toBeGreaterThan(20);
    // Nothing is lost: each type is kept or set aside, and each group of a kept type has every actor on one side.
    const actors = withMethodActors(systemOf(WORDS)).actors.length;
    const both = [...threats, ...discarded];
    expect(new Set(both.map(({ type }) => type)).size).toBe(38);
    for (const group of new Set(threats.map((item) => item.group)))
      expect([group, both.filter((item) => item.group === group).length]).toEqual([group, actors]);
  });

  it("sets an actor aside for whom every way is closed, with the controls that close them", () => {
    const system = systemOf(WORDS);
    const graph = new SystemGraph(withMethodActors(system));
    const closures: Closure[] = graph.components.map(({ id }) => ({ control: "C-66", at: id, threats: ["T-29"] }));
    const { threats, discarded } = deriveThreats(
      { ...system, actors: [...system.actors, { ...system.actors[0]!, id: "stranger", touches: [] }] },
      knowledge,
      { closures },
    );
    const group = "excessive-agency@assistant";
    expect(threats.filter((item) => item.group === group).map(({ actor }) => actor)).not.toContain("stranger");
    expect(discarded.find(({ id }) => id === `${group} by stranger`)?.whyNot).toContain("C-66 at assistant");
    expect(threats.map(({ id }) => id)).toContain(`${group} by applicant`);
  });

  it("asks no motive of the foothold: it is assessed for every threat found", () => {
    const { threats } = deriveThreats(systemOf(WORDS), knowledge);
    const groups = new Set(threats.map(({ group }) => group));
    for (const group of groups)
      expect(threats.some((item) => item.group === group && item.actor === "foothold-office")).toBe(true);
  });

  it("says so when the catalogue has a threat that no rule looks for", () => {
    const strange = { ...knowledge.threats[0]!, id: "T-99", slug: "strange" };
    const { discarded } = deriveThreats(systemOf(WORDS), { ...knowledge, threats: [strange] });
    expect(discarded).toEqual([
      {
        id: "strange",
        group: "strange",
        type: "T-99",
        whyNot: "no rule of this version looks for it: it was not looked for",
      },
    ]);
  });

  it("gives plain data that fits the schema, and the same for the same system", () => {
    const first = deriveThreats(systemOf(WORDS), knowledge);
    for (const item of first.threats) threat.parse(item);
    for (const item of first.discarded) discardedThreat.parse(item);
    expect(deriveThreats(systemOf(WORDS), knowledge)).toEqual(first);
  });

  it("keeps up with a thousand components", () => {
    const names = Array.from({ length: 1000 }, (_, i) => `c${i}`);
    const system = systemOf({
      components: Object.fromEntries(
        names.map((name, i) => [name, i % 100 === 0 ? "model" : i % 3 ? "compute" : "interface"]),
      ),
      flows: names.slice(1).map((name, i) => `${names[i]} -> ${name}`),
      actors: { gang: "AT-9", user: "AT-2 touches c7" },
    });
    const before = process.threadCpuUsage();
    expect(deriveThreats(system, knowledge).threats.length).toBeGreaterThan(2000);
    expect(process.threadCpuUsage(before).user).toBeLessThan(10_000_000);
  });
});

describe("where a threat enters", () => {
  const type = (id: string) => knowledge.threats.find((item) => item.id === id)!;
  const graph = new SystemGraph(
    systemOf({
      components: {
        camera: "sensor",
        recorder: "database",
        net: { kind: "model", holds: ["weights"], model: { training: { datasets: ["past"] } } },
        lab: { kind: "database", holds: ["past"] },
        trainer: "compute",
        screen: "interface",
      },
      flows: [
        "camera -> recorder",
        { from: "recorder", to: "net", carries: ["frames"] },
        "lab -> trainer",
        { from: "trainer", to: "net", carries: ["weights"] },
        "net -> screen",
      ],
      boundaries: { road: ["camera"], site: ["recorder", "net", "screen"], works: ["lab", "trainer"] },
      assets: { weights: {}, frames: {} },
      datasets: { past: {} },
      actors: {
        passer: "AT-4 touches camera",
        guard: "AT-7 touches recorder",
        student: "AT-7 touches lab",
        viewer: "AT-2 touches screen",
      },
    }),
  );
  const ask = (actor: string, id: string, closures: Closure[] = []) => {
    const { reach, on } = reachOfThreat(graph, { actor, at: "net" }, type(id), {
      closures,
      profile: { uses: [], inside: false },
    });
    return [reach.reach, on, reach.path.map(({ component }) => component).join(" ")];
  };

  it("is the sensor for a physical attack, and the path goes on to the model", () => {
    expect(ask("passer", "T-02")).toEqual(["direct", "camera", "camera recorder net"]);
    expect(ask("guard", "T-02")).toEqual(["indirect", "camera", "camera recorder net"]);
  });

  it("is what holds the training data for poisoning: who only touches the input has to break in there", () => {
    expect(ask("student", "T-05")).toEqual(["direct", "lab", "lab trainer net"]);
    expect(ask("guard", "T-05")).toEqual(["indirect", "lab", "lab trainer net"]);
    const origin: Closure = { control: "C-92", at: "lab", threats: ["T-05"] };
    expect(ask("student", "T-05", [origin])).toEqual(["indirect", "trainer", "trainer net"]);
    const machine: Closure = { control: "C-71", at: "trainer", threats: ["T-05"] };
    expect(ask("student", "T-05", [origin, machine])[0]).toBe("none");
  });

  it("is the input for evasion and the delivery for a tampered model, where the flows say what they carry", () => {
    expect(ask("guard", "T-01")).toEqual(["direct", undefined, "recorder net"]);
    expect(ask("student", "T-01")).toEqual(["indirect", undefined, "net"]);
    expect(ask("student", "T-13")).toEqual(["indirect", undefined, "lab trainer net"]);
    expect(ask("guard", "T-13")).toEqual(["indirect", undefined, "net"]);
  });

  it("is the answers for what only discloses", () => {
    expect(ask("viewer", "T-15")).toEqual(["direct", undefined, "screen net"]);
    expect(ask("viewer", "T-01")).toEqual(["indirect", undefined, "net"]);
  });
});

describe("what is added takes nothing away", () => {
  const KINDS = [
    "database",
    "sensor",
    "interface",
    "preprocessing",
    "external",
    "human",
    "compute",
    "monitoring",
  ] as const;
  const ORDER = ["none", "indirect", "direct"];
  const levels = ["deep", "large-scale", "symbolic"] as const;
  const worlds = fc
    .record({
      kinds: fc.array(fc.constantFrom(...KINDS), { minLength: 3, maxLength: 5 }),
      pairs: fc.uniqueArray(fc.tuple(fc.nat(5), fc.nat(5)), { maxLength: 7, selector: String }),
      zone: fc.uniqueArray(fc.nat(5), { maxLength: 4 }),
      level: fc.constantFrom(...levels),
      touches: fc.nat(4),
      personal: fc.boolean(),
    })
    .map(({ kinds, pairs, zone, level, touches, personal }): System => {
      const names = ["net", ...kinds.map((_, i) => `c${i}`)];
      const inside = zone.flatMap((i) => names[i] ?? []);
      return systemOf({
        components: {
          net: { kind: "model", model: { level, training: { datasets: ["past"], personalData: personal } } },
          ...Object.fromEntries(kinds.map((kind, i) => [`c${i}`, i === 0 ? { kind, holds: ["past"] } : kind])),
        },
        flows: pairs.flatMap(([a, b]) => (a !== b && names[a] && names[b] ? [`${names[a]} -> ${names[b]}`] : [])),
        boundaries: inside.length > 0 ? { zone: inside } : {},
        datasets: { past: {} },
        actors: { mule: `AT-7 touches ${names[touches] ?? "net"}`, gang: "AT-9", user: "AT-2" },
        rest: { environment: "both" },
      });
    });
  const closures = fc.array(
    fc.record({
      control: fc.constantFrom("C-92", "C-71"),
      at: fc.constantFrom("net", "c0", "c1", "c2", "c0->net", "c1->c0"),
      threats: fc.constant(["all"]),
    }),
    { maxLength: 8 },
  );
  const reaches = (system: System, shut: readonly Closure[]) => {
    const { threats, discarded } = deriveThreats(system, knowledge, { closures: shut });
    return new Map([
      ...threats.map(({ id, reach }) => [id, ORDER.indexOf(reach.reach)] as const),
      ...discarded.map(({ id }) => [id, 0] as const),
    ]);
  };
  const expectNoLess = (before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): void => {
    for (const [id, reach] of before) if (reach > 0) expect([id, (after.get(id) ?? 0) >= reach]).toEqual([id, true]);
  };

  it("one more flow removes no threat and lowers no reach", () => {
    fc.assert(
      fc.property(worlds, closures, fc.nat(3), fc.nat(3), (system, shut, a, b) => {
        const names = system.components.map(({ id }) => id);
        fc.pre(a !== b);
        const base = { carries: [], signed: false, encrypted: false, authenticated: false, where: system.where };
        const extra = { ...base, id: "extra", from: names[a]!, to: names[b]! };
        expectNoLess(reaches(system, shut), reaches({ ...system, flows: [...system.flows, extra] }, shut));
      }),
      { numRuns: 60, seed: 21 },
    );
  });

  it("one more actor removes no threat and lowers no reach", () => {
    fc.assert(
      fc.property(worlds, closures, fc.constantFrom("AT-1", "AT-4", "AT-7"), (system, shut, profile) => {
        const extra = { ...system.actors[0]!, id: "extra", profile };
        expectNoLess(reaches(system, shut), reaches({ ...system, actors: [...system.actors, extra] }, shut));
      }),
      { numRuns: 40, seed: 22 },
    );
  });

  it("one closure less removes no threat and lowers no reach", () => {
    fc.assert(
      fc.property(worlds, closures, (system, shut) => {
        expectNoLess(reaches(system, shut), reaches(system, shut.slice(1)));
      }),
      { numRuns: 60, seed: 23 },
    );
  });
});
