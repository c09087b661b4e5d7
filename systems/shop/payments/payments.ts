import { signalAfter } from "ashlar/abort";
import type { Clock } from "ashlar/clock";
import type { Append } from "ashlar/engine";
import { InvariantError, TimeoutError } from "ashlar/errors";
import type { EventStore } from "ashlar/events";
import type { Minor } from "../money.ts";
import { newStream } from "../planning.ts";
import type { OutsideReply, OutsideService } from "../outside/mod.ts";
import { ledgerDecider, type Posting } from "./ledger.ts";
import {
  adjustmentEntries,
  chargeEntries,
  methodFor,
  paymentMethods,
  refundEntries,
  type PaymentMethod,
  type PaymentMethodName,
} from "./methods.ts";

export interface PaymentsOptions {
  readonly store: EventStore;
  readonly provider: OutsideService;
  readonly clock: Clock;
  readonly seed: number;
}

/** A payment of one order. */
export interface Payment {
  readonly order: string;
  /** Customer, or for a guest the order: who pays the same way every time. */
  readonly payer: string;
  readonly amountMinor: Minor;
  /** How, where the payer said so. */
  readonly method?: PaymentMethodName;
}

/** Part of a payment that goes back. `id` tells several refunds of one order apart. */
export interface Refund extends Payment {
  readonly id: string;
}

export type ChargeOutcome =
  | { readonly status: "captured"; readonly method: string }
  | { readonly status: "refused"; readonly reason: "declined" | "failed" };

// Shorter than the longest stall of the provider: a reply that is lost that way is asked for again under the same key.
const replyWithinMs = 45;

/** Takes and gives back money. Calls of the provider are idempotent by key; postings are changes for the caller's own commit. */
export class Payments {
  readonly #options: PaymentsOptions;

  constructor(options: PaymentsOptions) {
    this.#options = options;
  }

  /** How this is paid. */
  methodOf({ method, payer }: Payment): PaymentMethod {
    return method === undefined ? methodFor(this.#options.seed, payer) : paymentMethods[method];
  }

  /** Asks the provider for the money. Once per order, however often it is called. Rejects with a retryable error when no answer came. */
  async charge(payment: Payment): Promise<ChargeOutcome> {
    const { order, amountMinor } = payment;
    const method = this.methodOf(payment).name;
    // The provider is not bothered with nothing.
    if (amountMinor === 0) return { status: "captured", method };
    const reply = await this.#ask("charge", order, amountMinor);
    if (reply.status === "done") return { status: "captured", method };
    return { status: "refused", reason: reply.reason === "declined" ? "declined" : "failed" };
  }

  /** Gives money back. Once per refund id. */
  async refund({ id, amountMinor }: Refund): Promise<void> {
    if (amountMinor === 0) return;
    const reply = await this.#ask("refund", id, amountMinor);
    if (reply.status !== "done") throw new InvariantError(`refund ${id} was refused: ${reply.reason}`);
  }

  /** The posting of a charge. Empty for nothing. */
  postCharge(payment: Payment): readonly Append[] {
    const { order, amountMinor } = payment;
    if (amountMinor === 0) return [];
    const entries = chargeEntries(this.methodOf(payment), amountMinor);
    return [this.#post(`charge-${order}`, { purpose: "charge", reference: order, amountMinor, entries })];
  }

  postRefund(refund: Refund): readonly Append[] {
    const { id, amountMinor } = refund;
    if (amountMinor === 0) return [];
    const entries = refundEntries(this.methodOf(refund), amountMinor);
    return [this.#post(`refund-${id}`, { purpose: "refund", reference: id, amountMinor, entries })];
  }

  postAdjustment(id: string, amountMinor: Minor): readonly Append[] {
    if (amountMinor === 0) return [];
    const entries = adjustmentEntries(amountMinor);
    return [this.#post(`adjustment-${id}`, { purpose: "adjustment", reference: id, amountMinor, entries })];
  }

  /** A new stream a transaction: posting one twice meets a version conflict. */
  #post(id: string, posting: Posting): Append {
    return newStream(this.#options.store, ledgerDecider, { id, command: posting });
  }

  async #ask(kind: "charge" | "refund", subject: string, amountMinor: Minor): Promise<OutsideReply> {
    const { clock, provider } = this.#options;
    using limit = signalAfter(clock, replyWithinMs, () => new TimeoutError(`a ${kind}`, replyWithinMs));
    return await provider.request({ kind, subject, key: `${kind}/${subject}`, amountMinor, signal: limit.signal });
  }
}
