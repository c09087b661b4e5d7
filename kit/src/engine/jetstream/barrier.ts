import { isLost, streamFacts } from "../../drivers/nats/mod.ts";
import { storageErrorOf } from "./faults.ts";
import type { Replica, ReplicaPlace } from "./replica.ts";

/** What a barrier goes by. */
export interface BarrierPlace extends ReplicaPlace {
  readonly replica: Replica;
  readonly busyMaxMs: number;
}

const pauseMs = 50;

/** Lets readers see everything that was acknowledged, by any process, before they asked: the leader of the stream says how far it goes, and the replica
 *  reads up to there. Readers that ask while one question is under way share the next one. */
export class Barrier {
  readonly #place: BarrierPlace;
  #asking: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(place: BarrierPlace) {
    this.#place = place;
  }

  /** Rejects with StorageError. */
  pass(): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    // One that is under way may have been answered before.
    const after = this.#asking?.catch(() => undefined) ?? new Promise<void>((resolve) => queueMicrotask(resolve));
    this.#next = after.then(() => {
      this.#next = undefined;
      this.#asking = this.#ask().finally(() => (this.#asking = undefined));
      return this.#asking;
    });
    return this.#next;
  }

  async #ask(): Promise<void> {
    const { connection, names, replica, busyMaxMs } = this.#place;
    const untilMs = connection.clock.monotonic() + busyMaxMs;
    for (;;) {
      try {
        const { firstSequence, lastSequence } = await streamFacts(connection, names.commands);
        replica.noticePurge(firstSequence);
        return await replica.until(lastSequence, Math.max(1, untilMs - connection.clock.monotonic()));
      } catch (error) {
        if (replica.fault !== undefined) throw replica.fault;
        if (!isLost(error) || connection.clock.monotonic() > untilMs) throw storageErrorOf(error);
      }
      await connection.clock.sleep(pauseMs);
    }
  }
}
