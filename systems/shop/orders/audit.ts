import { streamOf, type EventStore } from "ashlar/events";
import { goodsOf } from "../goods.ts";
import { addToBook, emptyBook, sameBooks, type BookSum } from "../book-sum.ts";
import { FaultsFound } from "../faults-found.ts";
import { sumMinor, type Minor } from "../money.ts";
import { readLog } from "../read-log.ts";
import { countQuarantined } from "./imports/quarantine.ts";
import { importedFiles } from "./imports/progress.ts";
import { orderDecider, type OrderEvent, type PlacedOrder } from "./order.ts";
import { refundsOf } from "./return-saga.ts";
import type { RequestedReturn, ReturnEvent } from "./return.ts";

/** What the events of orders and returns add up to. */
export interface OrdersAudit {
  readonly lines: {
    readonly read: number;
    readonly accepted: number;
    readonly quarantined: number;
    readonly kept: number;
  };
  readonly placed: number;
  readonly confirmed: number;
  readonly rejected: Record<string, number>;
  readonly open: number;
  readonly returns: {
    readonly matched: number;
    readonly unmatched: number;
    readonly open: number;
    readonly closed: number;
  };
  readonly orderedMinor: Minor;
  readonly endedMinor: Minor;
  readonly soldUnits: number;
  readonly restockedUnits: number;
  readonly parcels: number;
  readonly unsoldParcels: number;
  readonly soldMinor: Minor;
  readonly returnedUnits: number;
  readonly returnedMinor: Minor;
  readonly imported: { readonly writtenOff: number; readonly adjustedMinor: Minor };
  readonly charges: BookSum;
  readonly refunds: BookSum;
  readonly faults: Record<string, string[]>;
}

/** Counts everything again from the log. Memory grows with what is open or came back, not with the log. For a shop at rest. */
export async function auditOrders(store: EventStore): Promise<OrdersAudit> {
  const fold = new OrdersFold();
  for await (const { kind, id, type, data } of readLog(store.engine, store.log, fold.faults)) {
    if (kind === "order") fold.order(id, { type, data } as OrderEvent);
    if (kind === "return") fold.return(id, { type, data } as ReturnEvent);
  }
  const lines = { read: 0, accepted: 0, quarantined: 0, kept: await countQuarantined(store.engine) };
  const imported = { writtenOff: 0, adjustedMinor: 0 };
  for await (const file of importedFiles(store.engine)) {
    imported.writtenOff += file.writtenOff;
    imported.adjustedMinor += file.adjustedMinor;
    lines.read += file.read;
    lines.accepted += file.accepted;
    lines.quarantined += file.quarantined;
  }
  await compareReturned(store, fold);
  return { lines, imported, ...fold.totals() };
}

/** Holds what came back from each order against what it was, from its own events and by plain arithmetic. */
async function compareReturned(store: EventStore, { faults, returnedOrders }: OrdersFold): Promise<void> {
  for (const id of returnedOrders) {
    const left = new Map<string, number>();
    let leftMinor = 0;
    for await (const { type, data } of store.readStream<OrderEvent>(streamOf(orderDecider, id), {
      types: orderDecider.events,
    })) {
      if (type === "Placed")
        for (const line of data.lines) left.set(line.code, (left.get(line.code) ?? 0) + line.quantity);
      if (type === "Charged") leftMinor += data.amountMinor;
      if (type === "Refunded") leftMinor -= data.amountMinor;
      if (type !== "LinesReturned") continue;
      for (const { amountMinor, code, quantity } of data.taken) {
        left.set(code, (left.get(code) ?? 0) - quantity);
        leftMinor -= amountMinor;
      }
    }
    if (leftMinor < 0 || [...left.values()].some((units) => units < 0))
      faults.add("returned", `more came back from ${id} than it was`);
  }
}

/** An order between its placing and its end. */
interface OpenOrder {
  readonly totalMinor: Minor;
  readonly goods: number;
  paidMinor: Minor;
  parcels: number;
}

class OrdersFold {
  readonly faults = new FaultsFound();
  /** Orders from which something came back. */
  readonly returnedOrders: Set<string> = new Set();
  readonly #open = new Map<string, OpenOrder>();
  readonly #openReturns = new Map<string, RequestedReturn>();
  readonly #rejected = new Map<string, number>();
  readonly #returns = { matched: 0, unmatched: 0, closed: 0 };
  readonly #sums = {
    placed: 0,
    confirmed: 0,
    orderedMinor: 0,
    endedMinor: 0,
    soldUnits: 0,
    restockedUnits: 0,
    parcels: 0,
    unsoldParcels: 0,
    soldMinor: 0,
    returnedUnits: 0,
    returnedMinor: 0,
  };
  /** What orders gave back, and what returns took, by both. */
  #given = emptyBook;
  #taken = emptyBook;
  #charges = emptyBook;
  #refunds = emptyBook;

  totals(): Omit<OrdersAudit, "lines" | "imported"> {
    if (!sameBooks(this.#given, this.#taken))
      this.faults.add(
        "returned",
        `orders gave back ${this.#given.amountMinor}, returns took ${this.#taken.amountMinor}`,
      );
    return {
      ...this.#sums,
      rejected: Object.fromEntries([...this.#rejected].toSorted(([a], [b]) => (a < b ? -1 : 1))),
      open: this.#open.size,
      returns: { ...this.#returns, open: this.#openReturns.size },
      charges: this.#charges,
      refunds: this.#refunds,
      faults: this.faults.record(),
    };
  }

  order(id: string, event: OrderEvent): void {
    const open = this.#open.get(id);
    const sums = this.#sums;
    switch (event.type) {
      case "Placed":
        sums.placed += 1;
        sums.orderedMinor += event.data.totalMinor;
        this.#addUp(id, event.data);
        this.#open.set(id, {
          totalMinor: event.data.totalMinor,
          goods: unitsOf(event.data.lines),
          paidMinor: 0,
          parcels: 0,
        });
        return;
      case "Charged":
        if (open !== undefined) open.paidMinor += event.data.amountMinor;
        if (event.data.amountMinor > 0) this.#charges = addToBook(this.#charges, id, event.data.amountMinor);
        return;
      case "Refunded":
        if (open !== undefined) open.paidMinor -= event.data.amountMinor;
        if (event.data.amountMinor > 0) this.#refunds = addToBook(this.#refunds, id, event.data.amountMinor);
        return;
      case "ParcelSent":
        sums.parcels += 1;
        if (open !== undefined) open.parcels += 1;
        return;
      case "Confirmed":
        sums.confirmed += 1;
        sums.soldUnits += open?.goods ?? 0;
        sums.soldMinor += open?.totalMinor ?? 0;
        return this.#end(id, open, open?.totalMinor ?? 0);
      case "Rejected":
        this.#rejected.set(event.data.reason, (this.#rejected.get(event.data.reason) ?? 0) + 1);
        sums.unsoldParcels += open?.parcels ?? 0;
        return this.#end(id, open, 0);
      case "LinesReturned":
        this.returnedOrders.add(id);
        for (const { amountMinor, code, quantity } of event.data.taken) {
          sums.returnedUnits += quantity;
          sums.returnedMinor += amountMinor;
          this.#given = addToBook(this.#given, `${event.data.return} ${id} ${code} ${quantity}`, amountMinor);
        }
        return;
      case "StockReserved":
      case "CalledOff":
        return;
      default:
        throw new Error(`unknown event ${event satisfies never}`);
    }
  }

  return(id: string, event: ReturnEvent): void {
    const requested = this.#openReturns.get(id);
    switch (event.type) {
      case "ReturnRequested":
        for (const line of event.data.lines) this.#returns[line.matched > 0 ? "matched" : "unmatched"] += 1;
        if (event.data.parts.length > 0) this.#openReturns.set(id, event.data);
        for (const { amountMinor, code, order, quantity } of event.data.parts)
          this.#taken = addToBook(this.#taken, `${id} ${order} ${code} ${quantity}`, amountMinor);
        return;
      case "ReturnRefunded":
        if (requested !== undefined) this.#refunded(id, requested, event.data.amountMinor);
        return;
      case "ReturnClosed":
        this.#returns.closed += 1;
        this.#sums.restockedUnits += event.data.restocked;
        this.#openReturns.delete(id);
        return;
      default:
        throw new Error(`unknown event ${event satisfies never}`);
    }
  }

  #refunded(id: string, { parts, customer = "" }: RequestedReturn, amountMinor: Minor): void {
    const owedMinor = sumMinor(parts.map((part) => part.amountMinor));
    if (amountMinor !== owedMinor) this.faults.add("returned", `${id} is owed ${owedMinor} and got ${amountMinor}`);
    for (const refund of refundsOf({ id, customer, parts }))
      if (refund.amountMinor > 0) this.#refunds = addToBook(this.#refunds, refund.id, refund.amountMinor);
  }

  #addUp(id: string, { lines, totalMinor }: PlacedOrder): void {
    const linesMinor = sumMinor(lines.map((line) => line.totalMinor));
    if (linesMinor !== totalMinor)
      this.faults.add("order money", `the lines of ${id} are ${linesMinor} and it is ${totalMinor}`);
  }

  #end(id: string, open: OpenOrder | undefined, owedMinor: Minor): void {
    if (open === undefined) return this.faults.add("order ends", `${id} ended twice, or before it began`);
    if (open.paidMinor !== owedMinor)
      this.faults.add("order money", `${id} paid ${open.paidMinor} and owed ${owedMinor}`);
    this.#sums.endedMinor += open.totalMinor;
    this.#open.delete(id);
  }
}

function unitsOf(lines: readonly { readonly code: string; readonly quantity: number }[]): number {
  return goodsOf(lines).reduce((sum, { quantity }) => sum + quantity, 0);
}
