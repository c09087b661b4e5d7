import { abortable, gate, type Gate } from "ashlar/abort";
import { turnoverMap, type TurnoverMap } from "ashlar/collections";
import type { Append } from "ashlar/engine";
import type { EventStore } from "ashlar/events";

const stream = "replay/grants";
/** Grants of another process are found in the log, so often while somebody waits. */
const lookMs = 200;

/**
 * Gives every order of a replay its turn at the stock: ticket n is decided after n - 1, in one process as after any number of kills.
 * The n-th grant is event n of one stream, so its expected version is known beforehand: order, fence and idempotency in one append.
 * A first decision builds on ones that are still on their way into the log. If one of those fails, the ones behind it meet a
 * conflict; a second decision therefore waits until the ticket before it is in the log. Turns only ever save conflicts: what counts
 * is the stream.
 */
export class Tickets {
  readonly #store: EventStore;
  /** Opened with the decision on the ticket before theirs. */
  readonly #early: TurnoverMap<number, Gate<void>> = turnoverMap();
  /** Opened with the grant of the ticket before theirs. */
  readonly #again: TurnoverMap<number, Gate<void>> = turnoverMap();
  /** The last ticket that is in the log. */
  #granted: number;
  /** The last ticket that was decided, at least once. */
  #decided: number;
  #looking = false;

  constructor(store: EventStore, granted: number) {
    this.#store = store;
    this.#granted = granted;
    this.#decided = granted;
  }

  /** Resolves when it is this ticket's turn; each time it is asked for. */
  async turn(ticket: number, signal: AbortSignal): Promise<void> {
    if (ticket > this.#decided + 1) await this.#wait(this.#early, ticket, signal);
    else if (ticket <= this.#decided && ticket > this.#granted + 1) await this.#wait(this.#again, ticket, signal);
  }

  /** The ticket is decided and its commit is on the way: the next one may go on. Returns the grant for that commit. */
  decided(ticket: number): Append {
    this.#move(ticket, this.#granted);
    return this.#store.change(stream, [{ type: "Granted", data: {} }], { expected: ticket - 1 });
  }

  /** The commit with the grant was applied. To be said of every one. */
  granted(ticket: number): void {
    this.#move(ticket, ticket);
  }

  #move(decided: number, granted: number): void {
    this.#decided = Math.max(this.#decided, decided);
    this.#granted = Math.max(this.#granted, granted);
    open(this.#early, this.#decided + 1);
    open(this.#again, this.#granted + 1);
  }

  async #wait(waiting: TurnoverMap<number, Gate<void>>, ticket: number, signal: AbortSignal): Promise<void> {
    const turn = waiting.get(ticket) ?? gate();
    waiting.set(ticket, turn);
    void this.#look();
    await abortable(turn.promise, signal);
  }

  /** The one before may be decided elsewhere: by a process that took over while this one slept. */
  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      while (this.#early.size + this.#again.size > 0) {
        await this.#store.engine.clock.sleep(lookMs);
        const granted = await grantedSoFar(this.#store);
        this.#move(granted, granted);
      }
    } catch {
      // The engine is being closed: nobody's turn comes any more.
    } finally {
      this.#looking = false;
    }
  }
}

/** Those behind the ticket in turn wait on; earlier ones that waited twice go on, and meet the log. */
function open(waiting: TurnoverMap<number, Gate<void>>, upTo: number): void {
  for (const ticket of waiting.keys()) {
    if (ticket > upTo) continue;
    waiting.get(ticket)?.open();
    waiting.delete(ticket);
  }
}

/** Opens the tickets where the log says that they stand. */
export async function openTickets(store: EventStore): Promise<Tickets> {
  return new Tickets(store, await grantedSoFar(store));
}

async function grantedSoFar({ engine, log }: EventStore): Promise<number> {
  for await (const row of engine.scan({ kind: "streams", log, prefix: stream }))
    if (row.stream === stream) return row.version;
  return 0;
}
