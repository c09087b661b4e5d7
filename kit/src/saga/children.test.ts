import { describe, expect, test } from "vitest";
import { crashAtCall, openWorld } from "./crash.test-world.ts";
import { saga, signal } from "./mod.ts";

const leaseMs = 3_000;
const go = signal("go");

describe("children that race", () => {
  const slow = saga("slow", { version: "1", leaseMs }, async (_: null, context) => {
    await context.sleep("z", 60_000);
    return "slow";
  });

  test("are undone by their own undo, and the loser is stopped before the parent has ended", async () => {
    const log: string[] = [];
    const quick = saga("quick", { version: "1", leaseMs }, async () => "quick");
    const parent = saga("parent", { version: "1", leaseMs }, async (_: null, context) => {
      await context.race({
        a: context.child(slow, "a", null, { undo: (output) => void log.push(`undo a of ${output}`) }),
        b: context.child(quick, "b", null, { undo: (output) => void log.push(`undo b of ${output}`) }),
      });
      context.fail("no");
    });
    await using world = await openWorld();
    const sagas = await world.open([slow, quick, parent]);
    const run = await world.now(sagas.start(parent, "p", null));
    const result = run.result();
    await world.clock.advance(1_000);
    expect(await result).toMatchObject({ status: "failed", compensated: ["race:a|b/b"] });
    expect(log).toEqual(["undo b of quick"]);
    expect((await world.now(sagas.inspect(slow, "a")))?.status).toBe("cancelled");
    expect((await world.now(sagas.inspect(parent, "p")))?.waitingFor).toEqual([]);
  });

  test("are all undone when all of them have completed, wherever an executor dies", async () => {
    const child = (name: string) =>
      saga(name, { version: "1", leaseMs }, async (_: null, context) => {
        await context.signal(go);
        return name;
      });
    const [first, second] = [child("first"), child("second")];
    const undone = new Set<string>();
    const undo = (output: string): void => void undone.add(output);
    const parent = saga("parent", { version: "1", leaseMs }, async (_: null, context) => {
      await context.race({
        a: context.child(first, "a", null, { undo }),
        b: context.child(second, "b", null, { undo }),
      });
      context.fail("no");
    });
    const play = async (call: number): Promise<number> => {
      await using world = await openWorld();
      undone.clear();
      const children = await world.open([first, second]);
      const before = await world.open([parent]);
      await world.now(before.start(parent, "p", null));
      await world.now(before[Symbol.asyncDispose]());
      for (const [definition, id] of [
        [first, "a"],
        [second, "b"],
      ] as const)
        await world.now(children.signal(definition, id, go, undefined));
      await world.clock.advance(100);
      let calls = 0;
      const crash = crashAtCall(call);
      const after = await world.open([parent], { probe: (point, run) => (calls++, crash(point, run)) });
      const result = after.run(parent, "p").result();
      await world.clock.advance(30_000);
      expect(await result).toEqual({
        status: "failed",
        failure: { reason: "no" },
        compensated: ["race:a|b/b", "race:a|b/a"],
      });
      expect([...undone].toSorted()).toEqual(["first", "second"]);
      return calls;
    };
    const calls = await play(-1);
    for (let call = 0; call < calls; call++) await play(call);
  });

  test("and lose to a timer are stopped when their parent is cancelled later", async () => {
    const parent = saga("parent", { version: "1", leaseMs }, async (_: null, context) => {
      await context.race({ a: context.child(slow, "a", null), late: context.sleep("late", 50) });
      await context.signal(go);
    });
    await using world = await openWorld();
    const sagas = await world.open([slow, parent]);
    const run = await world.now(sagas.start(parent, "p", null));
    await world.clock.advance(1_000);
    await world.now(sagas.cancel(parent, "p", "enough"));
    const result = run.result();
    await world.clock.advance(1_000);
    expect(await result).toMatchObject({ status: "cancelled" });
    expect((await world.now(sagas.inspect(slow, "a")))?.status).toBe("cancelled");
  });
});
