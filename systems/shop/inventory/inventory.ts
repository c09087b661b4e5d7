import { RefusedError, type Change, type Engine } from "ashlar/engine";
import { InvariantError } from "ashlar/errors";
import type { AnyDecider, Begun, EventStore } from "ashlar/events";
import type { Units } from "../goods.ts";
import { isConflict } from "../commit-loop.ts";
import { draw } from "../draw.ts";
import { callOf, newStream, planCalls, planCertain, type ShopCall, type ShopPlan } from "../planning.ts";
import type { ShopSettings } from "../settings.ts";
import { restockDecider, writeOffDecider } from "./correction.ts";
import { reservationDecider, type Reservation } from "./reservation.ts";
import { availableOf, stockDecider, type StockCommand, type Supply } from "./stock.ts";
import type { Tickets } from "./tickets.ts";

/** A turn at the stock, if the order has one. */
interface Turn {
  readonly ticket?: number | undefined;
  readonly signal: AbortSignal;
}

/** Cells that list the products with units which are not on sale again yet. */
const returningSpace = "stock-returning";
/** Products put back on sale in one commit. */
const returnedAtOnce = 2_000;
// Each round loses to somebody who won: a hundred in a row mean that something else is wrong.
const roundsMax = 100;

/** The stock. Every change is asked for under the name of what causes it, and happens once for it. */
export class Inventory {
  readonly #engine: Engine;
  readonly #store: EventStore;
  readonly #tickets: Tickets;
  readonly #settings: Pick<ShopSettings, "stock" | "sale" | "seed">;

  constructor(store: EventStore, tickets: Tickets, settings: Pick<ShopSettings, "stock" | "sale" | "seed">) {
    this.#engine = store.engine;
    this.#store = store;
    this.#tickets = tickets;
    this.#settings = settings;
  }

  /** All goods or nothing; the answer of the first time, however often it is asked. */
  async reserve(order: string, goods: readonly Units[], turn: Turn): Promise<"reserved" | "out of stock"> {
    const reserving = goods.map(({ code, quantity }) =>
      stockCall(code, { kind: "reserve", order, quantity, supply: this.#supply(code) }),
    );
    const status: { value: "reserved" | "out of stock" } = { value: "reserved" };
    const end = await this.#once(turn, {
      decider: reservationDecider,
      id: order,
      plan: async () => {
        const planned = await planCalls(this.#store, reserving);
        status.value = planned.status === "accepted" ? "reserved" : "out of stock";
        const command = planned.status === "accepted" ? { kind: "reserve" as const, units: goods } : refuse;
        return { planned, mark: newStream(this.#store, reservationDecider, { id: order, command }) };
      },
    });
    if (end === "done") return status.value;
    const { stage } = await this.#reservation(order);
    return stage === "reserved" || stage === "dispatched" ? "reserved" : "out of stock";
  }

  async release(order: string): Promise<void> {
    for (let round = 1; ; round++) {
      const { stage, units } = await this.#reservation(order);
      if (stage === "refused" || stage === "released") return;
      if (stage === "dispatched") throw new InvariantError(`order ${order} has left the house and cannot be released`);
      const calls = units.map(({ code, quantity }) =>
        stockCall(code, { kind: "release", order, quantity, sale: this.#settings.sale }),
      );
      const marked = callOf(reservationDecider, order, { kind: "release" });
      if (await this.#commit(await planCertain(this.#store, [...calls, marked]), this.#returning(units), round)) return;
    }
  }

  /** Returns how the order stands when it holds nothing that could leave. */
  async dispatch(order: string): Promise<Reservation["stage"]> {
    for (let round = 1; ; round++) {
      const { stage } = await this.#reservation(order);
      if (stage !== "reserved") return stage;
      const planned = await planCertain(this.#store, [callOf(reservationDecider, order, { kind: "dispatch" })]);
      if (await this.#commit(planned, [], round)) return "dispatched";
    }
  }

  async restock(id: string, goods: readonly Units[]): Promise<void> {
    const { sale } = this.#settings;
    const calls = goods.map(({ code, quantity }) => stockCall(code, { kind: "restock", order: id, quantity, sale }));
    await this.#once(
      { signal: never },
      {
        decider: restockDecider,
        id,
        plan: async () => ({
          planned: await planCertain(this.#store, calls),
          mark: newStream(this.#store, restockDecider, { id, command: { kind: "do" } }),
          also: this.#returning(goods),
        }),
      },
    );
  }

  /** What is written off is missing for the orders behind it and not for those before: it takes its turn like them. */
  async writeOff(invoice: string, goods: readonly Units[], turn: Turn): Promise<void> {
    const calls = goods.map(({ code, quantity }) =>
      stockCall(code, { kind: "write off", invoice, quantity, supply: this.#supply(code) }),
    );
    await this.#once(turn, {
      decider: writeOffDecider,
      id: invoice,
      plan: async () => ({
        planned: await planCertain(this.#store, calls),
        mark: newStream(this.#store, writeOffDecider, { id: invoice, command: { kind: "do" } }),
      }),
    });
  }

  /** Returns the units that came in. */
  async topUp(shelves: readonly Units[]): Promise<number> {
    const received = await Promise.all(
      shelves.map(async ({ code, quantity }) => {
        const result = await this.#store.execute(stockDecider, code, { kind: "top up", quantity });
        return result.status === "rejected" ? 0 : (result.events[0]?.data.quantity ?? 0);
      }),
    );
    return received.reduce((sum, quantity) => sum + quantity, 0);
  }

  async available(code: string): Promise<number> {
    return availableOf((await this.#store.load(stockDecider, code)).state);
  }

  /** Returns the number of products that were put back on sale. */
  async closeDay(): Promise<number> {
    let products = 0;
    for (let round = 1; ; round++) {
      const { calls, cells } = await this.#toSale();
      if (calls.length === 0) return products;
      const isDone = await this.#commit(await planCertain(this.#store, calls), cells, round);
      if (!isDone) continue;
      products += calls.length;
      round = 0;
    }
  }

  async #toSale(): Promise<{ readonly calls: readonly ShopCall[]; readonly cells: readonly Change[] }> {
    const calls: ShopCall[] = [];
    const cells: Change[] = [];
    for await (const cell of this.#engine.scan({ kind: "cells", space: returningSpace, limit: returnedAtOnce })) {
      calls.push(stockCall(cell.key, { kind: "return to sale" }));
      const { version } = cell;
      cells.push({ op: "put", cell: { space: returningSpace, key: cell.key }, expect: version, value: undefined });
      if (calls.length >= returnedAtOnce) break;
    }
    return { calls, cells };
  }

  /** The list of what waits for the close of the day: it goes into the commit in which something comes back. */
  #returning(goods: readonly Units[]): readonly Change[] {
    if (this.#settings.sale === "at once") return [];
    return goods.map(({ code: key }) => ({
      op: "put",
      cell: { space: returningSpace, key },
      expect: "any",
      value: "1",
    }));
  }

  /** Commits what `plan` decides together with the first event of a stream of its cause, in its turn. `before` when that stream was there. */
  async #once({ ticket, signal }: Turn, work: OnceWork): Promise<"done" | "before"> {
    const tickets = this.#tickets;
    for (let round = 1; ; round++) {
      // Looked at only when the log has said so: nearly always it is new.
      if (round > 1 && (await this.#store.load(work.decider, work.id)).version > 0) return "before";
      if (ticket !== undefined) await tickets.turn(ticket, signal);
      const { planned, mark, also = [] } = await work.plan();
      const changes = planned.status === "accepted" ? planned.changes : [];
      const grant = ticket === undefined ? [] : [tickets.decided(ticket)];
      const result = await this.#engine.commit([...changes, mark.change, ...also, ...grant]);
      mark.committed(result);
      if (planned.status === "accepted") planned.committed(result);
      if (result.committed && ticket !== undefined) tickets.granted(ticket);
      if (result.committed) return "done";
      if (!isConflict(result.refusal) || round === roundsMax) throw new RefusedError(result.refusal);
    }
  }

  /** Whether it was committed; false when somebody else was first. */
  async #commit(
    planned: Extract<ShopPlan, { status: "accepted" }>,
    also: readonly Change[],
    round: number,
  ): Promise<boolean> {
    const result = await this.#engine.commit([...planned.changes, ...also]);
    planned.committed(result);
    if (!result.committed && (!isConflict(result.refusal) || round === roundsMax))
      throw new RefusedError(result.refusal);
    return result.committed;
  }

  async #reservation(order: string): Promise<Reservation> {
    return (await this.#store.load(reservationDecider, order)).state;
  }

  #supply(code: string): Supply {
    const { stock, seed } = this.#settings;
    return stock === "plenty" ? { kind: "delivers" } : { kind: "opening", quantity: openingQuantity(seed, code) };
  }
}

interface OnceWork {
  readonly decider: AnyDecider;
  readonly id: string;
  readonly plan: () => Promise<{ planned: ShopPlan; mark: Begun; also?: readonly Change[] }>;
}

const refuse = { kind: "refuse" } as const;
const never = new AbortController().signal;

function stockCall(code: string, command: StockCommand): ShopCall {
  return callOf(stockDecider, code, command);
}

/** Evenly spread over the orders of magnitude, as demand is. */
function openingQuantity(seed: number, code: string): number {
  const { smallest, largest } = openingRange;
  return Math.round(smallest * (largest / smallest) ** draw(seed, "opening stock", code));
}

// So that of the orders of December 2010 some 7 to 13 % meet an empty shelf (measured over six seeds).
const openingRange = { smallest: 900, largest: 20_000 };
