import { afterAll, describe, expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { deleteStream, openNats, publish } from "../../drivers/nats/mod.ts";
import { absent, cuttingProxy, freshName, serverUrl } from "../../drivers/nats/server.test-nats.ts";
import { until } from "../../drivers/network.test-server.ts";
import { exerciseInvalidationBus } from "../conformance/mod.ts";
import type { BusMessage } from "../mod.ts";
import { natsBus } from "./mod.ts";

const why = await absent();
const made: string[] = [];

function freshStream(): string {
  const name = freshName();
  made.push(name);
  return name;
}

const message = (key: string): BusMessage => ({
  source: "test",
  target: { keys: [key] },
  mode: "hard",
  olderThan: undefined,
});

describe.skipIf(why !== undefined)(`NATS ${why ?? ""}`, { timeout: 30_000 }, () => {
  afterAll(async () => {
    await using connection = await openNats({ url: serverUrl });
    for (const name of made) await deleteStream(connection, name);
  });

  exerciseInvalidationBus(
    "nats",
    async () => {
      const connection = await openNats({ url: serverUrl });
      const bus = natsBus(connection, { stream: freshStream() });
      return {
        bus,
        delivered: () => systemClock.sleep(100),
        dispose: () => connection[Symbol.asyncDispose](),
      };
    },
    { test },
  );

  test("a listener whose connection was lost hears what it missed, in order, without a gap", async () => {
    await using proxy = await cuttingProxy();
    await using far = await openNats({ url: proxy.url });
    await using near = await openNats({ url: serverUrl });
    const stream = freshStream();
    const heard: number[] = [];
    await using subscription = await natsBus(far, { stream }).subscribe((_, sequence) => void heard.push(sequence));
    const bus = natsBus(near, { stream });
    proxy.shut();
    for (let n = 0; n < 20; n++) await bus.publish(message(`k${n}`));
    proxy.open();
    await until(() => heard.length === 20);
    expect(heard).toEqual(heard.map((_, n) => subscription.sequence + n + 1));
  });

  test("a stream that is removed is made again, and the numbers show it to everybody", async () => {
    await using connection = await openNats({ url: serverUrl });
    const stream = freshStream();
    const bus = natsBus(connection, { stream });
    const heard: [string, number][] = [];
    await using _ = await bus.subscribe(({ source }, sequence) => void heard.push([source, sequence]));
    const first = await bus.publish(message("a"));
    await until(() => heard.length === 1);
    await deleteStream(connection, stream);
    const second = await bus.publish({ ...message("b"), source: "later" });
    expect(second).toBeGreaterThan(first + 1);
    expect(await bus.latest()).toBe(second);
    await until(() => heard.length === 2);
    expect(heard[1]).toEqual(["later", second]);
  });

  test("what is no message is passed over, and its number is missing", async () => {
    await using connection = await openNats({ url: serverUrl });
    const stream = freshStream();
    const bus = natsBus(connection, { stream });
    const heard: number[] = [];
    await using subscription = await bus.subscribe((_message, sequence) => void heard.push(sequence));
    await publish(connection, { subject: `${stream}.changes`, data: "hello" });
    await bus.publish(message("a"));
    await until(() => heard.length === 1);
    expect(heard).toEqual([subscription.sequence + 2]);
  });

  test("a name that is none of a stream is refused", async () => {
    await using connection = await openNats({ url: serverUrl });
    expect(() => natsBus(connection, { stream: "a.b" })).toThrow(/stream/);
    expect(() => natsBus(connection, { replicas: 0 })).toThrow(/replicas/);
  });
});
