// A fleet in virtual time: nodes of four slots with a queue each, exponential work, arrivals that do not wait for answers,
// several callers that know only what they sent themselves.
import { indexedHeap } from "../collections/mod.ts";
import { type Random, seededRandom } from "../random/mod.ts";
import { balancer, type Balancer } from "./balancer.ts";
import type { BalancerOptions } from "./options.ts";
import type { Picked } from "./picked.ts";

/** What is simulated. */
export interface Fleet {
  readonly options: BalancerOptions;
  /** Part of the fleet's capacity that arrives. */
  readonly load: number;
  /** How many times slower the first node is. */
  readonly slowness?: number;
  readonly requests: number;
  readonly nodes?: number;
  readonly zoneOf?: (node: number) => string;
  readonly seed?: string;
}

/** Latencies of the requests after the first tenth, in milliseconds, and who got how many. */
export interface FleetResult {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly picks: readonly number[];
}

interface Node {
  readonly slowness: number;
  busy: number;
  picks: number;
  readonly queue: Job[];
}

interface Job {
  readonly pick: Picked;
  readonly node: Node;
  readonly startedAtMs: number;
}

/** Something that happens: a job ends, or without one a request arrives. */
interface Happening {
  readonly atMs: number;
  readonly job: Job | undefined;
}

const slotsOfNode = 4;
const workMs = 10;
const callersCount = 4;

export function simulate(fleet: Fleet): FleetResult {
  const { load, requests, slowness = 1, nodes: count = 10, seed = "fleet" } = fleet;
  const random = seededRandom(seed);
  let nowMs = 0;
  const clock = { now: () => nowMs, monotonic: () => nowMs };
  const nodes = Array.from({ length: count }, (_, index): Node => ({
    slowness: index === 0 ? slowness : 1,
    busy: 0,
    picks: 0,
    queue: [],
  }));
  const callers = callersOf(fleet, { clock, random, count });
  const happenings = indexedHeap<Happening>((left, right) => left.atMs - right.atMs);
  const after = (meanMs: number): number => nowMs - Math.log(1 - random.next()) * meanMs;
  const gapMs = workMs / ((count - 1 + 1 / slowness) * slotsOfNode * load);
  const tookMs: number[] = [];

  const begin = (job: Job): void => {
    job.node.busy++;
    happenings.push({ atMs: after(workMs * job.node.slowness), job });
  };
  const arrive = (caller: Balancer): void => {
    const pick = caller.pick({ key: `user-${random.integer(0, 4_999)}`, nowMs });
    const node = pick.kind === "picked" ? nodes[Number(pick.endpoint.address)] : undefined;
    if (pick.kind !== "picked" || node === undefined) throw new Error("the fleet is never empty");
    node.picks++;
    const job = { pick, node, startedAtMs: nowMs };
    if (node.busy < slotsOfNode) begin(job);
    else node.queue.push(job);
  };
  const leave = ({ pick, node, startedAtMs }: Job): void => {
    pick.done("ok", nowMs);
    tookMs.push(nowMs - startedAtMs);
    node.busy--;
    const next = node.queue.shift();
    if (next !== undefined) begin(next);
  };

  happenings.push({ atMs: 0, job: undefined });
  for (let arrived = 0, next = happenings.pop(); next !== undefined; next = happenings.pop()) {
    nowMs = next.atMs;
    if (next.job !== undefined) leave(next.job);
    else {
      arrive(random.pick(callers));
      if (++arrived < requests) happenings.push({ atMs: after(gapMs), job: undefined });
    }
  }
  return resultOf(tookMs.slice(requests / 10), nodes);
}

function callersOf(
  { options, zoneOf }: Fleet,
  world: { clock: NonNullable<BalancerOptions["clock"]>; random: Random; count: number },
): Balancer[] {
  const endpoints = Array.from({ length: world.count }, (_, index) => ({
    id: `node-${index}`,
    address: String(index),
    zone: zoneOf?.(index),
  }));
  return Array.from({ length: callersCount }, (_, index) => {
    const random = world.random.stream(`caller ${index}`);
    const caller = balancer({ ...options, clock: world.clock, random });
    caller.update(endpoints);
    return caller;
  });
}

function resultOf(tookMs: readonly number[], nodes: readonly Node[]): FleetResult {
  const sorted = Float64Array.from(tookMs).toSorted();
  const at = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? 0;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), picks: nodes.map(({ picks }) => picks) };
}
