import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { gate } from "../abort/mod.ts";
import { type ManualClock, manualClock } from "../clock/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import { subscribe } from "../telemetry/mod.ts";
import {
  type CheckAnswer,
  diskCheck,
  type Health,
  type HealthCheck,
  heapCheck,
  loopCheck,
  openHealth,
  type OpenHealthOptions,
  type Vitals,
} from "./mod.ts";
import { Slots } from "./slots.ts";

const loop = { p50Ms: 0, p99Ms: 1, maxMs: 2, utilizationRatio: 0.1 };
const memory = { rssBytes: 100, heapUsedBytes: 50, heapLimitBytes: 200, limitBytes: undefined };

function vitalsOf(facts: Partial<Vitals> = {}): Vitals {
  return {
    loop: () => loop,
    memory: () => memory,
    disk: async () => ({ freeBytes: 1_000, totalBytes: 2_000 }),
    uptimeMs: () => 5_000,
    [Symbol.dispose]: () => undefined,
    ...facts,
  };
}

async function opened(options: OpenHealthOptions = {}): Promise<{ health: Health; clock: ManualClock }> {
  const clock = manualClock();
  const health = await openHealth({ clock, vitals: vitalsOf(), ...options });
  health.moveTo("ready");
  return { health, clock };
}

function answering(name: string, answer: () => CheckAnswer | void, weight?: HealthCheck["weight"]): HealthCheck {
  return { name, weight, run: answer };
}

const hanging = (name: string): HealthCheck => ({ name, weight: "critical", run: () => new Promise(() => undefined) });

describe("readiness", () => {
  test("is refused while starting, draining and stopped, without running a check", async () => {
    let runs = 0;
    const health = await openHealth({
      vitals: vitalsOf(),
      clock: manualClock(),
      checks: [answering("db", () => void runs++, "critical")],
    });
    expect(await health.ready()).toEqual({ httpStatus: 503, state: "starting", reason: "starting", checks: [] });
    health.moveTo("draining");
    expect(await health.ready()).toMatchObject({ httpStatus: 503, reason: "draining" });
    await health[Symbol.asyncDispose]();
    expect(await health.ready()).toMatchObject({ httpStatus: 503, reason: "stopped" });
    expect(runs).toBe(0);
  });

  test("asks critical checks only; degraded works, down and unknown do not", async () => {
    let status: CheckAnswer["status"] = "up";
    const { health, clock } = await opened({
      checks: [answering("db", () => ({ status }), "critical"), answering("mail", () => ({ status: "down" }))],
    });
    const codes: number[] = [];
    for (status of ["up", "degraded", "down", "unknown"] as const) {
      await clock.advance(1_000);
      codes.push((await health.ready()).httpStatus);
    }
    expect(codes).toEqual([200, 200, 503, 503]);
    const { checks, reason } = await health.ready();
    expect([checks.map(({ name }) => name), reason]).toEqual([["db"], "db is unknown"]);
  });

  test("is refused when the drain begins while the checks run", async () => {
    const answered = gate();
    const { health } = await opened({ checks: [{ name: "db", weight: "critical", run: () => answered.promise }] });
    const asked = health.ready();
    health.moveTo("draining");
    answered.open();
    expect(await asked).toMatchObject({ httpStatus: 503, state: "draining" });
  });
});

describe("the state", () => {
  test("only moves forward, and is told", async () => {
    const seen: string[] = [];
    using _listener = subscribe("ashlar.health.state", ({ from, to }) => seen.push(`${from} ${to}`));
    const { health } = await opened();
    expect(health.moveTo("draining")).toBe("draining");
    expect(health.moveTo("ready")).toBe("draining");
    expect(health.moveTo("draining")).toBe("draining");
    expect(seen).toEqual(["starting ready", "ready draining"]);
  });
});

describe("liveness", () => {
  test("holds whatever checks say, until the process is condemned", async () => {
    const { health } = await opened({ checks: [answering("db", () => ({ status: "down" }), "critical")] });
    expect(health.live()).toEqual({ httpStatus: 200, reason: "", loop });
    health.condemn("an invariant is broken");
    health.condemn("later");
    expect(health.live()).toMatchObject({ httpStatus: 503, reason: "an invariant is broken" });
  });
});

describe("a check", () => {
  test("runs once for a storm of probes, and once in its cache time", async () => {
    let runs = 0;
    const answered = gate();
    const check: HealthCheck = { name: "db", weight: "critical", cacheMs: 500, run: () => (runs++, answered.promise) };
    const { health, clock } = await opened({ checks: [check] });
    const storm = Promise.all(Array.from({ length: 100 }, () => health.ready()));
    answered.open();
    await storm;
    await clock.advance(499);
    await health.report();
    expect(runs).toBe(1);
    await clock.advance(1);
    const { checks } = await health.report();
    expect([runs, checks[0]?.ageMs]).toEqual([2, 0]);
  });

  test("that hangs is down by time-out, and no second run is begun beside it until it has ended", async () => {
    let runs = 0;
    const ended = gate();
    const check: HealthCheck = { name: "db", weight: "critical", timeoutMs: 100, run: () => (runs++, ended.promise) };
    const { health, clock } = await opened({ checks: [check] });
    const first = health.ready();
    await clock.advance(100);
    expect(await first).toMatchObject({
      httpStatus: 503,
      checks: [{ status: "down", reason: "check db took longer than 100 ms", durationMs: 100 }],
    });
    await clock.advance(1_000);
    expect((await health.ready()).checks[0]?.reason).toBe("the last run still hangs, for 1100 ms");
    ended.open();
    await clock.advance(1_000);
    expect([(await health.ready()).httpStatus, runs]).toEqual([200, 2]);
  });

  test("gets a signal that aborts at the time-out, and leaves neither timer nor listener behind", async () => {
    const signals: AbortSignal[] = [];
    const check: HealthCheck = { name: "db", timeoutMs: 100, run: (signal) => void signals.push(signal) };
    const { health, clock } = await opened({ checks: [check] });
    await health.report();
    expect(clock.timersPending).toBe(0);
    await clock.advance(1_000);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    expect(signals.flatMap((signal) => getEventListeners(signal, "abort"))).toEqual([]);
  });

  test("that throws, in or out of turn, is down with a bounded reason; an answer without a status is unknown", async () => {
    const { health } = await opened({
      checks: [
        answering("throws", () => {
          throw new Error("x".repeat(1_000));
        }),
        { name: "rejects", run: () => Promise.reject(new Error("no route")) },
        answering("lies", () => ({ status: "fine" }) as unknown as CheckAnswer),
      ],
    });
    const { checks } = await health.report();
    expect(checks.map(({ status }) => status)).toEqual(["down", "down", "unknown"]);
    expect(checks.map(({ reason }) => reason.length)).toEqual([300, 8, 28]);
  });

  test("tells when its status changes, and only then", async () => {
    const seen: string[] = [];
    using _listener = subscribe("ashlar.health.check", ({ check, status }) => seen.push(`${check} ${status}`));
    let status: CheckAnswer["status"] = "up";
    const { health, clock } = await opened({ checks: [answering("db", () => ({ status }))] });
    for (status of ["up", "up", "down", "down", "up"] as const) {
      await health.report();
      await clock.advance(1_000);
    }
    expect(seen).toEqual(["db up", "db down", "db up"]);
  });

  test("added later takes part until it is taken away; a name is taken once", async () => {
    const { health } = await opened();
    const added = health.add(answering("late", () => undefined));
    expect(() => health.add(answering("late", () => undefined))).toThrow(ConfigError);
    expect((await health.report()).checks).toHaveLength(1);
    added[Symbol.dispose]();
    expect((await health.report()).checks).toHaveLength(0);
    health.add(answering("late", () => undefined));
    added[Symbol.dispose]();
    expect((await health.report()).checks).toHaveLength(1);
  });
});

describe("an answer", () => {
  test("never waits longer than answerMs, and tells what was last known", async () => {
    const checks = Array.from({ length: 6 }, (_, index) => hanging(`db${index}`));
    const { health, clock } = await opened({ checks, concurrency: 2, timeoutMs: 2_000, answerMs: 3_000 });
    const asked = health.ready();
    await clock.advance(3_000);
    const { httpStatus, checks: results } = await asked;
    expect(httpStatus).toBe(503);
    expect(results.map(({ status }) => status)).toEqual(["down", "down", "unknown", "unknown", "unknown", "unknown"]);
    await clock.advance(3_000);
    expect(clock.timersPending).toBe(0);
  });

  test("runs at most `concurrency` checks at once, and all of them", async () => {
    let running = 0;
    let most = 0;
    const { health, clock } = await opened({ concurrency: 3 });
    for (let index = 0; index < 10; index++) {
      const run = async (): Promise<void> => {
        most = Math.max(most, ++running);
        await clock.sleep(10);
        running--;
      };
      health.add({ name: `check ${index}`, run });
    }
    const asked = health.report();
    await clock.advance(40);
    const { checks, status } = await asked;
    expect([most, checks.filter(({ status }) => status === "up").length, status]).toEqual([3, 10, "up"]);
  });

  test("is the report with vitals; an advisory check can only degrade it", async () => {
    const { health } = await opened({ checks: [answering("mail", () => ({ status: "down", reason: "no route" }))] });
    expect(await health.report()).toMatchObject({ httpStatus: 200, status: "degraded", uptimeMs: 5_000, loop, memory });
  });
});

test("closing aborts what runs, stops the vitals once, and is idempotent", async () => {
  let stopped = 0;
  const { health, clock } = await opened({
    checks: [hanging("db")],
    vitals: vitalsOf({ [Symbol.dispose]: () => void stopped++ }),
  });
  const asked = health.ready();
  await clock.settle();
  await health[Symbol.asyncDispose]();
  await health[Symbol.asyncDispose]();
  expect(await asked).toMatchObject({ httpStatus: 503, checks: [{ reason: "the health report is disposed" }] });
  expect([stopped, clock.timersPending]).toEqual([1, 0]);
});

test("options out of range are refused", async () => {
  for (const options of [{ timeoutMs: 0 }, { cacheMs: -1 }, { answerMs: 0 }, { concurrency: 101 }])
    await expect(openHealth({ vitals: vitalsOf(), ...options })).rejects.toThrow(ConfigError);
  const checks = Array.from({ length: 201 }, (_, index) => answering(`check ${index}`, () => undefined));
  await expect(openHealth({ vitals: vitalsOf(), checks })).rejects.toThrow("at most 200 checks");
});

describe("stock checks", () => {
  const statusOf = async (check: HealthCheck): Promise<string> => {
    const { health } = await opened({ checks: [check] });
    const { checks } = await health.report();
    return `${checks[0]?.status} ${checks[0]?.reason}`;
  };

  test("of a disk go by the free room", async () => {
    const of = (freeBytes: number): HealthCheck =>
      diskCheck({
        vitals: vitalsOf({ disk: async () => ({ freeBytes, totalBytes: 9e9 }) }),
        folder: "data",
        freeMinBytes: 10_485_760,
      });
    expect(await statusOf(of(30_000_000))).toBe("up ");
    expect(await statusOf(of(20_000_000))).toBe("degraded 19 MiB are free");
    expect(await statusOf(of(2_097_152))).toBe("down 2 MiB are free");
  });

  test("of heap and event loop degrade, and never take a busy process out", async () => {
    const full = vitalsOf({ memory: () => ({ ...memory, heapUsedBytes: 190 }), loop: () => ({ ...loop, p99Ms: 201 }) });
    expect(await statusOf(heapCheck({ vitals: full }))).toBe("degraded the heap is 95 % full");
    expect(await statusOf(heapCheck({ vitals: vitalsOf() }))).toBe("up ");
    expect(await statusOf(loopCheck({ vitals: full }))).toMatch(/^degraded the event loop is 201 ms late/);
    expect(await statusOf(loopCheck({ vitals: vitalsOf() }))).toBe("up ");
  });
});

test("slots admit in order of arrival, and a slot that is given back is free again", async () => {
  const slots = new Slots(1);
  const order: number[] = [];
  await slots.enter();
  const waiting = [1, 2].map((turn) => slots.enter().then(() => order.push(turn)));
  slots.leave();
  await waiting[0];
  expect(order).toEqual([1]);
  slots.leave();
  await waiting[1];
  slots.leave();
  expect([order, slots.free]).toEqual([[1, 2], 1]);
});
