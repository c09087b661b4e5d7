import { abortable, signalAfter } from "../abort/mod.ts";
import { type Clock, systemClock, type Timer } from "../clock/mod.ts";
import { Bells } from "./bells.ts";
import type { BellTopic } from "./engine.ts";

// Within it, all commits of a process are one message: one for each commit costs a factor of three with many writers.
const quietMs = 5;
// A message may be longer; then everybody is rung for everything. PostgreSQL takes 8,000.
const textBytesMax = 7_000;
// How soon listeners look by themselves, with and without a connection that listens.
const healthyPollMs = 5_000;
const deafPollMs = 1_000;

// How long who closes waits for his last message to go out: it is a hint, and the server may be away.
const lastRingMaxMs = 250;

/** Hearing others, until disposed. */
export interface Hearing extends AsyncDisposable {
  readonly isListening: boolean;
}

/** The way to all other engines on the same data. */
export interface BellWire {
  readonly send: (text: string) => Promise<unknown>;
  /** `listening`: others are heard (again); whatever they sent while they were not is lost. */
  readonly hear: (heard: {
    readonly message: (text: string) => void;
    readonly listening: () => void;
  }) => Hearing | Promise<Hearing>;
}

/** Who rings, and by which clock. */
export interface BellPlace {
  readonly clock: Clock;
  readonly wire: BellWire;
  /** Name of this engine among those that hear. */
  readonly own: string;
}

/** Bells of this process and, by messages after the commit, of all others on the same data. */
export class FarBells implements AsyncDisposable {
  readonly #bells: Bells;
  readonly #place: BellPlace;
  #hearing: Hearing | undefined;
  #unsent: Set<BellTopic> = new Set();
  #timer: Timer | undefined;
  #sending: Promise<void> = Promise.resolve();
  #poll: Timer | undefined;
  #isClosed = false;

  constructor(place: BellPlace) {
    this.#place = place;
    this.#bells = new Bells(place.clock);
  }

  /** Begins to hear others. */
  async start(): Promise<void> {
    this.#hearing = await this.#place.wire.hear({
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
    using late = signalAfter(systemClock, lastRingMaxMs, () => new Error("nobody heard the last bell"));
    await abortable(this.#sending, late.signal).catch(() => undefined);
    await this.#hearing?.[Symbol.asyncDispose]();
    this.#bells.clear();
  }

  #send(): void {
    this.#timer = undefined;
    const { own, wire } = this.#place;
    const all = JSON.stringify([own, ...this.#unsent]);
    this.#unsent = new Set();
    // Byte length of what may be three bytes a unit; control characters are escaped by JSON.
    const isLong = all.length * 3 > textBytesMax && Buffer.byteLength(all) > textBytesMax;
    // A bell is a hint: who missed it looks by himself.
    this.#sending = wire.send(isLong ? JSON.stringify([own]) : all).then(
      () => undefined,
      () => undefined,
    );
  }

  #heard(text: string): void {
    const [from, ...topics] = wordsOf(text);
    if (from === this.#place.own) return;
    if (topics.length === 0) this.#bells.ringAll();
    else this.#bells.ring(new Set(topics));
  }

  #armPoll(): void {
    const delayMs = this.#hearing?.isListening === true ? healthyPollMs : deafPollMs;
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

/** Who sent it, and the topics. Whoever may send there may send anything: what is no such list stands for everything. */
function wordsOf(text: string): readonly [from?: string, ...BellTopic[]] {
  try {
    const words: unknown = JSON.parse(text);
    return Array.isArray(words) ? (words as [string, ...BellTopic[]]) : [];
  } catch {
    return [];
  }
}
