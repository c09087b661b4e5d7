// What a pick costs and what it is worth: node --conditions=ashlar-source kit/src/balancer/balancer.bench.ts [fleet]
// Nanoseconds of thread time of a pick with its end, by algorithm and size of the set, then tail latencies of a simulated fleet.
import { execFileSync } from "node:child_process";
import process from "node:process";
import { systemClock } from "../clock/mod.ts";
import { balancer, type Balancer, type PickRequest } from "./balancer.ts";
import { simulate } from "./fleet.test-simulation.ts";
import { maglevTable } from "./choose-by-table.ts";
import { slotOf } from "./slot.ts";
import type { Endpoint } from "./endpoint.ts";

const rounds = 7;
const picksOfRound = 400_000;
const sizes = [3, 10, 100] as const;
const kinds = [
  "round-robin",
  "least-requests",
  "two-choices",
  "peak-ewma",
  "hash",
  "rendezvous",
  "maglev",
  "sticky",
] as const;
type Kind = (typeof kinds)[number];

let sharedMs = systemClock.monotonic();
const shared = { now: () => sharedMs, monotonic: () => sharedMs };

function print(...cells: (string | number)[]): void {
  process.stdout.write(
    `${cells.map((cell, place) => (place === 0 ? String(cell).padEnd(34) : String(cell).padStart(12))).join("")}\n`,
  );
}

function endpointsOf(size: number, weights: "even" | "uneven"): Endpoint[] {
  return Array.from({ length: size }, (_, index) => ({
    id: `node-${index}`,
    address: "here",
    weight: weights === "even" ? 1 : 1 + (index % 3),
  }));
}

/** Reads the machine's time once a thousand picks: the shared reading of a caller that has taken it anyway. */
function measure(set: Balancer, requests: readonly (PickRequest | undefined)[], tick: () => void): [number, number] {
  const round = (done: "with done" | "alone"): number => {
    const from = process.threadCpuUsage();
    for (let index = 0; index < picksOfRound; index++) {
      if (index % requests.length === 0) tick();
      const pick = set.pick(requests[index % requests.length]);
      if (done === "with done" && pick.kind === "picked") pick.done("ok");
    }
    const spent = process.threadCpuUsage(from);
    return ((spent.user + spent.system) / picksOfRound) * 1e3;
  };
  const median = (done: "with done" | "alone"): number =>
    Array.from({ length: rounds }, () => round(done)).toSorted((left, right) => left - right)[rounds >> 1] ?? 0;
  round("with done");
  return [median("with done"), median("alone")];
}

/** One algorithm has a process to itself, as it has in a program: code that serves eight is slower. */
function measureKind(kind: Kind, weights: "even" | "uneven", reading: "shared" | "own"): void {
  const both = sizes.map((size) => {
    const set = balancer({ algorithm: kind, clock: reading === "own" ? systemClock : shared });
    set.update(endpointsOf(size, weights));
    const isKeyed = ["hash", "rendezvous", "maglev", "sticky"].includes(kind);
    const request = (index: number): PickRequest | undefined => (isKeyed ? { key: `user-${index}` } : undefined);
    return measure(
      set,
      Array.from({ length: 1_000 }, (_, index) => request(index)),
      () => {
        sharedMs = systemClock.monotonic();
      },
    );
  });
  const name = `${kind}, ${weights} weights${reading === "own" ? ", own clock readings" : ""}`;
  print(name, ...both.map(([withDone, alone]) => `${alone.toFixed(0)} / ${withDone.toFixed(0)}`));
}

function inProcess(...job: string[]): void {
  const flags = ["--conditions=ashlar-source", import.meta.filename];
  process.stdout.write(execFileSync(process.execPath, [...flags, ...job]));
}

function simulateAll(requests: number): void {
  for (const [load, slowness] of [
    [0.7, 1],
    [0.7, 5],
    [0.9, 5],
  ] as const) {
    print(`load ${load}, one node of ten ${slowness}x slower`, "p50 ms", "p99", "p99.9");
    for (const kind of kinds) {
      const { p50, p99, p999 } = simulate({ options: { algorithm: kind, ejection: "off" }, load, slowness, requests });
      print(`  ${kind}`, p50.toFixed(0), p99.toFixed(0), p999.toFixed(0));
    }
  }
}

const [job = "all", weights = "even", reading = "shared"] = process.argv.slice(2);
const kind = kinds.find((name) => name === job);
if (kind !== undefined) measureKind(kind, weights === "even" ? "even" : "uneven", reading === "own" ? "own" : "shared");
else if (job === "fleet") simulateAll(200_000);
else {
  print("ns a pick alone / with done()", ...sizes.map((size) => `${size} nodes`));
  for (const name of kinds) for (const spread of ["even", "uneven"]) inProcess(name, spread);
  inProcess("peak-ewma", "even", "own");
  const slots = endpointsOf(20, "even").map((endpoint) => slotOf(endpoint, 0));
  const fromMs = systemClock.monotonic();
  maglevTable(slots, 65_537);
  print("maglev table of 65,537, ms", (systemClock.monotonic() - fromMs).toFixed(1));
  inProcess("fleet");
}
