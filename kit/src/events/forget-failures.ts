import type { Cell, CellKey, Check, RecordedEvent } from "../engine/mod.ts";
import type { ErrorRecord } from "../errors/mod.ts";
import { openSealed, subjectsIn } from "./decode-events.ts";
import { type ParkedRecord, parkedStream } from "./parked-streams.ts";
import { hasMark } from "./sealed-field.ts";
import { isPartitionFault } from "./partition-fault.ts";
import type { StoreContext } from "./store-context.ts";
import { subscriptionCells } from "./subscription-cells.ts";

/** A failure without anything that a handler may have quoted. */
function forgotten({ name, code }: ErrorRecord): ErrorRecord {
  const record = { name, message: "[erased]" };
  return code === undefined ? record : { ...record, code };
}

/** Removes the texts of failures from the parked records of some streams, in all subscriptions of the log. */
export async function forgetFailures(context: StoreContext, streams: ReadonlySet<string>): Promise<void> {
  const { engine, log } = context;
  for await (const { key: name } of engine.scan({ kind: "cells", space: `subscription/${log}` }))
    for await (const cell of engine.scan({ kind: "cells", space: subscriptionCells(log, name).parked }))
      if (streams.has(parkedStream(cell).stream)) await forget(context, cell);
}

async function forget({ engine }: StoreContext, parked: Cell): Promise<void> {
  for (let cell: Cell | undefined = parked; cell !== undefined;) {
    const { space, key, version } = cell;
    const { record } = parkedStream(cell);
    const value = JSON.stringify({ ...record, failure: forgotten(record.failure) } satisfies ParkedRecord);
    if ((await engine.commit([{ op: "put", cell: { space, key }, expect: version, value }])).committed) return;
    // Redriven or asked for at this moment: look again.
    [cell] = await engine.get([{ space, key }]);
  }
}

/** What may be recorded of a failure to handle an event. */
export interface Recordable {
  readonly failure: ErrorRecord;
  /** Go with the record into one commit, which they refuse when a subject is erased meanwhile; then ask again. */
  readonly guards: readonly Check[];
}

/** The failure, or only its name once a subject of the event is erased: the handler had the event in memory, and may have quoted it. */
export async function recordable(
  context: StoreContext,
  record: RecordedEvent,
  failure: ErrorRecord,
): Promise<Recordable> {
  const { engine, keys, log } = context;
  if (keys === undefined || !hasMark(record.data)) return { failure, guards: [] };
  try {
    const subjects = [...new Set(subjectsIn(JSON.parse(record.data) as object))];
    const places = subjects.map((subject): CellKey => keys.cellOf(log, subject));
    const cells = await engine.get(places);
    const [opened] = await openSealed(context, [record]);
    const guards = places.map((cell, index): Check => ({
      op: "check",
      cell,
      expect: cells[index]?.version ?? "absent",
    }));
    return { failure: opened?.erased === undefined ? failure : forgotten(failure), guards };
  } catch (error) {
    if (isPartitionFault(error)) throw error;
    // It cannot be opened, so no handler has seen what is in it.
    return { failure, guards: [] };
  }
}
