import { expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import { breaker } from "./breaker.ts";
import { bulkhead } from "./bulkhead.ts";
import type { Guard } from "./guard.ts";
import { type Layer, retry, timeout } from "./layers.ts";
import { pipeline } from "./pipeline.ts";

const clockAndLine = (...layers: readonly Layer[]) => {
  const clock = manualClock();
  return { clock, line: pipeline({ name: "stock", layers, clock }) };
};

test("work whose promise settles more than once ends once, so that its slot comes back once", async () => {
  const room = bulkhead({ permits: 2 });
  const settlesThrice = {};
  Reflect.set(settlesThrice, "then", (resolve: (value: number) => void, reject: (error: unknown) => void) => {
    resolve(1);
    resolve(2);
    reject(new Error("too late"));
  });
  for (const layers of [[room], [room, timeout(10)]]) {
    const { line, clock } = clockAndLine(...layers);
    expect(await line.run(() => settlesThrice as PromiseLike<number>)).toBe(1);
    await clock.settle();
    expect(room.describe().inUse).toBe(0);
  }
});

test("a time that is no number rejects its call, and holds up nobody else's", async () => {
  const { line, clock } = clockAndLine(timeout(10));
  await expect(line.run(() => expect.unreachable(), { withinMs: Number.NaN })).rejects.toThrow(ConfigError);
  const call = line.outcome(() => new Promise(() => {}));
  await clock.advance(10);
  expect(await call).toMatchObject({ reason: "timeout" });
});

test("a retry that does not know what to do ends its call with that error, and keeps no slot", async () => {
  const lost = new TypeError("cannot read the status of undefined");
  const thrown = (): never => {
    throw lost;
  };
  const room = bulkhead({ permits: 1 });
  const retries = [
    retry({ attemptsMax: 3, on: thrown }),
    retry({ attemptsMax: 3, delay: thrown }),
    retry({ attemptsMax: 3, delay: () => ({ delayMs: Number.NaN, state: 0 }) }),
  ];
  for (const again of retries)
    for (const layers of [[again], [again, timeout(10)], [room, again, timeout(10)]]) {
      const { line } = clockAndLine(...layers);
      const work = new Error("down");
      const end = await line.outcome(() => Promise.reject(work));
      expect(end).toMatchObject({ ok: false, reason: "error", attempts: 1, stopped: "not-worth-it", trail: [work] });
      const error = end.ok ? undefined : end.error;
      expect(error === lost || error instanceof ConfigError).toBe(true);
      await expect(line.run(() => Promise.reject(work))).rejects.toBeInstanceOf(Error);
      expect(room.describe().inUse).toBe(0);
    }
});

test("the time of an attempt begins when its work does, also behind a queue around all attempts", async () => {
  const room = { permits: 1, queueMax: 10, waitMaxMs: 10_000 };
  const clock = manualClock();
  const line = pipeline({
    name: "stock",
    layers: [bulkhead({ ...room, clock }), retry({ attemptsMax: 1 }), timeout(100)],
    clock,
  });
  const ends = [1, 2, 3].map(() => line.outcome(() => clock.sleep(90)));
  await clock.advance(270);
  expect(await Promise.all(ends)).toMatchObject([{ ok: true }, { ok: true }, { ok: true }]);
});

test("calls are slow without a time limit too, and the wait for room is not in it", async () => {
  const clock = manualClock();
  const latencies: number[] = [];
  const watcher: Guard = {
    kind: "watcher",
    name: "watcher",
    enter: (passage) => (passage.startedAtMs(), 0),
    leave: (_, passage) => void latencies.push(passage.endedAtMs() - passage.startedAtMs()),
  };
  const trip = { kind: "calls", calls: 10 } as const;
  const stock = breaker({ trip, slow: { overMs: 100 }, clock });
  const room = bulkhead({ permits: 1, queueMax: 10, waitMaxMs: 10_000, clock });
  const line = pipeline({ name: "stock", layers: [watcher, stock, room], clock });
  const ends = [50, 150, 50].map((ms) => line.outcome(() => clock.sleep(ms)));
  await clock.advance(250);
  await Promise.all(ends);
  expect(latencies).toEqual([50, 150, 50]);
  expect(stock.describe()).toMatchObject({ calls: 3, slow: 1 });
});
