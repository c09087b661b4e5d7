import { decider, eventTypes, reject, type Decider } from "ashlar/events";
import { sumMinor, type Minor } from "../money.ts";

/** One side of a transaction: positive amounts debit the account, negative ones credit it. */
export interface Entry {
  readonly account: string;
  readonly amountMinor: Minor;
}

/** What a transaction is about; totals are counted by it. */
export type LedgerPurpose = "charge" | "refund" | "adjustment";

export interface Posting {
  readonly purpose: LedgerPurpose;
  /** Order, return or adjustment that caused it. */
  readonly reference: string;
  /** What was charged, given back or adjusted. */
  readonly amountMinor: Minor;
  /** Of a refund: the order that was paid. */
  readonly order?: string;
  readonly entries: readonly Entry[];
}

/** The transaction that takes the money for an order. */
export function chargeId(order: string): string {
  return `charge-${order}`;
}

/** The stream is `ledger/<transaction id>`, and the id says what the transaction is for: a repeat meets its own stream. */
export type LedgerEvent = { readonly type: "Posted"; readonly data: Posting };

export type LedgerRefusal =
  | { readonly reason: "posted before" }
  | { readonly reason: "unbalanced"; readonly sumMinor: Minor };

/** A ledger in which every transaction sums to zero, because nothing else is let in. */
export const ledgerDecider: Decider<"open" | "posted", Posting, LedgerEvent, LedgerRefusal> = decider({
  name: "ledger",
  events: eventTypes<LedgerEvent>({ Posted: {} }),
  initial: () => "open",
  decide: (state, posting) => {
    if (state === "posted") return reject<LedgerRefusal>({ reason: "posted before" });
    const sum = sumMinor(posting.entries.map((entry) => entry.amountMinor));
    if (sum !== 0 || posting.entries.length < 2) return reject<LedgerRefusal>({ reason: "unbalanced", sumMinor: sum });
    return [{ type: "Posted", data: posting }];
  },
  evolve: () => "posted",
});
