import { hash32 } from "ashlar/codec";
import type { Minor } from "./money.ts";

/** Amounts of one kind, and a sum of hashes over what each was for: two books agree entry by entry when both are equal
 *  (a difference stays unseen once in four billion cases), without either leaving the house that keeps it. */
export interface BookSum {
  readonly entries: number;
  readonly amountMinor: Minor;
  readonly fingerprint: number;
}

/** Keeps the sum of 32-bit hashes an exact integer. */
const fingerprintRange = 2 ** 48;

export const emptyBook: BookSum = { entries: 0, amountMinor: 0, fingerprint: 0 };

/** The book with one more entry. */
export function addToBook(book: BookSum, subject: string, amountMinor: Minor): BookSum {
  return {
    entries: book.entries + 1,
    amountMinor: book.amountMinor + amountMinor,
    fingerprint: (book.fingerprint + hash32(`${subject} ${amountMinor}`)) % fingerprintRange,
  };
}

/** The sum of a book that is at hand entry by entry. */
export async function sumBook(
  entries: AsyncIterable<{ readonly subject: string; readonly amountMinor: Minor }>,
): Promise<BookSum> {
  let book = emptyBook;
  for await (const { subject, amountMinor } of entries) book = addToBook(book, subject, amountMinor);
  return book;
}

/** Whether two books hold the same. */
export function sameBooks(one: BookSum, other: BookSum): boolean {
  return (
    one.entries === other.entries && one.amountMinor === other.amountMinor && one.fingerprint === other.fingerprint
  );
}
