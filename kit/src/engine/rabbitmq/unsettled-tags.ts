import { turnoverMap } from "../../collections/mod.ts";
import type { WireMessage } from "../../drivers/amqp/mod.ts";

/** Acknowledgements to be sent: `upTo` with everything before it, `single` each by itself. */
export interface Acknowledgements {
  readonly upTo: WireMessage | undefined;
  readonly single: readonly WireMessage[];
}

/** The deliveries of one life of a channel that the broker waits to hear of, and the acknowledgements that are gathered for it. Where everything up to a
 *  delivery is settled, one acknowledgement is enough: to a quorum queue that is one entry of its log in place of many. */
export class UnsettledTags {
  /** In rising order, since the broker counts the deliveries of a channel: 1, 2, 3 … */
  readonly #tags = turnoverMap<number, true>();
  #last = 0;
  /** A delivery that never came here is never settled here: nothing may be acknowledged together with it. */
  #isComplete = true;
  #gathered: WireMessage[] = [];

  delivered(tag: number): void {
    if (tag !== this.#last + 1) this.#isComplete = false;
    this.#last = tag;
    this.#tags.set(tag, true);
  }

  /** It is to be acknowledged by the next {@link take}. */
  acknowledge(message: WireMessage): void {
    this.#tags.delete(message.fields.deliveryTag);
    this.#gathered.push(message);
  }

  handedBack(tag: number): void {
    this.#tags.delete(tag);
  }

  /** What was gathered, in the fewest acknowledgements. */
  take(): Acknowledgements {
    const gathered = this.#gathered;
    this.#gathered = [];
    if (!this.#isComplete) return { upTo: undefined, single: gathered };
    const open = this.#firstOpen();
    let upTo: WireMessage | undefined;
    const single: WireMessage[] = [];
    for (const message of gathered) {
      const { deliveryTag } = message.fields;
      if (deliveryTag > open) single.push(message);
      else if (upTo === undefined || deliveryTag > upTo.fields.deliveryTag) upTo = message;
    }
    return { upTo, single };
  }

  #firstOpen(): number {
    for (const tag of this.#tags.keys()) return tag;
    return Number.POSITIVE_INFINITY;
  }
}
