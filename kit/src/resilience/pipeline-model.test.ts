// Everything together, in random mixes: after every run nothing is held, nothing is pending, and each call had exactly one end.
import { getEventListeners } from "node:events";
import fc from "fast-check";
import { expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { adaptiveLimit } from "./adaptive-limit.ts";
import { fixedDelay } from "./backoff.ts";
import { breaker } from "./breaker.ts";
import { bulkhead } from "./bulkhead.ts";
import { deadline, hedge, type Layer, retry, timeout } from "./layers.ts";
import { pipeline } from "./pipeline.ts";
import { retryBudget } from "./retry-budget.ts";
import { priorities } from "./verdict.ts";

const call = fc.record({
  gapMs: fc.nat(15),
  /** How long the work takes, whether it heeds its signal, how it ends. */
  tookMs: fc.nat(60),
  hears: fc.boolean(),
  end: fc.constantFrom("value", "error", "throws"),
  /** When the caller gives up. */
  abortMs: fc.option(fc.nat(60)),
  rank: fc.nat(2),
});
const shape = fc.record({ retry: fc.boolean(), hedge: fc.boolean(), timeout: fc.boolean(), deadline: fc.boolean() });

test("permits in are permits out, each call has one end, and no work begins after its caller gave up", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(call, { maxLength: 25 }), shape, fc.integer(), async (calls, layers, seed) => {
      const clock = manualClock();
      const budget = retryBudget({ reserve: 5, ratio: 0.5 });
      const stock = breaker({
        trip: { kind: "consecutive", failures: 3 },
        openMs: 30,
        probes: { permits: 2, leaseMs: 50 },
        clock,
      });
      const db = bulkhead({ permits: 2, queueMax: 2, waitMaxMs: 20, clock });
      const room = adaptiveLimit({ initial: 3, max: 5, queueMax: 1, waitMaxMs: 10, clock });
      const list: Layer[] = [];
      if (layers.deadline) list.push(deadline(80));
      if (layers.retry) list.push(retry({ attemptsMax: 3, delay: fixedDelay(5), budget }));
      if (layers.hedge) list.push(hedge({ after: 10, budget }));
      list.push(stock, room, db);
      if (layers.timeout) list.push(timeout(25));
      const line = pipeline({ name: "x", layers: list, clock, random: seededRandom(String(seed)), semantics: "safe" });
      let [ends, running, most] = [0, 0, 0];
      const stops: AbortController[] = [];
      for (const { gapMs, tookMs, hears, end, abortMs, rank } of calls) {
        const stop = new AbortController();
        stops.push(stop);
        const work = async ({ signal }: { readonly signal: AbortSignal }): Promise<string> => {
          expect(stop.signal.aborted).toBe(false);
          running++;
          most = Math.max(most, running);
          try {
            await clock.sleep(tookMs, hears ? { signal } : {});
          } finally {
            running--;
          }
          if (end === "error") throw new Error("down");
          return "done";
        };
        const thrown = (): never => {
          throw new Error("at once");
        };
        const asked = line.outcome(end === "throws" ? thrown : work, {
          signal: stop.signal,
          priority: priorities[rank],
        });
        void asked.then(() => ends++);
        if (abortMs !== null) clock.setTimer(abortMs, () => stop.abort("enough"));
        await clock.advance(gapMs);
      }
      await clock.advance(5_000);
      expect(ends).toBe(calls.length);
      expect(running).toBe(0);
      expect(most).toBeLessThanOrEqual(2);
      expect([db.describe().inUse, db.describe().waiting]).toEqual([0, 0]);
      expect([room.describe().inFlight, room.describe().waiting, stock.describe().probing]).toEqual([0, 0, 0]);
      for (const { signal } of stops) expect(getEventListeners(signal, "abort")).toHaveLength(0);
      expect(clock.timersPending).toBe(0);
    }),
    { numRuns: 60 },
  );
});
