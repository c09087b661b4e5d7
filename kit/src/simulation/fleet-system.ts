import { availableParallelism } from "node:os";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { FleetSum, type FleetReport } from "./fleet.ts";
import { runSeed, type RunReport, type RunSeedOptions } from "./run-seed.ts";
import type { Scenario } from "./scenario.ts";
import { shrink } from "./shrink.ts";

/** What a thread of a fleet is told at its start. */
interface Duty {
  readonly fleet: "ashlar-simulation";
  readonly scenario: string;
}

type Order =
  | { readonly kind: "run"; readonly options: RunSeedOptions }
  | { readonly kind: "shrink"; readonly run: RunReport };

/** How a fleet is run. */
export interface FleetOptions {
  /** First seed. */
  readonly from: number;
  readonly seeds: number;
  /** The program that every thread runs: one that calls {@link serveFleet} when it is told to. */
  readonly program: URL;
  /** Threads. Default: as many as the machine runs at once. */
  readonly cores?: number | undefined;
  readonly run: Omit<RunSeedOptions, "seed" | "onStop" | "untilEvent">;
  /** One seed in so many is run with the watch for leaks. */
  readonly watchEvery: number;
  readonly progress?: ((run: RunReport) => void) | undefined;
}

/** Runs seeds over all cores, each in a thread whose modules are its own, then shrinks what failed. */
export async function runFleet(scenario: Scenario, options: FleetOptions): Promise<FleetReport> {
  const { from, seeds, program, cores = availableParallelism(), watchEvery } = options;
  const sum = new FleetSum(scenario);
  const duty: Duty = { fleet: "ashlar-simulation", scenario: scenario.name };
  const threads = Array.from(
    { length: Math.min(cores, seeds) },
    () => new Worker(program, { workerData: duty, argv: [] }),
  );
  let next = from;
  try {
    await Promise.all(
      threads.map(async (thread) => {
        while (next < from + seeds) {
          const seed = next++;
          const leaks = seed % watchEvery === 0 ? "watch" : "ignore";
          const run = await ask(thread, { kind: "run", options: { ...options.run, seed, leaks } });
          sum.add(run);
          options.progress?.(run);
        }
      }),
    );
    const report = sum.report();
    const [first] = threads;
    if (first === undefined) return report;
    const failures = [];
    for (const { run, seeds: failed } of report.failures.slice(0, failuresShrunk))
      failures.push({ run: await ask(first, { kind: "shrink", run }), seeds: failed });
    return { ...report, failures: [...failures, ...report.failures.slice(failuresShrunk)] };
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}

const failuresShrunk = 5;

/** In a thread of a fleet: does as it is told for as long as the fleet lives, and says `served`. Elsewhere it does nothing. */
export async function serveFleet(
  find: (name: string) => Promise<Scenario>,
): Promise<"served" | "not a thread of a fleet"> {
  const duty = workerData as Duty | null;
  const port = parentPort;
  if (isMainThread || port === null || duty?.fleet !== "ashlar-simulation") return "not a thread of a fleet";
  const scenario = await find(duty.scenario);
  port.on("message", (order: Order) => {
    const answer = order.kind === "run" ? runQuickly(scenario, order.options) : shrink(scenario, order.run);
    void answer.then((run) => port.postMessage(run));
  });
  return "served";
}

/** Nobody reads the stacks of a seed that passes, and taking them is a tenth of the work: one that fails is run again with them. */
async function runQuickly(scenario: Scenario, options: RunSeedOptions): Promise<RunReport> {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  let run: RunReport;
  try {
    run = await runSeed(scenario, options);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  if (run.outcome !== "failed") return run;
  const again = await runSeed(scenario, options);
  // Should it ever pass now, the failure counts: it is what was seen.
  return again.outcome === "failed" ? again : run;
}

function ask(thread: Worker, order: Order): Promise<RunReport> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      thread.off("message", answered).off("error", failed).off("exit", left);
    };
    const answered = (run: RunReport): void => (done(), resolve(run));
    const failed = (error: unknown): void => (done(), reject(error));
    const left = (code: number): void => failed(new Error(`a thread of the fleet ended with ${code}`));
    thread.on("message", answered).on("error", failed).on("exit", left);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    thread.postMessage(order);
  });
}
