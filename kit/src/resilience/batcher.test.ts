import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { gate } from "../abort/mod.ts";
import { manualClock } from "../clock/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { fixedDelay } from "./backoff.ts";
import { batcher, type ItemResult } from "./batcher.ts";

const delay = fixedDelay(10);

describe("a batch is flushed", () => {
  test("when it is full, when its bytes are, or when its first item has waited long enough", async () => {
    const clock = manualClock();
    const flushes: string[] = [];
    const batches = batcher<string>({
      flush: async (items) => void flushes.push(`${clock.monotonic()} ${items.join()}`),
      sizeMax: 3,
      bytesMax: 10,
      bytesOf: (item) => item.length,
      waitMs: 50,
      clock,
    });
    const adds = [batches.add("a"), batches.add("b"), batches.add("c"), batches.add("d")];
    await clock.advance(50);
    adds.push(batches.add("123456"), batches.add("78901"), batches.add("a very long one"));
    await clock.advance(50);
    await Promise.all(adds);
    expect(flushes).toEqual(["0 a,b,c", "50 d", "50 123456", "50 78901", "50 a very long one"]);
  });
});

describe("nothing is lost", () => {
  test("when a flush fails its items stay, in order, and what comes later waits behind them", async () => {
    const clock = manualClock();
    const done: string[] = [];
    const batches = batcher<string>({
      flush: async (items, { attempt }) => {
        if (attempt < 3) throw new Error("down");
        done.push(...items);
      },
      sizeMax: 2,
      delay,
      clock,
    });
    const adds = ["a", "b", "c", "d"].map((item) => batches.add(item));
    await clock.advance(100);
    await Promise.all(adds);
    expect(done).toEqual(["a", "b", "c", "d"]);
  });

  test("when the attempts are used up each caller gets the last error, and the next batch goes on", async () => {
    const clock = manualClock();
    const batches = batcher<string>({
      flush: (items) => (items.includes("bad") ? Promise.reject(new Error("down")) : Promise.resolve(undefined)),
      sizeMax: 2,
      attemptsMax: 2,
      delay,
      clock,
    });
    const adds = ["a", "bad", "c", "d"].map((item) => batches.add(item));
    const ends = Promise.allSettled(adds);
    await clock.advance(100);
    expect((await ends).map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled", "fulfilled"]);
  });

  test("closing flushes what is there, waits for it, and refuses what comes later", async () => {
    const clock = manualClock();
    const done: string[] = [];
    const door = gate();
    const batches = batcher<string>({
      flush: async (items) => {
        await door.promise;
        done.push(...items);
      },
      waitMs: 10_000,
      clock,
    });
    const add = batches.add("a");
    const closing = batches[Symbol.asyncDispose]();
    await expect(batches.add("b")).rejects.toMatchObject({ reason: "closed" });
    door.open();
    await Promise.all([add, closing]);
    expect([done, clock.timersPending]).toEqual([["a"], 0]);
  });
});

test("each item has a result of its own; only those that ask for it are tried again", async () => {
  const clock = manualClock();
  const seen: string[] = [];
  const batches = batcher<string, string>({
    flush: async (items, { attempt }) => {
      seen.push(items.join());
      return items.map((item): ItemResult<string> => {
        if (item === "poison") return { ok: false, error: new Error("poison") };
        return item === "busy" && attempt === 1
          ? { ok: false, error: new Error("busy"), again: "yes" }
          : { ok: true, value: item.toUpperCase() };
      });
    },
    sizeMax: 3,
    delay,
    clock,
  });
  const ends = Promise.allSettled(["a", "poison", "busy"].map((item) => batches.add(item)));
  await clock.advance(100);
  expect(await ends).toMatchObject([{ value: "A" }, { status: "rejected" }, { value: "BUSY" }]);
  expect(seen).toEqual(["a,poison,busy", "busy"]);
});

test("a flush that answers for another number of items is a bug, told to each caller", async () => {
  const batches = batcher<string, string>({ flush: async () => [], sizeMax: 1, clock: manualClock() });
  await expect(batches.add("a")).rejects.toMatchObject({ code: "INVARIANT" });
});

test("what is pending is bounded, and an error that says so itself is not tried again", async () => {
  const batches = batcher<string>({
    flush: () => Promise.reject(new ConfigError("x", 1, "y")),
    pendingMax: 1,
    sizeMax: 1,
    clock: manualClock(),
  });
  const first = batches.add("a");
  await expect(batches.add("b")).rejects.toMatchObject({ reason: "full" });
  await expect(first).rejects.toMatchObject({ code: "CONFIG" });
  await batches.flush();
  expect(batches.describe()).toMatchObject({ pending: 0, flushing: 0, refused: 1 });
});

test("every item settles exactly once and is done at least once, whatever fails", async () => {
  const item = fc.record({ gapMs: fc.nat(8), failures: fc.nat(3) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(item, { maxLength: 40 }),
      fc.integer(),
      fc.integer({ min: 1, max: 3 }),
      async (items, seed, flushesMax) => {
        const clock = manualClock();
        const random = seededRandom(String(seed));
        const done = new Set<number>();
        const left = items.map(({ failures }) => failures);
        const batches = batcher<number, number>({
          flush: async (places) => {
            await clock.sleep(random.integer(0, 5));
            if (random.next() < 0.2) throw new Error("all of it");
            return places.map((place): ItemResult<number> => {
              const failures = left[place] ?? 0;
              left[place] = failures - 1;
              if (failures > 0) return { ok: false, error: new Error("this one"), again: "yes" };
              done.add(place);
              return { ok: true, value: place };
            });
          },
          sizeMax: 4,
          waitMs: 5,
          attemptsMax: 1_000,
          flushesMax,
          delay,
          clock,
          random,
        });
        const adds: Promise<number>[] = [];
        for (const [place, { gapMs }] of items.entries()) {
          adds.push(batches.add(place));
          await clock.advance(gapMs);
        }
        await clock.advance(10_000);
        expect(await Promise.all(adds)).toEqual(items.map((_, place) => place));
        expect(done.size).toBe(items.length);
        expect(batches.describe()).toMatchObject({ pending: 0, flushing: 0 });
      },
    ),
    { numRuns: 15 },
  );
});

describe("what its user brings may fail", () => {
  test("a back-off that throws, or is no time, ends the items of its batch and no other", async () => {
    const off = new Error("no idea");
    const delays = [
      () => {
        throw off;
      },
      () => ({ delayMs: Number.NaN, state: 0 }),
    ];
    for (const bad of delays) {
      let isDown = true;
      const batches = batcher<string>({
        flush: async () => {
          if (isDown) throw new Error("down");
        },
        sizeMax: 2,
        delay: bad,
        clock: manualClock(),
      });
      const ends = await Promise.allSettled([batches.add("a"), batches.add("b")]);
      expect(ends.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
      isDown = false;
      await Promise.all([batches.add("c"), batches.add("d")]);
      expect(batches.describe()).toMatchObject({ pending: 0, flushing: 0 });
      await batches[Symbol.asyncDispose]();
    }
  });

  test("an item whose size is no number is refused, and the bound holds for the others", async () => {
    const flushes: string[] = [];
    await using batches = batcher<string>({
      flush: async (items) => void flushes.push(items.join()),
      bytesMax: 4,
      bytesOf: (item) => (item === "?" ? Number.NaN : item.length),
    });
    const adds = [batches.add("ab"), batches.add("?"), batches.add("cd"), batches.add("ef")];
    await expect(adds[1]).rejects.toThrow(ConfigError);
    await batches.flush();
    expect(flushes).toEqual(["ab,cd", "ef"]);
  });
});
