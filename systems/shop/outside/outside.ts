import { join } from "node:path";
import type { Clock } from "ashlar/clock";
import { openSqlite } from "ashlar/drivers/sqlite";
import { openBooks, type OutsideBooks } from "./books.ts";
import { fates, type FaultMode } from "./faults.ts";
import { outsideService, type OutsideService } from "./service.ts";

/** A company that is not ours (payment provider, carrier, message channels), simulated in a file of its own. */
export interface Outside extends AsyncDisposable {
  readonly service: OutsideService;
  /** What it really did, for the audit. */
  readonly books: OutsideBooks;
}

export interface OutsideOptions {
  /** `provider`, `second-provider`, `carrier`, `channels`: names its file. */
  readonly name: string;
  /** Folder of the file that keeps what was done. */
  readonly data: string;
  readonly faults: FaultMode;
  readonly seed: number;
  readonly clock: Clock;
}

/** How companies are opened: as they are here, or as a simulated world has them. */
export type OpenOutside = (options: OutsideOptions) => Promise<Outside>;

/** Opens a company of the outside world. What it has done survives a kill of the process, as the world does. */
export const openOutside: OpenOutside = async (options) => {
  const { clock, data, name, faults, seed } = options;
  const database = await openSqlite({ path: join(data, `outside-${name}.db`), clock, durability: "process" });
  await database.migrate("outside", [
    {
      name: "books",
      sql: `create table effect (
        id integer primary key, kind text not null, subject text not null, key text not null unique, amount_minor integer not null
      ) strict;
      create table outage (key text primary key, attempts integer not null) strict, without rowid;`,
    },
  ]);
  return {
    service: outsideService(database, clock, fates(faults, seed, name)),
    books: openBooks(database),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
};
