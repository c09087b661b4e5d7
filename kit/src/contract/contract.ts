import { ConfigError, integerIn, textOf } from "../errors/mod.ts";
import type { AnyCall } from "./call.ts";
import type { Event } from "./event.ts";
import type { ContractQueue } from "./queue.ts";
import type { Stream } from "./stream.ts";

/** Calls of a contract, by name. */
export type Calls = Readonly<Record<string, AnyCall>>;
/** Streams of a contract, by name. */
export type Streams = Readonly<Record<string, Stream>>;
/** Events of a contract, by name. */
export type Events = Readonly<Record<string, Event>>;
/** Queues of a contract, by name. */
export type Queues = Readonly<Record<string, ContractQueue>>;

/** What a service offers: a value that both sides import. It holds schemas and terms, never code or connections. */
export interface Contract<
  C extends Calls = Calls,
  S extends Streams = Streams,
  E extends Events = Events,
  Q extends Queues = Queues,
> {
  readonly kind: "contract";
  readonly name: string;
  /** 1 and up. Two versions of one name are two contracts, and may run side by side. */
  readonly version: number;
  readonly owner: string | undefined;
  readonly responsibilities: readonly string[];
  readonly calls: C;
  readonly streams: S;
  readonly events: E;
  readonly queues: Q;
}

/** A contract whatever it offers. */
export type AnyContract = Contract;

/** Options of {@link contract}. */
export interface ContractOptions<C extends Calls, S extends Streams, E extends Events, Q extends Queues> {
  /** Default 1. */
  readonly version?: number;
  /** Who answers for it: a team, an address. */
  readonly owner?: string;
  /** What the service is there for, a sentence each. */
  readonly responsibilities?: readonly string[];
  readonly calls?: C;
  readonly streams?: S;
  readonly events?: E;
  readonly queues?: Q;
}

const namePattern = /^[a-z][a-z0-9-]{0,62}$/;
const operationPattern = /^[a-z][A-Za-z0-9]{0,62}$/;
const reserved: ReadonlySet<string> = new Set(["then", "constructor"]);
const operationsMax = 500;

/**
 * Declares what a service offers. Names of calls, streams, events and queues are camelCase and unique within the contract, because a
 * client has them side by side. Throws {@link ConfigError}. Pure: nothing is registered anywhere.
 */
export function contract<
  const C extends Calls = {},
  const S extends Streams = {},
  const E extends Events = {},
  const Q extends Queues = {},
>(name: string, options: ContractOptions<C, S, E, Q>): Contract<C, S, E, Q> {
  if (!namePattern.test(name)) throw new ConfigError("name", name, "a kebab-case name of 1 to 63 characters");
  const { version = 1, owner, responsibilities = [], calls, streams, events, queues } = options;
  const groups = [calls ?? {}, streams ?? {}, events ?? {}, queues ?? {}];
  checkNames(name, groups.flatMap(Object.keys));
  return Object.freeze({
    kind: "contract",
    name,
    version: integerIn("version", version, { min: 1, max: 1_000_000 }),
    owner: owner === undefined ? undefined : textOf("owner", owner),
    responsibilities: responsibilities.map((text) => textOf("responsibilities", text, { lengthMax: 500 })),
    calls: calls ?? ({} as C),
    streams: streams ?? ({} as S),
    events: events ?? ({} as E),
    queues: queues ?? ({} as Q),
  });
}

/** `orders@1`: a contract and its version, as addresses, logs and messages have it. */
export function contractId({ name, version }: Pick<Contract, "name" | "version">): string {
  return `${name}@${version}`;
}

function checkNames(name: string, names: readonly string[]): void {
  if (names.length > operationsMax) throw new ConfigError(name, names.length, `${operationsMax} operations at most`);
  const seen = new Set<string>();
  for (const operation of names) {
    if (!operationPattern.test(operation) || reserved.has(operation))
      throw new ConfigError(`${name}.${operation}`, operation, "a camelCase name other than then and constructor");
    if (seen.has(operation))
      throw new ConfigError(`${name}.${operation}`, operation, "a name of its own within the contract");
    seen.add(operation);
  }
}
