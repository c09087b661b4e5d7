import { createServer } from "node:net";
import { beforeEach, expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { openAmqp, type Outgoing, PublishUnknownError, type WireMessage } from "./mod.ts";
import { until } from "../network.test-server.ts";
import { brokerUrl, cuttingProxy, freshName, needsBroker, openBroker } from "./server.test-amqp.ts";

beforeEach(needsBroker);

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const texts = (messages: readonly WireMessage[]): readonly string[] =>
  messages.map(({ content }) => new TextDecoder().decode(content));

test("a confirmed message is in the queue, in the order of the calls, also those made before there was a connection", async () => {
  await using broker = await openBroker();
  const queue = freshName();
  await broker.ask("declaring", (wire) => wire.assertQueue(queue));
  await using publisher = broker.publisher();
  const sent = Array.from({ length: 200 }, (_, n) => String(n));
  await Promise.all(sent.map((text) => publisher.publish({ exchange: "", routingKey: queue, content: bytes(text) })));
  const got: WireMessage[] = [];
  await using consumer = broker.consumer(async ({ wire }) => {
    await wire.consume(queue, (message) => void (message !== null && got.push(message)), { noAck: true });
  });
  await consumer.listening();
  await until(() => got.length === sent.length);
  expect(texts(got)).toEqual(sent);
  await broker.ask("cleaning up", (wire) => wire.deleteQueue(queue));
});

test("confirmation does not wait for Nagle's algorithm", async () => {
  await using broker = await openBroker();
  const queue = freshName();
  await broker.ask("declaring", (wire) => wire.assertQueue(queue));
  await using publisher = broker.publisher();
  const publish = (): Promise<void> => publisher.publish({ exchange: "", routingKey: queue, content: bytes("x") });
  await publish();
  const startedMs = systemClock.monotonic();
  for (let n = 0; n < 20; n++) await publish();
  // With it, each takes 40 ms and more.
  expect(systemClock.monotonic() - startedMs).toBeLessThan(20 * 30);
  await broker.ask("cleaning up", (wire) => wire.deleteQueue(queue));
});

test("a message that no queue takes is refused with AmqpError missing; others of the same moment are taken", async () => {
  await using broker = await openBroker();
  const queue = freshName();
  await broker.ask("declaring", (wire) => wire.assertQueue(queue));
  await using publisher = broker.publisher();
  const content = bytes("x");
  const [first, second, third] = await Promise.allSettled([
    publisher.publish({ exchange: "", routingKey: queue, content }),
    publisher.publish({ exchange: "", routingKey: `${queue}-none`, content }),
    publisher.publish({ exchange: "", routingKey: `${queue}-none`, content, unrouted: "drop" }),
  ]);
  expect([first.status, third.status]).toEqual(["fulfilled", "fulfilled"]);
  expect(second).toMatchObject({ reason: { code: "AMQP", reason: "missing" } });
  expect(await broker.ask("counting", (wire) => wire.deleteQueue(queue))).toMatchObject({ messageCount: 1 });
});

test("messages with one id, and with the headers of an earlier life, are refused each by itself", async () => {
  await using broker = await openBroker();
  const queue = freshName();
  await broker.ask("declaring", (wire) => wire.assertQueue(queue));
  await using publisher = broker.publisher();
  const common = { exchange: "", content: bytes("x"), messageId: "1" };
  const ends = await Promise.allSettled([
    publisher.publish({ ...common, routingKey: queue }),
    publisher.publish({ ...common, routingKey: `${queue}-none` }),
    publisher.publish({ ...common, routingKey: queue }),
    publisher.publish({ ...common, messageId: "2", routingKey: `${queue}-none`, headers: { "x-ashlar-mark": 7 } }),
  ]);
  expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
  await expect(publisher.publish({ ...common, routingKey: `${queue}-none` })).rejects.toMatchObject({
    reason: "missing",
  });
  await publisher.publish({ ...common, routingKey: queue });
  expect(await broker.ask("counting", (wire) => wire.deleteQueue(queue))).toMatchObject({ messageCount: 3 });
});

test("a connection that is cut is made again, and queues of the connection are declared anew", async () => {
  await using proxy = await cuttingProxy();
  await using broker = await openAmqp({ url: proxy.url });
  const got: string[] = [];
  const lives: string[] = [];
  let queue = "";
  await using consumer = broker.consumer(
    async ({ wire }) => {
      ({ queue } = await wire.assertQueue("", { exclusive: true, autoDelete: true }));
      await wire.consume(queue, (message) => void (message !== null && got.push(...texts([message]))), { noAck: true });
    },
    { listening: (life) => void lives.push(life), lost: () => void lives.push("lost") },
  );
  await consumer.listening();
  await using publisher = broker.publisher();
  const send = (text: string): Promise<void> =>
    publisher.publish({ exchange: "", routingKey: queue, content: bytes(text) });
  await send("before");
  await until(() => got.length === 1);
  proxy.cutAll();
  await until(() => lives.includes("again"));
  await send("after");
  await until(() => got.length === 2);
  expect([got, lives]).toEqual([
    ["before", "after"],
    ["first", "lost", "again"],
  ]);
});

test("a confirmation that is lost with the connection is told as unknown, and what was not sent as not taken", async () => {
  await using proxy = await cuttingProxy();
  await using broker = await openAmqp({ url: proxy.url });
  const queue = freshName();
  await broker.ask("declaring", (wire) => wire.assertQueue(queue));
  await using publisher = broker.publisher();
  const publish = (): Promise<void> => publisher.publish({ exchange: "", routingKey: queue, content: bytes("x") });
  await publish();
  proxy.next("cut before the answer");
  await expect(publish()).rejects.toBeInstanceOf(PublishUnknownError);
  // The next one finds a new connection by itself.
  await publish();
  const { messageCount } = await broker.ask("cleaning up", (wire) => wire.deleteQueue(queue));
  expect(messageCount).toBe(3);
});

test("a broker that falls silent is given up after answerMaxMs", async () => {
  await using proxy = await cuttingProxy();
  await using broker = await openAmqp({ url: proxy.url, answerMaxMs: 200, connectMaxMs: 300 });
  const queue = freshName();
  await broker.ask("declaring", (wire) => wire.assertQueue(queue));
  await using publisher = broker.publisher();
  const publish = (): Promise<void> => publisher.publish({ exchange: "", routingKey: queue, content: bytes("x") });
  await publish();
  proxy.swallowAnswers();
  await expect(publish()).rejects.toBeInstanceOf(PublishUnknownError);
  await expect(broker.ask("asking", (wire) => wire.checkQueue(queue))).rejects.toMatchObject({ reason: "connection" });
  proxy.heal();
  await publish();
  await broker.ask("cleaning up", (wire) => wire.deleteQueue(queue));
});

test("more unconfirmed messages than allowed are refused with AmqpError busy, and nothing of them is sent", async () => {
  await using broker = await openBroker({ unconfirmedMax: 5 });
  const queue = freshName();
  await broker.ask("declaring", (wire) => wire.assertQueue(queue));
  await using publisher = broker.publisher();
  const all = await Promise.allSettled(
    Array.from({ length: 8 }, () => publisher.publish({ exchange: "", routingKey: queue, content: bytes("x") })),
  );
  expect(all.map(({ status }) => status === "fulfilled")).toEqual([true, true, true, true, true, false, false, false]);
  expect(all[7]).toMatchObject({ reason: { code: "AMQP", reason: "busy", retryable: true } });
  const { messageCount } = await broker.ask("cleaning up", (wire) => wire.deleteQueue(queue));
  expect(messageCount).toBe(5);
});

test("what the broker refuses on one channel closes no other", async () => {
  await using broker = await openBroker();
  const queue = freshName();
  await using channel = broker.channel();
  await channel.ask("declaring", (wire) => wire.assertQueue(queue));
  const { epoch } = await channel.get();
  const different = broker.ask("declaring", (wire) => wire.assertQueue(queue, { durable: false }));
  await expect(different).rejects.toMatchObject({ reason: "different", replyCode: 406 });
  await expect(broker.ask("asking", (wire) => wire.checkQueue("no such queue"))).rejects.toMatchObject({
    reason: "missing",
    retryable: false,
  });
  expect((await channel.get()).epoch).toBe(epoch);
  await broker.ask("cleaning up", (wire) => wire.deleteQueue(queue));
});

test("a wrong password, virtual host, address and protocol say what is wrong, and are not tried again", async () => {
  const { host } = new URL(brokerUrl);
  const open = async (url: string): Promise<unknown> => {
    const startedMs = systemClock.monotonic();
    const error: unknown = await openAmqp({ url, connectMaxMs: 5_000 }).then(
      () => "opened",
      (reason: unknown) => reason,
    );
    expect(systemClock.monotonic() - startedMs).toBeLessThan(4_000);
    return error;
  };
  const wrong = await open(`amqp://guest:wrong@${host}`);
  expect(wrong).toMatchObject({ code: "AMQP", reason: "denied", retryable: false });
  expect(String(wrong)).toContain("check user, password and virtual host");
  expect(await open(`amqp://guest:guest@${host}/nowhere`)).toMatchObject({ reason: "denied", retryable: false });
  const noTls = await open(`amqps://guest:guest@${host}`);
  expect(noTls).toMatchObject({ reason: "tls" });
  expect(String(noTls)).toContain("5671");
  await expect(openAmqp({ url: "http://localhost" })).rejects.toMatchObject({ code: "CONFIG" });
});

test("a broker that is not there is tried until connectMaxMs is over", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  await new Promise((resolve) => server.close(resolve));
  const startedMs = systemClock.monotonic();
  const opening = openAmqp({ url: `amqp://127.0.0.1:${port}`, connectMaxMs: 300 });
  await expect(opening).rejects.toMatchObject({ reason: "connection", retryable: true });
  expect(systemClock.monotonic() - startedMs).toBeGreaterThan(100);
});

test("a password that changes is asked for at every connection", async () => {
  await using proxy = await cuttingProxy();
  const url = new URL(proxy.url);
  url.password = "outdated";
  let asked = 0;
  const password = async (): Promise<string> => (asked++, "guest");
  await using broker = await openAmqp({ url: url.href, password });
  proxy.cutAll();
  await until(() => proxy.connections() === 1);
  await broker.ask("asking", (wire) => wire.prefetch(1)).catch(() => undefined);
  await broker.ask("asking", (wire) => wire.prefetch(1));
  expect(asked).toBe(2);
});

test("what cannot be sent is told as such, and costs no connection", async () => {
  await using broker = await openBroker();
  await using publisher = broker.publisher();
  const headers = { long: "x".repeat(100_000) };
  const sent = publisher.publish({ exchange: "", routingKey: "x", content: "x", headers });
  await expect(sent).rejects.toMatchObject({ code: "AMQP", reason: "other", retryable: false });
  await publisher.publish({ exchange: "", routingKey: freshName(), content: "x", unrouted: "drop" });
});

test("health says up with a latency, and down with a reason", async () => {
  await using proxy = await cuttingProxy();
  await using broker = await openAmqp({ url: proxy.url, connectMaxMs: 200 });
  expect(broker.facts.product).toBe("RabbitMQ");
  const up = await broker.health();
  expect([up.status, up.reason]).toEqual(["up", undefined]);
  expect(up.latencyMs).toBeGreaterThan(0);
  await proxy[Symbol.asyncDispose]();
  expect(await broker.health()).toMatchObject({ status: "down", latencyMs: undefined });
});

test("after disposal calls reject with DisposedError, and disposing again does nothing", async () => {
  const broker = await openBroker();
  const publisher = broker.publisher();
  await broker[Symbol.asyncDispose]();
  await broker[Symbol.asyncDispose]();
  expect(() => broker.channel()).toThrow("disposed");
  const late = publisher.publish({ exchange: "", routingKey: "x", content: bytes("x") });
  await expect(late).rejects.toMatchObject({ code: "DISPOSED" });
});

test("messages arrive as they were published, however they are put into frames", async () => {
  await using broker = await openBroker();
  const queue = freshName();
  await broker.ask("declaring", (wire) => wire.assertQueue(queue));
  await using publisher = broker.publisher();
  const shorts = { correlationId: "c", replyTo: "r", contentType: "text/plain", type: "é".repeat(127) };
  const sent = [
    { content: "plain" },
    { content: "", messageId: "empty" },
    { content: "é".repeat(2_044), messageId: "the largest of ours", ...shorts },
    { content: "é".repeat(2_045), messageId: "the smallest of the library's", ...shorts },
    { content: "with headers", headers: { a: "1" }, messageId: "h" },
    { content: bytes("with a timestamp"), timestamp: 1_700_000_000, ...shorts },
    { content: "x".repeat(300_000), messageId: "many frames" },
    { content: bytes("bytes"), durable: "no" as const, messageId: "é" },
    { content: "last" },
  ];
  await Promise.all(sent.map((message) => publisher.publish({ exchange: "", routingKey: queue, ...message })));
  const got: WireMessage[] = [];
  await using consumer = broker.consumer(async ({ wire }) => {
    await wire.consume(queue, (message) => void (message !== null && got.push(message)), { noAck: true });
  });
  await consumer.listening();
  await until(() => got.length === sent.length);
  expect(texts(got)).toEqual(
    sent.map(({ content }) => (typeof content === "string" ? content : Buffer.from(content).toString())),
  );
  const absent = { messageId: undefined, correlationId: undefined, type: undefined, timestamp: undefined };
  expect(got.map(({ properties }) => ({ ...properties, headers: undefined }))).toMatchObject(
    sent.map(({ content: _content, headers: _headers, durable, ...properties }: Partial<Outgoing>) => ({
      ...absent,
      deliveryMode: durable === "no" ? 1 : 2,
      ...properties,
    })),
  );
  expect(got[4]?.properties.headers?.["a"]).toBe("1");
  await broker.ask("cleaning up", (wire) => wire.deleteQueue(queue));
});
