import { signalAfter } from "ashlar/abort";
import type { Clock } from "ashlar/clock";
import { InvariantError, TimeoutError } from "ashlar/errors";
import type { Units } from "../inventory/mod.ts";
import type { OutsideService } from "../outside/mod.ts";

export type ParcelOutcome =
  | { readonly status: "sent"; readonly tracking: string }
  | { readonly status: "refused" }
  /** Nothing to carry: the order has charges only. */
  | { readonly status: "no parcel" };

export interface ShippingOptions {
  readonly carrier: OutsideService;
  readonly clock: Clock;
}

const replyWithinMs = 45;

/** Hands parcels to the carrier, one an order however often it is asked. */
export class Shipping {
  readonly #options: ShippingOptions;

  constructor(options: ShippingOptions) {
    this.#options = options;
  }

  /** Sends the goods. Rejects with a retryable error when the carrier did not answer. */
  async send(order: string, goods: readonly Units[]): Promise<ParcelOutcome> {
    if (goods.length === 0) return { status: "no parcel" };
    const reply = await this.#ask("parcel", order);
    return reply.status === "done" ? { status: "sent", tracking: reply.reference } : { status: "refused" };
  }

  /** Calls a parcel back. */
  async recall(order: string): Promise<void> {
    const reply = await this.#ask("recall", order);
    if (reply.status !== "done") throw new InvariantError(`the recall of ${order} was refused`);
  }

  async #ask(kind: "parcel" | "recall", order: string): ReturnType<OutsideService["request"]> {
    const { carrier, clock } = this.#options;
    using limit = signalAfter(clock, replyWithinMs, () => new TimeoutError(`a ${kind}`, replyWithinMs));
    return await carrier.request({
      kind,
      subject: order,
      key: `${kind}/${order}`,
      amountMinor: 0,
      signal: limit.signal,
    });
  }
}
