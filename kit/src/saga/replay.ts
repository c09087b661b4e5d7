import { type Entry, isAnswer } from "./entry.ts";
import { Turns } from "./turns.ts";

const noAnswers: Map<string, Entry> = new Map();
const noOpened: Map<string, Extract<Entry, { k: "open" }>> = new Map();
const noneUnclaimed: Set<string> = new Set(); // never added to

/**
 * The recorded answers of a run, found by name and given in their order. While some have not been asked for, the code repeats its past,
 * and operations without an answer wait; once all are given, the code is live. Code that comes to rest before has changed.
 */
export class Replay {
  /** What the code asked for, in order. */
  readonly requested: string[] = [];
  /** When the code gets its answers: those of its past, and those to come. */
  readonly turns: Turns = new Turns(() => this.#look());
  // New runs share these empty ones; whoever fills them has its own.
  #answers: Map<string, Entry> = noAnswers;
  #opened: Map<string, Extract<Entry, { k: "open" }>> = noOpened;
  readonly #unclaimed: Set<string>;
  readonly #counts: Map<string, number> = new Map();
  #blocked: (() => void)[] = [];
  #isLive: boolean;

  constructor(entries: readonly Entry[]) {
    this.#isLive = entries.length === 0;
    this.#unclaimed = entries.length === 0 ? noneUnclaimed : new Set();
    if (entries.length === 0) return;
    this.#answers = new Map();
    this.#opened = new Map();
    for (const entry of entries) {
      if (isAnswer(entry)) this.#answers.set(entry.n, entry);
      if (entry.k === "open") this.#opened.set(entry.n, entry);
      if (isAnswer(entry) || entry.k === "open") this.#unclaimed.add(entry.n);
      if (isAnswer(entry) && entry.k !== "now") this.turns.expect(entry.n); // a time is told in the same breath
    }
  }

  get isLive(): boolean {
    return this.#isLive;
  }

  get blockedCount(): number {
    return this.#blocked.length;
  }

  /** The name of this use of an operation: repeats are numbered. */
  keyOf(name: string): string {
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    return count === 1 ? name : `${name}#${count}`;
  }

  /** The recorded answer, if there is one. But for a time, it may be used when it is its turn. */
  claim(key: string): Entry | undefined {
    this.requested.push(key);
    const found = this.#answers.get(key);
    if (this.#unclaimed.delete(key)) this.turns.begin();
    return found;
  }

  opened(key: string): Extract<Entry, { k: "open" }> | undefined {
    return this.#opened.get(key);
  }

  /** Resolves once the code is live. */
  live(): Promise<void> {
    return new Promise((resolve) => this.#blocked.push(resolve));
  }

  /** Behind a checkpoint names are counted anew. */
  restart(): void {
    this.requested.length = 0;
    this.#counts.clear();
    this.#answers = noAnswers;
    this.#opened = noOpened;
    this.turns.begin();
  }

  /** The code has come to rest behind the answers it got. */
  #look(): void {
    if (this.#isLive || this.#unclaimed.size > 0) return;
    this.#isLive = true;
    const blocked = this.#blocked;
    this.#blocked = [];
    for (const go of blocked) go();
  }
}
