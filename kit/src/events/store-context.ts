import type { Change, Engine, TransactionalEngine } from "../engine/mod.ts";
import type { DomainEvent, EventMeta } from "./domain-event.ts";
import type { StateCache } from "./state-cache.ts";
import type { SubjectKeys } from "./subject-keys.ts";

/** An event on its way into the log: its stream and version are known, its position is not. */
export type PendingEvent = DomainEvent & {
  readonly stream: string;
  readonly version: number;
  readonly meta: EventMeta | undefined;
};

/** Changes that belong into the commit of the append itself, so that the view is never behind. May run again after a conflict. */
export type InlineProjection = (events: readonly PendingEvent[]) => readonly Change[] | Promise<readonly Change[]>;

/** Statements in the transaction of the append. It holds up other writers while it runs. */
export type InlineSqlProjection<Sql> = (sql: Sql, events: readonly PendingEvent[]) => void | Promise<void>;

/** Runs statements in the transaction of a commit; its `Sql` is known only where it was made. */
export interface SqlInline {
  readonly engine: TransactionalEngine<unknown>;
  readonly apply: readonly InlineSqlProjection<unknown>[];
}

/** What the parts of one store share. */
export interface StoreContext {
  readonly engine: Engine;
  readonly log: string;
  readonly cache: StateCache;
  readonly keys: SubjectKeys | undefined;
  readonly inline: readonly InlineProjection[];
  readonly sqlInline: SqlInline | undefined;
  readonly conflictsMax: number;
  readonly commandsKeptMs: number;
}
