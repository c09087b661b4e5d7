import type { CellKey, Change, CommitResult } from "../engine/mod.ts";
import type { Cell } from "../engine/mod.ts";
import type { Random } from "../random/mod.ts";
import type { DomainEvent, Stored } from "./domain-event.ts";
import type { EventTypes } from "./event-types.ts";
import type { StoreContext } from "./store-context.ts";
import type { SubscriptionCells } from "./subscription-cells.ts";

/** What a handler is told besides the event. */
export interface SubscriptionContext {
  readonly partition: number;
  /** 1 for the first attempt at this event, or batch, in this process. */
  readonly attempt: number;
  /** `redrive`: the events of a parked stream are handled again, beside the feed. */
  readonly delivery: "feed" | "redrive";
  /** Aborts when the partition is given up: the subscription closes, or another process took over. */
  readonly signal: AbortSignal;
  /** Committed cells, `undefined` where absent: for changes that build on earlier ones. */
  readonly get: (cells: readonly CellKey[]) => Promise<readonly (Cell | undefined)[]>;
}

/** The part that differs between a handler of single events and a projection. */
export interface FeedTarget {
  /** `batch`: events that come together are applied together, and only after a failure one by one. */
  readonly granularity: "event" | "batch";
  /** Handles events; what it returns is committed with the checkpoint. */
  apply(events: readonly Stored[], context: SubscriptionContext): Promise<readonly Change[]>;
  /** Commits changes and, where the target has statements, those of the events in the same transaction. */
  commit(changes: readonly Change[], events: readonly Stored[]): Promise<CommitResult>;
}

/** Everything a partition needs to run; options with their defaults resolved. */
export interface Feed {
  readonly name: string;
  readonly context: StoreContext;
  readonly cells: SubscriptionCells;
  readonly target: FeedTarget;
  readonly types: EventTypes<DomainEvent> | undefined;
  readonly streamPrefix: string | undefined;
  readonly partitions: number;
  readonly batchMax: number;
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly attemptsMax: number;
  readonly retryMs: number;
  readonly parkedMax: number;
  /** Spreads the pauses of partitions that write the same rows. */
  readonly random: Random;
}
