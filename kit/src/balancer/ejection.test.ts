import { describe, expect, test } from "vitest";
import { subscribe } from "../telemetry/mod.ts";
import type { BalancerOptions, Outcome } from "./mod.ts";
import { endpointsOf, reportOn, type TestSet, testSet } from "./world.test-set.ts";

const plain = { algorithm: "round-robin", slowStartMs: 0 } as const;

function fail({ call }: TestSet, id: string, count: number): void {
  for (let index = 0; index < count; index++) call({ prefer: id }, "error");
}

function many(count: number): ReturnType<typeof endpointsOf> {
  return endpointsOf(...Array.from({ length: count }, () => ({})));
}

/** One sweep of 10 s in which each endpoint answers so many calls, taking its time. */
async function sweep(world: TestSet, calls: number, tookMs: (id: string) => number): Promise<void> {
  const ids = world.set.endpoints().map(({ id }) => id);
  let spentMs = 0;
  for (const id of ids) {
    const open = Array.from({ length: calls }, () => world.take({ prefer: id }));
    await world.clock.advance(tookMs(id));
    spentMs += tookMs(id);
    for (const pick of open) pick.done("ok");
  }
  await world.clock.advance(10_000 - spentMs);
}

function errorsOf(world: TestSet, id: string, { calls, errors }: { calls: number; errors: number }): void {
  // The good one last: it breaks the row.
  for (let index = 0; index < calls; index++) {
    const outcome: Outcome = index % Math.floor(calls / errors) === 0 && index < calls - 1 ? "error" : "ok";
    world.call({ prefer: id }, outcome);
  }
}

describe("errors in a row", () => {
  test("eject for 30 s; one success in between does not let it come to that", async () => {
    const world = testSet(plain, many(3));
    fail(world, "a", 4);
    world.call({ prefer: "a" });
    fail(world, "a", 4);
    expect(reportOn(world.set, "a").ejectedUntilMs).toBeUndefined();
    fail(world, "a", 1);
    expect(world.tally(30)).toEqual({ b: 15, c: 15 });
    expect(reportOn(world.set, "a").ejectedUntilMs).toBe(world.clock.now() + 30_000);
    await world.clock.advance(29_999);
    expect(world.tally(30)).toEqual({ b: 15, c: 15 });
    await world.clock.advance(1);
    expect(world.tally(30)).toEqual({ a: 10, b: 10, c: 10 });
  });

  test("cancelled calls are no errors and break no row", () => {
    const world = testSet(plain, many(3));
    fail(world, "a", 4);
    for (let index = 0; index < 9; index++) world.call({ prefer: "a" }, "cancelled");
    expect(reportOn(world.set, "a").ejectedUntilMs).toBeUndefined();
    fail(world, "a", 1);
    expect(reportOn(world.set, "a").ejectedUntilMs).toBeDefined();
  });

  test("each ejection lasts longer, up to the longest; quiet sweeps shorten it again", async () => {
    const world = testSet({ ...plain, ejection: { longestMs: 70_000 } }, many(3));
    const ejectedForMs = (): number => {
      fail(world, "a", 5);
      return (reportOn(world.set, "a").ejectedUntilMs ?? 0) - world.clock.now();
    };
    const lengths: number[] = [];
    for (let index = 0; index < 3; index++) {
      const forMs = ejectedForMs();
      lengths.push(forMs);
      await world.clock.advance(forMs);
    }
    expect(lengths).toEqual([30_000, 60_000, 70_000]);
    for (let index = 0; index < 5; index++) {
      await world.clock.advance(10_000);
      world.call();
    }
    expect(ejectedForMs()).toBe(30_000);
  });

  test("ejection can be turned off", () => {
    const world = testSet({ ...plain, ejection: "off" }, many(3));
    fail(world, "a", 50);
    expect(world.tally(30)).toEqual({ a: 10, b: 10, c: 10 });
  });
});

describe("the bound on ejections", () => {
  test("the only endpoint is never ejected (envoy #17504)", () => {
    const world = testSet(plain, many(1));
    fail(world, "a", 100);
    expect(world.call()).toBe("a");
    expect(world.set.describe()).toMatchObject({ available: 1, mode: "normal" });
  });

  test("one may be ejected whatever the share, and only one of two (envoy #3263, #34666)", () => {
    const world = testSet({ ...plain, ejection: { shareMax: 0 } }, many(2));
    fail(world, "a", 5);
    fail(world, "b", 50);
    expect(world.tally(10)).toEqual({ b: 10 });
  });

  test("the share holds after the ejection, not before it (envoy #27066)", () => {
    const world = testSet({ ...plain, ejection: { shareMax: 0.67 } }, many(3));
    for (const id of ["a", "b", "c"]) fail(world, id, 20);
    expect(world.set.describe().endpoints.filter(({ ejectedUntilMs }) => ejectedUntilMs !== undefined)).toHaveLength(2);
    expect(world.tally(6)).toEqual({ a: 2, b: 2, c: 2 }); // a third is trusted: panic
  });

  test("the last trusted one stays when checks speak against the others", () => {
    const world = testSet({ ...plain, panicBelow: 0, ejection: { shareMax: 1 } }, many(3));
    world.set.mark("b", "unhealthy");
    world.set.mark("c", "unhealthy");
    fail(world, "a", 50);
    expect(world.tally(5)).toEqual({ a: 5 });
  });

  test("when all fail, at most a tenth is out, and calls go on (istio #20135)", () => {
    const world = testSet(plain, many(20));
    for (const { id } of world.set.endpoints()) fail(world, id, 30);
    expect(world.set.describe()).toMatchObject({ available: 18, mode: "normal" });
  });
});

describe("errors compared over a sweep", () => {
  test("eject who fails far more often than the others, never five times in a row", async () => {
    const world = testSet(plain, many(4));
    errorsOf(world, "a", { calls: 40, errors: 20 });
    for (const id of ["b", "c", "d"]) errorsOf(world, id, { calls: 40, errors: 2 });
    await world.clock.advance(10_000);
    expect(world.tally(30)).toEqual({ b: 10, c: 10, d: 10 });
  });

  test.each([
    ["when all fail alike", { calls: 40, errors: 20 }, { calls: 40, errors: 20 }],
    ["on too few calls (traefik #10963)", { calls: 19, errors: 9 }, { calls: 40, errors: 1 }],
  ])("eject nobody %s", async (_, bad, others) => {
    const world = testSet(plain, many(4));
    errorsOf(world, "a", bad);
    for (const id of ["b", "c", "d"]) errorsOf(world, id, others);
    await world.clock.advance(10_000);
    expect(Object.keys(world.tally(40))).toHaveLength(4);
  });
});

describe("latency compared over sweeps", () => {
  test("three sweeps in a row beyond three times the median eject (envoy #288)", async () => {
    const world = testSet(plain, many(4));
    for (let index = 0; index < 2; index++) await sweep(world, 5, (id) => (id === "a" ? 80 : 20));
    expect(world.tally(4)).toEqual({ a: 1, b: 1, c: 1, d: 1 });
    await sweep(world, 5, () => 20);
    for (let index = 0; index < 2; index++) await sweep(world, 5, (id) => (id === "a" ? 80 : 20));
    expect(Object.keys(world.tally(4))).toHaveLength(4);
    await sweep(world, 5, (id) => (id === "a" ? 80 : 20));
    expect(world.tally(30)).toEqual({ b: 10, c: 10, d: 10 });
  });

  test("what was before an ejection does not count after it", async () => {
    const world = testSet({ ...plain, ejection: { latencySweeps: 1, sweepMs: 20_000 } }, many(4));
    await world.clock.advance(1);
    const slow = Array.from({ length: 5 }, () => world.take({ prefer: "a" }));
    await world.clock.advance(900);
    for (const pick of slow) pick.done("ok");
    fail(world, "a", 5);
    for (const id of ["b", "c", "d"]) for (let index = 0; index < 5; index++) world.call({ prefer: id });
    await world.clock.advance(30_000);
    expect(world.tally(4)).toEqual({ a: 1, b: 1, c: 1, d: 1 });
    for (const id of ["a", "b", "c", "d"]) for (let index = 0; index < 5; index++) world.call({ prefer: id });
    await world.clock.advance(20_000);
    expect(world.tally(4)).toEqual({ a: 1, b: 1, c: 1, d: 1 });
  });

  test.each<[string, number, (id: string) => number, number]>([
    ["when all are slow", 4, () => 900, 5],
    ["of two, for nobody knows which is out of line", 2, (id) => (id === "a" ? 900 : 20), 5],
    ["on too few answers", 4, (id) => (id === "a" ? 900 : 20), 4],
    ["within a millisecond", 4, (id) => (id === "a" ? 1 : 0), 5],
  ])("eject nobody %s", async (_, count, tookMs, calls) => {
    const world = testSet(plain, many(count));
    for (let index = 0; index < 5; index++) await sweep(world, calls, tookMs);
    expect(Object.keys(world.tally(count))).toHaveLength(count);
  });
});

describe("panic", () => {
  test("below half trusted endpoints, all that are up are used, but none that is down or drains", () => {
    const endpoints = endpointsOf({}, {}, {}, {}, { state: "down" }, { state: "draining" });
    const { set, tally } = testSet(plain, endpoints);
    set.mark("a", "unhealthy");
    set.mark("b", "unhealthy");
    expect(tally(20)).toEqual({ c: 10, d: 10 });
    set.mark("c", "unhealthy");
    expect(set.describe().mode).toBe("panic");
    expect(tally(20)).toEqual({ a: 5, b: 5, c: 5, d: 5 });
    set.mark("c", "healthy");
    expect(tally(20)).toEqual({ c: 10, d: 10 });
  });

  test("a single endpoint that fails its checks is still used (caddy #6410)", () => {
    const { set, call } = testSet(plain, many(1));
    set.mark("a", "unhealthy");
    expect(call()).toBe("a");
  });

  test("without panic, nobody is picked when checks speak against all", () => {
    const { set } = testSet({ ...plain, panicBelow: 0 }, many(2));
    for (const id of ["a", "b", "unknown"]) set.mark(id, "unhealthy");
    expect(set.pick()).toMatchObject({ kind: "none", reason: "all-down" });
  });
});

describe("slow start", () => {
  const options: BalancerOptions = { algorithm: "two-choices", slowStartMs: 10_000 };

  test.each(["two-choices", "round-robin", "least-requests"] as const)(
    "the traffic of a newcomer rises from a tenth of its share (%s)",
    async (algorithm) => {
      const { set, clock, tally } = testSet({ ...options, algorithm }, many(3));
      set.update(many(4));
      const partAfter = async (ms: number): Promise<number> => {
        await clock.advance(ms);
        return (tally(2_000)["d"] ?? 0) / 500;
      };
      expect(await partAfter(0)).toBeLessThan(0.25);
      const half = await partAfter(5_000);
      expect(half).toBeGreaterThan(0.35);
      expect(half).toBeLessThan(0.75);
      expect(await partAfter(5_000)).toBeGreaterThan(0.85);
    },
  );

  test("a set that was empty starts warm", () => {
    const { tally } = testSet({ ...options, algorithm: "round-robin" }, many(2));
    expect(tally(100)).toEqual({ a: 50, b: 50 });
  });

  test("who returns from ejection or becomes healthy starts slowly too", async () => {
    const world = testSet({ ...options, algorithm: "round-robin" }, many(3));
    fail(world, "a", 5);
    world.set.mark("b", "unhealthy");
    world.call();
    world.set.mark("b", "healthy");
    expect(world.tally(200)["b"]).toBeLessThan(60);
    await world.clock.advance(30_000);
    const later = world.tally(300);
    expect(later["a"]).toBeLessThan(70);
    expect(later["b"]).toBeGreaterThan(100);
  });

  test("the keys of a hash come to a newcomer one after another, and stay", async () => {
    const { set, clock, call } = testSet({ algorithm: "rendezvous" }, many(3));
    set.update(many(4));
    const keys = Array.from({ length: 1_000 }, (_, index) => `user-${index}`);
    let before = new Set<string>();
    const counts: number[] = [];
    for (let index = 0; index < 4; index++) {
      const there = new Set(keys.filter((key) => call({ key }) === "d"));
      expect([...before].filter((key) => !there.has(key))).toEqual([]);
      counts.push(there.size);
      before = there;
      await clock.advance(3_400);
    }
    expect(counts).toEqual(counts.toSorted((left, right) => left - right));
    expect(counts[0]).toBeLessThan(60);
    expect(counts[3]).toBeGreaterThan(200);
  });
});

test("telemetry tells of ejection, return and the verdict of checks", async () => {
  const told: unknown[] = [];
  using _ejected = subscribe("ashlar.balancer.ejected", (event) => told.push(event));
  using _returned = subscribe("ashlar.balancer.returned", (event) => told.push(event));
  using _health = subscribe("ashlar.balancer.health", (event) => told.push(event));
  const world = testSet({ ...plain, name: "told" }, many(3));
  fail(world, "a", 5);
  await world.clock.advance(30_000);
  world.call();
  world.set.mark("b", "unhealthy");
  world.set.mark("b", "unhealthy");
  expect(told).toEqual([
    { balancer: "told", endpoint: "a", reason: "consecutive-errors", ejections: 1, forMs: 30_000 },
    { balancer: "told", endpoint: "a" },
    { balancer: "told", endpoint: "b", health: "unhealthy" },
  ]);
});
