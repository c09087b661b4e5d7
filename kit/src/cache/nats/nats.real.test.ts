import { afterAll, describe, expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { deleteStream, openNats, publish } from "../../drivers/nats/mod.ts";
import { absent, cuttingProxy, freshName, serverUrl } from "../../drivers/nats/server.test-nats.ts";
import { exerciseInvalidationBus } from "../conformance/mod.ts";
import { exerciseKeptChannel } from "../invalidation-bus.test-scenarios.ts";
import { natsBus } from "./mod.ts";

const why = await absent();
const made: string[] = [];

function freshStream(): string {
  const name = freshName();
  made.push(name);
  return name;
}

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

  exerciseKeptChannel(
    "nats",
    async () => {
      const stack = new AsyncDisposableStack();
      const proxy = stack.use(await cuttingProxy());
      const stream = freshStream();
      const connection = stack.use(await openNats({ url: serverUrl }));
      const distant = stack.use(await openNats({ url: proxy.url }));
      return {
        far: natsBus(distant, { stream }),
        near: natsBus(connection, { stream }),
        shut: () => proxy.shut(),
        open: () => proxy.open(),
        remove: () => deleteStream(connection, stream),
        babble: async () => void (await publish(connection, { subject: `${stream}.changes`, data: "hello" })),
        [Symbol.asyncDispose]: () => stack.disposeAsync(),
      };
    },
    { test },
  );

  test("a name that is none of a stream is refused", async () => {
    await using connection = await openNats({ url: serverUrl });
    expect(() => natsBus(connection, { stream: "a.b" })).toThrow(/stream/);
    expect(() => natsBus(connection, { replicas: 0 })).toThrow(/replicas/);
  });
});
