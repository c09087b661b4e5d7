import type { Invalidation } from "./target.ts";

/** Tells other caches what has changed. Values never travel. */
export interface BusMessage extends Invalidation {
  /** Which cache has sent it, so that it need not heed its own. */
  readonly source: string;
}

/** Called with every message of the channel, own ones included, and its number. */
export type BusListener = (message: BusMessage, sequence: number) => void;

/** Listening, until disposed. */
export interface BusSubscription extends AsyncDisposable {
  /** Number of the last message before the subscription began. */
  readonly sequence: number;
}

/**
 * One channel between the caches of a fleet. It may lose messages; it numbers them without gaps, 1 for the first, so that who listens
 * notices. Delivery is in order to each listener.
 */
export interface InvalidationBus {
  /** Resolves with the number of the message once the channel has it. */
  publish(message: BusMessage): Promise<number>;
  subscribe(listener: BusListener): Promise<BusSubscription>;
  /** Number of the last message that was published. */
  latest(): Promise<number>;
}
