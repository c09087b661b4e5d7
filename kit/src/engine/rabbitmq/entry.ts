import type { WireMessage } from "../../drivers/amqp/mod.ts";
import { type Carried, tokensPerDelivery } from "./envelope.ts";

/** A message that the broker has delivered to this process and that is not settled: waiting for a claim, or claimed. */
export class Entry {
  readonly carried: Carried;
  readonly lane: number;
  /** Order of arrival in this process. */
  readonly order: number;
  readonly message: WireMessage;
  /** The life of the channel by which it came, and in which alone it can be settled. */
  readonly epoch: number;
  #given = 0;
  #crashes = 0;

  constructor(parts: Pick<Entry, "carried" | "lane" | "order" | "message" | "epoch">) {
    this.carried = parts.carried;
    this.lane = parts.lane;
    this.order = parts.order;
    this.message = parts.message;
    this.epoch = parts.epoch;
  }

  /** The token that was given out last. */
  get token(): number {
    return this.carried.token + this.#given;
  }

  get crashes(): number {
    return this.carried.crashes + this.#crashes;
  }

  get isSuspect(): boolean {
    return this.carried.isSuspect || this.#crashes > 0;
  }

  /** Whether tokens are left for another claim of this delivery. */
  get isClaimable(): boolean {
    return this.#given < tokensPerDelivery - 1;
  }

  claimed(): void {
    this.#given++;
  }

  crashed(): void {
    this.#crashes++;
  }

  /** What is kept of it when it goes back to the broker. */
  kept(): Carried {
    return { ...this.carried, token: this.token, crashes: this.crashes, isSuspect: this.isSuspect };
  }
}
