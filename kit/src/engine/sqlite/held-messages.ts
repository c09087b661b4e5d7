import { turnoverMap, type TurnoverMap } from "../../collections/mod.ts";

/** What decides whether a receipt is current, and what its acknowledgement needs. */
export interface HeldMessage {
  /** Number of its queue. */
  readonly queue: number;
  readonly token: number;
  readonly key: string | null;
}

// About 100 bytes each. Further ones are asked for.
const rememberedMax = 50_000;

/**
 * The running messages that this process has handed out, so that a hold or an acknowledgement needs no look at them. True as long as
 * nobody else writes: forgotten when another process has committed or a transaction is rolled back.
 */
export class HeldMessages {
  readonly #messages: TurnoverMap<number, HeldMessage> = turnoverMap();

  get(number: number): HeldMessage | undefined {
    return this.#messages.get(number);
  }

  /** The message is running from here on. */
  remember(number: number, held: HeldMessage): void {
    if (this.#messages.size < rememberedMax) this.#messages.set(number, held);
    else this.#messages.delete(number);
  }

  /** The message does not run any more. */
  drop(number: number): void {
    this.#messages.delete(number);
  }

  forget(): void {
    this.#messages.clear();
  }
}
