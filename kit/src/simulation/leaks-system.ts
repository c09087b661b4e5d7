import { createHook, executionAsyncId, executionAsyncResource } from "node:async_hooks";
import { isOwnImmediate } from "./driver-system.ts";
import { LeakError } from "./errors.ts";

/** Ends when disposed. */
export type LeakWatch = Disposable;

/** What the virtual world itself consists of, Node's own http over it included. All else is the machine's: timers, files, sockets, threads, the thread pool. */
const harmless = new Set([
  "PROMISE",
  "TickObject",
  "Microtask",
  "AsyncLocalStorage",
  "HTTPINCOMINGMESSAGE",
  "HTTPCLIENTREQUEST",
  "STREAM_END_OF_STREAM",
]);

/**
 * Tells of every real timer, file, socket or other thing of the machine that code begins while it should be virtual, with its kind and where it
 * was begun. Not while `isOutside` says that something real is wanted, nor what a real timer from before does, or leads to: that is the program
 * around the world, such as a runner of tests.
 */
export function watchLeaks(parts: {
  readonly isOutside: () => boolean;
  readonly found: (leak: LeakError) => void;
}): LeakWatch {
  const fromAround = new Set<number>();
  const isFromAround = (): boolean =>
    fromAround.has(executionAsyncId()) || executionAsyncResource().constructor?.name === "Timeout";
  const hook = createHook({
    init(id, type) {
      if (isFromAround()) return void fromAround.add(id);
      if (harmless.has(type) || parts.isOutside() || (type === "Immediate" && isOwnImmediate())) return;
      // The innermost ten frames are often all Node's.
      const { stackTraceLimit } = Error;
      Error.stackTraceLimit = 50;
      parts.found(new LeakError(type));
      Error.stackTraceLimit = stackTraceLimit;
    },
    destroy: (id) => void fromAround.delete(id),
  }).enable();
  return { [Symbol.dispose]: () => void hook.disable() };
}
