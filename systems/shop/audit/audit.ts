import { stockDecider } from "../inventory/mod.ts";
import type { Minor } from "../money.ts";
import { importedFiles, quarantined } from "../replay/mod.ts";
import type { Shop } from "../shop.ts";
import { foldLog, sumBook, type BookSum, type LogFold } from "./log-fold.ts";
import { onHandOf, type StockSums } from "./stock-count.ts";

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
  readonly stock: Omit<StockSums, "returning"> & { readonly onHand: number };
  readonly notifications: { readonly sent: number; readonly duplicates: number; readonly dead: number };
  readonly invariants: readonly Invariant[];
}

/** Counts everything from the log and the books of the outside world, and holds them against each other. Reads the whole log once;
 *  memory grows with the number of products only. Meant for a shop at rest. */
export async function audit(shop: Shop): Promise<Totals> {
  const fold = await foldLog(shop.engine, shop.store.log);
  const lines = await countLines(shop);
  const queue = await shop.notifications.status();
  const told = shop.outside.books.totals("delivery");
  const stock = fold.stock.totals();
  return {
    lines: { read: lines.read, accepted: lines.accepted, quarantined: lines.quarantined },
    orders: {
      placed: fold.placed,
      confirmed: fold.confirmed,
      rejected: Object.fromEntries([...fold.rejected].toSorted(([a], [b]) => (a < b ? -1 : 1))),
      open: fold.openOrders.size,
    },
    returns: { matched: fold.matched, unmatched: fold.unmatched },
    money: {
      orderedMinor: fold.orderedMinor,
      capturedMinor: fold.books.charge.amountMinor,
      refundedMinor: fold.books.refund.amountMinor,
      adjustedMinor: fold.books.adjustment.amountMinor,
      ledgerSumMinor: fold.ledgerSumMinor,
    },
    stock: {
      received: stock.received,
      onHand: onHandOf(stock),
      reserved: stock.reserved,
      shipped: stock.shipped,
      restocked: stock.restocked,
      writtenOff: stock.writtenOff,
    },
    notifications: { sent: told.effects - told.repeated, duplicates: told.repeated, dead: queue.dead },
    invariants: [
      holds(
        "lines add up",
        lines.read === lines.accepted + lines.quarantined && lines.kept === lines.quarantined,
        `${lines.read} read, ${lines.accepted} accepted, ${lines.quarantined} quarantined, ${lines.kept} kept in quarantine`,
      ),
      ...logInvariants(fold),
      ...moneyInvariants(shop, fold),
      ...(await stockInvariants(shop, fold, stock)),
      ...outsideInvariants(shop, fold, { sent: told.effects, dead: queue.dead, waiting: queue.depth }),
    ],
  };
}

function logInvariants(fold: LogFold): readonly Invariant[] {
  return [
    noFault(fold, "gaps", { name: "positions of the log have no gaps", detail: `${fold.events} events` }),
    holds("every order has ended", fold.openOrders.size === 0, `${fold.openOrders.size} open of ${fold.placed}`),
    noFault(fold, "order ends", { name: "every order ends once", detail: `${fold.placed} placed` }),
    holds("every return has ended", fold.openReturns.size === 0, `${fold.openReturns.size} open`),
    holds(
      "what was ordered was sold or rejected",
      fold.orderedMinor === fold.endedMinor,
      `${fold.orderedMinor} ordered, ${fold.endedMinor} ended`,
    ),
  ];
}

function moneyInvariants({ outside }: Shop, fold: LogFold): readonly Invariant[] {
  const { charge, refund } = fold.books;
  return [
    noFault(fold, "unbalanced", {
      name: "every ledger transaction sums to zero",
      detail: `${fold.books.charge.entries + refund.entries} payments`,
    }),
    holds("the ledger sums to zero", fold.ledgerSumMinor === 0, `${fold.ledgerSumMinor}`),
    noFault(fold, "order money", {
      name: "sold orders are paid, rejected ones cost nothing",
      detail: `${fold.confirmed} confirmed`,
    }),
    sameBooks("provider and ledger agree on every charge", sumBook(outside.books.entries("charge")), charge),
    sameBooks("provider and ledger agree on every refund", sumBook(outside.books.entries("refund")), refund),
    holds(
      "nobody gets back more than was paid",
      refund.amountMinor <= charge.amountMinor,
      `${refund.amountMinor} of ${charge.amountMinor}`,
    ),
  ];
}

async function stockInvariants({ store }: Shop, fold: LogFold, stock: StockSums): Promise<readonly Invariant[]> {
  const { oversold } = fold.stock;
  const differing: string[] = [];
  for (const [code, sums] of fold.stock.products()) {
    const { state } = await store.load(stockDecider, code);
    // What was shipped is promised for good, and no longer on hand.
    const isSame =
      state.supplied === onHandOf(sums) + sums.shipped &&
      state.promised === sums.reserved + sums.shipped &&
      state.returning === sums.returning;
    if (!isSame) differing.push(code);
  }
  return [
    holds(
      "nothing was oversold",
      oversold.size === 0,
      oversold.size === 0 ? "no product at any moment" : [...oversold].slice(0, 10).join(", "),
    ),
    holds(
      "stock on hand is received and restocked less shipped and written off",
      differing.length === 0,
      differing.length === 0 ? `${onHandOf(stock)} units` : differing.slice(0, 10).join(", "),
    ),
    holds("nothing is reserved at the end", stock.reserved === 0, `${stock.reserved} units`),
    holds(
      "what was sold was shipped",
      stock.shipped === fold.soldUnits,
      `${stock.shipped} shipped, ${fold.soldUnits} sold`,
    ),
    holds(
      "what came back was restocked",
      stock.restocked === fold.restockedUnits,
      `${stock.restocked} restocked, ${fold.restockedUnits} back`,
    ),
  ];
}

interface Told {
  readonly sent: number;
  readonly dead: number;
  readonly waiting: number;
}

function outsideInvariants({ outside, analytics }: Shop, fold: LogFold, told: Told): readonly Invariant[] {
  const once = (kind: string, name: string): Invariant => {
    const { effects, repeated } = outside.books.totals(kind);
    return holds(name, repeated === 0, `${effects} in all, ${repeated} repeated`);
  };
  const parcels = outside.books.totals("parcel").effects;
  const due = fold.confirmed + sumOf(fold.rejected.values()) + fold.returnsClosed;
  let counted = 0;
  for (const { orders } of analytics.byCountry(allCountries)) counted += orders;
  return [
    once("charge", "nobody was charged twice"),
    once("refund", "nothing was refunded twice"),
    once("parcel", "no parcel was sent twice"),
    once("delivery", "no notification was repeated"),
    holds("every parcel is known to its order", parcels === fold.parcels, `${parcels} sent, ${fold.parcels} known`),
    holds(
      "every notification was sent or given up",
      told.waiting === 0 && told.sent + told.dead === due,
      `${told.sent} sent, ${told.dead} dead, ${told.waiting} waiting, ${due} due`,
    ),
    holds("the views count every sale", counted === fold.confirmed, `${counted} counted, ${fold.confirmed} confirmed`),
  ];
}

const allCountries = 100_000;

async function countLines({ engine }: Shop): Promise<Totals["lines"] & { readonly kept: number }> {
  const sums = { read: 0, accepted: 0, quarantined: 0, kept: 0 };
  for await (const file of importedFiles(engine)) {
    sums.read += file.read;
    sums.accepted += file.accepted;
    sums.quarantined += file.quarantined;
  }
  for await (const _ of quarantined(engine)) sums.kept += 1;
  return sums;
}

function sameBooks(name: string, theirs: BookSum, ours: BookSum): Invariant {
  const isSame =
    theirs.entries === ours.entries &&
    theirs.amountMinor === ours.amountMinor &&
    theirs.fingerprint === ours.fingerprint;
  return holds(
    name,
    isSame,
    `provider ${theirs.entries} of ${theirs.amountMinor}, ledger ${ours.entries} of ${ours.amountMinor}`,
  );
}

function noFault(fold: LogFold, kind: string, { name, detail }: Omit<Invariant, "ok">): Invariant {
  const faults = fold.faults.get(kind) ?? [];
  return holds(name, faults.length === 0, faults.length === 0 ? detail : faults.join("; "));
}

function holds(name: string, condition: unknown, detail: string): Invariant {
  return { name, ok: condition === true, detail };
}

function sumOf(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
