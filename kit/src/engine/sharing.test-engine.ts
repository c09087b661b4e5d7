import { expect } from "vitest";
import { type Clock, systemClock } from "../clock/mod.ts";
import { until } from "../drivers/network.test-server.ts";
import { openQueue, queue } from "../queue/mod.ts";
import { openRegistry } from "../registry/mod.ts";
import { openSchedule } from "../schedule/mod.ts";
import { type OpenOn, type Place, withEngines } from "./fixture.test-engine.ts";
import type { CellEngine, Change, Claim, CommitResult, EngineBase, MessageEngine } from "./mod.ts";

/** What an engine must keep for the scenarios. */
export type SharedEngine = MessageEngine & CellEngine;

/** What the scenarios ask for. */
export interface SharedOptions {
  readonly clock?: Clock;
  readonly busyMaxMs?: number;
}

/** What processes that share an engine over a server may expect of it, in real time: one test each. `place` makes data of its own. */
export function exerciseSharing<E extends SharedEngine>(
  name: string,
  place: () => Place<E, SharedOptions>,
  { test }: { readonly test: (name: string, run: () => Promise<void>) => unknown },
): void {
  for (const [rule, run] of Object.entries(scenarios)) test(`${name}: ${rule}`, () => withEngines(place(), run));
}

/** Adds a message. */
export function enqueue(body: string, key?: string): Change {
  return { op: "enqueue", queue: "jobs", messages: [{ body, key }] };
}

/** Writes a cell that must not be there. */
export function put(key: string, value = "v"): Change {
  return { op: "put", cell: { space: "s", key }, expect: "absent", value };
}

/** Ids of what a commit added. */
export function added(result: CommitResult): readonly string[] {
  if (!result.committed) throw new Error(JSON.stringify(result.refusal));
  return result.outcomes.flatMap((outcome) => (outcome.op === "enqueue" ? outcome.messages.map(({ id }) => id) : []));
}

/** Bodies of all messages. */
export async function storedIn(engine: EngineBase): Promise<readonly string[]> {
  return (await Array.fromAsync(engine.scan({ kind: "messages", queue: "jobs" }))).map(({ body }) => body);
}

/** What an engine hands out of its queue, which must hold something. */
export async function takeOne(engine: MessageEngine, leaseMs = 30_000): Promise<Claim> {
  const { claims } = await engine.claim({ queue: "jobs", count: 1, leaseMs });
  const [claim] = claims;
  if (claim === undefined) throw new Error("nothing to claim");
  return claim;
}

type Scenario = (open: OpenOn<SharedEngine, SharedOptions>) => Promise<void>;

const scenarios: Readonly<Record<string, Scenario>> = {
  "two schedulers fire each time once, and one goes on when the other is gone": async (open) => {
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
  },

  "registry: instances see each other come and leave, and one whose process is gone is out within its lease": async (
    open,
  ) => {
    const [engine, gone] = [await open(), await open()];
    await using registry = await openRegistry({ engine, leaseMs: 1_000, pollMs: 100 });
    await using leaving = await openRegistry({ engine, leaseMs: 1_000, pollMs: 100 });
    const lost = await openRegistry({ engine: gone, leaseMs: 1_000, pollMs: 100 });
    let seen = "";
    using _ = registry.follow("orders@1", (endpoints) => {
      seen = endpoints
        .map(({ address }) => address)
        .toSorted()
        .join();
    });
    const services = [{ name: "orders@1", hash: "h" }];
    const announced = await leaving.announce({ address: "a:1", services });
    await lost.announce({ address: "b:1", services });
    await until(() => seen === "a:1,b:1", 5_000);
    await announced[Symbol.asyncDispose]();
    await until(() => seen === "b:1", 5_000);
    // Its engine is closed under it: nobody renews the lease, and nobody takes the instance out.
    await gone[Symbol.asyncDispose]();
    await until(() => seen === "", 5_000);
    await expect(lost[Symbol.asyncDispose]()).rejects.toMatchObject({ code: "DISPOSED" });
  },

  "scenario 10: leases go by the server's clock, which every engine reads, and which does not fall": async (open) => {
    const engines = [await open(), await open()];
    // The server is on this machine.
    for (const { clock } of engines) expect(Math.abs(clock.now() - systemClock.now())).toBeLessThan(1_000);
    await engines[0]?.commit([enqueue("job")]);
    const { claims } = (await engines[1]?.claim({ queue: "jobs", count: 1, leaseMs: 5_000 })) ?? { claims: [] };
    expect(Math.abs((claims[0]?.leaseUntilMs ?? 0) - 5_000 - systemClock.now())).toBeLessThan(1_000);
    for (const engine of engines)
      for (let n = 0, last = 0; n < 200; n++) {
        const nowMs = engine.clock.now();
        expect(nowMs).toBeGreaterThanOrEqual(last);
        last = nowMs;
        if (n % 20 === 0) await engine.commit([]);
      }
  },

  "scenario 10: where clocks are given and one is a minute ahead, leases end early, the late holder is fenced, and nothing is lost":
    async (open) => {
      const [right, wrong] = [await open({ clock: systemClock }), await open({ clock: ahead })];
      await right.commit([enqueue("job")]);
      const held = await takeOne(right);
      const again = await takeOne(wrong);
      expect([again.body, again.crashes]).toEqual(["job", 1]);
      expect(again.receipt.token).toBeGreaterThan(held.receipt.token);
      const late = await right.commit([{ op: "settle", receipt: held.receipt, as: { kind: "ack" } }]);
      expect(late).toMatchObject({ committed: false, refusal: { kind: "lease-lost" } });
      expect((await wrong.commit([{ op: "settle", receipt: again.receipt, as: { kind: "ack" } }])).committed).toBe(
        true,
      );
    },
};

const ahead: Clock = {
  now: () => systemClock.now() + 60_000,
  monotonic: () => systemClock.monotonic(),
  setTimer: (...given) => systemClock.setTimer(...given),
  sleep: (...given) => systemClock.sleep(...given),
  nextTurn: (run) => systemClock.nextTurn(run),
};

/** A server that may be killed and started again. */
export interface Restartable {
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** Scenario 9. Eight callers commit a message, and `also` a change of the same name, without a pause, while the server is killed three times. Nothing
 *  fails, nothing acknowledged is lost or doubled, the order of each caller is kept, and every engine has the same. Answers the names. */
export async function exerciseRestarts(
  server: Restartable,
  open: (options: { readonly busyMaxMs: number }) => Promise<SharedEngine>,
  also: (name: string) => Change,
): Promise<readonly string[]> {
  const engines = [await open({ busyMaxMs: 30_000 }), await open({ busyMaxMs: 30_000 })];
  const acknowledged: string[] = [];
  const load = { isOver: false };
  const call = async (engine: SharedEngine, caller: number): Promise<void> => {
    for (let n = 0; !load.isOver; n++) {
      const name = `${caller}-${n}`;
      expect((await engine.commit([also(name), enqueue(name)])).committed).toBe(true);
      acknowledged.push(name);
    }
  };
  const callers = Array.from({ length: 4 }, (_, n) => engines.map((engine, e) => call(engine, 2 * n + e))).flat();
  for (let round = 0; round < 3; round++) {
    await systemClock.sleep(300);
    await server.kill();
    await server.start();
  }
  const before = acknowledged.length;
  await until(() => acknowledged.length >= before + 50);
  load.isOver = true;
  await Promise.all(callers);
  const stored = await storedIn(await open({ busyMaxMs: 30_000 }));
  expect(stored.toSorted()).toEqual(acknowledged.toSorted());
  for (let caller = 0; caller < 8; caller++) {
    const own = stored.filter((name) => name.startsWith(`${caller}-`));
    expect(own).toEqual(own.map((_, n) => `${caller}-${n}`));
  }
  for (const engine of engines) expect(await storedIn(engine)).toEqual(stored);
  return acknowledged;
}

/** A server that may be out of reach for a while. */
export interface Reachable {
  away(): Promise<void>;
  back(): Promise<void>;
}

/** Ten groups of calls wait for a server that is away: all end in time, and later ones go on. Answers the codes that they end with. */
export async function exerciseAway(
  server: Reachable,
  open: (options: { readonly busyMaxMs: number }) => Promise<SharedEngine>,
): Promise<readonly string[]> {
  const busyMaxMs = 1_000;
  const engine = await open({ busyMaxMs });
  await engine.commit([enqueue("before")]);
  await server.away();
  const startedMs = systemClock.monotonic();
  const ends = await Promise.allSettled(Array.from({ length: 5_120 }, (_, n) => engine.commit([put(`k${n}`)])));
  // Finding out that nobody answers may take as long again, or half as long again as that.
  expect(systemClock.monotonic() - startedMs).toBeLessThan(4 * busyMaxMs);
  const codes = new Set(ends.map((end) => (end.status === "rejected" ? String(end.reason.code) : "committed")));
  await server.back();
  await until(async () => (await engine.commit([enqueue("after")]).catch(() => undefined)) !== undefined);
  expect((await storedIn(engine))[0]).toBe("before");
  return [...codes].toSorted();
}
