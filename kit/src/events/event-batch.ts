import type { Change, NewEvent } from "../engine/mod.ts";
import type { DomainEvent } from "./domain-event.ts";
import type { EventTypes } from "./event-types.ts";

/** Events for one stream. Without `types` they are stored as they are, at version 1. */
export interface Batch {
  readonly stream: string;
  readonly types: EventTypes<DomainEvent> | undefined;
  readonly events: readonly DomainEvent[];
}

/** Encoded events at the index of their batch, and the changes that must go with them. */
export interface Encoded {
  readonly events: readonly (readonly NewEvent[])[];
  readonly guards: readonly Change[];
}
