import { expect, test } from "vitest";
import type { CellKey, Engine } from "../engine/mod.ts";
import { openWorld, type World } from "./crash.test-world.ts";
import { saga, signal } from "./mod.ts";

const go = signal("go");
const waiters = 300;

/** Counts the records of runs that are read. */
function counting(world: World, reads: { count: number }): Engine {
  return new Proxy(world.engine, {
    get: (engine, name) => {
      const value = Reflect.get(engine, name) as unknown;
      if (name !== "get") return typeof value === "function" ? value.bind(engine) : value;
      return async (cells: readonly CellKey[]) => {
        reads.count += cells.filter(({ space }) => space.startsWith("saga-run:")).length;
        return await engine.get(cells);
      };
    },
  });
}

test("waiters for sleeping runs cost other runs next to nothing, and are told when their run has ended elsewhere", async () => {
  const mixed = saga("mixed", { version: "1" }, async (mode: "sleeps" | "ends", context) => {
    await context.step("a", () => undefined);
    if (mode === "sleeps") await context.signal(go);
    return mode;
  });
  await using world = await openWorld();
  const reads = { count: 0 };
  const here = await world.open([mixed], { engine: counting(world, reads) });
  const ids = Array.from({ length: waiters }, (_, n) => `w${n}`);
  const runs = await world.now(Promise.all(ids.map(async (id) => await here.start(mixed, id, "sleeps"))));
  const results = Promise.all(runs.map(async (run) => await run.result()));
  await world.clock.settle();
  reads.count = 0;
  for (let n = 0; n < 50; n++) {
    const run = await world.now(here.start(mixed, `q${n}`, "ends"));
    expect(await world.now(run.result())).toEqual({ status: "completed", output: "ends" });
  }
  expect(reads.count).toBeLessThan(4 * 64);
  await world.now(here[Symbol.asyncDispose]().then(() => results.catch(() => undefined)));

  const waiting = await world.open([mixed], { engine: counting(world, reads), concurrency: 1 });
  const told = Promise.all(ids.map(async (id) => await waiting.run(mixed, id).result()));
  const elsewhere = await world.open([mixed]);
  await world.now(Promise.all(ids.map(async (id) => await elsewhere.signal(mixed, id, go, undefined))));
  await world.clock.advance(2_000);
  expect((await told).every(({ status }) => status === "completed")).toBe(true);
});
