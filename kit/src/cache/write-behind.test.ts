import { expect, test } from "vitest";
import { gate } from "../abort/mod.ts";
import { type ManualClock, manualClock } from "../clock/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { cache } from "./cache.ts";
import { type BehindWrite, openWriteBehind, type OpenWriteBehindOptions, type WriteBehind } from "./write-behind.ts";

interface Bed extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly engine: Engine;
  readonly source: Map<string, string>;
  /** Values given to the source, in order. */
  readonly stored: (string | undefined)[];
  readonly behind: WriteBehind<string>;
}

async function open(options: Partial<OpenWriteBehindOptions<string>> = {}): Promise<Bed> {
  const clock = manualClock();
  const engine = await openMemoryEngine({ clock });
  const source = new Map<string, string>();
  const stored: (string | undefined)[] = [];
  const store = async (writes: readonly BehindWrite<string>[]): Promise<void> => {
    for (const { key, value } of writes) {
      stored.push(value);
      if (value === undefined) source.delete(key);
      else source.set(key, value);
    }
  };
  const behind = await openWriteBehind<string>({ engine, name: "orders", store, requires: "memory", ...options });
  const dispose = async (): Promise<void> => {
    const closing = behind[Symbol.asyncDispose]();
    await clock.advance(20_000);
    await closing;
    await engine[Symbol.asyncDispose]();
  };
  return { clock, engine, source, stored, behind, [Symbol.asyncDispose]: dispose };
}

test("a write is acknowledged before the source has it, and brought there in a batch", async () => {
  const batches: number[] = [];
  await using bed = await open({ store: async (writes) => void batches.push(writes.length), waitMs: 50 });
  const { behind, clock } = bed;
  const orders = cache<string>({ entries: 10, clock, write: behind });
  for (const key of ["a", "b", "c"]) expect(await orders.set(key, `new ${key}`)).toBe("stored");
  expect([orders.peek("a"), batches]).toEqual(["new a", []]);
  await clock.advance(100);
  expect([batches, (await behind.queue.status()).depth]).toEqual([[3], 0]);
});

test("however often a key is written, it has one job, and the source gets its last value", async () => {
  await using bed = await open({ waitMs: 100 });
  const { behind, clock, source, stored } = bed;
  for (let value = 0; value < 50; value++) await behind.write("a", `${value}`);
  expect((await behind.queue.status()).depth).toBe(1);
  await clock.advance(200);
  expect([source.get("a"), stored]).toEqual(["49", ["49"]]);
});

test("a deletion is brought to the source as well", async () => {
  await using bed = await open();
  const { behind, clock, source } = bed;
  const orders = cache<string>({ entries: 10, clock, write: behind });
  await orders.set("a", "x");
  await clock.advance(100);
  await orders.delete("a");
  expect(await orders.get("a")).toBe(undefined);
  await clock.advance(100);
  expect([source.size, await behind.pending(["a"])]).toEqual([0, ["not-pending"]]);
});

test("what is on its way is what a read gets, also where the entry was evicted, and in another process's cache", async () => {
  const stop = gate();
  await using bed = await open({ store: () => stop.promise });
  const { behind, clock } = bed;
  const load = async (): Promise<string> => "old, from the source";
  const one = cache<string>({ entries: 1, policy: "fifo", clock, write: behind, load });
  const other = cache<string>({ entries: 10, clock, write: behind, load });
  await one.set("a", "new");
  await one.set("b", "pushes a out");
  expect(one.peek("a")).toBe(undefined);
  expect([await one.get("a"), await other.get("a"), await other.get("c")]).toEqual([
    "new",
    "new",
    "old, from the source",
  ]);
  const reader = cache<string>({ entries: 10, clock, write: behind });
  expect([await reader.get("a"), await reader.get("c")]).toEqual(["new", undefined]);
  stop.open();
});

test("a key that is written while it is being stored is stored again, in the order of its writes", async () => {
  const stop = gate();
  const values: (string | undefined)[] = [];
  await using bed = await open({
    store: async ([write]) => {
      values.push(write?.value);
      if (values.length === 1) await stop.promise;
    },
  });
  const { behind, clock } = bed;
  await behind.write("a", "1");
  await clock.advance(100);
  await behind.write("a", "2");
  await behind.write("a", "3");
  stop.open();
  await clock.advance(100);
  expect([values, await behind.pending(["a"])]).toEqual([["1", "3"], ["not-pending"]]);
});

test("a source that fails gets its writes when it is back; one it never takes does not hold up the others", async () => {
  let isDown = true;
  const source = new Map<string, string | undefined>();
  await using bed = await open({
    store: async (writes) => {
      if (isDown || writes.some(({ value }) => value === "poison")) throw new Error("refused");
      for (const { key, value } of writes) source.set(key, value);
    },
  });
  const { behind, clock } = bed;
  for (const key of ["a", "b", "c"]) await behind.write(key, key === "b" ? "poison" : key);
  await clock.advance(1_000);
  expect(source.size).toBe(0);
  isDown = false;
  await clock.advance(120_000);
  expect([...source.keys()].toSorted()).toEqual(["a", "c"]);
  expect(await behind.pending(["a", "b"])).toEqual(["not-pending", { value: "poison" }]);
  await behind.write("b", "mended");
  await clock.advance(120_000);
  expect([source.get("b"), (await behind.queue.status()).depth]).toEqual(["mended", 0]);
});

test("a write whose job was lost among the dead letters is brought to the source with the next write of its key", async () => {
  await using bed = await open();
  const { behind, clock, engine, source } = bed;
  const cell = { space: "orders writes", key: "a" };
  // As it is left behind when a job has used up all its attempts.
  const value = JSON.stringify({ queuedAtMs: clock.now(), body: '"old"' });
  await engine.commit([{ op: "put", cell, expect: "absent", value }]);
  await clock.advance(61_000);
  expect([source.size, await behind.pending(["a"])]).toEqual([0, [{ value: "old" }]]);
  await behind.write("a", "new");
  await clock.advance(1_000);
  expect(source.get("a")).toBe("new");
});

test("64 writers of one key at once all succeed, and the last that was acknowledged is what the source gets", async () => {
  await using bed = await open();
  const { behind, clock, source } = bed;
  let last = "";
  await Promise.all(
    Array.from({ length: 64 }, async (_, index) => {
      await behind.write("a", `${index}`);
      last = `${index}`;
    }),
  );
  await clock.advance(1_000);
  expect(source.get("a")).toBe(last);
});

test("beyond pendingMax keys a write is refused and nothing changes; a key that is on its way can still be written", async () => {
  await using bed = await open({ pendingMax: 1, worker: "elsewhere" });
  const orders = cache<string>({ entries: 10, clock: bed.clock, write: bed.behind });
  await orders.set("a", "x");
  await expect(orders.set("b", "x")).rejects.toMatchObject({ code: "QUEUE_FULL" });
  expect([orders.peek("b"), await orders.set("a", "y")]).toEqual([undefined, "stored"]);
});

test("an engine that keeps less than is required is refused", async () => {
  await using engine = await openMemoryEngine({ clock: manualClock() });
  const opening = openWriteBehind<string>({ engine, name: "orders", store: async () => undefined });
  await expect(opening).rejects.toMatchObject({ code: "DURABILITY" });
});

test("random writes and failures of the source: in the end it has what was written last", async () => {
  for (let seed = 0; seed < 8; seed++) {
    const random = seededRandom(`behind ${seed}`);
    const source = new Map<string, string>();
    await using bed = await open({
      waitMs: 10,
      store: async (writes) => {
        await bed.clock.sleep(random.integer(0, 30));
        for (const { key, value } of writes) {
          if (random.next() < 0.1) throw new Error("down");
          if (value === undefined) source.delete(key);
          else source.set(key, value);
        }
      },
    });
    const truth = new Map<string, string>();
    for (let write = 0; write < 60; write++) {
      const key = random.pick(["a", "b", "c", "d"]);
      const value = random.next() < 0.2 ? undefined : `${write}`;
      await bed.behind.write(key, value);
      if (value === undefined) truth.delete(key);
      else truth.set(key, value);
      if (random.next() < 0.5) await bed.clock.advance(random.integer(0, 40));
    }
    await bed.clock.advance(200_000);
    expect(source, `seed ${seed}`).toEqual(truth);
    expect((await bed.behind.queue.status()).depth, `seed ${seed}`).toBe(0);
  }
});
