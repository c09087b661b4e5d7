import { expect, test } from "vitest";
import { balancer, type Endpoint } from "./mod.ts";
import { endpointsOf, reportOn, testSet } from "./world.test-set.ts";

test("an empty set, a set that is down and a set that drains say why nobody is picked", () => {
  const { set } = testSet({}, []);
  const reason = (): string => {
    const pick = set.pick();
    return pick.kind === "none" ? pick.reason : pick.endpoint.id;
  };
  expect(reason()).toBe("no-endpoint");
  set.update(endpointsOf({ state: "down" }, { state: "down" }));
  expect(reason()).toBe("all-down");
  set.update(endpointsOf({ state: "draining" }, { state: "down" }));
  expect(reason()).toBe("draining");
  expect(set.pick({ subset: "canary" })).toMatchObject({ kind: "none", reason: "unknown-subset" });
  set.update(endpointsOf({}));
  expect(set.pick({ except: ["a"] })).toMatchObject({ kind: "none", reason: "excluded" });
  expect(reason()).toBe("a");
});

test("a refusal may be held with using, and a pick that is left is cancelled", () => {
  const { set } = testSet({}, []);
  {
    using pick = set.pick();
    expect(pick.kind).toBe("none");
  }
  set.update(endpointsOf({}));
  {
    using pick = set.pick();
    expect(pick.kind).toBe("picked");
    expect(set.describe().inFlight).toBe(1);
  }
  expect(set.describe()).toMatchObject({ inFlight: 0, endpoints: [{ picks: 1, errors: 0 }] });
});

test("a pick is done once: what comes later changes nothing", () => {
  const { set, take } = testSet({}, endpointsOf({}));
  const pick = take();
  pick.done("error");
  pick.done("error");
  pick[Symbol.dispose]();
  expect(set.describe()).toMatchObject({ inFlight: 0, endpoints: [{ inFlight: 0, errors: 1 }] });
});

test("the late end of a call to an endpoint that left changes nothing, also when its id is back", () => {
  const { set, take } = testSet({ ejection: { consecutiveErrors: 1 } }, endpointsOf({}, {}, {}));
  const late = take({ prefer: "a" });
  set.update(endpointsOf({ id: "b" }, { id: "c" }));
  expect(set.describe().inFlight).toBe(0);
  set.update(endpointsOf({}, {}, {}));
  const current = take({ prefer: "a" });
  late.done("error");
  expect(reportOn(set, "a")).toMatchObject({ inFlight: 1, errors: 0, picks: 1, ejectedUntilMs: undefined });
  current.done("ok");
  expect(set.describe().inFlight).toBe(0);
});

test("the same id at another address is another endpoint; at the same one it keeps what is known", () => {
  const { set, take } = testSet({}, endpointsOf({}, {}));
  const pick = take({ prefer: "a" });
  set.update(endpointsOf({ weight: 3 }, {}));
  expect(reportOn(set, "a")).toMatchObject({ inFlight: 1, weight: 3 });
  set.update(endpointsOf({ address: "http://elsewhere" }, {}));
  expect(reportOn(set, "a")).toMatchObject({ inFlight: 0, picks: 0, address: "http://elsewhere" });
  expect(pick.endpoint.address).toBe("http://a");
});

test.each<[string, Endpoint[]]>([
  ["an id twice", endpointsOf({ id: "a" }, { id: "a" })],
  ["no id", endpointsOf({ id: "" })],
  ["no weight", endpointsOf({ weight: 0 })],
  ["a weight that is no number", endpointsOf({ weight: Number.NaN })],
  ["a negative load", endpointsOf({ load: -1 })],
  ["too many", endpointsOf(...Array.from({ length: 10_001 }, (_, index) => ({ id: `n${index}` })))],
])("an update with %s is refused and changes nothing", (_, endpoints) => {
  const { set } = testSet({}, endpointsOf({}, {}));
  expect(() => set.update(endpoints)).toThrow(expect.objectContaining({ code: "CONFIG" }));
  expect(set.endpoints().map(({ id }) => id)).toEqual(["a", "b"]);
});

test.each([
  { slowStartMs: -1 },
  { panicBelow: 2 },
  { algorithm: { kind: "maglev", tableSize: 1_000 } },
  { algorithm: { kind: "maglev", loadFactor: 0.5 } },
  { algorithm: { kind: "peak-ewma", decayMs: 0 } },
  { algorithm: { kind: "sticky", keysMax: 0 } },
  { algorithm: "fastest" as never },
  { ejection: { baseMs: 1_000, longestMs: 999 } },
  { subsets: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`s${index}`, { labels: {} }])) },
] as const)("options out of range are refused: %j", (options) => {
  expect(() => balancer(options)).toThrow(expect.objectContaining({ code: "CONFIG" }));
});

test("a subset picks only endpoints that carry its labels, and does as told when there is none", () => {
  const canary = { labels: { version: "2" } };
  const { set, tally } = testSet(
    { subsets: { canary, lenient: { ...canary, otherwise: "all" } } },
    endpointsOf({ labels: { version: "1" } }, { labels: { version: "2", tier: "x" } }, {}),
  );
  expect(tally(20, { subset: "canary" })).toEqual({ b: 20 });
  expect(Object.keys(tally(60)).toSorted()).toEqual(["a", "b", "c"]);
  set.update(endpointsOf({ labels: { version: "1" } }, { labels: { version: "2" }, state: "down" }, {}));
  expect(set.pick({ subset: "canary" })).toMatchObject({ kind: "none", reason: "all-down" });
  expect(Object.keys(tally(40, { subset: "lenient" })).toSorted()).toEqual(["a", "c"]);
});

test("an attempt on another host leaves out the ones it is told", () => {
  const { tally, set } = testSet({}, endpointsOf({}, {}, {}, {}));
  expect(Object.keys(tally(60, { except: ["a", "c", "gone"] })).toSorted()).toEqual(["b", "d"]);
  expect(set.pick({ except: ["a", "b", "c", "d"] })).toMatchObject({ kind: "none", reason: "excluded" });
});

test("a preferred endpoint is picked while it is up or drains, else the algorithm chooses", () => {
  const { set, tally } = testSet({ algorithm: "round-robin" }, endpointsOf({}, { state: "draining" }, {}));
  expect(tally(10, { prefer: "b" })).toEqual({ b: 10 });
  expect(tally(10, { prefer: "b", except: ["b"] })).toEqual({ a: 5, c: 5 });
  set.update(endpointsOf({}, { state: "down" }, {}));
  expect(tally(10, { prefer: "b" })).toEqual({ a: 5, c: 5 });
});

test("a report says what is known of each endpoint", async () => {
  const { set, clock, take } = testSet({ name: "orders" }, endpointsOf({ zone: "east" }, { weight: 3 }));
  const pick = take({ prefer: "a" });
  await clock.advance(40);
  pick.done("ok");
  take({ prefer: "b" });
  expect(set.describe()).toMatchObject({
    name: "orders",
    algorithm: "peak-ewma",
    available: 2,
    mode: "normal",
    inFlight: 1,
    endpoints: [
      { id: "a", address: "http://a", zone: "east", state: "up", health: "unknown", weight: 1, ewmaMs: 40, picks: 1 },
      { id: "b", weight: 3, effectiveWeight: 0.75, inFlight: 1, errors: 0 },
    ],
  });
});

test("endpoints that say they are busier get less, within a factor of two", () => {
  const { tally, set } = testSet({ algorithm: "round-robin" }, endpointsOf({ load: 0.2 }, { load: 0.8 }, {}));
  const { a = 0, b = 0, c = 0 } = tally(3_000);
  expect(a / c).toBeCloseTo(Math.sqrt(0.6 / 0.3), 1); // the root of mean load to own load, each a tenth more
  expect(b / c).toBeCloseTo(Math.sqrt(0.6 / 0.9), 1);
  set.update(endpointsOf({ load: 100 }, ...Array.from({ length: 9 }, () => ({ load: 0 }))));
  const extreme = set.describe().endpoints.map(({ effectiveWeight }) => effectiveWeight);
  expect((extreme[1] ?? 0) / (extreme[0] ?? 1)).toBeCloseTo(4, 9); // double against half
});
