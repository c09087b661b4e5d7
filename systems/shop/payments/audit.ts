import { streamOf, type EventStore } from "ashlar/events";
import { addToBook, emptyBook, sumBook, type BookSum } from "../book-sum.ts";
import { FaultsFound } from "../faults-found.ts";
import type { BookEntry, Outside } from "../outside/mod.ts";
import { readLog } from "../read-log.ts";
import type { Minor } from "../money.ts";
import { chargeId, ledgerDecider, type Entry, type LedgerEvent, type Posting } from "./ledger.ts";

export interface PaymentsAudit {
  readonly charges: BookSum;
  readonly refunds: BookSum;
  readonly adjustments: BookSum;
  readonly ledgerSumMinor: number;
  readonly provider: {
    readonly charges: BookSum;
    readonly refunds: BookSum;
    readonly repeated: { readonly charges: number; readonly refunds: number };
  };
  readonly faults: Record<string, string[]>;
}

/** Adds up the ledger transaction by transaction, and the providers' books beside it. Memory grows with what was refunded. */
export async function auditPayments(store: EventStore, houses: readonly Outside[]): Promise<PaymentsAudit> {
  const faults = new FaultsFound();
  const books = { charge: emptyBook, refund: emptyBook, adjustment: emptyBook };
  const refunds = new RefundedOrders();
  let ledgerSumMinor = 0;
  for await (const { kind, id, data } of readLog(store.engine, store.log, faults)) {
    if (kind !== "ledger") continue;
    const { purpose, entries, amountMinor, reference } = data as LedgerEvent["data"];
    const sum = entries.reduce((total, entry) => total + entry.amountMinor, 0);
    if (sum !== 0) faults.add("unbalanced", `${id} sums to ${sum}`);
    ledgerSumMinor += sum;
    books[purpose] = addToBook(books[purpose], reference, amountMinor);
    if (purpose === "refund") refunds.add(data as LedgerEvent["data"]);
  }
  await refunds.compare(store, faults);
  return {
    charges: books.charge,
    refunds: books.refund,
    adjustments: books.adjustment,
    ledgerSumMinor,
    provider: {
      charges: await sumBook(entriesOf(houses, "charge")),
      refunds: await sumBook(entriesOf(houses, "refund")),
      repeated: { charges: await repeatedIn(houses, "charge"), refunds: await repeatedIn(houses, "refund") },
    },
    faults: faults.record(),
  };
}

/** What went back, by the order that was paid. */
class RefundedOrders {
  readonly #refunds = new Map<string, { amountMinor: Minor; readonly ways: Set<string> }>();

  add({ amountMinor, entries, order = "" }: Posting): void {
    const known = this.#refunds.get(order) ?? { amountMinor: 0, ways: new Set() };
    this.#refunds.set(order, known);
    known.amountMinor += amountMinor;
    known.ways.add(wayOf(entries));
  }

  /** Holds each order's refunds against what was charged for it. */
  async compare(store: EventStore, faults: FaultsFound): Promise<void> {
    for (const [order, { amountMinor, ways }] of this.#refunds) {
      const charge = await chargeOf(store, order);
      const charged = charge?.amountMinor ?? 0;
      if (amountMinor > charged) faults.add("overpaid", `${order} was charged ${charged} and got back ${amountMinor}`);
      const way = wayOf(charge?.entries ?? []);
      if (ways.size > 1 || !ways.has(way))
        faults.add("way back", `${order} was paid to ${way} and refunded from ${[...ways].join()}`);
    }
  }
}

async function chargeOf(store: EventStore, order: string): Promise<Posting | undefined> {
  const stream = streamOf(ledgerDecider, chargeId(order));
  for await (const { data } of store.readStream<LedgerEvent>(stream, { types: ledgerDecider.events })) return data;
  return undefined;
}

/** Where the provider's debt to us stands: it tells how was paid. */
function wayOf(entries: readonly Entry[]): string {
  return entries.find(({ account }) => account.startsWith("clearing/"))?.account ?? "nowhere";
}

async function* entriesOf(houses: readonly Outside[], kind: string): AsyncGenerator<BookEntry> {
  for (const { books } of houses) yield* books.entries(kind);
}

/** What one provider did twice, and what two of them did for the same subject, which no single book shows. */
async function repeatedIn(houses: readonly Outside[], kind: string): Promise<number> {
  const counted = await Promise.all(houses.map(async ({ books }) => ({ books, ...(await books.totals(kind)) })));
  const own = counted.reduce((sum, { repeated }) => sum + repeated, 0);
  const [fewer, more] = counted.toSorted((a, b) => a.effects - b.effects);
  if (fewer === undefined || more === undefined) return own;
  let shared = 0;
  for await (const { subject } of fewer.books.entries(kind)) if (await more.books.has(kind, subject)) shared += 1;
  return own + shared;
}
