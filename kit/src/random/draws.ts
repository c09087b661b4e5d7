import { invariant } from "../errors/mod.ts";
import type { Random } from "./random.ts";

/** What can be drawn from any source of numbers in [0, 1). */
export function drawsFrom(next: () => number, stream: (name: string) => Random): Random {
  const integer = (min: number, maxInclusive: number): number => {
    const span = maxInclusive - min + 1;
    invariant(
      span >= 1 && Number.isSafeInteger(min) && Number.isSafeInteger(maxInclusive),
      "a range of integers has min <= max",
    );
    return min + Math.floor(next() * span);
  };
  return {
    next,
    integer,
    stream,
    pick: <T>(items: readonly T[]): T => {
      invariant(items.length > 0, "something can be picked only from one or more items");
      return items[Math.floor(next() * items.length)] as T;
    },
    shuffle: <T>(items: readonly T[]): T[] => {
      const order = [...items];
      for (let last = order.length - 1; last > 0; last--) {
        const other = integer(0, last);
        [order[last], order[other]] = [order[other] as T, order[last] as T];
      }
      return order;
    },
  };
}
