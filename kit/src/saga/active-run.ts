import type { Receipt } from "../engine/mod.ts";
import type { Random } from "../random/mod.ts";
import type { AnySaga, RaceWinner, UndoOptions } from "./context.ts";
import type { FencedWriter } from "./fenced-writer.ts";
import type { StopRecord } from "./entry.ts";
import type { Ending, Host } from "./host.ts";
import type { Journal } from "./journal.ts";
import type { Mailbox } from "./mailbox.ts";
import type { Problem, RunFailure } from "./outcome.ts";
import type { Replay } from "./replay.ts";
import type { WaitSpec } from "./wait-spec.ts";

/** What steps, waits and endings see of the execution they belong to. */
export interface ActiveRun {
  readonly host: Host;
  readonly definition: AnySaga;
  readonly journal: Journal;
  readonly writer: FencedWriter;
  readonly replay: Replay;
  readonly waits: WaitBoard;
  readonly random: Random;
  readonly receipt: Receipt;
  readonly id: string;
  /** `<saga>/<run>`. */
  readonly key: string;
  /** Compensations known so far, by name of the operation. */
  readonly undos: Map<string, UndoOptions<never>>;
  readonly phase: "forward" | "undoing" | "ended";
  readonly isDraining: boolean;
  /** Whether the caller is the only operation in progress. */
  readonly isAlone: boolean;
  readonly stopRecord: StopRecord | undefined;
  /** Aborts when this executor must not go on. */
  readonly signal: AbortSignal;
  /** Aborts when the run is asked to cancel. */
  readonly cancelled: AbortSignal;
  mailbox: Mailbox;
  nowMs(): number;
  /** Undefined while nobody else can hold the run. Else resolves once its lease is renewed, or this execution has ended: an effect that is
   *  recorded elsewhere by now must not begin here. */
  confirmLease(): Promise<void> | undefined;
  /** Admits an operation of the code; undefined when it may start now. Those that may never start wait for ever. `step`: the name of one
   *  that has effects elsewhere. */
  enter(step?: string): Promise<void> | undefined;
  /** Admits an operation again that has paused. */
  resume(name: string): "admitted" | "refused";
  /** An admitted operation is over, or pauses; with its name, a step is over. */
  leave(step?: string): void;
  /** Behind a checkpoint the run begins anew: names, chance and compensations. */
  restart(): void;
  /** Leaves an operation that must not go on. */
  abandon(): Promise<never>;
  /** Something may have come to rest. */
  touch(): void;
  /** Decides that the run fails; the first decision counts. */
  fail(failure: RunFailure): void;
  /** Decides that a person must look. */
  stuck(problem: Problem): void;
  /** Ends an operation whose own write failed: what cannot be recorded is for a person to resolve. */
  unrecordable(step: string, error: unknown): Promise<never>;
  /** Acts on the mailbox, which was looked at again. */
  mailArrived(mailbox: Mailbox): void;
  end(ending: Ending): void;
}

/** The waits of an execution. */
export interface WaitBoard {
  readonly size: number;
  readonly isLong: boolean;
  earliestDueMs(): number | undefined;
  wait<T>(spec: WaitSpec<T>): Promise<T>;
  race<Branches extends Readonly<Record<string, Promise<unknown>>>>(
    branches: Branches,
    name?: string,
  ): Promise<RaceWinner<Branches>>;
  /** Leaves the execution until `dueAtMs` (`undefined`: until the run is woken and claimed again), and enters it again. */
  pause(name: string, dueAtMs: number | undefined): Promise<void>;
  evaluate(): void;
  clear(): void;
  lookAtChildren(): Promise<void>;
}
