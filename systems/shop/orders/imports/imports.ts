import type { ImportState, ImportedInvoice } from "../../contracts/mod.ts";
import { ImportMovedError, Importer, type ImportOf, type ImportOptions } from "./importer.ts";

// Each time somebody else has imported something: whoever is slower so often leaves it to the others.
const movesMax = 20;

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
    return this.#goingOn(async () => {
      const importer = await this.#of(of);
      const repeated = await importer.add(after, invoices);
      return repeated === undefined ? { state: importer.state } : { state: importer.state, repeated };
    });
  }

  finish(of: ImportOf, end: "ahead" | "reached"): Promise<ImportState> {
    return this.#goingOn(async () => {
      const importer = await this.#of(of);
      await importer.finish(end);
      return importer.state;
    });
  }

  /** The importer of this process, or, when another process had it meanwhile, one that goes on from there. */
  async #of(of: ImportOf): Promise<Importer> {
    if (this.#importer?.isOf(of) === true && (await this.#importer.isCurrent())) return this.#importer;
    this.#importer = await Importer.resume(this.#options, of);
    return this.#importer;
  }

  /** Again when another process, which had been asked the same before, was faster: the records say how far it came. */
  #goingOn<T>(work: () => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      for (let attempt = 1; ; attempt++)
        try {
          return await work();
        } catch (error) {
          this.#importer = undefined;
          if (!(error instanceof ImportMovedError) || attempt === movesMax) throw error;
        }
    });
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
