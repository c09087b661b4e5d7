import type { Clock } from "../../clock/mod.ts";
import type { LeaseRequest, SharedRead } from "../shared-tier.ts";

/** Reads keys in one script. */
export type ReadKeys = (keys: readonly string[], lease: LeaseRequest | undefined) => Promise<readonly SharedRead[]>;

interface Waiting {
  readonly keys: readonly string[];
  readonly resolve: (reads: readonly SharedRead[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Together {
  readonly lease: LeaseRequest | undefined;
  readonly waiting: Waiting[];
}

// Keys that a script is told of at once: each is some microseconds of the server's only thread.
const keysMax = 256;

/** The reads of one turn of the event loop, those with equal leases in one script. How many there may be is for who asks to bound. */
export class TurnReads {
  readonly #readKeys: ReadKeys;
  readonly #clock: Pick<Clock, "nextTurn">;
  readonly #together = new Map<string, Together>();

  constructor(readKeys: ReadKeys, clock: Pick<Clock, "nextTurn">) {
    this.#readKeys = readKeys;
    this.#clock = clock;
  }

  read(keys: readonly string[], lease: LeaseRequest | undefined): Promise<readonly SharedRead[]> {
    if (keys.length === 0) return Promise.resolve([]);
    if (this.#together.size === 0) this.#clock.nextTurn(() => this.#flush());
    const name = lease === undefined ? "" : `${lease.forMs} ${lease.of}`;
    let together = this.#together.get(name);
    if (together === undefined) this.#together.set(name, (together = { lease, waiting: [] }));
    const { waiting } = together;
    return new Promise((resolve, reject) => void waiting.push({ keys, resolve, reject }));
  }

  #flush(): void {
    const all = [...this.#together.values()];
    this.#together.clear();
    for (const { lease, waiting } of all) void this.#send(waiting, lease);
  }

  async #send(waiting: readonly Waiting[], lease: LeaseRequest | undefined): Promise<void> {
    const keys = waiting.flatMap((each) => each.keys);
    const parts: Promise<readonly SharedRead[]>[] = [];
    for (let from = 0; from < keys.length; from += keysMax)
      parts.push(this.#readKeys(keys.slice(from, from + keysMax), lease));
    try {
      const reads = (await Promise.all(parts)).flat();
      let from = 0;
      for (const { keys: own, resolve } of waiting) resolve(reads.slice(from, (from += own.length)));
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }
}
