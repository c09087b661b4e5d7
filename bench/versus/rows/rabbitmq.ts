import { openRabbitEngine } from "ashlar/engine/rabbitmq";
import { openQueue, queue } from "ashlar/queue";
import amqp from "amqplib";

import { lanes, payload, servers, type Figure, type Row } from "../frame.ts";
import { workedOff } from "../worked-off.ts";

type Order = ReturnType<typeof payload>;

const plain = queue<Order>("plain", { depthMax: 1_000_000 });
const name = "Ashlar, RabbitMQ";
// Node compiles each side in the course of its first 15,000 jobs, which take up to three times the processor time of later ones.
const counts = { warm: 20_000, timed: 60_000 } as const;
const backlogSize = 100_000;

/** Runs `work` with a queue of its own on the broker, which is gone afterwards. */
async function withQueue<T>(work: (engine: Awaited<ReturnType<typeof openRabbitEngine>>) => Promise<T>): Promise<T> {
  const prefix = `bench-${process.pid}-${Date.now()}`;
  try {
    await using engine = await openRabbitEngine({ url: servers.rabbitmq, prefix });
    return await work(engine);
  } finally {
    const connection = await amqp.connect(servers.rabbitmq);
    const channel = await connection.createChannel();
    for (const part of ["0", "dead"]) await channel.deleteQueue(`${prefix}.q.${plain.name}.${part}`);
    await connection.close();
  }
}

const enqueue: Row = {
  path: "RabbitMQ, enqueue single, 64 in flight",
  better: "higher",
  unit: "jobs/s",
  limitName: "",
  ours: () =>
    withQueue(async (engine): Promise<Figure> => {
      const target = await openQueue({ engine, queue: plain });
      await lanes(counts.warm, 64, (index) => target.add(payload(index)));
      const value = await lanes(counts.timed, 64, (index) => target.add(payload(index)));
      return { name, durability: "disk", value };
    }),
  rivals: [
    async () => (await import("../rivals/bare-rabbitmq.ts")).publishOne("by default", counts),
    async () => (await import("../rivals/bare-rabbitmq.ts")).publishOne("at once", counts),
  ],
};

const backlog: Row = {
  path: "RabbitMQ, process a backlog, concurrency 64",
  better: "higher",
  unit: "jobs/s",
  limitName: "",
  ours: () =>
    withQueue(async (engine): Promise<Figure> => {
      const target = await openQueue({ engine, queue: plain });
      await lanes(backlogSize, 256, (index) => target.add(payload(index)));
      const left = async () => {
        const { ready, dead } = await engine.counts(plain.name);
        return { depth: ready, dead };
      };
      return { name: `${name}, fenced`, durability: "disk", value: await workedOff(target, backlogSize, left) };
    }),
  rivals: [
    async () => (await import("../rivals/bare-rabbitmq.ts")).consumeBacklog("by default", backlogSize),
    async () => (await import("../rivals/bare-rabbitmq.ts")).consumeBacklog("at once", backlogSize),
    // As many as our worker holds: 64 that run and 128 ahead of them.
    async () => (await import("../rivals/bare-rabbitmq.ts")).consumeBacklog("at once", backlogSize, 192),
  ],
};

/** Queues on RabbitMQ beside its client. All are quorum queues of one member, and every enqueued job is confirmed: synced to the broker's disk. */
export const onRabbit: readonly Row[] = [enqueue, backlog];
