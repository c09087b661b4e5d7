import fc from "fast-check";
import { expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { Deadlines, type Expiring } from "./deadlines.ts";

class Entry implements Expiring {
  expiredAtMs: number | undefined = undefined;
  readonly deadlineAtMs: number;
  readonly #now: () => number;

  constructor(deadlineAtMs: number, now: () => number) {
    this.deadlineAtMs = deadlineAtMs;
    this.#now = now;
  }

  expire(): void {
    if (this.expiredAtMs !== undefined) throw new Error("expired twice");
    this.expiredAtMs = this.#now();
  }
}

test("whatever is added and removed, what is left expires at its deadline and not before", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(50), fc.nat(20), fc.boolean()), { maxLength: 40 }), async (steps) => {
      const clock = manualClock();
      using deadlines = new Deadlines(clock);
      const kept: Entry[] = [];
      for (const [delayMs, pauseMs, isRemoved] of steps) {
        const entry = new Entry(clock.monotonic() + delayMs, () => clock.monotonic());
        deadlines.add(entry);
        if (isRemoved) deadlines.remove(entry);
        else kept.push(entry);
        await clock.advance(pauseMs);
      }
      await clock.advance(100);
      for (const { expiredAtMs = Infinity, deadlineAtMs } of kept)
        expect(Math.abs(expiredAtMs - deadlineAtMs)).toBeLessThanOrEqual(1);
    }),
  );
});

test("what the expiry of another one removes does not expire", async () => {
  const clock = manualClock();
  using deadlines = new Deadlines(clock);
  const entries = Array.from({ length: 100 }, (): Expiring & { isRemoved: boolean } => ({
    deadlineAtMs: 10,
    isRemoved: false,
    expire() {
      expect(this.isRemoved).toBe(false);
      for (const other of entries.filter((entry) => entry !== this)) {
        other.isRemoved = true;
        deadlines.remove(other);
      }
    },
  }));
  for (const entry of entries) deadlines.add(entry);
  await clock.advance(20);
  expect(entries.filter(({ isRemoved }) => !isRemoved)).toHaveLength(1);
});

test("disposing leaves no timer", () => {
  const clock = manualClock();
  const deadlines = new Deadlines(clock);
  deadlines.add(new Entry(10, () => 0));
  deadlines[Symbol.dispose]();
  expect(clock.timersPending).toBe(0);
});
