import { beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { openRedis } from "../../drivers/redis/mod.ts";
import type { Cut } from "../../drivers/cutting-proxy.test-server.ts";
import { cuttingProxy, needsProgram, needsServer, startServer } from "../../drivers/redis/server.test-redis.ts";
import type { Change, CommitResult } from "../mod.ts";
import { type OpenOn, withEngines as withEnginesOn } from "../fixture.test-engine.ts";
import { added, enqueue, exerciseAway, exerciseRestarts, put, storedIn, takeOne } from "../sharing.test-engine.ts";
import { freshPlace } from "./data.test-engine.ts";
import { openRedisEngine, type RedisEngine, type RedisEngineOptions } from "./mod.ts";
import { promote } from "./promote.test-redis.ts";

beforeEach(needsServer);
beforeEach(needsProgram);

/** With engines on one data set. Default: on the shared server; others have gone when the test ends, or are empty. */
async function withEngines(run: (open: OpenOn<RedisEngine, RedisEngineOptions>) => Promise<void>, url?: string) {
  const place = freshPlace(url);
  await withEnginesOn(url === undefined ? place : { ...place, drop: () => Promise.resolve() }, run);
}

describe("scenarios 7 and 8: a connection that is cut", { timeout: 60_000 }, () => {
  const cuts: readonly Cut[] = ["cut before the request", "cut before the answer"];
  for (const cut of cuts)
    test(`${cut}: applied once, and the caller has the truth`, () =>
      withEngines(async (open) => {
        await using proxy = await cuttingProxy();
        const engine = await open({ url: proxy.url });
        const direct = await open();
        await engine.commit([enqueue("0"), put("k0")]);
        proxy.next(cut, "EVALSHA");
        const [result, second] = await Promise.all([
          engine.commit([enqueue("1"), put("k1")]),
          engine.commit([enqueue("2"), put("k1")]),
        ]);
        expect(await storedIn(direct)).toEqual(["0", "1"]);
        const [, stored] = await Array.fromAsync(direct.scan({ kind: "messages", queue: "jobs" }));
        // What the lost answer said is known all the same: ids, versions, and who was refused.
        expect(added(result)).toEqual([stored?.id]);
        const [cell] = await direct.get([{ space: "s", key: "k1" }]);
        expect(result.committed && result.outcomes[1]).toEqual({ op: "put", version: cell?.version });
        expect(second).toMatchObject({ committed: false, index: 1, refusal: { actual: cell?.version } });
        expect(await direct.verify()).toEqual([]);
      }));

  test("a copy of a call that reaches the server when the call was sent again, or long after, has no effect", () =>
    withEngines(async (open) => {
      await using proxy = await cuttingProxy();
      const engine = await open({ url: proxy.url });
      await engine.commit([enqueue("0")]);
      proxy.next("hold", "EVALSHA");
      await engine.commit([enqueue("1")]);
      await proxy.release();
      expect(await storedIn(engine)).toEqual(["0", "1"]);
      proxy.next("hold", "EVALSHA");
      await engine.commit([enqueue("2")]);
      await engine.commit([enqueue("3")]);
      await proxy.release();
      expect(await storedIn(engine)).toEqual(["0", "1", "2", "3"]);
      expect(await engine.verify()).toEqual([]);
    }));

  test("a call whose answer was lost, and whose repeat is refused for lack of rights, is unknown: it may have been applied", async () => {
    await using server = await startServer();
    await using control = await openRedis({ url: server.url });
    await control.send(["ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all"]);
    await using proxy = await cuttingProxy(server.url.replace("//", "//app:secret@"));
    await withEngines(async (open) => {
      const engine = await open({ url: proxy.url });
      await engine.commit([enqueue("0")]);
      proxy.next("swallow", "EVALSHA");
      const sent = proxy.came();
      const committing = engine.commit([enqueue("1")]);
      await sent;
      await control.send(["ACL", "SETUSER", "app", "-evalsha", "-eval"]);
      proxy.cutAll();
      await expect(committing).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
      await control.send(["ACL", "SETUSER", "app", "+@all"]);
      expect(await storedIn(engine)).toEqual(["0", "1"]);
    }, server.url);
  });

  test("what a claim handed out in an answer that was lost comes back behind its lease", () =>
    withEngines(async (open) => {
      await using proxy = await cuttingProxy();
      const engine = await open({ url: proxy.url });
      await engine.commit([enqueue("1")]);
      proxy.next("cut before the answer", "EVALSHA");
      const { claims } = await engine.claim({ queue: "jobs", count: 1, leaseMs: 100 });
      expect(claims).toEqual([]);
      await systemClock.sleep(150);
      expect(await takeOne(engine)).toMatchObject({ body: "1", crashes: 1, attempt: 1 });
    }));
});

test(
  "scenario 9: a server that is killed under load and comes back with its append-only file has lost nothing",
  { timeout: 90_000 },
  async () => {
    await using server = await startServer("--appendonly", "yes", "--appendfsync", "always");
    await withEngines(async (open) => {
      const engine = await open({ durability: "disk" });
      expect(engine.can.durability).toBe("disk");
      const names = await exerciseRestarts(server, open, put);
      const cells = await Array.fromAsync(engine.scan({ kind: "cells", space: "s" }));
      expect(cells.map(({ key }) => key)).toEqual(names.toSorted());
      expect(await engine.verify()).toEqual([]);
    }, server.url);
  },
);

test(
  "tokens, ids and versions go on above all that were given out before a restart, also those that the server has forgotten",
  { timeout: 60_000 },
  async () => {
    await using server = await startServer("--appendonly", "yes", "--appendfsync", "always");
    await withEngines(async (open) => {
      const engine = await open();
      const [id = ""] = added(await engine.commit([enqueue("1")]));
      const held = await takeOne(engine, 1);
      const before = await engine.commit([put("a")]);
      await server.kill();
      await server.start();
      const after = await engine.commit([put("b"), enqueue("2")]);
      const version = (result: CommitResult): number =>
        result.committed && result.outcomes[0]?.op === "put" ? result.outcomes[0].version : 0;
      // A thousand times the milliseconds that have passed, whatever was lost meanwhile.
      expect(version(after)).toBeGreaterThan(version(before) + 1_000);
      expect(Number(added(after)[0])).toBeGreaterThan(Number(id) + 1_000);
      const again = await takeOne(engine);
      expect(again.body).toBe("1");
      expect(again.receipt.token).toBeGreaterThan(held.receipt.token + 1_000);
    }, server.url);
  },
);

test(
  "a server that comes back without its data is noticed: the engine refuses to go on, and nothing of the old data counts on the new",
  { timeout: 60_000 },
  async () => {
    await using server = await startServer();
    await withEngines(async (open) => {
      const engine = await open();
      expect(engine.can.durability).toBe("memory");
      await engine.commit([enqueue("1"), put("a")]);
      const { receipt } = await takeOne(engine);
      const [cell] = await engine.get([{ space: "s", key: "a" }]);
      await server.kill();
      await server.start();
      const lost = { code: "STORAGE", reason: "corrupt", retryable: false };
      await expect(engine.commit([enqueue("2")])).rejects.toMatchObject(lost);
      await expect(engine.get([{ space: "s", key: "a" }])).rejects.toMatchObject(lost);
      await expect(engine.claim({ queue: "jobs", count: 1, leaseMs: 1000 })).rejects.toThrow(/is gone/);
      expect(await engine.health()).toMatchObject({ status: "down" });
      const fresh = await open();
      const [id = ""] = added(await fresh.commit([enqueue("3")]));
      expect(Number(id)).toBeGreaterThan(Number(receipt.id));
      const settled = await fresh.commit([{ op: "settle", receipt, as: { kind: "ack" } }]);
      expect(settled).toMatchObject({ committed: false, refusal: { kind: "lease-lost" } });
      const checked = await fresh.commit([{ op: "check", cell: { space: "s", key: "a" }, expect: cell?.version ?? 0 }]);
      expect(checked.committed).toBe(false);
      // The engine of the lost data stays refused, although there is data of its name again.
      await expect(engine.commit([enqueue("4")])).rejects.toMatchObject(lost);
    }, server.url);
  },
);

test(
  "after a fail-over to a replica that lacks the last writes, this is said once, and no token or id of the lost ones counts again",
  { timeout: 60_000 },
  async () => {
    await using primary = await startServer("--repl-diskless-sync-delay", "0");
    await using replica = await startServer("--replicaof", "127.0.0.1", String(primary.port));
    await using control = await openRedis({ url: primary.url });
    await withEngines(async (open) => {
      await using name = await cuttingProxy(primary.url);
      const engine = await open({ url: name.url, busyMaxMs: 20_000 });
      const other = await open({ url: name.url, busyMaxMs: 20_000 });
      const [kept = ""] = added(await engine.commit([enqueue("kept")]));
      // It waits for the writes of its own connection only, so it makes one behind all others.
      await control.send(["SET", "behind", "1"]);
      expect(await control.send(["WAIT", "1", "10000"])).toBe(1);
      // Cut off from its primary, and promoted.
      await promote(replica.port);
      const lost = added(await engine.commit([enqueue("lost")]));
      const claim = await takeOne(engine, 60_000);
      expect(claim.body).toBe("kept");
      await other.commit([put("lost")]);
      await primary.kill();
      name.moveTo(replica.url);
      await expect(engine.commit([enqueue("next")])).rejects.toMatchObject({
        code: "STORAGE",
        retryable: true,
        message: expect.stringContaining("older data"),
      });
      const [next = ""] = added(await engine.commit([enqueue("next")]));
      // An engine that comes later is told so, too, although there are more writes by now than it knew of.
      for (let n = 0; n < 5; n++) await engine.commit([put(`k${n}`)]);
      await expect(other.commit([put("l")])).rejects.toMatchObject({ code: "STORAGE", retryable: true });
      expect((await other.commit([put("l")])).committed).toBe(true);
      expect(Number(next)).toBeGreaterThan(Number(lost[0]));
      expect(await storedIn(engine)).toEqual(["kept", "next"]);
      // The claim was lost with it: the message is handed out again, and the holder of the lost claim is fenced.
      const again = await takeOne(engine);
      expect(again.receipt.id).toBe(kept);
      expect(again.receipt.token).toBeGreaterThan(claim.receipt.token);
      const late = await engine.commit([{ op: "settle", receipt: claim.receipt, as: { kind: "ack" } }]);
      expect(late).toMatchObject({ committed: false, refusal: { kind: "lease-lost" } });
      expect(await engine.verify()).toEqual([]);
    }, primary.url);
  },
);

test(
  "a server that is stopped: calls end in time, as busy or unknown, and everything goes on when it does",
  { timeout: 60_000 },
  async () => {
    await using server = await startServer("--appendonly", "yes");
    await withEngines(async (open) => {
      const engine = await open({ busyMaxMs: 600 });
      await engine.commit([put("a")]);
      server.pause();
      const startedMs = systemClock.monotonic();
      await expect(engine.commit([enqueue("1")])).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
      expect(systemClock.monotonic() - startedMs).toBeLessThan(5_000);
      await expect(engine.commit([enqueue("2")])).rejects.toMatchObject({ code: "STORAGE", reason: "busy" });
      server.resume();
      await engine.commit([enqueue("3")]);
      const bodies = await storedIn(engine);
      expect(bodies.filter((body) => body === "3")).toHaveLength(1);
      expect(bodies).not.toContain("2");
      expect(await engine.verify()).toEqual([]);
    }, server.url);
  },
);

test("of many calls that wait for a server that is away none waits much longer than busyMaxMs", async () => {
  await using server = await startServer();
  const reach = { away: () => Promise.resolve(server.pause()), back: () => Promise.resolve(server.resume()) };
  await withEngines(async (open) => {
    expect(await exerciseAway(reach, open)).toEqual(["OUTCOME_UNKNOWN", "STORAGE"]);
  }, server.url);
});

test("a key whose concurrency rises over a very long line lets it in by and by: no call keeps the server for all of it", () =>
  withEngines(async (open) => {
    const engine = await open();
    const sent = Array.from({ length: 5_000 }, (_, n) => String(n));
    const add = (keyConcurrency: number, ...bodies: readonly string[]): Promise<CommitResult> =>
      engine.commit([
        { op: "enqueue", queue: "jobs", keyConcurrency, messages: bodies.map((body) => ({ body, key: "k" })) },
      ]);
    const status = async () => (await Array.fromAsync(engine.scan({ kind: "queues", queue: "jobs" })))[0];
    await add(1, ...sent);
    await add(10_000, "5000");
    expect(await status()).toMatchObject({ ready: 1_001, waiting: 4_000 });
    expect(await engine.verify()).toEqual([]);
    const taken: string[] = [];
    for (let round = 0; round < 3; round++) {
      const { claims, nextDueAtMs } = await engine.claim({ queue: "jobs", count: 1_500, leaseMs: 60_000 });
      expect(nextDueAtMs ?? Infinity).toBeLessThanOrEqual(engine.clock.now());
      taken.push(...claims.map(({ body }) => body));
      expect(await engine.verify()).toEqual([]);
    }
    expect(taken).toEqual(sent.slice(0, 3_000));
    // What was said last counts: it does not rise any further.
    await add(2, "5001");
    const before = await status();
    await engine.claim({ queue: "jobs", count: 2_000, leaseMs: 60_000 });
    expect((await status())?.waiting).toBe(before?.waiting);
    await add(10_000, "5002");
    for (;;) {
      const { claims, nextDueAtMs } = await engine.claim({ queue: "jobs", count: 2_000, leaseMs: 60_000 });
      taken.push(...claims.map(({ body }) => body));
      if (claims.length === 0 && (nextDueAtMs ?? Infinity) > engine.clock.now()) break;
    }
    expect(await status()).toMatchObject({ ready: 0, running: 5_003, waiting: 0 });
    expect(await engine.verify()).toEqual([]);
  }));

test("a flush of the scripts is not noticed by anybody", async () => {
  await using server = await startServer();
  await withEngines(async (open) => {
    const engine = await open();
    await using control = await openRedis({ url: server.url });
    for (let n = 0; n < 5; n++) {
      await engine.commit([enqueue(String(n))]);
      await control.send(["SCRIPT", "FLUSH"]);
    }
    expect(await storedIn(engine)).toEqual(["0", "1", "2", "3", "4"]);
    expect((await takeOne(engine)).body).toBe("0");
  }, server.url);
});

test("a key that somebody else put there is named, and nothing is applied", async () => {
  await using server = await startServer();
  await using control = await openRedis({ url: server.url });
  await control.send(["SET", "{taken}:meta", "x"]);
  await expect(openRedisEngine({ url: server.url, prefix: "taken" })).rejects.toMatchObject({
    code: "STORAGE",
    reason: "corrupt",
  });
});

test("a server that drops keys, or keeps less than asked for, is refused at opening", async () => {
  await using server = await startServer("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru");
  await expect(openRedisEngine({ url: server.url })).rejects.toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringContaining("noeviction"),
  });
  await using control = await openRedis({ url: server.url });
  await control.send(["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
  await expect(openRedisEngine({ url: server.url, durability: "process" })).rejects.toMatchObject({
    code: "DURABILITY",
  });
  await control.send(["CONFIG", "SET", "appendonly", "yes"]);
  await using engine = await openRedisEngine({ url: server.url, durability: "process" });
  expect(engine.can.durability).toBe("process");
  await expect(openRedisEngine({ url: server.url, durability: "disk" })).rejects.toMatchObject({ code: "DURABILITY" });
});

test("a server that is not there is StorageError busy", async () => {
  const opening = openRedisEngine({ url: "redis://127.0.0.1:1", busyMaxMs: 100 });
  await expect(opening).rejects.toMatchObject({ code: "STORAGE", reason: "busy" });
});

test("scenario 19: with no memory left, each call that needs none passes by itself, and what adds is refused", async () => {
  await using server = await startServer();
  await withEngines(async (open) => {
    const engine = await open();
    await using control = await openRedis({ url: server.url });
    await engine.commit([enqueue("1"), enqueue("2"), put("old")]);
    const first = await takeOne(engine);
    await control.send(["CONFIG", "SET", "maxmemory", "1"]);
    const full = { code: "STORAGE", reason: "full", retryable: true };
    await expect(engine.commit([enqueue("3")])).rejects.toMatchObject(full);
    await expect(engine.commit([put("new")])).rejects.toMatchObject(full);
    await expect(engine.commit([{ op: "seen", consumer: "c", id: "1", keepMs: 1000 }])).rejects.toMatchObject(full);
    // A list counts as a whole: its settlement is not recorded without its message.
    const both: readonly Change[] = [{ op: "settle", receipt: first.receipt, as: { kind: "ack" } }, enqueue("4")];
    await expect(engine.commit(both)).rejects.toMatchObject(full);
    expect(await engine.extend([first.receipt], 60_000)).toEqual([true]);
    const second = await takeOne(engine);
    expect(second.body).toBe("2");
    const retry = { kind: "retry", delayMs: 0, failure: "no" } as const;
    expect((await engine.commit([{ op: "settle", receipt: second.receipt, as: retry }])).committed).toBe(true);
    expect((await engine.commit([{ op: "settle", receipt: first.receipt, as: { kind: "ack" } }])).committed).toBe(true);
    await control.send(["CONFIG", "SET", "maxmemory", "0"]);
    await engine.commit([enqueue("5")]);
    expect(await storedIn(engine)).toEqual(["2", "5"]);
    expect(await engine.verify()).toEqual([]);
  }, server.url);
});
