import { type CommitResult, type RecordedEvent, RefusedError } from "../engine/mod.ts";
import { errorRecord, isRetryable } from "../errors/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { Checkpoint } from "./checkpoint.ts";
import { Contention } from "./contention.ts";
import { type PageItem, pageItems } from "./event-page.ts";
import type { Feed, SubscriptionContext } from "./feed.ts";
import { recordable } from "./forget-failures.ts";
import { type ParkedStream, ParkedStreams } from "./parked-streams.ts";
import type { PartitionLease } from "./partition-holder.ts";
import { isPartitionFault, ParkedFullError } from "./partition-fault.ts";
import { redriveStream } from "./redrive.ts";
import { Wakeup } from "./wakeup.ts";

const batches = telemetryChannel("ashlar.events.subscription");
const parkings = telemetryChannel("ashlar.events.parked");

// A slow handler must not repeat a whole batch after a crash.
const checkpointMs = 1_000;

/** Which partition, and what its worker is given. */
export interface PartitionPlace {
  readonly partition: number;
  readonly lease: PartitionLease;
  readonly startPosition: number;
  readonly onProgress: () => void;
}

/** Runs one partition that this process holds: reads, hands over, records how far it came. */
export class PartitionWorker {
  readonly partition: number;
  readonly parked: ParkedStreams;
  readonly wakeup: Wakeup;
  readonly #feed: Feed;
  readonly #abort = new AbortController();
  readonly #onProgress: () => void;
  readonly #checkpoint: Checkpoint;
  readonly #lease: PartitionLease;
  #savedAtMs = 0;
  #parkedChanged = true;
  /** Everything up to here is handled or parked. */
  position: number;
  head = 0;
  state: "catching up" | "live" = "catching up";

  private constructor(
    feed: Feed,
    checkpoint: Checkpoint,
    place: Pick<PartitionPlace, "partition" | "lease" | "onProgress">,
  ) {
    this.#feed = feed;
    this.#lease = place.lease;
    this.#checkpoint = checkpoint;
    this.partition = place.partition;
    this.#onProgress = place.onProgress;
    this.position = checkpoint.savedPosition;
    this.parked = new ParkedStreams(feed.cells, place.partition);
    this.wakeup = new Wakeup(feed.context.engine.clock);
  }

  static async load(feed: Feed, place: PartitionPlace): Promise<PartitionWorker> {
    const checkpoint = await Checkpoint.load(feed, place);
    return new PartitionWorker(feed, checkpoint, place);
  }

  /** Ends at the next event boundary; what is handled by then is recorded. */
  stop(reason: unknown): void {
    this.#abort.abort(reason);
    this.wakeup.ring();
  }

  /** Tells the worker that parked streams may have been changed from outside. */
  lookAtParked(): void {
    this.#parkedChanged = true;
    this.wakeup.ring();
  }

  /** Runs until stopped. Throws {@link LostError} when another process took over, and any fault of the engine. */
  async run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      if (this.#parkedChanged) await this.#redrive();
      const page = await this.#read();
      if (page.events.length > 0) await this.#deliver(page);
      else await this.#rest(page.through);
    }
    await this.#save();
  }

  async #read(): Promise<{ readonly events: readonly RecordedEvent[]; readonly through: number }> {
    const { context, batchMax, types, streamPrefix, partitions } = this.#feed;
    const page = await context.engine.read({
      log: context.log,
      after: this.position,
      limit: batchMax,
      types: types?.names,
      streamPrefix,
      partition: partitions === 1 ? undefined : { index: this.partition, count: partitions },
    });
    this.head = page.head;
    return page;
  }

  /** At the end of the log. Checkpoints over foreign events are not worth a write each, so they wait for a quiet moment. */
  async #rest(through: number): Promise<void> {
    this.#progress(through);
    this.state = "live";
    const ended = await this.wakeup.wait(this.#feed.pollMs);
    if (ended === "timeout") {
      await this.#save();
      this.#parkedChanged = this.parked.size > 0;
    }
  }

  async #deliver(page: { readonly events: readonly RecordedEvent[]; readonly through: number }): Promise<void> {
    const { clock } = this.#feed.context.engine;
    const startedMs = clock.monotonic();
    this.state = page.through < this.head ? "catching up" : "live";
    const items = (await pageItems(this.#feed, page.events)).filter(({ record }) => !this.parked.has(record.stream));
    const isDone = this.#feed.target.granularity === "batch" && (await this.#applyTogether(items, page.through));
    if (!isDone) {
      // What was given up is left to the next holder: nothing behind it may be recorded as done.
      if ((await this.#applyEach(items)) === "aborted") return;
      this.#progress(page.through);
      await this.#save();
    }
    if (batches.active)
      batches.publish({
        subscription: this.#feed.name,
        partition: this.partition,
        events: items.length,
        position: this.position,
        lag: this.head - this.position,
        durationMs: clock.monotonic() - startedMs,
      });
  }

  /** Applies a whole batch in one commit. False: something failed or the partition is given up, and nothing was written; the events are
   *  then tried one by one. */
  async #applyTogether(items: readonly PageItem[], through: number): Promise<boolean> {
    const events = items.flatMap((item) => ("event" in item ? [item.event] : []));
    if (events.length < items.length) return false;
    const contention = new Contention(this.#feed, this.#abort.signal);
    while (!this.#abort.signal.aborted) {
      try {
        const changes = events.length === 0 ? [] : await this.#feed.target.apply(events, this.#contextOf(1, "feed"));
        refuse(await this.#checkpoint.save(through, changes, (list) => this.#feed.target.commit(list, events)));
        this.#progress(through);
        this.#savedAtMs = this.#feed.context.engine.clock.monotonic();
        return true;
      } catch (error) {
        if (isPartitionFault(error)) throw error;
        if (!(await contention.isPassing(error))) return false;
      }
    }
    return false;
  }

  async #applyEach(items: readonly PageItem[]): Promise<"done" | "aborted"> {
    const { clock } = this.#feed.context.engine;
    for (const item of items) {
      if (this.#abort.signal.aborted) return "aborted";
      if (!this.parked.has(item.record.stream) && (await this.#applyOne(item)) === "aborted") return "aborted";
      if (clock.monotonic() - this.#savedAtMs > checkpointMs) await this.#save();
    }
    return "done";
  }

  /** `aborted`: the event is neither handled nor parked. */
  async #applyOne(item: PageItem): Promise<"done" | "aborted"> {
    const { attemptsMax } = this.#feed;
    const { record } = item;
    const contention = new Contention(this.#feed, this.#abort.signal);
    for (let attempt = 1; !this.#abort.signal.aborted;) {
      try {
        await this.#attempt(item, attempt);
        this.#progress(record.position);
        return "done";
      } catch (error) {
        if (isPartitionFault(error)) throw error;
        if (this.#abort.signal.aborted) break;
        if (await contention.isPassing(error)) continue;
        if (attempt >= attemptsMax || !isRetryable(error)) {
          await this.#park(record, { error, attempts: attempt });
          return "done";
        }
      }
      await this.#pause(attempt++);
    }
    return "aborted";
  }

  async #attempt(item: PageItem, attempt: number): Promise<void> {
    if ("fault" in item) throw item.fault;
    await this.#lease.confirm();
    const { target } = this.#feed;
    const changes = await target.apply([item.event], this.#contextOf(attempt, "feed"));
    if (changes.length === 0 && target.granularity === "event") return;
    refuse(await this.#checkpoint.save(item.record.position, changes, (list) => target.commit(list, [item.event])));
    this.#savedAtMs = this.#feed.context.engine.clock.monotonic();
  }

  async #park(
    record: RecordedEvent,
    { error, attempts }: { readonly error: unknown; readonly attempts: number },
  ): Promise<void> {
    const { context, parkedMax, name } = this.#feed;
    if (this.parked.size >= parkedMax)
      throw new ParkedFullError(`subscription "${name}" has ${parkedMax} streams parked`, { cause: error });
    for (let isParked = false; !isParked;) {
      const { failure, guards } = await recordable(context, record, errorRecord(error));
      const parking = this.parked.parking(record, { failure, attempts, nowMs: context.engine.clock.now() });
      const changes = [parking, ...guards];
      const result = await this.#checkpoint.save(record.position, changes, (list) => context.engine.commit(list));
      if (!result.committed && result.index === 0) throw new RefusedError(result.refusal);
      isParked = result.committed;
    }
    this.#progress(record.position);
    await this.parked.load(context.engine);
    if (parkings.active)
      parkings.publish({ subscription: name, stream: record.stream, position: record.position, error });
  }

  async #redrive(): Promise<void> {
    this.#parkedChanged = false;
    await this.#save();
    await this.parked.load(this.#feed.context.engine);
    for (const parked of this.parked.requested()) {
      if (this.#abort.signal.aborted) return;
      await this.#redriveOne(parked);
      await this.parked.load(this.#feed.context.engine);
    }
  }

  #redriveOne(parked: ParkedStream): Promise<void> {
    return redriveStream(this.#feed, parked, {
      through: this.position,
      streams: this.parked,
      lease: this.#lease,
      guard: () => this.#checkpoint.guard(),
      context: this.#contextOf(1, "redrive"),
    });
  }

  async #save(): Promise<void> {
    this.#savedAtMs = this.#feed.context.engine.clock.monotonic();
    if (this.position === this.#checkpoint.savedPosition) return;
    refuse(await this.#checkpoint.save(this.position, [], (list) => this.#feed.context.engine.commit(list)));
  }

  #progress(position: number): void {
    if (position <= this.position) return;
    this.position = position;
    this.#onProgress();
  }

  /** Exponential, and cut short when the partition is given up. */
  async #pause(attempt: number): Promise<void> {
    const { signal } = this.#abort;
    const delayMs = Math.min(this.#feed.retryMs * 2 ** (attempt - 1), this.#feed.leaseMs);
    await this.#feed.context.engine.clock.sleep(delayMs, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  #contextOf(attempt: number, delivery: "feed" | "redrive"): SubscriptionContext {
    const { engine } = this.#feed.context;
    return {
      partition: this.partition,
      attempt,
      delivery,
      signal: this.#abort.signal,
      get: (cells) => engine.get(cells),
    };
  }
}

function refuse(result: CommitResult): void {
  if (!result.committed) throw new RefusedError(result.refusal);
}
