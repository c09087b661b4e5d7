import { expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import { adaptiveFactor, type Pressure } from "./mod.ts";

const calm: Pressure = { cpuRatio: 0.3, memoryRatio: 0.4, loopDelayMs: 2 };

test.each([
  ["cpuRatio", { cpuRatio: 0.95 }],
  ["memoryRatio", { memoryRatio: 0.9 }],
  ["loopDelayMs", { loopDelayMs: 120 }],
] as const)(
  "the factor falls fast while %s is over its target, not below its least, and rises slowly",
  async (name, over) => {
    const clock = manualClock();
    let pressure: Pressure = { ...calm, ...over };
    const adaptive = adaptiveFactor({ read: () => pressure, factorMin: 0.3, clock });
    const next = async (): Promise<number> => {
      await clock.advance(1_000);
      return Number(adaptive.factor().toFixed(3));
    };
    expect(adaptive.factor()).toBe(1);
    expect([await next(), await next(), await next(), await next(), await next()]).toEqual([
      0.7, 0.49, 0.343, 0.3, 0.3,
    ]);
    expect(adaptive.missed).toEqual([name]);
    pressure = { ...calm };
    expect([await next(), await next()]).toEqual([0.35, 0.4]);
    await clock.advance(60_000);
    expect(adaptive.factor()).toBe(1);
    expect(adaptive.missed).toEqual([]);
  },
);

test("errors of calls that were let in count when there are twenty outcomes", async () => {
  const clock = manualClock();
  const adaptive = adaptiveFactor({ read: () => calm, clock });
  for (let call = 0; call < 19; call++) adaptive.report("error");
  await clock.advance(1_000);
  expect(adaptive.factor()).toBe(1);
  for (let call = 0; call < 20; call++) adaptive.report(call < 3 ? "error" : "ok");
  await clock.advance(1_000);
  expect(adaptive.factor()).toBe(0.7);
  expect(adaptive.missed).toEqual(["errorRatio"]);
});

test("the process is measured once an interval, however often the factor is asked for", async () => {
  const clock = manualClock();
  let reads = 0;
  const read = (): Pressure => {
    reads++;
    return calm;
  };
  const adaptive = adaptiveFactor({ read, intervalMs: 100, clock });
  for (let call = 0; call < 50; call++) {
    adaptive.factor();
    await clock.advance(10);
  }
  expect(reads).toBe(4);
});

test("options out of range are refused", () => {
  expect(() => adaptiveFactor({ read: () => calm, decrease: 1 })).toThrow(ConfigError);
});
