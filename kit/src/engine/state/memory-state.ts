import { indexedHeap, type IndexedHeap } from "../../collections/mod.ts";
import type { Cell } from "../cell.ts";
import { messageNumber } from "../validate-request.ts";
import type { Entry } from "./entry.ts";
import { byExpiry, type Expiry, ExpiringMap, type Shelf } from "./expiring-map.ts";
import type { Load } from "./load.ts";
import { MemoryLog } from "./memory-log.ts";
import { MemoryQueue } from "./memory-queue.ts";
import { SortedNames } from "./sorted-names.ts";

/** The cells of one space. */
export interface MemorySpace {
  readonly cells: ExpiringMap<Cell>;
  readonly names: SortedNames;
}

/** All that an engine holds that keeps its state in memory. Only `apply*.ts`, `claim.ts`, `extend.ts` and maintenance change it, each in one turn. */
export class MemoryState {
  readonly queues: Map<string, MemoryQueue> = new Map();
  readonly logs: Map<string, MemoryLog> = new Map();
  readonly spaces: Map<string, MemorySpace> = new Map();
  readonly expiries: IndexedHeap<Expiry> = indexedHeap(byExpiry);
  readonly load: Load = { bytes: 0 };
  /** Id of the remembered message by queue and dedup key. */
  readonly dedups: Map<string, ExpiringMap<string>> = new Map();
  /** Inbox entries by consumer. */
  readonly inboxes: Map<string, ExpiringMap<true>> = new Map();
  #ids = 0;
  #revision = 0;

  /** The last id and the last revision that were given. */
  get counters(): readonly [ids: number, revision: number] {
    return [this.#ids, this.#revision];
  }

  /** For a state that is put together again from what was written down. */
  setCounters([ids, revision]: readonly [ids: number, revision: number]): void {
    this.#ids = ids;
    this.#revision = revision;
  }

  nextId(): number {
    return ++this.#ids;
  }

  nextRevision(): number {
    return ++this.#revision;
  }

  queue(name: string): MemoryQueue {
    return madeOnce(this.queues, name, () => new MemoryQueue(name, this.load));
  }

  log(name: string): MemoryLog {
    return madeOnce(this.logs, name, () => new MemoryLog());
  }

  space(name: string): MemorySpace {
    return madeOnce(this.spaces, name, () => ({
      cells: new ExpiringMap<Cell>(this.#shelf(({ value }) => value.length)),
      names: new SortedNames(),
    }));
  }

  dedup(queue: string): ExpiringMap<string> {
    return madeOnce(this.dedups, queue, () => new ExpiringMap<string>(this.#shelf((id) => id.length)));
  }

  inbox(consumer: string): ExpiringMap<true> {
    return madeOnce(this.inboxes, consumer, () => new ExpiringMap<true>(this.#shelf(() => 0)));
  }

  /** The message with that id, when it is in that queue. */
  entry(queue: string, id: string): Entry | undefined {
    const number = messageNumber(id);
    return number === undefined ? undefined : this.queues.get(queue)?.entries.get(number);
  }

  #shelf<V>(weigh: (value: V) => number): Shelf<V> {
    return { expiries: this.expiries, load: this.load, weigh };
  }
}

function madeOnce<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
