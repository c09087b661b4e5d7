import amqp from "amqplib";

import { lanes, payload, servers, type Figure } from "../frame.ts";

/** With `at once` small writes do not wait for the acknowledgement of those before (Nagle's algorithm), as they do by the library's default. */
export type Writes = "by default" | "at once";

async function open(writes: Writes) {
  const connection = await amqp.connect(servers.rabbitmq, writes === "at once" ? { noDelay: true } : {});
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue(`bench-${process.pid}-${Date.now()}`, {
    durable: true,
    arguments: { "x-queue-type": "quorum" },
  });
  const add = (index: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const content = Buffer.from(JSON.stringify(payload(index)));
      channel.sendToQueue(queue, content, { persistent: true }, (error: unknown) =>
        error === null ? resolve() : reject(new Error("not confirmed", { cause: error })),
      );
    });
  const close = async (): Promise<void> => {
    await channel.deleteQueue(queue);
    await connection.close();
  };
  return { channel, queue, add, close };
}

const nameOf = (what: string, writes: Writes): string =>
  `amqplib 2.3, ${what}${writes === "at once" ? ", noDelay" : ""}`;

/** One publication with its confirmation a job, 64 under way. */
export async function publishOne(writes: Writes, counts: { readonly warm: number; readonly timed: number }) {
  const { add, close } = await open(writes);
  await lanes(counts.warm, 64, add);
  const value = await lanes(counts.timed, 64, add);
  await close();
  return { name: nameOf("publish with confirmation", writes), durability: "disk", value } satisfies Figure;
}

/** A consumer that acknowledges each job, without waiting for the broker to hear of it: unfenced. It holds `prefetch` jobs at most. */
export async function consumeBacklog(writes: Writes, count: number, prefetch = 64): Promise<Figure> {
  const { channel, queue, add, close } = await open(writes);
  await lanes(count, 256, add);
  await channel.prefetch(prefetch);
  let done = 0;
  const finished = Promise.withResolvers<void>();
  const startedMs = performance.now();
  await channel.consume(queue, (message) => {
    if (message === null) return;
    JSON.parse(message.content.toString());
    channel.ack(message);
    if (++done === count) finished.resolve();
  });
  await finished.promise;
  // The broker answers once it has received the acknowledgements.
  await channel.checkQueue(queue);
  const value = count / ((performance.now() - startedMs) / 1000);
  await close();
  const what = `consumer with acknowledgements, prefetch ${prefetch}, unfenced`;
  return { name: nameOf(what, writes), durability: "disk", value };
}
