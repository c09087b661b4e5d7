import { beforeEach, expect, test } from "vitest";
import { type Clock, systemClock } from "../../clock/mod.ts";
import { openRedis } from "../../drivers/redis/mod.ts";
import { needsServer, serverUrl } from "../../drivers/redis/server.test-redis.ts";
import { openQueue, queue } from "../../queue/mod.ts";
import { openSchedule } from "../../schedule/mod.ts";
import { enqueue, takeOne, withEngines } from "./engines.test-engine.ts";
import type { RedisEngine } from "./mod.ts";

beforeEach(needsServer);

test("16 workers of four engines on one key: in order, one at a time, each once", { timeout: 60_000 }, () =>
  withEngines(async (open) => {
    const engines = [await open(), await open(), await open(), await open()];
    const bodies = Array.from({ length: 60 }, (_, n) => String(n));
    await engines[0]?.commit([{ op: "enqueue", queue: "jobs", messages: bodies.map((body) => ({ body, key: "k" })) }]);
    const handled: string[] = [];
    let running = 0;
    const work = async (engine: RedisEngine | undefined): Promise<void> => {
      if (engine === undefined) return;
      while (handled.length < bodies.length) {
        const { claims } = await engine.claim({ queue: "jobs", count: 4, leaseMs: 30_000 });
        if (claims.length === 0) await systemClock.sleep(2);
        for (const { receipt, body } of claims) {
          expect((running += 1)).toBe(1);
          handled.push(body);
          running -= 1;
          await engine.commit([{ op: "settle", receipt, as: { kind: "ack" } }]);
        }
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, n) => work(engines[n % 4])));
    expect(handled).toEqual(bodies);
    expect(await engines[0]?.verify()).toEqual([]);
  }),
);

test("two schedulers fire each time once, and one goes on when the other is gone", { timeout: 60_000 }, () =>
  withEngines(async (open) => {
    const everyMs = 200;
    const start = async (stack: AsyncDisposableStack): Promise<void> => {
      const engine = await open();
      const jobs = await openQueue({ engine, queue: queue<number>("ticks") });
      const input = ({ scheduledAtMs }: { readonly scheduledAtMs: number }): number => scheduledAtMs;
      const schedules = [{ name: "tick", everyMs, queue: jobs, input, catchUp: "all" as const }] as const;
      stack.use(await openSchedule({ engine, schedules }));
    };
    await using last = new AsyncDisposableStack();
    await start(last);
    {
      await using other = new AsyncDisposableStack();
      await start(other);
      await systemClock.sleep(1_200);
    }
    await systemClock.sleep(800);
    const ticks = await openQueue({ engine: await open(), queue: queue<number>("ticks") });
    const times = (await Array.fromAsync(ticks.jobs())).map(({ input }) => input);
    expect(times.length).toBeGreaterThanOrEqual(5);
    expect(times).toEqual(times.map((_, index) => (times[0] ?? 0) + index * everyMs));
  }),
);

test("scenario 10: the engine's clock is the server's, whatever this machine's says", () =>
  withEngines(async (open) => {
    const engine = await open();
    await using database = await openRedis({ url: serverUrl });
    const [seconds] = (await database.send(["TIME"])) as readonly string[];
    expect(Math.abs(engine.clock.now() - Number(seconds) * 1000)).toBeLessThan(2_000);
    let last = 0;
    for (let n = 0; n < 200; n++) {
      expect(engine.clock.now()).toBeGreaterThanOrEqual(last);
      last = engine.clock.now();
      if (n % 20 === 0) await engine.commit([]);
    }
  }));

test("scenario 10: of two engines whose clocks differ, each judges by its own, and no message has two holders", () =>
  withEngines(async (open) => {
    const ahead: Clock = { ...bound(systemClock), now: () => systemClock.now() + 60_000 };
    const engine = await open({ clock: systemClock });
    const early = await open({ clock: ahead });
    await engine.commit([enqueue("1")]);
    const held = await takeOne(engine, 30_000);
    // By the clock that is ahead the lease is over: the message changes hands, and the first holder is fenced.
    const taken = await takeOne(early, 30_000);
    expect(taken.receipt.token).toBeGreaterThan(held.receipt.token);
    const late = await engine.commit([{ op: "settle", receipt: held.receipt, as: { kind: "ack" } }]);
    expect(late.committed).toBe(false);
    expect((await early.commit([{ op: "settle", receipt: taken.receipt, as: { kind: "ack" } }])).committed).toBe(true);
  }));

function bound(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    setTimer: (delayMs, ring, options) => clock.setTimer(delayMs, ring, options),
    sleep: (delayMs, options) => clock.sleep(delayMs, options),
    nextTurn: (run) => clock.nextTurn(run),
  };
}
