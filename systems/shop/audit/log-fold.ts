import { hash32 } from "ashlar/codec";
import type { Engine, RecordedEvent } from "ashlar/engine";
import type { DispatchEvent, StockEvent } from "../inventory/mod.ts";
import { goodsOf } from "../inventory/mod.ts";
import type { Minor } from "../money.ts";
import type { OrderEvent } from "../orders/mod.ts";
import type { LedgerEvent } from "../payments/mod.ts";
import type { ReturnEvent } from "../returns/mod.ts";
import { StockCount } from "./stock-count.ts";

/** An order between its placing and its end. */
interface OpenOrder {
  readonly totalMinor: Minor;
  readonly goods: number;
  paidMinor: Minor;
}

/** Amounts of one kind, and a sum of hashes over what each was for: two books agree entry by entry when both are equal
 *  (a difference stays unseen once in four billion cases), without keeping either in memory. */
export interface BookSum {
  readonly entries: number;
  readonly amountMinor: Minor;
  readonly fingerprint: number;
}

/** Everything that the log says, counted in one pass. Memory grows with products and with what is open, not with the log. */
export class LogFold {
  readonly stock: StockCount = new StockCount();
  readonly rejected: Map<string, number> = new Map();
  readonly openOrders: Map<string, OpenOrder> = new Map();
  readonly openReturns: Set<string> = new Set();
  readonly books: { charge: BookSum; refund: BookSum; adjustment: BookSum } = {
    charge: emptyBook,
    refund: emptyBook,
    adjustment: emptyBook,
  };
  /** What went wrong, at most ten of each kind, for people. */
  readonly faults: Map<string, string[]> = new Map();
  events = 0;
  position = 0;
  placed = 0;
  confirmed = 0;
  orderedMinor = 0;
  endedMinor = 0;
  soldUnits = 0;
  parcels = 0;
  matched = 0;
  unmatched = 0;
  returnsClosed = 0;
  restockedUnits = 0;
  ledgerSumMinor = 0;

  add(record: RecordedEvent): void {
    if (record.position !== this.position + 1) this.#fault("gaps", `${record.position} follows ${this.position}`);
    this.position = record.position;
    this.events += 1;
    const slash = record.stream.indexOf("/");
    const id = record.stream.slice(slash + 1);
    const event = { type: record.type, data: JSON.parse(record.data) as object };
    switch (record.stream.slice(0, slash)) {
      case "stock":
        return this.stock.add(id, event as StockEvent);
      case "dispatch":
        return this.stock.dispatched(event as DispatchEvent);
      case "order":
        return this.#order(id, event as OrderEvent);
      case "ledger":
        return this.#ledger(id, event as LedgerEvent);
      case "return":
        return this.#return(id, event as ReturnEvent);
      default:
    }
  }

  #order(id: string, event: OrderEvent): void {
    const open = this.openOrders.get(id);
    switch (event.type) {
      case "Placed":
        this.placed += 1;
        this.orderedMinor += event.data.totalMinor;
        this.openOrders.set(id, { totalMinor: event.data.totalMinor, goods: unitsOf(event.data.lines), paidMinor: 0 });
        return;
      case "Charged":
        if (open !== undefined) open.paidMinor += event.data.amountMinor;
        return;
      case "Refunded":
        if (open !== undefined) open.paidMinor -= event.data.amountMinor;
        return;
      case "ParcelSent":
        this.parcels += 1;
        return;
      case "Confirmed":
        this.confirmed += 1;
        this.soldUnits += open?.goods ?? 0;
        return this.#end(id, open, open?.totalMinor ?? 0);
      case "Rejected":
        this.rejected.set(event.data.reason, (this.rejected.get(event.data.reason) ?? 0) + 1);
        return this.#end(id, open, 0);
      case "StockReserved":
      case "CalledOff":
      case "LinesReturned":
        return;
      default:
        throw new Error(`unknown event ${event satisfies never}`);
    }
  }

  /** An order ends once; a confirmed one is paid, any other has all its money back. */
  #end(id: string, open: OpenOrder | undefined, owedMinor: Minor): void {
    if (open === undefined) return this.#fault("order ends", `${id} ended twice, or was never placed`);
    if (open.paidMinor !== owedMinor) this.#fault("order money", `${id} paid ${open.paidMinor} and owed ${owedMinor}`);
    this.endedMinor += open.totalMinor;
    this.openOrders.delete(id);
  }

  #ledger(id: string, event: LedgerEvent): void {
    const { purpose, entries, amountMinor, reference } = event.data;
    const sum = entries.reduce((total, entry) => total + entry.amountMinor, 0);
    if (sum !== 0) this.#fault("unbalanced", `${id} sums to ${sum}`);
    this.ledgerSumMinor += sum;
    this.books[purpose] = addToBook(this.books[purpose], reference, amountMinor);
  }

  #return(id: string, event: ReturnEvent): void {
    if (event.type === "ReturnRequested") {
      for (const line of event.data.lines) {
        if (line.matched > 0) this.matched += 1;
        else this.unmatched += 1;
      }
      if (event.data.parts.length > 0) this.openReturns.add(id);
    }
    if (event.type === "ReturnClosed") {
      this.returnsClosed += 1;
      this.restockedUnits += event.data.restocked;
      this.openReturns.delete(id);
    }
  }

  #fault(kind: string, detail: string): void {
    const known = this.faults.get(kind) ?? [];
    this.faults.set(kind, known);
    if (known.length < faultsMax) known.push(detail);
  }
}

const faultsMax = 10;
const pageEvents = 2_000;
const emptyBook: BookSum = { entries: 0, amountMinor: 0, fingerprint: 0 };
/** Keeps the sum of 32-bit hashes an exact integer. */
const fingerprintRange = 2 ** 48;

/** Reads a whole log, from the first event to the one that is the last at the end. */
export async function foldLog(engine: Engine, log: string): Promise<LogFold> {
  const fold = new LogFold();
  for (let after = 0; ;) {
    const page = await engine.read({ log, after, limit: pageEvents });
    for (const record of page.events) fold.add(record);
    if (page.events.length === 0) return fold;
    after = page.through;
  }
}

function addToBook(book: BookSum, subject: string, amountMinor: Minor): BookSum {
  return {
    entries: book.entries + 1,
    amountMinor: book.amountMinor + amountMinor,
    fingerprint: (book.fingerprint + hash32(`${subject} ${amountMinor}`)) % fingerprintRange,
  };
}

/** The sum of a book that is at hand entry by entry. */
export function sumBook(entries: Iterable<{ readonly subject: string; readonly amountMinor: Minor }>): BookSum {
  let book = emptyBook;
  for (const { subject, amountMinor } of entries) book = addToBook(book, subject, amountMinor);
  return book;
}

function unitsOf(lines: readonly { readonly code: string; readonly quantity: number }[]): number {
  return goodsOf(lines).reduce((sum, { quantity }) => sum + quantity, 0);
}
