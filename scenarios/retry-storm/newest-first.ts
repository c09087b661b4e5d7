import type { Guard } from "ashlar/resilience";

/** So many wait; beyond it the oldest is not worth keeping. */
const waitingMax = 100_000;

/** Workers that take the request that came last: under overload some are served in time, and the old ones, whose callers have left, never. */
export function newestFirst(workers: number): Guard {
  const waiting: ((ticket: number) => void)[] = [];
  let free = workers;
  return {
    kind: "newest-first",
    name: "workers",
    enter() {
      if (free > 0) return free--;
      if (waiting.length >= waitingMax) waiting.shift();
      return new Promise((resolve) => waiting.push(resolve));
    },
    leave() {
      const next = waiting.pop();
      if (next === undefined) free++;
      else next(0);
    },
  };
}
