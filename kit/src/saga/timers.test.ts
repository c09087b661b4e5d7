import { expect, test } from "vitest";
import type { Clock } from "../clock/mod.ts";
import { openWorld } from "./crash.test-world.ts";
import { saga } from "./mod.ts";

test("a wait that is due while a cancelled run finishes a long step sets no timer again and again", async () => {
  const gate = Promise.withResolvers<void>();
  const both = saga("both", { version: "1" }, async (_: null, context) => {
    await Promise.all([context.step("long", async () => await gate.promise), context.sleep("s", 100)]);
  });
  await using world = await openWorld();
  let timers = 0;
  const clock: Clock = {
    now: () => world.clock.now(),
    monotonic: () => world.clock.monotonic(),
    sleep: async (...how) => await world.clock.sleep(...how),
    nextTurn: (run) => world.clock.nextTurn(run),
    setTimer: (...how) => (timers++, world.clock.setTimer(...how)),
  };
  const engine = new Proxy(world.engine, {
    get: (target, name) => {
      if (name === "clock") return clock;
      const value = Reflect.get(target, name) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const sagas = await world.open([both], { engine });
  const run = await world.now(sagas.start(both, "r", null));
  await world.now(sagas.cancel(both, "r", "enough"));
  await world.clock.advance(90);
  timers = 0;
  for (let step = 0; step < 100; step++) await world.clock.advance(10);
  expect(timers).toBeLessThan(5);
  gate.resolve();
  await world.clock.settle();
  expect(await world.now(run.result())).toMatchObject({ status: "cancelled" });
});
