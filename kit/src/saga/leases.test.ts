import { expect, test } from "vitest";
import { openWorld } from "./crash.test-world.ts";
import { type AnySaga, saga } from "./mod.ts";

test("versions with different leases share one: a live run of the shorter one is not taken over", async () => {
  let ran = 0;
  const version = (name: string, leaseMs: number): AnySaga =>
    saga("leased", { version: name, leaseMs }, async (_: null, context) => {
      return await context.step("slow", async () => (ran++, await world.clock.sleep(2_500)));
    });
  await using world = await openWorld();
  const versions = [version("1", 500), version("2", 60_000)];
  const [short] = versions as [AnySaga];
  const first = await world.open(versions);
  const run = await world.now(first.start(short, "r", null as never));
  const result = run.result();
  await world.clock.advance(700);
  await world.open(versions);
  await world.clock.advance(10_000);
  expect(await result).toMatchObject({ status: "completed" });
  expect(ran).toBe(1);
});

test("an execution that lost its run does not take the one after it in the same process down", async () => {
  let ran = 0;
  let isDown = true;
  const slow = saga("slow", { version: "1", leaseMs: 400 }, async (_: null, context) => {
    return await context.step("slow", async () => (ran++, await world.clock.sleep(900)));
  });
  await using world = await openWorld();
  const engine = new Proxy(world.engine, {
    get: (target, name) => {
      if (name === "extend" && isDown) return async () => await Promise.reject(new Error("busy"));
      const value = Reflect.get(target, name) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const sagas = await world.open([slow], { engine });
  const run = await world.now(sagas.start(slow, "r", null));
  const result = run.result();
  for (let step = 0; step < 13; step++) await world.clock.advance(50);
  isDown = false;
  for (let step = 0; step < 400; step++) await world.clock.advance(50);
  expect(await result).toMatchObject({ status: "completed" });
  expect(ran).toBe(2);
});

test("a second disposal waits for the drain of the first", async () => {
  const gate = Promise.withResolvers<void>();
  const slow = saga("slow", { version: "1" }, async (_: null, context) => {
    await context.step("slow", async () => await gate.promise);
    return 1;
  });
  await using world = await openWorld();
  const sagas = await world.open([slow]);
  const run = await world.now(sagas.start(slow, "r", null));
  run.result().catch(() => undefined);
  const closed: number[] = [];
  const closing = [1, 2].map(async (call) => {
    await sagas[Symbol.asyncDispose]();
    closed.push(call);
  });
  await world.clock.settle();
  expect(closed).toEqual([]);
  gate.resolve();
  await world.now(Promise.all(closing));
  expect(closed).toHaveLength(2);
});

test("an executor that is told late begins no step before it knows whether the run is still its own", async () => {
  const began: string[] = [];
  const late = (by: string): AnySaga =>
    saga("late", { version: "1", leaseMs: 500 }, async (_: null, context) => {
      await context.step("only", () => void began.push(by));
    });
  await using world = await openWorld();
  const answers = Promise.withResolvers<void>();
  let claimed = 0;
  // It gets one run, and hears of what is recorded only later.
  const slow = new Proxy(world.engine, {
    get: (target, name) => {
      if (name === "get")
        return async (keys: Parameters<typeof target.get>[0]) => {
          const cells = await target.get(keys);
          await answers.promise;
          return cells;
        };
      if (name === "claim")
        return async (request: Parameters<typeof target.claim>[0]) => {
          if (claimed > 0) return { claims: [], nextDueAtMs: undefined };
          const result = await target.claim(request);
          claimed += result.claims.length;
          return result;
        };
      const value = Reflect.get(target, name) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const [definition, same] = [late("late"), late("next")];
  const first = await world.open([definition], { engine: slow });
  await world.now(world.engine.commit(first.startChanges(definition as never, "r", null as never)));
  await world.clock.advance(700);
  const second = await world.open([same]);
  const result = second.run(same as never, "r").result();
  await world.clock.advance(1_000);
  expect(await result).toMatchObject({ status: "completed" });
  answers.resolve();
  await world.clock.advance(2_000);
  expect(began).toEqual(["next"]);
});
