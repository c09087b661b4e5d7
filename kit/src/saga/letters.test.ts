import { describe, expect, test } from "vitest";
import type { Change, Engine } from "../engine/mod.ts";
import { retryPlan } from "../queue/mod.ts";
import { openWorld, type World } from "./crash.test-world.ts";
import { saga, signal } from "./mod.ts";

const leaseMs = 3_000;
const once = retryPlan({ attemptsMax: 1, firstMs: 0 });

/** A sender that is slow to write its letter, and dies once it has. */
function dyingSender(world: World, before: () => Promise<unknown>): Engine {
  return new Proxy(world.engine, {
    get: (engine, name) => {
      if (name === "commit")
        return async (changes: readonly Change[]) => {
          if (!changes.some((change) => change.op === "wake")) return await engine.commit(changes);
          await before();
          await engine.commit(changes);
          throw new Error("died");
        };
      const value = Reflect.get(engine, name) as unknown;
      return typeof value === "function" ? value.bind(engine) : value;
    },
  });
}

describe("a letter", () => {
  test("that came too late does not concern the next run of the same id, which cleans it away", async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let begun = 0;
    const gated = saga("gated", { version: "1", leaseMs, keepMs: 300 }, async (_: null, context) => {
      await context.step("a", () => undefined);
      await context.step("b", async () => await gates[begun++]?.promise);
      return "done";
    });
    const mail = { space: "saga-mail:gated", key: "r" };
    await using world = await openWorld();
    const sagas = await world.open([gated]);
    const run = await world.now(sagas.start(gated, "r", null));
    const sender = await world.open([], { engine: dyingSender(world, async () => await run.result()) });
    const sent = sender.cancel(gated, "r", "old");
    sent.catch(() => undefined);
    await world.clock.settle();
    gates[0]?.resolve();
    await expect(world.now(sent)).rejects.toThrow("died");
    expect((await world.now(world.engine.get([mail])))[0]).toBeDefined();
    await world.clock.advance(500);
    const again = await world.now(sagas.start(gated, "r", null));
    await world.clock.advance(5_000);
    gates[1]?.resolve();
    expect(await world.now(again.result())).toEqual({ status: "completed", output: "done" });
    expect(await world.now(world.engine.get([mail]))).toEqual([undefined]);
  });

  test("to a former life of an id is told finished, and reaches nobody", async () => {
    const never = signal("never");
    const short = saga("short", { version: "1", leaseMs, keepMs: 300 }, async (mode: "waits" | "ends", context) => {
      await context.step("a", () => undefined);
      if (mode === "waits") await context.signal(never);
      await context.sleep("s", 100);
    });
    await using world = await openWorld();
    const sagas = await world.open([short]);
    await world.now(sagas.start(short, "r", "ends"));
    let isSlow = true;
    const slow = new Proxy(world.engine, {
      get: (engine, name) => {
        const value = Reflect.get(engine, name) as unknown;
        if (name !== "commit") return typeof value === "function" ? value.bind(engine) : value;
        return async (changes: readonly Change[]) => {
          if (isSlow) await world.clock.sleep(2_000);
          isSlow = false;
          return await engine.commit(changes);
        };
      },
    });
    const sender = await world.open([], { engine: slow });
    const sent = sender.cancel(short, "r", "old");
    await world.clock.advance(1_000);
    await world.now(sagas.start(short, "r", "waits"));
    await world.clock.advance(1_500);
    expect(await sent).toBe("finished");
    expect((await world.now(sagas.inspect(short, "r")))?.status).toBe("waiting");
  });
});

describe("a run that needs attention", () => {
  test("is not told again as such once somebody has let it go on", async () => {
    let isOpen = false;
    const undoing = saga("undoing", { version: "1", leaseMs, retry: once }, async (_: null, context) => {
      const undo = (): void => {
        if (!isOpen) throw new Error("closed");
      };
      await context.step("a", () => undefined, { undo });
      context.fail("no");
    });
    await using world = await openWorld();
    const sagas = await world.open([undoing]);
    const run = await world.now(sagas.start(undoing, "r", null));
    expect(await world.now(run.result())).toMatchObject({ status: "needs-attention" });
    expect(await world.now(run.result())).toMatchObject({ status: "needs-attention" });
    isOpen = true;
    const after = (async () => {
      await sagas.retry(undoing, "r");
      return await run.result();
    })();
    expect(await world.now(after)).toMatchObject({ status: "failed", compensated: ["a"] });
  });

  test("because its effect could not be recorded is cancelled only when that is answered for", async () => {
    const undone: unknown[] = [];
    const paying = saga("paying", { version: "1", leaseMs, retry: once }, async (_: null, context) => {
      await context.step("pay", (): unknown => 10n, { undo: (sum) => void undone.push(sum) });
    });
    await using world = await openWorld();
    const sagas = await world.open([paying]);
    const run = await world.now(sagas.start(paying, "r", null));
    expect(await world.now(run.result())).toMatchObject({ status: "needs-attention" });
    expect(await world.now(sagas.cancel(paying, "r", "enough"))).toBe("delivered");
    await world.clock.advance(1_000);
    expect(await world.now(run.result())).toMatchObject({ problem: { kind: "not-recordable", step: "pay" } });
    await world.now(sagas.resolve(paying, "r", "pay", 10));
    await world.clock.advance(1_000);
    expect(await world.now(run.result())).toEqual({ status: "cancelled", reason: "enough", compensated: ["pay"] });
    expect(undone).toEqual([10]);
  });

  test("because its effect could not be recorded, tried again beside a cancel, has it recorded and undone", async () => {
    const undone: unknown[] = [];
    let sum: unknown = 10n;
    const paying = saga("paying", { version: "1", leaseMs, retry: once }, async (_: null, context) => {
      await context.step("pay", () => sum, { undo: (paid) => void undone.push(paid) });
      await context.step("ship", () => undefined);
    });
    await using world = await openWorld();
    const sagas = await world.open([paying]);
    const run = await world.now(sagas.start(paying, "r", null));
    expect(await world.now(run.result())).toMatchObject({ status: "needs-attention" });
    await world.now(sagas.cancel(paying, "r", "enough"));
    sum = 10;
    await world.now(sagas.retry(paying, "r"));
    await world.clock.advance(1_000);
    expect(await world.now(run.result())).toEqual({ status: "cancelled", reason: "enough", compensated: ["pay"] });
    expect(undone).toEqual([10]);
  });

  test("because nobody knows how a step ended is cancelled only when that is answered for", async () => {
    const undone: unknown[] = [];
    const paying = saga("paying", { version: "1", leaseMs }, async (_: null, context) => {
      const undo = (sum: number): void => void undone.push(sum);
      await context.step("pay", () => 10, { idempotent: "no", undo });
    });
    await using world = await openWorld();
    let crashes = 1;
    const sagas = await world.open([paying], {
      probe: (point) => {
        if (point === "step:pay:before" && crashes-- > 0) throw new Error("crash");
      },
    });
    const run = await world.now(sagas.start(paying, "r", null));
    await world.clock.advance(10_000);
    expect(await world.now(run.result())).toMatchObject({ problem: { kind: "outcome-unknown" } });
    await world.now(sagas.cancel(paying, "r", "enough"));
    await world.clock.advance(1_000);
    expect(await world.now(run.result())).toMatchObject({ problem: { kind: "outcome-unknown" } });
    await world.now(sagas.resolve(paying, "r", "pay", 10));
    await world.clock.advance(1_000);
    expect(await world.now(run.result())).toEqual({ status: "cancelled", reason: "enough", compensated: ["pay"] });
    expect(undone).toEqual([10]);
  });

  test("because some process does not know its version is not told as such where it is known", async () => {
    const old = saga("rolling", { version: "1", leaseMs }, async () => 1);
    const next = saga("rolling", { version: "2", leaseMs }, async () => 2);
    await using world = await openWorld();
    const starter = await world.open([next]);
    const changes = starter.startChanges(next, "r", null);
    await world.now(starter[Symbol.asyncDispose]());
    const before = await world.open([old]);
    await world.now(world.engine.commit(changes));
    const told = before.run(next, "r").result();
    expect(await world.now(told)).toMatchObject({ problem: { kind: "unknown-version" } });
    const after = await world.open([next]);
    const result = after.run(next, "r").result();
    await world.clock.advance(30_000);
    expect(await result).toEqual({ status: "completed", output: 2 });
  });
});
