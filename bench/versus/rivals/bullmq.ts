import { Queue } from "bullmq";

import { lanes, payload, type Figure } from "../frame.ts";
import { withRedis } from "./redis-server.ts";

/** BullMQ single adds, 64 in flight, on a Redis of its own that syncs its log at every write. */
export function bullmqEnqueue(): Promise<Figure> {
  return withRedis("each-write", async (port) => {
    const connection = { host: "127.0.0.1", port, maxRetriesPerRequest: null };
    const queue = new Queue("bench", { connection });
    await queue.waitUntilReady();
    const add = (index: number): Promise<unknown> =>
      queue.add("job", payload(index), { removeOnComplete: true, removeOnFail: true });
    await lanes(1000, 64, add);
    const value = await lanes(12_000, 64, add);
    await queue.close();
    return { name: "BullMQ 6.7, Redis appendfsync always", durability: "disk", value };
  });
}
