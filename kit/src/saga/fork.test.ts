import { expect, test } from "vitest";
import { retryPlan } from "../queue/mod.ts";
import { openWorld } from "./crash.test-world.ts";
import { saga, SagaUsageError, signal } from "./mod.ts";

const leaseMs = 3_000;
const go = signal("go");
const once = retryPlan({ attemptsMax: 1, firstMs: 0 });

test("a fork waits for a child that is open in the old run as well, and is woken when it ends", async () => {
  const child = saga("child", { version: "1", leaseMs }, async (_: null, context) => {
    await context.signal(go);
    return "c";
  });
  const parent = saga("parent", { version: "1", leaseMs }, async (_: null, context) => {
    const late = async (): Promise<string> => {
      await context.sleep("s", 5);
      return await context.step("b", () => "b");
    };
    return await Promise.all([context.child(child, "c", null), late()]);
  });
  await using world = await openWorld();
  const sagas = await world.open([child, parent]);
  const old = await world.now(sagas.start(parent, "p", null));
  await world.clock.advance(200);
  const fork = await world.now(sagas.fork(parent, "p", { fromStep: "b", newId: "f" }));
  await world.clock.advance(200);
  await world.now(sagas.signal(child, "c", go, undefined));
  const results = Promise.all([old.result(), fork.result()]);
  await world.clock.advance(1_000);
  const ended = { status: "completed", output: ["c", "b"] };
  expect(await results).toEqual([ended, ended]);
});

test("a fork that is compensated leaves the losing child of the old run alone", async () => {
  const slow = saga("slow", { version: "1", leaseMs }, async (_: null, context) => await context.signal(go));
  const parent = saga("parent", { version: "1", leaseMs }, async (_: null, context) => {
    await context.race({ a: context.child(slow, "a", null), late: context.sleep("late", 50) });
    await context.step("end", ({ key }) => key.includes("/f/") && context.fail("fork"));
  });
  await using world = await openWorld();
  const sagas = await world.open([slow, parent]);
  await world.now(sagas.start(parent, "p", null));
  await world.clock.advance(1_000);
  const fork = await world.now(sagas.fork(parent, "p", { fromStep: "end", newId: "f" }));
  const result = fork.result();
  await world.clock.advance(1_000);
  expect(await result).toMatchObject({ status: "failed", failure: { reason: "fork" } });
  expect((await world.now(sagas.inspect(slow, "a")))?.status).toBe("waiting");
});

test("a fork behind a step that was undone is refused, and names the step from which it is possible", async () => {
  const log: string[] = [];
  let isClosed = true;
  const paying = saga("paying", { version: "1", leaseMs, retry: once }, async (_: null, context) => {
    await context.step("look", () => undefined);
    await context.step("reserve", () => void log.push("reserve"), { undo: () => void log.push("release") });
    await context.step("pay", () => {
      if (isClosed) throw new Error("closed");
      log.push("pay");
    });
  });
  await using world = await openWorld();
  const sagas = await world.open([paying]);
  const run = await world.now(sagas.start(paying, "r", null));
  expect(await world.now(run.result())).toMatchObject({ status: "failed", compensated: ["reserve"] });
  isClosed = false;
  const refused = await world.now(
    sagas.fork(paying, "r", { fromStep: "pay", newId: "f" }).catch((error: unknown) => error),
  );
  expect(refused).toBeInstanceOf(SagaUsageError);
  expect(refused).toMatchObject({ message: expect.stringContaining(`"reserve"`) });
  const fork = await world.now(sagas.fork(paying, "r", { fromStep: "reserve", newId: "f" }));
  expect(await world.now(fork.result())).toMatchObject({ status: "completed" });
  expect(log).toEqual(["reserve", "release", "reserve", "pay"]);
});
