import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

import { lanes, payload, type Figure } from "../frame.ts";
import { withNats } from "./nats-server.ts";

const stream = "jobs";

async function open(url: string) {
  const connection = await connect({ servers: url });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: stream, subjects: [stream] });
  const client = jetstream(connection);
  const add = async (index: number): Promise<void> =>
    void (await client.publish(stream, JSON.stringify(payload(index)), { msgID: String(index) }));
  return { connection, manager, client, add };
}

/** One publication with its acknowledgement a job, 64 under way. */
export function publishOne(): Promise<Figure> {
  return withNats(async (url) => {
    const { connection, add } = await open(url);
    await lanes(10_000, 64, add);
    const value = await lanes(60_000, 64, (index) => add(10_000 + index));
    await connection.close();
    return { name: "@nats-io/jetstream 3.4, publish with acknowledgement", durability: "process", value };
  });
}

/** What the server stores of such jobs at best: 64 of them a message, one message after the other, each acknowledged. */
export function publishGroups(): Promise<Figure> {
  return withNats(async (url) => {
    const { connection, client } = await open(url);
    const group = JSON.stringify(Array.from({ length: 64 }, (_, index) => payload(index)));
    const add = (index: number): Promise<unknown> => client.publish(stream, group, { msgID: String(index) });
    await lanes(200, 1, add);
    const value = 64 * (await lanes(2_000, 1, (index) => add(200 + index)));
    await connection.close();
    return { name: "@nats-io/jetstream 3.4, 64 jobs a publication", durability: "process", value };
  });
}

/** A pull consumer that acknowledges each job, without waiting for the server to confirm it: unfenced. */
export function pullBacklog(count: number): Promise<Figure> {
  return withNats(async (url) => {
    const { connection, manager, client, add } = await open(url);
    await lanes(count, 256, add);
    await manager.consumers.add(stream, {
      durable_name: "worker",
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: 64,
    });
    const consumer = await client.consumers.get(stream, "worker");
    const startedMs = performance.now();
    const messages = await consumer.consume({ max_messages: 64 });
    let done = 0;
    for await (const message of messages) {
      message.ack();
      if (++done === count) break;
    }
    await connection.flush();
    const value = count / ((performance.now() - startedMs) / 1000);
    await connection.close();
    return { name: "@nats-io/jetstream 3.4, pull consumer, unfenced", durability: "process", value };
  });
}
