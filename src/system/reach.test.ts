import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AttackerProfile, System } from "#assessment/index.ts";
import { chestXray } from "../../test/support/chest-xray.ts";
import { systemOf } from "../../test/support/system.ts";
import { SystemGraph } from "./graph.ts";
import { entryOf, reachOf, withMethodActors, type Closure, type ReachOptions } from "./reach.ts";

const OUTSIDER: ReachOptions["profile"] = { uses: [], inside: false };
const EVASION = { threat: "T-01", profile: OUTSIDER } as const;
const c92 = (at: string, more: Partial<Closure> = {}): Closure => ({
  control: "C-92",
  at,
  threats: ["T-01", "T-02", "T-03", "T-05"],
  ...more,
});
const shuts = (at: string, more: Partial<Closure> = {}): Closure => ({
  control: "C-71",
  at,
  threats: ["T-01"],
  ...more,
});

/** camera | store -> router | prep -> net -> log, two zones; a mule touches what the test says. */
const line = (touches: string) =>
  new SystemGraph(
    systemOf({
      components: {
        camera: "sensor",
        store: "database",
        router: "network",
        prep: "preprocessing",
        net: "model",
        log: "monitoring",
      },
      flows: ["camera -> store -> router -> prep -> net -> log"],
      boundaries: { outer: ["camera", "store", "router"], inner: ["prep", "net", "log"] },
      actors: { mule: `AT-7${touches && ` touches ${touches}`}` },
    }),
  );
const stops = (path: readonly { readonly component: string }[]) => path.map(({ component }) => component);
/** Everything but declared touches is shut for T-01, so that what is left is the touches' own doing. */
const sealed = (graph: SystemGraph): Closure[] => graph.components.map(({ id }) => shuts(id));

describe("reach", () => {
  it("is direct for who touches the place, a flow into it, or something upstream in the same zone", () => {
    for (const [touches, path] of [
      ["net", ["net"]],
      ["prep->net", ["net"]],
      ["router->prep", ["prep", "net"]],
      ["prep", ["prep", "net"]],
    ] as const) {
      const reach = reachOf(line(touches), "mule", "net", EVASION);
      expect([touches, reach.reach, stops(reach.path)]).toEqual([touches, "direct", path]);
    }
  });

  it("is indirect across a boundary, and the path says which flow crosses which boundary", () => {
    const { reach, path, why } = reachOf(line("store"), "mule", "net", EVASION);
    expect(reach).toBe("indirect");
    expect(path).toEqual([
      { component: "store", crosses: [] },
      { component: "router", flow: "store->router", crosses: [] },
      { component: "prep", flow: "router->prep", crosses: ["outer", "inner"] },
      { component: "net", flow: "prep->net", crosses: [] },
    ]);
    expect(why).toBe("mule touches store, and what leaves there gets to net across outer, inner");
  });

  it("is by a usual flow where the profile uses one, whatever the file answers", () => {
    for (const [answer, said] of [
      [undefined, "unanswered, so it counts as existing"],
      ["none", 'the file says "none", which nothing verified shows'],
      ["usb stick", "named: usb stick"],
    ] as const) {
      const graph = new SystemGraph(
        systemOf({
          components: { net: { kind: "model", usual: answer ? { update: answer } : {} }, api: "interface" },
          actors: { vendor: "AT-6" },
        }),
      );
      const reach = reachOf(graph, "vendor", "net", { profile: { uses: ["update"], inside: false } });
      expect(reach).toMatchObject({
        reach: "indirect",
        path: [{ component: "net", flow: "usual:update@net", crosses: [] }],
        why: `vendor could use update at net (${said})`,
      });
      expect(entryOf(reach.path)).toBe("usual");
    }
  });

  it("is by intrusion where nothing else leads there, for want of a verified control against it", () => {
    const reach = reachOf(line(""), "mule", "net", EVASION);
    expect(reach).toMatchObject({
      reach: "indirect",
      path: [{ component: "net", flow: "intrusion@net", crosses: ["inner"] }],
    });
    expect(entryOf(reach.path)).toBe("intrusion");
  });

  it("is none only when every way is closed, and then names what closes them", () => {
    const graph = line("");
    const all = sealed(graph);
    expect(reachOf(graph, "mule", "net", { ...EVASION, closures: all })).toEqual({
      actor: "mule",
      reach: "none",
      path: [],
      why: "every way to net is closed by verified controls: C-71 at camera, C-71 at log, C-71 at net, C-71 at prep, C-71 at router, C-71 at store",
      blockedBy: ["camera", "log", "net", "prep", "router", "store"].map((at) => `C-71 at ${at}`),
    });
    for (const open of ["camera", "store", "router", "prep", "net"]) {
      const closures = all.filter(({ at }) => at !== open);
      expect([open, reachOf(graph, "mule", "net", { ...EVASION, closures }).reach]).toEqual([open, "indirect"]);
    }
  });

  it("is not lowered by a closure for another threat, or one that binds somebody else", () => {
    const graph = line("");
    for (const change of [{ threats: ["T-02"] }, { binds: ["somebody"] }]) {
      const closures = sealed(graph).map((closure) => ({ ...closure, ...change }));
      expect(reachOf(graph, "mule", "net", { ...EVASION, closures }).reach).toBe("indirect");
    }
    expect(reachOf(graph, "mule", "net", { profile: OUTSIDER, closures: sealed(graph) }).reach).toBe("indirect");
  });

  it("keeps a declared touch unless the evidence names the actor: who is let in is not kept out", () => {
    const graph = line("net");
    expect(reachOf(graph, "mule", "net", { ...EVASION, closures: sealed(graph) }).reach).toBe("direct");
    const named = sealed(graph).map((closure) => ({ ...closure, binds: ["mule"] }));
    expect(reachOf(graph, "mule", "net", { ...EVASION, closures: named }).reach).toBe("none");
  });

  it("is stopped by a closed flow, and goes round it by another", () => {
    const graph = line("store");
    const closures = [...sealed(graph), shuts("router->prep")];
    expect(reachOf(graph, "mule", "net", { ...EVASION, closures }).reach).toBe("none");
    const round = new SystemGraph({
      ...graph.system,
      flows: [...graph.system.flows, { ...graph.flow("prep->net"), id: "store->net", from: "store", to: "net" }],
    });
    expect(stops(reachOf(round, "mule", "net", { ...EVASION, closures }).path)).toEqual(["store", "net"]);
  });

  it("needs a usual flow's own closure: a none in the file and a verified test there leave no such way", () => {
    const graph = line("");
    const closures = sealed(graph).filter(({ at }) => at !== "store");
    const profile = { uses: ["backup"] as const, inside: false };
    const before = reachOf(graph, "mule", "net", { threat: "T-01", profile, closures });
    expect(before.path[0]).toMatchObject({ component: "store", flow: "usual:backup@store" });
    const after = reachOf(graph, "mule", "net", {
      threat: "T-01",
      profile,
      closures: [...closures, shuts("usual:backup@store")],
    });
    expect(entryOf(after.path)).toBe("intrusion");
  });

  it("lets a verified boundary keep outsiders from breaking in, but not what declared flows bring, nor insiders", () => {
    const graph = line("");
    const boundary = shuts("inner");
    const outside = ["camera", "store", "router"].map((at) => shuts(at));
    const ask = (closures: Closure[], inside: boolean) =>
      reachOf(graph, "mule", "net", { threat: "T-01", profile: { uses: [], inside }, closures });
    expect(ask([boundary, ...outside], false)).toMatchObject({ reach: "none" });
    expect(ask([boundary], false).path.map(({ component }) => component)).toEqual(["router", "prep", "net"]);
    expect(ask([boundary, ...outside], true).reach).toBe("indirect");
    expect(ask([{ ...boundary, binds: ["mule"] }, ...outside], true).reach).toBe("none");
  });

  it("shows who sees what leaves a place, for threats that only disclose", () => {
    const watcher = reachOf(line("log"), "mule", "net", { ...EVASION, direction: "observe" });
    expect(watcher).toMatchObject({
      reach: "direct",
      why: "mule touches log, where what leaves net arrives without crossing a trust boundary",
    });
    expect(stops(watcher.path)).toEqual(["log", "net"]);
    expect(entryOf(reachOf(line("log"), "mule", "net", EVASION).path)).toBe("intrusion");
    expect(entryOf(reachOf(line("prep"), "mule", "net", { ...EVASION, direction: "observe" }).path)).toBe("intrusion");
  });

  it("to what a flow carries is direct for who touches the flow or where it begins", () => {
    expect(reachOf(line("router->prep"), "mule", "router->prep", EVASION).reach).toBe("direct");
    expect(reachOf(line("router"), "mule", "router->prep", EVASION).reach).toBe("direct");
    const closed = { ...EVASION, closures: [shuts("router->prep")] };
    expect(reachOf(line("router"), "mule", "router->prep", closed).reach).toBe("none");
  });

  it("to the system is that to its nearest component", () => {
    expect(reachOf(line("log"), "mule", "system", EVASION)).toMatchObject({
      reach: "direct",
      path: [{ component: "log" }],
    });
  });
});

describe("origin integrity (C-92)", () => {
  const rest = (graph: SystemGraph) => sealed(graph);

  it("at a store takes away what is altered there, but not what was altered at the source or behind the check", () => {
    for (const [touches, expected] of [
      ["camera", "indirect"],
      ["camera->store", "none"],
      ["store", "none"],
      ["router", "indirect"],
      ["prep", "direct"],
    ] as const) {
      const graph = line(touches);
      const { reach } = reachOf(graph, "mule", "net", { ...EVASION, closures: [c92("store"), ...rest(graph)] });
      expect([touches, reach]).toEqual([touches, expected]);
    }
  });

  it("at a preprocessing step checks what comes in: who acts on the step itself stands behind the check", () => {
    for (const [touches, expected] of [
      ["camera", "indirect"],
      ["store", "none"],
      ["router", "none"],
      ["router->prep", "none"],
      ["prep", "direct"],
    ] as const) {
      const graph = line(touches);
      const { reach } = reachOf(graph, "mule", "net", { ...EVASION, closures: [c92("prep"), ...rest(graph)] });
      expect([touches, reach]).toEqual([touches, expected]);
    }
  });

  it("at a store keeps what was altered there from being handed on, though not from being altered", () => {
    const graph = line("store");
    const options = { ...EVASION, closures: [c92("store"), ...rest(graph)] };
    expect(reachOf(graph, "mule", "store", options).reach).toBe("direct");
    expect(reachOf(graph, "mule", "store", { ...options, output: true }).reach).toBe("none");
    expect(reachOf(line("camera"), "mule", "store", { ...options, output: true }).reach).toBe("direct");
  });

  it("on a flow lets only signed data along it", () => {
    const graph = line("store");
    const closures = [c92("router->prep"), ...rest(graph)];
    expect(reachOf(graph, "mule", "net", { ...EVASION, closures }).reach).toBe("none");
    expect(reachOf(line("camera"), "mule", "net", { ...EVASION, closures }).reach).toBe("indirect");
  });

  it("does not keep anyone's eyes off: integrity is not confidentiality", () => {
    const graph = line("log");
    const closures = [c92("net", { threats: ["T-21"] }), c92("net->log", { threats: ["T-21"] })];
    expect(reachOf(graph, "mule", "net", { threat: "T-21", closures, direction: "observe" }).reach).toBe("direct");
  });

  it("at the archive of the chest X-ray leaves the modality console and the foothold behind the check", () => {
    const graph = new SystemGraph(withMethodActors(chestXray()));
    const insider = { uses: ["import-media", "administration", "backup", "physical-presence"] as const, inside: true };
    const ask = (actor: string, closures: readonly Closure[]) =>
      reachOf(graph, actor, "cnn", { threat: "T-01", profile: insider, closures });

    expect(stops(ask("archivist", []).path)).toEqual(["pacs", "router", "prep", "cnn"]);
    expect(entryOf(ask("archivist", []).path)).toBe("touch");

    const archivist = ask("archivist", [c92("pacs")]);
    expect(entryOf(archivist.path)).not.toBe("touch");
    expect(stops(archivist.path)).not.toContain("pacs");

    const radiographer = ask("radiographer", [c92("pacs")]);
    expect(radiographer).toEqual(ask("radiographer", []));
    expect(stops(radiographer.path)).toEqual(["console", "pacs", "router", "prep", "cnn"]);
    expect(entryOf(radiographer.path)).toBe("touch");

    expect(ask("foothold-reading", [c92("pacs")])).toMatchObject({ reach: "direct", path: [{ component: "cnn" }] });
  });
});

describe("the actors that the method adds", () => {
  it("are one foothold per innermost shared zone, touching everything there but the people", () => {
    const system = withMethodActors(chestXray());
    const footholds = system.actors.filter(({ byMethod }) => byMethod);
    expect(footholds).toHaveLength(1);
    expect(footholds[0]).toMatchObject({ id: "foothold-reading", profile: "AT-7", knows: "white" });
    expect(footholds[0]!.touches).toContain("cnn");
    expect(footholds[0]!.touches).not.toContain("radiologist");
  });

  it("are added once, and never take the place of an author's actor of the same name", () => {
    const once = withMethodActors(chestXray());
    expect(withMethodActors(once)).toBe(once);
    const system = systemOf({
      components: { net: "model", api: "interface" },
      flows: ["api -> net"],
      actors: { "foothold-system": "AT-1" },
    });
    expect(withMethodActors(system).actors.map(({ id, byMethod }) => [id, byMethod])).toEqual([
      ["foothold-system", false],
      ["foothold-system-by-method", true],
    ]);
  });

  it("reach every model directly, whatever is verified elsewhere", () => {
    fc.assert(
      fc.property(worlds(), fc.array(closures(), { maxLength: 6 }), ({ system }, shut) => {
        const whole = withMethodActors(system);
        const graph = new SystemGraph(whole);
        const foothold = whole.actors.find(({ byMethod }) => byMethod)!;
        const elsewhere = shut.filter(({ binds }) => binds === undefined);
        expect(reachOf(graph, foothold.id, "c0", { threat: "T-01", closures: elsewhere }).reach).toBe("direct");
      }),
      { numRuns: 60, seed: 15 },
    );
  });
});

const ORDER = ["none", "indirect", "direct"];
const PROFILES: ReadonlyArray<Pick<AttackerProfile, "uses" | "inside"> | undefined> = [
  undefined,
  { uses: [], inside: false },
  { uses: ["backup", "update"], inside: false },
  { uses: ["administration"], inside: true },
];
const KINDS = ["model", "database", "sensor", "interface", "preprocessing", "network", "external", "human"] as const;

/** Small random systems: c0 is a model; some components in nested boundaries; one mule who touches a few of them. */
function worlds(): fc.Arbitrary<{ readonly system: System; readonly profile: (typeof PROFILES)[number] }> {
  return fc
    .record({
      kinds: fc.array(fc.constantFrom(...KINDS), { minLength: 4, maxLength: 7 }),
      pairs: fc.array(fc.tuple(fc.nat(6), fc.nat(6)), { maxLength: 9 }),
      zones: fc.array(fc.nat(3), { minLength: 7, maxLength: 7 }),
      touches: fc.uniqueArray(fc.nat(6), { maxLength: 2 }),
      profile: fc.constantFrom(...PROFILES),
    })
    .map(({ kinds, pairs, zones, touches, profile }) => {
      const names = kinds.map((_, i) => `c${i}`);
      const flows = new Set(
        pairs.filter(([a, b]) => a !== b && a < names.length && b < names.length).map(([a, b]) => `c${a} -> c${b}`),
      );
      const inZone = (zone: number) => names.filter((_, i) => zones[i] === zone);
      const boundaries = {
        ...(inZone(1).length > 0 ? { a: inZone(1) } : {}),
        ...(inZone(2).length + inZone(3).length > 0
          ? {
              b: {
                ...(inZone(2).length > 0 ? { b1: inZone(2) } : {}),
                ...(inZone(3).length > 0 ? { b2: inZone(3) } : {}),
              },
            }
          : {}),
      };
      const touched = touches.filter((i) => i < names.length).map((i) => `c${i}`);
      const system = systemOf({
        components: Object.fromEntries(kinds.map((kind, i) => [`c${i}`, i === 0 ? "model" : kind])),
        flows: [...flows],
        boundaries,
        actors: { mule: touched.length > 0 ? `AT-7 touches ${touched.join(", ")}` : "AT-7" },
      });
      return { system, profile };
    });
}
const PLACES = [
  ...KINDS.keys().map((i) => `c${i}`),
  "a",
  "b1",
  "c1->c0",
  "c2->c1",
  "usual:update@c0",
  "usual:backup@c1",
];
function closures(): fc.Arbitrary<Closure> {
  return fc.record(
    {
      control: fc.constantFrom("C-92", "C-71"),
      at: fc.constantFrom(...PLACES),
      threats: fc.constantFrom(["T-01"], ["T-02"], ["all"]),
      binds: fc.constantFrom(["mule"], ["other"]),
    },
    { requiredKeys: ["control", "at", "threats"] },
  );
}
/** A few, or nearly every component shut and a few more: else "none" would hardly ever come up. */
function manyClosures(): fc.Arbitrary<Closure[]> {
  const few = fc.array(closures(), { maxLength: 6 });
  const shutComponents = fc
    .subarray(
      KINDS.keys()
        .map((i) => `c${i}`)
        .toArray(),
      { minLength: 5 },
    )
    .map((places) => places.map((at) => shuts(at)));
  return fc.oneof(
    few,
    fc.tuple(shutComponents, few).map(([shut, more]) => [...shut, ...more]),
  );
}
const rank = (system: System, place: string, options: ReachOptions) =>
  ORDER.indexOf(reachOf(new SystemGraph(system), "mule", place, options).reach);

describe("reach is monotone", () => {
  const places = (system: System) => [
    ...system.components.map(({ id }) => id),
    ...system.flows.map(({ id }) => id),
    "system",
  ];
  const directions = ["influence", "observe"] as const;

  it("closing never raises it", () => {
    fc.assert(
      fc.property(worlds(), manyClosures(), closures(), ({ system, profile }, some, one) => {
        for (const direction of directions)
          for (const place of places(system)) {
            const options = { threat: "T-01", profile, direction };
            expect(rank(system, place, { ...options, closures: [...some, one] })).toBeLessThanOrEqual(
              rank(system, place, { ...options, closures: some }),
            );
          }
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  it("is no other actor's, whatever an actor is called", () => {
    const world = fc.sample(worlds(), { numRuns: 1, seed: 5 })[0]!;
    const [mule] = world.system.actors;
    const near = { ...mule!, id: "anybody", touches: ["c0"] };
    const far = { ...mule!, id: "far", touches: [] };
    const system = { ...world.system, actors: [near, far] };
    const graph = new SystemGraph(system);
    const asked = { profile: world.profile };
    reachOf(graph, "far", "c0", asked);
    expect(reachOf(graph, "anybody", "c0", asked)).toEqual(reachOf(new SystemGraph(system), "anybody", "c0", asked));
    expect(reachOf(graph, "anybody", "c0", asked).reach).toBe("direct");
  });

  it("one more flow never lowers it", () => {
    fc.assert(
      fc.property(worlds(), manyClosures(), fc.nat(3), fc.nat(3), ({ system, profile }, shut, from, to) => {
        fc.pre(from !== to);
        const extra = { ...FLOW, id: "extra", from: `c${from}`, to: `c${to}`, where: system.where };
        const more = { ...system, flows: [...system.flows, extra] };
        for (const direction of directions)
          for (const place of places(system)) {
            const options = { threat: "T-01", profile, closures: shut, direction };
            expect(rank(more, place, options)).toBeGreaterThanOrEqual(rank(system, place, options));
          }
      }),
      { numRuns: 150, seed: 2 },
    );
  });

  it("one more actor changes nobody's, and one more touch never lowers it", () => {
    fc.assert(
      fc.property(worlds(), manyClosures(), fc.nat(3), ({ system, profile }, shut, at) => {
        const mule = system.actors[0]!;
        const options = { threat: "T-01", profile, closures: shut };
        const other = { ...system, actors: [...system.actors, { ...mule, id: "other" }] };
        const closer = { ...system, actors: [{ ...mule, touches: [...mule.touches, `c${at}`] }] };
        for (const place of places(system)) {
          expect(reachOf(new SystemGraph(other), "mule", place, options)).toEqual(
            reachOf(new SystemGraph(system), "mule", place, options),
          );
          expect(rank(closer, place, options)).toBeGreaterThanOrEqual(rank(system, place, options));
        }
      }),
      { numRuns: 100, seed: 3 },
    );
  });

  it("none is never said without naming a closure, and a path is shown for all else", () => {
    const met = { none: 0, indirect: 0, direct: 0 };
    fc.assert(
      fc.property(worlds(), manyClosures(), ({ system, profile }, shut) => {
        for (const place of places(system)) {
          const reach = reachOf(new SystemGraph(system), "mule", place, { threat: "T-01", profile, closures: shut });
          met[reach.reach]++;
          if (reach.reach === "none") expect(reach.blockedBy.length).toBeGreaterThan(0);
          else expect(reach.path.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 100, seed: 4 },
    );
    for (const times of Object.values(met)) expect(times).toBeGreaterThan(20);
  });
});

const FLOW = { carries: [], signed: false, encrypted: false, authenticated: false };
