import type { Clock } from "../clock/mod.ts";
import type { AnyCall, UnavailableError } from "../contract/mod.ts";
import type { Engine } from "../engine/mod.ts";
import type { Random } from "../random/mod.ts";
import type { Expiring } from "../abort/mod.ts";
import type { CommitEnd, CommitWork, HeardSoFar } from "./handler-context.ts";
import type { Implementation } from "./implement.ts";
import type { Log, LogFields } from "./log.ts";
import type { NeedsMaker } from "./needs.ts";

/** A call being handled, as its host counts it. */
export interface Handling extends Expiring {
  /** The handler has ended. Whether somebody still waits for its answer. */
  end(): boolean;
  /** Nobody waits any longer. */
  stop(reason: Error): "stopped" | "too late";
}

/** What the parts of a service see of the host they run in. */
export interface Hosting {
  readonly implementation: Implementation;
  /** `orders@1` */
  readonly id: string;
  readonly engine: Engine;
  readonly own: unknown;
  readonly emit: object;
  readonly enqueue: object;
  readonly needs: NeedsMaker;
  readonly clock: Clock;
  readonly random: Random;
  readonly nextId: () => string;
  /** How long workers wait for the jobs that run when the service closes. */
  readonly graceMs: number;
  readonly commit: (work: CommitWork<unknown>) => Promise<CommitEnd<unknown>>;
  /** Aborted when the service begins to close. */
  readonly closing: AbortSignal;
  /** Why a call cannot be taken now. */
  refusal(operation: string): UnavailableError | undefined;
  begin(handling: Handling): void;
  /** Whether somebody still waits for the answer. */
  end(handling: Handling): boolean;
  /** A caller gave up before the deadline. */
  abandon(handling: Handling, reason: Error): void;
  /** Something runs that has no deadline; {@link Hosting.left} must follow. */
  entered(): void;
  left(): void;
  /** How far the events of a need have been heard. */
  readonly subscriptions: { heard(need: string): Promise<HeardSoFar> };
  /** What every part of the implementation works with, with clients that are part of no call. */
  shared(): object;
  log(facts: LogFields): Log;
  logOf(operation: { readonly id: string }, trace: string | undefined): Log;
}

/** What a call being handled needs to know of its operation. */
export interface OperationFacts {
  /** `orders@1.place` */
  readonly id: string;
  readonly call: AnyCall;
  readonly host: Hosting;
  readonly fail: object;
  /** What the contract makes of a handler's output; throws ValidationError. */
  checked(output: unknown): unknown;
}
