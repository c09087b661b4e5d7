// What a policy costs over a bare await, and what adaptive limits are worth: node --conditions=ashlar-source kit/src/resilience/resilience.bench.ts
// Nanoseconds of processor time for each call, median of the rounds of one process.
import { execFileSync } from "node:child_process";
import process from "node:process";
import { seededRandom } from "../random/mod.ts";
import { simulateLimit } from "./adaptive.test-simulation.ts";
import { breaker } from "./breaker.ts";
import { bulkhead } from "./bulkhead.ts";
import { AimdLimit, GradientLimit, type LimitAlgorithm, VegasLimit } from "./limit-algorithm.ts";
import { deadline, retry, timeout } from "./layers.ts";
import { pipeline, type Pipeline } from "./pipeline.ts";
import { retryBudget } from "./retry-budget.ts";

const roundsOf = 15;
const callsOfRound = 100_000;

let done = 0;
const work = async (): Promise<number> => ++done;
const failing = (): Promise<never> => Promise.reject(refusedBefore);
const refusedBefore = new Error("always the same, so that building it is not measured");

type Case = { readonly name: string; readonly targetNs?: number; readonly run: (calls: number) => Promise<void> };

function through(line: Pipeline, task: () => Promise<unknown> = work): Case["run"] {
  return async (calls) => {
    for (let call = 0; call < calls; call++) await line.run(task);
  };
}

function outcomes(line: Pipeline, task: () => Promise<unknown> = work): Case["run"] {
  return async (calls) => {
    for (let call = 0; call < calls; call++) await line.outcome(task);
  };
}

function caught(line: Pipeline, task: () => Promise<unknown> = work): Case["run"] {
  return async (calls) => {
    for (let call = 0; call < calls; call++) await line.run(task).catch(() => undefined);
  };
}

function openBreaker(): ReturnType<typeof breaker> {
  const stock = breaker({ openMs: 3_600_000 });
  stock.force("open");
  return stock;
}

const line = (...layers: Parameters<typeof pipeline>[0]["layers"]): Pipeline => pipeline({ name: "bench", layers });
const budget = retryBudget();
const never = { trip: { kind: "calls", calls: 100_000, failureRatio: 1, callsMin: 100_000 } } as const;
const mostlyFailing = breaker(never);
const { signal } = new AbortController();

const cases: readonly Case[] = [
  {
    name: "bare await",
    run: async (calls) => {
      for (let call = 0; call < calls; call++) await work();
    },
  },
  { name: "no layer", run: through(line()) },
  {
    name: "breaker, consecutive",
    targetNs: 110,
    run: through(line(breaker({ trip: { kind: "consecutive", failures: 5 } }))),
  },
  {
    name: "breaker, last 100 calls",
    targetNs: 110,
    run: through(line(breaker({ trip: { kind: "calls", calls: 100 } }))),
  },
  { name: "breaker, last 10 s", targetNs: 110, run: through(line(breaker())) },
  { name: "retry, first attempt", targetNs: 95, run: through(line(retry({ attemptsMax: 3, budget }))) },
  { name: "bulkhead, free", run: through(line(bulkhead({ permits: 64 }))) },
  { name: "timeout, never fires", targetNs: 220, run: through(line(timeout(1_000))) },
  {
    name: "timeout, the work reads its signal",
    targetNs: 220,
    run: async (calls) => {
      const timed = line(timeout(1_000));
      for (let call = 0; call < calls; call++) await timed.run(({ signal }) => (signal.aborted ? 0 : work()));
    },
  },
  {
    name: "the caller gives a signal",
    run: async (calls) => {
      const plain = line();
      for (let call = 0; call < calls; call++) await plain.run(work, { signal });
    },
  },
  {
    name: "retry, breaker (calls), timeout",
    targetNs: 220,
    run: through(
      line(retry({ attemptsMax: 3, budget }), breaker({ trip: { kind: "calls", calls: 100 } }), timeout(1_000)),
    ),
  },
  {
    name: "deadline, retry, breaker (10 s), bulkhead, timeout",
    run: through(
      line(deadline(5_000), retry({ attemptsMax: 3, budget }), breaker(), bulkhead({ permits: 64 }), timeout(1_000)),
    ),
  },
  { name: "refused as a value", targetNs: 60, run: outcomes(line(openBreaker())) },
  { name: "refused, thrown and caught", targetNs: 1_300, run: caught(line(openBreaker())) },
  { name: "failing, 100,000 calls in the window", targetNs: 3_000, run: caught(line(mostlyFailing), failing) },
  { name: "failing, as a value", run: outcomes(line(mostlyFailing), failing) },
];

async function measure(run: Case["run"], calls: number): Promise<number> {
  const from = process.threadCpuUsage();
  await run(calls);
  const spent = process.threadCpuUsage(from);
  return ((spent.user + spent.system) / calls) * 1_000;
}

async function measureCase({ name, targetNs, run }: Case): Promise<void> {
  await run(callsOfRound * 2);
  const found: number[] = [];
  for (let round = 0; round < roundsOf; round++) found.push(await measure(run, callsOfRound));
  const sorted = found.toSorted((left, right) => left - right);
  print(
    name,
    [sorted[sorted.length >> 1], sorted[0], targetNs].map((cell) => cell?.toFixed(0) ?? ""),
  );
}

/** Each case has a process to itself, as it has in a program with a few pipelines: code that serves sixteen kinds of them is slower. */
function measureApart(): void {
  print("ns a call", ["median", "best", "target"]);
  for (const place of cases.keys()) {
    const flags = ["--conditions=ashlar-source", import.meta.filename, String(place)];
    process.stdout.write(execFileSync(process.execPath, flags));
  }
}

/** Answers in time a second / p99 in ms / mean limit, in four phases. */
function simulateLimits(): void {
  const bounds = { initial: 20, min: 1, max: 200 };
  const random = seededRandom("vegas");
  const fixed = (limit: number): LimitAlgorithm => ({ limit, sample: () => undefined });
  const algorithms: Readonly<Record<string, () => LimitAlgorithm>> = {
    none: () => fixed(Infinity),
    "fixed, tuned by hand": () => fixed(15),
    gradient: () => new GradientLimit(bounds, { healthyMs: Infinity }),
    "aimd, slow 100 ms": () => new AimdLimit(bounds, { slowMs: 100, decrease: 0.9 }),
    vegas: () => new VegasLimit(bounds, { draw: () => random.next() }),
  };
  print("seed 1", ["calm", "overload", "calm again", "3x slower"], 22);
  for (const [name, algorithm] of Object.entries(algorithms)) {
    const phases = simulateLimit(algorithm(), "1");
    const cells = phases.map((phase) =>
      [phase.goodput, phase.p99Ms, phase.meanLimit].map((n) => n.toFixed(0)).join(" / "),
    );
    print(name, cells, 22);
  }
}

function print(name: string, cells: readonly string[], width = 10): void {
  process.stdout.write(`${name.padEnd(54)}${cells.map((cell) => cell.padStart(width)).join("")}\n`);
}

const [asked] = process.argv.slice(2);
const chosen = asked === undefined ? undefined : cases[Number(asked)];
if (chosen !== undefined) await measureCase(chosen);
else {
  measureApart();
  simulateLimits();
}
