import { type Entry, isAnswer } from "./entry.ts";

const noAnswers: Map<string, Entry> = new Map();
const noOpened: Map<string, Extract<Entry, { k: "open" }>> = new Map();
const noneUnclaimed: Set<string> = new Set(); // never added to

/**
 * The recorded answers of a run, handed out by name. While some have not been asked for, the code repeats its past, and operations
 * without an answer wait; once all are claimed, the code is live. Code that comes to rest before has changed.
 */
export class Replay {
  /** What the code asked for, in order. */
  readonly requested: string[] = [];
  // New runs share these empty ones; whoever fills them has its own.
  #answers: Map<string, Entry> = noAnswers;
  #opened: Map<string, Extract<Entry, { k: "open" }>> = noOpened;
  readonly #unclaimed: Set<string>;
  readonly #counts: Map<string, number> = new Map();
  #blocked: (() => void)[] = [];

  constructor(entries: readonly Entry[]) {
    this.#unclaimed = entries.length === 0 ? noneUnclaimed : new Set();
    if (entries.length === 0) return;
    this.#answers = new Map();
    this.#opened = new Map();
    for (const entry of entries) {
      if (isAnswer(entry)) this.#answers.set(entry.n, entry);
      if (entry.k === "open") this.#opened.set(entry.n, entry);
      if (isAnswer(entry) || entry.k === "open") this.#unclaimed.add(entry.n);
    }
  }

  get isLive(): boolean {
    return this.#unclaimed.size === 0;
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

  /** The recorded answer, if there is one; the last claim lets blocked operations go on. */
  claim(key: string): Entry | undefined {
    this.requested.push(key);
    const found = this.#answers.get(key);
    if (this.#unclaimed.delete(key) && this.#unclaimed.size === 0) this.#goLive();
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
  }

  #goLive(): void {
    const blocked = this.#blocked;
    this.#blocked = [];
    for (const go of blocked) go();
  }
}
