import type { AnyContract, HandlerOutput, QueueResult } from "../contract/mod.ts";
import { contractId } from "../contract/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import { declaredAt } from "./declared-at-system.ts";
import type { EngineToken } from "./engine-token.ts";
import type { CallContext, EventContext, JobContext, Needs, OpenContext, StreamContext } from "./handler-context.ts";

/** One handler for each call of the contract, under its name. */
export type CallHandlers<C extends AnyContract, N extends Needs, T extends Engine, Own> = {
  readonly [K in keyof C["calls"]]: (
    context: CallContext<C, C["calls"][K], N, T, Own>,
  ) => HandlerOutput<C["calls"][K]> | Promise<HandlerOutput<C["calls"][K]>>;
};

/** One for each stream: its items. */
export type StreamHandlers<C extends AnyContract, N extends Needs, T extends Engine, Own> = {
  readonly [K in keyof C["streams"]]: (
    context: StreamContext<C, C["streams"][K], N, T, Own>,
  ) => AsyncIterable<HandlerOutput<C["streams"][K]>>;
};

/** One for each queue. Returning ends the job, with its answer where the queue has an output; throwing lets it be tried again. */
export type QueueHandlers<C extends AnyContract, N extends Needs, T extends Engine, Own> = {
  readonly [K in keyof C["queues"]]: (
    context: JobContext<C, C["queues"][K], N, T, Own>,
  ) => QueueResult<C["queues"][K]> | Promise<QueueResult<C["queues"][K]>>;
};

/** Handlers for events of needed contracts, by the name of the need, then of the event. */
export type Subscriptions<C extends AnyContract, N extends Needs, T extends Engine, Own> = {
  readonly [K in keyof N]?: {
    readonly [E in keyof N[K]["events"]]?: (
      context: EventContext<C, N[K]["events"][E], N, T, Own>,
    ) => void | Promise<void>;
  };
};

/** Parts of an implementation. Written in this order, each part's types follow from those before it. A group that the contract has must
 *  be here too; that is checked when the module is loaded. */
export interface ImplementOptions<C extends AnyContract, N extends Needs, T extends Engine, Own> {
  /** Contracts that it calls or subscribes to. */
  readonly needs?: N;
  /** The engine that keeps its data. Needed for keyed calls, events, queues and subscriptions. */
  readonly engine?: EngineToken<T>;
  /** Opens what the handlers share: stores, sagas, projections. Runs once a process, before the first call. */
  readonly open?: (context: OpenContext<C, N, T>) => Promise<Own> | Own;
  readonly calls?: CallHandlers<C, N, T, Own>;
  readonly streams?: StreamHandlers<C, N, T, Own>;
  readonly queues?: QueueHandlers<C, N, T, Own>;
  readonly on?: Subscriptions<C, N, T, Own>;
}

/** Code for a contract, whatever its types. Made by {@link implement}. */
export interface Implementation {
  readonly kind: "implementation";
  readonly contract: AnyContract;
  readonly needs: Needs;
  readonly engine: EngineToken | undefined;
  readonly open: ((context: OpenContext<AnyContract, Needs, Engine>) => unknown) | undefined;
  readonly handlers: Readonly<Record<string, (context: never) => unknown>>;
  readonly on: Readonly<Record<string, Readonly<Record<string, (context: never) => unknown>>>>;
  /** File and line of the declaration. */
  readonly declaredAt: string;
}

/** Binds code to the contract that was named. */
export type Implement<C extends AnyContract> = <N extends Needs = {}, T extends Engine = Engine, Own = undefined>(
  options: ImplementOptions<C, N, T, Own>,
) => Implementation;

/**
 * Binds code to a contract: `implement(orders)({ … })`. Two calls, so that the types of the contract are settled before those of the
 * handlers are inferred. Nothing runs before the system does. Throws {@link ConfigError} when a handler is missing or belongs to nothing, so
 * that also code without types is checked.
 */
export function implement<C extends AnyContract>(contract: C): Implement<C> {
  return function bind(options) {
    const { needs, engine, open, calls, streams, queues, on } = options;
    const implementation = {
      kind: "implementation",
      contract,
      needs: needs ?? {},
      engine,
      open,
      handlers: { ...calls, ...streams, ...queues },
      on: on ?? {},
      declaredAt: declaredAt(bind),
    } as unknown as Implementation;
    checkHandlers(implementation, { calls, streams, queues });
    return Object.freeze(implementation);
  };
}

type Groups = Readonly<Record<"calls" | "streams" | "queues", Readonly<Record<string, unknown>> | undefined>>;

function checkHandlers({ contract, needs, on }: Implementation, groups: Groups): void {
  const id = contractId(contract);
  for (const group of ["calls", "streams", "queues"] as const) {
    const offered = Object.keys(contract[group]);
    const handled = groups[group] ?? {};
    for (const name of offered) {
      if (typeof handled[name] !== "function")
        throw new ConfigError(`${id}: ${group}.${name}`, handled[name], "a handler, because the contract offers it");
    }
    for (const name of Object.keys(handled)) {
      if (!offered.includes(name)) throw new ConfigError(`${id}: ${group}.${name}`, name, `offered by the contract`);
    }
  }
  for (const [need, events] of Object.entries(on)) {
    const offered = Object.keys(needs[need]?.events ?? {});
    for (const name of Object.keys(events)) {
      if (!offered.includes(name))
        throw new ConfigError(`${id}: on.${need}.${name}`, name, `an event that ${need} offers`);
    }
  }
}
