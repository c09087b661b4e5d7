import { expect, test } from "vitest";
import { openHealthChecks, type OpenHealthChecksOptions } from "./mod.ts";
import { endpointsOf, reportOn, testSet } from "./world.test-set.ts";
import { seededRandom } from "../random/mod.ts";

async function checked(
  options: Partial<OpenHealthChecksOptions>,
  endpoints = endpointsOf({}, {}, {}),
): Promise<ReturnType<typeof testSet> & { bad: Set<string>; seen: string[]; checks: AsyncDisposable }> {
  const world = testSet({ algorithm: "round-robin", slowStartMs: 0 }, endpoints);
  const bad = new Set<string>();
  const seen: string[] = [];
  const check = async ({ id }: { id: string }): Promise<void> => {
    seen.push(id);
    if (bad.has(id)) throw new Error("not well");
  };
  const { clock, set } = world;
  const checks = await openHealthChecks({
    target: set,
    check,
    jitterRatio: 0,
    clock,
    random: seededRandom(1),
    ...options,
  });
  await clock.settle();
  return { ...world, bad, seen, checks };
}

test("three failed checks in a row take an endpoint out, two passed ones bring it back (caddy #6152)", async () => {
  const { bad, clock, set, checks, seen } = await checked({});
  await using _checks = checks;
  expect(seen).toEqual(["a", "b", "c"]); // at once
  const healthAfter = async (ms: number): Promise<string> => {
    await clock.advance(ms);
    return reportOn(set, "a").health;
  };
  bad.add("a");
  expect(await healthAfter(10_000)).toBe("healthy");
  bad.delete("a");
  expect(await healthAfter(5_000)).toBe("healthy");
  bad.add("a");
  expect(await healthAfter(10_000)).toBe("healthy");
  expect(await healthAfter(5_000)).toBe("unhealthy");
  bad.delete("a");
  expect(await healthAfter(5_000)).toBe("unhealthy");
  expect(await healthAfter(5_000)).toBe("healthy");
});

test("an endpoint that starts healthy gets calls before its first check; one that starts unhealthy when it has passed", async () => {
  const never = new Promise<never>(() => undefined);
  const lenient = await checked({ check: () => never });
  expect(lenient.tally(3)).toEqual({ a: 1, b: 1, c: 1 });
  await lenient.checks[Symbol.asyncDispose]();

  const { promise, resolve } = Promise.withResolvers<void>();
  const strict = await checked({ start: "unhealthy", check: ({ id }) => (id === "d" ? promise : Promise.resolve()) });
  await using _checks = strict.checks;
  expect(strict.tally(3)).toEqual({ a: 1, b: 1, c: 1 });
  strict.set.update(endpointsOf({}, {}, {}, {}));
  expect(reportOn(strict.set, "d").health).toBe("unhealthy"); // not one call in between
  resolve();
  await strict.clock.settle();
  expect(reportOn(strict.set, "d").health).toBe("healthy");
});

test("a check that takes too long has failed, and no second one starts beside one that does not stop", async () => {
  let running = 0;
  const { set, clock, checks } = await checked({
    unhealthyAfter: 2,
    check: () => (running++, new Promise<never>(() => undefined)),
  });
  await clock.advance(2_000 + 5_000);
  expect(reportOn(set, "a").health).toBe("unhealthy");
  await clock.advance(20_000);
  expect(running).toBe(3); // one for each endpoint
  await checks[Symbol.asyncDispose]();
});

test("a check that throws at once has failed", async () => {
  const { set, checks } = await checked({
    unhealthyAfter: 1,
    check: () => {
      throw new Error("at once");
    },
  });
  expect(reportOn(set, "a").health).toBe("unhealthy");
  await checks[Symbol.asyncDispose]();
});

test("checks follow the set: newcomers at once, who left never again, a new address from the start", async () => {
  const { set, clock, seen, checks, bad } = await checked({});
  await using _checks = checks;
  bad.add("a");
  await clock.advance(15_000);
  expect(reportOn(set, "a").health).toBe("unhealthy");
  seen.length = 0;
  set.update(endpointsOf({ address: "http://elsewhere" }, { id: "d" }));
  await clock.settle();
  expect(seen).toEqual(["a", "d"]);
  expect(reportOn(set, "a").health).toBe("healthy");
  await clock.advance(5_000);
  expect(seen).toEqual(["a", "d", "a", "d"]);
});

test("so many checks run at once, the others wait their turn", async () => {
  let running = 0;
  let most = 0;
  const open: (() => void)[] = [];
  const { clock, checks } = await checked({
    concurrency: 2,
    check: async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => open.push(resolve));
      running--;
    },
  });
  for (let index = 0; index < 3; index++) {
    open.shift()?.();
    await clock.settle();
  }
  expect(most).toBe(2);
  expect(open).toHaveLength(0);
  await checks[Symbol.asyncDispose]();
});

test("disposing aborts what runs, takes verdicts back, leaves no timer, and may be repeated", async () => {
  const signals: AbortSignal[] = [];
  const { set, clock, checks, bad } = await checked({ unhealthyAfter: 1 });
  bad.add("a");
  await clock.advance(5_000);
  expect(reportOn(set, "a").health).toBe("unhealthy");
  const slow = await openHealthChecks({
    target: set,
    clock,
    check: (_, { signal }) => (signals.push(signal), new Promise<never>(() => undefined)),
  });
  await Promise.all([slow[Symbol.asyncDispose](), slow[Symbol.asyncDispose](), checks[Symbol.asyncDispose]()]);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
  expect(reportOn(set, "a").health).toBe("unknown");
  expect(clock.timersPending).toBe(0);
});

test("intervals are spread by the jitter", async () => {
  const { clock, seen, checks } = await checked({ jitterRatio: 0.5, intervalMs: 1_000 });
  const atMs: number[] = [];
  for (let ms = 0; ms < 1_500; ms += 50) {
    const before = seen.length;
    await clock.advance(50);
    if (seen.length > before) atMs.push(ms + 50);
  }
  expect(atMs.length).toBeGreaterThan(2); // in step they would be one
  expect(Math.min(...atMs)).toBeGreaterThanOrEqual(500);
  await checks[Symbol.asyncDispose]();
});

test.each([{ intervalMs: 0 }, { timeoutMs: 0 }, { healthyAfter: 0 }, { jitterRatio: 2 }, { concurrency: 0 }])(
  "options out of range are refused: %j",
  async (options) => {
    const { set } = testSet({}, []);
    const opening = openHealthChecks({ target: set, check: async () => undefined, ...options });
    await expect(opening).rejects.toMatchObject({ code: "CONFIG" });
  },
);
