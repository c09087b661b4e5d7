import { type Codec, jsonCodec } from "../codec/mod.ts";
import type { Cell } from "../engine/mod.ts";
import type { DomainEvent, Stored } from "./domain-event.ts";
import type { EventStore } from "./event-store.ts";
import { activeCell, type ProjectionContext, type ViewChange, viewOf } from "./projection.ts";

/** How events become rows. Both functions are pure, because a batch may be folded more than once. */
export interface CellFold<Event extends DomainEvent, Row> {
  /** Which row an event belongs to; `undefined`: none. */
  key(event: Stored<Event>): string | undefined;
  initial(): Row;
  /** The row after the event; `undefined` removes it. */
  fold(row: Row, event: Stored<Event>): Row | undefined;
}

/** The `apply` of a projection whose view is one JSON cell a row. Each batch reads and writes a row once. Rows may be shared by
 *  partitions: a write expects what was read, and the batch is folded anew if that changed. */
export function cellView<Event extends DomainEvent, Row>(
  rules: CellFold<Event, Row>,
): (events: readonly Stored<Event>[], context: ProjectionContext) => Promise<readonly ViewChange[]> {
  const codec: Codec<Row> = jsonCodec<Row>();
  return async (events, { view, get }) => {
    const byKey = new Map<string, Stored<Event>[]>();
    for (const event of events) {
      const key = rules.key(event);
      if (key === undefined) continue;
      const list = byKey.get(key);
      if (list === undefined) byKey.set(key, [event]);
      else list.push(event);
    }
    const keys = [...byKey.keys()];
    const cells = await get(keys.map((key) => ({ space: view, key })));
    return keys.map((key, index): ViewChange => {
      const cell = cells[index];
      let row: Row | undefined = cell === undefined ? undefined : codec.decode(cell.value);
      for (const event of byKey.get(key) ?? []) row = rules.fold(row ?? rules.initial(), event);
      const value = row === undefined ? undefined : codec.encode(row);
      return { op: "put", cell: { space: view, key }, expect: cell?.version ?? "absent", value };
    });
  };
}

/** Reads the rows of whichever version of a projection is active. */
export interface ViewReader<Row> {
  get(key: string): Promise<Row | undefined>;
  /** Rows by key. `limit` defaults to 1000. */
  list(options?: {
    readonly prefix?: string;
    readonly after?: string;
    readonly limit?: number;
  }): AsyncIterable<readonly [key: string, row: Row]>;
}

/** A reader of a view that {@link cellView} writes. Each call looks up the active version, so a switch shows at once. */
export function viewReader<Row>(store: EventStore, name: string): ViewReader<Row> {
  const codec: Codec<Row> = jsonCodec<Row>();
  return {
    async get(key) {
      const space = await activeView(store, name);
      const [cell]: readonly (Cell | undefined)[] = space === undefined ? [] : await store.engine.get([{ space, key }]);
      return cell === undefined ? undefined : codec.decode(cell.value);
    },
    async *list(options = {}) {
      const space = await activeView(store, name);
      if (space === undefined) return;
      for await (const cell of store.engine.scan({ kind: "cells", space, ...options }))
        yield [cell.key, codec.decode(cell.value)] as const;
    },
  };
}

/** Name of the view that readers should use; `undefined` before the projection was opened for the first time. */
export async function activeView(store: EventStore, name: string): Promise<string | undefined> {
  const [cell] = await store.engine.get([activeCell(store.log, name)]);
  return cell === undefined ? undefined : viewOf({ name, version: Number(cell.value) });
}
