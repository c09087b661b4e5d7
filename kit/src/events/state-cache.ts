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
  /** State at `confirmedVersion`: from here on a look at what is committed costs only the events behind it. */
  confirmedState: unknown;
}

/** Bounded: holds the streams used last, at least half of `streamsMax` and never more. A forgotten or wrong entry costs a read, never a
 *  wrong append. Two generations instead of a queue: moving an entry to the end of a Map at each use leaves holes, and finding the oldest
 *  entry then walks over them (measured: commands 5 times slower once the cache was full). */
export class StateCache {
  readonly #generationMax: number;
  #young = new Map<string, StreamState>();
  #old = new Map<string, StreamState>();

  constructor(streamsMax: number) {
    this.#generationMax = Math.floor(streamsMax / 2);
  }

  /** `owner` is the decider: another definition of the same name has another state. */
  get(stream: string, owner: object): StreamState | undefined {
    const young = this.#young.get(stream);
    if (young !== undefined) return young.owner === owner ? young : undefined;
    const old = this.#old.get(stream);
    if (old === undefined || old.owner !== owner) return undefined;
    this.set(stream, old);
    return old;
  }

  set(stream: string, entry: StreamState): void {
    if (this.#generationMax === 0) return;
    this.#old.delete(stream);
    this.#young.set(stream, entry);
    if (this.#young.size < this.#generationMax) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  /** Forgets the stream; with `entry`, only if that is still the one it knows. */
  drop(stream: string, entry?: StreamState): void {
    if (entry === undefined || this.#young.get(stream) === entry) this.#young.delete(stream);
    if (entry === undefined || this.#old.get(stream) === entry) this.#old.delete(stream);
  }
}
