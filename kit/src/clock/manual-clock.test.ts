import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { manualClock } from "./mod.ts";

describe("a manual clock", () => {
  test("rings timers in the order of their due times, ties by creation", async () => {
    const delays = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(delays, async (delaysMs) => {
        const clock = manualClock();
        const rung: (readonly [number, number])[] = [];
        for (const [order, delayMs] of delaysMs.entries())
          clock.setTimer(delayMs, () => rung.push([clock.monotonic(), order]));
        await clock.advance(5);
        const expected = delaysMs.map((delayMs, order) => [delayMs, order] as const);
        expect(rung).toEqual(expected.toSorted((left, right) => left[0] - right[0] || left[1] - right[1]));
        expect(clock.timersPending).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  test("stands at each timer's own time while it rings, and ends where it was told", async () => {
    const clock = manualClock({ nowMs: 1_000 });
    const seen: number[] = [];
    clock.setTimer(10, () => seen.push(clock.now()));
    clock.setTimer(20.5, () => seen.push(clock.monotonic()));
    await clock.advance(30);
    expect([...seen, clock.now(), clock.monotonic()]).toEqual([1_010, 20.5, 1_030, 30]);
  });

  test("lets promise chains and next turns finish between two timers", async () => {
    const clock = manualClock();
    const log: string[] = [];
    clock.setTimer(1, () => {
      void (async () => {
        for (let hop = 0; hop < 50; hop++) await Promise.resolve();
        clock.nextTurn(() => void Promise.resolve().then(() => clock.nextTurn(() => log.push("first came to rest"))));
      })();
    });
    clock.setTimer(2, () => log.push("second"));
    await clock.advance(2);
    expect(log).toEqual(["first came to rest", "second"]);
  });

  test("rings timers that are set while it advances, when they fall due within the same advance", async () => {
    const clock = manualClock();
    const ticks: number[] = [];
    const tick = (): void => {
      ticks.push(clock.monotonic());
      clock.setTimer(10, tick);
    };
    clock.setTimer(10, tick);
    await clock.advance(35);
    expect(ticks).toEqual([10, 20, 30]);
    expect(clock.timersPending).toBe(1);
  });

  test("runs next turns without being told to, in order, after the promises of the turn", async () => {
    const clock = manualClock();
    const log: string[] = [];
    await new Promise<void>((resolve) => {
      clock.nextTurn(() => log.push("turn 1"));
      clock.nextTurn(() => {
        log.push("turn 2");
        resolve();
      });
      void Promise.resolve().then(() => log.push("promise"));
    });
    expect(log).toEqual(["promise", "turn 1", "turn 2"]);
  });

  test("a cancelled timer never rings", async () => {
    const clock = manualClock();
    const timer = clock.setTimer(5, () => expect.unreachable());
    timer.cancel();
    timer.cancel();
    await clock.advance(10);
    expect(clock.timersPending).toBe(0);
  });

  test("a jump moves the wall clock only, and may go back", async () => {
    const clock = manualClock({ nowMs: 10_000 });
    let rung = 0;
    clock.setTimer(100, () => rung++);
    clock.jump(5_000);
    expect([clock.now(), clock.monotonic()]).toEqual([15_000, 0]);
    clock.jump(-9_000);
    await clock.settle();
    expect([clock.now(), rung]).toEqual([6_000, 0]);
    await clock.advance(100);
    expect(rung).toBe(1);
  });

  test("what a timer throws reaches whoever advances, and time can go on from there", async () => {
    const clock = manualClock();
    clock.setTimer(5, () => {
      throw new Error("from the timer");
    });
    await expect(clock.advance(10)).rejects.toThrow("from the timer");
    expect(clock.monotonic()).toBe(5);
    await clock.advance(5);
    expect(clock.monotonic()).toBe(10);
  });

  test("two advances at once run one after the other", async () => {
    const clock = manualClock();
    const rungAt: number[] = [];
    clock.setTimer(15, () => rungAt.push(clock.monotonic()));
    await Promise.all([clock.advance(10), clock.advance(10)]);
    expect([...rungAt, clock.monotonic()]).toEqual([15, 20]);
  });

  test("refuses time that does not pass", () => {
    const clock = manualClock();
    for (const ms of [-1, Number.NaN, Infinity]) expect(() => clock.advance(ms)).toThrow("time advances");
    expect(() => clock.setTimer(Number.NaN, () => undefined)).toThrow("a timer's delay");
    expect(() => manualClock({ nowMs: 0.5 })).toThrow("option nowMs");
  });
});

describe("a sleep", () => {
  test("resolves when its time has passed and not before", async () => {
    const clock = manualClock();
    let awake = "no";
    void clock.sleep(50).then(() => (awake = "yes"));
    await clock.advance(49.9);
    expect(awake).toBe("no");
    await clock.advance(0.1);
    expect(awake).toBe("yes");
  });

  test("an abort rejects it with the reason and leaves no timer", async () => {
    const clock = manualClock();
    const controller = new AbortController();
    const sleep = clock.sleep(50, { signal: controller.signal });
    expect(clock.timersPending).toBe(1);
    controller.abort("enough");
    await expect(sleep).rejects.toBe("enough");
    expect(clock.timersPending).toBe(0);
  });

  test("a signal that is already aborted rejects at once, without a timer", async () => {
    const clock = manualClock();
    await expect(clock.sleep(50, { signal: AbortSignal.abort("before") })).rejects.toBe("before");
    expect(clock.timersPending).toBe(0);
  });
});
