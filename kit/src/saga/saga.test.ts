import { describe, expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import type { Change, Engine } from "../engine/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { retryPlan } from "../queue/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { openSagas, saga, RunExistsError, type AnySaga, type Probe, type Sagas } from "./mod.ts";

const plan = retryPlan({ attemptsMax: 3, firstMs: 10, jitter: "none" });

async function world(
  sagas: readonly AnySaga[],
  probe?: Probe,
): Promise<{ clock: ReturnType<typeof manualClock>; engine: Engine; sagas: Sagas }> {
  const clock = manualClock({ nowMs: 1_000_000 });
  const engine = await openMemoryEngine({ clock });
  return { clock, engine, sagas: await openSagas({ engine, sagas, random: seededRandom(1), probe }) };
}

describe("a run", () => {
  test("runs its steps in order and tells the result", async () => {
    const order: string[] = [];
    const shop = saga("shop", { version: "1" }, async (input: { n: number }, context) => {
      const a = await context.step("a", ({ key }) => (order.push(key), input.n + 1));
      const b = await context.step("b", async () => a * 2);
      return { b };
    });
    const { clock, sagas } = await world([shop]);
    const run = await startNow(clock, sagas.start(shop, "o1", { n: 1 }));
    const result = run.result();
    await clock.settle();
    expect(await result).toEqual({ status: "completed", output: { b: 4 } });
    expect(order).toEqual(["shop/o1/a"]);
  });

  test("the same id with the same input is the same run, with another input an error", async () => {
    let runs = 0;
    const once = saga(
      "once",
      { version: "1" },
      async (_input: { a: number; b: number }, context) => await context.step("s", () => ++runs),
    );
    const { clock, sagas } = await world([once]);
    await startNow(clock, sagas.start(once, "x", { a: 1, b: 2 }));
    await clock.settle();
    const again = await startNow(clock, sagas.start(once, "x", { b: 2, a: 1 }));
    const outcome = again.result();
    await clock.settle();
    expect(await outcome).toEqual({ status: "completed", output: 1 });
    await expect(startNow(clock, sagas.start(once, "x", { a: 1, b: 3 }))).rejects.toThrow(RunExistsError);
    expect(runs).toBe(1);
  });

  test("a failing step is retried by its plan, then the run is compensated in reverse", async () => {
    const log: string[] = [];
    const failing = saga("failing", { version: "1", retry: plan }, async (_: null, context) => {
      await context.step("a", () => "A", { undo: (r) => log.push(`undo ${r}`) });
      await context.step("b", () => "B", { undo: (r) => log.push(`undo ${r}`) });
      await context.step("c", ({ attempt }) => {
        log.push(`c${attempt}`);
        throw new Error("no");
      });
    });
    const { clock, sagas } = await world([failing]);
    const run = await startNow(clock, sagas.start(failing, "f", null));
    const result = run.result();
    await clock.advance(100);
    expect(await result).toMatchObject({
      status: "failed",
      failure: { reason: "step-failed", step: "c" },
      compensated: ["b", "a"],
    });
    expect(log).toEqual(["c1", "c2", "c3", "undo B", "undo A"]);
  });

  test("step.commit stores changes and record together and plans again on conflict", async () => {
    const cell = { space: "stock", key: "p" };
    const reserve = saga("reserve", { version: "1" }, async (_: null, context) => {
      let plans = 0;
      return await context.step.commit("take", async () => {
        plans++;
        const [current] = await engine.get([cell]);
        if (plans === 1) await engineCommit([{ op: "put", cell, expect: "any", value: "5" }]);
        return {
          result: { plans },
          changes: [{ op: "put", cell, expect: current?.version ?? "absent", value: "taken" }],
        };
      });
    });
    const { clock, engine, sagas } = await world([reserve]);
    const engineCommit = async (changes: readonly Change[]): Promise<unknown> => await engine.commit(changes);
    const run = await startNow(clock, sagas.start(reserve, "r", null));
    const result = run.result();
    await clock.settle();
    expect(await result).toEqual({ status: "completed", output: { plans: 2 } });
  });

  test("an executor that dies is replaced after its lease, and recorded steps are not run again", async () => {
    const calls: string[] = [];
    const three = saga("three", { version: "1", leaseMs: 3_000 }, async (_: null, context) => {
      await context.step("a", () => void calls.push("a"));
      await context.step("b", () => void calls.push("b"));
      return "done";
    });
    let crashes = 1;
    const { clock, engine, sagas } = await world([three], (point) => {
      if (point === "step:b:before" && crashes-- > 0) throw new Error("crash");
    });
    const run = await startNow(clock, sagas.start(three, "t", null));
    const result = run.result();
    await clock.advance(20_000);
    expect(await result).toEqual({ status: "completed", output: "done" });
    expect(calls).toEqual(["a", "b", "b"]);
    void engine;
  });

  test("a business failure compensates and is an outcome", async () => {
    const rejected = saga("rejected", { version: "1" }, async (_: null, context) => {
      await context.step("a", () => 1, { undo: () => undefined });
      context.fail("out of stock", { sku: 7 });
    });
    const { clock, sagas } = await world([rejected]);
    const run = await startNow(clock, sagas.start(rejected, "r", null));
    const result = run.result();
    await clock.settle();
    expect(await result).toEqual({
      status: "failed",
      failure: { reason: "out of stock", detail: { sku: 7 } },
      compensated: ["a"],
    });
  });

  test("a sleep of days parks the run and survives", async () => {
    const sleepy = saga("sleepy", { version: "1" }, async (_: null, context) => {
      await context.step("a", () => 1);
      await context.sleep("long", 3 * 86_400_000);
      return context.now();
    });
    const { clock, sagas } = await world([sleepy]);
    const run = await startNow(clock, sagas.start(sleepy, "s", null));
    const result = run.result();
    await clock.settle();
    expect((await inspectNow(clock, sagas.inspect(sleepy, "s")))?.status).toBe("waiting");
    clock.jump(3 * 86_400_000);
    await clock.advance(5_000);
    expect(await result).toMatchObject({ status: "completed" });
  });
});

async function startNow<T>(clock: ReturnType<typeof manualClock>, started: Promise<T>): Promise<T> {
  void started.catch(() => undefined);
  await clock.settle();
  return await started;
}

const inspectNow = startNow;
