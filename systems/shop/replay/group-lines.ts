import type { InvoiceGroup } from "./classify-invoice.ts";
import type { ReadLine } from "./line.ts";

/** A longer invoice is cut here, so that one group always fits into one commit; the rest counts as an invoice that comes twice. */
export const groupLinesMax = 4_000;

/** Gathers consecutive lines of one invoice. A line without a readable number stays with the invoice in whose middle it stands. */
export class LineGrouper {
  #invoice: string | undefined;
  #lines: ReadLine[] = [];

  /** Takes a line; returns the group that it ends, if any. */
  push(line: ReadLine): InvoiceGroup | undefined {
    const isOther = line.invoice !== undefined && this.#invoice !== undefined && line.invoice !== this.#invoice;
    const ended = isOther || this.#lines.length >= groupLinesMax ? this.end() : undefined;
    this.#invoice ??= line.invoice;
    this.#lines.push(line);
    return ended;
  }

  /** The last group, if any. */
  end(): InvoiceGroup | undefined {
    if (this.#lines.length === 0) return undefined;
    const group = { invoice: this.#invoice, lines: this.#lines };
    this.#invoice = undefined;
    this.#lines = [];
    return group;
  }
}
