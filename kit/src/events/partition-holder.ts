import type { CellKey, Engine } from "../engine/mod.ts";
import type { Feed } from "./feed.ts";
import { LostError } from "./lost-error.ts";

/** The lease on one partition, as whoever works on it asks. */
export interface PartitionLease {
  /** Undefined while the lease is certain to run. Else resolves once it is renewed; rejects with {@link LostError} when it is not. */
  confirm(): Promise<void> | undefined;
}

/** The leases of one process on the partitions of one subscription. They spare work; what keeps effects right is the checkpoint's fence. */
export class PartitionHolder {
  readonly #feed: Feed;
  readonly #owner: string;
  readonly #versions = new Map<number, number>();
  /** Until when nobody else can have a lease, on the monotonic clock: counted from before it was asked for. */
  readonly #certainUntilMs = new Map<number, number>();
  #renewing: Promise<readonly number[]> | undefined;

  constructor(feed: Feed, owner: string) {
    this.#feed = feed;
    this.#owner = owner;
  }

  /** Takes the lease of a partition if nobody has it. */
  async take(partition: number): Promise<boolean> {
    const askedAtMs = this.#monotonicMs;
    const version = await this.#write(this.#feed.cells.lease(partition), "absent");
    if (version === undefined) return false;
    this.#keep(partition, version, askedAtMs);
    return true;
  }

  /** Whether somebody could take one of these partitions now. */
  async isAnyFree(partitions: readonly number[]): Promise<boolean> {
    if (partitions.length === 0) return false;
    const leases = await this.#engine.get(partitions.map((one) => this.#feed.cells.lease(one)));
    return leases.includes(undefined);
  }

  lease(partition: number): PartitionLease {
    return { confirm: () => (this.#isCertain(partition) ? undefined : this.#confirm(partition)) };
  }

  /** Prolongs every lease that is held. Returns the partitions whose lease somebody else has by now.
   *  A fault of the engine changes nothing: the next renewal may be in time. One renewal at a time: callers share it. */
  renew(): Promise<readonly number[]> {
    this.#renewing ??= this.#renewAll().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async release(partition: number): Promise<void> {
    // A renewal under way would leave another version behind than the one known here.
    await this.#renewing;
    const held = this.#versions.get(partition);
    this.#drop(partition);
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

  async #renewAll(): Promise<readonly number[]> {
    const renewals = await Promise.allSettled([...this.#versions.keys()].map((one) => this.#renewOne(one)));
    return renewals.flatMap((renewal) => (renewal.status === "fulfilled" ? (renewal.value ?? []) : []));
  }

  // A process that stood still, or was long not answered, must not go on before it knows whether another took over meanwhile.
  async #confirm(partition: number): Promise<void> {
    await this.renew();
    if (!this.#isCertain(partition)) throw new LostError(`partition ${partition} of "${this.#feed.name}"`);
  }

  #isCertain(partition: number): boolean {
    return this.#monotonicMs < (this.#certainUntilMs.get(partition) ?? 0);
  }

  #keep(partition: number, version: number, askedAtMs: number): void {
    this.#versions.set(partition, version);
    this.#certainUntilMs.set(partition, askedAtMs + this.#feed.leaseMs);
  }

  #drop(partition: number): void {
    this.#versions.delete(partition);
    this.#certainUntilMs.delete(partition);
  }

  get #monotonicMs(): number {
    return this.#engine.clock.monotonic();
  }

  /** The partition if it is lost. */
  async #renewOne(partition: number): Promise<number | undefined> {
    const held = this.#versions.get(partition);
    if (held === undefined) return undefined;
    const askedAtMs = this.#monotonicMs;
    const version = await this.#write(this.#feed.cells.lease(partition), held);
    if (version !== undefined) {
      this.#keep(partition, version, askedAtMs);
      return undefined;
    }
    this.#drop(partition);
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
