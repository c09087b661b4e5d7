/**
 * The state of one stream as this process believes it to be. `version` may run ahead of `confirmedVersion` by events that are
 * planned and not yet committed: commands in flight build on each other, so that a hot stream takes many in one transaction.
 * If one of them fails, the ones built on it meet a version conflict, and the whole entry is forgotten.
 */
export interface StreamState {
  readonly owner: object;
  version: number;
  state: unknown;
  confirmedVersion: number;
}

/** Bounded: the stream unused for longest goes first. A forgotten or wrong entry costs a read, never a wrong append. */
export class StateCache {
  readonly #entries = new Map<string, StreamState>();
  readonly #streamsMax: number;

  constructor(streamsMax: number) {
    this.#streamsMax = streamsMax;
  }

  /** `owner` is the decider: another definition of the same name has another state. */
  get(stream: string, owner: object): StreamState | undefined {
    const entry = this.#entries.get(stream);
    if (entry === undefined || entry.owner !== owner) return undefined;
    this.#entries.delete(stream);
    this.#entries.set(stream, entry);
    return entry;
  }

  set(stream: string, entry: StreamState): void {
    this.#entries.delete(stream);
    this.#entries.set(stream, entry);
    if (this.#entries.size <= this.#streamsMax) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      break;
    }
  }

  /** Forgets the stream; with `entry`, only if that is still the one it knows. */
  drop(stream: string, entry?: StreamState): void {
    if (entry === undefined || this.#entries.get(stream) === entry) this.#entries.delete(stream);
  }

  clear(): void {
    this.#entries.clear();
  }
}
