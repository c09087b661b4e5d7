import type { Endpoint } from "./endpoint.ts";
import type { NotPickedReason } from "./group.ts";
import type { Outcome } from "./latency.ts";
import type { Slot } from "./slot.ts";

/** A request that goes to an endpoint, and that must be told as ended, once. */
export interface Picked extends Disposable {
  readonly kind: "picked";
  readonly endpoint: Endpoint;
  /** Tells how the call ended; its time is that since the pick. Later calls do nothing. `nowMs` is a reading of the balancer's
   *  `clock.monotonic()` that the caller has taken anyway. */
  done(outcome: Outcome, nowMs?: number): void;
  /** `done("cancelled")` unless it is done: with `using`, no path leaves a request in flight for ever. */
  [Symbol.dispose](): void;
}

/** Nobody was picked. */
export interface NotPicked extends Disposable {
  readonly kind: "none";
  readonly reason: NotPickedReason;
  /** Does nothing, so that the answer of a pick can be held with `using` before it is looked at. */
  [Symbol.dispose](): void;
}

/** Where a pick tells its end. */
export interface PickEnd {
  end(pick: OpenPick, outcome: Outcome, nowMs: number | undefined): void;
}

/** A pick in flight. It belongs to the slot it began on, whatever becomes of the set. */
export class OpenPick implements Picked {
  readonly kind = "picked";
  readonly slot: Slot;
  readonly startedAtMs: number;
  #end: PickEnd | undefined;

  constructor(slot: Slot, startedAtMs: number, end: PickEnd) {
    this.slot = slot;
    this.startedAtMs = startedAtMs;
    this.#end = end;
  }

  get endpoint(): Endpoint {
    return this.slot.endpoint;
  }

  done(outcome: Outcome, nowMs?: number): void {
    const end = this.#end;
    this.#end = undefined;
    end?.end(this, outcome, nowMs);
  }

  [Symbol.dispose](): void {
    this.done("cancelled");
  }
}

const reasons: readonly NotPickedReason[] = ["no-endpoint", "all-down", "draining", "excluded", "unknown-subset"];
const refusals: ReadonlyMap<NotPickedReason, NotPicked> = new Map(
  reasons.map((reason) => [reason, { kind: "none", reason, [Symbol.dispose]: () => undefined }]),
);

/** The refusal for a reason; always the same value. */
export function notPicked(reason: NotPickedReason): NotPicked {
  return refusals.get(reason) as NotPicked;
}
