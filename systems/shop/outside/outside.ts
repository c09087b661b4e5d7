import { join } from "node:path";
import type { Clock } from "ashlar/clock";
import type { OutsideBooks, OutsideLedger } from "./books.ts";
import type { LedgerPlace } from "./database-ledger.ts";
import { fates, type FaultMode } from "./faults.ts";
import { openFileLedger } from "./file-ledger.ts";
import { outsideService, type OutsideService } from "./service.ts";

/** A company that is not ours (payment provider, carrier, message channels), simulated with a ledger of its own. */
export interface Outside extends AsyncDisposable {
  readonly service: OutsideService;
  /** What it really did, for the audit. */
  readonly books: OutsideBooks;
}

export interface OutsideOptions {
  /** `provider`, `second-provider`, `carrier`, `channels`: names its ledger. */
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
  const { clock, data, name } = options;
  return companyWith(await openFileLedger({ path: join(data, `outside-${name}.db`), clock }), options);
};

/** Opens a company that keeps its ledger in a schema of a database, so that processes on several machines ask the same one. */
export async function openOutsideInDatabase(
  options: OutsideOptions,
  { namespace, ...place }: Omit<LedgerPlace, "schema"> & { readonly namespace: string },
): Promise<Outside> {
  const { openDatabaseLedger } = await import("./database-ledger.ts");
  const schema = `${namespace}_outside_${options.name.replaceAll("-", "_")}`;
  return companyWith(await openDatabaseLedger({ ...place, schema }), options);
}

function companyWith(ledger: OutsideLedger, { clock, faults, name, seed }: OutsideOptions): Outside {
  return {
    service: outsideService(ledger, clock, fates(faults, seed, name)),
    books: ledger.books,
    [Symbol.asyncDispose]: () => ledger[Symbol.asyncDispose](),
  };
}
