import { RefusedError, type Change, type Engine, type Refusal } from "ashlar/engine";
import { KitError } from "ashlar/errors";
import type { RunOutcome } from "ashlar/saga";
import type { ImportState, ImportedInvoice, InvoiceMeaning } from "../../contracts/mod.ts";
import type { Units } from "../../goods.ts";
import { commitPlanned, isConflict, type PlannedCommit } from "../../commit-loop.ts";
import { sumMinor } from "../../money.ts";
import type { Neighbours } from "../order-saga.ts";
import type { Orders } from "../orders.ts";
import type { PlannedReturn, Returns } from "../returns.ts";
import type { Corrections } from "./corrections.ts";
import { InFlight } from "./in-flight.ts";
import { isProgressCell, loadProgress, progressChanges, type ImportSettings, type ProgressState } from "./progress.ts";
import { quarantineChanges } from "./quarantine.ts";

/** Another process imports into the same data, or the same file was begun with other settings. */
export class ImportConflictError extends KitError {
  readonly code = "IMPORT_CONFLICT";
  readonly retryable = false;
}

/** Another process of the service has moved the records on; go on from where they are. */
export class ImportMovedError extends KitError {
  readonly code = "IMPORT_MOVED";
  readonly retryable = true;
}

/** The saga of an order or return stands still, or ended by a fault of the program instead of a decision. */
class BrokenRunError extends KitError {
  readonly code = "BROKEN_RUN";
  readonly retryable = false;
}

/** What an importer works with. */
export interface ImportOptions {
  readonly engine: Engine;
  readonly orders: Orders;
  readonly returns: Returns;
  readonly corrections: Corrections;
  readonly inventory: Neighbours["inventory"];
  readonly settings: ImportSettings;
  /** Orders and returns that have been started and have not ended. */
  readonly openRuns: () => AsyncIterable<{ ended(): Promise<RunOutcome> }>;
}

/** Which file, and for whom. */
export interface ImportOf {
  readonly file: string;
  readonly importer: string;
}

/** Orders and returns under way at once; enough to fill every shared transaction, few enough to wait for at the close of a day. */
const inFlightMax = 256;
/** Invoices that share a commit at most. */
const batchMax = 32;
/** Between two looks at a queue that is emptying. */
const lookMs = 5;
const idKeptMs = 100 * 365 * 86_400_000;

/** Imports the invoices of one file, each in the commit that records how far the import is: once, however often it is killed or told. */
export class Importer {
  readonly #options: ImportOptions;
  readonly #of: ImportOf;
  readonly #inFlight = new InFlight(inFlightMax);
  #state: ProgressState;
  /** Aborted when a run cannot go on: others may wait for its turn at the stock for ever. */
  readonly #broken = new AbortController();

  private constructor(options: ImportOptions, of: ImportOf, state: ProgressState) {
    this.#options = options;
    this.#of = of;
    this.#state = state;
  }

  /** Takes over the import of a file, under the name of who imports it from now on. Throws {@link ImportConflictError} when it was begun with
   *  other settings. */
  static async begin(options: ImportOptions, of: ImportOf, name: string): Promise<Importer> {
    const { engine, settings } = options;
    for (;;) {
      const state = await loadProgress(engine, of.file, { name, settings, importer: of.importer });
      const { stock, faults, seed } = state.file.settings;
      const isSame = stock === settings.stock && faults === settings.faults && seed === settings.seed;
      if (!isSame && state.file.end === "ahead")
        throw new ImportConflictError(
          `the import of this file was begun with --stock ${stock} --faults ${faults} --seed ${seed}; go on with these, or use another --data`,
        );
      const importer = new Importer(options, of, state);
      const next = { file: { ...state.file, importer: of.importer }, clock: state.clock };
      const result = await engine.commit(progressChanges(of.file, state, next));
      if (!result.committed) continue;
      importer.#moved(next, result.outcomes);
      await importer.#finishInterrupted();
      return importer;
    }
  }

  /** Goes on where another process of the service stopped. Throws {@link ImportConflictError} when somebody else has taken over. */
  static async resume(options: ImportOptions, of: ImportOf): Promise<Importer> {
    const { engine, settings } = options;
    const state = await loadProgress(engine, of.file, { name: of.file, settings, importer: "" });
    if (state.file.importer !== of.importer) throw takenOver();
    const importer = new Importer(options, of, state);
    await importer.#finishInterrupted();
    return importer;
  }

  isOf({ file, importer }: ImportOf): boolean {
    return this.#of.file === file && this.#of.importer === importer;
  }

  /** Whether the records are as this importer left them: no other process has gone on with them. */
  async isCurrent(): Promise<boolean> {
    const { engine, settings } = this.#options;
    const { file, importer } = this.#of;
    const { fileVersion, clockVersion } = await loadProgress(engine, file, { name: file, settings, importer });
    return fileVersion === this.#state.fileVersion && clockVersion === this.#state.clockVersion;
  }

  get state(): ImportState {
    const { groups, read, end } = this.#state.file;
    return { groups, read, end, underWay: this.#inFlight.count };
  }

  /** Imports invoices that follow `after` others of the file; those that are there already are passed over. Returns the place of the first
   *  that was imported before, with another file or place; then none behind it is imported. */
  async add(after: number, invoices: readonly ImportedInvoice[]): Promise<number | undefined> {
    const { groups } = this.#state.file;
    if (after > groups) throw new ImportConflictError(`${after} invoices are said to be there, and ${groups} are`);
    let place = groups - after;
    while (place < invoices.length) {
      this.#broken.signal.throwIfAborted();
      const batch = this.#batchFrom(invoices, place);
      await this.#ready(batch);
      const repeated = await this.#import(batch);
      if (repeated === undefined) place += batch.length;
      else if (batch.length === 1) return place;
      else {
        // One of them was imported before: each for itself, then.
        for (const invoice of batch) {
          if ((await this.#import([invoice])) !== undefined) return place;
          place += 1;
        }
      }
    }
    return undefined;
  }

  /** Waits until everything has ended. */
  async finish(end: "ahead" | "reached"): Promise<void> {
    await this.#idle();
    if (end === "ahead" || this.#state.file.end === "reached") return;
    const next = { file: { ...this.#state.file, end }, clock: this.#state.clock };
    await this.#commit(next, (changes) => Promise.resolve({ changes, committed: () => undefined }));
  }

  /** Waits for what a killed process has left under way: invoices that come later must find it ended. */
  async #finishInterrupted(): Promise<void> {
    for await (const run of this.#options.openRuns()) this.#inFlight.add(undefined, run.ended());
    await this.#inFlight.idle();
  }

  /** Invoices of one day share a commit, until one depends on something that has not ended. */
  #batchFrom(invoices: readonly ImportedInvoice[], place: number): readonly ImportedInvoice[] {
    const [first, ...rest] = invoices.slice(place, place + batchMax);
    if (first === undefined) return [];
    const numbers = new Set([numberOf(first)]);
    const customers = new Set([customerOf(first)]);
    const end = rest.findIndex((invoice) => {
      const customer = customerOf(invoice);
      const isOther = invoice.day !== undefined && invoice.day !== first.day;
      const isRepeated = numbers.has(numberOf(invoice));
      const mustWait =
        isReturn(invoice) && customer !== undefined && (customers.has(customer) || this.#inFlight.has(customer));
      numbers.add(numberOf(invoice));
      customers.add(customer);
      return isOther || isRepeated || mustWait;
    });
    return [first, ...(end === -1 ? rest : rest.slice(0, end))];
  }

  async #ready(batch: readonly ImportedInvoice[]): Promise<void> {
    const day = batch.find((invoice) => invoice.day !== undefined)?.day;
    if (day !== undefined) await this.#openDay(day);
    const [{ meaning } = { meaning: { kind: "nothing" as const } }] = batch;
    // What a customer sends back is matched against purchases that have ended, whichever way.
    if (meaning.kind === "return" && meaning.customer !== undefined)
      await this.#inFlight.customerIdle(meaning.customer);
    await this.#inFlight.room();
  }

  /** Returns the refusal when an invoice was imported before; then none of them is imported. */
  async #import(batch: readonly ImportedInvoice[]): Promise<Refusal | undefined> {
    const started: { sagas: readonly boolean[] } = { sagas: [] };
    const refusal = await this.#commit(this.#after(batch), async (progress) => {
      const quarantine = batch.flatMap((invoice) => quarantineChanges(this.#of.file, invoice.quarantine));
      const plans = await this.#plans(batch);
      started.sagas = plans.map(({ saga }) => saga === "started");
      return {
        changes: [...progress, ...quarantine, ...plans.flatMap(({ changes }) => changes)],
        committed: (result) => {
          for (const plan of plans) plan.committed(result);
        },
      };
    });
    if (refusal !== undefined) return refusal;
    for (const [index, { meaning }] of batch.entries()) if (started.sagas[index] === true) this.#follow(meaning);
    return undefined;
  }

  async #plans(batch: readonly ImportedInvoice[]): Promise<readonly PlannedReturn[]> {
    const plans: PlannedReturn[] = [];
    let { ticket } = this.#state.clock;
    // One after the other: each takes the tickets behind the ones before it.
    for (const { meaning } of batch) {
      plans.push(await this.#plan(meaning, ticket));
      ticket += ticketsOf(meaning);
    }
    return plans;
  }

  #follow(meaning: InvoiceMeaning): void {
    if (meaning.kind !== "order" && meaning.kind !== "return") return;
    const { orders, returns } = this.#options;
    const { invoice, customer } = meaning;
    const ended = meaning.kind === "order" ? orders.ended(invoice) : returns.ended(invoice);
    this.#inFlight.add(customer, ended);
    void ended.then((outcome) => {
      if (isBroken(outcome)) this.#broken.abort(new BrokenRunError(`${invoice} is stuck: ${JSON.stringify(outcome)}`));
    }, ignored);
  }

  async #plan(meaning: InvoiceMeaning, ticket: number): Promise<PlannedReturn> {
    const { corrections, returns } = this.#options;
    switch (meaning.kind) {
      case "nothing":
        return { changes: [], committed: () => undefined, saga: "none" };
      case "adjustment": {
        const { invoice, amountMinor } = meaning;
        const changes = [seen(invoice), corrections.change({ kind: "adjust", invoice, amountMinor })];
        return { changes, committed: () => undefined, saga: "none" };
      }
      case "return": {
        const { invoice: id, customer, placedAt, lines } = meaning;
        return await returns.requesting({ id, customer, placedAt, lines }, [seen(id)]);
      }
      case "order":
        return this.#planOrder(meaning, ticket);
      default:
        throw new Error(`unknown meaning ${meaning satisfies never}`);
    }
  }

  #planOrder(meaning: Extract<InvoiceMeaning, { kind: "order" }>, ticket: number): PlannedReturn {
    const { corrections, orders } = this.#options;
    const { invoice, customer, country, placedAt, lines, writeOffs } = meaning;
    const also: Change[] = [seen(invoice)];
    // What is written off is missing for the orders behind it and not for those before: it takes its turn like them.
    if (writeOffs.length > 0) also.push(corrections.change(writeOff(invoice, writeOffs, ticket)));
    if (lines.length === 0) return { changes: also, committed: () => undefined, saga: "none" };
    const order = {
      lines,
      ...(customer === undefined ? {} : { customer }),
      country,
      placedAt,
      totalMinor: sumMinor(lines.map((line) => line.totalMinor)),
      ticket: writeOffs.length > 0 ? ticket + 1 : ticket,
    };
    return { ...orders.placing(invoice, order, also), saga: "started" };
  }

  /** Closes the day that is open, once all its orders and returns have ended: what came back goes on sale. */
  async #openDay(day: string): Promise<void> {
    if (day === this.#state.clock.day) return;
    await this.#idle();
    await this.#options.inventory.closeDay({});
    const next = { file: this.#state.file, clock: { ...this.#state.clock, day } };
    await this.#commit(next, (changes) => Promise.resolve({ changes, committed: () => undefined }));
  }

  /** Nothing of what was imported is under way any more. */
  async #idle(): Promise<void> {
    const { corrections, engine } = this.#options;
    await this.#inFlight.idle();
    while ((await corrections.open()) > 0) await engine.clock.sleep(lookMs);
    this.#broken.signal.throwIfAborted();
  }

  /** Commits with the records of progress; returns a refusal that says that the invoice was imported before. */
  async #commit(
    next: Next,
    plan: (progress: readonly Change[]) => Promise<PlannedCommit>,
  ): Promise<Refusal | undefined> {
    const progress = progressChanges(this.#of.file, this.#state, next);
    const result = await commitPlanned(this.#options.engine, () => plan(progress), isPassing);
    if (result.committed) {
      this.#moved(next, result.outcomes);
      return undefined;
    }
    const { refusal } = result;
    if (refusal.kind === "already-seen") return refusal;
    if (refusal.kind === "cell-conflict") throw new ImportMovedError("another process has gone on with this import");
    throw new RefusedError(refusal);
  }

  /** The progress was committed: it comes first among the changes. */
  #moved(next: Next, outcomes: readonly { readonly op: string; readonly version?: number }[]): void {
    const [fileVersion = 0, clockVersion = 0] = outcomes.map(({ version }) => version);
    this.#state = { ...next, fileVersion, clockVersion };
  }

  /** The records once these invoices are done. */
  #after(batch: readonly ImportedInvoice[]): Next {
    const { file, clock } = this.#state;
    const accepted = sumOf(batch, (invoice) => invoice.accepted);
    const quarantined = sumOf(batch, (invoice) => invoice.quarantine.length);
    return {
      file: {
        ...file,
        groups: file.groups + batch.length,
        read: file.read + accepted + quarantined,
        accepted: file.accepted + accepted,
        quarantined: file.quarantined + quarantined,
        writtenOff: file.writtenOff + sumOf(batch, ({ meaning }) => missingIn(meaning)),
        adjustedMinor:
          file.adjustedMinor + sumOf(batch, ({ meaning }) => (meaning.kind === "adjustment" ? meaning.amountMinor : 0)),
      },
      clock: { ...clock, ticket: clock.ticket + sumOf(batch, ({ meaning }) => ticketsOf(meaning)) },
    };
  }
}

type Next = Pick<ProgressState, "file" | "clock">;

function takenOver(): ImportConflictError {
  return new ImportConflictError("another process imports into the same data; wait for it, or use another --data");
}

function seen(invoice: string): Change {
  return { op: "seen", consumer: "invoices", id: invoice, keepMs: idKeptMs };
}

function writeOff(invoice: string, writeOffs: readonly Units[], ticket: number): Parameters<Corrections["change"]>[0] {
  return { kind: "write off", invoice, goods: unitsOf(writeOffs), ticket };
}

/** Also what is only charged otherwise: what a count misses was there. */
function unitsOf(writeOffs: readonly Units[]): readonly Units[] {
  const units = new Map<string, number>();
  for (const { code, quantity } of writeOffs) units.set(code, (units.get(code) ?? 0) + quantity);
  return Array.from(units, ([code, quantity]) => ({ code, quantity }));
}

/** A decision ends a run as completed or with a reason of the business. Everything else is a fault that only people can mend. */
function isBroken(outcome: RunOutcome): boolean {
  if (outcome.status !== "failed") return outcome.status === "needs-attention";
  // A later step that failed was undone, and the order rejected.
  return outcome.failure.step !== undefined && outcome.compensated.length === 0;
}

function ignored(): void {
  // The service is being closed; what was under way goes on at the next opening.
}

function isReturn({ meaning }: ImportedInvoice): boolean {
  return meaning.kind === "return";
}

function customerOf({ meaning }: ImportedInvoice): string | undefined {
  return meaning.kind === "order" || meaning.kind === "return" ? meaning.customer : undefined;
}

function numberOf({ meaning }: ImportedInvoice): string | symbol {
  return meaning.kind === "nothing" ? Symbol("no invoice") : meaning.invoice;
}

/** An order takes one turn at the stock, and its write-offs another one before it. */
function ticketsOf(meaning: InvoiceMeaning): number {
  return meaning.kind === "order" ? Math.min(1, meaning.lines.length) + Math.min(1, meaning.writeOffs.length) : 0;
}

/** Units that an invoice says are missing. */
function missingIn(meaning: InvoiceMeaning): number {
  return meaning.kind === "order" ? meaning.writeOffs.reduce((sum, { quantity }) => sum + quantity, 0) : 0;
}

function sumOf(batch: readonly ImportedInvoice[], count: (invoice: ImportedInvoice) => number): number {
  return batch.reduce((sum, invoice) => sum + count(invoice), 0);
}

/** Planning anew does not help against another importer: it would import everything a second time. */
function isPassing(refusal: Refusal): boolean {
  return isConflict(refusal) && !(refusal.kind === "cell-conflict" && isProgressCell(refusal.cell));
}
