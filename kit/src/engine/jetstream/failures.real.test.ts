import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { deleteStream, lastMessage, openNats, publish, purge, streamFacts } from "../../drivers/nats/mod.ts";
import { absent, cuttingProxy, freshName, startServer } from "../../drivers/nats/server.test-nats.ts";
import { until } from "../../drivers/network.test-server.ts";
import type { PrivateServer } from "../../drivers/private-server.test-server.ts";
import type { CellKey, Change } from "../mod.ts";
import { enqueue, exerciseAway, exerciseRestarts, put, storedIn, takeOne } from "../sharing.test-engine.ts";
import { type JetStreamEngine, type JetStreamEngineOptions, openJetStreamEngine } from "./mod.ts";

const why = await absent();
const queue = "jobs";
const leaseMs = 60_000;

describe.skipIf(why !== undefined)(`failures of JetStream ${why ?? ""}`, { timeout: 90_000 }, () => {
  let server: PrivateServer;
  const opened: JetStreamEngine[] = [];

  beforeEach(async () => {
    server = await startServer();
  });
  afterEach(async () => {
    server.resume();
    for (const engine of opened.splice(0)) await engine[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const stream = freshName();
  const small = { stateBytesMax: 8_388_608, streamBytesMax: 8_388_608 };

  async function open(options: Partial<JetStreamEngineOptions> = {}): Promise<JetStreamEngine> {
    const engine = await openJetStreamEngine({ url: server.url, stream, ...small, ...options });
    opened.push(engine);
    return engine;
  }

  test("7, 8: an answer or a command that is lost on the way is asked after: applied once, and the caller sees its outcome", async () => {
    await using proxy = await cuttingProxy(server.url);
    const engine = await open({ url: proxy.url });
    for (const [index, cut] of (
      ["cut behind the answers", "cut before the request", "cut behind the answers"] as const
    ).entries()) {
      proxy.next(cut, `${stream}.commands`);
      const result = await engine.commit([enqueue(`job ${index}`)]);
      expect(result.committed).toBe(true);
    }
    const other = await open();
    expect(await storedIn(other)).toEqual(["job 0", "job 1", "job 2"]);
    expect(await storedIn(engine)).toEqual(["job 0", "job 1", "job 2"]);
  });

  test("9: a server that is killed under load and started again loses nothing acknowledged, doubles nothing, and keeps the order", async () => {
    const names = await exerciseRestarts(server, (options) => open({ ...options, snapshotCommands: 40 }), put);
    const cells = await Array.fromAsync((await open()).scan({ kind: "cells", space: "s" }));
    expect(cells.map(({ key }) => key)).toEqual(names.toSorted());
  });

  test("a server that hangs for longer than busyMaxMs: the outcome is unknown, and afterwards it was applied once or never", async () => {
    const engine = await open({ busyMaxMs: 1_500 });
    await engine.commit([enqueue("before")]);
    server.pause();
    // A program of many threads stops one after the other.
    await until(async () => (await engine.health()).status === "down");
    await expect(engine.commit([enqueue("during")])).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
    await expect(engine.get([{ space: "s", key: "k" }])).rejects.toMatchObject({ code: "STORAGE", reason: "busy" });
    expect((await engine.health()).status).toBe("down");
    server.resume();
    await until(async () => (await engine.health()).status === "up");
    await until(async () => (await engine.commit([enqueue("after")]).catch(() => undefined)) !== undefined);
    const held = (await storedIn(engine)).filter((body) => body !== "after");
    expect([["before"], ["before", "during"]]).toContainEqual(held);
  });

  test("a server that is away: calls that were never sent are refused as busy, and later ones go on", async () => {
    const engine = await open({ busyMaxMs: 500 });
    await server.kill();
    await until(async () => (await engine.health()).status === "down");
    const calls = await Promise.allSettled([1, 2, 3].map((n) => engine.commit([enqueue(`lost ${n}`)])));
    for (const call of calls)
      expect(call).toMatchObject({ reason: { code: "STORAGE", reason: "busy", retryable: true } });
    await server.start();
    await until(async () => (await engine.commit([enqueue("found")]).catch(() => undefined)) !== undefined);
    expect(await storedIn(engine)).toEqual(["found"]);
  });

  test("19: a stream that is full of old commands makes room by itself; nothing is refused or lost", async () => {
    const engine = await open({ streamBytesMax: 1_048_576, snapshotBytes: 2 ** 30 });
    const cell = { space: "s", key: "k" };
    for (let n = 0; n < 60; n++)
      await engine.commit([{ op: "put", cell, expect: "any", value: `${n} ${"x".repeat(40_000)}` }]);
    const other = await open();
    expect((await other.get([cell]))[0]?.value.startsWith("59 ")).toBe(true);
  });

  test("19: when there is no room for a snapshot either, what is written fails as full, reads go on, and so does all once there is room", async () => {
    const engine = await open({ streamBytesMax: 1_048_576, snapshotBytes: 2 ** 30 });
    await using connection = await openNats({ url: server.url });
    const put = (n: number): Change => ({
      op: "put",
      cell: { space: "s", key: `k${n}` },
      expect: "any",
      value: "x".repeat(40_000),
    });
    await limit(connection, 100_000);
    let written = 0;
    const failed = await (async () => {
      for (; written < 100; written++) await engine.commit([put(written)]);
    })().catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: "STORAGE", reason: "full", retryable: true });
    expect(await Array.fromAsync(engine.scan({ kind: "cells", space: "s" }))).toHaveLength(written);
    await limit(connection, 16_777_216);
    await engine.commit([put(written)]);
    expect(await Array.fromAsync(engine.scan({ kind: "cells", space: "s" }))).toHaveLength(written + 1);
  });

  /** Changes how large the stream of snapshots may become. */
  async function limit(connection: Awaited<ReturnType<typeof openNats>>, bytesMax: number): Promise<void> {
    const name = `${stream}-snapshots`;
    const info = await connection.request(`$JS.API.STREAM.INFO.${name}`, "");
    const { config } = JSON.parse(new TextDecoder().decode(info.data)) as { readonly config: object };
    const update = JSON.stringify({ ...config, max_bytes: bytesMax });
    const answer = await connection.request(`$JS.API.STREAM.UPDATE.${name}`, update);
    expect(new TextDecoder().decode(answer.data)).not.toContain('"error"');
  }

  test("a process that is cut off while others write and purge loads the snapshot and has the same state", async () => {
    await using proxy = await cuttingProxy(server.url);
    const [near, far] = [await open({ snapshotCommands: 16 }), await open({ url: proxy.url })];
    await far.commit([enqueue("first")]);
    const rung = { times: 0 };
    using _ = far.bell([`queue:${queue}`], () => void rung.times++);
    proxy.shut();
    for (let n = 0; n < 120; n++) await near.commit([enqueue(`job ${n}`)]);
    await near.compact();
    await using connection = await openNats({ url: server.url });
    expect((await streamFacts(connection, stream)).messages).toBe(0);
    proxy.open();
    await until(async () => (await far.health()).status === "up");
    expect(await storedIn(far)).toEqual(await storedIn(near));
    await near.commit([enqueue("last")]);
    expect((await storedIn(far)).length).toBe(122);
    await until(() => rung.times > 0);
    const { claims } = await far.claim({ queue, count: 1, leaseMs });
    expect(claims[0]?.body).toBe("first");
  });

  test("a server that goes away again while the snapshot is loaded does not stop the process: it is loaded when it is back", async () => {
    await using proxy = await cuttingProxy(server.url);
    const [near, far] = [await open(), await open({ url: proxy.url, busyMaxMs: 600 })];
    await far.commit([enqueue("first")]);
    proxy.shut();
    for (let n = 0; n < 5; n++) await near.commit([enqueue(`job ${n}`)]);
    await near.compact();
    proxy.next("cut before the request", `MSG.GET.${stream}-snapshots`);
    const asked = proxy.came();
    proxy.open();
    await until(async () => (await far.health()).status === "up");
    const read = far.get([]).catch(() => undefined);
    await asked;
    proxy.shut();
    await read;
    await systemClock.sleep(1_200);
    proxy.open();
    await until(async () => (await far.health()).status === "up");
    expect((await far.health()).fault).toBeUndefined();
    expect(await storedIn(far)).toEqual(await storedIn(near));
  });

  test("the first snapshot of all is there for those who come later", async () => {
    const engine = await open();
    await engine.commit([enqueue("job")]);
    await engine.compact();
    expect(await storedIn(await open())).toEqual(["job"]);
  });

  test("a message with failures that are longer than what one message of the server holds is in a snapshot like others", async () => {
    const engine = await open();
    await engine.commit([enqueue("job"), put("k")]);
    const failure = "é😀".repeat(40_000);
    for (let n = 0; n < 6; n++) {
      const { receipt } = await takeOne(engine);
      const as = { kind: "retry", delayMs: 0, failure: `${n} ${failure}` } as const;
      await engine.commit([{ op: "settle", receipt, as }]);
    }
    await engine.compact();
    const rows = async (of: JetStreamEngine) => Array.fromAsync(of.scan({ kind: "messages", queue }));
    expect(await rows(await open())).toEqual(await rows(engine));
  });

  test("a snapshot for which there is no room leaves nothing behind, and a smaller one has the room", async () => {
    const engine = await open();
    await using connection = await openNats({ url: server.url });
    const cell = (n: number): CellKey => ({ space: "s", key: `k${n}` });
    for (let n = 0; n < 40; n++)
      await engine.commit([{ op: "put", cell: cell(n), expect: "any", value: "x".repeat(40_000) }]);
    // One part of it, of half the largest message, but not two.
    await limit(connection, 700_000);
    await expect(engine.compact()).rejects.toMatchObject({ reason: "full" });
    expect((await streamFacts(connection, `${stream}-snapshots`)).messages).toBe(0);
    for (let n = 10; n < 40; n++) await engine.commit([{ op: "put", cell: cell(n), expect: "any", value: undefined }]);
    await engine.compact();
    expect((await streamFacts(connection, stream)).messages).toBe(0);
  });

  test("of many calls that wait for a server that is away none waits much longer than busyMaxMs", async () => {
    const reach = { away: () => Promise.resolve(server.pause()), back: () => Promise.resolve(server.resume()) };
    expect(await exerciseAway(reach, open)).toEqual(["OUTCOME_UNKNOWN", "STORAGE"]);
  });

  test("what processes write at the same time is snapshot and purged by one of them at a time, and the stream stays short", async () => {
    const engines = await Promise.all([1, 2, 3].map(() => open({ snapshotCommands: 20 })));
    await Promise.all(
      engines.map(async (engine, w) => {
        for (let n = 0; n < 150; n++) await engine.commit([enqueue(`${w}-${n}`)]);
      }),
    );
    const held = await Promise.all(engines.map(storedIn));
    expect(held[0]?.length).toBe(450);
    expect(held[1]).toEqual(held[0]);
    expect(await storedIn(await open())).toEqual(held[0]);
    await using connection = await openNats({ url: server.url });
    expect((await streamFacts(connection, stream)).messages).toBeLessThan(200);
  });

  test("a claim of an empty queue writes nothing", async () => {
    const engine = await open({ clock: systemClock });
    await using connection = await openNats({ url: server.url });
    const { lastSequence } = await streamFacts(connection, stream);
    for (let n = 0; n < 20; n++) expect((await engine.claim({ queue, count: 1, leaseMs })).claims).toEqual([]);
    expect((await streamFacts(connection, stream)).lastSequence).toBe(lastSequence);
  });

  test("23: a command of a newer version, or something else in the stream, stops the process with a clear error", async () => {
    const newer = await open();
    await using connection = await openNats({ url: server.url });
    const data = JSON.stringify({ version: 2, proposer: "p", number: 1, stateBytesMax: 1e9, calls: [] });
    await publish(connection, { subject: `${stream}.commands`, data });
    await until(async () => (await newer.health()).fault !== undefined);
    await expect(newer.commit([enqueue("x")])).rejects.toThrow(/has version 2, this process knows 1/);
    await expect(newer.get([])).rejects.toMatchObject({ code: "STORAGE", retryable: false });
    const foreign = await open({ stream: `${stream}-f` });
    await publish(connection, { subject: `${stream}-f.commands`, data: "hello" });
    await until(async () => (await foreign.health()).fault !== undefined);
    await expect(foreign.commit([enqueue("x")])).rejects.toMatchObject({ code: "STORAGE", reason: "corrupt" });
  });

  test("commands that were purged without a snapshot are missed at opening, not passed over", async () => {
    const engine = await open();
    for (let n = 0; n < 5; n++) await engine.commit([enqueue(`job ${n}`)]);
    await using connection = await openNats({ url: server.url });
    await purge(connection, stream, { before: 4 });
    await expect(open()).rejects.toMatchObject({ code: "STORAGE", reason: "corrupt" });
  });

  test("a newest snapshot of which parts are lost is passed over for the one before it", async () => {
    const engine = await open({ snapshotCommands: 16 });
    await using connection = await openNats({ url: server.url });
    const newest = async () => {
      const message = await lastMessage(connection, `${stream}-snapshots`, `${stream}.snapshot`);
      return message === undefined
        ? undefined
        : (JSON.parse(new TextDecoder().decode(message.data)) as {
            readonly partSubject: string;
            readonly former?: number;
          });
    };
    for (let n = 0; (await newest())?.former === undefined; n++) await engine.commit([enqueue(`job ${n}`)]);
    const held = await storedIn(engine);
    await engine[Symbol.asyncDispose]();
    await purge(connection, `${stream}-snapshots`, { subject: (await newest())?.partSubject ?? "" });
    expect(await storedIn(await open())).toEqual(held);
  });

  test("a class that the stream cannot keep is refused at opening; what the operator states is taken", async () => {
    await open();
    await expect(open({ durability: "replicated", replicas: 1 })).rejects.toMatchObject({ code: "DURABILITY" });
    expect((await open({ durability: "disk" })).can.durability).toBe("disk");
  });

  test("a commit that does not fit into a message of the server is a ChangeError, and the next one passes", async () => {
    const engine = await open();
    const body = "x".repeat(engine.can.payloadBytesMax);
    await expect(engine.commit(Array.from({ length: 5 }, () => enqueue(body)))).rejects.toMatchObject({
      code: "CHANGE",
    });
    await engine.commit([enqueue(body)]);
    expect((await storedIn(engine)).length).toBe(1);
  });

  test("a stream that is removed under the engine stops it, and it says so", async () => {
    const engine = await open({ busyMaxMs: 1_000 });
    await engine.commit([enqueue("job")]);
    await using connection = await openNats({ url: server.url });
    await deleteStream(connection, stream);
    await until(async () => (await engine.health()).fault !== undefined);
    expect((await engine.health()).status).toBe("down");
    await expect(engine.commit([enqueue("x")])).rejects.toMatchObject({ reason: "missing", retryable: false });
  });
});
