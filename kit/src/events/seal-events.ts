import { jsonCodec } from "../codec/mod.ts";
import type { Change, NewEvent } from "../engine/mod.ts";
import { UnsupportedError } from "../errors/mod.ts";
import type { DomainEvent } from "./domain-event.ts";
import { encodeEvent } from "./encode-event.ts";
import type { Batch, Encoded } from "./event-batch.ts";
import { type SealedField, wrapLookalikes } from "./sealed-field.ts";
import type { StoreContext } from "./store-context.ts";
import type { Sealer } from "./subject-keys.ts";

const json = jsonCodec<unknown>();

/** Encodes with the personal fields sealed, and notes in the same commit which streams hold data of which subject. */
export async function sealEvents(
  context: StoreContext,
  batches: readonly Batch[],
  meta: string | undefined,
): Promise<Encoded> {
  const { keys, log } = context;
  if (keys === undefined)
    throw new UnsupportedError(
      "personal fields",
      `the event store "${log}"`,
      "open it with keys: await openSubjectKeys(…)",
    );
  const pairs = subjectsOf(batches);
  const sealer = await keys.sealer(log, [...new Set(pairs.map((pair) => pair.subject))]);
  const events = batches.map((batch) => batch.events.map((event) => sealEvent(sealer, batch, event)));
  return {
    events: meta === undefined ? events : events.map((list) => list.map((event) => ({ ...event, meta }))),
    guards: [...sealer.guards, ...pairs.map((pair) => noteOf(log, pair, sealer.idOf(pair.subject)))],
  };
}

/** Cells that say where a subject's data is: space and key prefix; with a key id, of what that very key sealed. */
export function subjectStreams(
  log: string,
  subject: string,
  keyId?: string,
): { readonly space: string; readonly prefix: string } {
  // encodeURIComponent leaves no space, so that no subject is the prefix of another.
  const prefix = `${encodeURIComponent(subject)} ${keyId === undefined ? "" : `${keyId} `}`;
  return { space: `subject-streams/${log}`, prefix };
}

interface SubjectStream {
  readonly subject: string;
  readonly stream: string;
}

function noteOf(log: string, { subject, stream }: SubjectStream, keyId: string): Change {
  const { space, prefix } = subjectStreams(log, subject, keyId);
  return { op: "put", cell: { space, key: prefix + stream }, expect: "any", value: stream };
}

function subjectsOf(batches: readonly Batch[]): readonly SubjectStream[] {
  const found = new Map<string, SubjectStream>();
  for (const { stream, types, events } of batches)
    for (const event of events)
      for (const personal of types?.personalOf(event.type) ?? []) {
        const subject = personal.subject(event.data);
        found.set(`${encodeURIComponent(subject)} ${stream}`, { subject, stream });
      }
  return [...found.values()];
}

function sealEvent(sealer: Sealer, { stream, types }: Batch, event: DomainEvent): NewEvent {
  if (types === undefined) return encodeEvent(types, event, undefined);
  const encoded = types.encode(event);
  const fields: Readonly<Record<string, unknown>> = { ...event.data };
  const sealed: Record<string, unknown> = { ...wrapLookalikes(event.data) };
  for (const personal of types.personalOf(event.type)) {
    const subject = personal.subject(event.data);
    const { erased = "[erased]" } = personal;
    for (const field of personal.fields as readonly string[]) {
      if (fields[field] === undefined) continue;
      const text = sealer.seal({ subject, stream, type: event.type, field }, json.encode(fields[field]));
      sealed[field] = { $sealed: [subject, text, erased] } satisfies SealedField;
    }
  }
  return { ...encoded, data: json.encode(sealed) };
}
