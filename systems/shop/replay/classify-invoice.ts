import { sumMinor, type Minor } from "../money.ts";
import type { OrderLine } from "../orders/mod.ts";
import type { BadLine, Line, ReadLine } from "./line.ts";

/** Consecutive lines of one invoice. */
export interface InvoiceGroup {
  /** Absent when no line of the group had a number that could be read. */
  readonly invoice: string | undefined;
  readonly lines: readonly ReadLine[];
}

/** Units that are missing from the shelf. */
export interface WriteOff {
  readonly code: string;
  readonly quantity: number;
}

/** What an invoice asks of the shop. `order` has purchase lines and, rarely, write-offs; each may be empty. */
export type InvoiceMeaning =
  | { readonly kind: "order"; readonly lines: readonly OrderLine[]; readonly writeOffs: readonly WriteOff[] }
  | { readonly kind: "return"; readonly lines: readonly { readonly code: string; readonly quantity: number }[] }
  | { readonly kind: "adjustment"; readonly amountMinor: Minor }
  | { readonly kind: "nothing" };

export interface ClassifiedInvoice {
  readonly invoice: string | undefined;
  readonly meaning: InvoiceMeaning;
  /** The lines that were accepted, in the order of the file. */
  readonly accepted: readonly Line[];
  readonly quarantine: readonly BadLine[];
}

/** Says what the lines of an invoice mean. Every line is either accepted or in quarantine with a reason. Pure. */
export function classifyInvoice(group: InvoiceGroup): ClassifiedInvoice {
  const quarantine: BadLine[] = [];
  const accepted: Line[] = [];
  const first = group.lines.find((line) => line.kind === "line");
  for (const line of group.lines) {
    const reason = line.kind === "bad" ? line.reason : complaint(line, first);
    if (line.kind === "line" && reason === undefined) accepted.push(line);
    else quarantine.push({ number: line.number, invoice: line.invoice, reason: reason ?? "", text: line.text });
  }
  return { invoice: group.invoice, meaning: meaningOf(group.invoice, accepted), accepted, quarantine };
}

function complaint(line: Line, first: Line | undefined): string | undefined {
  if (first !== undefined && line.customer !== first.customer) return "another customer than the invoice's first line";
  if (line.invoice.startsWith("A")) return undefined;
  if (line.invoice.startsWith("C")) return line.quantity > 0 ? "a positive quantity on a return" : undefined;
  return line.quantity < 0 && line.price > 0 ? "a negative quantity with a price outside a return" : undefined;
}

function meaningOf(invoice: string | undefined, accepted: readonly Line[]): InvoiceMeaning {
  if (invoice === undefined || accepted.length === 0) return { kind: "nothing" };
  if (invoice.startsWith("A"))
    return { kind: "adjustment", amountMinor: sumMinor(accepted.map((line) => line.totalMinor)) };
  if (invoice.startsWith("C"))
    return { kind: "return", lines: accepted.map(({ code, quantity }) => ({ code, quantity: -quantity })) };
  const bought = accepted.filter((line) => line.quantity > 0);
  const missing = accepted.filter((line) => line.quantity < 0);
  return {
    kind: "order",
    lines: bought.map(({ code, quantity, totalMinor }) => ({ code, quantity, totalMinor })),
    writeOffs: missing.map(({ code, quantity }) => ({ code, quantity: -quantity })),
  };
}
