import { openJetStreamEngine } from "ashlar/engine/jetstream";
import { openQueue, queue } from "ashlar/queue";

import { lanes, payload, type Figure, type Row } from "../frame.ts";
import { withNats } from "../rivals/nats-server.ts";
import { workedOff } from "../worked-off.ts";

type Order = ReturnType<typeof payload>;

const plain = queue<Order>("plain", { depthMax: 1_000_000 });
const name = "Ashlar, JetStream";
// Every process holds the backlog in memory.
const stateBytesMax = 268_435_456;
const backlogSize = 30_000;

const enqueue: Row = {
  path: "JetStream, enqueue single, 64 in flight",
  better: "higher",
  unit: "jobs/s",
  limitName: "jobs/s, 64 a publication, one after the other",
  limit: async () => (await import("../rivals/bare-jetstream.ts")).publishGroups(),
  ours: () =>
    withNats(async (url): Promise<Figure> => {
      await using engine = await openJetStreamEngine({ url, stateBytesMax });
      const target = await openQueue({ engine, queue: plain });
      await lanes(10_000, 64, (index) => target.add(payload(index)));
      return { name, durability: "process", value: await lanes(60_000, 64, (index) => target.add(payload(index))) };
    }),
  rivals: [async () => (await import("../rivals/bare-jetstream.ts")).publishOne()],
};

const backlog: Row = {
  path: "JetStream, process a backlog, concurrency 64",
  better: "higher",
  unit: "jobs/s",
  limitName: "jobs/s, 64 a publication, one after the other",
  limit: async () => (await import("../rivals/bare-jetstream.ts")).publishGroups(),
  ours: () =>
    withNats(async (url): Promise<Figure> => {
      await using engine = await openJetStreamEngine({ url, stateBytesMax });
      const target = await openQueue({ engine, queue: plain });
      await lanes(backlogSize, 256, (index) => target.add(payload(index)));
      return { name: `${name}, fenced`, durability: "process", value: await workedOff(target, backlogSize) };
    }),
  rivals: [async () => (await import("../rivals/bare-jetstream.ts")).pullBacklog(backlogSize)],
};

/** Queues on JetStream beside its own client, each with a server of its own. */
export const onJetStream: readonly Row[] = [enqueue, backlog];
