import type { DomainEvent } from "./domain-event.ts";

/** What one call of a plan comes to. */
export interface PlannedResult {
  readonly stream: string;
  readonly version: number;
  readonly events: readonly DomainEvent[];
  readonly state: unknown;
}
