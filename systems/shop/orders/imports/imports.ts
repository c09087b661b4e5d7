import type { ImportState, ImportedInvoice } from "../../contracts/mod.ts";
import { Importer, type ImportOf, type ImportOptions } from "./importer.ts";

/** The imports of one process: one file at a time, one request after the other, whoever repeats one. */
export class Imports {
  readonly #options: ImportOptions;
  #importer: Importer | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ImportOptions) {
    this.#options = options;
  }

  begin(of: ImportOf, name: string): Promise<ImportState> {
    return this.#inTurn(async () => {
      this.#importer = undefined;
      this.#importer = await Importer.begin(this.#options, of, name);
      return this.#importer.state;
    });
  }

  add(
    of: ImportOf,
    after: number,
    invoices: readonly ImportedInvoice[],
  ): Promise<{ state: ImportState; repeated?: number }> {
    return this.#inTurn(async () => {
      const importer = await this.#of(of);
      const repeated = await importer.add(after, invoices);
      return repeated === undefined ? { state: importer.state } : { state: importer.state, repeated };
    });
  }

  finish(of: ImportOf, end: "ahead" | "reached"): Promise<ImportState> {
    return this.#inTurn(async () => {
      const importer = await this.#of(of);
      await importer.finish(end);
      return importer.state;
    });
  }

  /** The importer of this process, or, when another process had it, one that goes on from there. */
  async #of(of: ImportOf): Promise<Importer> {
    if (this.#importer?.isOf(of) !== true) this.#importer = await Importer.resume(this.#options, of);
    return this.#importer;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => undefined);
    return turn.catch((error: unknown) => {
      // What it believes about the records may be wrong now.
      this.#importer = undefined;
      throw error;
    });
  }
}
