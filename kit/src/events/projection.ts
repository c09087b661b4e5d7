import type { CellKey, Check, Put } from "../engine/mod.ts";
import { ConfigError, integerIn, textOf } from "../errors/mod.ts";
import type { DomainEvent, Stored } from "./domain-event.ts";
import type { EventTypes } from "./event-types.ts";
import type { SubscriptionContext } from "./feed.ts";

/** What a projection may write: its view. Effects on others (queues, streams) belong into a subscription, whose checkpoint outlives
 *  every rebuild; so a rebuild never sends anything twice. */
export type ViewChange = Put | Check;

/** What a projection is told besides the events. */
export interface ProjectionContext extends SubscriptionContext {
  /** Name of the view, `name@version`: the space of its cells, or part of its table names. */
  readonly view: string;
}

/** A read model. With `apply` it lives in cells of the engine, with `applySql` in tables of an engine with transactions. */
export interface Projection<Event extends DomainEvent, Sql = never> {
  readonly name: string;
  /** Raise it when `apply` changes: the new version is built beside the old one. */
  readonly version: number;
  /** Decodes, and selects the types it lists. */
  readonly types?: EventTypes<Event> | undefined;
  readonly streamPrefix?: string | undefined;
  /** Sets of streams that are projected side by side, fixed for a version. Default 1. */
  readonly partitions?: number | undefined;
  /** Turns events into changes of the view. They commit with the checkpoint: exactly once. May run again after a conflict or a fault. */
  apply?(
    events: readonly Stored<Event>[],
    context: ProjectionContext,
  ): readonly ViewChange[] | Promise<readonly ViewChange[]>;
  /** Writes to tables in the transaction of the checkpoint: exactly once. Other writers wait meanwhile. */
  applySql?(sql: Sql, events: readonly Stored<Event>[], context: ProjectionContext): void | Promise<void>;
  /** Removes the tables of a retired version. */
  dropSql?(sql: Sql, view: string): void | Promise<void>;
}

/** Checks the definition and returns it. Throws `ConfigError`. */
export function projection<Event extends DomainEvent, Sql = never>(
  definition: Projection<Event, Sql>,
): Projection<Event, Sql> {
  const name = textOf("name", definition.name, { lengthMax: 100 });
  if (name.includes("@")) throw new ConfigError("name", name, 'a name without "@"');
  integerIn("version", definition.version, { min: 1, max: 1_000_000 });
  const ways = ["apply", "applySql"].filter((way) => way in definition);
  if (ways.length !== 1) throw new ConfigError("apply", ways, "either apply or applySql");
  return definition;
}

/** Name of the view of one version. */
export function viewOf({ name, version }: { readonly name: string; readonly version: number }): string {
  return `${name}@${version}`;
}

/** The cell that says which version of a projection readers use. */
export function activeCell(log: string, name: string): CellKey {
  return { space: `projection/${log}`, key: name };
}
