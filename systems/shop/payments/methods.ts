import { drawOne } from "../draw.ts";
import type { Minor } from "../money.ts";
import type { Entry } from "./ledger.ts";

/** How a customer pays. */
export type PaymentMethodName = "card" | "paypal" | "crypto";

/** One way to pay: its fee, and the accounts that a payment moves. */
export interface PaymentMethod {
  readonly name: PaymentMethodName;
  /** Part of a payment that the provider keeps, whole minor units. */
  fee(amountMinor: Minor): Minor;
}

/** Every way to pay. Fees are part of the amount, rounded down, and not given back with a refund. */
export const paymentMethods: Readonly<Record<PaymentMethodName, PaymentMethod>> = {
  // 1.4 % and a fixed 20.
  card: { name: "card", fee: (amount) => Math.min(amount, 20 + Math.floor((amount * 14) / 1_000)) },
  // 3.4 % and a fixed 20.
  paypal: { name: "paypal", fee: (amount) => Math.min(amount, 20 + Math.floor((amount * 34) / 1_000)) },
  // 1 % and nothing fixed.
  crypto: { name: "crypto", fee: (amount) => Math.floor(amount / 100) },
};

/** How a customer pays: the same way every time; a guest by order. More people have a card than a wallet. */
export function methodFor(seed: number, payer: string): PaymentMethod {
  return paymentMethods[
    drawOne<PaymentMethodName>(["card", "card", "card", "paypal", "paypal", "crypto"], seed, "method", payer)
  ];
}

/** The entries of a payment: the provider owes us the amount less its fee. */
export function chargeEntries(method: PaymentMethod, amountMinor: Minor): readonly Entry[] {
  const feeMinor = method.fee(amountMinor);
  const fee = feeMinor === 0 ? [] : [{ account: `fees/${method.name}`, amountMinor: feeMinor }];
  return [
    { account: `clearing/${method.name}`, amountMinor: amountMinor - feeMinor },
    ...fee,
    { account: "sales", amountMinor: -amountMinor },
  ];
}

/** The entries of a refund: what the provider owes us shrinks by all of it. */
export function refundEntries(method: PaymentMethod, amountMinor: Minor): readonly Entry[] {
  return [
    { account: "refunds", amountMinor },
    { account: `clearing/${method.name}`, amountMinor: -amountMinor },
  ];
}

/** The entries of a correction that comes from outside, such as a bad debt. */
export function adjustmentEntries(amountMinor: Minor): readonly Entry[] {
  return [
    { account: "receivable", amountMinor },
    { account: "adjustments", amountMinor: -amountMinor },
  ];
}
