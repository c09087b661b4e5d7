import { queue, type QueueDefinition, retryPlan } from "ashlar/queue";
import type { Parcel } from "./queue-flow-history.ts";

const depthMax = 10;
export const timeoutMs = 600;
export const batchSize = 3;
const attemptsMax = 3;

const rules = {
  retry: retryPlan({ attemptsMax, firstMs: 30, capMs: 500 }),
  key: (parcel: Parcel) => parcel.key,
  keyConcurrency: 2,
  leaseMs: 1_000,
  crashesMax: 2,
  depthMax,
};
/** Worked on in batches. */
export const batched: QueueDefinition<Parcel, number> = queue("batched", rules);
/** Worked on one by one, nothing claimed ahead, with a time budget. */
export const single: QueueDefinition<Parcel, number> = queue("single", rules);
