import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../random/mod.ts";
import { boundedMap, policyNames } from "./bounded-map.ts";
import { FrequencySketch } from "./frequency-sketch.ts";
import { Ghosts } from "./ghosts.ts";
import { ModelMap } from "./policies.test-model.ts";
import { WindowClimber } from "./window-climber.ts";

const key = fc.integer({ min: 0, max: 24 }).map((number) => `key ${number}`);
const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("read" as const), key, size: fc.integer({ min: 1, max: 7 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("set" as const), key, size: fc.integer({ min: 1, max: 14 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), key, size: fc.constant(1) }) },
);
const operations = fc.array(operation, { maxLength: 250 });
const seed = 20_261_121;

describe.each(policyNames)("%s", (policy) => {
  test("by entries it holds, after every operation, what the model holds", () => {
    const property = fc.property(fc.integer({ min: 1, max: 14 }), operations, (entries, list) => {
      const map = boundedMap<string, number>({ entries, policy });
      const model = new ModelMap(policy, entries, entries);
      for (const { kind, key } of list) {
        if (kind === "delete") expect(map.delete(key)).toBe(model.delete(key));
        else if (kind === "set" || map.get(key) === undefined) {
          if (kind === "read") expect(model.get(key)).toBe(false);
          expect(map.set(key, 1)).toBe(model.set(key, 1));
        } else expect(model.get(key)).toBe(true);
        expect([...map].map(([key]) => key).toSorted()).toEqual([...model.entries.keys()].toSorted());
      }
    });
    fc.assert(property, { seed, numRuns: 60 });
  });

  test("by bytes it holds what the model holds, and its weight is the sum of the sizes, never more than the bound", () => {
    const property = fc.property(fc.integer({ min: 5, max: 40 }), operations, (bytes, list) => {
      const map = boundedMap<string, number>({ bytes, policy, sizeOf: (size) => size });
      const model = new ModelMap(policy, bytes, 64); // what a table by bytes expects at first
      for (const { kind, key, size } of list) {
        if (kind === "delete") expect(map.delete(key)).toBe(model.delete(key));
        else if (kind === "set" || map.get(key) === undefined) {
          if (kind === "read") expect(model.get(key)).toBe(false);
          expect(map.set(key, size)).toBe(model.set(key, size));
        } else expect(model.get(key)).toBe(true);
        expect(new Map(map)).toEqual(new Map([...model.entries.values()].map(({ key, weight }) => [key, weight])));
        expect(map.weight).toBe([...map].reduce((sum, [, size]) => sum + size, 0));
        expect(map.weight).toBeLessThanOrEqual(bytes);
      }
    });
    fc.assert(property, { seed, numRuns: 60 });
  });

  test("over a long history, in which windows move and counts age, it still holds what the model holds", () => {
    const random = seededRandom(`history of ${policy}`);
    const map = boundedMap<string, number>({ entries: 12, policy });
    const model = new ModelMap(policy, 12, 12);
    for (let step = 0; step < 15_000; step++) {
      // Skewed, with a loop now and then: so that the ratio of hits changes.
      const key = step % 6_000 < 4_000 ? `${Math.floor(random.next() ** 3 * 40)}` : `${step % 15}`;
      const isThere = map.get(key) !== undefined;
      expect(model.get(key)).toBe(isThere);
      if (!isThere) expect(map.set(key, 1)).toBe(model.set(key, 1));
    }
    expect([...map].map(([key]) => key).toSorted()).toEqual([...model.entries.keys()].toSorted());
  });

  test("who is evicted is told once, with key and value, and is the only one who leaves unasked", () => {
    const left: string[] = [];
    const map = boundedMap<string, string>({ entries: 10, policy, onEvicted: (key, value) => left.push(key + value) });
    for (let index = 0; index < 200; index++) map.set(`${index}`, "!");
    const here = [...map].map(([key, value]) => key + value);
    expect([...left, ...here].toSorted()).toEqual(Array.from({ length: 200 }, (_, index) => `${index}!`).toSorted());
    expect(here.length).toBe(10);
  });

  test("columns grow without losing an entry", () => {
    const map = boundedMap<number, number>({ entries: 1_000, policy });
    for (let index = 0; index < 1_000; index++) map.set(index, index);
    expect([map.size, ...[...map].filter(([key, value]) => key !== value)]).toEqual([1_000]);
  });
});

test("options out of range are refused by name", () => {
  const refused = (options: Parameters<typeof boundedMap>[0], option: string): void =>
    expect(() => boundedMap(options)).toThrow(expect.objectContaining({ code: "CONFIG", option }));
  refused({}, "entries");
  refused({ entries: 0 }, "entries");
  refused({ bytes: 10 }, "sizeOf");
  refused({ bytes: 0.5, sizeOf: () => 1 }, "bytes");
  expect(() => boundedMap({ bytes: 9, sizeOf: () => Number.NaN }).set("a", 1)).toThrow(/sizeOf/);
});

test("a value too large for all the room takes its own old value out and nobody else", () => {
  const map = boundedMap<string, number>({ bytes: 10, sizeOf: (size) => size, policy: "lru" });
  map.set("a", 4);
  map.set("b", 4);
  expect([map.set("a", 11), [...map]]).toEqual(["refused", [["b", 4]]]);
});

test("a sketch never counts less than there was, up to 15, and forgets half in time", () => {
  const property = fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 150 }), (hashes) => {
    const sketch = new FrequencySketch(64);
    const counts = new Map<number, number>();
    for (const hash of hashes) {
      sketch.count(hash);
      counts.set(hash, Math.min(15, (counts.get(hash) ?? 0) + 1));
    }
    for (const [hash, count] of counts) expect(sketch.of(hash)).toBeGreaterThanOrEqual(count);
  });
  fc.assert(property, { seed });
  const sketch = new FrequencySketch(16);
  for (let index = 0; index < 12; index++) sketch.count(7);
  for (let hash = 100; hash < 400; hash++) sketch.count(hash);
  expect(sketch.of(7)).toBeLessThan(12);
});

test("ghosts remember the last so many, until they come back, also after they have grown", () => {
  const ghosts = new Ghosts(3);
  for (const hash of [1, 2, 3, 4]) ghosts.add(hash);
  expect([1, 2, 2, 3].map((hash) => ghosts.take(hash))).toEqual([false, true, false, true]);
  ghosts.grow(1_000);
  for (let hash = 100; hash < 200; hash++) ghosts.add(hash);
  expect([4, 150].map((hash) => ghosts.take(hash))).toEqual([true, true]);
});

test("ghosts remember exactly the last so many, eleven to a bucket too, as a list does", () => {
  const told = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom("add" as const, "take" as const), hash: fc.nat(40) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("grow" as const), hash: fc.constantFrom(116, 231) }) },
  );
  const property = fc.property(
    fc.integer({ min: 1, max: 58 }),
    fc.array(told, { maxLength: 300, size: "max" }),
    (first, list) => {
      const ghosts = new Ghosts(first);
      let length = first;
      let model: (number | undefined)[] = [];
      for (const { kind, hash: number } of list) {
        const hash = ((number % 4) + (number >> 2) * 0x1000_0000) | 0; // four buckets
        if (kind === "grow") ghosts.grow((length = Math.max(length, number)));
        // A key is told when it leaves, so not while it is remembered.
        else if (kind === "add" && !model.slice(-length).includes(hash)) {
          ghosts.add(hash);
          // What is forgotten before a growth is not remembered after it.
          model = [...model.slice(1 - length || model.length), hash];
        } else if (kind === "take") {
          expect(ghosts.take(hash)).toBe(model.includes(hash));
          model = model.map((one) => (one === hash ? undefined : one));
        }
      }
    },
  );
  fc.assert(property, { seed });
});

test("what a ghost costs is bounded, however many keys are chosen to share a bucket", () => {
  const ghosts = new Ghosts(58);
  for (let count = 0; count < 50; count++) ghosts.add(count * 64);
  expect([0, 49].map((count) => ghosts.take(count * 64))).toEqual([false, true]);
});

test("a window climbs while the ratio rises, turns when it falls, and stays between a hundredth and four fifths", () => {
  const climber = new WindowClimber({ weightMax: 1_000, entries: 10 });
  const sample = (ratio: number): number => {
    for (let use = 0; use < 4_096; use++) climber.record(use < ratio * 4_096 ? "hit" : "miss");
    return climber.windowMax;
  };
  const sizes = [0.2, 0.23, 0.26, 0.29, 0.26, 0.29].map(sample);
  expect(sizes.map((size, index) => Math.sign(size - (sizes[index - 1] ?? 10)))).toEqual([1, 1, 1, 1, -1, -1]);
  for (const ratio of [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.3, 0.9, 0.2]) {
    expect(sample(ratio)).toBeLessThanOrEqual(800);
    expect(climber.windowMax).toBeGreaterThanOrEqual(10);
  }
});

test("where the ratio says nothing a window goes back to where it began, and does not wander", () => {
  const random = seededRandom("window");
  const climber = new WindowClimber({ weightMax: 1_000, entries: 1_000 });
  const sizes: number[] = [];
  for (let use = 0; use < 400_000; use++)
    if (climber.record(random.next() < 0.4 ? "hit" : "miss")) sizes.push(climber.windowMax);
  const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  expect(mean).toBeLessThan(150);
});
