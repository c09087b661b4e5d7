import type { BellTopic } from "./engine.ts";

/** What the open transaction has touched, for the bells. A change mostly touches what the one before it has: then nothing is put together. */
export class Topics {
  readonly #all = new Set<BellTopic>();
  #lastSpace: string | undefined;
  #lastQueue: string | undefined;
  #lastLog: string | undefined;

  get all(): ReadonlySet<BellTopic> {
    return this.#all;
  }

  addSpace(name: string): void {
    if (name === this.#lastSpace) return;
    this.#lastSpace = name;
    this.#all.add(`cells:${name}`);
  }

  addQueue(name: string): void {
    if (name === this.#lastQueue) return;
    this.#lastQueue = name;
    this.#all.add(`queue:${name}`);
  }

  addLog(name: string): void {
    if (name === this.#lastLog) return;
    this.#lastLog = name;
    this.#all.add(`log:${name}`);
  }

  clear(): void {
    this.#all.clear();
    this.#lastSpace = undefined;
    this.#lastQueue = undefined;
    this.#lastLog = undefined;
  }
}
