import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ManualClock, manualClock } from "../clock/mod.ts";
import { ConfigError, DisposedError, TimeoutError } from "../errors/mod.ts";
import { subscribe } from "../telemetry/mod.ts";
import { type Closer, type Lifecycle, openLifecycle, type OpenLifecycleOptions, type StopSignal } from "./mod.ts";
import { phaseEndMs, phases, sharesOf } from "./phase.ts";

class FakeProcess {
  readonly exits: number[] = [];
  #heard: ((signal: StopSignal) => void) | undefined;

  listen(_signals: readonly StopSignal[], heard: (signal: StopSignal) => void): Disposable {
    this.#heard = heard;
    return { [Symbol.dispose]: () => void (this.#heard = undefined) };
  }

  get isListenedTo(): boolean {
    return this.#heard !== undefined;
  }

  send(signal: StopSignal): void {
    this.#heard?.(signal);
  }

  exit(code: number): void {
    this.exits.push(code);
  }
}

interface World {
  readonly clock: ManualClock;
  readonly process: FakeProcess;
  readonly lifecycle: Lifecycle;
  readonly log: string[];
  /** Registers a closer that takes `tookMs`, by the clock. */
  readonly closes: (phase: Closer["phase"], name: string, tookMs: number) => Disposable;
}

async function world(options: OpenLifecycleOptions = {}): Promise<World> {
  const clock = manualClock();
  const process = new FakeProcess();
  const lifecycle = await openLifecycle({ clock, process, graceMs: 1_000, ...options });
  const log: string[] = [];
  const closes = (phase: Closer["phase"], name: string, tookMs: number): Disposable => {
    const close = async (signal: AbortSignal): Promise<void> => {
      log.push(`${clock.monotonic()} ${name}`);
      await clock.sleep(tookMs, { signal });
    };
    return lifecycle.register({ phase, name, close });
  };
  return { clock, process, lifecycle, log, closes };
}

describe("a shutdown", () => {
  test("runs its phases in order, what is in one together, and closes in reverse order of opening", async () => {
    const { clock, lifecycle, log, closes } = await world();
    closes("close", "database", 10);
    closes("close", "cache", 10);
    closes("drain", "queue", 10);
    closes("finish", "calls", 10);
    closes("finish", "streams", 20);
    closes("accept", "http", 10);
    const stopped = lifecycle.stop();
    expect([lifecycle.state, lifecycle.stopping.aborted]).toEqual(["stopping", true]);
    await clock.advance(1_000);
    const report = await stopped;
    expect(log).toEqual(["0 http", "10 calls", "10 streams", "30 queue", "40 cache", "50 database"]);
    expect(report).toMatchObject({ outcome: "done", reason: "stop", durationMs: 60, unfinished: [], error: undefined });
    expect([lifecycle.state, clock.timersPending]).toEqual(["stopped", 0]);
  });

  test("waits for what is in time, names what is not, and keeps to the total", async () => {
    const { clock, lifecycle, closes } = await world({ shares: { accept: 0, finish: 0.5, drain: 0, close: 0.5 } });
    closes("finish", "fast", 499);
    closes("finish", "slow", 501);
    closes("close", "hangs", Infinity);
    const stopped = lifecycle.stop();
    await clock.advance(999);
    expect(lifecycle.state).toBe("stopping");
    await clock.advance(1);
    const report = await stopped;
    expect(report).toMatchObject({
      outcome: "overdue",
      durationMs: 1_000,
      unfinished: ["finish: slow", "close: hangs"],
    });
    expect(report.error?.errors).toEqual([
      new TimeoutError("closing slow", 500),
      new TimeoutError("closing hangs", 500),
    ]);
    expect(clock.timersPending).toBe(0);
  });

  test("gives the time that an early phase has left to the later ones", async () => {
    const { clock, lifecycle, closes } = await world();
    closes("close", "database", 999);
    const stopped = lifecycle.stop();
    await clock.advance(1_000);
    expect((await stopped).outcome).toBe("done");
  });

  test("does not let one closer that hangs use up the time of the others", async () => {
    const { clock, lifecycle, log, closes } = await world();
    closes("close", "database", 300);
    closes("close", "hangs", Infinity);
    const stopped = lifecycle.stop();
    await clock.advance(1_000);
    const report = await stopped;
    expect(log).toEqual(["0 hangs", "500 database"]);
    expect(report).toMatchObject({ unfinished: ["close: hangs"], durationMs: 800 });
  });

  test("begins a closer also when no time is left for it", async () => {
    const { clock, lifecycle, log, closes } = await world({ shares: { accept: 1, finish: 0, drain: 0, close: 0 } });
    closes("accept", "http", Infinity);
    closes("close", "database", 0);
    const stopped = lifecycle.stop();
    await clock.advance(1_000);
    await stopped;
    expect(log).toEqual(["0 http", "1000 database"]);
  });

  test("goes on past errors, in and out of turn, and gathers them", async () => {
    const { clock, lifecycle, log, closes } = await world();
    const boom = new Error("boom");
    lifecycle.register({
      phase: "accept",
      name: "throws",
      close: () => {
        throw boom;
      },
    });
    lifecycle.register({ phase: "close", name: "rejects", close: () => Promise.reject(boom) });
    closes("close", "database", 0);
    const stopped = lifecycle.stop();
    await clock.advance(0);
    const report = await stopped;
    expect([report.outcome, report.error?.errors]).toEqual(["failed", [boom, boom]]);
    expect(report.error?.message).toBe("the shutdown did not go well: accept: throws failed, close: rejects failed");
    expect(log).toEqual(["0 database"]);
    await expect(lifecycle[Symbol.asyncDispose]()).rejects.toBe(report.error);
  });

  test("happens once, whoever asks how often", async () => {
    const { clock, lifecycle, log, closes } = await world();
    closes("close", "database", 0);
    const [first, second] = [lifecycle.stop("first"), lifecycle.stop("second")];
    await clock.advance(0);
    expect(await first).toBe(await second);
    await lifecycle[Symbol.asyncDispose]();
    expect([log, (await first).reason]).toEqual([["0 database"], "first"]);
  });

  test("announces first, and waits before the first phase within the total", async () => {
    const events: string[] = [];
    const onDraining = (reason: string): void => void events.push(reason);
    const { clock, lifecycle, log, closes } = await world({ announceMs: 400, onDraining });
    closes("accept", "http", Infinity);
    const stopped = lifecycle.stop("deploy");
    expect(events).toEqual(["deploy"]);
    await clock.advance(399);
    expect(log).toEqual([]);
    await clock.advance(601);
    expect([log, (await stopped).durationMs]).toEqual([["400 http"], 460]);
  });

  test("survives an announcement that throws, and reports it", async () => {
    const { clock, lifecycle } = await world({
      onDraining: () => {
        throw new Error("no balancer");
      },
    });
    const stopped = lifecycle.stop();
    await clock.advance(0);
    expect((await stopped).error?.message).toContain("accept: onDraining failed");
  });

  test("tells how each phase went", async () => {
    const seen: string[] = [];
    using _listener = subscribe("ashlar.lifecycle.phase", (event) =>
      seen.push(`${event.phase} ${event.outcome} ${event.unfinished}`),
    );
    const { clock, lifecycle, closes } = await world();
    closes("finish", "calls", Infinity);
    const stopped = lifecycle.stop();
    await clock.advance(1_000);
    await stopped;
    expect(seen).toEqual(["accept done 0", "finish overdue 1", "drain done 0", "close done 0"]);
  });
});

describe("registering", () => {
  test("is taken back by disposing, and the same closer counts twice", async () => {
    const { clock, lifecycle, log, closes } = await world();
    closes("close", "gone", 0)[Symbol.dispose]();
    const closer: Closer = { phase: "close", name: "twice", close: () => log.push("twice") };
    lifecycle.register(closer);
    lifecycle.register(closer);
    const stopped = lifecycle.stop();
    await clock.advance(0);
    await stopped;
    expect(log).toEqual(["twice", "twice"]);
  });

  test("is possible for a later phase, and refused for one that has begun", async () => {
    const { clock, lifecycle, log, closes } = await world();
    lifecycle.register({ phase: "finish", name: "opens late", close: () => closes("close", "late", 0) });
    const stopped = lifecycle.stop();
    await clock.advance(0);
    await stopped;
    expect(log).toEqual(["0 late"]);
    expect(() => closes("close", "too late", 0)).toThrow(DisposedError);
  });

  test("of a resource disposes it, asynchronously if it can", async () => {
    const { clock, lifecycle, log } = await world();
    const both = {
      [Symbol.asyncDispose]: async () => void log.push("async"),
      [Symbol.dispose]: () => void log.push("sync"),
    };
    expect(lifecycle.use("both", both)).toBe(both);
    lifecycle.use("sync", { [Symbol.dispose]: () => void log.push("sync only") });
    const stopped = lifecycle.stop();
    await clock.advance(0);
    await stopped;
    expect(log).toEqual(["sync only", "async"]);
  });

  test("is bounded", async () => {
    const { lifecycle } = await world();
    const closer: Closer = { phase: "close", name: "x", close: () => undefined };
    for (let count = 0; count < 10_000; count++) lifecycle.register(closer);
    expect(() => lifecycle.register(closer)).toThrow(ConfigError);
  });
});

describe("signals", () => {
  test("begin a shutdown, after which the process exits with 0", async () => {
    const reports: string[] = [];
    const { clock, process, lifecycle, closes } = await world({ onStopped: ({ reason }) => void reports.push(reason) });
    closes("close", "database", 10);
    process.send("SIGTERM");
    await clock.advance(10);
    expect([process.exits, lifecycle.state, reports]).toEqual([[0], "stopped", ["SIGTERM"]]);
    expect(process.isListenedTo).toBe(false);
  });

  test("lead to exit code 1 when something did not go well, whatever onStopped throws", async () => {
    const { clock, process, closes } = await world({
      onStopped: () => {
        throw new Error("no log");
      },
    });
    closes("close", "hangs", Infinity);
    process.send("SIGINT");
    await clock.advance(1_000);
    expect(process.exits).toEqual([1]);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("of a second %s end the process at once with %i", async (signal, code) => {
    const { clock, process, closes } = await world({ signals: ["SIGTERM", "SIGINT", "SIGHUP"] });
    closes("finish", "calls", Infinity);
    process.send("SIGTERM");
    await clock.advance(5);
    process.send(signal);
    expect(process.exits).toEqual([code]);
  });

  test("during a shutdown that the program began: the first joins it and exits, the second does not wait", async () => {
    const { clock, process, lifecycle, closes } = await world();
    closes("finish", "calls", 50);
    void lifecycle.stop();
    process.send("SIGTERM");
    await clock.advance(50);
    expect(process.exits).toEqual([0]);
  });

  test("are not listened to any more once it has stopped", async () => {
    const { clock, process, lifecycle } = await world();
    const stopped = lifecycle.stop();
    await clock.advance(0);
    await stopped;
    expect([process.isListenedTo, process.exits]).toEqual([false, []]);
  });
});

test("options out of range are refused before anything is listened to", async () => {
  for (const options of [
    { graceMs: 0 },
    { graceMs: 5, announceMs: 6 },
    { shares: { close: 0.9 } },
    { signals: ["SIGKILL" as StopSignal] },
  ]) {
    const process = new FakeProcess();
    await expect(openLifecycle({ ...options, process })).rejects.toThrow(ConfigError);
    expect(process.isListenedTo).toBe(false);
  }
});

test("the ends of the phases never fall, and the last is the total", () => {
  const weights = fc.tuple(...phases.map(() => fc.integer({ min: 1, max: 100 })));
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 3_600_000 }), (weights, totalMs) => {
      const sum = weights.reduce((sum, weight) => sum + weight, 0);
      const shares = sharesOf(Object.fromEntries(phases.map((phase, index) => [phase, (weights[index] ?? 0) / sum])));
      const ends = phases.map((phase) => phaseEndMs(phase, shares, totalMs));
      expect(ends).toEqual(ends.toSorted((left, right) => left - right));
      expect(ends.at(-1)).toBe(totalMs);
    }),
  );
});
