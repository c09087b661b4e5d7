import type { StatementSync } from "node:sqlite";
import type { PreparingSession } from "./session.ts";

// 2000 pages are 8 MB: large enough that a page written often is copied once, small enough that a pass takes a few milliseconds.
const pagesBeforeCheckpoint = 2000;
// Asking for the size of the log costs 4 µs.
const commitsBetweenLooks = 32;

interface LogState {
  readonly log: number;
  readonly checkpointed: number;
}

/** Moves committed pages from the write-ahead log into the database, between groups, so that no commit pays for it. */
export interface Checkpointer {
  committed(): void;
  /** No transaction is open and callers wait: only what is due. */
  betweenGroups(): void;
  /** Nobody waits. */
  afterCommits(): void;
  /** Copies what no reader holds; returns how many pages were copied. */
  checkpoint(): number;
}

export function checkpointer(writer: PreparingSession): Checkpointer {
  // `noop` copies nothing and tells the sizes; SQLite before 3.51 takes it for `passive`, which is right as well.
  const look: StatementSync = writer.prepare("pragma wal_checkpoint(noop)");
  const pass: StatementSync = writer.prepare("pragma wal_checkpoint(passive)");
  let commits = 0;

  function checkpoint(): number {
    const state = pass.get() as unknown as LogState;
    return Math.max(0, state.checkpointed);
  }

  function lookAndCheckpoint(): void {
    commits = 0;
    try {
      const state = look.get() as unknown as LogState;
      if (state.log - state.checkpointed >= pagesBeforeCheckpoint) checkpoint();
    } catch {
      // A full or failing disk: the commits are safe in the log, and a commit that cannot be made says so itself.
    }
  }

  return {
    committed: () => void commits++,
    betweenGroups: () => void (commits >= commitsBetweenLooks && lookAndCheckpoint()),
    afterCommits: () => void (commits >= commitsBetweenLooks && lookAndCheckpoint()),
    checkpoint,
  };
}
