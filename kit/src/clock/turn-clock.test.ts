import { expect, test } from "vitest";
import { manualClock } from "./manual-clock.ts";
import { TurnClock } from "./turn-clock.ts";

test("a burst of readings shares one time for its turn, single readings do not, and 256 are the most", async () => {
  const clock = manualClock();
  let readings = 0;
  const counted = { monotonic: () => (readings++, clock.monotonic()), nextTurn: clock.nextTurn.bind(clock) };
  const turn = new TurnClock(counted);
  for (let read = 0; read < 1_000; read++) turn.nowMs();
  expect(readings).toBeGreaterThan(4);
  expect(readings).toBeLessThan(12);
  await clock.advance(10);
  expect(turn.nowMs()).toBe(10);
  for (let read = 0; read < 10; read++) {
    await clock.advance(1);
    expect(turn.nowMs()).toBe(11 + read);
  }
});
