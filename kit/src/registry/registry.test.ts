import fc from "fast-check";
import { expect, test } from "vitest";
import { type ManualClock, manualClock } from "../clock/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { fixedDirectory, type ServiceEndpoint } from "./directory.ts";
import { openRegistry, type OpenRegistryOptions, type Registry } from "./registry.ts";

type World = {
  readonly engine: Engine;
  readonly clock: ManualClock;
  readonly open: (name: string, more?: Partial<OpenRegistryOptions>) => Promise<Registry>;
};

async function withEngine(run: (world: World) => Promise<void>): Promise<void> {
  const clock = manualClock();
  await using engine = await openMemoryEngine({ clock });
  const open = (name: string, more: Partial<OpenRegistryOptions> = {}): Promise<Registry> =>
    openRegistry({ engine, random: seededRandom(name), leaseMs: 10_000, ...more });
  await run({ engine, clock, open });
}

function watched(registry: Registry, service: string): { addresses: () => readonly string[]; times: () => number } {
  let last: readonly ServiceEndpoint[] = [];
  let times = 0;
  registry.follow(service, (endpoints) => {
    last = endpoints;
    times++;
  });
  return { addresses: () => last.map(({ address }) => address).toSorted(), times: () => times };
}

/** The engine with another way to look through it. */
function forwarding(engine: Engine, scan: Engine["scan"]): Engine {
  return {
    can: engine.can,
    clock: engine.clock,
    commit: (changes) => engine.commit(changes),
    claim: (request) => engine.claim(request),
    extend: (receipts, leaseMs) => engine.extend(receipts, leaseMs),
    read: (request) => engine.read(request),
    stream: (request) => engine.stream(request),
    get: (cells) => engine.get(cells),
    scan,
    bell: (topics, ring) => engine.bell(topics, ring),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

const orders = [{ name: "orders@1", hash: "h" }];

test("an instance is seen soon after it is announced, with what it says of itself, and is gone at once when it leaves", async () => {
  await withEngine(async ({ clock, open }) => {
    await using here = await open("here");
    await using there = await open("there");
    const view = watched(there, "orders@1");
    const announced = await here.announce({ address: "a:1", services: orders, zone: "east", weight: 2 });
    await clock.advance(10);
    expect(view.addresses()).toEqual(["a:1"]);
    const [instance] = await Array.fromAsync(there.instances());
    expect(instance).toMatchObject({ id: announced.id, zone: "east", weight: 2, services: orders });
    await announced.update({ state: "draining", load: 0.5 });
    await clock.advance(10);
    expect((await Array.fromAsync(there.instances()))[0]).toMatchObject({ state: "draining", load: 0.5 });
    await announced[Symbol.asyncDispose]();
    await clock.advance(10);
    expect(view.addresses()).toEqual([]);
  });
});

test("heartbeats keep an instance, and tell nobody who has nothing new to hear", async () => {
  await withEngine(async ({ clock, open }) => {
    await using here = await open("here");
    await using there = await open("there");
    const view = watched(there, "orders@1");
    await here.announce({ address: "a:1", services: orders });
    await clock.advance(1_000);
    const told = view.times();
    await clock.advance(120_000);
    expect(view.addresses()).toEqual(["a:1"]);
    expect(view.times()).toBe(told);
  });
});

test("an instance that stops renewing is gone when its lease ends, and not before", async () => {
  await withEngine(async ({ clock, engine, open }) => {
    await using there = await open("there");
    const view = watched(there, "orders@1");
    const value = JSON.stringify({ address: "dead:1", services: orders, announcedAtMs: 0 });
    const cell = { space: "registry/instances", key: "dead" };
    await engine.commit([{ op: "put", cell, expect: "absent", value, expiresInMs: 10_000 }]);
    await clock.advance(9_990);
    expect(view.addresses()).toEqual(["dead:1"]);
    await clock.advance(20);
    expect(view.addresses()).toEqual([]);
  });
});

test("a view that cannot reach the store empties as leases end", async () => {
  await withEngine(async ({ clock, engine, open }) => {
    await using here = await open("here");
    await here.announce({ address: "a:1", services: orders });
    let reach: "open" | "cut" = "open";
    const cut = forwarding(engine, (query) => {
      if (reach === "cut") throw new Error("unreachable");
      return engine.scan(query);
    });
    await using there = await openRegistry({ engine: cut, random: seededRandom("cut"), leaseMs: 10_000 });
    const view = watched(there, "orders@1");
    await clock.advance(1_000);
    expect(view.addresses()).toEqual(["a:1"]);
    reach = "cut";
    await clock.advance(10_000);
    expect(view.addresses()).toEqual([]);
    reach = "open";
    await clock.advance(1_000);
    expect(view.addresses()).toEqual(["a:1"]);
  });
});

test("who lost the lease comes back under a new id, and the old one never again", async () => {
  await withEngine(async ({ clock, engine, open }) => {
    const lost: string[] = [];
    await using here = await open("here", { onLost: (id) => lost.push(id) });
    const announced = await here.announce({ address: "a:1", services: orders });
    const first = announced.id;
    // As if it had been frozen: its record is gone.
    await engine.commit([
      { op: "put", cell: { space: "registry/instances", key: first }, expect: "any", value: undefined },
    ]);
    await clock.advance(5_000);
    expect(lost).toEqual([first]);
    expect(announced.id).not.toBe(first);
    const ids = (await Array.fromAsync(here.instances())).map(({ id }) => id);
    expect(ids).toEqual([announced.id]);
  });
});

test("facts that make no sense are refused by name", async () => {
  await withEngine(async ({ open }) => {
    await using here = await open("here");
    const wrong = [
      { address: "", services: orders },
      { address: "a", services: [] },
      { address: "a", services: orders, weight: 0 },
      { address: "a", services: orders, state: "sick" as never },
    ];
    for (const facts of wrong) await expect(here.announce(facts)).rejects.toMatchObject({ code: "CONFIG" });
    await expect(open("short", { leaseMs: 10 })).rejects.toMatchObject({ option: "leaseMs" });
  });
});

test("whatever comes and goes, a view shows exactly the living a moment later", async () => {
  const step = fc.record({ who: fc.nat(4), does: fc.constantFrom("come", "leave", "drain"), afterMs: fc.nat(4_000) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await withEngine(async ({ clock, open }) => {
        await using here = await open("here");
        await using there = await open("there");
        const view = watched(there, "orders@1");
        const living = new Map<number, Awaited<ReturnType<Registry["announce"]>>>();
        for (const { who, does, afterMs } of steps) {
          const known = living.get(who);
          if (does === "come" && known === undefined)
            living.set(who, await here.announce({ address: `a:${who}`, services: orders }));
          if (does === "leave" && known !== undefined) {
            await known[Symbol.asyncDispose]();
            living.delete(who);
          }
          if (does === "drain") await known?.update({ state: "draining" });
          await clock.advance(afterMs + 5);
          expect(view.addresses()).toEqual([...living.keys()].map((name) => `a:${name}`).toSorted());
        }
      });
    }),
    { numRuns: 30 },
  );
});

test("a table tells its followers what is there, and again when it is replaced", () => {
  const directory = fixedDirectory({ "orders@1": [{ id: "1", address: "a", hash: "h" }] });
  const told: string[][] = [];
  const following = directory.follow("orders@1", (endpoints) => told.push(endpoints.map(({ address }) => address)));
  directory.replace({ "orders@1": [{ id: "2", address: "b", hash: "h" }] });
  directory.replace({});
  following[Symbol.dispose]();
  directory.replace({ "orders@1": [{ id: "3", address: "c", hash: "h" }] });
  expect(told).toEqual([["a"], ["b"], []]);
});

test("a record that nobody can read harms no other, and no follower", async () => {
  await withEngine(async ({ clock, engine, open }) => {
    await using here = await open("here");
    await using there = await open("there");
    const view = watched(there, "orders@1");
    const odd = [
      "{",
      "null",
      "7",
      JSON.stringify({ address: "odd:1" }),
      JSON.stringify({ address: "odd:2", services: orders, weight: 0 }),
      JSON.stringify({ address: 3, services: orders }),
    ];
    for (const [place, value] of odd.entries()) {
      const cell = { space: "registry/instances", key: `odd-${place}` };
      await engine.commit([{ op: "put", cell, expect: "absent", value, expiresInMs: 600_000 }]);
    }
    await here.announce({ address: "a:1", services: orders });
    await clock.advance(3_000);
    expect(view.addresses()).toEqual(["a:1"]);
    expect((await Array.fromAsync(there.instances())).map(({ address }) => address)).toEqual(["a:1"]);
  });
});

test("a clock that is set back does not bring back who is gone, and one that is set forward does not take who is there", async () => {
  await withEngine(async ({ clock, engine, open }) => {
    await using here = await open("here");
    await using there = await open("there");
    const view = watched(there, "orders@1");
    await here.announce({ address: "alive:1", services: orders });
    const value = JSON.stringify({ address: "dead:1", services: orders, announcedAtMs: 0 });
    const cell = { space: "registry/instances", key: "dead" };
    await engine.commit([{ op: "put", cell, expect: "absent", value, expiresInMs: 10_000 }]);
    await clock.advance(1_000);
    expect(view.addresses()).toEqual(["alive:1", "dead:1"]);
    clock.jump(-3_600_000);
    await clock.advance(10_000);
    expect(view.addresses()).toEqual(["alive:1"]);
    await clock.advance(60_000);
    expect(view.addresses()).toEqual(["alive:1"]);
    clock.jump(3_600_000);
    await clock.advance(5_000);
    expect(view.addresses()).toEqual(["alive:1"]);
  });
});

test("a view whose store does not answer empties as leases end", async () => {
  await withEngine(async ({ clock, engine, open }) => {
    await using here = await open("here");
    await here.announce({ address: "a:1", services: orders });
    let state: "well" | "hanging" = "well";
    const hanging = forwarding(engine, (query) =>
      state === "well"
        ? engine.scan(query)
        : { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }) },
    );
    await using there = await openRegistry({ engine: hanging, random: seededRandom("hanging"), leaseMs: 10_000 });
    const view = watched(there, "orders@1");
    await clock.advance(1_000);
    expect(view.addresses()).toEqual(["a:1"]);
    state = "hanging";
    await clock.advance(11_000);
    expect(view.addresses()).toEqual([]);
  });
});

test("who announces while the registry closes is not left in it", async () => {
  await withEngine(async ({ clock, open }) => {
    const here = await open("here");
    await using there = await open("there");
    const announced = here.announce({ address: "late:1", services: orders }).catch((error: unknown) => error);
    await here[Symbol.asyncDispose]();
    expect(await announced).toMatchObject({ code: "DISPOSED" });
    await clock.advance(60_000);
    expect(await Array.fromAsync(there.instances())).toEqual([]);
    await expect(here.announce({ address: "later:1", services: orders })).rejects.toMatchObject({ code: "DISPOSED" });
  });
});

test("an update that says nothing new is no commit, and rings nobody's bell", async () => {
  await withEngine(async ({ clock, engine }) => {
    let commits = 0;
    const counting: Engine = {
      ...forwarding(engine, (query) => engine.scan(query)),
      commit: (changes) => (commits++, engine.commit(changes)),
    };
    await using here = await openRegistry({ engine: counting, random: seededRandom("calm"), leaseMs: 600_000 });
    const announced = await here.announce({ address: "a:1", services: orders });
    for (let count = 0; count < 10; count++) {
      await announced.update({ load: 0.5 });
      await clock.advance(1_000);
    }
    expect(commits).toBe(2);
    await announced.update({ load: 0.6, state: "draining" });
    expect(commits).toBe(3);
  });
});

test("a large fleet is read once a poll, however many hearts beat, and at once when there is news", async () => {
  await withEngine(async ({ clock, engine, open }) => {
    let looks = 0;
    const counting = forwarding(engine, (query) => (looks++, engine.scan(query)));
    await using here = await open("here");
    await using there = await openRegistry({ engine: counting, random: seededRandom("there"), leaseMs: 10_000 });
    const fleet = await Promise.all(
      Array.from({ length: 50 }, (_, n) => here.announce({ address: `a:${n + 1}`, services: orders })),
    );
    const view = watched(there, "orders@1");
    await clock.advance(1_000);
    looks = 0;
    await clock.advance(60_000);
    expect(looks).toBeLessThanOrEqual(61);
    await fleet[0]?.update({ state: "draining" });
    await clock.advance(10);
    expect(view.addresses()).toHaveLength(50);
    await fleet[1]?.[Symbol.asyncDispose]();
    await clock.advance(10);
    expect(view.addresses()).toHaveLength(49);
  });
});
