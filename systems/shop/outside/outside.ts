import type { Clock } from "ashlar/clock";
import { openSqlite } from "ashlar/drivers/sqlite";
import { openBooks, type OutsideBooks } from "./books.ts";
import { fates, type FaultMode } from "./faults.ts";
import { outsideService, type OutsideService } from "./service.ts";

/** Everything that is not ours: payment provider, carrier and message channels, simulated in a file of their own. */
export interface Outside extends AsyncDisposable {
  readonly payments: OutsideService;
  readonly carrier: OutsideService;
  readonly channels: OutsideService;
  /** What they really did, for the audit. */
  readonly books: OutsideBooks;
}

export interface OutsideOptions {
  /** File that keeps what was done. Made when absent. */
  readonly path: string;
  readonly faults: FaultMode;
  readonly seed: number;
  readonly clock: Clock;
}

/** Opens the outside world. What it has done survives a kill of the process, as the world does. */
export async function openOutside(options: OutsideOptions): Promise<Outside> {
  const { clock, path } = options;
  const database = await openSqlite({ path, clock, durability: "process" });
  await database.migrate("outside", [
    {
      name: "books",
      sql: `create table effect (
        id integer primary key, kind text not null, subject text not null, key text not null unique, amount_minor integer not null
      ) strict;
      create table outage (key text primary key, attempts integer not null) strict, without rowid;`,
    },
  ]);
  // One service plays all parts: they differ in what is asked of them, and fates are drawn by that.
  const service = outsideService(database, clock, fates(options.faults, options.seed));
  return {
    payments: service,
    carrier: service,
    channels: service,
    books: openBooks(database),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}
