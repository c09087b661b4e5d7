import { abortable, gate, type Gate } from "../abort/mod.ts";
import type { Timer } from "../clock/mod.ts";
import { DisposedError, type ErrorRecord, errorRecord, UnsupportedError } from "../errors/mod.ts";
import type { Feed } from "./feed.ts";
import { readDefinition } from "./feed-definition.ts";
import { LostError } from "./lost-error.ts";
import { ParkedCells } from "./parked-cells.ts";
import { PartitionHolder } from "./partition-holder.ts";
import { PartitionWorker } from "./partition-worker.ts";
import type { ParkedList, Subscription, SubscriptionStatus } from "./subscription.ts";
import { partitionStatus } from "./subscription-status.ts";

interface Held {
  readonly worker: PartitionWorker;
  readonly ended: Promise<void>;
}

/** Holds this process's share of the partitions, runs a worker for each, and hands them on when it closes. */
export class FeedSubscription implements Subscription {
  readonly name: string;
  readonly parked: ParkedList;
  readonly #feed: Feed;
  readonly #startPosition: number;
  readonly #holder: PartitionHolder;
  readonly #held = new Map<number, Held>();
  readonly #failures = new Map<number, ErrorRecord>();
  /** Failed a moment ago: the next attempt waits for the next tick, and not for the bell that the release of its own lease rings. */
  readonly #resting = new Set<number>();
  readonly #bells: Disposable[];
  readonly #onClose: (() => void) | undefined;
  #progressed: Gate<void> = gate();
  #timer: Timer | undefined;
  #balancing: Promise<void> = Promise.resolve();
  #due: "look" | "try again" | undefined;
  #closing: Promise<void> | undefined;
  #isEnded = false;

  constructor(
    feed: Feed,
    place: { readonly owner: string; readonly startPosition: number; readonly onClose?: () => void },
  ) {
    this.name = feed.name;
    this.#feed = feed;
    this.#startPosition = place.startPosition;
    this.#onClose = place.onClose;
    this.#holder = new PartitionHolder(feed, place.owner);
    this.parked = new ParkedCells(feed);
    const { engine, log } = feed.context;
    this.#bells = [
      engine.bell([`log:${log}`], () => this.#held.forEach(({ worker }) => worker.wakeup.ring())),
      engine.bell([`cells:${feed.cells.parked}`], () => this.#held.forEach(({ worker }) => worker.lookAtParked())),
      engine.bell([`cells:${feed.cells.checkpoints}`], () => this.#progress()),
      engine.bell([`cells:${feed.cells.leases}`], () => this.#acquireIfShort()),
    ];
  }

  /** Takes partitions and begins. */
  async start(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#holder.join();
      await this.#acquire();
    });
    this.#tick();
  }

  async status(): Promise<SubscriptionStatus> {
    const { engine, log } = this.#feed.context;
    const { head } = await engine.read({ log, after: 0, limit: 1 });
    const indexes = Array.from({ length: this.#feed.partitions }, (_, index) => index);
    const statuses = indexes.map((partition) =>
      partitionStatus(this.#feed, {
        partition,
        head,
        worker: this.#held.get(partition)?.worker,
        failure: this.#failures.get(partition),
        startPosition: this.#startPosition,
        isStopped: this.#closing !== undefined,
      }),
    );
    let parkedStreams = 0;
    for await (const _parked of this.parked.list()) parkedStreams++;
    return { name: this.name, head, parkedStreams, partitions: await Promise.all(statuses) };
  }

  async caughtUp(position?: number, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    const { engine, log } = this.#feed.context;
    const target = position ?? (await engine.read({ log, after: 0, limit: 1 })).head;
    for (;;) {
      signal?.throwIfAborted();
      if (this.#closing !== undefined) throw new DisposedError(`subscription "${this.name}"`);
      const progressed = this.#progressed.promise;
      if (await this.#isAt(target)) return;
      // The gate opens at the latest with the next tick, so a checkpoint of another process is seen without its bell too.
      await abortable(progressed, signal);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Leases are renewed until the last event in hand is handled: nobody else may begin with it before. */
  async #close(): Promise<void> {
    for (const bell of this.#bells) bell[Symbol.dispose]();
    this.#progress();
    await this.#balancing;
    const reason = new DisposedError(`subscription "${this.name}"`);
    const ends = await Promise.allSettled([...this.#held.keys()].map((partition) => this.#giveUp(partition, reason)));
    this.#isEnded = true;
    this.#timer?.cancel();
    for (const end of ends) if (end.status === "rejected") throw end.reason;
    await this.#holder.leave();
    this.#onClose?.();
  }

  async #isAt(target: number): Promise<boolean> {
    const indexes = Array.from({ length: this.#feed.partitions }, (_, index) => index);
    const foreign = indexes.filter((index) => !this.#held.has(index));
    if (indexes.some((index) => (this.#held.get(index)?.worker.position ?? target) < target)) return false;
    if (foreign.length === 0) return true;
    const cells = await this.#feed.context.engine.get(foreign.map((index) => this.#feed.cells.checkpoint(index)));
    return cells.every((cell) => Number(cell?.value ?? this.#startPosition) >= target);
  }

  /** Renews beside the balancing, which may have to wait long for the handler of one partition while the leases of the others run. */
  #tick(): void {
    this.#timer = this.#feed.context.engine.clock.setTimer(this.#feed.leaseMs / 3, () => {
      void this.#renew().then(() => {
        this.#progress();
        if (!this.#isEnded) this.#tick();
      });
    });
  }

  async #renew(): Promise<void> {
    for (const partition of await this.#holder.renew())
      // Fenced already, so it has nothing to record; a fault while it ends changes nothing for the others.
      void this.#giveUp(partition, new LostError(`partition ${partition} of "${this.name}"`)).catch(() => undefined);
    if (this.#closing !== undefined) return;
    await this.#holder.join().catch(() => undefined); // the next tick may be in time
    this.#balance("try again");
  }

  /** Writes nothing while there is nothing to take: on some engines every write rings every bell, and two processes would wake each other for ever. */
  #acquireIfShort(): void {
    if (this.#held.size < this.#feed.partitions) this.#balance("look");
  }

  /** At most one balancing waits for its turn, however long the one before it takes. */
  #balance(kind: "look" | "try again"): void {
    const isWaiting = this.#due !== undefined;
    if (this.#due !== "try again") this.#due = kind;
    if (isWaiting) return;
    void this.#inTurn(async () => {
      const due = this.#due;
      this.#due = undefined;
      if (due === "try again") this.#resting.clear();
      // Every renewal of every other process rings: one read says that there is nothing to take.
      else if (!(await this.#holder.isAnyFree(this.#wanted()))) return;
      await this.#acquire();
    });
  }

  #wanted(): readonly number[] {
    const indexes = Array.from({ length: this.#feed.partitions }, (_, index) => index);
    return indexes.filter((index) => !this.#held.has(index) && !this.#resting.has(index));
  }

  /** One piece of work at a time; a fault of the engine is shown in the status and tried again at the next tick. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const run = async (): Promise<void> => (this.#closing === undefined ? work() : undefined);
    this.#balancing = this.#balancing.then(run).catch((error: unknown) => {
      for (let partition = 0; partition < this.#feed.partitions; partition++)
        if (!this.#held.has(partition)) this.#fail(partition, error);
    });
    return this.#balancing;
  }

  /** Gives back what exceeds the share of this process, and takes what is free up to it. */
  async #acquire(): Promise<void> {
    const share = await this.#holder.share();
    for (const partition of [...this.#held.keys()].slice(share))
      await this.#giveUp(partition, new LostError(`partition ${partition} of "${this.name}"`));
    for (let partition = 0; partition < this.#feed.partitions && this.#held.size < share; partition++)
      if (!this.#held.has(partition) && !this.#resting.has(partition) && (await this.#holder.take(partition)))
        await this.#runOrRelease(partition);
  }

  async #runOrRelease(partition: number): Promise<void> {
    try {
      await this.#run(partition);
    } catch (error) {
      await this.#holder.release(partition);
      throw error;
    }
  }

  async #run(partition: number): Promise<void> {
    if ((await readDefinition(this.#feed)) === "retired")
      throw new UnsupportedError("a retired version", this.name, "raise the version");
    const onProgress = (): void => {
      if (this.#failures.size > 0) this.#failures.delete(partition);
      this.#progress();
    };
    const worker = await PartitionWorker.load(this.#feed, {
      partition,
      lease: this.#holder.lease(partition),
      startPosition: this.#startPosition,
      onProgress,
    });
    const ended = worker.run().then(
      () => this.#failures.delete(partition),
      (error: unknown) => {
        // A lost partition is in good hands; any other fault is shown, and the partition tried again at the next tick.
        if (!(error instanceof LostError)) this.#fail(partition, error);
        this.#held.delete(partition);
        return this.#holder.release(partition).catch(() => undefined); // the lease then runs out by itself
      },
    );
    this.#held.set(partition, { worker, ended: ended.then(() => undefined) });
  }

  #fail(partition: number, error: unknown): void {
    this.#failures.set(partition, errorRecord(error));
    this.#resting.add(partition);
  }

  async #giveUp(partition: number, reason: unknown): Promise<void> {
    const held = this.#held.get(partition);
    if (held === undefined) return;
    held.worker.stop(reason);
    await held.ended;
    if (this.#held.get(partition) === held) this.#held.delete(partition);
    await this.#holder.release(partition);
  }

  #progress(): void {
    const progressed = this.#progressed;
    this.#progressed = gate();
    progressed.open();
  }
}
