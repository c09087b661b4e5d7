import type { Append, Engine } from "../engine/mod.ts";
import { UnsupportedError } from "../errors/mod.ts";
import { appendEvents } from "./append-events.ts";
import { begun, type Begun } from "./begin-stream.ts";
import type { AfterAll, Calls, Execution, ExecuteOptions, ExecutionOfAll, Planned, PlanOptions } from "./command.ts";
import { type AnyDecider, type CommandOf, type EventOf, type StateOf, streamOf } from "./decider.ts";
import type { DomainEvent, Stored } from "./domain-event.ts";
import { encodeEvent } from "./encode-event.ts";
import { metaText } from "./encode-events.ts";
import type { Appended, AppendOptions, EventStore, ReadAllOptions, ReadStreamOptions } from "./event-store.ts";
import { eraseSubject } from "./erase-subject.ts";
import { executeCalls } from "./execute-calls.ts";
import { planCalls } from "./plan-calls.ts";
import { readCommitted, scopeOf } from "./plan-scope.ts";
import { readAll, readStream } from "./read-events.ts";
import { rehydrate } from "./rehydrate.ts";
import type { AsOf, Versioned } from "./rehydration.ts";
import type { StoreContext } from "./store-context.ts";
import { verifySnapshots } from "./verify-snapshots.ts";

/** The store as callers see it: types are checked here and erased below. */
export class LogStore implements EventStore {
  readonly engine: Engine;
  readonly log: string;
  /** For subscriptions and other parts of this folder. */
  readonly context: StoreContext;

  constructor(context: StoreContext) {
    this.context = context;
    this.engine = context.engine;
    this.log = context.log;
  }

  append<Event extends DomainEvent>(
    stream: string,
    events: readonly Event[],
    options: AppendOptions<Event>,
  ): Promise<Appended> {
    return appendEvents(this.context, { stream, types: options.types, events }, options);
  }

  change<Event extends DomainEvent>(
    stream: string,
    events: readonly Event[],
    options: Pick<AppendOptions<Event>, "expected" | "types" | "meta">,
  ): Append {
    const { types, meta, expected } = options;
    if (types !== undefined && events.some((event) => types.personalOf(event.type).length > 0))
      throw new UnsupportedError("personal fields", "change()", "use append or plan, which seal them");
    if (this.context.inline.length > 0)
      throw new UnsupportedError("inline projections", "change()", "use append or plan");
    this.#refuseSqlInline("change()");
    const text = metaText(meta, undefined);
    return {
      op: "append",
      log: this.log,
      stream,
      expected,
      events: events.map((event) => encodeEvent(types, event, text)),
    };
  }

  readStream<Event extends DomainEvent>(
    stream: string,
    options: ReadStreamOptions<Event> = {},
  ): AsyncIterable<Stored<Event>> {
    return readStream(this.context, stream, options);
  }

  readAll<Event extends DomainEvent>(options: ReadAllOptions<Event> = {}): AsyncIterable<Stored<Event>> {
    return readAll(this.context, options);
  }

  async load<D extends AnyDecider>(decider: D, id: string, asOf?: AsOf): Promise<Versioned<StateOf<D>>> {
    const stream = streamOf(decider, id);
    const read =
      asOf === undefined
        ? await readCommitted(this.context, { decider, stream })
        : await rehydrate(this.context, { decider, stream, asOf });
    return read as Versioned<StateOf<D>>;
  }

  async execute<D extends AnyDecider>(
    ...[decider, id, command, options = {}]: readonly [
      D,
      string,
      CommandOf<D>,
      ExecuteOptions<readonly EventOf<D>[], StateOf<D>>?,
    ]
  ): Promise<Execution<D>> {
    const { also, ...rest } = options;
    const execution = await executeCalls(this.context, [{ decider, id, command }], {
      ...rest,
      also:
        also &&
        ((plan) =>
          plan.results.flatMap((result) => also(result.events as readonly EventOf<D>[], result.state as StateOf<D>))),
    });
    if (execution.status === "rejected")
      return { status: "rejected", rejection: execution.rejections[0]?.rejection } as Execution<D>;
    const [result] = execution.results;
    return { status: execution.status, version: result?.version, events: result?.events } as Execution<D>;
  }

  async executeAll<const Deciders extends readonly AnyDecider[]>(
    calls: Calls<Deciders>,
    options: AfterAll<Deciders> = {},
  ): Promise<ExecutionOfAll<Deciders>> {
    const { also, ...rest } = options;
    type Events = Parameters<NonNullable<typeof also>>[0];
    type States = Parameters<NonNullable<typeof also>>[1];
    const execution = await executeCalls(this.context, calls, {
      ...rest,
      also:
        also &&
        (({ results }) =>
          also(results.map((result) => result.events) as Events, results.map((result) => result.state) as States)),
    });
    return execution as ExecutionOfAll<Deciders>;
  }

  async plan<const Deciders extends readonly AnyDecider[]>(
    calls: Calls<Deciders>,
    options: Pick<PlanOptions, "meta"> = {},
  ): Promise<Planned<Deciders>> {
    this.#refuseSqlInline("plan()");
    const plan = await planCalls(scopeOf(this.context, undefined), calls, { meta: options.meta });
    return plan as Planned<Deciders>;
  }

  begin<D extends AnyDecider>(decider: D, id: string, command: CommandOf<D>): Begun | undefined {
    const state: unknown = decider.initial();
    const events = decider.decide(state, command);
    if ("rejection" in events || events.length === 0) return undefined;
    const change = this.change(streamOf(decider, id), events, { expected: "new", types: decider.events });
    return begun(this.context.cache, change, { decider, state, events });
  }

  erase(subject: string): Promise<number> {
    return eraseSubject(this.context, subject);
  }

  verifySnapshots(
    decider: AnyDecider,
    { limit = 1_000 }: { readonly limit?: number } = {},
  ): Promise<readonly string[]> {
    return verifySnapshots(this.context, decider, limit);
  }

  #refuseSqlInline(by: string): void {
    if (this.context.sqlInline !== undefined)
      throw new UnsupportedError("inlineSql", by, "use execute or append, which own the transaction, or pass them one");
  }
}
