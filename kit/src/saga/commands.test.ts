import { describe, expect, test } from "vitest";
import { retryPlan } from "../queue/mod.ts";
import { openWorld } from "./crash.test-world.ts";
import { saga, SagaUsageError } from "./mod.ts";

const leaseMs = 3_000;
const once = retryPlan({ attemptsMax: 1, firstMs: 0 });

describe("an answer of a person", () => {
  test("for a step that is not in doubt is refused, and harms nothing", async () => {
    let isUp = false;
    const retry = retryPlan({ attemptsMax: 50, firstMs: 200, capMs: 200 });
    const waiting = saga("waiting", { version: "1", leaseMs, retry }, async (_: null, context) => {
      await context.step("a", () => {
        if (!isUp) throw new Error("down");
      });
      return await context.step("b", () => "b");
    });
    await using world = await openWorld();
    const sagas = await world.open([waiting]);
    const run = await world.now(sagas.start(waiting, "r", null));
    await world.clock.advance(100);
    for (const step of ["b", "undo:a", "aa"]) {
      const refused = await world.now(sagas.skip(waiting, "r", step).catch((error: unknown) => error));
      expect(refused).toBeInstanceOf(SagaUsageError);
      expect(refused).toMatchObject({ message: expect.stringContaining(`"a"`) });
    }
    isUp = true;
    await world.clock.advance(1_000);
    expect(await world.now(run.result())).toEqual({ status: "completed", output: "b" });
  });

  test("for a mistyped step is refused, and the right one is still taken", async () => {
    const paying = saga("paying", { version: "1", leaseMs, retry: once }, async (_: null, context) => {
      return await context.step("charge", (): unknown => 10n);
    });
    await using world = await openWorld();
    const sagas = await world.open([paying]);
    const run = await world.now(sagas.start(paying, "r", null));
    expect(await world.now(run.result())).toMatchObject({ status: "needs-attention" });
    await expect(world.now(sagas.skip(paying, "r", "chrage"))).rejects.toThrow(SagaUsageError);
    expect(await world.now(sagas.resolve(paying, "r", "charge", 10))).toBe("delivered");
    await world.clock.advance(100);
    expect(await world.now(run.result())).toEqual({ status: "completed", output: 10 });
  });

  test("for a step that is being tried again ends its attempts, and the first of two answers counts", async () => {
    const patient = retryPlan({ attemptsMax: 50, firstMs: 60_000 });
    const paying = saga("paying", { version: "1", leaseMs, retry: patient }, async (_: null, context) => {
      return await context.step("charge", (): number => {
        throw new Error("down");
      });
    });
    await using world = await openWorld();
    const sagas = await world.open([paying]);
    const run = await world.now(sagas.start(paying, "r", null));
    await world.clock.advance(100);
    const answers = Promise.all([1, 2].map(async (sum) => await sagas.resolve(paying, "r", "charge", sum)));
    const [first, second] = await world.now(answers);
    // On a server the first may have ended the run before the second arrives.
    expect([first, ["delivered", "finished"].includes(second ?? "")]).toEqual(["delivered", true]);
    await world.clock.advance(100);
    expect(await world.now(run.result())).toEqual({ status: "completed", output: 1 });
  });

  test("for a step that has an answer already changes nothing", async () => {
    const paying = saga("paying", { version: "1", leaseMs }, async (_: null, context) => {
      const sum = await context.step("charge", () => 1);
      await context.sleep("long", 60_000);
      return sum;
    });
    await using world = await openWorld();
    const sagas = await world.open([paying]);
    const run = await world.now(sagas.start(paying, "r", null));
    await world.clock.advance(100);
    expect(await world.now(sagas.resolve(paying, "r", "charge", 2))).toBe("duplicate");
    await world.clock.advance(60_000);
    expect(await world.now(run.result())).toEqual({ status: "completed", output: 1 });
  });
});
