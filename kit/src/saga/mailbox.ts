import type { Cell, Change } from "../engine/mod.ts";
import { mailCell, type Waiter } from "./run-record.ts";

/** What others want of a run. Only its executor acts on it, so that a run has one writer. */
export type Letter = Wish & {
  /** Start of the run that is meant. A sender that was slow or died must not reach a later run of the same id. */
  readonly startedAtMs?: number;
};

type Wish =
  | { readonly kind: "signal"; readonly name: string; readonly payload?: unknown }
  | { readonly kind: "cancel"; readonly reason: string }
  /** Wake that run when this one ends. */
  | { readonly kind: "watch"; readonly waiter: Waiter }
  | { readonly kind: "retry" }
  | { readonly kind: "skip"; readonly step: string }
  | { readonly kind: "resolve"; readonly step: string; readonly result?: unknown };

/** A run's mailbox as last seen. No version: it is empty and not stored. */
export interface Mailbox {
  readonly version: number | undefined;
  readonly letters: readonly Letter[];
  /** Letters to a former run of the id lie there as well; they go with the next write. */
  readonly hasOld?: true;
}

export const emptyMailbox: Mailbox = { version: undefined, letters: [] };

/** Letters that wait at most. */
export const lettersMax = 1_000;

/** The letters to the run that was started then. */
export function mailboxOf(cell: Cell | undefined, run: { readonly startedAtMs: number }): Mailbox {
  if (cell === undefined) return emptyMailbox;
  const { version } = cell;
  const all = JSON.parse(cell.value) as readonly Letter[];
  const letters = all.filter(({ startedAtMs = run.startedAtMs }) => startedAtMs === run.startedAtMs);
  return letters.length === all.length ? { version, letters } : { version, letters, hasOld: true };
}

/** The write that leaves `letters` in the mailbox, refused when it has changed since it was seen. An empty one is removed. */
export function mailChange(
  place: { readonly saga: string; readonly id: string },
  seen: Mailbox,
  letters: readonly Letter[],
): Change {
  const cell = mailCell(place.saga, place.id);
  if (letters.length === seen.letters.length && seen.hasOld === undefined)
    return { op: "check", cell, expect: seen.version ?? "absent" };
  return {
    op: "put",
    cell,
    expect: seen.version ?? "absent",
    value: letters.length === 0 ? undefined : JSON.stringify(letters),
  };
}

export function withoutLetter(letters: readonly Letter[], taken: Letter): readonly Letter[] {
  return letters.filter((letter) => letter !== taken);
}

export function isCommand(letter: Letter): boolean {
  return letter.kind === "retry" || letter.kind === "skip" || letter.kind === "resolve";
}
