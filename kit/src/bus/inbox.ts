import { deque, type Deque } from "../collections/mod.ts";
import { integerIn, textOf } from "../errors/mod.ts";
import type { BusFault, Subscriber } from "./bus.ts";
import type { Parcel } from "./carrier.ts";

/** A subscriber, or a responder, as its inbox sees it. */
export interface Listener extends Omit<Subscriber, "heard"> {
  readonly heard: (parcel: Parcel) => void | Promise<void>;
}

/** What waits for one subscriber: it is called for one message after the other, and of too many the oldest give way. */
export class Inbox {
  readonly pattern: string;
  readonly group: string | undefined;
  readonly #subscriber: Listener;
  readonly #onFault: BusFault;
  readonly #waitingMax: number;
  readonly #waiting: Deque<Parcel> = deque();
  #working: Promise<void> | undefined;
  #isClosed = false;
  #dropped = 0;

  /** Throws ConfigError. */
  constructor(pattern: string, subscriber: Listener, onFault: BusFault) {
    this.pattern = pattern;
    this.group = subscriber.group === undefined ? undefined : textOf("group", subscriber.group, { lengthMax: 100 });
    this.#subscriber = subscriber;
    this.#onFault = onFault;
    this.#waitingMax = integerIn("waitingMax", subscriber.waitingMax ?? 1_000, { min: 1, max: 100_000 });
  }

  get dropped(): number {
    return this.#dropped;
  }

  take(message: Parcel): void {
    if (this.#isClosed) return;
    if (this.#working === undefined) return void (this.#working = this.#work(message));
    if (this.#waiting.size >= this.#waitingMax) {
      this.#waiting.popFront();
      this.#dropped++;
      this.gap("slow");
    }
    this.#waiting.pushBack(message);
  }

  gap(why: "reconnected" | "slow"): void {
    if (this.#isClosed) return;
    try {
      this.#subscriber.gap?.(why);
    } catch (error) {
      this.#onFault({ subject: this.pattern, error });
    }
  }

  /** Drops what waits; resolves when the listener is not running. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.clear();
    await this.#working;
  }

  async #work(first: Parcel): Promise<void> {
    // A turn later for whoever publishes in this process: a listener never runs inside `publish`.
    await Promise.resolve();
    for (let next: Parcel | undefined = first; next !== undefined; next = this.#waiting.popFront())
      if (!this.#isClosed) await this.#hand(next);
    this.#working = undefined;
  }

  async #hand(parcel: Parcel): Promise<void> {
    try {
      await this.#subscriber.heard(parcel);
    } catch (error) {
      this.#onFault({ subject: parcel.address.slice(2), error });
    }
  }
}
