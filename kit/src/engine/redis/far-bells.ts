import { type Clock, systemClock, type Timer } from "../../clock/mod.ts";
import type { RedisDatabase, RedisSubscription } from "../../drivers/redis/mod.ts";
import { Bells } from "../bells.ts";
import type { BellTopic } from "../engine.ts";

// Within it, all commits of a process are one notification.
const quietMs = 5;
// Above it everybody is rung for everything.
const topicsMax = 200;
// How soon listeners look by themselves, with and without a connection that listens.
const healthyPollMs = 5_000;
const deafPollMs = 1_000;

interface Place {
  readonly clock: Clock;
  readonly channel: string;
  /** Name of this engine among those that hear. */
  readonly own: string;
}

/** Bells of this process and, by messages after the commit, of all others on the same data. */
export class FarBells implements AsyncDisposable {
  readonly #bells: Bells;
  readonly #database: RedisDatabase;
  readonly #place: Place;
  #subscription: RedisSubscription | undefined;
  #unsent: Set<BellTopic> = new Set();
  #timer: Timer | undefined;
  #sending: Promise<void> = Promise.resolve();
  #poll: Timer | undefined;
  #isClosed = false;

  constructor(database: RedisDatabase, place: Place) {
    this.#database = database;
    this.#place = place;
    this.#bells = new Bells(place.clock);
  }

  /** Resolves when others are heard. */
  async start(): Promise<void> {
    this.#subscription = await this.#database.subscribe([this.#place.channel], {
      message: (text) => this.#heard(text),
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
    await this.#subscription?.[Symbol.asyncDispose]();
    this.#bells.clear();
  }

  #send(): void {
    this.#timer = undefined;
    const topics = this.#unsent.size > topicsMax ? [] : [...this.#unsent];
    this.#unsent = new Set();
    const { channel, own } = this.#place;
    const sent = this.#database.send(["PUBLISH", channel, JSON.stringify([own, ...topics])], { effect: "none" });
    // A bell is a hint: who missed it looks by himself.
    this.#sending = sent.then(
      () => undefined,
      () => undefined,
    );
  }

  #heard(text: string): void {
    const [from, ...topics] = JSON.parse(text) as readonly [string, ...BellTopic[]];
    if (from === this.#place.own) return;
    if (topics.length === 0) this.#bells.ringAll();
    else this.#bells.ring(new Set(topics));
  }

  #armPoll(): void {
    const delayMs = this.#subscription?.isListening === true ? healthyPollMs : deafPollMs;
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
