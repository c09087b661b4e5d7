// Loads, writes and invalidations in random order under a clock that moves only when told: what a read that begins after a write or an
// invalidation may be told, and what may be stored. The seed of a failure is in its message.
import { expect, test } from "vitest";
import { memoryBus, memoryTier } from "../cache/memory/mod.ts";
import { type ManualClock, manualClock } from "../clock/mod.ts";
import { type Random, seededRandom } from "../random/mod.ts";
import { cache, type Cache, openCache } from "./cache.ts";
import { betweenTier } from "./tiers.test-tier.ts";

const keys = ["a", "b", "c"];
const tagOf = (key: string): string => (key === "c" ? "odd" : "even");

interface Value {
  readonly key: string;
  /** Version of the source when the load looked. */
  readonly version: number;
}

/** The truth, and what every reader from now on must see at least. */
class World {
  readonly clock: ManualClock = manualClock();
  readonly random: Random;
  readonly source = new Map<string, number>(keys.map((key) => [key, 0]));
  readonly due = new Map<string, number>(keys.map((key) => [key, 0]));
  readonly faults: string[] = [];
  #changing: Promise<unknown> = Promise.resolve();

  constructor(seed: string) {
    this.random = seededRandom(seed);
  }

  async load(key: string): Promise<Value> {
    await this.pause();
    const version = this.source.get(key) ?? 0;
    await this.pause();
    if (this.random.next() < 0.1) throw new Error("down");
    return { key, version };
  }

  pause(): Promise<void> {
    return this.clock.sleep(this.random.integer(0, 20));
  }

  /** Changes come one after another, as they do where the source orders them; reads and loads come at any time. */
  changing(change: () => Promise<void>): Promise<void> {
    const done = this.#changing.then(change);
    this.#changing = done.catch(() => undefined);
    return done;
  }

  change(key: string): number {
    const version = (this.source.get(key) ?? 0) + 1;
    this.source.set(key, version);
    return version;
  }

  /** From now on no reader may see less. */
  promise(key: string, version: number): void {
    this.due.set(key, Math.max(this.due.get(key) ?? 0, version));
  }

  check(what: string, value: Value | undefined, dueVersion: number): void {
    if (value !== undefined && value.version < dueVersion)
      this.faults.push(`${what} of ${value.key} gave ${value.version} where ${dueVersion} was due`);
  }
}

async function change(world: World, values: Cache<Value>, key: string): Promise<void> {
  const kind = world.random.pick(["set", "key", "tag", "all"] as const);
  const same = (one: string): boolean => kind === "all" || (kind === "tag" ? tagOf(one) === tagOf(key) : one === key);
  const changed = keys.filter(same).map((one) => [one, world.change(one)] as const);
  if (kind === "set") await values.set(key, { key, version: world.source.get(key) ?? 0 });
  else if (kind === "key") await values.invalidate({ keys: [key] });
  else if (kind === "tag") await values.invalidate({ tags: [tagOf(key)] });
  else await values.invalidate({ all: "entries" });
  for (const [one, version] of changed) world.promise(one, version);
}

async function step(world: World, values: Cache<Value>): Promise<void> {
  const { random } = world;
  const key = random.pick(keys);
  const due = world.due.get(key) ?? 0;
  switch (random.integer(0, 7)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return world.changing(() => change(world, values, key));
    case 4: {
      const all = await values.getMany(keys, (asked) => Promise.all(asked.map((one) => world.load(one))));
      for (const value of all) if (value?.key === key) world.check("getMany", value, due);
      return;
    }
    case 5:
      world.check("peek", values.peek(key), due);
      return;
    default:
      world.check("get", await values.get(key, (one) => world.load(one)), due);
  }
}

async function live(world: World, values: Cache<Value>, steps: number): Promise<void> {
  for (let count = 0; count < steps; count++) {
    await world.pause();
    await step(world, values).catch(() => undefined); // loads fail now and then, on purpose
  }
}

async function played(world: World, lives: readonly Promise<void>[]): Promise<void> {
  const ended = new Set<Promise<void>>();
  for (const life of lives) void life.then(() => ended.add(life));
  while (ended.size < lives.length) await world.clock.advance(50);
}

test("in one process no read that begins after a write or an invalidation sees what was before", async () => {
  for (let seed = 0; seed < 40; seed++) {
    const world = new World(`one ${seed}`);
    const { clock, random } = world;
    const options = { ttlMs: 60, tagsOf: ({ key }: Value) => [tagOf(key)], clock, random: random.stream("cache") };
    const values = cache<Value>({ entries: 2 + (seed % 3), ...options });
    await played(
      world,
      Array.from({ length: 6 }, () => live(world, values, 25)),
    );
    expect(world.faults, `seed ${seed}`).toEqual([]);
    expect(values.report().loadsRunning, `seed ${seed}`).toBe(0);
  }
});

test("over a shared tier the writer's own process sees the same, and all agree once messages have arrived", async () => {
  for (let seed = 0; seed < 25; seed++) {
    const world = new World(`fleet ${seed}`);
    const { clock, random } = world;
    const shared = betweenTier(memoryTier({ clock }), { before: () => world.pause(), after: () => world.pause() });
    const bus = memoryBus({ clock });
    const open = (name: string): Promise<Cache<Value>> =>
      openCache<Value>({
        name,
        entries: 10,
        ttlMs: 60,
        tagsOf: ({ key }) => [tagOf(key)],
        clock,
        shared,
        bus,
        fillLeaseMs: 100,
        fillWaitMs: 50,
        random: random.stream(name),
      });
    const [writer, ...readers] = await Promise.all(["writer", "reader 1", "reader 2"].map(open));
    if (writer === undefined) throw new Error("there are three");
    const reading = async (values: Cache<Value>): Promise<void> => {
      for (let count = 0; count < 40; count++) {
        await world.pause();
        const key = random.pick(keys);
        await values.get(key, (one) => world.load(one)).catch(() => undefined);
      }
    };
    await played(world, [...Array.from({ length: 4 }, () => live(world, writer, 20)), ...readers.map(reading)]);
    await clock.settle();
    for (const one of [writer, ...readers])
      for (const key of keys) world.check("at the end peek", one.peek(key), world.due.get(key) ?? 0);
    expect(world.faults, `seed ${seed}`).toEqual([]);
    for (const one of [writer, ...readers]) await one[Symbol.asyncDispose]();
  }
});
