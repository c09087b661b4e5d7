export { type Entry, type LedgerEvent, type Posting } from "./ledger.ts";
export { type PaymentMethod, type PaymentMethodName } from "./methods.ts";
export { Payments, type ChargeOutcome, type Payment, type PaymentsOptions, type Refund } from "./payments.ts";
