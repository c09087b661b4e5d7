import { abortable, gate, signalAfter } from "../../abort/mod.ts";
import type { Clock } from "../../clock/mod.ts";
import { bound, type Listener, type PostgresDatabase, type Statement } from "../../drivers/postgres/mod.ts";
import { TimeoutError } from "../../errors/mod.ts";
import { messageOf } from "../bus-text.ts";
import type { BusListener, BusSubscription } from "../invalidation-bus.ts";
import { readMax } from "./statements.sql.ts";

/** Which channel is heard, and how what was missed is read. */
export interface ListeningParts {
  readonly database: PostgresDatabase;
  readonly channel: string;
  /** The messages behind a number. */
  readonly read: Statement;
  readonly latest: () => Promise<number>;
  readonly clock: Clock;
}

/** A server that answers queries may still have no room for a connection that listens. */
const listenMaxMs = 10_000;

/**
 * Hears a channel, in the order of its numbers. A notification that is the next one is told as it comes. Whatever else happens (the connection is
 * made again, a message is too long for a notification, one is missing) leads to the table, where the messages behind the last one told are; what
 * is not there any more shows as a gap in the numbers.
 */
export class Listening implements BusSubscription {
  readonly #told: BusListener;
  readonly #parts: ListeningParts;
  readonly #begun = gate();
  #listener: Listener | undefined;
  #sequence = 0;
  #last = Infinity;
  #state: "heard" | "ended" = "heard";
  #reading: Promise<void> | undefined;
  #wanted: "nothing" | "more" = "nothing";

  constructor(told: BusListener, parts: ListeningParts) {
    this.#told = told;
    this.#parts = parts;
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** Resolves once the channel is heard. */
  async begin(): Promise<void> {
    const { database, channel, latest, clock } = this.#parts;
    // Fails where the server cannot be reached; a listener would try for ever.
    await latest();
    this.#listener = database.listen(channel, {
      notification: (payload) => this.#hear(payload),
      listening: () => {
        this.#begun.open();
        this.#catchUp();
      },
    });
    try {
      const late = (): TimeoutError => new TimeoutError(`listening to "${channel}"`, listenMaxMs);
      using limit = signalAfter(clock, listenMaxMs, late);
      await abortable(this.#begun.promise, limit.signal);
      this.#sequence = await latest();
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
    this.#last = this.#sequence;
    // For what came since.
    this.#catchUp();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = "ended";
    await this.#listener?.[Symbol.asyncDispose]();
    await this.#reading;
  }

  #hear(payload: string): void {
    const at = payload.indexOf(" ");
    const number = Number(at < 0 ? payload : payload.slice(0, at));
    // Somebody else's words, what was read from the table already, or before the beginning.
    if (!Number.isSafeInteger(number) || number <= this.#last) return;
    if (at < 0 || number !== this.#last + 1 || this.#reading !== undefined) this.#catchUp();
    else this.#tell(payload.slice(at + 1), number);
  }

  #catchUp(): void {
    if (this.#last === Infinity || this.#state === "ended") return;
    this.#wanted = "more";
    this.#reading ??= this.#readMissed().finally(() => (this.#reading = undefined));
  }

  async #readMissed(): Promise<void> {
    const { database, channel, read } = this.#parts;
    while (this.#wanted === "more" && this.#state === "heard") {
      this.#wanted = "nothing";
      try {
        const [answered] = await database.run([bound(read, channel, `${this.#last}`)]);
        const rows = answered?.rows ?? [];
        for (const [number, message] of rows) this.#tell(message ?? "", Number(number));
        if (rows.length === readMax) this.#wanted = "more";
      } catch {
        // Not to be had now. It is asked again with the next notification, or when the channel is heard again; and the cache asks for the latest
        // number by itself, and shows the fault.
        return;
      }
    }
  }

  #tell(text: string, number: number): void {
    if (this.#state === "ended") return;
    this.#last = number;
    const message = messageOf(text);
    // Somebody else's words: their number will be missed, and that is right.
    if (message !== undefined) this.#told(message, number);
  }
}
