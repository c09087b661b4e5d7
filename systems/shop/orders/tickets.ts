import type { Append, Engine } from "ashlar/engine";

import { abortable, gate, type Gate } from "ashlar/abort";
import type { EventStore } from "ashlar/events";

const stream = "replay/grants";

/**
 * Gives every order of a replay its turn at the stock: ticket n is decided after n - 1, in one process as after any number of kills.
 * The n-th grant is event n of one stream, so its expected version is known beforehand: order, fence and idempotency in one append.
 * A first decision builds on ones that are still on their way into the log. If one of those fails, the ones behind it meet a
 * conflict; a second decision therefore waits until the ticket before it is in the log. Turns only ever save conflicts: what counts
 * is the stream.
 */
export class Tickets {
  readonly #store: EventStore;
  /** Waiting for the decision on the ticket before theirs. */
  readonly #early = new Map<number, Gate<void>>();
  /** Waiting for the grant of the ticket before theirs. */
  readonly #again = new Map<number, Gate<void>>();
  /** The last ticket that is in the log. */
  #granted: number;
  /** The last ticket that was decided, at least once. */
  #decided: number;

  constructor(store: EventStore, granted: number) {
    this.#store = store;
    this.#granted = granted;
    this.#decided = granted;
  }

  /** Resolves when it is this ticket's turn; each time it is asked for. */
  async turn(ticket: number, waiter: { readonly signal: AbortSignal }): Promise<void> {
    if (ticket > this.#decided + 1) await wait(this.#early, ticket, waiter.signal);
    else if (ticket <= this.#decided && ticket > this.#granted + 1) await wait(this.#again, ticket, waiter.signal);
  }

  /** The ticket is decided and its commit is on the way: the next one may go on. Returns the grant for that commit. */
  decided(ticket: number): Append {
    this.#decided = Math.max(this.#decided, ticket);
    this.#early.get(ticket + 1)?.open();
    return this.#store.change(stream, [{ type: "Granted", data: {} }], { expected: ticket - 1 });
  }

  /** The commit with the grant was applied. To be said of every one. */
  granted(ticket: number): void {
    this.#granted = Math.max(this.#granted, ticket);
    this.#again.get(ticket + 1)?.open();
  }
}

async function wait(waiting: Map<number, Gate<void>>, ticket: number, signal: AbortSignal): Promise<void> {
  const turn = gate();
  waiting.set(ticket, turn);
  try {
    await abortable(turn.promise, signal);
  } finally {
    if (waiting.get(ticket) === turn) waiting.delete(ticket);
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
