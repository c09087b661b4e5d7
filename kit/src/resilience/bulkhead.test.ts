import { getEventListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { gate } from "../abort/mod.ts";
import { manualClock } from "../clock/mod.ts";
import { bulkhead, type BulkheadOptions, type Room } from "./bulkhead.ts";
import { memoryBudget } from "./memory-budget.ts";
import { pipeline } from "./pipeline.ts";
import { priorities, type Priority } from "./verdict.ts";
import { timeout } from "./layers.ts";

function made(options: Omit<BulkheadOptions, "clock">): {
  clock: ReturnType<typeof manualClock>;
  room: ReturnType<typeof bulkhead>;
} {
  const clock = manualClock();
  return { clock, room: bulkhead({ name: "db", clock, ...options }) };
}

function room(acquired: ReturnType<ReturnType<typeof bulkhead>["tryAcquire"]>): Room {
  if (!acquired.allowed) throw new Error(acquired.reason);
  return acquired;
}

describe("a bulkhead", () => {
  test("who waits gets the slot although others come in the turn in which it is free (cockatiel 4 rejects the one who waits)", async () => {
    const { room: db, clock } = made({ permits: 1, queueMax: 1 });
    const line = pipeline({ name: "q", layers: [db], clock });
    const first = gate();
    const ran: string[] = [];
    const one = line.run(() => first.promise);
    const two = line.outcome(() => ran.push("two"));
    const late: Promise<unknown>[] = [];
    void first.promise.then(() => {
      late.push(
        line.outcome(() => ran.push("three")),
        line.outcome(() => ran.push("four")),
      );
    });
    first.open();
    await one;
    expect(await two).toMatchObject({ ok: true });
    await Promise.all(late);
    expect(ran[0]).toBe("two");
  });

  test("who gives up leaves the queue in the same turn, with no listener behind (cockatiel 4 keeps the slots)", async () => {
    const { room: db } = made({ permits: 1, queueMax: 2 });
    using _held = room(db.tryAcquire());
    const stop = new AbortController();
    const waiting = [db.acquire({ signal: stop.signal }), db.acquire({ signal: stop.signal })];
    expect(db.describe().waiting).toBe(2);
    stop.abort("enough");
    expect(db.describe().waiting).toBe(0);
    expect(await Promise.allSettled(waiting)).toMatchObject([{ reason: "enough" }, { reason: "enough" }]);
    expect(getEventListeners(stop.signal, "abort")).toHaveLength(0);
  });

  test("waiting ends after its time, and a full queue refuses at once; both by name", async () => {
    const { room: db, clock } = made({ permits: 1, queueMax: 1, waitMaxMs: 50 });
    using _held = room(db.tryAcquire());
    const waiting = db.acquire();
    expect(await db.acquire()).toMatchObject({ allowed: false, reason: "full", by: "db" });
    await clock.advance(50);
    expect(await waiting).toMatchObject({ allowed: false, reason: "waited" });
    expect(db.describe()).toMatchObject({ inUse: 1, waiting: 0, refused: 2 });
  });

  test("within a priority first come is first served; a higher one goes before, each with a queue of its own", async () => {
    const { room: db } = made({ permits: 1, queueMax: { critical: 2, normal: 2, background: 1 } });
    const held = room(db.tryAcquire());
    const order: string[] = [];
    const wait = async (name: string, priority: Priority): Promise<void> => {
      using got = await db.acquire({ priority });
      order.push(got.allowed ? name : `${name} ${got.reason}`);
    };
    const all = [
      wait("b1", "background"),
      wait("b2", "background"),
      wait("n1", "normal"),
      wait("n2", "normal"),
      wait("c1", "critical"),
    ];
    held[Symbol.dispose]();
    held[Symbol.dispose]();
    await Promise.all(all);
    expect(order).toEqual(["b2 full", "c1", "n1", "n2", "b1"]);
    expect(db.describe().inUse).toBe(0);
  });

  test("a slot is held until the work has ended, not until its caller stopped waiting", async () => {
    const { room: db, clock } = made({ permits: 1 });
    const line = pipeline({ name: "q", layers: [db, timeout(10)], clock });
    const deaf = gate();
    const call = line.outcome(() => deaf.promise);
    await clock.advance(10);
    expect(await call).toMatchObject({ reason: "timeout" });
    expect(db.describe().inUse).toBe(1);
    expect(await line.outcome(() => 1)).toMatchObject({ reason: "full", by: "db" });
    deaf.open();
    await clock.settle();
    expect(db.describe().inUse).toBe(0);
    expect(await line.run(() => 1)).toBe(1);
  });
});

test("a memory budget keeps its sum, serves in order also what is large, and takes back what is not needed", async () => {
  const budget = memoryBudget({ bytesMax: 100, queueMax: 10, clock: manualClock() });
  const first = await budget.take(80);
  const large = budget.take(60);
  const small = budget.take(10);
  expect(budget.describe()).toMatchObject({ bytesHeld: 80, waiting: 2 });
  expect(budget.tryTake(20)).toMatchObject({ allowed: false, reason: "full" });
  if (!first.allowed) throw new Error("refused");
  first.shrink(35);
  using grant = await large;
  expect([grant.allowed, budget.describe().bytesHeld]).toEqual([true, 95]);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  using _small = await small;
  expect(budget.describe()).toMatchObject({ bytesHeld: 70, waiting: 0 });
  expect(() => budget.tryTake(101)).toThrow("bytes");
});

test("what is taken is given back, the bound holds and nobody waits while there is room, under any mix", async () => {
  const act = fc.oneof(
    fc.record({ kind: fc.constant("take" as const), bytes: fc.integer({ min: 1, max: 10 }), rank: fc.nat(2) }),
    fc.record({ kind: fc.constantFrom("give" as const, "abort" as const), which: fc.nat(30) }),
    fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(30) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 60 }), async (acts) => {
      const clock = manualClock();
      const budget = memoryBudget({ bytesMax: 10, queueMax: 5, waitMaxMs: 40, clock });
      const grants: Disposable[] = [];
      const stops: AbortController[] = [];
      const ends: Promise<unknown>[] = [];
      for (const step of acts) {
        if (step.kind === "take") {
          const stop = new AbortController();
          stops.push(stop);
          const asked = budget.take(step.bytes, { priority: priorities[step.rank], signal: stop.signal });
          ends.push(
            asked.then(
              (got) => got.allowed && grants.push(got),
              () => undefined,
            ),
          );
        } else if (step.kind === "wait") await clock.advance(step.ms);
        else if (step.kind === "give") grants.splice(step.which % Math.max(1, grants.length), 1)[0]?.[Symbol.dispose]();
        else stops[step.which % Math.max(1, stops.length)]?.abort("no");
        await Promise.resolve();
        const { bytesHeld, waiting } = budget.describe();
        expect(bytesHeld).toBeLessThanOrEqual(10);
        if (bytesHeld === 0) expect(waiting).toBe(0);
      }
      await clock.advance(50);
      for (const grant of grants) grant[Symbol.dispose]();
      await Promise.all(ends);
      expect(budget.describe()).toMatchObject({ bytesHeld: 0, waiting: 0 });
    }),
    { numRuns: 60 },
  );
});
