import { describe, expect, test } from "vitest";
import { gate } from "../abort/mod.ts";
import type { Change } from "../engine/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { crashAtCall, openWorld, type Store } from "./crash.test-world.ts";
import { saga } from "./mod.ts";

const leaseMs = 3_000;
const items = ["one", "two", "three"];

/** What the outside world saw: which item came with which key. */
type Seen = Map<string, Set<string>>;

function note(seen: Seen, key: string, item: string): void {
  seen.set(key, (seen.get(key) ?? new Set()).add(item));
}

async function fanOut(store: Store, seed: number): Promise<Seen> {
  await using world = await openWorld(store);
  const random = seededRandom(seed);
  const seen: Seen = new Map();
  const definition = saga("fan", { version: "1", leaseMs, crashesMax: 1_000 }, async (_: null, context) => {
    await Promise.all(
      items.map(async (item, index) => {
        const pause = async (): Promise<void> => {
          if (random.next() < 0.6) await world.clock.sleep(random.integer(1, 50));
        };
        for (let wait = 0; wait < index * 3; wait++) await Promise.resolve();
        await context.step("reserve", pause);
        const drawn = context.random();
        const atMs = context.now();
        await context.step.commit("book", async () => ({ result: item, changes: [] }));
        for (let wait = 0; wait < 9 - index * 3; wait++) await Promise.resolve();
        await context.sleep("rest", 10);
        await context.step("charge", async ({ key }) => {
          await pause();
          note(seen, key, item);
          note(seen, `chance ${item}`, String(drawn));
          note(seen, `time ${item}`, String(atMs));
          note(seen, `charge ${item}`, key);
        });
      }),
    );
  });
  const probe = [crashAtCall(random.integer(1, 20)), crashAtCall(random.integer(21, 50))];
  const sagas = await world.open([definition], {
    probe: async (point, run) => {
      for (const crash of probe) await crash(point, run);
    },
  });
  const run = await world.now(sagas.start(definition, "r", null));
  const result = run.result();
  await world.clock.advance(60_000);
  expect(await result).toMatchObject({ status: "completed" });
  return seen;
}

describe("parallel branches that use the same names", () => {
  const seeds = Array.from({ length: 40 }, (_, seed) => seed);
  test.each(seeds)("get their own answers, times and chance again after a crash (seed %i)", async (seed) => {
    const seen = await fanOut(seed % 8 === 7 ? "sqlite" : "memory", seed);
    expect(seen.size).toBe(items.length * 4);
    expect([...seen].filter(([, values]) => values.size !== 1)).toEqual([]);
  });
});

test("steps that changed places under the same version are found by name, after some patience", async () => {
  await using world = await openWorld();
  const ran: string[] = [];
  const order = { of: ["a", "b"] };
  const swapping = saga("swapping", { version: "1", leaseMs }, async (_: null, context) => {
    for (const name of order.of) await context.step(name, () => ran.push(name));
    await context.step("last", () => ran.push("last"));
  });
  const sagas = await world.open([swapping], {
    probe: (point) => {
      if (point !== "step:last:before" || order.of[0] === "b") return;
      order.of = ["b", "a"];
      throw new Error("crash");
    },
  });
  const run = await world.now(sagas.start(swapping, "r", null));
  const result = run.result();
  await world.clock.advance(20_000);
  expect(await result).toMatchObject({ status: "completed" });
  expect(ran).toEqual(["a", "b", "last", "last"]);
});

test("chance behind a checkpoint is the same after a crash", async () => {
  await using world = await openWorld();
  const drawn: number[] = [];
  const drawing = saga("drawing", { version: "1", leaseMs }, async (_: null, context) => {
    if (context.restored === undefined) {
      context.random();
      await context.step("first", () => 1);
      await context.checkpoint({ on: 1 });
    }
    const chance = context.random();
    await context.step("second", () => drawn.push(chance));
  });
  let crashes = 1;
  const sagas = await world.open([drawing], {
    probe: (point) => {
      if (point === "step:second:before" && crashes-- > 0) throw new Error("crash");
    },
  });
  const run = await world.now(sagas.start(drawing, "r", null));
  const result = run.result();
  await world.clock.advance(20_000);
  expect(await result).toMatchObject({ status: "completed" });
  expect(drawn).toHaveLength(2);
  expect(new Set(drawn).size).toBe(1);
});

test("a time that is asked for while a write is on its way is stored before an effect may depend on it", async () => {
  await using world = await openWorld();
  const [isWriting, mayGoOn] = [gate(), gate()];
  let commits = 0;
  const commit = async (changes: readonly Change[]): Promise<unknown> => {
    if (++commits === 2) {
      isWriting.open();
      await mayGoOn.promise;
    }
    return await world.engine.commit(changes);
  };
  const engine = new Proxy(world.engine, {
    get: (target, name) => {
      const value: unknown = name === "commit" ? commit : Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const effects: number[] = [];
  const parallel = saga("parallel", { version: "1", leaseMs }, async (_: null, context) => {
    const other = async (): Promise<void> => {
      await isWriting.promise;
      const nowMs = context.now();
      mayGoOn.open();
      await world.clock.sleep(10); // until that write is over
      await context.step("late", () => effects.push(nowMs));
    };
    context.now();
    await Promise.all([context.step("first", () => world.clock.sleep(100)), other()]);
  });
  let crashes = 1;
  const sagas = await world.open([parallel], {
    engine,
    probe: (point) => {
      if (point === "step:late:before" && crashes-- > 0) throw new Error("crash");
    },
  });
  const run = await world.now(sagas.start(parallel, "r", null));
  const result = run.result();
  await world.clock.advance(20_000);
  expect(await result).toMatchObject({ status: "completed" });
  expect(effects.length).toBe(2);
  expect(new Set(effects).size).toBe(1);
});
