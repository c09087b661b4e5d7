import { type Codec, jsonCodec } from "../codec/mod.ts";
import type { NewEvent, RecordedEvent } from "../engine/mod.ts";
import { ConfigError, integerIn, textOf } from "../errors/mod.ts";
import { parseSync, type StandardSchema } from "../schema/mod.ts";
import type { DomainEvent } from "./domain-event.ts";
import { erasedValue, holdsErased, replaceErased } from "./erased-value.ts";
import { UnknownEventError } from "./errors.ts";

/** Fields of an event that belong to a person and are stored sealed under that person's key. */
export interface PersonalFields<Data extends object> {
  /** Whose they are: a pseudonym such as `customer/17`, never a name, because it is stored in the clear. */
  subject(data: Data): string;
  /** Top-level fields; absent ones are left alone. */
  readonly fields: readonly (keyof Data & string)[];
  /** What readers get once the subject is erased. Default `"[erased]"`. */
  readonly erased?: unknown;
}

/** One step of a payload from a version to the next: pure, and total on what was stored. In place of an erased field it is given a stand-in,
 *  of which every part, and every result of a call, is the erased value again. */
export type Upcast = { step(data: Readonly<Record<string, unknown>>): object }["step"];

/** How events of one type are checked, versioned and sealed. */
export interface EventDefinition<Data extends object> {
  /** Checked when the event is written; must be synchronous, and its output is not used, so it may not transform. */
  readonly schema?: StandardSchema<unknown, unknown> | undefined;
  /** Version of the payload's shape that this code writes, 1 or more. Default 1. */
  readonly version?: number | undefined;
  /** How to come from each older version to the next: all of 1 … version - 1 are required. */
  readonly upcast?: Readonly<Record<number, Upcast>> | undefined;
  readonly personal?: PersonalFields<Data> | readonly PersonalFields<Data>[] | undefined;
}

/** One definition for each member of the union. */
export type EventTable<Event extends DomainEvent> = {
  readonly [Type in Event["type"]]: EventDefinition<Extract<Event, { readonly type: Type }>["data"]>;
};

/** How the events of a union are written and read. A plain value. */
export interface EventTypes<Event extends DomainEvent> {
  readonly names: readonly Event["type"][];
  /** The sealed parts of a type's payload; empty for most. */
  personalOf(type: string): readonly PersonalFields<object>[];
  /** Checks and encodes. Throws `ValidationError`, `EncodeError` or {@link UnknownEventError}. */
  encode(event: Event): NewEvent;
  /** The event at today's version; from `data` where sealed fields had to be opened, with those of erased subjects in `erased`. `undefined` for a system event (`$…`) that the table does not list. Throws {@link UnknownEventError} for any other type. */
  decode(record: RecordedEvent, data?: object, erased?: Readonly<Record<string, unknown>>): Event | undefined;
}

/** Describes a union of events. Throws `ConfigError` when a chain of upcasts has a hole, so that no stored event is left unreadable. */
export function eventTypes<Event extends DomainEvent>(table: EventTable<Event>): EventTypes<Event> {
  return new TypeTable<Event>(table);
}

interface Resolved {
  readonly schema: StandardSchema<unknown, unknown> | undefined;
  readonly version: number;
  /** Index 0 leads from version 1 to 2. */
  readonly chain: readonly Upcast[];
  readonly personal: readonly PersonalFields<object>[];
}

const json: Codec<object> = jsonCodec<object>();
const nothingPersonal: readonly PersonalFields<object>[] = [];

class TypeTable<Event extends DomainEvent> implements EventTypes<Event> {
  readonly names: readonly Event["type"][];
  readonly #types: ReadonlyMap<string, Resolved>;

  constructor(table: EventTable<Event>) {
    const entries = Object.entries<EventDefinition<never>>(table);
    this.#types = new Map(entries.map(([name, definition]) => [name, resolve(name, definition)]));
    this.names = entries.map(([name]) => name);
  }

  personalOf(type: string): readonly PersonalFields<object>[] {
    return this.#types.get(type)?.personal ?? nothingPersonal;
  }

  encode(event: Event): NewEvent {
    const definition = this.#types.get(event.type);
    if (definition === undefined) throw new ConfigError("event.type", event.type, `one of ${this.names.join(", ")}`);
    if (definition.schema !== undefined) parseSync(definition.schema, event.data, `event ${event.type}`);
    return { type: event.type, schema: definition.version, data: json.encode(event.data) };
  }

  decode(record: RecordedEvent, data?: object, erased?: Readonly<Record<string, unknown>>): Event | undefined {
    const definition = this.#types.get(record.type);
    if (definition === undefined) return this.#unlisted(record);
    if (record.schema > definition.version)
      throw new UnknownEventError(record, record, `this code reads up to version ${definition.version}`);
    const payload = data ?? json.decode(record.data);
    const isToday = record.schema === definition.version;
    const today = isToday
      ? payload
      : erased === undefined
        ? upcast(definition, record.schema, payload)
        : upcastErased(definition, { schema: record.schema, payload, erased });
    return { type: record.type, data: today } as Event;
  }

  #unlisted(record: RecordedEvent): undefined {
    if (record.type.startsWith("$")) return undefined;
    throw new UnknownEventError(record, record, `this code knows ${this.names.join(", ")}`);
  }
}

function upcast({ chain, version: today }: Resolved, schema: number, payload: object): object {
  let current = payload;
  for (let version = schema; version < today; version++) {
    const step = chain[version - 1];
    if (step !== undefined) current = step(current as Readonly<Record<string, unknown>>);
  }
  return current;
}

interface ErasedPayload {
  readonly schema: number;
  readonly payload: object;
  /** Fields whose value is erased, with what was to stand for each when it was written. */
  readonly erased: Readonly<Record<string, unknown>>;
}

function upcastErased(definition: Resolved, { schema, payload, erased }: ErasedPayload): object {
  const standIns = Object.fromEntries(Object.keys(erased).map((field) => [field, erasedValue]));
  const result = upcast(definition, schema, { ...payload, ...standIns });
  const [written] = Object.values(erased);
  const settle = ([field, value]: [string, unknown]): [string, unknown] => {
    const isErased = Object.hasOwn(erased, field);
    const personal = definition.personal.find(({ fields }) => (fields as readonly string[]).includes(field));
    if (personal !== undefined && (isErased || holdsErased(value))) return [field, personal.erased ?? "[erased]"];
    return [field, isErased ? erased[field] : replaceErased(value, written)];
  };
  return Object.fromEntries(Object.entries(result).map(settle));
}

function resolve(name: string, definition: EventDefinition<never>): Resolved {
  textOf("event type", name);
  if (name.startsWith("$") && name !== "$erased")
    throw new ConfigError("event type", name, 'a name without "$" in front');
  const version = integerIn(`${name}.version`, definition.version ?? 1, { min: 1, max: 1_000 });
  const { personal = [] } = definition;
  return {
    schema: definition.schema,
    version,
    chain: chainOf(name, version, definition.upcast ?? {}),
    personal: Array.isArray(personal) ? personal : [personal],
  };
}

function chainOf(name: string, version: number, upcast: Readonly<Record<number, Upcast>>): readonly Upcast[] {
  for (const from of Object.keys(upcast)) integerIn(`${name}.upcast`, Number(from), { min: 1, max: version - 1 });
  return Array.from({ length: version - 1 }, (_, index) => {
    const step = upcast[index + 1];
    if (step === undefined)
      throw new ConfigError(`${name}.upcast[${index + 1}]`, step, "a function, because older events may be stored");
    return step;
  });
}
