import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../errors/mod.ts";
import { type Random, seededRandom } from "../random/mod.ts";
import {
  type Backoff,
  decorrelatedJitter,
  exponentialBackoff,
  fixedDelay,
  linearBackoff,
  smoothJitter,
} from "./backoff.ts";
import { parseRetryAfter, retryAfterOf } from "./retry-after.ts";

function delays(backoff: Backoff, count: number, random: Random = seededRandom("7")): number[] {
  let state = 0;
  return Array.from({ length: count }, (_, index) => {
    const step = backoff(index + 1, state, random);
    state = step.state;
    return step.delayMs;
  });
}

describe("back-off", () => {
  test("without jitter is what its name says, up to its cap", () => {
    expect(delays(fixedDelay(5), 3)).toEqual([5, 5, 5]);
    expect(delays(linearBackoff({ firstMs: 10, stepMs: 5, capMs: 22, jitter: "none" }), 4)).toEqual([10, 15, 20, 22]);
    expect(delays(exponentialBackoff({ firstMs: 10, factor: 3, capMs: 200, jitter: "none" }), 4)).toEqual([
      10, 30, 90, 200,
    ]);
  });

  test("stays within its bounds for any form, attempt and seed, also attempt 1000 and a first delay of 0", () => {
    const forms = (firstMs: number, capMs: number): Backoff[] => [
      linearBackoff({ firstMs, capMs }),
      exponentialBackoff({ firstMs, capMs, jitter: "equal" }),
      exponentialBackoff({ firstMs, capMs, factor: 100 }),
      decorrelatedJitter({ firstMs, capMs }),
      smoothJitter({ firstMs, capMs }),
    ];
    fc.assert(
      fc.property(fc.integer(), fc.nat(1_000), fc.nat(1_000_000), (seed, firstMs, moreMs) => {
        const capMs = firstMs + moreMs;
        for (const form of forms(firstMs, capMs))
          for (const delayMs of [
            ...delays(form, 100, seededRandom(String(seed))),
            form(1_000, 1, seededRandom(String(seed))).delayMs,
          ])
            expect(delayMs >= 0 && delayMs <= capMs).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test("smooth jitter begins at about firstMs in the median and has no early burst", () => {
    const firsts = Array.from(
      { length: 2_000 },
      (_, seed) => delays(smoothJitter({ firstMs: 100 }), 1, seededRandom(String(seed)))[0] ?? 0,
    );
    firsts.sort((left, right) => left - right);
    expect(firsts[1_000]).toBeGreaterThan(80);
    expect(firsts[1_000]).toBeLessThan(120);
    // Full jitter sends a fifth of all callers back within the first 20 ms.
    expect(firsts.filter((delayMs) => delayMs < 20).length / 2_000).toBeLessThan(0.06);
  });

  test("options out of range are refused", () => {
    expect(() => exponentialBackoff({ firstMs: -1 })).toThrow(ConfigError);
    expect(() => exponentialBackoff({ firstMs: 10, capMs: 5 })).toThrow("capMs");
    expect(() => exponentialBackoff({ firstMs: 10, factor: 0.5 })).toThrow("factor");
    expect(() => fixedDelay(10, { jitter: 2 })).toThrow("jitter");
  });
});

describe("Retry-After", () => {
  const nowMs = Date.UTC(2026, 0, 1);

  test("is read as seconds and as any of the three dates of HTTP; 0 is now", () => {
    expect(parseRetryAfter("120", nowMs)).toBe(120_000);
    expect(parseRetryAfter(" 0 ", nowMs)).toBe(0);
    expect(parseRetryAfter("Thu, 01 Jan 2026 00:00:30 GMT", nowMs)).toBe(30_000);
    expect(parseRetryAfter("Thursday, 01-Jan-26 00:00:30 GMT", nowMs)).toBe(30_000);
    expect(parseRetryAfter("Thu Jan  1 00:00:30 2026", nowMs)).toBe(30_000);
    expect(parseRetryAfter("Sunday, 06-Nov-94 08:49:37 GMT", nowMs)).toBe(0);
    expect(parseRetryAfter("Wed, 31 Dec 2025 23:00:00 GMT", nowMs)).toBe(0);
  });

  test("is nothing when it is neither", () => {
    for (const text of ["", "soon", "-5", "1.5", "Thu, 01 Foo 2026 00:00:30 GMT", "Thu, 01 Jan 2026 25:00:30 GMT"])
      expect(parseRetryAfter(text, nowMs)).toBeUndefined();
  });

  test("is found in errors, responses and errors that hold a response", () => {
    const response = new Response("", { status: 503, headers: { "retry-after": "2" } });
    expect(retryAfterOf({ ok: false, error: { retryAfterMs: 5 } }, nowMs)).toBe(5);
    expect(retryAfterOf({ ok: true, value: response }, nowMs)).toBe(2_000);
    expect(retryAfterOf({ ok: false, error: { response } }, nowMs)).toBe(2_000);
    expect(retryAfterOf({ ok: false, error: { headers: { "retry-after": "1" } } }, nowMs)).toBe(1_000);
    for (const value of [null, 5, "x", {}, { response: null }, { retryAfterMs: -1 }])
      expect(retryAfterOf({ ok: true, value }, nowMs)).toBeUndefined();
  });
});
