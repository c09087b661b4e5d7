import { describe, expect, test } from "vitest";
import {
  absent,
  cuttingProxy,
  freshName,
  needsProgram,
  serverUrl,
  startServer,
} from "../../drivers/nats/server.test-nats.ts";
import { until } from "../../drivers/network.test-server.ts";
import { exerciseBus } from "../conformance/mod.ts";
import { openNatsBus } from "./mod.ts";

const why = await absent();

describe.skipIf(why !== undefined)(`NATS ${why ?? ""}`, { timeout: 30_000 }, () => {
  exerciseBus(
    "nats",
    async ({ onFault }) => {
      const prefix = freshName();
      const proxy = await cuttingProxy();
      const one = await openNatsBus({ url: serverUrl, prefix, onFault });
      const two = await openNatsBus({ url: proxy.url, prefix, onFault });
      const close = async (): Promise<void> => {
        await one[Symbol.asyncDispose]();
        await two[Symbol.asyncDispose]();
        await proxy[Symbol.asyncDispose]();
      };
      return { one, two, cut: () => proxy.cutAll(), [Symbol.asyncDispose]: close };
    },
    { test },
  );
});

describe("with a server of its own", { timeout: 60_000 }, () => {
  test("what is published while a subscriber is cut off is lost; it is told, groups and answers come again", async (context) => {
    needsProgram(context);
    await using server = await startServer("jetstream: disabled");
    await using proxy = await cuttingProxy(server.url);
    await using one = await openNatsBus({ url: server.url });
    await using two = await openNatsBus({ url: proxy.url, connectMaxMs: 200 });
    const heard: string[] = [];
    const gaps: string[] = [];
    const gap = (reason: string): void => void gaps.push(reason);
    await using _news = await two.subscribe("news.>", { group: "g", heard: ({ body }) => void heard.push(body), gap });
    await using _stock = await two.respond("stock", { answer: ({ body }) => `7 of ${body}` });
    proxy.shut();
    await one.publish("news.tea", "missed");
    await expect(one.request("stock", "tea", { withinMs: 100 })).rejects.toMatchObject({ reason: "no-answer" });
    await expect(two.publish("news.tea", "not sent")).rejects.toMatchObject({
      code: expect.stringMatching(/NATS|OUTCOME_UNKNOWN/),
    });
    expect(gaps).toEqual([]);
    proxy.open();
    await until(() => gaps.length > 0);
    await one.publish("news.tea", "later");
    await until(() => heard.includes("later"));
    expect(heard).not.toContain("missed");
    expect(await one.request("stock", "tea", { withinMs: 5_000 })).toBe("7 of tea");
    expect(gaps).toEqual(["reconnected"]);
  });

  test("a subscription that the user has no right to is refused, a message he has no right to is dropped", async (context) => {
    needsProgram(context);
    await using server = await startServer(
      'authorization { users: [{ user: "app", password: "secret", permissions: { subscribe: "shop.bus.>", publish: "shop.bus.>" } }] }',
    );
    const url = `nats://app:secret@127.0.0.1:${server.port}`;
    const heard = (): void => undefined;
    await using allowed = await openNatsBus({ url, prefix: "shop" });
    await using _subscription = await allowed.subscribe("a", { heard });
    await using other = await openNatsBus({ url, prefix: "other" });
    await other.publish("a", "dropped");
    await allowed.publish("a", "1");
    await expect(other.subscribe("a", { heard })).rejects.toMatchObject({ code: "NATS", reason: "denied" });
  });
});
