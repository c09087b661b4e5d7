/** A value as it goes over the wire: text, or bytes in PostgreSQL's binary format (see `encode.ts`). */
export type WireValue = string | Buffer | null;

/** A statement that each connection prepares once, at its first use. Make each once, not once a call: connections keep what they prepare. */
export interface Statement {
  readonly text: string;
}

/** A statement with its values. */
export interface Bound {
  readonly statement: Statement;
  readonly values: readonly WireValue[];
}

/** Columns of one row in their text form. */
export type WireRow = readonly (string | null)[];

/** What one statement of a batch answered: its rows, and how many it touched. */
export interface WireRows {
  readonly rows: readonly WireRow[];
  readonly count: number;
}

/** A statement of that text, with values `$1`, `$2` …; their types must follow from the text. */
export function statement(text: string): Statement {
  return { text };
}

/** The statement with its values, ready to be sent. */
export function bound(statement: Statement, ...values: readonly WireValue[]): Bound {
  return { statement, values };
}

/** Opens a transaction. */
export const begin: Bound = bound(statement("begin"));
/** Commits it. */
export const commit: Bound = bound(statement("commit"));
/** Gives it up. */
export const rollback: Bound = bound(statement("rollback"));
