import type { Change, TransactionalEngine } from "../engine/mod.ts";
import type { DomainEvent } from "./domain-event.ts";
import type { EventStore } from "./event-store.ts";
import { retiredText } from "./feed-definition.ts";
import { activeCell, type Projection, viewOf } from "./projection.ts";
import { subscriptionCells } from "./subscription-cells.ts";

const cellsAtOnce = 500;

/** Removes a version of a projection for good: its checkpoints first, so that a process that still runs it is fenced off, then its view.
 *  Refused for the version that readers use. May be called again after a crash. */
export async function retireProjection<Event extends DomainEvent, Sql = never>(options: {
  readonly store: EventStore;
  readonly projection: Projection<Event, Sql>;
  /** The store's engine, when the projection has `dropSql`. */
  readonly engine?: TransactionalEngine<Sql> | undefined;
}): Promise<"retired" | "active"> {
  const { store, projection } = options;
  const view = viewOf(projection);
  const cells = subscriptionCells(store.log, view);
  const cell = activeCell(store.log, projection.name);
  const [active] = await store.engine.get([cell]);
  if (active?.value === String(projection.version)) return "active";
  const tombstone = { op: "put", cell: cells.definition, expect: "any", value: retiredText } as const;
  const guard = { op: "check", cell, expect: active?.version ?? "absent" } as const;
  if (!(await store.engine.commit([guard, tombstone])).committed) return retireProjection(options);
  for (const space of [cells.checkpoints, cells.leases, cells.members, cells.parked, view])
    await removeCells(store, space);
  await options.engine?.transaction((tx) => projection.dropSql?.(tx.sql, view));
  return "retired";
}

async function removeCells({ engine }: EventStore, space: string): Promise<void> {
  for (;;) {
    const removals: Change[] = [];
    for await (const { key } of engine.scan({ kind: "cells", space, limit: cellsAtOnce }))
      removals.push({ op: "put", cell: { space, key }, expect: "any", value: undefined });
    if (removals.length > 0) await engine.commit(removals);
    if (removals.length < cellsAtOnce) return;
  }
}
