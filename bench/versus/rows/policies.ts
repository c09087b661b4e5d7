import {
  adaptiveLimit,
  breaker,
  deadline,
  pipeline,
  retry,
  retryBudget,
  timeout,
  type BreakerOptions,
  type Pipeline,
} from "ashlar/resilience";

import { nanoseconds, type Figure, type Row } from "../frame.ts";

// Every side does the same work behind its policy, and says at the end how often: who answers without doing it gives no figure.
let done = 0;
let asked = 0;
const work = async (): Promise<number> => ++done;
const down = new Error("always the same, so that building it is not measured");
const failing = async (): Promise<number> => {
  done++;
  throw down;
};
const readsSignal = ({ signal }: { readonly signal: AbortSignal }): Promise<number> | number =>
  signal.aborted ? 0 : work();

async function figure(name: string, call: () => Promise<unknown>, expected = () => asked): Promise<Figure> {
  const value = await nanoseconds(async (count) => {
    asked += count;
    for (let index = 0; index < count; index++) await call();
  });
  if (done !== expected()) throw new Error(`${name}: ${asked} calls, the work was done ${done} times`);
  return { name, durability: "", value };
}

/** A call that may throw, caught as its caller has to. */
function caught(call: () => Promise<unknown>): () => Promise<void> {
  return async () => {
    try {
      await call();
    } catch {
      // That is what is measured.
    }
  };
}

const never = (): number => 0;
const line = (...layers: Parameters<typeof pipeline>[0]["layers"]): Pipeline => pipeline({ name: "bench", layers });
const bareAwait = (): Promise<Figure> => figure("bare await", work);
const base = { better: "lower", unit: "ns", limitName: "ns, await of the work alone", limit: bareAwait } as const;

const cockatielOf = async (kind: "calls" | "consecutive" | "time") => {
  const c = await import("cockatiel");
  const window = {
    calls: () => new c.CountBreaker({ threshold: 0.5, size: 100 }),
    consecutive: () => new c.ConsecutiveBreaker(5),
    time: () => new c.SamplingBreaker({ threshold: 0.5, duration: 10_000 }),
  };
  return c.circuitBreaker(c.handleAll, { halfOpenAfter: 1_000, breaker: window[kind]() });
};

function closedBreaker(kind: "calls" | "consecutive" | "time", what: string, trip: BreakerOptions["trip"]): Row {
  const opossum = async (): Promise<Figure> => {
    const { default: CircuitBreaker } = await import("opossum");
    const stock = new CircuitBreaker(work, { timeout: false, rollingPercentilesEnabled: false });
    return figure("opossum 10, timeout and percentiles off", () => stock.fire());
  };
  return {
    ...base,
    path: `closed breaker, ${what}`,
    bar: 110,
    ours: () => {
      const stock = line(breaker({ trip }));
      return figure("Ashlar", () => stock.run(work));
    },
    rivals: [
      async () => {
        const stock = await cockatielOf(kind);
        return figure("cockatiel 4", () => stock.execute(work));
      },
      ...(kind === "time" ? [opossum] : []),
    ],
  };
}

const firstAttempt: Row = {
  ...base,
  path: "retry, the first attempt succeeds",
  bar: 95,
  ours: () => {
    const again = line(retry({ attemptsMax: 3, budget: retryBudget() }));
    return figure("Ashlar, with a budget", () => again.run(work));
  },
  rivals: [
    async () => {
      const c = await import("cockatiel");
      const again = c.retry(c.handleAll, { maxAttempts: 3, backoff: new c.ExponentialBackoff() });
      return figure("cockatiel 4", () => again.execute(work));
    },
    async () => {
      const { Effect, Schedule } = await import("effect");
      const again = Effect.promise(work).pipe(Effect.retry(Schedule.exponential("100 millis")));
      return figure("Effect 4.1", () => Effect.runPromise(again));
    },
  ],
};

const timeLimit: Row = {
  ...base,
  path: "timeout that never fires, the work reads its signal",
  bar: 220,
  ours: () => {
    const timed = line(timeout(5_000));
    return figure("Ashlar", () => timed.run(readsSignal));
  },
  rivals: [
    async () => {
      const c = await import("cockatiel");
      const timed = c.timeout(5_000, { strategy: c.TimeoutStrategy.Cooperative, abortOnReturn: false });
      return figure("cockatiel 4, cooperative, not aborted on return", () => timed.execute(readsSignal));
    },
    async () => {
      const c = await import("cockatiel");
      const timed = c.timeout(5_000, c.TimeoutStrategy.Aggressive);
      return figure("cockatiel 4, aggressive", () => timed.execute(readsSignal));
    },
    async () => {
      const { Effect } = await import("effect");
      const timed = Effect.promise((signal) => Promise.resolve(readsSignal({ signal }))).pipe(
        Effect.timeout("5 seconds"),
      );
      return figure("Effect 4.1", () => Effect.runPromise(timed));
    },
  ],
};

const three: Row = {
  ...base,
  path: "retry, breaker and timeout around one call",
  bar: 220,
  ours: () => {
    const stock = breaker({ trip: { kind: "calls", calls: 100 } });
    const three = line(retry({ attemptsMax: 3, budget: retryBudget() }), stock, timeout(5_000));
    return figure("Ashlar", () => three.run(work));
  },
  rivals: [
    async () => {
      const c = await import("cockatiel");
      const again = c.retry(c.handleAll, { maxAttempts: 3, backoff: new c.ExponentialBackoff() });
      const three = c.wrap(again, await cockatielOf("calls"), c.timeout(5_000, c.TimeoutStrategy.Cooperative));
      return figure("cockatiel 4, cooperative", () => three.execute(work));
    },
    async () => {
      const { Effect, Schedule } = await import("effect");
      const two = Effect.promise(work).pipe(
        Effect.timeout("5 seconds"),
        Effect.retry(Schedule.exponential("100 millis")),
      );
      return figure("Effect 4.1, which has no breaker", () => Effect.runPromise(two));
    },
  ],
};

const whole: Row = {
  ...base,
  path: "deadline, retry with a budget, breaker of 10 s, adaptive limit and timeout around one call",
  bar: 350,
  ours: () => {
    const whole = line(
      deadline(20_000),
      retry({ attemptsMax: 3, budget: retryBudget() }),
      breaker(),
      adaptiveLimit(),
      timeout(5_000),
    );
    return figure("Ashlar", () => whole.run(work));
  },
  rivals: [
    async () => {
      const c = await import("cockatiel");
      const again = c.retry(c.handleAll, { maxAttempts: 3, backoff: new c.ExponentialBackoff() });
      const timed = (ms: number) => c.timeout(ms, c.TimeoutStrategy.Cooperative);
      const whole = c.wrap(timed(20_000), again, await cockatielOf("time"), c.bulkhead(64), timed(5_000));
      return figure("cockatiel 4, fixed limit, no budget", () => whole.execute(work));
    },
  ],
};

async function openCockatiel() {
  const c = await import("cockatiel");
  const stock = c.circuitBreaker(c.handleAll, { halfOpenAfter: 1e9, breaker: new c.ConsecutiveBreaker(1) });
  await stock
    .execute(() => {
      throw down;
    })
    .catch(() => undefined);
  return stock;
}

function openOurs(): Pipeline {
  const stock = breaker({ openMs: 3_600_000 });
  stock.force("open");
  return line(stock);
}

const refusedAsValue: Row = {
  ...base,
  path: "call refused by an open breaker, as a value",
  bar: 60,
  ours: () => {
    const stock = openOurs();
    return figure("Ashlar", () => stock.outcome(work), never);
  },
};

const refusedThrown: Row = {
  ...base,
  path: "call refused by an open breaker, thrown and caught",
  bar: 1_300,
  ours: () => {
    const stock = openOurs();
    return figure(
      "Ashlar",
      caught(() => stock.run(work)),
      never,
    );
  },
  rivals: [
    async () => {
      const stock = await openCockatiel();
      return figure(
        "cockatiel 4",
        caught(() => stock.execute(work)),
        never,
      );
    },
    async () => {
      const { default: CircuitBreaker } = await import("opossum");
      const stock = new CircuitBreaker(work, { timeout: false, rollingPercentilesEnabled: false });
      stock.open();
      return figure(
        "opossum 10",
        caught(() => stock.fire()),
        never,
      );
    },
  ],
};

/** Calls that a breaker's time window holds when one fails. */
export const callsInWindow = [1_000, 10_000, 100_000] as const;
export const failingPath = (calls: number): string => `failing call, ${calls.toLocaleString("en-US")} in the window`;

const lengthMs = 3_600_000;
type Fire = (task: () => Promise<number>) => Promise<unknown>;

/** Failures behind a window that holds so many calls; few beside them, so that it stays what it is. */
async function failures(name: string, open: () => Fire, calls: number): Promise<Figure> {
  await spentOnFailures(open, 1_000, 2_000); // compiled by the optimiser
  // After a long run of successes the first failures have to be compiled anew.
  const atOnce = Math.max(200, calls / 50);
  let [count, spentNs] = [0, 0];
  for (; spentNs < enoughNs; count += atOnce) spentNs += await spentOnFailures(open, calls, atOnce);
  return { name, durability: "", value: spentNs / count };
}

/** What is spent is known to a few milliseconds. */
const enoughNs = 2e8;

/** Nanoseconds for so many failures. */
async function spentOnFailures(open: () => Fire, calls: number, count: number): Promise<number> {
  const fire = open();
  const fail = caught(() => fire(failing));
  for (let call = 0; call < calls; call++) await fire(work);
  const before = done;
  const from = process.threadCpuUsage();
  for (let call = 0; call < count; call++) await fail();
  const { user, system } = process.threadCpuUsage(from);
  if (done !== before + count) throw new Error(`the work was done ${done - before} times, not ${count}`);
  return (user + system) * 1e3;
}

function failingRow(calls: number): Row {
  return {
    ...base,
    path: failingPath(calls),
    bar: 3_000,
    limitName: "ns, the failing work alone, caught",
    limit: () => failures("bare await", () => (task) => task(), calls),
    ours: () => {
      const trip = { kind: "time", windowMs: lengthMs, failureRatio: 1 } as const;
      const open = (): Fire => {
        const stock = line(breaker({ trip }));
        return (task) => stock.run(task);
      };
      return failures("Ashlar", open, calls);
    },
    rivals: [
      async () => {
        const c = await import("cockatiel");
        const open = (): Fire => {
          const window = new c.SamplingBreaker({ threshold: 0.999, duration: lengthMs });
          const stock = c.circuitBreaker(c.handleAll, { halfOpenAfter: 1e9, breaker: window });
          return (task) => stock.execute(task);
        };
        return failures("cockatiel 4", open, calls);
      },
      async () => {
        const { default: CircuitBreaker } = await import("opossum");
        const options = { timeout: false, errorThresholdPercentage: 100, rollingCountTimeout: lengthMs } as const;
        const open = (): Fire => {
          const stock = new CircuitBreaker((task: () => Promise<number>) => task(), options);
          return (task) => stock.fire(task);
        };
        return failures("opossum 10", open, calls);
      },
    ],
  };
}

export const policies: readonly Row[] = [
  closedBreaker("consecutive", "failures in a row", { kind: "consecutive", failures: 5 }),
  closedBreaker("calls", "last 100 calls", { kind: "calls", calls: 100 }),
  closedBreaker("time", "last 10 s", undefined),
  firstAttempt,
  timeLimit,
  three,
  whole,
  refusedAsValue,
  refusedThrown,
  ...callsInWindow.map(failingRow),
];
