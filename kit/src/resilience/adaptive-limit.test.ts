import { describe, expect, test } from "vitest";
import { gate, type Gate } from "../abort/mod.ts";
import { type ManualClock, manualClock } from "../clock/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { subscribe } from "../telemetry/mod.ts";
import { adaptiveLimit } from "./adaptive-limit.ts";
import { simulateLimit } from "./adaptive.test-simulation.ts";
import { AimdLimit, GradientLimit, type LimitAlgorithm, VegasLimit } from "./limit-algorithm.ts";
import { type Layer, timeout } from "./layers.ts";
import { pipeline } from "./pipeline.ts";
import type { Priority } from "./verdict.ts";

const bounds = { initial: 20, min: 1, max: 200 };
const seeds = ["1", "2"] as const;
const fixed = (limit: number): LimitAlgorithm => ({ limit, sample: () => undefined });

/** What a limit tuned by hand to 15 gets out of the simulation. */
const tuned = new Map(seeds.map((seed) => [seed, simulateLimit(fixed(15), seed)]));
const tunedGoodput = (seed: (typeof seeds)[number], phase: number): number => tuned.get(seed)?.[phase]?.goodput ?? 0;

describe("in the simulation of a service of 1,000 calls a second", () => {
  test("an overload without a limit ends all good answers, and they do not come back", () => {
    const [calm, overload, calmAgain] = simulateLimit(fixed(Infinity), "1");
    expect(calm?.goodput).toBeGreaterThan(650);
    expect(overload?.goodput).toBeLessThan(50);
    expect(calmAgain?.goodput).toBeLessThan(50);
  });

  test.each(seeds)("the gradient comes within a few parts in a hundred of the limit tuned by hand, seed %s", (seed) => {
    const found = simulateLimit(new GradientLimit(bounds, { healthyMs: Infinity }), seed);
    for (const phase of [0, 1, 2]) expect(found[phase]?.goodput).toBeGreaterThan(0.95 * tunedGoodput(seed, phase));
    expect(found[1]?.p99Ms).toBeLessThan(120);
    expect(found[3]?.goodput).toBeGreaterThan(0.6 * tunedGoodput(seed, 3));
  });

  test.each(seeds)("increase and decrease once a round trip do too, given what is slow, seed %s", (seed) => {
    const found = simulateLimit(new AimdLimit(bounds, { slowMs: 100, decrease: 0.9 }), seed);
    for (const phase of [0, 1, 2, 3]) expect(found[phase]?.goodput).toBeGreaterThan(0.93 * tunedGoodput(seed, phase));
  });

  test("vegas sheds more and keeps latencies lowest", () => {
    const random = seededRandom("9");
    const found = simulateLimit(new VegasLimit(bounds, { draw: () => random.next() }), "1");
    expect(found[1]?.goodput).toBeGreaterThan(500);
    expect(found[1]?.p99Ms).toBeLessThan(70);
  });
});

/** Two workers of 10 ms in turn behind a pipeline, on the manual clock: what came in time in each of three phases of 8 s at 0.7, 2 and 0.7 of what they bear. */
async function throughPipeline(limits: (clock: ManualClock) => readonly Layer[]): Promise<number[]> {
  const clock = manualClock();
  const random = seededRandom("5");
  const line = pipeline({ name: "sim", layers: [...limits(clock), timeout(200)], clock, random });
  const freeAtMs = [0, 0];
  const good = [0, 0, 0];
  const serve = (): Promise<void> => {
    // Deaf to its signal: the work is done also for who has given up.
    const worker = (freeAtMs[0] ?? 0) <= (freeAtMs[1] ?? 0) ? 0 : 1;
    const endsAtMs = Math.max(clock.monotonic(), freeAtMs[worker] ?? 0) + 10;
    freeAtMs[worker] = endsAtMs;
    return clock.sleep(endsAtMs - clock.monotonic());
  };
  for (const [phase, load] of [0.7, 2, 0.7].entries()) {
    const untilMs = (phase + 1) * 8_000;
    while (clock.monotonic() < untilMs) {
      void line.outcome(serve).then((end) => end.ok && (good[phase] = (good[phase] ?? 0) + 1));
      await clock.advance(-Math.log(1 - random.next()) * (5 / load));
    }
  }
  await clock.advance(60_000);
  return good.map((calls) => calls / 8);
}

describe("through a pipeline on the manual clock, before a service of 200 calls a second", () => {
  test("without a limit a doubled load ends all good answers for longer than it lasts", async () => {
    const [calm = 0, overload = 0, calmAgain = 0] = await throughPipeline(() => []);
    expect(calm).toBeGreaterThan(130);
    expect(overload).toBeLessThan(20);
    expect(calmAgain).toBeLessThan(20);
  });

  test("an adaptive limit keeps the service at what it bears, and is well at once afterwards", async () => {
    const limits = (clock: ManualClock): readonly Layer[] => [adaptiveLimit({ initial: 10, clock })];
    const [calm = 0, overload = 0, calmAgain = 0] = await throughPipeline(limits);
    expect(calm).toBeGreaterThan(130);
    expect(overload).toBeGreaterThan(180);
    expect(calmAgain).toBeGreaterThan(125);
  });
});

test("an incident of minutes does not become the new normal (failsafe-go #127)", () => {
  const limit = new GradientLimit(bounds, { healthyMs: Infinity });
  let nowMs = 0;
  const seconds = (count: number, latencyMs: number): void => {
    for (let sample = 0; sample < count * 50; sample++) {
      nowMs += 20;
      limit.sample({ nowMs, latencyMs, inFlight: Math.ceil(limit.limit), isDropped: false });
    }
  };
  seconds(60, 10);
  seconds(300, 60);
  expect(limit.limit).toBeLessThan(15);
  seconds(120, 10);
  expect(limit.limit).toBeGreaterThan(100);
});

test("calls that all run into their timeout are overload, however alike they are (concurrency-limits #134)", async () => {
  const clock = manualClock();
  const room = adaptiveLimit({ clock, initial: 20, algorithm: "aimd", slowMs: 1_000 });
  const line = pipeline({ name: "x", layers: [room, timeout(50)], clock });
  for (let round = 0; round < 10; round++) {
    const calls = [
      line.outcome(({ signal }) => clock.sleep(1e6, { signal })),
      line.outcome(({ signal }) => clock.sleep(1e6, { signal })),
    ];
    await clock.advance(50);
    await Promise.all(calls);
  }
  expect(room.describe().limit).toBeLessThan(10);
});

test("errors that come fast do not move the limit", async () => {
  const clock = manualClock();
  let samples = 0;
  const room = adaptiveLimit({ clock, algorithm: { limit: 5, sample: () => void samples++ } });
  const line = pipeline({ name: "x", layers: [room], clock });
  await line.outcome(() => Promise.reject(new Error("down")));
  expect(samples).toBe(0);
  await line.run(() => 1);
  expect([samples, room.describe().inFlight]).toEqual([1, 0]);
});

test("under overload background is shed first, then normal, and critical last; each by name", async () => {
  const clock = manualClock();
  const room = adaptiveLimit({ name: "room", clock, initial: 10, max: 10, algorithm: fixed(10) });
  const line = pipeline({ name: "x", layers: [room], clock });
  const doors: Gate<void>[] = [];
  const begin = (priority: Priority): ReturnType<typeof line.outcome> => {
    const door = gate();
    doors.push(door);
    return line.outcome(() => door.promise, { priority });
  };
  const running = Array.from({ length: 6 }, () => begin("normal"));
  expect(await begin("background")).toMatchObject({ reason: "shed", by: "room" });
  running.push(...Array.from({ length: 3 }, () => begin("normal")));
  expect(await begin("normal")).toMatchObject({ reason: "shed" });
  running.push(begin("critical"));
  expect(await begin("critical")).toMatchObject({ reason: "full" });
  for (const door of doors) door.open();
  await Promise.all(running);
  expect(room.describe()).toMatchObject({ inFlight: 0, shed: 2, full: 1 });
});

test("a limit that grows lets in who waits, and tells that it moved", async () => {
  const clock = manualClock();
  const algorithm = { limit: 1, sample: () => void (algorithm.limit = 3) };
  const room = adaptiveLimit({
    name: "room",
    clock,
    min: 1,
    max: 5,
    initial: 1,
    algorithm,
    queueMax: 5,
    waitMaxMs: 1_000,
  });
  const line = pipeline({ name: "x", layers: [room], clock });
  const moves: string[] = [];
  using _heard = subscribe("ashlar.resilience.limit", ({ from, to }) => moves.push(`${from} ${to}`));
  const doors = Array.from({ length: 4 }, () => gate());
  const calls = doors.map((door) => line.run(() => door.promise));
  expect(room.describe()).toMatchObject({ inFlight: 1, waiting: 3 });
  doors[0]?.open();
  await calls[0];
  expect([room.describe(), moves]).toMatchObject([{ inFlight: 3, waiting: 0, limit: 3 }, ["1 3"]]);
  for (const door of doors) door.open();
  await Promise.all(calls);
});
