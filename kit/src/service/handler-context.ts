import type { Clock } from "../clock/mod.ts";
import type {
  AnyContract,
  AnyFailures,
  Caller,
  CallInput,
  Client,
  ContractQueue,
  DeclaredError,
  Event,
  HandlerInput,
  HandlerOutput,
} from "../contract/mod.ts";
import type { Append, Change, Engine, Refusal, Transaction, TransactionalEngine } from "../engine/mod.ts";
import type { Random } from "../random/mod.ts";
import type { InferInput, InferOutput, StandardSchema } from "../schema/mod.ts";
import type { Log } from "./log.ts";

/** The contracts that an implementation calls, by the name under which it has them. */
export type Needs = Readonly<Record<string, AnyContract>>;

/** The needed contracts as clients. Calls made with them inherit deadline, cancellation, caller and trace of the call being handled. */
export type NeedClients<N extends Needs> = { readonly [K in keyof N]: Client<N[K]> };

/** For each event of the contract, the change that appends it to the service's log: part of any commit on its engine. */
export type Emit<E extends Readonly<Record<string, Event>>> = {
  readonly [K in keyof E]: (data: InferInput<E[K]["data"]>) => Append;
};

/** For each queue of the contract, the change that adds a job: part of any commit on the service's engine. */
export type Enqueues<Q extends Readonly<Record<string, ContractQueue>>> = {
  readonly [K in keyof Q]: (input: CallInput<Q[K]>, options?: { readonly dedup?: string }) => Change;
};

/** What every part of an implementation works with. */
export interface ServiceContext<C extends AnyContract, N extends Needs, T extends Engine> {
  readonly needs: NeedClients<N>;
  /** The engine that the implementation names; throws {@link ConfigError} when it names none. */
  readonly engine: T;
  readonly emit: Emit<C["events"]>;
  readonly enqueue: Enqueues<C["queues"]>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** How far this service has heard the events of a need that it subscribes to. */
  readonly heard: (need: keyof N & string) => Promise<HeardSoFar>;
}

/** How far a subscription is: everything up to `through` has been taken in, and so many of it have not been handled yet. */
export interface HeardSoFar {
  readonly through: number;
  readonly waiting: number;
  readonly dead: number;
}

/** While the service opens. */
export interface OpenContext<C extends AnyContract, N extends Needs, T extends Engine> extends ServiceContext<C, N, T> {
  /** Closed when the service closes, in reverse order, after the last call has ended. */
  readonly resources: AsyncDisposableStack;
  /** Aborted when the service begins to close: whoever waits inside gives up. */
  readonly closing: AbortSignal;
}

/** What a handler is given, whatever it handles. */
export interface HandlerContext<C extends AnyContract, N extends Needs, T extends Engine, Own> extends ServiceContext<
  C,
  N,
  T
> {
  /** What `open` made. */
  readonly own: Own;
  /** Aborted at the deadline, when the caller gives up, and when the service is stopped for good. */
  readonly signal: AbortSignal;
}

/** The argument of a call's handler. */
export interface CallContext<
  C extends AnyContract,
  K extends CallShape,
  N extends Needs,
  T extends Engine,
  Own,
> extends HandlerContext<C, N, T, Own> {
  readonly input: HandlerInput<K>;
  readonly fail: Fail<K["errors"]>;
  /** Time left, in milliseconds. */
  readonly remainingMs: number;
  readonly caller: Caller | undefined;
  /** The idempotency key; always there for keyed calls. */
  readonly key: string | undefined;
  /** Commits `changes` on the service's engine, for keyed calls together with the answer, so that a repeat gets it whatever dies.
   *  A refusal of the engine is a value. */
  readonly commit: (work: CommitWork<HandlerOutput<K>>) => Promise<CommitEnd<HandlerOutput<K>>>;
}

/** An answer and the changes that make it true. */
export interface CommitWork<R> {
  readonly output: R;
  readonly changes: readonly Change[];
}

/** Committed with its answer, or refused by the engine and not applied. */
export type CommitEnd<R> =
  | { readonly committed: true; readonly output: R }
  | { readonly committed: false; readonly refusal: Refusal };

/** The argument of a stream's handler. */
export interface StreamContext<
  C extends AnyContract,
  K extends CallShape,
  N extends Needs,
  T extends Engine,
  Own,
> extends HandlerContext<C, N, T, Own> {
  readonly input: HandlerInput<K>;
  readonly fail: Fail<K["errors"]>;
  readonly caller: Caller | undefined;
}

/** The argument of a queue's handler. */
export interface JobContext<
  C extends AnyContract,
  Q extends { readonly input: StandardSchema },
  N extends Needs,
  T extends Engine,
  Own,
> extends HandlerContext<C, N, T, Own> {
  readonly input: InferOutput<Q["input"]>;
  readonly id: string;
  readonly attempt: number;
  /** Adds changes to the commit that ends the job when the handler returns: effects once. They are dropped when it throws. */
  readonly also: (...changes: readonly Change[]) => void;
  /** Runs the service's own SQL and ends the job in one transaction: effects once. Throws UnsupportedError on engines without SQL. */
  readonly tx: <R>(work: (transaction: Transaction<SqlOf<T>>) => R | Promise<R>) => Promise<R>;
}

/** The argument of a subscription's handler. */
export interface EventContext<
  C extends AnyContract,
  E extends { readonly data: StandardSchema },
  N extends Needs,
  T extends Engine,
  Own,
> extends HandlerContext<C, N, T, Own> {
  readonly data: InferOutput<E["data"]>;
  /** Unique and stable: `orders@1/17`. */
  readonly id: string;
  readonly recordedAtMs: number;
  readonly attempt: number;
  /** Adds changes to the commit that ends the event when the handler returns: effects once. They are dropped when it throws. */
  readonly also: (...changes: readonly Change[]) => void;
  /** Runs the service's own SQL and ends the event in one transaction: effects once. Throws UnsupportedError on engines without SQL. */
  readonly tx: <R>(work: (transaction: Transaction<SqlOf<T>>) => R | Promise<R>) => Promise<R>;
}

/** The statements of an engine with SQL. */
export type SqlOf<T extends Engine> = T extends TransactionalEngine<infer Sql> ? Sql : never;

/** Makes the declared errors of an operation, to be thrown. */
export type Fail<E extends AnyFailures> = {
  readonly [K in keyof E]: (data: InferInput<E[K]["data"]>) => DeclaredError;
};

/** What of a call or stream the types of a handler depend on. */
export interface CallShape {
  readonly input: StandardSchema;
  readonly output: StandardSchema;
  readonly errors: AnyFailures;
}
