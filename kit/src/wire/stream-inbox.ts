import { WireProtocolError } from "./errors.ts";

/** What an inbox tells its connection. */
export interface StreamInboxEnds {
  /** So many items more may be sent. */
  readonly more: (credit: number) => void;
  readonly left: (state: "over" | "given up") => void;
}

const windowItems = 64;
const askAgainAt = windowItems / 2;

/**
 * The items of a stream that have arrived and were not taken yet: never more than a window of 64, because the server sends only what it has
 * credit for. Iterated once.
 */
export class StreamInbox implements AsyncIterable<unknown> {
  readonly window: number = windowItems;
  readonly #ends: StreamInboxEnds;
  readonly #items: unknown[] = [];
  #taken = 0;
  #credit = windowItems;
  #end: { readonly error: Error | undefined } | undefined;
  #wake: (() => void) | undefined;

  constructor(ends: StreamInboxEnds) {
    this.#ends = ends;
  }

  /** Throws {@link WireProtocolError} for more than there was room for. */
  push(item: unknown): void {
    if (--this.#credit < 0) throw new WireProtocolError("more items than there was credit for");
    this.#items.push(item);
    this.#wake?.();
  }

  over(): void {
    this.#finish(undefined, "over");
  }

  failed(error: Error): void {
    this.#finish(error, "over");
  }

  giveUp(reason: Error): void {
    this.#items.length = 0;
    this.#finish(reason, "given up");
  }

  async *[Symbol.asyncIterator](): AsyncGenerator {
    try {
      while (true) {
        while (this.#items.length > 0) {
          yield this.#items.shift();
          this.#took();
        }
        if (this.#end !== undefined) break;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
      if (this.#end.error !== undefined) throw this.#end.error;
    } finally {
      this.#finish(undefined, "given up");
    }
  }

  #took(): void {
    if (++this.#taken < askAgainAt || this.#end !== undefined) return;
    this.#credit += this.#taken;
    this.#ends.more(this.#taken);
    this.#taken = 0;
  }

  #finish(error: Error | undefined, state: "over" | "given up"): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#ends.left(state);
    this.#wake?.();
  }
}
