import { type Change, type Check, type RecordedEvent, RefusedError } from "../engine/mod.ts";
import { errorRecord } from "../errors/mod.ts";
import { Contention } from "./contention.ts";
import type { Stored } from "./domain-event.ts";
import { type PageItem, pageItems } from "./event-page.ts";
import type { Feed, SubscriptionContext } from "./feed.ts";
import { recordable } from "./forget-failures.ts";
import { LostError } from "./lost-error.ts";
import type { PartitionLease } from "./partition-holder.ts";
import { isPartitionFault } from "./partition-fault.ts";
import type { ParkedRecord, ParkedStream, ParkedStreams } from "./parked-streams.ts";

/** What a redrive needs of the partition that runs it. */
export interface RedriveRequest {
  /** The feed has passed this position: later events come by the feed once the stream is released. */
  readonly through: number;
  readonly streams: ParkedStreams;
  readonly lease: PartitionLease;
  /** Fence against another process that took the partition over. */
  guard(): Check;
  readonly context: SubscriptionContext;
}

const pageEvents = 256;

/** Handles the events that a parked stream missed, in their order, recording each; at the end the stream rejoins the feed.
 *  The first failure parks it again at that event. */
export async function redriveStream(feed: Feed, parked: ParkedStream, request: RedriveRequest): Promise<void> {
  const { log, engine } = feed.context;
  const redrive = new Redrive(feed, parked, request);
  if (parked.record.redrive === "skip first" && (await redrive.moveTo(parked.record.version + 1)) === "moved") return;
  for (;;) {
    const after = redrive.version - 1;
    const page = await engine.stream({ log, stream: parked.stream, after, limit: pageEvents });
    const due = page.filter(({ position }) => position <= request.through);
    const wanted = due.filter(({ type }) => feed.types === undefined || feed.types.names.includes(type));
    for (const item of await pageItems(feed, wanted)) {
      if (request.context.signal.aborted) return;
      if ((await redrive.apply(item)) !== "recorded") return;
    }
    const isEnd = due.length < pageEvents;
    if ((await (isEnd ? redrive.release() : redrive.moveTo(after + due.length + 1))) === "moved" || isEnd) return;
  }
}

/** `moved`: somebody else wrote the record of the parked stream, a wish for example; it has to be looked at anew. */
type Recorded = "recorded" | "moved";

class Redrive {
  readonly #feed: Feed;
  readonly #request: RedriveRequest;
  #parked: ParkedStream;

  constructor(feed: Feed, parked: ParkedStream, request: RedriveRequest) {
    this.#feed = feed;
    this.#request = request;
    this.#parked = parked;
  }

  get version(): number {
    return this.#parked.record.version;
  }

  moveTo(version: number): Promise<Recorded> {
    return this.#record({ ...this.#parked.record, version, redrive: "requested" }, nothing);
  }

  release(): Promise<Recorded> {
    return this.#record(undefined, nothing);
  }

  async apply(item: PageItem): Promise<Recorded | "failed"> {
    const { record } = item;
    const { context } = this.#request;
    const contention = new Contention(this.#feed, context.signal);
    while (!context.signal.aborted) {
      try {
        if ("fault" in item) throw item.fault;
        await this.#request.lease.confirm();
        const changes = await this.#feed.target.apply([item.event], context);
        const next: ParkedRecord = { ...this.#parked.record, version: record.version + 1, redrive: "requested" };
        return await this.#record(next, { changes, events: [item.event] });
      } catch (error) {
        if (isPartitionFault(error)) throw error;
        if (context.signal.aborted) break;
        if (await contention.isPassing(error)) continue;
        return (await this.#parkAgain(record, error)) === "moved" ? "moved" : "failed";
      }
    }
    return "failed";
  }

  async #parkAgain(record: RecordedEvent, error: unknown): Promise<Recorded> {
    const { version, position } = record;
    const attempts = this.#parked.record.attempts + 1;
    for (;;) {
      const { failure, guards } = await recordable(this.#feed.context, record, errorRecord(error));
      const next: ParkedRecord = {
        ...this.#parked.record,
        version,
        position,
        attempts,
        failure,
        redrive: "waiting",
      };
      try {
        return await this.#record(next, { changes: guards, events: [] });
      } catch (refusal) {
        // Only the guards can refuse like this: a subject was erased meanwhile.
        if (!(refusal instanceof RefusedError)) throw refusal;
      }
    }
  }

  async #record(next: ParkedRecord | undefined, { changes, events }: Done): Promise<Recorded> {
    const { target } = this.#feed;
    const list = [...changes, this.#request.streams.progress(this.#parked, next), this.#request.guard()];
    const result = await target.commit(list, events);
    if (!result.committed) {
      if (result.index > changes.length) throw new LostError(this.#parked.stream);
      if (result.index === changes.length) return "moved";
      throw new RefusedError(result.refusal);
    }
    const outcome = result.outcomes[changes.length];
    if (next !== undefined && outcome?.op === "put")
      this.#parked = { ...this.#parked, cellVersion: outcome.version, record: next };
    return "recorded";
  }
}

interface Done {
  readonly changes: readonly Change[];
  readonly events: readonly Stored[];
}

const nothing: Done = { changes: [], events: [] };
