import type { Clock } from "ashlar/clock";
import type { Log } from "ashlar/service";
import { readSql, type ReadSql } from "./shop-sql.ts";
import type { ShopEngine } from "./shop-engine.ts";

/** Reads of a service's own tables that need not see the latest, so that a replica may answer them. Not for what is decided upon, nor for the audit. */
export interface ShopReads extends AsyncDisposable {
  /** May be five seconds old; `after` a position they see all that was committed before it. */
  sql(after?: string): ReadSql;
  /** Behind all that is committed now; undefined where reads are never old. */
  position(): Promise<string | undefined>;
}

/** Whose reads they are, and where it is told when a replica does not answer them. */
export interface ReadsPlace {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Opens the reads beside the engine of a service. */
export type OpenReads = (engine: ShopEngine, place: ReadsPlace) => Promise<ShopReads>;

/** Where there is no replica, the engine answers. */
export function readsOnEngine(engine: ShopEngine): Promise<ShopReads> {
  return Promise.resolve({
    sql: () => readSql(engine.sql),
    position: () => Promise.resolve(undefined),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}
