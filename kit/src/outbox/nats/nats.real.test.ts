import { afterAll, describe, expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { type Delivered, deleteStream, follow, openNats } from "../../drivers/nats/mod.ts";
import { absent, cuttingProxy, freshName, serverUrl, startServer } from "../../drivers/nats/server.test-nats.ts";
import { until } from "../../drivers/network.test-server.ts";
import { openMemoryEngine } from "../../engine/memory/mod.ts";
import { openEventStore } from "../../events/mod.ts";
import { exercisePublisher } from "../conformance/mod.ts";
import { openRelay, type OutgoingEvent } from "../mod.ts";
import { openNatsPublisher } from "./mod.ts";

const why = await absent();
const made: string[] = [];

function freshStream(): string {
  const name = freshName();
  made.push(name);
  return name;
}

const bounds = { bytesMax: 4_194_304 };

/** As a consumer in another language reads it. */
function eventOf({ data, headers }: Delivered): OutgoingEvent {
  const text = (name: string): string => decodeURIComponent(headers?.get(name) ?? "");
  return {
    id: text("Nats-Msg-Id"),
    log: text("Event-Log"),
    stream: text("Event-Stream"),
    version: Number(text("Event-Version")),
    position: Number(text("Event-Position")),
    type: text("Event-Type"),
    data: new TextDecoder().decode(data),
    meta: headers?.has("Event-Meta") === true ? text("Event-Meta") : undefined,
    recordedAtMs: Number(text("Event-Time")),
  };
}

async function consume(stream: string, url: string = serverUrl) {
  const connection = await openNats({ url });
  const heard: Delivered[] = [];
  const follower = { message: (message: Delivered) => void heard.push(message), failed: () => undefined };
  const followed = await follow(connection, { stream, after: 0, follower });
  return {
    heard,
    [Symbol.asyncDispose]: async () => {
      await followed[Symbol.asyncDispose]();
      await connection[Symbol.asyncDispose]();
    },
  };
}

describe.skipIf(why !== undefined)(`NATS ${why ?? ""}`, { timeout: 60_000 }, () => {
  afterAll(async () => {
    await using connection = await openNats({ url: serverUrl });
    for (const name of made) await deleteStream(connection, name);
  });

  exercisePublisher(
    "nats",
    async () => {
      const connection = await openNats({ url: serverUrl });
      const stream = freshStream();
      const publisher = await openNatsPublisher(connection, { stream, ...bounds });
      const consumer = await consume(stream);
      return {
        publisher,
        held: async (count) => {
          await until(() => consumer.heard.length >= count);
          return consumer.heard.map(eventOf);
        },
        repeated: "once",
        dispose: async () => {
          await consumer[Symbol.asyncDispose]();
          await connection[Symbol.asyncDispose]();
        },
      };
    },
    { test },
  );

  test("names become words of the subject that cannot be taken for others", async () => {
    await using connection = await openNats({ url: serverUrl });
    const stream = freshStream();
    await using publisher = await openNatsPublisher(connection, { stream, ...bounds });
    await using consumer = await consume(stream);
    const common = { log: "shop", version: 1, type: "T", data: "{}", meta: undefined, recordedAtMs: 0 };
    const names = ["cart-1", "a.b", "a*", "> ü", "%2E", "!'()~"];
    for (const [index, name] of names.entries())
      await publisher.publish({ ...common, id: `shop@${index + 1}`, position: index + 1, stream: name });
    await until(() => consumer.heard.length === names.length);
    const words = consumer.heard.map(({ subject }) => subject.slice(stream.length + 1));
    expect(words).toEqual(
      ["cart-1", "a%2Eb", "a%2A", "%3E%20%C3%BC", "%252E", "%21%27%28%29%7E"].map((word) => `shop.${word}`),
    );
    expect(words.map((word) => decodeURIComponent(word.slice(5)))).toEqual(names);
  });

  test("a relay over a connection that is cut again and again holds each event once, in order per stream", async () => {
    await using proxy = await cuttingProxy();
    await using far = await openNats({ url: proxy.url, answerMaxMs: 1_000 });
    await using engine = await openMemoryEngine();
    const store = await openEventStore({ engine, log: "shop" });
    const stream = freshStream();
    await using publisher = await openNatsPublisher(far, { stream, ...bounds });
    await using consumer = await consume(stream);
    for (let n = 0; n < 60; n++)
      await store.append(`s-${n % 6}`, [{ type: "Added", data: { n } }], { expected: Math.floor(n / 6) });
    await using relay = await openRelay({ store, name: "out", publisher, partitions: 3 });
    for (const cut of ["cut behind the answers", "cut before the request", "cut behind the answers"] as const) {
      proxy.next(cut, "Event-Log");
      await systemClock.sleep(150);
    }
    await relay.caughtUp();
    await until(() => consumer.heard.length >= 60);
    const events = consumer.heard.map(eventOf);
    expect(new Set(events.map(({ id }) => id)).size).toBe(60);
    expect(events.length).toBe(60);
    for (let s = 0; s < 6; s++) {
      const versions = events.filter((event) => event.stream === `s-${s}`).map(({ version }) => version);
      expect(versions).toEqual(Array.from({ length: 10 }, (_, n) => n + 1));
    }
  });

  test("while the server is away the relay waits; an event that is too large parks its stream only", async () => {
    await using server = await startServer("max_payload: 4096");
    await using connection = await openNats({ url: server.url, connectMaxMs: 500 });
    await using engine = await openMemoryEngine();
    const store = await openEventStore({ engine, log: "shop" });
    const stream = freshName();
    await using publisher = await openNatsPublisher(connection, { stream, ...bounds });
    await using relay = await openRelay({ store, name: "out", publisher });
    await server.kill();
    await store.append("a", [{ type: "Added", data: {} }], { expected: "new" });
    await store.append("large", [{ type: "Added", data: { text: "x".repeat(5_000) } }], { expected: "new" });
    await store.append("b", [{ type: "Added", data: {} }], { expected: "new" });
    await server.start();
    await relay.caughtUp();
    await using consumer = await consume(stream, server.url);
    await until(() => consumer.heard.length === 2);
    expect(consumer.heard.map(eventOf).map(({ id }) => id)).toEqual(["shop@1", "shop@3"]);
    const [parked] = await Array.fromAsync(relay.parked.list());
    expect(parked).toMatchObject({ stream: "large", failure: { code: "NATS" } });
  });
});
