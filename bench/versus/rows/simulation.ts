import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { world } from "ashlar/simulation";

import type { Figure, Row } from "../frame.ts";

// The hold model: so many timers pend at any time, and each that fires sets the next. Delays are drawn beforehand, the same on every side.
const pending = 1_000;
const delays = Array.from({ length: 4_096 }, (_, index) => 1 + ((index * 7_919) % 1_000));
let drawn = 0;
const delay = (): number => delays[drawn++ & 4_095] ?? 1;

async function rate(name: string, events: number, run: () => Promise<number> | number): Promise<Figure> {
  await run();
  const startedMs = performance.now();
  const fired = await run();
  const value = (fired / (performance.now() - startedMs)) * 1_000;
  if (fired < events) throw new Error(`${name}: ${fired} of ${events} events`);
  return { name, durability: "", value };
}

async function callbacksOfOurs(): Promise<Figure> {
  const events = 3_000_000;
  return await rate("kernel", events, async () => {
    const { kernel } = world({ seed: 1, strategy: { kind: "fifo" } });
    const source = kernel.source(kernel.strand("load"), "timer", { after: "go on" });
    const fire = (): void => {
      if (kernel.events + pending <= events) kernel.schedule(source, kernel.nowMs + delay(), fire);
    };
    for (let index = 0; index < pending; index++) kernel.schedule(source, delay(), fire);
    await kernel.run();
    return kernel.events;
  });
}

async function callbacksOfFakeTimers(): Promise<Figure> {
  const { createClock } = await import("@sinonjs/fake-timers");
  const events = 300_000;
  return await rate("fake-timers 15.5, next()", events, () => {
    const clock = createClock(0, Infinity);
    let fired = 0;
    const fire = (): void => {
      if (fired++ + pending <= events) clock.setTimeout(fire, delay());
    };
    for (let index = 0; index < pending; index++) clock.setTimeout(fire, delay());
    while (clock.countTimers() > 0) clock.next();
    return fired;
  });
}

async function sleepsOfOurs(): Promise<Figure> {
  const events = 600_000;
  return await rate("world, await clock.sleep()", events, async () => {
    const here = world({ seed: 1, strategy: { kind: "fifo" } });
    let woken = 0;
    const sleeper = async (): Promise<void> => {
      for (; woken < events; woken++) await here.clock.sleep(delay());
    };
    await here.run(async () => void (await Promise.all(Array.from({ length: pending }, sleeper))));
    return woken;
  });
}

async function sleepsOfFakeTimers(): Promise<Figure> {
  const { createClock } = await import("@sinonjs/fake-timers");
  const events = 60_000;
  return await rate("fake-timers 15.5, nextAsync()", events, async () => {
    const clock = createClock(0, Infinity);
    let woken = 0;
    const sleeper = async (): Promise<void> => {
      for (; woken < events; woken++) await new Promise((resolve) => clock.setTimeout(() => resolve(0), delay()));
    };
    const all = Promise.all(Array.from({ length: pending }, sleeper));
    while (clock.countTimers() > 0) await clock.nextAsync();
    await all;
    return woken;
  });
}

/** Discrete events in Python; its processes are generators. */
function simpy(kind: "callbacks" | "processes"): () => Promise<Figure> {
  return async () => {
    const script = join(import.meta.dirname, "../rivals/simpy-hold.py");
    const { stdout } = await promisify(execFile)("python3", [script, kind, "300000", String(pending)]);
    return { name: `SimPy 4.1, ${kind}`, durability: "", value: Number(stdout) };
  };
}

/** Virtual time beside the fake timers that test runners have, and a simulator of another language. */
export const simulation: readonly Row[] = [
  {
    path: "virtual time, callbacks, 1,000 pending",
    better: "higher",
    unit: "events/s",
    bar: 5_000_000,
    limitName: "",
    ours: callbacksOfOurs,
    rivals: [callbacksOfFakeTimers, simpy("callbacks")],
  },
  {
    path: "virtual time, async code, 1,000 pending",
    better: "higher",
    unit: "events/s",
    bar: 1_000_000,
    limitName: "",
    ours: sleepsOfOurs,
    rivals: [sleepsOfFakeTimers, simpy("processes")],
  },
];
