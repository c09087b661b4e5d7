import type { RecordedEvent } from "../engine/mod.ts";
import { UnsupportedError } from "../errors/mod.ts";
import type { DomainEvent, EventMeta, Stored } from "./domain-event.ts";
import type { EventTypes } from "./event-types.ts";
import { hasMark, isSealed, isWrapped } from "./sealed-field.ts";
import type { StoreContext } from "./store-context.ts";
import type { Opener } from "./subject-keys.ts";

/** A payload with its sealed fields opened, and what stands in it for those whose subject was erased. */
export interface OpenedPayload {
  readonly data: object;
  readonly erased: Readonly<Record<string, unknown>> | undefined;
}

/** Payloads of the records that hold sealed fields, opened, at the index of their record. */
export async function openSealed(
  context: StoreContext,
  records: readonly RecordedEvent[],
): Promise<readonly (OpenedPayload | undefined)[]> {
  const payloads = records.map((record) => (hasMark(record.data) ? parse(record.data) : undefined));
  const subjects = new Set(payloads.flatMap((payload) => (payload === undefined ? [] : subjectsIn(payload))));
  const opener = subjects.size === 0 ? nothingSealed : await openerOf(context, [...subjects]);
  return records.map((record, index) => {
    const payload = payloads[index];
    return payload === undefined ? undefined : unsealed(opener, record, payload);
  });
}

export function hasSealed(records: readonly RecordedEvent[]): boolean {
  return records.some((record) => hasMark(record.data));
}

const nothingSealed: Opener = { open: () => undefined };

function openerOf({ keys, log }: StoreContext, subjects: readonly string[]): Promise<Opener> {
  if (keys === undefined)
    throw new UnsupportedError(
      "sealed fields",
      `the event store "${log}"`,
      "open it with keys: await openSubjectKeys(…)",
    );
  return keys.opener(log, subjects);
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
    const event =
      types === undefined ? plain<Event>(record, payload?.data) : types.decode(record, payload?.data, payload?.erased);
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

/** Subjects of the sealed fields. */
export function subjectsIn(payload: object): readonly string[] {
  return fieldsOf(payload).flatMap(([, value]) => (isSealed(value) ? [value.$sealed[0]] : []));
}

/** Only fields of an object are ever sealed or wrapped. */
function fieldsOf(payload: object): readonly (readonly [string, unknown])[] {
  return Array.isArray(payload) ? [] : Object.entries<unknown>(payload as Readonly<Record<string, unknown>>);
}

function unsealed(opener: Opener, { stream, type }: RecordedEvent, payload: object): OpenedPayload {
  const data: [string, unknown][] = [];
  const erasures: [string, unknown][] = [];
  for (const [field, value] of fieldsOf(payload)) {
    if (isSealed(value)) {
      const [subject, sealed, erased] = value.$sealed;
      const text = opener.open({ subject, stream, type, field }, sealed);
      if (text === undefined) erasures.push([field, erased]);
      data.push([field, text === undefined ? erased : JSON.parse(text)]);
    } else data.push([field, isWrapped(value) ? value.$sealed[0] : value]);
  }
  return {
    data: Array.isArray(payload) ? payload : Object.fromEntries(data),
    erased: erasures.length === 0 ? undefined : Object.fromEntries(erasures),
  };
}
