import { getEventListeners } from "node:events";
import { beforeEach, describe, expect, test } from "vitest";
import { type Clock, systemClock } from "../../clock/mod.ts";
import { openRedis, OutcomeUnknownError, redisScript, type RedisDatabase, type RedisReply } from "./mod.ts";
import { ownCertificate } from "../certificate.test-server.ts";
import { freePort, until } from "../network.test-server.ts";
import {
  cuttingProxy,
  dropKeys,
  freshPrefix,
  needsProgram,
  needsServer,
  serverUrl,
  startServer,
} from "./server.test-redis.ts";

const add = redisScript("return redis.call('INCRBY', KEYS[1], ARGV[1])");

describe("with the shared server", () => {
  beforeEach(needsServer);

  async function withKeys(work: (database: RedisDatabase, prefix: string) => Promise<void>): Promise<void> {
    await using database = await openRedis({ url: serverUrl });
    const prefix = freshPrefix();
    try {
      await work(database, prefix);
    } finally {
      await dropKeys(database, prefix);
    }
  }

  test("replies are texts, integers, lists and null; bytes where they are asked for", () =>
    withKeys(async (database, prefix) => {
      const bytes = Buffer.from([0, 255, 13, 10]);
      await database.send(["SET", `${prefix}b`, bytes]);
      expect(await database.send(["GET", `${prefix}b`], { replies: "bytes" })).toEqual(bytes);
      expect(await database.send(["GET", `${prefix}none`])).toBeNull();
      const script = redisScript("return {KEYS[1], ARGV[1], 7, {}, false}");
      const reply = await database.run(script, { keys: [`${prefix}k`], values: ["é😀"] });
      expect(reply).toEqual([`${prefix}k`, "é😀", 7, [], null]);
    }));

  test("commands of one turn go out in one write and are answered in their order", async () => {
    await using proxy = await cuttingProxy();
    await using database = await openRedis({ url: proxy.url });
    const before = proxy.requests.length;
    const words = Array.from({ length: 64 }, (_, n) => `word ${n}`);
    expect(await Promise.all(words.map((word) => database.send(["ECHO", word])))).toEqual(words);
    expect(proxy.requests.length - before).toBe(1);
  });

  test("what the server refuses has a reason, the server's word and advice", () =>
    withKeys(async (database, prefix) => {
      await database.send(["LPUSH", `${prefix}list`, "x"]);
      const refused = database.run(add, { keys: [`${prefix}list`], values: ["1"] });
      await expect(refused).rejects.toMatchObject({
        code: "REDIS",
        reason: "wrong-type",
        reply: "WRONGTYPE",
        retryable: false,
      });
      await expect(database.send(["NONSENSE"])).rejects.toMatchObject({ reason: "other", reply: "ERR" });
    }));

  test("more commands than commandsMax are refused at once, and the others are answered", async () => {
    await using database = await openRedis({ url: serverUrl, commandsMax: 3 });
    const answers = await Promise.allSettled([1, 2, 3, 4].map((n) => database.send(["ECHO", `${n}`])));
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "fulfilled", "rejected"]);
    expect(answers[3]).toMatchObject({ reason: { reason: "busy", retryable: true } });
    expect(await database.send(["ECHO", "again"])).toBe("again");
  });

  test("a command that was sent when the connection broke has an unknown outcome; one that changes nothing may be repeated", () =>
    withKeys(async (database, prefix) => {
      await using proxy = await cuttingProxy();
      await using behind = await openRedis({ url: proxy.url });
      const call = { keys: [`${prefix}n`], values: ["1"] };
      await behind.run(add, call);
      for (const cut of ["cut before the answer", "cut before the request"] as const) {
        proxy.next(cut, `${prefix}n`);
        const failed = behind.run(add, call);
        await expect(failed).rejects.toBeInstanceOf(OutcomeUnknownError);
        await expect(failed).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN", retryable: false });
      }
      // The first one was done, the second was not: nobody could tell.
      expect(await database.send(["GET", `${prefix}n`])).toBe("2");
      proxy.next("cut before the answer", `${prefix}n`);
      const read = behind.send(["GET", `${prefix}n`], { effect: "none" });
      await expect(read).rejects.toMatchObject({ code: "REDIS", reason: "connection", retryable: true });
      expect(await behind.send(["GET", `${prefix}n`])).toBe("2");
    }));

  test("an answer that stays away for answerMaxMs ends the connection; the next command has another", async () => {
    await using proxy = await cuttingProxy();
    await using database = await openRedis({ url: proxy.url, answerMaxMs: 400 });
    proxy.next("swallow", "ECHO");
    const startedMs = systemClock.monotonic();
    await expect(database.send(["ECHO", "x"])).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
    expect(systemClock.monotonic() - startedMs).toBeGreaterThanOrEqual(399);
    expect(await database.send(["ECHO", "y"])).toBe("y");
  });

  test("messages are heard across a lost connection, and it is told that there was a gap", async () => {
    await using proxy = await cuttingProxy();
    await using database = await openRedis({ url: proxy.url });
    const [one, two] = [`${freshPrefix()}one`, `${freshPrefix()}two`];
    const heard: string[] = [];
    let times = 0;
    const subscription = await database.subscribe([one, two], {
      message: (text, channel) => heard.push(`${channel === one ? "one" : "two"} ${text}`),
      listening: () => (times += 1),
    });
    await using direct = await openRedis({ url: serverUrl });
    await direct.send(["PUBLISH", one, "a"]);
    await direct.send(["PUBLISH", two, "b"]);
    await until(() => heard.length === 2);
    proxy.cutAll();
    await until(() => times === 2);
    await direct.send(["PUBLISH", one, "c"]);
    await until(() => heard.length === 3);
    expect(heard).toEqual(["one a", "two b", "one c"]);
    await subscription[Symbol.asyncDispose]();
    await until(async () => (await direct.send(["PUBLISH", one, "d"])) === 0);
    expect(heard).toHaveLength(3);
  });

  test("a subscription that has ended is kept by nobody", async () => {
    await using database = await openRedis({ url: serverUrl });
    let ends = 0;
    const heard = { message: () => undefined, listening: () => undefined };
    const subscription = await database.subscribe([freshPrefix()], heard);
    await subscription[Symbol.asyncDispose]();
    Object.assign(subscription, { [Symbol.asyncDispose]: () => Promise.resolve((ends += 1)) });
    await database[Symbol.asyncDispose]();
    expect(ends).toBe(0);
  });

  test("looking whether the connection of a subscription still lives leaves nothing behind", async () => {
    const looks: AbortSignal[] = [];
    const hasty: Clock = {
      now: () => systemClock.now(),
      monotonic: () => systemClock.monotonic(),
      setTimer: (...given) => systemClock.setTimer(...given),
      nextTurn: (run) => systemClock.nextTurn(run),
      sleep: (_, options) => {
        if (options?.signal !== undefined) looks.push(options.signal);
        return systemClock.sleep(1, options);
      },
    };
    await using database = await openRedis({ url: serverUrl, clock: hasty });
    await database.subscribe([freshPrefix()], { message: () => undefined, listening: () => undefined });
    await until(() => looks.length > 50);
    // The sleep under way has one.
    expect(getEventListeners(looks.at(-1) ?? new AbortController().signal, "abort").length).toBeLessThanOrEqual(1);
  });

  test("commands that wait on the server have a connection of their own, which is cut when it is disposed", () =>
    withKeys(async (database, prefix) => {
      const own = database.ownConnection({ waitMaxMs: 60_000 });
      const popped = own.send(["BLPOP", `${prefix}list`, "50"]);
      await database.send(["RPUSH", `${prefix}list`, "first"]);
      expect(await popped).toEqual([`${prefix}list`, "first"]);
      const waiting = own.send(["BLPOP", `${prefix}list`, "50"], { effect: "none" });
      const failed = waiting.catch((error: unknown) => error);
      await until(async () => String(await database.send(["CLIENT", "LIST"])).includes("cmd=blpop"));
      await own[Symbol.asyncDispose]();
      expect(await failed).toMatchObject({ code: "REDIS", reason: "connection" });
      await expect(own.send(["PING"])).rejects.toMatchObject({ code: "DISPOSED" });
    }));

  test("closing lets what was sent be answered and refuses what comes later", () =>
    withKeys(async (outer, prefix) => {
      const database = await openRedis({ url: serverUrl });
      const last = database.run(add, { keys: [`${prefix}n`], values: ["5"] });
      const closed = database[Symbol.asyncDispose]();
      expect(await last).toBe(5);
      await closed;
      await database[Symbol.asyncDispose]();
      await expect(database.send(["PING"])).rejects.toMatchObject({ code: "DISPOSED" });
      await expect(
        database.subscribe(["x"], { message: () => undefined, listening: () => undefined }),
      ).rejects.toMatchObject({
        code: "DISPOSED",
      });
      expect(await outer.send(["GET", `${prefix}n`])).toBe("5");
    }));

  test("databases have numbers", () =>
    withKeys(async (database, prefix) => {
      const url = new URL(serverUrl);
      url.pathname = "/9";
      await using ninth = await openRedis({ url: url.href });
      await ninth.send(["SET", `${prefix}k`, "nine", "PX", "10000"]);
      expect(await database.send(["GET", `${prefix}k`])).toBeNull();
      expect(await ninth.send(["GET", `${prefix}k`])).toBe("nine");
      await ninth.send(["DEL", `${prefix}k`]);
    }));
});

describe("with a server of its own", () => {
  beforeEach(needsProgram);

  test("a script is loaded again after a flush and after a restart of the server", async () => {
    await using server = await startServer();
    await using database = await openRedis({ url: server.url });
    const call = { keys: ["n"], values: ["1"] };
    expect(await database.run(add, call)).toBe(1);
    await database.send(["SCRIPT", "FLUSH"]);
    expect(await Promise.all([database.run(add, call), database.run(add, call)])).toEqual([2, 3]);
    const before = database.facts.runId;
    await server.kill();
    await server.start();
    await until(async () => (await database.health()).status === "up");
    expect(await database.run(add, call)).toBe(1);
    expect(database.facts.runId).not.toBe(before);
  });

  test("commands wait for a server that is away for a while, and are refused as never sent when it stays away", async () => {
    await using server = await startServer();
    await using database = await openRedis({ url: server.url, connectMaxMs: 5_000 });
    await using hasty = await openRedis({ url: server.url, connectMaxMs: 500 });
    await server.kill();
    await until(async () => (await hasty.health()).status === "down");
    await expect(hasty.send(["SET", "k", "v"])).rejects.toMatchObject({ reason: "connection", retryable: true });
    // Whether the loss has been noticed already is chance: an outcome that is not known is no answer.
    await Promise.race([database.send(["PING"], { effect: "none" }).catch(() => undefined), systemClock.sleep(50)]);
    const waiting = Promise.all([1, 2, 3].map((n) => database.send(["ECHO", `${n}`])));
    await systemClock.sleep(100);
    await server.start();
    expect(await waiting).toEqual(["1", "2", "3"]);
  });

  test("a server that is stopped without a word is noticed, at work and when connecting, and used again when it goes on", async () => {
    await using server = await startServer();
    await using database = await openRedis({ url: server.url, answerMaxMs: 400, connectMaxMs: 600 });
    server.pause();
    await expect(database.send(["INCR", "n"])).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
    await expect(database.send(["INCR", "n"])).rejects.toMatchObject({ reason: "connection", retryable: true });
    expect(await database.health()).toMatchObject({ status: "down", latencyMs: undefined });
    server.resume();
    await until(async () => (await database.health()).status === "up");
    // The first one lay in the server's buffer all the time, and was done.
    expect(await database.send(["INCR", "n"])).toBe(2);
  });

  test("a subscription ends at once, also while the server answers nothing and while there is none", async () => {
    await using server = await startServer();
    await using database = await openRedis({ url: server.url });
    const subscribed = () => database.subscribe(["x"], { message: () => undefined, listening: () => undefined });
    const [one, two] = [await subscribed(), await subscribed()];
    const ended = async (subscription: AsyncDisposable): Promise<number> => {
      const startedMs = systemClock.monotonic();
      await subscription[Symbol.asyncDispose]();
      return systemClock.monotonic() - startedMs;
    };
    server.pause();
    expect(await ended(one)).toBeLessThan(2_000);
    await server.kill();
    await until(() => !two.isListening);
    expect(await ended(two)).toBeLessThan(2_000);
  });

  test("a server without memory refuses, retryable, says what to do, and its policy is told", async () => {
    await using server = await startServer("--maxmemory", "3mb");
    await using database = await openRedis({ url: server.url });
    const big = "x".repeat(500_000);
    const writes = await Promise.allSettled(Array.from({ length: 12 }, (_, n) => database.send(["SET", `${n}`, big])));
    const refused = writes.find((write) => write.status === "rejected");
    expect(refused).toMatchObject({ reason: { reason: "full", reply: "OOM", retryable: true } });
    expect(database.facts).toMatchObject({
      mayEvict: false,
      evictionPolicy: "noeviction",
      memoryMaxBytes: 3 * 2 ** 20,
    });
    await database.send(["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    expect((await database.health()).facts).toMatchObject({ mayEvict: true, evictionPolicy: "allkeys-lru" });
  });

  test("what a crash would lose is told", async () => {
    const told = async (...words: readonly string[]): Promise<unknown> => {
      await using server = await startServer(...words);
      await using database = await openRedis({ url: server.url });
      return database.facts.persistence;
    };
    expect(await told()).toBe("none");
    expect(await told("--save", "60", "1")).toBe("snapshots");
    expect(await told("--appendonly", "yes", "--appendfsync", "everysec")).toBe("each-second");
    expect(await told("--appendonly", "yes", "--appendfsync", "always")).toBe("each-write");
  });

  test("a replica is refused, also when the server becomes one, and taken once it is promoted", async () => {
    await using primary = await startServer();
    await using other = await startServer();
    await using database = await openRedis({ url: other.url, connectMaxMs: 300 });
    await using admin = await openRedis({ url: other.url });
    await admin.send(["REPLICAOF", "127.0.0.1", `${primary.port}`]);
    const refused = database.send(["SET", "k", "v"]);
    await expect(refused).rejects.toMatchObject({ reason: "unavailable", reply: "READONLY", retryable: true });
    await expect(database.send(["SET", "k", "v"])).rejects.toMatchObject({ reason: "readonly", retryable: false });
    await expect(openRedis({ url: other.url, connectMaxMs: 300 })).rejects.toThrow("give the address of the primary");
    await admin.send(["REPLICAOF", "NO", "ONE"]);
    await until(async () => (await database.health()).status === "up");
    expect(await database.send(["SET", "k", "v"])).toBe("OK");
  });

  test("users and passwords: from the address, from a function at each connection, and a clear refusal", async () => {
    await using server = await startServer("--requirepass", "open sesame");
    const withUser = server.url.replace("//", "//default:open%20sesame@");
    await using database = await openRedis({ url: withUser });
    await database.send(["ACL", "SETUSER", "ann", "on", ">secret", "~ann:*", "+@all", "-config"]);
    let asked = 0;
    const password = async (): Promise<string> => `secret${(asked += 1) > 1 ? "!" : ""}`;
    await using ann = await openRedis({ url: server.url.replace("//", "//ann@"), password });
    expect(ann.facts.persistence).toBe("unknown");
    await expect(ann.send(["SET", "bob:k", "v"])).rejects.toMatchObject({ reason: "denied", reply: "NOPERM" });
    await expect(openRedis({ url: server.url })).rejects.toMatchObject({ reason: "denied", reply: "NOAUTH" });
    await expect(openRedis({ url: server.url.replace("//", "//ann:wrong@") })).rejects.toMatchObject({
      reason: "denied",
      reply: "WRONGPASS",
    });
    await database.send(["ACL", "SETUSER", "ann", "resetpass", ">secret!"]);
    await database.send(["CLIENT", "KILL", "USER", "ann"]);
    await until(async () => (await ann.health()).status === "up");
    expect(asked).toBeGreaterThan(1);
  });

  test("TLS: a certificate of one's own is verified when it is given, and refused when nobody vouches for it", async () => {
    using own = ownCertificate();
    const port = await freePort();
    const files = ["--tls-cert-file", own.file, "--tls-key-file", own.keyFile, "--tls-ca-cert-file", own.file];
    await using _server = await startServer("--tls-port", `${port}`, ...files, "--tls-auth-clients", "no");
    for (const host of ["localhost", "127.0.0.1"]) {
      const url = `rediss://${host}:${port}`;
      await using verified = await openRedis({ url, tls: { ca: own.text } });
      await using encrypted = await openRedis({ url, tls: "require" });
      expect([await verified.send(["PING"]), await encrypted.send(["PING"])]).toEqual(["PONG", "PONG"]);
      await expect(openRedis({ url, connectMaxMs: 300 })).rejects.toThrow(/self.signed/);
    }
  });
});

test("a server that cannot be reached is reported within connectMaxMs, with its address", async () => {
  const failed: Promise<RedisReply | RedisDatabase> = openRedis({ url: "redis://127.0.0.1:1", connectMaxMs: 80 });
  await expect(failed).rejects.toThrow(/connecting: .*127\.0\.0\.1:1/);
});
