import type { Append, Change, Committer, Engine, ExpectedVersion } from "../engine/mod.ts";
import type { Begun } from "./begin-stream.ts";
import type { AfterAll, Calls, Execution, ExecuteOptions, ExecutionOfAll, Planned, PlanOptions } from "./command.ts";
import type { AnyDecider, CommandOf, EventOf, StateOf } from "./decider.ts";
import type { DomainEvent, EventMeta, Stored } from "./domain-event.ts";
import type { EventTypes } from "./event-types.ts";
import type { AsOf, Versioned } from "./rehydration.ts";

/** What an append expects, and what goes with it. */
export interface AppendOptions<Event extends DomainEvent = DomainEvent> {
  /** What the stream must be: a version (0 is `new`), `new`, `existing` or `any`. Each is really enforced. */
  readonly expected: ExpectedVersion;
  /** Checks, versions and seals the events. Without it they are stored as they are, at version 1. */
  readonly types?: EventTypes<Event> | undefined;
  /** A repeat with the same id on the same stream appends nothing. */
  readonly commandId?: string | undefined;
  readonly meta?: EventMeta | undefined;
  /** Changes for the same commit. */
  readonly also?: readonly Change[] | undefined;
  readonly in?: Committer | undefined;
}

/** `conflict` is the answer to a wrong `expected`; `repeated`, with the version that the first append led to, that of a command id seen before.
 *  In both cases nothing was written. */
export type Appended =
  | { readonly status: "appended" | "repeated"; readonly version: number }
  | { readonly status: "conflict"; readonly expected: ExpectedVersion; readonly actual: number };

/** Which part of a stream to read. */
export interface ReadStreamOptions<Event extends DomainEvent> {
  /** Without it payloads are handed out as stored, at whatever version they were written. */
  readonly types?: EventTypes<Event> | undefined;
  /** Version to start behind. Default 0. */
  readonly after?: number | undefined;
  /** Last version, or time, to include. */
  readonly upTo?: AsOf | undefined;
}

/** Which part of a log to read. */
export interface ReadAllOptions<Event extends DomainEvent> {
  /** Decodes, and selects the types it lists. */
  readonly types?: EventTypes<Event> | undefined;
  /** Position to start behind. Default 0. */
  readonly after?: number | undefined;
  readonly streamPrefix?: string | undefined;
}

/** Streams of events in one log of an engine. Safe to share by all code of a process and by many processes on one engine. */
export interface EventStore {
  readonly engine: Engine;
  readonly log: string;
  /** Appends all events or none. Faults (`ValidationError`, `EncodeError`, `StorageError`, `RefusedError` for a refusal in `also`) reject. */
  append<Event extends DomainEvent>(
    stream: string,
    events: readonly Event[],
    options: AppendOptions<Event>,
  ): Promise<Appended>;
  /** The append as a change for the caller's own commit. Throws `UnsupportedError` for events with personal fields and with inline projections. */
  change<Event extends DomainEvent>(
    stream: string,
    events: readonly Event[],
    options: Pick<AppendOptions<Event>, "expected" | "types" | "meta">,
  ): Append;
  /** Events of a stream in order of version, in pages as they are asked for. */
  readStream<Event extends DomainEvent>(
    stream: string,
    options?: ReadStreamOptions<Event>,
  ): AsyncIterable<Stored<Event>>;
  /** Events of the log in order of position, up to the head as it was at the start. */
  readAll<Event extends DomainEvent>(options?: ReadAllOptions<Event>): AsyncIterable<Stored<Event>>;
  /** The committed state, now or as of a version or time (of the engine's clock, inclusive). Version 0: nothing was recorded. */
  load<D extends AnyDecider>(decider: D, id: string, asOf?: AsOf): Promise<Versioned<StateOf<D>>>;
  /** Decides and appends in one optimistic step, decided anew when the stream changed meanwhile.
   *  Throws `ConflictError` after `conflictsMax` attempts and `RefusedError` when something in `also` was refused. */
  execute<D extends AnyDecider>(
    ...command: readonly [
      decider: D,
      id: string,
      command: CommandOf<D>,
      options?: ExecuteOptions<readonly EventOf<D>[], StateOf<D>>,
    ]
  ): Promise<Execution<D>>;
  /** Like `execute` for several instances: recorded in one commit, or none when any is rejected. */
  executeAll<const Deciders extends readonly AnyDecider[]>(
    calls: Calls<Deciders>,
    options?: AfterAll<Deciders>,
  ): Promise<ExecutionOfAll<Deciders>>;
  /** Decides without writing: for a commit that has more in it, such as a step of a saga. On a conflict plan anew. */
  plan<const Deciders extends readonly AnyDecider[]>(
    calls: Calls<Deciders>,
    options?: Pick<PlanOptions, "meta">,
  ): Promise<Planned<Deciders>>;
  /** Decides the first command of something new without a look at whether it is there: a stream that exists refuses the commit. As `change`
   *  otherwise. Undefined when the decider refuses its own beginning, or has nothing to say. */
  begin<D extends AnyDecider>(decider: D, id: string, command: CommandOf<D>): Begun | undefined;
  /** Makes the personal fields of a subject unreadable for good, in every process and in every copy of the log: destroys the key, appends
   *  `$erased` to the streams that hold such fields, drops their snapshots and the texts of their parked failures. Views are the projections'
   *  own: inline ones are given `$erased` like every event, others when their types list it. Returns the number of streams. May be repeated. */
  erase(subject: string): Promise<number>;
  /** Replays up to `limit` snapshots (default 1000) of a decider; returns the streams whose copy is wrong, sound when empty. */
  verifySnapshots(decider: AnyDecider, options?: { readonly limit?: number }): Promise<readonly string[]>;
}
