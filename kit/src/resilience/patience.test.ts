import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { type ManualClock, manualClock } from "../clock/mod.ts";
import { fixedDelay } from "./backoff.ts";
import { deadline, type Layer, retry } from "./layers.ts";
import type { PatienceOptions } from "./patience.ts";
import { pipeline, type Pipeline } from "./pipeline.ts";
import { retryBudget } from "./retry-budget.ts";

function made(layers: readonly Layer[]): { clock: ManualClock; line: Pipeline } {
  const clock = manualClock();
  return { clock, line: pipeline({ name: "stock", layers, clock }) };
}

const down = new Error("down");
const away = new Error("refused");
const nobody: PatienceOptions = { on: (ended) => !ended.ok && ended.error === away, withinMs: 1_000 };
const patient = (more: Partial<PatienceOptions> = {}, budget = retryBudget({ reserve: 1, ratio: 0 })): Layer =>
  retry({ attemptsMax: 2, delay: fixedDelay(0), budget, patience: { ...nobody, ...more } });
const nothing = { [Symbol.dispose]: () => undefined };

test("waits for whoever is not there, for longer than the attempts and the budget would last", async () => {
  const { line, clock } = made([patient()]);
  const times: number[] = [];
  const call = line.outcome(() => {
    times.push(clock.monotonic());
    return times.length < 4 ? Promise.reject(away) : "back";
  });
  await clock.advance(1_000);
  expect(await call).toEqual({ ok: true, value: "back", attempts: 4, quality: "full" });
  expect(times).toEqual([0, 250, 500, 750]);
});

test("ends at its time with what happened last; then the end is one like any other", async () => {
  const { line, clock } = made([patient({ withinMs: 300 })]);
  const times: number[] = [];
  const call = line.outcome(() => (times.push(clock.monotonic()), Promise.reject(away)));
  await clock.advance(1_000);
  expect(await call).toMatchObject({ ok: false, error: away, stopped: "no-retry", trail: [away] });
  expect(times).toEqual([0, 250, 300, 300]);
});

test("ends with the deadline, not as late but with what happened last", async () => {
  const { line, clock } = made([deadline(100), patient()]);
  const call = line.outcome(() => Promise.reject(away));
  await clock.advance(100);
  expect(await call).toMatchObject({ reason: "error", error: away, stopped: "time", attempts: 1 });
});

test("begins anew: attempts from before a pause count no longer, those behind it do", async () => {
  const { line, clock } = made([patient({}, retryBudget())]);
  const ends = [down, away, down, down];
  const call = line.outcome(() => Promise.reject(ends.shift() as Error));
  await clock.advance(1_000);
  expect(await call).toMatchObject({ error: down, attempts: 4, trail: [down], stopped: "no-retry" });
});

test("news end a pause at once, and are no longer listened to behind it", async () => {
  const watchers = new Set<() => void>();
  const watch = (onNews: () => void): Disposable => {
    watchers.add(onNews);
    return { [Symbol.dispose]: () => void watchers.delete(onNews) };
  };
  const { line, clock } = made([patient({ watch })]);
  let isThere = false;
  const call = line.run(() => (isThere ? "here" : Promise.reject(away)));
  await clock.advance(20);
  expect(watchers.size).toBe(1);
  isThere = true;
  for (const onNews of watchers) onNews();
  expect(await call).toBe("here");
  expect([watchers.size, clock.timersPending]).toEqual([0, 0]);
});

test("an abort ends a pause at once and leaves nothing behind", async () => {
  const { line, clock } = made([patient({ watch: () => nothing })]);
  const stop = new AbortController();
  const call = line.outcome(() => Promise.reject(away), { signal: stop.signal });
  await clock.advance(10);
  stop.abort("enough");
  expect(await call).toMatchObject({ reason: "aborted", error: "enough", stopped: "aborted" });
  expect([getEventListeners(stop.signal, "abort").length, clock.timersPending]).toEqual([0, 0]);
});

test("what decides about patience or watches for news ends the call when it throws", async () => {
  const broken = new Error("no such directory");
  const { line } = made([
    patient({
      watch: () => {
        throw broken;
      },
    }),
  ]);
  expect(await line.outcome(() => Promise.reject(away))).toMatchObject({ error: broken, stopped: "not-worth-it" });
  const { line: unsure } = made([
    patient({
      on: () => {
        throw broken;
      },
    }),
  ]);
  expect(await unsure.outcome(() => Promise.reject(away))).toMatchObject({ error: broken, trail: [away] });
});

test("of no time is none, and times out of range are refused", async () => {
  const { line } = made([patient({ withinMs: 0 })]);
  expect(await line.outcome(() => Promise.reject(away))).toMatchObject({ attempts: 2, stopped: "no-retry" });
  expect(() => patient({ withinMs: -1 })).toThrow("patience.withinMs");
  expect(() => patient({ pauseMs: 0 })).toThrow("patience.pauseMs");
});
