/** An event to be appended. */
export interface NewEvent {
  readonly type: string;
  /** Version of the payload's shape, 1 or more. Default 1. */
  readonly schema?: number | undefined;
  /** Payload as text, usually JSON. */
  readonly data: string;
  /** Causation, correlation, subject … as text. */
  readonly meta?: string | undefined;
}

/** An event as recorded. */
export interface RecordedEvent {
  /** Place in the log's global order: 1, 2, 3 … without gaps. */
  readonly position: number;
  readonly stream: string;
  /** Place in its stream: 1, 2, 3 … without gaps. */
  readonly version: number;
  readonly type: string;
  readonly schema: number;
  readonly data: string;
  readonly meta: string | undefined;
  /** Engine time of the append; does not fall along a log. */
  readonly recordedAtMs: number;
}

/** What an append expects of its stream: an exact version (0 is `new`), that it is new, that it exists, or nothing. */
export type ExpectedVersion = number | "new" | "existing" | "any";

/** Streams are spread over this many slots by the FNV-1a hash of their name; a subscription partition is a set of slots. */
export const streamSlots = 1024;
