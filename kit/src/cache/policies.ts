import { lfu } from "./lfu.ts";
import type { Policy, PolicyName, Room } from "./policy.ts";
import { fifo, lru } from "./queue-policies.ts";
import { S3Fifo } from "./s3-fifo.ts";
import type { Slots } from "./slots.ts";
import { WTinyLfu } from "./w-tiny-lfu.ts";

/** A policy of that name for an empty table. */
export function policyOf(name: PolicyName, slots: Slots, room: Room): Policy {
  switch (name) {
    case "s3-fifo":
      return new S3Fifo(slots, room);
    case "w-tiny-lfu":
      return new WTinyLfu(slots, room);
    case "lru":
      return lru(slots);
    case "lfu":
      return lfu(slots);
    case "fifo":
      return fifo(slots);
    default:
      throw new Error(`unknown policy ${name satisfies never}`);
  }
}
