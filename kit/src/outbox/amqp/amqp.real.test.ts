import { describe, expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { type AmqpBroker, openAmqp, type WireMessage } from "../../drivers/amqp/mod.ts";
import { absent, brokerUrl, cuttingProxy, freshName } from "../../drivers/amqp/server.test-amqp.ts";
import { openMemoryEngine } from "../../engine/memory/mod.ts";
import { openEventStore } from "../../events/mod.ts";
import { exercisePublisher } from "../conformance/mod.ts";
import { openRelay, type OutgoingEvent } from "../mod.ts";
import { openAmqpPublisher } from "./mod.ts";

const why = await absent();

/** As a consumer in another language reads it. */
function eventOf({ content, properties }: WireMessage): OutgoingEvent {
  const headers = properties.headers ?? {};
  const text = (name: string): string => String(headers[name]);
  return {
    id: properties.messageId ?? "",
    log: text("event-log"),
    stream: text("event-stream"),
    version: Number(text("event-version")),
    position: Number(text("event-position")),
    type: text("event-type"),
    data: new TextDecoder().decode(content),
    meta: headers["event-meta"] === undefined ? undefined : text("event-meta"),
    recordedAtMs: Number(text("event-time")),
  };
}

async function until(holds: () => boolean): Promise<void> {
  for (let look = 0; !holds(); look++) {
    if (look > 1_500) expect.unreachable("it does not come about");
    await systemClock.sleep(10);
  }
}

/** Consumes a queue and removes it, and the exchange, at the end. */
async function consume(name: string): Promise<AsyncDisposable & { readonly heard: readonly WireMessage[] }> {
  const broker: AmqpBroker = await openAmqp({ url: brokerUrl });
  const heard: WireMessage[] = [];
  const consumer = broker.consumer(async ({ wire }) => {
    await wire.consume(name, (message) => void (message !== null && heard.push(message)), { noAck: true });
  });
  await consumer.listening();
  return {
    heard,
    [Symbol.asyncDispose]: async () => {
      await consumer[Symbol.asyncDispose]();
      await broker.ask("cleaning up", async (wire) => {
        await wire.deleteQueue(name);
        await wire.deleteExchange(name);
      });
      await broker[Symbol.asyncDispose]();
    },
  };
}

describe.skipIf(why !== undefined)(`RabbitMQ ${why ?? ""}`, { timeout: 60_000 }, () => {
  exercisePublisher(
    "amqp",
    async () => {
      const name = freshName();
      const broker = await openAmqp({ url: brokerUrl });
      const publisher = await openAmqpPublisher(broker, { exchange: name, queues: [{ name, pattern: "#" }] });
      const consumer = await consume(name);
      return {
        publisher,
        held: async (count) => {
          await until(() => consumer.heard.length >= count);
          return consumer.heard.map(eventOf);
        },
        repeated: "repeats",
        dispose: async () => {
          await consumer[Symbol.asyncDispose]();
          await broker[Symbol.asyncDispose]();
        },
      };
    },
    { test },
  );

  test("scenario 24: a relay over a connection that is cut again and again publishes each event, in order per stream but for repeats", async () => {
    const name = freshName();
    await using proxy = await cuttingProxy();
    await using far = await openAmqp({ url: proxy.url });
    await using engine = await openMemoryEngine();
    const store = await openEventStore({ engine, log: "shop" });
    await using publisher = await openAmqpPublisher(far, { exchange: name, queues: [{ name, pattern: "shop.*" }] });
    await using consumer = await consume(name);
    for (let n = 0; n < 60; n++)
      await store.append(`s-${n % 6}`, [{ type: "Added", data: { n } }], { expected: Math.floor(n / 6) });
    await using relay = await openRelay({ store, name: "out", publisher, partitions: 3 });
    for (let cut = 0; cut < 3; cut++) {
      await systemClock.sleep(20);
      proxy.cutAll();
    }
    await relay.caughtUp();
    const ids = (): Set<string> => new Set(consumer.heard.map((message) => eventOf(message).id));
    await until(() => ids().size === 60);
    for (let s = 0; s < 6; s++) {
      const versions = consumer.heard.map(eventOf).filter((event) => event.stream === `s-${s}`);
      const first = [...new Set(versions.map(({ version }) => version))];
      expect(first).toEqual(Array.from({ length: 10 }, (_, n) => n + 1));
    }
  });

  test("what no queue takes is dropped, or told where that was asked for", async () => {
    await using broker = await openAmqp({ url: brokerUrl });
    const exchange = freshName();
    const common = { id: "shop@1", log: "shop", stream: "s", version: 1, position: 1, type: "T", data: "{}" };
    const event = { ...common, meta: undefined, recordedAtMs: 0 };
    await using dropping = await openAmqpPublisher(broker, { exchange });
    await dropping.publish(event);
    await using failing = await openAmqpPublisher(broker, { exchange, unrouted: "fail" });
    await expect(failing.publish(event)).rejects.toMatchObject({ code: "AMQP", reason: "missing", retryable: false });
    await expect(openAmqpPublisher(broker, { exchange: "a b" })).rejects.toMatchObject({ code: "CONFIG" });
    await broker.ask("cleaning up", (wire) => wire.deleteExchange(exchange));
  });
});
