import type { OutsideRequest } from "./request.ts";
import type { Fate } from "./faults.ts";

/** Everything of one kind that was done. */
export interface BookTotals {
  readonly effects: number;
  readonly amountMinor: number;
  /** Effects beyond the first for one subject: each is something done twice. */
  readonly repeated: number;
}

/** One effect, for comparing books. */
export interface BookEntry {
  readonly subject: string;
  readonly amountMinor: number;
}

/** Read access to what a company of the outside world has recorded. */
export interface OutsideBooks {
  totals(kind: string): Promise<BookTotals>;
  /** Whether anything of this kind was done for a subject. */
  has(kind: string, subject: string): Promise<boolean>;
  /** All effects of one kind, as they were done. Streaming. */
  entries(kind: string): AsyncIterable<BookEntry>;
}

/** What became of an attempt. */
export type Performed =
  | { readonly status: "done"; readonly id: number; readonly execution: "first" | "repeated" }
  | { readonly status: "refused"; readonly reason: string }
  | { readonly status: "outage" };

/** Where a company writes down what it does: one row an effect. */
export interface OutsideLedger extends AsyncDisposable {
  readonly books: OutsideBooks;
  readonly replyWithinMs: number;
  /** Does what is asked, once a key, unless fate is against it; as one transaction. */
  perform(request: OutsideRequest, fate: Fate): Promise<Performed>;
}
