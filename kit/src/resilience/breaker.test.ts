import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ManualClock, manualClock } from "../clock/mod.ts";
import type { ConfigError } from "../errors/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { subscribe } from "../telemetry/mod.ts";
import { breaker, type Breaker } from "./breaker.ts";
import type { BreakerOptions } from "./breaker-options.ts";
import type { BreakerPermit } from "./breaker-permit.ts";
import type { BreakerChange } from "./breaker-report.ts";
import { exponentialBackoff } from "./backoff.ts";

function made(options: BreakerOptions = {}): { readonly clock: ManualClock; readonly stock: Breaker } {
  const clock = manualClock();
  return { clock, stock: breaker({ name: "stock", openMs: 1_000, random: seededRandom("1"), clock, ...options }) };
}

function permit(stock: Breaker): BreakerPermit {
  const acquired = stock.tryAcquire();
  if (!acquired.allowed) throw new Error(`refused: ${acquired.reason}`);
  return acquired;
}

const fail = (stock: Breaker, times = 1): void => {
  for (let time = 0; time < times; time++) permit(stock).failure();
};
const succeed = (stock: Breaker, times = 1): void => {
  for (let time = 0; time < times; time++) permit(stock).success();
};

describe("when a breaker opens", () => {
  test("so many failures in a row, and a success between them starts anew", () => {
    const { stock } = made({ trip: { kind: "consecutive", failures: 3 } });
    fail(stock, 2);
    succeed(stock);
    fail(stock, 2);
    expect(stock.state).toBe("closed");
    fail(stock);
    expect(stock.state).toBe("open");
  });

  test("a part of the last calls, and not before there are enough of them", () => {
    const { stock } = made({ trip: { kind: "calls", calls: 10, callsMin: 4, failureRatio: 0.5 } });
    fail(stock, 3);
    expect(stock.state).toBe("closed");
    succeed(stock);
    expect(stock.state).toBe("open");
  });

  test("slow calls count by themselves, also when each of them succeeds", async () => {
    const { stock, clock } = made({
      trip: { kind: "calls", calls: 4, callsMin: 4 },
      slow: { overMs: 50, ratio: 0.75 },
    });
    for (const tookMs of [51, 50, 51, 51]) {
      const held = permit(stock);
      await clock.advance(tookMs);
      held.success();
    }
    expect(stock.state).toBe("open");
    expect(stock.describe().totals).toMatchObject({ succeeded: 4, slow: 3, failed: 0 });
  });

  test("expected errors are successes, and ends that say nothing are not counted", () => {
    const { stock } = made({
      trip: { kind: "consecutive", failures: 1 },
      judge: (ended) => {
        if (ended.ok) return "success";
        return ended.error === "not found" ? "success" : "ignored";
      },
    });
    permit(stock).end({ ok: false, error: "not found" });
    permit(stock).end({ ok: false, error: "my own fault" });
    using _givenBack = permit(stock);
    expect(stock.describe()).toMatchObject({ state: "closed", totals: { succeeded: 1, ignored: 1, failed: 0 } });
  });

  test("what is refused says when to come back, and costs no error", async () => {
    const { stock, clock } = made({ trip: { kind: "consecutive", failures: 1 } });
    fail(stock);
    await clock.advance(400);
    expect(stock.tryAcquire()).toMatchObject({ allowed: false, reason: "open", by: "stock", retryAfterMs: 600 });
  });
});

describe("windows", () => {
  test("a time window holds nothing from before an idle gap, however long (cockatiel 4 kept nine of ten old buckets)", async () => {
    const { stock, clock } = made({ trip: { kind: "time", windowMs: 10_000, callsMin: 5 } });
    for (let call = 0; call < 20; call++) {
      if (call >= 11) fail(stock);
      else succeed(stock);
      await clock.advance(450);
    }
    await clock.advance(600_000);
    for (let call = 0; call < 4; call++) {
      fail(stock);
      await clock.advance(10);
    }
    expect(stock.describe()).toMatchObject({ state: "closed", calls: 4, failed: 4 });
    fail(stock);
    expect(stock.state).toBe("open");
  });

  test("equal a log of all calls, cut at slices of a tenth, whatever the gaps", async () => {
    const steps = fc.array(fc.tuple(fc.nat(3_000), fc.boolean()), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(steps, async (calls) => {
        const { stock, clock } = made({ trip: { kind: "time", windowMs: 1_000, callsMin: 1_000_000 } });
        const log: { readonly slice: number; readonly failed: number }[] = [];
        for (const [gapMs, isFailed] of calls) {
          await clock.advance(gapMs);
          if (isFailed) fail(stock);
          else succeed(stock);
          const slice = Math.floor(clock.monotonic() / 100);
          log.push({ slice, failed: isFailed ? 1 : 0 });
          const held = log.filter((entry) => entry.slice >= slice - 10);
          const report = stock.describe();
          expect([report.calls, report.failed]).toEqual([
            held.length,
            held.reduce((sum, { failed }) => sum + failed, 0),
          ]);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("the last n calls are exactly the last n", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.array(fc.boolean()), (length, calls) => {
        const { stock } = made({ trip: { kind: "calls", calls: length, callsMin: length, failureRatio: 1 } });
        const log: number[] = [];
        for (const isFailed of calls) {
          if (stock.state !== "closed") return;
          if (isFailed) fail(stock);
          else succeed(stock);
          log.push(isFailed ? 1 : 0);
          const last = log.slice(-length);
          const failed = last.reduce((sum, one) => sum + one, 0);
          if (failed === length) expect(stock.state).toBe("open");
          else expect(stock.describe()).toMatchObject({ state: "closed", calls: last.length, failed });
        }
      }),
    );
  });

  test("a window of 100,000 calls stays exact when it wraps, with no list of latencies to sort (opossum 10 takes 7 ms for it)", () => {
    const { stock } = made({ trip: { kind: "calls", calls: 100_000, failureRatio: 1, callsMin: 100_000 } });
    succeed(stock, 50);
    fail(stock, 99_950);
    expect(stock.describe()).toMatchObject({ calls: 100_000, failed: 99_950, state: "closed" });
    fail(stock, 49);
    expect(stock.describe()).toMatchObject({ calls: 100_000, failed: 99_999, state: "closed" });
    fail(stock);
    expect(stock.state).toBe("open");
  });
});

describe("half-open", () => {
  async function halfOpen(options: BreakerOptions = {}): Promise<ReturnType<typeof made>> {
    const both = made({
      trip: { kind: "consecutive", failures: 1 },
      probes: { permits: 3, successesMin: 2 },
      ...options,
    });
    fail(both.stock);
    await both.clock.advance(1_000);
    expect(both.stock.state).toBe("half-open");
    return both;
  }

  test("lets so many probes pass and refuses the others at once (cockatiel 4 made them wait without limit)", async () => {
    const { stock } = await halfOpen();
    const probes = [permit(stock), permit(stock), permit(stock)];
    for (let call = 0; call < 1_000; call++) expect(stock.tryAcquire().allowed).toBe(false);
    probes[0]?.success();
    probes[1]?.failure();
    expect(stock.state).toBe("half-open");
    probes[2]?.success();
    expect(stock.state).toBe("closed");
  });

  test("opens again as soon as enough successes are out of reach", async () => {
    const { stock } = await halfOpen();
    fail(stock);
    expect(stock.state).toBe("half-open");
    fail(stock);
    expect(stock.state).toBe("open");
  });

  test("a probe that says nothing gives its permit back (resilience4j #544: an ignored error kept it)", async () => {
    const { stock } = await halfOpen();
    for (let call = 0; call < 10; call++) permit(stock).release();
    succeed(stock, 2);
    expect(stock.state).toBe("closed");
  });

  test("a probe that hangs counts as failed at the end of its lease, and its late result for nothing", async () => {
    const { stock, clock } = await halfOpen({ probes: { permits: 1, leaseMs: 500 } });
    const hung = permit(stock);
    expect(stock.tryAcquire()).toMatchObject({ allowed: false, retryAfterMs: 500 });
    await clock.advance(500);
    expect(stock.state).toBe("open");
    hung.success();
    expect(stock.state).toBe("open");
    expect(stock.describe().totals.late).toBe(1);
  });

  test("a call begun before the break decides nothing afterwards (cockatiel 4 opens again by it)", async () => {
    const { stock, clock } = made({ trip: { kind: "consecutive", failures: 1 }, probes: { permits: 1 } });
    const [early, earlier] = [permit(stock), permit(stock)];
    fail(stock);
    await clock.advance(1_000);
    const probe = permit(stock);
    early.failure();
    expect(stock.state).toBe("half-open");
    probe.success();
    earlier.failure();
    expect(stock.describe()).toMatchObject({ state: "closed", failed: 0, totals: { late: 2 } });
  });

  test("a slow probe does not close", async () => {
    const { stock, clock } = await halfOpen({
      trip: { kind: "consecutive", failures: 1 },
      slow: { overMs: 10 },
      probes: { permits: 1 },
    });
    const probe = permit(stock);
    await clock.advance(11);
    probe.success();
    expect(stock.state).toBe("open");
  });
});

describe("open", () => {
  test("lasts longer with every break in a row, and begins anew after a long time closed", async () => {
    const openMs = exponentialBackoff({ firstMs: 100, capMs: 350, jitter: "none" });
    const { stock, clock } = made({ trip: { kind: "consecutive", failures: 1 }, openMs, probes: { permits: 1 } });
    const times: number[] = [];
    using _watch = stock.watch(({ to, openMs: forMs }) => to === "open" && times.push(forMs));
    fail(stock);
    for (const nextMs of [100, 200, 350]) {
      await clock.advance(nextMs);
      fail(stock);
    }
    await clock.advance(350);
    succeed(stock);
    await clock.advance(351);
    fail(stock);
    expect(times).toEqual([100, 200, 350, 350, 100]);
  });

  test("no timer and no listener stands behind it", () => {
    const { stock, clock } = made({ trip: { kind: "consecutive", failures: 1 } });
    fail(stock);
    expect(clock.timersPending).toBe(0);
  });

  test("a duration of ten years does not overflow", async () => {
    const { stock, clock } = made({ trip: { kind: "consecutive", failures: 1 }, openMs: 315_576_000_000 });
    fail(stock);
    await clock.advance(300_000_000_000);
    expect(stock.state).toBe("open");
  });
});

describe("states set by hand", () => {
  test("isolated refuses all, disabled counts nothing, metrics-only counts and never opens, closed decides again", () => {
    const { stock } = made({ trip: { kind: "consecutive", failures: 2 } });
    stock.force("isolated");
    expect(stock.tryAcquire()).toMatchObject({ reason: "isolated", retryAfterMs: undefined });
    stock.force("disabled");
    fail(stock, 5);
    expect(stock.describe()).toMatchObject({ state: "disabled", totals: { failed: 0 } });
    stock.force("metrics-only");
    fail(stock, 5);
    expect(stock.describe()).toMatchObject({ state: "metrics-only", failed: 2, totals: { failed: 5 } });
    stock.force("closed");
    fail(stock, 2);
    expect(stock.state).toBe("open");
  });

  test("votes do not open what was set by hand", () => {
    const { stock } = made();
    stock.force("disabled");
    stock.trip("votes");
    expect(stock.state).toBe("disabled");
  });
});

describe("a snapshot", () => {
  test("is plain JSON, and the next process stays open for what is left", async () => {
    const { stock, clock } = made({ trip: { kind: "consecutive", failures: 1 } });
    fail(stock);
    await clock.advance(300);
    const restore = JSON.parse(JSON.stringify(stock.snapshot()));
    const later = manualClock({ nowMs: clock.now() + 100 });
    const next = breaker({ restore, openMs: 1_000, clock: later });
    expect(next.describe()).toMatchObject({ state: "open", retryAfterMs: 600 });
    await later.advance(600);
    expect(next.state).toBe("half-open");
  });

  test("is not believed beyond the breaker's own open time when the wall clock has stepped", () => {
    const clock = manualClock();
    const restore = { state: "open", openUntilMs: clock.now() + 1e12, opens: 1, backoff: 0 } as const;
    expect(breaker({ restore, openMs: 1_000, clock }).describe().retryAfterMs).toBe(1_000);
  });

  test("that no breaker can have made is refused by name", () => {
    const good = { state: "open", openUntilMs: 0, opens: 1, backoff: 0 } as const;
    const bad: readonly (readonly [object, string])[] = [
      [{ state: "ajar" }, "restore.state"],
      [{ openUntilMs: Number.NaN }, "restore.openUntilMs"],
      [{ opens: -1 }, "restore.opens"],
      [{ backoff: "much" }, "restore.backoff"],
    ];
    for (const [part, option] of bad)
      expect(() => breaker({ restore: { ...good, ...part } })).toThrow(
        expect.objectContaining({ option }) as ConfigError,
      );
  });
});

test("each change is told once, to watchers and as telemetry, with its cause", async () => {
  const { stock, clock } = made({ trip: { kind: "consecutive", failures: 1 }, probes: { permits: 1 } });
  const seen: BreakerChange[] = [];
  const told: string[] = [];
  using _watch = stock.watch((change) => seen.push(change));
  using _heard = subscribe("ashlar.resilience.breaker", ({ breaker: name, cause }) => told.push(`${name} ${cause}`));
  fail(stock);
  await clock.advance(1_000);
  succeed(stock);
  expect(seen.map(({ from, to }) => `${from} ${to}`)).toEqual(["closed open", "open half-open", "half-open closed"]);
  expect(told).toEqual(["stock failures", "stock time-over", "stock probes-passed"]);
});

test("permits in are permits out under any mix of ends, gaps and states", async () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant("begin" as const) }),
    fc.record({ kind: fc.constantFrom("success", "failure", "release"), which: fc.nat(20) }),
    fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(700) }),
    fc.record({
      kind: fc.constant("force" as const),
      state: fc.constantFrom("closed", "isolated", "metrics-only", "open"),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 80 }), async (actions) => {
      const { stock, clock } = made({
        trip: { kind: "consecutive", failures: 2 },
        probes: { permits: 2, leaseMs: 900 },
      });
      const held: BreakerPermit[] = [];
      for (const act of actions) {
        if (act.kind === "wait") await clock.advance(act.ms);
        else if (act.kind === "force") stock.force(act.state);
        else if (act.kind === "begin") {
          const got = stock.tryAcquire();
          if (got.allowed) held.push(got);
          const { state, probing } = stock.describe();
          expect(probing).toBeLessThanOrEqual(2);
          if (state !== "half-open") expect(probing).toBe(0);
        } else {
          const [chosen] = held.splice(act.which % Math.max(1, held.length), 1);
          chosen?.[act.kind]();
        }
      }
      for (const left of held) left.release();
      expect(stock.describe().probing).toBe(0);
      stock.force("closed");
      succeed(stock);
      expect(stock.state).toBe("closed");
    }),
    { numRuns: 60 },
  );
});

test("options out of range are refused by name", () => {
  const refused: readonly [BreakerOptions, string][] = [
    [{ trip: { kind: "consecutive", failures: 0 } }, "trip.failures"],
    [{ trip: { kind: "calls", calls: 10, callsMin: 11 } }, "trip.callsMin"],
    [{ trip: { kind: "time", windowMs: 5 } }, "trip.windowMs"],
    [{ trip: { kind: "time", windowMs: 100, failureRatio: 0 } }, "trip.failureRatio"],
    [{ probes: { permits: 2, successesMin: 3 } }, "probes.successesMin"],
    [{ openMs: -1 }, "openMs"],
    [{ openMs: "1s" as never }, "openMs"],
  ];
  for (const [options, option] of refused)
    expect(() => breaker(options)).toThrow(expect.objectContaining({ option }) as ConfigError);
});
