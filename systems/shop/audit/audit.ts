import type { Clock } from "ashlar/clock";
import { analytics, inventory, notifications, orders, payments, shipping } from "../contracts/mod.ts";
import { sameBooks, type BookSum } from "../book-sum.ts";
import type { Minor } from "../money.ts";
import { patiently } from "../rest.ts";
import type { ShopClients } from "../shop-clients.ts";

/** A rule that must hold, and whether it does. */
export interface Invariant {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Everything that is counted, over all that the shop has ever done. */
export interface Totals {
  readonly lines: { readonly read: number; readonly accepted: number; readonly quarantined: number };
  readonly orders: {
    readonly placed: number;
    readonly confirmed: number;
    readonly rejected: Readonly<Record<string, number>>;
    readonly open: number;
  };
  readonly returns: { readonly matched: number; readonly unmatched: number };
  readonly money: {
    readonly orderedMinor: Minor;
    readonly capturedMinor: Minor;
    readonly refundedMinor: Minor;
    readonly adjustedMinor: Minor;
    readonly ledgerSumMinor: Minor;
  };
  readonly stock: {
    readonly received: number;
    readonly onHand: number;
    readonly reserved: number;
    readonly shipped: number;
    readonly restocked: number;
    readonly writtenOff: number;
  };
  readonly notifications: { readonly sent: number; readonly duplicates: number; readonly dead: number };
  readonly invariants: readonly Invariant[];
}

/** Lets every service count its own records again, and holds what they say against each other. Each reads its whole log once. For a shop at rest. */
export async function audit(shop: ShopClients, clock: Clock): Promise<Totals> {
  const books = await patiently(clock, () => readBooks(shop));
  const { sold, money, stock, told } = books;
  return {
    lines: { read: sold.lines.read, accepted: sold.lines.accepted, quarantined: sold.lines.quarantined },
    orders: { placed: sold.placed, confirmed: sold.confirmed, rejected: sold.rejected, open: sold.open },
    returns: { matched: sold.returns.matched, unmatched: sold.returns.unmatched },
    money: {
      orderedMinor: sold.orderedMinor,
      capturedMinor: money.charges.amountMinor,
      refundedMinor: money.refunds.amountMinor,
      adjustedMinor: money.adjustments.amountMinor,
      ledgerSumMinor: money.ledgerSumMinor,
    },
    stock: {
      received: stock.received,
      onHand: stock.onHand,
      reserved: stock.reserved,
      shipped: stock.shipped,
      restocked: stock.restocked,
      writtenOff: stock.writtenOff,
    },
    notifications: { sent: told.delivered - told.repeated, duplicates: told.repeated, dead: told.dead },
    invariants: [
      ...orderInvariants(books),
      ...moneyInvariants(books),
      ...stockInvariants(books),
      ...customerInvariants(books),
    ],
  };
}

async function readBooks(shop: ShopClients) {
  const [sold, money, stock, parcels, told, counted] = await Promise.all([
    shop.client(orders).audit({}),
    shop.client(payments).audit({}),
    shop.client(inventory).audit({}),
    shop.client(shipping).audit({}),
    shop.client(notifications).audit({}),
    shop.client(analytics).audit({}),
  ]);
  return { sold, money, stock, parcels, told, counted };
}

type Books = Awaited<ReturnType<typeof readBooks>>;

function orderInvariants({ sold, money, stock }: Books): readonly Invariant[] {
  const { lines, returns } = sold;
  const gaps = [sold, money, stock].flatMap(({ faults }) => faults["gaps"] ?? []);
  return [
    holds(
      "lines add up",
      lines.read === lines.accepted + lines.quarantined && lines.kept === lines.quarantined,
      `${lines.read} read, ${lines.accepted} accepted, ${lines.quarantined} quarantined, ${lines.kept} kept in quarantine`,
    ),
    noFault("positions of the logs have no gaps", gaps, "orders, payments, inventory"),
    holds("every order has ended", sold.open === 0, `${sold.open} open of ${sold.placed}`),
    noFault("every order ends once", sold.faults["order ends"], `${sold.placed} placed`),
    noFault(
      "what comes back was sold, and is refunded as it was paid",
      sold.faults["returned"],
      `${sold.returnedUnits} units for ${sold.returnedMinor}`,
    ),
    holds("every return has ended", returns.open === 0, `${returns.open} open`),
    holds(
      "what was ordered was sold or rejected",
      sold.orderedMinor === sold.endedMinor,
      `${sold.orderedMinor} ordered, ${sold.endedMinor} ended`,
    ),
  ];
}

function moneyInvariants({ sold, money }: Books): readonly Invariant[] {
  const { charges, refunds, provider } = money;
  return [
    noFault(
      "every ledger transaction sums to zero",
      money.faults["unbalanced"],
      `${charges.entries + refunds.entries} payments`,
    ),
    holds("the ledger sums to zero", money.ledgerSumMinor === 0, `${money.ledgerSumMinor}`),
    noFault(
      "sold orders are paid, rejected ones cost nothing",
      sold.faults["order money"],
      `${sold.confirmed} confirmed`,
    ),
    agree("provider and ledger agree on every charge", provider.charges, charges),
    agree("provider and ledger agree on every refund", provider.refunds, refunds),
    agree("orders and ledger agree on every charge", sold.charges, charges),
    agree("orders and ledger agree on every refund", sold.refunds, refunds),
    noFault(
      "nobody gets back more than was paid for the order",
      money.faults["overpaid"],
      `${refunds.amountMinor} of ${charges.amountMinor}`,
    ),
    noFault("money goes back the way it came", money.faults["way back"], `${refunds.entries} refunds`),
    holds(
      "what files adjust was adjusted",
      sold.imported.adjustedMinor === money.adjustments.amountMinor,
      `${money.adjustments.amountMinor} adjusted, ${sold.imported.adjustedMinor} in files`,
    ),
  ];
}

function stockInvariants({ sold, stock }: Books): readonly Invariant[] {
  return [
    noFault("nothing was oversold", stock.faults["oversold"], "no product at any moment"),
    noFault(
      "stock on hand is received and restocked less shipped and written off",
      stock.faults["miscounted"],
      `${stock.onHand} units`,
    ),
    holds("nothing is reserved at the end", stock.reserved === 0, `${stock.reserved} units`),
    holds(
      "what was sold was shipped",
      stock.shipped === sold.soldUnits,
      `${stock.shipped} shipped, ${sold.soldUnits} sold`,
    ),
    holds(
      "what came back was restocked",
      stock.restocked === sold.restockedUnits,
      `${stock.restocked} restocked, ${sold.restockedUnits} back`,
    ),
    holds(
      "what files write off was written off",
      stock.writtenOff === sold.imported.writtenOff,
      `${stock.writtenOff} written off, ${sold.imported.writtenOff} in files`,
    ),
  ];
}

function customerInvariants({ sold, money, parcels, told, counted }: Books): readonly Invariant[] {
  const { carrier } = parcels;
  const { repeated, charges, refunds } = money.provider;
  const due = sold.confirmed + sumOf(Object.values(sold.rejected)) + sold.returns.closed;
  return [
    once("nobody was charged twice", charges.entries, repeated.charges),
    once("nothing was refunded twice", refunds.entries, repeated.refunds),
    once("no parcel was sent twice", carrier.parcels, carrier.repeated),
    once("no notification was repeated", told.delivered, told.repeated),
    holds(
      "every parcel is known to its order and to shipping",
      carrier.parcels === sold.parcels && carrier.parcels === parcels.parcels,
      `${carrier.parcels} sent, ${parcels.parcels} kept, ${sold.parcels} known`,
    ),
    holds(
      "every parcel that was not sold was called back, and no other",
      carrier.recalled === sold.unsoldParcels && parcels.recalled === sold.unsoldParcels,
      `${carrier.recalled} called back, ${parcels.recalled} kept, ${sold.unsoldParcels} not sold`,
    ),
    holds(
      "every notification was sent or given up",
      told.waiting === 0 && told.delivered + told.dead === due,
      `${told.delivered} sent, ${told.dead} dead, ${told.waiting} waiting, ${due} due`,
    ),
    holds(
      "the views count every sale",
      counted.orders === sold.confirmed && counted.minor === sold.soldMinor && counted.dead === 0,
      `${counted.orders} of ${counted.minor} counted, ${sold.confirmed} of ${sold.soldMinor} confirmed, ${counted.dead} dead`,
    ),
    holds(
      "the views count everything that came back",
      counted.returnedUnits === sold.returnedUnits && counted.returnedMinor === sold.returnedMinor,
      `${counted.returnedUnits} of ${counted.returnedMinor} counted, ${sold.returnedUnits} of ${sold.returnedMinor} came back`,
    ),
  ];
}

function agree(name: string, one: BookSum, other: BookSum): Invariant {
  const detail = `${one.entries} of ${one.amountMinor}, ${other.entries} of ${other.amountMinor}`;
  return holds(name, sameBooks(one, other), detail);
}

function once(name: string, effects: number, repeated: number): Invariant {
  return holds(name, repeated === 0, `${effects} in all, ${repeated} repeated`);
}

function noFault(name: string, faults: readonly string[] | undefined, detail: string): Invariant {
  const found = faults ?? [];
  return holds(name, found.length === 0, found.length === 0 ? detail : found.join("; "));
}

function holds(name: string, condition: unknown, detail: string): Invariant {
  return { name, ok: condition === true, detail };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
