import fc from "fast-check";
import { expect, test } from "vitest";
import { StateCache, type StreamState } from "./state-cache.ts";

const owner = {};

function entry(version: number): StreamState {
  return { owner, version, state: version, confirmedVersion: version, confirmedState: version };
}

test("the streams used last are kept, at least half of the bound and never more than it", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 20 }),
      fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 200 }),
      (max, uses) => {
        const cache = new StateCache(max);
        for (const use of uses) if (cache.get(`s${use}`, owner) === undefined) cache.set(`s${use}`, entry(use));
        const latest = [...new Set(uses.toReversed())].slice(0, Math.floor(max / 2));
        for (const use of latest) expect(cache.get(`s${use}`, owner)?.version).toBe(use);
        const fresh = new StateCache(max);
        for (const use of uses) fresh.set(`s${use}`, entry(use));
        const held = Array.from({ length: 31 }, (_, use) => `s${use}`).filter(
          (stream) => fresh.get(stream, owner) !== undefined,
        );
        expect(held.length).toBeLessThanOrEqual(max);
      },
    ),
  );
});

test("another decider of the same name sees nothing, and a drop forgets only the entry it means", () => {
  const cache = new StateCache(4);
  const [first, second] = [entry(1), entry(2)];
  cache.set("a", first);
  expect(cache.get("a", {})).toBeUndefined();
  cache.set("a", second);
  cache.drop("a", first);
  expect(cache.get("a", owner)).toBe(second);
  cache.drop("a");
  expect(cache.get("a", owner)).toBeUndefined();
});
