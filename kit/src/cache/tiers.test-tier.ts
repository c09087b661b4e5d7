import type { BusMessage, InvalidationBus } from "./invalidation-bus.ts";
import type { SharedTier } from "./shared-tier.ts";

/** What happens before and after each operation of a tier: it may wait, or throw. */
export interface Between {
  readonly before?: (operation: keyof SharedTier) => Promise<void>;
  readonly after?: (operation: keyof SharedTier) => Promise<void>;
}

/** A tier that is slow, or fails, as the test says; and the operations it was asked for. */
export function betweenTier(tier: SharedTier, { before, after }: Between): SharedTier & { readonly asked: string[] } {
  const asked: string[] = [];
  const through = async <R>(operation: keyof SharedTier, run: () => Promise<R>): Promise<R> => {
    asked.push(operation);
    await before?.(operation);
    const result = await run();
    await after?.(operation);
    return result;
  };
  return {
    asked,
    read: (keys, lease) => through("read", () => tier.read(keys, lease)),
    fill: (key, token, entry) => through("fill", () => tier.fill(key, token, entry)),
    abandon: (key, token) => through("abandon", () => tier.abandon(key, token)),
    write: (key, entry) => through("write", () => tier.write(key, entry)),
    invalidate: (invalidation) => through("invalidate", () => tier.invalidate(invalidation)),
  };
}

/** A bus that loses messages, as the test says. */
export function lossyBus(bus: InvalidationBus, loses: (message: BusMessage) => boolean): InvalidationBus {
  return {
    publish: (message) => bus.publish(message),
    latest: () => bus.latest(),
    subscribe: (listener) =>
      bus.subscribe((message, sequence) => {
        if (!loses(message)) listener(message, sequence);
      }),
  };
}
