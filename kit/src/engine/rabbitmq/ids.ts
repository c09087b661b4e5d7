import type { Clock } from "../../clock/mod.ts";
import type { Random } from "../../random/mod.ts";

const perMs = 4_096;
const instances = 2 ** 32;

/** Ids of messages: decimal numbers that rise within a process, also when its clock jumps back, and between processes as far as their clocks
 *  agree. They are never used again: their low 32 bits are the random number of the process. */
export function messageIds(clock: Clock, random: Random): () => string {
  const instance = BigInt(random.integer(0, instances - 1));
  let last = 0;
  return () => {
    last = Math.max(last + 1, clock.now() * perMs);
    return String(BigInt(last) * BigInt(instances) + instance);
  };
}

/** When an id of {@link messageIds} was given out, in milliseconds; undefined for other texts. The last ids of a millisecond may be told as of the next one:
 *  every message that arrives is looked at, and whole digits cost more than twice as much. */
export function timeOfId(id: string): number | undefined {
  return /^\d{20,40}$/.test(id) ? Math.floor(Number(id) / (instances * perMs)) : undefined;
}
