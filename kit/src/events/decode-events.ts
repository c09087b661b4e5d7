import type { RecordedEvent } from "../engine/mod.ts";
import { UnsupportedError } from "../errors/mod.ts";
import type { DomainEvent, EventMeta, Stored } from "./domain-event.ts";
import type { EventTypes } from "./event-types.ts";
import type { SealedField } from "./sealed-field.ts";
import type { StoreContext } from "./store-context.ts";
import type { Opener } from "./subject-keys.ts";

// A payload without this text holds no sealed field; one search of the text is all that most events pay.
const mark = '"$sealed":';

/** Payloads of the records that hold sealed fields, opened, at the index of their record; `undefined` when none does. */
export async function openSealed(
  context: StoreContext,
  records: readonly RecordedEvent[],
): Promise<readonly (object | undefined)[] | undefined> {
  const payloads = records.map((record) => (record.data.includes(mark) ? parse(record.data) : undefined));
  const subjects = new Set(payloads.flatMap((payload) => (payload === undefined ? [] : subjectsIn(payload))));
  if (subjects.size === 0) return undefined;
  const { keys, log } = context;
  if (keys === undefined)
    throw new UnsupportedError(
      "sealed fields",
      `the event store "${log}"`,
      "open it with keys: await openSubjectKeys(…)",
    );
  const opener = await keys.opener(log, [...subjects]);
  return records.map((record, index) => {
    const payload = payloads[index];
    return payload === undefined ? undefined : unsealed(opener, record, payload);
  });
}

export function hasSealed(records: readonly RecordedEvent[]): boolean {
  return records.some((record) => record.data.includes(mark));
}

/** Decodes a page. Without `types` payloads are taken as they are; with them, unlisted system events are left out. */
export async function decodePage<Event extends DomainEvent>(
  context: StoreContext,
  types: EventTypes<Event> | undefined,
  records: readonly RecordedEvent[],
): Promise<readonly Stored<Event>[]> {
  const opened = hasSealed(records) ? await openSealed(context, records) : undefined;
  const stored: Stored<Event>[] = [];
  for (const [index, record] of records.entries()) {
    const payload = opened?.[index];
    const event = types === undefined ? plain<Event>(record, payload) : types.decode(record, payload);
    if (event !== undefined) stored.push(placed(event, record));
  }
  return stored;
}

function plain<Event extends DomainEvent>(record: RecordedEvent, payload: object | undefined): Event {
  return { type: record.type, data: payload ?? parse(record.data) } as DomainEvent as Event;
}

function placed<Event extends DomainEvent>(event: Event, record: RecordedEvent): Stored<Event> {
  const { stream, version, position, recordedAtMs, meta } = record;
  return { ...event, stream, version, position, recordedAtMs, meta: meta === undefined ? undefined : metaOf(meta) };
}

function metaOf(text: string): EventMeta {
  return JSON.parse(text) as EventMeta;
}

function parse(text: string): object {
  return JSON.parse(text) as object;
}

function isSealed(value: unknown): value is SealedField {
  return typeof value === "object" && value !== null && "$sealed" in value && Array.isArray(value.$sealed);
}

function subjectsIn(payload: object): readonly string[] {
  return Object.values(payload).flatMap((value: unknown) => (isSealed(value) ? [value.$sealed[0]] : []));
}

function unsealed(opener: Opener, record: RecordedEvent, payload: object): object {
  const { stream, type } = record;
  const open = ([field, value]: [string, unknown]): [string, unknown] => {
    if (!isSealed(value)) return [field, value];
    const [subject, sealed, erased] = value.$sealed;
    const text = opener.open({ subject, stream, type, field }, sealed);
    return [field, text === undefined ? erased : JSON.parse(text)];
  };
  return Object.fromEntries(Object.entries(payload).map(open));
}
