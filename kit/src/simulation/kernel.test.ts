import { expect, test } from "vitest";
import fc from "fast-check";
import { systemClock } from "../clock/mod.ts";
import type { DriverName } from "./driver-system.ts";
import { EventHeap } from "./event-heap.ts";
import { type Kernel, kernel, type Strategy } from "./mod.ts";

const fifo: Strategy = { kind: "fifo" };

function sleeper(of: Kernel): (ms: number) => Promise<void> {
  const source = of.source(of.strand("sleeper"), "sleep");
  return (ms) => new Promise((resolve) => void of.schedule(source, of.nowMs + ms, resolve));
}

test("the heap gives events by time, then order, whatever was removed or put off between", () => {
  const step = fc.record({
    time: fc.integer({ min: 0, max: 5 }),
    what: fc.constantFrom("push", "push", "pop", "remove", "put off"),
    at: fc.nat(50),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const heap = new EventHeap();
      const model = new Map<number, { time: number; order: number }>();
      const first = (): [number, { time: number; order: number }] | undefined =>
        [...model].toSorted(([, a], [, b]) => a.time - b.time || a.order - b.order)[0];
      for (const [order, { time, what, at }] of steps.entries()) {
        const slots = [...model.keys()];
        const slot = slots[at % Math.max(1, slots.length)];
        const top = first();
        if (what === "push") model.set(heap.push(time, order), { time, order });
        else if (what === "remove") expect(heap.remove(at)).toBe(model.delete(at));
        else if (top !== undefined && slot !== undefined && what === "pop") {
          expect(heap.pop()).toBe(top[0]);
          model.delete(top[0]);
        } else if (top !== undefined) {
          top[1].time = Math.max(time, top[1].time);
          heap.postponeTop(top[1].time);
        }
        expect(heap.size).toBe(model.size);
        const next = first();
        if (next !== undefined) expect([heap.topSlot, heap.topTime]).toEqual([next[0], next[1].time]);
      }
    }),
  );
});

test("every promise job of an event runs before the next event, however deep the chain", async () => {
  for (const driver of ["ticks", "immediates"] satisfies DriverName[]) {
    const core = kernel({ seed: 1, driver });
    const sleep = sleeper(core);
    const log: string[] = [];
    void (async () => {
      await sleep(10);
      for (let depth = 0; depth < 100; depth++) await Promise.resolve();
      log.push(`deep at ${core.nowMs}`);
      await sleep(10);
      log.push(`again at ${core.nowMs}`);
    })();
    void sleep(10.5).then(() => log.push(`other at ${core.nowMs}`));
    await core.run();
    expect(log).toEqual(["deep at 10", "other at 10.5", "again at 20"]);
  }
});

test("the same seed gives the same run under both drivers, another seed another one", async () => {
  const hashOf = async (seed: number, driver: DriverName, strategy: Strategy): Promise<string> => {
    const core = kernel({ seed, driver, strategy });
    const sleep = sleeper(core);
    const random = core.random.stream("work");
    const work = async (): Promise<void> => {
      for (let step = 0; step < 20; step++) await sleep(random.integer(0, 3));
    };
    for (let worker = 0; worker < 5; worker++) void work();
    await core.run();
    return core.hash;
  };
  const strategies: Strategy[] = [fifo, { kind: "random" }, { kind: "pct", changes: 3, eventsAbout: 100 }];
  for (const strategy of strategies) {
    const hashes = new Set<string>();
    for (let seed = 0; seed < 30; seed++) {
      const hash = await hashOf(seed, "ticks", strategy);
      expect(await hashOf(seed, "immediates", strategy)).toBe(hash);
      hashes.add(hash);
    }
    expect(hashes.size).toBe(30);
  }
});

test("events of one moment keep their order under fifo, are shuffled under random, and go by strand under pct", async () => {
  const orderOf = async (seed: number, strategy: Strategy): Promise<string> => {
    const core = kernel({ seed, strategy });
    const log: string[] = [];
    for (const name of ["a", "b", "c", "d"]) {
      const source = core.source(core.strand(name), "event");
      for (const count of [1, 2]) core.schedule(source, 5, () => log.push(`${name}${count}`));
    }
    await core.run();
    return log.join("");
  };
  expect(await orderOf(1, fifo)).toBe("a1a2b1b2c1c2d1d2");
  const random = await Promise.all(Array.from({ length: 20 }, (_, seed) => orderOf(seed, { kind: "random" })));
  expect(new Set(random).size).toBeGreaterThan(15);
  const pct = await Promise.all(Array.from({ length: 20 }, (_, seed) => orderOf(seed, { kind: "pct", changes: 0 })));
  for (const order of pct) expect(order).toMatch(/^(.)1\1(2)(.)1\3\2(.)1\4\2(.)1\5\2$/);
  expect(new Set(pct).size).toBeGreaterThan(8);
});

test("a cancelled event never runs, and its number is never another's", async () => {
  const core = kernel({ seed: 1 });
  const source = core.source(core.strand("a"), "event");
  const id = core.schedule(source, 5, () => expect.unreachable());
  expect([core.cancel(id), core.cancel(id)]).toEqual([true, false]);
  let ran = 0;
  const other = core.schedule(source, 6, () => ran++);
  expect(other).not.toBe(id);
  expect(core.cancel(id)).toBe(false);
  expect(await core.run()).toEqual({ why: "empty" });
  expect([ran, core.pending, core.nowMs]).toEqual([1, 0, 6]);
});

test("a paused strand runs nothing, then everything in its order", async () => {
  const core = kernel({ seed: 1, strategy: fifo });
  const strand = core.strand("stopped");
  const log: string[] = [];
  for (const atMs of [10, 20, 40])
    core.schedule(core.source(strand, "event"), atMs, () => log.push(`${atMs} at ${core.nowMs}`));
  core.schedule(core.source(core.strand("other"), "event"), 15, () => log.push("other"));
  core.pause(strand, 30);
  await core.run();
  expect(log).toEqual(["other", "10 at 30", "20 at 30", "40 at 40"]);
});

test("a run stops at a time, before an event, when told, or when only what does not hold it is left", async () => {
  const core = kernel({ seed: 1 });
  const strand = core.strand("a");
  const tick = (): void => void core.schedule(core.source(strand, "tick", { holdsRun: "no" }), core.nowMs + 10, tick);
  tick();
  expect(await core.run()).toEqual({ why: "empty" });
  core.schedule(core.source(strand, "end"), 100, () => undefined);
  expect([await core.run({ untilMs: 35 }), core.nowMs, core.events]).toEqual([{ why: "time" }, 35, 3]);
  expect([await core.run({ untilEvent: 6 }), core.events]).toEqual([{ why: "event" }, 5]);
  core.schedule(core.source(strand, "stop"), 60, () => core.stop());
  expect([await core.run(), core.nowMs]).toEqual([{ why: "stopped" }, 60]);
  expect([await core.run(), core.nowMs]).toEqual([{ why: "empty" }, 100]);
});

test("what an event throws ends the run, and a check sees every so many events", async () => {
  const core = kernel({ seed: 1 });
  const source = core.source(core.strand("a"), "event");
  const fault = new Error("thrown by an event");
  let checked = 0;
  core.check(2, () => void checked++);
  for (let index = 0; index < 6; index++) core.schedule(source, index, () => undefined);
  core.schedule(source, 10, () => {
    throw fault;
  });
  expect(await core.run()).toEqual({ why: "failed", error: fault });
  expect(checked).toBe(3);
  expect(core.lastEvents(2).map(({ number, atMs }) => [number, atMs])).toEqual([
    [6, 5],
    [7, 10],
  ]);
});

test("time stands still while something outside is waited for, one thing after another", async () => {
  const core = kernel({ seed: 1 });
  const sleep = sleeper(core);
  const log: string[] = [];
  const outside = async (name: string, turns: number): Promise<void> => {
    await core.outside(async () => {
      for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => systemClock.nextTurn(resolve));
    });
    log.push(`${name} at ${core.nowMs}`);
  };
  void sleep(1).then(() => void Promise.all([outside("slow", 20), outside("quick", 1)]));
  void sleep(2).then(() => log.push("later"));
  await core.run();
  expect(log).toEqual(["slow at 1", "quick at 1", "later"]);
});
