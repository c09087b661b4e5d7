import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { idSource, seededRandom } from "./mod.ts";

const layout = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

describe("an id source", () => {
  test("makes UUIDs of version 7 that carry the time", () => {
    const nowMs = 1_767_225_600_123;
    const id = idSource({ clock: { now: () => nowMs }, random: seededRandom(1) })();
    expect(id).toMatch(layout);
    expect(timeOf(id)).toBe(nowMs);
  });

  test("ids rise strictly whatever the clock does", () => {
    const steps = fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 2, maxLength: 100 });
    fc.assert(
      fc.property(steps, fc.integer(), (stepsMs, seed) => {
        let nowMs = 1_700_000_000_000;
        const next = idSource({ clock: { now: () => nowMs }, random: seededRandom(seed) });
        let last = "";
        for (const stepMs of stepsMs) {
          nowMs += stepMs;
          const id = next();
          expect(id).toMatch(layout);
          expect(id > last).toBe(true);
          last = id;
        }
      }),
      { numRuns: 50 },
    );
  });

  test("ids rise strictly across every carry of the counter within one millisecond", () => {
    const next = idSource({ clock: { now: () => 1_700_000_000_000 }, random: seededRandom("carry") });
    let last = next();
    for (let count = 0; count < 40_000; count++) {
      const id = next();
      if (id <= last) expect.fail(`${id} after ${last}`);
      last = id;
    }
    expect(timeOf(last)).toBe(1_700_000_000_000);
  });

  test("a clock before 1970 counts as 1970", () => {
    const next = idSource({ clock: { now: () => -5 }, random: seededRandom(1) });
    expect([next(), next()].map(timeOf)).toEqual([0, 0]);
  });

  test("sources of one moment do not collide", () => {
    const clock = { now: () => 1_700_000_000_000 };
    const ids = Array.from({ length: 2_000 }, (_, seed) => idSource({ clock, random: seededRandom(seed) })());
    expect(new Set(ids).size).toBe(ids.length);
  });
});
