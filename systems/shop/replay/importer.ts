import { RefusedError, type Change, type Refusal } from "ashlar/engine";
import { KitError } from "ashlar/errors";
import type { RunOutcome } from "ashlar/saga";
import { commitPlanned, isConflict, type PlannedCommit } from "../commit-loop.ts";
import type { Product } from "../catalog/mod.ts";
import { returnToSale } from "../inventory/mod.ts";
import { sumMinor } from "../money.ts";
import { planCertain } from "../planning.ts";
import type { PlannedReturn } from "../returns/mod.ts";
import type { Shop } from "../shop.ts";
import {
  classifyInvoice,
  type ClassifiedInvoice,
  type InvoiceGroup,
  type InvoiceMeaning,
  type WriteOff,
} from "./classify-invoice.ts";
import { InFlight } from "./in-flight.ts";
import type { Line } from "./line.ts";
import { isProgressCell, loadProgress, progressChanges, type ProgressState, type ReplaySettings } from "./progress.ts";
import { quarantineChanges } from "./quarantine.ts";

/** Another process imports into the same data, or the same file was begun with other settings. */
class ReplayConflictError extends KitError {
  readonly code = "REPLAY_CONFLICT";
  readonly retryable = false;
}

/** The saga of an order or return stands still, or ended by a fault of the program instead of a decision. */
class BrokenRunError extends KitError {
  readonly code = "BROKEN_RUN";
  readonly retryable = false;
}

export interface ImporterOptions {
  readonly shop: Shop;
  readonly settings: ReplaySettings;
  readonly file: { readonly id: string; readonly name: string };
}

/** Orders and returns under way at once; enough to fill every shared transaction, few enough to wait for at the close of a day. */
const inFlightMax = 256;
/** Products put back on sale in one commit. */
const returnedAtOnce = 2_000;
/** Invoices and lines that share a commit at most. */
const batchMax = 32;
const batchLinesMax = 2_000;
const idKeptMs = 100 * 365 * 86_400_000;
const twice = "an invoice that was imported before";

/** Imports the invoices of one file, each in the commit that records how far the import is: once, however often it is killed. */
export class Importer {
  readonly #options: ImporterOptions;
  readonly #inFlight = new InFlight(inFlightMax);
  #state: ProgressState;
  #ordersPlaced = 0;
  #batch: ClassifiedInvoice[] = [];
  #batchLines = 0;
  /** Aborted when a run cannot go on: others may wait for its turn at the stock for ever. */
  readonly #broken = new AbortController();

  private constructor(options: ImporterOptions, state: ProgressState) {
    this.#options = options;
    this.#state = state;
  }

  /** Finds out where the import stands. Throws {@link ReplayConflictError} when it was begun with other settings. */
  static async open(options: ImporterOptions): Promise<Importer> {
    const { file, settings, shop } = options;
    const state = await loadProgress(shop.engine, file.id, { name: file.name, settings });
    const { stock, faults, seed } = state.file.settings;
    const isSame = stock === settings.stock && faults === settings.faults && seed === settings.seed;
    if (!isSame && state.file.end === "ahead")
      throw new ReplayConflictError(
        `the import of this file was begun with --stock ${stock} --faults ${faults} --seed ${seed}; go on with these, or use another --data`,
      );
    return new Importer(options, state);
  }

  get progress(): ProgressState["file"] {
    return this.#state.file;
  }

  /** Invoices of the file that are imported or gathered. */
  get invoices(): number {
    return this.#state.file.groups + this.#batch.length;
  }

  /** Orders placed by this importer. */
  get ordersPlaced(): number {
    return this.#ordersPlaced;
  }

  get inFlight(): number {
    return this.#inFlight.count;
  }

  /** Waits for what a killed process has left under way: invoices that come later must find it ended. */
  async finishInterrupted(): Promise<void> {
    for await (const run of this.#options.shop.openRuns()) this.#inFlight.add(undefined, run.ended());
    await this.#inFlight.idle();
  }

  /** Takes the next invoice. Plain orders are gathered, so that many share a commit; whatever depends on what came before it is
   *  imported behind them, alone. An order or return goes on by itself once it is durable. */
  async add(group: InvoiceGroup): Promise<void> {
    this.#broken.signal.throwIfAborted();
    const classified = classifyInvoice(group);
    const [first] = classified.accepted;
    if (first !== undefined) await this.#openDay(first.time.slice(0, 10));
    const isFull = this.#batchLines + group.lines.length > batchLinesMax;
    const isRepeated = this.#batch.some(({ invoice }) => invoice === classified.invoice);
    if (isFull || isRepeated || !isIndependent(classified)) await this.flush();
    // What a customer sends back is matched against purchases that have ended, whichever way.
    if (classified.meaning.kind === "return" && first?.customer !== undefined)
      await this.#inFlight.customerIdle(first.customer);
    this.#batch.push(classified);
    this.#batchLines += group.lines.length;
    if (this.#batch.length >= batchMax || !isIndependent(classified)) await this.flush();
  }

  /** Imports what was gathered, in one commit. */
  async flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#batchLines = 0;
    if (batch.length === 0) return;
    await this.#inFlight.room();
    if ((await this.#import(batch)) === undefined) return;
    // One of them was imported before: each for itself, then.
    for (const classified of batch)
      if ((await this.#import([classified])) !== undefined) await this.#import([asRepeated(classified)]);
  }

  /** Waits until everything has ended. */
  async finish(end: "limit" | "end of file"): Promise<void> {
    await this.flush();
    await this.#inFlight.idle();
    if (end === "limit" || this.progress.end === "reached") return;
    const next = { file: { ...this.#state.file, end: "reached" as const }, clock: this.#state.clock };
    await this.#commit(next, (changes) => Promise.resolve({ changes, committed: () => undefined }));
  }

  /** Returns the refusal when an invoice was imported before; then none of them is imported. */
  async #import(batch: readonly ClassifiedInvoice[]): Promise<Refusal | undefined> {
    const { shop, file } = this.#options;
    const started: { sagas: readonly boolean[] } = { sagas: [] };
    const refusal = await this.#commit(this.#after(batch), async (progress) => {
      const quarantine = batch.flatMap((classified) => quarantineChanges(file.id, classified.quarantine));
      const sighted = await shop.catalog.sighted(productsOf(batch));
      const plans = await this.#plans(batch);
      started.sagas = plans.map(({ saga }) => saga === "started");
      return {
        changes: [...progress, ...quarantine, ...sighted, ...plans.flatMap(({ changes }) => changes)],
        committed: (result) => {
          for (const plan of plans) plan.committed(result);
          if (!result.committed) shop.catalog.forget();
        },
      };
    });
    if (refusal !== undefined) return refusal;
    for (const [index, classified] of batch.entries()) if (started.sagas[index] === true) this.#follow(classified);
    return undefined;
  }

  async #plans(batch: readonly ClassifiedInvoice[]): Promise<readonly PlannedReturn[]> {
    const plans: PlannedReturn[] = [];
    let { ticket } = this.#state.clock;
    // One after the other: each takes the tickets behind the ones before it.
    for (const classified of batch) {
      plans.push(await this.#plan(classified, ticket));
      ticket += ticketsOf(classified);
    }
    return plans;
  }

  #follow({ meaning, accepted, invoice = "" }: ClassifiedInvoice): void {
    const { orders, returns } = this.#options.shop;
    if (meaning.kind === "order") this.#ordersPlaced += 1;
    const ended = meaning.kind === "order" ? orders.ended(invoice) : returns.ended(invoice);
    this.#inFlight.add(accepted[0]?.customer, ended);
    void ended.then((outcome) => {
      if (isBroken(outcome)) this.#broken.abort(new BrokenRunError(`${invoice} is stuck: ${JSON.stringify(outcome)}`));
    }, ignored);
  }

  async #plan({ meaning, accepted, invoice = "" }: ClassifiedInvoice, ticket: number): Promise<PlannedReturn> {
    const { shop } = this.#options;
    const [first] = accepted;
    if (meaning.kind === "nothing" || first === undefined)
      return { changes: [], committed: () => undefined, saga: "none" };
    const seen: Change = { op: "seen", consumer: "invoices", id: invoice, keepMs: idKeptMs };
    switch (meaning.kind) {
      case "adjustment": {
        const posting = shop.payments.postAdjustment(invoice, meaning.amountMinor);
        return { changes: [seen, ...posting], committed: () => undefined, saga: "none" };
      }
      case "return": {
        const request = { id: invoice, customer: first.customer, placedAt: first.time, lines: meaning.lines };
        return await shop.returns.requesting(request, [seen]);
      }
      case "order":
        return await this.#planOrder({ invoice, first, meaning, ticket }, seen);
      default:
        throw new Error(`unknown meaning ${meaning satisfies never}`);
    }
  }

  async #planOrder({ invoice, first, meaning, ticket }: OrderInvoice, seen: Change): Promise<PlannedReturn> {
    const { shop } = this.#options;
    const writeOff = meaning.writeOffs.length === 0 ? undefined : await this.#planWriteOff(invoice, meaning, ticket);
    const also = [seen, ...(writeOff?.changes ?? [])];
    if (meaning.lines.length === 0)
      return { changes: also, committed: (result) => writeOff?.committed(result), saga: "none" };
    const order = {
      lines: meaning.lines,
      ...(first.customer === undefined ? {} : { customer: first.customer }),
      country: first.country,
      placedAt: first.time,
      totalMinor: sumMinor(meaning.lines.map((line) => line.totalMinor)),
      ticket: writeOff === undefined ? ticket : ticket + 1,
    };
    const placing = shop.orders.placing(invoice, order, also);
    return {
      changes: placing.changes,
      committed: (result) => {
        writeOff?.committed(result);
        placing.committed(result);
      },
      saga: "started",
    };
  }

  /** What is written off is missing for the orders behind it and not for those before: it takes its turn like them. */
  async #planWriteOff(invoice: string, { writeOffs }: OrderInvoice["meaning"], ticket: number): Promise<PlannedCommit> {
    const { shop } = this.#options;
    await shop.tickets.turn(ticket, { signal: this.#broken.signal });
    const calls = shop.inventory.writeOff(invoice, unitsOf(writeOffs));
    const planned = await planCertain(shop.store, calls);
    return {
      changes: [...planned.changes, shop.tickets.decided(ticket)],
      committed: (result) => {
        planned.committed(result);
        if (result.committed) shop.tickets.granted(ticket);
      },
    };
  }

  /** Closes the day that is open, once all its orders and returns have ended: what came back goes on sale. */
  async #openDay(day: string): Promise<void> {
    if (day === this.#state.clock.day) return;
    await this.flush();
    await this.#inFlight.idle();
    const { shop } = this.#options;
    for (let left = returnedAtOnce; left === returnedAtOnce;) {
      const { calls, cells } = await returnToSale(shop.engine, returnedAtOnce);
      left = calls.length;
      const isLast = left < returnedAtOnce;
      const clock = isLast ? { ...this.#state.clock, day } : this.#state.clock;
      await this.#commit({ file: this.#state.file, clock }, async (progress) => {
        const planned = await planCertain(shop.store, calls);
        return { changes: [...progress, ...planned.changes, ...cells], committed: planned.committed };
      });
    }
  }

  /** Commits with the records of progress; returns a refusal that says that the invoice was imported before. */
  async #commit(
    next: Next,
    plan: (progress: readonly Change[]) => Promise<PlannedCommit>,
  ): Promise<Refusal | undefined> {
    const { file, shop } = this.#options;
    const progress = progressChanges(file.id, this.#state, next);
    const result = await commitPlanned(shop.engine, () => plan(progress), isPassing);
    if (result.committed) {
      const [fileVersion, clockVersion] = result.outcomes.map((outcome) =>
        outcome.op === "put" ? outcome.version : 0,
      );
      this.#state = { ...next, fileVersion: fileVersion ?? 0, clockVersion: clockVersion ?? 0 };
      return undefined;
    }
    const { refusal } = result;
    if (refusal.kind === "already-seen") return refusal;
    if (refusal.kind === "cell-conflict")
      throw new ReplayConflictError("another process imports into the same data; wait for it, or use another --data");
    throw new RefusedError(refusal);
  }

  /** The records once these invoices are done. */
  #after(batch: readonly ClassifiedInvoice[]): Next {
    const { file, clock } = this.#state;
    const accepted = sumOf(batch, (classified) => classified.accepted.length);
    const quarantined = sumOf(batch, (classified) => classified.quarantine.length);
    return {
      file: {
        ...file,
        groups: file.groups + batch.length,
        read: file.read + accepted + quarantined,
        accepted: file.accepted + accepted,
        quarantined: file.quarantined + quarantined,
      },
      clock: { ...clock, ticket: clock.ticket + sumOf(batch, ticketsOf) },
    };
  }
}

type Next = Pick<ProgressState, "file" | "clock">;

interface OrderInvoice {
  readonly invoice: string;
  readonly first: Line;
  readonly meaning: Extract<InvoiceMeaning, { kind: "order" }>;
  /** First of its tickets. */
  readonly ticket: number;
}

/** A decision ends a run as completed or with a reason of the business. Everything else is a fault that only people can mend. */
function isBroken(outcome: RunOutcome): boolean {
  if (outcome.status !== "failed") return outcome.status === "needs-attention";
  // A later step that failed was undone, and the order rejected.
  return outcome.failure.step !== undefined && outcome.compensated.length === 0;
}

function ignored(): void {
  // The shop is being closed; what was under way goes on at the next opening.
}

/** Whether an invoice can share a commit with those around it: it needs neither a turn at the stock nor purchases that have ended. */
function isIndependent({ meaning }: ClassifiedInvoice): boolean {
  return meaning.kind !== "return" && !(meaning.kind === "order" && meaning.writeOffs.length > 0);
}

/** An order takes one turn at the stock, and its write-offs another one before it. */
function ticketsOf({ meaning }: ClassifiedInvoice): number {
  return meaning.kind === "order" ? Math.min(1, meaning.lines.length) + Math.min(1, meaning.writeOffs.length) : 0;
}

function productsOf(batch: readonly ClassifiedInvoice[]): readonly Product[] {
  return batch.flatMap(({ accepted }) =>
    accepted.map(({ code, description, price }) => ({ code, name: description, price })),
  );
}

function sumOf(batch: readonly ClassifiedInvoice[], count: (classified: ClassifiedInvoice) => number): number {
  return batch.reduce((sum, classified) => sum + count(classified), 0);
}

/** Planning anew does not help against another importer: it would import everything a second time. */
function isPassing(refusal: Refusal): boolean {
  return isConflict(refusal) && !(refusal.kind === "cell-conflict" && isProgressCell(refusal.cell));
}

function asRepeated(classified: ClassifiedInvoice): ClassifiedInvoice {
  const repeated = classified.accepted.map(({ number, invoice, text }) => ({ number, invoice, reason: twice, text }));
  return {
    ...classified,
    meaning: { kind: "nothing" },
    accepted: [],
    quarantine: [...classified.quarantine, ...repeated],
  };
}

function unitsOf(writeOffs: readonly WriteOff[]): readonly WriteOff[] {
  const units = new Map<string, number>();
  for (const { code, quantity } of writeOffs) units.set(code, (units.get(code) ?? 0) + quantity);
  return Array.from(units, ([code, quantity]) => ({ code, quantity }));
}
