import { expect, test } from "vitest";
import { type Clock, manualClock } from "../clock/mod.ts";
import { breaker } from "./breaker.ts";
import { pipeline } from "./pipeline.ts";

test("an open breaker refuses a burst by few readings of the clock, counts each, and lets a probe pass when its time is over", async () => {
  const clock = manualClock();
  let readings = 0;
  const counted: Clock = {
    now: () => clock.now(),
    monotonic: () => (readings++, clock.monotonic()),
    setTimer: (delayMs, ring) => clock.setTimer(delayMs, ring),
    sleep: (delayMs, options) => clock.sleep(delayMs, options),
    nextTurn: (run) => clock.nextTurn(run),
  };
  const stock = breaker({ name: "stock breaker", openMs: 1_000, clock: counted });
  const line = pipeline({ name: "stock", layers: [stock], clock: counted });
  stock.force("open");
  readings = 0;
  const ends = Array.from({ length: 1_000 }, () => line.outcome(() => "never asked"));
  const refused = { ok: false, reason: "open", by: "stock breaker", retryAfterMs: 1_000, attempts: 1, trail: [] };
  for (const end of await Promise.all(ends)) expect(end).toMatchObject(refused);
  expect(await ends[0]).toMatchObject({ error: { code: "CALL_REFUSED", reason: "open", what: "stock" } });
  expect(readings).toBeLessThan(20);
  expect(stock.describe().totals.refused).toBe(1_000);
  await clock.advance(1_000);
  expect(await line.outcome(() => "well again")).toMatchObject({ ok: true, value: "well again" });
});
