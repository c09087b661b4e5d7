import { expect, test } from "vitest";
import { simulate } from "./fleet.test-simulation.ts";
import type { BalancerOptions, Endpoint } from "./mod.ts";
import { endpointsOf, type TestSet, testSet } from "./world.test-set.ts";

const east = { zone: "east" };
const west = { zone: "west" };
const options: BalancerOptions = { algorithm: "round-robin", zone: "east", slowStartMs: 0 };
const both = endpointsOf(east, east, west, west, west, west);

/** A set whose zone has had the time to prove itself. */
async function settled(options: BalancerOptions, endpoints: readonly Endpoint[]): Promise<TestSet> {
  const world = testSet(options, endpoints);
  await world.clock.advance(20_000);
  for (const zone of ["east", "west"]) world.call({ zone });
  return world;
}

function homePart(endpoints: readonly Endpoint[], tally: Record<string, number>): number {
  const home = endpoints.filter(({ zone }) => zone === "east").reduce((sum, { id }) => sum + (tally[id] ?? 0), 0);
  return home / Object.values(tally).reduce((sum, count) => sum + count, 0);
}

test("nearly all calls stay in the own zone once it has borne them; a request may name another", async () => {
  const { tally } = await settled(options, both);
  expect(homePart(both, tally(2_000))).toBeGreaterThan(0.98);
  expect(homePart(both, tally(2_000, { zone: "west" }))).toBeLessThan(0.02);
});

test("a caller begins with the fair share of its zone and has all of it in some ten seconds", async () => {
  const { set, clock, call, tally } = testSet(options, both);
  expect(homePart(both, tally(600))).toBeCloseTo(1 / 3, 1);
  const shares: number[] = [];
  for (let index = 0; index < 5; index++) {
    await clock.advance(2_500);
    call();
    shares.push(set.describe().zoneShare ?? Number.NaN);
  }
  expect(shares.map((share) => share.toFixed(2))).toEqual(["0.53", "0.73", "0.93", "0.99", "0.99"]);
});

test("a zone that no endpoint stands in, and no zone at all, are no preference", () => {
  const { tally } = testSet({ ...options, zone: undefined }, both);
  expect(homePart(both, tally(600))).toBeCloseTo(1 / 3, 2);
  expect(homePart(both, tally(600, { zone: "north" }))).toBeCloseTo(1 / 3, 2);
});

test("what a zone cannot bear for want of healthy endpoints goes abroad", async () => {
  const { set, tally } = await settled(options, both);
  set.mark("a", "unhealthy");
  expect(homePart(both, tally(4_000))).toBeCloseTo(0.7, 1); // 1.4 times the half that is left
  set.mark("b", "unhealthy");
  expect(homePart(both, tally(100))).toBe(0);
});

test("a zone that reports itself full keeps its fair share only", async () => {
  const loaded = (load: number): Endpoint[] =>
    both.map((endpoint) => (endpoint.zone === "east" ? { ...endpoint, load } : endpoint));
  const { set, tally } = await settled(options, loaded(0.8));
  expect(homePart(both, tally(1_000))).toBeGreaterThan(0.97);
  set.update(loaded(0.9));
  expect(homePart(both, tally(4_000))).toBeCloseTo(2 / 3, 1);
  set.update(loaded(1));
  expect(homePart(both, tally(4_000))).toBeCloseTo(1 / 3, 1);
});

test("when the zone excludes itself the call goes abroad", () => {
  const { tally } = testSet(options, endpointsOf(east, west));
  expect(tally(20, { except: ["a"] })).toEqual({ b: 20 });
});

test("latencies beyond twice those abroad send calls away, and let them come back", async () => {
  const { set, clock, take } = await settled({ ...options, ejection: "off" }, both);
  const second = async (homeMs: number): Promise<number> => {
    const fromMs = clock.monotonic();
    for (const zone of ["east", "west"])
      for (let index = 0; index < 5; index++) {
        const pick = take({ prefer: zone === "east" ? "a" : "c" });
        await clock.advance(zone === "east" ? homeMs : 10);
        pick.done("ok");
      }
    await clock.advance(1_000 - (clock.monotonic() - fromMs));
    take().done("cancelled");
    return set.describe().zoneShare ?? Number.NaN;
  };
  const shares: number[] = [];
  for (const homeMs of [10, 60, 60, 60, 60, 60, 60, 60, 10]) shares.push(await second(homeMs));
  expect(shares.map((share) => Number(share.toFixed(2)))).toEqual([
    0.99, 0.8, 0.64, 0.51, 0.41, 0.33, 0.33, 0.33, 0.41,
  ]);
});

test("callers of one zone that is a third of the fleet do not drown it", () => {
  const zoneOf = (node: number): string => (node % 3 === 0 ? "east" : "west");
  const fleet = { load: 0.7, nodes: 9, zoneOf, requests: 20_000 };
  const near = simulate({ ...fleet, options: { zone: "east" } });
  const home = near.picks.filter((_, node) => node % 3 === 0).reduce((sum, picks) => sum + picks, 0);
  expect(home / 20_000).toBeGreaterThan(0.37);
  expect(home / 20_000).toBeLessThan(0.48); // there the zone is full
  expect(near.p99).toBeLessThan(80);
});
