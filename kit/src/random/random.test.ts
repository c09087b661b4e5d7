import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Random, seededRandom, systemRandom } from "./mod.ts";

function draws(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random.next());
}

function ascending(left: number, right: number): number {
  return left - right;
}

describe("a seeded source", () => {
  test("repeats its sequence for the same seed and differs for another", () => {
    expect(draws(seededRandom("a"), 20)).toEqual(draws(seededRandom("a"), 20));
    expect(draws(seededRandom("a"), 20)).not.toEqual(draws(seededRandom("b"), 20));
    expect(draws(seededRandom(7), 5)).toEqual(draws(seededRandom("7"), 5));
  });

  test("keeps its sequence across versions of the kit", () => {
    const random = seededRandom("ashlar");
    expect([random.integer(0, 999_999), random.integer(0, 999_999), random.integer(0, 999_999)]).toEqual([
      838_958, 755_352, 69_811,
    ]);
  });

  test("gives streams that depend on seed and name only", () => {
    const used = seededRandom("a");
    draws(used, 100);
    expect(draws(used.stream("faults"), 10)).toEqual(draws(seededRandom("a").stream("faults"), 10));
    const firsts = ["faults", "stock", "faults/x"].map((name) => seededRandom("a").stream(name).next());
    expect(new Set([...firsts, seededRandom("a").next()]).size).toBe(4);
    const nested = seededRandom("a").stream("b").stream("c").next();
    expect(seededRandom("a").stream("b/c").next()).not.toBe(nested);
  });

  test("similar seeds share nothing: first draws of 10,000 seeds are spread evenly", () => {
    const buckets = Array.from({ length: 10 }, () => 0);
    for (let seed = 0; seed < 10_000; seed++) {
      const bucket = Math.floor(seededRandom(seed).next() * 10);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    for (const count of buckets) expect(Math.abs(count - 1_000)).toBeLessThan(150); // five standard deviations
  });
});

describe.each([
  ["seeded", seededRandom(1)],
  ["system", systemRandom],
])("draws of the %s source", (_, random) => {
  test("lie in [0, 1) around one half", () => {
    const values = draws(random, 20_000);
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.015); // seven standard deviations
  });

  test("integers reach both bounds and nothing beyond", () => {
    const seen = new Set(Array.from({ length: 500 }, () => random.integer(-1, 2)));
    expect([...seen].toSorted(ascending)).toEqual([-1, 0, 1, 2]);
    expect(random.integer(5, 5)).toBe(5);
    expect(() => random.integer(2, 1)).toThrow("min <= max");
    expect(() => random.integer(0.5, 1)).toThrow("min <= max");
  });

  test("a shuffle keeps every item and leaves its input alone", () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), (items) => {
        const before = [...items];
        const shuffled = random.shuffle(items);
        expect(items).toEqual(before);
        expect(shuffled.toSorted(ascending)).toEqual(items.toSorted(ascending));
      }),
      { numRuns: 30 },
    );
  });

  test("a pick is one of the items, and none can be picked from nothing", () => {
    expect(["a", "b"]).toContain(random.pick(["a", "b"]));
    expect(() => random.pick([])).toThrow("one or more items");
  });
});

test("every order of three is about equally likely after a shuffle", () => {
  const random = seededRandom("orders");
  const counts = new Map<string, number>();
  for (let round = 0; round < 6_000; round++) {
    const order = random.shuffle(["a", "b", "c"]).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(6);
  for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150);
});
