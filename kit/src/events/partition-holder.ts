import type { CellKey, Engine } from "../engine/mod.ts";
import type { Feed } from "./feed.ts";

/** The leases of one process on the partitions of one subscription. They spare work; what keeps effects right is the checkpoint's fence. */
export class PartitionHolder {
  readonly #feed: Feed;
  readonly #owner: string;
  readonly #versions = new Map<number, number>();
  #renewing: Promise<unknown> = Promise.resolve();

  constructor(feed: Feed, owner: string) {
    this.#feed = feed;
    this.#owner = owner;
  }

  /** Takes the lease of a partition if nobody has it. */
  async take(partition: number): Promise<boolean> {
    const version = await this.#write(this.#feed.cells.lease(partition), "absent");
    if (version !== undefined) this.#versions.set(partition, version);
    return version !== undefined;
  }

  /** Prolongs every lease that is held. Returns the partitions whose lease somebody else has by now.
   *  A fault of the engine changes nothing: the next renewal may be in time. */
  async renew(): Promise<readonly number[]> {
    const renewals = Promise.allSettled([...this.#versions.keys()].map((partition) => this.#renewOne(partition)));
    this.#renewing = renewals;
    return (await renewals).flatMap((renewal) => (renewal.status === "fulfilled" ? (renewal.value ?? []) : []));
  }

  async release(partition: number): Promise<void> {
    // A renewal under way would leave another version behind than the one known here.
    await this.#renewing;
    const held = this.#versions.get(partition);
    this.#versions.delete(partition);
    if (held === undefined) return;
    // A refusal says that it was not ours any more, which is what was wanted.
    await this.#engine.commit([{ op: "put", cell: this.#feed.cells.lease(partition), expect: held, value: undefined }]);
  }

  /** Says that this process is alive and wants a share. */
  async join(): Promise<void> {
    if (this.#feed.partitions > 1) await this.#write(this.#feed.cells.member(this.#owner), "any");
  }

  /** How many partitions this process may hold: an equal share among the processes that are alive. */
  async share(): Promise<number> {
    const { partitions, cells } = this.#feed;
    if (partitions === 1) return 1;
    let members = 0;
    for await (const _member of this.#engine.scan({ kind: "cells", space: cells.members })) members++;
    return Math.ceil(partitions / Math.max(1, members));
  }

  async leave(): Promise<void> {
    if (this.#feed.partitions === 1) return;
    await this.#engine.commit([
      { op: "put", cell: this.#feed.cells.member(this.#owner), expect: "any", value: undefined },
    ]);
  }

  /** The partition if it is lost. */
  async #renewOne(partition: number): Promise<number | undefined> {
    const held = this.#versions.get(partition);
    if (held === undefined) return undefined;
    const version = await this.#write(this.#feed.cells.lease(partition), held);
    if (version !== undefined) {
      this.#versions.set(partition, version);
      return undefined;
    }
    this.#versions.delete(partition);
    return partition;
  }

  get #engine(): Engine {
    return this.#feed.context.engine;
  }

  async #write(cell: CellKey, expect: number | "absent" | "any"): Promise<number | undefined> {
    const { leaseMs } = this.#feed;
    const result = await this.#engine.commit([{ op: "put", cell, expect, value: this.#owner, expiresInMs: leaseMs }]);
    const outcome = result.committed ? result.outcomes[0] : undefined;
    return outcome?.op === "put" ? outcome.version : undefined;
  }
}
