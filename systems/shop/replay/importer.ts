import { RefusedError, type Change, type Refusal } from "ashlar/engine";
import { InvariantError, KitError } from "ashlar/errors";
import { commitPlanned, isConflict, type PlannedCommit } from "../commit-loop.ts";
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
export class ReplayConflictError extends KitError {
  readonly code = "REPLAY_CONFLICT";
  readonly retryable = false;
}

export interface ImporterOptions {
  readonly shop: Shop;
  readonly settings: ReplaySettings;
  readonly file: { readonly id: string; readonly name: string };
  readonly signal: AbortSignal;
}

/** Orders and returns under way at once; enough to fill every shared transaction, few enough to wait for at the close of a day. */
export const inFlightMax = 256;
/** Products put back on sale in one commit. */
const returnedAtOnce = 2_000;
const idKeptMs = 100 * 365 * 86_400_000;
const twice = "an invoice that was imported before";

/** Imports the invoices of one file, each in one commit with the record of how far the import is. */
export class Importer {
  readonly #options: ImporterOptions;
  readonly #inFlight = new InFlight(inFlightMax);
  #state: ProgressState;
  #ordersPlaced = 0;

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

  /** Imports the next invoice. Resolves when it is durable; its order or return goes on by itself. */
  async add(group: InvoiceGroup): Promise<void> {
    const classified = classifyInvoice(group);
    const [first] = classified.accepted;
    if (first !== undefined) await this.#openDay(first.time.slice(0, 10));
    await this.#inFlight.room();
    // What a customer sends back is matched against purchases that have ended, whichever way.
    if (classified.meaning.kind === "return" && first?.customer !== undefined)
      await this.#inFlight.customerIdle(first.customer);
    const refusal = await this.#import(classified);
    if (refusal?.kind === "already-seen") await this.#import(asRepeated(classified));
  }

  /** Waits until everything has ended. */
  async finish(end: "limit" | "end of file"): Promise<void> {
    await this.#inFlight.idle();
    if (end === "limit" || this.progress.end === "reached") return;
    const next = { file: { ...this.#state.file, end: "reached" as const }, clock: this.#state.clock };
    await this.#commit(next, (changes) => Promise.resolve({ changes, committed: () => undefined }));
  }

  async #import(classified: ClassifiedInvoice): Promise<Refusal | undefined> {
    const { shop } = this.#options;
    const { meaning, accepted, invoice } = classified;
    const outcome: { saga: PlannedReturn["saga"] } = { saga: "none" };
    const refusal = await this.#commit(this.#after(classified), async (progress) => {
      const changes = [...progress, ...quarantineChanges(this.#options.file.id, classified.quarantine)];
      if (invoice === undefined || meaning.kind === "nothing") return { changes, committed: () => undefined };
      const seen = { op: "seen", consumer: "invoices", id: invoice, keepMs: idKeptMs } as const;
      const sighted = await shop.catalog.sighted(
        accepted.map(({ code, description, price }) => ({ code, name: description, price })),
      );
      const planned = await this.#plan(classified, invoice, [...changes, seen, ...sighted]);
      outcome.saga = planned.saga;
      return {
        changes: planned.changes,
        committed: (result) => {
          planned.committed(result);
          if (!result.committed) shop.catalog.forget();
        },
      };
    });
    if (refusal === undefined && invoice !== undefined && outcome.saga === "started") this.#follow(classified, invoice);
    return refusal;
  }

  #follow({ meaning, accepted }: ClassifiedInvoice, invoice: string): void {
    const { orders, returns } = this.#options.shop;
    if (meaning.kind === "order") this.#ordersPlaced += 1;
    const ended = meaning.kind === "order" ? orders.ended(invoice) : returns.ended(invoice);
    this.#inFlight.add(accepted[0]?.customer, ended);
  }

  async #plan(classified: ClassifiedInvoice, invoice: string, changes: readonly Change[]): Promise<PlannedReturn> {
    const { shop } = this.#options;
    const { meaning, accepted } = classified;
    const [first] = accepted;
    if (first === undefined) throw new InvariantError("an invoice that means something has a line");
    switch (meaning.kind) {
      case "nothing":
        return { changes, committed: () => undefined, saga: "none" };
      case "adjustment": {
        const posting = shop.payments.postAdjustment(invoice, meaning.amountMinor);
        return { changes: [...changes, ...posting], committed: () => undefined, saga: "none" };
      }
      case "return":
        return shop.returns.requesting(
          { id: invoice, customer: first.customer, placedAt: first.time, lines: meaning.lines },
          changes,
        );
      case "order":
        return this.#planOrder({ invoice, first, meaning }, changes);
      default:
        throw new Error(`unknown meaning ${meaning satisfies never}`);
    }
  }

  async #planOrder({ invoice, first, meaning }: OrderInvoice, changes: readonly Change[]): Promise<PlannedReturn> {
    const { shop } = this.#options;
    const { ticket } = this.#state.clock;
    const writeOff = meaning.writeOffs.length === 0 ? undefined : await this.#planWriteOff(invoice, meaning, ticket);
    const also = [...changes, ...(writeOff?.changes ?? [])];
    if (meaning.lines.length === 0)
      return { changes: also, committed: (result) => writeOff?.committed(result), saga: "none" };
    const placing = await shop.orders.placing(
      invoice,
      {
        lines: meaning.lines,
        ...(first.customer === undefined ? {} : { customer: first.customer }),
        country: first.country,
        placedAt: first.time,
        totalMinor: sumMinor(meaning.lines.map((line) => line.totalMinor)),
        ticket: writeOff === undefined ? ticket : ticket + 1,
      },
      also,
    );
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
    const { shop, signal } = this.#options;
    await shop.tickets.turn(ticket, { signal });
    const calls = shop.inventory.writeOff(invoice, unitsOf(writeOffs));
    const planned = await planCertain(shop.store, calls);
    return { changes: [...planned.changes, shop.tickets.decided(ticket)], committed: planned.committed };
  }

  /** Closes the day that is open, once all its orders and returns have ended: what came back goes on sale. */
  async #openDay(day: string): Promise<void> {
    if (day === this.#state.clock.day) return;
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

  /** The records once this invoice is done. */
  #after({ meaning, accepted, quarantine }: ClassifiedInvoice): Next {
    const { file, clock } = this.#state;
    const tickets =
      meaning.kind === "order" ? Math.min(1, meaning.lines.length) + Math.min(1, meaning.writeOffs.length) : 0;
    return {
      file: {
        ...file,
        groups: file.groups + 1,
        read: file.read + accepted.length + quarantine.length,
        accepted: file.accepted + accepted.length,
        quarantined: file.quarantined + quarantine.length,
      },
      clock: { ...clock, ticket: clock.ticket + tickets },
    };
  }
}

type Next = Pick<ProgressState, "file" | "clock">;

interface OrderInvoice {
  readonly invoice: string;
  readonly first: Line;
  readonly meaning: Extract<InvoiceMeaning, { kind: "order" }>;
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
