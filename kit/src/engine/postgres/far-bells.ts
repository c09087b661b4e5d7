import { type Clock, systemClock, type Timer } from "../../clock/mod.ts";
import type { Listener, PostgresDatabase } from "../../drivers/postgres/mod.ts";
import { Bells } from "../bells.ts";
import type { BellTopic } from "../engine.ts";

// Within it, all commits of a process are one notification: notifying inside each commit costs a factor of three with many writers.
const quietMs = 5;
// A notification may be longer; then everybody is rung for everything.
const payloadMax = 7_000;
// How soon listeners look by themselves, with and without a connection that listens.
const healthyPollMs = 5_000;
const deafPollMs = 1_000;

/** Bells of this process and, by notifications after the commit, of all others on the same schema. */
export class FarBells implements AsyncDisposable {
  readonly #bells: Bells;
  readonly #database: PostgresDatabase;
  readonly #channel: string;
  readonly #own: string;
  readonly #listener: Listener;
  #unsent: Set<BellTopic> = new Set();
  #timer: Timer | undefined;
  #sending: Promise<void> = Promise.resolve();
  #poll: Timer | undefined;
  #isClosed = false;

  constructor(
    database: PostgresDatabase,
    { clock, schema, own }: { readonly clock: Clock; readonly schema: string; readonly own: string },
  ) {
    this.#database = database;
    this.#bells = new Bells(clock);
    this.#channel = `${schema}_bell`;
    this.#own = own;
    this.#listener = database.listen(this.#channel, {
      notification: (payload) => this.#heard(payload),
      // What rang before was not heard.
      listening: () => this.#bells.ringAll(),
    });
    this.#armPoll();
  }

  add(topics: readonly BellTopic[], ring: () => void): Disposable {
    return this.#bells.add(topics, ring);
  }

  /** Rings here at once, and for others at most every 5 ms. */
  ring(topics: ReadonlySet<BellTopic>): void {
    if (topics.size === 0 || this.#isClosed) return;
    this.#bells.ring(topics);
    for (const topic of topics) this.#unsent.add(topic);
    this.#timer ??= systemClock.setTimer(quietMs, () => this.#send());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#poll?.cancel();
    if (this.#timer !== undefined) {
      this.#timer.cancel();
      this.#send();
    }
    await this.#sending;
    await this.#listener[Symbol.asyncDispose]();
    this.#bells.clear();
  }

  #send(): void {
    this.#timer = undefined;
    const all = JSON.stringify([this.#own, ...this.#unsent]);
    this.#unsent = new Set();
    // Byte length of what may be three bytes a unit; control characters are escaped by JSON.
    const payload =
      all.length * 3 > payloadMax && Buffer.byteLength(all) > payloadMax ? JSON.stringify([this.#own]) : all;
    // A bell is a hint: who missed it looks by himself.
    this.#sending = this.#database.notify(this.#channel, payload).catch(() => undefined);
  }

  #heard(payload: string): void {
    const [from, ...topics] = JSON.parse(payload) as readonly [string, ...BellTopic[]];
    if (from === this.#own) return;
    if (topics.length === 0) this.#bells.ringAll();
    else this.#bells.ring(new Set(topics));
  }

  #armPoll(): void {
    const delayMs = this.#listener.isListening ? healthyPollMs : deafPollMs;
    this.#poll = systemClock.setTimer(
      delayMs,
      () => {
        this.#bells.ringAll();
        if (!this.#isClosed) this.#armPoll();
      },
      { holdsProcess: "no" },
    );
  }
}
