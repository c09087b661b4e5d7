import type { ErrorRecord } from "../errors/mod.ts";
import type { RunFailure } from "./outcome.ts";

/** Where an open child runs. */
export interface ChildRef {
  readonly saga: string;
  readonly id: string;
}

/** Why and how a run was stopped. */
export type StopRecord =
  | { readonly status: "failed"; readonly failure: RunFailure }
  | { readonly status: "cancelled"; readonly reason: string };

/**
 * One fact of a journal. Field names are short because every run stores them: `k` kind, `n` name of the operation, `t` engine time,
 * `r` result, `u` it can be undone, `p` a person recorded it, `b` the branch that came first.
 */
export type Entry =
  /** A step is done. */
  | { readonly k: "step"; readonly n: string; readonly t: number; readonly u?: 1; readonly p?: 1; readonly r?: unknown }
  /** A step has failed for good. */
  | { readonly k: "fail"; readonly n: string; readonly t: number; readonly a: number; readonly e: ErrorRecord }
  /** A step that must not be repeated has begun. */
  | { readonly k: "begin"; readonly n: string; readonly t: number; readonly a: number }
  /** A wait was opened: what for (`on`, for people), until when (`due`, by branch), on which child (by branch). */
  | {
      readonly k: "open";
      readonly n: string;
      readonly t: number;
      readonly on: string;
      readonly due?: Readonly<Record<string, number>>;
      readonly child?: Readonly<Record<string, ChildRef>>;
    }
  /** A wait ended. */
  | {
      readonly k: "close";
      readonly n: string;
      readonly t: number;
      readonly b: string;
      readonly u?: 1;
      readonly r?: unknown;
    }
  /** A child that a stopped run has waited for, as the branch `b` of the wait `n`, has ended. */
  | {
      readonly k: "end";
      readonly n: string;
      readonly t: number;
      readonly b: string;
      readonly u?: 1;
      readonly r?: unknown;
    }
  /** A time that the code has asked for. */
  | { readonly k: "now"; readonly n: string; readonly t: number }
  /** The run is to be compensated. */
  | { readonly k: "stop"; readonly n: string; readonly t: number; readonly s: StopRecord }
  /** The operation `n` was undone; `skip` when a person decided that it need not be. */
  | { readonly k: "undo"; readonly n: string; readonly t: number; readonly skip?: 1 };

/** An entry as stored: most are steps, which therefore do not say so. */
export type StoredEntry = Entry | Omit<Extract<Entry, { readonly k: "step" }>, "k">;

export function entryOf(stored: StoredEntry): Entry {
  return "k" in stored ? stored : { k: "step", ...stored };
}

/** The text of a finished step, written by hand because the result is text already. The result comes last, see `outcomeText`. */
export function stepText(
  name: string,
  atMs: number,
  result: { readonly text: string | undefined; readonly undo: "yes" | "no" },
): string {
  const undo = result.undo === "yes" ? `,"u":1` : "";
  const value = result.text === undefined ? "" : `,"r":${result.text}`;
  return `{"n":${JSON.stringify(name)},"t":${atMs}${undo}${value}}`;
}

interface BranchEnd {
  readonly branch: string;
  readonly text: string | undefined;
  readonly undo: "yes" | "no";
}

/** The text of a wait that ended. */
export function closeText(name: string, atMs: number, result: BranchEnd): string {
  return `{"k":"close","n":${JSON.stringify(name)}${branchText(atMs, result)}`;
}

/** The text of a child that ended after its parent was stopped. */
export function endText(name: string, atMs: number, result: BranchEnd): string {
  return `{"k":"end","n":${JSON.stringify(name)}${branchText(atMs, result)}`;
}

function branchText(atMs: number, result: BranchEnd): string {
  const undo = result.undo === "yes" ? `,"u":1` : "";
  const value = result.text === undefined ? "" : `,"r":${result.text}`;
  return `,"t":${atMs},"b":${JSON.stringify(result.branch)}${undo}${value}}`;
}

/** Branch of a wait that is over when a child has ended. Those of a race follow the names of its own branches. */
export const childBranch = "ended";

/** Name under which an operation is undone: its own, but each child of a race has one for itself. */
export function undoName(done: { readonly n: string; readonly b?: string }): string {
  const { n, b = childBranch } = done;
  return b === childBranch ? n : `${n}/${b.slice(0, b.lastIndexOf("."))}`;
}

/** Entries that answer an operation of the code, so that the code must ask for them again on replay. */
export function isAnswer(entry: Entry): boolean {
  return entry.k === "step" || entry.k === "fail" || entry.k === "close" || entry.k === "now";
}
