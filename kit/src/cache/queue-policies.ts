import type { Policy } from "./policy.ts";
import { SlotList } from "./slot-list.ts";
import type { Slots } from "./slots.ts";

/** Least recently used: one queue, in which use makes an entry the newest. */
export function lru(slots: Slots): Policy {
  return queueOf(slots, (queue, slot) => queue.renew(slot));
}

/** First in, first out: the same queue; use changes nothing. */
export function fifo(slots: Slots): Policy {
  return queueOf(slots, () => undefined);
}

function queueOf(slots: Slots, used: (queue: SlotList, slot: number) => void): Policy {
  const queue = new SlotList(slots);
  return {
    used: (slot) => used(queue, slot),
    admitted: (slot) => queue.add(slot),
    victim: () => {
      const slot = queue.oldest;
      queue.remove(slot);
      return slot;
    },
    removed: (slot) => queue.remove(slot),
    reweighed: (_slot, by) => queue.reweigh(by),
    grown: () => undefined,
  };
}
