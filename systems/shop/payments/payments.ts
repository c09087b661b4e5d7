import { RefusedError } from "ashlar/engine";
import { InvariantError } from "ashlar/errors";
import { streamOf, type EventStore } from "ashlar/events";
import type { Minor } from "../money.ts";
import { newStream } from "../planning.ts";
import { chargeId, ledgerDecider, type Posting } from "./ledger.ts";
import {
  adjustmentEntries,
  chargeEntries,
  methodFor,
  paymentMethods,
  refundEntries,
  type PaymentMethod,
  type PaymentMethodName,
} from "./methods.ts";
import type { Providers } from "./providers.ts";

export interface PaymentsOptions {
  readonly store: EventStore;
  readonly providers: Providers;
  readonly seed: number;
}

/** A payment of one order. */
export interface Payment {
  readonly order: string;
  /** Customer, or for a guest the order: who pays the same way every time. */
  readonly payer: string;
  readonly amountMinor: Minor;
  /** How, where the payer said so. */
  readonly method?: PaymentMethodName | undefined;
}

/** Part of a payment that goes back. `id` tells several refunds of one order apart. */
export interface Refund extends Payment {
  readonly id: string;
}

export type ChargeOutcome =
  | { readonly status: "captured"; readonly method: PaymentMethodName }
  | { readonly status: "refused"; readonly reason: "declined" | "failed" };

/** Takes and gives back money. The provider is asked under a key made of what it is for, then the ledger says so, under the same name: a
 *  repeat meets both. */
export class Payments {
  readonly #options: PaymentsOptions;

  constructor(options: PaymentsOptions) {
    this.#options = options;
  }

  /** Rejects with a retryable error when no answer came. */
  async charge(payment: Payment, signal: AbortSignal): Promise<ChargeOutcome> {
    const { order, amountMinor } = payment;
    const method = this.#methodOf(payment);
    const captured = { status: "captured", method: method.name } as const;
    // The provider is not bothered with nothing.
    if (amountMinor === 0) return captured;
    const request = { kind: "charge", subject: order, key: `charge/${order}`, amountMinor };
    const reply = await this.#options.providers.charge(order, request, signal);
    if (reply.status !== "done")
      return { status: "refused", reason: reply.reason === "declined" ? "declined" : "failed" };
    const entries = chargeEntries(method, amountMinor);
    await this.#post(chargeId(order), { purpose: "charge", reference: order, amountMinor, entries });
    return captured;
  }

  async refund(refund: Refund, signal: AbortSignal): Promise<void> {
    const { id, amountMinor, order } = refund;
    if (amountMinor === 0) return;
    const request = { kind: "refund", subject: id, key: `refund/${id}`, amountMinor };
    const reply = await this.#options.providers.refund(order, request, signal);
    if (reply.status !== "done") throw new InvariantError(`refund ${id} was refused: ${reply.reason}`);
    const entries = refundEntries(this.#methodOf(refund), amountMinor);
    await this.#post(`refund-${id}`, { purpose: "refund", reference: id, order, amountMinor, entries });
  }

  async adjust(id: string, amountMinor: Minor): Promise<void> {
    if (amountMinor === 0) return;
    const entries = adjustmentEntries(amountMinor);
    await this.#post(`adjustment-${id}`, { purpose: "adjustment", reference: id, amountMinor, entries });
  }

  #methodOf({ method, payer }: Payment): PaymentMethod {
    return method === undefined ? methodFor(this.#options.seed, payer) : paymentMethods[method];
  }

  /** A new stream a transaction: one that is there was posted before. */
  async #post(id: string, posting: Posting): Promise<void> {
    const { store } = this.#options;
    const result = await store.engine.commit([newStream(store, ledgerDecider, { id, command: posting }).change]);
    if (result.committed) return;
    const { refusal } = result;
    if (refusal.kind !== "version-conflict") throw new RefusedError(refusal);
    const { state } = await store.load(ledgerDecider, id);
    if (state !== "posted") throw new InvariantError(`${streamOf(ledgerDecider, id)} is there and not posted`);
  }
}
