import { describe, expect, test } from "vitest";
import { systemClock } from "../clock/mod.ts";
import { retryPlan } from "../queue/mod.ts";
import { openWorld, type World } from "./crash.test-world.ts";
import { type AnySaga, saga, type Sagas, signal } from "./mod.ts";

const leaseMs = 3_000;
const never = signal("never");

/** A step whose executor dies in it, the first time. */
interface Effect {
  readonly log: string[];
  dies: boolean;
}

/** Closes a process that does not wait for its steps, as if it died. */
async function close(world: World, sagas: Sagas): Promise<void> {
  const closing = sagas[Symbol.asyncDispose]();
  await world.clock.advance(10);
  await closing;
}

describe("a step in which an executor has died is finished before the run is stopped, and undone", () => {
  /** The run loses its first executor in step `pay`, and is cancelled before the next takes it. */
  async function cancelAfterCrash(definition: AnySaga, effect: Effect): Promise<readonly string[]> {
    await using world = await openWorld();
    const first = await world.open([definition], { drainMs: 0 });
    await world.now(first.start(definition, "r", null as never));
    await world.clock.advance(100);
    await close(world, first);
    effect.dies = false;
    const other = await world.open([saga("other", { version: "1" }, async () => 1)]);
    await world.now(other.cancel(definition, "r", "why"));
    const next = await world.open([definition]);
    const result = next.run(definition, "r").result();
    await world.clock.advance(600_000);
    expect(await result).toMatchObject({ status: "cancelled" });
    return effect.log;
  }

  test("also when other operations stand beside it", async () => {
    const effect: Effect = { log: [], dies: true };
    const paying = saga("paying", { version: "1", leaseMs }, async (_: null, context) => {
      const pay = async (): Promise<void> => {
        effect.log.push("paid");
        if (effect.dies) await new Promise(() => undefined);
      };
      await Promise.all([
        context.step("pay", pay, { undo: () => void effect.log.push("refunded") }),
        context.signal(never),
        context.step("beside", () => 1),
      ]);
    });
    expect(await cancelAfterCrash(paying, effect)).toEqual(["paid", "paid", "refunded"]);
  });

  test("also when its next attempts are hours away", async () => {
    const effect: Effect = { log: [], dies: true };
    const retry = retryPlan({ attemptsMax: 5, firstMs: 60_000, jitter: "none" });
    const paying = saga("paying", { version: "1", leaseMs, retry }, async (_: null, context) => {
      const pay = async ({ attempt }: { readonly attempt: number }): Promise<void> => {
        effect.log.push("paid");
        if (effect.dies) await new Promise(() => undefined);
        if (attempt < 3) throw new Error("gateway is down");
      };
      await context.step("pay", pay, { undo: () => void effect.log.push("refunded") });
    });
    expect(await cancelAfterCrash(paying, effect)).toEqual(["paid", "paid", "paid", "paid", "refunded"]);
  });

  test("also when what was lost is found by way of something else than the context", async () => {
    const effect: Effect = { log: [], dies: true };
    const paying = saga("paying", { version: "1", leaseMs }, async (_: null, context) => {
      await context.step("before", () => 1);
      await new Promise<void>((resolve) => systemClock.nextTurn(resolve));
      const pay = async (): Promise<void> => {
        effect.log.push("paid");
        if (effect.dies) await new Promise(() => undefined);
      };
      await context.step("pay", pay, { undo: () => void effect.log.push("refunded") });
    });
    expect(await cancelAfterCrash(paying, effect)).toEqual(["paid", "paid", "refunded"]);
  });
});

test("a step in which an executor has died is finished before a branch beside it fails the run", async () => {
  const effect: Effect = { log: [], dies: true };
  const paying = saga("paying", { version: "1", leaseMs }, async (_: null, context) => {
    const pay = async (): Promise<void> => {
      effect.log.push("paid");
      if (effect.dies) await new Promise(() => undefined);
    };
    const failing = async (): Promise<void> => {
      await context.step("look", () => 1, { undo: () => undefined });
      context.fail("no");
    };
    await Promise.all([context.step("pay", pay, { undo: () => void effect.log.push("refunded") }), failing()]);
  });
  await using world = await openWorld();
  const first = await world.open([paying], { drainMs: 0 });
  await world.now(first.start(paying, "r", null));
  await world.clock.advance(100);
  await close(world, first);
  effect.dies = false;
  const next = await world.open([paying]);
  const result = next.run(paying, "r").result();
  await world.clock.advance(20_000);
  expect(await result).toMatchObject({ status: "failed", failure: { reason: "no" }, compensated: ["pay", "look"] });
  expect(effect.log).toEqual(["paid", "paid", "refunded"]);
});
