import { nextTick } from "node:process";

/** Runs `run` when no promise of this moment is left to go on, before the next timer or input. */
export function afterPromises(run: () => void): void {
  // Node empties the queue of ticks before that of promises, and comes back to ticks that promises have added.
  queueMicrotask(() => nextTick(run));
}
