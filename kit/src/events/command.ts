import type { Change, CommitResult, Committer } from "../engine/mod.ts";
import type { AnyDecider, CommandOf, EventOf, RejectionOf, StateOf } from "./decider.ts";
import type { EventMeta } from "./domain-event.ts";

/** One command for one instance of a decider. */
export interface Call<D extends AnyDecider> {
  readonly decider: D;
  readonly id: string;
  readonly command: CommandOf<D>;
}

/** Calls of several deciders, each checked against its own. */
export type Calls<Deciders extends readonly AnyDecider[]> = { readonly [K in keyof Deciders]: Call<Deciders[K]> };

/** What goes with a command besides its content. */
export interface PlanOptions {
  /** A repeat with the same id changes nothing and reports `repeated`. Remembered for the store's `commandsKeptMs`. */
  readonly commandId?: string | undefined;
  readonly meta?: EventMeta | undefined;
}

/** What goes with an execution; `Events` and `State` are what `also` is given. */
export interface ExecuteOptions<Events, State> extends PlanOptions {
  /** Changes for the same commit (outbox, cells), from what was decided. Runs again after a conflict. */
  readonly also?: ((events: Events, state: State) => readonly Change[]) | undefined;
  /** A transaction to commit in. States that it changes are visible to later calls with the same one only. */
  readonly in?: Committer | undefined;
}

/** What an accepted command led to; `events` may be empty. */
export interface Accepted<Event> {
  readonly version: number;
  readonly events: readonly Event[];
}

/** `repeated`: the command was executed before; version and events are those of the first time, as far as they are in the stream. */
export type Execution<D extends AnyDecider> =
  | ({ readonly status: "accepted" | "repeated" } & Accepted<EventOf<D>>)
  | { readonly status: "rejected"; readonly rejection: RejectionOf<D> };

/** At the index of its call. */
export type Results<Deciders extends readonly AnyDecider[]> = {
  readonly [K in keyof Deciders]: Accepted<EventOf<Deciders[K]>>;
};

/** All calls that were rejected; of several on one stream, the first. */
export interface Rejections<Deciders extends readonly AnyDecider[]> {
  readonly status: "rejected";
  readonly rejections: readonly { readonly index: number; readonly rejection: RejectionOf<Deciders[number]> }[];
}

/** All calls were recorded in one commit, or none. After a repeat each call reports all events that the command left in its stream. */
export type ExecutionOfAll<Deciders extends readonly AnyDecider[]> =
  | { readonly status: "accepted" | "repeated"; readonly results: Results<Deciders> }
  | Rejections<Deciders>;

/** Decisions that wait for a commit of the caller's own. */
export type Planned<Deciders extends readonly AnyDecider[]> =
  | {
      readonly status: "accepted";
      /** To be committed as one list, alone or with others; soon, because later commands already build on them. */
      readonly changes: readonly Change[];
      readonly results: Results<Deciders>;
      /** Tell the store how the commit ended, once that is final (inside a transaction: after the transaction). Without it nothing
       *  breaks: a wrong guess costs the next command one more read. */
      committed(result: Pick<CommitResult, "committed">): void;
    }
  | Rejections<Deciders>;

/** Options of `executeAll`: `also` gets the events and the states at the index of their call. */
export type AfterAll<Deciders extends readonly AnyDecider[]> = ExecuteOptions<
  { readonly [K in keyof Deciders]: readonly EventOf<Deciders[K]>[] },
  { readonly [K in keyof Deciders]: StateOf<Deciders[K]> }
>;
