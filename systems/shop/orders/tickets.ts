import type { Append, Engine } from "ashlar/engine";

import { abortable, gate, type Gate } from "ashlar/abort";
import type { EventStore } from "ashlar/events";

const stream = "replay/grants";

/**
 * Gives every order of a replay its turn at the stock: ticket n is decided after n - 1, in one process as after any number of kills.
 * The n-th grant is event n of one stream, so its expected version is known beforehand: order, fence and idempotency in one append.
 * A decision builds on ones that are still on their way into the log; if one of those fails, the ones behind it meet a conflict and
 * are made anew. Turns only ever save such conflicts: what counts is the stream.
 */
export class Tickets {
  readonly #store: EventStore;
  readonly #waiting = new Map<number, Gate<void>>();
  /** The last ticket that is in the log. */
  #granted: number;
  /** The lowest ticket that is not decided, as far as is known. */
  #next: number;

  constructor(store: EventStore, granted: number) {
    this.#store = store;
    this.#granted = granted;
    this.#next = granted + 1;
  }

  /** Resolves when all lower tickets are decided. Asking again for a ticket takes its decision back. */
  async turn(ticket: number, waiter: { readonly signal: AbortSignal }): Promise<void> {
    if (ticket <= this.#next) {
      this.#next = Math.max(ticket, this.#granted + 1);
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
    this.#wakeUpTo(ticket + 1);
    return this.#store.change(stream, [{ type: "Granted", data: {} }], { expected: ticket - 1 });
  }

  /** The commit with the grant was applied. Said of every one, so that nobody waits for a decision that was made out of order. */
  granted(ticket: number): void {
    this.#granted = Math.max(this.#granted, ticket);
    this.#wakeUpTo(this.#granted + 1);
  }

  #wakeUpTo(next: number): void {
    this.#next = Math.max(this.#next, next);
    this.#waiting.get(next)?.open();
    this.#waiting.get(this.#next)?.open();
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
