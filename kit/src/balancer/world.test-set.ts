// A balancer on a manual clock with seeded chance, for tests.
import { type ManualClock, manualClock } from "../clock/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { balancer, type Balancer, type PickRequest } from "./balancer.ts";
import type { Endpoint } from "./endpoint.ts";
import type { BalancerOptions } from "./options.ts";
import type { Outcome } from "./latency.ts";
import type { Picked } from "./picked.ts";

/** A set and its clock. */
export interface TestSet {
  readonly set: Balancer;
  readonly clock: ManualClock;
  /** A pick that must not be refused. */
  readonly take: (request?: PickRequest) => Picked;
  /** Picks and ends at once; the id. */
  readonly call: (request?: PickRequest, outcome?: Outcome) => string;
  /** Ids of so many picks, each ended before the next. */
  readonly calls: (count: number, request?: PickRequest) => readonly string[];
  /** The picks of each id among so many. */
  readonly tally: (count: number, request?: PickRequest) => Record<string, number>;
}

/** Endpoints a, b, c, … with the given fields. */
export function endpointsOf(...fields: readonly Partial<Endpoint>[]): Endpoint[] {
  return fields.map((field, index) => {
    const id = field.id ?? String.fromCharCode(97 + index);
    return { id, address: `http://${id}`, ...field };
  });
}

export function testSet(options: BalancerOptions, endpoints: readonly Endpoint[]): TestSet {
  const clock = manualClock();
  const set = balancer({ clock, random: seededRandom("set"), ...options });
  set.update(endpoints);
  const take = (request?: PickRequest): Picked => {
    const pick = set.pick(request);
    if (pick.kind === "picked") return pick;
    throw new Error(`nobody was picked: ${pick.reason}`);
  };
  const call = (request?: PickRequest, outcome: Outcome = "ok"): string => {
    const pick = take(request);
    pick.done(outcome);
    return pick.endpoint.id;
  };
  const calls = (count: number, request?: PickRequest): readonly string[] =>
    Array.from({ length: count }, () => call(request));
  const tally = (count: number, request?: PickRequest): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const id of calls(count, request)) counts[id] = (counts[id] ?? 0) + 1;
    return counts;
  };
  return { set, clock, take, call, calls, tally };
}

/** What `describe` says of one endpoint. */
export function reportOn(set: Balancer, id: string): ReturnType<Balancer["describe"]>["endpoints"][number] {
  const found = set.describe().endpoints.find((endpoint) => endpoint.id === id);
  if (found === undefined) throw new Error(`no endpoint ${id}`);
  return found;
}
