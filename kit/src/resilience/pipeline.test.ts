import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { gate } from "../abort/mod.ts";
import { manualClock } from "../clock/mod.ts";
import { ConfigError, KitError, TimeoutError } from "../errors/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { subscribe } from "../telemetry/mod.ts";
import type { CallContext } from "./call-context.ts";
import { fixedDelay } from "./backoff.ts";
import { breaker } from "./breaker.ts";
import { bulkhead } from "./bulkhead.ts";
import { CallRefusedError } from "./errors.ts";
import { deadline, fallback, hedge, type Layer, retry, timeout } from "./layers.ts";
import { pipeline, type Pipeline, type PipelineOptions } from "./pipeline.ts";
import { retryBudget } from "./retry-budget.ts";

const clockOf = manualClock;

function made(
  layers: readonly Layer[],
  more: Partial<PipelineOptions> = {},
): { clock: ReturnType<typeof manualClock>; line: Pipeline } {
  const clock = clockOf();
  return { clock, line: pipeline({ name: "stock", layers, clock, random: seededRandom("3"), ...more }) };
}

const down = new Error("down");
const failing = (): Promise<never> => Promise.reject(down);
const thrice = (delayMs = 100): Layer => retry({ attemptsMax: 3, delay: fixedDelay(delayMs), budget: "none" });

describe("retry", () => {
  test("tries again after its pause and tells the attempt", async () => {
    const { line, clock } = made([thrice()]);
    const attempts: number[] = [];
    const call = line.outcome(({ attempt }) => {
      attempts.push(attempt);
      if (attempt < 3) throw down;
      return "done";
    });
    await clock.advance(199);
    expect(attempts).toEqual([1, 2]);
    await clock.advance(1);
    expect(await call).toEqual({ ok: true, value: "done", attempts: 3, quality: "full" });
  });

  test("an abort during back-off rejects at once and makes no further call (cockatiel 4 waits it out and calls again)", async () => {
    const { line, clock } = made([thrice(200)]);
    const stop = new AbortController();
    let calls = 0;
    const call = line.run(() => (calls++, failing()), { signal: stop.signal });
    await clock.advance(20);
    stop.abort("enough");
    await expect(call).rejects.toBe("enough");
    expect(clock.timersPending).toBe(0);
    expect(getEventListeners(stop.signal, "abort")).toHaveLength(0);
    await clock.advance(1_000);
    expect(calls).toBe(1);
  });

  test("gives up with the last error and says why it stopped", async () => {
    const stops = async (layers: readonly Layer[], error: unknown): Promise<unknown> => {
      const { line, clock } = made(layers);
      const call = line.outcome(() => Promise.reject(error as Error));
      await clock.advance(10_000);
      const outcome = await call;
      return outcome.ok ? "ok" : [outcome.error === error, outcome.stopped, outcome.attempts, outcome.trail.length];
    };
    expect(await stops([thrice()], down)).toEqual([true, "no-retry", 3, 2]);
    expect(await stops([deadline(150), thrice()], down)).toEqual([true, "time", 2, 1]);
    expect(await stops([retry({ attemptsMax: 9, delay: fixedDelay(10), totalMaxMs: 25 })], down)).toEqual([
      true,
      "time",
      3,
      2,
    ]);
    const budget = retryBudget({ reserve: 1, ratio: 0 });
    expect(await stops([retry({ attemptsMax: 9, delay: fixedDelay(10), budget })], down)).toEqual([
      true,
      "budget",
      2,
      1,
    ]);
    expect(await stops([thrice()], new ConfigError("x", 1, "y"))).toEqual([true, "not-worth-it", 1, 0]);
    const patient = Object.assign(new Error("later"), { retryAfterMs: 3_600_000 });
    expect(await stops([thrice()], patient)).toEqual([true, "asked-to-wait", 1, 0]);
  });

  test("an exhausted budget suppresses the new attempt only, and is shared by pipelines", async () => {
    const budget = retryBudget({ reserve: 2, ratio: 0 });
    const layers = [retry({ attemptsMax: 3, delay: fixedDelay(0), budget })];
    const clock = manualClock();
    const [one, two] = ["one", "two"].map((name) => pipeline({ name, layers, clock }));
    let calls = 0;
    const work = (): Promise<never> => (calls++, failing());
    await Promise.allSettled([one?.run(work), two?.run(work), one?.run(work)]);
    expect(calls).toBe(3 + 2);
  });

  test("waits as long as it is told and its back-off on top, and ignores it when asked to", async () => {
    const told = Object.assign(new Error("busy"), { retryAfterMs: 1_000 });
    const timesOf = async (layer: Layer): Promise<number[]> => {
      const { line, clock } = made([layer]);
      const times: number[] = [];
      const call = line.outcome(() => (times.push(clock.monotonic()), Promise.reject(told)));
      await clock.advance(5_000);
      await call;
      return times;
    };
    expect(await timesOf(thrice(10))).toEqual([0, 1_010, 2_020]);
    expect(await timesOf(retry({ attemptsMax: 2, delay: fixedDelay(10), retryAfter: "ignore" }))).toEqual([0, 10]);
  });

  test("a value that is judged a failure is tried again, and given back when there is nothing better", async () => {
    const { line, clock } = made([thrice(1)], { judge: ({ ok }) => (ok ? "failure" : "ignored") });
    let calls = 0;
    const call = line.run(() => ++calls);
    await clock.advance(10);
    expect(await call).toBe(3);
  });

  test("waits for an open breaker instead of burning attempts on it, when there is time for that", async () => {
    const clock = manualClock();
    const stock = breaker({ trip: { kind: "consecutive", failures: 1 }, openMs: 500, clock });
    const line = pipeline({ name: "x", layers: [retry({ attemptsMax: 3, delay: fixedDelay(1) }), stock], clock });
    let calls = 0;
    const call = line.run(() => (++calls === 1 ? failing() : "well again"));
    await clock.advance(503);
    expect([await call, calls]).toEqual(["well again", 2]);
  });

  test("what is full for no known time is not tried again", async () => {
    const clock = manualClock();
    const db = bulkhead({ name: "db", permits: 1, clock });
    using _held = db.tryAcquire() as Disposable;
    const line = pipeline({ name: "x", layers: [thrice(), db], clock });
    expect(await line.outcome(() => 1)).toMatchObject({ ok: false, reason: "full", by: "db", stopped: "not-worth-it" });
  });
});

describe("timeout and deadline", () => {
  test("a timeout answers the caller and aborts the attempt's own signal; the next call has a fresh one (opossum 10 shares one)", async () => {
    const { line, clock } = made([timeout(30)]);
    const signals: AbortSignal[] = [];
    const slow = line.outcome(({ signal }) => (signals.push(signal), clock.sleep(60)));
    const quick = line.outcome(({ signal }) => (signals.push(signal), clock.sleep(5)));
    await clock.advance(30);
    const outcome = await slow;
    expect(outcome).toMatchObject({ ok: false, reason: "timeout", error: expect.any(TimeoutError) });
    expect(await quick).toMatchObject({ ok: true });
    await line.run(({ signal }) => void signals.push(signal));
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false, false]);
    await clock.advance(60);
    expect(clock.timersPending).toBe(0);
  });

  test("one timer serves any number of calls of the same length", async () => {
    const { line, clock } = made([timeout(1_000)]);
    const doors = Array.from({ length: 50 }, () => gate());
    const calls = doors.map((door) => line.run(() => door.promise));
    expect(clock.timersPending).toBe(1);
    for (const door of doors) door.open();
    await Promise.all(calls);
    await clock.advance(1_000);
    expect(clock.timersPending).toBe(0);
  });

  test("each of many calls that begin at different times ends at its own time, the one with less time left sooner", async () => {
    const { line, clock } = made([timeout(100)]);
    const ends: string[] = [];
    const start = (name: string, withinMs?: number): void =>
      void line
        .outcome(() => new Promise(() => undefined), { withinMs })
        .then((end) => ends.push(`${name} ${clock.monotonic()} ${end.ok ? "" : end.reason}`));
    start("a");
    await clock.advance(50);
    start("b");
    start("c", 20);
    await clock.advance(200);
    expect(ends).toEqual(["c 70 deadline", "a 100 timeout", "b 150 timeout"]);
  });

  test("a short time is kept also after a long one that was not needed", async () => {
    const { line, clock } = made([]);
    await line.run(() => 1, { withinMs: 600_000 });
    const call = line.outcome(() => new Promise(() => undefined), { withinMs: 50 });
    await clock.advance(50);
    expect(await call).toMatchObject({ reason: "deadline" });
  });

  test("a deadline bounds all attempts together and travels to the calls within", async () => {
    const outer = made([deadline(100), thrice(10), timeout(60)]);
    const inner = pipeline({ name: "inner", layers: [deadline(1_000)], clock: outer.clock });
    const left: number[] = [];
    const call = outer.line.outcome((parent) =>
      inner.run((context: CallContext) => (left.push(context.remainingMs()), new Promise(() => undefined)), { parent }),
    );
    await outer.clock.advance(100);
    expect(await call).toMatchObject({ ok: false, reason: "deadline", attempts: 2 });
    expect(left).toEqual([60, 30]);
  });

  test("no work is begun when there is no time left", async () => {
    const { line, clock } = made([deadline(100)]);
    const parent = { deadlineAtMs: 5, signal: new AbortController().signal, priority: "normal" } as const;
    await clock.advance(5);
    expect(await line.outcome(() => expect.unreachable(), { parent })).toMatchObject({ reason: "deadline" });
  });

  test("work that fails after its time is nobody's unhandled rejection", async () => {
    const { line, clock } = made([timeout(10)]);
    const work = gate();
    const call = line.outcome(() => work.promise);
    await clock.advance(10);
    expect(await call).toMatchObject({ reason: "timeout" });
    // An unhandled rejection would fail the run.
    work.fail(new Error("late"));
    await clock.settle();
  });

  test("a time of ten years neither fires at once nor overflows", async () => {
    const { line, clock } = made([timeout(315_576_000_000)]);
    const work = gate<string>();
    const call = line.run(() => work.promise);
    await clock.advance(3_000_000_000);
    work.open("kept");
    expect(await call).toBe("kept");
  });
});

describe("a caller's signal", () => {
  test("ends a call at once, leaves no listener, and aborts what the work was given", async () => {
    const { line } = made([]);
    const stop = new AbortController();
    let seen: AbortSignal | undefined;
    const call = line.run(({ signal }) => ((seen = signal), new Promise(() => undefined)), { signal: stop.signal });
    stop.abort("enough");
    await expect(call).rejects.toBe("enough");
    expect(seen?.reason).toBe("enough");
    expect(getEventListeners(stop.signal, "abort")).toHaveLength(0);
    for (let time = 0; time < 20; time++) await line.run(() => 1, { signal: new AbortController().signal });
    await expect(line.run(() => expect.unreachable(), { signal: stop.signal })).rejects.toBe("enough");
  });

  test("says nothing about whoever was called", async () => {
    const clock = manualClock();
    const stock = breaker({ trip: { kind: "consecutive", failures: 1 }, clock });
    const line = pipeline({ name: "x", layers: [stock], clock });
    const stop = new AbortController();
    const call = line.outcome(() => new Promise(() => undefined), { signal: stop.signal });
    stop.abort("enough");
    expect(await call).toMatchObject({ reason: "aborted", error: "enough", stopped: "aborted" });
    expect(stock.describe()).toMatchObject({ state: "closed", totals: { ignored: 1 } });
  });
});

describe("a value or an exception", () => {
  test("run gives the value or throws the work's own error, outcome gives either as a value", async () => {
    const { line } = made([]);
    await expect(line.run(failing)).rejects.toBe(down);
    expect(await line.outcome(failing)).toMatchObject({ ok: false, reason: "error", error: down, by: "stock" });
    expect(await line.run(() => 5)).toBe(5);
    await expect(
      line.run(() => {
        throw down;
      }),
    ).rejects.toBe(down);
  });

  test("a refusal is thrown as an error that says nothing was begun, by whom, and when to come back", async () => {
    const clock = manualClock();
    const stock = breaker({ name: "stock breaker", openMs: 700, clock });
    stock.force("open");
    const line = pipeline({ name: "stock", layers: [stock], clock });
    const error = await line.run(() => expect.unreachable()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CallRefusedError);
    expect(error).toBeInstanceOf(KitError);
    expect(error).toMatchObject({
      reason: "open",
      by: "stock breaker",
      retryAfterMs: 700,
      retryable: true,
      code: "CALL_REFUSED",
    });
    expect(String(error)).toBe("CallRefusedError: stock was refused by stock breaker: its circuit is open");
    expect(Error.stackTraceLimit).toBeGreaterThan(0);
  });
});

describe("an expected error", () => {
  const missing = new Error("not found");
  const judge: PipelineOptions["judge"] = (ended) => (ended.ok || ended.error === missing ? "success" : "failure");

  test("is thrown as it is, neither tried again nor covered by a fallback, and a success for the breaker", async () => {
    const clock = manualClock();
    const stock = breaker({ trip: { kind: "consecutive", failures: 1 }, judge, clock });
    const line = pipeline({ name: "x", layers: [fallback(() => "poor"), thrice(), stock], clock });
    let calls = 0;
    const work = (): Promise<never> => (calls++, Promise.reject(missing));
    await expect(line.run(work)).rejects.toBe(missing);
    expect(await line.outcome(work)).toMatchObject({ ok: false, error: missing, attempts: 1 });
    expect([calls, stock.describe().totals.succeeded, stock.state]).toEqual([2, 2, "closed"]);
  });

  test("a value that says nothing is an answer like any other", async () => {
    const { line } = made([fallback(() => "poor")], { judge: () => "ignored" });
    expect([await line.run(() => 5), (await line.outcome(() => 5)).ok]).toEqual([5, true]);
  });
});

describe("fallback", () => {
  test("degrades step by step, and the outcome says so", async () => {
    const noCache = (): never => {
      throw new Error("nothing cached");
    };
    const { line } = made([fallback(noCache, ({ reason }) => `default after ${reason}`)]);
    expect(await line.outcome(failing)).toEqual({
      ok: true,
      value: "default after error",
      attempts: 1,
      quality: "degraded",
    });
    const { line: none } = made([fallback(noCache)]);
    await expect(none.run(failing)).rejects.toBe(down);
  });

  test("is asked for refusals and lateness, not for a caller who gave up", async () => {
    const { line, clock } = made([fallback(() => "poor"), timeout(5)]);
    const call = line.run(() => new Promise(() => undefined));
    await clock.advance(5);
    expect(await call).toBe("poor");
    await expect(line.run(() => 1, { signal: AbortSignal.abort("enough") })).rejects.toBe("enough");
  });
});

describe("the order of layers", () => {
  const stock = breaker({ name: "stock" });
  const db = bulkhead({ name: "db", permits: 1 });
  const repeat = retry({ attemptsMax: 2 });

  test.each<[string, readonly Layer[]]>([
    ["a fallback inside something", [stock, fallback(() => 1)]],
    ["a deadline inside a retry", [repeat, deadline(100)]],
    ["a timeout around something", [timeout(5), stock]],
    ["a timeout as long as the deadline", [deadline(100), timeout(100)]],
    ["two retries", [repeat, retry({ attemptsMax: 2 })]],
    ["the same guard twice", [stock, repeat, stock]],
    ["a hedge around a retry", [hedge({ after: 5 }), repeat]],
    ["a guard between retry and hedge", [repeat, stock, hedge({ after: 5 })]],
    ["what is neither a layer nor a guard", [{ kind: "rate" } as never]],
  ])("%s is refused", (_name, layers) => {
    expect(() => pipeline({ name: "x", layers, semantics: "safe" })).toThrow(ConfigError);
  });

  test("a hedge of work that nobody called repeatable is refused", () => {
    expect(() => pipeline({ name: "x", layers: [hedge({ after: 5 })] })).toThrow("semantics");
    expect(() => pipeline({ name: "x", layers: [hedge({ after: 5 })], semantics: "unsafe" })).toThrow("semantics");
  });

  test("known mistakes are warnings with a name, or refused when asked to", () => {
    const rulesOf = (layers: readonly Layer[], more: Partial<PipelineOptions> = {}): string[] =>
      pipeline({ name: "x", layers, ...more })
        .describe()
        .warnings.map(({ rule }) => rule);
    expect(rulesOf([deadline(500), repeat, stock, db, timeout(100)])).toEqual([]);
    expect(rulesOf([stock, repeat])).toEqual(["breaker-outside-retry"]);
    expect(rulesOf([db, repeat])).toEqual(["room-outside-retry"]);
    expect(rulesOf([db, stock])).toEqual(["room-outside-breaker"]);
    expect(rulesOf([repeat], { semantics: "unsafe" })).toEqual(["retry-of-unsafe-work"]);
    expect(rulesOf([retry({ attemptsMax: 2, budget: "none" })])).toEqual(["retry-without-budget"]);
    expect(rulesOf([deadline(100), repeat, timeout(60)])).toEqual(["deadline-shorter-than-attempts"]);
    expect(() => pipeline({ name: "x", layers: [stock, repeat], warnings: "refuse" })).toThrow("breaker-outside-retry");
  });

  test("guards around a retry see one end, guards within see each attempt", async () => {
    const clock = manualClock();
    const [around, within] = [breaker({ clock }), breaker({ clock })];
    const line = pipeline({ name: "x", layers: [around, thrice(0), within], clock });
    await line.outcome(failing);
    expect([around.describe().failed, within.describe().failed]).toEqual([1, 3]);
    around.force("isolated");
    expect(await line.outcome(failing)).toMatchObject({ reason: "isolated", attempts: 0 });
  });
});

test("calls, retries and refusals are told to those who listen", async () => {
  const { line, clock } = made([thrice(5)]);
  const told: string[] = [];
  using _calls = subscribe("ashlar.resilience.call", ({ pipeline: name, end, attempts, durationMs }) =>
    told.push(`${name} ${end} ${attempts} ${durationMs}`),
  );
  using _retries = subscribe("ashlar.resilience.retry", ({ attempt, delayMs }) =>
    told.push(`retry ${attempt} ${delayMs}`),
  );
  await clock.advance(1);
  const call = line.outcome(failing);
  await clock.advance(20);
  await call;
  await line.run(() => 1);
  expect(told).toEqual(["retry 1 5", "retry 2 5", "stock error 3 10", "stock ok 1 0"]);
});
