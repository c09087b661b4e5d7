import type { ErrorRecord } from "../errors/mod.ts";

/** What one partition is doing, and why. `elsewhere`: another process holds it, or nobody yet. `failed`: it will be tried again. */
export interface PartitionStatus {
  readonly partition: number;
  readonly state: "catching up" | "live" | "elsewhere" | "failed" | "stopped";
  /** Everything up to here is handled or parked. */
  readonly position: number;
  /** Positions between here and the head of the log; exact, because positions have no gaps. */
  readonly lagEvents: number;
  /** Age of the first event that waits here; 0 when none does. */
  readonly lagMs: number;
  readonly failure: ErrorRecord | undefined;
}

/** A subscription as health checks see it: all partitions, whichever process holds them. */
export interface SubscriptionStatus {
  readonly name: string;
  /** Last position of the log. */
  readonly head: number;
  readonly parkedStreams: number;
  readonly partitions: readonly PartitionStatus[];
}

/** A stream whose event could not be handled. Its later events wait in the log, in order. */
export interface Parked {
  readonly stream: string;
  readonly partition: number;
  /** The event that failed. */
  readonly version: number;
  readonly position: number;
  readonly attempts: number;
  readonly parkedAtMs: number;
  readonly failure: ErrorRecord;
  readonly redrive: "waiting" | "requested" | "skip first";
}

/** The parked streams of a subscription and the ways to go on with them. */
export interface ParkedList {
  list(): AsyncIterable<Parked>;
  /** Asks the holder of the partition to handle the stream's events again, in order; all parked streams when none is named. Returns how many were asked for. */
  redrive(streams?: readonly string[]): Promise<number>;
  /** Gives up the event that failed and handles the ones behind it. */
  skip(stream: string): Promise<"asked" | "not parked">;
}

/** A running subscription. Disposing finishes the event in hand, records the checkpoint and lets other processes take over at once. */
export interface Subscription extends AsyncDisposable {
  readonly name: string;
  readonly parked: ParkedList;
  /** Reads the engine where it must; for people and health checks, not for every event. */
  status(): Promise<SubscriptionStatus>;
  /** Resolves once all events up to `position` (default: the present head) are handled or parked, by whichever process. */
  caughtUp(position?: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
}
