import { beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { openRedis } from "../../drivers/redis/mod.ts";
import {
  cuttingProxy,
  freshPrefix,
  needsProgram,
  needsServer,
  serverUrl,
  startServer,
} from "../../drivers/redis/server.test-redis.ts";
import { exerciseBus } from "../conformance/mod.ts";
import { openRedisBus } from "./mod.ts";

describe("Redis", { timeout: 30_000 }, () => {
  beforeEach(needsServer);

  exerciseBus(
    "redis",
    async ({ onFault }) => {
      const channel = `${freshPrefix()}bus`;
      const proxy = await cuttingProxy();
      const one = await openRedisBus({ url: serverUrl, channel, onFault });
      const two = await openRedisBus({ url: proxy.url, channel, onFault });
      const close = async (): Promise<void> => {
        await one[Symbol.asyncDispose]();
        await two[Symbol.asyncDispose]();
        await proxy[Symbol.asyncDispose]();
      };
      return { one, two, cut: () => proxy.cutAll(), [Symbol.asyncDispose]: close };
    },
    { test, lacks: { groups: "PUBLISH goes to everybody" } },
  );

  test("what somebody else sends on the channel is passed over", async () => {
    const channel = `${freshPrefix()}bus`;
    const faults: unknown[] = [];
    await using bus = await openRedisBus({ url: serverUrl, channel, onFault: (fault) => void faults.push(fault) });
    await using database = await openRedis({ url: serverUrl });
    const heard: string[] = [];
    await using _subscription = await bus.subscribe("a", { heard: ({ body }) => void heard.push(body) });
    for (const text of ["", "{", "null", "[]", "[1,2]", '["p.a"]']) await database.send(["PUBLISH", channel, text]);
    await bus.publish("a", "1");
    await until(() => heard.length > 0);
    expect([heard, faults]).toEqual([["1"], []]);
  });
});

describe("with a server of its own", { timeout: 60_000 }, () => {
  test("what is published while the server is away is refused; the subscriber is told, later messages and answers come", async (context) => {
    needsProgram(context);
    await using server = await startServer();
    await using one = await openRedisBus({ url: server.url, connectMaxMs: 200 });
    await using two = await openRedisBus({ url: server.url });
    const heard: string[] = [];
    const gaps: string[] = [];
    const gap = (reason: string): void => void gaps.push(reason);
    await using _news = await two.subscribe("news.>", { heard: ({ body }) => void heard.push(body), gap });
    await using _stock = await two.respond("stock", { answer: ({ body }) => `7 of ${body}` });
    await server.kill();
    await expect(one.publish("news.tea", "missed")).rejects.toMatchObject({
      code: expect.stringMatching(/REDIS|OUTCOME_UNKNOWN/),
    });
    await expect(one.respond("late", { answer: () => "" })).rejects.toMatchObject({ code: "REDIS" });
    expect(gaps).toEqual([]);
    await server.start();
    await until(() => gaps.length > 0);
    await one.publish("news.tea", "later");
    await until(() => heard.length > 0);
    expect([heard, gaps]).toEqual([["later"], ["reconnected"]]);
    expect(await one.request("stock", "tea", { withinMs: 5_000 })).toBe("7 of tea");
  });

  test("a user without the right to the channel is refused", async (context) => {
    needsProgram(context);
    await using server = await startServer();
    await using database = await openRedis({ url: server.url });
    await database.send(["ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "resetchannels"]);
    await using bus = await openRedisBus({ url: `redis://app:secret@127.0.0.1:${server.port}` });
    await expect(bus.publish("a", "")).rejects.toMatchObject({ code: "REDIS", reason: "denied", retryable: false });
    const heard = (): void => undefined;
    await expect(bus.subscribe("a", { heard })).rejects.toMatchObject({ code: "REDIS", reason: "denied" });
  });
});

async function until(wanted: () => boolean): Promise<void> {
  const untilMs = systemClock.monotonic() + 15_000;
  while (!wanted()) {
    if (systemClock.monotonic() > untilMs) throw new Error("it did not come to pass");
    await systemClock.sleep(5);
  }
}
