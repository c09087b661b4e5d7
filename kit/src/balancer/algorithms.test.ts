import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Picked } from "./mod.ts";
import { endpointsOf, reportOn, testSet } from "./world.test-set.ts";

const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 8 });

describe("round robin", () => {
  test("gives each exactly its weight in every full turn, and never runs of the heavy one", () => {
    fc.assert(
      fc.property(weights, (chosen) => {
        const { tally } = testSet({ algorithm: "round-robin" }, endpointsOf(...chosen.map((weight) => ({ weight }))));
        const turn = chosen.reduce((sum, weight) => sum + weight, 0);
        const expected = Object.fromEntries(chosen.map((weight, index) => [String.fromCharCode(97 + index), weight]));
        expect(tally(turn)).toEqual(expected);
        expect(tally(turn)).toEqual(expected);
      }),
      { numRuns: 40 },
    );
    const { calls } = testSet({ algorithm: "round-robin" }, endpointsOf({ weight: 5 }, {}, {}));
    expect(calls(7).join("")).toBe("aabacaa"); // the example of nginx's own commit message
  });

  test("goes round when a set shrinks under its turn", () => {
    const { set, calls } = testSet({ algorithm: "round-robin" }, endpointsOf({}, {}, {}));
    expect(calls(3).join("")).toBe("abc");
    set.update(endpointsOf({}));
    expect(calls(2).join("")).toBe("aa");
  });
});

describe("least requests", () => {
  test("never leaves one emptier by weight than where it sends", () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 60 }), (chosen, count) => {
        const { take, set } = testSet(
          { algorithm: "least-requests" },
          endpointsOf(...chosen.map((weight) => ({ weight }))),
        );
        for (let index = 0; index < count; index++) {
          const before = set.describe().endpoints.map(({ inFlight, weight }) => inFlight / weight);
          const { id } = take().endpoint;
          expect(before[id.charCodeAt(0) - 97]).toBeCloseTo(Math.min(...before), 9);
        }
      }),
      { numRuns: 30 },
    );
  });

  test("shares idle picks by weight", () => {
    expect(testSet({ algorithm: "least-requests" }, endpointsOf({ weight: 3 }, {})).tally(40)).toEqual({
      a: 30,
      b: 10,
    });
  });
});

describe.each(["two-choices", "peak-ewma", "sticky"] as const)("%s", (algorithm) => {
  test("shares the picks of idle endpoints by weight", () => {
    const { tally } = testSet({ algorithm }, endpointsOf({ weight: 1 }, { weight: 2 }, { weight: 5 }));
    const { a = 0, b = 0, c = 0 } = tally(8_000);
    expect(Math.abs(a - 1_000)).toBeLessThan(150); // five standard deviations
    expect(Math.abs(b - 2_000)).toBeLessThan(200);
    expect(Math.abs(c - 5_000)).toBeLessThan(220);
  });

  test("shares held requests by weight", () => {
    const { take, set } = testSet({ algorithm }, endpointsOf({ weight: 1 }, { weight: 3 }, { weight: 4 }));
    for (let index = 0; index < 800; index++) take();
    const shares = set.describe().endpoints.map(({ inFlight }) => inFlight);
    for (const [index, share] of [100, 300, 400].entries())
      expect(Math.abs((shares[index] ?? 0) - share)).toBeLessThan(12);
  });
});

test("two choices keep held requests far closer together than chance does", () => {
  const { take, set } = testSet({ algorithm: "two-choices" }, endpointsOf(...Array.from({ length: 20 }, () => ({}))));
  for (let index = 0; index < 2_000; index++) take();
  const held = set.describe().endpoints.map(({ inFlight }) => inFlight);
  expect(Math.max(...held) - Math.min(...held)).toBeLessThan(12); // chance alone: about 40
});

describe("peak EWMA", () => {
  test("avoids the slow one, and tries it again when its latency is old", async () => {
    const { clock, take, tally } = testSet({ ejection: "off" }, endpointsOf({}, {}));
    for (const [id, ms] of [
      ["a", 500],
      ["b", 10],
    ] as const) {
      const pick = take({ prefer: id });
      await clock.advance(ms);
      pick.done("ok");
    }
    expect(tally(50)).toEqual({ b: 50 });
    await clock.advance(100_000);
    const later = new Set<string>();
    for (let index = 0; index < 4; index++) {
      const pick = take();
      later.add(pick.endpoint.id);
      await clock.advance(10);
      pick.done("ok");
    }
    expect(later).toEqual(new Set(["a", "b"]));
  });

  test("failing fast attracts nobody", async () => {
    const { clock, set, take } = testSet({ ejection: "off" }, endpointsOf({}, {}));
    let failed = 0;
    for (let index = 0; index < 300; index++) {
      const pick = take();
      const isBad = pick.endpoint.id === "a";
      if (isBad) failed++;
      await clock.advance(isBad ? 1 : 10);
      pick.done(isBad ? "error" : "ok");
    }
    expect(failed).toBeLessThan(30);
    expect(reportOn(set, "a").errors).toBe(failed);
  });

  test("calls that are given up count when they had already taken longer, and never as quick", async () => {
    const { clock, set, take } = testSet({}, endpointsOf({}));
    const quick = take();
    quick.done("cancelled");
    expect(reportOn(set, "a").ewmaMs).toBe(0);
    const slow = take();
    await clock.advance(700);
    slow.done("cancelled");
    expect(reportOn(set, "a")).toMatchObject({ ewmaMs: 700, errors: 0 });
    take().done("cancelled");
    expect(reportOn(set, "a").ewmaMs).toBe(700);
  });

  test("a newcomer is expected to be as quick as the quickest: it is tried, and not overrun", async () => {
    const { set, clock, take } = testSet({ slowStartMs: 0 }, endpointsOf({}, {}));
    for (const [id, ms] of [
      ["b", 300],
      ["a", 90],
    ] as const) {
      const pick = take({ prefer: id });
      await clock.advance(ms);
      pick.done("ok");
    }
    set.update(endpointsOf({}, {}, {}));
    expect(reportOn(set, "c").ewmaMs).toBe(90);
    for (let index = 0; index < 60; index++) take();
    expect(reportOn(set, "c").inFlight).toBeLessThan(40);
  });

  test("endpoints whose first calls were quick do not starve those that had none", async () => {
    const { set, clock, take } = testSet({}, endpointsOf(...Array.from({ length: 10 }, () => ({}))));
    for (let index = 0; index < 200; index++) {
      const pick = take();
      await clock.advance(index % 2);
      pick.done("ok");
    }
    for (const { picks } of set.describe().endpoints) expect(picks).toBeGreaterThan(5);
  });
});

const keyed = ["hash", "rendezvous", "maglev"] as const;
const keys = Array.from({ length: 3_000 }, (_, index) => `user-${index}`);

function placesOf(call: (request: { key: string }) => string): string[] {
  return keys.map((key) => call({ key }));
}

function small(kind: (typeof keyed)[number]): { kind: typeof kind; tableSize?: number } {
  return kind === "maglev" ? { kind, tableSize: 4_093 } : { kind };
}

describe.each(keyed)("%s", (kind) => {
  test("spreads keys by weight", () => {
    const { call } = testSet({ algorithm: small(kind) }, endpointsOf({ weight: 1 }, { weight: 2 }, { weight: 3 }));
    const places = placesOf(call);
    for (const [id, share] of Object.entries({ a: 500, b: 1_000, c: 1_500 }))
      expect(Math.abs(places.filter((place) => place === id).length - share)).toBeLessThan(130); // five standard deviations
  });

  test("a key has the same place whatever the order of the list, and in every process", () => {
    const endpoints = endpointsOf({}, {}, {}, {});
    const one = testSet({ algorithm: small(kind) }, endpoints);
    const other = testSet({ algorithm: small(kind) }, endpoints.toReversed());
    expect(placesOf(one.call)).toEqual(placesOf(other.call));
  });

  test("without a key, chance decides", () => {
    const { tally } = testSet({ algorithm: small(kind) }, endpointsOf({}, {}));
    const { a = 0, b = 0 } = tally(400);
    expect(Math.min(a, b)).toBeGreaterThan(150);
  });

  test("no endpoint ever gets more than its bound of what is in flight", () => {
    const loadFactor = 1.25;
    const operation = fc.record({ key: fc.integer({ min: 0, max: 5 }), isEnd: fc.boolean() });
    fc.assert(
      fc.property(weights, fc.array(operation, { maxLength: 120 }), (chosen, operations) => {
        const algorithm = { ...small(kind), loadFactor };
        const { take, set } = testSet({ algorithm }, endpointsOf(...chosen.map((weight) => ({ weight }))));
        const total = chosen.reduce((sum, weight) => sum + weight, 0);
        const open: Picked[] = [];
        for (const { key, isEnd } of operations) {
          if (isEnd) open.shift()?.done("ok");
          const pick = take({ key: `hot-${key}` });
          open.push(pick);
          const { inFlight, weight } = reportOn(set, pick.endpoint.id);
          expect(inFlight).toBeLessThanOrEqual(Math.ceil((loadFactor * open.length * weight) / total));
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe.each([
  ["rendezvous", 0],
  ["maglev", 0.03],
] as const)("%s disrupts little", (kind, spareMax) => {
  test("when one leaves for good, its keys move and next to no others", () => {
    const endpoints = endpointsOf(...Array.from({ length: 10 }, () => ({})));
    const { set, call } = testSet({ algorithm: small(kind) }, endpoints);
    const before = placesOf(call);
    set.update(endpoints.filter(({ id }) => id !== "d"));
    const after = placesOf(call);
    const needless = before.filter((place, index) => place !== "d" && place !== after[index]).length;
    expect(needless / keys.length).toBeLessThanOrEqual(spareMax);
    expect(after).not.toContain("d");
  });

  test("while one is unhealthy only its keys are elsewhere, and afterwards all are back", async () => {
    const { set, call, clock } = testSet(
      { algorithm: small(kind) },
      endpointsOf(...Array.from({ length: 6 }, () => ({}))),
    );
    const before = placesOf(call);
    set.mark("c", "unhealthy");
    const during = placesOf(call);
    expect(during).toEqual(before.map((place, index) => (place === "c" ? during[index] : place)));
    expect(during).not.toContain("c");
    set.mark("c", "healthy");
    await clock.advance(10_000);
    expect(placesOf(call)).toEqual(before);
  });
});

test("the reported load moves no key of a hash", () => {
  const { set, call } = testSet({ algorithm: "rendezvous" }, endpointsOf({}, {}, {}));
  const before = placesOf(call);
  set.update(endpointsOf({ load: 0.9 }, { load: 0.1 }, {}));
  expect(placesOf(call)).toEqual(before);
});

describe("sticky", () => {
  test("a key stays while others come and go, and while its endpoint drains", () => {
    const { set, call } = testSet({ algorithm: "sticky" }, endpointsOf({}, {}, {}));
    const id = call({ key: "ada" });
    const state = (drained: "draining" | "up") =>
      ["a", "b", "c"].map((each) => ({ id: each, state: each === id ? drained : ("up" as const) }));
    set.update(endpointsOf(...state("up"), { id: "d" }, { id: "e" }));
    expect(new Set(Array.from({ length: 20 }, () => call({ key: "ada" })))).toEqual(new Set([id]));
    set.update(endpointsOf(...state("draining")));
    expect(call({ key: "ada" })).toBe(id);
    expect(Array.from({ length: 30 }, (_, index) => call({ key: `new ${index}` }))).not.toContain(id);
  });

  test("a key whose endpoint is gone gets another one and stays there", () => {
    const { set, call } = testSet({ algorithm: "sticky" }, endpointsOf({}, {}, {}));
    const id = call({ key: "ada" });
    set.update(endpointsOf({}, {}, {}).filter((endpoint) => endpoint.id !== id));
    const next = call({ key: "ada" });
    expect(next).not.toBe(id);
    set.update(endpointsOf({}, {}, {}));
    expect(call({ key: "ada" })).toBe(next);
  });

  test("a second attempt elsewhere does not move the key", () => {
    const { call } = testSet({ algorithm: "sticky" }, endpointsOf({}, {}, {}));
    const id = call({ key: "ada" });
    expect(call({ key: "ada", except: [id] })).not.toBe(id);
    expect(call({ key: "ada" })).toBe(id);
  });

  test("remembers so many keys, the last used ones, and forgets what is unused for long", async () => {
    const algorithm = { kind: "sticky", first: "round-robin", keysMax: 2, idleMs: 1_000 } as const;
    const { set, call, clock } = testSet({ algorithm }, endpointsOf({}, {}, {}, {}, {}));
    const one = call({ key: "1" });
    const two = call({ key: "2" });
    expect(call({ key: "1" })).toBe(one);
    call({ key: "3" });
    expect(set.describe().keys).toBe(2);
    expect(call({ key: "1" })).toBe(one);
    expect(call({ key: "2" })).not.toBe(two); // it was forgotten, and the turn has gone on
    await clock.advance(1_000);
    expect(call({ key: "1" })).not.toBe(one);
  });

  test("a key is bound also when its endpoint was chosen in place of one that starts slowly", () => {
    const { set, call } = testSet({ algorithm: { kind: "sticky", first: "round-robin" } }, endpointsOf({}, {}));
    set.update(endpointsOf({}, {}, {}, {}));
    const keysOfAll = Array.from({ length: 60 }, (_, index) => `user-${index}`);
    const first = keysOfAll.map((key) => call({ key }));
    expect(keysOfAll.map((key) => call({ key }))).toEqual(first);
    expect(set.describe().keys).toBe(60);
  });
});
