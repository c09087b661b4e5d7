import type { Append, Engine } from "ashlar/engine";

import { abortable, gate, type Gate } from "ashlar/abort";
import type { EventStore } from "ashlar/events";

const stream = "replay/grants";

/**
 * Gives every order of a replay its turn at the stock: ticket n is decided after n - 1, in one process as after any number of kills.
 * The n-th grant is event n of one stream, so its expected version is known beforehand: order, fence and idempotency in one append.
 * A grant builds on one that is still on its way into the log; if that fails, this one meets a conflict, and both are decided anew.
 */
export class Tickets {
  readonly #store: EventStore;
  readonly #waiting = new Map<number, Gate<void>>();
  #next: number;

  constructor(store: EventStore, granted: number) {
    this.#store = store;
    this.#next = granted + 1;
  }

  /** Resolves when all lower tickets are decided. Asking again for a ticket takes its decision back. */
  async turn(ticket: number, waiter: { readonly signal: AbortSignal }): Promise<void> {
    if (ticket <= this.#next) {
      this.#next = ticket;
      return;
    }
    const turn = gate();
    this.#waiting.set(ticket, turn);
    try {
      await abortable(turn.promise, waiter.signal);
    } finally {
      if (this.#waiting.get(ticket) === turn) this.#waiting.delete(ticket);
    }
  }

  /** The ticket is decided and its commit is on the way: the next one may go on. Returns the grant for that commit. */
  decided(ticket: number): Append {
    this.#next = ticket + 1;
    this.#waiting.get(this.#next)?.open();
    return this.#store.change(stream, [{ type: "Granted", data: {} }], { expected: ticket - 1 });
  }
}

/** Opens the tickets where the log says that they stand. */
export async function openTickets(store: EventStore): Promise<Tickets> {
  return new Tickets(store, await grantedSoFar(store.engine, store.log));
}

async function grantedSoFar(engine: Engine, log: string): Promise<number> {
  for await (const row of engine.scan({ kind: "streams", log, prefix: stream }))
    if (row.stream === stream) return row.version;
  return 0;
}
